"""Grade detectors of sound and of text on media that none of them was fitted on.

    python bench/sound_text.py [--data DIR] [--parts vits,hidden] [--detectors a,b] [--json]

``vits``: the clips of vits-demo, 6 recorded and 54 synthesised, as they are, and beside every score a baseline that
knows nothing but the length of the clip. Sentences recur as several voices, so the interval draws whole sentences.
``hidden``: every untouched text of the collections (any split: nothing is fitted on single texts), and on how many the
search for hidden characters finds a place that counts.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from common import arguments, auc, show, wilson
from veriscope.detectors.hidden_text import scan, strength
from veriscope.detectors.registry import DETECTORS
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import open_scene
from veriscope.types import Kind, Signal

Figures = dict[str, float | int | None]
COLUMNS = ("tweet", "text", "content")
ROUNDS = 1000


def by_sentence(raws: Sequence[float], labels: Sequence[int], sentences: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the AUC by drawing sentences with all their clips."""
    random = np.random.default_rng(0)
    groups = [np.flatnonzero(np.array(sentences) == s) for s in sorted(set(sentences))]
    r, y = np.array(raws), np.array(labels)
    draws = []
    for _ in range(ROUNDS):
        drawn = np.concatenate([groups[i] for i in random.integers(0, len(groups), len(groups))])
        if 0 < y[drawn].sum() < len(drawn):
            draws.append(auc(r[drawn][y[drawn] == 1], r[drawn][y[drawn] == 0]))
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


def vits(data: Path, names: Sequence[str] | None) -> Figures:
    detectors = [d for d in DETECTORS if Kind.AUDIO in d.kinds and d.signal is Signal.AUDIO]
    detectors = [d for d in detectors if names is None or d.name in names]
    raws: dict[str, list[float | None]] = {name: [] for name in ("length_only", *(d.name for d in detectors))}
    labels, sentences = [], []
    child, infer = DecodeChild(Limits()), OnnxInfer()
    try:
        for path in sorted((data / "audio" / "vits-demo").glob("*.wav")):
            speaker, number, system = path.stem.split("_", 2)
            labels.append(int(system != "gt"))
            sentences.append(f"{speaker}_{number}")
            with open_scene(path, child=child, infer=infer) as scene:
                raws["length_only"].append(len(scene.audio().samples) / scene.audio().rate)
                for detector in detectors:
                    raws[detector.name].append(detector.inspect(scene, infer).raw)
    finally:
        child.close()
    figures: Figures = {"vits.recorded": labels.count(0), "vits.synthesised": labels.count(1)}
    for name, values in raws.items():
        spoke = [i for i, value in enumerate(values) if value is not None]
        figures[f"vits.{name}.abstained"] = len(values) - len(spoke)
        known, truth = [float(values[i] or 0.0) for i in spoke], [labels[i] for i in spoke]
        if len(set(truth)) < 2:
            continue
        found = auc(
            [r for r, y in zip(known, truth, strict=True) if y], [r for r, y in zip(known, truth, strict=True) if not y]
        )
        figures[f"vits.{name}.auc"] = found
        figures[f"vits.{name}.auc_low"], figures[f"vits.{name}.auc_high"] = by_sentence(
            known, truth, [sentences[i] for i in spoke]
        )
    return figures


def texts(folder: Path) -> Iterator[str]:
    """Every text of the collections as it lies there."""
    csv.field_size_limit(sys.maxsize)
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield next(row[c] for c in COLUMNS if c in row)
    for path in sorted(folder.rglob("*.tsv")):  # liar: quoting is off, the statement stands third
        for line in path.read_text("utf-8").split("\n"):
            if len(cells := line.split("\t")) > 2:
                yield cells[2]


def hidden(data: Path, names: Sequence[str] | None) -> Figures:
    del names
    counted = [strength(scan(text)) > 0 for text in texts(data / "text")]
    low, high = wilson(sum(counted), len(counted))
    return {
        "hidden.texts": len(counted),
        "hidden.flagged": sum(counted),
        "hidden.rate": sum(counted) / max(1, len(counted)),
        "hidden.rate_low": low,
        "hidden.rate_high": high,
    }


PARTS: dict[str, Callable[[Path, Sequence[str] | None], Figures]] = {"vits": vits, "hidden": hidden}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--detectors", help="names, separated by commas; all that judge sound by default")
    chosen = parser.parse_args()
    figures: Figures = {}
    for part in chosen.parts.split(","):
        figures |= PARTS[part](chosen.data.resolve(), chosen.detectors.split(",") if chosen.detectors else None)
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
