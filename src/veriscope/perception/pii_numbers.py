"""Recognisers of numbers: cards, accounts, identity and tax numbers, phones, each with its check digits and context."""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers

from veriscope.perception.pii_checks import IBAN_LENGTHS, card_prefix, cccd, iban, itin, luhn, nric, ssn
from veriscope.perception.pii_kinds import PiiKind, PiiSpan, context
from veriscope.perception.pii_vat import VAT, vat

_CARD = re.compile(r"(?<![\w.+-])\d(?:[ .-]{0,2}\d){11,18}(?![\w]|[.-]\d)")
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ .-]?[A-Za-z0-9]){10,32}(?!\w)")
_SSN = re.compile(r"(?<![\w-])(\d{3})([ .-]?)(\d{2})\2(\d{4})(?![\w]|-\d)")
_CCCD = re.compile(r"(?<![\w.+-])\d(?:[ .-]?\d){11}(?!\w|[.-]\d)")
_CMND = re.compile(r"(?<![\w.+-])\d(?:[ .]?\d){8}(?!\w|[.-]\d)")
_NRIC = re.compile(r"(?<!\w)[STFGMstfgm]\d{7}[A-Za-z](?!\w)")
_VAT = re.compile(rf"(?<!\w)(?:{'|'.join([*VAT, 'GR'])})[ -]?[0-9A-Z](?:[ .-]?[0-9A-Z+*]){{3,13}}(?!\w)")
_SAID = r"(?:\s*(?:card|number|numbers|no\.?|nr\.?|num\.?|#|id|code|is|was|của|tôi|số|là|mới|cũ|:|=|-)){0,5}[\s:#]*"
_NAMED = (
    (
        PiiKind.NATIONAL_ID,
        re.compile(
            r"(?i)\b(?:passport|driver'?s?'? licen[cs]e|driving licen[cs]e|licen[cs]e|social security|ssn|national id|identity card|"
            r"id card|nric|aadhaar|insurance number|patient id|medical record|mrn|hộ chiếu|căn cước(?: công dân)?|cccd|cmnd|cmt|"
            r"chứng minh(?: nhân dân| thư)?|giấy phép lái xe|gplx|bằng lái(?: xe)?|bhxh|bảo hiểm xã hội|bhyt)" + _SAID
        ),
    ),
    (PiiKind.TAX_ID, re.compile(r"(?i)\b(?:vat|tax(?:payer)?|tin|mã số thuế|mst)" + _SAID)),
    (
        PiiKind.ACCOUNT,
        re.compile(
            r"(?i)\b(?:(?:bank |savings |checking )?account|acct|routing|sort code|iban|tài khoản(?: ngân hàng)?|stk)"
            + _SAID
        ),
    ),
)
_TOKEN = re.compile(r"(?=[A-Za-z0-9 .-]*\d)[A-Za-z]{0,3}[ -]?\d[A-Za-z0-9]*(?:[ .-]?[A-Za-z]?\d[A-Za-z0-9]*)*(?!\w)")

_PHONE = re.compile(
    r"(?<![\w@/.])(?:\+|00|\(\+?|(?=\d))\d{0,4}(?:[ ().\-/]{0,3}\d){4,15}(?:[ ]*(?:x|ext\.?|#|máy lẻ)[ ]*\d{1,6})?(?!\w|[@]|\.\d)",
    re.IGNORECASE,
)
_REGIONS = {
    "vi": ("VN", "US"),
    "en": ("US", "GB", "IN", "AU", "SG", "VN"),
    "de": ("DE", "AT", "CH", "US"),
    "fr": ("FR", "BE", "CH", "US"),
    "es": ("ES", "MX", "US"),
    "it": ("IT", "CH", "US"),
    "pt": ("PT", "BR", "US"),
    "nl": ("NL", "BE", "US"),
}
_OTHERS = (
    "US",
    "GB",
    "VN",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "SE",
    "FI",
    "NO",
    "DK",
    "PL",
    "CH",
    "BE",
    "AU",
    "IN",
    "SG",
    "JP",
    "BR",
)
_DATE = re.compile(r"(?:\d{1,2}([./-])\d{1,2}\1(?:19|20)?\d\d|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2})(?!\d)")


def bare(text: str) -> str:
    return re.sub(r"[\s().\-/]", "", text)


def cards(text: str) -> Iterator[PiiSpan]:
    for found in _CARD.finditer(text):
        digits = bare(found.group())
        near = context(text, found.start(), found.end(), PiiKind.CARD)
        grouped = bool(re.fullmatch(r"(?:\d{4}[ -]){3}\d{4}", found.group()))
        if luhn(digits) and card_prefix(digits) and len(set(digits)) > 1:
            sure = 0.98 if near > 0 or grouped else 0.9 if len(digits) > 13 else 0.7
        elif near > 0:
            sure = 0.8  # misread, misheard or mistyped: still somebody's card
        elif grouped:
            sure = 0.6
        else:
            sure = 0.3
        yield PiiSpan(found.start(), found.end(), PiiKind.CARD, sure - 0.2 * (near < 0), "card")


