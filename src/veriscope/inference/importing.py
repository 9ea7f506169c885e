"""Let an organisation's own network in: read its manifest, check its file, and ask it once before anybody relies on it.

A retrained version of a network that the package brings has to take and give what the shipped one does. Any other
network has to be of a task in ``feeding.TASKS``, and is fed made-up media exactly as real ones will be.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from veriscope.errors import BadModel, Conflict, InferenceFailed, ModelUnavailable
from veriscope.inference import feeding, tokens
from veriscope.inference import manifest as manifests_
from veriscope.inference.feeding import Feeding, Inputs
from veriscope.inference.manifest import MANIFEST, WEIGHTS, Manifest, manifests
from veriscope.inference.onnx import open_session
from veriscope.inference.registry import Registry
from veriscope.inference.sources import fetch
from veriscope.inference.symbolic import free_sizes

LARGEST = 2 << 30  # bytes: protobuf, and so a network in one file, holds no more
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
}
_SAMPLE_TEXT = "The minister said on Monday that nothing of the kind had happened. Bộ trưởng bác bỏ tin này. " * 40


def take_in(
    registry: Registry,
    manifest_file: Path,
    onnx: Path | None = None,
    task: str | None = None,
    reserved: Collection[str] = (),
) -> Manifest:
    """Check a network and put it beside the others; the first version of a name becomes active.

    Args:
        registry: with a folder of the organisation's own.
        manifest_file: its YAML; ``sha256`` and ``source`` may be left out when ``onnx`` is given.
        onnx: the network; without it, it is fetched from the manifest's source. Assets are looked for beside it,
            and then beside the manifest.
        task: the task, if the manifest does not say it.
        reserved: names that no network may take.

    Raises:
        BadModel: the manifest, the file or an answer in the dry run is wrong; the message says what.
        Conflict: this version exists with other contents.
        ModelUnavailable: the source does not give the file.
    """
    if registry.own is None:
        raise ModelUnavailable("There is no folder for the organisation's own networks.")
    manifest = _manifest(manifest_file, onnx, task)
    if manifest.name.replace("-", "_") in reserved:
        raise BadModel(f"The name {manifest.name} belongs to a method; choose another one.")
    known = registry.catalogue().versions.get(manifest.name, {})
    if (same := known.get(manifest.version)) is not None:
        if same.digests == manifest.digests and same == replace(manifest, source=same.source):
            return same
        raise Conflict(f"{manifest.label} exists with other contents.", hint="Give the new one another version.")
    registry.own.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=registry.own, prefix=".import-") as scratch:
        folder = Path(scratch) / manifest.version
        folder.mkdir()
        _gather(manifest, folder, onnx, manifest_file)
        try_out(manifest, folder, registry)
        (folder / MANIFEST).write_text(manifests_.dump(manifest), "utf-8")
        home = registry.own / manifest.name / manifest.version
        home.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            folder.rename(home)
        except OSError as exc:
            raise Conflict(f"{manifest.label} is there already.") from exc
    registry.refresh()
    if not known:
        registry.reroute(manifest.name, lambda route: route.activated(manifest.version))
    return manifest


def _manifest(file: Path, onnx: Path | None, task: str | None) -> Manifest:
    facts = manifests_.read(file)
    if task is not None and facts.setdefault("task", task) != task:
        raise BadModel(f"The manifest says the task {facts['task']}, not {task}.")
    if onnx is not None:
        facts.setdefault("source", {"kind": "file", "path": str(onnx.absolute())})
        try:
            if onnx.stat().st_size > LARGEST:
                raise BadModel(f"{onnx.name} is larger than {LARGEST >> 20} MiB.")
            with onnx.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as exc:
            raise BadModel(f"{onnx.name} cannot be read: {exc.strerror}.") from exc
        if facts.setdefault("sha256", digest) != digest:
            raise BadModel(
                f"{onnx.name} is not the file that the manifest describes.",
                hint=f"It has the SHA-256 {digest}, the manifest says {facts['sha256']}.",
            )
    return manifests_.parse(facts, file.name)


def _gather(manifest: Manifest, folder: Path, onnx: Path | None, manifest_file: Path) -> None:
    """Bring every file of the network into ``folder``, checked."""
    for file, sha256 in manifest.digests.items():
        target = folder / (file or WEIGHTS)
        beside = [onnx.parent, manifest_file.parent] if onnx is not None else [manifest_file.parent]
        here = onnx if not file else next((p / file for p in beside if (p / file).is_file()), None)
        if here is None and onnx is not None:
            raise BadModel(f"The file {file} is neither beside the network nor beside the manifest.")
        if here is None:
            fetch(manifest, file, target)
            continue
        shutil.copyfile(here, target)
        with target.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest != sha256:
            raise BadModel(
                f"{here.name} is not the file that the manifest describes.",
                hint=f"It has the SHA-256 {digest}, the manifest says {sha256}.",
            )


def try_out(manifest: Manifest, folder: Path, registry: Registry) -> None:
    """The dry run: what the network takes and gives, and two answers. Raises ``BadModel`` with the reason."""
    session = _opened((folder / WEIGHTS).read_bytes(), manifest)
    shipped = manifests().get(manifest.name)
    if shipped is not None:
        reference = _opened(registry.read(shipped.name, shipped.version), shipped)
        _same(session.get_inputs(), reference.get_inputs(), manifest, "takes")
        _same(session.get_outputs(), reference.get_outputs(), manifest, "gives")
        return
    f = feeding.feeding(manifest)
    _compare(f, session, manifest)
    for inputs in _samples(f, manifest, folder):
        try:
            outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs), strict=True))
        except Exception as exc:  # onnxruntime's exceptions share no base class
            reason = " ".join(str(exc).split())[:300]
            raise BadModel(f"{manifest.label} does not run on the declared input: {reason}.") from exc
        try:
            feeding.read(f, outputs)
        except InferenceFailed as exc:
            raise BadModel(f"{manifest.label}: {exc.message}") from exc


def _opened(data: bytes, manifest: Manifest) -> ort.InferenceSession:
    try:
        return open_session(free_sizes(data) if manifest.symbolic else data)
    except Exception as exc:
        reason = " ".join(str(exc).split())[:300]
        raise BadModel(f"{manifest.label} does not load: {reason}.") from exc


def _compare(f: Feeding, session: ort.InferenceSession, manifest: Manifest) -> None:
    """What the manifest declares against what the file declares."""
    found = {value.name: value for value in session.get_inputs()}
    if set(found) != set(f.inputs):
        raise BadModel(f"{manifest.label} takes {_list(found)}; the manifest says {_list(f.inputs)}.")
    for name, tensor in f.inputs.items():
        dtype = _DTYPES.get(found[name].type, found[name].type)
        if dtype != tensor.dtype:
            raise BadModel(f"{manifest.label}: the input {name} is {dtype}; the manifest says {tensor.dtype}.")
        shape = found[name].shape
        fits = len(shape) == len(tensor.shape) and all(
            not isinstance(real, int) or real == said for real, said in zip(shape, tensor.shape, strict=True)
        )
        if not fits:
            raise BadModel(
                f"{manifest.label}: the input {name} has the shape {_shape(shape)}; "
                f"the manifest says {_shape(tensor.shape)}."
            )
    missing = set(f.outputs) - {o.name for o in session.get_outputs()}
    if missing:
        given = _list([o.name for o in session.get_outputs()])
        raise BadModel(f"{manifest.label} gives {given}; the manifest also says {_list(missing)}.")


def _same(found: Any, wanted: Any, manifest: Manifest, verb: str) -> None:
    a = {v.name: (v.type, len(v.shape)) for v in found}
    b = {v.name: (v.type, len(v.shape)) for v in wanted}
    if a != b:
        raise BadModel(
            f"{manifest.label} {verb} {_list(a)} where the shipped version {verb} {_list(b)}, or other types."
        )


def _samples(f: Feeding, manifest: Manifest, folder: Path) -> list[Inputs]:
    """Two media made up, prepared as real ones will be: one longer or larger than the network's window, one smaller."""
    random = np.random.default_rng(0)
    if f.task == "text":
        key = tokens.asset_of(manifest)
        tokenizer = tokens.tokenizer(f, key, (folder / manifest.assets[key]["file"]).read_bytes())
        return [*feeding.words(f, tokenizer, _SAMPLE_TEXT)[:2], *feeding.words(f, tokenizer, "Three short words.")]
    if f.task == "audio":
        noise: NDArray[np.float32] = random.normal(0, 0.1, 20 * feeding.RATE).astype(np.float32)
        return [*feeding.sound(f, noise)[:2], *feeding.sound(f, noise[: feeding.RATE // 2])]
    sizes = ((480, 640), (97, 61)) if f.task != "face-forgery" else ((feeding.face_side(f),) * 2,) * 2
    return [feeding.picture(f, random.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]


def _list(names: Collection[str] | Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _shape(shape: Collection[int | str | None]) -> str:
    return "[" + ", ".join("any" if not isinstance(side, int) else str(side) for side in shape) + "]"
