"""What a sender may ask of a redaction, and how it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Request
from pydantic import AnyHttpUrl, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from veriscope.api.errors import invalid
from veriscope.api.form import described
from veriscope.api.security import facts
from veriscope.api.service import Service
from veriscope.api.uploads import MAX_WAIT_SECONDS, WAIT_SECONDS, body, medium
from veriscope.errors import BadRequest
from veriscope.jobs.redaction import choices, words
from veriscope.media.sniff import HEAD_BYTES, sniff
from veriscope.redaction.targets import TARGETS, chosen
from veriscope.types import Kind, Media


def _list(value: object) -> object:
    """From a form as "faces,plates", from JSON as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _joined(value: object) -> object:
    return ",".join(str(part) for part in value) if isinstance(value, list) else value


def _lines(value: object) -> object:
    return "\n".join(str(part) for part in value) if isinstance(value, list) else value


class RedactionParameters(BaseModel):
    """Everything beside the file. In a multipart body each is a field of its own."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", str_strip_whitespace=True, frozen=True)

    text: str | None = Field(None, description="A text to redact, instead of a file.")
    name: str | None = Field(None, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$", description="Name of that text.")
    url: str | None = Field(None, max_length=2048, description="Link to a file to fetch and redact.")
    targets: Annotated[tuple[str, ...], BeforeValidator(_list)] = Field(
        (), description=f"{', '.join(TARGETS)}; left out: what the settings say, or all that a file can hold."
    )
    operators: Annotated[str, BeforeValidator(_joined)] = Field(
        "solid", max_length=500, description="solid, or one for each target: faces=blur,speech=tone,text=pseudonym."
    )
    review: bool = Field(False, description="Stop after the look and wait until the plan is approved.")
    keep_metadata: bool = Field(False, description="Keep titles, dates, positions and EXIF.")
    custom: Annotated[str, BeforeValidator(_lines)] = Field(
        "", max_length=8000, description="Words, or /regular expressions/, that must be covered too, one a line."
    )
    priority: int = Field(0, ge=-10, le=10, description="Jobs with more go first.")
    callback_url: AnyHttpUrl | None = Field(None, description="Called with POST when the job has ended.")
    wait: bool | float | None = Field(
        None, description="true or seconds: answer when it has ended or waits for review; texts do so by themselves."
    )

    def wait_seconds(self, kind: Kind) -> float:
        """How long the sender is willing to wait."""
        wanted = kind in {Kind.TEXT, Kind.HTML} if self.wait is None else self.wait
        if wanted is True:
            return WAIT_SECONDS
        return 0.0 if not wanted else min(float(wanted), MAX_WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """``media`` lies in the spool and is deleted when the request ends."""

    media: Media
    parameters: RedactionParameters
    targets: tuple[str, ...]


@asynccontextmanager
async def receive(request: Request, service: Service) -> AsyncIterator[Wanted]:
    """Take in what was sent. The file is removed when the block ends.

    Raises:
        BadInput: what came in cannot be redacted; the subclass says why.
    """
    try:
        async with asyncio.timeout(service.settings.upload_timeout):
            values, media = await body(request, service)
    except TimeoutError as exc:
        raise BadRequest(f"The upload took longer than {service.settings.upload_timeout:g} seconds.") from exc
    try:
        given = {k: v for k, v in {**dict(request.query_params), **values}.items() if v != "" or k == "text"}
        try:
            parameters = RedactionParameters.model_validate(given)
        except ValidationError as exc:
            raise invalid(exc) from exc
        if media is not None and parameters.text:
            raise BadRequest("Send either a file or a text, not both.")
        media = await medium(service, parameters.url, parameters.text, media)
        if parameters.text:  # a text that is HTML is worked on as such
            kind, form = sniff(parameters.text.encode("utf-8", "replace")[:HEAD_BYTES])
            media = replace(media, name=parameters.name or media.name, kind=kind, format=form)
        seen = parameters.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"text", "custom"})
        facts(request)["parameters"] |= {**seen, "kind": str(media.kind), "bytes": media.size, "sha256": media.sha256}
        choices(parameters.operators)
        words(parameters.custom)
        targets = parameters.targets or service.settings.redact_targets or None
        yield Wanted(media, parameters, chosen(media, targets))
    finally:
        if media is not None:
            media.path.unlink(missing_ok=True)


BODY = described(
    RedactionParameters,
    {"targets": "faces,plates", "operators": "faces=blur", "review": True},
    {
        "text": {"text": "Call Anna on +44 20 7946 0958.", "operators": "text=pseudonym"},
        "link": {"url": "https://example.org/clip.mp4", "targets": ["faces", "speech"]},
    },
)
