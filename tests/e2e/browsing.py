"""A real browser before the real service."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, BrowserContext, Page, expect  # noqa: E402

WAIT = 90_000  # milliseconds; two cores share everything
OBJECT_URL = re.compile("^blob:")


def missing(reason: str) -> None:
    """Skip on a developer's machine; in CI the page must be tested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    binary = next((found for name in names if (found := shutil.which(name))), None)
    if binary is None:
        missing("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=binary, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[str]:
    """``veriscope serve`` on a free port with a data folder of its own; its address."""
    if not (Path(str(files("veriscope"))) / "web" / "index.html").is_file():
        missing("the page is not built: make page")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
    (folder / "veriscope.yaml").write_text(yaml.safe_dump(settings))
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "veriscope.cli", "serve", "--port", "0", "--data-dir", str(folder / "data")],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "ready at" in line, (folder / "log.txt").read_text()
            yield line.split()[-1]
        finally:
            process.terminate()
            process.wait(60)
            if process.stdout is not None:
                process.stdout.close()


class Watched:
    """A page together with everything it must not do."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.address = address
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        context.on("request", self._asked)
        self.page.set_default_timeout(WAIT)

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    def _asked(self, request: Any) -> None:
        self.requested.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in {"blob", "data"} and f"{parts.scheme}://{parts.netloc}" != self.address:
            self.foreign.append(request.url)

    def open(self, route: str = "#/") -> Page:
        self.page.goto(f"{self.address}/{route}")
        self.page.wait_for_selector("h1")
        return self.page

    def hand_in(self, *paths: Path) -> None:
        self.page.set_input_files("input[type=file]", [str(path) for path in paths])

    def done(self, name: str) -> Any:
        card = self.page.locator(".card", has_text=name)
        expect(card).to_have_class("card card-done", timeout=WAIT)
        return card

    def check(self, allowed: tuple[str, ...] = ()) -> None:
        assert [fault for fault in self.faults if not any(part in fault for part in allowed)] == []
        assert self.foreign == []
