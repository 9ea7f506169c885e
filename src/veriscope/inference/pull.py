"""Install the files of networks that are absent or damaged, each from the source that its manifest names."""

from __future__ import annotations

from veriscope.inference.registry import Registry
from veriscope.inference.sources import fetch


def pull(registry: Registry | None = None) -> list[str]:
    """Install every file that is missing; returns the labels (``NAME@VERSION``) of the networks it completed.

    Raises:
        ModelUnavailable: a file cannot be had, or is not the one described.
    """
    registry = registry or Registry()
    done = []
    for state in registry.states():
        manifest = state.manifest
        if state.state in {"missing", "damaged"}:
            for file, path in registry.files(manifest).items():
                if not registry.holds(path, manifest.digests[file]):
                    fetch(manifest, file, path)
            done.append(manifest.label)
    return done
