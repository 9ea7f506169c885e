"""``edge-image``: the spectrum of fine detail, computed inside the network, and a head taught by the server's networks.

A convolutional network of this size learns little from a few thousand pictures; a fixed Fourier transform of high-pass
residuals gives it the traces of up-sampling for free (Zhang et al., WIFS 2019), as matrix products that every browser
runtime has. The head imitates what the teachers said of the same pictures (Hinton et al., "Distilling the knowledge in
a neural network", 2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from veriscope.inference.networks import edge_image as network
from veriscope.inference.networks import synthetic_image as teacher
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.metrics import auc
from veriscope.train.recipe import Batch
from veriscope.train.recipes import _synthetic_image_data as pictures
from veriscope.train.recipes.synthetic_image import cache

WINDOW = 64
FOLDED = WINDOW // 2 + 1
PLANES = 4
SHARDS = 1  # of simulated twins
HARD = 0.3  # share of the true label in the target; the rest is the teacher's probability
LIMIT = 4.0


class Spectra(nn.Module):
    """N×3×224×224 in [0, 255] → N×(4·561 + 16): mean log power of residuals, folded to a triangle, and their spread."""

    def __init__(self) -> None:
        super().__init__()
        colours = torch.tensor([[0.299, 0.587, 0.114], [0.5, -0.4187, -0.0813], [-0.1687, -0.3313, 0.5]])
        self.register_buffer("colours", colours[:, :, None, None])
        cross = torch.tensor([[-1.0, 2.0, -1.0], [2.0, -4.0, 2.0], [-1.0, 2.0, -1.0]]) / 4
        soft = torch.full((3, 3), -1.0 / 9)
        soft[1, 1] += 1.0
        kernels = torch.stack([soft, cross, soft, soft])[:, None]
        self.register_buffer("kernels", kernels)
        self.register_buffer("clip", torch.tensor([3.0, 30.0, 3.0, 3.0])[None, :, None, None])
        n = torch.arange(WINDOW, dtype=torch.float64)
        hann = 0.5 - 0.5 * torch.cos(2 * torch.pi * (n + 0.5) / WINDOW)
        angle = 2 * torch.pi * torch.outer(torch.arange(FOLDED, dtype=torch.float64), n) / WINDOW
        self.register_buffer("cosine", (torch.cos(angle) * hann).float())
        self.register_buffer("sine", (torch.sin(angle) * hann).float())
        rows, columns = torch.triu_indices(FOLDED, FOLDED)
        self.register_buffer("above", (rows * FOLDED + columns)[1:])
        self.register_buffer("below", (columns * FOLDED + rows)[1:])
        self.colours: torch.Tensor
        self.kernels: torch.Tensor
        self.clip: torch.Tensor
        self.cosine: torch.Tensor
        self.sine: torch.Tensor
        self.above: torch.Tensor
        self.below: torch.Tensor

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        ycc = nn.functional.conv2d(patches, self.colours)
        planes = torch.cat([ycc[:, :1], ycc], dim=1)
        residual = nn.functional.conv2d(planes, self.kernels, groups=PLANES, padding=1)
        residual = torch.minimum(torch.maximum(residual, -self.clip), self.clip)
        parts = [self._log_power(residual[:, :, start : start + 192, start : start + 192]) for start in (8, 24)]
        log = ((parts[0] + parts[1]) / 2).flatten(2)
        folded = (log[:, :, self.above] + log[:, :, self.below]) / 2
        cells = torch.log(nn.functional.avg_pool2d(residual.abs(), 28) + 0.1).flatten(2)
        spread = [cells.mean(2), cells.amax(2), cells.amin(2), (cells - cells.mean(2, keepdim=True)).abs().mean(2)]
        return torch.cat([folded.flatten(1), *spread], dim=1)

    def _log_power(self, planes: torch.Tensor) -> torch.Tensor:
        """Mean over nine windows of the log power at both signs of the vertical frequency: N×4×33×33."""
        count = planes.shape[0]
        windows = planes.reshape(count, PLANES, 3, WINDOW, 3, WINDOW).permute(0, 1, 2, 4, 3, 5)
        across_cos, across_sin = windows @ self.cosine.T, windows @ self.sine.T
        cc, ss = self.cosine @ across_cos, self.sine @ across_sin
        sc, cs = self.sine @ across_cos, self.cosine @ across_sin
        positive = (cc - ss) ** 2 + (sc + cs) ** 2
        negative = (cc + ss) ** 2 + (sc - cs) ** 2
        log = torch.log(positive + 1.0) + torch.log(negative + 1.0)
        return log.mean(dim=(2, 3)) / 2


COUNT = PLANES * (FOLDED * (FOLDED + 1) // 2 - 1) + 4 * PLANES


class Edge(nn.Module):
    """Patches → logits. The head works on standardised and clipped statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.spectra = Spectra()
        self.register_buffer("middle", torch.zeros(COUNT))
        self.register_buffer("spread", torch.ones(COUNT))
        self.middle: torch.Tensor
        self.spread: torch.Tensor
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(COUNT, 48), nn.GELU(), nn.Dropout(0.3), nn.Linear(48, 1))

    def judge(self, statistics: torch.Tensor) -> torch.Tensor:
        scaled = ((statistics - self.middle) / self.spread).clamp(-LIMIT, LIMIT)
        found: torch.Tensor = self.head(scaled).squeeze(1)
        return found

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return self.judge(self.spectra(patches))


