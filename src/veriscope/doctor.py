"""Does this installation work? Each check does the real thing once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from veriscope.config import Settings
from veriscope.errors import ModelUnavailable, VeriscopeError
from veriscope.jobs.networks import registry


def checks(settings: Settings) -> list[dict[str, Any]]:
    """One row a check: ``what``, ``ok``, ``detail``."""
    return [
        _check("networks", lambda: _networks(settings)),
        _check("speech", lambda: _speech(settings)),
        _check("decoder", _decoder),
        _check("records", lambda: _records(settings)),
        _check("disk", lambda: _disk(settings)),
    ]


def _check(what: str, work: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"what": what, "ok": True, "detail": work()}
    except VeriscopeError as exc:
        return {"what": what, "ok": False, "detail": f"{exc.message} {exc.hint}".strip()}
    except Exception as exc:
        return {"what": what, "ok": False, "detail": f"{type(exc).__name__}: {exc}"}


def _networks(settings: Settings) -> str:
    health = registry(settings).health()
    for detail in health.values():
        if detail != "ready":
            raise ModelUnavailable(detail)
    return f"{len(health)} in place"


def _speech(settings: Settings) -> str:
    from veriscope.perception.transcript import recogniser

    senses = settings.senses()
    by = recogniser(senses.speech_weights, senses.speech_language, senses.speech_threads)
    return f"{by.name} listens. {by.error_rate}"


def _decoder() -> str:
    import io
    import tempfile
    from pathlib import Path

    from PIL import Image

    from veriscope.media.child import DecodeChild
    from veriscope.media.limits import Limits

    with tempfile.TemporaryDirectory() as folder, DecodeChild(Limits()) as child:
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), (120, 130, 140)).save(buffer, "PNG")
        path = Path(folder) / "probe.png"
        path.write_bytes(buffer.getvalue())
        shape = child.ask("image", path=str(path), format="png")["arrays"]["image"].shape
    return f"decoded {shape[1]} × {shape[0]} pixels in the child process"


def _records(settings: Settings) -> str:
    from veriscope.store.db import head, open_database

    engine = open_database(settings.database)
    engine.dispose()
    return f"schema {head()} in {engine.url.render_as_string(hide_password=True)}"


def _disk(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    if free < 2 * settings.max_bytes:
        raise OSError(f"only {free >> 20} MiB free in {settings.data_dir}")
    return f"{free >> 30} GiB free in {settings.data_dir}"
