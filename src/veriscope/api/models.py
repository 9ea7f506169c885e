"""``/api/v1/models``: the networks that take part, and where they come from."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from veriscope.api.service import ServiceOf
from veriscope.inference.registry import Registry, manifests

router = APIRouter(prefix="/api/v1/models", tags=["models"])


class ModelView(BaseModel):
    """One network."""

    name: str
    version: str
    task: str
    sha256: str
    licence: str
    reference: str
    state: str


class ModelList(BaseModel):
    items: list[ModelView]


@router.get("", summary="Networks and their state")
def search(service: ServiceOf) -> ModelList:
    state = Registry(service.settings.weights_dir).health()
    return ModelList(
        items=[
            ModelView(
                name=m.name,
                version=m.version,
                task=m.task,
                sha256=m.sha256,
                licence=m.licence,
                reference=m.reference,
                state=state[m.name],
            )
            for m in manifests().values()
        ]
    )
