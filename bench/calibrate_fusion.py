"""Choose the decision thresholds of ``fusion.yaml`` on development data, for a stated rate of false alarms.

Genuine: development photographs as they are, saved again, made small like web pictures, and small and saved again,
because that is how they arrive. Forged: the same photographs with forgeries made in code. The threshold of
`suspicious` is the larger of the two risks that 1 % of all genuine pictures, and 2 % of the worst group of them, reach;
that leaves room under the 2 % which the product promises, since new photographs differ from old ones. `authentic` is
the risk below which at most 5 % of the forged lie. It also prints how each signal moves, for whoever sets weights.

    python bench/calibrate_fusion.py --limit 300          # prints
    python bench/calibrate_fusion.py --limit 300 --write  # and changes fusion.yaml
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from common import ROOT, arguments, auc, bootstrap, show
from datasets import pristine, spread
from forgeries import decode, encode, forge
from veriscope.analysis import Examiner, analyse
from veriscope.fusion import logit

KINDS = ("copy_move", "low_quality", "shifted", "fresh", "noisy", "resampled")
SMALL = 384  # pixels on the longer side, as in many collections of web pictures
FILE = ROOT / "src/veriscope/fusion.yaml"


def small(image: np.ndarray) -> np.ndarray:
    import cv2

    height, width = image.shape[:2]
    scale = SMALL / max(height, width)
    return np.asarray(cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA))


def genuine(data: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    for path in spread(pristine(data, "dev"), limit):
        raw = path.read_bytes()
        image = decode(raw)
        quality = 70 + zlib.crc32(path.name.encode()) % 26
        yield "as is", raw
        yield "saved again", encode(image, quality)
        yield "small", encode(small(image), 98)
        yield "small, saved again", encode(small(image), 90)


def forged(data: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    hosts = spread(pristine(data, "dev"), limit + 1)
    for i, path in enumerate(hosts[:-1]):
        random = np.random.default_rng(zlib.crc32(path.name.encode()))
        kind = KINDS[i % len(KINDS)]
        host, donor = decode(path.read_bytes()), decode(hosts[i + 1].read_bytes())
        if i % 2:
            host, donor = small(host), small(donor)
        yield kind, forge(kind, host, donor, random).data


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    data = given.data.resolve()
    risks: dict[str, list[float]] = defaultdict(list)
    votes: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with Examiner() as examiner:
        for side, items in (("genuine", genuine(data, given.limit)), ("forged", forged(data, given.limit))):
            for group, content in items:
                report = analyse(content, examiner=examiner)
                risk = report.assessment.risk
                risks[f"{side}: {group}"].append(50.0 if risk is None else risk)
                for finding in report.findings:
                    if finding.score is not None:
                        votes[finding.detector][side].append(logit(finding.score))
    negative = [r for name, values in risks.items() if name.startswith("genuine") for r in values]
    positive = [r for name, values in risks.items() if name.startswith("forged") for r in values]
    groups = [values for name, values in risks.items() if name.startswith("genuine")]
    suspicious = max(float(np.quantile(negative, 0.99)), *(float(np.quantile(g, 0.98)) for g in groups)) + 0.1
    manipulated = max(float(np.quantile(negative, 0.998)), (suspicious + 100) / 2)
    authentic = min(float(np.quantile(positive, 0.05)), suspicious / 2)
    figures: dict[str, object] = {
        "auc": auc(positive, negative),
        "auc_95": bootstrap(auc, positive, negative),
        "suspicious": suspicious,
        "manipulated": manipulated,
        "authentic": authentic,
        "false_alarms": float(np.mean(np.array(negative) >= suspicious)),
        "flagged": float(np.mean(np.array(positive) >= suspicious)),
        "genuine_called_authentic": float(np.mean(np.array(negative) <= authentic)),
        "forged_called_authentic": float(np.mean(np.array(positive) <= authentic)),
    }
    for name, values in sorted(risks.items()):
        q = ", ".join(f"{v:.1f}" for v in np.quantile(values, [0.5, 0.9, 0.98]))
        figures[name] = (
            f"n {len(values)}, median, 90 %, 98 %: {q}; flagged {np.mean(np.array(values) >= suspicious):.3f}"
        )
    for name, sides in sorted(votes.items()):
        g, f = (np.array(sides[s] or [np.nan]) for s in ("genuine", "forged"))
        figures[f"vote of {name}"] = f"genuine mean {g.mean():+.2f} max {g.max():+.2f}; forged mean {f.mean():+.2f}"
    show(figures, as_json=given.json)
    if given.write:
        text = FILE.read_text("utf-8")
        line = f"{{authentic: {authentic:.0f}, suspicious: {suspicious:.1f}, manipulated: {manipulated:.1f}, "
        text = re.sub(r"(?m)^  image: .*$", f"  image: {line}false_alarm_rate: 0.02}}", text)
        yaml.safe_load(text)
        FILE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
