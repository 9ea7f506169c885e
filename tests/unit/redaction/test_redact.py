"""Films and pictures made in code, covered by boxes drawn by hand, through the front door."""

from __future__ import annotations

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from veriscope.errors import BadRequest, DamagedMedia, ModelUnavailable, UnsupportedKind
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.plan import Plan
from veriscope.redaction.redact import redact

from tests.making import encoded, film, photo

BOX = (100.0, 60.0, 80.0, 60.0)
INFER = OnnxInfer()


def plan_for(path: Path, size: tuple[int, int], end: float, start: float = 0.0) -> Plan:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Plan(digest, *size, end, ()).add_box(BOX, start, end)


def covered(path: Path, output: Path, size: tuple[int, int] = (320, 240), end: float = 99.0, **how: object) -> Result:
    return redact(path, output, [], INFER, how=How(**how), plan=plan_for(path, size, end))  # type: ignore[arg-type]


def pictures(path: Path) -> tuple[list[int], list[np.ndarray], object]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return [f.pts for f in frames], [f.to_ndarray(format="rgb24") for f in frames], stream.time_base


def packets(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(p.pts, bytes(p)) for p in container.demux(stream) if p.size]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_film(tmp_path: Path, suffix: str) -> None:
    source, output = film(tmp_path / f"a.{suffix}"), tmp_path / f"b.{suffix}"
    result = covered(source, output)
    times, before, base = pictures(source)
    new_times, after, new_base = pictures(output)
    assert [t * base for t in times] == [t * new_base for t in new_times]
    assert len(after) == len(before) == result.frames == result.covered
    for old, new in zip(before, after, strict=True):
        assert new.shape == old.shape
        assert new[64:116, 104:176].max() < 12
        outside = np.abs(new[150:].astype(int) - old[150:].astype(int))
        assert outside.mean() < 6
    assert packets(source, "audio") == packets(output, "audio")
    check = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(output), "-f", "null", "-"], capture_output=True, check=True
    )
    assert not check.stderr
    assert result.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_avi_without_sound(tmp_path: Path) -> None:
    source, output = film(tmp_path / "a.avi", sound=False, codec="mpeg4"), tmp_path / "b.avi"
    covered(source, output)
    _, after, _ = pictures(output)
    assert len(after) == len(pictures(source)[1])
    assert all(frame[64:116, 104:176].max() < 12 for frame in after)


@pytest.mark.slow
def test_webm(tmp_path: Path) -> None:
    source, output = tmp_path / "a.webm", tmp_path / "b.webm"
    film(tmp_path / "a.mkv", 1.0, sound=False)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.mkv"), "-c:v", "libvpx", str(source)], check=True)
    covered(source, output)
    assert all(frame[64:116, 104:176].max() < 20 for frame in pictures(output)[1])


