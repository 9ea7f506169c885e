"""Who takes part in one examination: the shipped methods, the organisation's own networks, and versions on trial.

Every finding of a method that asks networks says which version of each spoke. A version in shadow sees the same medium;
what it would have said is recorded beside the finding and counts for nothing, and when it breaks nobody notices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from veriscope.detectors.base import Calibration, abstain_for
from veriscope.detectors.imported import calibration_of, method_for
from veriscope.errors import BadModel, Cancelled, InferenceFailed, ModelUnavailable
from veriscope.inference.manifest import manifests
from veriscope.inference.pinned import Pinned
from veriscope.inference.traffic import OFF
from veriscope.types import (
    Detector,
    Face,
    Finding,
    Frame,
    FrameDetector,
    Infer,
    Reason,
    Reliability,
    Scene,
    Text,
    Watch,
)

log = logging.getLogger(__name__)
HELPERS = frozenset({"face-detection", "voice-activity", "plate-detection", "pii-names"})  # they judge nothing


def taking_part(detectors: Sequence[Detector], infer: Infer) -> tuple[Detector, ...]:
    """``detectors`` and the organisation's own, each telling which version spoke."""
    if not isinstance(infer, Pinned):
        return tuple(detectors)
    claimed = {model for d in detectors for model in d.models} | set(manifests())
    own = [d for name in infer.catalogue.versions if name not in claimed and (d := _own(infer, name))]
    return tuple(answering(d, infer) if d.models else d for d in (*detectors, *own))


def caveats(findings: Sequence[Finding], infer: Infer) -> tuple[Text, ...]:
    """What the reader must know where networks decided that the thresholds were not chosen with."""
    if not isinstance(infer, Pinned):
        return ()
    deciding = {
        (key.removeprefix(_NETWORK), str(version))
        for f in findings
        if f.score is not None
        for key, version in f.parameters.items()
        if key.startswith(_NETWORK)
    }
    added = [infer.catalogue.manifest(*one) for one in sorted(deciding)]
    names = ", ".join(m.label for m in added if not infer.catalogue.packaged(m))
    return ({language: text.format(names=names) for language, text in _ADDED.items()},) if names else ()


def _own(infer: Pinned, name: str) -> Detector | None:
    """The method that asks an imported network, unless it is switched off altogether."""
    speakers = (infer, *(infer.instead(name, version) for version in infer.catalogue.shadows(name)))
    for speaker in speakers:
        try:
            return method_for(speaker.manifest(name))
        except (ModelUnavailable, BadModel) as exc:
            log.debug("%s: %s", name, exc.message)
    return None


def answering(detector: Detector, infer: Pinned) -> Detector:
    """The detector, telling which versions spoke and what those in shadow would have said."""
    shadows = [(model, version) for model in detector.models for version in infer.catalogue.shadows(model)]
    kind = _AnsweringFrames if isinstance(detector, FrameDetector) else _Answering
    return kind(detector, shadows)


class _Answering:
    """A detector whose findings say which versions spoke, and what the ones in shadow would have said."""

    def __init__(self, inner: Detector, shadows: Sequence[tuple[str, str]]) -> None:
        self._inner = inner
        self._shadows = tuple(shadows)
        self.name, self.version, self.signal = inner.name, inner.version, inner.signal
        self.kinds, self.models, self.policies = inner.kinds, inner.models, inner.policies
        self.reference, self.title = inner.reference, inner.title

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        return self._answer(infer, lambda view: self._inner.inspect(scene, view))

    def _answer(self, infer: Infer, speak: Callable[[Infer], Finding]) -> Finding:
        assert isinstance(infer, Pinned)
        finding = self._named(speak(infer), infer) if not self._silent(infer) else self._shadowed()
        notes: dict[str, Any] = {}
        for model, version in self._shadows:
            view = infer.instead(model, version)
            notes |= _recorded(model, version, partial(self._speak, speak, view))
        return replace(finding, measurements={**finding.measurements, **notes}) if notes else finding

    def _speak(self, speak: Callable[[Infer], Finding], view: Pinned) -> Finding:
        return self._named(speak(view), view)

    def _silent(self, infer: Pinned) -> bool:
        """Whether a network that the method needs is switched off, or in shadow only."""
        return OFF in {_version(infer, model) for model in self.models}

    def _shadowed(self) -> Finding:
        silent = abstain_for(self._inner, Reason.SKIPPED_BY_POLICY)
        return replace(silent, summary=_IN_SHADOW if self._shadows else _OFF)

    def _named(self, finding: Finding, infer: Pinned) -> Finding:
        """The finding with the versions that spoke, calibrated for them."""
        spoke = {f"{_NETWORK}{model}": _version(infer, model) for model in self.models}
        finding = replace(finding, parameters={**finding.parameters, **spoke})
        for model in self.models:
            manifest = infer.manifest(model)
            shipped = manifests().get(model)
            if shipped and manifest != shipped and manifest.task not in HELPERS and finding.raw is not None:
                finding = _recalibrated(finding, calibration_of(manifest))
        return finding


