"""What ``face_manipulation`` tells apart: ciplab's retouched faces, and the clips, one line each.

    python bench/faces.py [--data DIR] [--json] [--limit N] [--part test|dev] [--model FILE] [--calibrate]

ciplab is split by number, because neighbouring numbers can show one person: numbers from ``portraits.HALF`` on are the
test half, and no network learned from them. Both classes are judged as stored (their quantisation tables are the same)
and after both were saved again at 90 and at 75. Beside it stands what tables, size and metadata alone tell.
``--model`` judges another ONNX file of the same shape. Of the clips there are too few for a rate: each is named.
``--calibrate`` prints the detector's entries for ``calibration.json`` instead, fitted on held-out development faces.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from calibrate import calibrate
from common import arguments, auc, bootstrap, show, tpr
from datasets import Item, resaved, spread, stored
from detectors import baseline
from scoring import Answer, Answers, facts_of
from veriscope.detectors import face_manipulation as detector
from veriscope.detectors.face_manipulation import FaceManipulation
from veriscope.inference.networks import face_manipulation as network
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import open_scene
from veriscope.train.face_pairs import cached, folder
from veriscope.train.portraits import HALF, filmed
from veriscope.types import Finding, Infer

CLIPS = {  # 1: the face was swapped
    "dfdc-fake/abofeumbvv.mp4": 1,
    "dfdc-fake/abqwwspghj.mp4": 1,
    "celeb-df/id2_id0_0006.mp4": 1,
    "celeb-df/id60_id61_0006.mp4": 1,
    "celeb-df/id60_0008.mp4": 0,
    **{f"talking-heads/{n}.mp4": 0 for n in range(1, 6)},
}
IMAGE_CAP = (0.1, 0.9)
VIDEO_CAP, VIDEO_RELIABILITY = (0.4, 0.6), 0.1
DECIDED = 0.6  # calibrated probability above which the method alone is taken to have chosen a side


class Replaced:
    """The package's networks, with one of them from another file."""

    def __init__(self, model: Path) -> None:
        self._infer = OnnxInfer()
        self._session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        if model != network.NAME:
            return self._infer.run(model, inputs)
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))

    def version(self, model: str) -> str:
        return "under test" if model == network.NAME else self._infer.version(model)


def ciplab(data: Path, part: str, quality: int | None, limit: int | None) -> list[Item]:
    """One half of ciplab; with a quality both classes saved again alike."""
    items = []
    for label, kind in ((1, "fake"), (0, "real")):
        files = sorted((data / "images/faces/ciplab" / kind).glob("*.jpg"), key=lambda p: int(p.stem))
        files = [p for p in files if (int(p.stem) >= HALF) == (part == "test")]
        items += [Item(p.name, label, resaved(p, quality) if quality else stored(p)) for p in spread(files, limit)]
    return items


def judged(items: Sequence[Item], infer: Infer, child: DecodeChild) -> Answers:
    """The detector's answer about every picture, through the real scene."""
    answers, method = Answers(), FaceManipulation()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "item"
        for item in items:
            data, _ = item.load()
            path.write_bytes(data)
            answers.facts.append(facts_of(data))
            answers.labels.append(item.label)
            with open_scene(path, child=child, infer=infer) as scene:
                raw = method.inspect(scene, infer).raw
            answers.by_detector[method.name].append(Answer(item.label, "", raw, int(answers.facts[-1][0])))
    return answers


def faces(data: Path, part: str, limit: int | None, infer: Infer, child: DecodeChild) -> dict[str, object]:
    """AUC on ciplab as stored and saved again, with the baseline of each."""
    figures: dict[str, object] = {}
    for quality in (None, 90, 75):
        key = "ciplab" + (f"_{quality}" if quality else "")
        answers = judged(ciplab(data, part, quality, limit), infer, child)
        spoke = [a for a in answers.by_detector["face_manipulation"] if a.raw is not None]
        forged, genuine = ([a.raw for a in spoke if a.label == label and a.raw is not None] for label in (1, 0))
        figures[f"{key}_auc"] = auc(forged, genuine)
        figures[f"{key}_auc_low"], figures[f"{key}_auc_high"] = bootstrap(auc, forged, genuine)
        figures[f"{key}_tpr_at_fpr_5pct"] = tpr(forged, genuine, 0.05)
        figures[f"{key}_forged"], figures[f"{key}_genuine"] = len(forged), len(genuine)
        figures[f"{key}_abstained"] = len(answers.labels) - len(spoke)
        alone = baseline(answers)
        figures |= {f"{key}_tables_{name}": alone.get(name) for name in ("auc", "auc_low", "auc_high")}
    return figures


