"""Small neural vocoders: what the last stage of a speech synthesiser does to a voice, learned here from scratch.

Generators in the manner of HiFi-GAN (Kong et al. 2020), iSTFTNet (Kaneko et al. 2022) and of neural codecs (Défossez et
al. 2022): a picture of the voice at some 80 values a second, brought back to the sampling rate by learned
up-sampling. They are far too small and too briefly trained to fool an ear, and need not be: what matters are the traces
that the construction leaves (images of transposed convolutions, magnitudes at mel resolution, phases made up).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import uniform_filter1d
from torch import nn
from torch.nn import functional

from veriscope.train.precision import half

Sound = NDArray[np.float32]
SOURCE_RATE = 16000
MELS = 80
SEGMENT = 32  # frames of a training piece
REPEATS = 15  # frames over which what repeats is averaged
LATENT = 64  # values a frame, between the encoder and the decoder of a codec


@dataclass(frozen=True, slots=True)
class Design:
    """One vocoder: its rate (Hz), strides from frames to samples, width, and how it is built."""

    name: str
    rate: int
    strides: tuple[int, ...]
    width: int
    sees: Literal["mel", "wave"] = "mel"  # "wave": a codec, with an encoder of its own
    upsampling: Literal["transposed", "nearest"] = "transposed"
    head: Literal["wave", "istft"] = "wave"

    @property
    def hop(self) -> int:
        return math.prod(self.strides) * (ISTFT_HOP if self.head == "istft" else 1)


ISTFT_SIZE, ISTFT_HOP = 16, 4
DESIGNS: tuple[Design, ...] = (
    Design("mel_transposed", 22050, (8, 8, 2, 2), 128),
    Design("mel_istft", 22050, (8, 8), 128, head="istft"),
    Design("codec_transposed", 22050, (8, 8, 4), 128, sees="wave"),
    Design("codec_wide_hop", 24000, (8, 5, 4, 2), 128, sees="wave"),
    Design("mel_nearest", 16000, (8, 8, 4), 128, upsampling="nearest"),
)


def mel_filters(rate: int, bins: int, count: int = MELS, top: float = 8000.0) -> NDArray[np.float32]:
    """``count`` × ``bins`` triangles of unit area, evenly spaced in mel up to ``top`` Hz."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + top / 700), count + 2) / 2595) - 1)
    hertz = np.linspace(0, rate / 2, bins)
    rise = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


