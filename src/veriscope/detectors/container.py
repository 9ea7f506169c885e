"""What a video's container and packets tell of its history: who wrote it, whether twice, whether in one piece.

Box order, encoder strings and dates tell the writing software (Gloe, Fischer & Kirchner, "Forensic analysis of video
file formats", Digital Investigation 2014). Packet sizes tell of an earlier compression: what used to be key frames
costs more bits again, at the period of the old group of pictures (Vázquez-Padín et al., "Detection of video double
encoding with GOP size estimation", WIFS 2012; Stamm, Lin & Liu 2012). Both are facts about handling, not about truth:
nearly everything that was shared was rewritten, so that alone weighs little.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal, Stream

GENERATORS = re.compile(
    r"\b(sora|openai|runway(ml)?|pika labs|kling(ai)?|veo|luma dream|hailuo|stable video|synthesia|heygen|d-id|"
    r"deepfacelab|facefusion|faceswap|deepfacelive|roop|wav2lip|sadtalker|trainedAlgorithmicMedia)\b",
    re.IGNORECASE,
)
EDITORS = re.compile(
    r"\b(capcut|adobe premiere|premiere pro|after effects|final cut|davinci|blackmagic|vegas pro|filmora|wondershare|"
    r"inshot|kinemaster|imovie|avid|canva|camtasia|shotcut|kdenlive|openshot|picsart|viva ?video|jianying)\b",
    re.IGNORECASE,
)
TRANSCODERS = re.compile(r"\b(lav[fc]\d*|handbrake|x264|x265|mencoder|gstreamer|libx26[45])", re.IGNORECASE)
CAMERA_KEYS = ("make", "model", "android.version", "com.apple.quicktime.software")
UNSET_YEARS = {1904, 1970}  # the zero of QuickTime and of Unix: a date never written
SHORTEST_GOP, LONGEST_GOP = 8, 100  # frames; below 8, mini-groups of B frames have periods of their own
FEWEST_PACKETS = 60


class Mark(NamedTuple):
    """One observation; ``weight`` adds to the statistic (1: seen now and then in honest files, 5: a declaration)."""

    key: str
    weight: float
    values: Mapping[str, Any]


def writer_marks(stream: Stream) -> list[Mark]:
    """Who says to have written the file."""
    texts = [*stream.metadata.values(), *map(str, stream.extra.get("strings", ()))]
    for facts in (stream.video, stream.audio):
        if facts:
            texts += [str(facts.get(key) or "") for key in ("encoder", "handler")]
    everything = "\n".join(texts)
    marks = []
    if match := GENERATORS.search(everything):
        marks.append(Mark("generator", 5.0, {"name": match.group(0)}))
    if match := EDITORS.search(everything):
        marks.append(Mark("editor", 2.0, {"name": match.group(0)}))
    transcoder = TRANSCODERS.search(everything)
    writer = transcoder.group(0) if transcoder else ("FFmpeg" if ffmpeg_layout(stream.extra.get("boxes", ())) else None)
    camera = [k for k in stream.metadata if any(k.lower().endswith(name) for name in CAMERA_KEYS)]
    if writer and camera:
        marks.append(Mark("camera", 2.0, {"name": writer, "camera": stream.metadata[camera[0]][:60]}))
    elif writer:
        marks.append(Mark("rewritten", 0.5, {"name": writer}))
    return marks


def ffmpeg_layout(boxes: Any) -> bool:
    """FFmpeg's muxer leaves an empty ``free`` box of 8 bytes right before ``mdat``, even when its name is stripped."""
    top = [box for box in boxes if "/" not in box["path"]]
    return any(a["path"] == "free" and a["size"] == 8 and b["path"] == "mdat" for a, b in pairwise(top))