def ibans(text: str) -> Iterator[PiiSpan]:
    for found in _IBAN.finditer(text):
        start = found.start()
        length = int(IBAN_LENGTHS.get(found.group()[:2].upper(), 0))
        if not length:
            continue
        end, count = start, 0  # words may follow the number: take as many characters as the country's IBAN has
        while end < found.end() and count < length:
            count += text[end].isalnum()
            end += 1
        if count < length:
            continue
        near = context(text, start, end, PiiKind.IBAN)
        good = iban(bare(text[start:end]))
        yield PiiSpan(start, end, PiiKind.IBAN, 0.99 if good else 0.75 if near > 0 else 0.45, "iban")


def identities(text: str) -> Iterator[PiiSpan]:
    """SSN and ITIN, CCCD and CMND, NRIC; and whatever follows the words "passport number", "CCCD số", …"""
    kind = PiiKind.NATIONAL_ID
    for found in _SSN.finditer(text):
        digits, near = bare(found.group()), context(text, found.start(), found.end(), kind)
        if not (ssn(digits) or itin(digits)):
            sure = 0.6 if near > 0 and found.group(2) else 0.2
        elif found.group(2):
            sure = 0.95 if near > 0 else 0.85 if found.group(2) == "-" else 0.6
        else:
            sure = 0.8 if near > 0 else 0.2
        yield PiiSpan(found.start(), found.end(), kind, sure, "us_ssn")
    for found in _CCCD.finditer(text):
        if cccd(bare(found.group())):
            near = context(text, found.start(), found.end(), kind)
            yield PiiSpan(found.start(), found.end(), kind, (0.3, 0.6, 0.95)[near + 1], "vn_cccd")
    for found in _CMND.finditer(text):
        if context(text, found.start(), found.end(), kind) > 0:
            yield PiiSpan(found.start(), found.end(), kind, 0.7, "vn_cmnd")
    for found in _NRIC.finditer(text):
        near = context(text, found.start(), found.end(), kind)
        sure = 0.97 if nric(found.group()) else 0.7 if near > 0 else 0.45
        yield PiiSpan(found.start(), found.end(), kind, sure, "sg_nric")


def named(text: str) -> Iterator[PiiSpan]:
    """Numbers of at least five characters that the words before them name, whatever their form."""
    for kind, expression in _NAMED:
        for said in expression.finditer(text):
            found = _TOKEN.match(text, said.end())
            if found and sum(c.isdigit() for c in found.group()) >= 4 and len(bare(found.group())) >= 5:
                digits = bare(found.group())
                if not _DATE.fullmatch(found.group()) and len(digits) <= 34:
                    yield PiiSpan(found.start(), found.end(), kind, 0.7, f"{kind.value}_named")


def tax_numbers(text: str) -> Iterator[PiiSpan]:
    for found in _VAT.finditer(text):
        good = vat(re.sub(r"[ .-]", "", found.group()))
        if good is None:
            continue
        near = context(text, found.start(), found.end(), PiiKind.TAX_ID)
        sure = (0.75, 0.9, 0.98)[near + 1] if good else (0.1, 0.2, 0.6)[near + 1]
        yield PiiSpan(found.start(), found.end(), PiiKind.TAX_ID, sure, "eu_vat")


def phones(text: str, language: str | None = None, regions: Sequence[str] = ()) -> Iterator[PiiSpan]:
    """Numbers of any region with a country code; without one, of the regions of the language, then of others."""
    tried = tuple(dict.fromkeys((*regions, *_REGIONS.get(language or "", ()), *_OTHERS)))
    own = set(regions) | set(_REGIONS.get(language or "", ("US", "VN"))[:2])
    for found in _PHONE.finditer(text):
        start, end = found.span()
        shown = found.group().rstrip("(-/. \n")
        end = start + len(shown)
        if _DATE.match(shown) or re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}", shown):
            continue
        digits = bare(re.split(r"(?i)x|ext|#|máy", shown)[0]).lstrip("+")
        longest = 16 if shown.startswith(("+", "00", "(+")) else 13
        if not 7 <= len(digits) <= longest or len(set(digits)) == 1:
            continue
        near = context(text, start, end, PiiKind.PHONE)
        sure = min(0.97, _phone(shown, digits, tried, own) + (0.35 if near > 0 else -0.25 if near < 0 else 0.0))
        if near > 0:
            sure = max(sure, 0.6)
        yield PiiSpan(start, end, PiiKind.PHONE, sure, "phone")


def _phone(shown: str, digits: str, tried: Sequence[str], own: set[str]) -> float:
    """How surely ``shown`` is a phone number, by its form and the plans of the regions, context aside."""
    international = shown.lstrip("(").startswith(("+", "00"))
    separated = len(re.findall(r"[\s().\-/]+", shown)) >= 1
    if international:
        number = re.sub(r"^\(?00", "+", shown)
        return 0.95 if _valid(number, None) else 0.65
    for region in tried:
        if _valid(shown, region):
            if region in own:
                return 0.7 if separated or digits.startswith("0") else 0.45
            return 0.55 if separated or digits.startswith("0") else 0.3
    if re.search(r"^\(?\d{2,5}\)[\s-]?\d|^\d{3}[-. ]\d{3}[-. ]\d{4}\b|(?i:x|ext)\.?\s*\d+$", shown):
        return 0.6  # the form of a phone number, in no plan (fictional numbers, changed plans)
    return 0.45 if digits.startswith("0") and separated and 9 <= len(digits) <= 12 else 0.2


def _valid(shown: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(shown, region))
    except phonenumbers.NumberParseException:
        return False
