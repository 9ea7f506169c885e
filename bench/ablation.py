"""The ablation of the reference paper on any folder of real and fake videos: what does the heatmap add?

Table 1 of DeepSentry (DFDC): fusion 98.60 AUC, 8.58 EER; plain ResNet34 97.95, 8.80. Every configuration is trained on
the same aligned faces with the same seeds; a video's score is the mean over its frames; no person, or original, spans
two parts when ``labels.csv`` names it as the group. Prepare once, run as long as there is time, call again to go on:

    python bench/ablation.py --videos DFDC --work runs/dfdc --device cuda --steps 20000
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common import arguments

PAPER = {"forgery-classifier": (0.9860, 0.0858), "plain-resnet34": (0.9795, 0.0880)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--videos", type=Path, required=True, help="labels.csv, or the folders real and fake")
    parser.add_argument("--work", type=Path, required=True, help="prepared faces and checkpoints")
    parser.add_argument("--networks", default="forgery-classifier,plain-resnet34")
    parser.add_argument("--frames", type=int, default=16, help="faces of each video")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--minutes", type=float, help="for each network; the same command goes on")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()

    from veriscope.detectors.forgery_classifier import first_stage
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.train.stacks import build
    from veriscope.train.stills import of_folder

    stacks = given.work / "stacks"
    if not (stacks / "rows.csv").exists():
        infer = OnnxInfer()
        count = build(of_folder(given.videos, given.frames), lambda image: first_stage(image, infer), stacks)
        print(f"{count} faces prepared", file=sys.stderr)
    rows = {name: grade(name, stacks, given) for name in given.networks.split(",")}
    if given.json:
        print(json.dumps({f"{name}_{key}": value for name, row in rows.items() for key, value in row.items()}))
        return
    print("| network | AUC | EER | videos | paper (DFDC) |\n|---|---|---|---|---|")
    for name, row in rows.items():
        paper = "{:.4f} / {:.4f}".format(*PAPER[name]) if name in PAPER else ""
        figures = " | ".join(f"{row[k]:.4f} [{row[k + '_low']:.4f}, {row[k + '_high']:.4f}]" for k in ("auc", "eer"))
        print(f"| {name} | {figures} | {row['videos']} | {paper} |")


def grade(name: str, stacks: Path, given: Any) -> dict[str, Any]:
    """Train one configuration, or go on with it, and judge the test part."""
    import torch

    from veriscope.train import metrics
    from veriscope.train.fit import fit
    from veriscope.train.recipes import recipe
    from veriscope.train.recipes.forgery_classifier import ForgeryClassifier

    chosen = recipe(name if name == "forgery-classifier" else f"forgery-classifier:{name}")
    assert isinstance(chosen, ForgeryClassifier)
    best = fit(
        chosen,
        stacks,
        given.work / name,
        steps=given.steps,
        minutes=given.minutes,
        device=given.device,
        workers=given.workers,
        validate_every=max(1, min(500, given.steps // 4)),
        progress=lambda line: print(name, line, file=sys.stderr),
    )
    module = chosen.module().to(given.device)
    module.load_state_dict(torch.load(best, map_location=given.device, weights_only=True))
    scores, labels = chosen.scores(module.eval(), stacks, "test")
    row: dict[str, Any] = {"videos": len(labels)}
    for key, statistic in (("auc", metrics.auc), ("eer", metrics.eer)):
        found = metrics.figure(statistic, scores, labels)
        row |= {key: found.value, f"{key}_low": found.low, f"{key}_high": found.high}
    return row


if __name__ == "__main__":
    main()
