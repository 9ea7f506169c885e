"""The browser's network against its teacher, on the generators of cnndetection that neither learned from.

    python bench/edge_images.py [--data DIR] [--json]

``edge_auc`` and ``teacher_auc`` with 95 % intervals over pictures; ``same_decision`` at even odds.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from common import arguments, auc, auc_interval, show
from veriscope.inference.networks import edge_image as edge
from veriscope.inference.networks import synthetic_image as teacher
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.recipes import _synthetic_image_data as pictures


def main() -> None:
    given = arguments(__doc__).parse_args()
    infer, figures = OnnxInfer(), dict[str, object]()
    found: list[tuple[str, int, float, float]] = []
    for generator in pictures.UNSEEN:
        for picture in pictures.cnndetection(given.data, [generator]):
            own = edge.read(infer.run(edge.NAME, edge.prepare(picture.pixels)))
            taught = teacher.read(infer.run(teacher.NAME, teacher.prepare(picture.pixels)))
            found.append((generator, picture.label, own, taught))
        rows = [row for row in found if row[0] == generator]
        figures[f"edge_auc_{generator}"] = auc([r[2] for r in rows if r[1]], [r[2] for r in rows if not r[1]])
    for name, column in (("edge", 2), ("teacher", 3)):
        fake, genuine = ([float(row[column]) for row in found if row[1] == label] for label in (1, 0))
        figures |= auc_interval(f"{name}_auc", fake, genuine)
    probabilities, log_odds = (np.array([row[column] for row in found]) for column in (2, 3))
    figures["pictures"] = len(found)
    figures["same_decision"] = float(((probabilities > 0.5) == (log_odds > 0)).mean())
    figures["rank_correlation"] = float(spearmanr(probabilities, log_odds).statistic)
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
