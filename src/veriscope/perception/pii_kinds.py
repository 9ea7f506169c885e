"""The nouns of personal data in text: kinds, spans, words that speak for or against a kind, own words and patterns."""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from veriscope.errors import BadRequest


class PiiKind(StrEnum):
    PERSON = "person"
    PLACE = "place"  # cities, countries, districts, addresses
    PHONE = "phone"
    EMAIL = "email"
    CARD = "card"
    IBAN = "iban"
    ACCOUNT = "account"  # bank and customer accounts, found by the words before them
    NATIONAL_ID = "national_id"  # identity cards, social security, passports, driving licences
    TAX_ID = "tax_id"  # VAT and taxpayer numbers
    BIRTH_DATE = "birth_date"
    DATE = "date"
    IP = "ip"
    URL = "url"  # addresses that carry a password, a key or a token
    DOMAIN = "domain"
    WALLET = "wallet"
    CUSTOM = "custom"


ALL_KINDS = frozenset(PiiKind)
DEFAULT_KINDS = ALL_KINDS - {PiiKind.DATE, PiiKind.DOMAIN}  # a date or a host name alone names nobody


@dataclass(frozen=True, slots=True)
class PiiSpan:
    """Characters ``start`` to ``end`` of the text hold personal data; ``recogniser`` says what found them."""

    start: int
    end: int
    kind: PiiKind
    confidence: float  # 0–1; 1 where a check digit or a form leaves no doubt
    recogniser: str


@dataclass(frozen=True, slots=True)
class Custom:
    """A word (whole words, any case, marks count) or, with ``pattern``, a regular expression that must be covered."""

    text: str
    pattern: bool = False
    kind: PiiKind = PiiKind.CUSTOM

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadRequest("A word to look for is empty.")
        try:
            self.expression()
        except re.error as error:
            raise BadRequest(f"The pattern {self.text!r} is not a regular expression: {error}.") from None

    def expression(self) -> re.Pattern[str]:
        return re.compile(self.text if self.pattern else rf"(?<!\w){re.escape(self.text)}(?!\w)", re.IGNORECASE)


class Folded(NamedTuple):
    """``text`` in plain forms; ``origin[i]`` is where its character ``i`` stood, ``origin[len]`` the end."""

    text: str
    origin: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.origin[start], self.origin[end - 1] + 1


_HIDDEN = frozenset(
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u202a\u202b\u202c\u202d\u202e"
)
_PLAIN = str.maketrans(
    dict.fromkeys("‐‑‒–—―−﹣-⁃", "-")
    | dict.fromkeys("\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " ")
    | {"＠": "@", "．": ".", "。": ".", "：": ":", "／": "/", "＋": "+", "（": "(", "）": ")", "＿": "_", "’": "'"}
)


def fold(text: str) -> Folded:
    """Digits of any script to 0–9, dashes and spaces to the plain ones, hidden characters out.

    Numbers written in full-width digits or with zero-width characters between them are found like any other.
    """
    out: list[str] = []
    origin: list[int] = []
    for place, c in enumerate(text):
        if c in _HIDDEN:
            continue
        plain = c
        if not c.isascii():
            digit = unicodedata.digit(c, None)
            plain = c.translate(_PLAIN) if digit is None else str(digit)
            if 0xFF01 <= ord(c) <= 0xFF5E:
                plain = chr(ord(c) - 0xFEE0)
        elif c == "\t":
            plain = " "
        out.append(plain)
        origin.append(place)
    origin.append(len(text))
    return Folded("".join(out), origin)


BEFORE, AFTER = 60, 25  # characters around a number in which a word speaks for or against it

_FOR = {
    PiiKind.PHONE: r"phone|tel\b|tel[.:]|telephone|mobile|cell|call|contact|whats?app|zalo|viber|fax|reach|ring|text me|sms|hotline|điện thoại|đt\b|sđt|sdt|số máy|di động|gọi|liên hệ|liên lạc|dien thoai|lien he",
    PiiKind.CARD: r"card|visa|master ?card|amex|american express|credit|debit|cvv|cvc|expir|thẻ|tín dụng|ghi nợ|số thẻ|so the",
    PiiKind.IBAN: r"iban|account|bank|transfer|wire|swift|bic\b|tài khoản|chuyển khoản|ngân hàng",
    PiiKind.NATIONAL_ID: r"ssn|social security|national id|identity|identification|\bid\b|id (?:card|number|no)|nric|\bfin\b|passport|licen[cs]e|cccd|cmnd|cmt\b|căn cước|chứng minh|hộ chiếu|định danh|can cuoc|chung minh",
    PiiKind.TAX_ID: r"vat|tax|tin\b|ust|tva|iva|btw|mwst|mã số thuế|mst\b",
    PiiKind.BIRTH_DATE: r"born|birth|\bdob\b|d\.o\.b|birthday|sinh|sn\b",
    PiiKind.IP: r"\bip\b|address|host|server|địa chỉ|máy chủ",
    PiiKind.ACCOUNT: r"account|acct|bank|tài khoản|stk\b",
}
_AGAINST = (
    r"order|invoice|ticket|tracking|reference|ref\b|serial|version|model|isbn|part|sku|batch|total|amount|price|room|page|"
    r"case (?:no|number)|đơn hàng|hóa đơn|hoá đơn|mã đơn|phiên bản|trang\b|số tiền|vnđ|vnd|đồng|usd|euro|dollars?|\$|€|£"
)
_FOR_RE = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _FOR.items()}
_AGAINST_RE = re.compile(rf"(?:{_AGAINST})", re.IGNORECASE)


def context(text: str, start: int, end: int, kind: PiiKind) -> int:
    """1 where the nearest telling word before, or one behind, speaks for ``kind``; −1 where it speaks against any; else 0.

    The nearest word decides: in "phone 0912 345 678, CCCD 001…" the second number is no phone.
    """
    before, after = text[max(0, start - BEFORE) : start], text[end : end + AFTER]
    nearest = {other: max((m.end() for m in e.finditer(before)), default=-1) for other, e in _FOR_RE.items()}
    own, against = nearest.get(kind, -1), max((m.end() for m in _AGAINST_RE.finditer(before)), default=-1)
    others = max((place for other, place in nearest.items() if other is not kind), default=-1)
    if own >= 0 and own >= max(others, against):
        return 1
    if max(others, against) < 0 and kind in _FOR_RE and _FOR_RE[kind].search(after):
        return 1
    return -1 if max(others, against) > len(before) - 30 and max(others, against) >= 0 else 0
