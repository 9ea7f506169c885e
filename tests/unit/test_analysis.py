"""The whole path on small real media."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from veriscope.analysis import Examiner, analyse
from veriscope.detectors.base import Method
from veriscope.detectors.registry import DETECTORS
from veriscope.errors import BadRequest, Cancelled, DamagedMedia, UnsupportedKind
from veriscope.media.intake import open_path
from veriscope.types import Finding, Infer, Kind, Label, Options, Policy, Reason, Scene, Signal

from tests import making


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    with Examiner() as examiner:
        yield examiner


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.film(tmp_path_factory.mktemp("film") / "x.mp4", 4.0)


def test_a_picture(examiner: Examiner) -> None:
    stages: list[tuple[str, float]] = []
    report = analyse(
        making.encoded(making.photo(), quality=90),
        name="a.jpg",
        examiner=examiner,
        progress=lambda stage, fraction: stages.append((stage, fraction)),
    )
    assert report.media.kind is Kind.IMAGE
    assert report.media.name == "a.jpg"
    assert report.complete
    assert report.coverage.analysed == report.coverage.total == 320 * 240
    assert {f.detector for f in report.findings} == {
        d.name for d in DETECTORS if Kind.IMAGE in d.kinds and d.signal is not Signal.TEXT
    }
    assert report.exhibits.preview is not None
    assert stages[0][0] == "decode"
    assert stages[-1] == ("fuse", 1.0)
    assert all(0 <= fraction <= 1 for _, fraction in stages)


def test_pixels_alone_are_upright_and_bad_ones_refused(examiner: Examiner, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(making.encoded(making.photo(96, 64), "PNG"))
    assert np.array_equal(examiner.pixels(open_path(path)), making.photo(96, 64))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DamagedMedia):
        examiner.pixels(open_path(path))


def test_the_same_picture_twice_gives_the_same_findings(examiner: Examiner) -> None:
    data = making.encoded(making.photo(seed=3), quality=85)
    one, two = (analyse(data, examiner=examiner) for _ in range(2))
    assert one.findings == two.findings
    assert one.assessment == two.assessment


def test_a_caption_is_examined_with_its_picture(examiner: Examiner) -> None:
    report = analyse(
        making.encoded(making.photo()), options=Options(caption="Words about a picture. " * 20), examiner=examiner
    )
    assert Signal.TEXT in {f.signal for f in report.findings}


def test_a_region_is_a_region(examiner: Examiner) -> None:
    data = making.encoded(making.photo())
    report = analyse(data, options=Options(region=(10, 10, 100, 90)), examiner=examiner)
    assert report.coverage.total == 320 * 240
    assert 100 * 90 <= report.coverage.analysed <= 112 * 104
    with pytest.raises(BadRequest):
        analyse(data, options=Options(region=(400, 0, 10, 10)), examiner=examiner)


def test_a_video(examiner: Examiner, video: Path) -> None:
    report = analyse(video, examiner=examiner)
    assert report.coverage.unit == "seconds"
    assert report.coverage.frames == 4
    assert report.coverage.analysed == pytest.approx(4.0, abs=0.2)
    assert len(report.exhibits.thumbnails) == 4
    assert report.exhibits.peaks is not None
    assert report.complete, [f for f in report.findings if f.error]


def test_a_part_of_a_video(examiner: Examiner, video: Path) -> None:
    report = analyse(video, options=Options(start=1.0, end=3.0, rate=2.0), examiner=examiner)
    assert report.coverage.frames == 4
    assert report.coverage.analysed == pytest.approx(2.0)
    with pytest.raises(BadRequest, match="behind the end"):
        analyse(video, options=Options(start=60.0), examiner=examiner)


def test_a_film_without_pictures_is_a_sound(examiner: Examiner, tmp_path: Path) -> None:
    report = analyse(making.film(tmp_path / "x.mp4", 2.0, picture=False), examiner=examiner)
    assert report.media.kind is Kind.AUDIO


def test_sound_and_text(examiner: Examiner) -> None:
    assert analyse(making.wav(making.tone(2.0)), examiner=examiner).media.kind is Kind.AUDIO
    report = analyse(text="One plain sentence after another. " * 30, examiner=examiner)
    assert report.media.kind is Kind.TEXT
    page = b"<!doctype html><script>evil()</script><p>Words that people read." + b" More words." * 20
    assert "evil" not in (analyse(page, examiner=examiner).exhibits.text or "")


def test_quick_leaves_out_and_says_so(examiner: Examiner) -> None:
    report = analyse(making.encoded(making.photo()), options=Options(Policy.QUICK), examiner=examiner)
    skipped = [f.detector for f in report.findings if f.reason is Reason.SKIPPED_BY_POLICY]
    assert skipped == [d.name for d in DETECTORS if d.name in skipped]
    assert {d.name for d in DETECTORS if Kind.IMAGE in d.kinds and Policy.QUICK not in d.policies} == set(skipped)


def test_pdf_and_damage_are_refused(examiner: Examiner) -> None:
    with pytest.raises(UnsupportedKind, match="PDF"):
        analyse(b"%PDF-1.4 ...", examiner=examiner)
    with pytest.raises(DamagedMedia):
        analyse(making.encoded(making.photo())[:900], examiner=examiner)
    with pytest.raises(BadRequest):
        analyse()


@pytest.mark.parametrize(
    "options", [Options(rate=0), Options(start=-1), Options(start=2, end=1), Options(edge_score=2)]
)
def test_senseless_options(examiner: Examiner, options: Options) -> None:
    with pytest.raises(BadRequest):
        analyse(making.encoded(making.photo(64, 64)), options=options, examiner=examiner)


def test_cancelling_stops_the_work_and_the_next_file_runs(examiner: Examiner, video: Path) -> None:
    def stop(stage: str, fraction: float) -> None:
        if stage == "detect" and fraction > 0:
            raise Cancelled("Stopped by its owner.")

    with pytest.raises(Cancelled):
        analyse(video, examiner=examiner, progress=stop)
    assert analyse(video, examiner=examiner).complete


class Broken(Method):
    name = "broken"
    signal = Signal.NOISE
    kinds = frozenset({Kind.IMAGE})

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        raise ZeroDivisionError("a bug")


def test_a_detector_that_breaks_is_shown_and_the_rest_stands() -> None:
    with Examiner(detectors=(*DETECTORS, Broken())) as examiner:
        report = analyse(making.encoded(making.photo()), examiner=examiner)
    broken = report.findings[-1]
    assert broken.reason is Reason.FAILED
    assert not report.complete
    assert report.assessment.label is not Label.AUTHENTIC
    assert len([f for f in report.findings if f.reason is Reason.FAILED]) == 1


def test_an_animation_says_that_its_first_picture_was_examined(examiner: Examiner) -> None:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    frames = [Image.fromarray(making.photo(80, 60, seed)) for seed in range(3)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert any("3 pictures" in note["en"] for note in analyse(buffer.getvalue(), examiner=examiner).notes)


def test_findings_are_plain_values() -> None:
    with Examiner() as examiner:
        report = analyse(making.encoded(making.photo()), examiner=examiner)
    for finding in report.findings:
        assert replace(finding) == finding
        if finding.heatmap is not None:
            assert finding.heatmap.dtype == np.float32
            assert 0 <= finding.heatmap.min() <= finding.heatmap.max() <= 1
