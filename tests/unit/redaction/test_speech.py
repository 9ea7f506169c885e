from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from veriscope.errors import LeakFound
from veriscope.perception.pii import PiiKind
from veriscope.perception.transcript import OVERLAP, Word, _windows, transcribe
from veriscope.perception.word import Ways
from veriscope.redaction.speech import (
    FADE,
    SoundOperator,
    SoundSpan,
    _meant,
    cover,
    find_spoken,
    find_until_quiet,
    merged,
    second_look,
    uncovered,
)
from veriscope.types import Audio

from tests.unit.perception.test_pii import Names

RATE = 16000


class Hears:
    """A voice detector that takes loud for speech, beside names nobody has."""

    def __init__(self) -> None:
        self._names = Names()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        if model != "silero_vad":
            return self._names.run(model, inputs)
        loud = np.abs(inputs["input"][:, 64:]).mean(axis=1) > 0.01
        return {"speech_probs": np.where(loud, 0.95, 0.02).astype(np.float32), "hn": inputs["h"], "cn": inputs["c"]}

    def version(self, model: str) -> str:
        return "1"

    def asset(self, model: str, key: str) -> bytes:
        raise KeyError(key)


class Script:
    """Knows what is said when, by the loudness code of the made clip: one word each half second."""

    name, error_rate, floor = "script", "never wrong", 0.5

    def __init__(self, said: Sequence[tuple[str, float]], step: float = 0.5) -> None:
        self._said, self._step = said, step

    def hear(self, samples: NDArray[np.float32]) -> list[Word]:
        out, size = [], round(self._step * RATE)
        for at in range(0, len(samples) - size // 4, size):
            # each half second holds one constant tone whose number of zero crossings names the word
            block = samples[at : at + size]
            crossings = int((np.diff(np.signbit(block)) != 0).sum())
            index = round(crossings / self._step / 2 / 50) - 4
            if 0 <= index < len(self._said) and self._said[index][0]:
                word, confidence = self._said[index]
                out.append(Word(word, at / RATE, (at + len(block)) / RATE, confidence))
        return out


def clip(count: int) -> NDArray[np.float32]:
    time = np.arange(RATE // 2) / RATE
    return np.concatenate([0.3 * np.sin(2 * np.pi * 50 * (4 + i) * time + 0.1) for i in range(count)]).astype(
        np.float32
    )


def said(text: str, sure: float = 0.9) -> list[tuple[str, float]]:
    return [(word, sure) for word in text.split()]


def test_a_number_is_found_in_time_and_the_rest_is_bit_exact() -> None:
    words = said("my phone is nine four three five one two nine four two five thank you")
    sound = clip(8)
    found = find_spoken(Audio(sound, RATE), Hears(), by=Script(words[:8]))
    assert found.recogniser == "script"
    sound = clip(9)
    found = find_spoken(Audio(sound, RATE), Hears(), by=Script(said("call four five six seven eight nine one okay")))
    (span,) = found.spans
    assert abs(span.start - 0.5) <= 0.15
    assert abs(span.end - 4.0) <= 0.15
    out = cover(sound, RATE, found.spans)
    first, last = int(span.start * RATE), int(np.ceil(span.end * RATE))
    assert np.array_equal(out[:first], sound[:first])
    assert np.array_equal(out[last:], sound[last:])
    assert not out[first + int(FADE * RATE) : last - int(FADE * RATE)].any()


def test_speech_without_words_is_covered() -> None:
    script = Script([*said("call me"), ("", 0), ("", 0), *said("now please if you can find the time")])
    spans = find_spoken(Audio(clip(12), RATE), Hears(), by=script).spans
    assert [s.reason for s in spans] == ["unheard"]
    assert 0.8 <= spans[0].start <= 1.0
    assert 2.0 <= spans[0].end <= 2.2


def test_a_stretch_that_is_hardly_understood_is_covered_whole() -> None:
    script = Script([*said("call me"), ("", 0), ("", 0), *said("now please")])
    (span,) = find_spoken(Audio(clip(6), RATE), Hears(), by=script).spans
    assert span.start == 0
    assert span.end == 3.0


def test_words_that_are_guesses_are_covered() -> None:
    script = Script([*said("call me"), *said("nobody knows", 0.1), *said("now please if you can find the time")])
    spans = find_spoken(Audio(clip(12), RATE), Hears(), by=script).spans
    assert [s.reason for s in spans] == ["unsure"]


def test_silence_needs_nothing() -> None:
    assert find_spoken(Audio(np.zeros(RATE, np.float32), RATE), Hears(), by=Script([])).spans == ()


def test_the_second_look_hears_what_was_not_covered() -> None:
    script = Script(said("call four five six seven eight nine one okay"))
    sound = clip(9)
    with pytest.raises(LeakFound):
        second_look(Audio(sound, RATE), [], Hears(), by=script)
    spans = find_spoken(Audio(sound, RATE), Hears(), by=script).spans
    second_look(Audio(cover(sound, RATE, spans), RATE), spans, Hears(), by=script)


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0.05, 12)), max_size=5))
def test_windows_lie_end_to_end_and_nothing_is_cut_at_their_edges(parts: list[tuple[float, float]]) -> None:
    at, stretches = 0.0, []
    for gap, length in parts:
        stretches.append((at + gap, at + gap + length, 0.9))
        at += gap + length
    windows = _windows(stretches)
    for begin, end, inner, _ in windows:
        assert end - begin <= Ways().window + 1e-6
        assert begin <= inner + 1e-6
    for (_, end, _, inner_end), (begin, _, inner, _) in pairwise(windows):
        if begin < end:  # of one stretch
            assert inner == inner_end
            assert abs(end - begin - OVERLAP) < 1e-6
            assert end - inner >= OVERLAP / 2 - 1e-6
    for start, stop, _ in stretches:
        assert any(inner <= start < inner_end for _, _, inner, inner_end in windows)
        assert any(begin <= stop <= end for begin, end, _, _ in windows)


