"""The policy ``auto``: a quick look first, and a longer one only where the quick one leaves the question open.

Which policies follow each other, and which risks count as open, says ``routing.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from veriscope import wording
from veriscope.errors import BadSetting
from veriscope.types import Kind, Options, Policy, Progress, Report

_DEPTH = (Policy.QUICK, Policy.STANDARD, Policy.THOROUGH)
_FIRST = 0.2  # of the progress bar: what all steps but the last one asked for take together, roughly


@dataclass(frozen=True, slots=True)
class Way:
    """Policies from the cheapest on, and the risks (0–1, ends included) after which the next one follows."""

    steps: tuple[Policy, ...]
    band: tuple[float, float] = (0.0, 1.0)

    def open(self, report: Report) -> bool:
        """Whether this report leaves the question open."""
        risk = report.assessment.risk
        return risk is None or not report.complete or self.band[0] <= risk / 100 <= self.band[1]


@dataclass(frozen=True, slots=True)
class Route:
    """A way for every kind of media."""

    name: str
    usual: Way
    kinds: Mapping[Kind, Way] = field(default_factory=dict)

    def way(self, kind: Kind) -> Way:
        return self.kinds.get(kind, self.usual)


def load_route(name: str = "", file: Path | None = None) -> Route:
    """A route by name from ``file`` or from the package; ``""`` is the file's default.

    Raises:
        BadSetting: there is no such route, or the file makes no sense.
    """
    try:
        source = file.read_text("utf-8") if file else files("veriscope").joinpath("routing.yaml").read_text("utf-8")
        table: dict[str, Any] = yaml.safe_load(source)
        chosen = name or table["default"]
        given = dict(table["routes"][chosen])
        own = given.pop("kinds", {})
        return Route(chosen, _way(given), {Kind(kind): _way({**given, **changes}) for kind, changes in own.items()})
    except KeyError as exc:
        raise BadSetting(f"The route {exc} does not exist.") from exc
    except (OSError, TypeError, ValueError, AttributeError, yaml.YAMLError) as exc:
        raise BadSetting(f"The routing file makes no sense: {exc}.") from exc


def _way(given: Mapping[str, Any]) -> Way:
    unknown = set(given) - {"steps", "band"}
    if unknown:
        raise ValueError(f"a route has no field called {min(unknown)}")
    steps = tuple(Policy(step) for step in given.get("steps", ()))
    depths = [_DEPTH.index(step) for step in steps]
    if not steps or any(b <= a for a, b in pairwise(depths)):
        raise ValueError("steps must go from quick over standard to thorough")
    low, high = given.get("band", (0.0, 1.0))
    if not 0 <= low <= high <= 1:
        raise ValueError("band must be two rising numbers within 0–1")
    return Way(steps, (float(low), float(high)))


def follow(
    route: Route, kind: Kind, options: Options, examine: Callable[[Options, Progress], Report], progress: Progress
) -> Report:
    """Take the steps that are necessary; the last one's report says which were taken, and holds the time of all.

    Args:
        examine: one examination under the options' policy.
    """
    way = route.way(kind)
    timings: dict[str, float] = {}
    taken: list[tuple[str, float | None]] = []
    for number, step in enumerate(way.steps):
        report = examine(replace(options, policy=step), _part(progress, number, len(way.steps)))
        taken.append((step.value, report.assessment.risk))
        for stage, ms in report.timings.items():
            timings[stage] = round(timings.get(stage, 0.0) + ms, 1)
        if not way.open(report):
            break
    said = " → ".join(name if risk is None else f"{name} {risk / 100:.2f}" for name, risk in taken)
    return replace(
        report,
        notes=(*report.notes, wording.routed(taken)),
        settings={**report.settings, "routing": route.name, "route": said},
        timings=timings,
    )


def _part(progress: Progress, number: int, steps: int) -> Progress:
    """One step's share of the progress: as long as another may follow, it is all one ``detect`` to the watcher."""
    if steps == 1:
        return progress
    low = _FIRST * number / (steps - 1)
    high = 1.0 if number == steps - 1 else _FIRST * (number + 1) / (steps - 1)

    def tell(stage: str, fraction: float) -> None:
        done = {"decode": 0.0, "detect": fraction}.get(stage, 1.0)
        progress("detect", low + (high - low) * done)

    return tell
