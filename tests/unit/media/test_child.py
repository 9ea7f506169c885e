"""The decode child: what it gives back, and what hostile bytes cost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veriscope.errors import DamagedMedia, DecodeLimit, DecoderLost, TooLarge
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits

from tests import making

FRAMES = {"rate": 1.0, "burst_every": 1.0, "burst_length": 3}


@pytest.fixture
def child() -> Iterator[DecodeChild]:
    with DecodeChild(Limits()) as child:
        yield child


def alive(child: DecodeChild) -> int:
    assert child._process is not None
    return child._process.pid


def test_a_picture_comes_back_whole_and_upright(child: DecodeChild, tmp_path: Path) -> None:
    image = making.photo(96, 64)
    path = tmp_path / "x.png"
    path.write_bytes(making.encoded(image, "PNG"))
    assert np.array_equal(child.ask("image", path=str(path), format="png")["arrays"]["image"], image)
    exif = Image.Exif()
    exif[0x0112] = 6
    path.write_bytes(making.encoded(image, "JPEG", quality=95, exif=exif))
    answer = child.ask("image", path=str(path), format="jpeg")
    assert answer["arrays"]["image"].shape == (96, 64, 3)
    assert answer["arrays"]["luma"].shape == (64, 96)
    assert np.abs(answer["arrays"]["image"].astype(int) - np.rot90(image, 3).astype(int)).mean() < 6
    alone = child.ask("image", path=str(path), format="jpeg", traces=False)["arrays"]
    assert set(alone) == {"image"}
    assert np.abs(alone["image"].astype(int) - answer["arrays"]["image"].astype(int)).max() <= 2, "but for rounding"


def test_one_child_serves_many_and_dies_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(making.encoded(making.photo(64, 48)))
    with DecodeChild(Limits()) as child:
        pids = set()
        for _ in range(3):
            child.ask("image", path=str(path), format="jpeg")
            pids.add(alive(child))
        assert len(pids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def test_frames_thumbs_and_sound(child: DecodeChild, tmp_path: Path) -> None:
    path = making.film(tmp_path / "x.mp4", 3.0)
    images, thumbs = [], 0
    for answer in child.stream("frames", path=str(path), format="mp4", **FRAMES):
        if "image" in answer["arrays"]:
            images.append((answer["index"], answer["burst"], answer["sampled"], answer["arrays"]["image"]))
        else:
            thumbs += len(answer["arrays"]["thumbs"])
    assert thumbs == 30
    assert [i for i, _, sampled, _ in images if sampled] == [0, 10, 20]
    assert [i for i, burst, _, _ in images if burst is not None] == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert images[0][3].shape == (240, 320, 3)
    assert abs(images[0][3].astype(int) - making.photo(640, 240)[:, :320].astype(int)).mean() < 12
    parts = [a["arrays"]["samples"] for a in child.stream("audio", path=str(path), format="mp4", rate=16000)]
    assert 2.7 < sum(map(len, parts)) / 16000 < 3.3


def test_leaving_a_stream_early_frees_the_child(child: DecodeChild, tmp_path: Path) -> None:
    path = making.film(tmp_path / "x.mp4", 3.0)
    stream = child.stream("frames", path=str(path), format="mp4", **FRAMES)
    next(stream)
    stream.close()
    assert child.ask("probe", path=str(path), format="mp4")["video"]["width"] == 320


def test_a_picture_that_claims_to_be_huge_is_refused_by_its_header(child: DecodeChild, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(making.huge_png(50_000, 50_000))
    with pytest.raises(TooLarge, match="50000 × 50000"):
        child.ask("image", path=str(path), format="png")


def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("RGB", (9000, 9000)).save(path)
    with DecodeChild(Limits(decode_memory=400 << 20)) as child, pytest.raises((DecodeLimit, DamagedMedia)):
        child.ask("image", path=str(path), format="png")


def test_time_is_bounded_and_the_next_file_gets_a_new_child(tmp_path: Path) -> None:
    slow = making.film(tmp_path / "x.mp4", 20.0, (1280, 720), sound=False)
    with DecodeChild(Limits(decode_seconds=0.05)) as child:
        with pytest.raises(DecodeLimit):
            for _ in child.stream("frames", path=str(slow), format="mp4", **FRAMES):
                pass
        child._limits = Limits()
        assert child.ask("probe", path=str(slow), format="mp4")["video"]


@pytest.mark.parametrize(("number", "error"), [(signal.SIGKILL, DecoderLost), (signal.SIGSEGV, DamagedMedia)])
def test_a_child_that_dies_costs_one_request(
    child: DecodeChild, tmp_path: Path, number: int, error: type[Exception]
) -> None:
    """Killed from outside is worth another try; a crash was the file's doing."""
    path = making.film(tmp_path / "x.mp4", 6.0, (640, 360))
    with pytest.raises(error):
        for _ in child.stream("frames", path=str(path), format="mp4", **FRAMES):
            os.kill(alive(child), number)
    assert child.ask("probe", path=str(path), format="mp4")["video"]


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "tiff"])
def test_cut_off_pictures_are_damaged_not_crashes(child: DecodeChild, tmp_path: Path, format_: str, cut: float) -> None:
    data = making.encoded(making.photo(200, 150), format_.upper())
    path = tmp_path / "x"
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(DamagedMedia) as caught:
        child.ask("image", path=str(path), format=format_)
    assert str(tmp_path) not in caught.value.message


def test_secrets_stay_with_the_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERISCOPE_TOKENS", "a-token-nobody-may-see")
    path = tmp_path / "x.jpg"
    path.write_bytes(making.encoded(making.photo(64, 48)))
    with DecodeChild(Limits()) as child:
        child.ask("image", path=str(path), format="jpeg")
        environment = Path(f"/proc/{alive(child)}/environ").read_bytes()
    assert b"a-token" not in environment
