"""The architectures are those of the papers: sizes, names of the weights, and what a fourth channel starts from."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from veriscope.train.backbones import backbone, initialise  # noqa: E402


@pytest.mark.parametrize(
    ("name", "millions"),  # with a thousand classes, as published
    [("resnet34", 21.80), ("resnet152", 60.19), ("efficientnet-b4", 19.34), ("efficientnet-b7", 66.35)],
)
def test_size(name: str, millions: float) -> None:
    with torch.device("meta"):
        module = backbone(name, 3, 1000)
    assert sum(p.numel() for p in module.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def test_names_are_those_of_published_weights() -> None:
    with torch.device("meta"):
        resnet, efficient = backbone("resnet34").state_dict(), backbone("efficientnet-b4").state_dict()
    assert {"conv1.weight", "bn1.running_mean", "layer2.0.downsample.0.weight", "layer4.2.conv2.weight"} <= set(resnet)
    assert {"features.0.0.weight", "features.1.0.block.1.fc1.bias", "features.8.1.weight", "classifier.1.bias"} <= set(
        efficient
    )


def test_a_fourth_channel_starts_as_the_mean_of_three() -> None:
    published = backbone("resnet34", 3, 1000).state_dict()
    module = backbone("resnet34", 4, 2)
    kept = initialise(module, published)
    assert kept == ["fc.weight", "fc.bias"]
    first = module.state_dict()["conv1.weight"]
    assert torch.equal(first[:, :3], published["conv1.weight"])
    torch.testing.assert_close(first[:, 3], published["conv1.weight"].mean(1))


@pytest.mark.parametrize("name", ["resnet34", "efficientnet-b0"])
def test_sparing_memory_changes_no_gradient(name: str) -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    gradients = []
    for spare in (False, True):
        torch.manual_seed(0)
        module = backbone(name, spare=spare).train()
        for layer in module.modules():  # chance must not differ between the two
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
            if hasattr(layer, "drop"):
                layer.drop = 0.0
        module(x).square().mean().backward()
        gradients.append(next(module.parameters()).grad.clone())
    torch.testing.assert_close(*gradients)
