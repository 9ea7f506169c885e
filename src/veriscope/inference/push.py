"""A network into a bucket, and a manifest out of one, so that installations share networks without a hub."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from veriscope.errors import BadRequest
from veriscope.inference.manifest import MANIFEST, WEIGHTS, dump
from veriscope.inference.registry import Registry
from veriscope.inference.sources import Measured, from_bucket, to_bucket

_LARGEST = 1 << 20  # bytes of a manifest


def push(registry: Registry, name: str, version: str, bucket: str, endpoint: str | None = None) -> str:
    """Store a version with its assets under ``NAME/VERSION/``; the manifest goes last, when all is there.

    Args:
        registry: where the network is.
        name, version: which one.
        bucket: ``s3://BUCKET[/PREFIX]``.
        endpoint: address of the store; empty: Amazon's, or what the environment names.

    Returns:
        The address of the manifest, which ``models import --manifest`` takes.

    Raises:
        ModelUnavailable: a file is missing or damaged, or the bucket refuses.
        BadRequest: the address is none.
    """
    where, prefix = _parts(bucket)
    manifest = registry.manifest(name, version)
    registry.read(name, version)
    for key in manifest.assets:
        registry.asset(name, key, version)
    folder = posixpath.join(prefix, name, version)
    source = {"kind": "s3", "bucket": where, "key": posixpath.join(folder, WEIGHTS)}
    for file, path in registry.files(manifest).items():
        to_bucket(where, posixpath.join(folder, file or WEIGHTS), path, endpoint)
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / MANIFEST
        told.write_text(dump(replace(manifest, source=source | ({"endpoint": endpoint} if endpoint else {}))), "utf-8")
        to_bucket(where, posixpath.join(folder, MANIFEST), told, endpoint)
    return f"s3://{where}/{posixpath.join(folder, MANIFEST)}"


@contextmanager
def manifest_at(where: str, endpoint: str | None = None) -> Iterator[Path]:
    """The manifest as a file, fetched if it lies in a bucket.

    Raises:
        ModelUnavailable: the bucket does not give it, or it is too large.
    """
    if not where.startswith("s3://"):
        yield Path(where)
        return
    bucket, key = _parts(where)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / MANIFEST
        with path.open("wb") as file:
            from_bucket(bucket, key, Measured(file, _LARGEST), endpoint)
        yield path


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise BadRequest(f"{address} is no address of a bucket: s3://BUCKET[/PREFIX].")
    return parts.netloc, parts.path.strip("/")
