"""The wheel carries the page and the networks, and works in an environment that has never seen the source."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests import making

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_what_is_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "veriscope/web/index.html",
        "veriscope/inference/weights/centerface.onnx",
        "veriscope/inference/weights/silero_vad.onnx",
        "veriscope/inference/manifests/centerface.yaml",
        "veriscope/detectors/calibration.json",
        "veriscope/fusion.yaml",
        "veriscope/store/migrations/versions/m0001_first.py",
    ):
        assert wanted in names
    assert any(re.search(r"LICENSE$", n) for n in names)
    assert any(re.search(r"NOTICE$", n) for n in names)


def test_it_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    # the libraries are those of this environment: what is tested is the wheel, not the package index
    target = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    libraries = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    own = Path(target) / "veriscope"
    (Path(target) / "libraries.pth").write_text(libraries + "\n")
    photo = tmp_path / "a.jpg"
    photo.write_bytes(making.encoded(making.photo()))
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("VERISCOPE", "PYTHON"))},
        "VERISCOPE_DATA_DIR": str(tmp_path / "data"),
    }
    where = [python, "-c", "import veriscope; print(veriscope.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment).stdout
    assert Path(found.strip()).parent == own
    done = subprocess.run(
        [python, "-m", "veriscope.cli", "analyze", "--json", photo],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mediaType"] == "image"
    server = subprocess.Popen(
        [python, "-m", "veriscope.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    with server:
        try:
            assert server.stdout is not None
            address = next(m.group(0) for line in server.stdout if (m := re.search(r"http://[\d.:]+", line)))
            with urllib.request.urlopen(address, timeout=20) as page:
                assert b"<script" in page.read()
        finally:
            server.terminate()
            server.wait(30)
