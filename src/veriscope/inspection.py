"""Running the detectors on one scene: side by side, over one pass of a video, each guarded from the others' faults."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any, TypeVar

from veriscope.detectors.base import abstain_for
from veriscope.errors import BadInput, Cancelled, Fault, ModelUnavailable, VeriscopeError
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
_SOUND = 0.05  # of the progress of a video
T = TypeVar("T")
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


class _Threads(ThreadPoolExecutor):
    """Threads that work in the context of whoever asked: the trace goes with the work."""

    def submit(self, work: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:
        return super().submit(copy_context().run, work, *args, **options)


class Inspector:
    """The detectors, the networks they ask, and the threads they run on."""

    def __init__(self, detectors: Sequence[Detector], infer: Infer, threads: int) -> None:
        self._detectors = tuple(detectors)
        self._infer = infer
        self._threads = threads
        self._pool = _Threads(threads, thread_name_prefix="detector")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def serving(self, detectors: Sequence[Detector], infer: Infer) -> Inspector:
        """The same threads for those who take part in one examination."""
        other = copy.copy(self)
        other._detectors, other._infer = tuple(detectors), infer
        return other

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
        wanted = [d for d in chosen if scene.options.policy in d.policies]
        running = [d for d in wanted if d.name not in scene.options.without]
        findings = {d.name: abstain_for(d, Reason.SKIPPED_BY_POLICY) for d in chosen if d not in wanted}
        findings |= {d.name: abstain_for(d, Reason.SKIPPED_UNDER_LOAD) for d in wanted if d not in running}
        reel = Reel()
        if scene.media.kind is not Kind.VIDEO:
            findings |= self._side_by_side(scene, running, tell, (0.0, 1.0), clock)
            return [findings[d.name] for d in chosen], reel
        # The sound first, and its largest array gone before the frames come: what both need would add up.
        hearing = [d for d in running if d.signal is Signal.AUDIO and not isinstance(d, FrameDetector)]
        watching = [d for d in running if isinstance(d, FrameDetector)]
        rest = [d for d in running if d not in hearing and d not in watching]
        findings |= self._side_by_side(scene, hearing, tell, (0.0, _SOUND), clock)
        scene.forget_waveform()
        findings |= self._watch(
            scene, watching, reel, lambda done: tell("detect", _SOUND + (0.95 - _SOUND) * done), clock
        )
        findings |= self._side_by_side(scene, rest, tell, (0.95, 1.0), clock)
        return [findings[d.name] for d in chosen], reel

    def _side_by_side(
        self,
        scene: OpenScene,
        detectors: Sequence[Detector],
        tell: Progress,
        share: tuple[float, float],
        clock: Clock,
    ) -> dict[str, Finding]:
        """Each of the detectors as a whole; ``share`` of the progress bar, from and to, is theirs."""
        begin, end = share
        done = 0

        def run(detector: Detector) -> Finding:
            nonlocal done
            finding = self._guard(detector, lambda: detector.inspect(scene, self._infer), clock)
            done += 1
            tell("detect", begin + (end - begin) * done / len(detectors))
            return finding

        # slowest first would need a guess; the pool keeps both cores busy with a dozen short tasks anyway
        return {d.name: f for d, f in zip(detectors, self._pool.map(run, detectors), strict=True)}

    def _watch(
        self,
        scene: OpenScene,
        detectors: Sequence[FrameDetector],
        reel: Reel,
        tell: Callable[[float], None],
        clock: Clock,
    ) -> dict[str, Finding]:
        """One pass over the frames, shared by every detector that looks at them."""
        duration = max(scene.stream().duration, 1e-3)
        watches: dict[Detector, Watch] = {}
        broken: dict[str, Finding] = {}
        for detector in detectors:
            watches[detector] = detector.watch(scene, self._infer)

        def see(detector: Detector, frame: Frame, faces: Sequence[Face]) -> None:
            if detector.name in broken:
                return
            try:
                with clock(f"detector.{detector.name}"):
                    watches[detector].see(frame, faces)
            except Exception as exc:
                broken[detector.name] = _broken(detector, exc)

        for frame, faces in self._with_faces(scene, clock):
            if frame.sampled:
                reel.add(frame)
            list(self._pool.map(lambda d, frame=frame, faces=faces: see(d, frame, faces), watches))
            tell(min(1.0, frame.time / duration))
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
    if isinstance(exc, BadInput):  # a stream that does not decode: the medium's fault, and no news to the operator
        log.info("the detector %s could not read its part: %s", detector.name, exc.message)
    else:
        log.warning("the detector %s failed", detector.name, exc_info=exc)
    code = exc.code if isinstance(exc, VeriscopeError) else Fault.code
    return replace(abstain_for(detector, Reason.FAILED), error=code)
