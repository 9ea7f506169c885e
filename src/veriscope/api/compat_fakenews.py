"""``POST /api/fakenews/`` of the reference system: its own network on one text, and nothing else.

The network runs in this process, on a thread, without files, store or queue: it takes a few milliseconds. Access, rate
limits, the longest text and the errors are those of every other route. The probabilities are the network's own and not
calibrated; ``/api/v1/analyses`` weighs them against everything else that is known of a text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from veriscope.api.security import facts
from veriscope.api.service import Service, ServiceOf
from veriscope.api.uploads import SLACK_BYTES
from veriscope.errors import BadRequest, EmptyInput, Overloaded, TooLarge
from veriscope.inference.networks import fake_news
from veriscope.jobs.networks import backend
from veriscope.types import Infer

router = APIRouter(tags=["compatibility"])

NETWORK = fake_news.NAMES["vi"]
FORM = "application/x-www-form-urlencoded"
BYTES_OF_A_CHARACTER = 12  # four bytes of UTF-8, three signs each in a form


class Classifier:
    """The network, loaded once; at most ``most`` texts wait for it together."""

    def __init__(self, infer: Infer, most: int) -> None:
        self._infer = infer
        self._most = most
        self._running = 0
        self._known: tuple[str, Mapping[str, int]] | None = None  # of this version of the network

    async def __call__(self, text: str) -> dict[str, Any]:
        """The answer's body. Raises ``Overloaded`` when too many wait, and what the network raises."""
        if self._running >= self._most:
            raise Overloaded(f"{self._running} requests are waiting already.")
        self._running += 1
        try:
            return await asyncio.to_thread(self.classify, text)
        finally:
            self._running -= 1

    def classify(self, text: str) -> dict[str, Any]:
        """``{prediction, confidence, probabilities{real, fake}, model{name, version}}``.

        ``confidence`` is the probability of what was predicted, 0.5–1.
        """
        version = self._infer.version(NETWORK)
        if self._known is None or self._known[0] != version:
            self._known = (version, fake_news.vocabulary(self._infer.asset(NETWORK, "vocabulary")))
        outputs = self._infer.run(NETWORK, fake_news.prepare([text], self._known[1]))
        real, fake = (round(p, 4) for p in fake_news.read(outputs)[0].tolist())
        return {
            "prediction": "FAKE" if fake > real else "REAL",
            "confidence": max(real, fake),
            "probabilities": {"real": real, "fake": fake},
            "model": {"name": NETWORK, "version": version},
        }


async def classifier(request: Request, service: ServiceOf) -> Classifier:
    """FastAPI's dependency: one for the whole gateway."""
    state = request.app.state
    if not hasattr(state, "fakenews"):
        settings = service.settings
        state.fakenews = Classifier(backend(settings), settings.queue_limit)
    found: Classifier = state.fakenews
    return found


async def _text(request: Request, service: Service) -> str:
    """The field ``text``. Raises ``TooLarge`` as soon as the limit is passed, ``EmptyInput`` or ``BadRequest``."""
    settings = service.settings
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadRequest(f"This address takes {FORM} only.", hint="Send the text in the field 'text'.")
    most = SLACK_BYTES + BYTES_OF_A_CHARACTER * settings.max_text_chars
    body = bytearray()
    try:
        async with asyncio.timeout(settings.upload_timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooLarge(f"The text is longer than {settings.max_text_chars} characters.")
    except TimeoutError as exc:
        raise BadRequest(f"The upload took longer than {settings.upload_timeout:g} seconds.") from exc
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=32)
    except ValueError as exc:
        raise BadRequest("There are too many fields.") from exc
    text = dict(fields).get("text")
    if text is None:
        raise BadRequest("The parameter text is missing.")
    if not text.strip():
        raise EmptyInput("The text is empty.")
    if len(text) > settings.max_text_chars:
        raise TooLarge(f"The text is longer than {settings.max_text_chars} characters.")
    return text


@router.post("/api/fakenews/", summary="Send a Vietnamese text in the field text and get the network's answer")
async def fakenews(
    request: Request, service: ServiceOf, answer: Annotated[Classifier, Depends(classifier)]
) -> JSONResponse:
    text = await _text(request, service)
    facts(request)["parameters"] = {"kind": "text", "characters": len(text)}
    return JSONResponse(await answer(text))
