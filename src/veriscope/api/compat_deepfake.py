"""``/api/deepfake/``: the reference platform's own two networks on one picture, in its own shape, and nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from veriscope.api.service import ServiceOf
from veriscope.api.uploads import receive
from veriscope.inference.networks.forgery_classifier import NAME
from veriscope.jobs.networks import registry
from veriscope.types import Kind

router = APIRouter(tags=["compatibility"])
_PICTURES = frozenset({Kind.IMAGE})


class Probabilities(BaseModel):
    real: float = Field(ge=0, le=1)
    fake: float = Field(ge=0, le=1)


class Network(BaseModel):
    name: str
    version: str


class Judgement(BaseModel):
    """The softmax of the fusion network. It is not calibrated: ``/api/v1/analyses`` says how far to believe it."""

    prediction: str = Field(description="REAL or FAKE, whichever is more probable.")
    confidence: float = Field(ge=0, le=1, description="Probability of the prediction.")
    probabilities: Probabilities
    model: Network


def judgement(fake: float, version: str) -> Judgement:
    """The answer for a probability of FAKE."""
    fake = round(fake, 4)
    real = round(1 - fake, 4)
    name = "FAKE" if fake > real else "REAL"
    return Judgement(
        prediction=name,
        confidence=max(fake, real),
        probabilities=Probabilities(real=real, fake=fake),
        model=Network(name=NAME, version=version),
    )


@router.post("/api/deepfake/", summary="REAL or FAKE, by the two-stage networks alone")
async def deepfake(request: Request, service: ServiceOf) -> Judgement:
    async with receive(request, service, lenient=True, only=_PICTURES) as received:
        fake = await service.pool.judge(received.media)
    return judgement(fake, registry(service.settings).manifest(NAME).version)
