"""A network that an organisation brought along, as a method like any other.

Its manifest says how it is fed and read (``inference.feeding``) and how its answer becomes a probability. Without a
calibration it shows what it measured and abstains: softmax outputs are no probabilities (Guo et al., "On Calibration of
Modern Neural Networks", ICML 2017).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from veriscope.detectors.base import NOT_QUICK, Calibration, Method, library_versions
from veriscope.errors import BadModel, ModelUnavailable
from veriscope.inference import feeding, tokens
from veriscope.inference.feeding import Feeding, Reading
from veriscope.inference.manifest import Manifest
from veriscope.inference.pinned import Pinned, pin
from veriscope.perception.faces import align_face, largest
from veriscope.perception.language import identify
from veriscope.types import (
    Detector,
    Face,
    Finding,
    Frame,
    FrameScore,
    Image,
    Infer,
    Kind,
    Plane,
    Reason,
    Region,
    Reliability,
    Scene,
    Signal,
    Watch,
)

MARGIN = 0.3  # of the face, around it in the crop, where the manifest does not say
FRAMES = 24  # of one film; further ones tell the network little and cost as much
SMALLEST_FACE = 40.0  # pixels
SHORTEST_SOUND = 0.5  # seconds
SHORTEST_TEXT = 3  # words


def calibration_of(manifest: Manifest) -> Calibration | None:
    """Log-odds to probability, as the manifest states it; ``None`` where it does not."""
    facts = manifest.calibration
    if not facts:
        return None
    return Calibration(
        slope=float(facts.get("slope", 1 / facts.get("temperature", 1.0))),
        offset=float(facts.get("offset", 0.0)),
        floor=float(facts.get("floor", 0.02)),
        ceiling=float(facts.get("ceiling", 0.98)),
        reliability=float(facts.get("reliability", 0.0)),
        basis=str(facts.get("basis", "stated in the network's manifest, not measured here")),
        share=float(facts.get("share", 1.0)),
    )


class Imported(Method):
    """Raw: the network's log-odds of "forged"; of a film the median over frames, of long sounds and texts the mean."""

    policies = NOT_QUICK
    libraries: tuple[str, ...] = ("numpy", "onnxruntime")
    sentences = {
        "picture": {
            "en": "The imported network {name}, version {version}, gives “forged” {percent:.0f} %.",
            "vi": "Mạng đã nhập {name}, phiên bản {version}, cho “giả mạo” {percent:.0f} %.",
        },
        "faces": {
            "en": "The imported network {name}, version {version}, gives “forged” {percent:.0f} % for the most "
            "conspicuous of {count} face(s).",
            "vi": "Mạng đã nhập {name}, phiên bản {version}, cho “giả mạo” {percent:.0f} % với khuôn mặt đáng chú ý "
            "nhất trong {count} khuôn mặt.",
        },
        "frames": {
            "en": "The imported network {name}, version {version}, gives “forged” {percent:.0f} %, the median of "
            "{count} frame(s).",
            "vi": "Mạng đã nhập {name}, phiên bản {version}, cho “giả mạo” {percent:.0f} %, trung vị của {count} "
            "khung hình.",
        },
        "windows": {
            "en": "The imported network {name}, version {version}, gives “forged” {percent:.0f} %, the mean of "
            "{count} part(s).",
            "vi": "Mạng đã nhập {name}, phiên bản {version}, cho “giả mạo” {percent:.0f} %, trung bình của {count} "
            "đoạn.",
        },
    }

    def __init__(self, manifest: Manifest) -> None:
        self.name = manifest.name.replace("-", "_")
        self.network = manifest.name
        self.version = manifest.version
        self.models = (manifest.name,)
        self.title = {"en": f"Network {manifest.name}", "vi": f"Mạng {manifest.name}"}
        self.reference = manifest.reference

    def pinned(self, scene: Scene, infer: Infer) -> Pinned:
        """The versions that answer for this medium; each is fed as its own manifest says."""
        view = pin(infer, scene.media.sha256)
        if not isinstance(view, Pinned):
            raise ModelUnavailable(f"The network {self.network} is known to the registry only.")
        return view

    def ask(self, infer: Pinned, f: Feeding, inputs: feeding.Inputs) -> Reading:
        return feeding.read(f, infer.run(self.network, inputs))

    def conclude(self, infer: Pinned, odds: Sequence[float], raw: float, key: str, **evidence: Any) -> Finding:
        """The finding for a raw value, calibrated as the manifest says."""
        manifest = infer.manifest(self.network)
        fitted = calibration_of(manifest)
        percent = 100 / (1 + np.exp(-np.clip(raw, -40, 40)))
        return Finding(
            detector=self.name,
            version=manifest.version,
            signal=self.signal,
            score=None if fitted is None else fitted(raw),
            reason=Reason.UNCALIBRATED if fitted is None else None,
            raw=raw,
            summary=self.say(key, name=manifest.name, version=manifest.version, percent=percent, count=len(odds)),
            reliability=Reliability(0.0) if fitted is None else Reliability(fitted.reliability, fitted.basis),
            parameters={"sha256": manifest.sha256, "threshold": manifest.threshold},
            measurements={"log_odds": list(odds)},
            libraries=library_versions(*self.libraries),
            reference=manifest.reference,
            title=self.title,
            **evidence,
        )


