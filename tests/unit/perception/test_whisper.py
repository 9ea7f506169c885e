"""Whisper: its rules on made-up answers; and itself, where its weights are installed."""

from __future__ import annotations

import os
import socket
import subprocess
import wave
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from veriscope.config import load
from veriscope.errors import ModelUnavailable
from veriscope.perception import transcript
from veriscope.perception.pauses import pauses, tightened
from veriscope.perception.speech import RATE
from veriscope.perception.transcript import transcribe
from veriscope.perception.whisper import FILES, Whisper, _without_echo, circles, features, longest
from veriscope.perception.word import Ways, Word, ways
from veriscope.types import Audio


def noise(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).uniform(-0.3, 0.3, round(seconds * RATE)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.zeros(round(seconds * RATE), np.float32)


def test_tones_land_in_their_bands() -> None:
    at = np.arange(RATE) / RATE
    tops = []
    for hertz in (200, 1000, 3000):
        mel = features(np.sin(2 * np.pi * hertz * at).astype(np.float32), 150, 80)
        assert mel.shape == (80, 150)
        assert mel[:, :90].max() > 1
        assert mel[:, 110:].max() < mel[:, :90].max() - 1.5  # silence follows the end
        tops.append(int(mel[:, 50].argmax()))
    assert tops == sorted(set(tops))
    assert tops[1] == pytest.approx(15 / (15 + np.log(8) / (np.log(6.4) / 27)) * 81 - 1, abs=1)


def test_sentences_that_run_in_circles_and_words_that_last_too_long() -> None:
    assert circles("please charge the card " + "WAA" * 60) > 2.4
    assert circles("please charge the visa card and send me a receipt by mail") < 2.4
    assert circles("") == 0
    assert longest("and") < 1.5 < longest("identification")
    assert longest("4539148803") > 5


def test_the_echo_after_the_end_is_dropped() -> None:
    real = [Word(str(i), i * 0.3, i * 0.3 + 0.3, 0.9) for i in range(4)]
    echo = [Word(str(i), 1.2, 1.2, 0.99) for i in range(6)]
    assert _without_echo([*real, *echo, Word("end", 1.2, 1.4, 0.9)]) == real
    assert _without_echo(real) == real


def test_an_answer_that_is_one_phrase_again_and_again_is_not_understood() -> None:
    said = [Word("ha", 0.0, 0.3, 0.9), Word("mat", 0.3, 0.5, 0.9)]
    again = [Word("ha", 0.5, 0.8, 0.9), Word("mat", 0.8, 0.8, 0.9)]
    assert [(w.text, w.confidence) for w in _without_echo([*said, *again])] == [("ha", 0.0), ("mat", 0.0)]
    really = [Word("ha", 0.5, 0.8, 0.9), Word("mat", 0.8, 1.0, 0.9)]
    assert _without_echo([*said, *really]) == [*said, *really]


def test_edges_lie_at_the_pauses() -> None:
    sound = np.concatenate([quiet(0.2), noise(0.5), quiet(0.3), noise(0.5), quiet(0.2), noise(0.3)])
    assert pauses(sound) == [pytest.approx(p, abs=0.011) for p in ((0, 0.2), (0.7, 1.0), (1.5, 1.7))]
    one, two, three = tightened(
        sound,
        [Word("please", 0.15, 0.66, 1), Word("answer", 0.66, 1.66, 1), Word("me", 1.66, 2.0, 1)],
    )
    assert (one.start, one.end) == pytest.approx((0.2, 0.7), abs=0.011)
    assert (two.start, two.end) == pytest.approx((1.0, 1.5), abs=0.011)
    assert (three.start, three.end) == pytest.approx((1.7, 2.0), abs=0.011)


def test_what_stands_before_a_pause_belongs_to_the_word_before() -> None:
    sound = np.concatenate([noise(1.0), quiet(0.3), noise(0.3)])
    year, word = tightened(sound, [Word("1984", 0.0, 0.6, 1), Word("and", 0.6, 1.6, 1)])
    assert year.end == pytest.approx(1.0, abs=0.011)
    assert (word.start, word.end) == pytest.approx((1.3, 1.6), abs=0.011)


def test_numbers_keep_the_pauses_inside_them() -> None:
    sound = np.concatenate([noise(0.6), quiet(0.3), noise(0.6)])
    (number,) = tightened(sound, [Word("555-0187", 0.0, 1.5, 1)])
    assert (number.start, number.end) == (0.0, 1.5)


def test_tightened_words_of_no_sound_stay_as_they_are() -> None:
    assert tightened(quiet(0), [Word("a", 0, 0.1, 1)]) == [Word("a", 0, 0.1, 1)]


class Tokens:
    """One token a word; 0 stands for every mark of the start."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def decode(self, tokens: list[int]) -> str:
        return "".join(self._words[t] for t in tokens)

    def id_to_token(self, token: int) -> str:
        return self._words[token].replace(" ", "Ġ")

    def token_to_id(self, token: str) -> int:
        return len(self._words) if token == "<|endoftext|>" else 0


def told(words: list[str], times: list[float], sure: list[float], sound: bool = True) -> list[Word]:
    by = Whisper.__new__(Whisper)
    by._words = Tokens(words)
    aligned = SimpleNamespace(
        alignments=[(i, round(t / 0.02)) for i, t in enumerate(times)], text_token_probs=[*sure, 1.0]
    )
    return by._timed(list(range(len(words))), aligned, "en", sound)


def test_tokens_become_words() -> None:
    heard = told([" call", " 617", "-3", "19", " now."], [0, 0.4, 0.8, 1.0, 1.5, 1.8], [0.9, 0.9, 0.2, 0.8, 0.7])
    assert [w.text for w in heard] == ["call", "617-319", "now."]
    assert [w.start for w in heard] == pytest.approx([0, 0.4, 1.5])
    assert heard[-1].end == pytest.approx(1.8)
    assert [w.confidence for w in heard] == pytest.approx([0.9, 0.2, 0.7])  # of a number the worst digit counts


def test_words_too_long_and_answers_not_to_be_believed_count_as_not_understood() -> None:
    assert [w.confidence for w in told([" we", " go"], [0, 0.4, 3.0], [0.9, 0.9])] == [0.9, 0.0]
    assert [w.confidence for w in told([" we", " go"], [0, 0.4, 0.8], [0.9, 0.9], sound=False)] == [0.0, 0.0]


class Model:
    """Answers in turn; notes what it was asked."""

    is_multilingual, n_mels = True, 80

    def __init__(self, *answers: tuple[list[int], float]) -> None:
        self.answers, self.asked = list(answers), []

    def detect_language(self, _: object) -> list[list[tuple[str, float]]]:
        return [[("<|th|>", 0.5), ("<|en|>", 0.4), ("<|vi|>", 0.05)]]

    def generate(self, _: object, prompts: object, *, beam_size: int, **__: object) -> list[Any]:
        self.asked.append(beam_size)
        tokens, score = self.answers.pop(0)
        return [SimpleNamespace(sequences_ids=[tokens], scores=[score])]


def read(*answers: tuple[list[int], float], language: str | None = None) -> tuple[list[int], str, bool, list[int]]:
    by = Whisper.__new__(Whisper)
    by._words, by._language = Tokens([" one", " two", " three"]), language
    by._model = model = Model(*answers)
    tokens, _, spoken, sound = by._read(None, 2.0)
    return tokens, spoken, sound, model.asked


def test_a_doubtful_answer_is_asked_for_again() -> None:
    assert read(([0, 1], -0.2)) == ([0, 1], "th", True, [1])
    assert read(([0], -1.5), ([1], -0.5)) == ([1], "th", True, [1, 5])
    assert read(([0], -1.5), ([1], -1.4), ([2], -0.3)) == ([2], "en", True, [1, 5, 5])
    assert read(([0], -1.5), ([1], -1.2), ([2], -1.3)) == ([1], "th", False, [1, 5, 5])
    assert read(([0], -1.5), ([1], -1.2), language="vi") == ([1], "vi", False, [1, 5])
    endless = ([0, 1] * 40, -0.1)
    assert read(endless, endless, endless)[2] is False


def test_which_recogniser_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    choose = transcript.recogniser.__wrapped__
    monkeypatch.setattr(transcript, "find_spec", lambda name: None if name == "ctranslate2" else name)
    with pytest.raises(ModelUnavailable, match="ctranslate2") as caught:  # not another one in its place
        choose(tmp_path)
    assert "veriscope[speech]" in caught.value.hint
    monkeypatch.setattr(transcript, "find_spec", lambda name: name)
    monkeypatch.setattr(transcript, "Whisper", lambda *given: given)
    assert choose(tmp_path, "vi", 2) == (tmp_path, "vi", 2)


def test_how_recognisers_are_fed() -> None:
    assert ways(object()) == Ways()
    assert ways(Whisper.__new__(Whisper)).window > Ways().window


def test_weights_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2", reason="the speech extra is not installed")
    with pytest.raises(ModelUnavailable, match=r"no weights of Whisper .* model\.bin is missing"):
        Whisper(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes(b"spoilt")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        Whisper(tmp_path)


@pytest.fixture(scope="module")
def installed() -> Path:
    """The real weights, or a skip that says why."""
    found = os.environ.get("VERISCOPE_REDACT_SPEECH_WEIGHTS") or load().senses().speech_weights
    if not find_spec("ctranslate2") or found is None:
        pytest.skip("Whisper is not installed: make recogniser")
    return Path(found)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the recogniser asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("offline")
def test_it_hears_a_number_where_it_is_said(installed: Path, tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    told = "My phone number is 2 1 2, 5 5 5, 0 1 8 7."
    try:
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(path), told], check=True)
    except FileNotFoundError:
        pytest.skip("espeak-ng is not installed")
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    at = np.arange(0, len(raw) / rate, 1 / RATE)
    sound = np.interp(at, np.arange(len(raw)) / rate, raw).astype(np.float32)
    heard = transcribe(Audio(sound, RATE), [(0.0, len(sound) / RATE, 0.9)], Whisper(installed))
    assert "whisper" in heard.recogniser
    text = heard.text().lower()
    assert "phone number is" in text
    digits = "".join(c for c in text if c.isdigit())
    assert digits.startswith("2125")
    assert digits.endswith("0187")
    start, end = heard.span(text.index("2"), len(text))
    assert 0.8 < start < 2.2
    assert len(sound) / RATE - 1.0 < end <= len(sound) / RATE
    assert all(a.end <= b.start + 0.2 for a, b in zip(heard.words, heard.words[1:], strict=False))


@pytest.mark.usefixtures("offline")
def test_it_makes_little_of_noise(installed: Path) -> None:
    by = Whisper(installed, "en")
    assert not [w for w in by.hear(noise(3.0) * 0.2) if w.confidence >= by.floor and len(w.text) > 6]
    with pytest.raises(ModelUnavailable, match="no language called xx"):
        Whisper(installed, "xx")
