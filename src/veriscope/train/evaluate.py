"""Grade a network as it is used: its own detector, on a real scene, against labelled media.

    result, answers = evaluate(subject("forgery-heatmap"), read(folder))

A detector may abstain. AUC, EER, accuracy and calibration error count the items that it spoke on, and ``answered`` says
how many that are; the TPRs and ``auc_all`` count every item, an abstention being no alarm and a neutral score.
"""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope import __version__
from veriscope.errors import BadRequest
from veriscope.inference.onnx import OnnxInfer
from veriscope.train import baseline, metrics, thresholds
from veriscope.train.examination import Answer, Tell, examine
from veriscope.train.failures import worst
from veriscope.train.labelled import Item
from veriscope.train.metrics import Figure, Overlap, figure
from veriscope.types import Detector, Infer, Policy, Reason

LEAST = 20  # development items of a class: fewer fit no temperature
RATE = 0.01  # of false alarms, that the reported threshold is chosen for


def grade(answers: Sequence[Answer]) -> dict[str, Figure]:
    """Every figure of merit that these answers allow, with its interval."""
    found: dict[str, Figure] = {"answered": _answered(answers)}
    spoke = [a for a in answers if a.raw is not None]
    labels, groups = [a.label for a in spoke], [a.group for a in spoke]
    raws = np.array([a.raw for a in spoke], float)
    found["auc"] = figure(metrics.auc, raws, labels, groups)
    found["eer"] = figure(metrics.eer, raws, labels, groups)
    everything = [a.label for a in answers], [a.group for a in answers]
    quiet = [-np.inf if a.raw is None else a.raw for a in answers]
    found["tpr_at_fpr_1pct"] = figure(metrics.tpr_at_fpr_1pct, quiet, *everything)
    found["tpr_at_fpr_01pct"] = figure(metrics.tpr_at_fpr_01pct, quiet, *everything)
    neutral = [a.neutral if a.raw is None else a.raw for a in answers]
    usual = next((a.neutral for a in answers if a.neutral is not None), None)
    if len(spoke) == len(answers) or usual is not None:
        found["auc_all"] = figure(metrics.auc, [usual or 0.0 if v is None else v for v in neutral], *everything)
    scored = [a for a in spoke if a.score is not None]
    if scored:
        about = [a.label for a in scored], [a.group for a in scored]
        scores = [a.score for a in scored if a.score is not None]
        found["accuracy"] = figure(metrics.accuracy, scores, *about)
        found["ece"] = figure(metrics.ece, scores, *about)
        after = thresholds.scaled_across(scores, *about)
        if after is not None:
            found["ece_after_temperature"] = figure(metrics.ece, after, *about)
    masked = [a for a in answers if a.overlap is not None]
    if masked and any(a.mapped for a in answers):
        found |= _pixels(masked)
    return found


def _answered(answers: Sequence[Answer]) -> Figure:
    hits = sum(a.raw is not None for a in answers)
    return Figure(hits / max(1, len(answers)), *metrics.wilson(hits, len(answers)))


def _pixels(answers: Sequence[Answer]) -> dict[str, Figure]:
    overlaps = [a.overlap for a in answers if a.overlap is not None]
    labels, groups = [a.label for a in answers], [a.group for a in answers]

    def measured(statistic: Callable[[Sequence[Overlap]], float]) -> Figure:
        bounds = metrics.interval(lambda chosen: statistic([overlaps[i] for i in chosen]), labels, groups, 500)
        return Figure(statistic(overlaps), *bounds)

    return {
        "pixel_f1_fixed": measured(metrics.pixel_f1_fixed),
        "pixel_f1_best": measured(metrics.pixel_f1_best),
    }


def _baseline(answers: Sequence[Answer]) -> dict[str, Any]:
    """The facts-only regression on the readable items, and what the detector gains over it where it spoke."""
    readable = [a for a in answers if a.facts]
    labels, groups = [a.label for a in readable], [a.group for a in readable]
    told: dict[str, Any] = {"what": "logistic regression on tables, sizes, lengths and EXIF, cross-validated by group"}
    if len({len(a.facts) for a in readable}) != 1:
        return told | {"missing": "items of different kinds have no facts in common"}
    guess = baseline.cross_validated([a.facts for a in readable], labels, groups)
    if guess is None:
        return told | {"missing": "too few groups"}
    told["auc"] = figure(metrics.auc, guess, labels, groups).as_dict()
    told["eer"] = figure(metrics.eer, guess, labels, groups).as_dict()
    told["accuracy"] = figure(lambda p, n: metrics.accuracy(p, n, 0.0), guess, labels, groups).as_dict()
    both = [(a, g) for a, g in zip(readable, guess, strict=True) if a.raw is not None]
    if len({a.label for a, _ in both}) == 2:
        raws, others = [a.raw for a, _ in both if a.raw is not None], [float(g) for _, g in both]
        about = [a.label for a, _ in both], [a.group for a, _ in both]
        told["auc_gain"] = metrics.gain(raws, others, *about).as_dict()
    overlaps = [a.overlap for a in answers if a.overlap is not None]
    if overlaps:
        told["pixel_f1_everything"] = round(float(np.mean([o.f1_of_everything for o in overlaps])), 5)
    return told


