from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.perception.speech import BLOCK, WINDOW, find_speech, spans, speech_probability, windows
from veriscope.types import Audio


class LoudIsSpeech:
    """Stands for the network: speech where the window is loud; counts the windows it saw in its state."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        block = inputs["input"]
        self.seen.append(float(inputs["h"][0, 0, 0]))
        loud = np.abs(block[:, 64:]).mean(axis=1) > 0.1
        return {
            "speech_probs": np.where(loud, 0.9, 0.1).astype(np.float32),
            "hn": inputs["h"] + len(block),
            "cn": inputs["c"],
        }

    def version(self, model: str) -> str:
        return "1"


def test_windows_overlap_by_the_context() -> None:
    sound = np.arange(1, 1101, dtype=np.float32)
    cut = windows(sound)
    assert cut.shape == (3, 576)
    assert cut[0, :64].max() == 0
    assert cut[0, 64] == 1
    assert cut[1, 0] == 449
    assert cut[1, 64] == 513
    assert cut[2, -1] == 0
    assert windows(sound[:0]).shape[0] == 0


def test_speech_is_found_where_it_is_and_the_state_is_carried() -> None:
    rate, sound = 16000, np.zeros(16000 * 40, np.float32)
    sound[rate * 5 : rate * 8] = 0.5
    sound[rate * 20 : rate * 30] = -0.5
    network = LoudIsSpeech()
    found = find_speech(Audio(sound, rate), network)
    assert [(round(s, 1), round(e, 1)) for s, e, _ in found] == [(5.0, 8.0), (20.0, 30.0)]
    assert found[0][2] == pytest.approx(0.9)
    assert network.seen == [0, BLOCK, 2 * BLOCK]


def test_short_bursts_are_dropped_and_short_pauses_bridged() -> None:
    p = np.zeros(200, np.float32)
    p[10:14] = 1  # 0.13 s
    p[50:70] = 1
    p[70:72] = 0  # 0.06 s
    p[72:90] = 1
    ((start, end, _),) = spans(p, 200 * WINDOW / 16000)
    assert start == pytest.approx(50 * 0.032 - 0.03)
    assert end == pytest.approx(90 * 0.032 + 0.03)


def test_silence_gives_nothing_and_other_rates_are_refused() -> None:
    assert find_speech(Audio(np.zeros(0, np.float32), 16000), LoudIsSpeech()) == []
    with pytest.raises(ValueError, match="8000"):
        speech_probability(Audio(np.zeros(9, np.float32), 8000), LoudIsSpeech())
