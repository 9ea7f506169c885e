"""Spoken personal data: what is covered, how exactly, how much for nothing, how fast.

    python bench/pii_spoken.py [--data DIR] [--clips N] [--real N] [--only NAME,…] [--json]

Clips are spoken by espeak-ng in three parts, so that the place of the personal data is known to the sample. Graded is
every recogniser that is installed, ``pocketsphinx`` and ``whisper`` (``veriscope models pull whisper-base``), and beside
them one that is never wrong about words ("told"): the difference is the recogniser's, the rest is ours. ``real`` clips
(LibriSpeech) hold no numbers: all that is covered there is for nothing, or names that are really said. Words are
compared in small letters, without marks, digits one by one.
"""

# ruff: noqa: E501 - sentences are read unbroken

from __future__ import annotations

import re
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import arguments, show
from veriscope import config
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import open_scene
from veriscope.perception.transcript import Recogniser, Word, recogniser
from veriscope.perception.word import ways
from veriscope.redaction.speech import SpeechFindings, cover, find_spoken, find_until_quiet, uncovered
from veriscope.types import Audio

RATE = 16000
TOLERANCE = 0.15  # seconds
VOICES = ("en-us", "en-gb", "en-us+f3", "en-gb+m7")
SAID = (
    ("my phone number is", "two one two five five five zero one eight seven", "please call me tomorrow"),
    ("the credit card number is", "four five three nine one four eight eight zero three four three six four six seven", "thank you very much"),
    ("you can reach me at", "nine four three five one two nine four two five", "in the evening"),
    ("hello my name is", "john smith", "and i would like to ask a question"),
    ("send an email to", "mary dot jones at gmail dot com", "before the end of the week"),
)  # fmt: skip


class Clip(NamedTuple):
    samples: np.ndarray
    words: list[Word]  # as they were said; evenly spread inside each part
    text: str
    start: float  # of the personal data, seconds
    end: float


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--real", type=int, default=12)
    parser.add_argument("--only", default="", help="pocketsphinx, whisper; by default all that are installed")
    given = parser.parse_args()
    infer = OnnxInfer()
    clips = made(given.clips)
    figures: dict[str, object] = {"clips": len(clips)}
    figures |= graded("told", clips, [told(clip, infer) for clip in clips])
    for name, by in installed().items():
        if given.only and name not in given.only.split(","):
            continue
        figures[f"{name}_name"] = by.name
        by.hear(np.zeros(RATE, np.float32))  # what is loaded at the first call is not timed
        heard, figures[f"{name}_x_realtime"] = timed(clips, infer, by)
        figures |= graded(name, clips, heard)
        if ways(by).apart:  # a redaction looks again at what it covered, until nothing new is heard
            planned = [find_until_quiet(Audio(clip.samples, RATE), infer, by=by) for clip in clips]
            figures |= graded(f"{name}_planned", clips, planned)
        figures |= {f"{name}_{k}": v for k, v in real(given.data, given.real, infer, by).items()}
        figures |= {f"{name}_{k}": v for k, v in wrong(given.data, clips, heard, infer, by).items()}
    show({k: round(float(v), 4) if isinstance(v, float) else v for k, v in figures.items()}, as_json=given.json)


def installed() -> dict[str, Recogniser]:
    """By short name; the last one is the best."""
    senses = config.load().senses()
    found = {}
    if find_spec("pocketsphinx"):
        found["pocketsphinx"] = recogniser()
    if senses.speech_weights is not None:
        found["whisper"] = recogniser(senses.speech_weights)
    return found


