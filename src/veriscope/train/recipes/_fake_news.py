"""The reference system's text classifier: a two-layer bidirectional LSTM, the greatest value over time, two classes.

The length of each text is handed to the LSTM, so that what fills up the 256 places counts for nothing, in neither
direction; the reference's description leaves that open. Everything else is as published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from veriscope.inference.networks.fake_news import LENGTH, PAD, RESERVED, UNKNOWN, VOCABULARY, encode, words
from veriscope.train.precision import half
from veriscope.train.recipe import Batch
from veriscope.train.recipes._fake_news_data import Texts, development, held_out

EMBEDDING, HIDDEN, LAYERS, DROPOUT = 100, 128, 2, 0.5
WORD_DROPOUT = 0.1  # share of the words that the training hides
LEAST = 2  # occurrences of a word that enters the vocabulary
LABEL_SMOOTHING = 0.05
RATE, DECAY = 2e-3, 1e-3


class FakeNews(nn.Module):
    """Tokens N×256 int64 → logits N×2 (real, fake)."""

    def __init__(self, vocabulary: int = VOCABULARY) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING, padding_idx=PAD)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, LAYERS, batch_first=True, bidirectional=True, dropout=DROPOUT)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * HIDDEN, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        embedded = self.embedding(tokens)
        if self.training:  # batches hold texts of like length, and the whole rectangle is four times as fast
            states = self.lstm(embedded)[0]
        else:
            lengths = (tokens != PAD).sum(1).clamp(min=1).cpu()
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1])
        filled = (tokens == PAD).unsqueeze(2)
        filled = filled & (torch.arange(tokens.shape[1], device=tokens.device) > 0).view(1, -1, 1)
        top: torch.Tensor = states.masked_fill(filled, -2.0).amax(1)  # states lie in (-1, 1)
        logits: torch.Tensor = self.head(self.dropout(top))
        return logits


class Served(nn.Module):
    """What is exported: tokens → probabilities."""

    def __init__(self, network: FakeNews) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network(tokens), 1)


def learn_vocabulary(texts: Sequence[str]) -> dict[str, int]:
    """The most frequent words of the texts, ties in alphabetical order, after the two reserved ones."""
    counts = Counter(word for text in texts for word in words(text))
    ranked = sorted((word for word, count in counts.items() if count >= LEAST), key=lambda w: (-counts[w], w))
    return {word: number for number, word in enumerate([*RESERVED, *ranked][:VOCABULARY])}


def encoded(texts: Sequence[str], known: Mapping[str, int]) -> NDArray[np.int64]:
    return np.stack([encode(text, known) for text in texts])


def hide(tokens: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Some words become unknown, so that the network does not lean on single ones."""
    chosen = torch.rand(tokens.shape, generator=generator) < WORD_DROPOUT
    return torch.where(chosen & (tokens != PAD), torch.full_like(tokens, UNKNOWN), tokens)


def endless(
    tokens: NDArray[np.int64], labels: NDArray[np.int64], weights: NDArray[np.float64], size: int, seed: int
) -> Iterator[Batch]:
    """Batches of texts of similar length, cut to the longest, for ever.

    Args:
        weights: how often each text is drawn, relative to the others.
    """
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    lengths = (tokens != PAD).sum(1)
    share = weights / weights.sum()
    while True:
        pool = random.choice(len(labels), min(len(labels), 16 * size), p=share, replace=True)
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        parts = [pool[i : i + size] for i in range(0, len(pool), size)]
        for i in random.permutation(len(parts)):
            chosen = parts[i]
            cut = torch.from_numpy(tokens[chosen][:, : max(1, int(lengths[chosen].max()))])
            yield {"tokens": hide(cut, generator), "label": torch.from_numpy(labels[chosen])}


def balanced(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Both classes drawn alike."""
    return np.where(labels == 1, 0.5 / max(1, (labels == 1).sum()), 0.5 / max(1, (labels == 0).sum()))


def log_odds(module: nn.Module, tokens: NDArray[np.int64], size: int = 64) -> NDArray[np.float64]:
    """Of fake, N."""
    lengths = (tokens != PAD).sum(1)
    order = np.argsort(lengths, kind="stable")
    found = np.zeros(len(tokens))
    module.eval()
    with torch.inference_mode():
        for i in range(0, len(order), size):
            chosen = order[i : i + size]
            logits = module(torch.from_numpy(tokens[chosen][:, : max(1, int(lengths[chosen].max()))])).float()
            found[chosen] = (logits[:, 1] - logits[:, 0]).numpy()
    return found


def trained(tokens: NDArray[np.int64], labels: NDArray[np.int64], known: int, passes: int, seed: int = 0) -> FakeNews:
    """The network after so many passes over all texts, without a checkpoint to choose: for cross-validation."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    module, size = FakeNews(known), 32
    steps = max(1, passes * len(labels) // size)
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=DECAY, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    source = endless(tokens, labels, balanced(labels), size, seed)
    module.train()
    for _ in range(steps):
        with half("cpu"):
            loss = cross_entropy(module, next(source))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return module.eval()


def cross_entropy(module: nn.Module, batch: Batch) -> torch.Tensor:
    logits = module(batch["tokens"]).float()
    loss: torch.Tensor = nn.functional.cross_entropy(logits, batch["label"], label_smoothing=LABEL_SMOOTHING)
    return loss


@cache
def material(data: Path, language: str) -> tuple[Texts, Texts, Mapping[str, int]]:
    """To fit on, to choose the checkpoint by, and the vocabulary of the former."""
    texts = development(data, language)
    kept = held_out(texts)
    fitted = texts.pick(~kept)
    return fitted, texts.pick(kept), learn_vocabulary(fitted.texts)


@dataclass
class FakeNewsRecipe:
    """One language. The vocabulary comes from the development texts that are fitted on."""

    language: str
    steps: int
    name: str = field(init=False)
    inputs: tuple[str, ...] = ("tokens",)
    outputs: tuple[str, ...] = ("probabilities",)
    dynamic: Mapping[str, Mapping[int, str]] = field(
        default_factory=lambda: {"tokens": {0: "n"}, "probabilities": {0: "n"}}
    )
    rate: float = RATE
    decay: float = DECAY
    batch: int = 32

    def __post_init__(self) -> None:
        self.name = f"fake-news-{self.language}"

    def module(self) -> nn.Module:
        return FakeNews()

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        fitted, _, known = material(data, self.language)
        return endless(encoded(fitted.texts, known), fitted.labels, balanced(fitted.labels), self.batch, seed)

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        return cross_entropy(module, batch)

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        _, kept, known = material(data, self.language)
        found = log_odds(module, encoded(kept.texts, known))
        fake, real = found[kept.labels == 1], found[kept.labels == 0]
        area = float((fake[:, None] > real).mean() + 0.5 * (fake[:, None] == real).mean())
        return {"score": area, "auc": area, "accuracy": float(((found > 0) == kept.labels).mean())}

    def example(self) -> tuple[torch.Tensor, ...]:
        tokens = torch.zeros(2, LENGTH, dtype=torch.int64)
        tokens[:, :9] = 2
        return (tokens,)
