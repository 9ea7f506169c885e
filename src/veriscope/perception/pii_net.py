"""Recognisers of what belongs to networks: mail addresses, IPs, addresses with credentials, host names, wallets."""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from veriscope.perception.pii_checks import wallet
from veriscope.perception.pii_kinds import PiiKind, PiiSpan, context

_GENERIC = (
    "com org net edu gov mil int info biz name pro mobi aero asia coop jobs museum tel travel xxx app dev page cloud online "
    "site store shop blog xyz club tech space live news media agency digital email systems solutions network company "
    "global world group team work works life today top vip fun art design studio bank finance health care law legal wiki "
    "academy school university city land house games game video music photo photos link click support zone center church"
)
_COUNTRIES = (
    "ac ad ae af ag ai al am ao ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch "
    "ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl "
    "gm gn gp gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz "
    "la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl "
    "no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr "
    "ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt "
    "za zm zw"
)
TOP_LEVEL = frozenset(f"{_GENERIC} {_COUNTRIES}".split())
_TLD = r"(?:xn--[a-z0-9-]+|[^\W\d_]{2,24})"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"(?<![\w.+-])[\w.!#$%&'*+/=?^`{{|}}~-]*\w@(?:{_LABEL}\.)+{_TLD}(?!\w|-\w)")
_EMAIL_IP = re.compile(r"(?<![\w.+-])[\w.+-]+@\[[0-9a-fA-F:.]+\]")
_DISGUISED = re.compile(
    r"(?i)(?<![\w.+-])[\w.+-]*\w\s*[\[({<]\s*(?:at|@|a còng)\s*[\])}>]\s*[\w-]+(?:\s*(?:\.|[\[({<]\s*(?:dot|chấm|\.)\s*[\])}>])\s*[\w-]+)+"
)
_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w]|\.\d)")
_V6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4})(?:%\w+)?(?:/\d{1,3})?(?![\w:])"
)
_URL = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,15}://)[^\s<>\"]+")
_SECRET = re.compile(
    r"(?i)//[^/@\s:]*:[^/@\s]+@|[?&#;](?:[\w.-]*(?:token|key|secret|passw(?:or)?d|pwd|sig|signature|session|auth|code|otp|sid|jwt))=[^&\s]{4,}"
)
_DOMAIN = re.compile(rf"(?i)(?<![\w@.-])(?:https?://)?(?:{_LABEL}\.)+{_TLD}(?![\w@]|-\w)")
_PATH = re.compile(r"(?::\d+)?(?:/[^\s<>\"]*)?")
_WALLET = re.compile(
    r"(?<!\w)(?:0x[0-9a-fA-F]{40}|(?:bc1|tb1|ltc1|addr1|cosmos1)[02-9ac-hj-np-z]{20,100}|(?:BC1|LTC1)[02-9AC-HJ-NP-Z]{20,80}|"
    r"[13LMDTXrt][1-9A-HJ-NP-Za-km-z]{24,34})(?!\w)"
)


def emails(text: str) -> Iterator[PiiSpan]:
    for found in _EMAIL.finditer(text):
        start = found.start() + len(found.group()) - len(found.group().lstrip("'`{|=/?"))
        known = found.group().rpartition(".")[2].lower() in TOP_LEVEL
        yield PiiSpan(start, found.end(), PiiKind.EMAIL, 0.99 if known else 0.8, "email")
    for expression in (_EMAIL_IP, _DISGUISED):
        for found in expression.finditer(text):
            yield PiiSpan(found.start(), found.end(), PiiKind.EMAIL, 0.9, "email")


def addresses(text: str) -> Iterator[PiiSpan]:
    """IPv4 and IPv6. Four small numbers after "version" are no address."""
    for expression in (_V4, _V6):
        for found in expression.finditer(text):
            shown = found.group().split("/")[0].split("%")[0]
            try:
                address = ipaddress.ip_address(shown)
            except ValueError:
                continue
            if shown.strip(":") == "" and address.version == 6 and shown != "::":
                continue
            near = context(text, found.start(), found.end(), PiiKind.IP)
            if shown == "::" and near <= 0:
                continue
            sure = 0.95 if near > 0 else 0.3 if near < 0 else 0.9
            yield PiiSpan(found.start(), found.end(), PiiKind.IP, sure, f"ip_v{address.version}")


def links(text: str) -> Iterator[PiiSpan]:
    for found in _URL.finditer(text):
        shown = found.group().rstrip(".,;:!?)]}'")
        if _SECRET.search(shown):
            yield PiiSpan(found.start(), found.start() + len(shown), PiiKind.URL, 0.95, "url_credentials")


def domains(text: str) -> Iterator[PiiSpan]:
    for found in _DOMAIN.finditer(text):
        tail = found.group().rpartition(".")[2]
        if tail.lower() not in TOP_LEVEL:
            continue
        linked = "://" in found.group() or found.group().lower().startswith("www.")
        if not linked and tail != tail.lower() and found.group() != found.group().upper():
            continue  # "end.In": two sentences without a space
        path = _PATH.match(text, found.end())
        end = path.end() if path else found.end()
        end = found.start() + len(text[found.start() : end].rstrip(".,;:!?)]}'"))
        yield PiiSpan(found.start(), end, PiiKind.DOMAIN, 0.85 if linked else 0.7, "domain")


def wallets(text: str) -> Iterator[PiiSpan]:
    for found in _WALLET.finditer(text):
        if wallet(found.group()):
            yield PiiSpan(found.start(), found.end(), PiiKind.WALLET, 0.98, "wallet")
