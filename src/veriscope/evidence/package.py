"""The evidence package: report, pictures and a manifest with the hash of every file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from veriscope.evidence.artifacts import artifacts
from veriscope.evidence.html import html_report
from veriscope.evidence.pdf import pdf_report
from veriscope.evidence.schema import SCHEMA_VERSION, public
from veriscope.types import Report

MANIFEST = "manifest.json"


def write_evidence(report: Report, folder: Path, lang: str = "en") -> list[Path]:
    """Writes ``report.json``, ``report.html``, ``report.pdf``, ``artifacts/*`` and ``manifest.json`` into ``folder``.

    The links in ``report.json`` are relative to the folder. The manifest names every other file with its size
    and SHA-256, so that a later change to any of them shows. Names come from detectors and frame numbers,
    never from the sender.

    Returns:
        The files written, the manifest last.

    Raises:
        OSError: the folder cannot be made or written.
    """
    files = {f"artifacts/{made.name}": made.data for made in artifacts(report)}
    files["report.html"] = html_report(report, lang).encode()
    files["report.pdf"] = pdf_report(report, lang)
    files["report.json"] = public(report, lang, base=".").model_dump_json(indent=2).encode()
    manifest = {
        "schemaVersion": SCHEMA_VERSION,
        "analysisId": report.id,
        "timestamp": report.timestamp,
        "mediaSha256": report.media.sha256,
        "files": [
            {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())
        ],
    }
    files[MANIFEST] = json.dumps(manifest, indent=2).encode()
    written = []
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    return written
