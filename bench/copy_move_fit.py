"""Fit the logistic function of the copy-move detector, and print it as it stands in ``detectors/copy_move.py``.

    python bench/copy_move_fit.py [--data DIR] [--limit N] [--json]

Every chosen photograph of the development four fifths is examined twice, as it is and with a part of it copied; both go
through the same saves. Synthetic lattices are further negatives: they repeat themselves, and nobody forged them. A
candidate of a forged picture counts as found when its areas overlap the true ones (IoU above ``HIT``); of each
picture, its strongest candidates weigh most. The figures are cross-validated over photographs, lattices left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from common import arguments, auc_interval, show, tpr
from datasets import pristine
from forgeries import Mask, Pixels, decode, encode
from veriscope.detectors._copy_move_verify import FEATURES
from veriscope.detectors.copy_move import EFFORTS, LOWEST, search
from veriscope.types import Policy

Points = NDArray[np.float64]  # N×2, x and y
Model = tuple[NDArray[np.float64], float]  # weights, intercept

HIT = 0.3
ROUNDS = 6  # of reweighting each picture's candidates
FOLDS = 5
COPIES, LATTICES = (1,), (0, 77)  # seeds
SMALL = (384, 256)  # px: longer and shorter side of many pictures that get about
SHARES = (0.008, 0.16)  # of the picture that is copied
LEAST = 250  # px: smallest copy
MOST_OVERLAP = 0.1  # of the source that the copy may cover
ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """One examined picture: what was found in it (K×``FEATURES``), and how well each find meets the truth (K IoUs)."""

    photo: str
    label: int  # 1 = something was copied
    features: NDArray[np.float64]
    overlaps: NDArray[np.float64]
    lattice: bool = False


def generator(path: Path, seed: tuple[int, ...]) -> np.random.Generator:
    return np.random.default_rng([*seed, int(hashlib.md5(path.name.encode()).hexdigest()[:8], 16)])


def jpeg(image: Pixels, quality: int) -> Pixels:
    return decode(encode(image, quality))


def original(path: Path, rng: np.random.Generator) -> Pixels:
    """A photograph at its own size or cut down to ``SMALL``, mostly with one more save behind it."""
    image = decode(path.read_bytes())
    if rng.random() < 0.6:
        height, width = image.shape[:2]
        w, h = SMALL if width >= height else SMALL[::-1]
        scale = max(w / width, h / height)
        if rng.random() < 0.4 and scale < 1:
            scale = rng.uniform(scale, 1.0)
        size = max(w, round(width * scale)), max(h, round(height * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        y, x = rng.integers(0, image.shape[0] - h + 1), rng.integers(0, image.shape[1] - w + 1)
        image = image[y : y + h, x : x + w].copy()
    return jpeg(image, int(rng.integers(65, 97))) if rng.random() < 0.7 else image


def saved(image: Pixels, rng: np.random.Generator) -> Pixels:
    """What happens to a picture after the forger is done: now and then a reduction, then one or two saves."""
    quality = int(rng.integers(60, 96))
    if rng.random() < 0.15:
        scale = rng.uniform(0.7, 1.0)
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    image = jpeg(image, quality if rng.random() < 0.9 else 99)
    return jpeg(image, 90) if rng.random() < 0.5 else image


def outline(area: float, rng: np.random.Generator) -> Points:
    """Corners of a shape of about ``area`` square pixels around (0, 0)."""
    kind = rng.choice(["blob", "rectangle", "ellipse", "triangle"], p=[0.5, 0.2, 0.2, 0.1])
    aspect = np.exp(rng.uniform(-0.6, 0.6))
    if kind == "rectangle":
        x, y = np.sqrt(area * aspect) / 2, np.sqrt(area / aspect) / 2
        return np.array([[-x, -y], [x, -y], [x, y], [-x, y]])
    if kind == "triangle":
        side = np.sqrt(2 * area)
        x, y = side * aspect / 2, side / aspect / 2
        return np.array([[-x, y], [x, y], [rng.uniform(-0.5, 0.5) * side, -y]])
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones_like(angle)
    if kind == "blob":
        for order in range(2, 6):
            radius += rng.normal() * 0.25 / order * np.cos(order * angle + rng.uniform(0, 6.3))
    radius = np.maximum(radius, 0.3) * np.sqrt(area / np.pi)
    return np.stack([radius * np.cos(angle) * np.sqrt(aspect), radius * np.sin(angle) / np.sqrt(aspect)], axis=1)


def distortion(rng: np.random.Generator) -> tuple[Points, bool]:
    """The 2×2 matrix that a copy goes through, and whether it is a plain shift."""
    kind = rng.choice(["shift", "scaled", "turned", "mirrored", "affine"], p=[0.62, 0.12, 0.12, 0.07, 0.07])
    linear, scale, degrees = np.eye(2), 1.0, 0.0
    if kind == "scaled":
        scale = np.exp(rng.uniform(np.log(0.65), np.log(1.5)))
    elif kind == "turned":
        angles = [rng.uniform(-40, 40), rng.uniform(-180, 180), 90.0, 180.0]
        degrees = rng.choice(angles, p=[0.6, 0.2, 0.1, 0.1])
        if rng.random() < 0.3:
            scale = rng.uniform(0.8, 1.25)
    elif kind == "affine":
        linear = linear + rng.normal(size=(2, 2)) * 0.1
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    linear = linear @ (scale * np.array([[cosine, -sine], [sine, cosine]]))
    return linear @ np.diag([-1, 1]) if kind == "mirrored" else linear, bool(kind == "shift")


def filled(corners: Points, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """A mask of the polygon, ``None`` when it leaves the picture."""
    height, width = shape
    if corners.min() < 0 or corners[:, 0].max() >= width - 1 or corners[:, 1].max() >= height - 1:
        return None
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask


def with_copy(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask] | None:
    """The picture with a part of it copied, and where source and copy are; ``None`` when no place was found."""
    height, width = shape = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    texture = cv2.blur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2)), (25, 25))
    for _ in range(ATTEMPTS):
        corners = outline(np.exp(rng.uniform(*np.log(SHARES))) * height * width, rng)
        linear, whole = distortion(rng)
        here, there = (np.array([rng.uniform(0.08, 0.92) * width, rng.uniform(0.08, 0.92) * height]) for _ in range(2))
        if whole:
            here, there = np.round(here), np.round(there)
        source, copy = filled(corners + here, shape), filled(corners @ linear.T + there, shape)
        if source is None or copy is None or copy.sum() < LEAST or (source & copy).sum() > MOST_OVERLAP * source.sum():
            continue
        # Nobody hides a thing behind flat sky, mostly.
        if texture[source > 0].mean() < 0.35 * texture.mean() and rng.random() < 0.8:
            continue
        break
    else:
        return None
    map_ = np.hstack([linear, (there - linear @ here)[:, None]])
    moved = cv2.warpAffine(image, map_, (width, height), flags=cv2.INTER_CUBIC).astype(np.float32)
    alpha = copy.astype(np.float32)
    if rng.random() < 0.6:
        alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.2:
        moved = np.clip(moved * rng.uniform(0.85, 1.15) + rng.uniform(-12, 12), 0, 255)
    mixed = image * (1 - alpha[..., None]) + moved * alpha[..., None]
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8), (source | copy) > 0


def lattice(path: Path) -> Pixels:
    """A photograph partly covered by a weave, tiles or bricks, bent, shaded and noisy: no two cells are quite alike."""
    rng = generator(path, LATTICES)
    image = original(path, rng).astype(np.float32)
    height, width = image.shape[:2]

    def smooth(sigma: float, amount: float) -> NDArray[np.float32]:
        noise = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), sigma)
        return np.asarray(amount * noise / noise.std())

    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = x + smooth(30, rng.uniform(0.7, 3)), y + smooth(30, rng.uniform(0.7, 3))
    kind = ("weave", "tiles", "bricks")[rng.integers(0, 3)]
    if kind == "weave":
        period = rng.uniform(2, 9, 3)
        weave = 30 * np.sign(np.sin(u / period[0])) * np.sign(np.sin(v / period[1])) + 20 * np.sin(u / (3 * period[2]))
        cover = weave[..., None] + image.mean((0, 1))
    else:
        h, w = rng.integers(24, 100, 2)
        top, left = rng.integers(0, height - h), rng.integers(0, width - w)
        if kind == "bricks":
            v = v + (np.floor(u / w) % 2) * h / 2
        column, row = (u % w).astype(np.float32), (v % h).astype(np.float32)
        cell = image[top : top + h, left : left + w]
        cover = cv2.remap(cell, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        cover = (cover - cover.mean()) * rng.uniform(0.8, 1.3) + cover.mean()
    cover = cover * (1 + smooth(50, 0.08))[..., None]
    grain = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), 0.8)
    cover = cover + grain[..., None] * rng.uniform(4, 14)
    cover = cover + smooth(2.5, rng.uniform(1, 4))[..., None]
    where = (smooth(40, 1) > rng.uniform(-2, 0.5)).astype(np.float32)
    alpha = cv2.GaussianBlur(where, (0, 0), 1)[..., None]
    return saved(np.clip(image * (1 - alpha) + cover * alpha, 0, 255).astype(np.uint8), rng)


def examine(path: Path, image: Pixels, truth: Mask | None = None, *, repeats: bool = False) -> Case:
    result = search(image, EFFORTS[Policy.STANDARD])
    features = np.array([e.features for e in result.evidence]).reshape(-1, len(FEATURES))
    if truth is None:
        return Case(path.name, 0, features, np.zeros(len(features)), repeats)
    forged = cv2.resize(truth.astype(np.uint8), result.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    areas = [e.mask | e.other for e in result.evidence]
    overlaps = [np.count_nonzero(a & forged) / np.count_nonzero(a | forged) for a in areas]
    return Case(path.name, 1, features, np.array(overlaps))


def cases(data: Path, limit: int) -> list[Case]:
    """Photographs, each with and without a copy, and a third as many lattices made from other photographs."""
    photos = pristine(data, "dev")
    step = -(-len(photos) // limit)
    found = []
    for path in photos[step // 3 :: step]:
        rng = generator(path, COPIES)
        genuine = original(path, rng)
        forged = with_copy(genuine, rng)
        found.append(examine(path, saved(genuine, rng)))
        if forged is not None:
            found.append(examine(path, saved(forged[0], rng), forged[1]))
    return found + [examine(path, lattice(path), repeats=True) for path in photos[2 * step // 3 :: 3 * step]]


def fit(chosen: Sequence[Case]) -> Model:
    """Logistic regression (L2, C = 1) on standardised features; every picture counts alike, its candidates unalike."""
    bags = [c.features[c.overlaps > HIT] for c in chosen if c.label and (c.overlaps > HIT).any()]
    forged = sum(map(len, bags))
    bags += [c.features for c in chosen if not c.label and len(c.features)]
    scaler = StandardScaler().fit(np.concatenate(bags))
    x = scaler.transform(np.concatenate(bags))
    label = np.arange(len(x)) < forged
    ends = np.cumsum([len(bag) for bag in bags])[:-1]
    weight = np.concatenate([np.full(len(bag), 1 / len(bag)) for bag in bags])
    for _ in range(ROUNDS):
        model = LogisticRegression(C=1.0, max_iter=2000).fit(x, label, sample_weight=weight)
        weight = np.concatenate([softmax(odds) for odds in np.split(model.decision_function(x), ends)])
    slopes = model.coef_[0] / scaler.scale_
    return slopes, float(model.intercept_[0] - slopes @ scaler.mean_)


def log_odds(model: Model, case: Case) -> float:
    """Of the most convincing candidate, as the detector gives it."""
    return max(LOWEST, float((case.features @ model[0] + model[1]).max(initial=LOWEST)))


def held_out(found: Sequence[Case]) -> NDArray[np.float64]:
    """Log-odds of every picture, by weights that never saw its photograph."""
    odds = np.zeros(len(found))
    for train, test in GroupKFold(FOLDS).split(odds, groups=[c.photo for c in found]):
        model = fit([found[i] for i in train])
        odds[test] = [log_odds(model, found[i]) for i in test]
    return odds


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=340, help="photographs used")
    chosen = parser.parse_args()
    found = cases(chosen.data.resolve(), chosen.limit)
    odds = held_out(found)
    forged = [o for o, c in zip(odds, found, strict=True) if c.label]
    genuine = [o for o, c in zip(odds, found, strict=True) if not c.label and not c.lattice]
    figures = {"forged": len(forged), "genuine": len(genuine), "lattices": sum(c.lattice for c in found)}
    figures |= {"area_found": float(np.mean([(c.overlaps > HIT).any() for c in found if c.label]))}
    figures |= auc_interval("auc", forged, genuine)
    figures |= {f"tpr_at_fpr_{share}pct": tpr(forged, genuine, share / 100) for share in (1, 2, 5)}
    show(figures, as_json=chosen.json)
    if not chosen.json:
        weights, intercept = fit(found)
        rows = "".join(f"        {w:.4f},  # {name}\n" for name, w in zip(FEATURES, weights, strict=True))
        print(f"WEIGHTS = np.array(\n    [\n{rows}    ]\n)\nINTERCEPT = {intercept:.4f}")


if __name__ == "__main__":
    main()
