"""A report survives being stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from veriscope.analysis import Examiner, analyse
from veriscope.errors import NotFound
from veriscope.evidence.html import html_report
from veriscope.store.codec import decode, encode
from veriscope.types import Options, Report

from tests.making import encoded, photo, tone, wav


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    with Examiner() as examiner:
        return [
            analyse(encoded(photo()), name="a.jpg", options=Options(caption="Chú thích"), examiner=examiner),
            analyse(wav(tone()), name="a.wav", examiner=examiner),
            analyse(text="Scientists were stunned by this one simple trick.", examiner=examiner),
        ]


def plain(report: Report) -> Report:
    """The report without what is reduced on purpose."""
    findings = tuple(replace(f, heatmap=None, views=()) for f in report.findings)
    return replace(report, findings=findings, exhibits=replace(report.exhibits, preview=None, views=(), peaks=None))


def test_nothing_is_lost_but_resolution(reports: list[Report]) -> None:
    for report in reports:
        again = decode(encode(report, 1280))
        assert plain(again) == plain(report)
        for before, after in zip(report.findings, again.findings, strict=True):
            assert (before.heatmap is None) == (after.heatmap is None)
            if before.heatmap is not None and after.heatmap is not None:
                assert np.abs(np.clip(before.heatmap, 0, 1) - after.heatmap).max() <= 0.5 / 255 + 1e-6
        before_exhibits, after_exhibits = report.exhibits, again.exhibits
        assert (before_exhibits.preview is None) == (after_exhibits.preview is None)
        if before_exhibits.preview is not None and after_exhibits.preview is not None:
            assert after_exhibits.preview.shape == before_exhibits.preview.shape
            # red and blue are not exchanged, and it is the same picture
            error = after_exhibits.preview.astype(float) - before_exhibits.preview
            assert np.abs(error).mean() < 6
        if before_exhibits.peaks is not None:
            assert np.array_equal(before_exhibits.peaks, after_exhibits.peaks)  # type: ignore[arg-type]


def test_large_maps_are_reduced(reports: list[Report]) -> None:
    again = decode(encode(reports[0], 64))
    assert again.exhibits.preview is not None
    assert max(again.exhibits.preview.shape[:2]) == 64


def test_it_can_still_be_printed(reports: list[Report]) -> None:
    for report in reports:
        assert report.media.sha256 in html_report(decode(encode(report, 1280)))


@pytest.mark.parametrize("data", [b"", b"VSR1", b"VSR1\x00\x00\x00\x02[]", b"VSR1\xff\xff\xff\xff{}", b"\x80\x04."])
def test_what_is_no_stored_report_is_not_found(data: bytes) -> None:
    with pytest.raises(NotFound):
        decode(data)


def test_only_our_own_types_come_to_life(tmp_path: Path) -> None:
    evil = b'{"$type": "Popen", "args": ["touch", "x"]}'
    with pytest.raises(NotFound):
        decode(b"VSR1" + len(evil).to_bytes(4, "big") + evil)
    evil = b'{"$init__": 1}'
    with pytest.raises(NotFound):
        decode(b"VSR1" + len(evil).to_bytes(4, "big") + evil)
