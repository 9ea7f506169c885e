"""From a finished report to what is kept of it: the public JSON, the pictures, and the report itself."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from veriscope.config import Settings
from veriscope.evidence.artifacts import artifacts
from veriscope.evidence.schema import public
from veriscope.jobs.keys import blob_keys
from veriscope.store.artifacts import ArtifactRow
from veriscope.store.codec import encode
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.types import Media, Options, Principal, Report

LANGUAGES = ("en", "vi")
STORED_REPORT = "_report"  # artifact that HTML and PDF are printed from; names with _ are not served
QUARANTINED = "_quarantine"


def keep(
    report: Report, store: Store, settings: Settings, *, cache_key: str | None = None, job_id: str | None = None
) -> tuple[Record, list[ArtifactRow]]:
    """Write the blobs of a report, and say which rows make them belong to it.

    The caller writes the rows in one transaction with whatever else they belong to; if that fails, it drops
    the blobs (``store.drop``).
    """
    now = time.time()
    later = _expiry(now, settings.keep_artifacts_hours)
    rows = []
    pictures = [(a.name, a.media_type, a.data) for a in artifacts(report)]
    pictures.append((STORED_REPORT, "application/octet-stream", encode(report, settings.preview_pixels)))
    for name, media_type, data in pictures:
        key = f"{report.id}/{name}"
        store.blobs.put(key, data)
        rows.append(ArtifactRow(report.id, name, media_type, key, len(data), now, later))
    record = Record(
        id=report.id,
        name=report.media.name,
        sha256=report.media.sha256,
        kind=report.media.kind,
        label=report.assessment.label,
        risk=report.assessment.risk,
        body={lang: public(report, lang).model_dump(mode="json", by_alias=True) for lang in LANGUAGES},
        cache_key=cache_key,
        job_id=job_id,
        created=now,
        expires=_expiry(now, settings.keep_results_hours),
    )
    return record, rows


def quarantine(media: Media, store: Store, settings: Settings, who: Principal, subject: str) -> None:
    """Keep, encrypted, the input of an analysis that hit a fault of ours, if the settings want that."""
    if not settings.quarantine:
        return
    now = time.time()
    data = media.path.read_bytes()
    key = f"quarantine/{subject}"
    store.blobs.put(key, data)
    expires = _expiry(now, settings.keep_artifacts_hours)
    row = ArtifactRow(subject, QUARANTINED, "application/octet-stream", key, len(data), now, expires)
    store.artifacts.save(who, [row])


def _expiry(now: float, hours: float) -> float | None:
    return now + hours * 3600 if hours else None


def cache_key(media: Media, options: Options, who: Principal, fingerprint: str) -> str:
    """Same organisation, name, bytes, options, program and settings: same report."""
    parts = [who.organisation, media.name, media.sha256, media.kind, asdict(options), fingerprint]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def fingerprint(settings: Settings) -> str:
    """Digest of everything but the medium and its options that can change a report."""
    digest = hashlib.sha256()
    for path in _sources(files("veriscope")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    for extra in (settings.policy_file, settings.routing_file, settings.trust_list):
        digest.update(extra.read_bytes() if extra and extra.is_file() else b"-")
    digest.update(
        json.dumps([settings.fusion, settings.routing, settings.preview_pixels, str(settings.weights_dir)]).encode()
    )
    weights = settings.weights_dir or Path(str(files("veriscope.inference"))) / "weights"
    for path in sorted(weights.glob("*")) if weights.is_dir() else []:
        digest.update(f"{path.name} {path.stat().st_size}".encode())
    return digest.hexdigest()


def _sources(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir() and entry.name not in {"web", "weights", "__pycache__", "api"}:
            found += _sources(entry)
        elif entry.name.endswith((".py", ".json", ".yaml", ".html")):
            found.append(entry)
    return found


def open_store(settings: Settings) -> Store:
    """The store that the settings name."""
    return Store.open(
        settings.database,
        settings.blob_url or settings.data_dir / "blobs",
        blob_endpoint=settings.blob_endpoint,
        blob_keys=blob_keys(settings),
        lease_seconds=settings.lease_seconds,
        retries=settings.job_retries,
        retry_seconds=settings.retry_seconds,
        job_seconds=settings.job_seconds,
        keep_seconds=settings.keep_artifacts_hours * 3600 or None,
        review_seconds=settings.review_hours * 3600,
    )