class ImportedPicture(Imported):
    """Looks at whole pictures, and at sampled frames of films."""

    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE, Kind.VIDEO})
    libraries = ("numpy", "opencv-python-headless", "onnxruntime")

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image, view = scene.image(), self.pinned(scene, infer)
        found = self.look(image, view)
        return self.conclude(view, [found.log_odds], found.log_odds, "picture", heatmap=_fitted(found.map, image))

    def look(self, image: Image, infer: Pinned) -> Reading:
        f = feeding.feeding(infer.manifest(self.network))
        return self.ask(infer, f, feeding.picture(f, image))

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _Frames(self, scene, self.pinned(scene, infer))

    def see(self, frame: Frame, faces: Sequence[Face], infer: Pinned) -> float | None:
        """Log-odds of one frame, or ``None`` where there is nothing to look at."""
        del faces
        return self.look(frame.image, infer).log_odds

    nothing = Reason.TOO_SHORT


class ImportedFace(ImportedPicture):
    """Looks at every face, upright and cut out; the most conspicuous decides a picture."""

    nothing = Reason.NO_FACE

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        faces = [track.faces[0] for track in scene.faces()]
        if not faces:
            return self.abstain(Reason.NO_FACE)
        faces = [face for face in faces if face.box[3] >= SMALLEST_FACE]
        if not faces:
            return self.abstain(Reason.TOO_SMALL)
        image, view = scene.image(), self.pinned(scene, infer)
        odds = [self.face(image, face, view) for face in faces]
        regions = tuple(
            Region(*face.box, score=float(1 / (1 + np.exp(-np.clip(o, -40, 40)))))
            for face, o in zip(faces, odds, strict=True)
        )
        return self.conclude(view, odds, max(odds), "faces", regions=regions)

    def face(self, image: Image, face: Face, infer: Pinned) -> float:
        f = feeding.feeding(infer.manifest(self.network))
        crop = align_face(image, face, feeding.face_side(f), float(f.options.get("margin", MARGIN)))
        return self.ask(infer, f, feeding.picture(f, crop)).log_odds

    def see(self, frame: Frame, faces: Sequence[Face], infer: Pinned) -> float | None:
        face = largest(faces)
        if face is None or face.box[3] < SMALLEST_FACE:
            return None
        return self.face(frame.image, face, infer)


