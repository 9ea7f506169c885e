"""An OpenTelemetry collector for the tests: takes spans over OTLP/HTTP and keeps them."""

from __future__ import annotations

import base64
import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def named(self, name: str, trace: str = "") -> list[Any]:
        return [s for s in list(self.spans) if s.name == name and (not trace or s.trace_id.hex() == trace)]

    def take(self, body: bytes, kind: str) -> None:
        json = kind.startswith("application/json")  # as Triton sends it
        sent = from_json(body) if json else ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            facts = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.services.add(facts.get("service.name", ""))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)


def from_json(body: bytes) -> ExportTraceServiceRequest:
    """OTLP's own JSON: ids are hexadecimal, where protobuf's would have base64."""
    ids = re.sub(
        rb'"(traceId|spanId|parentSpanId)":"([0-9a-f]*)"',
        lambda m: b'"%s":"%s"' % (m[1], base64.b64encode(bytes.fromhex(m[2].decode()))),
        body,
    )
    return Parse(ids, ExportTraceServiceRequest(), ignore_unknown_fields=True)


def attributes(span: Any) -> dict[str, str]:
    return {a.key: a.value.string_value or str(a.value.int_value) for a in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            kept.take(body, self.headers["content-type"])
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
