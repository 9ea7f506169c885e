"""Which version of each network answers whom: one small file that every process looks at before each examination.

A look costs one ``stat``; the file is read again only when it was replaced, so a swap reaches processes that have been
running for days without a word to them. Examinations that have begun keep the versions they began with.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from veriscope.errors import ModelUnavailable

FILE = "active.yaml"
OFF = "off"  # nobody answers


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers for one network. ``active`` is empty where the package's own version does."""

    active: str = ""
    share: Mapping[str, float] = field(default_factory=dict)  # other versions → their part of all media, 0–1
    shadow: tuple[str, ...] = ()  # run and recorded, never counted

    def pick(self, name: str, content: str) -> str:
        """The version that answers for this content: always the same one, and independent between networks."""
        digest = hashlib.sha256(f"{name}\0{content}".encode()).digest()
        place = int.from_bytes(digest[:6]) / 2**48
        for version, part in sorted(self.share.items()):
            if place < part:
                return version
            place -= part
        return self.active

    def activated(self, version: str) -> Route:
        """Everybody gets this version; an experiment with it ends, others go on."""
        rest = {v: part for v, part in self.share.items() if v != version}
        return replace(self, active=version, share=rest, shadow=tuple(v for v in self.shadow if v != version))

    def shared(self, version: str, part: float) -> Route:
        """``part`` of all media go to this version; 0 ends that."""
        rest = {v: p for v, p in self.share.items() if v != version}
        return replace(self, share=rest | ({version: part} if part else {}))

    def shadowed(self, version: str, on: bool) -> Route:
        rest = tuple(v for v in self.shadow if v != version)
        return replace(self, shadow=(*rest, version) if on else rest)


Stamp = tuple[int, int, int] | None  # of the file that was read; ``None``: there is none


class Traffic:
    """The routes in one folder. Safe for threads and processes; without a folder nothing can be changed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: tuple[Stamp, Mapping[str, Route]] = (None, {})

    def stamp(self) -> Stamp:
        """Changes whenever the file was replaced."""
        try:
            found = (self._folder / FILE).stat() if self._folder else None
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None

    def routes(self) -> Mapping[str, Route]:
        """Raises ``ModelUnavailable`` when the file was spoilt by hand."""
        stamp = self.stamp()
        with self._lock:
            if stamp != self._read[0]:
                self._read = (stamp, self._load() if stamp else {})
            return self._read[1]

    @contextmanager
    def change(self) -> Iterator[dict[str, Route]]:
        """The routes to alter; what they are at the end is put in force at once and whole. One writer at a time."""
        if self._folder is None:
            raise ModelUnavailable("There is no folder for the organisation's own networks.")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            routes = dict(self._load())
            yield routes
            text = yaml.safe_dump({name: _facts(route) for name, route in sorted(routes.items())}, sort_keys=False)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).chmod(0o644)  # the service may run as somebody else
            Path(file.name).replace(self._folder / FILE)

    def _load(self) -> Mapping[str, Route]:
        assert self._folder is not None
        path = self._folder / FILE
        try:
            facts: Any = yaml.safe_load(path.read_text("utf-8")) or {}
            return {str(name): _route(entry) for name, entry in facts.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as exc:
            raise ModelUnavailable(f"The file {path} does not say which versions are active: {exc}.") from exc


def _route(entry: Mapping[str, Any]) -> Route:
    share = {str(v): float(part) for v, part in entry.get("share", {}).items()}
    if any(part < 0 for part in share.values()) or sum(share.values()) > 1 + 1e-9:
        raise ValueError("shares must lie between 0 and 1 together")
    return Route(str(entry.get("active", "")), share, tuple(str(v) for v in entry.get("shadow", ())))


def _facts(route: Route) -> dict[str, Any]:
    facts = {"active": route.active, "share": dict(route.share), "shadow": list(route.shadow)}
    return {name: value for name, value in facts.items() if value}
