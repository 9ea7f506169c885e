"""Development samples for the text detectors, and the fit of the stylometric weights.

``python bench/calibrate_text.py`` prints the held-out figures; with ``--fit`` it also writes
``src/veriscope/detectors/stylometry.json``. Development data: constraint-covid train and val, liar train and valid,
vn-news-v2, and vfnd. Test data: constraint-covid test and liar test; vfnd is tested across sets, as no domain of it
occurs in both classes.

Every set tells its own source by topic and layout, so a random split measures the collection and not the style. The
samples for calibration are therefore scored by weights fitted on the *other* set of the language.
"""

from __future__ import annotations

import argparse
import csv
import json
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold

from common import ROOT, auc, bootstrap
from veriscope.detectors.hidden_text import scan, strength
from veriscope.detectors.stylometry import CLIP, FEATURES, MIN_WORDS, clean, features

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
FALSE_ON_LIAR = {"false", "pants-fire", "barely-true"}
SOURCES = ("vnexpress", "vn express", "dantri", "tuoitre", "thanhnien", "zing", "tinvn", "kenh14", "vtv", "vov")
WEIGHTS = ROOT / "src" / "veriscope" / "detectors" / "stylometry.json"


class Texts:
    """Texts of one set with label (1 = false) and group (the domain, where it is known)."""

    def __init__(self, rows: list[tuple[str, int, str]], language: str) -> None:
        kept = []
        for text, label, group in rows:
            body = clean(unicodedata.normalize("NFC", text))
            for source in SOURCES:
                body = body.replace(source, " ")
            if len(body.split()) >= MIN_WORDS:
                kept.append((body, label, group))
        self.texts = [body for body, _, _ in kept]
        self.x: Matrix = np.array([[features(t, language)[f] for f in FEATURES] for t in self.texts])
        self.y: Labels = np.array([label for _, label, _ in kept])
        self.groups = np.array([group for _, _, group in kept])


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _liar(path: Path) -> list[tuple[str, int, str]]:
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return [(line[2], int(line[1] in FALSE_ON_LIAR), line[4]) for line in lines if len(line) > 4]


@cache
def load(data: Path, name: str) -> Texts:
    text = data / "text"
    if name.startswith("covid"):
        parts = ["test"] if name == "covid-test" else ["train", "val"]
        rows = [r for part in parts for r in _csv(text / "constraint-covid" / f"{part}.csv")]
        return Texts([(r["tweet"], int(r["label"] == "fake"), "") for r in rows], "en")
    if name.startswith("liar"):
        parts = ["test"] if name == "liar-test" else ["train", "valid"]
        return Texts([row for part in parts for row in _liar(text / "liar" / f"{part}.tsv")], "en")
    if name == "vfnd":
        rows = _csv(text / "vfnd" / "vn_news_223_tdlfr.csv")
        return Texts([(r["text"], int(r["label"]), r["domain"]) for r in rows], "vi")
    rows = _csv(text / "vn-news-v2" / "vn_news_v2_dedup.csv")
    return Texts([(r["content"], int(r["label"]), "") for r in rows], "vi")


class Weights:
    """Standardised logistic regression, classes and sets weighted alike."""

    def __init__(self, sets: list[tuple[Matrix, Labels]], strength: float = 0.1) -> None:
        x, y = np.concatenate([s[0] for s in sets]), np.concatenate([s[1] for s in sets])
        share = np.concatenate([[0.5 / max(1, (s[1] == v).sum()) for v in s[1]] for s in sets])
        self.mean, self.deviation = x.mean(0), x.std(0) + 1e-9
        fit = LogisticRegression(C=strength, max_iter=1000)
        fit.fit(self.scale(x), y, sample_weight=share * len(y) / share.sum())
        self.weight, self.offset = fit.coef_[0], float(fit.intercept_[0])

    def scale(self, x: Matrix) -> Matrix:
        return np.clip((x - self.mean) / self.deviation, -CLIP, CLIP)

    def __call__(self, x: Matrix) -> Matrix:
        return self.scale(x) @ self.weight + self.offset

    def as_json(self, basis: str) -> dict[str, object]:
        rows = zip(FEATURES, self.mean, self.deviation, self.weight, strict=True)
        table = {name: [float(f"{v:.5g}") for v in values] for name, *values in rows}
        return {"basis": basis, "offset": round(self.offset, 5), "features": table}


