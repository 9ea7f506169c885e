"""The n-gram networks: rarity weights and a linear model over hashed runs, fitted without torch, and their ONNX form.

Term frequencies are damped (1 + log), weighted by inverse document frequency and scaled to length one in each of the
two kinds of runs; then comes logistic regression with an L2 penalty, solved by Newton's method to the optimum, so that
the same texts always give the same weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy import optimize, sparse, special

from veriscope.inference.networks.fake_news_ngrams import Runs, Style, composed, counted, look

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
OPSET = 17
FEW = 1000  # texts up to which the fit turns to as many coordinates


class Counted(NamedTuple):
    """How often each bucket occurs in each text: N×buckets for either kind of runs."""

    words: sparse.csr_array
    letters: sparse.csr_array

    def rows(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Counted:
        return Counted(self.words[places], self.letters[places])


class Linear(NamedTuple):
    """``rarity`` and ``weights``: 2×buckets for words and letters."""

    rarity: Floats
    weights: Floats
    offset: float


def count(texts: Sequence[str], style: Style) -> Counted:
    found = [look(composed(text), style) for text in texts]
    return Counted(*(_matrix([f[kind] for f in found], style.buckets) for kind in (0, 1)))


def stacked(parts: Sequence[Counted]) -> Counted:
    return Counted(*(sparse.csr_array(sparse.vstack(kind)) for kind in zip(*parts, strict=True)))


def _matrix(runs: Sequence[Runs], buckets: int) -> sparse.csr_array:
    pairs = [counted(r) for r in runs]
    ends = np.cumsum([0, *(len(found) for found, _ in pairs)])
    data = (np.concatenate([c for _, c in pairs]), np.concatenate([b for b, _ in pairs]), ends)
    return sparse.csr_array(data, shape=(len(runs), buckets), dtype=np.float64)


def _scaled(counts: sparse.csr_array, rarity: Floats) -> sparse.csr_array:
    found = sparse.csr_array(counts, copy=True)
    found.data = (1 + np.log(found.data)) * rarity[found.indices]
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    found.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(found.indptr))
    return found


def fit(counts: Counted, labels: Labels, share: Floats, penalty: float = 0.1) -> Linear:
    """Args:
    share: weight of each text; the mean counts as 1.
    penalty: L2, the inverse of the usual C.
    """
    rarity = np.stack([_rarity(c) for c in counts])
    parts = [_scaled(c, r) for c, r in zip(counts, rarity, strict=True)]
    both = sparse.csr_array(sparse.hstack(parts))
    used = np.flatnonzero(np.bincount(both.indices, minlength=both.shape[1]))
    x: Any = sparse.csr_array(both[:, used])
    if x.shape[0] < FEW:  # as many coordinates as there are texts: under an L2 penalty that changes nothing
        values, vectors = np.linalg.eigh((x @ x.T).toarray())
        kept = values > 1e-9 * values[-1]
        basis, lengths = vectors[:, kept], np.sqrt(values[kept])
        rotated = solve(basis * lengths, labels, share, penalty)
        solution = np.append(x.T @ (basis @ (rotated[:-1] / lengths)), rotated[-1])
    else:
        solution = solve(x, labels, share, penalty)
    weights = np.zeros(both.shape[1])
    weights[used] = solution[:-1]
    return Linear(rarity, weights.reshape(2, -1), float(solution[-1]))


def solve(x: Any, labels: Labels, share: Floats, penalty: float) -> Floats:
    """Weights of the columns of ``x``, then the offset."""
    back = x.T
    sign = np.where(labels == 1, 1.0, -1.0)
    share = share / share.mean()

    def spread(solution: Floats) -> Floats:
        return np.asarray(x @ solution[:-1] + solution[-1])

    def gathered(by_text: Floats, solution: Floats) -> Floats:
        return np.append(back @ by_text + penalty * solution[:-1], by_text.sum())

    def cost(solution: Floats) -> tuple[float, Floats]:
        margin = sign * spread(solution)
        value = float(share @ np.logaddexp(0, -margin) + 0.5 * penalty * solution[:-1] @ solution[:-1])
        return value, gathered(-sign * share * special.expit(-margin), solution)

    def bend(solution: Floats, direction: Floats) -> Floats:
        likely = special.expit(spread(solution))
        return gathered(share * likely * (1 - likely) * spread(direction), direction)

    start = np.zeros(x.shape[1] + 1)
    solved = optimize.minimize(cost, start, jac=True, hessp=bend, method="Newton-CG", options={"xtol": 1e-5})
    return np.asarray(solved.x)


def _rarity(counts: sparse.csr_array) -> Floats:
    """Smoothed inverse document frequency, 0 for runs that never occurred."""
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.where(texts > 0, np.log((1 + counts.shape[0]) / (1 + texts)) + 1, 0.0)


def scores(model: Linear, counts: Counted) -> Floats:
    """Log odds of fake, N."""
    parts = [_scaled(c, r) @ w for c, r, w in zip(counts, model.rarity, model.weights, strict=True)]
    return np.asarray(parts[0] + parts[1] + model.offset, np.float64)


def shares(labels: Labels, sites: Sequence[str], power: float) -> Floats:
    """Weights of texts: both classes alike, and every site of n texts worth n^(1 − power).

    With power 1 a site with seventy texts speaks as loud as one with a single text, so that the model cannot settle
    for telling the largest two apart. Texts of unknown site count by themselves.
    """
    sizes = Counter(sites)
    found = np.array([1.0 if not s else float(sizes[s]) ** -power for s in sites])
    for label in (0, 1):
        if (labels == label).any():
            found[labels == label] /= found[labels == label].sum()
    return found


def export(model: Linear, target: Path) -> None:
    """Tables in half precision; the arithmetic is single. Inputs and outputs as in ``fake_news_ngrams``."""
    nodes, tables = [], []
    sums: list[str] = []
    for kind, rarity, weights in zip(("word", "letter"), model.rarity, model.weights, strict=True):
        for name, table in (("rarity", rarity), ("weights", weights)):
            tables.append(numpy_helper.from_array(table.astype(np.float16), f"{kind}_{name}"))
            nodes += [
                helper.make_node("Gather", [f"{kind}_{name}", f"{kind}s"], [f"{kind}_{name}_half"]),
                helper.make_node("Cast", [f"{kind}_{name}_half"], [f"{kind}_{name}_found"], to=TensorProto.FLOAT),
            ]
        nodes += [
            helper.make_node("Log", [f"{kind}_counts"], [f"{kind}_log"]),
            helper.make_node("Add", [f"{kind}_log", "one"], [f"{kind}_damped"]),
            helper.make_node("Mul", [f"{kind}_damped", f"{kind}_rarity_found"], [f"{kind}_values"]),
            helper.make_node("ReduceL2", [f"{kind}_values"], [f"{kind}_length"], keepdims=1),
            helper.make_node("Max", [f"{kind}_length", "least"], [f"{kind}_divisor"]),
            helper.make_node("Div", [f"{kind}_values", f"{kind}_divisor"], [f"{kind}_unit"]),
            helper.make_node("Mul", [f"{kind}_unit", f"{kind}_weights_found"], [f"{kind}_parts"]),
            helper.make_node("ReduceSum", [f"{kind}_parts"], [f"{kind}_sum"], keepdims=1),
        ]
        sums.append(f"{kind}_sum")
    nodes.append(helper.make_node("Sum", [*sums, "offset"], ["log_odds"]))
    for name, value in (("one", 1.0), ("least", 1e-9), ("offset", model.offset)):
        tables.append(numpy_helper.from_array(np.array([value], np.float32), name))
    inputs = [
        helper.make_tensor_value_info(name + ending, kind, [name])
        for name in ("word", "letter")
        for ending, kind in (("s", TensorProto.INT64), ("_counts", TensorProto.FLOAT))
    ]
    outputs = [helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, [1])] + [
        helper.make_tensor_value_info(f"{name}_parts", TensorProto.FLOAT, [name]) for name in ("word", "letter")
    ]
    graph = helper.make_graph(nodes, "fake_news_ngrams", inputs, outputs, tables)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(made)
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(made, str(target))
