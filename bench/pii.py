"""Personal data in text: F2 on sets that nothing was tuned on, Presidio's pattern recognisers beside it.

    python bench/pii.py [--data DIR] [--presidio PYTHON] [--development] [--json]

Token F2 is presidio-research's own figure: every word is right or wrong by its kind. ``span`` wants the same kind and
half of the characters of both in common, ``exact`` the very same characters, ``covered`` is the share of the characters
of personal data that any finding covers: what redaction is about. 95 % intervals resample texts.
Kinds: dates of birth count as dates, addresses and cities as places. Kinds nobody claims to find (organisations,
titles, ages, nationalities) are left out on both sides.
"""

# ruff: noqa: E501 - tables of labels are read unbroken

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common import arguments, show
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.pii import ALL_KINDS, PiiKind, find_pii

Spans = list[tuple[int, int, str]]
Row = tuple[str, Spans]
LABELS = {
    "PERSON": "person", "PERSON_NAME": "person", "NAME": "person", "STREET_ADDRESS": "place", "GPE": "place", "CITY": "place",
    "LOCATION": "place", "ZIP_CODE": "place", "CREDIT_CARD": "card", "DATE_TIME": "date", "DATE": "date", "PHONE_NUMBER": "phone",
    "PHONE": "phone", "EMAIL_ADDRESS": "email", "EMAIL": "email", "DOMAIN_NAME": "domain", "IBAN_CODE": "iban",
    "US_SSN": "identity", "US_DRIVER_LICENSE": "identity", "IP_ADDRESS": "ip", "URL": "domain", "US_ITIN": "identity",
    "US_PASSPORT": "identity", "US_BANK_NUMBER": "account", "CRYPTO": "wallet",
}  # fmt: skip
OWN = {
    PiiKind.BIRTH_DATE: "date",
    PiiKind.NATIONAL_ID: "identity",
    PiiKind.URL: "domain",
    PiiKind.TAX_ID: "identity",
}
SIX = ("card", "email", "iban", "identity", "ip", "domain")  # forms that a pattern can know
NAMES = ("person", "place")
DRAWS = 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--presidio", metavar="PYTHON", help="an interpreter that has presidio-analyzer: run it beside")
    parser.add_argument("--development", action="store_true", help="the development parts instead of the test sets")
    parser.add_argument(
        "--errors", metavar="SET", help="print what was missed and what was covered for nothing (development only)"
    )
    given = parser.parse_args()
    if given.errors and not given.development:
        parser.error("errors are for the development parts: the test sets are not to be read")
    infer = OnnxInfer()
    figures: dict[str, object] = {}
    for name, (rows, spoken, groups) in sets(given.data, development=given.development).items():
        if not rows:
            continue
        guesses = [own(text, infer, spoken=spoken) for text, _ in rows]
        if given.errors == name:
            errors(rows, guesses)
        figures |= graded(name, rows, guesses, groups)
        if given.presidio:
            theirs = presidio(given.presidio, [text for text, _ in rows])
            figures |= graded(f"{name}_presidio", rows, theirs, groups)
    show(figures, as_json=given.json)


def f2(data: Path, name: str, infer: OnnxInfer, most: int | None = None) -> float | None:
    """Token F2 of one test set over all its kinds; ``most`` texts of it."""
    rows, spoken, groups = sets(data, development=False)[name]
    if not rows[:most]:
        return None
    table = [tokens(text, truth, own(text, infer, spoken=spoken), groups["all"]) for text, truth in rows[:most]]
    return f_score(np.array(table).sum(0), 2)


def sets(data: Path, *, development: bool) -> dict[str, tuple[list[Row], bool, Mapping[str, Sequence[str]]]]:
    spoken = {
        "all": ("person", "place", "date", "phone", "email", "card"),
        "patterns": ("date", "phone", "email", "card"),
        "names": NAMES,
    }
    if development:
        return {
            "spoken_dev": (lines(data, "dev"), True, spoken),
            "spoken_train": (lines(data, "train"), True, spoken),
            "phoner_dev": (phoner(data, "dev"), False, {"names": NAMES, "date": ("date",)}),
        }
    kinds = (*SIX, "phone", "date")
    return {
        "presidio_research": (
            research(data),
            False,
            {
                "six": SIX,
                "patterns": kinds,
                "all": (*kinds, *NAMES),
                "names": NAMES,
                **{k: (k,) for k in (*kinds, *NAMES)},
            },
        ),
        "phoner_test": (phoner(data, "test"), False, {"names": NAMES, "person": ("person",), "place": ("place",)}),
        "spoken_test": (lines(data, "test"), True, spoken),
        "spoken_stress": (lines(data, "stress"), True, spoken),
    }


def research(data: Path) -> list[Row]:
    path = data / "pii/presidio-research/synth_dataset_v2.json"
    rows = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return [
        (
            r["full_text"],
            [(s["start_position"], s["end_position"], LABELS.get(s["entity_type"], "other")) for s in r["spans"]],
        )
        for r in rows
    ]


def lines(data: Path, split: str) -> list[Row]:
    path = data / f"pii/spoken-pii/{split}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
    return [(r["text"], [(e["start"], e["end"], LABELS[e["label"]]) for e in r["entities"]]) for r in rows]