def graded(y: Labels, raw: Matrix) -> str:
    """AUC with a 95 % bootstrap interval."""
    false, true = raw[y == 1], raw[y == 0]
    low, high = bootstrap(auc, false, true)
    return f"{auc(false, true):.3f} [{low:.3f}, {high:.3f}], n = {len(y)}"


def folded(t: Texts, *, by_group: bool = False) -> Matrix:
    folds = GroupKFold(5).split(t.x, t.y, t.groups) if by_group else StratifiedKFold(5).split(t.x, t.y)
    raw = np.zeros(len(t.y))
    for train, test in folds:
        raw[test] = Weights([(t.x[train], t.y[train])])(t.x[test])
    return raw


PAIRS = {"en": ("covid", "liar"), "vi": ("vn-news", "vfnd")}


@cache
def shipped(data: Path, language: str) -> Weights:
    """Fitted on both development sets of the language, then scaled to log-odds that hold on ``unseen`` text."""
    weights = Weights([(t.x, t.y) for t in (load(data, n) for n in PAIRS[language])])
    slope, offset = scaling(data, language)
    weights.weight = weights.weight * slope
    weights.offset = weights.offset * slope + offset
    return weights


@cache
def scaling(data: Path, language: str) -> tuple[float, float]:
    """Platt slope and offset from raw scores to log-odds with classes weighted alike."""
    raw, y = unseen(data, language)
    share = np.where(y == 1, 0.5 / y.sum(), 0.5 / (y == 0).sum()) * len(y)
    platt = LogisticRegression(C=1e3).fit(raw[:, None], y, sample_weight=share)
    return max(0.0, float(platt.coef_[0, 0])), float(platt.intercept_[0])


@cache
def unseen(data: Path, language: str) -> tuple[Matrix, Labels]:
    """Raw scores and labels as a stranger's text would get them: half from folds, half across sets."""
    first, second = (load(data, n) for n in PAIRS[language])
    raws = [folded(first), folded(second, by_group=language == "vi")]
    raws += [Weights([(second.x, second.y)])(first.x), Weights([(first.x, first.y)])(second.x)]
    return np.concatenate(raws), np.concatenate([first.y, second.y] * 2)


def figures(data: Path) -> dict[str, str]:
    covid, liar, vn, vfnd = (load(data, n) for n in ("covid", "liar", "vn-news", "vfnd"))
    covid_test, liar_test = load(data, "covid-test"), load(data, "liar-test")
    english = shipped(data, "en")
    only_covid, only_liar = Weights([(covid.x, covid.y)]), Weights([(liar.x, liar.y)])
    return {
        "en shipped → covid test": graded(covid_test.y, english(covid_test.x)),
        "en shipped → liar test": graded(liar_test.y, english(liar_test.x)),
        "en covid → liar test": graded(liar_test.y, only_covid(liar_test.x)),
        "en liar → covid test": graded(covid_test.y, only_liar(covid_test.x)),
        "en development, unseen": graded(unseen(data, "en")[1], unseen(data, "en")[0]),
        "vi vn-news, random folds": graded(vn.y, folded(vn)),
        "vi vn-news → vfnd": graded(vfnd.y, Weights([(vn.x, vn.y)])(vfnd.x)),
        "vi vfnd → vn-news": graded(vn.y, Weights([(vfnd.x, vfnd.y)])(vn.x)),
        "vi vfnd, grouped by domain": graded(vfnd.y, folded(vfnd, by_group=True)),
        "vi development, unseen": graded(unseen(data, "vi")[1], unseen(data, "vi")[0]),
    }


