"""What a sender may send, and how it comes in: a file, a link or a text, with options."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl

from fastapi import Query, Request
from pydantic import AnyHttpUrl, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from veriscope.api.errors import invalid
from veriscope.api.form import FormReader
from veriscope.api.security import facts
from veriscope.api.service import Service
from veriscope.errors import BadRequest, EmptyInput, TooLarge, UnreachableUrl, UnsupportedKind
from veriscope.jobs.fetch import fetch, file_name, parse
from veriscope.media.intake import Intake, open_text
from veriscope.types import Kind, Media, Options, Policy

SLACK_BYTES = 64 * 1024  # boundaries, headers and options around the file
WAIT_SECONDS = 60.0
MAX_WAIT_SECONDS = 300.0


def _numbers(value: object) -> object:
    return [part.strip() for part in value.strip("[] ").split(",")] if isinstance(value, str) else value


Language = Annotated[Literal["en", "vi"] | None, Query(description="Language of the sentences.")]
Region = Annotated[tuple[int, int, int, int], BeforeValidator(_numbers)]


class Parameters(BaseModel):
    """Everything beside the file. In a multipart body each is a field of its own."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", str_strip_whitespace=True, frozen=True)

    text: str | None = Field(None, description="A text to examine, or the caption of a picture that comes with it.")
    url: str | None = Field(None, max_length=2048, description="Link to a file to fetch and examine.")
    policy: Policy | None = Field(None, description="How thorough; the server's default when left out.")
    region: Region | None = Field(None, description="x, y, width, height in pixels; only this part is examined.")
    start: float | None = Field(None, ge=0, description="First second of video or sound to examine.")
    end: float | None = Field(None, gt=0, description="Last second of video or sound to examine.")
    rate: float | None = Field(None, gt=0, le=60, description="Video frames examined per second.")
    priority: int = Field(0, ge=-10, le=10, description="Jobs with more go first.")
    callback_url: AnyHttpUrl | None = Field(None, description="Called with POST when the job has ended.")
    edge_score: float | None = Field(None, ge=0, le=1, description="Score of the sender's own quick check.")
    wait: bool | float | None = Field(
        None,
        description="true or seconds: answer with the report even for video and sound if it is ready by then; "
        "false: always answer with a job.",
    )
    lang: Literal["en", "vi"] | None = Field(None, description="Language of the sentences in the answer.")

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end must come after start")
        if self.region is not None and (min(self.region) < 0 or self.region[2] < 1 or self.region[3] < 1):
            raise ValueError("region must be x, y ≥ 0 and width, height ≥ 1")
        return self

    def options(self, default: Policy, caption: str | None) -> Options:
        return Options(
            policy=self.policy or default,
            region=self.region,
            start=self.start,
            end=self.end,
            rate=self.rate,
            caption=caption,
            edge_score=self.edge_score,
        )

    @property
    def wait_seconds(self) -> float:
        """How long a sender is willing to wait for a job."""
        if self.wait is True:
            return WAIT_SECONDS
        return 0.0 if not self.wait else min(float(self.wait), MAX_WAIT_SECONDS)


@dataclass(slots=True)
class Received:
    """``handed_over``: the file belongs to a job now, and is no longer the request's to delete."""

    media: Media
    parameters: Parameters
    options: Options
    language: str
    handed_over: bool = False


@asynccontextmanager
async def receive(
    request: Request, service: Service, *, lenient: bool = False, only: frozenset[Kind] | None = None
) -> AsyncIterator[Received]:
    """Take in what was sent. The file is removed when the block ends, unless it was handed over.

    Args:
        lenient: for the routes of older systems: any field may hold the file, unknown fields are ignored.
        only: kinds that this route takes.

    Raises:
        BadInput: what came in cannot be examined; the subclass says why.
    """
    try:
        async with asyncio.timeout(service.settings.upload_timeout):
            values, media = await body(request, service, lenient=lenient)
    except TimeoutError as exc:
        raise BadRequest(f"The upload took longer than {service.settings.upload_timeout:g} seconds.") from exc
    received: Received | None = None
    try:
        parameters = _parameters(request, values, lenient)
        media = await medium(service, parameters.url, parameters.text, media)
        if only is not None and media.kind not in only:
            raise UnsupportedKind(f"This address takes {' and '.join(sorted(only))} only, not {media.kind}.")
        caption = parameters.text if media.kind not in {Kind.TEXT, Kind.HTML} else None
        options = parameters.options(Policy(service.settings.policy), caption or None)
        seen = parameters.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"text"})
        facts(request)["parameters"] |= {**seen, "kind": str(media.kind), "bytes": media.size, "sha256": media.sha256}
        received = Received(media, parameters, options, parameters.lang or language(request))
        yield received
    finally:
        if media is not None and not (received is not None and received.handed_over):
            media.path.unlink(missing_ok=True)


