"""The report as PDF, set by Typst. The data goes in as JSON and pictures, never as markup."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import typst

from veriscope.evidence.document import document
from veriscope.evidence.drawing import timeline_svg
from veriscope.types import Report

INK = "#1d2126"


def lay_out(report: Report, lang: str, root: Path) -> Path:
    """Writes template, data and pictures under ``root``; returns the file to compile."""
    data, pictures = document(report, lang)
    drawing = timeline_svg(report, lang, colour=INK)
    data |= {"sha256": f"SHA-256 {report.media.sha256}", "timeline": drawing is not None}
    (root / "pictures").mkdir()
    for name, made in pictures.items():
        (root / "pictures" / name).write_bytes(made.data)
    if drawing is not None:
        (root / "timeline.svg").write_text(drawing, "utf-8")
    (root / "data.json").write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), "utf-8")
    template = root / "report.typ"
    template.write_bytes(files("veriscope.evidence").joinpath("templates", "report.typ").read_bytes())
    return template


def pdf_report(report: Report, lang: str = "en") -> bytes:
    """The whole report as PDF. Libertinus, which comes with Typst, covers English and Vietnamese."""
    with tempfile.TemporaryDirectory(prefix="veriscope-pdf-") as folder:
        root = Path(folder)
        template = lay_out(report, lang, root)
        # The date of the analysis, not of the printing: the same report gives the same bytes.
        moment = int(datetime.fromisoformat(report.timestamp).timestamp())
        return bytes(typst.compile(str(template), root=str(root), format="pdf", timestamp=moment))
