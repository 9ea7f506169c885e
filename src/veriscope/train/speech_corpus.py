"""Genuine speech and its re-synthesis, made once and kept in a cache folder; crops in pairs for training.

Every forged sound is made from a genuine one of the corpus and goes through the same resampling and codec as that one,
so that length, loudness, bandwidth, words and speaker tell nothing. Every third speaker is held out. LibriSpeech has
one clip a speaker here, so the split is by speaker, chapter and sentence at once.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from veriscope.train import speech_chains as chains
from veriscope.train import speech_resynthesis as classical
from veriscope.train.speech_resynthesis import RATE, Sound

Make = Callable[[Sound, np.random.Generator], Sound]
LONGEST = 7  # seconds of a clip that are used
SPEEDS = (1.0, 0.93, 1.07)  # tape speed: more voices from few speakers
GENUINE = "genuine"
VOCODER_SECONDS = 150.0  # of training, for each of the small vocoders
VOICES = ("en-us", "en-gb", "en-us+f3", "en-gb+f2", "en+m3", "en+m7", "en+f4", "en-gb-scotland")
SENTENCES = (
    "The harbour was quiet when the last of the boats came in before the storm.",
    "Nobody in the office could explain why the printer had stopped again.",
    "She counted the steps to the door and found that one was missing.",
    "We will publish the figures for the second quarter on Thursday morning.",
    "Old maps of the valley show a river where the road runs now.",
    "If you change the filter every month, the engine will last much longer.",
    "The children asked whether the moon followed them home every night.",
    "A thin layer of ice had formed on the windows of the train.",
    "He promised to return the book, although he had not finished reading it.",
    "The committee has not yet decided on the budget for the coming year.",
    "Bring two eggs, a cup of flour and a little salt to the table.",
    "Their voices could be heard from the other side of the garden wall.",
)


def held_out(clip: int) -> bool:
    """Whether a speaker is for validation and calibration only."""
    return clip % 3 == 0


def librispeech(data: Path) -> list[Sound]:
    """The genuine clips, mono, 16 kHz, at most ``LONGEST`` seconds, one a speaker."""
    return [chains.read(str(p))[: LONGEST * RATE] for p in sorted((data / "audio/librispeech").glob("*.flac"))]


def faster(sound: Sound, speed: float) -> Sound:
    return sound if speed == 1 else signal.resample_poly(sound, 100, round(100 * speed)).astype(np.float32)


def as_loud(sound: Sound, other: Sound) -> Sound:
    return (sound * np.sqrt((other**2).mean() / ((sound**2).mean() + 1e-12))).astype(np.float32)


def hybrid(genuine: Sound, made: Sound, rng: np.random.Generator) -> Sound:
    """A harder forgery: only the phases, only the upper band, or only part of the magnitudes are the vocoder's."""
    size, hop = 1024, 256
    a, b = (signal.stft(x, RATE, nperseg=size, noverlap=size - hop)[2] for x in (genuine, made))
    kind = rng.integers(3)
    if kind == 0:
        out = np.abs(a) * np.exp(1j * np.angle(b))
    elif kind == 1:
        share = rng.uniform(0.3, 0.8)
        size_log = share * np.log(np.abs(b) + 1e-7) + (1 - share) * np.log(np.abs(a) + 1e-7)
        out = np.exp(size_log + 1j * np.angle(b))
    else:
        edge = np.clip((np.linspace(0, RATE / 2, len(a)) - rng.uniform(600, 3500)) / 400 + 0.5, 0, 1)[:, None]
        out = (1 - edge) * a + edge * b
    back = signal.istft(out, RATE, nperseg=size, noverlap=size - hop)[1].astype(np.float32)
    return np.pad(back, (0, max(0, len(genuine) - len(back))))[: len(genuine)]