def test_every_word_of_a_long_stretch_is_heard_once() -> None:
    names = [chr(97 + i) * 2 for i in range(26)]
    heard = transcribe(Audio(clip(26), RATE), [(0.0, 13.0, 0.9)], Script([(n, 0.9) for n in names]))
    assert [word.text for word in heard.words] == names


@given(
    st.integers(8000, 48000),
    st.floats(0, 1.5),
    st.floats(0.001, 1.0),
    st.sampled_from(list(SoundOperator)),
    st.integers(1, 2),
)
def test_operators_leave_all_outside_bit_exact_and_none_of_the_voice_inside(
    rate: int, start: float, length: float, operator: SoundOperator, channels: int
) -> None:
    rng = np.random.default_rng(rate)
    sound = rng.uniform(-0.5, 0.5, (2 * rate, channels)).astype(np.float32)
    kept = sound.copy()
    span = SoundSpan(start, start + length, "phone", 1.0)
    out = cover(sound, rate, [span], operator)
    assert np.array_equal(sound, kept)
    first, last = int(span.start * rate), min(len(sound), int(np.ceil(span.end * rate)))
    assert np.array_equal(out[:first], sound[:first])
    assert np.array_equal(out[last:], sound[last:])
    assert out.shape == sound.shape
    assert out.dtype == np.float32
    fade = round(FADE * rate) + 1
    inner, voice = out[first + fade : max(0, last - fade), 0], sound[first + fade : max(0, last - fade), 0]
    if operator is SoundOperator.SILENCE:
        assert not inner.any()
    elif len(inner) > rate // 10:
        assert inner.any()
        assert abs(np.corrcoef(inner, voice)[0, 1]) < 0.2


def test_spans_that_nearly_touch_become_one() -> None:
    spans = merged([SoundSpan(1.0, 2.0, "phone", 0.9), SoundSpan(2.2, 3.0, "phone", 0.8)], 10.0)
    assert [(round(s.start, 2), round(s.end, 2)) for s in spans] == [(0.92, 3.08)]


