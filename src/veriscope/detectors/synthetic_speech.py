"""Synthesised speech: a network that knows voices from their re-synthesis, and the lines that up-sampling leaves.

What both can tell is that the sound came out of a vocoder, the last stage of every speech synthesiser and voice
converter. Who speaks, and whether the words were said, they cannot tell. Sound that a neural codec has carried can look
alike. The card, ``docs/models/synthetic-speech.md``, has the figures and where it fails.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from veriscope.detectors._vocoder_lines import RATE, frame_rates, strongest_lines
from veriscope.detectors.base import Method
from veriscope.inference.networks.synthetic_speech import LEAST, WINDOW, filled, prepare, read, windows
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal, Span

NETWORK = "synthetic-speech"
BATCH = 8  # windows in one call of the network: 12 MB of input
SHOWN = 2.0  # log odds above which a window is pointed out
CLEAR_LINES = 4.5  # z above which the lines are spoken of; genuine development clips, coded or not, reach 3.4
SHARE = 0.5  # weight of a unit of the network's log odds against a unit of the lines' z
MOST_LINES = 8.0  # z beyond which stronger lines add nothing


class SyntheticSpeech(Method):
    """Raw: z of the lines (0–8) plus ``SHARE`` times the mean log odds of the windows, uncalibrated."""

    name = "synthetic_speech"
    title = {"en": "Synthesised speech", "vi": "Lời nói tổng hợp"}
    signal = Signal.AUDIO
    kinds = frozenset({Kind.AUDIO, Kind.VIDEO})
    models = ("silero_vad", NETWORK)
    libraries = ("numpy", "scipy", "onnxruntime")
    reference = (
        "X. Wang, J. Yamagishi, Spoofed training data for speech spoofing countermeasure can be efficiently created "
        "using neural vocoders, ICASSP 2023; D. Afchar et al., A Fourier explanation of AI-music artifacts, ISMIR 2025"
    )
    sentences = {
        "found": {
            "en": "In {count} of {total} windows of speech, the fine structure of the voice is more like the output of "
            "a speech synthesiser than like a recording.",
            "vi": "Ở {count} trên {total} cửa sổ lời nói, cấu trúc chi tiết của giọng nói giống đầu ra của bộ tổng hợp "
            "giọng nói hơn là giống bản ghi âm.",
        },
        "lines": {
            "en": "In {count} of {total} windows of speech, the fine structure of the voice is more like the output of "
            "a speech synthesiser than like a recording, and the spectrum has thin lines at the multiples of "
            "{spacing:.1f} Hz, as the up-sampling of a neural vocoder leaves them (z = {z:.1f}).",
            "vi": "Ở {count} trên {total} cửa sổ lời nói, cấu trúc chi tiết của giọng nói giống đầu ra của bộ tổng hợp "
            "giọng nói hơn là giống bản ghi âm, và phổ có các vạch mảnh ở bội số của {spacing:.1f} Hz như phép tăng "
            "mẫu của bộ mã hoá giọng nơ-ron để lại (z = {z:.1f}).",
        },
        "window": {
            "en": "More like synthesised than like recorded speech.",
            "vi": "Giống giọng nói tổng hợp hơn là giọng ghi âm.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        audio = scene.audio()
        if not len(audio.samples):
            return self.abstain(Reason.NO_AUDIO)
        speech = scene.speech()
        if not speech:
            return self.abstain(Reason.NO_SPEECH)
        found = windows(len(audio.samples), speech)
        if not found:
            return self.abstain(Reason.TOO_SHORT)
        logits: list[float] = []
        for first in range(0, len(found), BATCH):
            pieces = np.stack([filled(audio.samples[start:end]) for start, end in found[first : first + BATCH]])
            logits += read(infer.run(NETWORK, prepare(pieces))).windows.tolist()
        facts = scene.stream().audio or {}
        rate = int(facts.get("rate") or RATE)
        z, spacing = strongest_lines(audio.samples, frame_rates(rate))
        note = self.say("window")
        spans = tuple(
            Span(start / RATE, end / RATE, score=float(expit(logit)), note=note)
            for (start, end), logit in zip(found, logits, strict=True)
            if logit > SHOWN
        )
        count = sum(logit > 0 for logit in logits)
        return self.found(
            float(np.clip(z, 0, MOST_LINES) + SHARE * np.mean(logits)),
            scene.media.kind,
            self.say("lines" if z >= CLEAR_LINES else "found", count=count, total=len(logits), spacing=spacing, z=z),
            spans=spans,
            parameters={"rate_hz": RATE, "file_rate_hz": rate, "window_s": WINDOW / RATE, "least_s": LEAST},
            measurements={
                "windows": len(logits),
                "network_log_odds": float(np.mean(logits)),
                "line_z": z,
                "line_spacing_hz": spacing,
                "window_start_s": [round(start / RATE, 2) for start, _ in found],
                "window_log_odds": [round(logit, 3) for logit in logits],
            },
        )
