"""Two versions on the same labelled media: how much better one is, with the interval of the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from veriscope.detectors.imported import method_for
from veriscope.detectors.registry import DETECTORS
from veriscope.detectors.trial import answering
from veriscope.errors import BadRequest
from veriscope.inference.manifest import manifests
from veriscope.inference.pinned import Backend, Pinned
from veriscope.inference.registry import Catalogue
from veriscope.train import metrics
from veriscope.train.examination import Answer, Tell, examine
from veriscope.train.labelled import Item
from veriscope.train.metrics import figure, paired
from veriscope.types import Detector, Policy

FIGURES = {"auc": metrics.auc, "eer": metrics.eer, "tpr_at_fpr_1pct": metrics.tpr_at_fpr_1pct}


def parse(label: str, catalogue: Catalogue) -> tuple[str, str]:
    """``NAME@VERSION``, or ``NAME`` for its active version. Raises ``ModelUnavailable`` when there is none."""
    name, _, version = label.partition("@")
    return name, catalogue.manifest(name, version or None).version


def compare(
    backend: Backend, a: str, b: str, items: Sequence[Item], tell: Tell | None = None
) -> Mapping[str, Mapping[str, Any]]:
    """Both on every item, each through the method that asks it.

    Args:
        backend: where networks run.
        a, b: as ``parse`` takes them.
        items: labelled media.
        tell: told how many of how many items are done, twice over.

    Returns:
        ``{"a": …, "b": …, "difference": {metric: {value, low, high}}, "items": {…}}``; the difference is a − b over
        the items of which both spoke, drawn together. ``accuracy`` is there when both are calibrated.
    """
    catalogue = backend.registry.catalogue()
    (first, second) = (_answers(backend, catalogue, *parse(label, catalogue), items, tell) for label in (a, b))
    both = [(x, y) for x, y in zip(first, second, strict=True) if x.raw is not None and y.raw is not None]
    if len({x.label for x, _ in both}) < 2:
        raise BadRequest("There are too few media of which both speak: none of one of the classes.")
    labels, groups = [x.label for x, _ in both], [x.group for x, _ in both]
    found: dict[str, dict[str, Any]] = {"a": {}, "b": {}, "difference": {}}

    def add(name: str, statistic: Any, one: Sequence[float], other: Sequence[float]) -> None:
        found["a"][name] = figure(statistic, one, labels, groups).as_dict()
        found["b"][name] = figure(statistic, other, labels, groups).as_dict()
        found["difference"][name] = paired(statistic, one, other, labels, groups).as_dict()

    raws = [float(x.raw or 0) for x, _ in both], [float(y.raw or 0) for _, y in both]
    for name, statistic in FIGURES.items():
        add(name, statistic, *raws)
    if all(x.score is not None and y.score is not None for x, y in both):
        add("accuracy", metrics.accuracy, [x.score or 0.0 for x, _ in both], [y.score or 0.0 for _, y in both])
    found["items"] = {
        "all": len(items),
        "both": len(both),
        "a": sum(x.raw is not None for x in first),
        "b": sum(y.raw is not None for y in second),
    }
    return found


def _answers(
    backend: Backend, catalogue: Catalogue, name: str, version: str, items: Sequence[Item], tell: Tell | None
) -> list[Answer]:
    # routes are left out: neither shares nor shadows take part in a comparison
    view = Pinned(backend, "", {name: version}, Catalogue(catalogue.versions))
    return examine(items, answering(_method(view, name), view), Policy.THOROUGH, view, tell)


def _method(view: Pinned, name: str) -> Detector:
    if name not in manifests():
        return method_for(view.manifest(name))
    asking = [d for d in DETECTORS if name in d.models]
    if len(asking) != 1:
        count = "no method asks" if not asking else f"{len(asking)} methods ask"
        raise BadRequest(f"Versions of {name} cannot be compared by themselves: {count} it.")
    return asking[0]
