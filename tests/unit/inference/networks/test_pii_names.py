"""Words, their hashes, windows over long texts, and runs of tags."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from veriscope.inference.networks import pii_names as net


@given(st.text(max_size=400))
def test_words_are_where_they_say(text: str) -> None:
    found = net.words(text)
    assert all(text[w.start : w.end] == w.text for w in found)
    assert "".join(w.text for w in found) == "".join(c for c in text if not c.isspace() or c == "\n")


@given(st.lists(st.text(min_size=1, max_size=12), max_size=300))
def test_every_word_is_answered_for(tokens: list[str]) -> None:
    rows = net.features(tokens)
    assert rows.shape == (len(tokens), net.FEATURES)
    assert not rows.size or 1 <= rows.min() <= rows.max() < net.BUCKETS
    windows = net.prepare(rows)["words"]
    logits = np.zeros((*windows.shape[:2], len(net.TAGS)), np.float32)
    logits[..., 1] = windows[..., 0]  # the network repeats what it saw: each word must get its own answer back
    found = net.read({"logits": logits / net.BUCKETS}, len(tokens))
    if len(tokens):
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
        order = np.argsort(rows[:, 0], kind="stable")
        assert np.all(np.diff(found[order, 1]) >= -1e-6)


def test_capitals_and_marks_leave_a_trace() -> None:
    one, other = net.features(["Nguyễn", "nguyen"])
    assert one[1] == other[1], "the form without marks is the same"
    assert one[4] != other[4], "the shape is not"


def test_runs_become_entities() -> None:
    text = "Call Ann Lee, Oslo"
    found = net.words(text)
    table = np.full((len(found), 5), 0.02, np.float32)
    for index, tag in {0: 0, 1: 1, 2: 2, 3: 0, 4: 3}.items():
        table[index, tag] = 0.92
    assert [(text[e.start : e.end], e.kind) for e in net.entities(found, table)] == [
        ("Ann Lee", "PERSON"),
        ("Oslo", "LOCATION"),
    ]


def test_a_lower_threshold_finds_no_less() -> None:
    rng = np.random.default_rng(0)
    found = net.words("a b c d e f g h i j k l m n o p")
    table = rng.dirichlet(np.ones(5), len(found)).astype(np.float32)
    covered = [{i for e in net.entities(found, table, t) for i in range(e.start, e.end)} for t in (0.2, 0.5, 0.8)]
    assert covered[0] >= covered[1] >= covered[2]


def test_marks_alone_are_no_name() -> None:
    found = net.words("( )")
    assert net.entities(found, np.array([[0, 1, 0, 0, 0]] * 2, np.float32)) == []
    assert net.entities([], np.zeros((0, 5), np.float32)) == []
