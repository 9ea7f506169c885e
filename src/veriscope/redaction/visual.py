"""Pictures and films: look, plan, render, look again; a film's sound and subtitles with it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from veriscope.errors import LeakFound
from veriscope.media.child import DecodeChild
from veriscope.redaction import captions
from veriscope.redaction.captions import Captions
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.hearing import Heard, Listener
from veriscope.redaction.job import Job, Work
from veriscope.redaction.lookers import Effort, Looker, lookers
from veriscope.redaction.looking import Cadence, Seen, film_looks, film_tracks, picture_tracks
from veriscope.redaction.plan import Plan, Track
from veriscope.redaction.sounds import spoken
from veriscope.redaction.targets import PLATES, SPEECH, TEXT
from veriscope.redaction.verify import Leak, as_sightings, confirmed, leaks, share
from veriscope.types import Image, Media

_SECOND_LOOK = Cadence(small=0.7, large=5.0, enlarged=1e9, first=0.23, side=704)
_NEVER = Cadence(small=1e9, large=1e9, enlarged=1e9, first=1e9, side=704)  # but when it is asked for
_FINE_SIDE = 1280  # plates across the street and small print are lost in the reduced pictures that faces need
_LARGER = 1.5  # times the margins, when a rendering leaked
_PICTURES, _FILMS = 4, 3  # renderings at most


class _VisualJob(Job):
    """What pictures and films share: a rendering, a second look, and another rendering where something still shows."""

    renderings = 1

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.lookers: Sequence[Looker] = lookers(work.targets, work.infer, self.how.senses, work.wanted)

    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        first: tuple[Leak, ...] = ()
        for times in range(1, self.renderings + 1):
            margin = 1.0 if times == 1 else _LARGER
            done = self.render(plan, part, margin)
            looks, found = self.second_look(plan, part, margin)
            first = first or tuple(found)
            if not found:
                facts = {"frames": done["frames"], "covered": done["covered"], "notes": tuple(done["notes"])}
                return plan, {**facts, "rendered": times, "looks": looks, "first_leaks": first}
            if times < self.renderings:
                plan = self.amended(plan, found)
        worst = max(found, key=lambda leak: leak.score)
        raise LeakFound(
            f"The second look still saw {len(found)} uncovered places, "
            f"the clearest a {worst.kind.value} at {worst.time:.2f} s."
        )

    def render(self, plan: Plan, part: Path, margin: float) -> dict[str, Any]:
        raise NotImplementedError

    def second_look(self, plan: Plan, part: Path, margin: float) -> tuple[int, list[Leak]]:
        raise NotImplementedError

    def amended(self, plan: Plan, found: Sequence[Leak]) -> Plan:
        raise NotImplementedError

    def common(self, plan: Plan, part: Path, margin: float) -> dict[str, Any]:
        """What both ways of rendering are told."""
        return {
            "path": str(self.media.path),
            "format": self.media.format,
            "target": str(part),
            "plan": replace(plan, tracks=tuple(replace(t, thumbnail=b"") for t in plan.tracks)).as_dict(),
            "choices": list(self.work.operators.visual),
            "margin": margin,
            "strip": self.how.strip,
        }


class PictureJob(_VisualJob):
    renderings = _PICTURES

    def plan(self) -> Plan:
        began = time.monotonic()
        image = self._image(self.media)
        tracks = picture_tracks(image, self.lookers)
        self.took("look", began)
        self.work.progress("look", 1.0)
        return Plan(self.media.sha256, image.shape[1], image.shape[0], 0.0, self.work.targets, tracks)

    def render(self, plan: Plan, part: Path, margin: float) -> dict[str, Any]:
        began = time.monotonic()
        done = self.written("retouch", **self.common(plan, part, margin))
        self.took("render", began)
        return done

    def second_look(self, plan: Plan, part: Path, margin: float) -> tuple[int, list[Leak]]:
        if not (self.how.second_look and self.lookers):
            return 0, []
        began = time.monotonic()
        looks = self._looks(replace(self.media, path=part))
        if found := leaks(plan, looks, Margins(margin)):
            found = confirmed(found, self._looks(self.media))
        self.took("verify", began)
        self.work.progress("verify", 1.0)
        return len(looks), found

    def _looks(self, media: Media) -> list[Seen]:
        image = self._image(media)
        return [
            Seen(0.0, {looker.kind: looker.look(image, effort) for looker in self.lookers})
            for effort in (Effort.SMALL, Effort.LARGE)
        ]

    def amended(self, plan: Plan, found: Sequence[Leak]) -> Plan:
        for leak in found:
            plan = plan.add_box(leak.box, 0.0, 0.0)
        return plan

    def _image(self, media: Media) -> Image:
        image: Image = self.work.decoder.ask("image", path=str(media.path), format=media.format)["arrays"]["image"]
        return image


class FilmJob(_VisualJob):
    renderings = _FILMS

    def __init__(self, work: Work, duration: float, step: float, size: tuple[int, int]) -> None:
        super().__init__(work)
        self.duration, self._step, self._size = duration, step, size
        self._heard = Heard()
        self._captions: Captions | None = None

    def planned(self) -> dict[str, Any]:
        return {"speech": spoken(self._heard)}

    # looking and listening

    def plan(self) -> Plan:
        share_seen = 0.7 if SPEECH in self.work.targets and self.lookers else 1.0 if self.lookers else 0.0
        plan = self._looked(self.how.looks, [], share_seen)
        if SPEECH in self.work.targets:
            began = time.monotonic()
            self._heard = self._listener().find(self.telling("look", share_seen, 1 - share_seen))
            self.took("listen", began)
            plan = replace(plan, spans=self._heard.spans)
        return plan

    def _looked(self, cadence: Cadence, found: Sequence[Leak], share_seen: float = 1.0) -> Plan:
        began = time.monotonic()
        cadence = self._sized(cadence)
        tracks: tuple[Track, ...] = ()
        size = self._upright()
        if self.lookers:
            told = self.telling("look", 0.0, share_seen)
            extra = as_sightings(found)
            tracks, size = film_tracks(self.media, self.lookers, cadence, self.work.decoder, self.duration, told, extra)
        self.took("look", began)
        senses = self.how.senses
        settings: dict[str, float | int | str] = {
            "everySmall": cadence.small,
            "everyLarge": cadence.large,
            "everyEnlarged": cadence.enlarged,
        }
        if TEXT in self.work.targets:
            settings |= {"everyText": senses.text_seconds, "ocr": senses.ocr}
        return Plan(self.media.sha256, *size, self.duration, self.work.targets, tracks, settings=settings)

    def _upright(self) -> tuple[int, int]:
        """The size of the picture as a player shows it, where nobody looked: a frame tells."""
        if self.lookers:
            return self._size
        facts = {"path": str(self.media.path), "format": self.media.format, "small": 64, "large": 64}
        with (
            DecodeChild(self.work.limits) as child,
            closing(child.stream("survey", **facts, every_small=1e9, every_large=1e9)) as answers,
        ):
            answer = next(answers)
        return answer["width"], answer["height"]

    def _listener(self) -> Listener:
        return Listener(self.media, self.work.decoder, self.infer, self.work.wanted, self.how.senses, self.duration)

    def amended(self, plan: Plan, found: Sequence[Leak]) -> Plan:
        """The plan with what leaked: looked at three times as often, the leaks taken for sightings of their own."""
        again = self._looked(self.how.looks.finer(), found)
        taken = sum(t.id.endswith("again") for t in plan.tracks)
        more = tuple(
            replace(t, id=f"{t.id}-{taken + i}-again")
            for i, t in enumerate(again.tracks, 1)
            if not _kept_already(plan, t)
        )
        return replace(plan, tracks=(*plan.tracks, *more))

    def second_look(self, plan: Plan, part: Path, margin: float) -> tuple[int, list[Leak]]:
        if not (self.how.second_look and self.lookers):
            return 0, []
        began = time.monotonic()
        looks = film_looks(
            replace(self.media, path=part),
            self.lookers,
            self._sized(_SECOND_LOOK),
            self.work.decoder,
            self.duration,
            self.telling("verify", 0.0, 0.7 if SPEECH in self.work.targets else 1.0),
        )
        if found := leaks(plan, looks, Margins(margin, self._step)):
            marks = [leak.time for leak in found]
            source = film_looks(
                self.media, self.lookers, _NEVER, self.work.decoder, self.duration, lambda _: None, marks=marks
            )
            found = confirmed(found, source)
        self.took("verify", began)
        return len(looks), found

    def _sized(self, cadence: Cadence) -> Cadence:
        fine = {PLATES, TEXT} & set(self.work.targets)
        return replace(cadence, side=_FINE_SIDE) if fine else cadence

    # rendering

    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        if {TEXT, SPEECH} & set(self.work.targets):
            self._captions = captions.search(self.media, self.work.decoder, self.infer, self.work.wanted)
        plan, facts = super().produce(plan, part)
        written = replace(self.media, path=part)
        if self._captions is not None:
            captions.check(written, self.work.decoder, self._captions)
            facts = {**facts, "found": self._captions.found, "notes": (*facts["notes"], *self._captions.notes)}
        if self.how.second_look and SPEECH in self.work.targets:
            began = time.monotonic()
            told = self.telling("verify", 0.7, 0.3)
            heard = self._listener().check(written, plan.spans, self._starts, self.work.operators.sound, told)
            self.took("verify", began)
            facts = {**facts, "looks": facts["looks"] + heard}
        return plan, facts

    def render(self, plan: Plan, part: Path, margin: float) -> dict[str, Any]:
        began = time.monotonic()
        put = None if self._captions is None else {str(k): v for k, v in self._captions.streams.items()}
        done = self.written(
            "render",
            **self.common(plan, part, margin),
            crf=self.how.crf,
            preset=self.how.preset,
            sound=str(self.work.operators.sound),
            captions=put,
        )
        self._starts: list[float] = done["starts"]
        self.took("render", began)
        return done


def _kept_already(plan: Plan, track: Track) -> bool:
    """Whether a new track is one that the plan keeps visible."""
    spared = [t for t in plan.tracks if not t.enabled]
    if not spared:
        return False
    middle = track.boxes[len(track.boxes) // 2]
    return share(middle.box, [b for _, b in Coverage(spared, Margins(1.5)).at(middle.time)]) > 0.3
