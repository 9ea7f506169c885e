"""One examination's view of the networks: every name means one version from beginning to end.

A swap in the middle of an examination must not have one version prepare the picture and another read it, nor two frames
of a film judged by different networks. So the choice is made once per medium, from its content, and remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from veriscope.inference.registry import Catalogue, Manifest, Registry
from veriscope.types import Infer


@runtime_checkable
class Backend(Infer, Protocol):
    """Where networks run, any version of them. ``tests/contract/test_backends.py`` holds what each must keep."""

    @property
    def registry(self) -> Registry: ...

    def run_version(self, model: str, version: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Outputs of that version by name. Raises ``ModelUnavailable`` or ``InferenceFailed``."""
        ...


class Pinned:
    """An ``Infer`` that gives one content the same versions throughout.

    Args:
        backend: where networks run.
        content: what the choice depends on, the SHA-256 of the medium.
        forced: versions that are not to be chosen, by network.
        catalogue: what is in force; by default what the registry says now.
    """

    def __init__(
        self,
        backend: Backend,
        content: str,
        forced: Mapping[str, str] | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._backend = backend
        self._content = content
        self._forced = dict(forced or {})
        self.catalogue = catalogue or backend.registry.catalogue()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        return self._backend.run_version(model, self.manifest(model).version, inputs)

    def version(self, model: str) -> str:
        return self.manifest(model).version

    def asset(self, model: str, key: str) -> bytes:
        return self._backend.registry.asset(model, key, self.manifest(model).version)

    def manifest(self, model: str) -> Manifest:
        """Of the version that answers here. Raises ``ModelUnavailable``."""
        version = self._forced.get(model) or self.catalogue.answering(model, self._content)
        return self.catalogue.manifest(model, version)

    def instead(self, model: str, version: str) -> Pinned:
        """The same view with another version of one network."""
        return Pinned(self._backend, self._content, {**self._forced, model: version}, self.catalogue)


def pin(infer: Infer, content: str) -> Infer:
    """The view for one medium; an ``Infer`` without versions is its own."""
    return Pinned(infer, content) if isinstance(infer, Backend) else infer
