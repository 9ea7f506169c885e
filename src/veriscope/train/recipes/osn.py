"""The network of ImageForensicsOSN in its own shape, so that whoever holds its weights can put it to use.

SCSE-UNet: an SENet-154 encoder (J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018) and a decoder of
concurrent spatial and channel squeeze-and-excitation (A. G. Roy, N. Navab, C. Wachinger, MICCAI 2018), as trained by
H. Wu, J. Zhou, J. Tian, J. Liu, Y. Qiao, "Robust image forgery detection over online social network shared images",
CVPR 2022. The weights are the authors' and do not come with Veriscope. ``converted`` writes them as an ONNX file from
colours to a map of probabilities, which ``models import --task image-forgery`` takes. As a recipe it learns from our
own forgeries, which takes a GPU.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as f

from veriscope.errors import BadModel
from veriscope.train.export import export_module
from veriscope.train.recipe import Batch
from veriscope.train.recipes import forgery_heatmap
from veriscope.train.synthesis.store import Part, Store, opened

BLOCKS = (3, 8, 36, 3)  # of SENet-154
ENCODED = (128, 256, 512, 1024, 2048)  # channels of its stages
DECODED = (64, 128, 256, 384)
GROUPS, REDUCTION = 64, 16
FED = 80  # pictures the validation looks at
_EDGE = 1e-6


class _Excitation(nn.Module):
    """Channels weighed by what the whole map holds; with ``spatial``, places too, and the larger of both is kept."""

    def __init__(self, channels: int, reduction: int, spatial: bool) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)
        self.spatial_se = nn.Sequential(nn.Conv2d(channels, 1, 1, bias=False), nn.Sigmoid()) if spatial else None

    def forward(self, x: Tensor) -> Tensor:
        weighed = x * torch.sigmoid(self.fc2(f.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))))
        return weighed if self.spatial_se is None else torch.maximum(weighed, x * self.spatial_se(x))


class _Bottleneck(nn.Module):
    """One block of SENet-154: 1×1 to twice the planes, grouped 3×3 to four times, 1×1, excitation, shortcut."""

    def __init__(self, inside: int, planes: int, stride: int, shortcut: int) -> None:
        super().__init__()
        outside = planes * 4
        self.conv1, self.bn1 = nn.Conv2d(inside, planes * 2, 1, bias=False), nn.BatchNorm2d(planes * 2)
        self.conv2 = nn.Conv2d(planes * 2, outside, 3, stride, 1, groups=GROUPS, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.conv3, self.bn3 = nn.Conv2d(outside, outside, 1, bias=False), nn.BatchNorm2d(outside)
        self.se_module = _Excitation(outside, REDUCTION, spatial=False)
        self.downsample = None
        if shortcut:
            project = nn.Conv2d(inside, outside, shortcut, stride, shortcut // 2, bias=False)
            self.downsample = nn.Sequential(project, nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        out = f.relu(self.bn1(self.conv1(x)))
        out = f.relu(self.bn2(self.conv2(out)))
        out = self.se_module(self.bn3(self.conv3(out)))
        return f.relu(out + (x if self.downsample is None else self.downsample(x)))


def _stage(inside: int, planes: int, count: int, stride: int, shortcut: int) -> list[nn.Module]:
    return [
        _Bottleneck(*((inside, planes, stride, shortcut) if i == 0 else (planes * 4, planes, 1, 0)))
        for i in range(count)
    ]


def _stem(width: int) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (inside, outside, stride) in enumerate(((3, 64, 2), (64, 64, 1), (64, width, 1)), start=1):
        layers[f"conv{number}"] = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        layers[f"bn{number}"] = nn.BatchNorm2d(outside)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


class _Up(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        layers = nn.Upsample(scale_factor=2), nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(inplace=True)
        self.layer = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        return out


class _Join(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        excitation = _Excitation(outside, 2, spatial=True)
        self.seq = nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(inplace=True), excitation)

    def forward(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        decoded = f.interpolate(decoded, encoded.shape[2:])  # differs only where sides are no multiples of 32
        out: Tensor = self.seq(torch.cat([decoded, encoded], dim=1))
        return out


class ScseUnet(nn.Module):
    """RGB in [-1, 1], B×3×H×W → probability of manipulation, B×1×H×W. Parameters are named as the authors' are."""

    def __init__(self, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        stages: list[nn.Module] = [_stem(ENCODED[0])]
        stages.append(
            nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Sequential(*_stage(128, 64, blocks[0], 1, 1)))
        )
        for index, planes in enumerate((128, 256, 512), start=1):
            stages.append(nn.Sequential(*_stage(ENCODED[index], planes, blocks[index], 2, 3)))
        self.encoder_stages = nn.ModuleList(stages)
        wide = [*DECODED[1:], ENCODED[-1]]
        self.decoder_stages = nn.ModuleList(_Up(i, o) for i, o in zip(wide, DECODED, strict=True))
        pairs = zip(reversed(ENCODED[:-1]), reversed(DECODED), strict=True)
        self.bottlenecks = nn.ModuleList(_Join(encoded + decoded, decoded) for encoded, decoded in pairs)
        self.last_upsample = _Up(DECODED[0], DECODED[0] // 2)
        self.final = nn.Sequential(nn.Conv2d(DECODED[0] // 2, 1, 1), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        encoded, x = [], image
        for stage in self.encoder_stages:
            x = stage(x)
            encoded.append(x)
        for step, join in enumerate(self.bottlenecks):
            x = join(self.decoder_stages[len(DECODED) - 1 - step](x), encoded[-2 - step])
        heat: Tensor = self.final(self.last_upsample(x))
        return f.interpolate(heat, image.shape[2:])


def named(weights: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """The authors' ``state_dict`` for ``ScseUnet``: saved from ``DataParallel`` over their detector, or bare."""
    return {key.removeprefix("module.").removeprefix("det_net."): value for key, value in weights}


def converted(checkpoint: Path, target: Path, blocks: Sequence[int] = BLOCKS) -> None:
    """The authors' ``.pth`` as an ONNX file: ``image`` (RGB in [-1, 1], any size) to ``map`` and ``probabilities``.

    Raises:
        BadModel: the file is no ``state_dict`` of this network; the message names the first difference.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    module, given = ScseUnet(blocks), named(state.get("state_dict", state).items())
    own = module.state_dict()
    for key, value in own.items():
        if key not in given or given[key].shape != value.shape:
            raise BadModel(f"{checkpoint.name} is no SCSE-UNet: {key} is missing or has another shape.")
    for key in given:
        if key not in own:
            raise BadModel(f"{checkpoint.name} is no SCSE-UNet: it also holds {key}.")
    module.load_state_dict(given)
    recipe = Osn()
    outputs, dynamic = (*recipe.outputs, "probabilities"), {**recipe.dynamic, "probabilities": {0: "batch"}}
    export_module(Importable(module), recipe.example(), target, recipe.inputs, outputs, dynamic)


class Importable(nn.Module):
    """With a probability for the whole picture beside the map: that of its most suspicious 16×16 pixels."""

    def __init__(self, network: ScseUnet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        heat = self.network(image)
        peak = f.avg_pool2d(heat, 16, 8).amax(dim=(2, 3))
        return heat, torch.cat([1 - peak, peak], dim=1)


class Osn:
    """Trained on the forgeries and chains of ``forgery-heatmap``."""

    name = "osn"
    inputs = ("image",)
    outputs = ("map",)
    dynamic: ClassVar[Mapping[str, Mapping[int, str]]] = {
        "image": {0: "batch", 2: "height", 3: "width"},
        "map": {0: "batch", 2: "height", 3: "width"},
    }
    rate = 1e-4
    decay = 1e-4
    steps = 100_000
    batch = 16

    def module(self) -> nn.Module:
        return ScseUnet()

    def example(self) -> tuple[Tensor, ...]:
        return (torch.zeros(1, 3, 64, 64),)

    def store(self, data: Path, part: Part) -> Store:
        count = forgery_heatmap.STORED if part == "train" else forgery_heatmap.HELD_OUT
        return opened(forgery_heatmap.cache_folder(), data, part, count)

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        store, rng = self.store(data, "train"), np.random.default_rng(seed)
        while True:
            yield _fed(store, rng.integers(0, len(store), self.batch), np.arange(self.batch) % 2 == 0, rng)

    def loss(self, module: nn.Module, batch: Batch) -> Tensor:
        heat = module(batch["image"])[:, 0].float().clamp(_EDGE, 1 - _EDGE)
        truth = batch["mask"]
        pixel = -(truth * heat.log() + (1 - truth) * (1 - heat).log()).mean()
        both = (heat * truth).sum(dim=(1, 2))
        dice = 1 - (2 * both + 1) / ((heat + truth).sum(dim=(1, 2)) + 1)
        return pixel + 0.5 * dice.mean()

    def validate(self, module: nn.Module, data: Path) -> dict[str, float]:
        """Pixel F1 at 0.5, mean over held-out forgeries."""
        store, rng = self.store(data, "validation"), np.random.default_rng(0)
        device, f1 = next(module.parameters()).device, []
        for index in range(min(FED, len(store))):
            batch = _fed(store, np.array([index]), np.array([True]), rng)
            marked, truth = module(batch["image"].to(device))[0, 0].cpu() > 0.5, batch["mask"][0] > 0.5
            f1.append(float(2 * (marked & truth).sum() / (marked.sum() + truth.sum() + 1e-6)))
        return {"score": float(np.mean(f1))}


def _fed(store: Store, indexes: np.ndarray, forged: np.ndarray, rng: np.random.Generator) -> Batch:
    made = [forgery_heatmap.saved(store, int(i), bool(label), rng) for i, label in zip(indexes, forged, strict=True)]
    images = np.stack([image.transpose(2, 0, 1) for image, _, _ in made]).astype(np.float32) / 127.5 - 1.0
    masks = np.stack([mask if label else np.zeros_like(mask) for (_, _, mask), label in zip(made, forged, strict=True)])
    return {"image": torch.from_numpy(images), "mask": torch.from_numpy(masks.astype(np.float32))}


RECIPES = {"osn": Osn()}