def clip(path: Path, infer: Infer, child: DecodeChild) -> Finding:
    """The detector's answer about one clip, through the real scene."""
    with open_scene(path, child=child, infer=infer) as scene:
        watch = FaceManipulation().watch(scene, infer)
        for frame in scene.frames():
            watch.see(frame, scene.look(frame) if frame.sampled else ())
        return watch.finish()


def side(finding: Finding) -> str:
    """The side that the calibrated score takes, if any."""
    if finding.score is None:
        return f"no score ({finding.reason})"
    if 1 - DECIDED <= finding.score <= DECIDED:
        return "inconclusive"
    return "altered" if finding.score > DECIDED else "genuine"


def clips(data: Path, infer: Infer, child: DecodeChild) -> dict[str, object]:
    figures: dict[str, object] = {}
    wrong = 0
    for name, label in CLIPS.items():
        found = clip(data / "video" / name, infer, child)
        said = side(found)
        wrong += said == ("genuine" if label else "altered")
        key = "clip_" + name.removesuffix(".mp4").replace("/", "_")
        figures[key] = "swapped" if label else "genuine"
        figures[f"{key}_raw"], figures[f"{key}_score"], figures[f"{key}_side"] = found.raw, found.score, said
        figures[f"{key}_frames"] = len(found.frames)
    return {**figures, "clips": len(CLIPS), "clips_on_the_wrong_side": wrong}


def entries(data: Path, infer: Infer) -> dict[str, object]:
    """Calibration from held-out development faces, after the re-saving chain: forged here, and by ciplab's experts.

    There are no genuine development clips. A frame of a clip stands in for one, filmed from the same faces, and the
    entry stays within ``VIDEO_CAP``: frames of one clip fail together, which single frames cannot show.
    """

    def logits(crops: NDArray[np.uint8], clip: bool = False) -> list[float]:
        parts = [crops[i : i + 32] for i in range(0, len(crops), 32)]
        readings = [detector.judged(list(part), infer) for part in parts]
        return [float(v) for reading in readings for v in (reading.blended if clip else reading.logits)]

    own = cached(data, folder(), validating=True)
    expert = cached(data, folder(), validating=True, retouched=True)
    crops = [np.concatenate([own.crops[:, side], expert.crops[:, side]]) for side in (0, 1)]
    genuine, forged = (logits(part) for part in crops)
    labels = [0] * len(genuine) + [1] * len(forged)
    words = "held-out development faces against self-blended, exchanged and retouched ones, saved again"
    image = calibrate(genuine + forged, labels, words)
    rng = np.random.default_rng(0)
    frames = [[filmed(crop, rng) for crop in part[: len(own.crops)]] for part in crops]
    genuine, forged = (logits(np.stack(part), clip=True) for part in frames)
    clip = calibrate(genuine + forged, [0] * len(genuine) + [1] * len(forged), "single filmed frames of the same faces")
    assert image is not None
    assert clip is not None
    image = replace(
        image,
        floor=IMAGE_CAP[0],
        ceiling=IMAGE_CAP[1],
        basis=image.basis + "; capped, because the crops show a few dozen people",
    )
    clip = replace(
        clip,
        floor=VIDEO_CAP[0],
        ceiling=VIDEO_CAP[1],
        reliability=min(clip.reliability, VIDEO_RELIABILITY),
        basis=clip.basis + "; capped, because there are no genuine development clips",
    )
    key = f"{FaceManipulation.name}@{FaceManipulation.version}"
    return {f"{key}/image": asdict(image), f"{key}/video": asdict(clip)}


def main(arguments_given: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, help="faces of each class")
    parser.add_argument("--part", choices=["test", "dev"], default="test")
    parser.add_argument("--model", type=Path, help="another ONNX file")
    parser.add_argument("--calibrate", action="store_true", help="print entries for calibration.json")
    parser.add_argument("--only", choices=["faces", "clips"])
    given = parser.parse_args(arguments_given)
    infer: Infer = Replaced(given.model) if given.model else OnnxInfer()
    if given.calibrate:
        print(json.dumps(entries(given.data, infer), indent=1))
        return
    figures: dict[str, object] = {"part": given.part}
    child = DecodeChild(Limits())
    try:
        if given.only != "clips":
            figures |= faces(given.data, given.part, given.limit, infer, child)
        if given.only != "faces":
            figures |= clips(given.data, infer, child)
    finally:
        child.close()
    show({k: None if isinstance(v, float) and np.isnan(v) else v for k, v in figures.items()}, as_json=given.json)


if __name__ == "__main__":
    main()
