"""Versions on trial: who spoke is said, shares follow the content, shadows count for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.analysis import Examiner, analyse
from veriscope.detectors.base import Method
from veriscope.inference import manifest as manifests_
from veriscope.inference.importing import take_in
from veriscope.inference.manifest import Manifest
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.types import Face, Finding, Frame, Infer, Kind, Reason, Report, Scene, Signal, Watch

from tests import making, networks

PHOTO = making.encoded(making.photo(320, 240), quality=90)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(own=tmp_path / "own")
    for version, seed in (("1", 1), ("2", 2)):
        onnx = networks.genconvit(tmp_path / f"{version}.onnx", seed)
        take_in(registry, networks.manifest(tmp_path / f"{version}.yaml", version=version), onnx)
    return registry


@pytest.fixture
def examiner(registry: Registry) -> Iterator[Examiner]:
    with Examiner(infer=OnnxInfer(registry), detectors=()) as examiner:
        yield examiner


def only(report: Report, name: str = "genconvit") -> Finding:
    (finding,) = (f for f in report.findings if f.detector == name)
    return finding


def test_a_swap_is_in_force_with_the_next_examination(registry: Registry, examiner: Examiner) -> None:
    before = only(analyse(PHOTO, examiner=examiner))
    registry.reroute("genconvit", lambda route: route.activated("2"))
    after = analyse(PHOTO, examiner=examiner)
    assert before.parameters["network:genconvit"] == "1"
    assert only(after).parameters["network:genconvit"] == "2"
    assert only(after).version == after.versions["model:genconvit"] == "2"
    assert only(after).raw != before.raw


def test_a_share_of_the_media(registry: Registry, examiner: Examiner) -> None:
    registry.reroute("genconvit", lambda route: route.shared("2", 0.5))
    photos = [making.encoded(making.photo(64, 64, seed=i)) for i in range(16)]
    spoke = [only(analyse(p, examiner=examiner)).version for p in photos]
    assert set(Counter(spoke)) == {"1", "2"}
    assert [only(analyse(p, examiner=examiner)).version for p in photos[:4]] == spoke[:4]


def test_a_shadow_is_recorded_and_changes_nothing(registry: Registry, examiner: Examiner) -> None:
    alone = analyse(PHOTO, examiner=examiner)
    registry.reroute("genconvit", lambda route: route.shadowed("2", True))
    beside = analyse(PHOTO, examiner=examiner)
    finding = only(beside)
    assert finding.score == only(alone).score
    assert beside.assessment == alone.assessment
    registry.reroute("genconvit", lambda route: route.activated("2"))
    second = only(analyse(PHOTO, examiner=examiner))
    assert finding.measurements["shadow:genconvit@2:raw"] == second.raw
    assert finding.measurements["shadow:genconvit@2:score"] == second.score
    assert not any(key.startswith("shadow") for key in second.measurements)


def test_a_shadow_that_breaks_troubles_nobody(registry: Registry, examiner: Examiner, tmp_path: Path) -> None:
    registry.reroute("genconvit", lambda route: route.shadowed("2", True))
    registry.path("genconvit", "2").write_bytes(b"spoilt")
    for report in (analyse(PHOTO, examiner=examiner), analyse(making.film(tmp_path / "x.mp4"), examiner=examiner)):
        assert report.complete
        assert only(report).score is not None
        assert "ModelUnavailable" in str(only(report).measurements["shadow:genconvit@2:fault"])


def test_films_have_shadows_too(registry: Registry, examiner: Examiner, tmp_path: Path) -> None:
    registry.reroute("genconvit", lambda route: route.shadowed("2", True))
    finding = only(analyse(making.film(tmp_path / "x.mp4", 3.0), examiner=examiner))
    assert finding.version == "1"
    assert finding.score is not None
    assert finding.measurements["shadow:genconvit@2:raw"] != finding.raw


def test_a_network_that_is_only_in_shadow_gives_no_score(registry: Registry, examiner: Examiner) -> None:
    registry.reroute("genconvit", lambda route: route.activated("off").shadowed("2", True))
    report = analyse(PHOTO, examiner=examiner)
    finding = only(report)
    assert finding.score is None
    assert finding.reason is Reason.SKIPPED_BY_POLICY
    assert "does not count" in finding.summary["en"]
    assert finding.measurements["shadow:genconvit@2:score"]
    assert report.complete
    assert "genconvit" not in report.weights


def test_a_network_that_is_off_takes_no_part(registry: Registry, examiner: Examiner) -> None:
    registry.reroute("genconvit", lambda route: route.activated("off"))
    report = analyse(PHOTO, examiner=examiner)
    assert not [f for f in report.findings if f.detector == "genconvit"]
    assert "model:genconvit" not in report.versions


class Shipped(Method):
    """A method of the package, with a network of the package."""

    name = "shipped_method"
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE, Kind.VIDEO})
    models = ("shipped",)
    reference = "none"
    title = {"en": "Shipped", "vi": "Shipped"}

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        out = infer.run("shipped", {"image": np.ones((1, 3, 224, 224), np.float32)})
        raw = float(out["logits_ed"][0, 1])
        return Finding(self.name, self.version, self.signal, 0.75, {"en": "s", "vi": "s"}, raw=raw)

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        method = self

        class See:
            def see(self, frame: Frame, faces: Sequence[Face]) -> None: ...

            def finish(self) -> Finding:
                return method.inspect(scene, infer)

        return See()


@pytest.fixture
def shipped(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The package brings ``shipped``, version 1; the organisation imports a version of its own."""
    from veriscope.detectors import trial
    from veriscope.inference import importing
    from veriscope.inference import registry as registry_

    folder = tmp_path / "package"
    onnx = networks.genconvit(folder / "shipped.onnx", 5)
    told = networks.manifest(folder / "m.yaml", name="shipped", input="one picture", output="two logits")
    facts = manifests_.read(told) | {"sha256": _sum(onnx), "source": {"kind": "package"}}
    known = {**manifests_.manifests(), "shipped": manifests_.parse(facts, "here")}
    for name in manifests_.manifests():
        (folder / f"{name}.onnx").symlink_to(registry.folder / f"{name}.onnx")
    for module in (registry_, importing, trial):
        monkeypatch.setattr(module, "manifests", lambda: known)
    registry.folder = folder

    def bring(**changes: Any) -> Manifest:
        other = networks.genconvit(tmp_path / "other.onnx", 6)
        texts = {"name": "shipped", "input": "one picture", "output": "two logits", "version": "2"}
        return take_in(registry, networks.manifest(tmp_path / "o.yaml", **texts, **changes), other)

    return bring  # type: ignore[return-value]


