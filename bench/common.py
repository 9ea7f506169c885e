"""What the benches share: where the data lies, which files are for tests only, intervals, output."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for tests.making


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("VERISCOPE_DATA", ROOT / "../shared/data")))
    return parser


def is_test(name: str) -> bool:
    """The fifth of ``images/pristine`` that is for tests only: SHA-256 of the file name mod 5 is 0."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    p, n = hits / total, total
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a forged item scores above a genuine one; ties count half."""
    p, n = np.asarray(positive, float), np.sort(np.asarray(negative, float))
    if not p.size or not n.size:
        return float("nan")
    below = np.searchsorted(n, p, "left") + np.searchsorted(n, p, "right")
    return float(below.mean() / (2 * n.size))


def tpr(positive: Sequence[float], negative: Sequence[float], rate: float = 0.01) -> float:
    """Share of the forged items above the value that at most ``rate`` of the genuine ones exceed."""
    p, n = np.asarray(positive, float), np.sort(np.asarray(negative, float))[::-1]
    if not p.size or not n.size:
        return float("nan")
    return float(np.mean(p > n[int(rate * n.size)]))


def bootstrap(
    statistic: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    positive: Sequence[float],
    negative: Sequence[float],
    rounds: int = 500,
) -> tuple[float, float]:
    """95 % interval by resampling both classes."""
    random = np.random.default_rng(0)
    p, n = np.asarray(positive, float), np.asarray(negative, float)
    draws = [statistic(random.choice(p, p.size), random.choice(n, n.size)) for _ in range(rounds)]
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


def cpu_seconds() -> float:
    """CPU time of this process and its ended children, user and system."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def show(figures: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")
