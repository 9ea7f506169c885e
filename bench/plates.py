"""Licence plates: share of labelled boxes found at IoU 0.3, and false boxes an image, on the US and EU photographs.

As the redactor looks: detector and verifier, what they are not certain of is read, and text of the shape of a plate
counts. With ``--unread`` nothing is cleared by reading (setting ``redact_read_plates``); with ``--alone`` only the
networks look.
"""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import numpy as np

from common import arguments, wilson
from veriscope.inference.networks import plate_detector as net
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.plates import THRESHOLD, find_plates
from veriscope.redaction.lookers import Effort, lookers, merged
from veriscope.redaction.reading import PLATE
from veriscope.redaction.senses import Senses
from veriscope.train.synthesis.chains import decoded
from veriscope.types import Image

LEAST = 0.3  # intersection over union
SETS = ("us", "eu")


def labelled(folder: Path) -> list[tuple[Path, list[net.Box]]]:
    """Photographs and the boxes of their plates."""
    found: dict[Path, list[net.Box]] = {}
    for table in sorted(folder.glob("*.txt")):
        for row in csv.reader(table.open(), delimiter="\t"):
            found.setdefault(folder / row[0], []).append(tuple(float(v) for v in row[1:5]))  # type: ignore[arg-type]
    return list(found.items())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--unread", action="store_true", help="what reads like no plate counts as well")
    parser.add_argument("--alone", action="store_true", help="the networks alone")
    given = parser.parse_args()
    figures = measured(given.data, OnnxInfer(), given.threshold, read=not given.unread, alone=given.alone)
    if given.json:
        print(json.dumps({key: round(value, 4) for key, value in figures.items()}))
    else:
        for key, value in figures.items():
            print(f"{key:24} {value:.3f}")


def measured(
    data: Path,
    infer: OnnxInfer,
    threshold: float = THRESHOLD,
    most: int | None = None,
    *,
    read: bool = True,
    alone: bool = False,
) -> dict[str, float]:
    """Figures of both sets and of all; ``most`` photographs of each set."""
    figures: dict[str, float] = {}
    plates, text = lookers(["plates", "text"], infer, Senses(plate_confidence=threshold, read_plates=read))

    def looked(image: Image) -> list[net.Box]:
        shaped = [s for s in text.look(image, Effort.LARGE) if s.label == PLATE]
        return [sighting.box for sighting in merged(plates.look(image, Effort.LARGE), shaped)]

    seconds: list[float] = []
    all_hits = all_boxes = all_false = all_images = 0
    for name in SETS:
        hits = boxes = false = 0
        photographs = labelled(data / "pii/plates" / name)[:most]
        for path, truth in photographs:
            image = decoded(path.read_bytes())
            started = time.process_time()
            found = [box for box, _ in find_plates(image, infer, threshold)] if alone else looked(image)
            seconds.append(time.process_time() - started)
            covered = [max((net.overlap(t, box) for box in found), default=0.0) >= LEAST for t in truth]
            hits, boxes = hits + sum(covered), boxes + len(truth)
            false += sum(all(net.overlap(t, box) < LEAST for t in truth) for box in found)
        low, high = wilson(hits, boxes)
        figures |= {
            f"{name}_recall": hits / boxes,
            f"{name}_recall_low": low,
            f"{name}_recall_high": high,
            f"{name}_false_per_image": false / len(photographs),
        }
        all_hits, all_boxes = all_hits + hits, all_boxes + boxes
        all_false, all_images = all_false + false, all_images + len(photographs)
    low, high = wilson(all_hits, all_boxes)
    return figures | {
        "plate_recall": all_hits / all_boxes,
        "plate_recall_low": low,
        "plate_recall_high": high,
        "plate_false_per_image": all_false / all_images,
        "cpu_ms_p50": 1000 * float(np.median(seconds)),
    }


if __name__ == "__main__":
    main()
