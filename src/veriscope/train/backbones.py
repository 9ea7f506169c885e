"""Image classifiers of the literature, with parameter names that fit the published ImageNet weights.

ResNet (He et al., CVPR 2016) and EfficientNet (Tan & Le, ICML 2019). The names follow torchvision's, so a
``state_dict`` saved from there loads unchanged, and the first convolution may have more than three channels.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Basic(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions and a shortcut; the stride is in the middle one."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """N×channels×H×W → N×classes logits. ``spare`` recomputes activations in the backward pass to save memory."""

    def __init__(
        self,
        block: type[Basic] | type[Bottleneck],
        depths: Sequence[int],
        channels: int = 3,
        classes: int = 2,
        spare: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = 64
        for index, depth in enumerate(depths):
            width, after = 64 << index, (64 << index) * block.expansion
            blocks: list[nn.Module] = []
            for position in range(depth):
                stride = 2 if position == 0 and index > 0 else 1
                shortcut = None
                if stride != 1 or before != after:
                    shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
                blocks.append(block(before, width, stride, shortcut))
                before = after
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(before, classes)
        self.spare = spare
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The last feature map, N×C×H/32×W/32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for index in range(1, 5):
            layer = getattr(self, f"layer{index}")
            x = checkpoint(layer, x, use_reentrant=False) if self.spare and self.training else layer(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.features(x).mean((2, 3)))


def _conv(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*layers, nn.SiLU(inplace=True)) if act else nn.Sequential(*layers)


class Squeeze(nn.Module):
    """Channel attention (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, inner, 1)
        self.fc2 = nn.Conv2d(inner, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.sigmoid(self.fc2(nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True)))))
        return x * weight


class Inverted(nn.Module):
    """Mobile inverted bottleneck with stochastic depth."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expand: int, drop: float) -> None:
        super().__init__()
        wide = _divisible(before * expand)
        layers: list[nn.Module] = [] if expand == 1 else [_conv(before, wide, 1)]
        layers += [
            _conv(wide, wide, kernel, stride, groups=wide),
            Squeeze(wide, max(1, before // 4)),
            _conv(wide, after, 1, act=False),
        ]
        self.block = nn.Sequential(*layers)
        self.shortcut = stride == 1 and before == after
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.block(x)
        if not self.shortcut:
            return y
        if self.training and self.drop > 0:
            y = y * torch.empty(len(x), 1, 1, 1, device=x.device).bernoulli_(1 - self.drop).div_(1 - self.drop)
        return x + y


# kernel, stride, expansion, channels, depth of B0
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_SCALES = {"b0": (1.0, 1.0, 0.2), "b4": (1.4, 1.8, 0.4), "b7": (2.0, 3.1, 0.5)}  # width, depth, dropout


class EfficientNet(nn.Module):
    """N×channels×H×W → N×classes logits."""

    def __init__(self, size: str, channels: int = 3, classes: int = 2, spare: bool = False) -> None:
        super().__init__()
        width, depth, dropout = _SCALES[size]
        before = _divisible(32 * width)
        stages: list[nn.Module] = [_conv(channels, before, 3, 2)]
        total = sum(math.ceil(stage[4] * depth) for stage in _STAGES)
        done = 0
        for kernel, stride, expand, out, repeats in _STAGES:
            blocks: list[nn.Module] = []
            after = _divisible(out * width)
            for position in range(math.ceil(repeats * depth)):
                drop = 0.2 * done / total
                blocks.append(Inverted(before, after, kernel, stride if position == 0 else 1, expand, drop))
                before, done = after, done + 1
            stages.append(nn.Sequential(*blocks))
        stages.append(_conv(before, 4 * before, 1))
        self.features = nn.Sequential(*stages)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * before, classes))
        self.spare = spare

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for stage in self.features:
            x = checkpoint(stage, x, use_reentrant=False) if self.spare and self.training else stage(x)
        return self.classifier(x.mean((2, 3)))


def _divisible(channels: float) -> int:
    """The nearest multiple of eight that is not more than a tenth too small."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


BACKBONES = ("resnet34", "resnet152", "efficientnet-b4", "efficientnet-b7")


def backbone(name: str, channels: int = 3, classes: int = 2, spare: bool = False) -> nn.Module:
    """One of ``BACKBONES``, with fresh weights."""
    if name == "resnet34":
        return ResNet(Basic, (3, 4, 6, 3), channels, classes, spare)
    if name == "resnet152":
        return ResNet(Bottleneck, (3, 8, 36, 3), channels, classes, spare)
    return EfficientNet(name.removeprefix("efficientnet-"), channels, classes, spare)


def initialise(module: nn.Module, weights: Mapping[str, torch.Tensor]) -> list[str]:
    """Load ImageNet weights; further input channels of the first convolution get the mean of its three.

    Returns:
        Names of the parameters that kept their own initialisation (the classifier, whose classes differ).
    """
    own = module.state_dict()
    first = next(key for key, value in own.items() if value.dim() == 4)
    loaded = copy.copy(own)
    for key, given in weights.items():
        value = given
        if key == first and (extra := own[key].shape[1] - given.shape[1]) > 0:
            value = torch.cat([given, given.mean(1, keepdim=True).expand(-1, extra, -1, -1)], 1)
        if key in own and own[key].shape == value.shape:
            loaded[key] = value
    module.load_state_dict(loaded)
    return [key for key in own if loaded[key] is own[key]]
