"""The shipped files against what they were made from: ONNX against PyTorch, and the shipped precision against float32.

    python bench/agreement.py --runs DIR [--data DIR] [--only NAMES] [--json]

``DIR/NAME/best.pt`` is the checkpoint of each network. The inputs are those that the run-time code prepares from
development media (nothing from a test set). ``same`` is the share of equal decisions; what a decision is, stands in
``DECISIONS``. Networks without a checkpoint in DIR are left out.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common import ROOT, arguments, show
from veriscope.detectors.forgery_heatmap import SHIFT
from veriscope.inference.networks import edge_image, fake_news, plate_detector
from veriscope.inference.onnx import OnnxInfer, open_session
from veriscope.perception.names import find_names
from veriscope.perception.plates import THRESHOLD, find_plates
from veriscope.train.examination import examine, subject
from veriscope.train.export import export_module
from veriscope.train.labelled import Item, Sample
from veriscope.train.labelled_names import transcripts, vietnamese
from veriscope.train.portraits import HALF, ciplab
from veriscope.train.recipe import Recipe
from veriscope.train.recipes import recipe
from veriscope.train.recipes._fake_news import Served, material
from veriscope.train.recipes._fake_news_ship import trimmed
from veriscope.train.synthesis.chains import decoded
from veriscope.train.synthesis.store import photographs

WEIGHTS = ROOT / "src/veriscope/inference/weights"
MOST = 120  # feeds of each network, at most
Arrays = Mapping[str, NDArray[Any]]


def _boxes(out: Arrays) -> NDArray[np.intp]:
    return np.array([len(plate_detector.read(out, 1.0, THRESHOLD))])


# Of the outputs, and of the words fed in for pii-names: what follows from them, one value a decision.
DECISIONS: Mapping[str, Callable[[Arrays, Arrays], NDArray[Any]]] = {
    "forgery-heatmap": lambda out, _: out["maps"][:, 0].ravel() > -SHIFT,
    "forgery-classifier": lambda out, _: out["logits"].argmax(-1),  # the module itself gives no more than those
    "face-manipulation": lambda out, _: out.get("blended", out["logit"]) > 0,  # the half that was trained
    "synthetic-image": lambda out, _: out["logit"] > 0,
    "synthetic-speech": lambda out, _: out["logit"] > 0,
    "edge-image": lambda out, _: np.array([out["logit"].mean() > 0]),
    "fake-news-vi": lambda out, _: out["probabilities"][:, 1] > 0.5,
    "fake-news-en": lambda out, _: out["probabilities"][:, 1] > 0.5,
    "pii-names": lambda out, feed: out["logits"].argmax(-1)[feed["words"].any(-1)],
    "plate-detector": lambda out, _: _boxes(out),
    "plate-verifier": lambda out, _: out["logit"] > 0,
}


class Recorder:
    """Runs what it is asked to, and keeps the feeds."""

    def __init__(self) -> None:
        self._infer, self.feeds = OnnxInfer(), defaultdict[str, list[Arrays]](list)

    def run(self, model: str, inputs: Arrays) -> Arrays:
        if len(self.feeds[model]) < MOST:
            self.feeds[model].append({key: np.array(value) for key, value in inputs.items()})
        return self._infer.run(model, inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._infer, name)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder with NAME/best.pt")
    parser.add_argument("--only", help="networks, separated by commas")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [n for n in given.only.split(",") if n] if given.only else list(DECISIONS)
    figures: dict[str, object] = {}
    for name in (n for n in chosen if (given.runs / n / "best.pt").is_file()):
        feeds = FEEDS[name](name, given.data)
        torch_says, float_says, shipped = decided(name, given.runs / name / "best.pt", feeds, given.data)
        figures |= {
            f"{name}.decisions": int(shipped.size),
            f"{name}.onnx_as_torch": round(float(np.mean(float_says == torch_says)), 5),
            f"{name}.shipped_as_float32": round(float(np.mean(shipped == float_says)), 5),
        }
    show(figures, as_json=given.json)


def decided(name: str, checkpoint: Path, feeds: Sequence[Arrays], data: Path) -> tuple[NDArray[Any], ...]:
    """What PyTorch, float32 ONNX and the shipped file decide on the same inputs."""
    decide, made = DECISIONS[name], recipe(name)
    module = loaded(made, checkpoint, data)
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        export_module(module, made.example(), exact, made.inputs, made.outputs, made.dynamic)
        sessions = [open_session(path.read_bytes()) for path in (exact, shipped_file(name))]
        found: list[list[NDArray[Any]]] = [[], [], []]
        for feed in feeds:
            with torch.inference_mode():
                answer = module(*(torch.from_numpy(feed[key]) for key in made.inputs))
            parts = answer if isinstance(answer, tuple) else (answer,)
            names = made.outputs[-len(parts) :]
            outputs = [{k: part.float().numpy() for k, part in zip(names, parts, strict=True)}]
            for session in sessions:
                outputs.append(
                    dict(zip((o.name for o in session.get_outputs()), session.run(None, dict(feed)), strict=True))
                )
            for kept, out in zip(found, outputs, strict=True):
                kept.append(np.atleast_1d(decide(out, feed)))
    return tuple(np.concatenate(kept) for kept in found)


def shipped_file(name: str) -> Path:
    return WEIGHTS / f"{name}.onnx"


def loaded(made: Recipe, checkpoint: Path, data: Path) -> nn.Module:
    if made.name.startswith("fake-news"):
        known = material(data, made.name[-2:])[2]
        return Served(trimmed(checkpoint, len(known))).eval()
    module = made.module()
    module.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    return module.eval()


# development media, as the run-time code prepares them


def _items(paths: Sequence[Path]) -> list[Item]:
    return [Item(path.name, 0, lambda path=path: Sample(path.read_bytes())) for path in paths]  # type: ignore[misc]


def _through_detector(name: str, paths: Sequence[Path]) -> list[Arrays]:
    recorder = Recorder()
    examine(_items(paths), subject(name), infer=recorder)
    return recorder.feeds[name]


def _pictures(name: str, data: Path) -> list[Arrays]:
    every = 4 if name == "forgery-heatmap" else 1  # each place of a picture is a decision: a few pictures will do
    return _through_detector(name, photographs(data, "validation")[::every])


def _faces(name: str, data: Path) -> list[Arrays]:
    both = ciplab(data, "real", below=HALF)[: MOST // 2] + ciplab(data, "fake", below=HALF)[: MOST // 2]
    return _through_detector(name, both)


def _speech(name: str, data: Path) -> list[Arrays]:
    return _through_detector(name, sorted((data / "audio/librispeech").rglob("*.*"))[:MOST])


def _edge(_: str, data: Path) -> list[Arrays]:
    return [edge_image.prepare(decoded(path.read_bytes())) for path in photographs(data, "validation")]


def _plates(name: str, data: Path) -> list[Arrays]:
    recorder = Recorder()
    for path in photographs(data, "validation"):
        find_plates(decoded(path.read_bytes()), recorder)
    return recorder.feeds[name]


def _names(name: str, data: Path) -> list[Arrays]:
    recorder = Recorder()
    for text, _ in [*vietnamese(data, "dev")[: MOST // 2], *transcripts(data, "dev")[: MOST // 2]]:
        find_names(text, recorder)
    return recorder.feeds[name]


def _texts(name: str, data: Path) -> list[Arrays]:
    _, kept, _ = material(data, name[-2:])
    known = fake_news.vocabulary(OnnxInfer().asset(name, "vocabulary"))
    return [fake_news.prepare([text], known) for text in kept.texts[: 4 * MOST]]


FEEDS: Mapping[str, Callable[[str, Path], Sequence[Arrays]]] = {
    **dict.fromkeys(("forgery-heatmap", "forgery-classifier", "synthetic-image"), _pictures),
    "face-manipulation": _faces,
    "synthetic-speech": _speech,
    "edge-image": _edge,
    **dict.fromkeys(("plate-detector", "plate-verifier"), _plates),
    "pii-names": _names,
    **dict.fromkeys(("fake-news-vi", "fake-news-en"), _texts),
}


if __name__ == "__main__":
    main()
