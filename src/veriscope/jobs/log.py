"""How this program writes its log: one event a line on standard error."""

from __future__ import annotations

import logging
import sys

import structlog

from veriscope import tracing
from veriscope.config import Settings


def _with_trace(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    if found := tracing.trace_id():
        event["trace"] = found
    return event


def configure(settings: Settings) -> None:
    """Set up log and traces of this process; called by the entry points, never on import."""
    tracing.configure(settings.otel_endpoint)
    # plain: the usual formatter prints local variables, and with them what people sent
    renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    processors: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        processors.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
