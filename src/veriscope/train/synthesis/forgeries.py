"""Local manipulations of a photograph, each with the mask of what was changed.

``forge`` makes one picture with one manipulated area out of a host and a donor: a splice, a copied area of the host
itself, a removal, a retouch, or a blend. The kinds follow what forgers of the public sets did (J. Dong, W. Wang,
T. Tan, "CASIA image tampering detection evaluation database", ChinaSIP 2013): objects and shapes, moved, scaled,
turned, mirrored, with edges hard or soft. What happens to the whole picture afterwards is the business of ``chains``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.train.synthesis import chains, outlines
from veriscope.train.synthesis.outlines import Mask
from veriscope.types import Image, Plane

AREA = (0.008, 0.30)  # share of the picture that is changed, drawn evenly on a logarithmic scale
PLAIN = 0.3  # share of the copies that are taken from a plain part of the picture: sky, water, a wall
_LEAST_CHANGE = 3.0  # grey levels on average inside the mask: what changed less cannot be seen by anyone


@dataclass(frozen=True, slots=True)
class Forgery:
    image: Image
    mask: Mask  # H×W, what was pasted or changed; of a copied area the copy, not its source
    kind: str


@dataclass(frozen=True, slots=True)
class Photo:
    """A host or donor. ``object`` is the outline of the object in its middle, where there is one."""

    image: Image
    object: Mask | None = None


def _share(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(AREA))))


def _outline(photo: Photo, share: float, rng: np.random.Generator) -> Mask:
    """The outline, on the photograph, of what is cut out of it."""
    kind = rng.random()
    if photo.object is not None and kind < 0.5:
        return photo.object
    if kind < 0.75:
        return outlines.area(photo.image, share, rng)
    height, width = photo.image.shape[:2]
    aspect = float(np.exp(rng.uniform(-0.6, 0.6)))
    side = np.sqrt(share * height * width / 0.65)
    h, w = int(np.clip(side * aspect, 14, height - 2)), int(np.clip(side / aspect, 14, width - 2))
    make = (outlines.blob, outlines.lasso, outlines.plain)[int(rng.choice(3, p=[0.4, 0.35, 0.25]))]
    y, x = int(rng.integers(height - h)), int(rng.integers(width - w))
    mask = np.zeros((height, width), np.bool_)
    mask[y : y + h, x : x + w] = make(h, w, rng)
    return mask


def _plain_outline(photo: Photo, share: float, rng: np.random.Generator) -> Mask:
    """Of several outlines, the one around the least detail."""
    grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))
    bare = Photo(photo.image)
    drawn = [mask for mask in (_outline(bare, share, rng) for _ in range(5)) if mask.any()]
    return min(drawn, key=lambda mask: float(detail[mask].mean()))


def _alpha(mask: Mask, rng: np.random.Generator) -> Plane:
    """Opacity of the pasted area: its edge grown or shrunk by a pixel or two, hard, smoothed or feathered."""
    grow = int(rng.integers(-2, 4))
    grown = mask.astype(np.uint8)
    if grow:
        ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1, 2 * abs(grow) + 1))
        grown = np.asarray((cv2.dilate if grow > 0 else cv2.erode)(grown, ellipse), np.uint8)
    alpha = grown.astype(np.float32)
    kind = rng.random()
    if kind < 0.45:
        return alpha
    sigma = rng.uniform(0.4, 0.9) if kind < 0.75 else rng.uniform(1.0, 4.0)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), float(sigma)), np.float32)


def _over(host: Image, layer: NDArray[np.uint8], alpha: Plane) -> Image:
    mixed = host + alpha[..., None] * (layer.astype(np.float32) - host)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def _moved(
    photo: Photo, mask: Mask, shape: tuple[int, int], scale: float, degrees: float, flip: bool, to: tuple[float, float]
) -> tuple[Image, Mask]:
    """The photograph and the mask warped so that the mask's middle comes to ``to`` (x, y) on a canvas of ``shape``."""
    ys, xs = np.nonzero(mask)
    cx, cy = float(xs.min() + xs.max()) / 2, float(ys.min() + ys.max()) / 2
    turn = cv2.getRotationMatrix2D((0.0, 0.0), degrees, scale)[:, :2]
    if flip:
        turn = turn @ np.diag([-1.0, 1.0])
    matrix = np.hstack([turn, (np.array(to) - turn @ np.array([cx, cy]))[:, None]])
    whole = abs(scale - 1.0) < 1e-6 and degrees == 0.0
    if whole:
        matrix[:, 2] = np.rint(matrix[:, 2])  # moved by whole pixels: nothing is resampled
    source = photo.image
    if scale < 0.7:  # a warp alone would alias
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.45 / scale), np.uint8)
    size = (shape[1], shape[0])
    method = cv2.INTER_NEAREST if whole else cv2.INTER_CUBIC
    image = cv2.warpAffine(source, matrix, size, flags=method, borderMode=cv2.BORDER_REFLECT)
    moved = cv2.warpAffine(mask.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(image, np.uint8), np.asarray(moved > 0.5)


def _graded(layer: Image, host: Image, mask: Mask, rng: np.random.Generator, strength: float) -> Image:
    """Another light: brightness, contrast, saturation and tint changed, a quarter of the time towards the host's."""
    pixels = layer.astype(np.float32)
    if rng.random() < 0.25 and mask.any():
        ring = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool) & ~mask
        if ring.any():
            inside, outside = pixels[mask], host[ring].astype(np.float32)
            pull = rng.uniform(0.3, 0.9)
            gain = np.clip((outside.std(0) + 5) / (inside.std(0) + 5), 0.6, 1.6) ** pull
            pixels = (pixels - inside.mean(0)) * gain + inside.mean(0) * (1 - pull) + outside.mean(0) * pull
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * np.exp(rng.normal(0, 0.25 * strength))
    pixels = (pixels - 128) * np.exp(rng.normal(0, 0.15 * strength)) + 128 + rng.normal(0, 14 * strength)
    pixels = pixels * np.exp(rng.normal(0, 0.05 * strength, 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _textured(layer: Image, rng: np.random.Generator) -> Image:
    """Another camera: softer, crisper or noisier."""
    kind = rng.random()
    if kind < 0.3:
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.4, 1.3))), np.uint8)
    if kind < 0.5:
        return chains.sharpened(layer, rng)
    if kind < 0.7:
        noise = rng.normal(0, rng.uniform(1.5, 6), layer.shape)
        return np.clip(np.rint(layer + noise), 0, 255).astype(np.uint8)
    return layer


