"""``pii-names``: a tagger of names and places over hashed parts of words (two-layer BiLSTM, Huang et al., 2015)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from veriscope.inference.networks.pii_names import (
    BUCKETS,
    FEATURES,
    NAME,
    TAGS,
    WINDOW,
    Word,
    entities,
    features,
    prepare,
    read,
    words,
)
from veriscope.train.hosts import hosted, sentences, slots
from veriscope.train.labelled_names import transcripts, vietnamese
from veriscope.train.people import Labelled, sentence, styled, western
from veriscope.train.recipe import Batch

EMBEDDING, HIDDEN = 32, 128
HELD_OUT = 1500  # made sentences for validation
NAMED = 0.75  # of the hosts, those that can take a name
IGNORED = -100


class Tagger(nn.Module):
    """N×L×FEATURES hashes → N×L×5 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(BUCKETS, EMBEDDING, padding_idx=0) for _ in range(FEATURES))
        self.mix = nn.Linear(FEATURES * EMBEDDING, HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, 2, batch_first=True, bidirectional=True, dropout=0.3)
        self.out = nn.Linear(2 * HIDDEN, len(TAGS))
        self.drop = nn.Dropout(0.3)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [table(x[..., index]) for index, table in enumerate(self.tables)]
        y = torch.relu(self.mix(self.drop(torch.cat(parts, -1))))
        return self.out(self.drop(self.lstm(y)[0]))


class PiiNames:
    """Recipe: own sentences, the training parts of PhoNER (Vietnamese) and of a set of transcripts."""

    name = NAME
    inputs: tuple[str, ...] = ("words",)
    outputs: tuple[str, ...] = ("logits",)
    dynamic: Mapping[str, Mapping[int, str]] = {"words": {0: "n", 1: "length"}, "logits": {0: "n", 1: "length"}}
    rate = 2e-3
    decay = 1e-2
    steps = 2400
    batch = 64

    def module(self) -> nn.Module:
        return Tagger()

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        rng = np.random.default_rng(seed)
        pools = [encoded(rows) for rows in (vietnamese(data, "train"), transcripts(data, "train")) if rows]
        hosts = _hosts(data, "train")
        while True:
            chosen: list[tuple[np.ndarray, np.ndarray]] = []
            for _ in range(self.batch):
                kind = rng.random()
                if kind < 0.35 and hosts:
                    chosen += encoded([_hosted(hosts, rng)])
                elif kind < 0.6 or not pools:
                    chosen += encoded([sentence(rng)])
                else:
                    pool = pools[0 if kind < 0.9 or len(pools) == 1 else 1]
                    chosen.append(pool[int(rng.integers(len(pool)))])
            longest = min(WINDOW, max(len(rows) for rows, _ in chosen))
            x = np.zeros((len(chosen), longest, FEATURES), np.int64)
            y = np.full((len(chosen), longest), IGNORED, np.int64)
            for index, (rows, tags) in enumerate(chosen):
                x[index, : len(rows[:longest])], y[index, : len(tags[:longest])] = rows[:longest], tags[:longest]
            x[rng.random(x.shape) < 0.06] = 0  # some parts of words unseen: names must be read by what is left
            x[rng.random(x.shape[:2]) < 0.05] = 0  # and some words: no single one may decide
            yield {"words": torch.from_numpy(x), "tags": torch.from_numpy(y)}

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        logits = module(batch["words"]).float()
        return nn.functional.cross_entropy(logits.flatten(0, 1), batch["tags"].flatten(), ignore_index=IGNORED)

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        rng = np.random.default_rng(1 << 20)
        sets = {
            "made": [sentence(rng) for _ in range(HELD_OUT)],
            "hosted": [_hosted(hosts, rng) for _ in range(HELD_OUT)] if (hosts := _hosts(data, "dev")) else [],
            "vietnamese": vietnamese(data, "dev"),
            "spoken": transcripts(data, "dev"),
        }
        figures = {name: f1(module, rows) for name, rows in sets.items() if rows}
        return {"score": float(np.mean(list(figures.values()))), **figures}

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.ones(1, WINDOW, FEATURES, dtype=torch.int64),)


def _hosts(data: Path, split: str) -> tuple[Sequence[str], Sequence[str]] | None:
    """Sentences that can take a name, and those that cannot; ``None`` where the sets are absent."""
    found = sentences(data, split)
    pools = [s for s in found if slots(s)], [s for s in found if not slots(s)]
    return pools if all(pools) else None


def _hosted(hosts: tuple[Sequence[str], Sequence[str]], rng: np.random.Generator) -> Labelled:
    pool = hosts[0 if rng.random() < NAMED else 1]
    text, spans = hosted(pool[int(rng.integers(len(pool)))], western(rng), rng)
    return styled(text, rng), spans


def f1(module: nn.Module, rows: Sequence[Labelled]) -> float:
    """Exact match of spans and kinds, both kinds together."""
    hits = guesses = truths = 0
    for text, spans in rows:
        found = words(text)
        logits = module(torch.from_numpy(prepare(features([w.text for w in found]))["words"])).float().numpy()
        guessed = {(e.start, e.end, e.kind) for e in entities(found, read({"logits": logits}, len(found)))}
        truth = set(spans)
        hits, guesses, truths = hits + len(guessed & truth), guesses + len(guessed), truths + len(truth)
    return 2 * hits / max(1, guesses + truths)


def encoded(rows: Sequence[Labelled]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hashes and tags of each text's words."""
    out = []
    for text, spans in rows:
        found = words(text)
        if found:
            out.append((features([w.text for w in found]), tags_of(found, spans)))
    return out


def tags_of(found: Sequence[Word], spans: Sequence[tuple[int, int, str]]) -> np.ndarray:
    """Index into ``TAGS`` for each word; a word belongs to a span that it lies in."""
    tags = np.zeros(len(found), np.int64)
    for start, end, kind in spans:
        first = True
        for index, word in enumerate(found):
            if word.start < end and start < word.end:
                tags[index] = TAGS.index(f"{'B' if first else 'I'}-{kind}")
                first = False
    return tags


RECIPES = {NAME: PiiNames()}
