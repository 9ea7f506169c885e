"""Development sets for the audio and video detectors: real media against forgeries made in code.

``samples(data)`` is what ``bench/calibrate.py`` calls. Nothing here reads the DFDC and Celeb-DF clips or the synthetic
voices of vits-demo: those are for testing only. With five real talking heads these sets bound little: they say that a
detector reacts to what it looks for, not how it fares in the world.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import calibrate_sound
from datasets import pristine
from veriscope.detectors import av_sync, container, face_boundary, face_jitter, frame_continuity
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.faces import detect_faces, largest
from veriscope.perception.scene import open_scene
from veriscope.types import Audio, Face, Frame, Infer, Motion

Frames = list[NDArray[np.uint8]]
Samples = dict[str, tuple[list[float], list[int]]]


def decode(path: Path | io.BytesIO, side: int = 10_000) -> tuple[Frames, float]:
    """All frames (RGB, shrunk to ``side``) and the frame rate."""
    with av.open(path if isinstance(path, io.BytesIO) else str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        frames = []
        for frame in container.decode(stream):
            image = frame.to_ndarray(format="rgb24")
            scale = min(1.0, side / max(image.shape[:2]))
            if scale < 1:
                size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            frames.append(image)
        return frames, float(stream.average_rate or 25)


def encode(
    frames: Sequence[NDArray[np.uint8]], fps: float, crf: int = 23, codec: str = "libx264", gop: int | None = None
) -> bytes:
    """An mp4 of ``frames`` (RGB); ``gop`` is the longest distance of key frames."""
    buffer = io.BytesIO()
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"} if codec == "libx264" else {}
        if gop:
            stream.codec_context.gop_size = gop
        if codec != "libx264":
            stream.bit_rate = 500_000
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def motion_of(data: bytes) -> Motion:
    """Thumbs, times and types of every frame, as the scene gives them."""
    thumbs, times, types = [], [], []
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            luma = frame.to_ndarray(format="gray")
            luma = luma[:: max(1, luma.shape[0] // 144)]
            thumbs.append(cv2.resize(luma, (64, 36), interpolation=cv2.INTER_AREA))
            times.append(float((frame.pts or 0) * stream.time_base))
            types.append(ord({1: "I", 2: "P", 3: "B"}.get(int(frame.pict_type), "?")))
    return Motion(np.array(thumbs, np.uint8), np.array(times), np.array(types, np.uint8))


def handheld(photo: Path, seed: int, frames: int = 120, size: tuple[int, int] = (256, 144)) -> Frames:
    """A clip rendered from one photograph: slow pan and zoom, hand shake, a moving patch of another part, noise."""
    rng = np.random.default_rng(seed)
    image = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    shake = np.cumsum(rng.normal(0, 0.25, (frames, 3)), axis=0)
    shake += np.cumsum(np.full((frames, 3), rng.normal(0, 0.12, 3)), axis=0)
    speed, amount = rng.uniform(0.02, 0.2), rng.uniform(0, 14)
    out = []
    for i in range(frames):
        zoom = min(width / size[0], height / size[1]) * (0.75 + 0.002 * shake[i, 2])
        x = width / 2 + shake[i, 0] - zoom * size[0] / 2
        y = height / 2 + shake[i, 1] - zoom * size[1] / 2
        matrix = np.array([[zoom, 0, x], [0, zoom, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        # Something in the scene moves on its own, as people do: in fits and starts.
        dx = round(amount * np.sin(speed * i) * (1 + np.sin(speed * i / 3)))
        frame[60:110, 100 + dx : 150 + dx] = frame[20:70, 20:70].copy()
        out.append(np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8))
    return out


def tamper(frames: Frames, kind: str, rng: np.random.Generator, fps: float) -> Frames:
    """Delete, freeze or replay a stretch of ``frames``."""
    n = len(frames)
    if kind == "drop":
        start = int(rng.integers(n // 5, n // 2))
        return frames[:start] + frames[start + int(rng.uniform(0.3, 1.2) * fps) :]
    if kind == "freeze":
        start, length = int(rng.integers(n // 4, n // 2)), int(rng.uniform(0.2, 1.0) * fps)
        return frames[:start] + [frames[start]] * length + frames[start + length :]
    if kind == "replay":
        length = int(rng.uniform(0.5, 1.2) * fps)
        start = int(rng.integers(0, n // 4))
        place = min(n - 5, start + length + int(fps * 1.1))
        return frames[:place] + frames[start : start + length] + frames[place + length :]
    raise ValueError(kind)


def continuity_clips(data: Path) -> Iterator[tuple[str, bytes]]:
    """(kind, mp4): ``real``, or how it was tampered with; all encoded alike."""
    rng = np.random.default_rng(5)
    clips = [decode(path, 256) for path in sorted((data / "video/talking-heads").glob("*.mp4"))]
    clips += [(handheld(photo, i), 25.0) for i, photo in enumerate(pristine(data, "dev", "bsds500")[:24])]
    # Two scenes one after the other: an honest cut must not count.
    cuts = [(a[: len(a) // 2] + _fit(b[: len(b) // 2], a[0]), fps) for (a, fps), (b, _) in pairwise(clips)]
    for frames, fps in clips + cuts[::2]:
        crf = int(rng.choice([20, 24, 28]))
        yield "real", encode(frames, fps, crf)
    for frames, fps in clips:
        for kind in ("drop", "freeze", "replay"):
            yield kind, encode(tamper(frames, kind, rng, fps), fps, int(rng.choice([20, 24, 28])))


def _fit(frames: Frames, like: NDArray[np.uint8]) -> Frames:
    return [cv2.resize(frame, (like.shape[1], like.shape[0])) for frame in frames]


def container_samples(data: Path) -> tuple[list[float], list[int]]:
    """Clips compressed once, against the same compressed twice or joined from two encodings' worth of frames."""
    raws, labels = [], []

    def add(clip: bytes, label: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            path.write_bytes(clip)
            with open_scene(path) as scene:
                raws.append(sum(mark.weight for mark in container.marks_of(scene.stream())))
                labels.append(label)

    for i, photo in enumerate(pristine(data, "dev", "bsds500")[:22]):
        frames = handheld(photo, i, 240)
        crf = (18, 22, 26, 30)[i % 4]
        add(encode(frames, 25, crf), 0)
        first = encode(frames, 25, 22, gop=12) if i % 2 else encode(frames, 25, codec="mpeg4", gop=12)
        add(encode(decode(io.BytesIO(first))[0], 25, crf), 1)
    return raws, labels


def swapped(frames: Frames, faces: Sequence[Face | None], rng: np.random.Generator) -> Frames:
    """Each face made anew by itself: another sharpness, place, colour in every frame, blended in along an ellipse."""
    out = []
    gain = rng.uniform(0.97, 1.03, 3)
    for image, face in zip(frames, faces, strict=True):
        if face is None:
            out.append(image)
            continue
        height = face.box[3]
        place = face.landmarks + rng.normal(0, 0.012 * height, (1, 2)).astype(np.float32)
        radius = face_boundary.radius_map(image.shape[:2], Face(face.box, 1.0, place))
        weight = np.clip((1 - radius) / 0.15 + 0.5, 0, 1)[..., None]
        size = (image.shape[1], image.shape[0])
        shrink = float(np.clip(rng.normal(0.5, 0.05), 0.3, 0.9))
        small = cv2.resize(image.astype(np.float32), None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        new = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
        dx, dy = rng.normal(0, 0.006 * height, 2)
        new = cv2.warpAffine(new, np.array([[1, 0, dx], [0, 1, dy]]), size, borderMode=cv2.BORDER_REPLICATE)
        new = new * gain * (1 + rng.normal(0, 0.015, 3))
        out.append(np.clip(weight * new + (1 - weight) * image, 0, 255).astype(np.uint8))
    return out


def _jitter(frames: Frames, fps: float, infer: Infer) -> float | None:
    watch = face_jitter.FaceJitter().watch(None, infer)  # type: ignore[arg-type]  # the scene is only asked at the end
    for i, image in enumerate(frames):
        if i % 15 < 5:
            found = detect_faces(image, infer, long_side=416) if i % 15 == 0 else []
            watch.see(Frame(i, i / fps, image, i % 15), found)
    result = face_jitter.flicker([np.array(run) for run in watch._runs])
    return None if result is None else face_jitter.statistic(result[0])


def jitter_samples(data: Path, infer: Infer) -> tuple[list[float], list[int]]:
    """Halves of the talking heads, encoded anew at two qualities, against the same with faces swapped in."""
    rng = np.random.default_rng(0)
    raws, labels = [], []
    for path in sorted((data / "video/talking-heads").glob("*.mp4")):
        whole, fps = decode(path, 480)
        for frames in (whole[:60], whole[60:120]):
            faces: list[Face | None] = []
            for i, image in enumerate(frames):
                faces.append(largest(detect_faces(image, infer, long_side=416)) if i % 3 == 0 else faces[-1])
            for label, version in ((0, frames), (1, swapped(frames, faces, rng))):
                for crf in (20, 26):
                    raw = _jitter(decode(io.BytesIO(encode(version, fps, crf)))[0], fps, infer)
                    if raw is not None:
                        raws.append(raw)
                        labels.append(label)
    return raws, labels


def blended(image: NDArray[np.uint8], face: Face, kind: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The face itself, disturbed and blended back (as self-blended images are made; Shiohara & Yamasaki 2022)."""
    size = (image.shape[1], image.shape[0])
    radius = face_boundary.radius_map(image.shape[:2], face)
    weight = np.clip((rng.uniform(0.9, 1.15) - radius) / rng.uniform(0.05, 0.25) + 0.5, 0, 1)[..., None]
    new = image.astype(np.float32)
    if kind == "scale":
        factor = rng.uniform(0.3, 0.7)
        small = cv2.resize(new, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        new = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    elif kind == "warp":
        x, y, w, h = face.box
        turn = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), rng.uniform(-3, 3), rng.uniform(0.97, 1.04))
        new = cv2.warpAffine(new, turn, size, borderMode=cv2.BORDER_REFLECT)
    elif kind == "sharp":
        new = new + rng.uniform(0.5, 1.2) * (new - cv2.GaussianBlur(new, (0, 0), 1.2))
    else:
        new = new + rng.normal(0, rng.uniform(2, 5), new.shape)
    new = new * rng.uniform(0.95, 1.05, 3)
    return np.clip(weight * new + (1 - weight) * image, 0, 255).astype(np.uint8)


def boundary_samples(data: Path, infer: Infer) -> tuple[list[float], list[int]]:
    """Every third real face of ciplab, and the same with the face disturbed; both saved at one random quality."""
    rng = np.random.default_rng(0)
    raws, labels = [], []
    for i, path in enumerate(sorted((data / "images/faces/ciplab/real").glob("*.jpg"))[::3]):
        image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        face = largest(detect_faces(image, infer, long_side=512))
        if face is None:
            continue
        quality = int(rng.integers(70, 96))
        kind = ("scale", "warp", "sharp", "noise")[i % 4]
        for label, version in ((0, image), (1, blended(image, face, kind, rng))):
            saved = cv2.imencode(".jpg", version[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            again = np.ascontiguousarray(cv2.imdecode(saved, cv2.IMREAD_COLOR)[..., ::-1])
            found = face_boundary.mismatch(again, face)
            if found is not None:
                raws.append(face_boundary.strength(found))
                labels.append(label)
    return raws, labels


class _Voice:
    """The part of a scene that ``av_sync`` asks for while it watches: nothing."""


def sync_samples(data: Path, infer: Infer) -> tuple[list[float], list[int]]:
    """Three-second windows of the talking heads with their own sound, against foreign and shifted sound."""
    series: list[NDArray[np.float64]] = []
    sounds: list[Audio] = []
    for path in sorted((data / "video/talking-heads").glob("*.mp4")):
        frames, fps = decode(path)
        watch = av_sync.AudioVisualSync().watch(_Voice(), infer)  # type: ignore[arg-type]
        for i, image in enumerate(frames):
            watch.see(Frame(i, i / fps, image), detect_faces(image, infer, long_side=416) if i % 3 == 0 else [])
        series.append(np.array(watch._series))
        sounds.append(calibrate_sound.read(path))
    energy = [av_sync.speech_energy(sound) for sound in sounds]
    raws, labels = [], []
    for k, table in enumerate(series):
        for start in np.arange(0, table[-1, 0] - 3.0, 0.7):
            part = table[(table[:, 0] >= start) & (table[:, 0] < start + 3.2)]
            for other, sound in enumerate(energy):
                shifts = (0.0, -0.6, 0.6) if other == k else (0.0,)
                for shift in shifts:
                    sync = av_sync.synchrony(part[:, 0] + shift, part[:, 1], sound)
                    raws.append(-sync.near)
                    labels.append(int(other != k or shift != 0))
    return raws, labels


def continuity_samples(data: Path) -> tuple[list[float], list[int]]:
    raws, labels = [], []
    for kind, clip in continuity_clips(data):
        raws.append(frame_continuity.statistic(frame_continuity.find_events(motion_of(clip))))
        labels.append(int(kind != "real"))
    return raws, labels


def samples(data: Path) -> Samples:
    """Raw statistics and labels (1: forged) of every audio and video detector that says anything by itself."""
    infer = OnnxInfer()
    return {
        "frame_continuity": continuity_samples(data),
        "container": container_samples(data),
        "face_boundary": boundary_samples(data, infer),
        "face_jitter": jitter_samples(data, infer),
        "av_sync": sync_samples(data, infer),
        **calibrate_sound.samples(data, infer),
    }
