"""Street addresses by their form: number and street word, Vietnamese units (phường, quận, …), post codes beside a place."""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import re
from collections.abc import Iterator

from veriscope.perception.pii_kinds import PiiKind, PiiSpan

_CAP = r"(?:[A-ZÀ-ỸĐ][\w'’.-]*|[0-9]+(?:st|nd|rd|th)|de|du|des|la|le|van|der|den|of|the|and|&)"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Square|Sq|Terrace|Ter|"
    r"Trail|Trl|Parkway|Pkwy|Way|Highway|Hwy|Route|Alley|Crescent|Cres|Close|Mews|Row|Walk|Plaza|Loop|Pike|Turnpike|Run|"
    r"Crossing|Ridge|Point|Path|Gardens|Grove|Hill|Park|Parade|Esplanade|Quay|Heights|Bypass|Expressway|Freeway)"
)
_UNIT = r"(?:,?\s*(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|Flat|Building|Bldg|No|#)\.?\s*#?\s*[A-Za-z]?\d*[A-Za-z]?\b)"
_ENGLISH = re.compile(
    rf"(?<!\w)\d{{1,6}}[A-Za-z]?(?:[/-]\d+[A-Za-z]?)?,?\s+(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?\s+)?"
    rf"(?:{_CAP}\s+){{1,5}}?{_STREET}\b\.?(?:\s+(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\b\.?)?{_UNIT}?"
)
_LOWER = re.compile(
    rf"(?i)(?<!\w)\d{{1,6}}\s+(?:\w+\s+){{1,3}}?(?:street|avenue|road|boulevard|lane|drive|court|terrace|crescent|highway)\b{_UNIT}?"
)
_BOX = re.compile(r"(?i)(?<!\w)(?:p\.?\s?o\.?\s?box|post(?:al)? box|hộp thư|hòm thư)\s*#?\s*\d+")
_MILITARY = re.compile(
    r"(?<!\w)(?:PSC|USS|Unit|USNV|USCGC)\s+[\w ]{1,20}?(?:,?\s*Box\s+\d+)?\s+(?:FPO|APO|DPO)\s+A[AEP](?:\s+\d{5}(?:-\d{4})?)?"
)
_GERMANIC = re.compile(
    r"(?<!\w)(?:[A-ZÀ-ÖØ-Þ][\w.-]*[ -]){0,2}[A-ZÀ-ÖØ-Þ][\w-]*(?:straße|strasse|str\.|gasse|allee|platz|damm|ring|ufer|straat|laan|gracht|"
    r"plein|weg|dijk|kade|vägen|gatan|gränd|stigen|veien|vegen|gata|gaten|vej|gade|katu|tie|kuja|polku|utca|tänav)\s+\d{1,5}\s?[a-zA-Z]?\b"
    r"(?:\s*[-/]\s*\d+[a-zA-Z]?)?" + _UNIT + "?"
)
_ROMANCE = re.compile(
    r"(?<!\w)(?:\d{1,5}(?:\s?(?:bis|ter))?,?\s+)?(?:(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Aa]llée|[Cc]hemin|[Qq]uai|[Ii]mpasse|[Cc]alle|[Cc]/|"
    r"[Aa]venida|[Pp]aseo|[Pp]laza|[Rr]ua|[Tt]ravessa|[Vv]ia|[Vv]iale|[Cc]orso|[Pp]iazza|[Vv]icolo|ul\.|ulica|[Uu]lica|al\.)\s+"
    rf"(?:(?:d[eio]|du|des|de la|della|del|dos|das|l[ae]|los)\s+|[dl]['’])?{_CAP}(?:\s+{_CAP}){{0,4}})(?:,?\s*(?:n[°ºo]\.?\s*)?\d{{1,5}}[a-zA-Z]?\b)?"
)
_FAR_EAST = re.compile(rf"(?<!\w)(?:Blk|Block)\s+\d+[A-Z]?\s+(?:{_CAP}\s*){{1,5}}\d*(?:\s*#\d+-\d+)?")
_VI_NAME = r"(?:(?:\d{1,3}|[A-ZÀ-ỸĐ][\w'.-]*)(?:\s+(?:\d{1,4}(?!\s*(?:tuổi|người|ca))|[A-ZÀ-ỸĐ][\w'.-]*)){0,4})"
_VI_UNIT = (
    r"(?:[Pp]hường|[Qq]uận|[Hh]uyện|[Xx]ã|[Tt]hành phố|[Tt]hị xã|[Tt]hị trấn|[Tt]ỉnh|[Tt]hôn|[Ấấ]p|[Kk]hu phố|[Tt]ổ dân phố|[Kk]hóm|[Bb]uôn|"
    r"[Nn]gõ|[Nn]gách|[Hh]ẻm|[Đđ]ường|[Pp]hố|TP\.?|P\.|Q\.|TX\.|TT\.)"
)
_VIETNAMESE = re.compile(rf"(?<!\w){_VI_UNIT}\s*{_VI_NAME}")
_VI_NUMBER = re.compile(
    rf"(?<!\w)(?:[Ss]ố(?:\s+nhà)?\s+)?\d{{1,4}}[A-Za-z]?(?:/\d{{1,4}}[A-Za-z]?)*\s*,?\s*(?:(?:[Nn]gõ|[Nn]gách|[Hh]ẻm)\s+\d+[A-Z]?(?:/\d+)*,?\s*)*(?:[Đđ]ường|[Pp]hố)\s+{_VI_NAME}"
    rf"|(?<!\w)[Ss]ố\s+nhà\s+\d{{1,4}}[A-Za-z]?(?:/\d{{1,4}}[A-Za-z]?)*(?:\s*,?\s*{_VI_NAME})?"
)
_CODE = r"(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|\d{4}\s?[A-Z]{2}|(?:[A-Z]{1,2}-)?\d{4,6}|\d{3}\s\d{2}|\d{2}-\d{3})"
_POSTCODE = re.compile(rf"(?<![\w-]){_CODE}(?![\w-])")
_NAMED_CODE = re.compile(
    rf"(?i)\b(?:zip(?:\s?code)?|post(?:al)?\s?code|pin\s?code|mã bưu (?:chính|điện))(?:\s*(?:is|was|number|no\.?|là|:|=|of))*\s*(?P<code>{_CODE})(?![\w-])"
)
_US_STATE = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD "
    "TN TX UT VT VA WA WV WI WY DC PR VI GU AS MP AA AE AP"
).replace(" ", "|")
_STATE_CODE = re.compile(rf"(?<!\w)(?:{_US_STATE})[,.]?\s+\d{{5}}(?:-\d{{4}})?(?![\w-])")
_GAP_FULL = re.compile(r"[\s,;./()-]{0,5}")


