"""Multipart bodies as streams: the file goes to the spool while it arrives, fields stay small."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from email.message import Message
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from veriscope.errors import BadRequest, TooLarge
from veriscope.media.intake import Intake
from veriscope.types import Media

WRITE_BYTES = 1 << 20  # hashed and written at once, on a thread
MAX_FIELDS = 32
MAX_FIELD_BYTES = 8192


def described(
    parameters: type[BaseModel], form: Mapping[str, Any], examples: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """For OpenAPI: the body is read as a stream, so FastAPI does not see it.

    Args:
        parameters: the fields beside the file.
        form: example of a multipart body, without its file.
        examples: JSON bodies by name.
    """
    options = parameters.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    fields = options.get("properties", {})
    sent = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}, **fields}}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": sent, "example": {"file": "(the file)", **form}},
                "application/json": {
                    "schema": {"type": "object", "properties": fields},
                    "examples": {name: {"value": value} for name, value in examples.items()},
                },
            },
        }
    }


class FormReader:
    """Feed it chunks; then there are ``fields`` and perhaps one ``media``.

    Leaving the block on an error removes the file.

    Args:
        boundary: from the Content-Type header.
        open_intake: makes the intake for a file of the given name.
        text_bytes: most bytes of the field ``text``.
        any_file_field: take a file from whatever field; older clients name it as they like.
    """

    def __init__(
        self, boundary: bytes, open_intake: Callable[[str], Intake], text_bytes: int, *, any_file_field: bool = False
    ) -> None:
        self.fields: dict[str, str] = {}
        self._open = open_intake
        self._text_bytes = text_bytes
        self._any = any_file_field
        self._intake: Intake | None = None
        self._file_name = ""
        self._size = 0
        self._pending = bytearray()
        self._in_file = False
        self._field: str | None = None
        self._value = bytearray()
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is not None and self._intake is not None:
            self._intake.discard()

    async def feed(self, chunk: bytes) -> None:
        """Raises ``BadRequest`` for a malformed body and ``TooLarge`` as soon as a limit is passed."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as exc:
            raise BadRequest("The multipart body is malformed.") from exc
        if len(self._pending) >= WRITE_BYTES:
            await self._flush()

    async def finish(self) -> Media | None:
        """The file, if one was sent. Raises what ``Intake.finish`` raises."""
        if not self._ended:
            raise BadRequest("The multipart body ends too early.")
        if self._intake is None:
            return None
        if self._size == 0 and not self._file_name:  # a form whose file was left out
            self._intake.discard()
            self._intake = None
            return None
        return await asyncio.to_thread(self._end_of_file, self._intake)  # one thread for the last piece and the end

    def _end_of_file(self, intake: Intake) -> Media:
        intake.write(bytes(self._pending))
        return intake.finish()

    async def _flush(self) -> None:
        if self._intake is not None:
            data, self._pending = bytes(self._pending), bytearray()
            await asyncio.to_thread(self._intake.write, data)

    # called by the parser

    def _part_begin(self) -> None:
        self._disposition = b""
        self._header = (bytearray(), bytearray())

    def _header_end(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        name, file_name = _parameters(self._disposition)
        if file_name is not None:
            if self._intake is not None:
                raise BadRequest("Only one file can be examined in one request.", hint="Send them one after another.")
            if name != "file" and not self._any:
                raise BadRequest(f"The field {name[:40]!r} is not expected to hold a file.", hint="Call it 'file'.")
            self._file_name = file_name
            self._intake = self._open(file_name or "file")
            self._in_file = True
            return
        if len(self.fields) >= MAX_FIELDS or name in self.fields:
            raise BadRequest("There are too many fields, or one of them comes twice.")
        self._in_file = False
        self._field, self._value = name, bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pending += data[start:end]
            self._size += end - start
            return
        self._value += data[start:end]
        if len(self._value) > (self._text_bytes if self._field == "text" else MAX_FIELD_BYTES):
            raise TooLarge(f"The field {(self._field or '')[:40]!r} is too long.")

    def _part_end(self) -> None:
        if not self._in_file and self._field is not None:
            self.fields[self._field] = bytes(self._value).decode("utf-8", "replace")
            self._field = None

    def _end(self) -> None:
        self._ended = True


def _parameters(disposition: bytes) -> tuple[str, str | None]:
    """Name of the field and, for a file, the sender's name for it (RFC 2231 encodings included)."""
    message = Message()
    message["content-disposition"] = disposition.decode("utf-8", "replace").replace("\n", " ")
    name = message.get_param("name", "", header="content-disposition")
    return str(name), message.get_filename()
