"""Check digits of numbers that name a person, an account or a wallet. Each takes the bare characters, no separators."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in [
        "AD:24",
        "AE:23",
        "AL:28",
        "AT:20",
        "AZ:28",
        "BA:20",
        "BE:16",
        "BG:22",
        "BH:22",
        "BI:27",
        "BR:29",
        "BY:28",
        "CH:21",
        "CR:22",
        "CY:28",
        "CZ:24",
        "DE:22",
        "DJ:27",
        "DK:18",
        "DO:28",
        "EE:20",
        "EG:29",
        "ES:24",
        "FI:18",
        "FK:18",
        "FO:18",
        "FR:27",
        "GB:22",
        "GE:22",
        "GI:23",
        "GL:18",
        "GR:27",
        "GT:28",
        "HR:21",
        "HU:28",
        "IE:22",
        "IL:23",
        "IQ:23",
        "IS:26",
        "IT:27",
        "JO:30",
        "KW:30",
        "KZ:20",
        "LB:28",
        "LC:32",
        "LI:21",
        "LT:20",
        "LU:20",
        "LV:21",
        "LY:25",
        "MC:27",
        "MD:24",
        "ME:22",
        "MK:19",
        "MN:20",
        "MR:27",
        "MT:31",
        "MU:30",
        "NI:28",
        "NL:18",
        "NO:15",
        "OM:23",
        "PK:24",
        "PL:28",
        "PS:29",
        "PT:25",
        "QA:29",
        "RO:24",
        "RS:22",
        "RU:33",
        "SA:24",
        "SC:31",
        "SD:18",
        "SE:24",
        "SI:19",
        "SK:24",
        "SM:27",
        "SO:23",
        "ST:25",
        "SV:28",
        "TL:23",
        "TN:24",
        "TR:26",
        "UA:29",
        "VA:22",
        "VG:24",
        "XK:20",
    ]
)  # ISO 13616 registry
_CARD = re.compile(
    r"4|5[0-8]|6|3[0-9]|2(?:2[2-9]|[3-6]|7[01]|720|014|149|20[0-4])|81|82|9792|1"
)  # Visa, Mastercard, Maestro, UnionPay, Discover, RuPay, Amex, Diners, JCB, Mir, Troy, UATP
_ODD = frozenset((1, 11, 15, 17, 19, 25, 27, 31, 33, 35, 37, 45, 49, 51, 67, 75, 77, 79, 83, 87, 89, 91, 93, 95))
_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: the sum with every second digit from the right doubled is a multiple of 10."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def card_prefix(digits: str) -> bool:
    """Begins as the numbers of some card scheme do."""
    return bool(_CARD.match(digits))


def iban(text: str) -> bool:
    """ISO 13616: known country, its length, and 1 modulo 97."""
    if IBAN_LENGTHS.get(text[:2].upper()) != str(len(text)) or not text.isascii() or not text.isalnum():
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def ssn(digits: str) -> bool:
    """A number that the US Social Security Administration could have given out (there is no check digit)."""
    return digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def itin(digits: str) -> bool:
    """US individual taxpayer number: 9xx, and a middle group in the ranges in use."""
    middle = int(digits[3:5])
    return digits[0] == "9" and (50 <= middle <= 65 or 70 <= middle <= 99) and middle not in {89, 93}


def cccd(digits: str) -> bool:
    """Vietnamese citizen's number: code of a province, century and sex, year of birth (no check digit).

    Codes of provinces are even numbers and a few odd ones (Circular 59/2021/TT-BCA).
    """
    province = int(digits[:3])
    return (
        len(digits) == 12 and (province in _ODD or (province % 2 == 0 and 2 <= province <= 96)) and digits[3] in "0123"
    )


def nric(text: str) -> bool:
    """Singapore NRIC/FIN: weighted sum modulo 11 names the letter at the end."""
    head, digits, tail = text[0].upper(), text[1:8], text[8].upper()
    total = sum(int(d) * w for d, w in zip(digits, (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(head, 0)
    if head == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == tail
    return ("JZIHGFEDCBA" if head in "ST" else "XWUTRQPNMLK")[total % 11] == tail


def base58check(text: str, alphabet: str = _B58) -> bytes | None:
    """Version and payload, or None where the double SHA-256 does not fit."""
    value = 0
    for c in text:
        place = alphabet.find(c)
        if place < 0:
            return None
        value = value * 58 + place
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    raw = b"\0" * (len(text) - len(text.lstrip(alphabet[0]))) + raw
    body, check = raw[:-4], raw[-4:]
    good = len(raw) > 4 and hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] == check
    return body if good else None


def bech32(text: str) -> bool:
    """BIP 173 and BIP 350 (bech32m)."""
    low = text.lower()
    if low != text and text.upper() != text:
        return False
    head, _, data = low.rpartition("1")
    if not head or len(data) < 8 or any(c not in _BECH32 for c in data):
        return False
    values = [ord(c) >> 5 for c in head] + [0] + [ord(c) & 31 for c in head] + [_BECH32.index(c) for c in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}


def wallet(text: str) -> bool:
    """An address of Bitcoin, Litecoin, Dogecoin, Tron, Dash, Zcash or XRP whose checksum fits; Ethereum by its form."""
    if re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        return True
    if text.lower().startswith(("bc1", "tb1", "ltc1", "addr1", "cosmos1")):
        return bech32(text)
    body = base58check(text, _RIPPLE if text[0] == "r" else _B58)
    return body is not None and len(body) in {21, 22}


def weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))
