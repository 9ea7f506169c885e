"""Sound files through the front door, spans drawn by hand: what is covered, what stays bit-exact, what opens."""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from veriscope.errors import BadRequest, DamagedMedia, LeakFound, UnsupportedKind
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.intake import open_path
from veriscope.media.limits import Limits
from veriscope.redaction.covering import Coverer, SoundOperator
from veriscope.redaction.hearing import Listener
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.plan import Plan, Span
from veriscope.redaction.redact import redact
from veriscope.redaction.senses import Senses
from veriscope.redaction.text import Wanted

from tests.making import tone, wav

INFER = OnnxInfer()
START, END = 1.0, 2.0
LOSSLESS = {
    "a.wav": ["-c:a", "pcm_s16le"],
    "deep.wav": ["-ac", "2", "-c:a", "pcm_s24le"],
    "float.wav": ["-c:a", "pcm_f32le"],
    "small.wav": ["-c:a", "pcm_u8"],
    "law.wav": ["-c:a", "pcm_mulaw"],
    "a.flac": ["-c:a", "flac"],
    "deep.flac": ["-ac", "2", "-c:a", "flac", "-sample_fmt", "s32"],
    "apple.m4a": ["-c:a", "alac", "-f", "ipod"],
}
LOSSY = {
    "a.mp3": ["-c:a", "libmp3lame"],
    "a.m4a": ["-c:a", "aac", "-f", "ipod"],
    "a.aac": ["-c:a", "aac"],
    "a.opus": ["-c:a", "libopus"],
    "a.ogg": ["-c:a", "libvorbis"],
}


def made(folder: Path, name: str, options: list[str]) -> Path:
    plain, path = folder / "plain.wav", folder / name
    plain.write_bytes(wav(tone(3.0, 48000), 48000))
    command = ["ffmpeg", "-v", "error", "-y", "-i", plain, "-metadata", "title=Ann", *options, path]
    subprocess.run(command, check=True)
    return path


def spanned(path: Path, output: Path, *spans: tuple[float, float], **how: object) -> Result:
    plan = Plan(hashlib.sha256(path.read_bytes()).hexdigest(), 0, 0, 3.0, ())
    for span in spans or ((START, END),):
        plan = plan.add_span(*span)
    return redact(path, output, [], INFER, how=How(**how), plan=plan)  # type: ignore[arg-type]


def samples(path: Path) -> tuple[np.ndarray, int, str]:
    """N×channels as they decode, the rate, and the kind of sample."""
    with av.open(str(path)) as container:
        parts, rate, kind = [], 0, ""
        for frame in container.decode(audio=0):
            values = frame.to_ndarray()
            parts.append(values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels))
            rate, kind = frame.sample_rate, frame.format.name
    return np.concatenate(parts), rate, kind


