"""What is left out while requests pile up: the costliest methods first, by what they were measured to cost here."""

from __future__ import annotations

from collections.abc import Mapping

from veriscope.types import Kind, Policy

_STAGE = "detector."
_NEWEST = 0.2  # weight of the newest measurement in the running mean
_MOST = 0.8  # share of the methods' time that is left out at the most, when the queue is about to be full


class Relief:
    """Knows what each method costs, and how much is to go.

    Args:
        soft: requests waiting from which on the costliest method is left out; 0: never.
        hard: requests waiting at which ``_MOST`` of the time is saved.
    """

    def __init__(self, soft: int, hard: int) -> None:
        self._soft = soft
        self._hard = hard
        self._costs: dict[tuple[Kind, Policy], dict[str, float]] = {}  # detector → milliseconds

    def learn(self, kind: Kind, policy: Policy, timings: Mapping[str, float]) -> None:
        """Take in the stages of a finished examination (milliseconds)."""
        costs = self._costs.setdefault((kind, policy), {})
        for stage, ms in timings.items():
            if stage.startswith(_STAGE):
                name = stage.removeprefix(_STAGE)
                costs[name] = ms + (1 - _NEWEST) * (costs.get(name, ms) - ms)

    def left_out(self, kind: Kind, policy: Policy, waiting: int) -> tuple[str, ...]:
        """Methods to leave out of the next examination, the costliest first; none below the limit or under ``quick``.

        What nobody has measured yet stays in.
        """
        costs = self._costs.get((kind, policy), {})
        if not self._soft or waiting < self._soft or policy is Policy.QUICK or not costs:
            return ()
        pressure = (waiting - self._soft + 1) / max(1, self._hard - self._soft)
        aim = _MOST * min(1.0, pressure) * sum(costs.values())
        chosen: list[str] = []
        saved = 0.0
        for name in sorted(costs, key=lambda n: (-costs[n], n)):
            if saved >= aim or len(chosen) + 1 >= len(costs):
                break
            chosen.append(name)
            saved += costs[name]
        return tuple(chosen)