def test_looking_until_quiet_covers_what_only_the_second_look_hears() -> None:
    class Changing:
        """Understands the number only the second time."""

        name, error_rate, floor = "changing", "often wrong", 0.5

        def __init__(self) -> None:
            self.calls = 0

        def hear(self, samples: NDArray[np.float32]) -> list[Word]:
            self.calls += 1
            number = ["nine", "four", "three", "five", "one", "two", "nine", "four", "two", "five"]
            words = ["fine"] * 10 if self.calls == 1 else number
            loud = np.abs(samples).max() > 0.01
            return [Word(w, 0.2 + 0.4 * i, 0.6 + 0.4 * i, 0.9) for i, w in enumerate(words)] if loud else []

    found = find_until_quiet(Audio(clip(9), RATE), Hears(), by=Changing())
    assert any(span.reason == "phone" for span in found.spans)


class Nervous:
    """Mostly right; hears a number in what is left of a sentence once another is covered."""

    name, error_rate, floor = "nervous", "seldom wrong", 0.5
    ways = Ways(window=15.0, join=1.0, apart=True, whole=0.5)

    def __init__(self, sure: float) -> None:
        self.sure, self.calls = sure, 0

    def hear(self, samples: NDArray[np.float32]) -> list[Word]:
        self.calls += 1
        if self.calls == 1:
            text = "call four five six seven eight nine one okay then"
            return [Word(w, 0.5 * i, 0.5 * i + 0.5, 0.9) for i, w in enumerate(text.split())]
        return [
            Word("my", 0.0, 0.2, self.sure),
            Word("phone", 0.2, 0.3, self.sure),
            Word("212-555-0187", 0.3, 1.0, self.sure),
        ]


def test_scraps_between_covers_do_not_cover_the_whole() -> None:
    sound = np.concatenate([clip(10), np.zeros(3 * RATE, np.float32), clip(4)])
    alone = find_spoken(Audio(sound[: 5 * RATE], RATE), Hears(), by=Nervous(0.9))
    (number,) = alone.spans
    assert (number.start, number.end) == pytest.approx((0.42, 4.08), abs=0.05)
    doubtful = find_until_quiet(Audio(sound[: 5 * RATE], RATE), Hears(), by=Nervous(0.2))
    assert doubtful.spans == alone.spans  # what is heard without certainty in scraps is no leak
    settled = find_until_quiet(Audio(sound[: 5 * RATE], RATE), Hears(), by=Nervous(0.9))
    assert uncovered(number, settled.spans) == 0
    second_look(Audio(cover(sound[: 5 * RATE], RATE, settled.spans), RATE), settled.spans, Hears(), by=Script([]))


def test_windows_that_did_not_change_are_not_heard_again() -> None:
    class Counts(Nervous):
        def hear(self, samples: NDArray[np.float32]) -> list[Word]:
            self.calls += 1
            return [Word("fine", 0.5 * i, 0.5 * i + 0.5, 0.9) for i in range(len(samples) // (RATE // 2))]

    by = Counts(0.9)
    find_until_quiet(Audio(clip(9), RATE), Hears(), by=by)
    assert by.calls == 1


@pytest.mark.parametrize(
    ("kind", "confidence", "seconds", "counts"),
    [
        (PiiKind.PERSON, 0.7, 0.3, True),
        (PiiKind.PERSON, 0.5, 0.3, False),
        (PiiKind.PLACE, 0.9, 0.0, False),  # made up: it takes no time
        (PiiKind.PHONE, 0.5, 0.0, True),  # numbers are seldom made up
        (PiiKind.PHONE, 0.3, 0.3, False),
    ],
)
def test_a_further_look_counts_numbers_sooner_than_names(
    kind: PiiKind, confidence: float, seconds: float, counts: bool
) -> None:
    assert _meant([Word("x", 1.0, 1.0 + seconds, confidence)], 0.4, kind) is counts
