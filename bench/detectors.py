"""Grade the picture detectors: AUC, TPR at 1 % FPR, pixel F1, and what they owe to JPEG quality.

    python bench/detectors.py [--data DIR] [--detectors a,b] [--sets casia1,synthetic] [--limit N] [--quality Q]

Real sets are saved again at one quality for both classes (``--quality 0`` keeps the bytes: the tables then give the
answer away, see the baseline). Synthetic sets are forgeries made by ``forgeries.py`` from the test fifth of the
pristine photographs, whose negatives went through the same last save. The set ``correlation`` is the pristine test
photographs themselves: how each detector's answer follows the sum of the luma quantisation table. AUC and F1 count the
items on which the detector spoke; TPR at 1 % FPR counts all, an abstention being no alarm.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from common import arguments, auc, bootstrap, show, tpr
from datasets import Item, image_sets, untouched
from scoring import FIXED, THRESHOLDS, Answer, Answers, pixel_detectors, score
from veriscope.types import Detector

CORRELATION = "correlation"
Figures = dict[str, float | int | None]


def tpr_at(answers: Sequence[Answer], rate: float = 0.01) -> float:
    """``tpr`` over all items: an abstention is no alarm."""
    genuine = [-np.inf if a.raw is None else a.raw for a in answers if not a.label]
    forged = [-np.inf if a.raw is None else a.raw for a in answers if a.label]
    return tpr(forged, genuine, rate)


def pixel_f1(answers: Sequence[Answer]) -> tuple[float, float, float] | None:
    """Mean F1 over forged items with a mask: at ``FIXED``, at the set's best threshold, and of marking everything."""
    rows, everything = [], []
    for a in answers:
        if a.hits is not None and a.marked is not None:
            rows.append(2 * a.hits / (a.forged + a.marked))
            everything.append(2 * a.forged / (a.forged + a.pixels))
    if not rows:
        return None
    means = np.mean(rows, axis=0)
    fixed = float(means[int(np.argmin(np.abs(THRESHOLDS - FIXED)))])
    return fixed, float(means.max()), float(np.mean(everything))


def grade(answers: Sequence[Answer]) -> Figures:
    forged = [a.raw for a in answers if a.label and a.raw is not None]
    genuine = [a.raw for a in answers if not a.label and a.raw is not None]
    figures: Figures = {
        "n": len(answers),
        "abstained": 1 - (len(forged) + len(genuine)) / max(1, len(answers)),
        "spoke_forged": len(forged),
        "spoke_genuine": len(genuine),
        "auc": None,
        "auc_low": None,
        "auc_high": None,
        "tpr_at_fpr_1pct": tpr_at(answers),
    }
    if len(forged) > 4 and len(genuine) > 4:
        figures["auc"] = auc(forged, genuine)
        figures["auc_low"], figures["auc_high"] = bootstrap(auc, forged, genuine)
    f1 = pixel_f1(answers)
    if f1 is not None:
        figures["pixel_f1_fixed"], figures["pixel_f1_best"], figures["pixel_f1_everything"] = f1
    return figures


def baseline(answers: Answers) -> Figures:
    """AUC of tables, size, byte count and EXIF alone: logistic regression, five folds."""
    labels = np.array(answers.labels)
    if np.bincount(labels, minlength=2).min() < 5:
        return {"auc": None}
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    guess = cross_val_predict(model, np.array(answers.facts), labels, cv=folds, method="decision_function")
    low, high = bootstrap(auc, guess[labels == 1], guess[labels == 0])
    return {"n": len(labels), "auc": auc(guess[labels == 1], guess[labels == 0]), "auc_low": low, "auc_high": high}


def correlation(answers: Sequence[Answer]) -> float | None:
    """Spearman's rank correlation of raw with the sum of the luma table, over genuine pictures that got a raw."""
    pairs = [(a.raw, a.table) for a in answers if not a.label and a.raw is not None and a.table]
    raws, tables = zip(*pairs, strict=True) if pairs else ((), ())
    if len(pairs) < 10 or len(set(tables)) < 2:
        return None
    return 0.0 if len(set(raws)) < 2 else float(spearmanr(raws, tables).statistic)


def quality_dependence(pristine: dict[str, list[Item]], detectors: Sequence[Detector]) -> dict[str, Figures]:
    """Per detector, the correlation on each collection of pristine photographs, and the share that got an answer."""
    table: dict[str, Figures] = {d.name: {} for d in detectors}
    for name, items in pristine.items():
        for detector, answers in score(items, detectors).by_detector.items():
            table[detector][name] = correlation(answers)
            table[detector][f"{name}_n"] = sum(a.raw is not None for a in answers)
    return table


def shown(value: float | int | None) -> str:
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--detectors", help="names, separated by commas; all that judge pixels by default")
    parser.add_argument("--sets", default=f"casia1,ciplab,stylegan2,cnndetection,synthetic,{CORRELATION}")
    parser.add_argument("--limit", type=int, default=None, help="items of each class and set")
    parser.add_argument(
        "--quality", type=int, default=90, help="JPEG quality both classes are saved at; 0: as they are"
    )
    chosen = parser.parse_args()
    root = chosen.data.resolve()
    detectors = pixel_detectors(chosen.detectors.split(",") if chosen.detectors else None)
    available = image_sets(root, chosen.quality or None, chosen.limit)
    flat: dict[str, float | int | None] = {}

    def say(text: str) -> None:
        print(text, file=sys.stderr if chosen.json else sys.stdout, flush=True)

    for name in chosen.sets.split(","):
        if name == CORRELATION:
            continue
        answers = score(available[name](), detectors)
        rows = {"tables_only": baseline(answers)} | {d: grade(a) for d, a in answers.by_detector.items()}
        say(f"\n{name}, quality {chosen.quality or 'as stored'}")
        for detector, figures in rows.items():
            flat |= {f"{name}.{detector}.{key}": value for key, value in figures.items()}
            say(f"  {detector:20} " + "  ".join(f"{key} {shown(value)}" for key, value in figures.items()))
    if CORRELATION in chosen.sets.split(","):
        collections = {
            "rho_stored": untouched(root, "test", chosen.limit),
            "rho_requantised": untouched(root, "test", chosen.limit, lowest=60),
        }
        say("\nSpearman's rank correlation of raw with the luma table sum, pristine photographs of the test fifth")
        for detector, figures in quality_dependence(collections, detectors).items():
            flat |= {f"{detector}.{key}": value for key, value in figures.items()}
            say(f"  {detector:20} " + "  ".join(f"{key} {shown(value)}" for key, value in figures.items()))
    if chosen.json:
        show(flat, as_json=True)


if __name__ == "__main__":
    main()
