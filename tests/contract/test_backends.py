"""What every place where networks run must keep. Another backend joins with one line in ``BACKENDS``."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.inference.batching import Batching
from veriscope.inference.importing import take_in
from veriscope.inference.nodes import Nodes
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.pinned import Backend, Pinned, pin
from veriscope.inference.registry import Registry
from veriscope.inference.triton import TritonInfer
from veriscope.inference.triton_repository import Serving, export
from veriscope.types import Infer

from tests import networks, servers

BACKENDS = ("onnx", "batching", "triton")
PICTURE = np.random.default_rng(0).normal(0, 1, (1, 3, 224, 224)).astype(np.float32)


def bring(registry: Registry, folder: Path, version: str, seed: int) -> None:
    onnx = networks.genconvit(folder / f"{version}.onnx", seed)
    take_in(registry, networks.manifest(folder / f"{version}.yaml", version=version), onnx)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(own=tmp_path / "own")
    bring(registry, tmp_path, "1", 1)
    bring(registry, tmp_path, "2", 2)
    return registry


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with both versions; every test brings the same networks."""
    pytest.importorskip("tritonclient", reason="the scale extra is not installed")
    folder = tmp_path_factory.mktemp("triton")
    full = Registry(own=folder / "own")
    bring(full, folder, "1", 1)
    bring(full, folder, "2", 2)
    export(full, folder / "models", Serving(flavour="python"), ["genconvit"])
    with servers.triton(folder / "server", folder / "models") as (address, _):
        yield address


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, registry: Registry) -> Iterator[Backend]:
    if request.param == "onnx":
        yield OnnxInfer(registry)
        return
    if request.param == "batching":
        yield Batching(OnnxInfer(registry), 0.005)
        return
    remote = TritonInfer(Nodes(request.getfixturevalue("triton")), registry)
    yield remote
    remote.close()


def test_it_is_one(backend: Backend, registry: Registry) -> None:
    assert isinstance(backend, Infer)
    assert isinstance(backend, Backend)
    assert backend.registry is registry


def test_outputs_by_name_and_the_same_every_time(backend: Backend) -> None:
    first = backend.run("genconvit", {"image": PICTURE})
    again = backend.run("genconvit", {"image": PICTURE})
    assert set(first) == {"logits_ed", "logits_vae"}
    for name, values in first.items():
        assert values.shape == (1, 2)
        assert np.array_equal(values, again[name])


def test_versions_answer_for_themselves(backend: Backend, registry: Registry) -> None:
    one, two = (backend.run_version("genconvit", v, {"image": PICTURE})["logits_ed"] for v in "12")
    assert not np.allclose(one, two)
    assert backend.version("genconvit") == "1"
    assert np.array_equal(backend.run("genconvit", {"image": PICTURE})["logits_ed"], one)
    registry.reroute("genconvit", lambda route: route.activated("2"))
    assert backend.version("genconvit") == "2"
    assert np.array_equal(backend.run("genconvit", {"image": PICTURE})["logits_ed"], two)


def test_an_examination_keeps_its_versions(backend: Backend, registry: Registry) -> None:
    view = pin(backend, "some content")
    before = view.run("genconvit", {"image": PICTURE})["logits_ed"]
    registry.reroute("genconvit", lambda route: route.activated("2"))
    assert view.version("genconvit") == "1"
    assert np.array_equal(view.run("genconvit", {"image": PICTURE})["logits_ed"], before)
    assert pin(backend, "some content").version("genconvit") == "2"
    assert isinstance(view, Pinned)
    assert view.instead("genconvit", "2").version("genconvit") == "2"


@pytest.mark.parametrize(
    "inputs",
    [{}, {"picture": PICTURE}, {"image": PICTURE[:, :1]}, {"image": PICTURE.astype(np.float64)}],
    ids=["none", "another name", "another shape", "another type"],
)
def test_what_does_not_fit_is_refused(backend: Backend, inputs: dict[str, np.ndarray]) -> None:
    with pytest.raises(InferenceFailed, match="genconvit"):
        backend.run("genconvit", inputs)
    assert backend.run("genconvit", {"image": PICTURE}), "and the next call is answered"


def test_what_is_not_there(backend: Backend, registry: Registry) -> None:
    with pytest.raises(ModelUnavailable):
        backend.run("nothing", {})
    with pytest.raises(ModelUnavailable):
        backend.run_version("genconvit", "9", {"image": PICTURE})
    with pytest.raises(ModelUnavailable):
        backend.asset("genconvit", "tokenizer")


def test_a_spoilt_file_is_not_run(registry: Registry) -> None:
    registry.path("genconvit", "2").write_bytes(b"spoilt")
    with pytest.raises(ModelUnavailable):
        OnnxInfer(registry).run_version("genconvit", "2", {"image": PICTURE})


def test_a_swap_drops_no_call(backend: Backend, registry: Registry) -> None:
    """Threads hammer while versions are swapped: every answer is one of the two, and each examination is of one."""
    wanted = {v: backend.run_version("genconvit", v, {"image": PICTURE})["logits_ed"].tobytes() for v in "12"}
    stop = threading.Event()
    faults: list[BaseException] = []
    spoken: list[str] = []

    def hammer(number: int) -> None:
        try:
            for i in itertools.count():
                if stop.is_set():
                    return
                view = pin(backend, f"{number} {i}")
                version = view.version("genconvit")
                for _ in range(2):
                    assert view.run("genconvit", {"image": PICTURE})["logits_ed"].tobytes() == wanted[version]
                spoken.append(version)
        except BaseException as exc:
            faults.append(exc)

    threads = [threading.Thread(target=hammer, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(2000):
        registry.reroute("genconvit", lambda route, v="12"[i % 2]: route.activated(v))
        stop.wait(0.005)
        if i >= 60 and set(spoken) == {"1", "2"}:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert set(spoken) == {"1", "2"}
