from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from veriscope.errors import ModelUnavailable
from veriscope.perception import transcript as module
from veriscope.perception.transcript import Transcript, Word, recogniser, transcribe
from veriscope.perception.word import Ways
from veriscope.types import Audio


def test_characters_of_the_text_are_found_in_time() -> None:
    words = (Word("call", 0.0, 0.3, 1), Word("nine", 0.5, 0.8, 1), Word("one", 0.9, 1.2, 1))
    heard = Transcript(words, "x", "y")
    text = heard.text()
    assert heard.span(text.index("nine"), len(text)) == (0.5, 1.2)
    assert heard.span(0, 2) == (0.0, 0.3)


def test_no_recogniser_is_an_error_and_not_an_empty_transcript(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="recogniser"):
        recogniser.__wrapped__()


def test_windows_hand_over_in_a_pause_where_there_is_one() -> None:
    how = Ways(window=10.0, join=1.0)
    stretches = [(0.0, 6.5, 0.9), (7.1, 9.0, 0.9), (9.2, 14.0, 0.9)]
    first, second = module._windows(stretches, how)
    assert first[3] == second[2] == pytest.approx(6.8)
    assert first[1] - second[0] == pytest.approx(module.OVERLAP)
    assert second[1] == pytest.approx(14.2)


def test_pocketsphinx_answers_silence_with_no_word() -> None:
    pytest.importorskip("pocketsphinx")
    by = module.PocketSphinx()
    heard = transcribe(Audio(np.zeros(16000, np.float32), 16000), [(0.0, 1.0, 0.9)], by)
    assert heard.words == ()
    assert heard.recogniser == "pocketsphinx en-us"
    assert "one word in four" in heard.error_rate
    assert "veriscope models pull whisper-base" in heard.error_rate
