from __future__ import annotations

from typing import Any

import numpy as np

from veriscope.detectors.container import earlier_group, group_change, marks_of
from veriscope.types import Stream


def stream(**changes: Any) -> Stream:
    facts: dict[str, Any] = {"container": "mp4", "duration": 4.0, "video": {"codec": "h264"}, "audio": None}
    return Stream(**{**facts, **changes})


def keys(marked: Stream) -> list[str]:
    return [mark.key for mark in marks_of(marked)]


def packets(sizes: np.ndarray, gop: int) -> dict[str, np.ndarray]:
    n = len(sizes)
    return {
        "pts": np.arange(n) / 25,
        "dts": np.arange(n) / 25,
        "size": sizes.astype(np.int64),
        "keyframe": np.arange(n) % gop == 0,
    }


def sizes(count: int, gop: int, earlier: int = 0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = 4000 * np.exp(rng.normal(0, 0.15, count))
    if earlier:
        out[np.arange(count) % earlier == 0] *= 1.5
    out[np.arange(count) % gop == 0] *= 6
    return out


def test_who_wrote_it() -> None:
    assert keys(stream()) == []
    assert keys(stream(metadata={"encoder": "Lavf61.7.100"})) == ["rewritten"]
    assert keys(stream(metadata={"comment": "Made with CapCut"})) == ["editor"]
    assert keys(stream(video={"codec": "h264", "handler": "Sora video"})) == ["generator"]
    camera = {"com.apple.quicktime.make": "Apple", "encoder": "Lavf60.1"}
    assert keys(stream(metadata=camera)) == ["camera"]
    assert keys(stream(metadata={"title": "Pandora and the explorers"})) == []  # words that only contain a name


def test_ffmpeg_is_known_by_its_layout() -> None:
    boxes = [{"path": p, "offset": 0, "size": s} for p, s in (("ftyp", 32), ("free", 8), ("mdat", 900), ("moov", 90))]
    assert keys(stream(extra={"boxes": boxes})) == ["rewritten"]
    assert keys(stream(extra={"boxes": boxes[:1] + boxes[2:]})) == []


def test_dates_that_contradict_each_other() -> None:
    video = {"codec": "h264", "created": "2024-03-09T10:00:00.000000Z"}
    assert keys(stream(metadata={"creation_time": "2024-03-09T10:00:05Z"}, video=video)) == []
    assert keys(stream(metadata={"creation_time": "2025-01-01T00:00:00Z"}, video=video)) == ["dates"]
    assert keys(stream(metadata={"creation_time": "1904-01-01T00:00:00Z"}, video=video)) == []  # never set
    assert keys(stream(metadata={"creation_time": "yesterday"}, video=video)) == []


def test_an_earlier_group_of_pictures_shows_in_the_sizes() -> None:
    once = packets(sizes(250, 250), 250)
    twice = packets(sizes(250, 250, earlier=12), 250)
    assert earlier_group(once["size"], once["pts"], once["keyframe"])[1] < 1
    period, z = earlier_group(twice["size"], twice["pts"], twice["keyframe"])
    assert period in {12, 24, 36}
    assert z > 3
    assert keys(stream(packets=twice)) == ["twice"]


def test_its_own_key_frames_are_not_an_earlier_compression() -> None:
    own = packets(sizes(240, 12), 12)
    assert earlier_group(own["size"], own["pts"], own["keyframe"])[1] < 1


def test_two_group_lengths_are_two_encodings() -> None:
    flags = np.zeros(300, bool)
    flags[:150:12] = True
    flags[150::30] = True
    place, before, after = group_change(flags) or (0, 0, 0)
    assert (before, after) == (12, 30)
    assert 140 <= place <= 150
    cuts = np.zeros(300, bool)
    cuts[::30] = True
    cuts[[47, 101, 222]] = True  # scene cuts only shorten groups
    assert group_change(cuts) is None


def test_hostile_packets() -> None:
    n = 80
    nothing = {
        "pts": np.full(n, np.nan),
        "dts": np.full(n, np.nan),
        "size": np.zeros(n, int),
        "keyframe": np.zeros(n, bool),
    }
    assert keys(stream(packets=nothing)) == []
    assert keys(stream(extra={"problems": ["box at 7 runs past its parent"]})) == ["damaged"]
