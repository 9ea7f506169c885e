"""Redaction: speed against ``deface`` and a bare transcode, a leak test, recall on talking heads, memory; and the main
figures of plates, personal data in text, spoken and written, and of listening (more by ``plates``, ``pii``,
``pii_spoken``).

``deface`` (PyPI) runs in an environment of its own, made on the first run in ``--deface`` (outside the checkout).
Every tool gets the same clips. Wall times depend on what else the machine does, so CPU times stand beside them.
Every "covered" of the leak test is read from the pixels of the output: both tools paint pure green.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import pii
import pii_spoken
import plates
from common import arguments, show, wilson
from redact_clips import CONDITIONS, leak_clips, scene
from repeat import repeated
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.limits import Limits
from veriscope.perception.faces import detect_faces
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.outcome import How
from veriscope.redaction.redact import redact
from veriscope.redaction.verify import share

DEFACE = "deface==1.5.0"
CRF, PRESET = 20, "veryfast"
LIMITS = Limits(max_bytes=1 << 40)
_COVERED = 0.5  # share of the true face that must be gone in a frame

Clock = tuple[float, float]  # seconds of wall and of CPU


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--deface", type=Path, default=Path.home() / ".cache/veriscope-bench/deface")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the 1080p clips")
    parser.add_argument("--deface-seconds", type=float, default=4.0, help="how much of them deface gets at 1080p")
    parser.add_argument("--people", default="1,5", help="how many people the clips show")
    parser.add_argument("--parts", default="speed,leak,recall,plates,text,speech,memory")
    parser.add_argument("--most", type=int, help="photographs and texts of a set, conditions and clips; to try it")
    parser.add_argument("--memory-seconds", default="20,600", help="lengths of the same clip, whole tens")
    options = parser.parse_args()
    parts = options.parts.split(",")
    figures: dict[str, object] = {}
    infer = OnnxInfer()
    with tempfile.TemporaryDirectory(prefix="veriscope-bench-") as name:
        folder = Path(name)
        if {"speed", "leak"} & set(parts):
            _install(options.deface)
        if "speed" in parts:
            figures |= _speed(options, folder)
        if "leak" in parts:
            figures |= _leak(options, folder, infer)
        if "recall" in parts:
            figures |= _recall(options.data, infer)
        if "plates" in parts:
            found = plates.measured(options.data, infer, most=options.most)
            figures |= {name: value for name, value in found.items() if name.startswith("plate_")}
        if "text" in parts:
            figures["text_f2"] = pii.f2(options.data, "presidio_research", infer, options.most)
            figures["spoken_f2"] = pii.f2(options.data, "spoken_test", infer, options.most)
            figures["spoken_stress_f2"] = pii.f2(options.data, "spoken_stress", infer, options.most)
        if "speech" in parts:
            by = list(pii_spoken.installed().values())[-1]
            _, figures["audio_x_realtime"] = pii_spoken.timed(pii_spoken.made(options.most or 20), infer, by)
            figures["recogniser"] = by.name
        if "memory" in parts:
            figures |= _memory(options, folder)
    show(figures, as_json=options.json)


# speed


def _speed(options: Any, folder: Path) -> dict[str, object]:
    """Frames a second of all clips together; the first run of each tool loads what it needs, as its users' does."""
    ours, plain, theirs, scaled = (np.zeros(2) for _ in range(4))
    frames = cut_frames = 0
    for people in map(int, options.people.split(",")):
        clip = scene(options.data, folder / f"people{people}.mp4", people, options.seconds)
        cut = scene(options.data, folder / f"cut{people}.mp4", people, options.deface_seconds)
        frames += _count(clip)
        cut_frames += _count(cut)
        plain += _timed(lambda clip=clip: _transcode(clip, folder / "plain.mp4"))
        ours += _timed(lambda clip=clip: _ours(clip, folder / "ours.mp4"))
        theirs += _timed(lambda cut=cut: _deface(options.deface, [cut], "--keep-audio"))
        scaled += _timed(lambda cut=cut: _deface(options.deface, [cut], "--scale", "640x360"))
    fps = {
        "fps": frames / ours[0],
        "transcode_fps": frames / plain[0],
        "deface_fps": cut_frames / theirs[0],
        "deface_scaled_fps": cut_frames / scaled[0],
    }
    cpu = {
        "cpu_ms_frame": 1000 * ours[1] / frames,
        "transcode_cpu_ms_frame": 1000 * plain[1] / frames,
        "deface_cpu_ms_frame": 1000 * theirs[1] / cut_frames,
        "deface_scaled_cpu_ms_frame": 1000 * scaled[1] / cut_frames,
    }
    return {
        "vs_deface": fps["fps"] / fps["deface_fps"],
        "vs_deface_scaled": fps["fps"] / fps["deface_scaled_fps"],
        "vs_transcode": fps["fps"] / fps["transcode_fps"],
        "vs_deface_cpu": cpu["deface_cpu_ms_frame"] / cpu["cpu_ms_frame"],
        "vs_deface_scaled_cpu": cpu["deface_scaled_cpu_ms_frame"] / cpu["cpu_ms_frame"],
        "vs_transcode_cpu": cpu["transcode_cpu_ms_frame"] / cpu["cpu_ms_frame"],
        **fps,
        **cpu,
    }


