"""Two versions on the same labelled media."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference.importing import take_in
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.train.compare import compare, parse
from veriscope.train.labelled import read

from tests import networks
from tests.making import photo


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Fakes are brighter than real pictures."""
    for label, level in (("real", 60), ("fake", 190)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(8):
            picture = cv2.addWeighted(photo(64, 64, seed=i), 0.2, np.full((64, 64, 3), level, np.uint8), 0.8, 0)
            cv2.imwrite(str(tmp_path / "data" / label / f"{i}.png"), picture)
    return tmp_path / "data"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """``bright@1`` calls bright pictures fake, ``bright@2`` dark ones; version 3 has no calibration."""
    registry = Registry(own=tmp_path / "own")
    onnx = networks.mapper(tmp_path / "n.onnx")
    facts = {"name": "bright", "input": {"image": {"shape": [None, 3, None, None]}}, "preprocessing": {}}
    for version, forged in (("1", 1), ("2", 0), ("3", 1)):
        output = {"probability": {"kind": "probabilities", "forged": forged}}
        calibration = None if version == "3" else {"temperature": 1.0}
        told = networks.manifest(tmp_path / "m.yaml", **facts, version=version, output=output, calibration=calibration)
        take_in(registry, told, onnx)
    return registry


def test_the_difference_is_paired_and_has_an_interval(registry: Registry, data: Path) -> None:
    told: list[tuple[int, int]] = []
    found = compare(OnnxInfer(registry), "bright@1", "bright@2", read(data), lambda *at: told.append(at))
    assert found["a"]["auc"]["value"] == 1
    assert found["b"]["auc"]["value"] == 0
    assert found["difference"]["auc"] == {"value": 1, "low": 1, "high": 1}
    assert found["difference"]["eer"]["value"] < 0
    assert found["difference"]["accuracy"]["value"] > 0
    assert found["items"] == {"all": 16, "both": 16, "a": 16, "b": 16}
    assert told[-1] == (16, 16)


def test_one_against_itself_differs_by_nothing(registry: Registry, data: Path) -> None:
    found = compare(OnnxInfer(registry), "bright", "bright@1", read(data))
    assert all(figure == {"value": 0, "low": 0, "high": 0} for figure in found["difference"].values())


def test_neither_shares_nor_shadows_take_part(registry: Registry, data: Path) -> None:
    registry.reroute("bright", lambda route: route.shared("2", 1.0))
    found = compare(OnnxInfer(registry), "bright@1", "bright@3", read(data))
    assert found["difference"]["auc"]["value"] == 0
    assert "accuracy" not in found["difference"], "one of them gives no probability"


def test_names(registry: Registry, data: Path) -> None:
    assert parse("bright", registry.catalogue()) == ("bright", "1")
    with pytest.raises(ModelUnavailable):
        parse("bright@9", registry.catalogue())
    with pytest.raises(BadRequest, match="cannot be compared by themselves"):
        compare(OnnxInfer(registry), "centerface", "bright", read(data))
