"""What a network says of itself: a YAML file beside its ONNX file, read strictly and explained where it is wrong."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from veriscope.errors import BadModel

KINDS_OF_SOURCE: Mapping[str, frozenset[str]] = {
    "package": frozenset(),
    "pypi": frozenset({"package", "version", "member"}),
    "https": frozenset({"url"}),
    "s3": frozenset({"bucket", "key"}),
    "file": frozenset({"path"}),
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST = 1 << 20  # bytes of a manifest
WEIGHTS, MANIFEST = "model.onnx", "manifest.yaml"  # names of files in the folder of a version
TAKEN = frozenset({WEIGHTS, MANIFEST})


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of one network.

    ``input``, ``output`` and ``preprocessing`` are sentences or free mappings for networks that have code of their
    own; those of the tasks in ``inference.imported`` are mappings that say how to feed and to read them.
    ``calibration`` turns the network's log-odds into a probability: ``{temperature}`` or ``{slope, offset}``, with
    ``reliability`` and ``basis`` where they were measured. ``source`` says where its file comes from, ``assets`` which
    files travel with it; ``symbolic`` that its declared sizes are to be freed; ``padding`` with what each input may be
    filled up along its free axes without a change of the answer, so that unequal items can share a batch; ``reuse`` up
    to how many bytes of input its working memory is kept for the next run: fresh memory for every frame of a film costs
    a third of the run, while that of one large picture should not be held.
    """

    name: str
    version: str
    task: str
    sha256: str
    input: str | Mapping[str, Any]
    output: str | Mapping[str, Any]
    licence: str
    source: Mapping[str, Any]
    reference: str = ""
    trained_on: str = ""
    symbolic: bool = False
    padding: Mapping[str, float] = field(default_factory=dict)
    reuse: int = 0
    preprocessing: str | Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # key → {file, sha256}
    calibration: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | None = None  # probability at which its makers speak of a forgery; shown, never applied
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of every file of this network, by the name of the file; ``""`` is the network itself."""
        return {"": self.sha256, **{entry["file"]: entry["sha256"] for entry in self.assets.values()}}


def parse(facts: object, where: str) -> Manifest:
    """A manifest from what YAML gave.

    Raises:
        BadModel: a field is missing, unknown or malformed; the message names it.
    """
    if not isinstance(facts, Mapping):
        raise BadModel(f"{where} is no manifest: it holds no fields.")
    known = {f.name: f for f in dataclasses.fields(Manifest)}
    needed = {n for n, f in known.items() if f.default is f.default_factory is dataclasses.MISSING}
    for name in facts:
        if name not in known:
            raise BadModel(f"{where}: there is no field called {name}.")
    for name in sorted(needed - set(facts)):
        raise BadModel(f"{where}: the field {name} is missing.")
    manifest = Manifest(**{**facts, "version": str(facts["version"])})  # 1.10 without quotes is a number to YAML
    _check(manifest, where)
    return manifest


def load(path: Path) -> Manifest:
    """The manifest in a YAML file. Raises ``BadModel``."""
    return parse(read(path), path.name)


def read(path: Path) -> dict[str, Any]:
    """The fields of a YAML file, unchecked. Raises ``BadModel`` when there are none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise BadModel(f"{path.name} is too large for a manifest.")
        facts = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise BadModel(f"The manifest {path.name} cannot be read: {' '.join(str(exc).split())[:200]}.") from exc
    if not isinstance(facts, dict):
        raise BadModel(f"{path.name} is no manifest: it holds no fields.")
    return facts


def dump(manifest: Manifest) -> str:
    """The manifest as YAML; fields that say nothing are left out."""
    facts = {n: v for n, v in dataclasses.asdict(manifest).items() if v not in ("", {}, None, False)}
    return yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=118)


@cache
def manifests() -> Mapping[str, Manifest]:
    """Every network that the package knows, by name."""
    folder = files("veriscope.inference").joinpath("manifests")
    entries = sorted((e for e in folder.iterdir() if e.name.endswith(".yaml")), key=lambda e: e.name)
    found = (parse(yaml.safe_load(entry.read_text("utf-8")), entry.name) for entry in entries)
    return {manifest.name: manifest for manifest in found}


def _check(m: Manifest, where: str) -> None:
    def must(fine: bool, message: str) -> None:
        if not fine:
            raise BadModel(f"{where}: {message}.")

    must(_fits(_NAME, m.name), "name takes small letters, digits, - and _")
    must(_fits(_VERSION, m.version) and m.version != "off", "version takes letters, digits, dots, + and -; not off")
    must(_fits(_DIGEST, m.sha256), "sha256 must be 64 hexadecimal digits")
    for name in ("task", "licence", "reference", "trained_on"):
        must(isinstance(getattr(m, name), str), f"{name} must be a text")
    for name in ("input", "output", "preprocessing"):
        must(isinstance(getattr(m, name), str | Mapping), f"{name} must be a text or have fields of its own")
    for name in ("source", "assets", "calibration", "metrics", "padding"):
        must(isinstance(getattr(m, name), Mapping), f"{name} must have fields of its own")
    must(isinstance(m.symbolic, bool), "symbolic must be true or false")
    must(all(_number(value) for value in m.padding.values()), "padding takes a number for each input")
    must(_number(m.reuse) and m.reuse >= 0, "reuse must be a number of bytes")
    must(m.threshold is None or (_number(m.threshold) and 0 < m.threshold < 1), "threshold must lie between 0 and 1")
    _check_source(m, must)
    assets: Mapping[str, Any] = m.assets
    for key, entry in assets.items():
        fine = isinstance(entry, Mapping) and set(entry) == {"file", "sha256"} and entry["file"] not in TAKEN
        must(fine and _fits(_FILE, entry["file"]), f"assets.{key} needs file (a name without folders) and sha256")
        must(_fits(_DIGEST, entry["sha256"]), f"assets.{key}.sha256 must be 64 hexadecimal digits")
    _check_calibration(m.calibration, must)


def _check_source(m: Manifest, must: Any) -> None:
    kind = m.source.get("kind")
    must(kind in KINDS_OF_SOURCE, f"source.kind must be one of {', '.join(KINDS_OF_SOURCE)}")
    for name in sorted(KINDS_OF_SOURCE[str(kind)]):
        must(bool(m.source.get(name)), f"source.{name} is missing")
    if kind == "pypi":  # both become arguments of pip
        for name in ("package", "version"):
            must(_fits(_PINNED, m.source[name]), f"source.{name} is no {name}")
    if kind == "https":
        must(str(m.source["url"]).startswith("https://"), "source.url must begin with https://")


def _check_calibration(facts: Mapping[str, Any], must: Any) -> None:
    known = {"temperature", "slope", "offset", "floor", "ceiling", "reliability", "basis", "share"}
    for name, value in facts.items():
        must(name in known, f"calibration has no field called {name}")
        must(name == "basis" or _number(value), f"calibration.{name} must be a number")
    if facts:
        must(("temperature" in facts) != ("slope" in facts), "calibration takes either temperature or slope and offset")
        must(facts.get("temperature", 1.0) > 0, "calibration.temperature must be above 0")
        for name in ("floor", "ceiling", "reliability", "share"):
            must(0 <= facts.get(name, 0.5) <= 1, f"calibration.{name} must lie in [0, 1]")


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
