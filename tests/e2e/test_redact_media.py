"""Films, sound and papers through the command: everything at once, in sync, opening clean; and nobody to listen."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.ocr import reader
from veriscope.redaction.plan import Plan

from tests.making import tone, wav

pytestmark = pytest.mark.e2e

RATE, FPS = 48000, 25
MARKS = (1.0, 2.04, 3.0)  # seconds of flash and click
EVEN = tuple(i * 3600 for i in range(4 * FPS))  # times of frames in 1/90000 s
UNEVEN = tuple(round(90000 * (i / FPS + (0.013 if i % 3 == 1 else 0) + (0.5 if i > 80 else 0))) for i in range(4 * FPS))


def run(*arguments: object, without: str = "") -> subprocess.CompletedProcess[str]:
    """``veriscope redact``; ``without`` names a package that is not to be had, and then nothing that was pulled is."""
    start = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    code = start + "from veriscope.cli import main; main()"
    command = [sys.executable, "-c", code, "redact", *map(str, arguments)]
    env = os.environ | ({"VERISCOPE_MODELS_DIR": os.devnull} if without else {})
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False, env=env)


def clapper(path: Path, times: Sequence[int] = EVEN, rotation: int = 0, codec: str = "aac") -> Path:
    """A film that flashes and clicks at the same moments, so that what is out of step shows."""
    marks = [min(range(len(times)), key=lambda i: abs(times[i] / 90000 - mark)) for mark in MARKS]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.time_base = video.time_base = Fraction(1, 90000)
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream(codec, rate=RATE, layout="mono")
        for i, at in enumerate(times):
            image = np.full((180, 320, 3), 255 if i in marks else 40, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 90000)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        sound = 0.02 * tone(times[-1] / 90000 + 0.1, RATE)
        for i in marks:
            first = round(times[i] / 90000 * RATE)
            sound[first : first + 480] = 0.9
        for first in range(0, len(sound), 1152):
            part = sound[None, first : first + 1152].astype(np.float32)
            block = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, first, Fraction(1, RATE)
            container.mux(audio.encode(block))
        container.mux(audio.encode())
    return path


def offsets(path: Path) -> list[float]:
    """Seconds from each flash to its click, as a player has them."""
    flashes, sound = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.to_ndarray(format="gray").mean() > 150:
                flashes.append(float(frame.time))
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            values = np.abs(frame.to_ndarray().astype(np.float32)).max(axis=0)
            scale = 1.0 if frame.format.name.startswith("flt") else 32768.0
            sound += [(float(frame.time) + i / frame.sample_rate) for i in np.flatnonzero(values / scale > 0.4)]
    assert len(flashes) == len(MARKS)
    return [min(sound, key=lambda t: abs(t - flash)) - flash for flash in flashes]


def planned(source: Path, folder: Path, spans: Sequence[tuple[float, float]]) -> Path:
    """A plan as a person draws it: spans of sound, and a box."""
    plan = Plan(hashlib.sha256(source.read_bytes()).hexdigest(), 320, 180, 4.0, ())
    for span in spans:
        plan = plan.add_span(*span)
    path = folder / "plan.json"
    path.write_text(plan.add_box((10, 10, 60, 40), 0.0, 9.0).as_json())
    return path


def clean(path: Path) -> bool:
    # the null muxer itself complains of uneven films, the sources among them
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stderr.splitlines()
    return not [line for line in told if "[null @" not in line]


def times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        return sorted(round(float(p.pts * base) * 1000) for p in container.demux(video=0) if p.pts is not None)


@pytest.mark.parametrize(
    ("name", "frames", "rotation", "codec"),
    [
        ("a.mov", UNEVEN, 90, "aac"),
        ("phone.mp4", UNEVEN, 270, "aac"),
        ("a.mkv", UNEVEN, 0, "libopus"),
        ("b.mkv", EVEN, 0, "aac"),
    ],
)
def test_sound_and_pictures_stay_in_step(
    tmp_path: Path, name: str, frames: Sequence[int], rotation: int, codec: str
) -> None:
    source, output = clapper(tmp_path / name, frames, rotation, codec), tmp_path / f"out-{name}"
    plan = planned(source, tmp_path, [(0.3, 0.7), (2.3, 2.6)])
    done = run(source, "-o", output, "--plan", plan, "--targets", "speech", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert times(output) == times(source)
    change = [after - before for before, after in zip(offsets(source), offsets(output), strict=True)]
    assert max(map(abs, change)) < 0.5 / FPS
    assert clean(output)
    with av.open(str(source)) as one, av.open(str(output)) as two:
        assert next(one.decode(video=0)).rotation == next(two.decode(video=0)).rotation
        assert one.streams.audio[0].codec_context.codec.canonical_name == (
            two.streams.audio[0].codec_context.codec.canonical_name
        )
        assert abs(one.duration - two.duration) < 60_000


def everything(path: Path, data: Path) -> Path:
    """Four seconds: a number on a screen from the first on, a voice in the middle, names in the subtitles."""
    font = ImageFont.load_default(30)
    with av.open(str(path.with_suffix(".silent.mkv")), "w") as container:
        video = container.add_stream("libx264", rate=8, options={"preset": "veryfast", "crf": "20"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        for i in range(32):
            image = Image.new("RGB", (640, 360), (225, 228, 230))
            ImageDraw.Draw(image).text((60, 60), "Opening hours 9 to 5", fill=(10, 10, 10), font=font)
            if i >= 8:
                ImageDraw.Draw(image).text((60 + i, 180), "Phone: +1 212 555 0187", fill=(10, 10, 10), font=font)
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 8)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    said = sorted((data / "audio/librispeech").glob("*.flac"))[2]
    quiet, words = path.with_name("quiet.wav"), path.with_name("s.srt")
    quiet.write_bytes(wav(0.1 * tone(1.0)))
    words.write_text(
        "1\n00:00:00,500 --> 00:00:01,500\nI am John Smith\n\n2\n00:00:02,000 --> 00:00:03,000\nhello there\n"
    )
    mixed = "[1:a]aresample=48000[a];[2:a]atrim=0:2,aresample=48000[b];[a][b][1:a]concat=n=3:v=0:a=1[out]"
    mixed = mixed.replace("[b][1:a]", "[b][c]").replace(
        "[1:a]aresample=48000[a];", "[1:a]aresample=48000,asplit[a][c];"
    )
    inputs = [path.with_suffix(".silent.mkv"), quiet, said, words]
    command = ["ffmpeg", "-v", "error", *(part for given in inputs for part in ("-i", given)), "-filter_complex", mixed]
    kind = "mov_text" if path.suffix == ".mp4" else "srt"
    maps = ["-map", "0:v", "-map", "[out]", "-map", "3", "-c:v", "copy", "-c:a", "aac", "-c:s", kind]
    subprocess.run([*command, *maps, path], check=True)
    return path


def shown(path: Path) -> list[str]:
    """What can be read in each frame."""
    engine, out = reader("rapidocr", OnnxInfer()), []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            lines = engine.read(frame.to_ndarray(format="rgb24"), 640)
            out.append(" ".join(line.text for line in lines))
    return out


def spoken(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(parts, axis=1)[0]


def subtitles(path: Path) -> str:
    command = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:s", "-f", "srt", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.data
@pytest.mark.slow
def test_everything_at_once(data: Path, tmp_path: Path) -> None:
    source, output = everything(tmp_path / "a.mp4", data), tmp_path / "b.mp4"
    done = run(source, "-o", output, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["targets"] == ["faces", "plates", "text", "speech"]
    assert result["found"] == {"person": 1}
    assert result["speech"]["recogniser"].startswith(("pocketsphinx", "whisper"))
    assert clean(output)
    after = shown(output)
    assert len(after) == 32
    assert not [text for text in after if any(digits in text for digits in ("212", "555", "0187"))]
    assert "[PERSON]" in subtitles(output)
    assert "Smith" not in subtitles(output)
    assert "hello there" in subtitles(output)
    assert result["speech"]["coveredSeconds"] > 0.5
    plan = run(source, "--plan-only", "--targets", "speech")
    spans = json.loads(plan.stdout)["spans"]
    sound = spoken(output)
    for span in spans:
        assert np.abs(sound[round((span["start"] + 0.06) * RATE) : round((span["end"] - 0.06) * RATE)]).max() < 0.02
    assert np.abs(sound[: round((spans[0]["start"] - 0.1) * RATE)]).max() > 0.02


@pytest.mark.data
def test_nobody_to_listen_is_told_and_nothing_is_written(data: Path, tmp_path: Path) -> None:
    source, output = everything(tmp_path / "a.mkv", data), tmp_path / "b.mkv"
    done = run(source, "-o", output, "--targets", "speech", "--json", without="pocketsphinx")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "model_unavailable"
    assert "pip install pocketsphinx" in error["message"]
    assert "--targets faces,plates,text" in error["hint"]
    assert not list(tmp_path.glob("*b.mkv*"))
    # sound in which nobody speaks needs nobody to listen
    quiet = tmp_path / "quiet.wav"
    done = run(quiet, "-o", tmp_path / "c.wav", "--json", without="pocketsphinx")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "c.wav").exists()


@pytest.mark.data
def test_a_recording(data: Path, tmp_path: Path) -> None:
    source = sorted((data / "audio/librispeech").glob("*.flac"))[0]  # a name is said in its first seconds
    short, output = tmp_path / "a.flac", tmp_path / "b.flac"
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-t", "3", short], check=True)
    plan = tmp_path / "plan.json"
    assert run(short, "--plan-only", "-o", plan).returncode == 0
    done = run(short, "-o", output, "--operator", "speech=tone", "--plan", plan, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["secondLook"]["looks"] == 1
    spans = json.loads(plan.read_text())["spans"]
    assert spans
    before, after = spoken(short), spoken(output)
    assert len(before) == len(after)
    outside = np.ones(len(before), bool)
    for span in spans:
        outside[int(span["start"] * 16000) : int(np.ceil(span["end"] * 16000))] = False
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before, after)
