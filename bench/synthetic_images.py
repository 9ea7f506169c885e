"""Figures of the network ``synthetic-image``: generated pictures against photographs, both re-encoded alike.

    python bench/synthetic_images.py [--data DIR] [--json] [--retrain] [--limit N]

* ``faces_*``: StyleGAN2 against FFHQ, the half of the files that no training saw, reduced and saved alike. Baselines:
  what tables and metadata alone tell of the re-encoded files, what 16×16 thumbnails tell, and ``history``: FFHQ faces
  against themselves with the two sources' different first compressions. A network that reads history scores there.
* ``unseen_*``: the generators of cnndetection that the shipped network did not learn from, 64 pixels cut off each side.
* ``false_*``: photographs of the test fifth called generated at even odds: as stored, saved through a social chain,
  enlarged, as screenshots.
* ``left_out_*`` (``--retrain``, needs torch, minutes): every generator by networks trained without it and its family;
  ``simulated_*``: the same sets by a network that saw simulated generators only.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from common import arguments, auc, auc_interval, cpu_seconds, show, wilson
from datasets import pristine, spread
from scoring import facts_of
from veriscope.detectors.base import calibration
from veriscope.detectors.synthetic_image import SyntheticImage
from veriscope.inference.networks import synthetic_image as network
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.recipes import _synthetic_image_data as pictures
from veriscope.train.synthesis import chains
from veriscope.types import Image, Kind

Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]  # N×F statistics → N log-odds
ENCODINGS: Mapping[str, tuple[int, int]] = {"944_q90": (944, 90), "512_q90": (512, 90), "256_q75": (256, 75)}
SHARE = 0.25  # of all manipulated pictures that are generated as a whole: of the others this method sees nothing
SHARE_WORDS = f"whole pictures generated, taken for {SHARE:.0%} of all forgeries"
WORDS = "development photographs and generated pictures after saving chains, files not learnt from"
TABLES = {0: 75, 1: 80}  # the quality at which FFHQ (0) and StyleGAN2 (1) were stored


def encoded(image: Image, size: int, quality: int) -> bytes:
    return chains.jpeg(pictures.resized(image, size), quality)


def with_history(image: Image, quality: int) -> Image:
    """The face as if it had first been saved at another quality: the old grid is washed out before."""
    small = cv2.resize(image, (800, 800), interpolation=cv2.INTER_AREA)
    clean = np.asarray(cv2.resize(small, (1024, 1024), interpolation=cv2.INTER_CUBIC), np.uint8)
    return chains.decoded(chains.jpeg(clean, quality))


def thumbnail(image: Image) -> NDArray[np.float64]:
    return pictures.resized(image, 16).ravel() / 255.0


def by_baseline(train: tuple[Sequence[object], Sequence[int]], test: tuple[Sequence[object], Sequence[int]]) -> float:
    """AUC of a logistic regression fitted on development items."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    scores = model.fit(np.array(train[0]), train[1]).decision_function(np.array(test[0]))
    labels = np.array(test[1])
    return auc(scores[labels == 1], scores[labels == 0])


class Faces:
    """Statistics of both halves' faces in every encoding, computed once for all networks."""

    def __init__(self, data: Path) -> None:
        self.labels: list[int] = []
        self.features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in ENCODINGS}
        self.control: dict[str, dict[int, list[NDArray[np.float32]]]] = {n: {0: [], 1: []} for n in ENCODINGS}
        thumbs: dict[bool, tuple[list[object], list[int]]] = {False: ([], []), True: ([], [])}
        facts: dict[bool, tuple[list[object], list[int]]] = {False: ([], []), True: ([], [])}
        for test in (False, True):
            for face in pictures.faces(data, test=test):
                thumbs[test][0].append(thumbnail(face.pixels))
                thumbs[test][1].append(face.label)
                size, quality = ENCODINGS["512_q90"]
                facts[test][0].append(facts_of(encoded(face.pixels, size, quality))[:4])
                facts[test][1].append(face.label)
                if not test:
                    continue
                self.labels.append(face.label)
                for name, how in ENCODINGS.items():
                    self.features[name].append(network.features(chains.decoded(encoded(face.pixels, *how))))
                    if face.label == 0:
                        for side, first in TABLES.items():
                            again = chains.decoded(encoded(with_history(face.pixels, first), *how))
                            self.control[name][side].append(network.features(again))
        self.baselines = {
            "faces_tables_auc": by_baseline(facts[False], facts[True]),
            "faces_thumbnail_auc": by_baseline(thumbs[False], thumbs[True]),
        }

    def figures(self, prefix: str, score: Score) -> dict[str, object]:
        found: dict[str, object] = {}
        labels = np.array(self.labels)
        for name in ENCODINGS:
            logits = score(np.stack(self.features[name]))
            found |= auc_interval(f"{prefix}_{name}_auc", logits[labels == 1], logits[labels == 0])
            found[f"{prefix}_{name}_history_auc"] = auc(*(score(np.stack(self.control[name][s])) for s in (1, 0)))
        return found