def _timed(work: Any) -> Clock:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ours(source: Path, output: Path) -> None:
    """The command as its users run it, start included."""
    subprocess.run(_redaction(source, output), check=True, env=_environment(), stdout=subprocess.DEVNULL)


def _redaction(source: Path, output: Path) -> list[str]:
    command = [sys.executable, "-m", "veriscope.cli", "redact", str(source), "-o", str(output)]
    return [*command, "--targets", "faces", "--crf", str(CRF)]


def _transcode(source: Path, output: Path) -> None:
    """Decoding and encoding alone, with the same encoder settings, in a process of its own."""
    subprocess.run([sys.executable, __file__, "--transcode", str(source), str(output)], check=True, env=_environment())


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "VERISCOPE_MAX_BYTES": str(LIMITS.max_bytes)}


def _transcode_here(source: Path, output: Path) -> None:
    with av.open(str(source)) as given, av.open(str(output), "w") as made:
        stream = given.streams.video[0]
        stream.thread_type = "AUTO"
        new = made.add_stream("libx264", rate=stream.average_rate, options={"crf": str(CRF), "preset": PRESET})
        new.width, new.height, new.pix_fmt = stream.width, stream.height, "yuv420p"
        new.codec_context.time_base = stream.time_base
        for frame in given.decode(stream):
            frame.pict_type = 0
            made.mux(new.encode(frame))
        made.mux(new.encode())


def _install(folder: Path) -> None:
    if (folder / "bin/deface").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin/pip"), "install", "-q", DEFACE, "onnx", "onnxruntime"], check=True)


