"""The clips of ``bench/redact.py``: people put into a 1080p scene, and one known face under fifteen conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FRAMES = 12  # of each condition
Image = np.ndarray
Mask = np.ndarray


@dataclass(frozen=True)
class Condition:
    name: str
    size: int = 64  # px, height of the face's box
    turn: float = 0.0  # degrees in the picture's plane
    light: float = 1.0
    blur: int = 0  # px of motion
    hidden: str = ""  # which half


@dataclass(frozen=True)
class Truth:
    seen: Mask  # H×W bool: the part of the face that nothing hides
    whole: int  # pixels of the face, hidden or not


CONDITIONS = (
    *(Condition(f"{size} px", size) for size in (16, 24, 32, 64, 128)),
    *(Condition(f"turned {turn:g}°", turn=turn) for turn in (30, 60, 90)),
    Condition("dark", light=0.25),
    Condition("very dark", light=0.12),
    Condition("motion blur 8 px", blur=8),
    Condition("motion blur 14 px", blur=14),
    Condition("lower half hidden", hidden="lower"),
    Condition("left half hidden", hidden="left"),
    Condition("right half hidden", hidden="right"),
)


def write(path: Path, frames: Iterator[Image], size: tuple[int, int], fps: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for i, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _endless(path: Path, side: int) -> Iterator[Image]:
    """Forwards and backwards for ever, so that there is no cut."""
    with av.open(str(path)) as container:
        frames = [
            cv2.resize(f.to_ndarray(format="rgb24"), (side, side), interpolation=cv2.INTER_AREA)
            for f in container.decode(video=0)
        ]
    while True:
        yield from frames
        yield from frames[-2:0:-1]


def _background(data: Path, size: tuple[int, int], number: int) -> Image:
    """A photograph of clothes without people, by its number."""
    path = sorted((data / "images/pristine/clothing").rglob("*.jpg"))[number]
    return cv2.resize(cv2.imread(str(path))[:, :, ::-1], size, interpolation=cv2.INTER_AREA)


def scene(data: Path, path: Path, people: int, seconds: float) -> Path:
    """1920 × 1080, 30 frames a second: talking heads side by side, drifting over a photograph, with sensor noise."""
    clips = sorted((data / "video/talking-heads").glob("*.mp4"))[:people]
    side = 460 if people == 1 else 360
    heads = [_endless(clip, side) for clip in clips]
    background = _background(data, (2200, 1080), 7)
    noise = np.random.default_rng(5).normal(0, 2, (1080, 1920 + 64, 1)).astype(np.int16)

    def frames() -> Iterator[Image]:
        for i in range(round(seconds * 30)):
            shift = int(140 + 130 * np.sin(i / 90))
            image = background[:, shift : shift + 1920].astype(np.int16)
            for k, head in enumerate(heads):
                x = int((k + 0.5) * 1920 / people - side / 2 + 12 * np.sin(i / 25 + k))
                y = int(540 - side / 2 + (150 if k % 2 else -150) * (people > 1) + 8 * np.sin(i / 17 + 2 * k))
                x, y = min(max(x, 0), 1920 - side), min(max(y, 0), 1080 - side)
                image[y : y + side, x : x + side] = next(head)
            offset = (i * 37) % 64
            yield np.clip(image + noise[:, offset : offset + 1920], 0, 255).astype(np.uint8)

    return write(path, frames(), (1920, 1080), 30)


def leak_clips(data: Path, folder: Path, most: int | None = None) -> list[tuple[Path, list[Truth]]]:
    """One clip of 1280 × 720 for each condition, and where the face truly is in each of its frames."""
    face, oval = _face(data)
    made = []
    for number, condition in enumerate(CONDITIONS[:most]):
        background = _background(data, (1280, 720), 20 + number)
        truths: list[Truth] = []

        def frames(
            condition: Condition = condition, background: Image = background, truths: list[Truth] = truths
        ) -> Iterator[Image]:
            for i in range(FRAMES):
                image, truth = _placed(face, oval, background, condition, (560 + 4.0 * i, 330 + 2.0 * np.sin(i / 2)))
                truths.append(truth)
                yield image

        name = condition.name.replace(" ", "-").replace("°", "")
        made.append((write(folder / f"{number:02}-{name}.mp4", frames(), (1280, 720), 25), truths))
    return made


def _face(data: Path) -> tuple[Image, Mask]:
    """The face, hair and neck (RGB) and its truth: an ellipse from brow to chin, ear to ear."""
    path = sorted((data / "images/faces/ffhq-real").glob("*.*"))[1]
    image = cv2.resize(cv2.imread(str(path))[:, :, ::-1], (512, 512), interpolation=cv2.INTER_AREA)
    oval = np.zeros((512, 512), np.uint8)
    # FFHQ crops are aligned by landmarks: the face takes the same place in each
    cv2.ellipse(oval, (256, 285), (120, 152), 0, 0, 360, 255, -1)
    return image, oval


_FACE_HEIGHT = 304  # px of the ellipse in the picture above


def _placed(
    face: Image, oval: Mask, background: Image, condition: Condition, centre: tuple[float, float]
) -> tuple[Image, Truth]:
    scale = condition.size / _FACE_HEIGHT
    matrix = cv2.getRotationMatrix2D((256, 285), condition.turn, scale)
    matrix[:, 2] += np.array(centre) - (256, 285)
    # reduced before it is warped: a bilinear warp alone would make a small face of aliases
    soft = cv2.GaussianBlur(face, (0, 0), max(0.01, 0.4 / scale)) if scale < 1 else face
    head = np.zeros((512, 512), np.float32)
    cv2.ellipse(head, (256, 270), (200, 236), 0, 0, 360, 1, -1)
    head = cv2.GaussianBlur(head, (0, 0), 8)

    def warp(source: Image) -> Image:
        return cv2.warpAffine(source, matrix, (1280, 720), flags=cv2.INTER_LINEAR)

    alpha = warp(head)[:, :, None]
    image = background * (1 - alpha) + warp(soft).astype(np.float32) * alpha
    truth = warp(oval) > 127
    whole = int(truth.sum())
    image = image * condition.light
    if condition.blur:
        kernel = np.full((1, condition.blur), 1 / condition.blur, np.float32)
        image = cv2.filter2D(image, -1, kernel)
    if condition.hidden:
        x, y = (round(v) for v in centre)
        r = condition.size
        cut: dict[str, Callable[[], tuple[slice, slice]]] = {
            "lower": lambda: (slice(y, y + r), slice(x - r, x + r)),
            "left": lambda: (slice(y - r, y + r), slice(x - r, x)),
            "right": lambda: (slice(y - r, y + r), slice(x, x + r)),
        }
        area = cut[condition.hidden]()
        image[area] = background[area[0], slice(0, 2 * r)][:, : image[area].shape[1]]
        # what another thing hides is not bare: the truth is what can be seen
        seen = truth.copy()
        seen[area] = False
        truth = seen
    return np.clip(image, 0, 255).astype(np.uint8), Truth(truth, whole)
