"""Traces (OpenTelemetry), when asked for: from a request over its job to the networks' servers.

    with span("job analysis", parent=job.payload.get("trace"), job=job.id):
        …

Until ``configure`` names a collector all of this does nothing. Spans carry names, ids and times, never
what people sent, and of an error its code alone. Sampling and the collector's headers are OpenTelemetry's own
variables (``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import veriscope
from veriscope.errors import BadSetting, VeriscopeError

PAYLOAD = "trace"  # key of a job's payload
EXPORT_MS = 1000  # a process that is killed loses the spans of so long
Role = Literal["server", "client", "consumer", "internal"]


class Span:
    """What is going on; one that is not recorded takes everything and keeps nothing."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def rename(self, name: str) -> None:
        if self._inner is not None:
            self._inner.update_name(name)

    def note(self, **attributes: str | int | float) -> None:
        if self._inner is not None:
            self._inner.set_attributes({key.replace("_", "."): value for key, value in attributes.items()})

    def fail(self, code: str) -> None:
        """Mark it as failed with an error's code."""
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_status(Status(StatusCode.ERROR, code))


_tracer: Any = None


def configure(endpoint: str) -> None:
    """Send this process's spans to a collector, OTLP over HTTP at ``endpoint`` (``http://host:4318``); empty: nowhere.

    Raises:
        BadSetting: the packages are not installed.
    """
    global _tracer  # noqa: PLW0603 - one for the process, as with the log
    if not endpoint or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as exc:
        raise BadSetting(
            "otel_endpoint needs the packages opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.",
            hint="Install the scale extra: pip install 'veriscope[scale]'.",
        ) from exc
    facts = {"service.name": "veriscope", "service.version": veriscope.__version__}
    provider = TracerProvider(resource=Resource.create(facts))
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MS))
    _tracer = provider.get_tracer("veriscope")


@contextmanager
def span(
    name: str, parent: Mapping[str, str] | None = None, role: Role = "internal", **attributes: str | int | float
) -> Iterator[Span]:
    """A span around the block, below ``parent`` (what ``carrier`` gave elsewhere) or the one around it."""
    if _tracer is None:
        yield Span()
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(parent) if parent else None
    with _tracer.start_as_current_span(
        name, context, SpanKind[role.upper()], record_exception=False, set_status_on_exception=False
    ) as inner:
        found = Span(inner)
        found.note(**attributes)
        try:
            yield found
        except BaseException as exc:
            found.fail(exc.code if isinstance(exc, VeriscopeError) else type(exc).__name__)
            raise


def carrier() -> dict[str, str]:
    """The span around the caller as W3C headers, for whoever continues it; empty when there is none."""
    headers: dict[str, str] = {}
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)
    return headers


def trace_id() -> str:
    """Of the span around the caller, 32 hex digits; empty when there is none."""
    return carrier().get("traceparent", "--").split("-")[1]
