"""Real sentences as hosts of made names: a name takes the place of "he" or "someone", a city that of "here".

Templates teach a tagger the templates; people write in more ways than anybody makes up. Sentences in which a name may
already stand, which nobody has marked, are left out: every capital inside a sentence must be of a word that is known to
be none.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from veriscope.train.people import Labelled

_PERSON = re.compile(
    r"\b(?:I|he|she|they|we|you|him|them|us|me|someone|somebody|everyone|people|a man|a woman|the man|the woman|"
    r"the president|the governor|the mayor|the senator|the doctor|my opponent|my family|workers|voters|patients)"
    r"\b(?!['’]|\.\w)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:here|there|home|your area|"
    r"(?:our|this|the) (?:state|country|nation|city|area|region|community|county|world))\b"
)
_MOST = 3  # places for names filled in one sentence, at about
_KEPT = {"I", "I'm", "I've", "I'll", "I'd"}
_MONTHS = frozenset(
    [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
)
_WORDS = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_SEEN = 3  # times that a word must occur in small letters to be known as an ordinary one


@cache
def sentences(data: Path, split: str) -> Sequence[str]:
    """Sentences without an unmarked name, from public statements and messages; ``train`` or ``dev``, never tests."""
    texts = _texts(data, split)
    small = Counter(word for text in _texts(data, "train") for word in _WORDS.findall(text) if word.islower())
    found = {
        part.strip()
        for text in texts
        for part in re.split(r"(?<=[.!?])\s+", text)
        if 20 < len(part) < 240 and "http" not in part and "@" not in part and "#" not in part
    }
    if split != "train":
        found -= set(sentences(data, "train"))  # some statements were made twice
    return sorted(part for part in found if _nameless(part, small))


def _texts(data: Path, split: str) -> list[str]:
    out: list[str] = []
    liar = data / f"text/liar/{'train' if split == 'train' else 'valid'}.tsv"
    if liar.is_file():
        with liar.open(encoding="utf-8", newline="") as handle:
            rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            out += [row[2] for row in rows if len(row) > 2]
    covid = data / f"text/constraint-covid/{'train' if split == 'train' else 'val'}.csv"
    if covid.is_file():
        with covid.open(encoding="utf-8", newline="") as handle:
            out += [row["tweet"] for row in csv.DictReader(handle)]
    return out


def _nameless(sentence: str, small: Counter[str]) -> bool:
    for index, word in enumerate(_WORDS.findall(sentence)):
        if word[0].isupper() and word not in _KEPT | _MONTHS and small[word.lower()] < _SEEN:
            return False
        if index and word[0].isupper() and word not in _KEPT | _MONTHS and not word.isupper():
            return False  # "Rose", "Grant": ordinary words that may be names here; "DonaldTrump"
    return True


def _titled(sentence: str, rng: np.random.Generator) -> str:
    """One to three ordinary words with capitals ("the New Tax Plan"): a capital alone does not make a name."""
    found = list(re.finditer(r"\b[a-z]{3,}(?: [a-z]{3,}){0,2}\b", sentence))
    if not found:
        return sentence
    chosen = found[int(rng.integers(len(found)))]
    return sentence[: chosen.start()] + chosen.group().title() + sentence[chosen.end() :]


def hosted(sentence: str, parts: dict[str, Callable[[], str]], rng: np.random.Generator) -> Labelled:
    """The sentence with some of its places for names filled, and where the names are; often unchanged."""
    free = [(m.start(), m.end(), "PERSON") for m in _PERSON.finditer(sentence)]
    free += [(m.start(), m.end(), "LOCATION") for m in _PLACE.finditer(sentence)]
    text, found, at = "", [], 0
    if rng.random() < 0.25:
        sentence = _titled(sentence, rng)
    left_out = max(0.3, 1 - _MOST / max(1, len(free)))
    for start, end, kind in sorted(free):
        if start < at or rng.random() < left_out:
            continue
        value = parts["P" if rng.random() < 0.65 else "F" if rng.random() < 0.5 else "L"]() if kind == "PERSON" else ""
        if kind == "LOCATION":
            value = parts[str(rng.choice(list("CSA"), p=[0.6, 0.25, 0.15]))]()
            if sentence[start:end] in {"here", "there"}:
                text += sentence[at:start] + str(rng.choice(["in ", "at ", "from ", "near "]))
                at = start
        text += sentence[at:start]
        found.append((len(text), len(text) + len(value), kind))
        text += value
        at = end
    return text + sentence[at:], found


def slots(sentence: str) -> int:
    """How many names the sentence can take."""
    return len(_PERSON.findall(sentence)) + len(_PLACE.findall(sentence))