def made(count: int) -> list[Clip]:
    return [spoken(VOICES[i % len(VOICES)], SAID[(i // len(VOICES)) % len(SAID)]) for i in range(count)]


def timed(clips: Sequence[Clip], infer: OnnxInfer, by: Recogniser) -> tuple[list[SpeechFindings], float]:
    """What is heard in each clip, and how many seconds of sound that took a second of one core."""
    start = time.process_time()
    heard = [find_spoken(Audio(clip.samples, RATE), infer, by=by) for clip in clips]
    return heard, sum(len(c.samples) for c in clips) / RATE / (time.process_time() - start)


def spoken(voice: str, parts: Sequence[str]) -> Clip:
    pieces, words, at, marks = [np.zeros(RATE // 5, np.float32)], [], 0.2, (0.0, 0.0)
    for index, text in enumerate(parts):
        sound = voiced(voice, text)
        seconds = len(sound) / RATE
        letters = np.cumsum([0, *(len(w) + 1 for w in text.split())])
        edges = at + seconds * letters / letters[-1]
        words += [Word(w, float(a), float(b), 0.99) for w, a, b in zip(text.split(), edges, edges[1:], strict=False)]
        if index == 1:
            marks = (at, at + seconds)
        pieces += [sound, np.zeros(round(0.12 * RATE), np.float32)]
        at += seconds + 0.12
    return Clip(np.concatenate(pieces), words, " ".join(parts), *marks)


def voiced(voice: str, text: str) -> np.ndarray:
    """Speech without the silence around it, 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(path), text], check=True, capture_output=True)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    from scipy.signal import resample_poly

    sound = resample_poly(raw, 320, round(rate / 50)).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[loud[0] : loud[-1] + 1]


def told(clip: Clip, infer: OnnxInfer) -> SpeechFindings:
    """What is found where the recogniser knows the words: what is left is the error of the spans."""

    class Knows:
        name, error_rate, floor = "told", "none", 0.5

        def hear(self, samples: np.ndarray) -> Sequence[Word]:
            # find where this window stands in the clip, then give its words relative to it
            level = samples[: RATE // 2]
            gain = float(np.abs(level).max()) or 1.0
            offsets = np.arange(0, len(clip.samples) - len(level) + 1, 160)
            scale = [abs(_fit(clip.samples[o : o + len(level)], level, gain)) for o in offsets]
            begin = float(offsets[int(np.argmin(scale))]) / RATE
            end = begin + len(samples) / RATE
            return [
                Word(w.text, w.start - begin, w.end - begin, w.confidence)
                for w in clip.words
                if begin <= w.start and w.end <= end + 0.05
            ]

    return find_spoken(Audio(clip.samples, RATE), infer, by=Knows())


def _fit(part: np.ndarray, level: np.ndarray, gain: float) -> float:
    top = float(np.abs(part).max()) or 1.0
    return float(np.abs(part / top - level / gain).mean())


def graded(name: str, clips: Sequence[Clip], found: Sequence[SpeechFindings]) -> dict[str, object]:
    """Share of the personal data left audible, errors of the edges, sound covered for nothing, each with its interval."""
    from veriscope.redaction.speech import SoundSpan

    left, errors, extra, wanted, exact = [], [], [], [], []
    for clip, result in zip(clips, found, strict=True):
        truth = SoundSpan(clip.start, clip.end, "truth", 1.0)
        left.append(uncovered(SoundSpan(clip.start + TOLERANCE, clip.end - TOLERANCE, "truth", 1.0), result.spans))
        wanted.append(clip.end - clip.start)
        own = [s for s in result.spans if s.start < clip.end and s.end > clip.start]
        if own:
            errors += [abs(own[0].start - clip.start), abs(own[-1].end - clip.end)]
        extra.append(
            sum((s.end - s.start) - max(0.0, min(s.end, truth.end) - max(s.start, truth.start)) for s in result.spans)
        )
        out = cover(clip.samples, RATE, result.spans)
        outside = np.ones(len(out), bool)
        for span in result.spans:
            outside[int(span.start * RATE) : int(np.ceil(span.end * RATE))] = False
        exact.append(bool(np.array_equal(out[outside], clip.samples[outside])))
    rng = np.random.default_rng(0)
    need, bare, more = np.array(wanted), np.array(left), np.array(extra)
    out: dict[str, object] = {
        f"{name}_edge_error_ms_median": 1000 * float(np.median(errors)) if errors else None,
        f"{name}_edge_error_ms_p95": 1000 * float(np.percentile(errors, 95)) if errors else None,
        f"{name}_edges_within_150_ms": float(np.mean(np.array(errors) <= TOLERANCE)) if errors else 0.0,
        f"{name}_clips_left_audible": int(np.sum(bare >= 0.05)),
        f"{name}_rest_bit_exact": float(np.mean(exact)),
    }
    for key, part in (("left_audible", bare), ("removed_for_nothing", more)):
        draws = rng.integers(len(clips), size=(1000, len(clips)))
        spread = [part[d].sum() / need[d].sum() for d in draws]
        low, high = np.percentile(spread, [2.5, 97.5])
        out |= {
            f"{name}_{key}": float(part.sum() / need.sum()),
            f"{name}_{key}_low": float(low),
            f"{name}_{key}_high": float(high),
        }
    return out


def real(data: Path, count: int, infer: OnnxInfer, by: Recogniser) -> dict[str, object]:
    paths = sorted((data / "audio/librispeech").glob("*.flac"))[:count]
    covered, speech, seconds = [], [], 0.0
    reasons: dict[str, float] = {}
    child = DecodeChild(Limits())
    start = time.process_time()
    try:
        for path in paths:
            with open_scene(path, child=child, infer=infer) as scene:
                audio = scene.audio()
            audio = Audio(audio.samples[: 15 * RATE], RATE)
            found = find_spoken(audio, infer, by=by)
            speech.append(found.speech_seconds)
            seconds += len(audio.samples) / RATE
            covered.append(sum(span.end - span.start for span in found.spans))
            for span in found.spans:
                reasons[span.reason] = reasons.get(span.reason, 0.0) + span.end - span.start
    finally:
        child.close()
    if not paths:
        return {}
    took = time.process_time() - start
    share = np.array(covered), np.array(speech)
    draws = np.random.default_rng(0).integers(len(paths), size=(1000, len(paths)))
    low, high = np.percentile([share[0][d].sum() / share[1][d].sum() for d in draws], [2.5, 97.5])
    out: dict[str, object] = {
        "real_clips": len(paths),
        "real_share_of_speech_covered": sum(covered) / sum(speech),
        "real_share_of_speech_covered_low": float(low),
        "real_share_of_speech_covered_high": float(high),
        "real_x_realtime": seconds / took,
    }
    return out | {f"real_covered_as_{k}": v / sum(speech) for k, v in sorted(reasons.items())}


# words


def wrong(
    data: Path, clips: Sequence[Clip], heard: Sequence[SpeechFindings], infer: OnnxInfer, by: Recogniser
) -> dict[str, object]:
    """Share of wrong words (left out, put in, taken for others) of those that were said."""
    made_up = [(c.text, h.transcript.text() if h.transcript else "") for c, h in zip(clips, heard, strict=True)]
    read = [(said, find_spoken(audio, infer, by=by).transcript) for said, audio in spoken_by_people(data, infer)]
    pairs = {"espeak": made_up, "read": [(said, found.text() if found else "") for said, found in read]}
    out: dict[str, object] = {}
    for name, texts in pairs.items():
        counted = [(distance(plain(a), plain(b)), len(plain(a))) for a, b in texts]
        if counted:
            out[f"{name}_words"] = sum(n for _, n in counted)
            out[f"{name}_word_error"] = sum(d for d, _ in counted) / sum(n for _, n in counted)
    return out


JFK = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"


def spoken_by_people(data: Path, infer: OnnxInfer) -> Iterator[tuple[str, Audio]]:
    """What was said, and the sound: cards and sentences of the pocketsphinx set, and one of a speech."""
    folder = data / "audio/pocketsphinx"
    said = {path.with_suffix(".wav"): path.read_text() for path in sorted(folder.glob("sense*.txt"))}
    for line in (folder / "cards.transcription").read_text().splitlines():
        if found := re.fullmatch(r"<s>(.*)</s>\s*\((\w+)\)", line.strip()):
            said[folder / f"{found[2]}.wav"] = found[1]
    said[data / "audio/jfk/jfk.flac"] = JFK
    child = DecodeChild(Limits())
    try:
        for path, text in said.items():
            if path.is_file():
                with open_scene(path, child=child, infer=infer) as scene:
                    yield text, scene.audio()
    finally:
        child.close()


DIGITS = {"oh": "0"} | {
    w: str(i) for i, w in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
}


def plain(text: str) -> list[str]:
    """Words in small letters, digits one by one, however they were written."""
    text = re.sub(r"(?<=\w)\.(?=[a-z]{2,3}\b)", " dot ", text.lower().replace("@", " at "))
    words = re.sub(r"(\d)", r" \1 ", re.sub(r"[^\w' ]", " ", text)).split()
    return [DIGITS.get(word, "mister" if word == "mr" else word) for word in words]


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


if __name__ == "__main__":
    main()
