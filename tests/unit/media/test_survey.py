from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from veriscope.media.limits import Limits
from veriscope.media.survey import survey

from tests.making import film, photo


def passes(path: Path, **options: object) -> list[tuple[dict[str, object], dict[str, np.ndarray]]]:
    asked = {"small": 160, "large": 640, "every_small": 0.5, "every_large": 2.0, **options}
    return list(survey(str(path), path.suffix[1:], Limits(), **asked))  # type: ignore[arg-type]


def written(path: Path, images: list[np.ndarray], fps: int = 25, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_looks_on_the_cadence_and_at_the_end(tmp_path: Path) -> None:
    found = passes(film(tmp_path / "a.mp4", 3.0))
    looks = [(f["look"], round(f["times"][-1], 2)) for f, _ in found if f["look"]]  # type: ignore[index]
    assert looks[0] == ("large", 0.0)
    assert ("large", 2.0) in looks or ("large", 2.1) in looks
    assert looks[-1][1] >= 2.8
    assert all(b[1] - a[1] <= 0.71 for a, b in pairwise(looks))
    sizes = {f["look"]: a["image"].shape for f, a in found if f["look"]}
    assert sizes == {"large": (240, 320, 3), "small": (120, 160, 3)}


def test_a_cut_is_looked_at_at_once(tmp_path: Path) -> None:
    images = [photo(320, 240, 1)] * 20 + [255 - photo(320, 240, 9)] * 20
    found = passes(written(tmp_path / "a.mp4", images), every_small=9.0, every_large=9.0)
    cuts = [t for f, _ in found for t, cut in zip(f["times"], f["cuts"], strict=True) if cut]  # type: ignore[call-overload]
    assert [round(t, 2) for t in cuts] == [0.8]
    assert 0.8 in [round(f["times"][-1], 2) for f, _ in found if f["look"] == "large"]  # type: ignore[index]


def test_frames_left_out_never_leave_a_gap(tmp_path: Path) -> None:
    """Sixteen B frames in a row, none of which another refers to: leaving them out would lose 0.64 s."""
    base = photo(640, 240, 2)
    images = [np.ascontiguousarray(base[:, i : i + 320]) for i in range(75)]
    layered = written(
        tmp_path / "a.mp4", images, bf="16", **{"x264-params": "b-adapt=0:b-pyramid=none:scenecut=0:keyint=300"}
    )
    times = [t for f, _ in passes(layered) for t in f["times"]]  # type: ignore[attr-defined]
    assert np.diff(times).min() > 0
    assert np.diff(times).max() <= 0.2
    assert times[0] == 0.0


def test_marks_are_looked_at(tmp_path: Path) -> None:
    found = passes(film(tmp_path / "a.mp4", 3.0), marks=[1.31])
    assert any(f["look"] == "large" and 1.3 <= f["times"][-1] <= 1.6 for f, _ in found)  # type: ignore[index]
