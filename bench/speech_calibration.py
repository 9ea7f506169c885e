"""Fit the calibration of ``synthetic_speech``: held-out LibriSpeech speakers against their own re-synthesis.

    python bench/speech_calibration.py [--data DIR] [--json]

Reads the corpus that training made (``VERISCOPE_CACHE``, made again where missing: half an hour); only the speakers
that neither the network nor the small vocoders learned from. A third of the forgeries is faint: a vocoder's output 6 to
30 dB under the recording, since real ones leave fainter traces than ours. Prints the entry for ``calibration.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from calibrate import platt
from common import arguments, auc, bootstrap, show, wilson
from speech import RATE, Heard, Sound, raw
from veriscope.detectors.synthetic_speech import SyntheticSpeech
from veriscope.inference.onnx import OnnxInfer
from veriscope.train import speech_corpus as corpus
from veriscope.train.recipes.synthetic_speech import cache
from veriscope.train.speech_corpus import GENUINE, Version

EACH = 8  # clips of one way of re-synthesis
FAINT = ("mel_transposed", "mel_istft", "codec_transposed", "codec_wide_hop", "mel_nearest")
RATES = (16000, 22050, 44100, 48000)  # that the file might have been stored at
# Real synthesisers leave fainter and other traces than the vocoders made here, which a network finds easily, and
# recordings come from more rooms than LibriSpeech: no score beyond these.
# Nor may more than this share of recordings come out above one half: which forgeries will be met is not known, and the
# even odds of Platt's fit would follow the mixture that was made here.
ALARMS = 0.025
FLOOR, CEILING, MOST_RELIABLE = 0.2, 0.9, 0.6


def piece(sound: np.ndarray, rng: np.random.Generator) -> Sound:
    """2 to 7 seconds."""
    length = min(len(sound), int(rng.uniform(2, 7) * RATE))
    start = int(rng.integers(len(sound) - length + 1))
    return sound[start : start + length].astype(np.float32) / np.float32(32768)


def sounds(versions: list[Version], rng: np.random.Generator) -> Iterator[tuple[str, Sound]]:
    """(way of re-synthesis, sound): every genuine version, a few of each other, and faint ones."""
    by_name: dict[str, list[Version]] = {}
    for version in versions:
        by_name.setdefault(version.system, []).append(version)
    for name, group in sorted(by_name.items()):
        chosen = group if name == GENUINE else [group[i] for i in rng.permutation(len(group))[:EACH]]
        for version in chosen:
            yield name, piece(version.sound, rng)
    plain = {(v.clip, v.speed): v for v in by_name[GENUINE] if not v.coded}
    for name in FAINT:
        for version in [v for v in by_name[name] if not v.coded][: 2 * EACH]:
            below, above = version.sound.astype(np.float32), plain[version.clip, version.speed].sound
            n = min(len(below), len(above))
            share = float(np.exp(rng.uniform(np.log(0.03), np.log(0.5))))
            yield f"faint_{name}", piece(above[:n] * np.float32(1 - share) + share * below[:n], rng)


def measured(data: Path) -> list[tuple[str, float]]:
    corpus.build(data, cache())
    versions = [v for v in corpus.load(cache()) if corpus.held_out(v.clip)]
    infer, detector, rng = OnnxInfer(), SyntheticSpeech(), np.random.default_rng(0)
    found = []
    for name, sound in sounds(versions, rng):
        value = raw(detector, Heard(sound, int(rng.choice(RATES)), infer), infer)
        if value is not None:
            found.append((name, value))
    return found


def main() -> None:
    options = arguments(__doc__).parse_args()
    rows = measured(options.data)
    values, labels = [value for _, value in rows], [int(name != GENUINE) for name, _ in rows]
    forged = [v for v, y in zip(values, labels, strict=True) if y]
    genuine = [v for v, y in zip(values, labels, strict=True) if not y]
    slope, offset = platt(values, labels)
    offset = min(offset, -slope * float(np.quantile(genuine, 1 - ALARMS)))
    low, high = bootstrap(auc, forged, genuine)
    flagged = sum(slope * v + offset > 0 for v in genuine)
    figures: dict[str, object] = {
        "slope": round(slope, 5),
        "offset": round(offset, 5),
        "floor": FLOOR,
        "ceiling": CEILING,
        "reliability": round(min(MOST_RELIABLE, 2 * auc(forged, genuine) - 1), 3),
        "basis": f"held-out LibriSpeech speakers against own re-synthesis, a third of it faint; {len(genuine)} "
        f"genuine, {len(forged)} forged, AUC {auc(forged, genuine):.2f} [{low:.2f}, {high:.2f}]; capped, because own "
        "vocoders are easier to find",
        "share": 1.0,
        "genuine_flagged": flagged,
        "genuine_flagged_low": wilson(flagged, len(genuine))[0],
        "genuine_flagged_high": wilson(flagged, len(genuine))[1],
    }
    for name in sorted({name for name, _ in rows} - {GENUINE}):
        figures[f"{name}_auc"] = round(auc([v for n, v in rows if n == name], genuine), 3)
    show(figures, as_json=options.json)


if __name__ == "__main__":
    main()
