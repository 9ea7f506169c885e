"""The second look: the same eyes at the output, at other moments and another size, and what they still see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.lookers import Sighting
from veriscope.redaction.looking import Seen
from veriscope.redaction.plan import Box, Kind, Plan

LEAK = 0.5  # least score of a sighting in the output that counts as a leak
_COVERED = 0.5  # share of a sighting under covers from which it is the cover that was seen, not the thing
_MOMENT = 0.25  # seconds between two looks at the same moment of source and output
_SAME = 0.3  # share of one sighting in another from which they are of the same thing
_KEPT = 0.3  # share of a sighting that a kept track explains


@dataclass(frozen=True, slots=True)
class Leak:
    kind: Kind
    time: float  # seconds
    box: Box
    score: float

    def as_dict(self) -> dict[str, Any]:
        x, y, w, h = (round(v, 1) for v in self.box)
        return {
            "kind": self.kind.value,
            "time": round(self.time, 3),
            "x": x,
            "y": y,
            "width": w,
            "height": h,
            "score": round(self.score, 3),
        }


def leaks(plan: Plan, looks: Iterable[Seen], margins: Margins) -> list[Leak]:
    """Sightings that neither lie under a cover nor belong to a track that the plan keeps."""
    covers = Coverage([t for t in plan.tracks if t.enabled], margins)
    kept = Coverage([t for t in plan.tracks if not t.enabled], Margins(1.5, margins.step))
    found = []
    for look in looks:
        under, spared = [b for _, b in covers.at(look.time)], [b for _, b in kept.at(look.time)]
        for kind, sightings in look.sightings.items():
            for s in sightings:
                if s.score < LEAK or share(s.box, under) >= _COVERED or share(s.box, spared) >= _KEPT:
                    continue
                found.append(Leak(kind, look.time, s.box, s.score))
    return found


def confirmed(found: Sequence[Leak], source: Sequence[Seen]) -> list[Leak]:
    """Leaks that show in the source too, looked at in the same way: the rest is what covers look like.

    A word beside a black box resembles a licence plate, half a sentence a name. What is bare in the output is bare in
    the source, so nothing real is lost. A leak at a moment that was not looked at in the source stays one.
    """
    kept = []
    for leak in found:
        near = [look for look in source if abs(look.time - leak.time) <= _MOMENT]
        boxes = [s.box for look in near for s in look.sightings.get(leak.kind, ())]
        if not near or share(leak.box, boxes) >= _SAME or any(share(b, [leak.box]) >= _SAME for b in boxes):
            kept.append(leak)
    return kept


def as_sightings(found: Sequence[Leak]) -> Mapping[Kind, Sequence[tuple[float, Sighting]]]:
    """Leaks as further sightings in the source, for another plan."""
    grouped: dict[Kind, list[tuple[float, Sighting]]] = {}
    for leak in found:
        grouped.setdefault(leak.kind, []).append((leak.time, Sighting(leak.box, leak.score)))
    return grouped


def share(box: Box, others: Sequence[Box]) -> float:
    """Which part of ``box`` the others cover together, on a grid of 24 × 24 points."""
    if not others:
        return 0.0
    x, y, w, h = box
    at = (np.arange(24) + 0.5) / 24
    xs, ys = np.meshgrid(x + at * w, y + at * h)
    inside = np.zeros(xs.shape, bool)
    for left, top, width, height in others:
        inside |= (xs >= left) & (xs <= left + width) & (ys >= top) & (ys <= top + height)
    return float(inside.mean())
