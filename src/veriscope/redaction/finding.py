"""Every frame covered: looks on a cadence, tracking in between and in both directions of time.

A track begins at a sighting and is followed backwards at least to the frame before which nothing had been looked at,
and further while it surely looks the same. It ends only at a look that no longer sees it, and again later while
it surely looks the same. Nothing here takes a box back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.perception.faces import overlap
from veriscope.redaction import flow
from veriscope.redaction.flow import Grey
from veriscope.redaction.lookers import Effort, Sighting
from veriscope.redaction.plan import EPSILON, Box, KeyBox, Kind, Track, thinned
from veriscope.redaction.reading import PLATE
from veriscope.types import Image

PATIENCE = 3.0  # seconds that a track goes on, by its looks alone, after a look should have seen it
_REMEMBERED = 240  # frames that a new track can be followed back
_GROWTH = 0.03  # by which a box that nobody is sure of grows a frame …
_MOST_GROWTH = 1.5  # … up to this
_BRIDGED = 2.0  # seconds from the end of a track to the beginning of another that are taken for one
_BRIDGED_REACH = 2.0
_HELD = 1.0  # seconds before the first frame and after the last
_LEAST_OVERLAP = 0.15
_REACH = 0.8  # box sizes that a centre may be off


@dataclass
class _Open:
    kind: Kind
    number: int
    box: Box  # now, in pixels of the grey frame
    looks: NDArray[np.float32]  # when it was last seen
    confidence: float
    seen: float
    effort: Effort  # the least at which it has been seen: smaller ones cannot tell that it is gone
    patience: float = PATIENCE
    over: bool = False  # its scene is
    boxes: list[KeyBox] = field(default_factory=list)
    since: int = 0  # index in ``boxes`` of the last sighting
    sure: bool = True
    growth: float = 1.0
    thumbnail: bytes = b""
    thumbnail_score: float = -1.0
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Past:
    grey: Grey
    time: float
    cut: bool  # another scene begins with this frame
    looked: frozenset[Kind] = frozenset()  # for what


class Following:
    """Feed it the frames in order, then the sightings on the frame fed last."""

    def __init__(self, width: int, every: Mapping[Effort, float]) -> None:
        self._width = width  # of the frames that boxes refer to
        self._every = every  # seconds between looks of at least this effort
        self._open: list[_Open] = []
        self._closed: list[_Open] = []
        self._past: deque[_Past] = deque(maxlen=_REMEMBERED)
        self._scale = 1.0
        self._first: float | None = None
        self._numbers: dict[Kind, int] = {}

    def frame(self, grey: Grey, time: float, cut: bool) -> None:
        """One frame on: every open track moves with it."""
        self._scale = self._width / grey.shape[1]
        self._first = time if self._first is None else self._first
        if self._past and self._open:
            moved = flow.step(self._past[-1].grey, grey, [t.box for t in self._open])
            for track, (box, agreed) in zip(self._open, moved, strict=True):
                if agreed and not cut:
                    track.box = box
                track.sure = agreed and not cut and flow.alike(track.looks, flow.patch(grey, track.box))
                track.over = track.over or cut
                track.growth = 1.0 if track.sure else min(_MOST_GROWTH, track.growth + _GROWTH)
                track.boxes.append(KeyBox(time, self._out(track.box, track.growth), seen=False))
        self._past.append(_Past(grey, time, cut))

    def looked(self, sightings: Mapping[Kind, Sequence[Sighting]], image: Image, effort: Effort) -> None:
        """What was seen on the last frame (boxes in pixels of ``image``); kinds that did not look are absent."""
        now = self._past[-1]
        factor = now.grey.shape[1] / image.shape[1]
        for kind, found in sightings.items():
            boxes: list[Box] = [_times(s.box, factor) for s in found]
            own = [t for t in self._open if t.kind == kind]
            pairs = _paired([t.box for t in own], boxes)
            for i, j in pairs:
                self._seen_again(own[i], boxes[j], found[j].score, now, effort)
                self._portray(own[i], found[j], image)
            taken = {j for _, j in pairs}
            for j, box in enumerate(boxes):
                if j not in taken:
                    self._portray(self._begin(kind, box, found[j].score, now, effort), found[j], image)
            unseen = [t for i, t in enumerate(own) if i not in {i for i, _ in pairs}]
            for track in unseen:
                waited = now.time - track.seen
                gone = effort >= track.effort and not track.sure
                if gone or track.over or waited > track.patience or _outside(track.box, now.grey):
                    self._open.remove(track)
                    self._closed.append(track)
        self._past[-1] = _Past(now.grey, now.time, now.cut, now.looked | frozenset(sightings))

    def tracks(self) -> tuple[Track, ...]:
        """All tracks so far. What is there in the first or the last frame that was fed is taken to be there before
        and after: frames may have been left out."""
        everyone = sorted(self._closed + self._open, key=lambda t: (t.boxes[0].time, t.kind, t.number))
        for i, track in enumerate(everyone):
            if (after := _continued(track, everyone[i + 1 :])) is not None:
                # A short absence is no absence: it is covered on the way from the last place to the next.
                track.boxes.append(KeyBox(after.boxes[0].time, after.boxes[0].box, seen=False))
        return tuple(
            named(t.kind, t.number, t.label, thinned(self._held(t)), t.confidence, t.thumbnail) for t in everyone
        )

    def _held(self, track: _Open) -> list[KeyBox]:
        boxes = list(track.boxes)
        first, last = boxes[0], boxes[-1]
        if first.time == self._first:
            boxes.insert(0, KeyBox(first.time - _HELD, first.box, seen=False))
        if self._past and last.time == self._past[-1].time:
            boxes.append(KeyBox(last.time + _HELD, last.box, seen=False))
        return boxes

    # a track's life

    def _begin(self, kind: Kind, box: Box, score: float, now: _Past, effort: Effort) -> _Open:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        track = _Open(kind, self._numbers[kind], box, flow.patch(now.grey, box), score, now.time, effort)
        track.patience = PATIENCE + self._every[effort]
        track.boxes = [*self._backwards(kind, box, track.looks), KeyBox(now.time, self._out(box))]
        track.since = len(track.boxes) - 1
        self._open.append(track)
        return track

    def _backwards(self, kind: Kind, box: Box, looks: NDArray[np.float32]) -> list[KeyBox]:
        """Where it was before it was first seen, earliest first."""
        boxes: list[KeyBox] = []
        growth, bound = 1.0, True  # until the previous look it is followed whether it is sure or not
        past = list(self._past)
        for after, before in zip(reversed(past), reversed(past[:-1]), strict=False):
            if after.cut:
                # The frames in between, which the survey left out, may belong to either scene.
                boxes.append(KeyBox(before.time + EPSILON * 2, self._out(box, growth), seen=False))
                break
            (box, agreed), *_ = flow.step(after.grey, before.grey, [box])
            sure = agreed and flow.alike(looks, flow.patch(before.grey, box))
            growth = 1.0 if sure else min(_MOST_GROWTH, growth + _GROWTH)
            if not bound and (not sure or _outside(box, before.grey)):
                break
            boxes.append(KeyBox(before.time, self._out(box, growth), seen=False))
            bound = bound and kind not in before.looked
        return boxes[::-1]

    def _seen_again(self, track: _Open, box: Box, score: float, now: _Past, effort: Effort) -> None:
        """What following got wrong since the last sighting is spread over the frames in between."""
        target = self._out(box)
        if track.boxes[-1].time < now.time:
            track.boxes.append(KeyBox(now.time, self._out(track.box), seen=False))
        drifted = self._out(track.box)
        error = [a - b for a, b in zip(target, drifted, strict=True)]
        start = track.boxes[track.since].time
        span = max(now.time - start, 1e-9)
        for i in range(track.since + 1, len(track.boxes) - 1):
            old = track.boxes[i]
            share = (old.time - start) / span
            x, y, w, h = (v + share * e for v, e in zip(old.box, error, strict=True))
            track.boxes[i] = KeyBox(old.time, (x, y, max(w, 1.0), max(h, 1.0)), seen=False)
        track.boxes[-1] = KeyBox(now.time, target)
        track.box, track.looks = box, flow.patch(now.grey, box)
        track.seen, track.sure, track.growth = now.time, True, 1.0
        track.over = False
        track.since = len(track.boxes) - 1
        track.confidence = max(track.confidence, score)
        track.effort = min(track.effort, effort)
        track.patience = PATIENCE + self._every[track.effort]

    def _portray(self, track: _Open, sighting: Sighting, image: Image) -> None:
        if sighting.score > track.thumbnail_score + 0.05:
            track.thumbnail, track.thumbnail_score = portrait(image, sighting.box), sighting.score
            track.label = sighting.label

    def _out(self, box: Box, growth: float = 1.0) -> Box:
        x, y, w, h = (v * self._scale for v in box)
        return x - w * (growth - 1) / 2, y - h * (growth - 1) / 2, w * growth, h * growth


def named(kind: Kind, number: int, label: str, boxes: tuple[KeyBox, ...], confidence: float, thumbnail: bytes) -> Track:
    """A track as the plan knows it. What was read as a licence plate is one."""
    if kind is Kind.TEXT and label == PLATE:
        return Track(f"plate-text-{number}", Kind.PLATE, boxes, confidence, label=label, thumbnail=thumbnail)
    return Track(f"{kind.value}-{number}", kind, boxes, confidence, label=label, thumbnail=thumbnail)


def _continued(track: _Open, later: Sequence[_Open]) -> _Open | None:
    """The track that begins soon after this one's end, near by and alike in size: most likely the same thing."""
    last = track.boxes[-1]
    if track.over:
        return None
    for other in later:
        first = other.boxes[0]
        gap = first.time - last.time
        if other.kind == track.kind and 0 < gap <= _BRIDGED and _paired([last.box], [first.box], _BRIDGED_REACH):
            return other
    return None


