"""Which boxes are covered at which moment: tracks, with the margins that rendering and the second look share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from veriscope.redaction.plan import Box, Kind, Path, Track

MARGIN: Mapping[Kind, float] = {Kind.FACE: 0.10, Kind.PLATE: 0.1, Kind.TEXT: 0.15, Kind.MANUAL: 0.0}
_LEAST_MARGIN = 1.5  # px; a few for the smallest, whose boxes are a pixel or two off
_MOST_SHIFT = 0.35  # of a box's side: a jump between two boxes is not a motion


@dataclass(frozen=True, slots=True)
class Margins:
    """How much is covered around what was found.

    Args:
        times: all margins are multiplied by this; larger where a first rendering leaked.
        step: seconds from one frame to the next: a box that moves is grown by half its way, on each side.
    """

    times: float = 1.0
    step: float = 1 / 30

    def grown(self, kind: Kind, box: Box, speed: tuple[float, float]) -> Box:
        x, y, w, h = box
        if kind is Kind.MANUAL and self.times == 1.0:
            return box
        least = 0.0 if kind is Kind.MANUAL else _LEAST_MARGIN
        base = max(MARGIN[kind], 0.05) if self.times > 1 else MARGIN[kind]
        way = self.step / 2
        wide = min(w, h) if kind is Kind.TEXT else w  # a long line is no wider at its ends than a short one
        across = self.times * (max(least, base * wide) + min(abs(speed[0]) * way, _MOST_SHIFT * w))
        up = self.times * (max(least, base * h) + min(abs(speed[1]) * way, _MOST_SHIFT * h))
        return x - across, y - up, w + 2 * across, h + 2 * up


class Coverage:
    """The covered boxes of every moment; asked in any order."""

    def __init__(self, tracks: Iterable[Track], margins: Margins) -> None:
        self._paths = [Path(track) for track in tracks]
        self._margins = margins

    def at(self, time: float) -> list[tuple[Kind, Box]]:
        """Kinds and boxes in pixels of the upright picture."""
        found = []
        for path in self._paths:
            if (place := path.at(time)) is not None:
                found.append((path.track.kind, self._margins.grown(path.track.kind, *place)))
        return found
