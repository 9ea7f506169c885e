"""The text networks against TF-IDF and against the reference's recurrent network, under the same protocols.

``python bench/fake_news.py`` prints everything but the recurrent network; ``--parts`` picks, ``--networks N`` also
trains the recurrent network, N times over the folds (about ten seconds of one core each time for each fold).

* ``vfnd``: repeated stratified cross-validation, 10 × 5 folds; ``vfnd-domain`` and ``vfnd-site``: no domain, or no
  registered site, on both sides. Whether sites weigh alike is chosen inside the training folds, by three folds of the
  same kind.
* ``cross``: VN-news → VFND, with its copies of VFND articles and without them.
* ``covid``, ``liar``: official parts; choices were made on the validation part (``docs/models/fake-news-en.log.md``).
* ``shipped``: the English networks of the package on the official test parts; the Vietnamese ones learned from all.
* ``unseen``: what the shipped log odds are worth on sources that had no part in the fit.

Intervals are 95 %, from resampling the texts (``…_by_site``: the sites); gains are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import arguments, show
from fake_news_protocols import (
    Baseline,
    Ours,
    Recurrent,
    Scorer,
    inner_choice,
    paired,
    random_folds,
    spread,
)
from veriscope.inference.networks import fake_news
from veriscope.inference.networks.fake_news_ngrams import AS_WRITTEN, MESSAGE, PLAIN, STYLES, composed, look, prepare
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.recipes import _fake_news_data as texts
from veriscope.train.recipes._fake_news_data import Texts
from veriscope.train.recipes._fake_news_unseen import scaling, site_folds

Floats = NDArray[np.float64]
Figures = dict[str, float | str]
REPEATS, FOLDS = 10, 5
PARTS = ("vfnd", "vfnd-domain", "vfnd-site", "cross", "covid", "liar", "unseen", "shipped")


def repeated(known: Texts, grouping: Callable[[int], NDArray[np.int64]], repeats: int, scorer: Scorer) -> Floats:
    """Log odds of every text by a model that did not see its fold; repeats × N."""
    found = np.zeros((repeats, len(known.labels)))
    for repeat in range(repeats):
        folds = grouping(repeat)
        for fold in range(FOLDS):
            rest, left = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            found[repeat, left] = scorer(rest, left)
    return found


def vfnd(data: Path, networks: int, grouped_by: str) -> Figures:
    known = texts.vfnd_sites(data) if grouped_by else texts.vfnd(data)
    if grouped_by == "site":
        known = Texts(known.texts, known.labels, [texts.site(group) for group in known.groups])
    name = f"vfnd_{grouped_by}" if grouped_by else "vfnd"

    def grouping(seed: int) -> NDArray[np.int64]:
        if grouped_by:
            return site_folds(known.labels, known.groups, FOLDS, seed)
        return random_folds(known.labels, FOLDS, seed)

    candidates = {
        "written": Ours(known, AS_WRITTEN, 0.0, 0.1),
        "written, sites alike": Ours(known, AS_WRITTEN, 1.0, 0.1),
    }
    taken: dict[str, int] = dict.fromkeys(candidates, 0)

    def chosen(rest: NDArray[np.int64], left: NDArray[np.int64]) -> Floats:
        best = inner_choice(known, rest, candidates, grouped=bool(grouped_by))
        taken[best] += 1
        return candidates[best](rest, left)

    baseline = repeated(known, grouping, REPEATS, Baseline(known, bare=True))
    ours = repeated(known, grouping, REPEATS, chosen)
    found: Figures = {f"{name}_texts": float(len(known.labels))}
    found |= {f"{name}_chosen": ", ".join(f"{key}: {count}" for key, count in taken.items() if count)}
    found |= spread(f"{name}_tfidf", known.labels, baseline)
    found |= spread(f"{name}_ours", known.labels, ours)
    found |= paired(f"{name}_gain", known.labels, baseline, ours, known.groups if grouped_by else None)
    if networks:
        recurrent = repeated(known, grouping, networks, Recurrent(known))
        found |= spread(f"{name}_lstm", known.labels, recurrent)
        found |= paired(f"{name}_gain_over_lstm", known.labels, recurrent, ours[:networks], None)
    return found


def trained(name: str, known: Texts, other: Texts, ours: Ours, networks: int) -> Figures:
    """Fit on one set, judge another, once."""
    both = texts.joined([known, other])
    rest, left = np.arange(len(known.labels)), np.arange(len(known.labels), len(both.labels))
    baseline = Baseline(both, bare=ours.style is not MESSAGE)(rest, left)[None]
    found = spread(f"{name}_tfidf", other.labels, baseline)
    mine = Ours(both, ours.style, ours.power, ours.penalty)(rest, left)[None]
    found |= spread(f"{name}_ours", other.labels, mine)
    found |= paired(f"{name}_gain", other.labels, baseline, mine, None)
    raws = {"tfidf": baseline, "ours": mine}
    if networks:
        raws["lstm"] = Recurrent(both)(rest, left)[None]
        found |= spread(f"{name}_lstm", other.labels, raws["lstm"])
    copied = texts.overlap(other.texts, known.texts) >= texts.COPIED
    found[f"{name}_copied_from_training"] = float(copied.sum())
    if copied.any():
        for key, raw in raws.items():
            found |= spread(f"{name}_uncopied_{key}", other.labels[~copied], raw[:, ~copied])
    return found


def cross(data: Path, networks: int) -> Figures:
    posts, articles = texts.vn_news(data), texts.vfnd(data)
    rest = texts.without_copies(posts, articles)
    found: Figures = {
        "cross_posts": float(len(posts.labels)),
        "cross_posts_copied_from_vfnd": float(len(posts.labels) - len(rest.labels)),
        "cross_copies_of_fakes": float(posts.labels.sum() - rest.labels.sum()),
    }
    ours = Ours(articles, PLAIN, 0.0, 0.1)
    found |= trained("cross_with_copies", posts, articles, ours, networks)
    found |= trained("cross_without_copies", rest, articles, ours, networks)
    return found


def english(name: str, known: Texts, other: Texts, networks: int) -> Figures:
    return trained(name, known, other, Ours(other, MESSAGE, 0.0, 0.05), networks)


def unseen(data: Path) -> Figures:
    found: Figures = {}
    for name in STYLES:
        scale = scaling(name, data)
        found |= {f"{name}_auc": scale.auc, f"{name}_slope": scale.slope, f"{name}_offset": scale.offset}
    return found


def shipped(data: Path) -> Figures:
    """The networks of the package, as they answer, on the official test parts; Vietnamese has none."""
    infer = OnnxInfer()
    found: Figures = {}
    known = fake_news.vocabulary(infer.asset("fake-news-en", "vocabulary"))
    for name, other in (("covid", texts.constraint(data, "test")), ("liar", unnamed(texts.liar(data, "test")))):
        likely = [fake_news.read(infer.run("fake-news-en", fake_news.prepare([t], known)))[0] for t in other.texts]
        lstm = np.array([np.log(max(p[1], 1e-9) / max(p[0], 1e-9)) for p in likely])
        message = [prepare(look(composed(text), MESSAGE)) for text in other.texts]
        linear = np.array([infer.run("fake-news-en-message", fed)["log_odds"][0] for fed in message])
        found |= spread(f"shipped_{name}_lstm", other.labels, lstm[None])
        # scaled to sources never seen, its log odds have no threshold for any one source: only their order is judged
        ranked = spread(f"shipped_{name}_message", other.labels, linear[None])
        found |= {key: value for key, value in ranked.items() if "accuracy" not in key}
    return found


def unnamed(known: Texts) -> Texts:
    return Texts(known.texts, known.labels, [""] * len(known.texts))


def figures(data: Path, parts: tuple[str, ...], networks: int) -> Figures:
    made: Mapping[str, Callable[[], Figures]] = {
        "vfnd": lambda: vfnd(data, networks, ""),
        "vfnd-domain": lambda: vfnd(data, networks, "domain"),
        "vfnd-site": lambda: vfnd(data, networks, "site"),
        "cross": lambda: cross(data, networks),
        "covid": lambda: english("covid", texts.constraint(data, "train"), texts.constraint(data, "test"), networks),
        "covid-val": lambda: english(
            "covid_val", texts.constraint(data, "train"), texts.constraint(data, "val"), networks
        ),
        "liar": lambda: english(
            "liar", unnamed(texts.liar(data, "train")), unnamed(texts.liar(data, "test")), networks
        ),
        "unseen": lambda: unseen(data),
        "shipped": lambda: shipped(data),
    }
    found: Figures = {}
    for part in parts:
        found |= made[part]()
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=[*PARTS, "covid-val"])
    parser.add_argument("--networks", type=int, default=0, help="repeats with the recurrent network; needs torch")
    given = parser.parse_args()
    show(figures(given.data, tuple(given.parts), given.networks), as_json=given.json)


if __name__ == "__main__":
    main()