def streets(text: str, *, spoken: bool = False) -> Iterator[PiiSpan]:
    for expression, sure in (
        (_ENGLISH, 0.85),
        (_GERMANIC, 0.8),
        (_VI_NUMBER, 0.85),
        (_BOX, 0.8),
        (_MILITARY, 0.9),
        (_FAR_EAST, 0.7),
        (_STATE_CODE, 0.75),
    ):
        for found in expression.finditer(text):
            yield PiiSpan(found.start(), found.end(), PiiKind.PLACE, sure, "street")
    for found in _ROMANCE.finditer(text):
        if re.search(r"\d", found.group()):
            yield PiiSpan(found.start(), found.end(), PiiKind.PLACE, 0.75, "street")
    for found in _VIETNAMESE.finditer(text):
        yield PiiSpan(found.start(), found.end(), PiiKind.PLACE, 0.7, "unit")
    for found in _NAMED_CODE.finditer(text):
        yield PiiSpan(found.start("code"), found.end("code"), PiiKind.PLACE, 0.8, "post_code")
    if spoken or text == text.lower():
        for found in _LOWER.finditer(text):
            yield PiiSpan(found.start(), found.end(), PiiKind.PLACE, 0.7, "street")


def joined(text: str, spans: list[PiiSpan]) -> list[PiiSpan]:
    """An address is one: streets, cities and post codes that only commas and line breaks part become one span."""
    places = sorted((s for s in spans if s.kind is PiiKind.PLACE), key=lambda s: (s.start, -s.end))
    rest = [s for s in spans if s.kind is not PiiKind.PLACE]
    out: list[PiiSpan] = []
    for span in places:
        last = out[-1] if out else None
        if last and span.start <= last.end:
            best = max(last, span, key=lambda s: s.confidence)
            out[-1] = PiiSpan(last.start, max(last.end, span.end), PiiKind.PLACE, best.confidence, best.recogniser)
        elif last and last.recogniser == "street" and _GAP_FULL.fullmatch(text[last.end : span.start]):
            out[-1] = PiiSpan(last.start, span.end, PiiKind.PLACE, last.confidence, "street")
        else:
            out.append(span)
    return rest + [_with_code(text, span) for span in out]


def _with_code(text: str, span: PiiSpan) -> PiiSpan:
    """Take in a post code that stands directly behind an address, or before its city."""
    if span.recogniser != "street":
        return span
    gap = _GAP_FULL.match(text, span.end)
    code = _POSTCODE.match(text, gap.end()) if gap else None
    return PiiSpan(span.start, code.end(), span.kind, span.confidence, span.recogniser) if code else span
