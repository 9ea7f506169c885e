"""Which networks there are, in which versions, where their files lie, and who answers; every byte checked by SHA-256.

The package brings one version of each of its networks. An organisation's folder holds further versions and networks of
its own, ``NAME/VERSION/`` with ``manifest.yaml``, ``model.onnx`` and what travels with it, and says who answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from veriscope.errors import BadModel, BadRequest, ModelUnavailable
from veriscope.inference.manifest import MANIFEST, WEIGHTS, Manifest, load, manifests
from veriscope.inference.traffic import OFF, Route, Traffic

__all__ = ["Catalogue", "Manifest", "Registry", "VersionState", "manifests", "weights_folder"]

log = logging.getLogger(__name__)


def weights_folder() -> Path:
    """Where the package keeps the files of its own networks."""
    return Path(str(files("veriscope.inference"))) / "weights"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the registry knew at one moment. An examination works with one from beginning to end."""

    versions: Mapping[str, Mapping[str, Manifest]]
    routes: Mapping[str, Route] = field(default_factory=dict)

    def manifest(self, name: str, version: str | None = None) -> Manifest:
        """The manifest of a version; without one, of the version that is active.

        Raises:
            ModelUnavailable: there is no such network or version, or it is switched off.
        """
        found = self.versions.get(name)
        if not found:
            raise ModelUnavailable(f"There is no network called {name}.")
        version = version or self.active(name)
        if version == OFF:
            raise ModelUnavailable(f"The network {name} is switched off.", hint="Run 'veriscope models activate'.")
        if version not in found:
            raise ModelUnavailable(f"There is no version {version} of the network {name}.")
        return found[version]

    def active(self, name: str) -> str:
        """The version that answers for most, or ``OFF``."""
        packaged = manifests().get(name)
        route = self.routes.get(name, Route())
        return route.active or (packaged.version if packaged else OFF)

    def answering(self, name: str, content: str) -> str:
        """The version that answers for this content."""
        route = self.routes.get(name, Route())
        return route.pick(name, content) or self.active(name)

    def shadows(self, name: str) -> tuple[str, ...]:
        return tuple(v for v in self.routes.get(name, Route()).shadow if v in self.versions.get(name, {}))

    def packaged(self, manifest: Manifest) -> bool:
        """Whether this is the version that came with the package, which its detector was calibrated with."""
        return manifests().get(manifest.name) == manifest


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version as the operator sees it. ``state`` is ready, missing, damaged or failing; ``detail`` says why."""

    manifest: Manifest
    active: bool
    share: float  # of all media
    shadow: bool
    own: bool  # in the organisation's folder
    state: str
    detail: str = ""


class Registry:
    """The networks of the package in ``folder``, and an organisation's own in ``own``. Safe for threads."""

    def __init__(self, folder: Path | None = None, own: Path | None = None) -> None:
        self.folder = folder or weights_folder()
        self.own = own
        self._traffic = Traffic(own)
        self._lock = threading.Lock()
        self._seen: tuple[object, Catalogue] | None = None
        self._sums: dict[Path, tuple[object, str]] = {}

    # what there is

    def catalogue(self) -> Catalogue:
        """What is in force now; one ``stat`` when nothing has changed."""
        stamp = self._traffic.stamp()
        with self._lock:
            if self._seen is None or self._seen[0] != stamp:
                self._seen = (stamp, Catalogue(self._find(), self._traffic.routes()))
            return self._seen[1]

    def manifest(self, name: str, version: str | None = None) -> Manifest:
        """Raises ``ModelUnavailable`` when there is none."""
        return self.catalogue().manifest(name, version)

    def _find(self) -> Mapping[str, Mapping[str, Manifest]]:
        found = {name: {m.version: m} for name, m in manifests().items()}
        for path in sorted(self.own.glob(f"[!.]*/*/{MANIFEST}")) if self.own else []:  # what begins with a dot is half
            try:
                manifest = load(path)
                if path.parts[-3:-1] != (manifest.name, manifest.version):
                    raise BadModel(f"{path.parent} holds {manifest.label}.")
            except BadModel as exc:
                log.warning("a network is left out: %s", exc.message)
                continue
            found.setdefault(manifest.name, {}).setdefault(manifest.version, manifest)
        return MappingProxyType(found)

    # where the files lie

    def path(self, name: str, version: str | None = None) -> Path:
        """Where the network's file lies, or belongs."""
        manifest = self.manifest(name, version)
        if manifests().get(name) == manifest:
            return self.folder / f"{name}.onnx"
        return self._home(manifest) / WEIGHTS

    def _home(self, manifest: Manifest) -> Path:
        assert self.own is not None
        return self.own / manifest.name / manifest.version

    def read(self, name: str, version: str | None = None) -> bytes:
        """The file's bytes.

        Raises:
            ModelUnavailable: it is absent, or not the file that the manifest describes.
        """
        manifest = self.manifest(name, version)
        return _checked(self.path(name, manifest.version), manifest.sha256, f"The network {name}")

    def asset_path(self, name: str, key: str, version: str | None = None) -> Path:
        try:
            entry = self.manifest(name, version).assets[key]
        except KeyError:
            raise ModelUnavailable(f"The network {name} has no asset called {key}.") from None
        return self.path(name, version).parent / entry["file"]

    def asset(self, name: str, key: str, version: str | None = None) -> bytes:
        """The bytes of a file that travels with a network, such as its vocabulary.

        Raises:
            ModelUnavailable: the manifest names no such file, it is absent, or not the one described.
        """
        path = self.asset_path(name, key, version)
        sha256 = self.manifest(name, version).assets[key]["sha256"]
        return _checked(path, sha256, f"The file {path.name} of the network {name}")

    # who answers

    def reroute(self, name: str, change: Callable[[Route], Route]) -> Route:
        """Alter who answers for a network; in force for every process with its next examination.

        Raises:
            ModelUnavailable: there is no such network, or a version named does not exist or is not ready.
            BadRequest: the shares exceed the whole.
        """
        known = self.catalogue().versions.get(name)
        if known is None:
            raise ModelUnavailable(f"There is no network called {name}.")
        with self._traffic.change() as routes:
            route = change(routes.get(name, Route()))
            packaged = manifests().get(name)
            if packaged and route.active == packaged.version:
                route = Route("", route.share, route.shadow)  # stays right when the package brings a newer one
            if not 0 <= sum(route.share.values()) <= 1 or min(route.share.values(), default=0) < 0:
                raise BadRequest("The shares of all versions must lie between 0 and 1 together.")
            for version in {route.active, *route.share, *route.shadow} - {"", OFF}:
                self.read(name, version)  # what is missing or damaged must not be asked
            routes[name] = route
        return route

    def refresh(self) -> None:
        """Have every process look for new versions."""
        with self._traffic.change():
            pass

    # how they are

    def states(self) -> list[VersionState]:
        """Every version of every network. Files that have not changed since are not read again."""
        catalogue = self.catalogue()
        found = []
        for name, versions in catalogue.versions.items():
            route = catalogue.routes.get(name, Route())
            for version, manifest in versions.items():
                active = version == catalogue.active(name)
                share = max(0.0, 1 - sum(route.share.values())) if active else route.share.get(version, 0.0)
                own = not catalogue.packaged(manifest)
                state, detail = self._state(manifest)
                found.append(VersionState(manifest, active, share, version in route.shadow, own, state, detail))
        return found

    def health(self) -> dict[str, str]:
        """``ready``, or why not, for each network that answers."""
        return {
            s.manifest.name: s.state if s.state == "ready" else s.detail
            for s in self.states()
            if s.active or s.share or s.shadow
        }

    def _state(self, manifest: Manifest) -> tuple[str, str]:
        for file, path in self.files(manifest).items():
            found = self._sum(path)
            if found is None:
                return "missing", f"The file {path.name} of the network {manifest.label} is not installed."
            if found != manifest.digests[file]:
                return "damaged", f"The file {path.name} of the network {manifest.label} is not the one described."
        trouble = self.trouble(manifest)
        return ("failing", trouble) if trouble else ("ready", "")

    def files(self, manifest: Manifest) -> Mapping[str, Path]:
        """Where every file of a version lies, or belongs, by its name; ``""`` is the network itself."""
        path = self.path(manifest.name, manifest.version)
        return {file: path.with_name(file) if file else path for file in manifest.digests}

    def holds(self, path: Path, sha256: str) -> bool:
        """Whether the file is there and is the one meant."""
        return self._sum(path) == sha256

    def _sum(self, path: Path) -> str | None:
        try:
            found = path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            with self._lock:
                if path in self._sums and self._sums[path][0] == stamp:
                    return self._sums[path][1]
            with path.open("rb") as file:
                value = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
        with self._lock:
            self._sums[path] = (stamp, value)
        return value

    def trouble(self, manifest: Manifest) -> str:
        """What a process has noted of a version that fails; empty while it works."""
        mark = self._mark(manifest)
        try:
            return mark.read_text("utf-8") if mark is not None else ""
        except OSError:
            return ""

    def note(self, name: str, version: str, trouble: str) -> None:
        """Remember, for every process to see, that a version fails; ``""`` that it works again."""
        mark = self._mark(self.manifest(name, version))
        if mark is None:
            return
        with contextlib.suppress(OSError):  # a full disk must not stop an examination
            if trouble:
                mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                mark.write_text(trouble, "utf-8")
            else:
                mark.unlink(missing_ok=True)

    def _mark(self, manifest: Manifest) -> Path | None:
        return self.own / ".failing" / manifest.label if self.own else None


def _checked(path: Path, sha256: str, what: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelUnavailable(f"{what} is not installed.") from exc
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelUnavailable(f"{what} is not the one its manifest describes.")
    return data