def _place(shape: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0.08, 0.92) * shape[1]), float(rng.uniform(0.08, 0.92) * shape[0])


def _splice(host: Photo, donor: Photo, rng: np.random.Generator) -> tuple[Image, Mask]:
    share, shape = _share(rng), host.image.shape[:2]
    source = donor
    history = rng.random()
    if history < 0.5:
        source = Photo(chains.saved(donor.image, rng, 40, 96), donor.object)
    elif history < 0.65:
        source = Photo(chains.camera_jpeg(donor.image, rng), donor.object)
    elif history < 0.75:
        source = Photo(chains.webp(donor.image, rng), donor.object)
    mask = _outline(source, share, rng)
    if not mask.any():
        return host.image, mask
    scale = float(np.clip(np.sqrt(share * shape[0] * shape[1] / mask.sum()), 0.2, 1.8))
    if rng.random() < 0.15:
        scale = 1.0
    degrees = float(rng.uniform(-40, 40)) if rng.random() < 0.35 else 0.0
    layer, moved = _moved(source, mask, shape, scale, degrees, bool(rng.integers(2)), _place(shape, rng))
    layer = _textured(_graded(layer, host.image, moved, rng, 1.0 if rng.random() < 0.7 else 0.1), rng)
    alpha = _alpha(moved, rng)
    return _over(host.image, layer, alpha), alpha > 0.5


def _copy_move(host: Photo, _donor: Photo, rng: np.random.Generator) -> tuple[Image, Mask]:
    share, shape = float(np.exp(rng.uniform(*np.log((AREA[0], 0.18))))), host.image.shape[:2]
    mask = (_plain_outline if rng.random() < PLAIN else _outline)(host, share, rng)
    if not 0 < mask.mean() < 0.3:
        return host.image, np.zeros_like(mask)
    scale = float(rng.uniform(0.7, 1.35)) if rng.random() < 0.4 else 1.0
    degrees = float(rng.uniform(-45, 45)) if rng.random() < 0.3 else 0.0
    flip = bool(rng.random() < 0.25)
    layer, moved = _moved(host, mask, shape, scale, degrees, flip, _place(shape, rng))
    if not moved.any() or (moved & mask).sum() > 0.25 * moved.sum():
        return host.image, np.zeros_like(mask)
    if rng.random() < 0.25:
        layer = _graded(layer, host.image, moved, rng, 0.4)
    if rng.random() < 0.15:
        layer = _textured(layer, rng)
    alpha = _alpha(moved, rng)
    return _over(host.image, layer, alpha), alpha > 0.5