def _deface(folder: Path, sources: Sequence[Path], *flags: str) -> list[Path]:
    config = json.dumps(
        {"codec": "libx264", "macro_block_size": 1, "ffmpeg_params": ["-preset", PRESET, "-crf", str(CRF)]}
    )
    command = [str(folder / "bin/deface"), *map(str, sources), "--backend", "onnxrt", "--ffmpeg-config", config, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    outputs = [s.with_name(f"{s.stem}_anonymized{s.suffix}") for s in sources]
    if done.returncode or not all(o.exists() for o in outputs):
        raise SystemExit(f"deface failed: {done.stderr[-2000:]}")
    return outputs


# leaks


def _leak(options: Any, folder: Path, infer: OnnxInfer) -> dict[str, object]:
    green = folder / "green.png"
    cv2.imwrite(str(green), np.full((64, 64, 3), (0, 255, 0), np.uint8))
    clips = leak_clips(options.data, folder / "leak", options.most)
    outputs: dict[str, list[Path]] = {"": []}
    for path, _ in clips:
        output = path.with_name(f"ours-{path.name}")
        how = How(operators=(f"image:{green}",), crf=CRF)
        redact(path, output, ["faces"], infer, how=how, limits=LIMITS)
        outputs[""].append(output)
    sources = [path for path, _ in clips]
    for key, flags in (("deface_", []), ("deface_scaled_", ["--scale", "640x360"])):
        made = _deface(options.deface, sources, "--replacewith", "img", "--replaceimg", str(green), *flags)
        outputs[key] = [Path(shutil.move(p, p.with_name(f"{key}{p.name}"))) for p in made]
    figures: dict[str, object] = {}
    for key, paths in outputs.items():
        bare, count, ratios, where = 0, 0, [], {}
        for (_, truths), path, condition in zip(clips, paths, CONDITIONS, strict=False):
            lost = 0
            for image, truth in zip(_frames(path), truths, strict=True):
                painted = _green(image)
                count += 1
                gone = float(painted[truth.seen].mean()) >= _COVERED
                lost += not gone
                if gone:
                    ratios.append(float(painted.sum() / truth.whole))
            bare += lost
            if lost:
                where[condition.name] = lost
        low, high = wilson(bare, count)
        figures[f"{key}leak_percent"] = 100 * bare / count
        figures[f"{key}leak_percent_low"], figures[f"{key}leak_percent_high"] = 100 * low, 100 * high
        figures[f"{key}area_ratio"] = float(np.mean(ratios)) if ratios else None
        figures[f"{key}leak_conditions"] = where
    figures["leak_frames"] = sum(len(t) for _, t in clips)
    return figures


def _frames(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def _green(image: np.ndarray) -> np.ndarray:
    r, g, b = (image[:, :, i].astype(np.int16) for i in range(3))
    return (g > r + 90) & (g > b + 90)


# recall


def _recall(data: Path, infer: OnnxInfer) -> dict[str, object]:
    """The talking heads: one face in every frame. True is what CenterFace finds at the full size of each frame, and a
    straight line between where it misses; covered is what the plan covers."""
    total = covered = peer = 0
    for path in sorted((data / "video/talking-heads").glob("*.mp4")):
        plan = redact(path, None, ["faces"], infer, plan_only=True, limits=LIMITS).plan
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            times, boxes = [], []
            for frame in container.decode(stream):
                image = frame.to_ndarray(format="rgb24")
                found = detect_faces(image, infer, 0.2, max(image.shape[:2]))
                times.append(frame.time)
                boxes.append(found[0].box if found else None)
            step = 1 / float(stream.average_rate)
        known = [i for i, b in enumerate(boxes) if b is not None]
        table = np.array([boxes[i] for i in known])
        truth = np.stack([np.interp(range(len(boxes)), known, table[:, k]) for k in range(4)], axis=1)
        covers = Coverage(plan.tracks, Margins(step=step))
        for when, box in zip(times, truth.tolist(), strict=True):
            total += 1
            covered += share(tuple(box), [b for _, b in covers.at(when)]) >= 0.8
        peer += len(known)
    low, high = wilson(covered, total)
    return {
        "face_recall": covered / total,
        "face_recall_low": low,
        "face_recall_high": high,
        "deface_face_recall": peer / total,
        "face_recall_frames": total,
    }


# memory


def _memory(options: Any, folder: Path) -> dict[str, object]:
    """Most memory of the process and its children together (proportional set size), at two lengths."""
    figures: dict[str, object] = {}
    short = scene(options.data, folder / "short.mp4", 1, 10)
    for seconds in map(float, options.memory_seconds.split(",")):
        clip = repeated(short, folder / f"long{seconds:g}.mp4", max(1, round(seconds / 10)), 10.0)
        process = subprocess.Popen(_redaction(clip, folder / "m.mp4"), env=_environment(), stdout=subprocess.DEVNULL)
        most = 0
        while process.poll() is None:
            most = max(most, _pss(process.pid))
            time.sleep(0.3)
        if process.returncode:
            raise SystemExit("the run for the memory failed")
        figures[f"memory_mb_{seconds:g}s"] = most / 1e6
    return figures


def _pss(process: int) -> int:
    total, waiting = 0, [process]
    while waiting:
        at = waiting.pop()
        try:
            lines = Path(f"/proc/{at}/smaps_rollup").read_text().splitlines()
            total += next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
            for task in Path(f"/proc/{at}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return total


def _count(path: Path) -> int:
    with av.open(str(path)) as container:
        return int(container.streams.video[0].frames)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--transcode"]:
        _transcode_here(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
