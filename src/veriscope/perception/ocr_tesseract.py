"""Text in pictures by Tesseract (R. Smith, "An Overview of the Tesseract OCR Engine", ICDAR 2007), as a program."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.perception.ocr import LONGEST, Line
from veriscope.types import Image

SECONDS: Final = 120.0  # for one picture
_WANTED: Final = ("vie", "eng")


class Tesseract:
    """Words of one line become one ``Line``. Languages: Vietnamese and English, whichever are installed."""

    name = "tesseract"

    def __init__(self) -> None:
        program = shutil.which("tesseract")
        if program is None:
            raise ModelUnavailable("The program tesseract is not installed.", hint="Or set redact_ocr to rapidocr.")
        self._program = program
        listed = self._run(["--list-langs"]).split()
        languages = [name for name in _WANTED if name in listed]
        if not languages:
            raise ModelUnavailable("Tesseract has neither Vietnamese nor English installed.")
        self._languages = "+".join(languages)

    def read(self, image: Image, longest: int = LONGEST) -> list[Line]:
        factor = min(1.0, longest / max(image.shape[:2]))
        if factor < 1:
            size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        done, data = cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))
        if not done:
            raise InferenceFailed("The picture could not be handed to tesseract.")
        # sparse text: screens and signs have no columns
        table = self._run(["-", "-", "--psm", "11", "-l", self._languages, "tsv"], data.tobytes())
        rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
        lines: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in rows:
            if row["level"] == "5" and row["text"].strip():
                place = tuple(row[name] for name in ("block_num", "par_num", "line_num"))
                lines.setdefault(place, []).append(row)
        return [_line(words, factor) for words in lines.values()]

    def _run(self, arguments: Sequence[str], data: bytes = b"") -> str:
        try:
            done = subprocess.run(
                [self._program, *arguments], input=data, capture_output=True, timeout=SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise InferenceFailed("Tesseract did not answer.") from exc
        return done.stdout.decode("utf-8", "replace")


def _line(words: Sequence[dict[str, str]], factor: float) -> Line:
    """One line of its words; the space between two belongs to neither."""
    boxes = np.array([[float(w[n]) for n in ("left", "top", "width", "height")] for w in words]) / factor
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
    wide = max(right - left, 1.0)
    edges: list[float] = []
    for word, (x, _, w, _) in zip(words, boxes.tolist(), strict=True):
        letters = len(word["text"])
        edges += [(x - left + w * i / letters) / wide for i in range(letters)]
        edges.append((x - left + w) / wide)  # where the space begins, or the line ends
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    confidence = float(np.mean([max(0.0, float(w["conf"])) for w in words])) / 100
    return Line(" ".join(w["text"] for w in words), corners, confidence, tuple(edges))