class Generator(nn.Module):
    """Sound of N samples (N a multiple of the hop) to sound of N samples, through frames."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        self.register_buffer("filters", torch.from_numpy(mel_filters(design.rate, 513)), persistent=False)
        self.encoder = self._encoder() if design.sees == "wave" else nn.Identity()
        width = design.width
        self.first = nn.Conv1d(LATENT if design.sees == "wave" else MELS, width, 7, padding=3)
        self.up, self.blocks = nn.ModuleList(), nn.ModuleList()
        for stride in design.strides:
            if design.upsampling == "transposed":
                padding, odd = (stride + 1) // 2, stride % 2
                self.up.append(nn.ConvTranspose1d(width, width // 2, 2 * stride, stride, padding, odd))
            else:
                self.up.append(
                    nn.Sequential(nn.Upsample(scale_factor=stride), nn.Conv1d(width, width // 2, 7, padding=3))
                )
            width //= 2
            self.blocks.append(
                nn.ModuleList(
                    nn.Conv1d(width, width, size, padding=size // 2 * gap, dilation=gap)
                    for size in (3, 7)
                    for gap in (1, 3)
                )
            )
        self.last = nn.Conv1d(width, ISTFT_SIZE + 2 if design.head == "istft" else 1, 7, padding=3)

    def _encoder(self) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Conv1d(1, 16, 7, padding=3)]
        width = 16
        for stride in reversed(self.design.strides):
            layers += [nn.LeakyReLU(0.1), nn.Conv1d(width, 2 * width, 2 * stride, stride, (stride + 1) // 2)]
            width *= 2
        return nn.Sequential(*layers, nn.LeakyReLU(0.1), nn.Conv1d(width, LATENT, 3, padding=1))

    def frames(self, sound: torch.Tensor) -> torch.Tensor:
        """B×N to B×80×(N / hop): natural logarithm of mel magnitudes, as HiFi-GAN reads them."""
        hop = self.design.hop
        padded = functional.pad(sound[:, None], ((1024 - hop) // 2, 1024 - hop - (1024 - hop) // 2), "reflect")[:, 0]
        window = torch.hann_window(1024, device=sound.device)
        size = torch.stft(padded, 1024, hop, window=window, center=False, return_complex=True).abs()
        return torch.log(torch.clamp(self.filters @ size, min=1e-5))

    def forward(self, sound: torch.Tensor, blur: float = 0.0) -> torch.Tensor:
        """``blur`` > 0 smooths and disturbs the frames, as frames predicted from text are."""
        x = self.encoder(sound[:, None]) if self.design.sees == "wave" else self.frames(sound)
        if blur:
            kernel = torch.tensor([blur, 1.0, blur], device=x.device) / (1 + 2 * blur)
            x = functional.conv1d(x.reshape(-1, 1, x.shape[-1]), kernel[None, None], padding=1).reshape(x.shape)
        return self.decode(x, sound.shape[-1])

    def decode(self, x: torch.Tensor, length: int) -> torch.Tensor:
        x = self.first(x)
        for up, block in zip(self.up, self.blocks, strict=True):
            x = up(functional.leaky_relu(x, 0.1))
            for layer in block:
                x = x + layer(functional.leaky_relu(x, 0.1))
        x = self.last(functional.leaky_relu(x, 0.1)).float()
        if self.design.head == "wave":
            return torch.tanh(x[:, 0, :length])
        size = ISTFT_SIZE // 2 + 1
        spectrum = torch.polar(torch.exp(x[:, :size].clamp(max=4)), math.pi * torch.sin(x[:, size:]))
        spectrum = functional.pad(spectrum, (0, 1))
        window = torch.hann_window(ISTFT_SIZE, device=x.device)
        return torch.istft(spectrum, ISTFT_SIZE, ISTFT_HOP, window=window, length=length)


def spectral_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Distance of magnitudes, relative and logarithmic, at three resolutions (Yamamoto et al. 2020)."""
    total = made.new_zeros(())
    for size in (256, 1024, 2048):
        window = torch.hann_window(size, device=made.device)
        a, b = (
            torch.stft(x, size, size // 4, window=window, return_complex=True).abs().clamp(min=1e-5)
            for x in (made, wanted)
        )
        total = total + (a - b).norm() / b.norm() + (torch.log(a) - torch.log(b)).abs().mean()
    return total / 3


def at_rate(sound: Sound, rate: int, other: int) -> Sound:
    """``sound`` at ``other`` samples a second."""
    if rate == other:
        return sound
    common = math.gcd(rate, other)
    out: Sound = signal.resample_poly(sound, other // common, rate // common).astype(np.float32)
    return out


def train(
    design: Design,
    clips: Sequence[Sound],
    seconds: float,
    target: Path,
    seed: int = 0,
    batch: int = 16,
    steps: int | None = None,
) -> float:
    """Learn to rebuild ``clips`` (16 kHz, mono) for ``seconds``, or for ``steps`` where given.

    Writes the weights; returns the mean loss of the last fifty steps.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sounds = [at_rate(clip / max(1e-6, np.abs(clip).max()) * 0.9, SOURCE_RATE, design.rate) for clip in clips]
    model = Generator(design)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1.5e-3, betas=(0.8, 0.99), weight_decay=1e-3)
    length, start = SEGMENT * design.hop, time.monotonic()
    recent: list[float] = []
    while (done := (time.monotonic() - start) / seconds if steps is None else len(recent) / steps) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 1.5e-3 * (0.02 + 0.98 * math.cos(0.5 * math.pi * done) ** 2)
        pieces = []
        for _ in range(batch):
            sound = sounds[rng.integers(len(sounds))]
            at = int(rng.integers(max(1, len(sound) - length)))
            pieces.append(np.pad(sound[at : at + length], (0, max(0, length - len(sound) + at))) * rng.uniform(0.3, 1))
        wanted = torch.from_numpy(np.stack(pieces).astype(np.float32))
        with half("cpu"):
            made = model(wanted)
        made = made.float()
        loss = spectral_loss(made, wanted)
        if design.sees == "wave":
            loss = loss + 3 * (made - wanted).abs().mean() / wanted.abs().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        recent.append(float(loss.detach()))
        if len(recent) % 100 == 0:
            print(design.name, len(recent), f"{100 * done:.0f} %", f"{np.mean(recent[-100:]):.3f}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), target)
    return float(np.mean(recent[-50:]))


class Vocoder:
    """A trained generator as a function from sound to sound at 16 kHz."""

    def __init__(self, design: Design, weights: Path) -> None:
        self.design = design
        self._model = Generator(design).eval()
        self._model.load_state_dict(torch.load(weights, weights_only=True))

    @torch.no_grad()
    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """``sound`` (N, 16 kHz) rebuilt: N samples, same loudness, half of the time from blurred frames.

        Half of the time what repeats in every frame is taken out: longer training does so too, and a network that
        finds nothing but this buzz would be blind to better vocoders.
        """
        loud = float(np.sqrt((sound**2).mean())) + 1e-9
        own = at_rate(
            sound / np.float32(max(1e-6, np.abs(sound).max())) * np.float32(0.9), SOURCE_RATE, self.design.rate
        )
        padded = np.pad(own, (0, -len(own) % self.design.hop + 4 * self.design.hop))
        blur = float(rng.uniform(0.1, 0.7)) if self.design.sees == "mel" and rng.random() < 0.5 else 0.0
        with half("cpu"):
            made = self._model(torch.from_numpy(padded)[None], blur)[0].float().numpy()
        if rng.random() < 0.5:
            rows = made.reshape(-1, self.design.hop)
            made = (rows - uniform_filter1d(rows, REPEATS, axis=0)).ravel()
        out = at_rate(made[: len(own)], self.design.rate, SOURCE_RATE)
        out = np.pad(out, (0, max(0, len(sound) - len(out))))[: len(sound)]
        return (out * (loud / (np.sqrt((out**2).mean()) + 1e-9))).astype(np.float32)
