"""Whether the scores of today still look like those a detector was calibrated on.

The population stability index compares two histograms: Σ (p − q) · ln(p / q). Below 0.1 nothing has moved, above 0.25
much has (the usual reading). What is sent to a service holds fewer fakes than calibration sets do, and that is no
drift: the reference is the mixture of the genuine and the fake histogram that fits best.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
WINDOW = 1000  # scores that are compared: the newest ones
LEAST = 200  # scores: with fewer the index is mostly chance
FILE = "score_histograms.json"
_MIXTURES = np.linspace(0.0, 1.0, 21)
_PRIOR = 0.5  # of an item, spread over the bins: an empty bin is not impossible


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores of a calibration set: ``edges`` between the bins, and counts of genuine and of fake items in each."""

    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    fake: tuple[int, ...]
    basis: str = ""

    def place(self, score: float) -> int:
        return bisect_right(self.edges, score)


def reference(genuine: Sequence[float], fake: Sequence[float], basis: str) -> Reference:
    """From calibrated scores. Edges are quantiles of both classes together; equal ones, as caps make, fall into one."""
    both = np.concatenate([genuine, fake])
    cuts = np.unique(np.round(np.quantile(both, np.linspace(0, 1, BINS + 1)[1:-1]), 6))
    edges = tuple(float(cut) for cut in cuts if cut > both.min())
    if not edges and (above := both[both > both.min()]).size:
        edges = (float(above.min()),)  # nearly always the same score: what matters is how often it is another

    def counts(scores: Sequence[float]) -> tuple[int, ...]:
        found = np.bincount(np.searchsorted(edges, scores, "right"), minlength=len(edges) + 1)
        return tuple(int(n) for n in found)

    return Reference(edges, counts(genuine), counts(fake), basis)


def stability(counts: Sequence[int] | NDArray[Any], known: Reference) -> float:
    """The index of these counts against the best mixture of the reference's classes; 0 is no drift."""
    here = _shares(np.asarray(counts, float))
    genuine, fake = (_shares(np.asarray(of, float)) for of in (known.genuine, known.fake))
    if not sum(known.fake) or not sum(known.genuine):
        fake = genuine = genuine if sum(known.genuine) else fake
    mixed = _MIXTURES[:, None] * fake + (1 - _MIXTURES[:, None]) * genuine
    return float(((here - mixed) * np.log(here / mixed)).sum(axis=1).min())


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    smoothed = counts + _PRIOR / counts.size
    return np.asarray(smoothed / smoothed.sum())


@cache
def references() -> Mapping[str, Reference]:
    """By the keys of ``calibration.json``: ``name@version/kind`` or ``name@version``."""
    source = files("veriscope.detectors").joinpath(FILE)
    if not source.is_file():
        return {}
    table: dict[str, dict[str, Any]] = json.loads(source.read_text("utf-8"))
    return {
        key: Reference(tuple(e["edges"]), tuple(e["genuine"]), tuple(e["fake"]), e["basis"]) for key, e in table.items()
    }


def reference_of(detector: str, version: str, kind: str) -> Reference | None:
    table = references()
    return table.get(f"{detector}@{version}/{kind}") or table.get(f"{detector}@{version}")


class Window:
    """The newest scores of one detector, by bin; adding one costs a bisection."""

    def __init__(self, known: Reference, size: int = WINDOW) -> None:
        self.known = known
        self._size = size
        self._places: deque[int] = deque()
        self._counts = [0] * (len(known.edges) + 1)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, score: float) -> None:
        place = self.known.place(score)
        self._places.append(place)
        self._counts[place] += 1
        if len(self._places) > self._size:
            self._counts[self._places.popleft()] -= 1

    def stability(self) -> float | None:
        """The index less what chance alone gives on average; ``None`` while there are too few scores to tell.

        Two samples of one distribution differ by about (bins − 1) · (1 / n + 1 / m), which is 0.1 for a reference of
        a hundred items: without this, small calibration sets would raise alarms for ever.
        """
        if len(self._places) < LEAST:
            return None
        known = sum(self.known.genuine) + sum(self.known.fake)
        chance = (len(self._counts) - 1) * (1 / len(self._places) + 1 / max(1, known))
        return max(0.0, stability(self._counts, self.known) - chance)


def spoken(report: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None, str | None]]:
    """Detector, version, score and reason of every finding in the public JSON of a report."""
    for row in report["signalBreakdown"].values():
        for finding in row["findings"]:
            yield finding["detector"], finding["version"], finding["score"], finding["reason"]
