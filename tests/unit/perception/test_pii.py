# ruff: noqa: E501 - examples are read unbroken
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference.networks.pii_names import TAGS, features
from veriscope.perception.pii import ALL_KINDS, Custom, PiiKind, find_pii
from veriscope.perception.pii_kinds import fold
from veriscope.perception.pii_spoken import runs, written

PATTERNS = ALL_KINDS - {PiiKind.PERSON, PiiKind.PLACE}


class Names:
    """Stands for pii-names: the words it is told of are persons or places."""

    def __init__(self, persons: str = "", places: str = "") -> None:
        self._tags = {
            tuple(features([word])[0].tolist()): tag
            for words, tag in ((persons, 2), (places, 4))
            for word in words.split()
        }

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        words = inputs["words"]
        logits = np.zeros((*words.shape[:2], len(TAGS)), np.float32)
        logits[..., 0] = 9
        for at in np.ndindex(words.shape[:2]):
            tag = self._tags.get(tuple(words[at].tolist()))
            if tag:
                logits[at][tag] = 18
        return {"logits": logits}

    def version(self, model: str) -> str:
        return "1"

    def asset(self, model: str, key: str) -> bytes:
        raise KeyError(key)


def found(text: str, **given: Any) -> list[tuple[str, str]]:
    return [
        (text[s.start : s.end], s.kind.value)
        for s in find_pii(text, given.pop("infer", None), given.pop("kinds", PATTERNS), **given)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call (212) 555-0187 now", [("(212) 555-0187", "phone")]),
        ("gọi 0912 345 678 nhé", [("0912 345 678", "phone")]),
        ("+84 912 345 678", [("+84 912 345 678", "phone")]),
        ("Tel: 030 901820", [("030 901820", "phone")]),
        ("mail a.b+c@example.co.uk.", [("a.b+c@example.co.uk", "email")]),
        ("write to jane [at] example [dot] org", [("jane [at] example [dot] org", "email")]),
        ("SSN 123-45-6789", [("123-45-6789", "national_id")]),
        ("CCCD số 001090012345", [("001090012345", "national_id")]),
        ("passport number C1234567", [("C1234567", "national_id")]),
        ("số tài khoản 0071000123456", [("0071000123456", "account")]),
        ("sinh ngày 12/03/1990", [("12/03/1990", "birth_date")]),
        ("born on 5 May 1980", [("5 May 1980", "birth_date")]),
        ("we meet on 5 May 2030", [("5 May 2030", "date")]),
        ("ping 192.168.1.1", [("192.168.1.1", "ip")]),
        ("host fe80::1ff:fe23:4567:890a", [("fe80::1ff:fe23:4567:890a", "ip")]),
        ("get https://u:secret@h.example/x now", [("https://u:secret@h.example/x", "url")]),
        ("https://h.example/?token=abcd1234", [("https://h.example/?token=abcd1234", "url")]),
        ("visit www.example.com", [("www.example.com", "domain")]),
        ("card ４５３９\u200b1488 0343 6467", [("４５３９\u200b1488 0343 6467", "card")]),
        ("my credit card number is 4741 6787 2568 6219", [("4741 6787 2568 6219", "card")]),
    ],
)
def test_kinds(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Order 123456789012 has shipped.",
        "version 1.2.3.4 is out",
        "It costs 1,234,567.89 dollars in total.",
        "In 2020 there were 300 of 4000.",
        "two or three of them, one for me and one for you",
        "see section 3.1.4 on page 100",
        "isn't it? Ok.Then go",
    ],
)
def test_what_is_no_personal_data(text: str) -> None:
    assert found(text) == []
    assert found(text, spoken=True) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my number is zero nine one two double three four five six seven okay", ("zero nine one two double three four five six seven", "phone")),
        ("số điện thoại của tôi là không chín một hai ba bốn năm sáu bảy tám nhé", ("không chín một hai ba bốn năm sáu bảy tám", "phone")),
        ("write to rohan dot gupta at h o t m a i l dot com please", ("rohan dot gupta at h o t m a i l dot com", "email")),
        ("thư tới lan gạch dưới chín a còng gmail chấm com nhé", ("lan gạch dưới chín a còng gmail chấm com", "email")),
        ("card four five three nine one four eight eight oh three four three six four six seven ok", ("four five three nine one four eight eight oh three four three six four six seven", "card")),
        ("call me on nine four uh three five one two nine four two five", ("nine four uh three five one two nine four two five", "phone")),
        ("call me on 79 27 zero six five three seven nine", ("79 27 zero six five three seven nine", "phone")),
    ],
)  # fmt: skip
def test_spoken_forms(text: str, expected: tuple[str, str]) -> None:
    assert expected in found(text, spoken=True)


def test_digits_said_map_back_to_their_words() -> None:
    text = "it is double four five six seven eight nine"
    (run,) = runs(text)
    assert run.digits == "44567" + "89"
    assert [text[a:b] for a, b in run.origin][:3] == ["double four", "double four", "five"]
    assert written(text).text == "it is 4456789"


def test_names_come_from_the_network_and_a_missing_network_is_no_empty_answer() -> None:
    text = "I met Jane Doe in Hanoi, call +84 912 345 678."
    infer = Names(persons="Jane Doe", places="Hanoi")
    assert found(text, infer=infer, kinds=ALL_KINDS)[:2] == [("Jane Doe", "person"), ("Hanoi", "place")]
    with pytest.raises(ModelUnavailable):
        find_pii(text, None, ALL_KINDS)


def test_an_address_is_one_span() -> None:
    text = "Send it to 221B Baker Street, London NW1 6XE today."
    assert found(text, infer=Names(places="London"), kinds=ALL_KINDS) == [
        ("221B Baker Street, London NW1 6XE", "place")
    ]


def test_own_words_and_patterns_win() -> None:
    text = "Project Falcon, badge EMP-0042, falcons"
    custom = [Custom("falcon"), Custom(r"EMP-\d+", pattern=True)]
    assert found(text, custom=custom) == [("Falcon", "custom"), ("EMP-0042", "custom")]
    for wrong in (("(", True), (" ", False)):
        with pytest.raises(BadRequest):
            Custom(*wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4539 1488\n0343 6467 ok", ["4539 1488\n0343 6467"]),
        ("0912 345 678\n0913 456 789", ["0912 345 678", "0913 456 789"]),
        ("+84 912 345 678\n1\n2", ["+84 912 345 678"]),
        ("call me: (212) 555-\n0187", ["(212) 555-\n0187"]),
    ],
)
def test_line_breaks_part_numbers_and_part_lists(text: str, expected: list[str]) -> None:
    assert [shown for shown, _ in found(text)] == expected


def test_the_nearest_word_decides() -> None:
    text = "phone 0912 345 678, CCCD 001090012345"
    assert found(text) == [("0912 345 678", "phone"), ("001090012345", "national_id")]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="0123456789 .-+@:/aAxX()ngàysố,\n\u200b４", max_size=120), st.booleans())
def test_spans_lie_in_the_text_in_order_without_overlap(text: str, spoken: bool) -> None:
    spans = find_pii(text, None, PATTERNS, spoken=spoken, custom=[Custom("a")])
    last = 0
    for span in spans:
        assert last <= span.start < span.end <= len(text)
        assert 0 <= span.confidence <= 1
        last = span.end


@given(st.text(max_size=80))
def test_folding_keeps_the_places(text: str) -> None:
    plain = fold(text)
    assert len(plain.origin) == len(plain.text) + 1
    assert plain.origin == sorted(plain.origin)
    if plain.text:
        start, end = plain.span(0, len(plain.text))
        assert 0 <= start < end <= len(text)
