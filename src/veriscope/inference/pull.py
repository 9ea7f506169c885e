"""Install the files of networks that are absent or damaged, each from the source that its manifest names."""

from __future__ import annotations

from collections.abc import Sequence

from veriscope.errors import ModelUnavailable
from veriscope.inference.folders import Folder, folders, install
from veriscope.inference.registry import Registry
from veriscope.inference.sources import fetch


def pull(registry: Registry | None = None, names: Sequence[str] = ()) -> list[str]:
    """Install every file that is missing; returns the labels (``NAME@VERSION``) of the networks it completed.

    Args:
        registry: where they belong.
        names: only these; those that are folders (``inference.folders``) come only when they are named.

    Raises:
        ModelUnavailable: there is no such network, a file cannot be had, or is not the one described.
    """
    registry = registry or Registry()
    known = registry.catalogue().versions
    for name in names:
        if name not in known and name not in folders():
            raise ModelUnavailable(f"There is no network called {name}.")
    done = []
    for state in registry.states():
        manifest = state.manifest
        if (not names or manifest.name in names) and state.state in {"missing", "damaged"}:
            for file, path in registry.files(manifest).items():
                if not registry.holds(path, manifest.digests[file]):
                    fetch(manifest, file, path)
            done.append(manifest.label)
    done += [folders()[name].label for name in names if name in folders() and _completed(folders()[name], registry)]
    return done


def _completed(folder: Folder, registry: Registry) -> bool:
    if registry.own is None:
        raise ModelUnavailable("There is no folder for networks of your own.", hint="Set models_dir.")
    if folder.state(registry.own)[0] == "ready":
        return False
    install(folder, registry.own)
    return True