async def body(request: Request, service: Service, *, lenient: bool = False) -> tuple[Mapping[str, Any], Media | None]:
    """The fields, and the file if one was sent; it lies in the spool and is the caller's to delete."""
    settings = service.settings
    text_bytes = 4 * settings.max_text_chars
    kind, boundary = _content_type(request)
    header = request.headers.get("content-length", "")
    announced = int(header) if header.isdecimal() else 0
    most = SLACK_BYTES + text_bytes + (settings.max_bytes if kind == "multipart/form-data" else 0)
    if kind == "multipart/form-data":
        if announced > most:
            raise TooLarge(f"The file is larger than {settings.max_bytes} bytes.")
        if not boundary:
            raise BadRequest("The multipart body has no boundary.")

        def open_intake(name: str) -> Intake:
            return Intake(service.spool, name, settings.limits())

        with FormReader(boundary, open_intake, text_bytes, any_file_field=lenient) as form:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise TooLarge(f"The request is larger than {most} bytes.")
                await form.feed(chunk)
            return form.fields, await form.finish()
    if kind not in {"application/json", "application/x-www-form-urlencoded"}:
        raise BadRequest("Send multipart/form-data with a file, or application/json with a url or a text.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if max(len(data), announced) > most:
            raise TooLarge(f"The text is longer than {settings.max_text_chars} characters.")
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(data.decode("utf-8", "replace"), max_num_fields=32)), None
    try:
        values = json.loads(data) if data else {}
    except (ValueError, RecursionError) as exc:
        raise BadRequest("The body is not JSON.") from exc
    if not isinstance(values, dict):
        raise BadRequest("The body must be a JSON object.")
    return values, None


def _content_type(request: Request) -> tuple[str, bytes]:
    message = Message()
    message["content-type"] = request.headers.get("content-type", "").replace("\n", " ")
    return message.get_content_type(), str(message.get_param("boundary", "")).encode("latin-1", "replace")


def _parameters(request: Request, values: Mapping[str, Any], lenient: bool) -> Parameters:
    given = {**dict(request.query_params), **values}
    given = {k: v for k, v in given.items() if v != "" or k == "text"}  # a form sends what was left blank, too
    if lenient:
        known = {info.alias for info in Parameters.model_fields.values()}
        given = {name: value for name, value in given.items() if name in known}
    try:
        return Parameters.model_validate(given)
    except ValidationError as exc:
        raise invalid(exc) from exc


async def medium(service: Service, url: str | None, text: str | None, media: Media | None) -> Media:
    """What is worked on: the file, what the link leads to, or the text."""
    settings = service.settings
    if media is not None:
        if url is not None:
            raise BadRequest("Send either a file or a link, not both.")
        return media
    if url is not None:
        if text:
            raise BadRequest("Send either a link or a text, not both.")
        if not settings.fetch_urls:
            raise UnreachableUrl("Fetching links is switched off here.")
        with Intake(service.spool, file_name(parse(url)), settings.limits()) as intake:
            await fetch(url, intake, timeout=settings.fetch_timeout, private=settings.fetch_private)
            return await asyncio.to_thread(intake.finish)
    if text is not None:
        return await asyncio.to_thread(open_text, text, service.spool, settings.limits())
    raise EmptyInput("Nothing was sent.")


def language(request: Request) -> str:
    """Language of the answer when none is asked for by name."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "vi" if asked.lower().startswith("vi") else "en"
