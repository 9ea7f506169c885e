"""Fit which of two equal areas was pasted, and print it as it stands in ``detectors/_pasted_side.py``.

    python bench/pasted_side_fit.py [--data DIR] [--train 250] [--held-out 360] [--json]

Areas of development photographs are copied within them (0.8–18 % of the picture; a fifth from plain parts; scaled,
turned, mirrored, relit; hard, smoothed and feathered edges), 384×256, and saved once or twice. Outlines are off by up
to three pixels, the way a search finds them. The network that is asked learned from the first lot of photographs, so
the weights are also fitted and cross-validated on those alone that it never saw. All of them are development data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common import arguments, show, wilson
from veriscope.detectors._pasted_side import MOST, Outline, outline
from veriscope.inference.networks import forgery_heatmap as network
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.synthesis import chains, forgeries, store
from veriscope.train.synthesis.forgeries import Photo
from veriscope.train.synthesis.outlines import Mask
from veriscope.types import Image

FOLDS, SHRINK = 5, 5.0
SURE = 0.7  # log-odds from which one area alone is worth more F1 than both
Copy = tuple[bytes, Mask, Mask]  # JPEG bytes, where the copy came from, where it was pasted


def copied(host: Photo, rng: np.random.Generator) -> tuple[Image, Mask, Mask] | None:
    """The host with an area of it a second time, the area, and the copy."""
    for _ in range(12):
        share = float(np.exp(rng.uniform(*np.log((0.008, 0.18)))))
        draw = forgeries._plain_outline if rng.random() < 0.2 else forgeries._outline
        mask = draw(host, share, rng)
        if not 0 < mask.mean() < 0.3:
            continue
        scale = float(rng.uniform(0.7, 1.35)) if rng.random() < 0.4 else 1.0
        degrees = float(rng.uniform(-45, 45)) if rng.random() < 0.25 else 0.0
        flip = bool(rng.random() < 0.25)
        place = forgeries._place(mask.shape, rng)
        layer, moved = forgeries._moved(host, mask, mask.shape, scale, degrees, flip, place)
        if not moved.any() or (moved & mask).sum() > 0.1 * moved.sum() or moved.mean() < 0.004:
            continue
        if moved.sum() < 0.8 * mask.sum() * scale**2:
            continue
        if rng.random() < 0.2:
            layer = forgeries._graded(layer, host.image, moved, rng, 0.4)
        if rng.random() < 0.1:
            layer = forgeries._textured(layer, rng)
        alpha = forgeries._alpha(moved, rng)
        image = forgeries._over(host.image, layer, alpha)
        if np.abs(image[moved].astype(int) - host.image[moved]).mean() >= 3:
            return image, mask & ~(alpha > 0.5), alpha > 0.5
    return None


def saved(image: Image, rng: np.random.Generator) -> bytes:
    """One or two saves, the last at 75, 90 or between 70 and 96."""
    first, quality = rng.random(), int(rng.integers(70, 99))
    if first < 0.75:
        plain = rng.random() < 0.5
        image = chains.decoded(chains.jpeg(image, quality)) if plain else chains.camera_jpeg(image, rng)
    return chains.jpeg(image, int(rng.choice([90, 90, 75, int(rng.integers(70, 97))])))


def copies(data: Path, part: store.Part, count: int) -> Iterator[Copy]:
    rng = np.random.default_rng([5, part == "validation"])
    sources, made = store.Sources(store.photographs(data, part)), 0
    while made < count:
        forged = copied(sources.canvas(rng), rng)
        if forged is None:
            continue
        made += 1
        yield saved(forged[0], np.random.default_rng(int(rng.integers(1 << 30)))), forged[1], forged[2]


def shaken(mask: Mask, rng: np.random.Generator) -> Mask:
    """Grown or shrunk by up to three pixels, and a pixel off."""
    by, area = int(rng.integers(-3, 4)), mask.astype(np.uint8)
    if by:
        ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1, 2 * abs(by) + 1))
        area = np.asarray((cv2.dilate if by > 0 else cv2.erode)(area, ellipse), np.uint8)
    shift = np.array([[1, 0, rng.integers(-1, 2)], [0, 1, rng.integers(-1, 2)]], np.float32)
    return np.asarray(cv2.warpAffine(area, shift, area.shape[::-1]) > 0)


def differences(made: Iterator[Copy], infer: OnnxInfer) -> NDArray[np.float64]:
    """Measures of every copy's outline less those of its source's: N×``Outline``."""
    rng, rows = np.random.default_rng(1), []
    for data, source, copy in made:
        image = chains.decoded(data)
        luma = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
        levels = network.dct_levels(luma, chains.luma_table(data))
        answer = network.read(infer.run(network.NAME, network.prepare(image, levels)), image.shape[:2])
        if answer.seams is None:
            raise SystemExit("this network does not say where borders are")
        seams, heat = (cv2.resize(plane, image.shape[1::-1]) for plane in (answer.seams, answer.logits))
        seed = int(rng.integers(1 << 30))
        pair = [outline(image, shaken(mask, np.random.default_rng(seed)), seams, heat) for mask in (copy, source)]
        if pair[0] is not None and pair[1] is not None:
            rows.append(np.array(pair[0]) - np.array(pair[1]))
    return np.array(rows)


def fit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of a logistic regression without intercept under which every row of ``x`` is likely; Newton's method."""
    w = np.zeros(x.shape[1])
    for _ in range(12):
        p = 1 / (1 + np.exp(-x @ w))
        w += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + SHRINK * np.eye(len(w)), x.T @ (1 - p) - SHRINK * w)
    return w


