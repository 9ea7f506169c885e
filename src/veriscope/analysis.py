"""From a file to a report. Read this first.

    from veriscope.analysis import analyse
    report = analyse("photo.jpg")
    print(report.assessment.label, report.assessment.risk)

No server is needed. ``Examiner`` is what services hold: it keeps the decode child and the networks between files.
"""

from __future__ import annotations

import logging
import platform
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
from threadpoolctl import threadpool_limits

import veriscope
from veriscope import wording
from veriscope.detectors.registry import DETECTORS
from veriscope.detectors.trial import caveats, taking_part
from veriscope.errors import BadRequest, ModelUnavailable, UnsupportedKind
from veriscope.fusion import FusionPolicy, assess, load_policy
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.pinned import pin
from veriscope.inspection import Clock, Inspector
from veriscope.media.child import DecodeChild
from veriscope.media.heap import give_back
from veriscope.media.intake import open_bytes, open_path, open_text
from veriscope.media.limits import Limits
from veriscope.perception.exhibits import Reel, peaks, shrink, spectrogram
from veriscope.perception.scene import OpenScene, cores, open_scene
from veriscope.perception.views import views
from veriscope.routing import follow, load_route
from veriscope.types import (
    Coverage,
    Detector,
    Exhibits,
    Finding,
    Image,
    Infer,
    Kind,
    Media,
    Options,
    Policy,
    Progress,
    Provenance,
    Reason,
    Report,
    Scalar,
)

log = logging.getLogger(__name__)
_SHAPING = ("numpy", "scipy", "opencv-python-headless", "pillow", "av", "onnxruntime", "c2pa-python")
_SPECTROGRAM_KINDS = {Kind.AUDIO, Kind.VIDEO}


