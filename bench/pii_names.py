"""Names and places: F1 and F2 of exact spans on the test parts, which were never trained or tuned on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import arguments
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.names import THRESHOLD, find_names
from veriscope.train.labelled_names import Labelled, presidio, transcripts, vietnamese

KINDS = ("PERSON", "LOCATION")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    given = parser.parse_args()
    figures: dict[str, float] = {}
    for name, rows in sets(given.data).items():
        if rows:
            figures |= {f"{name}_{key}": value for key, value in grade(rows, given.threshold).items()}
    if given.json:
        print(json.dumps({key: round(value, 4) for key, value in figures.items()}))
    else:
        for key, value in figures.items():
            print(f"{key:36} {value:.3f}")


def sets(data: Path) -> dict[str, list[Labelled]]:
    return {
        "phoner_test": vietnamese(data, "test"),
        "spoken_test": transcripts(data, "test"),
        "spoken_stress": transcripts(data, "stress"),
        "presidio_research": presidio(data),
    }


def grade(rows: Sequence[Labelled], threshold: float) -> dict[str, float]:
    """F1 and F2 with intervals by resampling texts, and the share of a truth's characters that is covered."""
    infer = OnnxInfer()
    counts = np.zeros((len(rows), len(KINDS), 3))  # hits, guesses, truths
    covered = total = 0
    for index, (text, spans) in enumerate(rows):
        found = {(e.start, e.end, e.kind) for e in find_names(text, infer, threshold)}
        marked = {i for start, end, _ in found for i in range(start, end)}
        for column, kind in enumerate(KINDS):
            guesses, truths = ({s for s in part if s[2] == kind} for part in (found, set(spans)))
            counts[index, column] = len(guesses & truths), len(guesses), len(truths)
        wanted = {i for start, end, _ in spans for i in range(start, end)}
        covered, total = covered + len(wanted & marked), total + len(wanted)
    rng = np.random.default_rng(0)
    out: dict[str, float] = {"covered": covered / max(1, total)}
    for column, kind in [*enumerate(KINDS), (slice(None), "both")]:
        part = counts[:, column].reshape(len(rows), -1, 3).sum(1)
        if not part[:, 2].any():
            continue
        for beta in (1, 2):
            draws = [score(part[rng.integers(len(rows), size=len(rows))].sum(0), beta) for _ in range(500)]
            low, high = np.percentile(draws, [2.5, 97.5])
            key = f"{kind.lower()}_f{beta}"
            out |= {key: score(part.sum(0), beta), f"{key}_low": float(low), f"{key}_high": float(high)}
    return out


def score(counts: np.ndarray, beta: float) -> float:
    hits, guesses, truths = counts
    return float((1 + beta**2) * hits / max(1e-9, guesses + beta**2 * truths))


if __name__ == "__main__":
    main()
