"""Settings → the networks: one registry for each process, so that what it has checked is not checked again."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from veriscope.config import Settings
from veriscope.inference.batching import Batching
from veriscope.inference.nodes import Nodes
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.pinned import Backend
from veriscope.inference.registry import Registry
from veriscope.inference.triton import TritonInfer


def registry(settings: Settings) -> Registry:
    """The networks of the package and, in the data folder, those of the organisation."""
    return _registry(settings.weights_dir, settings.models_dir or settings.data_dir / "models")


@cache
def _registry(weights: Path | None, own: Path) -> Registry:
    return Registry(weights, own)


def backend(settings: Settings) -> Backend:
    """Where the networks run: in this process, or on the Triton servers of the settings."""
    if settings.triton_urls:
        return TritonInfer(Nodes(settings.triton_urls, settings.triton_policy), registry(settings))
    local = OnnxInfer(registry(settings), settings.models_memory, settings.device)
    return Batching(local, settings.batch_ms / 1000, settings.batch_size) if settings.batch_ms else local


def in_force(settings: Settings) -> str:
    """Digest of which versions answer whom: results that were kept under another one are not given out."""
    catalogue = registry(settings).catalogue()
    routes = [
        [name, route.active, sorted(route.share.items()), route.shadow] for name, route in catalogue.routes.items()
    ]
    files = [[m.label, sorted(m.digests.items())] for found in catalogue.versions.values() for m in found.values()]
    return hashlib.sha256(json.dumps([sorted(routes), sorted(files)]).encode()).hexdigest()
