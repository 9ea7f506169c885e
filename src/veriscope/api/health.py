"""Whether the service lives, can work, and has its networks."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

import veriscope
from veriscope.api.service import ServiceOf
from veriscope.jobs.networks import registry

router = APIRouter(tags=["operation"])


@router.get("/health/live", summary="The process answers")
def live() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/health/ready", summary="Work can be taken", responses={503: {"description": "Not now; see `checks`."}})
def ready(service: ServiceOf) -> JSONResponse:
    checks = {
        "database": service.database_answers(),
        "pictures_and_texts": service.pool.ready + service.pool.busy > 0,
        "jobs": service.dispatcher.alive > 0,
    }
    fine = all(checks.values())
    return JSONResponse({"status": "ok" if fine else "unavailable", "checks": checks}, 200 if fine else 503)


@router.get("/health/models", summary="State of every network")
def models(service: ServiceOf) -> JSONResponse:
    state = registry(service.settings).health()
    fine = all(value == "ready" for value in state.values())
    return JSONResponse({"status": "ok" if fine else "degraded", "models": state})


@router.get("/health", summary="As older systems ask", tags=["compatibility"])
def health() -> dict[str, str]:
    return {"status": "healthy", "version": veriscope.__version__}
