"""Sound files: listen, cover, encode in their own kind, listen again to what was written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from veriscope.redaction.hearing import Heard, Listener
from veriscope.redaction.job import Job, Work
from veriscope.redaction.plan import Plan
from veriscope.redaction.targets import SPEECH


class SoundJob(Job):
    def __init__(self, work: Work, duration: float) -> None:
        super().__init__(work)
        self.duration = duration
        self.heard = Heard()

    def plan(self) -> Plan:
        began = time.monotonic()
        if SPEECH in self.work.targets:
            self.heard = self._listener().find(self.telling("look"))
        self.took("look", began)
        return Plan(self.media.sha256, 0, 0, self.duration, self.work.targets, spans=self.heard.spans)

    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        began = time.monotonic()
        operator = self.work.operators.sound
        spans = [(s.start, s.end) for s in plan.spans if s.enabled]
        done = self.written(
            "dub",
            path=str(self.media.path),
            format=self.media.format,
            target=str(part),
            spans=spans,
            operator=operator,
            strip=self.how.strip,
        )
        self.took("render", began)
        looks = 0
        if self.how.second_look and SPEECH in self.work.targets:
            began = time.monotonic()
            written = replace(self.media, path=part)
            looks = self._listener().check(written, plan.spans, done["starts"], operator, self.telling("verify"))
            self.took("verify", began)
        return plan, {"notes": tuple(done["notes"]), "looks": looks, "rendered": 1}

    def planned(self) -> dict[str, Any]:
        return {"speech": spoken(self.heard)}

    def _listener(self) -> Listener:
        return Listener(self.media, self.work.decoder, self.infer, self.work.wanted, self.how.senses, self.duration)


def spoken(heard: Heard) -> dict[str, Any]:
    """Who listened, how far to believe it, and how much of it there was."""
    if not heard.seconds:
        return {}
    return {
        "recogniser": heard.recogniser,
        "errorRate": heard.error_rate,
        "seconds": round(heard.seconds, 3),
        "speechSeconds": round(heard.speech_seconds, 3),
        "coveredSeconds": round(sum(s.end - s.start for s in heard.spans), 3),
    }
