"""Names put into real sentences: the spans are theirs, and what no name was put into names nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("faker", reason="the training extra is not installed")

from veriscope.train.hosts import hosted, sentences, slots
from veriscope.train.people import lists, western

PARTS = {key: lambda key=key: f"<{key}>" for key in "PFLCSA"}  # type: ignore[misc]


def made(sentence: str, count: int = 200) -> list[tuple[str, list[tuple[int, int, str]]]]:
    return [hosted(sentence, PARTS, np.random.default_rng(seed)) for seed in range(count)]


def test_names_stand_where_the_spans_say() -> None:
    found = made("We told the governor that people stay here, in our state.")
    assert all(text[a] == "<" and text[b - 1] == ">" for text, spans in found for a, b, _ in spans)
    kinds = {(text[a + 1], kind) for text, spans in found for a, b, kind in spans}
    assert kinds == {(p, "PERSON") for p in "PFL"} | {(p, "LOCATION") for p in "CSA"}
    assert any("near <" in text or "from <" in text for text, _ in found), "a place needs its preposition"


def test_a_crowded_sentence_is_not_all_names() -> None:
    crowded = "I told you that he saw her and we saw them and they saw us and you saw me and she saw him."
    assert slots(crowded) == 11
    assert np.mean([len(spans) for _, spans in made(crowded)]) < 4


def test_a_sentence_without_a_place_for_a_name_stays_and_may_get_capitals() -> None:
    found = made("Taxes rose by two percent last year.")
    assert not any(spans for _, spans in found)
    assert {text.lower() for text, _ in found} == {"taxes rose by two percent last year."}
    assert len({text for text, _ in found}) > 1, "a capital alone does not make a name"


def test_parts_of_abbreviations_are_no_pronouns() -> None:
    assert slots("Say it, i.e. show it; it's what I'd want.") == 0


def test_every_locale_gives_names_in_latin_letters() -> None:
    seen = set()
    for seed in range(400):
        parts = western(np.random.default_rng(seed))
        name = parts["P"]()
        seen.add(name)
        assert all(ord(c) < 0x250 or c in "əʻʼ’" or 0x1E00 <= ord(c) < 0x1F00 for c in name), name
    assert len(seen) > 380
    assert {"ja_JP", "zh_CN"} <= set(lists()["locales"])


@pytest.mark.data
def test_hosts_of_the_two_splits_differ_and_name_nobody(data: Path) -> None:
    train, dev = (set(sentences(data, split)) for split in ("train", "dev"))
    assert len(train) > 3000
    assert len(dev) > 500
    assert not train & dev
    assert not any("Obama" in s or "Trump" in s for s in train | dev)
