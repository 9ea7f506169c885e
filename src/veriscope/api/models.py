"""``/api/v1/models``: the networks that take part, where they come from, and which version answers whom."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from veriscope.api.service import Asker, Service, ServiceOf
from veriscope.errors import ModelUnavailable, NotFound
from veriscope.inference.registry import VersionState
from veriscope.inference.traffic import OFF, Route
from veriscope.jobs.networks import registry
from veriscope.store import audit
from veriscope.types import Principal

router = APIRouter(prefix="/api/v1/models", tags=["models"])


class VersionView(BaseModel):
    """One version of one network."""

    version: str
    sha256: str
    active: bool = Field(description="Answers for whatever no other version has a share of.")
    share: float = Field(description="Part of all media that it answers for, 0–1.")
    shadow: bool = Field(description="Run and recorded, not counted.")
    own: bool = Field(description="Imported, not from the package.")
    state: str = Field(description="ready, missing, damaged or failing")
    detail: str = Field(description="Why it is not ready.")
    calibrated: bool = Field(description="Its manifest says how its answer becomes a probability.")
    metrics: dict[str, Any] = Field(description="What its manifest states of its quality.")


class ModelView(BaseModel):
    """One network; the fields beside ``versions`` are those of the active one."""

    name: str
    version: str = Field(description="The active version, or off.")
    task: str
    sha256: str
    licence: str
    reference: str
    state: str
    versions: list[VersionView]


class ModelList(BaseModel):
    items: list[ModelView]


class Activate(BaseModel):
    version: str = Field(description="From now on this version answers; `off` switches the network off.")


class Share(BaseModel):
    version: str
    share: float = Field(ge=0, le=1, description="Part of all media, by their content, that this version answers for.")


class Shadow(BaseModel):
    version: str
    on: bool = True


@router.get("", summary="Networks, their versions and their state")
async def search(service: ServiceOf) -> ModelList:
    states = await asyncio.to_thread(registry(service.settings).states)
    by_name = itertools.groupby(states, key=lambda s: s.manifest.name)
    return ModelList(items=[_view(list(versions)) for _, versions in by_name])


@router.post("/{name}/activate", summary="Have a version answer from now on")
async def activate(name: str, wanted: Activate, service: ServiceOf, who: Asker) -> ModelView:
    return await _change(service, who, name, "activated", wanted, lambda r: r.activated(wanted.version))


@router.post("/{name}/share", summary="Have a version answer for a part of all media")
async def share(name: str, wanted: Share, service: ServiceOf, who: Asker) -> ModelView:
    return await _change(service, who, name, "shared", wanted, lambda r: r.shared(wanted.version, wanted.share))


@router.post("/{name}/shadow", summary="Run a version beside the active one without counting it")
async def shadow(name: str, wanted: Shadow, service: ServiceOf, who: Asker) -> ModelView:
    return await _change(service, who, name, "shadowed", wanted, lambda r: r.shadowed(wanted.version, wanted.on))


async def _change(
    service: Service, who: Principal, name: str, deed: str, wanted: BaseModel, change: Callable[[Route], Route]
) -> ModelView:
    """Put it in force everywhere, and in the audit."""

    def work() -> list[VersionState]:
        networks = registry(service.settings)
        version = getattr(wanted, "version", OFF)
        try:
            if version != OFF or name not in networks.catalogue().versions:
                networks.manifest(name, version)
        except ModelUnavailable as exc:
            raise NotFound(exc.message) from None
        with service.store.engine.begin() as connection:
            audit.append(connection, who, f"model.{deed}", name, **wanted.model_dump())
            networks.reroute(name, change)  # after the record: nothing changes without one
        return [s for s in networks.states() if s.manifest.name == name]

    return _view(await asyncio.to_thread(work))


def _view(versions: list[VersionState]) -> ModelView:
    active = next((s for s in versions if s.active), None)
    shown = (active or versions[0]).manifest
    return ModelView(
        name=shown.name,
        version=shown.version if active else OFF,
        task=shown.task,
        sha256=shown.sha256,
        licence=shown.licence,
        reference=shown.reference,
        state=active.state if active else OFF,
        versions=[
            VersionView(
                version=s.manifest.version,
                sha256=s.manifest.sha256,
                active=s.active,
                share=s.share,
                shadow=s.shadow,
                own=s.own,
                state=s.state,
                detail=s.detail,
                calibrated=bool(s.manifest.calibration),
                metrics=dict(s.manifest.metrics),
            )
            for s in versions
        ],
    )
