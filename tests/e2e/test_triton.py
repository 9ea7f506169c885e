"""A real Triton gives the answers of the embedded backend, forms batches, swaps versions, and may be killed."""

from __future__ import annotations

import re
import signal
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.inference.networks import pii_names
from veriscope.inference.nodes import Nodes
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.inference.triton import TritonInfer
from veriscope.inference.triton_repository import Serving, export, triton_name

from tests import servers
from tests.serving import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
pytest.importorskip("tritonclient", reason="the scale extra is not installed")
NETWORKS = ("pii-names", "silero_vad", "centerface")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    export(Registry(), folder, Serving(flavour="python", delay_us=20_000), NETWORKS)
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, servers.Daemon]]:
    folder = tmp_path_factory.mktemp("triton") / "one"
    with servers.triton(folder, repository, "--model-control-mode=poll", "--repository-poll-secs=1") as found:
        yield found


@pytest.fixture
def remote(server: tuple[str, servers.Daemon]) -> Iterator[TritonInfer]:
    infer = TritonInfer(Nodes(server[0]))
    yield infer
    infer.close()


def feeds() -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(0)
    words = pii_names.features(["Ann", "Lee", "wrote", "to", "Bob", "from", "Oslo", "."])
    return {
        "pii-names": pii_names.prepare(words),
        "centerface": {"input.1": rng.uniform(0, 255, (1, 3, 64, 96)).astype(np.float32)},
    }


def executions(daemon: servers.Daemon, name: str) -> tuple[float, float]:
    """Requests served, and runs of the network they took."""
    url = f"http://127.0.0.1:{daemon.ports['metrics']}/metrics"
    text = urllib.request.urlopen(url, timeout=5).read().decode()
    label = rf'{{model="{triton_name(name)}"[^}}]*}} (\S+)'
    found = [re.findall(key + label, text) for key in ("nv_inference_count", "nv_inference_exec_count")]
    return tuple(sum(map(float, values)) for values in found)  # type: ignore[return-value]


def settled(daemon: servers.Daemon, name: str) -> tuple[float, float]:
    """As ``executions``, once nothing is added any more: Triton counts a request after it has answered it."""
    last = executions(daemon, name)

    def same() -> bool:
        nonlocal last
        before, last = last, executions(daemon, name)
        return before == last

    eventually(same, every=0.5)
    return last


def test_answers_are_those_of_the_embedded_backend(remote: TritonInfer) -> None:
    embedded = OnnxInfer()
    for name, feed in feeds().items():
        here, there = embedded.run(name, feed), remote.run(name, feed)
        assert here.keys() == there.keys()
        worst = max(float(np.abs(here[key] - there[key]).max()) for key in here)
        assert worst <= 1e-5, f"{name} differs by {worst}"
    assert remote.version("pii-names") == embedded.version("pii-names")


def test_requests_at_one_time_run_together(remote: TritonInfer, server: tuple[str, servers.Daemon]) -> None:
    feed = feeds()["pii-names"]
    remote.run("pii-names", feed)
    before = settled(server[1], "pii-names")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: remote.run("pii-names", feed)["logits"], range(200)))
    alone = OnnxInfer().run("pii-names", feed)["logits"]
    # dynamic int8: the scale of a batch is that of its largest value, so company moves the last digits
    assert max(float(np.abs(answer - alone).max()) for answer in answers) < 0.05
    after = settled(server[1], "pii-names")
    assert after[0] - before[0] == 200
    assert after[1] - before[1] < 100, "on average more than two at a time"


def test_wrong_arrays_and_unknown_networks_are_told_apart(remote: TritonInfer) -> None:
    with pytest.raises(InferenceFailed, match="pii-names"):
        remote.run("pii-names", {"words": np.zeros((1, 8, 5), np.int64)})
    with pytest.raises(InferenceFailed, match="does not travel"):
        remote.run("pii-names", {"words": np.zeros((1, 8, 6), np.complex64)})
    with pytest.raises(ModelUnavailable, match="No inference server has"):
        remote.run_version("pii-names", "77", feeds()["pii-names"])
    assert all(node.failures < 2 for node in remote.nodes.all) or len(remote.nodes.all) == 1


def test_a_version_is_swapped_under_load(
    repository: Path, remote: TritonInfer, server: tuple[str, servers.Daemon]
) -> None:
    """A second version appears in the repository while requests run; none fails, and both answer in the end."""
    feed = feeds()["pii-names"]
    stop, failed, done = threading.Event(), [], []

    def load() -> None:
        while not stop.is_set():
            try:
                done.append(remote.run("pii-names", feed))
            except Exception as exc:
                failed.append(exc)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    (source,) = (folder for folder in (repository / "pii_names").iterdir() if folder.is_dir())
    following = str(int(source.name) + 1)
    target = source.with_name(following)
    aside = repository.parent / "aside"
    aside.mkdir()
    for file in source.iterdir():
        if file.is_file():
            (aside / file.name).write_bytes(file.read_bytes())
    aside.rename(target)

    def answers() -> bool:
        try:
            remote.run_version("pii-names", following, feed)
        except (ModelUnavailable, InferenceFailed):
            return False
        return True

    try:
        eventually(answers, 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(done) > 10


def test_a_node_is_killed_under_load_and_no_request_fails(
    repository: Path, server: tuple[str, servers.Daemon], tmp_path: Path
) -> None:
    feed = feeds()["pii-names"]
    with servers.triton(tmp_path / "two", repository) as (second, daemon):
        infer = TritonInfer(Nodes(f"{second},{server[0]}", "round_robin"))
        with ThreadPoolExecutor(4) as pool:
            first = list(pool.map(lambda _: infer.run("pii-names", feed), range(20)))
            waiting = [pool.submit(infer.run, "pii-names", feed) for _ in range(60)]
            daemon.stop(signal.SIGKILL)
            after = [work.result() for work in waiting]
        assert len(first) + len(after) == 80
        assert infer.ready() == {second: False, server[0]: True}
        infer.close()


def test_without_any_node_the_fault_is_ours_and_can_pass() -> None:
    infer = TritonInfer(Nodes(f"127.0.0.1:{servers.free_port()}"))
    with pytest.raises(InferenceFailed, match="No inference server answers") as caught:
        infer.run("pii-names", feeds()["pii-names"])
    assert caught.value.retryable
    infer.close()
