"""A registry with an organisation's own folder, and networks to put there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from veriscope.inference.importing import take_in
from veriscope.inference.manifest import Manifest
from veriscope.inference.registry import Registry

from tests import networks


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(own=tmp_path / "own")


@pytest.fixture
def bring(registry: Registry, tmp_path: Path) -> Callable[..., Manifest]:
    """Import a GenConViT-shaped network; the seed makes its weights."""

    def take(version: str = "1", seed: int = 0, bias: float = 0.0, **changes: Any) -> Manifest:
        folder = tmp_path / f"brought-{version}-{seed}"
        onnx = networks.genconvit(folder / "network.onnx", seed, bias=bias)
        return take_in(registry, networks.manifest(folder / "m.yaml", version=version, **changes), onnx)

    return take


@pytest.fixture
def bring_text(registry: Registry, tmp_path: Path) -> Callable[..., Manifest]:
    """Import a BERT-shaped network with its tokenizer."""

    def take(**changes: Any) -> Manifest:
        onnx = networks.bert(tmp_path / "bert" / "network.onnx")
        told = networks.tokenizer(onnx.parent / "tokenizer.json")
        digest = hashlib.sha256(told.read_bytes()).hexdigest()
        return take_in(registry, networks.text_manifest(onnx.parent / "m.yaml", digest, **changes), onnx)

    return take
