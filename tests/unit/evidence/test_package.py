from __future__ import annotations

import hashlib
import json
from pathlib import Path

from veriscope.evidence.package import write_evidence
from veriscope.types import Report


def test_manifest_names_every_file_with_its_hash(image_report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "case"
    written = write_evidence(image_report, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["mediaSha256"] == image_report.media.sha256
    on_disk = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert on_disk == {f["path"] for f in manifest["files"]} | {"manifest.json"}
    assert {str(p.relative_to(folder)) for p in written} == on_disk
    for entry in manifest["files"]:
        assert hashlib.sha256((folder / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]


def test_links_lead_to_the_files(image_report: Report, tmp_path: Path) -> None:
    write_evidence(image_report, tmp_path)
    evidence = json.loads((tmp_path / "report.json").read_text())["evidence"]
    assert (tmp_path / evidence["heatmaps"][0]["url"]).is_file()
    assert (tmp_path / evidence["preview"]["url"]).is_file()
    assert (tmp_path / evidence["report"]["html"]).is_file()
    assert (tmp_path / evidence["report"]["pdf"]).is_file()


def test_the_same_report_writes_the_same_bytes(video_report: Report, tmp_path: Path) -> None:
    write_evidence(video_report, tmp_path / "a")
    write_evidence(video_report, tmp_path / "b")
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