class _Frames:
    """Up to ``FRAMES`` sampled frames, evenly over the film."""

    def __init__(self, method: ImportedPicture, scene: Scene, infer: Pinned) -> None:
        self._method = method
        self._infer = infer
        self._pause = scene.stream().duration / FRAMES
        self._last = -np.inf
        self._odds: list[float] = []
        self._times: list[FrameScore] = []

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        if not frame.sampled or frame.time - self._last < 0.999 * self._pause:
            return
        odds = self._method.see(frame, faces, self._infer)
        if odds is None:
            return
        self._last = frame.time
        self._times.append(FrameScore(frame.index, frame.time, float(1 / (1 + np.exp(-np.clip(odds, -40, 40))))))
        self._odds.append(odds)

    def finish(self) -> Finding:
        if not self._odds:
            return self._method.abstain(self._method.nothing)
        # the median: one blurred frame is no forgery
        raw = float(np.median(self._odds))
        return self._method.conclude(self._infer, self._odds, raw, "frames", frames=tuple(self._times))


class ImportedSound(Imported):
    """Listens to the sound at 16 kHz, in windows of the network's length."""

    signal = Signal.AUDIO
    kinds = frozenset({Kind.AUDIO, Kind.VIDEO})

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        audio = scene.audio()
        if not audio.samples.size:
            return self.abstain(Reason.NO_AUDIO)
        if audio.samples.size < SHORTEST_SOUND * audio.rate:
            return self.abstain(Reason.TOO_SHORT)
        view = self.pinned(scene, infer)
        f = feeding.feeding(view.manifest(self.network))
        odds = [self.ask(view, f, inputs).log_odds for inputs in feeding.sound(f, audio.samples)]
        return self.conclude(view, odds, float(np.mean(odds)), "windows")


class ImportedText(Imported):
    """Reads the text through the tokenizer that came with the network, window by window."""

    signal = Signal.TEXT
    kinds = frozenset({Kind.TEXT, Kind.HTML})
    libraries = ("numpy", "onnxruntime", "tokenizers")
    policies = Method.policies  # a text takes milliseconds

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        text = scene.text()
        if len(text.split()) < SHORTEST_TEXT:
            return self.abstain(Reason.TOO_SHORT)
        view = self.pinned(scene, infer)
        manifest = view.manifest(self.network)
        f = feeding.feeding(manifest)
        languages = f.options.get("languages", [])
        if languages and identify(text).code not in languages:
            return self.abstain(Reason.UNSUPPORTED_LANGUAGE)
        tokenizer = _TOKENIZERS.get(manifest, f, view)
        odds = [self.ask(view, f, inputs).log_odds for inputs in feeding.words(f, tokenizer, text)]
        return self.conclude(view, odds, float(np.mean(odds)), "windows")


class _Tokenizers:
    """The tokenizers in use, between examinations: reading one takes as long as asking the network."""

    MOST = 8

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def get(self, manifest: Manifest, f: Feeding, infer: Infer) -> Any:
        asset = tokens.asset_of(manifest)
        key = f"{manifest.label} {manifest.assets[asset]['sha256']}"
        with self._lock:
            if key not in self._kept:
                made = tokens.tokenizer(f, asset, infer.asset(manifest.name, asset))
                self._kept = dict(list(self._kept.items())[1 - self.MOST :]) | {key: made}
            return self._kept[key]


_TOKENIZERS = _Tokenizers()

_METHODS: Mapping[str, Callable[[Manifest], Detector]] = {
    "image-forgery": ImportedPicture,
    "synthetic-image": ImportedPicture,
    "face-forgery": ImportedFace,
    "audio": ImportedSound,
    "text": ImportedText,
}


def method_for(manifest: Manifest) -> Detector:
    """The method that asks this network. Raises ``BadModel`` when its manifest does not suffice."""
    feeding.feeding(manifest)
    try:
        return _METHODS[manifest.task](manifest)
    except KeyError:
        raise BadModel(f"{manifest.label}: no method asks networks of the task {manifest.task}.") from None


def _fitted(plane: Plane | None, image: Image) -> Plane | None:
    if plane is None:
        return None
    size = (image.shape[1], image.shape[0])
    grown: Plane = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
    return np.clip(grown, 0, 1)
