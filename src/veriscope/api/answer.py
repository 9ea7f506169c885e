"""The child's side of the pool: examines pictures and texts, and prints reports, one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import structlog

from veriscope.config import Settings
from veriscope.detectors.forgery_classifier import judge
from veriscope.errors import Internal, VeriscopeError
from veriscope.evidence.html import html_report
from veriscope.evidence.pdf import pdf_report
from veriscope.jobs.log import configure
from veriscope.jobs.results import keep, open_store, quarantine
from veriscope.jobs.tools import Tools
from veriscope.jobs.worker import Worker
from veriscope.store.codec import decode
from veriscope.store.reports import Record
from veriscope.types import Media, Options, Principal, Queue

log = structlog.get_logger("veriscope.analysis")


@dataclass(frozen=True, slots=True)
class Question:
    """Examine ``media`` for ``who``; the file stays the asker's to delete."""

    media: Media
    options: Options
    who: Principal
    cache_key: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Print:
    """Turn a stored report into ``html`` or ``pdf``."""

    stored: bytes
    format: str
    language: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Put a picture through the two-stage networks alone; the file stays the asker's to delete."""

    media: Media


@dataclass(frozen=True, slots=True)
class Redact:
    """Do this job, if nobody else has it; the row says how it ended."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    record: Record
    timings: Mapping[str, float]  # stage → milliseconds


def _examine(tools: Tools, question: Question) -> Answer:
    store, settings = tools.store, tools.settings
    try:
        report = tools.examiner.examine(question.media, question.options)
    except VeriscopeError as exc:
        if isinstance(exc, Internal):
            quarantine(question.media, store, settings, question.who, question.request_id)
        raise
    except Exception:
        quarantine(question.media, store, settings, question.who, question.request_id)
        raise
    record, rows = keep(report, store, settings, cache_key=question.cache_key)
    try:
        store.reports.save(question.who, record, rows)
    except BaseException:
        store.drop(row.blob_key for row in rows)
        raise
    stages = {stage: round(ms, 1) for stage, ms in report.timings.items()}
    log.info("analysis", request=question.request_id, result=report.id, kind=report.media.kind, stages=stages)
    return Answer(record, dict(report.timings))


def _print(_: Tools, order: Print) -> bytes:
    report = decode(order.stored)
    if order.format == "pdf":
        return pdf_report(report, order.language)
    return html_report(report, order.language).encode()


def _judge(tools: Tools, asked: Judge) -> float:
    return judge(tools.examiner.pixels(asked.media), tools.examiner.infer)[0]


def _redact(tools: Tools, asked: Redact) -> dict[str, Any]:
    """What a job process says of the end of a job; empty when it was not this one's to end."""
    said: dict[str, Any] = {}

    def notify(event: str, job_id: str, details: dict[str, Any]) -> None:
        del job_id
        if event == "ended":
            said.update(details)

    Worker(tools.store, tools.settings, (Queue.REDACT,), tools.owner, notify, tools).take(Queue.REDACT, asked.job_id)
    return said


_ANSWERS: Mapping[type, Callable[[Tools, Any], Any]] = {
    Question: _examine,
    Print: _print,
    Judge: _judge,
    Redact: _redact,
}


def serve(connection: Connection, settings: Settings) -> None:
    """Answer until the parent closes the connection; an error is an answer too."""
    configure(settings)
    store = open_store(settings)
    # a file that is too expensive to decode is its sender's fault, so that limit comes before the request's own
    limits = settings.limits()
    limits = replace(limits, decode_seconds=min(limits.decode_seconds, settings.request_seconds / 2))
    tools = Tools(settings, store, limits)
    connection.send(("ready", None))
    with suppress(EOFError, OSError):
        while True:
            asked = connection.recv()
            connection.send(("taken", None))  # from here on, dying is this request's own doing
            try:
                reply: tuple[str, Any] = ("done", _ANSWERS[type(asked)](tools, asked))
            except VeriscopeError as exc:
                reply = ("error", exc)
            except Exception:
                log.exception("analysis_failed", request=getattr(asked, "request_id", None))
                reply = ("error", Internal("The analysis failed."))
            connection.send(reply)
    tools.close()
    store.close()
