"""Public sets of texts with names and places marked, read into one shape; empty where a set is absent."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from veriscope.train.people import Labelled

LABELS = {
    "PERSON_NAME": "PERSON",
    "NAME": "PERSON",
    "PERSON": "PERSON",
    "CITY": "LOCATION",
    "LOCATION": "LOCATION",
    "GPE": "LOCATION",
    "STREET_ADDRESS": "LOCATION",
}


@cache
def vietnamese(data: Path, split: str) -> list[Labelled]:
    """PhoNER-COVID19: names and places only; empty where the set is absent."""
    path = data / f"pii/phoner-covid19/{split}_syllable.json"
    out: list[Labelled] = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        row = json.loads(line)
        text, spans = "", []
        for word, tag in zip(row["words"], row["tags"], strict=True):
            start = len(text)
            text += word + " "
            kind = LABELS.get(tag[2:])
            if kind and tag[0] == "B":
                spans.append((start, start + len(word), kind))
            elif kind and tag[0] == "I" and spans:
                spans[-1] = (spans[-1][0], start + len(word), kind)
        out.append((text.rstrip(), spans))
    return out


@cache
def transcripts(data: Path, split: str) -> list[Labelled]:
    """Spoken-style utterances: names and places only; empty where the set is absent."""
    path = data / f"pii/spoken-pii/{split}.jsonl"
    out: list[Labelled] = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        row = json.loads(line)
        spans = [(e["start"], e["end"], LABELS[e["label"]]) for e in row["entities"] if e["label"] in LABELS]
        out.append((row["text"], spans))
    return out


@cache
def presidio(data: Path) -> list[Labelled]:
    """The made sentences of presidio-research, a test set: persons, street addresses, cities and countries."""
    path = data / "pii/presidio-research/synth_dataset_v2.json"
    rows = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return [
        (
            row["full_text"],
            [
                (s["start_position"], s["end_position"], LABELS[s["entity_type"]])
                for s in row["spans"]
                if s["entity_type"] in LABELS
            ],
        )
        for row in rows
    ]
