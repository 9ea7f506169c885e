"""An organisation's own networks as methods like any other: their findings are in the report."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from veriscope.analysis import Examiner, analyse
from veriscope.detectors.imported import SMALLEST_FACE, calibration_of, method_for
from veriscope.errors import BadModel
from veriscope.evidence.schema import public
from veriscope.inference.importing import take_in
from veriscope.inference.manifest import manifests
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.pinned import pin
from veriscope.inference.registry import Registry
from veriscope.perception.faces import TEMPLATE
from veriscope.types import Face, Finding, Kind, Options, Policy, Reason, Report, Signal

from tests import making, networks

PHOTO = making.encoded(making.photo(640, 480), quality=90)
TEXT = "The minister said the miracle cure was a shock. " * 40


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(own=tmp_path / "own")


@pytest.fixture
def examiner(registry: Registry) -> Iterator[Examiner]:
    """No shipped method: what is in the report came from the organisation's own."""
    with Examiner(infer=OnnxInfer(registry), detectors=()) as examiner:
        yield examiner


def take(registry: Registry, make: Callable[..., Path], **changes: Any) -> None:
    assert registry.own is not None
    folder = registry.own.parent / "brought"
    onnx = make(folder / "network.onnx")
    take_in(registry, networks.manifest(folder / "m.yaml", **changes), onnx)


def take_text(registry: Registry, **changes: Any) -> None:
    assert registry.own is not None
    folder = registry.own.parent / "bert"
    onnx = networks.bert(folder / "network.onnx")
    digest = hashlib.sha256(networks.tokenizer(folder / "tokenizer.json").read_bytes()).hexdigest()
    take_in(registry, networks.text_manifest(folder / "m.yaml", digest, **changes), onnx)


def only(report: Report, name: str) -> Finding:
    (finding,) = (f for f in report.findings if f.detector == name)
    return finding


def test_a_genconvit_decides_with_the_others(registry: Registry) -> None:
    take(registry, networks.genconvit)
    with Examiner(infer=OnnxInfer(registry)) as examiner:
        report = analyse(PHOTO, name="a.jpg", examiner=examiner)
    finding = only(report, "genconvit")
    assert len(report.findings) > 5, "the shipped methods spoke too"
    assert finding.signal is Signal.VISUAL_SPATIAL
    assert finding.raw is not None
    assert finding.score == pytest.approx(min(0.98, max(0.02, 1 / (1 + math.exp(-finding.raw / 1.5)))))
    assert finding.reliability.basis == "the maker's own figures"
    assert finding.parameters["network:genconvit"] == "1"
    assert finding.parameters["threshold"] == 0.5
    assert "genconvit" in report.weights
    assert "measured without genconvit@1, which" in " ".join(note["en"] for note in report.notes)
    assert report.versions["model:genconvit"] == "1"
    shown = public(report, "vi", base=None).model_dump(mode="json", by_alias=True)
    assert "genconvit" in {f["detector"] for f in shown["signalBreakdown"]["visualSpatial"]["findings"]}
    assert {"name": "genconvit", "version": "1"}.items() <= next(
        m for m in shown["models"] if m["name"] == "genconvit"
    ).items()


def test_without_a_calibration_it_measures_and_gives_no_score(registry: Registry, examiner: Examiner) -> None:
    take(registry, networks.genconvit, calibration=None)
    report = analyse(PHOTO, examiner=examiner)
    finding = only(report, "genconvit")
    assert finding.score is None
    assert finding.reason is Reason.UNCALIBRATED
    assert not report.notes, "what decided nothing changes no rate"
    assert finding.raw is not None
    assert "%" in finding.summary["en"]


def test_a_bert_reads_texts(registry: Registry, examiner: Examiner) -> None:
    take_text(registry, calibration={"slope": 0.5, "offset": -0.1})
    report = analyse(text=TEXT, examiner=examiner)
    finding = only(report, "newsroom")
    assert finding.signal is Signal.TEXT
    assert finding.raw is not None
    assert finding.score == pytest.approx(1 / (1 + math.exp(-(0.5 * finding.raw - 0.1))))
    assert len(finding.measurements["log_odds"]) > 1  # type: ignore[arg-type]
    other = only(analyse(text="Nothing of the kind was reported. " * 40, examiner=examiner), "newsroom")
    assert other.raw != finding.raw
    assert only(analyse(text="Two words", examiner=examiner), "newsroom").reason is Reason.TOO_SHORT


def test_a_text_network_keeps_to_its_languages(registry: Registry, examiner: Examiner) -> None:
    take_text(registry, preprocessing={"languages": ["vi"], "max_length": 64})
    assert only(analyse(text=TEXT, examiner=examiner), "newsroom").reason is Reason.UNSUPPORTED_LANGUAGE


def test_a_caption_is_read_too(registry: Registry, examiner: Examiner) -> None:
    take_text(registry)
    report = analyse(PHOTO, examiner=examiner, options=Options(caption=TEXT))
    assert only(report, "newsroom").raw is not None