def crossed(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of every row by weights that were fitted without its fold; neighbours share one."""
    fold, odds = np.arange(len(x)) * FOLDS // len(x), np.zeros(len(x))
    for k in range(FOLDS):
        odds[fold == k] = x[fold == k] @ fit(x[fold != k])
    return odds


def figures(odds: NDArray[np.float64]) -> dict[str, float]:
    right, sure = odds > 0, np.abs(odds) > SURE
    low, high = wilson(int(right.sum()), len(right))
    return {
        "copies": len(odds),
        "right": float(right.mean()),
        "right_low": low,
        "right_high": high,
        "sure": float(sure.mean()),
        "right_where_sure": float(right[sure].mean()),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--train", type=int, default=250, help="copies in photographs that the network learned from")
    parser.add_argument("--held-out", type=int, default=360, help="copies in photographs that it never saw")
    given = parser.parse_args()
    infer = OnnxInfer()
    parts: tuple[tuple[store.Part, int], ...] = (("train", given.train), ("validation", given.held_out))
    report(*(differences(copies(given.data.resolve(), part, count), infer) for part, count in parts), given.json)


def report(seen: NDArray[np.float64], unseen: NDArray[np.float64], as_json: bool) -> None:
    every = np.concatenate([seen, unseen])
    spread = every.std(axis=0)
    train, held = (np.clip(rows / spread, -MOST, MOST) for rows in (seen, unseen))
    told = np.array([name in {"seam", "heat"} for name in Outline._fields])
    alone = np.where(told, 0.0, np.concatenate([train, held]))
    rows = {
        "fitted on seen, tested on unseen": figures(held @ fit(train)),
        "cross-validated on unseen": figures(crossed(held)),
        "cross-validated on all, without the network": figures(crossed(alone)),
    }
    show({f"{title}: {key}": value for title, row in rows.items() for key, value in row.items()}, as_json=as_json)
    for name, values in (("SPREAD", spread), ("WEIGHTS", fit(held)), ("ALONE", fit(alone))):
        print(f"{name} = np.array([{', '.join(f'{v:.3f}' for v in values)}])")
    larger = ", ".join(f"{n} {np.mean(c > 0):.2f}" for n, c in zip(Outline._fields, every.T, strict=True))
    print(f"share of copies whose measure is the larger one: {larger}")


if __name__ == "__main__":
    main()
