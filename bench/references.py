"""Write ``detectors/score_histograms.json``: each detector's calibrated scores on its development samples.

    python bench/references.py [--data DIR] [--limit N] [--kinds image,av,text] [--only NAMES]

The samples are those of ``calibrate.py``. The service compares later scores with them (``veriscope_score_drift``).
"""

from __future__ import annotations

from calibrate import SOURCES
from common import arguments
from veriscope.detectors.base import calibration
from veriscope.detectors.drift import reference
from veriscope.detectors.registry import DETECTORS
from veriscope.train.references import LEAST, merge
from veriscope.types import Kind

KINDS = {"image": Kind.IMAGE, "av": Kind.VIDEO, "text": Kind.TEXT}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=100, help="photographs used")
    parser.add_argument("--kinds", default=",".join(SOURCES))
    parser.add_argument("--only", help="detectors, separated by commas")
    chosen = parser.parse_args()
    known = {d.name: d for d in DETECTORS}
    only = chosen.only.split(",") if chosen.only else None
    found = {}
    for kind in chosen.kinds.split(","):
        source = SOURCES[kind]
        for name, (raws, labels) in sorted(source.samples(chosen.data.resolve(), chosen.limit, only).items()):
            detector = known.get(name)
            if detector is None or (only is not None and name not in only):
                continue
            sound = Kind.AUDIO if Kind.VIDEO not in detector.kinds else Kind.VIDEO
            fitted = calibration(name, detector.version, sound if kind == "av" else KINDS[kind])
            if fitted is None or len(raws) < LEAST:
                continue
            scores = [[fitted(raw) for raw, label in zip(raws, labels, strict=True) if label == y] for y in (0, 1)]
            basis = f"{source.words}: {len(scores[0])} genuine, {len(scores[1])} fake"
            found[f"{name}@{detector.version}{source.suffix}"] = reference(scores[0], scores[1], basis)
            print(f"{name:24} {basis}", flush=True)
    merge(found)


if __name__ == "__main__":
    main()
