"""Running the detectors on one scene: side by side, over one pass of a video, each guarded from the others' faults."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from veriscope.detectors.base import abstain_for
from veriscope.errors import Cancelled, Fault, ModelUnavailable, VeriscopeError
from veriscope.perception.exhibits import Reel
from veriscope.perception.scene import OpenScene
from veriscope.types import (
    Detector,
    Face,
    Finding,
    Frame,
    FrameDetector,
    Infer,
    Kind,
    Progress,
    Reason,
    Signal,
    Watch,
)

log = logging.getLogger(__name__)
_FOLLOW = 0.28  # seconds for which a face that was found is taken to stay where it is
_WORDS = {Kind.TEXT, Kind.HTML}


class Clock:
    """Milliseconds by stage, summed over threads."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    def __call__(self, stage: str) -> _Lap:
        return _Lap(self.stages, stage)


class _Lap:
    def __init__(self, stages: dict[str, float], stage: str) -> None:
        self._stages, self._stage = stages, stage

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = 1000 * (time.perf_counter() - self._start)
        self._stages[self._stage] = round(self._stages.get(self._stage, 0.0) + spent, 1)


class Inspector:
    """The detectors, the networks they ask, and the threads they run on."""

    def __init__(self, detectors: Sequence[Detector], infer: Infer, threads: int) -> None:
        self._detectors = tuple(detectors)
        self._infer = infer
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="detector")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def inspect(self, scene: OpenScene, tell: Progress, clock: Clock) -> tuple[list[Finding], Reel]:
        """One finding of every detector that applies, in the order of the registry, and the small frames of a video."""
        kind, caption = scene.media.kind, scene.options.caption
        # a picture with a caption is also a text; without one, methods for text have nothing to say
        chosen = [
            d
            for d in self._detectors
            if (caption and Kind.TEXT in d.kinds)
            or (kind in d.kinds and (kind in _WORDS or d.signal is not Signal.TEXT))
        ]
        skipped = [d for d in chosen if scene.options.policy not in d.policies]
        running = [d for d in chosen if scene.options.policy in d.policies]
        findings = {d.name: abstain_for(d, Reason.SKIPPED_BY_POLICY) for d in skipped}
        watching = [d for d in running if scene.media.kind is Kind.VIDEO and isinstance(d, FrameDetector)]
        reel = Reel()
        if scene.media.kind is Kind.VIDEO:
            findings |= self._watch(scene, watching, reel, tell, clock)
        rest = [d for d in running if d not in watching]
        done = 0

        def run(detector: Detector) -> Finding:
            nonlocal done
            finding = self._guard(detector, lambda: detector.inspect(scene, self._infer), clock)
            done += 1
            tell("detect", (0.9 if watching else 0.0) + (0.1 if watching else 1.0) * done / max(1, len(rest)))
            return finding

        # slowest first would need a guess; the pool keeps both cores busy with a dozen short tasks anyway
        findings |= {d.name: f for d, f in zip(rest, self._pool.map(run, rest), strict=True)}
        return [findings[d.name] for d in chosen], reel

    def _watch(
        self, scene: OpenScene, detectors: Sequence[Detector], reel: Reel, tell: Progress, clock: Clock
    ) -> dict[str, Finding]:
        """One pass over the frames, shared by every detector that looks at them."""
        duration = max(scene.stream().duration, 1e-3)
        watches: dict[Detector, Watch] = {}
        broken: dict[str, Finding] = {}
        for detector in detectors:
            assert isinstance(detector, FrameDetector)
            watches[detector] = detector.watch(scene, self._infer)

        def see(detector: Detector, frame: Frame, faces: object) -> None:
            if detector.name in broken:
                return
            try:
                with clock(f"detector.{detector.name}"):
                    watches[detector].see(frame, faces)  # type: ignore[arg-type]
            except Exception as exc:
                broken[detector.name] = _broken(detector, exc)

        for frame, faces in self._with_faces(scene, clock):
            if frame.sampled:
                reel.add(frame)
            list(self._pool.map(lambda d, frame=frame, faces=faces: see(d, frame, faces), watches))
            tell("detect", 0.9 * min(1.0, frame.time / duration))
        return {d.name: broken.get(d.name) or self._guard(d, watch.finish, clock) for d, watch in watches.items()}

    def _with_faces(self, scene: OpenScene, clock: Clock) -> Iterator[tuple[Frame, Sequence[Face]]]:
        """Frames with their faces, in order. Faces are looked for in a few frames at a time, ahead of the detectors."""

        def find(frame: Frame) -> Sequence[Face]:
            with clock("faces"):
                return scene.find_faces(frame)

        def ready(frame: Frame, found: Future[Sequence[Face]] | None) -> tuple[Frame, Sequence[Face]]:
            return frame, () if found is None else scene.track(frame, found.result())

        ahead: deque[tuple[Frame, Future[Sequence[Face]] | None]] = deque()
        looked = -math.inf
        for frame in scene.frames():
            # between samples and bursts a face is found again soon enough to follow it, at a third of the cost
            follow = not frame.sampled and frame.burst is None and frame.time - looked < _FOLLOW
            ahead.append((frame, None if follow else self._pool.submit(find, frame)))
            looked = looked if follow else frame.time
            if len(ahead) > self._threads:
                yield ready(*ahead.popleft())
        while ahead:
            yield ready(*ahead.popleft())

    def _guard(self, detector: Detector, work: Callable[[], Finding], clock: Clock) -> Finding:
        """A detector that breaks is shown as broken; it neither stops the others nor passes for an abstention."""
        try:
            with clock(f"detector.{detector.name}"):
                return work()
        except Cancelled:
            raise
        except ModelUnavailable:
            return abstain_for(detector, Reason.MODEL_MISSING)
        except Exception as exc:
            return _broken(detector, exc)


def _broken(detector: Detector, exc: Exception) -> Finding:
    if isinstance(exc, Cancelled):
        raise exc
    log.warning("the detector %s failed", detector.name, exc_info=exc)
    code = exc.code if isinstance(exc, VeriscopeError) else Fault.code
    return replace(abstain_for(detector, Reason.FAILED), error=code)
