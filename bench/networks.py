"""Pictures a second through the networks' server: with and without dynamic batching, at 1 to 64 callers.

    python bench/networks.py                                   # a Triton from the wheel, on the CPU
    python bench/networks.py --url gpu:8001 --metrics gpu:8002 # a server that runs; export its models yourself:
        veriscope models export-triton DIR --gpu 0 [--half]    # FP16 through TensorRT
    python bench/networks.py --device cuda                     # no server: ONNX Runtime on the GPU, in this process

Each call is one 4×256×256 picture for ``forgery-classifier``. ``batch``: items for each run of the network, from the
server's own counters. ``starved``: share of the time in which the GPU had nothing to do, asked of nvidia-smi; only
where there is one. With ``--url`` the server's own configuration decides about batches and precision: run it once each.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common import arguments, show
from veriscope.inference.batching import Batching
from veriscope.inference.networks.forgery_classifier import NAME, SIZE
from veriscope.inference.nodes import Nodes
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.inference.triton import TritonInfer
from veriscope.inference.triton_repository import Serving, export
from veriscope.types import Infer

from tests import servers

CALLERS = (1, 4, 16, 64)
_BATCHED_US = 5_000  # a window; 0: none
_COUNTS = ("nv_inference_count", "nv_inference_exec_count")


class GpuWatch:
    """Samples how busy the first GPU is; ``starved`` stays ``None`` where there is none."""

    def __init__(self) -> None:
        self._busy: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> GpuWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def starved(self) -> float | None:
        return 1 - statistics.fmean(self._busy) / 100 if self._busy else None

    def _look(self) -> None:
        if shutil.which("nvidia-smi") is None:
            return
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not self._stop.wait(0.2):
            self._busy.append(float(subprocess.run(ask, capture_output=True, text=True, check=True).stdout))


def counted(metrics: str) -> tuple[float, float]:
    """Items and runs of the network so far."""
    if not metrics:
        return 0.0, 0.0
    text = urllib.request.urlopen(f"http://{metrics}/metrics", timeout=5).read().decode()
    label = r'{[^}]*model="deepfake_classifier"[^}]*} (\S+)'
    items, runs = (sum(map(float, re.findall(rf"(?m)^{name}{label}$", text))) for name in _COUNTS)
    return items, runs


def measured(infer: Infer, callers: int, seconds: float, count: Callable[[], tuple[float, float]]) -> dict[str, float]:
    """Closed loop: each caller asks again as soon as it was answered."""
    picture = {"input": np.random.default_rng(0).normal(0, 1, (1, 4, SIZE, SIZE)).astype(np.float32)}
    infer.run(NAME, picture)
    until = time.perf_counter() + seconds

    def call(_: int) -> list[float]:
        taken = []
        while time.perf_counter() < until:
            began = time.perf_counter()
            infer.run(NAME, picture)
            taken.append(time.perf_counter() - began)
        return taken

    items, runs = count()
    began = time.perf_counter()
    with GpuWatch() as gpu, ThreadPoolExecutor(callers) as pool:
        waits = [w for taken in pool.map(call, range(callers)) for w in taken]
    wall = time.perf_counter() - began
    items_after, runs_after = count()
    row = {"rps": len(waits) / wall, "p95_ms": 1000 * float(np.percentile(waits, 95))}
    if runs_after > runs:
        row["batch"] = (items_after - items) / (runs_after - runs)
    if gpu.starved is not None:
        row["starved"] = gpu.starved
    return row


@contextmanager
def started(folder: Path, delay_us: int) -> Iterator[tuple[str, str]]:
    """A Triton of our own with batching or without: its address and that of its counters."""
    repository = folder / "models"
    export(Registry(), repository, Serving(flavour="python", delay_us=delay_us), [NAME])
    if not delay_us:
        config = repository / "deepfake_classifier" / "config.pbtxt"
        config.write_text(re.sub(r"dynamic_batching \{.*?\n\}", "", config.read_text(), flags=re.DOTALL))
    with servers.triton(folder / "server", repository) as (address, daemon):
        yield address, f"127.0.0.1:{daemon.ports['metrics']}"


def ways(given: object, folder: Path) -> Iterator[tuple[str, Infer, Callable[[], tuple[float, float]]]]:
    """What is measured: a name, who answers, and how to count batches."""
    if given.device:  # type: ignore[attr-defined]
        inner = OnnxInfer(device=given.device)  # type: ignore[attr-defined]
        yield "single", inner, lambda: (0.0, 0.0)
        yield "batched", Batching(inner, _BATCHED_US / 1e6), lambda: (0.0, 0.0)
        return
    if given.url:  # type: ignore[attr-defined]
        yield "server", TritonInfer(Nodes(given.url)), lambda: counted(given.metrics)  # type: ignore[attr-defined]
        return
    for name, delay in (("single", 0), ("batched", _BATCHED_US)):
        with started(folder / name, delay) as (address, metrics):
            infer = TritonInfer(Nodes(address))
            yield name, infer, lambda metrics=metrics: counted(metrics)  # type: ignore[misc]
            infer.close()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--url", help="gRPC address of a Triton that runs")
    parser.add_argument("--metrics", default="", help="address of its counters")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="ONNX Runtime in this process instead of a server")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each row")
    parser.add_argument("--callers", default=",".join(map(str, CALLERS)))
    given = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, infer, count in ways(given, Path(folder)):
            for callers in map(int, given.callers.split(",")):
                row = measured(infer, callers, given.seconds, count)
                figures |= {f"{name}_{callers}_{key}": value for key, value in row.items()}
    show({key: round(value, 3) for key, value in figures.items()}, as_json=given.json)


if __name__ == "__main__":
    main()