def statistics(images: Iterator[pictures.Picture]) -> NDArray[np.float32]:
    """Mean statistics over each picture's patches, N×``COUNT``."""
    spectra, rows = Spectra().eval(), []
    with torch.no_grad():
        for picture in images:
            patches = torch.from_numpy(network.prepare(picture.pixels)["patches"])
            rows.append(spectra(patches).mean(0).numpy())
    return np.stack(rows)


class EdgeImage:
    """The recipe. Pictures and teacher's statistics are those of ``synthetic-image``."""

    name = "edge-image"
    inputs = ("patches",)
    outputs = ("logit",)
    dynamic: Mapping[str, Mapping[int, str]] = {"patches": {0: "count"}, "logit": {0: "count"}}
    rate = 1e-3
    decay = 0.3
    steps = 800
    batch = 256

    def __init__(self) -> None:
        self.folder = cache()
        self._rows: dict[str, NDArray[np.float32]] = {}

    def rows(self, data: Path) -> dict[str, NDArray[np.float32]]:
        """Statistics, teacher's log-odds, labels, and whether a row is held out, over all development pictures."""
        if self._rows:
            return self._rows
        path = self.folder / "edge-image.npz"
        if not path.exists():
            found, samples = [], []
            for seed in range(SHARDS):
                samples.append(pictures.simulated(data, self.folder, seed))
                found.append(statistics(pictures.made(data, seed)))
            samples.append(pictures.genuine(data, self.folder))
            found.append(statistics(pictures.whole(data)))
            for generator in pictures.LEARNT:
                samples.append(pictures.generated(data, self.folder, generator))
                found.append(statistics(pictures.cnndetection(data, [generator])))
            samples.append(pictures.development_faces(data, self.folder))
            found.append(statistics(pictures.face_variants(data)))
            joined = pictures.Samples.joined(samples)
            np.savez(
                path,
                statistics=np.concatenate(found),
                features=joined.features,
                labels=joined.labels.astype(np.float32),
                held=np.array([pictures.digest(f"held {name}") % 5 == 0 for name in joined.sources]),
            )
        with np.load(path) as stored:
            self._rows = {key: stored[key] for key in stored.files}
        self._rows["teacher"] = teacher_logits(self._rows["features"])
        return self._rows

    def module(self) -> nn.Module:
        return Edge()

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        rows = self.rows(data)
        learn = np.flatnonzero(~rows["held"].astype(bool))
        rng = np.random.default_rng(seed)
        soft = 1.0 / (1.0 + np.exp(-rows["teacher"][learn]))
        target = torch.from_numpy((HARD * rows["labels"][learn] + (1 - HARD) * soft).astype(np.float32))
        values = torch.from_numpy(rows["statistics"][learn])
        yield {"statistics": values, "target": target, "first": torch.ones(1)}
        while True:
            chosen = torch.from_numpy(rng.choice(len(learn), self.batch))
            yield {"statistics": values[chosen], "target": target[chosen], "first": torch.zeros(1)}

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        assert isinstance(module, Edge)
        values = batch["statistics"]
        if bool(batch["first"]) and not bool((module.spread != 1).any()):
            module.middle.copy_(values.median(dim=0).values)
            module.spread.copy_(values.std(dim=0) + 1e-3)
        with torch.autocast(values.device.type, enabled=False):
            return nn.functional.binary_cross_entropy_with_logits(module.judge(values), batch["target"])

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        assert isinstance(module, Edge)
        rows = self.rows(data)
        held = rows["held"].astype(bool)
        logits = module.judge(torch.from_numpy(rows["statistics"][held])).numpy()
        fake, said = rows["labels"][held] == 1, rows["teacher"][held]
        agreement = float(((logits > 0) == (said > 0)).mean())
        own = auc(logits[fake], logits[~fake])
        return {
            "agreement": agreement,
            "auc": own,
            "teacher_auc": auc(said[fake], said[~fake]),
            "score": own + agreement,
        }

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.rand(2, 3, network.PATCH, network.PATCH) * 255,)


def teacher_logits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    infer = OnnxInfer()
    found = infer.run(teacher.NAME, {"features": features.astype(np.float32)})
    return np.asarray(found["logit"], np.float32).reshape(-1)


RECIPES = {"edge-image": EdgeImage()}