def errors(path: Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True).stderr


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_sound_is_bit_exact_outside(tmp_path: Path, name: str) -> None:
    source, output = made(tmp_path, name, LOSSLESS[name]), tmp_path / f"out-{name}"
    result = spanned(source, output)
    before, rate, kind = samples(source)
    after, new_rate, new_kind = samples(output)
    assert (rate, kind, before.shape) == (new_rate, new_kind, after.shape)
    first, last = round(START * rate), round(END * rate)
    assert np.array_equal(before[:first], after[:first])
    assert np.array_equal(before[last + 1 :], after[last + 1 :])
    inner = after[first + rate // 50 : last - rate // 50].astype(np.float64)
    assert np.ptp(inner) <= (16 if "law" in name else 0)  # its smallest step lies beside zero
    assert not errors(output)
    assert b"Ann" not in output.read_bytes()
    assert result.notes == ()
    with av.open(str(source)) as one, av.open(str(output)) as two:
        assert one.streams.audio[0].codec_context.name == two.streams.audio[0].codec_context.name


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_sound_keeps_its_kind_its_length_and_its_place(tmp_path: Path, name: str) -> None:
    source, output = made(tmp_path, name, LOSSY[name]), tmp_path / f"out-{name}"
    result = spanned(source, output)
    before, rate, _ = samples(source)
    after, new_rate, _ = samples(output)
    assert rate == new_rate == 48000
    assert abs(len(after) - len(before)) < 0.05 * rate
    count = min(len(before), len(after))
    wanted, shown = before[:count, 0].astype(np.float64), after[:count, 0].astype(np.float64)
    scale = np.abs(wanted).max()
    inner = slice(round((START + 0.05) * rate), round((END - 0.05) * rate))
    assert np.abs(shown[inner]).max() < 0.02 * scale
    outside = slice(round((END + 0.1) * rate), round((END + 0.6) * rate))
    lags = range(-600, 601, 8)
    fits = [float(np.corrcoef(wanted[outside], np.roll(shown, lag)[outside])[0, 1]) for lag in lags]
    assert max(fits) > 0.95
    assert "encoded anew" in result.notes[0]
    assert not errors(output)
    with av.open(str(source)) as one, av.open(str(output)) as two:
        names = [c.streams.audio[0].codec_context.codec.canonical_name for c in (one, two)]
    assert names == ["vorbis", "opus"] if name == "a.ogg" else names[0] == names[1]


def test_operators_and_edges(tmp_path: Path) -> None:
    source = made(tmp_path, "a.wav", LOSSLESS["a.wav"])
    before, rate, _ = samples(source)
    inner = slice(round(1.05 * rate), round(1.95 * rate))
    for operator in SoundOperator:
        output = tmp_path / f"{operator}.wav"
        spanned(source, output, (START, END), (2.9, 9.0), operators=(f"speech={operator}",))
        after, _, _ = samples(output)
        assert len(after) == len(before)
        loud = float(np.sqrt(np.mean(np.square(after[inner].astype(np.float64)))))
        assert loud == 0 if operator is SoundOperator.SILENCE else loud > 1000
        assert abs(float(np.corrcoef(before[inner, 0], after[inner, 0])[0, 1] if loud else 0.0)) < 0.1
        assert not np.array_equal(before[-2000:], after[-2000:])


def test_frames_of_any_size_give_the_same() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-20000, 20000, (1, 50_000), dtype=np.int16)

    def run(size: int) -> np.ndarray:
        coverer, out = Coverer(16000, [(0.5, 1.5), (1.4, 2.0), (2.9, 3.3)], SoundOperator.SILENCE), []
        for start in range(0, values.shape[1], size):
            frame = av.AudioFrame.from_ndarray(values[:, start : start + size], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            out += coverer.feed(frame)
        return np.concatenate([f.to_ndarray() for f in out + coverer.flush()], axis=1)

    whole = run(50_000)
    assert all(np.array_equal(run(size), whole) for size in (160, 1024, 7919))
    assert np.array_equal(whole[:, :8000], values[:, :8000])


def test_sound_without_pictures_in_a_film_container(tmp_path: Path) -> None:
    source, output = made(tmp_path, "a.mp4", ["-c:a", "aac"]), tmp_path / "b.mp4"
    spanned(source, output)
    after, rate, _ = samples(output)
    assert np.abs(after[round(1.1 * rate) : round(1.9 * rate)]).max() < 0.01


def test_what_cannot_be(tmp_path: Path) -> None:
    source = made(tmp_path, "a.wav", LOSSLESS["a.wav"])
    with pytest.raises(BadRequest, match="can hold none"):
        redact(source, tmp_path / "b.wav", ["faces"], INFER)
    with pytest.raises(BadRequest, match="must end in"):
        spanned(source, tmp_path / "b.mp3")
    with pytest.raises(BadRequest, match="not one for speech"):
        spanned(source, tmp_path / "b.wav", operators=("speech=blur",))
    two = tmp_path / "two.ogg"
    flat = made(tmp_path, "a.ogg", LOSSY["a.ogg"]).read_bytes()
    other = made(tmp_path, "c.ogg", [*LOSSY["a.ogg"], "-ar", "22050", "-ac", "2"]).read_bytes()
    two.write_bytes(flat + other)
    with pytest.raises((UnsupportedKind, DamagedMedia)):
        spanned(two, tmp_path / "b.ogg")
    assert not list(tmp_path.glob("*b.*"))


def test_silence_that_is_not_silent_is_a_leak(tmp_path: Path) -> None:
    """The second look decodes the output and measures, whatever the recogniser makes of it."""
    source = made(tmp_path, "a.flac", LOSSLESS["a.flac"])
    spanned(source, tmp_path / "b.flac")
    span = Span("speech-1", "phone", START, END, 1.0)
    with DecodeChild(Limits()) as decoder:
        listener = Listener(open_path(source), decoder, INFER, Wanted(), Senses(), 3.0)
        covered = open_path(tmp_path / "b.flac")
        assert listener.check(covered, [span], [0.0], SoundOperator.SILENCE, lambda _: None) == 1
        late = replace(span, end=END + 0.5)
        for media, given in ((open_path(source), span), (covered, late)):
            with pytest.raises(LeakFound, match="not silent"):
                listener.check(media, [given], [0.0], SoundOperator.SILENCE, lambda _: None)
        with pytest.raises(LeakFound, match="other tracks"):
            listener.check(covered, [span], [0.0, 0.0], SoundOperator.SILENCE, lambda _: None)


def test_a_voice_does_not_hide_between_the_channels(tmp_path: Path) -> None:
    """Left against right: mixed they cancel each other, and a recogniser would hear nothing."""
    plain, path = tmp_path / "plain.wav", tmp_path / "against.wav"
    plain.write_bytes(wav(tone(2.0, 48000), 48000))
    against = ["-af", "pan=stereo|c0=c0|c1=-1*c0"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, *against, path], check=True)
    with DecodeChild(Limits()) as decoder, closing(decoder.stream("listen", path=str(path), format="wav")) as answers:
        parts = [answer["arrays"]["samples"] for answer in answers if "samples" in answer["arrays"]]
    heard = np.concatenate(parts)
    assert abs(len(heard) - 32000) < 50
    assert np.sqrt(np.square(heard).mean()) > 0.1