def variable(path: Path, rotation: int = 0, size: tuple[int, int] = (320, 240)) -> list[int]:
    """A film with uneven times, as phones make them; returns the times in 1/90000 s."""
    times = [0, 3000, 6100, 9000, 15000, 15900, 21000, 30000, 33003, 39000, 45000, 60000]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 90000)
        if rotation:
            stream.set_display_rotation(rotation)
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(photo(*size, seed=i // 4), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return times


def test_uneven_times_stay(tmp_path: Path) -> None:
    source, output = tmp_path / "a.mp4", tmp_path / "b.mp4"
    times = variable(source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    plan = Plan(digest, 320, 240, 0.7, ()).add_box(BOX, 9000 / 90000, 30000 / 90000)
    result = redact(source, output, [], INFER, plan=plan)
    new, frames, base = pictures(output)
    assert [round(t * base * 90000) for t in new] == times
    dark = [t for t, frame in zip(times, frames, strict=True) if frame[64:116, 104:176].max() < 12]
    assert dark == [9000, 15000, 15900, 21000, 30000]
    assert result.covered == 5


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_film(tmp_path: Path, rotation: int) -> None:
    source, output = tmp_path / "a.mp4", tmp_path / "b.mp4"
    variable(source, rotation, (320, 240))
    upright = (320, 240) if rotation == 180 else (240, 320)
    covered(source, output, upright)
    with av.open(str(source)) as one, av.open(str(output)) as two:
        assert next(one.decode(video=0)).rotation == next(two.decode(video=0)).rotation != 0
    # the player's own turning shows where the box is
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(output), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
        capture_output=True,
        check=True,
    ).stdout
    image = np.frombuffer(raw, np.uint8).reshape(upright[1], upright[0])
    assert image[64:116, 104:176].max() < 24
    assert image.mean() > 40


def test_ten_bits_and_full_range(tmp_path: Path) -> None:
    for pixel_format, name in (("yuv420p10le", "deep"), ("yuvj420p", "full"), ("yuv444p", "fine")):
        source, output = tmp_path / f"{name}.mkv", tmp_path / f"{name}-out.mkv"
        film(tmp_path / "a.mkv", 1.0, sound=False)
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.mkv"), "-pix_fmt", pixel_format, str(source)], check=True
        )
        covered(source, output)
        assert pictures(output)[1][0][64:116, 104:176].max() < 12
        with av.open(str(source)) as one, av.open(str(output)) as two:
            a, b = next(one.decode(video=0)), next(two.decode(video=0))
            assert a.format.name == b.format.name
            assert a.color_range == b.color_range


def test_chapters_subtitles_and_metadata(tmp_path: Path) -> None:
    plain, source = film(tmp_path / "a.mkv"), tmp_path / "b.mkv"
    (tmp_path / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n")
    (tmp_path / "m.txt").write_text(
        ";FFMETADATA1\ntitle=Ann's birthday\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=Home\n"
    )
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", plain, "-i", tmp_path / "s.srt", "-i", tmp_path / "m.txt", "-map", "0",
         "-map", "1", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy", "-c:s", "srt", source],
        check=True,
    )  # fmt: skip
    for strip in (True, False):
        output = tmp_path / f"c{strip}.mkv"
        covered(source, output, strip=strip)
        assert packets(source, "subtitles") == packets(output, "subtitles")
        with av.open(str(output)) as container:
            assert ("Ann" in str(dict(container.metadata))) is not strip
            assert [c["end"] - c["start"] for c in container.chapters()]
            assert ("Home" in str(container.chapters())) is not strip


def test_it_never_writes_over_its_source(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", 1.0)
    with pytest.raises(BadRequest, match="overwrite"):
        covered(source, source)
    with pytest.raises(BadRequest, match="must end in"):
        covered(source, tmp_path / "b.mkv")


def test_a_plan_for_another_file(tmp_path: Path) -> None:
    one, two = film(tmp_path / "a.mp4", 1.0), film(tmp_path / "b.mp4", 2.0)
    with pytest.raises(BadRequest, match="another file"):
        redact(one, tmp_path / "c.mp4", [], INFER, plan=plan_for(two, (320, 240), 1.0))


def test_bad_files_leave_nothing(tmp_path: Path) -> None:
    good = film(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(good[: len(good) // 3])
    with pytest.raises(DamagedMedia):
        covered(tmp_path / "cut.mp4", tmp_path / "out.mp4")
    with pytest.raises(BadRequest, match="no target called hats"):
        redact(tmp_path / "a.mp4", tmp_path / "out.mp4", ["hats"], INFER)
    assert not list(tmp_path.glob("*out*"))


def test_without_the_network_it_fails(tmp_path: Path) -> None:
    """Nobody looked: that is never the same as nothing seen."""
    source = film(tmp_path / "a.mp4", 1.0)
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelUnavailable):
        redact(source, tmp_path / "out.mp4", ["faces"], OnnxInfer(Registry(tmp_path / "none")))
    assert not list(tmp_path.glob("*out*"))


def test_a_film_without_faces_is_given_out(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    result = redact(source, tmp_path / "b.mp4", ["faces"], INFER)
    assert result.looks > 0
    assert result.frames == 30


# pictures


def exif() -> Pillow.Exif:
    block = Pillow.Exif()
    block[0x0112], block[0x010F], block[0xA431] = 6, "Maker", "SERIAL-1234"
    block.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return block


def test_a_photograph_is_turned_covered_and_stripped(tmp_path: Path) -> None:
    source, output = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(encoded(photo(320, 240), quality=83, exif=exif(), comment=b"secret"))
    covered(source, output, (240, 320))
    data = output.read_bytes()
    assert b"SERIAL-1234" not in data
    assert b"secret" not in data
    assert b"Exif" not in data
    with Pillow.open(source) as old, Pillow.open(output) as new:
        assert new.size == (240, 320)
        assert new.quantization == old.quantization  # the quality of the source
        assert np.asarray(new)[64:116, 104:176].max() < 20
        upright = np.asarray(old.transpose(Pillow.Transpose.ROTATE_270)).astype(int)
        assert np.abs(np.asarray(new).astype(int) - upright)[200:].mean() < 3


def test_kept_metadata_shows_no_preview(tmp_path: Path) -> None:
    """Makers' notes and the thumbnail may show what is covered."""
    source, output = tmp_path / "a.jpg", tmp_path / "b.jpg"
    block = exif()
    block.get_ifd(0x8769)[0x927C] = b"PREVIEW" + encoded(photo(40, 30))
    source.write_bytes(encoded(photo(320, 240), exif=block))
    assert b"PREVIEW" in source.read_bytes()
    covered(source, output, (240, 320), strip=False)
    assert b"Maker" in output.read_bytes()
    assert b"PREVIEW" not in output.read_bytes()
    with Pillow.open(output) as new:
        assert new.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    ("name", "format_", "options"),
    [
        ("a.png", "PNG", {}),
        ("a.webp", "WEBP", {"lossless": True}),
        ("a.tiff", "TIFF", {}),
        ("a.bmp", "BMP", {}),
        ("a.avif", "AVIF", {}),
    ],
)
def test_other_pictures(tmp_path: Path, name: str, format_: str, options: dict[str, object]) -> None:
    source, output = tmp_path / name, tmp_path / f"out-{name}"
    image = photo(320, 240)
    source.write_bytes(encoded(image, format_, **options))
    covered(source, output)
    with Pillow.open(output) as new:
        assert new.format == format_
        after = np.asarray(new.convert("RGB")).astype(int)
    assert after[64:116, 104:176].max() < 24
    assert np.abs(after[150:] - image[150:]).mean() < (4 if format_ == "AVIF" else 0.01)


def test_heic(tmp_path: Path) -> None:
    import pillow_heif

    source, output = tmp_path / "a.heic", tmp_path / "b.heic"
    pillow_heif.from_pillow(Pillow.fromarray(photo(320, 240))).save(source, quality=90)
    covered(source, output)
    after = np.asarray(pillow_heif.open_heif(output).to_pillow())
    assert after.shape == (240, 320, 3)
    assert after[64:116, 104:176].max() < 24


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "I;16"])
def test_modes_of_png(tmp_path: Path, mode: str) -> None:
    image = Pillow.fromarray(photo(320, 240))
    made = Pillow.fromarray(np.full((240, 320), 40000, np.uint16)) if mode == "I;16" else image.convert(mode)
    made.save(tmp_path / "a.png")
    covered(tmp_path / "a.png", tmp_path / "b.png")
    with Pillow.open(tmp_path / "b.png") as new:
        assert np.asarray(new if mode == "I;16" else new.convert("RGB"))[64:116, 104:176].max() == 0


def test_a_moving_picture_is_refused(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(photo(64, 64, seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises((UnsupportedKind, DamagedMedia), match="moves"):
        covered(tmp_path / "a.gif", tmp_path / "b.gif")
    assert not (tmp_path / "b.gif").exists()