def portrait(image: Image, box: Box, side: int = 96) -> bytes:
    """A small JPEG of what is in the box and a little around it."""
    x, y, w, h = box
    height, width = image.shape[:2]
    left, top = max(0, int(x - 0.2 * w)), max(0, int(y - 0.2 * h))
    right, bottom = min(width, int(x + 1.2 * w) + 1), min(height, int(y + 1.2 * h) + 1)
    cut = image[top:bottom, left:right]
    if not cut.size:
        return b""
    factor = min(1.0, side / max(cut.shape[:2]))
    size = (max(1, round(cut.shape[1] * factor)), max(1, round(cut.shape[0] * factor)))
    small = cv2.resize(np.ascontiguousarray(cut[:, :, ::-1]), size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return data.tobytes() if done else b""


def _paired(tracks: Sequence[Box], found: Sequence[Box], reach: float = _REACH) -> list[tuple[int, int]]:
    """Which track is which box: most overlap, or near enough and alike in size."""
    if not tracks or not found:
        return []
    a, b = np.array(tracks, np.float32), np.array(found, np.float32)
    iou = overlap(a, b).astype(np.float64)
    size_a, size_b = np.sqrt(np.prod(a[:, 2:], axis=1))[:, None], np.sqrt(np.prod(b[:, 2:], axis=1))[None]
    shift = (a[:, :2] + a[:, 2:] / 2)[:, None] - (b[:, :2] + b[:, 2:] / 2)[None]
    distance = np.linalg.norm(shift, axis=2) / np.maximum(np.minimum(size_a, size_b), 1e-6)
    near = (distance < reach) & (np.maximum(size_a / size_b, size_b / size_a) < 1.8)
    affinity = np.where(iou >= _LEAST_OVERLAP, iou, 0.0)
    affinity = np.maximum(affinity, np.where(near, 0.1 * (1 - distance / reach), 0.0))
    if min(affinity.shape) == 1:
        pairs = [tuple(int(k) for k in np.unravel_index(affinity.argmax(), affinity.shape))]
    else:
        from scipy.optimize import linear_sum_assignment  # a third of a second to load, and most films have one person

        pairs = list(zip(*(side.tolist() for side in linear_sum_assignment(-affinity)), strict=True))
    return [(i, j) for i, j in pairs if affinity[i, j] > 0]


def _outside(box: Box, grey: Grey) -> bool:
    x, y, w, h = box
    return x + w / 2 < 0 or y + h / 2 < 0 or x + w / 2 > grey.shape[1] or y + h / 2 > grey.shape[0]


def _times(box: Box, factor: float) -> Box:
    x, y, w, h = box
    return x * factor, y * factor, w * factor, h * factor