def _subsets(answers: Sequence[Answer]) -> dict[str, Any]:
    found = {}
    for name in sorted({a.subset for a in answers if a.subset}):
        spoke = [a for a in answers if a.subset == name and a.raw is not None]
        if len({a.label for a in spoke}) == 2:
            raws = [a.raw for a in spoke if a.raw is not None]
            measured = figure(metrics.auc, raws, [a.label for a in spoke], [a.group for a in spoke])
            found[name] = {"auc": measured.as_dict(), "items": len(spoke)}
    return found


def _speed(answers: Sequence[Answer]) -> dict[str, Any]:
    """Of the detector alone, its networks and face finding included; the first item loads them and is left out."""
    timed = [a for a in answers[1:] if a.raw is not None]
    told: dict[str, Any] = {"threads": 1}
    for key in ("cpu_ms", "wall_ms"):
        spent = np.array([getattr(a, key) for a in timed])
        if spent.size:
            told[key] = _median(spent).as_dict()
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there
    told["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20)
    told["decoder_memory_mb"] = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * scale / 2**20)
    return told


def _reliability(scored: Sequence[Answer]) -> list[dict[str, float]]:
    bins = metrics.reliability([a.score for a in scored if a.score is not None], [a.label for a in scored])
    return [{key: round(value, 5) for key, value in asdict(one).items()} for one in bins]


def _median(values: NDArray[np.float64]) -> Figure:
    bounds = metrics.interval(lambda chosen: float(np.median(values[chosen])), [0] * values.size)
    return Figure(float(np.median(values)), *bounds)


def _learned(dev: Sequence[Answer], test: Sequence[Answer]) -> dict[str, Any]:
    """What the dev split chooses, and how it holds on the graded items."""
    told: dict[str, Any] = {"chosen_on": f"the dev split, {len(dev)} items"}
    fake, genuine = ([a.raw for a in dev if a.label == y and a.raw is not None] for y in (1, 0))
    spoke = [a for a in test if a.raw is not None]
    labels, groups = [a.label for a in spoke], [a.group for a in spoke]
    raws = [a.raw for a in spoke if a.raw is not None]
    if (chosen := thresholds.at_false_alarms(genuine, RATE)) is not None:
        at = chosen.value
        told["false_alarms_1pct"] = asdict(chosen) | {
            "alarms_here": figure(lambda _, n: float(np.mean(n >= at)), raws, labels, groups).as_dict(),
            "found_here": figure(lambda p, _: float(np.mean(p >= at)), raws, labels, groups).as_dict(),
        }
    if (band := thresholds.conformal_band(fake, genuine)) is not None:
        decided = [r <= band.low or r >= band.high for r in raws]
        told["band"] = asdict(band) | {"decided_here": round(float(np.mean(decided)), 5) if decided else None}
    scored = [a for a in dev if a.score is not None]
    if min(Counter(a.label for a in scored)[y] for y in (0, 1)) >= LEAST:
        t = thresholds.temperature([a.score for a in scored if a.score is not None], [a.label for a in scored])
        told["temperature"] = round(t, 4)
    return told


def evaluate(
    detector: Detector,
    items: Sequence[Item],
    policy: Policy = Policy.STANDARD,
    tell: Tell | None = None,
    infer: Infer | None = None,
) -> tuple[dict[str, Any], list[Answer]]:
    """Figures in the shape of ``evaluate --json``, and the answers they come from.

    Where the items name their splits, ``test`` is graded, ``dev`` chooses thresholds, and ``train`` is left alone.
    """
    infer = infer or OnnxInfer()
    graded = [item for item in items if item.split == "test"] or [item for item in items if not item.split]
    if not graded:
        raise BadRequest("All items are of the train or dev split, so there is nothing to grade.")
    dev = [item for item in items if item.split == "dev"]
    answers = examine([*graded, *dev], detector, policy, infer, tell)
    answers, chosen = answers[: len(graded)], answers[len(graded) :]
    figures = {key: value.as_dict() for key, value in grade(answers).items()}
    result: dict[str, Any] = figures | {
        "baseline": _baseline(answers),
        "subject": {
            "detector": detector.name,
            "version": detector.version,
            "networks": {model: infer.version(model) for model in detector.models},
            "policy": policy.value,
            "veriscope": __version__,
        },
        "items": {
            "genuine": sum(a.label == 0 for a in answers),
            "fake": sum(a.label == 1 for a in answers),
            "groups": len({a.group for a in answers}),
            "left_alone": sum(item.split == "train" for item in items),
            "outcomes": {
                word: dict(sorted(Counter(a.outcome for a in answers if a.label == y).items()))
                for y, word in ((0, "genuine"), (1, "fake"))
            },
        },
        "reliability": _reliability([a for a in answers if a.score is not None]),
        "failures": worst(answers),
        "speed": _speed(answers),
    }
    if subsets := _subsets(answers):
        result["subsets"] = subsets
    if chosen:
        result["thresholds"] = _learned(chosen, answers)
    return result, answers


def unread(result: Mapping[str, Any]) -> int:
    """Items that failed or could not be read: to be shown, as they may hide the hard ones."""
    outcomes = result["items"]["outcomes"].values()
    return sum(found.get("unreadable", 0) + found.get(str(Reason.FAILED), 0) for found in outcomes)
