"""Stores the scores of a development set: ``detectors/score_histograms.json``, which later scores are compared with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from veriscope.detectors import drift
from veriscope.detectors.drift import Reference, reference
from veriscope.errors import BadRequest
from veriscope.train.examination import Answer
from veriscope.types import Detector

LEAST = 20  # scores: fewer are no distribution
FILE = Path(drift.__file__).parent / drift.FILE


def store(detector: Detector, answers: Sequence[Answer], on: str, file: Path = FILE) -> str:
    """Keep the detector's calibrated scores on a set; returns the key.

    Raises:
        BadRequest: it is not calibrated, or gave too few scores.
    """
    scores: tuple[list[float], list[float]] = ([], [])
    for answer in answers:
        if answer.score is not None:
            scores[answer.label].append(answer.score)
    if len(scores[0]) + len(scores[1]) < LEAST:
        raise BadRequest(f"{detector.name} gave too few calibrated scores on {on} to compare later ones with.")
    # one histogram for one kind of media: the scores of photographs say nothing about those of videos
    kind = Counter(answer.kind for answer in answers if answer.score is not None).most_common(1)[0][0]
    key = f"{detector.name}@{detector.version}/{kind}"
    merge({key: reference(scores[0], scores[1], f"{on}: {len(scores[0])} genuine, {len(scores[1])} fake")}, file)
    return key


def merge(found: Mapping[str, Reference], file: Path = FILE) -> None:
    """Write these references; those of other detectors stay."""
    table = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    table |= {key: asdict(value) for key, value in found.items()}
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in sorted(table.items())]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
