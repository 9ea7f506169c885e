"""Read this file first: what is done with which kind of file. ``job`` says what all of them have in common.

A file appears under the output's name only after the second look has found nothing. Every failure on the way (a
network, a decoder, a full disk) ends the job without an output; nothing is ever passed through unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from veriscope.errors import UnsupportedKind
from veriscope.media.child import DecodeChild
from veriscope.media.heap import give_back
from veriscope.media.intake import open_path
from veriscope.media.limits import Limits
from veriscope.redaction.documents import DocumentJob
from veriscope.redaction.job import Job, Work
from veriscope.redaction.operators import operators as visual_operators
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.papers import PaperJob
from veriscope.redaction.plan import Plan
from veriscope.redaction.render import MUXERS
from veriscope.redaction.sounds import SoundJob
from veriscope.redaction.stills import read_picture
from veriscope.redaction.targets import chosen, operators
from veriscope.redaction.visual import FilmJob, PictureJob
from veriscope.types import Infer, Kind, Media, Progress

_SECONDS_A_SECOND = 20  # that one pass over a second of the file may take, above the usual limit of time


def redact(
    source: Path,
    output: Path | None,
    targets: Sequence[str] | None,
    infer: Infer,
    *,
    how: How = How(),  # noqa: B008 - frozen
    plan: Plan | None = None,
    plan_only: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Progress | None = None,
) -> Result:
    """``source`` with every target covered, as ``output``; or only the plan.

    Args:
        source: a picture, a film, sound, plain text, HTML, subtitles or a PDF.
        output: where to write; the same kind of file as the source. May be ``None`` with ``plan_only``.
        targets: "faces", "plates", "text", "speech"; those that the kind of file cannot hold are passed over.
            ``None``: all that it can hold. Empty: nothing is looked for, the plan alone is carried out.
        infer: runs the networks.
        how: operators, kept tracks, own words, quality.
        plan: made earlier and corrected; ``None``: made now.
        plan_only: look, and render nothing.
        limits: of the intake and the decoder.
        progress: told ("look" | "render" | "verify", fraction); may raise ``Cancelled``.

    Raises:
        BadInput: the file, the plan or a choice is wrong, or the file can hold none of the targets.
        ModelUnavailable, InferenceFailed: who should look, read or listen cannot.
        LeakFound: the second look still saw something after the last rendering; there is no output.
        RenderFailed: the disk is full, or the like.
    """
    chosen_operators = operators(how.operators)
    visual_operators(chosen_operators.visual, read_picture)  # a wrong choice is told before any work
    with DecodeChild(limits) as decoder:  # one for all passes: starting it costs as much as a look
        media, duration, step, size = _facts(open_path(source, limits), decoder)
        decoder.allow(max(limits.decode_seconds, _SECONDS_A_SECOND * duration))
        give_back(media.kind)
        fitting = chosen(media, targets)
        work = Work(media, output, fitting, infer, how, chosen_operators, limits, decoder, progress or _silent)
        return _job(work, duration, step, size).run(plan, plan_only)


def _silent(stage: str, fraction: float) -> None:
    del stage, fraction


def _job(work: Work, duration: float, step: float, size: tuple[int, int]) -> Job:
    if work.media.kind is Kind.IMAGE:
        return PictureJob(work)
    if work.media.kind is Kind.VIDEO:
        return FilmJob(work, duration, step, size)
    if work.media.kind is Kind.AUDIO:
        return SoundJob(work, duration)
    if work.media.kind is Kind.PDF:
        return PaperJob(work)
    return DocumentJob(work)


def _facts(media: Media, decoder: DecodeChild) -> tuple[Media, float, float, tuple[int, int]]:
    """The file for what it holds, its duration, and seconds from frame to frame. A film without pictures is sound."""
    if media.kind not in {Kind.VIDEO, Kind.AUDIO}:
        return media, 0.0, 0.0, (0, 0)
    facts = decoder.ask("probe", path=str(media.path), format=media.format)
    video = facts["video"]
    if media.kind is Kind.AUDIO or video is None:
        return replace(media, kind=Kind.AUDIO), float(facts["duration"]), 0.0, (0, 0)
    if media.format not in MUXERS:
        raise UnsupportedKind(f"Videos of the kind {media.format} cannot be written.")
    size = (int(video["width"]), int(video["height"]))
    return media, float(facts["duration"]), 1 / max(float(video["fps"]), 1.0), size