def phoner(data: Path, split: str) -> list[Row]:
    path = data / f"pii/phoner-covid19/{split}_syllable.json"
    out: list[Row] = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        row = json.loads(line)
        text, spans = "", []
        for word, tag in zip(row["words"], row["tags"], strict=True):
            kind = LABELS.get(tag[2:], "other")
            if tag[0] == "B" or (tag[0] == "I" and (not spans or spans[-1][2] != kind)):
                spans.append((len(text), len(text) + len(word), kind))
            elif tag[0] == "I":
                spans[-1] = (spans[-1][0], len(text) + len(word), kind)
            text += word + " "
        out.append((text.rstrip(), spans))
    return out


def own(text: str, infer: OnnxInfer, *, spoken: bool) -> Spans:
    found = find_pii(text, infer, ALL_KINDS, spoken=spoken)
    return [(s.start, s.end, OWN.get(s.kind, s.kind.value)) for s in found]


def presidio(python: str, texts: Sequence[str]) -> list[Spans]:
    """Presidio's pattern recognisers without a language network, in their own environment."""
    script = Path(__file__).with_name("pii_presidio.py")
    done = subprocess.run(
        [python, str(script)], input=json.dumps(list(texts)), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"Presidio failed: {done.stderr[-500:]}")
    return [[(a, b, LABELS.get(kind, "other")) for a, b, kind in spans] for spans in json.loads(done.stdout)]


def graded(
    name: str, rows: Sequence[Row], guesses: Sequence[Spans], groups: Mapping[str, Sequence[str]]
) -> dict[str, object]:
    out: dict[str, object] = {f"{name}_texts": len(rows)}
    rng = np.random.default_rng(0)
    draws = rng.integers(len(rows), size=(DRAWS, len(rows)))
    for group, kinds in groups.items():
        for measure, counting, beta in (
            ("token_f2", tokens, 2), ("span_f2", overlapping, 2), ("exact_f1", exact, 1), ("covered", covered, 0)
        ):  # fmt: skip
            if len(kinds) == 1 and measure not in {"token_f2", "covered"}:
                continue
            table = np.array(
                [counting(text, truth, guess, kinds) for (text, truth), guess in zip(rows, guesses, strict=True)]
            )
            if not table[:, 2].any():
                continue
            key = f"{name}_{group}_{measure}"
            out[key] = round(f_score(table.sum(0), beta), 4)
            spread = [f_score(table[draw].sum(0), beta) for draw in draws]
            out[f"{key}_low"], out[f"{key}_high"] = (round(float(v), 4) for v in np.percentile(spread, [2.5, 97.5]))
    return out


def f_score(counts: np.ndarray, beta: float) -> float:
    """Counts are hits, guesses and truths; beta 0 gives recall here."""
    hits, guesses, truths = counts
    if beta == 0:
        return float(hits / max(1, truths))
    return float((1 + beta**2) * hits / max(1e-9, guesses + beta**2 * truths))


def tokens(text: str, truth: Spans, guess: Spans, kinds: Sequence[str]) -> tuple[int, int, int]:
    hits = guesses = truths = 0
    for word in re.finditer(r"\w+|[^\w\s]", text):
        right, said = (at(word.start(), word.end(), spans) for spans in (truth, guess))
        if right == "other":
            continue  # a kind nobody claims to find, or one left out: neither right nor wrong
        guesses += said in kinds
        truths += right in kinds
        hits += right in kinds and right == said
    return hits, guesses, truths


def at(start: int, end: int, spans: Spans) -> str:
    return next((kind for a, b, kind in spans if a < end and start < b), "")


def overlapping(text: str, truth: Spans, guess: Spans, kinds: Sequence[str]) -> tuple[int, int, int]:  # noqa: ARG001
    right = [s for s in truth if s[2] in kinds]
    others = [s for s in truth if s[2] == "other"]
    said = [s for s in guess if s[2] in kinds and not any(a < s[1] and s[0] < b for a, b, _ in others)]
    hits = sum(
        any(kind == k and 2 * common(a, b, c, d) >= max(b - a, d - c) for c, d, k in said) for a, b, kind in right
    )
    return hits, len(said), len(right)


def common(a: int, b: int, c: int, d: int) -> int:
    return max(0, min(b, d) - max(a, c))


def exact(text: str, truth: Spans, guess: Spans, kinds: Sequence[str]) -> tuple[int, int, int]:  # noqa: ARG001
    right, said = ({s for s in spans if s[2] in kinds} for spans in (truth, guess))
    return len(right & said), len(said), len(right)


def covered(text: str, truth: Spans, guess: Spans, kinds: Sequence[str]) -> tuple[int, int, int]:
    marked = {i for a, b, _ in guess for i in range(a, b)}
    wanted = [i for a, b, kind in truth if kind in kinds for i in range(a, b) if text[i].isalnum()]
    return sum(i in marked for i in wanted), len(marked), len(wanted)


def errors(rows: Sequence[Row], guesses: Sequence[Spans]) -> None:
    for (text, truth), guess in zip(rows, guesses, strict=True):
        for label, one, other in (("missed", truth, guess), ("extra", guess, truth)):
            for a, b, kind in one:
                if kind != "other" and not any(k == kind and common(a, b, c, d) * 2 >= b - a for c, d, k in other):
                    print(f"{label:7} {kind:9} {text[a:b]!r} in {text[max(0, a - 40) : b + 20]!r}")


if __name__ == "__main__":
    main()
