"""The application: routes, the guard before them, and what lives as long as they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI

import veriscope
from veriscope.api import (
    analyses,
    compat,
    compat_deepfake,
    compat_fakenews,
    errors,
    health,
    jobs,
    metrics,
    models,
    pages,
    redactions,
    settings,
)
from veriscope.api.log import AccessLog
from veriscope.api.metrics import Metrics
from veriscope.api.security import Guard
from veriscope.api.service import Service
from veriscope.config import Settings

DRAIN_SECONDS = 10.0  # a job in hand may finish; after that it is handed back for the next start
API = "/api/v1/openapi.json"

_ABOUT = """Was this picture, video, sound or text manipulated? Send it to `POST /api/v1/analyses`.

Every failure has one shape: `{"error": {"code", "message", "hint"}}`."""


def create_app(config: Settings) -> FastAPI:
    """The gateway as an ASGI application; its processes start and stop with its lifespan."""
    figures = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service(config, figures)
        try:
            await service.start()
            yield
        finally:
            await service.close(DRAIN_SECONDS)

    app = FastAPI(
        title="Veriscope",
        version=veriscope.__version__,
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url=API,
        docs_url=None,  # the usual viewers load scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(Guard, settings=config)
    app.add_middleware(AccessLog, metrics=figures)  # added last: outermost
    errors.install(app)
    for module in (  # tried one after another: what is asked for most comes first
        analyses,
        compat_fakenews,
        compat_deepfake,
        jobs,
        redactions,
        models,
        settings,
        health,
        metrics,
        compat,
    ):
        app.include_router(module.router)
    pages.install(app, Path(str(files("veriscope"))) / "web")
    return app
