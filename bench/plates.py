"""Licence plates: share of labelled boxes found at IoU 0.3, and false boxes an image, on the US and EU photographs.

As the redactor looks: detector and verifier, and text of the shape of a plate counts. With ``--read`` what the networks
are not certain of must read like a plate (setting ``redact_read_plates``); with ``--alone`` only the networks look.
``--drawn N`` looks at N drawn cars on development photographs instead, three in five of them blurred, and at those
photographs themselves, which hold no plates: what thresholds and reading were chosen by.
"""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import cv2
import numpy as np

from common import arguments, wilson
from veriscope.inference.networks import plate_detector as net
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.ocr import reader
from veriscope.perception.plates import THRESHOLD, find_plates
from veriscope.redaction.lookers import Effort, lookers, merged
from veriscope.redaction.reading import PLATE
from veriscope.redaction.senses import Senses
from veriscope.train.plates import scene
from veriscope.train.synthesis.chains import decoded
from veriscope.train.synthesis.store import photographs
from veriscope.types import Image

LEAST = 0.3  # intersection over union
SETS = ("us", "eu")
GRID = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # thresholds


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
    parser.add_argument("--read", action="store_true", help="what reads like no plate is left clear")
    parser.add_argument("--alone", action="store_true", help="the networks alone")
    parser.add_argument("--drawn", type=int, metavar="N", help="drawn cars instead of photographs")
    given = parser.parse_args()
    if given.drawn:
        figures = drawn(given.data, OnnxInfer(), given.drawn)
    else:
        figures = measured(given.data, OnnxInfer(), given.threshold, read=given.read, alone=given.alone)
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
    read: bool = False,
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


def drawn(data: Path, infer: OnnxInfer, count: int) -> dict[str, float]:
    """Plates found and false boxes on drawn cars: by threshold, and how many of both reading takes away."""
    rng = np.random.default_rng(77)
    photos = photographs(data, "validation")
    engine = reader("rapidocr", infer)
    seen: list[tuple[bool, float, bool]] = []  # is it a plate, its probability, does it hold when it is read
    truths = 0
    for _ in range(count):
        photo = decoded(photos[int(rng.integers(len(photos)))].read_bytes())
        made = scene(photo, rng, (int(rng.integers(400, 800)), int(rng.integers(560, 1100))))
        image = blurred(made.image, rng) if rng.random() < 0.6 else made.image
        truths += len(made.boxes)
        kept = dict(find_plates(image, infer, min(GRID), reader=engine))
        for box, probability in find_plates(image, infer, min(GRID)):
            plate = any(net.overlap(box, truth) >= LEAST for truth in made.boxes)
            seen.append((plate, probability, box in kept))
    figures: dict[str, float] = {"plates": truths, "cars": count}
    for least in GRID:
        hits, false = (sum(plate is wanted and p >= least for plate, p, _ in seen) for wanted in (True, False))
        figures |= {f"found_{least:g}": hits, f"false_{least:g}": false}
        figures[f"f1_{least:g}"] = 2 * hits / max(1, hits + false + truths)
    plain = [p for photo in photos for _, p in find_plates(decoded(photo.read_bytes()), infer, min(GRID))]
    figures |= {"photographs": len(photos)}
    figures |= {f"false_on_photographs_{least:g}": sum(p >= least for p in plain) for least in GRID}
    cleared = [plate for plate, p, holds in seen if p >= THRESHOLD and not holds]
    return figures | {"reading_clears_plates": sum(cleared), "reading_clears_false": len(cleared) - sum(cleared)}


def blurred(image: Image, rng: np.random.Generator) -> Image:
    """Moved sideways while it was taken, or out of focus; saved as JPEG 85."""
    size = int(rng.integers(5, 23))
    if rng.random() < 0.5:
        kernel = np.zeros((size, size), np.float32)
        kernel[size // 2] = 1 / size
        image = cv2.filter2D(image, -1, kernel)  # type: ignore[assignment]
    else:
        image = cv2.GaussianBlur(image, (0, 0), size / 5)  # type: ignore[assignment]
    return decoded(cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


if __name__ == "__main__":
    main()
