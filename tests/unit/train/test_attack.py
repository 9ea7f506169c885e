from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors.base import Method
from veriscope.train import attack
from veriscope.train.labelled import Item, Sample
from veriscope.types import Finding, Infer, Kind, Scene, Signal

from tests.making import encoded, photo


class Halves(Method):
    """Raw: how much brighter the left half is."""

    name = "halves"
    signal = Signal.NOISE
    kinds = frozenset({Kind.IMAGE})
    sentences = {"x": {"en": "x", "vi": "x"}}

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image().astype(np.float64)
        return self.found(float(image[:, :32].mean() - image[:, 32:].mean()), scene.media.kind, self.say("x"))


def items(kind: str = "picture") -> list[Item]:
    def load(i: int) -> Sample:
        if kind == "text":
            return Sample("words")
        pixels = np.random.default_rng(i).normal(120, 3, (48, 64, 3))
        pixels[:, :32] += 2 * (i % 2)
        return Sample(encoded(np.clip(pixels, 0, 255).astype(np.uint8), "PNG"))

    return [Item(f"{i}.png", i % 2, lambda i=i: load(i)) for i in range(6)]  # type: ignore[misc]


def test_an_attack_lowers_the_fakes_and_nothing_else() -> None:
    told = attack.black_box(items(), Halves(), queries=40, epsilons=(8,))
    auc = {(p["epsilon"], p["after"]): p["auc"]["value"] for p in told["points"]}
    assert auc[0, "lossless"] == 1
    assert auc[8, "lossless"] < 1
    assert {after for _, after in auc} == {"lossless", "JPEG 90", "JPEG 75"}
    assert all(p["fakes"] == p["genuine"] == 3 for p in told["points"])


def test_the_change_stays_within_its_size_and_is_drawn_again_alike() -> None:
    start = photo(40, 30).astype(np.float32)

    def ask(x: np.ndarray) -> float:
        return float(x[:20].mean() - x[20:].mean())

    one, two = (attack._square(start, 4, 60, 1, ask) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.abs(one - start).max() <= 4
    assert one.min() >= 0
    assert one.max() <= 255
    assert ask(one) < ask(start) - 0.5


def test_sound_is_attacked_within_its_size() -> None:
    start = (0.1 * np.sin(np.arange(4000) / 9)).astype(np.float32)
    found = attack._square(start, 8, 50, 1, lambda x: float(np.abs(x).mean()))
    assert 0 < np.abs(found - start).max() <= 8 / attack._SOUND + 1e-7


def test_silencing_the_detector_counts_as_success() -> None:
    start = photo(40, 30).astype(np.float32)
    asked: list[int] = []

    def ask(x: np.ndarray) -> None:
        asked.append(1)

    attack._square(start, 4, 50, 1, ask)
    assert len(asked) == 1
    point = attack._point(4, "lossless", [None, None], [0.5, 0.1])
    assert point["auc"]["value"] == 0


def test_words_are_not_attacked_and_it_says_so() -> None:
    assert "text" in attack.black_box(items("text"), Halves())["missing"]


class Asks(Method):
    """Raw: what the network says of the picture."""

    name = "asks"
    signal = Signal.NOISE
    kinds = frozenset({Kind.IMAGE})
    models = ("stub",)
    sentences = {"x": {"en": "x", "vi": "x"}}

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        picture = scene.image()[None].astype(np.float32).transpose(0, 3, 1, 2)
        out = infer.run("stub", {"picture": np.ascontiguousarray(picture)})
        return self.found(float(out["logit"][0]), scene.media.kind, self.say("x"))


def test_pgd_finds_what_lowers_the_network_and_the_detector_judges_it(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    from pathlib import Path

    from veriscope.train import gradients

    class Net(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1, 1, 48, 64))

        def forward(self, picture: object) -> object:
            return (picture * self.weight).mean(dim=(1, 2, 3))  # type: ignore[operator]

    class Recipe:
        inputs, outputs = ("picture",), ("logit",)

        def module(self) -> object:
            return Net()

    net = Net()
    signs = np.repeat([[1, -1]], 32, axis=1).repeat(48, axis=0)
    net.weight.data = torch.from_numpy(signs[None, None].astype(np.float32))
    file = Path(str(tmp_path)) / "net.pt"
    torch.save(net.state_dict(), file)

    class Network:
        def run(self, model: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"logit": net(torch.from_numpy(inputs["picture"])).detach().numpy()}

        def version(self, model: str) -> str:
            return "1"

    monkeypatch.setattr(gradients, "recipe", lambda name: Recipe())
    told = attack.white_box(items(), Asks(), "stub", file, infer=Network(), epsilons=(64,))
    auc = {(p["epsilon"], p["after"]): p["auc"]["value"] for p in told["points"]}
    assert auc[0, "nothing"] == 1
    assert auc[64, "nothing"] == 0
    assert (64, "JPEG 90") in auc
    assert told["input"] == "picture"
