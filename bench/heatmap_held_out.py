"""Grade and calibrate ``forgery-heatmap`` and ``forgery-classifier`` on forgeries of photographs they never saw.

    python bench/heatmap_held_out.py [--data DIR] [--count 200] [--calibrate] [--json]

Forgeries are made anew from the held-out development photographs, 384×256, by the recipe of the training with another
seed, and saved at random with their untouched twins. Genuine are the twins, and the held-out photographs at their own
size: as stored, and saved once more. Nothing is from a test set.

* ``f1_SHIFT``: mean pixel F1 of the network's map at 0.5, with each shift of its log-odds; ``f1`` that of the product.
* ``auc_twins``, ``auc_own_size``: the picture's score against each kind of genuine pictures.
* ``named_from``: the score that 2 % of the photographs at their own size exceed; ``marked_own_size``: share of their
  area that the shown map marks.
* ``--calibrate`` prints the entries of both detectors for ``detectors/calibration.json`` and nothing else.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate import calibrate
from common import arguments, auc_interval, bootstrap, show
from datasets import Item, resaved, stored
from scoring import Answers, scenes
from veriscope.detectors.base import Calibration
from veriscope.detectors.forgery_classifier import ForgeryClassifier
from veriscope.detectors.forgery_heatmap import PIXELS, SHIFT, SHOWN, ForgeryHeatmap, examine
from veriscope.train.recipes.forgery_heatmap import sent
from veriscope.train.synthesis.store import Part, opened, photographs
from veriscope.types import Policy

SHIFTS = (0.0, 0.5, 1.0, 1.25, 1.5, 1.75, 2.0)
SEED = 1  # 0 is what the checkpoint was chosen by
PART: Part = "validation"
WHY = "capped, because the forgeries are made by the recipes that it learned from"
LIMITS = {ForgeryHeatmap.name: (0.35, 0.75), ForgeryClassifier.name: (0.4, 0.65)}  # of the calibrated scores


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture's answers; ``f1`` by shift where it is forged, ``share`` of the shown map that is marked."""

    group: str  # forged, twin, own
    raw: float
    classifier: float
    mean: float  # of the first stage's map: the classifier's baseline
    f1: tuple[float, ...] = ()
    everything: float = 0.0
    share: float = 0.0


def made(data: Path, folder: Path, count: int) -> Iterator[Item]:
    """Forgeries and their twins, both after the same saves."""
    store = opened(folder, data, PART, count, SEED)
    for index in range(count):
        for forged in (True, False):
            image, jpeg, mask = sent(store, index, forged, np.random.default_rng([index, SEED]))
            content = jpeg or cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
            answer = (content, mask > 0 if forged else None)
            yield Item(f"{index}-{forged}", int(forged), lambda answer=answer: answer, "forged" if forged else "twin")


def own(data: Path) -> Iterator[Item]:
    """Held-out photographs at their own size, as stored and saved once more."""
    for path in photographs(data, PART):
        yield Item(path.name, 0, stored(path), "own")
        yield Item(path.name, 0, resaved(path), "own")


def answers(data: Path, count: int) -> list[Seen]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        items = [*made(data, Path(folder), count), *own(data)]
        for item, mask, _, scene, infer in scenes(items, Answers()):
            image = scene.image()
            examined = examine(image, scene, infer, PIXELS[Policy.STANDARD])
            second = ForgeryClassifier().inspect(scene, infer)
            assert second.raw is not None
            assert second.heatmap is not None
            seen = Seen(item.group, examined.logit, second.raw, float(second.heatmap.mean()))
            if mask is not None:
                if not mask.any():
                    continue
                logits = cv2.resize(examined.logits, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
                f1 = tuple(_f1(logits + shift > 0, mask) for shift in SHIFTS)
                seen = replace(seen, f1=f1, everything=_f1(np.ones_like(mask), mask))
            found.append(replace(seen, share=float(np.mean(examined.heat >= SHOWN))))
    return found


def _f1(marked: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    return float(2 * np.count_nonzero(marked & mask) / (np.count_nonzero(marked) + np.count_nonzero(mask)))


def figures(found: list[Seen]) -> dict[str, object]:
    groups = {name: [s for s in found if s.group == name] for name in ("forged", "twin", "own")}
    rows = np.array([s.f1 for s in groups["forged"]])
    best = rows[:, SHIFTS.index(SHIFT)]
    low, high = bootstrap(lambda one, _: float(np.mean(one)), best.tolist(), [0.0])
    out: dict[str, object] = {name: len(seen) for name, seen in groups.items()}
    out |= {f"f1_{shift:g}": float(value) for shift, value in zip(SHIFTS, rows.mean(axis=0), strict=True)}
    out |= {"f1": float(best.mean()), "f1_low": low, "f1_high": high}
    out["f1_everything"] = float(np.mean([s.everything for s in groups["forged"]]))
    raws = {name: [s.raw for s in seen] for name, seen in groups.items()}
    out |= auc_interval("auc_twins", raws["forged"], raws["twin"])
    out |= auc_interval("auc_own_size", raws["forged"], raws["own"])
    out |= {f"median_{name}": float(np.median(values)) for name, values in raws.items()}
    out["named_from"] = float(np.quantile(raws["own"], 0.98))
    out["marked_own_size"] = float(np.mean([s.share for s in groups["own"]]))
    second = {name: [s.classifier for s in seen] for name, seen in groups.items()}
    means = {name: [s.mean for s in seen] for name, seen in groups.items()}
    out |= auc_interval("classifier_auc_twins", second["forged"], second["twin"])
    out |= auc_interval("classifier_auc_own_size", second["forged"], second["own"])
    return out | auc_interval("classifier_baseline_auc_twins", means["forged"], means["twin"])


def entries(found: list[Seen]) -> dict[str, Calibration]:
    """Fitted on all of them; the reliability is that against photographs at their own size, which people send."""
    words = "held-out development photographs (as stored, saved again, twins) against own forgeries, saved alike"
    out = {}
    for method, field in ((ForgeryHeatmap, "raw"), (ForgeryClassifier, "classifier")):
        values = {group: [getattr(s, field) for s in found if s.group == group] for group in ("forged", "twin", "own")}
        genuine = values["twin"] + values["own"]
        fitted = calibrate(values["forged"] + genuine, [1] * len(values["forged"]) + [0] * len(genuine), words)
        if fitted is None:
            raise SystemExit("too few pictures to calibrate on")
        area, low, high = auc_interval("auc", values["forged"], values["own"]).values()
        floor, ceiling = LIMITS[method.name]
        told = f"{fitted.basis}; against photographs at their own size alone {area:.2f} [{low:.2f}, {high:.2f}]"
        out[f"{method.name}@{method.version}/image"] = replace(
            fitted,
            floor=floor,
            ceiling=ceiling,
            reliability=round(max(0.0, 2 * area - 1), 4),
            basis=f"{told}, which its reliability is taken from; {WHY}",
        )
    return out


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--count", type=int, default=200, help="forgeries")
    parser.add_argument("--calibrate", action="store_true", help="print the calibration entries and nothing else")
    chosen = parser.parse_args()
    found = answers(chosen.data.resolve(), chosen.count)
    if chosen.calibrate:
        print(json.dumps({key: asdict(entry) for key, entry in entries(found).items()}, ensure_ascii=False, indent=1))
        return
    show(figures(found), as_json=chosen.json)


if __name__ == "__main__":
    main()
