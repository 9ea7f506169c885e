"""Fixtures for all tests. Nothing here fakes a part of Veriscope."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The real media, or a skip that says why (in CI their absence is a failure)."""
    folder = Path(os.environ.get("VERISCOPE_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not (folder / "README.md").is_file():
        message = f"no test media in {folder}: set VERISCOPE_DATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