def _sum(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("calibration", "scored"), [(None, False), ({"slope": 1.0, "offset": 0.0}, True)])
def test_another_version_of_a_shipped_network_brings_its_own_calibration(
    registry: Registry, shipped: Callable[..., None], calibration: dict[str, float] | None, scored: bool
) -> None:
    """The score of the package was fitted with the package's network; it means nothing for another one."""
    shipped(calibration=calibration)
    with Examiner(infer=OnnxInfer(registry), detectors=(Shipped(),)) as examiner:
        before = only(analyse(PHOTO, examiner=examiner), "shipped_method")
        assert before.score == 0.75
        assert before.parameters["network:shipped"] == "1"
        registry.reroute("shipped", lambda route: route.activated("2"))
        after = only(analyse(PHOTO, examiner=examiner), "shipped_method")
        assert after.parameters["network:shipped"] == "2"
        assert after.raw != before.raw
        assert after.raw is not None
        if scored:
            assert after.score == pytest.approx(min(0.98, max(0.02, 1 / (1 + np.exp(-after.raw)))))
        else:
            assert after.score is None
            assert after.reason is Reason.UNCALIBRATED
        registry.reroute("shipped", lambda route: route.activated("off"))
        silent = analyse(PHOTO, examiner=examiner)
        assert only(silent, "shipped_method").reason is Reason.SKIPPED_BY_POLICY
        assert silent.complete


def test_an_infer_without_versions_is_left_alone() -> None:
    from veriscope.detectors.trial import taking_part

    class Plain:
        def run(self, model: str, inputs: Any) -> Any: ...
        def version(self, model: str) -> str: ...
        def asset(self, model: str, key: str) -> bytes: ...

    method = Shipped()
    assert taking_part([method], Plain()) == (method,)  # type: ignore[arg-type]
