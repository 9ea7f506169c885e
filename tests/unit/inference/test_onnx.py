"""Sessions: loaded when needed, dropped when memory is short, never under a call."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.inference import onnx
from veriscope.inference.manifest import Manifest
from veriscope.inference.onnx import Device, OnnxInfer
from veriscope.inference.registry import Registry

from tests import networks

Bring = Callable[..., Manifest]
PICTURE = np.random.default_rng(0).normal(0, 1, (1, 3, 224, 224)).astype(np.float32)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the files that sessions were made of, in order."""
    sizes: list[int] = []
    opened = onnx.open_session

    def counted(data: bytes, device: Device, *, arena: bool) -> object:
        sizes.append(len(data))
        return opened(data, device, arena=arena)

    monkeypatch.setattr(onnx, "open_session", counted)
    return sizes


def test_loaded_at_first_use_and_once(registry: Registry, bring: Bring, loads: list[int]) -> None:
    bring()
    infer = OnnxInfer(registry)
    assert not loads
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: infer.run("genconvit", {"image": PICTURE}), range(16)))
    assert len(loads) == 1
    assert infer.loaded == 2 * loads[0]


def test_the_least_recently_used_is_dropped(registry: Registry, bring: Bring, loads: list[int]) -> None:
    for version in "123":
        bring(version, seed=int(version))
    size = len(registry.read("genconvit", "1"))
    infer = OnnxInfer(registry, memory=5 * size)  # two sessions of twice the file's size, not three

    def ask(version: str) -> int:
        infer.run_version("genconvit", version, {"image": PICTURE})
        return len(loads)

    assert [ask(v) for v in "1212"] == [1, 2, 2, 2]
    assert [ask(v) for v in "131"] == [2, 3, 3], "2 had to go, 1 was used later"
    assert ask("2") == 4
    assert infer.loaded <= 5 * size


def test_one_that_is_larger_than_all_memory_still_runs(registry: Registry, bring: Bring, loads: list[int]) -> None:
    bring("1")
    bring("2", seed=2)
    infer = OnnxInfer(registry, memory=1)
    for version in "1212":
        assert infer.run_version("genconvit", version, {"image": PICTURE})
    assert len(loads) == 4


def test_nothing_is_dropped_under_a_call(registry: Registry, bring: Bring) -> None:
    """Far too little memory, many threads: sessions come and go, answers stay right."""
    for version in "123":
        bring(version, seed=int(version))
    wanted = {
        v: OnnxInfer(registry).run_version("genconvit", v, {"image": PICTURE})["logits_vae"].tobytes() for v in "123"
    }
    infer = OnnxInfer(registry, memory=1)

    def ask(i: int) -> bool:
        version = "123"[i % 3]
        return infer.run_version("genconvit", version, {"image": PICTURE})["logits_vae"].tobytes() == wanted[version]

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(150)))


def test_a_slow_load_holds_up_nobody_else(registry: Registry, bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    bring("1")
    bring("2", seed=2)
    infer = OnnxInfer(registry)
    infer.run_version("genconvit", "1", {"image": PICTURE})
    loading, go_on = threading.Event(), threading.Event()
    opened = onnx.open_session

    def slow(data: bytes, device: Device, *, arena: bool) -> object:
        loading.set()
        assert go_on.wait(30)
        return opened(data, device, arena=arena)

    monkeypatch.setattr(onnx, "open_session", slow)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(infer.run_version, "genconvit", "2", {"image": PICTURE})
        assert loading.wait(30)
        assert infer.run_version("genconvit", "1", {"image": PICTURE})
        assert not other.done()
        go_on.set()
        assert other.result(30)


def test_three_failures_in_a_row_are_marked_and_a_success_ends_it(registry: Registry, bring: Bring) -> None:
    bring()
    infer = OnnxInfer(registry)

    def state() -> str:
        return next(s.state for s in registry.states() if s.own)

    for expected in ("ready", "ready", "failing"):
        with pytest.raises(InferenceFailed):
            infer.run("genconvit", {})
        assert state() == expected
    fresh = OnnxInfer(Registry(own=registry.own))  # another process
    fresh.run("genconvit", {"image": PICTURE})
    assert state() == "ready"


def test_a_file_that_does_not_load_is_marked(tmp_path: Path) -> None:
    """The right checksum and no network: only a manifest written by hand gets there."""
    registry = Registry(own=tmp_path / "own")
    home = tmp_path / "own" / "odd" / "1"
    home.mkdir(parents=True)
    (home / "model.onnx").write_bytes(b"no network")
    digest = hashlib.sha256(b"no network").hexdigest()
    source = {"kind": "file", "path": "/x"}
    networks.manifest(home / "manifest.yaml", name="odd", sha256=digest, source=source)
    with pytest.raises(ModelUnavailable, match="does not load"):
        OnnxInfer(registry).run_version("odd", "1", {})
    assert [s.state for s in registry.states() if s.own] == ["failing"]


@pytest.mark.parametrize("reuse", [0, 12 * 64 * 64])
def test_what_a_large_picture_needed_is_given_back(tmp_path: Path, reuse: int) -> None:
    infer, large = OnnxInfer(hungry(tmp_path, reuse), keep=True), np.ones((1, 3, 3000, 3000), np.float32)
    infer.run_version("hungry", "1", {"image": large[:, :, :64, :64]})
    before = resident()
    infer.run_version("hungry", "1", {"image": large})
    assert resident() - before < large.nbytes / 2


_FAULTS = """
import resource, sys
from pathlib import Path
import numpy as np
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
infer = OnnxInfer(Registry(own=Path(sys.argv[1])), keep=True)
picture = np.full((1, 3, 1000, 1000), 0.5, np.float32)
infer.run_version("hungry", "1", {"image": picture})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
answers = [float(infer.run_version("hungry", "1", {"image": picture})["mean"][0]) for _ in range(10)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, *set(answers))
"""


def test_working_memory_is_kept_up_to_the_size_that_the_manifest_names(tmp_path: Path) -> None:
    """In processes of their own: what others left in the heap would be used first."""
    said = []
    for reuse in (0, 12_000_000):
        own = hungry(tmp_path / str(reuse), reuse).own
        command = [sys.executable, "-c", _FAULTS, str(own)]
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1048576"}  # as films are examined with
        said.append(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split())
    fresh, kept = (int(words[0]) for words in said)
    assert kept * 4 < fresh, "pages are not asked for again in each run"
    assert said[0][1:] == said[1][1:]


def hungry(folder: Path, reuse: int) -> Registry:
    """A registry with the network ``networks.hungry`` and this much memory to be kept."""
    home = folder / "own" / "hungry" / "1"
    digest = hashlib.sha256(networks.hungry(home / "model.onnx").read_bytes()).hexdigest()
    source = {"kind": "file", "path": "/x"}
    networks.manifest(home / "manifest.yaml", name="hungry", sha256=digest, source=source, reuse=reuse)
    return Registry(own=folder / "own")


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_files_with_int8_weights_alone_run_on_every_processor() -> None:
    """The way that keeps int8 sums from overflowing fails for them where there is no VNNI."""
    infer = OnnxInfer()
    faces = np.zeros((1, 3, 192, 192), np.float32)
    assert np.isfinite(infer.run("face-manipulation", {"faces": faces})["logit"]).all()
