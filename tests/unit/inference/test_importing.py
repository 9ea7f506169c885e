"""Networks that are let in, and those that are not, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from veriscope.errors import BadModel, Conflict, ModelUnavailable
from veriscope.inference.importing import take_in
from veriscope.inference.manifest import Manifest, manifests
from veriscope.inference.registry import Registry

from tests import networks

Bring = Callable[..., Manifest]


def test_the_first_version_becomes_active_and_later_ones_wait(registry: Registry, bring: Bring) -> None:
    first = bring("1")
    assert registry.catalogue().active("genconvit") == "1"
    assert first.sha256 == hashlib.sha256(registry.read("genconvit")).hexdigest()
    assert first.source["kind"] == "file"
    bring("2", seed=1)
    assert registry.catalogue().active("genconvit") == "1"


def test_the_same_again_is_fine_and_another_is_not(registry: Registry, bring: Bring, tmp_path: Path) -> None:
    first = bring("1")
    assert bring("1") == first
    with pytest.raises(Conflict, match="other contents"):
        bring("1", seed=5)
    assert registry.own is not None
    assert not list(registry.own.glob(".import-*")), "nothing is left lying about"


def test_text_with_its_tokenizer(registry: Registry, bring_text: Bring) -> None:
    assert bring_text().label == "newsroom@1"
    assert b"WordPiece" in registry.asset("newsroom", "tokenizer")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, "not the file that the manifest describes"),
        ({"input": {"image": {"shape": [1, 3, 256, 256]}}}, r"has the shape \[1, 3, 224, 224\]; .* \[1, 3, 256, 256\]"),
        (
            {"input": {"image": {"shape": [1, 3, 224, 224], "dtype": "float16"}}},
            "is float32; the manifest says float16",
        ),
        ({"input": {"picture": {"shape": [1, 3, 224, 224]}}}, "takes image; the manifest says picture"),
        ({"output": {"logits": {"kind": "logits"}}}, "gives logits_ed, logits_vae; the manifest also says logits"),
        ({"output": {"logits_ed": {"kind": "map"}}}, "no output gives"),
        ({"output": {"logits_ed": {"kind": "logits", "forged": 2}}}, "has 2 classes, and forged is 2"),
        ({"output": {"logits_ed": {"kind": "probabilities"}}}, "holds no probabilities"),
        ({"output": {"logits_ed": {"kind": "verdict"}}}, "must be logits"),
        ({"task": "weather"}, "task must be one of"),
        ({"task": None}, "field task is missing"),
        ({"preprocessing": {"mean": [0.5]}}, "mean takes 3 numbers"),
        ({"preprocessing": {"std": [1, 0, 1]}}, "std takes 3 numbers"),
        ({"preprocessing": {"colour": 1}}, "no field called colour"),
        ({"preprocessing": {"layout": "nhwc"}}, "does not have 3 channels"),
        ({"input": {"image": {"shape": [2, 3, 224, 224]}}}, "must begin with 1"),
        ({"name": "copy-move"}, "belongs to a method"),
        ({"assets": {"labels": {"file": "labels.txt", "sha256": "0" * 64}}}, "neither beside the network"),
    ],
)
def test_what_does_not_fit_is_refused(registry: Registry, bring: Bring, change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadModel, match=says):
        bring(**change) if change.get("name") != "copy-move" else _reserved(registry, change)
    assert registry.own is None or not list(registry.own.glob("*/*"))


def _reserved(registry: Registry, change: dict[str, Any]) -> None:
    assert registry.own is not None
    folder = registry.own.parent
    onnx = networks.genconvit(folder / "n.onnx")
    take_in(registry, networks.manifest(folder / "m.yaml", **change), onnx, reserved={"copy_move"})


def test_an_asset_that_was_changed_is_refused(registry: Registry, tmp_path: Path) -> None:
    onnx = networks.bert(tmp_path / "network.onnx")
    networks.tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(BadModel, match=r"tokenizer\.json is not the file"):
        take_in(registry, networks.text_manifest(tmp_path / "m.yaml", "0" * 64), onnx)


def test_a_tokenizer_that_is_none_is_refused(registry: Registry, tmp_path: Path) -> None:
    onnx = networks.bert(tmp_path / "network.onnx")
    (tmp_path / "tokenizer.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(BadModel, match="tokenizer cannot be read"):
        take_in(registry, networks.text_manifest(tmp_path / "m.yaml", digest), onnx)


def test_a_vocabulary_larger_than_the_network_is_refused(registry: Registry, tmp_path: Path) -> None:
    """The wrong tokenizer gives ids that the network has no embedding for."""
    onnx = networks.bert(tmp_path / "network.onnx")
    told = networks.tokenizer(tmp_path / "tokenizer.json")
    text = told.read_text().replace('"the": 4', '"the": 40000')
    told.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(BadModel, match="does not run on the declared input"):
        take_in(registry, networks.text_manifest(tmp_path / "m.yaml", digest), onnx)


def test_no_network_at_all(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"PK\x03\x04 a zip, perhaps")
    with pytest.raises(BadModel, match="does not load"):
        take_in(registry, networks.manifest(tmp_path / "m.yaml"), tmp_path / "n.onnx")


def test_an_answer_that_is_not_finite_is_refused(registry: Registry, tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("GlobalAveragePool", ["image"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Div", ["f", "zero"], ["logits"]),
    ]
    onnx = networks.save(
        tmp_path / "n.onnx",
        nodes,
        [networks.floats("image", [1, 3, 224, 224])],
        [networks.floats("logits", [1, 3])],
        {"zero": np.float32(0)},
    )
    with pytest.raises(BadModel, match="not finite"):
        take_in(registry, networks.manifest(tmp_path / "m.yaml", output={"logits": {"kind": "logits"}}), onnx)


def test_the_task_from_the_command_line(registry: Registry, tmp_path: Path) -> None:
    onnx = networks.genconvit(tmp_path / "n.onnx")
    told = networks.manifest(tmp_path / "m.yaml", task=None)
    assert take_in(registry, told, onnx, "synthetic-image").task == "synthetic-image"
    with pytest.raises(BadModel, match="says the task image-forgery, not audio"):
        take_in(registry, networks.manifest(tmp_path / "m.yaml"), onnx, "audio")


def test_a_retrained_version_of_a_shipped_network(registry: Registry, tmp_path: Path) -> None:
    shipped = manifests()["centerface"]
    facts = {"name": "centerface", "task": shipped.task, "input": "as shipped", "output": "as shipped"}
    told = networks.manifest(tmp_path / "m.yaml", **facts, version="own", symbolic=True, calibration=None)
    same = registry.path("centerface")
    assert take_in(registry, told, same).version == "own"
    assert registry.catalogue().active("centerface") == "1", "the shipped one goes on answering"
    with pytest.raises(BadModel, match="takes image where the shipped version takes"):
        take_in(
            registry,
            networks.manifest(tmp_path / "m.yaml", **facts, version="odd"),
            networks.genconvit(tmp_path / "n.onnx"),
        )


def test_from_the_source_that_the_manifest_names(registry: Registry, tmp_path: Path) -> None:
    onnx = networks.genconvit(tmp_path / "far" / "n.onnx")
    digest = hashlib.sha256(onnx.read_bytes()).hexdigest()
    source = {"kind": "file", "path": str(onnx)}
    told = networks.manifest(tmp_path / "m.yaml", sha256=digest, source=source)
    assert take_in(registry, told).sha256 == digest
    other = networks.manifest(tmp_path / "m.yaml", version="2", sha256="0" * 64, source=source)
    with pytest.raises(ModelUnavailable, match="not the file its manifest describes"):
        take_in(registry, other)
    with pytest.raises(BadModel, match="field sha256 is missing"):
        take_in(registry, networks.manifest(tmp_path / "m.yaml", source=source))


def test_without_an_own_folder_nothing_is_taken_in(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no folder"):
        take_in(Registry(), networks.manifest(tmp_path / "m.yaml"))
