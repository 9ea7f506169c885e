from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.errors import ModelUnavailable
from veriscope.perception import transcript as module
from veriscope.perception.transcript import Transcript, Word, recogniser, transcribe
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
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    with pytest.raises(ModelUnavailable, match="weights"):
        recogniser.__wrapped__(tmp_path)


def test_faster_whisper_is_taken_where_its_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    class Model:
        def __init__(self, path: str, **settings: Any) -> None:
            asked.update(settings, path=path)

        def transcribe(self, samples: Any, **settings: Any) -> Any:
            asked.update(settings)
            word = types.SimpleNamespace(word=" hello", start=0.25, end=0.5, probability=0.75)
            return [types.SimpleNamespace(words=[word]), types.SimpleNamespace(words=None)], None

    fake = types.ModuleType("faster_whisper")
    fake.WhisperModel = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", fake)
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    (tmp_path / "model.bin").write_bytes(b"")
    by = recogniser.__wrapped__(tmp_path, "vi")
    heard = transcribe(Audio(np.full(32000, 0.1, np.float32), 16000), [(0.5, 1.5, 0.9)], by)
    assert heard.words == (Word("hello", 0.3 + 0.25, 0.3 + 0.5, 0.75),)
    assert heard.recogniser == f"faster-whisper {tmp_path.name}"
    assert asked["local_files_only"] is True
    assert asked["language"] == "vi"
    assert asked["word_timestamps"] is True


def test_pocketsphinx_answers_silence_with_no_word() -> None:
    pytest.importorskip("pocketsphinx")
    by = module.PocketSphinx()
    heard = transcribe(Audio(np.zeros(16000, np.float32), 16000), [(0.0, 1.0, 0.9)], by)
    assert heard.words == ()
    assert heard.recogniser == "pocketsphinx en-us"
    assert "one word in four" in heard.error_rate
