"""Sentences with names and places, written and spoken, English and Vietnamese, made from templates and lists of names.

The names are those of Faker's locales; the sentences were written for this purpose. Sets that are kept for tests gave
neither names nor sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

_PERSON, _LOCATION = frozenset("PFLI"), frozenset("ACS")
_OTHER_SCRIPTS = frozenset(("ja_JP", "zh_CN"))
Labelled = tuple[str, list[tuple[int, int, str]]]  # text, and start, end, kind of each name


@cache
def lists() -> Mapping[str, Sequence[str]]:
    """Templates and names by what they are for."""
    found: Mapping[str, Sequence[str]] = yaml.safe_load(
        files("veriscope.train").joinpath("people.yaml").read_text("utf-8")
    )
    return found


@cache
def _faker(locale: str) -> Any:
    from faker import Faker

    make: Callable[[str], Any] = Faker
    return make(locale)


def _vietnamese_person(rng: np.random.Generator) -> str:
    """Family name, none to two middle names, given name, as it is written in Vietnam."""
    middle = [str(rng.choice(lists()["middle"])) for _ in range(int(rng.choice(3, p=[0.15, 0.7, 0.15])))]
    return " ".join([str(rng.choice(lists()["family"])), *middle, str(rng.choice(lists()["given"]))])


def _initials(rng: np.random.Generator) -> str:
    letters = [str(rng.choice(list("ABCDĐGHKLMNPQSTVXY"))) for _ in range(int(rng.integers(1, 5)))]
    return ".".join(letters) + "."


def _vietnamese(rng: np.random.Generator) -> dict[str, Callable[[], str]]:
    def place() -> str:
        return str(rng.choice(lists()["places"]))

    def street() -> str:
        before = str(rng.choice(["đường ", "phố ", f"số {int(rng.integers(1, 400))} ", ""]))
        return before + str(rng.choice(lists()["streets"]))

    return {
        "P": lambda: _vietnamese_person(rng),
        "F": lambda: _vietnamese_person(rng).split()[-1],
        "L": lambda: _vietnamese_person(rng).split()[0],
        "I": lambda: _initials(rng),
        "C": place,
        "S": street,
        "A": lambda: f"{int(rng.integers(1, 500))} {street()}, {place()}, {place()}",
        "O": lambda: str(rng.choice(["Viettel", "VNPT", "Vinamilk", "An Khang", "Sao Mai", "FPT"])),
    }


def _western(rng: np.random.Generator) -> dict[str, Callable[[], str]]:
    locale = str(rng.choice(lists()["locales"]))
    fake = people = _faker(locale)
    if locale in _OTHER_SCRIPTS:  # names as they are written in Latin letters, at places that are
        fake = _faker("en_GB")

    def name() -> tuple[str, str]:
        if people is not fake:
            first, _, last = str(people.romanized_name()).partition(" ")
            return first, last
        return str(people.first_name()), str(people.last_name())

    def street() -> str:
        return str(fake.street_address()).replace("\n", " ")

    def address() -> str:
        whole = fake.address()
        return whole if rng.random() < 0.4 else whole.replace("\n", ", ")

    def person() -> str:
        kind = rng.random()
        first, last = name()
        if kind < 0.1:
            return f"{first} {first[0]}. {last}"
        return f"{first[0]}. {last}" if kind < 0.15 else f"{first} {last}"

    def city() -> str:
        kind = rng.random()
        return str(fake.country() if kind < 0.3 else fake.city())

    parts: dict[str, Callable[[], str]] = {
        "P": person, "F": lambda: name()[0], "L": lambda: name()[1], "I": lambda: _initials(rng),
        "C": city, "S": street, "A": address, "O": fake.company,
    }  # fmt: skip
    return parts


def fill(template: str, parts: dict[str, Callable[[], str]]) -> Labelled:
    """The template with its places filled, and where the names are."""
    text, found = "", []
    for index, piece in enumerate(template.split("{")):
        if index == 0:
            text += piece
            continue
        key, rest = piece[0], piece[2:]
        value = parts[key]()
        if key in _PERSON or key in _LOCATION:
            found.append((len(text), len(text) + len(value), "PERSON" if key in _PERSON else "LOCATION"))
        text += value + rest
    return text, found


def western(rng: np.random.Generator) -> dict[str, Callable[[], str]]:
    """What makes each part of a template, in a locale drawn from ``rng``; Faker's own chance is seeded from it."""
    from faker import Faker

    Faker.seed(int(rng.integers(1 << 31)))
    return _western(rng)


def sentence(rng: np.random.Generator) -> Labelled:
    """One made sentence."""
    vietnamese = rng.random() < 0.35
    if vietnamese:
        pool: Sequence[str] = lists()["vietnamese"] if rng.random() < 0.85 else lists()["vietnamese_nothing"]
    else:
        kind = rng.random()
        pool = lists()["english"] if kind < 0.6 else lists()["spoken"] if kind < 0.85 else lists()["nothing"]
    text, found = fill(str(rng.choice(pool)), _vietnamese(rng) if vietnamese else western(rng))
    return styled(text, rng, spoken=pool is lists()["spoken"]), found


def styled(text: str, rng: np.random.Generator, *, spoken: bool = False) -> str:
    """Sometimes as a transcript (no capitals, few marks), sometimes in capitals; characters keep their places."""
    if spoken or rng.random() < 0.15:
        return "".join(" " if c in ".,;:\n" else c.lower() if len(c.lower()) == 1 else c for c in text)
    if rng.random() < 0.05:
        return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
    return text
