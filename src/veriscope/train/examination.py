"""Asking one detector about labelled media, through the real scene: decode child, faces, networks and all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from veriscope.detectors.base import calibration
from veriscope.detectors.imported import method_for
from veriscope.detectors.registry import DETECTORS
from veriscope.errors import BadInput, BadModel, BadRequest, ModelUnavailable
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.inspection import Clock, Inspector
from veriscope.media.child import DecodeChild
from veriscope.media.intake import open_bytes, open_text
from veriscope.media.limits import Limits
from veriscope.perception.scene import OpenScene, open_scene
from veriscope.train import baseline
from veriscope.train.labelled import Item, Mask, groups_of
from veriscope.train.metrics import Overlap
from veriscope.types import Detector, Finding, Infer, Kind, Options, Policy, Reason

Tell = Callable[[int, int], None]  # done, total


@dataclass(frozen=True, slots=True)
class Answer:
    """What the detector said of one item. ``raw`` is ``None`` where it abstained, failed or could not read it."""

    name: str
    label: int
    group: str
    subset: str
    raw: float | None
    score: float | None  # calibrated; None also while the detector is not calibrated
    outcome: str  # "spoke", a ``Reason``, or "unreadable"
    kind: str = ""  # of the medium
    facts: tuple[float, ...] = ()
    neutral: float | None = None  # the raw at which the score is one half
    overlap: Overlap | None = None
    mapped: bool = False  # gave a heatmap
    wall_ms: float = 0.0
    cpu_ms: float = 0.0


def subject(name: str, detectors: Sequence[Detector] = DETECTORS, registry: Registry | None = None) -> Detector:
    """The detector of this name, or the one through which the network of this name speaks, imported ones included.

    Raises:
        BadRequest: there is none, or there are several.
    """
    plain = name.replace("-", "_")
    for detector in detectors:
        if detector.name == plain:
            return detector
    users = [d for d in detectors if name in d.models]
    if len(users) == 1:
        return users[0]
    if users:
        raise BadRequest(
            f"Several detectors use the network {name}.", hint=f"Name one: {', '.join(d.name for d in users)}."
        )
    try:
        manifest = (registry or Registry()).manifest(name)
    except ModelUnavailable:
        raise BadRequest(
            f"There is no network and no detector called {name}.", hint="See 'veriscope models list'."
        ) from None
    try:
        return method_for(manifest)
    except BadModel:
        raise BadRequest(f"No detector gives a score from the network {name}, so there is nothing to grade.") from None


class Examination:
    """One detector, ready to be asked about one item after another. Use it in a ``with`` block."""

    def __init__(self, detector: Detector, policy: Policy = Policy.STANDARD, infer: Infer | None = None) -> None:
        self.detector = detector
        self._options = Options(policy=policy)
        self._infer = infer or OnnxInfer()
        self._limits = Limits()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        cv2.setNumThreads(1)
        self._folder = Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="veriscope-")))
        self._child = self._exits.enter_context(DecodeChild(self._limits))
        self._inspector = Inspector([self.detector], self._infer, 1)
        self._exits.callback(self._inspector.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def answer(self, item: Item, group: str = "") -> Answer:
        """What the detector says of the item.

        Raises:
            ModelUnavailable: a network that it needs is not there.
        """
        blank = Answer(item.name, item.label, group, item.subset, None, None, "unreadable")
        sample = item.load()
        try:
            if isinstance(sample.content, str):
                media = open_text(sample.content, self._folder, self._limits)
            else:
                media = open_bytes(sample.content, Path(item.name).name, self._folder, self._limits)
        except BadInput:
            return blank
        about = {"child": self._child, "infer": self._infer, "limits": self._limits}
        try:
            with open_scene(media, self._options, **about) as scene:  # type: ignore[arg-type]
                try:
                    known = tuple(baseline.facts(scene))
                    _decode(scene)
                except BadInput:
                    return blank
                wall, cpu = time.perf_counter(), time.process_time()
                findings, _ = self._inspector.inspect(scene, lambda _stage, _fraction: None, Clock())
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        finally:
            media.path.unlink(missing_ok=True)
        blank = replace(blank, kind=str(media.kind), facts=known)
        if not findings:
            return replace(blank, outcome=str(Reason.NOT_APPLICABLE))
        finding = findings[0]
        if finding.reason is Reason.MODEL_MISSING:
            raise ModelUnavailable(f"A network that {self.detector.name} needs is not installed.")
        spoke = finding.raw is not None and finding.reason in {None, Reason.UNCALIBRATED}
        return replace(
            blank,
            raw=finding.raw if spoke else None,
            score=finding.score,
            outcome="spoke" if spoke else str(finding.reason),
            neutral=_neutral(finding, media.kind),
            overlap=_overlap(finding, sample.mask),
            mapped=finding.heatmap is not None,
            wall_ms=1000 * wall,
            cpu_ms=1000 * cpu,
        )


def examine(
    items: Sequence[Item],
    detector: Detector,
    policy: Policy = Policy.STANDARD,
    infer: Infer | None = None,
    tell: Tell | None = None,
) -> list[Answer]:
    """The detector's answer about every item, in their order, one at a time."""
    answers: list[Answer] = []
    with Examination(detector, policy, infer) as examination:
        for item, group in zip(items, groups_of(items), strict=True):
            answers.append(examination.answer(item, group))
            if tell is not None:
                tell(len(answers), len(items))
    return answers


def _decode(scene: OpenScene) -> None:
    """So that the time measured is the detector's. A video's frames pass by once, and are counted with it."""
    if scene.media.kind is Kind.IMAGE:
        scene.image()
    elif scene.media.kind in {Kind.AUDIO, Kind.VIDEO}:
        scene.audio()
    else:
        scene.text()


def _neutral(finding: Finding, kind: Kind) -> float | None:
    fitted = calibration(finding.detector, finding.version, kind)
    return None if fitted is None or fitted.slope <= 0 else -fitted.offset / fitted.slope


def _overlap(finding: Finding, mask: Mask | None) -> Overlap | None:
    if mask is None or not mask.any():
        return None
    heat = np.zeros(mask.shape, np.float32)
    if finding.heatmap is not None:
        heat = np.asarray(cv2.resize(finding.heatmap, mask.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    return Overlap.of(heat, mask)
