"""Every checked number format: made with its right check digit it is found, with a wrong one the check refuses it."""

from __future__ import annotations

import hashlib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriscope.perception.pii import ALL_KINDS, PiiKind, PiiSpan, find_pii
from veriscope.perception.pii_checks import (
    IBAN_LENGTHS,
    base58check,
    bech32,
    cccd,
    iban,
    itin,
    luhn,
    nric,
    ssn,
    wallet,
)
from veriscope.perception.pii_vat import VAT, vat

PATTERNS = ALL_KINDS - {PiiKind.PERSON, PiiKind.PLACE}
digits = st.text("0123456789", min_size=1, max_size=40)


def number(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def only(text: str, **given: object) -> list[PiiSpan]:
    return find_pii(text, None, PATTERNS, **given)  # type: ignore[arg-type]


def with_luhn(head: str) -> str:
    return next(head + d for d in string.digits if luhn(head + d))


@given(number(15))
def test_luhn_takes_one_of_ten_last_digits_and_sees_every_single_slip(head: str) -> None:
    right = with_luhn(head)
    assert sum(luhn(head + d) for d in string.digits) == 1
    for place in range(16):
        wrong = right[:place] + str((int(right[place]) + 1) % 10) + right[place + 1 :]
        assert not luhn(wrong)


@given(st.sampled_from(["4", "51", "34", "6011", "62", "2221"]), number(13), st.sampled_from(["", " ", "-"]))
def test_a_card_with_its_check_digit_is_found_however_it_is_grouped(prefix: str, body: str, gap: str) -> None:
    card = with_luhn((prefix + body)[:14].ljust(15, "7")[:15])
    shown = gap.join(card[i : i + 4] for i in range(0, 16, 4))
    text = f"Please charge {shown}, thank you."
    assert [(text[s.start : s.end], s.kind) for s in only(text)] == [(shown, PiiKind.CARD)]


def make_iban(country: str, body: str) -> str:
    rest = "".join(str(int(c, 36)) for c in body + country + "00")
    return f"{country}{98 - int(rest) % 97:02d}{body}"


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_an_iban_is_found_and_no_changed_digit_passes(country: str, data: st.DataObject) -> None:
    body = data.draw(number(int(IBAN_LENGTHS[country]) - 4))
    right = make_iban(country, body)
    assert iban(right)
    place = data.draw(st.integers(4, len(right) - 1))
    assert not iban(right[:place] + str((int(right[place]) + 1) % 10) + right[place + 1 :])
    shown = " ".join(right[i : i + 4] for i in range(0, len(right), 4))
    text = f"Pay to {shown} please"
    assert [(text[s.start : s.end], s.kind) for s in only(text)] == [(shown, PiiKind.IBAN)]


@given(st.sampled_from("STFGM"), number(7))
def test_an_nric_takes_exactly_one_letter(head: str, body: str) -> None:
    letters = [c for c in string.ascii_uppercase if nric(head + body + c)]
    assert len(letters) == 1
    text = f"I am {head}{body}{letters[0]} here"
    assert [s.recogniser for s in only(text)] == ["sg_nric"]


def test_known_numbers_of_identity() -> None:
    assert nric("S1234567D")
    assert not nric("S1234567E")
    assert ssn("078051120")
    assert not ssn("666051120")
    assert not ssn("078001120")
    assert itin("912701234")
    assert not itin("912931234")
    assert cccd("001090012345")
    assert not cccd("097090012345")


# published examples of the tax authorities and of the commission's checker
VALID_VAT = [
    "ATU13585627",
    "BE0428759497",
    "BG175074752",
    "CY10259033P",
    "CZ25123891",
    "DE136695976",
    "DK13585628",
    "EE100931558",
    "EL094259216",
    "ESB58378431",
    "ESX5253868R",
    "ES54362315K",
    "FI20774740",
    "FR40303265045",
    "HR33392005961",
    "HU12892312",
    "IE6433435F",
    "IE6433435OA",
    "IT00743110157",
    "LT119511515",
    "LU15027442",
    "LV40003521600",
    "MT11679112",
    "NL004495445B01",
    "PL8567346215",
    "PT501964843",
    "RO18547290",
    "SE123456789701",
    "SI50223054",
    "SK2022749619",
    "GB980780684",
]


@pytest.mark.parametrize("text", VALID_VAT)
def test_published_vat_numbers_pass_and_a_changed_digit_does_not(text: str) -> None:
    assert vat(text) is True
    place = max(i for i, c in enumerate(text) if c.isdigit())
    if not text.startswith(("SE", "NL")):  # there the last figures are a running number
        assert not vat(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    found = only(f"Our number is {text}.")
    assert [s.kind for s in found] == [PiiKind.TAX_ID]


@given(st.sampled_from(sorted(VAT)), st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=14))
def test_any_text_after_a_country_is_judged_without_a_fault(country: str, rest: str) -> None:
    assert vat(country + rest) in {True, False, None}


def base58(version: int, payload: bytes) -> str:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    raw = bytes([version]) + payload
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    value, out = int.from_bytes(raw, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        out = alphabet[rest] + out
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + out


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0, 5, 30, 48, 65]), st.data())
def test_wallets_in_base58_are_found_and_no_changed_character_passes(
    payload: bytes, version: int, data: st.DataObject
) -> None:
    right = base58(version, payload)
    assert base58check(right) == bytes([version]) + payload
    place = data.draw(st.integers(1, len(right) - 1))
    wrong = right[:place] + ("2" if right[place] != "2" else "3") + right[place + 1 :]
    assert base58check(wrong) is None
    assert [s.kind for s in only(f"send it to {right} today")] == [PiiKind.WALLET]


def test_bech32_examples_of_the_proposals() -> None:
    right = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    assert bech32(right)
    assert not bech32(right[:-1] + "p")
    assert wallet("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")
    assert wallet("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh")
    assert not wallet("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi")


def test_the_generator_of_numbers_makes_wrong_ones_too() -> None:
    random.seed(0)
    wrong = sum(luhn("".join(random.choices("0123456789", k=16))) for _ in range(2000))
    assert 100 < wrong < 300  # a tenth by chance
