"""VAT numbers of the European Union: form and check digits of each member state (and Northern Ireland, XI, GB).

The forms and algorithms are those the tax authorities publish (collected in the VIES annex of the European Commission).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from veriscope.perception.pii_checks import luhn, weighted


def _mod11_10(d: str) -> bool:
    """ISO 7064, MOD 11,10."""
    product = 10
    for c in d[:-1]:
        product = ((int(c) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(d[-1])


def _at(d: str) -> bool:  # U + 8
    total = sum(int(c) if i % 2 == 0 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(d[1:8]))
    return (6 - total) % 10 == int(d[8])


def _be(d: str) -> bool:
    return (int(d[:8]) + int(d[8:])) % 97 == 0


def _bg(d: str) -> bool:
    if len(d) == 10:  # of a person: the civil number, a foreigner's, or another's
        civil = weighted(d, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
        foreign = weighted(d, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10
        other = (11 - weighted(d, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
        return int(d[9]) in {civil, foreign, other}
    check = weighted(d, range(1, 9)) % 11
    if check == 10:
        check = weighted(d, range(3, 11)) % 11 % 10
    return check == int(d[8])


def _cy(d: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    total = sum(odd[int(c)] if i % 2 == 0 else int(c) for i, c in enumerate(d[:8]))
    return chr(65 + total % 26) == d[8]


def _cz(d: str) -> bool:
    if len(d) == 8:
        return ((11 - weighted(d, (8, 7, 6, 5, 4, 3, 2)) % 11) % 10 or 0) == int(d[7]) and d[0] != "9"
    if len(d) == 10:
        return int(d) % 11 == 0 or (int(d[:9]) % 11 == 10 and d[9] == "0")
    return True  # nine digits: births before 1954, without a check digit


def _dk(d: str) -> bool:
    return weighted(d, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _ee(d: str) -> bool:
    return weighted(d, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0


def _el(d: str) -> bool:
    return weighted(d, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(d[8])


def _es(d: str) -> bool:
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    if d[0].isdigit():
        return letters[int(d[:8]) % 23] == d[8]
    if d[0] in "XYZ":
        return letters[int(str("XYZ".index(d[0])) + d[1:8]) % 23] == d[8]
    if d[0] in "KLM":
        return letters[int(d[1:8]) % 23] == d[8]
    check = -sum(int(c) if i % 2 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(d[1:8])) % 10
    return d[8] in (str(check), "JABCDEFGHI"[check])


def _fi(d: str) -> bool:
    return weighted(d, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


def _fr(d: str) -> bool:
    if not luhn(d[2:]) and not d[2:].startswith("000"):
        return False
    if d[:2].isdigit():
        return int(d[:2]) == (12 + 3 * (int(d[2:]) % 97)) % 97
    return True  # newer keys with letters: only the SIREN is checked


def _hu(d: str) -> bool:
    return weighted(d, (9, 7, 3, 1, 9, 7, 3, 1)) % 10 == 0


def _ie(d: str) -> bool:
    letters = "WABCDEFGHIJKLMNOPQRSTUV"
    if d[1].isdigit():
        total = weighted(d, (8, 7, 6, 5, 4, 3, 2)) + 9 * (ord(d[8]) - 64 if len(d) == 9 and d[8] != "W" else 0)
        return letters[total % 23] == d[7]
    return letters[weighted("0" + d[2:7] + d[0], (8, 7, 6, 5, 4, 3, 2)) % 23] == d[7]


def _lt(d: str) -> bool:
    body = d[:-1]
    total = sum(int(c) * (1 + i % 9) for i, c in enumerate(body)) % 11
    if total == 10:
        total = sum(int(c) * (1 + (i + 2) % 9) for i, c in enumerate(body)) % 11 % 10
    return total == int(d[-1])


def _lu(d: str) -> bool:
    return int(d[:6]) % 89 == int(d[6:])


def _lv(d: str) -> bool:
    if d[0] > "3":
        return weighted(d, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)) % 11 == 3
    return True  # of a person: a date of birth, and since 2017 no check digit


def _mt(d: str) -> bool:
    return weighted(d, (3, 4, 6, 7, 8, 9, 10, 1)) % 37 == 0


def _nl(d: str) -> bool:
    business = weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) % 11 == int(d[8])
    return business or int("".join(str(int(c, 36)) for c in "NL" + d)) % 97 == 1


def _pl(d: str) -> bool:
    return weighted(d, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(d[9])


def _pt(d: str) -> bool:
    return (11 - weighted(d, (9, 8, 7, 6, 5, 4, 3, 2)) % 11) % 11 % 10 == int(d[8])


def _ro(d: str) -> bool:
    return 10 * weighted(d.zfill(10), (7, 5, 3, 2, 1, 7, 5, 3, 2)) % 11 % 10 == int(d[-1])


def _se(d: str) -> bool:
    return luhn(d[:10])


def _si(d: str) -> bool:
    check = 11 - weighted(d, (8, 7, 6, 5, 4, 3, 2)) % 11
    return check != 11 and check % 10 == int(d[7])


def _sk(d: str) -> bool:
    return int(d) % 11 == 0


def _gb(d: str) -> bool:
    total = weighted(d, (8, 7, 6, 5, 4, 3, 2, 10, 1)) % 97
    return total in {0, 42, 55}


VAT: dict[str, tuple[str, Callable[[str], bool]]] = {
    "AT": (r"U\d{8}", _at),
    "BE": (r"[01]\d{9}", _be),
    "BG": (r"\d{9,10}", _bg),
    "CY": (r"(?!12)\d{8}[A-Z]", _cy),
    "CZ": (r"\d{8,10}", _cz),
    "DE": (r"[1-9]\d{8}", _mod11_10),
    "DK": (r"[1-9]\d{7}", _dk),
    "EE": (r"\d{9}", _ee),
    "EL": (r"\d{9}", _el),
    "ES": (r"(?:\d{8}[A-Z]|[A-Z]\d{7}[A-Z0-9])", _es),
    "FI": (r"\d{8}", _fi),
    "FR": (r"[0-9A-HJ-NP-Z]{2}\d{9}", _fr),
    "GB": (r"\d{9}", _gb),
    "HR": (r"\d{11}", _mod11_10),
    "HU": (r"\d{8}", _hu),
    "IE": (r"(?:\d{7}[A-W][A-I]?|\d{7}WI?|\d[A-Z+*]\d{5}[A-W])", _ie),
    "IT": (r"\d{11}", luhn),
    "LT": (r"(?:\d{9}|\d{12})", _lt),
    "LU": (r"\d{8}", _lu),
    "LV": (r"\d{11}", _lv),
    "MT": (r"\d{8}", _mt),
    "NL": (r"\d{9}B\d{2}", _nl),
    "PL": (r"\d{10}", _pl),
    "PT": (r"[1-9]\d{8}", _pt),
    "RO": (r"[1-9]\d{1,9}", _ro),
    "SE": (r"\d{10}01", _se),
    "SI": (r"[1-9]\d{7}", _si),
    "SK": (r"[1-9]\d{9}", _sk),
    "XI": (r"\d{9}", _gb),
}


def vat(text: str) -> bool | None:
    """Whether the check digits fit; None where the form is of no member state. ``text``: country and number, bare."""
    country, number = text[:2].upper(), text[2:].upper()
    country = "EL" if country == "GR" else country
    if country not in VAT or not re.fullmatch(VAT[country][0], number):
        return None
    return VAT[country][1](number)
