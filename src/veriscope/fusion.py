"""Findings → one calibrated verdict, or "inconclusive"; and the words for it.

Every score is a calibrated probability at even odds, so its logit is a log-likelihood ratio. The weighted policy adds
them up (naive Bayes with weights, as in the forensic likelihood-ratio framework, ENFSI 2015): a detector that cannot
tell forged from genuine has a score near one half and adds next to nothing, so weak methods do not dilute strong ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from veriscope import wording
from veriscope.errors import BadSetting
from veriscope.types import Assessment, Finding, Kind, Label, Signal, Text

_Z90 = 1.645  # the interval holds 90 %
_CLIP = 1e-4
_OWN_RECORD = 0.35  # log-odds of metadata from which nothing is called authentic: an editor's name weighs 0.4


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Risk, 0–100, at which a label begins; ``false_alarm_rate`` is what ``suspicious`` was chosen for."""

    authentic: float
    suspicious: float
    manipulated: float
    false_alarm_rate: float | None


@dataclass(frozen=True, slots=True)
class FusionPolicy:
    method: Literal["weighted", "voting", "stacked"]
    thresholds: Mapping[str, Thresholds]
    prior: float = 0.5
    weights: Mapping[str, float] = field(default_factory=dict)  # by detector or signal, 0–1; 1 when absent
    threshold: float = 0.7
    least: int = 3
    intercept: float = 0.0
    coefficients: Mapping[str, float] = field(default_factory=dict)  # by signal or "edge"

    def weight(self, finding: Finding) -> float:
        return self.weights.get(finding.detector, self.weights.get(finding.signal.value, 1.0))


def load_policy(name: str = "", file: Path | None = None) -> FusionPolicy:
    """A policy by name from ``file`` or from the package; ``""`` is the file's default.

    Raises:
        BadSetting: there is no such policy, or the file makes no sense.
    """
    try:
        source = file.read_text("utf-8") if file else files("veriscope").joinpath("fusion.yaml").read_text("utf-8")
        table: dict[str, Any] = yaml.safe_load(source)
        chosen = name or table["default"]
        limits = {kind: Thresholds(**values) for kind, values in table["thresholds"].items()}
        for t in limits.values():
            if not 0 <= t.authentic <= t.suspicious <= t.manipulated <= 100:
                raise ValueError("thresholds must rise from authentic to manipulated within 0–100")
        return FusionPolicy(thresholds=limits, **table["policies"][chosen])
    except KeyError as exc:
        raise BadSetting(f"The fusion policy {exc} does not exist.") from exc
    except (OSError, TypeError, ValueError, AttributeError, yaml.YAMLError) as exc:
        raise BadSetting(f"The fusion policy file makes no sense: {exc}.") from exc


def logit(p: float) -> float:
    p = min(1 - _CLIP, max(_CLIP, p))
    return math.log(p / (1 - p))


def logistic(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, z))))


def assess(
    findings: Sequence[Finding],
    kind: Kind,
    policy: FusionPolicy,
    *,
    complete: bool = True,
    edge_score: float | None = None,
) -> tuple[Assessment, Mapping[str, float]]:
    """The verdict, and each detector's share in it (0–1, summing to 1 over those that scored)."""
    limits = policy.thresholds[(Kind.TEXT if kind is Kind.HTML else kind).value]
    scored = [f for f in findings if f.score is not None]
    if not scored:
        return _nothing(limits), {}
    votes = {f.detector: policy.weight(f) * logit(f.score or 0.0) for f in scored}
    total = sum(abs(v) for v in votes.values())
    shares = {name: (abs(v) / total if total > 1e-9 else 1 / len(votes)) for name, v in votes.items()}
    z, spread = _combine(scored, votes, policy, edge_score)
    risk = 100 * logistic(z)
    interval = (100 * logistic(z - _Z90 * spread), 100 * logistic(z + _Z90 * spread))
    label = _label(risk, limits)
    if not complete and label is Label.AUTHENTIC:
        label = Label.INCONCLUSIVE  # a part that failed might have spoken against it
    record = _own_record(scored) if label is Label.AUTHENTIC else None
    if record is not None:
        label = Label.INCONCLUSIVE  # saved once after editing, the pixels look as if fresh from a camera
    width = interval[1] - interval[0]
    confidence: Literal["Low", "Medium", "High"] = "High" if width < 20 else "Medium" if width < 45 else "Low"
    if label is Label.INCONCLUSIVE or not complete:
        confidence = "Low" if width >= 45 or not complete else "Medium"
    leading = sorted(scored, key=lambda f: -abs(votes[f.detector]))
    decided = _decisive(leading, votes, label)
    return (
        Assessment(
            risk=risk,
            label=label,
            confidence=confidence,
            interval=interval,
            explanation=wording.explain(label, decided, votes, limits.false_alarm_rate),
            recommendations=wording.recommend(label, kind, findings, complete=complete),
            notes=_notes(scored, votes, label) + (() if record is None else (wording.own_record(record),)),
            false_alarm_rate=limits.false_alarm_rate,
            thresholds={
                "authentic": limits.authentic,
                "suspicious": limits.suspicious,
                "manipulated": limits.manipulated,
            },
            decided_by=tuple(f.detector for f in decided),
        ),
        shares,
    )


