"""Grade the map of changed areas: pixel F1 and image AUC on casia1, and what the score owes to JPEG quality.

    python bench/heatmaps.py [--data DIR] [--qualities 0,90,75] [--limit N] [--skip rho] [--json]

Both classes are saved again at each quality; 0 keeps the bytes, whose tables alone give the answer away (see
``tables_only``). Three maps are graded: the network's alone, the copied areas alone, and the one that is shown, which
joins them. ``f1_fixed`` is the mean over tampered pictures of each picture's F1 at 0.5, as the literature's tables are
made; ``f1_best`` takes the threshold that is best for the whole set, ``f1_pooled`` counts all pixels together at 0.5.
The system's image score adds the log-odds of the calibrated scores of network and copies, each with the weight that it
has in the report (``fusion.yaml``).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from common import arguments, auc_interval, bootstrap, show, tpr
from datasets import Item, casia1, untouched
from detectors import baseline
from scoring import FIXED, Answers, scenes
from veriscope.detectors._copy_move_once import once
from veriscope.detectors.base import calibration
from veriscope.detectors.copy_move import EFFORTS, HIGHEST, LOWEST, CopyMove, search
from veriscope.detectors.forgery_heatmap import PIXELS, Examined, ForgeryHeatmap, examine, with_copies
from veriscope.fusion import load_policy
from veriscope.types import Kind, Plane, Policy

THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)
MAPS = ("network", "copies", "system")
Mask = NDArray[np.bool_]


@dataclass
class Graded:
    """Per picture: raws of network and copies; per tampered picture and map: hits and marked pixels by threshold."""

    label: int
    network: float
    copies: float
    table: int
    group: str
    forged: float = 0.0
    hits: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    marked: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def examined(items: Sequence[Item], answers: Answers) -> Iterator[Graded]:
    """Every item through the real scene, under the standard policy; ``answers`` collects what needs no pixels."""
    for item, mask, facts, scene, infer in scenes(items, answers):
        image = scene.image()
        found = examine(image, scene, infer, PIXELS[Policy.STANDARD])
        copies = once(image, EFFORTS[Policy.STANDARD], search)
        raw = float(np.clip(copies.logits[0], LOWEST, HIGHEST)) if copies.logits else LOWEST
        graded = Graded(item.label, found.logit, raw, int(facts[0]), item.name[:4])
        if mask is not None and mask.any():
            empty = np.zeros_like(found.heat)
            nothing = Examined(empty, found.reliability, empty - 20, None, 0.0, found.shape, False)
            maps = found.heat, with_copies(nothing, copies, image), with_copies(found, copies, image)
            _count(graded, dict(zip(MAPS, maps, strict=True)), mask)
        yield graded


def _count(graded: Graded, maps: dict[str, Plane], mask: Mask) -> None:
    graded.forged = float(np.count_nonzero(mask))
    for name, heat in maps.items():
        sized = cv2.resize(heat, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        over = [sized >= threshold for threshold in THRESHOLDS]
        graded.hits[name] = np.array([np.count_nonzero(o & mask) for o in over], float)
        graded.marked[name] = np.array([np.count_nonzero(o) for o in over], float)


def pixel_figures(pictures: Sequence[Graded], name: str) -> dict[str, float]:
    fixed = int(np.argmin(np.abs(THRESHOLDS - FIXED)))
    rows = np.array([2 * p.hits[name] / (p.forged + p.marked[name]) for p in pictures])
    low, high = bootstrap(lambda one, _: float(np.mean(one)), rows[:, fixed].tolist(), [0.0])
    hits, marked = (sum(getattr(p, key)[name][fixed] for p in pictures) for key in ("hits", "marked"))
    figures = {
        "f1_fixed": float(rows[:, fixed].mean()),
        "f1_fixed_low": low,
        "f1_fixed_high": high,
        "f1_best": float(rows.mean(axis=0).max()),
        "f1_best_threshold": float(THRESHOLDS[int(rows.mean(axis=0).argmax())]),
        "f1_pooled": 2 * hits / (sum(p.forged for p in pictures) + marked),
    }
    groups = defaultdict(list)
    for picture, row in zip(pictures, rows[:, fixed], strict=True):
        groups[picture.group].append(float(row))
    return figures | {f"f1_fixed_{group}": float(np.mean(values)) for group, values in sorted(groups.items())}


def image_figures(forged: Sequence[float], genuine: Sequence[float]) -> dict[str, float]:
    return auc_interval("auc", forged, genuine) | {"tpr_at_fpr_1pct": tpr(forged, genuine)}


def system_score(picture: Graded) -> float:
    """Sum of the calibrated log-odds with the report's weights; the raws themselves where nothing is calibrated."""
    total, weights = 0.0, load_policy().weights
    for method, raw in ((ForgeryHeatmap, picture.network), (CopyMove, picture.copies)):
        fitted = calibration(method.name, method.version, Kind.IMAGE)
        p = fitted(raw) if fitted else 1 / (1 + np.exp(-raw))
        total += weights.get(method.name, 1.0) * float(np.log(p / (1 - p)))
    return total


def casia_figures(root: Path, quality: int, limit: int | None) -> dict[str, dict[str, float]]:
    answers = Answers()
    graded = list(examined(casia1(root, quality or None, limit), answers))
    tampered = [g for g in graded if g.hits]
    rows: dict[str, dict[str, float]] = {"tables_only": {k: v for k, v in baseline(answers).items() if v is not None}}
    for name in MAPS:
        rows[name] = pixel_figures(tampered, name)
    for name, value in (
        ("network", lambda g: g.network),
        ("copies", lambda g: g.copies),
        ("system", system_score),
    ):
        scores: tuple[list[float], list[float]] = ([], [])
        for g in graded:
            scores[g.label].append(float(value(g)))
        rows[name] |= image_figures(scores[1], scores[0])
    return rows


def dependence(root: Path, limit: int | None) -> dict[str, dict[str, float]]:
    """Spearman's rank correlation of the network's raw with the sum of the luma table, on pristine test photographs."""
    rows = {}
    for name, lowest in (("rho_stored", None), ("rho_requantised", 60)):
        found = list(examined(untouched(root, "test", limit, lowest=lowest), Answers()))
        statistic = spearmanr([g.network for g in found], [g.table for g in found]).statistic
        rows[name] = {"n": len(found), "network": float(statistic)}
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--qualities", default="0,90,75")
    parser.add_argument("--limit", type=int, default=None, help="pictures of each class")
    parser.add_argument("--skip", default="", help="rho")
    chosen = parser.parse_args()
    root, flat = chosen.data.resolve(), {}

    def say(title: str, rows: dict[str, dict[str, float]]) -> None:
        print(title, file=sys.stderr if chosen.json else sys.stdout, flush=True)
        for name, figures in rows.items():
            flat.update({f"{title}.{name}.{key}": value for key, value in figures.items()})
            line = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
            print(f"  {name:12} {line}", file=sys.stderr if chosen.json else sys.stdout, flush=True)

    for quality in (int(q) for q in chosen.qualities.split(",") if q):
        say(f"casia1@{quality or 'stored'}", casia_figures(root, quality, chosen.limit))
    if "rho" not in chosen.skip:
        say("pristine", dependence(root, chosen.limit))
    if chosen.json:
        show(flat, as_json=True)


if __name__ == "__main__":
    main()
