"""Jobs travel through the table as JSON: the file by its place in the spool, the options by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from veriscope.config import Settings
from veriscope.types import Kind, Media, Options, Policy


def spool_folder(settings: Settings) -> Path:
    """Where originals lie until their analysis ends; one folder inside for each gateway."""
    return settings.data_dir / "spool"


def media_payload(media: Media, spool: Path) -> dict[str, Any]:
    """What a job must know of its file; the path is relative to the spool folder."""
    facts = {name: getattr(media, name) for name in ("name", "kind", "format", "size", "sha256")}
    return {"spool": media.path.relative_to(spool).as_posix(), "media": facts}


def media_of(payload: Mapping[str, Any], spool: Path) -> Media:
    facts = dict(payload["media"])
    return Media(path=spool / payload["spool"], **{**facts, "kind": Kind(facts["kind"])})


def options_payload(options: Options) -> dict[str, Any]:
    return asdict(options)


def options_of(payload: Mapping[str, Any]) -> Options:
    region = payload.get("region")
    without = tuple(payload.get("without", ()))
    return Options(
        **{
            **payload,
            "policy": Policy(payload["policy"]),
            "region": tuple(region) if region else None,
            "without": without,
        }
    )
