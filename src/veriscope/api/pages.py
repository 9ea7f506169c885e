"""The page, from the package; where it was not built, one line that says how."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_HINT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Veriscope</title>
<h1>Veriscope is running</h1>
<p>The page was not built. Run <code>make serve</code> in a checkout, or install the wheel.
The API is at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>"""


class _Page(StaticFiles):
    """Files whose names carry a hash may be kept for ever; everything else is asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        response.headers["Cache-Control"] = kept
        return response


def install(app: FastAPI, folder: Path) -> None:
    """Serve the page under ``/``; call last, because it takes every address that is left."""
    if (folder / "index.html").is_file():
        # around the page alone: event streams must not wait in a compressor, and reports may hold secrets beside what
        # a sender chose, whose compressed length would tell of them
        app.mount("/", GZipMiddleware(_Page(directory=folder, html=True), minimum_size=1000), name="page")
        return

    @app.get("/", include_in_schema=False)
    def hint() -> HTMLResponse:
        return HTMLResponse(_HINT)
