"""Settings → networks, and the digest under which results are kept."""

from __future__ import annotations

from pathlib import Path

from veriscope.config import load
from veriscope.inference.importing import take_in
from veriscope.jobs.networks import in_force, registry

from tests import networks


def test_one_registry_for_a_process(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    assert registry(settings) is registry(load(data_dir=tmp_path, policy="quick"))
    assert registry(settings).own == tmp_path / "models"
    assert registry(settings) is not registry(load(data_dir=tmp_path / "other"))


def test_what_is_in_force_has_a_digest(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    seen = [in_force(settings)]
    assert in_force(settings) == seen[0]
    for version, seed in (("1", 1), ("2", 2)):
        onnx = networks.genconvit(tmp_path / f"{version}.onnx", seed)
        take_in(registry(settings), networks.manifest(tmp_path / "m.yaml", version=version), onnx)
        seen.append(in_force(settings))
    for change in (
        lambda route: route.shared("2", 0.5),
        lambda route: route.shadowed("1", True),
        lambda route: route.activated("2"),
    ):
        registry(settings).reroute("genconvit", change)
        seen.append(in_force(settings))
    assert len(set(seen)) == len(seen), "every change keeps older results back"
