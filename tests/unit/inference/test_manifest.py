"""Manifests: read strictly, explained where they are wrong, written back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from veriscope.errors import BadModel
from veriscope.inference.manifest import dump, load, manifests, parse

GOOD: dict[str, Any] = {
    "name": "some-network",
    "version": "2",
    "task": "image-forgery",
    "sha256": "0" * 64,
    "input": "RGB",
    "output": "one logit",
    "licence": "MIT",
    "source": {"kind": "package"},
}


def test_those_of_the_package_are_sound() -> None:
    assert {"centerface", "silero_vad"} <= set(manifests())
    assert all(manifest.name == name for name, manifest in manifests().items())


def test_every_field_survives_being_written(tmp_path: Path) -> None:
    full = GOOD | {
        "preprocessing": {"mean": [0.5, 0.5, 0.5]},
        "assets": {"tokenizer": {"file": "tokenizer.json", "sha256": "1" * 64}},
        "calibration": {"temperature": 1.5, "basis": "dev"},
        "threshold": 0.4,
        "metrics": {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}},
        "trained_on": "ảnh",
        "symbolic": True,
    }
    manifest = parse(full, "here")
    (tmp_path / "m.yaml").write_text(dump(manifest), "utf-8")
    assert load(tmp_path / "m.yaml") == manifest
    assert manifest.digests == {"": "0" * 64, "tokenizer.json": "1" * 64}


def test_a_number_as_version_is_a_version() -> None:
    assert parse(GOOD | {"version": 1.5}, "here").version == "1.5"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": "red"}, "no field called colour"),
        ({"name": "../etc"}, "name takes"),
        ({"name": "UPPER"}, "name takes"),
        ({"version": "1/2"}, "version takes"),
        ({"version": "off"}, "version takes"),
        ({"sha256": "abc"}, "sha256 must be"),
        ({"input": 3}, "input must be"),
        ({"threshold": 1.5}, "threshold must lie"),
        ({"threshold": True}, "threshold must lie"),
        ({"symbolic": "yes"}, "symbolic must be"),
        ({"metrics": []}, "metrics must have"),
        ({"source": {"kind": "ftp"}}, "source.kind must be"),
        ({"source": {"kind": "https"}}, "source.url is missing"),
        ({"source": {"kind": "https", "url": "http://example.org/a"}}, "must begin with https"),
        ({"source": {"kind": "pypi", "package": "--pre", "version": "1", "member": "m"}}, "is no package"),
        ({"source": {"kind": "pypi", "package": "a", "version": "1 b", "member": "m"}}, "is no version"),
        ({"source": {"kind": "s3", "bucket": "b"}}, "source.key is missing"),
        ({"assets": {"v": {"file": "../x", "sha256": "1" * 64}}}, "assets.v needs file"),
        ({"assets": {"v": {"file": "x"}}}, "assets.v needs file"),
        ({"assets": {"v": {"file": "model.onnx", "sha256": "1" * 64}}}, "assets.v needs file"),
        ({"assets": {"v": {"file": "x", "sha256": "1"}}}, "assets.v.sha256"),
        ({"calibration": {"slope": 1, "temperature": 2}}, "either temperature or slope"),
        ({"calibration": {"offset": 1}}, "either temperature or slope"),
        ({"calibration": {"temperature": 0}}, "above 0"),
        ({"calibration": {"slope": "steep"}}, "must be a number"),
        ({"calibration": {"slope": float("nan")}}, "must be a number"),
        ({"calibration": {"slope": 1, "ceiling": 2}}, "ceiling must lie"),
        ({"calibration": {"slope": 1, "colour": 2}}, "no field called colour"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadModel, match=says):
        parse(GOOD | change, "m.yaml")


@pytest.mark.parametrize("name", ["name", "sha256", "source", "licence"])
def test_what_is_missing_is_said(name: str) -> None:
    with pytest.raises(BadModel, match=f"field {name} is missing"):
        parse({k: v for k, v in GOOD.items() if k != name}, "m.yaml")


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "\x00"])
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(BadModel):
        load(tmp_path / "m.yaml")


def test_a_manifest_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(yaml.dump(GOOD) + "reference: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(BadModel, match="cannot be read"):
        load(tmp_path / "m.yaml")
