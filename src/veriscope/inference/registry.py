"""Which networks exist: a manifest each, and the file it describes, checked against its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from veriscope.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Manifest:
    """One network. ``source`` says where its file comes from; ``symbolic`` that its declared sizes are to be freed."""

    name: str
    version: str
    task: str
    sha256: str
    input: str
    output: str
    licence: str
    source: Mapping[str, str]
    reference: str = ""
    trained_on: str = ""
    symbolic: bool = False


def weights_folder() -> Path:
    """Where the package keeps the files of its own networks."""
    return Path(str(files("veriscope.inference"))) / "weights"


@cache
def manifests() -> Mapping[str, Manifest]:
    """Every network that the package knows, by name."""
    found: dict[str, Manifest] = {}
    for entry in sorted(files("veriscope.inference").joinpath("manifests").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            facts: dict[str, Any] = yaml.safe_load(entry.read_text("utf-8"))
            found[facts["name"]] = Manifest(**facts)
    return found


class Registry:
    """Networks in one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or weights_folder()

    def manifest(self, name: str) -> Manifest:
        try:
            return manifests()[name]
        except KeyError:
            raise ModelUnavailable(f"There is no network called {name}.") from None

    def path(self, name: str) -> Path:
        return self.folder / f"{self.manifest(name).name}.onnx"

    def read(self, name: str) -> bytes:
        """The file's bytes.

        Raises:
            ModelUnavailable: it is absent, or not the file that the manifest describes.
        """
        path, manifest = self.path(name), self.manifest(name)
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise ModelUnavailable(f"The network {name} is not installed.") from exc
        if hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise ModelUnavailable(f"The file of the network {name} is not the one its manifest describes.")
        return data

    def health(self) -> dict[str, str]:
        """``ready``, or why not, for each network."""
        state: dict[str, str] = {}
        for name in manifests():
            try:
                self.read(name)
                state[name] = "ready"
            except ModelUnavailable as exc:
                state[name] = exc.message
        return state
