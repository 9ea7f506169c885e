"""Which frames of a video are looked at, by policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from veriscope.types import Policy


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Which frames of a video are looked at: ``rate`` a second, ``burst_length`` neighbours every ``burst_every`` s.

    Where somebody speaks, a run of ``speech_seconds`` at ``speech_rate`` follows the mouth.
    """

    rate: float
    burst_every: float
    burst_length: int
    speech_seconds: float = 0.0
    speech_rate: float = 0.0


PLANS: Mapping[Policy, FramePlan] = {
    Policy.QUICK: FramePlan(0.5, 20.0, 2),
    Policy.STANDARD: FramePlan(1.0, 5.0, 3, 4.0, 25.0),
    Policy.THOROUGH: FramePlan(2.0, 2.0, 8, 12.0, 25.0),
}