class Examiner(AbstractContextManager["Examiner"]):
    """Examines one medium after another; not for two threads at once.

    Args:
        infer: where networks run; ONNX Runtime in this process by default.
        limits: what is accepted.
        fusion, policy_file: the fusion policy and the file it is looked up in.
        routing, routing_file: likewise, the route of the policy ``auto``.
        trust_list: PEM file of signers trusted for Content Credentials.
        threads: detectors that run at the same time; 0: one per core.
        preview_pixels: longest side of the kept preview.
    """

    def __init__(
        self,
        infer: Infer | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        fusion: str = "",
        policy_file: Path | None = None,
        trust_list: Path | None = None,
        threads: int = 0,
        preview_pixels: int = 1280,
        detectors: Sequence[Detector] = DETECTORS,
        routing: str = "",
        routing_file: Path | None = None,
    ) -> None:
        self._infer = infer or OnnxInfer()
        self._limits = limits
        self._policy: FusionPolicy = load_policy(fusion, policy_file)
        self._fusion_name = fusion or "weighted"
        self._route = load_route(routing, routing_file)
        self._trust_list = trust_list
        self._preview_pixels = preview_pixels
        self._detectors = tuple(detectors)
        self._child = DecodeChild(limits)
        cv2.setNumThreads(1)  # one thread budget: the pool below is the parallelism
        threadpool_limits(1, "blas")  # whose idle threads spin: on busy cores they cost ten times the work itself
        self._inspector = Inspector(self._detectors, self._infer, threads or cores())

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._inspector.close()
        self._child.close()

    def __enter__(self) -> Self:
        return self

    @property
    def infer(self) -> Infer:
        """Where the networks run."""
        return self._infer

    def open(
        self,
        media: Media,
        options: Options = Options(),  # noqa: B008
        infer: Infer | None = None,
    ) -> AbstractContextManager[OpenScene]:
        """The medium as detectors see it, without running any."""
        give_back(media.kind)
        infer = infer or pin(self._infer, media.sha256)
        return open_scene(
            media, options, child=self._child, infer=infer, limits=self._limits, trust_list=self._trust_list
        )

    def pixels(self, media: Media) -> Image:
        """A picture, upright, H×W×3 uint8 RGB, decoded in the child. Raises ``BadInput`` as ``examine`` does."""
        give_back(media.kind)
        answer = self._child.ask("image", path=str(media.path), format=media.format, traces=False)
        image: Image = answer["arrays"]["image"]
        return image

    def examine(self, media: Media, options: Options = Options(), progress: Progress | None = None) -> Report:  # noqa: B008
        """Examine one medium.

        Raises:
            BadInput: the medium cannot be examined; the subclass says why.
            Cancelled: ``progress`` asked to stop.
        """
        if media.kind is Kind.PDF:
            raise UnsupportedKind("PDF files are not analysed.", hint="Send the pictures or the text inside it.")
        _check(options)
        tell = progress or (lambda *_: None)
        if options.policy is Policy.AUTO:
            return follow(self._route, media.kind, options, lambda *step: self.examine(media, *step), tell)
        clock = Clock()
        tell("decode", 0.0)
        infer = pin(self._infer, media.sha256)  # one version of each network from here to the end
        detectors = taking_part(self._detectors, infer)
        with self.open(media, options, infer) as scene:
            with clock("decode"):
                media = scene.media = _settle(scene)
            tell("detect", 0.0)
            with clock("detect"):
                findings, reel = self._inspector.serving(detectors, infer).inspect(scene, tell, clock)
            with clock("exhibits"):
                exhibits = self._exhibits(scene, reel)
            tell("fuse", 0.0)
            with clock("fuse"):
                report = self._conclude(scene, findings, exhibits, clock, infer)
        tell("fuse", 1.0)
        log.debug("analysed %s: %s, %s ms", media.sha256, report.assessment.label.value, dict(clock.stages))
        return replace(report, timings=dict(clock.stages))

    def _exhibits(self, scene: OpenScene, reel: Reel) -> Exhibits:
        kind = scene.media.kind
        if kind is Kind.IMAGE:
            image = scene.image()
            return Exhibits(
                preview=shrink(image, self._preview_pixels),
                size=(image.shape[1], image.shape[0]),
                metadata=scene.metadata(),
                views=tuple(views(scene)) if scene.options.policy is not Policy.QUICK else (),
                text=scene.options.caption,
            )
        if kind not in _SPECTROGRAM_KINDS:
            return Exhibits(text=scene.text())
        audio = scene.audio()
        stream = scene.stream()
        shape = stream.video or {}
        return Exhibits(
            size=(int(shape.get("width") or 0), int(shape.get("height") or 0)),
            thumbnails=tuple(reel.thumbnails()),
            peaks=peaks(audio),
            spectrogram=spectrogram(audio) if audio.samples.size else None,
            spectrogram_hz=audio.rate / 2,
            metadata={"container": dict(stream.metadata), "video": stream.video, "audio": stream.audio},
            text=scene.options.caption,
        )

    def _conclude(
        self, scene: OpenScene, findings: list[Finding], exhibits: Exhibits, clock: Clock, infer: Infer
    ) -> Report:
        complete = all(f.reason not in {Reason.FAILED, Reason.MODEL_MISSING} for f in findings)
        assessment, weights = assess(
            findings, scene.media.kind, self._policy, complete=complete, edge_score=scene.options.edge_score
        )
        shed = [f for f in findings if f.reason is Reason.SKIPPED_UNDER_LOAD]
        return Report(
            id=uuid.uuid4().hex,
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
            media=scene.media,
            options=scene.options,
            assessment=assessment,
            findings=tuple(findings),
            weights=weights,
            coverage=replace(_coverage(scene), left_out=tuple(f.detector for f in shed)),
            timings=dict(clock.stages),
            complete=complete,
            versions=versions(infer, taking_part(self._detectors, infer)),
            settings=self._settings(),
            provenance=next((f.provenance for f in findings if f.provenance), Provenance()),
            av_sync=next((f.av_sync for f in findings if f.av_sync), None),
            notes=(*assessment.notes, *_notes(scene, shed), *caveats(findings, infer)),
            exhibits=exhibits,
        )

    def _settings(self) -> Mapping[str, Scalar]:
        return {
            "fusion": self._fusion_name,
            "method": self._policy.method,
            "prior": self._policy.prior,
            "trust_list": self._trust_list.name if self._trust_list else None,
            **{name: getattr(self._limits, name) for name in self._limits.__slots__},
        }