def test_sound(registry: Registry, examiner: Examiner) -> None:
    facts = {"name": "ear", "task": "audio", "input": {"wave": {"shape": [1, 8000]}}, "preprocessing": {}}
    take(registry, networks.listener, **facts, output={"logit": {"kind": "logits"}})
    report = analyse(making.wav(making.tone(3.0)), name="a.wav", examiner=examiner)
    finding = only(report, "ear")
    assert finding.signal is Signal.AUDIO
    assert finding.raw == pytest.approx(10 * np.abs(making.tone(3.0)).mean(), rel=0.05)
    short = analyse(making.wav(making.tone(0.3)), name="a.wav", examiner=examiner)
    assert only(short, "ear").reason is Reason.TOO_SHORT


def test_a_film_is_judged_by_the_median_frame(registry: Registry, examiner: Examiner, tmp_path: Path) -> None:
    take(registry, networks.genconvit)
    film = making.film(tmp_path / "x.mp4", 4.0)
    report = analyse(film, examiner=examiner)
    finding = only(report, "genconvit")
    assert len(finding.frames) > 1
    odds = finding.measurements["log_odds"]
    assert finding.raw == pytest.approx(np.median(odds))  # type: ignore[arg-type]
    assert report.media.kind is Kind.VIDEO


def test_a_map_covers_the_picture(registry: Registry, examiner: Examiner) -> None:
    facts = {"name": "brightness", "input": {"image": {"shape": [None, 3, None, None]}}, "preprocessing": {}}
    output = {"map": {"kind": "map"}, "probability": {"kind": "probabilities"}}
    take(registry, networks.mapper, **facts, output=output)
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, 150:] = 255
    finding = only(analyse(making.encoded(image, "PNG"), examiner=examiner), "brightness")
    assert finding.heatmap is not None
    assert finding.heatmap.shape == (200, 300)
    assert finding.heatmap[:, 170:].mean() > 0.95
    assert finding.heatmap[:, :130].mean() < 0.05


def test_faces_are_cut_out_upright(registry: Registry) -> None:
    side = 64
    assert registry.own is not None
    onnx = networks.genconvit(registry.own.parent / "f.onnx", side=side)
    told = networks.manifest(
        onnx.parent / "f.yaml",
        name="faces",
        task="face-forgery",
        input={"image": {"shape": [1, 3, side, side]}},
    )
    take_in(registry, told, onnx)
    infer = pin(OnnxInfer(registry), "content")
    method = method_for(registry.manifest("faces"))
    image = making.photo(400, 400)

    def scene(*faces: Face) -> Any:
        tracks = [SimpleNamespace(faces=(face,)) for face in faces]
        return SimpleNamespace(
            image=lambda: image,
            faces=lambda: tracks,
            media=SimpleNamespace(kind=Kind.IMAGE, sha256="content"),
        )

    def face(at: float, size: float) -> Face:
        return Face((at, at, size, size), 0.9, (TEMPLATE * size + at).astype(np.float32))

    assert method.inspect(scene(), infer).reason is Reason.NO_FACE
    assert method.inspect(scene(face(10, SMALLEST_FACE / 2)), infer).reason is Reason.TOO_SMALL
    one = method.inspect(scene(face(10, 120)), infer)
    two = method.inspect(scene(face(10, 120), face(200, 150)), infer)
    assert one.raw is not None
    assert two.raw is not None
    assert two.raw == max(two.measurements["log_odds"])  # type: ignore[type-var, arg-type]
    assert two.raw >= one.raw
    assert [r.x for r in two.regions] == [10, 200]


def test_quick_leaves_pictures_out_and_reads_texts(registry: Registry, examiner: Examiner) -> None:
    take(registry, networks.genconvit)
    take_text(registry)
    quick = Options(policy=Policy.QUICK)
    assert only(analyse(PHOTO, examiner=examiner, options=quick), "genconvit").reason is Reason.SKIPPED_BY_POLICY
    assert only(analyse(text=TEXT, examiner=examiner, options=quick), "newsroom").raw is not None


def test_one_that_breaks_is_shown_as_broken(registry: Registry, examiner: Examiner) -> None:
    take(registry, networks.genconvit)
    registry.path("genconvit").write_bytes(b"spoilt")
    report = analyse(PHOTO, examiner=examiner)
    assert only(report, "genconvit").reason is Reason.MODEL_MISSING
    assert not report.complete


def test_a_shipped_network_needs_its_own_method() -> None:
    with pytest.raises(BadModel, match="task must be one of"):
        method_for(manifests()["centerface"])


def test_calibrations() -> None:
    from dataclasses import replace

    manifest = manifests()["centerface"]
    assert calibration_of(manifest) is None
    fitted = calibration_of(replace(manifest, calibration={"temperature": 2.0}))
    assert fitted is not None
    assert fitted(1.0) == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert fitted(100.0) == 0.98
    assert fitted.reliability == 0
