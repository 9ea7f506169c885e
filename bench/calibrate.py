"""Fit every detector's raw statistic to a probability, on development data, and write ``detectors/calibration.json``.

    python bench/calibrate.py [--data DIR] [--limit N] [--kinds image,av,text] [--only NAMES] [--dry-run]

Platt's method: a logistic regression of the label on ``raw``, classes weighted alike, targets pulled in from 0 and 1 by
the sample size, slope never negative. Nothing here reads test data: pictures are the development four fifths of
``images/pristine`` (as stored and saved again) against forgeries made from them; what sound, video and text use stands
in ``calibrate_av.py`` and ``calibrate_text.py``. Entries of detectors that are not fitted in a run stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from common import ROOT, arguments, auc, bootstrap
from datasets import synthetic, untouched
from forgeries import KINDS
from scoring import pixel_detectors, score
from veriscope.detectors.base import Calibration
from veriscope.detectors.registry import DETECTORS

TABLE = ROOT / "src" / "veriscope" / "detectors" / "calibration.json"

# The share of forgeries the probabilities assume. Fusion adds log-likelihood ratios, and the log-odds at this prior is
# one. Each detector is calibrated as if half of all media were forged; what is usual in the world enters once, there.
PRIOR = 0.5
FLOOR = 0.02  # no single method may call anything more certainly genuine than this
LEAST = 20  # items of each class that must have got an answer

# Methods whose development set is easier than the world: forged by the same recipes that the method was built on. Their
# score may not leave this range, nor their reliability this value, however well they separate here.
CAPS = {
    "copy_move": (0.02, 0.9878, 0.8, "the copies here are large (cross-validated over smaller ones: AUC 0.90)"),
    "vocoder": (0.4, 0.6, 0.3, "fitted on these very clips"),
    "face_jitter": (0.4, 0.6, 0.3, "real face swaps flicker less than those made here"),
    "frame_noise": (0.35, 0.7, 0.2, "few source clips"),
    "container": (0.4, 0.6, 0.3, "an earlier compression is history, not forgery"),
}

# Methods that look for one kind of forgery and are blind to the rest: fitted on that kind, and its assumed share of all
# manipulated pictures. Copied areas make up half of casia1's forgeries; a third is a more cautious guess.
TARGETS: dict[str, tuple[tuple[str, ...], float]] = {"copy_move": (("copy_move",), 1 / 3)}

Samples = dict[str, tuple[list[float], list[int]]]  # detector → raw, label (1 = forged)


@dataclass(frozen=True, slots=True)
class Source:
    """Development samples of one kind of media: how to get them, what they are, and the key they are written under."""

    samples: Callable[[Path, int | None, Sequence[str] | None], Samples]  # data, photographs, detectors
    words: str
    suffix: str = ""
    share: float = 1.0  # of all forgeries, that each of its methods can see at all


def image_samples(data: Path, limit: int | None, only: Sequence[str] | None) -> Samples:
    """Raw statistics of the detectors that judge pixels; abstentions left out."""
    chosen = [d for d in pixel_detectors() if only is None or d.name in only]
    genuine = untouched(data, "dev", limit)
    found: Samples = {}
    for kinds in (KINDS, *(kinds for kinds, _ in TARGETS.values())):
        detectors = [d for d in chosen if TARGETS.get(d.name, (KINDS,))[0] == kinds]
        if not detectors:
            continue
        for name, answers in score(genuine + synthetic(data, "dev", limit, kinds), detectors).by_detector.items():
            spoke = [(a.raw, a.label) for a in answers if a.raw is not None]
            found[name] = ([raw for raw, _ in spoke], [label for _, label in spoke])
    return found


def av_samples(data: Path, _limit: int | None, _only: Sequence[str] | None) -> Samples:
    import calibrate_av

    return calibrate_av.samples(data)


def text_samples(data: Path, _limit: int | None, _only: Sequence[str] | None) -> Samples:
    import calibrate_text

    return calibrate_text.samples(data)


SOURCES = {
    "image": Source(
        image_samples,
        "pristine photographs (development), as stored and saved again, against pasted patches of six kinds",
        "/image",
    ),
    # each sees one kind (a drop, a mute, a shifted sound) and is blind to face swaps: finding nothing must say little
    "av": Source(av_samples, "development clips against splices, drops and repeats made from them", share=0.1),
    "text": Source(text_samples, "development texts"),
}


def platt(raws: Sequence[float], labels: Sequence[int], prior: float = PRIOR) -> tuple[float, float]:
    """Slope (≥ 0) and offset of the log-odds in ``raw``, classes weighted alike and then moved to ``prior``."""
    raw, label = np.asarray(raws, float), np.asarray(labels, bool)
    positives, negatives = int(label.sum()), int((~label).sum())
    # Platt's targets: a class of n cases never shows that the odds are infinite.
    target = np.where(label, 1 - 1 / (positives + 2), 1 / (negatives + 2))
    weight = np.where(label, 0.5 / positives, 0.5 / negatives)
    centre, spread = float(raw.mean()), float(raw.std()) or 1.0
    x = (raw - centre) / spread

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = w[0] * x + w[1]
        slack = weight * (expit(z) - target)
        value = float(np.sum(weight * (np.logaddexp(0, z) - target * z)))
        return value, np.array([np.sum(slack * x), np.sum(slack)])

    fit = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)])
    slope = float(fit.x[0]) / spread
    if slope < 1e-6:
        return 0.0, float(np.log(prior / (1 - prior)))  # raw tells nothing, so the score is the prior
    return slope, float(fit.x[1]) - slope * centre + float(np.log(prior / (1 - prior)))


def calibrate(raws: Sequence[float], labels: Sequence[int], words: str) -> Calibration | None:
    """The entry for one detector, ``None`` when too few items got an answer."""
    forged = [r for r, label in zip(raws, labels, strict=True) if label]
    genuine = [r for r, label in zip(raws, labels, strict=True) if not label]
    if min(len(forged), len(genuine)) < LEAST:
        return None
    slope, offset = platt(raws, labels)
    area = auc(forged, genuine)
    low, high = bootstrap(auc, forged, genuine)
    fewest = min(len(forged), len(genuine))
    return Calibration(
        slope=round(slope, 5),
        offset=round(offset, 5),
        floor=max(FLOOR, round(1 / (fewest + 2), 4)),
        ceiling=round(1 - 1 / (fewest + 2), 4),
        reliability=round(max(0.0, 2 * area - 1), 4),
        basis=f"{words}; {len(genuine)} genuine, {len(forged)} forged, AUC {area:.2f} [{low:.2f}, {high:.2f}]",
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=300, help="photographs used")
    parser.add_argument("--kinds", default=",".join(SOURCES))
    parser.add_argument("--only", help="detectors, separated by commas")
    parser.add_argument("--dry-run", action="store_true", help="print, do not write")
    chosen = parser.parse_args()
    versions = {d.name: d.version for d in DETECTORS}
    table = json.loads(TABLE.read_text("utf-8"))
    fitted = {}
    only = chosen.only.split(",") if chosen.only else None
    for kind in chosen.kinds.split(","):
        source = SOURCES[kind]
        for name, (raws, labels) in sorted(source.samples(chosen.data.resolve(), chosen.limit, only).items()):
            if name not in versions or (only is not None and name not in only):
                continue
            entry = calibrate(raws, labels, source.words)
            if entry is None:
                print(f"{name:24} too few answers ({len(raws)}): left as it is")
                continue
            if source.share < 1:
                told = f"{entry.basis}; one kind of forgery, taken for {source.share:.0%} of all"
                entry = replace(entry, share=source.share, basis=told)
            if name in TARGETS:
                kinds, share = TARGETS[name]
                told = f"{entry.basis}; against {', '.join(kinds)} alone, taken for {share:.0%} of all forgeries"
                entry = replace(entry, share=round(share, 4), basis=told)
            if name in CAPS:
                floor, ceiling, reliability, why = CAPS[name]
                reliability = min(reliability, entry.reliability)
                basis = f"{entry.basis}; capped, because {why}"
                entry = replace(entry, floor=floor, ceiling=ceiling, reliability=reliability, basis=basis)
            fitted[f"{name}@{versions[name]}{source.suffix}"] = asdict(entry)
            print(f"{name:24} slope {entry.slope:.3f}  offset {entry.offset:.3f}  {entry.basis}", flush=True)
    if not chosen.dry_run:
        merged = dict(sorted((table | fitted).items()))
        TABLE.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
