from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from veriscope.evidence.pdf import pdf_report
from veriscope.types import Report


def inflated(pdf: bytes) -> bytes:
    """The file with every Flate stream unpacked."""
    parts = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"".join(parts)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", inflated(pdf)))


@pytest.mark.parametrize(("name", "lang"), [("image_report", "en"), ("video_report", "vi"), ("text_report", "vi")])
def test_pdf_has_pages_and_no_active_content(name: str, lang: str, request: pytest.FixtureRequest) -> None:
    pdf = pdf_report(request.getfixturevalue(name), lang)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert pages(pdf) >= 2
    for active in (b"/JavaScript", b"/OpenAction", b"/Launch", b"/URI"):
        assert active not in inflated(pdf)


def test_markup_in_names_is_set_as_text(image_report: Report) -> None:
    # Were the name evaluated, the unknown function or the page break would fail or add a page.
    plain = replace(image_report, media=replace(image_report.media, name="x" * 40 + ".jpg"))
    nasty = replace(image_report, media=replace(image_report.media, name='#pagebreak() $x$ *b* #panic("no") \\ "'))
    assert pages(pdf_report(nasty)) == pages(pdf_report(plain))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_text_can_be_copied_out(video_report: Report, tmp_path: Path) -> None:
    (tmp_path / "r.pdf").write_bytes(pdf_report(video_report, "vi"))
    said = subprocess.run(["pdftotext", tmp_path / "r.pdf", "-"], capture_output=True, check=True).stdout.decode()
    assert "Mức rủi ro 71 trên 100" in said
    assert "ab" * 16 in said.replace("\n", "").replace("\u200b", "")