def date_marks(stream: Stream) -> list[Mark]:
    """Creation dates of container and streams that contradict each other by more than a day."""
    texts = [stream.metadata.get("creation_time"), (stream.video or {}).get("created")]
    dates = []
    for text in texts:
        try:
            date = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        except ValueError:
            continue
        if date.year not in UNSET_YEARS:
            dates.append(date.replace(tzinfo=None))
    if len(dates) < 2 or abs((dates[0] - dates[1]).total_seconds()) <= 86400:
        return []
    return [Mark("dates", 0.7, {"first": dates[0].date().isoformat(), "second": dates[1].date().isoformat()})]


def group_change(keyframes: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """Where the longest distance between key frames changes for good: (packet, before, after).

    An encoder may put key frames closer at cuts, but repeats its maximum; two different maxima, each seen three times
    and never mixed, are two encodings in one file.
    """
    places = np.flatnonzero(keyframes)
    distance = np.diff(places)
    if len(distance) < 6:
        return None
    for i in range(3, len(distance) - 2):
        before, after = int(distance[:i].max()), int(distance[i:].max())
        hits = int((distance[:i] == before).sum()), int((distance[i:] == after).sum())
        if min(hits) >= 3 and abs(before - after) > 1 and distance[i] == after:
            return int(places[i]), before, after
    return None


def earlier_group(size: NDArray[np.float64], pts: NDArray[np.float64], key: NDArray[np.bool_]) -> tuple[int, float]:
    """Period of an earlier compression in the sizes of predicted frames.

    Args:
        size: bytes of each packet, in decoding order.
        pts: presentation time of each, seconds.
        key: key frames.

    Returns:
        The period (frames) whose comb stands out most, and its z: the mean excess of log size at the comb's teeth over
        the spread of all, less what the best of as many trials reaches by chance. 0, 0 where there is too little.
    """
    usable = np.isfinite(pts)
    size, pts, key = size[usable], pts[usable], key[usable]
    if len(size) < FEWEST_PACKETS:
        return 0, 0.0
    # A packet shown before one that was decoded earlier is bidirectional: small by nature.
    bidirectional = pts < np.maximum.accumulate(pts)
    order = np.argsort(pts, kind="stable")
    position = np.empty(len(order), int)
    position[order] = np.arange(len(order))
    predicted = ~key & ~bidirectional
    if predicted.sum() < FEWEST_PACKETS // 2:
        return 0, 0.0
    place = position[predicted]
    log = np.log(np.maximum(size[predicted], 1))
    excess = log - median_filter(log, 9, mode="nearest")
    spread = 1.4826 * float(np.median(np.abs(excess))) + 1e-3
    excess = np.clip(excess / spread, -4, 4)  # one scene cut must not look like a comb
    intervals = np.diff(np.sort(position[key]))
    own = int(np.median(intervals)) if len(intervals) else 0
    best, trials = (0, 0.0), 0
    for period in range(SHORTEST_GOP, min(LONGEST_GOP, len(size) // 5) + 1):
        if own and (own % period == 0 or period % own == 0):
            continue
        phase = place % period
        count = np.bincount(phase, minlength=period)
        z = np.bincount(phase, excess, period) / np.sqrt(np.maximum(count, 1))
        trials += int((count >= 4).sum())
        peak = float(np.where(count >= 4, z, 0).max())
        if peak > best[1]:
            best = (period, peak)
    chance = math.sqrt(2 * math.log(max(trials, 2)))
    return best[0], max(0.0, best[1] - chance)


def packet_marks(stream: Stream) -> list[Mark]:
    packets = stream.packets
    if stream.video is None or "size" not in packets or len(packets["size"]) < FEWEST_PACKETS:
        return []
    marks = []
    key = packets["keyframe"].astype(bool)
    if change := group_change(key):
        place, before, after = change
        time = float(np.nan_to_num(packets["pts"][place]))
        marks.append(Mark("groups", 1.5, {"time": time, "before": before, "after": after}))
    period, z = earlier_group(packets["size"].astype(np.float64), packets["pts"], key)
    if z > 1.0:
        marks.append(Mark("twice", min(1.5, z / 2), {"period": period, "z": z}))
    times = packets["dts"][np.isfinite(packets["dts"])]
    if (np.diff(times) < 0).any():
        marks.append(Mark("clock", 1.0, {"count": int((np.diff(times) < 0).sum())}))
    return marks


def marks_of(stream: Stream) -> list[Mark]:
    """All observations, weightiest first."""
    marks = [*writer_marks(stream), *date_marks(stream), *packet_marks(stream)]
    if problems := stream.extra.get("problems"):
        marks.append(Mark("damaged", 1.0, {"count": len(problems)}))
    return sorted(marks, key=lambda mark: -mark.weight)


class Container(Method):
    """Raw: summed weights of the marks found, as natural log-odds."""

    name = "container"
    title = {"en": "Container and encoder", "vi": "Vùng chứa và bộ mã hoá"}
    signal = Signal.METADATA
    kinds = frozenset({Kind.VIDEO})
    libraries = ("numpy", "scipy", "av")
    reference = (
        "T. Gloe, A. Fischer, M. Kirchner, Forensic analysis of video file formats, Digital Investigation 11, 2014"
    )
    sentences = {
        "generator": {
            "en": "The file names “{name}”, a tool that synthesises pictures or faces.",
            "vi": "Tệp ghi tên “{name}”, một công cụ tạo hình ảnh hoặc khuôn mặt tổng hợp.",
        },
        "editor": {
            "en": "The file was written by the video editor “{name}”.",
            "vi": "Tệp được ghi bởi phần mềm dựng phim “{name}”.",
        },
        "camera": {
            "en": "The file claims to come from a camera ({camera}) but was written by the software “{name}”.",
            "vi": "Tệp tự nhận từ máy quay ({camera}) nhưng được ghi bởi phần mềm “{name}”.",
        },
        "rewritten": {
            "en": "The file was rewritten by “{name}” after recording, as nearly all shared videos are.",
            "vi": "Tệp đã được “{name}” ghi lại sau khi quay, như hầu hết video được chia sẻ.",
        },
        "dates": {
            "en": "The creation dates inside the file contradict each other ({first} and {second}).",
            "vi": "Các ngày tạo bên trong tệp mâu thuẫn nhau ({first} và {second}).",
        },
        "groups": {
            "en": "At {time:.1f} s the distance between key frames changes from {before} to {after}: two encodings in "
            "one file.",
            "vi": "Tại {time:.1f} giây khoảng cách giữa các khung chính đổi từ {before} sang {after}: hai lần mã hóa "
            "trong một tệp.",
        },
        "twice": {
            "en": "The sizes of the frames carry the rhythm of an earlier compression, every {period} frames.",
            "vi": "Kích thước khung hình mang nhịp của một lần nén trước đó, cứ {period} khung hình.",
        },
        "clock": {
            "en": "The decoding clock of the file runs backwards {count} time(s).",
            "vi": "Đồng hồ giải mã của tệp chạy lùi {count} lần.",
        },
        "damaged": {
            "en": "The structure of the file is broken in {count} place(s).",
            "vi": "Cấu trúc tệp bị hỏng ở {count} chỗ.",
        },
        "none": {
            "en": "Nothing in the container points to editing or to a second compression.",
            "vi": "Không có gì trong tệp chứa cho thấy đã chỉnh sửa hoặc nén lần hai.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        stream = scene.stream()
        if stream.video is None:
            return self.abstain(Reason.NOT_APPLICABLE)
        marks = marks_of(stream)
        summary = self.say(marks[0].key, **marks[0].values) if marks else self.say("none")
        measured = {f"{mark.key}_{k}": v for mark in marks for k, v in mark.values.items()}
        return self.found(
            sum(mark.weight for mark in marks),
            scene.media.kind,
            summary,
            parameters={"shortest_gop": SHORTEST_GOP, "longest_gop": LONGEST_GOP},
            measurements={"marks": ", ".join(mark.key for mark in marks), **measured},
        )
