"""What one analysis costs, by kind, and how many machines that makes for so many a day.

CPU seconds of a warm examiner and its decoder, median of the rounds, one thread: what a process of a loaded service
spends. Bytes: what the report leaves in the bucket and in the table. The mix, the peak and the machine are assumptions
to be changed on the command line; docs/capacity.md has the formula.

    veriscope bench capacity --mix photo_standard=0.6,text=0.3,video_30s=0.05,sound_60s=0.05 --peak 3 --cores 16
"""

from __future__ import annotations

import json
import math
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import av
import numpy as np

from common import arguments, cpu_seconds, show
from intake import SOURCE, clip, twelve_megapixels
from serving import cpu_seconds_of, whole
from veriscope.analysis import Examiner, analyse
from veriscope.config import load
from veriscope.jobs.results import keep, open_store
from veriscope.types import Options, Policy

from tests.making import wav

DAYS = (1_000, 100_000, 10_000_000)
WORDS = 300
RATE = 16_000  # Hz
MIX = "photo_standard=0.6,text=0.3,video_30s=0.05,sound_60s=0.05"
TEXT = (
    "The council met on Monday to discuss the new harbour. Several members asked how it would be paid for, and the "
    "mayor answered that the region would bear half of the costs. A decision is expected before the summer. "
)


def sound(source: Path, seconds: int) -> bytes:
    """The voice of a real clip, over and over."""
    with av.open(str(source)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames = (r for d in container.decode(container.streams.audio[0]) for r in resampler.resample(d))
        samples = np.concatenate([block.to_ndarray()[0] for block in frames])
    return wav(np.resize(samples, seconds * RATE).astype(np.float32), RATE)


def media(data: Path, folder: Path) -> dict[str, tuple[Callable[[], bytes | Path], Policy, int]]:
    """For each kind: what makes the medium, the policy, and how often it is examined in one round."""

    def photo() -> bytes:
        return twelve_megapixels(data / "images/pristine/clothing")

    return {
        "photo_quick": (photo, Policy.QUICK, 1),
        "photo_standard": (photo, Policy.STANDARD, 1),
        "text": ((TEXT * (WORDS // len(TEXT.split()) + 1)).encode, Policy.STANDARD, 50),  # /proc counts 10 ms
        "video_30s": (lambda: clip(folder, data / SOURCE), Policy.STANDARD, 1),
        "sound_60s": (lambda: sound(data / SOURCE, 60), Policy.STANDARD, 1),
    }


def measure(data: Path, rounds: int, only: set[str]) -> dict[str, dict[str, float]]:
    """For each kind: CPU seconds (median, least, most), bytes kept, bytes sent."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name, Examiner(threads=1) as examiner:
        folder = Path(name)
        settings = load(data_dir=folder / "records")
        store = open_store(settings)
        for kind, (make, policy, times) in media(data, folder).items():
            if only and kind not in only:
                continue
            content, options = make(), Options(policy)
            report = analyse(content, options=options, examiner=examiner)  # networks load, caches fill
            spent = []
            for _ in range(rounds):
                before = cpu_seconds_of(whole(os.getpid()))
                for _ in range(times):
                    analyse(content, options=options, examiner=examiner)
                spent.append((cpu_seconds_of(whole(os.getpid())) - before) / times)
            record, rows = keep(report, store, settings)
            found[kind] = {
                "cpu_s": statistics.median(spent),
                "cpu_s_min": min(spent),
                "cpu_s_max": max(spent),
                "blob_bytes": float(sum(row.size for row in rows)),
                "row_bytes": float(len(json.dumps(dict(record.body)).encode())),
                "sent_bytes": float(content.stat().st_size if isinstance(content, Path) else len(content)),
            }
        store.close()
    return found


def machines(
    costs: Mapping[str, float], mix: Mapping[str, float], day: int, peak: float, cores: int, use: float
) -> int:
    """Machines for ``day`` analyses a day, at least one; ``use`` is the share of the cores that may be busy."""
    seconds = sum(share * costs[kind] for kind, share in mix.items())
    return max(1, math.ceil(day * seconds * peak / (86_400 * cores * use)))


def parsed(mix: str) -> dict[str, float]:
    shares = {kind: float(share) for kind, share in (part.split("=") for part in mix.split(","))}
    total = sum(shares.values())
    return {kind: share / total for kind, share in shares.items()}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mix", default=MIX, help="share of each kind")
    parser.add_argument("--peak", type=float, default=3.0, help="busiest hour ÷ mean hour")
    parser.add_argument("--cores", type=int, default=16, help="of one machine")
    parser.add_argument("--use", type=float, default=0.6, help="share of the cores that may be busy at the peak")
    parser.add_argument("--hours", type=float, default=24.0, help="how long results are kept")
    parser.add_argument("--only", default="", help="kinds to measure, comma-separated; no table of machines then")
    given = parser.parse_args()
    only = {kind for kind in given.only.split(",") if kind}
    found = measure(given.data.resolve(), given.rounds, only)
    figures: dict[str, object] = {f"{kind}_{key}": value for kind, row in found.items() for key, value in row.items()}
    if not only:
        mix, costs = parsed(given.mix), {kind: row["cpu_s"] for kind, row in found.items()}
        kept = sum(share * (found[kind]["blob_bytes"] + found[kind]["row_bytes"]) for kind, share in mix.items())
        sent = sum(share * found[kind]["sent_bytes"] for kind, share in mix.items())
        figures["mix_cpu_s"] = sum(share * costs[kind] for kind, share in mix.items())
        for day in DAYS:
            figures[f"machines_{day}"] = machines(costs, mix, day, given.peak, given.cores, given.use)
            figures[f"kept_gb_{day}"] = day * given.hours / 24 * kept / 1e9
            figures[f"peak_mbit_s_{day}"] = day * sent * 8 * given.peak / 86_400 / 1e6
    figures["bench_cpu_s"] = cpu_seconds()
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
