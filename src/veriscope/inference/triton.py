"""NVIDIA Triton over gRPC (KServe v2): the networks on servers of their own, with failover within a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope import tracing
from veriscope.errors import BadSetting, InferenceFailed, ModelUnavailable
from veriscope.inference.nodes import Node, Nodes
from veriscope.inference.registry import Registry
from veriscope.inference.triton_repository import triton_name, version_number

SECONDS = 30.0  # for one request to one node
_PASSING = {"StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED", "StatusCode.CANCELLED", "StatusCode.NOT_FOUND"}
_TYPES = {
    np.dtype(np.float32): "FP32",
    np.dtype(np.float16): "FP16",
    np.dtype(np.float64): "FP64",
    np.dtype(np.int64): "INT64",
    np.dtype(np.int32): "INT32",
    np.dtype(np.uint8): "UINT8",
    np.dtype(np.bool_): "BOOL",
}


class TritonInfer:
    """Implements ``Infer``. Safe for threads: all requests go through one event loop of its own.

    Manifests and vocabularies are read from the registry on this machine; only arrays travel.
    """

    def __init__(self, nodes: Nodes, registry: Registry | None = None, seconds: float = SECONDS) -> None:
        try:
            from tritonclient.grpc import aio
        except ModuleNotFoundError as exc:
            raise BadSetting(
                "triton_urls needs the package tritonclient.",
                hint="Install the scale extra: pip install 'veriscope[scale]'.",
            ) from exc
        self.registry = registry or Registry()
        self.nodes = nodes
        self._seconds = seconds
        self._grpc = aio
        self._clients: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="triton", daemon=True)
        self._thread.start()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Outputs of the active version, by name.

        Raises:
            ModelUnavailable: no node has the network.
            InferenceFailed: no node answers, or the network does not accept these arrays.
        """
        return self.run_version(model, self.version(model), inputs)

    def run_version(self, model: str, version: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """As ``run``, of the version named."""
        for value in inputs.values():
            if value.dtype not in _TYPES:
                raise InferenceFailed(f"The network {model} was given {value.dtype}, which does not travel.")
        with tracing.span(f"triton {model}", role="client", model=model, version=version):
            found: Mapping[str, NDArray[Any]] = self._wait(self._ask(model, version, inputs, tracing.carrier()))
        return found

    def version(self, model: str) -> str:
        return self.registry.manifest(model).version

    def asset(self, model: str, key: str) -> bytes:
        return self.registry.asset(model, key)

    def ready(self) -> dict[str, bool]:
        """Whether each node answers that it is ready."""
        return {node.url: self._wait(self._ready(node)) for node in self.nodes.all}

    def close(self) -> None:
        """End all connections."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _client(self, node: Node) -> Any:
        if node.url not in self._clients:
            self._clients[node.url] = self._grpc.InferenceServerClient(node.url)
        return self._clients[node.url]

    async def _ready(self, node: Node) -> bool:
        try:
            return bool(await self._client(node).is_server_ready(client_timeout=2.0))
        except Exception:  # whatever the client throws: it is not ready
            return False

    async def _ask(
        self, model: str, version: str, inputs: Mapping[str, NDArray[Any]], headers: Mapping[str, str]
    ) -> Mapping[str, NDArray[Any]]:
        feeds = []
        for name, value in inputs.items():
            feed = self._grpc.InferInput(name, list(value.shape), _TYPES[value.dtype])
            feed.set_data_from_numpy(np.ascontiguousarray(value))
            feeds.append(feed)
        trouble = ""
        missing = 0
        for node in self.nodes.order():
            self.nodes.began(node)
            well = False
            try:
                answer = await self._client(node).infer(
                    triton_name(model),
                    feeds,
                    model_version=version_number(version),
                    client_timeout=self._seconds,
                    headers=dict(headers) or None,
                )
                well = True
                return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}
            except Exception as exc:  # the client has one class of errors, gRPC many
                status = str(getattr(exc, "status", lambda: "")() or "")
                trouble = " ".join(str(exc).split())[:200]
                if status and status not in _PASSING:
                    well = True  # the node is fine, the arrays are not
                    raise InferenceFailed(f"The network {model} failed: {trouble}.") from exc
                missing += status == "StatusCode.NOT_FOUND" or "unknown model" in trouble
            finally:
                self.nodes.ended(node, well=well)
        if missing:
            raise ModelUnavailable(f"No inference server has the network {model} {version}.")
        raise InferenceFailed(f"No inference server answers: {trouble}.")
