"""Fit the weights and choose the thresholds of ``fusion.yaml`` on development data, for a stated rate of false alarms.

Genuine: development photographs as they are, saved again, made small like web pictures, and small and saved again,
because that is how they arrive. Forged: the same photographs with forgeries made in code. The threshold of
`suspicious` is the larger of the two risks that 1 % of all genuine pictures, and 2 % of the worst group of them, reach;
that leaves room under the 2 % which the product promises, since new photographs differ from old ones. `authentic` is
the risk below which at most 5 % of the forged lie. It also prints how each signal moves, for whoever sets weights.

    python bench/calibrate_fusion.py --limit 120          # prints
    python bench/calibrate_fusion.py --limit 120 --write  # and changes fusion.yaml
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize

from common import ROOT, arguments, auc, bootstrap, show
from datasets import pristine, seed_of, spread
from forgeries import decode, encode, forge, resave_quality
from veriscope.analysis import Examiner, analyse
from veriscope.fusion import logit

KINDS = ("copy_move", "low_quality", "shifted", "fresh", "noisy", "resampled")
SMALL = 384  # pixels on the longer side, as in many collections of web pictures
# Not fitted here: two see what these forgeries are not (generated pictures, altered faces), one learned from forgeries
# of the same recipes, so its weight would be too kind, and the others repeat what their betters say.
GIVEN = {
    "synthetic_image": 0.5,
    "face_manipulation": 0.3,
    "forgery_heatmap": 0.2,
    "forgery_classifier": 0.0,
    "face_boundary": 0.0,
    "vocoder": 0.0,
    "stylometry": 0.3,
}
FILE = ROOT / "src/veriscope/fusion.yaml"


def small(image: np.ndarray) -> np.ndarray:
    import cv2

    height, width = image.shape[:2]
    scale = SMALL / max(height, width)
    return np.asarray(cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA))


def genuine(data: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    for path in spread(pristine(data, "dev"), limit):
        raw = path.read_bytes()
        image = decode(raw)
        quality = 70 + seed_of(path.name) % 26
        yield "as is", raw
        yield "saved again", encode(image, quality)
        yield "small", encode(small(image), 98)
        yield "small, saved again", encode(small(image), 90)


def forged(data: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    hosts = spread(pristine(data, "dev"), limit + 1)
    for i, path in enumerate(hosts[:-1]):
        random = np.random.default_rng(seed_of(path.name))
        host, donor = decode(path.read_bytes()), decode(hosts[i + 1].read_bytes())
        for kind in (KINDS[i % len(KINDS)], "copy_move"):
            made = encode(forge(kind, small(host), small(donor), random).image, resave_quality(random))
            yield f"{kind}, small", made
            yield f"{kind}, small, saved again", encode(decode(made), 90)
        kind = KINDS[i % len(KINDS)]
        yield kind, encode(forge(kind, host, donor, random).image, resave_quality(random))


Row = tuple[str, float, dict[str, tuple[str, float]]]  # group, risk, detector → (signal, log-likelihood ratio)
_examiner: Examiner | None = None


def examine(item: tuple[str, bytes]) -> Row:
    global _examiner  # noqa: PLW0603 - one for each process of the pool
    _examiner = _examiner or Examiner(threads=1)
    report = analyse(item[1], examiner=_examiner)
    votes = {f.detector: (f.signal.value, logit(f.score)) for f in report.findings if f.score is not None}
    risk = report.assessment.risk
    return item[0], 50.0 if risk is None else risk, votes


def fit(x: NDArray[np.float64], y: NDArray[np.bool_], upper: float) -> NDArray[np.float64]:
    """Weights in [0, upper] and an intercept: logistic regression, classes weighted alike, mildly shrunk towards 0."""
    balance = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())

    def loss(w: NDArray[np.float64]) -> float:
        z = x @ w[:-1] + w[-1]
        return float(np.sum(balance * (np.logaddexp(0, z) - y * z)) + 0.002 * np.sum(w[:-1] ** 2))

    bounds = [(0.0, upper)] * x.shape[1] + [(-3.0, 3.0)]
    return np.asarray(minimize(loss, np.full(x.shape[1] + 1, 0.3), method="L-BFGS-B", bounds=bounds).x)


def columns(rows: Sequence[Row], names: Sequence[str], by_signal: bool) -> NDArray[np.float64]:
    x = np.zeros((len(rows), len(names)))
    for i, (_, _, votes) in enumerate(rows):
        for detector, (signal, vote) in votes.items():
            name = signal if by_signal else detector
            if name in names and abs(vote) > abs(x[i, names.index(name)]):
                x[i, names.index(name)] = vote
    return x


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=120, help="photographs used")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    data = given.data.resolve()
    # half the photographs fit the weights, the other half the thresholds: else the thresholds would be too kind
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        negative = list(pool.map(examine, genuine(data, given.limit), chunksize=8))
        positive = list(pool.map(examine, forged(data, given.limit), chunksize=8))
    rows = negative + positive
    y = np.array([False] * len(negative) + [True] * len(positive))
    # blocks of 20 rows, so that the variants of one photograph stay on one side
    fitting = (np.arange(len(rows)) // 20) % 2 == 0
    detectors = sorted({d for _, _, votes in rows for d in votes})
    signals = sorted({s for _, _, votes in rows for s, _ in votes.values()})
    x = columns(rows, detectors, by_signal=False)
    fitted = x.copy()
    fitted[:, [i for i, d in enumerate(detectors) if d in GIVEN]] = 0.0
    w = fit(fitted[fitting], y[fitting], 1.0)
    stacked = fit(columns(rows, signals, by_signal=True)[fitting], y[fitting], 2.0)
    # a method that never spoke here (credentials, say) is not among them and keeps its full weight
    weights = {
        d: round(float(v), 3) for d, v in zip(detectors, w, strict=False) if np.abs(x[:, detectors.index(d)]).max() > 0
    } | GIVEN
    z = x @ np.array([weights.get(d, 1.0) for d in detectors])
    risk = 100 / (1 + np.exp(-z))
    held = ~fitting
    groups: dict[str, list[float]] = defaultdict(list)
    for i in np.flatnonzero(held):
        groups[("forged: " if y[i] else "genuine: ") + rows[i][0]].append(float(risk[i]))
    clean, forgery = risk[held & ~y], risk[held & y]
    # the thresholds come from the genuine pictures of both halves: more of them, and the weights are few
    suspicious = float(np.quantile(risk[~y], 0.99)) + 0.1
    for name in {r[0] for r in negative}:
        of_group = np.array([risk[i] for i in range(len(negative)) if rows[i][0] == name])
        suspicious = max(suspicious, float(np.quantile(of_group, 0.98)) + 0.1)
    manipulated = max(float(np.quantile(risk[~y], 0.998)), (suspicious + 100) / 2)
    authentic = min(float(np.quantile(risk[y], 0.05)), suspicious / 2)
    figures: dict[str, object] = {
        "auc": auc(forgery, clean),
        "auc_95": bootstrap(auc, forgery, clean),
        "suspicious": suspicious,
        "manipulated": manipulated,
        "authentic": authentic,
        "false_alarms": float(np.mean(clean >= suspicious)),
        "flagged": float(np.mean(forgery >= suspicious)),
        "genuine_called_authentic": float(np.mean(clean <= authentic)),
        "forged_called_authentic": float(np.mean(forgery <= authentic)),
        "weights": weights,
        "stacked": {s: round(float(v), 3) for s, v in zip(signals, stacked, strict=False)},
        "stacked_intercept": round(float(stacked[-1]), 3),
    }
    for name, values in sorted(groups.items()):
        q = ", ".join(f"{v:.1f}" for v in np.quantile(values, [0.5, 0.9, 0.98]))
        alarms = np.mean(np.array(values) >= suspicious)
        figures[name] = f"n {len(values)}, median, 90 %, 98 %: {q}; flagged {alarms:.3f}"
    for d in detectors:
        vote = x[:, detectors.index(d)]
        figures[f"vote of {d}"] = (
            f"genuine {vote[~y].mean():+.2f} to {vote[~y].max():+.2f}; forged {vote[y].mean():+.2f}"
        )
    show(figures, as_json=given.json)
    if given.write:
        write(figures)


def write(figures: Mapping[str, Any]) -> None:
    text = FILE.read_text("utf-8")
    line = ", ".join(f"{name}: {figures[name]:.1f}" for name in ("authentic", "suspicious", "manipulated"))
    text = re.sub(r"(?m)^  image: .*$", f"  image: {{{line}, false_alarm_rate: 0.02}}", text)
    text = re.sub(r"(?m)^    weights: .*$", f"    weights: {json.dumps(figures['weights'])}", text, count=1)
    text = re.sub(r"(?m)^    intercept: .*$", f"    intercept: {figures['stacked_intercept']}", text)
    text = re.sub(r"(?m)^    coefficients: .*$", f"    coefficients: {json.dumps(figures['stacked'])}", text)
    yaml.safe_load(text)
    FILE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