def analyse(
    source: Path | str | bytes | None = None,
    *,
    text: str | None = None,
    name: str = "file",
    options: Options = Options(),  # noqa: B008
    examiner: Examiner | None = None,
    limits: Limits = Limits(),  # noqa: B008
    progress: Progress | None = None,
) -> Report:
    """Examine a file by its path, its contents, or a text.

    Args:
        source: a path, or the bytes of a file.
        text: a text to examine instead of a file.
        name: what to call the bytes in the report.
        options: policy, region, time range, caption.
        examiner: one to reuse; without it everything is started and stopped for this call.
        progress: told the stage and the fraction (0–1) done.

    Raises:
        BadInput: there is nothing to examine, or it cannot be examined.
    """
    if (source is None) == (text is None):
        raise BadRequest("Give either a file or a text.")
    with tempfile.TemporaryDirectory(prefix="veriscope-") as folder:
        if text is not None:
            media = open_text(text, Path(folder), limits)
        elif isinstance(source, bytes):
            media = open_bytes(source, name, Path(folder), limits)
        else:
            media = open_path(Path(str(source)), limits)
        if examiner is not None:
            return examiner.examine(media, options, progress)
        with Examiner(limits=limits) as own:
            return own.examine(media, options, progress)


def versions(infer: Infer, detectors: Iterable[Detector] = DETECTORS) -> dict[str, str]:
    """Everything whose version can change a result."""
    found = {"veriscope": veriscope.__version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in _SHAPING}
    for model in sorted({m for d in detectors for m in d.models} | {"centerface", "silero_vad"}):
        with suppress(ModelUnavailable):  # switched off
            found[f"model:{model}"] = infer.version(model)
    return found


def _check(options: Options) -> None:
    if options.rate is not None and not 0.01 <= options.rate <= 60:
        raise BadRequest("The rate must lie between 0.01 and 60 frames a second.")
    if options.start is not None and options.start < 0:
        raise BadRequest("The start must not be negative.")
    if options.end is not None and options.end <= (options.start or 0.0):
        raise BadRequest("The end must come after the start.")
    if options.edge_score is not None and not 0 <= options.edge_score <= 1:
        raise BadRequest("The edge score must lie between 0 and 1.")


def _settle(scene: OpenScene) -> Media:
    """Decode what everything depends on, so that a damaged file fails here; a film without pictures is a sound."""
    media = scene.media
    if media.kind is Kind.IMAGE:
        scene.image()
    elif media.kind in {Kind.VIDEO, Kind.AUDIO}:
        stream = scene.stream()
        if scene.options.start is not None and scene.options.start >= stream.duration:
            raise BadRequest(f"The start lies behind the end of the file, which lasts {stream.duration:.1f} seconds.")
        if media.kind is Kind.VIDEO and stream.video is None:
            media = scene.media = replace(media, kind=Kind.AUDIO)
        elif media.kind is Kind.AUDIO and stream.video is not None and stream.audio is None:
            media = scene.media = replace(media, kind=Kind.VIDEO)
        if media.kind is Kind.AUDIO:
            scene.audio()
    else:
        scene.text()
    return media


def _coverage(scene: OpenScene) -> Coverage:
    kind, options = scene.media.kind, scene.options
    if kind is Kind.IMAGE:
        image, (width, height) = scene.image(), scene.original_size()
        faces = None if options.policy is Policy.QUICK else len(scene.faces())  # quick looks for none
        return Coverage(image.shape[0] * image.shape[1], width * height, "pixels", faces=faces)
    if kind in {Kind.VIDEO, Kind.AUDIO}:
        total = scene.stream().duration
        analysed = min(total, options.end or total) - (options.start or 0.0)
        if kind is Kind.AUDIO:
            return Coverage(analysed, total, "seconds")
        frames = scene.sampled
        return Coverage(analysed, total, "seconds", frames=frames, rate=scene.plan.rate, faces=len(scene.faces()))
    length = len(scene.text())
    return Coverage(length, length, "characters")


def _notes(scene: OpenScene, shed: Sequence[Finding]) -> Iterator[Mapping[str, str]]:
    if scene.media.kind is Kind.IMAGE and (count := scene.frame_count()) > 1:
        yield wording.first_picture(count)
    if scene.media.kind is Kind.VIDEO and (video := scene.stream().video):
        longest = max(int(video["width"] or 0), int(video["height"] or 0))
        if longest > 1920:
            yield wording.reduced_frames(longest, 1920)
    if shed:
        yield wording.left_out(shed)
