"""Every route is in the guide."""

from __future__ import annotations

import re
from pathlib import Path

from veriscope.api.app import create_app
from veriscope.config import load

ROOT = Path(__file__).resolve().parents[2]


def test_every_route_is_documented(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "api.md").read_text("utf-8")
    paths = create_app(load(data_dir=tmp_path)).openapi()["paths"]
    assert len(paths) > 20
    missing = [path for path in paths if re.sub(r"{\w+}", "{}", path) not in re.sub(r"{\w+}", "{}", guide)]
    assert not missing