class _AnsweringFrames(_Answering):
    """The same for methods that look at frames."""

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        assert isinstance(infer, Pinned)
        assert isinstance(self._inner, FrameDetector)
        main = None if self._silent(infer) else self._inner.watch(scene, infer)
        views = {(model, version): infer.instead(model, version) for model, version in self._shadows}
        others = {key: _Guarded(self._inner, scene, view) for key, view in views.items()}

        def finish() -> Finding:
            finding = self._shadowed() if main is None else self._named(main.finish(), infer)
            notes: dict[str, Any] = {}
            for key, other in others.items():
                notes |= _recorded(*key, partial(self._speak, other.finish, views[key]))
            return replace(finding, measurements={**finding.measurements, **notes}) if notes else finding

        return _Together(main, tuple(others.values()), finish)


class _Together:
    """The watch that counts, and those of the shadows behind it."""

    def __init__(self, main: Watch | None, others: Sequence[_Guarded], finish: Callable[[], Finding]) -> None:
        self._main, self._others, self.finish = main, others, finish

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        if self._main is not None:
            self._main.see(frame, faces)
        for other in self._others:
            other.see(frame, faces)


class _Guarded:
    """A shadow's watch: the first fault ends it and is told at the end."""

    def __init__(self, detector: FrameDetector, scene: Scene, infer: Infer) -> None:
        self._fault: Exception | None = None
        self._watch: Watch | None = None
        try:
            self._watch = detector.watch(scene, infer)
        except Exception as exc:
            self._fault = exc

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        if self._watch is None or self._fault is not None:
            return
        try:
            self._watch.see(frame, faces)
        except Cancelled:
            raise
        except Exception as exc:
            self._fault = exc

    def finish(self, infer: Infer) -> Finding:
        del infer  # the watch has had it from the beginning
        if self._fault is not None or self._watch is None:
            raise self._fault or InferenceFailed("The network did not start.")
        return self._watch.finish()


_NETWORK = "network:"  # prefix of the versions that spoke, among the parameters of a finding
_ADDED: Mapping[str, str] = {
    "en": "The stated rate of false alarms was measured without {names}, which your organisation added.",
    "vi": "Tỉ lệ báo động giả nêu trên được đo khi chưa có {names} do tổ chức của bạn thêm vào.",
}
_IN_SHADOW: Mapping[str, str] = {
    "en": "This network runs in shadow: what it says is recorded for comparison and does not count.",
    "vi": "Mạng này chạy ở chế độ thử ngầm: kết quả chỉ được ghi lại để so sánh và không được tính.",
}

_OFF: Mapping[str, str] = {
    "en": "The network that this method asks is switched off.",
    "vi": "Mạng nơ-ron mà phương pháp này dùng đang tắt.",
}


def _version(infer: Pinned, model: str) -> str:
    try:
        return infer.version(model)
    except ModelUnavailable:
        return OFF


def _recorded(model: str, version: str, speak: Callable[[], Finding]) -> dict[str, Any]:
    """What a shadow said, as measurements of the finding that counts."""
    key = f"shadow:{model}@{version}"
    try:
        finding = speak()
    except Cancelled:
        raise
    except Exception as exc:
        log.warning("%s failed", key, exc_info=exc)
        return {f"{key}:fault": f"{type(exc).__name__}: {' '.join(str(exc).split())[:200]}"}
    said = {"score": finding.score, "raw": finding.raw, "reason": finding.reason and finding.reason.value}
    return {f"{key}:{name}": value for name, value in said.items() if value is not None}


def _recalibrated(finding: Finding, fitted: Calibration | None) -> Finding:
    """The shipped calibration was fitted with the shipped network: another one brings its own, or gives no score."""
    if fitted is None:
        return replace(finding, score=None, reason=Reason.UNCALIBRATED, reliability=Reliability(0.0))
    assert finding.raw is not None
    basis = Reliability(fitted.reliability, fitted.basis)
    return replace(finding, score=fitted(finding.raw), reason=None, reliability=basis)