def _own_record(scored: Sequence[Finding]) -> Finding | None:
    """The metadata that speak against the file, whatever the pixels say: an editing program, a contradiction."""
    against = [f for f in scored if f.signal is Signal.METADATA and logit(f.score or 0.0) >= _OWN_RECORD]
    return max(against, key=lambda f: f.score or 0.0, default=None)


def _combine(
    scored: Sequence[Finding], votes: Mapping[str, float], policy: FusionPolicy, edge_score: float | None
) -> tuple[float, float]:
    """Log-odds of manipulation and their standard deviation."""
    values = list(votes.values())
    spread = math.sqrt(sum((v * (1 - f.reliability.value)) ** 2 for f, v in zip(scored, values, strict=True)))
    against, towards = sum(-v for v in values if v < 0), sum(v for v in values if v > 0)
    spread = math.hypot(spread, 0.5 * min(against, towards))  # signals that contradict each other widen the interval
    if policy.method == "voting":
        yes = sum((f.score or 0.0) >= policy.threshold for f in scored)
        if len(scored) < policy.least:
            return 0.0, max(spread, 2.0)
        # Laplace's rule: the share of votes, never quite certain
        return logit((yes + 1) / (len(scored) + 2)), max(spread, 1 / math.sqrt(len(scored)))
    if policy.method == "stacked":
        z = policy.intercept
        for signal in Signal:
            of_signal = [votes[f.detector] for f in scored if f.signal is signal]
            if of_signal:
                z += policy.coefficients.get(signal.value, 0.0) * max(of_signal, key=abs)
        if edge_score is not None:
            z += policy.coefficients.get("edge", 0.0) * logit(edge_score)
        return z, max(spread, 0.25)
    return logit(policy.prior) + sum(values), max(spread, 0.25)


def _label(risk: float, limits: Thresholds) -> Label:
    if risk >= limits.manipulated:
        return Label.MANIPULATED
    if risk >= limits.suspicious:
        return Label.SUSPICIOUS
    return Label.AUTHENTIC if risk <= limits.authentic else Label.INCONCLUSIVE


def _decisive(leading: Sequence[Finding], votes: Mapping[str, float], label: Label) -> list[Finding]:
    """The findings that carry the verdict: those that pull its way and weigh at least a fifth of the strongest."""
    if label in {Label.SUSPICIOUS, Label.MANIPULATED}:
        pulling = [f for f in leading if votes[f.detector] > 0]
    elif label is Label.AUTHENTIC:
        pulling = [f for f in leading if votes[f.detector] < 0]
    else:
        pulling = list(leading)
    if not pulling:
        return []
    strongest = abs(votes[pulling[0].detector])
    return [f for f in pulling if abs(votes[f.detector]) >= 0.2 * strongest][:4]


def _notes(scored: Sequence[Finding], votes: Mapping[str, float], label: Label) -> tuple[Text, ...]:
    notes: list[Text] = []
    if label in {Label.AUTHENTIC, Label.INCONCLUSIVE}:
        for f in scored:
            if f.heatmap is not None and f.heatmap.size and votes[f.detector] < 0.5 and float(f.heatmap.max()) > 0.9:
                notes.append(wording.map_disagrees(f))
    else:
        shown = [f for f in scored if votes[f.detector] > 0.5 and f.heatmap is not None and f.heatmap.size]
        if shown and all(float(f.heatmap.max()) < 0.3 for f in shown if f.heatmap is not None):
            notes.append(wording.NO_PLACE)
    towards = [f for f in scored if votes[f.detector] > 1]
    against = [f for f in scored if votes[f.detector] < -1]
    if towards and against:
        notes.append(wording.contradiction(towards[0], against[0]))
    return tuple(notes)


def _nothing(limits: Thresholds) -> Assessment:
    return Assessment(
        risk=None,
        label=Label.INCONCLUSIVE,
        confidence="Low",
        interval=None,
        explanation=wording.NOTHING_APPLIED,
        recommendations=(wording.ASK_ORIGINAL,),
        false_alarm_rate=limits.false_alarm_rate,
        thresholds={"authentic": limits.authentic, "suspicious": limits.suspicious, "manipulated": limits.manipulated},
    )
