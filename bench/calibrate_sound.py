"""Development sets for the sound detectors: LibriSpeech against what is made of it; and the fit of the voice model."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

import vocoders
from veriscope.detectors import audio_band_limit, audio_splice
from veriscope.detectors._voice import NAMES, voice_statistics
from veriscope.detectors.vocoder import LIMIT, linear_score
from veriscope.perception.speech import find_speech
from veriscope.types import Audio, Infer

Sound = NDArray[np.float32]
Samples = dict[str, tuple[list[float], list[int]]]
RATE = 16000
CODECS = (("mp3", "libmp3lame", 48_000), ("adts", "aac", 40_000), ("ogg", "libopus", 24_000))


def read(source: Path | io.BytesIO) -> Audio:
    """The sound of a file, mono, 16 kHz."""
    with av.open(source if isinstance(source, io.BytesIO) else str(source)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        parts = [g.to_ndarray()[0] for f in container.decode(audio=0) for g in resampler.resample(f)]
        parts += [g.to_ndarray()[0] for g in resampler.resample(None)]
    return Audio(np.concatenate(parts).astype(np.float32), RATE)


def coded(sound: Sound, form: str, codec: str, bits: int) -> Sound:
    """``sound`` after one round through a coder."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000 if codec == "libopus" else RATE)
        stream.bit_rate, stream.layout = bits, "mono"
        stream.codec_context.open()
        context = stream.codec_context
        size = context.frame_size or 1024
        resampler = av.AudioResampler(context.format.name, "mono", stream.rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    buffer.seek(0)
    return read(buffer).samples


def quiet_place(sound: Sound, low: float, high: float, rng: np.random.Generator) -> int:
    """One of the quietest places between two samples: where an editor cuts."""
    energy = np.convolve(sound**2, np.ones(320) / 320, "same")[int(low) : int(high) : 80]
    return int(low) + 80 * int(rng.choice(np.argsort(energy)[: max(3, len(energy) // 40)]))


def spliced(sound: Sound, other: Sound, kind: str, rng: np.random.Generator) -> Sound:
    """Insert a stretch of another recording at equal loudness, mute a stretch, or change the gain of one."""
    n = len(sound)
    if kind == "insert":
        gain = np.sqrt((sound**2).mean() / (other**2).mean())
        start = quiet_place(other, 0.1 * len(other), 0.5 * len(other), rng)
        end = quiet_place(other, start + 1.0 * RATE, min(len(other) - 1, start + 2.5 * RATE), rng)
        place = quiet_place(sound, 0.2 * n, 0.8 * n, rng)
        return np.concatenate([sound[:place], gain * other[start:end], sound[place:]]).astype(np.float32)
    out = sound.copy()
    if kind == "mute":
        start = int(rng.uniform(0.2, 0.7) * n)
        out[start : start + int(rng.uniform(0.2, 0.8) * RATE)] = 0
    else:
        start = quiet_place(sound, 0.2 * n, 0.5 * n, rng)
        end = quiet_place(sound, start + RATE, min(0.95 * n, start + 4 * RATE), rng)
        out[start:end] *= 10 ** (rng.choice([-1, 1]) * rng.uniform(5, 9) / 20)
    return out


def _splice(sound: Sound, infer: Infer) -> float | None:
    speech = find_speech(Audio(sound, RATE), infer)
    pauses = audio_splice.background(sound, RATE, speech)
    silence = audio_splice.muted(audio_splice.zero_runs(sound, RATE), len(pauses.levels))
    if len(pauses.levels) < audio_splice.FEWEST and not silence:
        return None
    return max(audio_splice.background_change(pauses).z, silence)


def _band(sound: Sound) -> float:
    levels = audio_band_limit.spectrum(sound, RATE)
    edge, change = audio_band_limit.hard_edge(levels.loud, RATE), audio_band_limit.floor_change(levels, RATE)
    return audio_band_limit.statistic(edge, RATE / 2, change)


def muffled(sound: Sound, rng: np.random.Generator) -> Sound:
    """A stretch as through a telephone."""
    start = int(rng.uniform(0.2, 0.5) * len(sound))
    end = min(len(sound), start + int(rng.uniform(2, 4) * RATE))
    out = sound.copy()
    out[start:end] = signal.sosfiltfilt(
        signal.butter(8, rng.uniform(3400, 5000), fs=RATE, output="sos"), sound[start:end]
    )
    return out


def _voice(sound: Sound, infer: Infer) -> NDArray[np.float64] | None:
    found = voice_statistics(sound, RATE, find_speech(Audio(sound, RATE), infer))
    return None if found is None else found[0]


def voice_set(clips: list[Sound], infer: Infer) -> list[tuple[int, str, NDArray[np.float64]]]:
    """(clip, vocoder or "real", statistics) of every clip as it is and through every vocoder, plain and coded."""
    rng = np.random.default_rng(0)
    rows = []
    for i, whole in enumerate(clips):
        clip = whole[: 7 * RATE]
        versions = {"real": clip, **{name: make(clip, rng) for name, make in vocoders.VOCODERS.items()}}
        for name, sound in versions.items():
            for version in (sound, coded(sound, *CODECS[i % 3])):
                values = _voice(version * np.float32(0.06 / np.sqrt((version**2).mean())), infer)
                if values is not None:
                    rows.append((i, name, values))
    return rows


def fit_vocoder(data: Path, infer: Infer) -> None:
    """Print the table of ``veriscope.detectors.vocoder``."""
    from sklearn.linear_model import LogisticRegression

    rows = voice_set(librispeech(data), infer)
    values = np.array([row[2] for row in rows])
    forged = np.array([row[1] != "real" for row in rows])
    middle = np.median(values[~forged], axis=0)
    spread = 1.4826 * np.median(np.abs(values[~forged] - middle), axis=0)
    z = np.clip((values - middle) / spread, -LIMIT, LIMIT)
    model = LogisticRegression(C=0.03, class_weight="balanced", max_iter=3000).fit(np.c_[z, np.abs(z)], forged)
    weights = model.coef_[0]
    for k, name in enumerate(NAMES):
        row = (middle[k], spread[k], weights[k], weights[len(NAMES) + k])
        print(f'    "{name}": ({", ".join(f"{v:.4f}" for v in row)}),')
    print(f"OFFSET = {model.intercept_[0]:.4f}")


def librispeech(data: Path) -> list[Sound]:
    return [read(path).samples for path in sorted((data / "audio/librispeech").glob("*.flac"))]


def samples(data: Path, infer: Infer) -> Samples:
    """Raw statistics and labels (1: forged) of the sound detectors."""
    rng = np.random.default_rng(1)
    clips = librispeech(data)
    found: Samples = {name: ([], []) for name in ("audio_splice", "audio_band_limit", "vocoder")}

    def add(name: str, raw: float | None, label: int) -> None:
        if raw is not None:
            found[name][0].append(raw)
            found[name][1].append(label)

    for i, clip in enumerate(clips):
        kind = ("insert", "mute", "gain")[i % 3]
        for label, sound in ((0, clip), (1, spliced(clip, clips[(7 * i + 11) % len(clips)], kind, rng))):
            add("audio_splice", _splice(sound, infer), label)
            add("audio_splice", _splice(coded(sound, *CODECS[i % 2]), infer), label)
        add("audio_band_limit", _band(clip), 0)
        add("audio_band_limit", _band(coded(clip, "mp3", "libmp3lame", (24_000, 32_000)[i % 2])), 1)
        add("audio_band_limit", _band(muffled(clip, rng)), 1)
    # The model was fitted on these clips: its score here is that of the fit, not of voices it never met.
    for _, name, values in voice_set(clips[1::3], infer):
        add("vocoder", linear_score(values)[0], int(name != "real"))
    return found


if __name__ == "__main__":
    import sys

    from veriscope.inference.onnx import OnnxInfer

    fit_vocoder(Path(sys.argv[1]), OnnxInfer())