def _removal(host: Photo, _donor: Photo, rng: np.random.Generator) -> tuple[Image, Mask]:
    """Covered from its surroundings: diffusion, or a part beside it put over it and blended."""
    mask = _outline(host, float(np.exp(rng.uniform(*np.log((AREA[0], 0.1))))), rng)
    if not 0 < mask.mean() < 0.2:
        return host.image, np.zeros_like(mask)
    if rng.random() < 0.4:
        method = cv2.INPAINT_TELEA if rng.random() < 0.5 else cv2.INPAINT_NS
        filled = cv2.inpaint(host.image, mask.astype(np.uint8), float(rng.integers(2, 8)), method)
        return np.asarray(filled, np.uint8), mask
    xs = np.nonzero(mask.any(axis=0))[0]
    step = int((xs[-1] - xs[0] + 6) * rng.uniform(1.0, 1.6)) * (1 if rng.random() < 0.5 else -1)
    shifted = np.roll(host.image, (int(rng.integers(-12, 13)), step), axis=(0, 1))
    if rng.random() < 0.5:
        return _clone(host.image, shifted, mask), mask
    alpha = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), float(rng.uniform(0.8, 3.0))), np.float32)
    return _over(host.image, shifted, alpha), alpha > 0.5


def _clone(host: Image, layer: Image, mask: Mask) -> Image:
    """Poisson blending (Pérez et al. 2003): gradients of the layer, border values of the host."""
    inner = mask.astype(np.uint8).copy()
    inner[[0, -1], :] = 0
    inner[:, [0, -1]] = 0
    if not inner.any():
        return host
    x, y, w, h = cv2.boundingRect(inner)
    cloned = cv2.seamlessClone(layer, host, 255 * inner, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    # the solver also disturbs the rest of the box around the mask
    alpha = np.asarray(cv2.GaussianBlur(cv2.dilate(inner, np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 1.0))
    return _over(host, np.asarray(cloned, np.uint8), np.asarray(alpha, np.float32))


def _blend(host: Photo, donor: Photo, rng: np.random.Generator) -> tuple[Image, Mask]:
    share, shape = _share(rng), host.image.shape[:2]
    mask = _outline(donor, share, rng)
    if not mask.any():
        return host.image, mask
    scale = float(np.clip(np.sqrt(share * shape[0] * shape[1] / mask.sum()), 0.2, 1.8))
    layer, moved = _moved(donor, mask, shape, scale, 0.0, bool(rng.integers(2)), _place(shape, rng))
    return _clone(host.image, layer, moved), moved


def _retouch(host: Photo, _donor: Photo, rng: np.random.Generator) -> tuple[Image, Mask]:
    """Smoothed, sharpened, recoloured or pushed about, with a soft edge."""
    mask = _outline(host, _share(rng), rng)
    alpha = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), float(rng.uniform(0.5, 4.0))), np.float32)
    kind, image = rng.random(), host.image
    if kind < 0.3:
        layer = np.asarray(cv2.bilateralFilter(image, 7, float(rng.uniform(20, 60)), 5.0), np.uint8)
        layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.5, 2.0))), np.uint8)
    elif kind < 0.7:
        layer = _graded(image, image, mask, rng, 2.0)
    else:
        height, width = mask.shape
        bend = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 2)).astype(np.float32), (0, 0), 12.0)
        bend = bend * np.float32(rng.uniform(3, 9) / max(1e-6, float(np.abs(bend).max())))
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        warped = cv2.remap(
            image, x + bend[..., 0] * alpha, y + bend[..., 1] * alpha, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(warped, np.uint8), mask
    return _over(image, layer, alpha), alpha > 0.5


_MAKERS: Mapping[str, Callable[[Photo, Photo, np.random.Generator], tuple[Image, Mask]]] = {
    "splice": _splice,
    "copy_move": _copy_move,
    "removal": _removal,
    "blend": _blend,
    "retouch": _retouch,
}
KINDS = tuple(_MAKERS)


def forge(kind: str, host: Photo, donor: Photo, rng: np.random.Generator, attempts: int = 4) -> Forgery | None:
    """One manipulated area in ``host``; ``None`` when every attempt changed too little or too much to count."""
    for _ in range(attempts):
        image, mask = _MAKERS[kind](host, donor, rng)
        share = float(mask.mean())
        if 0.3 * AREA[0] < share < 1.6 * AREA[1]:
            change = np.abs(image[mask].astype(np.int16) - host.image[mask]).mean()
            if change > _LEAST_CHANGE:
                return Forgery(image, mask, kind)
    return None