def mean_interval(
    logits: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], prefix: str
) -> dict[str, object]:
    """AUC of every generator, and their mean with its interval by resampling pictures within each."""
    found: dict[str, object] = {}
    for name, (fake, real) in logits.items():
        found |= auc_interval(f"{prefix}_{name}_auc", fake, real)
    random, draws = np.random.default_rng(0), []
    for _ in range(500):
        draws.append(np.mean([auc(random.choice(f, f.size), random.choice(r, r.size)) for f, r in logits.values()]))
    found[f"{prefix}_mean_auc"] = float(np.mean([auc(f, r) for f, r in logits.values()]))
    low, high = np.percentile(draws, [2.5, 97.5])
    return found | {f"{prefix}_mean_auc_low": float(low), f"{prefix}_mean_auc_high": float(high)}


def split(score: Score, samples: pictures.Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    logits = score(samples.features)
    return logits[samples.labels == 1], logits[samples.labels == 0]


def photographs(data: Path, limit: int | None) -> dict[str, list[NDArray[np.float32]]]:
    """Test photographs as they come in: stored, through a chain, enlarged and saved, as a screenshot."""
    found: dict[str, list[NDArray[np.float32]]] = {"stored": [], "chain": [], "enlarged": [], "screenshot": []}
    for path in spread(pristine(data, "test"), limit):
        image = pictures.load(path)
        rng = np.random.default_rng(int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % (1 << 32))
        scale, method = rng.uniform(1.15, 2.0), (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
        large = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=method), np.uint8)
        made = {
            "stored": image,
            "chain": chains.resave(image, rng),
            "enlarged": chains.saved(large, rng, 75, 95),
            "screenshot": chains.screenshot(image, rng),
        }
        for name, pixels in made.items():
            if min(pixels.shape[:2]) >= network.SMALLEST:
                found[name].append(network.features(pixels))
    return found


def shipped(features: NDArray[np.float32]) -> NDArray[np.float64]:
    infer = OnnxInfer()
    return np.array([network.read(infer.run(network.NAME, {"features": row[None]})) for row in features])


def retrained(data: Path, variant: str) -> Score:
    import torch

    from veriscope.train.fit import fit
    from veriscope.train.recipes import recipe
    from veriscope.train.recipes.synthetic_image import SEEDS

    chosen, modules = recipe(f"synthetic-image:{variant}"), []
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as folder:
            best = fit(chosen, data, Path(folder), seed=seed, progress=lambda _: None)
            module = chosen.module()
            module.load_state_dict(torch.load(best, weights_only=True))
        modules.append(module.eval())

    def score(features: NDArray[np.float32]) -> NDArray[np.float64]:
        given = torch.from_numpy(np.asarray(features, np.float32))
        with torch.no_grad():
            return np.mean([module(given).numpy() for module in modules], axis=0, dtype=np.float64)

    return score


def entry(data: Path) -> dict[str, object]:
    """The calibration on development pictures that the network did not learn from, all through the saving chains."""
    from calibrate import calibrate
    from veriscope.train.recipes.synthetic_image import RECIPES

    _, held = RECIPES["synthetic-image"].samples(data)
    fitted = calibrate(shipped(held.features).tolist(), held.labels.tolist(), WORDS)
    if fitted is None:
        raise SystemExit("too few pictures to calibrate on")
    joined = replace(fitted, share=SHARE, basis=f"{fitted.basis}; {SHARE_WORDS}")
    return {f"{SyntheticImage.name}@{SyntheticImage.version}/image": asdict(joined)}


def cpu_time() -> float:
    image = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    infer = OnnxInfer()
    infer.run(network.NAME, network.prepare(image[:512, :512]))
    before = cpu_seconds()
    for _ in range(5):
        infer.run(network.NAME, network.prepare(image))
    return (cpu_seconds() - before) / 5


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--retrain", action="store_true", help="also train without each generator")
    parser.add_argument("--calibrate", action="store_true", help="print the calibration entry and nothing else")
    parser.add_argument("--limit", type=int, help="photographs for the false alarms")
    chosen = parser.parse_args()
    data, cache = chosen.data.resolve(), Path(tempfile.mkdtemp())
    if chosen.calibrate:
        print(json.dumps(entry(data), ensure_ascii=False, indent=1))
        return
    started = time.monotonic()
    faces = Faces(data)
    sets = {g: pictures.generated(data, cache, g) for g in (*pictures.LEARNT, *pictures.UNSEEN)}
    figures: dict[str, object] = dict(faces.baselines)
    figures |= faces.figures("faces", shipped)
    figures |= mean_interval({g: split(shipped, sets[g]) for g in pictures.UNSEEN}, "unseen")
    fitted = calibration(SyntheticImage.name, SyntheticImage.version, Kind.IMAGE)
    for name, features in photographs(data, chosen.limit).items():
        logits = shipped(np.stack(features))
        # without a calibration entry, the network's own even odds
        alarms = int(sum(logit > 0 if fitted is None else fitted(logit) > 0.5 for logit in logits.tolist()))
        low, high = wilson(alarms, len(logits))
        figures |= {f"false_{name}": alarms / len(logits), f"false_{name}_low": low, f"false_{name}_high": high}
    if chosen.retrain:
        left: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        for generator, samples in sets.items():
            left[generator] = split(retrained(data, f"without-{generator}"), samples)
        figures |= mean_interval(left, "left_out")
        alone = retrained(data, "simulated")
        figures |= faces.figures("simulated_faces", alone)
        figures |= mean_interval({g: split(alone, s) for g, s in sets.items()}, "simulated")
    figures |= {"cpu_12mp_s": cpu_time(), "bench_s": time.monotonic() - started}
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