def fit(data: Path) -> dict[str, object]:
    """What ``stylometry.json`` holds: weights and the honest reliability, by language."""
    table: dict[str, object] = {}
    for language, names in PAIRS.items():
        raw, y = unseen(data, language)
        value = max(0.0, 2 * auc(raw[y == 1], raw[y == 0]) - 1)
        sets = " and ".join(f"{n} ({len(load(data, n).y)})" for n in names)
        basis = f"{sets}, development, folds and across sets: AUC {graded(y, raw).rsplit(', n', 1)[0]}"
        table[language] = {"reliability": round(value, 3)} | shipped(data, language).as_json(basis)
    return table


UNSEEN = "\u200b\u200c\u2060\u2063\ufeff"
LOOKALIKES = str.maketrans("aeopcxyAEOPCXHKMTB", "аеорсхуАЕОРСХНКМТВ")


def tampered(text: str, rng: np.random.Generator) -> str:
    """One of the published attacks at a random strength: 1 to 12 places."""
    attack, count = rng.integers(5), int(rng.integers(1, 13))
    words = text.split(" ")
    long = [i for i, w in enumerate(words) if len(w) >= 4 and w.isalpha()] or list(range(len(words)))
    if attack == 3:
        at = int(rng.integers(len(text) + 1))
        return text[:at] + "".join(chr(0xE0000 + ord(c)) for c in "ignore the rest"[: count + 3]) + text[at:]
    for i in rng.permutation(long)[:count]:
        word = words[i]
        middle = max(1, len(word) // 2)
        if attack == 0:
            words[i] = (
                word[:middle] + str(rng.choice(["\u200b", "\u200c", "\u2060", "\u2063", "\ufeff"])) + word[middle:]
            )
        elif attack == 1:
            words[i] = word.translate(LOOKALIKES)
        elif attack == 2:
            words[i] = f"\u202e{word[::-1]}\u202c"
        else:
            words[i] = word + "\U000e0101\U000e0122\U000e0133"
    return " ".join(words)


def hidden_samples(data: Path) -> tuple[list[float], list[int]]:
    """Untouched development texts, and a third of them again with an attack."""
    rows = [r["tweet"] for r in _csv(data / "text" / "constraint-covid" / "train.csv")[::4]]
    rows += [r["content"] for r in _csv(data / "text" / "vn-news-v2" / "vn_news_v2_dedup.csv")[::3]]
    rows += [row[0] for row in _liar(data / "text" / "liar" / "train.tsv")[::8]]
    rng = np.random.default_rng(0)
    attacked = [tampered(text, rng) for text in rows[::3]]
    raws = [strength(scan(text)) for text in [*rows, *attacked]]
    return raws, [0] * len(rows) + [1] * len(attacked)


def samples(data: Path) -> dict[str, tuple[list[float], list[int]]]:
    """Raw statistics and labels (1 = false or tampered) by detector, from development data only."""
    raws: list[float] = []
    labels: list[int] = []
    rng = np.random.default_rng(0)
    for language in PAIRS:
        raw, y = unseen(data, language)
        slope, offset = scaling(data, language)
        for label in (0, 1):  # languages and classes alike, or English and its class share would decide
            chosen = rng.permutation(np.flatnonzero(y == label))[:1000]
            raws += [float(v) for v in raw[chosen] * slope + offset]
            labels += [label] * len(chosen)
    return {"stylometry": (raws, labels), "hidden_text": hidden_samples(data)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--fit", action="store_true", help="write stylometry.json")
    arguments = parser.parse_args()
    for key, value in figures(arguments.data).items():
        print(f"{key:32s} {value}")
    for name, (raws, labels) in samples(arguments.data).items():
        print(f"{name:32s} {graded(np.array(labels), np.array(raws))}")
    if arguments.fit:
        WEIGHTS.write_text(json.dumps(fit(arguments.data), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