def espeak(index: int) -> Sound:
    """A sentence by the formant synthesiser eSpeak NG (a program of the system)."""
    voice, text = VOICES[index % len(VOICES)], SENTENCES[index // len(VOICES) % len(SENTENCES)]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["espeak-ng", "-v", voice, "-s", str(140 + 7 * (index % 5)), "-w", file.name, text]
        subprocess.run(command, check=True, capture_output=True)
        return chains.read(file.name)[: LONGEST * RATE]


def makers(clips: Sequence[Sound], folder: Path) -> Mapping[str, Make]:
    """Every way of re-synthesis by name, WORLD only where ``pyworld`` is installed.

    The small vocoders are trained where they are missing, on the speakers that are not held out.
    """
    from veriscope.train import speech_vocoders as neural

    found: dict[str, Make] = dict(classical.VOCODERS)
    if find_spec("pyworld") is not None:
        found["world"] = classical.world
    for design in neural.DESIGNS:
        weights = folder / "vocoders" / f"{design.name}.pt"
        if not weights.exists():
            neural.train(design, [c for i, c in enumerate(clips) if not held_out(i)], VOCODER_SECONDS, weights)
        found[design.name] = neural.Vocoder(design, weights)
    for base in ("mel_transposed", "mel_istft"):
        found[f"hybrid_{base}"] = _hybrid_of(found[base])
    return found


def _hybrid_of(make: Make) -> Make:
    return lambda sound, rng: hybrid(sound, as_loud(make(sound, rng), sound), rng)


def build(data: Path, folder: Path) -> None:
    """Make what is missing in ``folder``: one ``SYSTEM.npz`` each. May be stopped and called again."""
    clips = librispeech(data)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{GENUINE}.npz").exists():
        _write(folder, GENUINE, clips, lambda sound, _: sound, rounds=6)
    for name, make in makers(clips, folder).items():
        if not (folder / f"{name}.npz").exists():
            _write(folder, name, clips, make, rounds=2)
    if not (folder / "espeak.npz").exists():
        spoken = [espeak(i) for i in range(60)]
        _write(folder, "espeak", spoken, lambda sound, _: sound, rounds=1)


def _write(folder: Path, name: str, clips: Sequence[Sound], make: Make, rounds: int) -> None:
    """Each clip ``rounds`` times: at another speed each time, resampled or coded after every first one."""
    sounds, rows = [], []
    for i, clip in enumerate(clips):
        for k in range(rounds):
            rng = np.random.default_rng([i, k, len(name), sum(name.encode())])
            speed = SPEEDS[(i + k) % len(SPEEDS)]
            base = faster(clip, speed)
            sound = as_loud(make(base, rng), base)
            if k % 2:
                sound = chains.coded_at_random(sound, rng)
            elif rng.random() < 0.5:
                sound = chains.resampled(sound, rng)
            sound = sound / np.float32(np.abs(sound).max() + 1e-9) * np.float32(0.9)
            rows.append((i, k, SPEEDS.index(speed), len(sound)))
            sounds.append(np.rint(sound * 32767).astype(np.int16))
    np.savez(folder / f"{name}.npz", sound=np.concatenate(sounds), rows=np.array(rows, np.int64))
    print(name, f"{sum(map(len, sounds)) / RATE:.0f} s", flush=True)


@dataclass(frozen=True, slots=True)
class Version:
    """One sound of the corpus."""

    system: str
    clip: int
    round: int
    speed: int
    sound: NDArray[np.int16]

    @property
    def coded(self) -> bool:
        return self.round % 2 == 1


def load(folder: Path, systems: Sequence[str] | None = None) -> list[Version]:
    """The sounds in ``folder``, all or those of the named systems."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        if systems is not None and path.stem not in systems:
            continue
        with np.load(path) as file:
            sound, rows = file["sound"], file["rows"]
        ends = np.cumsum(rows[:, 3])
        for (clip, k, speed, length), end in zip(rows.tolist(), ends.tolist(), strict=True):
            found.append(Version(path.stem, clip, k, speed, sound[end - length : end]))
    return found


def voiced_start(sound: NDArray[np.int16], length: int, rng: np.random.Generator) -> int:
    """A random start of a crop in which somebody speaks most of the time."""
    if len(sound) <= length:
        return 0
    loud = np.abs(sound[: len(sound) // 160 * 160].astype(np.float32)).reshape(-1, 160).mean(axis=1)
    speaking = np.concatenate([[0], np.cumsum(loud > 0.1 * np.percentile(loud, 95))])
    best, at = -1.0, 0
    for _ in range(3):
        start = int(rng.integers(len(sound) - length))
        share = speaking[min(len(speaking) - 1, (start + length) // 160)] - speaking[start // 160]
        if share > best:
            best, at = float(share), start
    return at


def pairs(
    versions: Sequence[Version], seed: int, weights: Mapping[str, int] | None = None
) -> Iterator[tuple[Version, Version]]:
    """Endless (genuine, forged) of the same clip at the same speed and coded alike; systems as often as weighted."""
    rng = np.random.default_rng(seed)
    genuine: dict[tuple[int, int, bool], list[Version]] = {}
    forged: dict[str, list[Version]] = {}
    for version in versions:
        if version.system == GENUINE:
            genuine.setdefault((version.clip, version.speed, version.coded), []).append(version)
        else:
            forged.setdefault(version.system, []).append(version)
    everyone = [version for group in genuine.values() for version in group]
    names = [name for name in sorted(forged) for _ in range((weights or {}).get(name, 1))]
    while True:
        fake = forged[names[rng.integers(len(names))]]
        version = fake[rng.integers(len(fake))]
        twins = genuine.get((version.clip, version.speed, version.coded)) if version.system != "espeak" else None
        twins = twins or everyone
        yield twins[rng.integers(len(twins))], version
