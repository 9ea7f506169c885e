"""Is a video one continuous recording: jumps inside a shot, frozen pictures, replayed stretches, missing time.

Inter-frame forgeries (deleting, repeating, freezing frames) break the smoothness of the difference between neighbouring
frames (Wang & Farid, "Exposing digital forgeries in video by detecting duplication", MM&Sec 2007; Chao, Jiang & Sun,
"A novel video inter-frame forgery model detection scheme based on optical flow consistency", IWDW 2012). Everything is
measured on 36×64 grey copies of all frames. A cut to another scene is ordinary editing and counts for nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from veriscope.detectors._runs import runs_of
from veriscope.detectors.base import Method
from veriscope.types import Finding, FrameScore, Infer, Kind, Motion, Reason, Scene, Signal, Span

Grey = NDArray[np.uint8]
Series = NDArray[np.float64]

FEWEST = 24  # frames
NOISE = 0.08  # grey levels that coding alone moves between copies this small
# Correlation of neighbouring frames above which they show the same scene. Between shots of the same person in the same
# room it can be higher: such a cut is a jump cut, and counts.
SAME_SCENE = 0.8
REPLAY_LEAST = 10  # frames in a replayed stretch
REPLAY_APART = 1.0  # s between a stretch and its copy
REPLAY_STRIDE = 4  # every fourth frame looks for its copy; runs of ten cannot hide between
MOST_LAGS = 16  # distances between a stretch and its copy that are looked at closely
SLICE = 512  # frames compared at a time: 2.4 MB each way
MATCH = 0.35  # a copy differs by less than this share of what the neighbours of the copy do
MOST_FRAMES = 40000  # beyond, a replay search would cost more than the decoding


class Event(NamedTuple):
    kind: str  # "jump", "freeze", "replay", "gap"
    strength: float  # comparable between kinds: 2 is rare in untouched clips
    first: int  # frame
    last: int  # frame
    source: int = -1  # first frame of the original, for a replay


def differences(thumbs: Grey, lag: int = 1) -> Series:
    """Mean absolute difference (grey levels) of each frame to the one ``lag`` before: N − lag values."""
    out = np.empty(max(0, len(thumbs) - lag))
    for start in range(0, len(out), 2048):
        end = min(start + 2048, len(out))
        later = thumbs[start + lag : end + lag].astype(np.int16)
        out[start:end] = np.abs(later - thumbs[start:end]).mean(axis=(1, 2))
    return out


def correlation(a: Grey, b: Grey) -> float:
    """Pearson correlation of two thumbs; 1 where both are flat."""
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 1e-9 else 1.0


def jumps(thumbs: Grey, types: NDArray[np.uint8]) -> list[Event]:
    """Single steps far larger than those just before and after, within one scene.

    The strength is log2 of the step over the largest of the four steps around it. Motion rises and falls over several
    frames; only a missing piece makes a single large step. Left out: cuts to another scene; flashes (the frame after is
    like the frame before); key frames that stand out as all key frames of the file do; and steps after a repeated
    picture, which any change of frame rate leaves behind.
    """
    step = differences(thumbs)
    if len(step) < 8:
        return []
    around = np.stack([step[i : len(step) - 4 + i] for i in (0, 1, 3, 4)])
    ratio = np.zeros(len(step))
    ratio[2:-2] = step[2:-2] / (around.max(axis=0) + 3 * NOISE)
    key = types[1:] == ord("I")
    usual_key = max(1.0, float(np.median(ratio[key]))) if key.sum() >= 4 else 1.0
    found = []
    for i in np.flatnonzero(ratio > 1.5).tolist():
        strength = float(np.log2(ratio[i] / (usual_key if key[i] else 1.0)))
        if strength < 0.5 or step[i - 1] < NOISE or step[i] < 8 * NOISE:
            continue
        before, after, beyond = thumbs[i], thumbs[i + 1], thumbs[min(i + 2, len(thumbs) - 1)]
        if correlation(before, after) < SAME_SCENE:
            continue
        if np.abs(beyond.astype(np.int16) - before).mean() < 0.6 * step[i]:
            continue
        found.append(Event("jump", strength, int(i), int(i + 1)))
    return found


def freezes(thumbs: Grey, times: Series) -> list[Event]:
    """Pictures that stand still for at least 0.12 s in the middle of motion.

    Repeats that recur all through the file are a change of frame rate, and a scene that rests moves little on either
    side: neither counts.
    """
    step = differences(thumbs)
    still = step < NOISE / 2
    found = []
    runs = runs_of(still)
    for a, b in runs:
        seconds = times[b] - times[a]
        if seconds < 0.12 or b - a < 3 or a < 6 or b > len(step) - 6:
            continue
        before, after = float(np.median(step[max(0, a - 12) : a])), float(np.median(step[b : b + 12]))
        motion = min(before, after)
        if motion < 2.5 * NOISE or sum(1 for c, d in runs if d - c >= b - a) > 3:
            continue
        strength = 1.5 + min(2.0, np.log2(motion / (2.5 * NOISE))) + min(2.0, np.log2(seconds / 0.12))
        found.append(Event("freeze", float(strength), a, b))
    return found


def replays(thumbs: Grey, times: Series) -> list[Event]:
    """Stretches shown twice, at least one second apart.

    A copy is a sharp minimum: frame j equals frame i while frames j ± 3 differ from it as motion demands. Candidates
    come from a coarse search on 6×8 means, the decision from the full thumbs along the diagonal.
    """
    n = len(thumbs)
    if n < 3 * REPLAY_LEAST or n > MOST_FRAMES:
        return []
    coarse = thumbs.reshape(n, 6, 6, 8, 8).mean(axis=(2, 4), dtype=np.float32).reshape(n, 48)
    coarse -= coarse.mean(axis=0)
    square = np.einsum("ij,ij->i", coarse, coarse)
    motion = median_filter(differences(thumbs, 3), 9)
    motion = np.concatenate([np.full(3, motion[0]), motion])
    candidates: dict[int, list[int]] = {}  # lag → frames j that look like j − lag
    anchors = np.arange(3, n - 3, REPLAY_STRIDE)
    for block in np.array_split(anchors, max(1, len(anchors) * n // 1_000_000)):
        distance = square[block][:, None] + square[None] - 2 * coarse[block] @ coarse.T
        limit = 48 * np.square(0.35 * motion[block] + NOISE)
        rows, columns = np.nonzero((distance < limit[:, None]) & (times[None] <= times[block][:, None] - REPLAY_APART))
        keep = motion[block][rows] > 4 * NOISE  # what stands still resembles itself at any lag
        for j, i in zip(block[rows[keep]].tolist(), columns[keep].tolist(), strict=True):
            candidates.setdefault(j - i, []).append(j)
    found = []
    # the longest copies first, and no more than a few: a loop matches itself at every multiple of its length
    for lag, frames in sorted(candidates.items(), key=lambda found: -len(found[1]))[:MOST_LAGS]:
        if len(frames) * REPLAY_STRIDE < REPLAY_LEAST - REPLAY_STRIDE:
            continue
        matched = _same(thumbs, np.arange(lag, n), lag)
        for a, b in runs_of(matched):
            if b - a >= REPLAY_LEAST:
                strength = 2.5 + min(2.5, float(np.log2((b - a) / REPLAY_LEAST)))
                found.append(Event("replay", strength, lag + a, lag + b - 1, a))
    return found


def _same(thumbs: Grey, frames: NDArray[np.intp], lag: int) -> NDArray[np.bool_]:
    """Whether each frame j repeats frame j − lag: closer than ``MATCH`` of the way to j − lag ± 3."""
    out = np.zeros(len(frames), bool)
    for start in range(0, len(frames), SLICE):
        j = frames[start : start + SLICE]
        i = j - lag
        now = thumbs[j].astype(np.int16)
        exact = np.abs(now - thumbs[i]).mean(axis=(1, 2))
        sides = [np.abs(now - thumbs[np.clip(i + s, 0, len(thumbs) - 1)]).mean(axis=(1, 2)) for s in (-3, 3)]
        nearby = np.minimum(*sides)
        out[start : start + SLICE] = (exact < MATCH * nearby) & (nearby > 4 * NOISE)
    # One coarse frame (a key frame in the copy) must not break a run.
    bridged: NDArray[np.bool_] = median_filter(out.astype(np.uint8), 3).astype(bool)
    return bridged


def gaps(times: Series) -> list[Event]:
    """Frames whose time is missing from an otherwise even clock. Files with a variable rate have none."""
    interval = np.diff(times)
    usual = float(np.median(interval))
    if usual <= 0:
        return []
    uneven = np.flatnonzero(interval > 1.6 * usual)
    if len(uneven) > max(3, len(interval) // 200) or np.mean(np.abs(interval - usual) < 0.1 * usual) < 0.97:
        return []
    inner = uneven[(uneven > 2) & (uneven < len(interval) - 3)]
    return [Event("gap", float(min(2.5, 0.5 + np.log2(interval[i] / usual) / 2)), int(i), int(i + 1)) for i in inner]


def find_events(motion: Motion) -> list[Event]:
    """All breaks of continuity, strongest first. The largest jump is listed even where it is ordinary."""
    events = [
        *jumps(motion.thumbs, motion.types),
        *freezes(motion.thumbs, motion.times),
        *replays(motion.thumbs, motion.times),
        *gaps(motion.times),
    ]
    return sorted(events, key=lambda event: -event.strength)


def statistic(events: list[Event]) -> float:
    """The strength of the strongest event; 0 where there is none."""
    return events[0].strength if events else 0.0


class FrameContinuity(Method):
    """Raw: strength of the strongest break of continuity, in robust deviations."""

    name = "frame_continuity"
    title = {"en": "Continuity of the frames", "vi": "Tính liên tục của khung hình"}
    signal = Signal.TEMPORAL
    kinds = frozenset({Kind.VIDEO})
    libraries = ("numpy", "scipy")
    reference = "W. Wang, H. Farid, Exposing digital forgeries in video by detecting duplication, MM&Sec 2007"
    sentences = {
        "jump": {
            "en": "At {start:.2f} s the picture jumps within one shot: the step is {times:.1f} times the motion around "
            "it, as when frames are missing.",
            "vi": "Tại {start:.2f} giây hình ảnh nhảy trong cùng một cảnh: bước nhảy gấp {times:.1f} lần chuyển động "
            "xung quanh, như khi bị mất khung hình.",
        },
        "freeze": {
            "en": "From {start:.2f} s to {end:.2f} s the picture stands still in the middle of motion.",
            "vi": "Từ {start:.2f} giây đến {end:.2f} giây hình ảnh đứng yên giữa lúc đang chuyển động.",
        },
        "replay": {
            "en": "The {frames} frames from {start:.2f} s to {end:.2f} s repeat what was shown at {source:.2f} s.",
            "vi": "{frames} khung hình từ {start:.2f} giây đến {end:.2f} giây lặp lại đoạn đã "
            "chiếu lúc {source:.2f} giây.",
        },
        "gap": {
            "en": "The clock of an otherwise even stream skips from {start:.2f} s to {end:.2f} s.",
            "vi": "Dòng thời gian vốn đều đặn bị nhảy từ {start:.2f} giây đến {end:.2f} giây.",
        },
        "none": {
            "en": "All {count} frames follow each other smoothly.",
            "vi": "Tất cả {count} khung hình nối tiếp nhau liền mạch.",
        },
    }
    shown = 1.5  # strength from which an event is shown; see bench/calibrate_av.py for the clips it was chosen on

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        motion = scene.motion()
        if len(motion.thumbs) < FEWEST:
            return self.abstain(Reason.TOO_SHORT)
        events = find_events(motion)
        strong = [event for event in events if event.strength >= self.shown][:50]
        summaries = [self._tell(event, motion.times) for event in strong]
        return self.found(
            statistic(events),
            scene.media.kind,
            summaries[0] if strong else self.say("none", count=len(motion.thumbs)),
            spans=tuple(
                Span(float(motion.times[event.first]), float(motion.times[event.last]), note=note)
                for event, note in zip(strong, summaries, strict=True)
            ),
            frames=tuple(
                FrameScore(event.last, float(motion.times[event.last]), min(1.0, event.strength / 4))
                for event in sorted(strong, key=lambda event: event.last)
                if event.kind != "replay"
            ),
            parameters={"thumbnail": "64x36", "replay_frames": REPLAY_LEAST, "same_scene": SAME_SCENE},
            measurements={
                "frames": len(motion.thumbs),
                **{kind: sum(event.kind == kind for event in strong) for kind in ("jump", "freeze", "replay", "gap")},
            },
        )

    def _tell(self, event: Event, times: Series) -> dict[str, str]:
        return dict(
            self.say(
                event.kind,
                start=times[event.first],
                end=times[event.last],
                times=2**event.strength,
                frames=event.last - event.first + 1,
                source=times[max(0, event.source)],
            )
        )
