"""Every registered detector keeps the same promises, on every kind of medium it names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import pytest

from veriscope.detectors.base import Method
from veriscope.detectors.registry import DETECTORS
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.intake import open_bytes, open_path
from veriscope.media.limits import Limits
from veriscope.perception.scene import OpenScene, open_scene
from veriscope.types import Detector, Finding, FrameDetector, Kind, Media, Options, Reason

from tests import making

LANGUAGES = {"en", "vi"}
INFER = OnnxInfer()


@pytest.fixture(scope="module")
def child() -> Iterator[DecodeChild]:
    with DecodeChild(Limits()) as child:
        yield child


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Media]:
    """Ordinary and odd media of every kind."""
    folder = tmp_path_factory.mktemp("media")
    flat = np.full((120, 160, 3), 128, np.uint8)
    speech = making.tone(3.0) * (np.arange(48000) % 16000 < 9000)
    items = {
        "jpeg": making.encoded(making.photo(640, 480), quality=90),
        "png": making.encoded(making.photo(256, 256), "PNG"),
        "flat": making.encoded(flat, quality=80),
        "tiny": making.encoded(making.photo(9, 7)),
        "one pixel": making.encoded(making.photo(32, 32)[:1, :1], "PNG"),
        "thin": making.encoded(making.photo(900, 24), quality=85),
        "grey": making.encoded(making.photo(200, 200)[:, :, 0], quality=90),
        "coarse": making.encoded(making.photo(320, 240), quality=3),
        "sound": making.wav(speech),
        "silence": making.wav(np.zeros(32000, np.float32)),
        "click": making.wav(making.tone(0.02)),
        "44.1 kHz": making.wav(making.tone(2.0, 44100), 44100),
        "text": "Một câu tiếng Việt. A sentence in English! ".encode() * 30,
        "word": b"word",
        "page": b"<!doctype html><p>Some words here.</p><p hidden>secret</p>",
    }
    found = {name: open_bytes(data, name, folder) for name, data in items.items()}
    for name, arguments in {
        "film": {"seconds": 4.0},
        "silent film": {"seconds": 2.0, "sound": False},
        "one frame": {"seconds": 0.1, "sound": False},
    }.items():
        found[name] = open_path(making.film(folder / f"{name}.mp4", **arguments))  # type: ignore[arg-type]
    return found


NAMES = ["jpeg", "png", "flat", "tiny", "one pixel", "thin", "grey", "coarse", "sound", "silence", "click", "44.1 kHz"]
NAMES += ["text", "word", "page", "film", "silent film", "one frame"]


def inspect(detector: Detector, scene: OpenScene) -> Finding:
    return detector.inspect(scene, INFER)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)
def test_identity(detector: Detector) -> None:
    assert isinstance(detector, Detector)
    assert detector.name.isidentifier()
    assert detector.version
    assert detector.kinds
    assert detector.policies
    assert detector.reference, "a method stands on a paper or a standard"
    assert set(detector.title) == LANGUAGES
    assert (type(detector).__doc__ or "").strip()
    assert isinstance(detector, Method)
    assert all(set(texts) == LANGUAGES for texts in detector.sentences.values())
    for model in detector.models:
        assert INFER.version(model)


def test_names_are_unique_and_every_file_is_registered() -> None:
    names = [d.name for d in DETECTORS]
    assert len(names) == len(set(names))
    modules = {type(d).__module__.rsplit(".", 1)[1] for d in DETECTORS}
    present = {
        entry.name.removesuffix(".py")
        for entry in files("veriscope.detectors").iterdir()
        if entry.name.endswith(".py") and not entry.name.startswith("_")
    }
    assert present - {"base", "registry", "imported", "trial", "drift"} == modules


@pytest.mark.parametrize("name", NAMES)
def test_on_every_medium(name: str, media: dict[str, Media], child: DecodeChild) -> None:
    item = media[name]
    for detector in (d for d in DETECTORS if item.kind in d.kinds):
        findings = []
        for _ in range(2):
            with open_scene(item, Options(), child=child, infer=INFER) as scene:
                findings.append(inspect(detector, scene))
        finding, again = findings
        where = f"{detector.name} on {name}"
        assert finding == again, f"{where}: two runs differ"
        assert finding.detector == detector.name, where
        assert finding.signal is detector.signal, where
        assert finding.reason not in {Reason.FAILED, Reason.MODEL_MISSING}, where
        assert set(finding.summary) == LANGUAGES, where
        assert all(text.strip() and "{" not in text for text in finding.summary.values()), where
        if finding.score is None:
            assert finding.reason is not None, where
        if finding.raw is not None:
            assert np.isfinite(finding.raw), where
        assert 0 <= finding.reliability.value <= 1, where
        if finding.heatmap is not None:
            assert finding.heatmap.dtype == np.float32, where
            assert finding.heatmap.ndim == 2, where
            assert np.isfinite(finding.heatmap).all(), where
            assert 0 <= finding.heatmap.min() <= finding.heatmap.max() <= 1, where
        for region in finding.regions:
            assert region.width > 0, where
            assert region.height > 0, where
        for span in finding.spans:
            assert 0 <= span.start <= span.end, where
        json.dumps([dict(finding.parameters), dict(finding.measurements)], allow_nan=False)


@pytest.mark.parametrize("detector", [d for d in DETECTORS if Kind.VIDEO in d.kinds], ids=lambda d: d.name)
def test_a_watch_may_see_nothing(detector: Detector, media: dict[str, Media], child: DecodeChild) -> None:
    """A video of which no frame was sampled must end in an abstention, not in a failure."""
    if not isinstance(detector, FrameDetector):
        pytest.skip("looks at no frames")
    with open_scene(media["film"], Options(), child=child, infer=INFER) as scene:
        assert detector.watch(scene, INFER).finish().score is None


def test_calibration_names_only_detectors_that_exist() -> None:
    table = json.loads(files("veriscope.detectors").joinpath("calibration.json").read_text("utf-8"))
    known = {f"{d.name}@{d.version}" for d in DETECTORS}
    kinds = {k.value for k in Kind}
    for key, entry in table.items():
        name, _, kind = key.partition("/")
        assert name in known, key
        assert not kind or kind in kinds, key
        assert entry["slope"] >= 0, key
        assert 0 <= entry["floor"] < entry["ceiling"] <= 1, key
        assert entry["basis"], key
    assert set(itertools.chain.from_iterable(entry for entry in table.values())) <= {
        "slope",
        "offset",
        "floor",
        "ceiling",
        "reliability",
        "basis",
        "share",
    }
