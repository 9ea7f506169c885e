"""From a file to a verdict: what it costs, and how often it is wrong.

Time: a 30-second 1080p H.264 clip with sound, made here from photographs, under `standard`, against one multithreaded
decode of the same file in the same run (median of paired runs); a 12-megapixel photograph under `quick` and `standard`.
Errors: false alarms (`Suspicious` or worse) on the test fifth of the pristine photographs as they are; and on casia1,
where both classes are saved alike (JPEG 90) first, because its own quantisation tables give the answer away.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from PIL import Image

from common import arguments, cpu_seconds, show, wilson
from datasets import jpegs, pristine, spread
from repeat import repeated
from veriscope.analysis import Examiner, analyse
from veriscope.types import Label, Options, Policy

SOURCE = "video/dfdc-fake/abqwwspghj.mp4"
ALARM = {Label.SUSPICIOUS, Label.MANIPULATED}


def clip(folder: Path, source: Path) -> Path:
    """30 s of 1080p H.264 with sound: a real clip of one person talking, three times over."""
    path = folder / "clip.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 1920, 1080, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "21"}
        audio = container.add_stream("aac", rate=48000)
        pictures = samples = 0
        for _ in range(3):
            with av.open(str(source)) as original:
                for frame in original.decode(original.streams.video[0]):
                    frame.pts, frame.time_base = pictures, Fraction(1, 30)
                    frame.pict_type = av.video.frame.PictureType.NONE
                    pictures += 1
                    container.mux(video.encode(frame))
        container.mux(video.encode())
        for _ in range(3):
            with av.open(str(source)) as original:
                resampler = av.AudioResampler("fltp", "mono", 48000, frame_size=1024)
                for decoded in original.decode(original.streams.audio[0]):
                    decoded.pts = None
                    for block in resampler.resample(decoded):
                        block.pts, block.time_base = samples, Fraction(1, 48000)
                        samples += block.samples
                        container.mux(audio.encode(block))
        container.mux(audio.encode())
    return path


def measure_memory(path: Path) -> dict[str, float]:
    """Peak resident memory of the analysing process and its decode child together, in a process of its own."""
    script = (
        "import sys; from pathlib import Path; from veriscope.analysis import Examiner, analyse\n"
        "status = lambda pid: Path(f'/proc/{pid}/status').read_text()\n"
        "hwm = lambda pid: int(status(pid).split('VmHWM:')[1].split()[0]) / 1024\n"
        "with Examiner() as e:\n"
        "    r = analyse(sys.argv[1], examiner=e)\n"
        "    print(hwm('self'), hwm(e._child._process.pid), r.coverage.analysed)"
    )
    out = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True).stdout
    own, child, seconds = map(float, out.split())
    return {"memory_10min_mb": own + child, "memory_10min_child_mb": child, "memory_10min_seconds": seconds}


def decode(path: Path) -> None:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(container.streams.video[0]):
            pass


def measure_video(path: Path, rounds: int) -> dict[str, float]:
    walls, cpus, seconds = [], [], []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), cpu_seconds()
        decode(path)
        wall_decode, cpu_decode = time.perf_counter() - start, cpu_seconds() - cpu
        start, cpu = time.perf_counter(), cpu_seconds()
        with Examiner() as examiner:  # started inside the measurement; its child is reaped at the end
            analyse(path, options=Options(Policy.STANDARD), examiner=examiner)
        wall, spent = time.perf_counter() - start, cpu_seconds() - cpu
        walls.append(wall / wall_decode)
        cpus.append(spent / cpu_decode)
        seconds.append(wall)
    return {
        "video_ratio": statistics.median(walls),
        "video_ratio_min": min(walls),
        "video_ratio_max": max(walls),
        "video_cpu_ratio": statistics.median(cpus),
        "video_s": statistics.median(seconds),
    }


def twelve_megapixels(source: Path) -> bytes:
    """A photograph of 4000×3000 pixels: real tiles side by side, so that the content is not just an enlargement."""
    tiles = [np.asarray(Image.open(p).convert("RGB").resize((500, 500))) for p in jpegs(source)[:48]]
    rows = [np.concatenate(tiles[8 * r : 8 * r + 8], axis=1) for r in range(6)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def measure_photo(data: bytes, policy: Policy, rounds: int) -> float:
    spent = []
    for _ in range(rounds):
        with Examiner() as examiner:
            analyse(b"warm words are needed here, long enough to be a text.", examiner=examiner)
            before = cpu_seconds()
            analyse(data, options=Options(policy), examiner=examiner)
        spent.append(cpu_seconds() - before)  # the child's time is known once it has ended
    return statistics.median(spent)


def again(path: Path, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(path).convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


_examiner: Examiner | None = None


def alarms(path: Path, quality: int | None) -> bool:
    global _examiner  # noqa: PLW0603 - one for each process of the pool
    _examiner = _examiner or Examiner(threads=1)
    content = path if quality is None else again(path, quality)
    return analyse(content, examiner=_examiner).assessment.label in ALARM


def flagged(paths: Iterable[Path], quality: int | None) -> tuple[int, int]:
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(alarms, quality=quality), paths, chunksize=8))
    return sum(found), len(found)


def rate(name: str, found: tuple[int, int]) -> dict[str, object]:
    low, high = wilson(*found)
    return {name: found[0] / max(1, found[1]), f"{name}_low": low, f"{name}_high": high, f"{name}_n": found[1]}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--limit", type=int, help="pictures of each class, evenly over the set; all when left out")
    parser.add_argument("--skip", default="", help="comma-separated parts to leave out: video,memory,photo,accuracy")
    options = parser.parse_args()
    data, skip = options.data.resolve(), set(options.skip.split(","))
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        if "video" not in skip:
            figures |= measure_video(clip(Path(folder), data / SOURCE), options.rounds)
        if "memory" not in skip:
            short = clip(Path(folder), data / SOURCE)
            figures |= measure_memory(repeated(short, Path(folder) / "long.mp4", 20, 30.1))
    if "photo" not in skip:
        photo = twelve_megapixels(data / "images/pristine/clothing")
        figures["photo_quick_cpu_s"] = measure_photo(photo, Policy.QUICK, options.rounds)
        figures["photo_standard_cpu_s"] = measure_photo(photo, Policy.STANDARD, options.rounds)
    if "accuracy" not in skip:
        casia = data / "images/casia1"
        figures |= rate("false_alarm_pristine", flagged(spread(pristine(data, "test"), options.limit), None))
        quality = options.quality
        for name, kind in (("false_alarm_casia", "pristine"), ("flagged_casia", "tampered")):
            figures |= rate(name, flagged(spread(jpegs(casia / kind), options.limit), quality))
        figures["casia_quality"] = quality
    show(figures, as_json=options.json)


if __name__ == "__main__":
    main()
