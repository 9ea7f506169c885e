"""Spoken personal data: where it is said, and how it is made inaudible.

Nothing is taken on trust: where somebody audibly speaks and the recogniser returns nothing, or is not sure of what it
heard, the stretch is covered as well. A poor recogniser therefore covers much, it does not leak much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import LeakFound
from veriscope.perception.pii import PiiKind
from veriscope.perception.speech import find_speech
from veriscope.perception.transcript import QUIET, Recogniser, Transcript, Word, recogniser, transcribe
from veriscope.perception.word import ways
from veriscope.redaction.covering import FADE, SoundOperator, covered
from veriscope.redaction.misheard import misheard
from veriscope.redaction.text import Wanted
from veriscope.types import Audio, Infer

__all__ = ["FADE", "SoundOperator", "cover", "find_spoken", "find_until_quiet", "merged", "second_look"]

PAD: Final = 0.08  # seconds on either side of what was found: recognisers set words a little late or early
SPEECH: Final = 0.4  # probability of speech from which a stretch counts
UNHEARD: Final = 0.35  # seconds of speech without a word that are covered
SURE: Final = 0.6  # mean confidence of words from which a further look takes them for a name
SAID: Final = 0.05  # seconds that each of them takes at least
JOIN: Final = 0.8  # seconds between two spans of one kind that are covered with them: misheard numbers come in parts


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """Seconds that are to be covered: for a kind of personal data, or because nobody knows what is said there."""

    start: float
    end: float
    reason: str  # a ``PiiKind``, "unheard" (speech without words) or "unsure" (words that are guesses)
    confidence: float


@dataclass(frozen=True, slots=True)
class SpeechFindings:
    spans: tuple[SoundSpan, ...]
    recogniser: str
    error_rate: str
    speech_seconds: float
    transcript: Transcript | None  # holds the personal data itself: never stored


def find_spoken(
    audio: Audio, infer: Infer, wanted: Wanted | None = None, by: Recogniser | None = None, *, again: bool = False
) -> SpeechFindings:
    """What is to be covered in ``audio`` (mono, 16 kHz), padded, in order, without overlap.

    ``again`` is a further look at what is covered in part: a recogniser that is mostly right gets little of the scraps
    between the covers, so only what it hears for sure counts, and what it does not understand was understood before.

    Raises:
        ModelUnavailable: no recogniser is installed.
    """
    wanted = replace(wanted or Wanted(), spoken=True)
    by = by or recogniser()
    duration = len(audio.samples) / audio.rate
    stretches = find_speech(audio, infer, SPEECH)
    heard = transcribe(audio, stretches, by)
    spans: list[SoundSpan] = []
    for found in wanted.find(heard.text(), infer):
        start, end = heard.span(found.start, found.end)
        said = [w for w in heard.words if w.end > start and w.start < end]
        if not (again and ways(by).apart) or _meant(said, by.floor, found.kind):
            spans.append(SoundSpan(start, end, found.kind.value, found.confidence))
    spoken = sum(end - start for start, end, _ in stretches)
    if again and ways(by).apart:
        return SpeechFindings(tuple(merged(spans, duration)), heard.recogniser, heard.error_rate, spoken, heard)
    spans += [SoundSpan(*part, "unsure", 0.5) for part in misheard(heard.words, [(s.start, s.end) for s in spans])]
    personal = [Word("", s.start, s.end, 1.0) for s in spans] if ways(by).apart else []
    sure = sorted([*(w for w in heard.words if w.confidence >= by.floor), *personal], key=lambda w: w.start)
    for start, end, probability in stretches:
        gaps = [g for g in _gaps(start, end, sure) if g[1] - g[0] >= UNHEARD and _audible(audio, *g)]
        if sum(b - a for a, b in gaps) > ways(by).whole * (end - start):
            gaps = [(start, end)]
        for gap_start, gap_end in gaps:
            known = any(w.start < gap_end and w.end > gap_start for w in heard.words)
            spans.append(SoundSpan(gap_start, gap_end, "unsure" if known else "unheard", probability))
    return SpeechFindings(tuple(merged(spans, duration)), heard.recogniser, heard.error_rate, spoken, heard)


def _meant(words: Sequence[Word], floor: float, kind: PiiKind) -> bool:
    """Whether a further look heard this for sure: of the scraps between covers a recogniser makes up names."""
    sure = sum(word.confidence for word in words)
    if kind not in _NAMES:
        return bool(words) and sure >= floor * len(words)
    return bool(words) and sure >= SURE * len(words) and all(word.end - word.start >= SAID for word in words)


def _gaps(start: float, end: float, words: Sequence[Word]) -> list[tuple[float, float]]:
    """Parts of a stretch of speech in which no word lies."""
    out, at = [], start
    for word in words:
        if word.end <= start or word.start >= end:
            continue
        if word.start > at:
            out.append((at, word.start))
        at = max(at, word.end)
    return out + ([(at, end)] if end > at else [])


def _audible(audio: Audio, start: float, end: float) -> bool:
    part = audio.samples[int(start * audio.rate) : int(end * audio.rate)]
    return bool(len(part) and np.abs(part).max() >= QUIET)


def merged(spans: Sequence[SoundSpan], duration: float, pad: float = PAD) -> list[SoundSpan]:
    """Padded; what touches, or is of one kind and nearly touches, becomes one span."""
    out: list[SoundSpan] = []
    for span in sorted(spans, key=lambda s: s.start):
        start, end = max(0.0, span.start - pad), min(duration, span.end + pad)
        last = out[-1] if out else None
        if last and start <= last.end + (JOIN if last.reason == span.reason else 0.0):
            best = max(last, span, key=lambda s: (s.reason in _KINDS, s.confidence))
            out[-1] = SoundSpan(last.start, max(last.end, end), best.reason, best.confidence)
        else:
            out.append(replace(span, start=start, end=end))
    return out


_KINDS = frozenset(kind.value for kind in PiiKind)
_NAMES = frozenset({PiiKind.PERSON, PiiKind.PLACE})


def cover(
    samples: NDArray[np.float32],
    rate: int,
    spans: Sequence[SoundSpan],
    operator: SoundOperator = SoundOperator.SILENCE,
) -> NDArray[np.float32]:
    """A copy of ``samples`` (N, or N×channels; float32) with the spans covered; every sample outside is bit-exact.

    The voice fades out over the first and in over the last ten milliseconds of each span, which is why spans are
    padded. All channels are covered: a voice is in every one of them.
    """
    out = samples.copy()
    flat = out.reshape(len(out), -1)
    for span in spans:
        first, last = max(0, int(span.start * rate)), min(len(out), int(np.ceil(span.end * rate)))
        if last > first:
            flat[first:last] = covered(flat[first:last], rate, first, (first, last), operator)
    return out


class _Remembering:
    """Answers what it has answered before: between two looks most windows are the same."""

    def __init__(self, by: Recogniser) -> None:
        self.name, self.error_rate, self.floor, self.ways = by.name, by.error_rate, by.floor, ways(by)
        self._by = by
        self._heard: dict[bytes, Sequence[Word]] = {}

    def hear(self, samples: NDArray[np.float32]) -> Sequence[Word]:
        key = hashlib.sha256(samples.tobytes()).digest()
        if key not in self._heard:
            self._heard[key] = self._by.hear(samples)
        return self._heard[key]


def find_until_quiet(
    audio: Audio, infer: Infer, wanted: Wanted | None = None, by: Recogniser | None = None, looks: int = 2
) -> SpeechFindings:
    """``find_spoken``, then again on the covered sound, until nothing new is heard: the plan for a safe output.

    Where covering gives rise to ever other words, the last look covers the whole stretches in which they are said; a
    recogniser that is mostly wrong does not even settle then.

    Raises:
        LeakFound: after ``looks`` further looks there is still personal data to be heard.
    """
    by = by or recogniser()
    trusted = ways(by).apart
    by = _Remembering(by) if trusted else by
    found = find_spoken(audio, infer, wanted, by)
    stretches = find_speech(audio, infer, SPEECH) if trusted else []
    duration = len(audio.samples) / audio.rate
    looks = 2 * looks if trusted else looks
    for look in range(looks):
        covered_sound = Audio(cover(audio.samples, audio.rate, found.spans), audio.rate)
        heard = find_spoken(covered_sound, infer, wanted, by, again=True)
        new = [span for span in heard.spans if uncovered(span, found.spans) > UNHEARD]
        if not new:
            break
        if trusted and look > 0:
            new += [
                SoundSpan(a, b, "unsure", p) for a, b, p in stretches if any(s.start < b and s.end > a for s in new)
            ]
        elif look == looks - 1 and any(span.reason in _KINDS for span in new):
            raise LeakFound(f"The second look still hears something at {new[0].start:.1f} s.")
        found = replace(found, spans=tuple(merged([*found.spans, *new], duration, pad=0.0)))
    return found


def second_look(
    audio: Audio,
    spans: Sequence[SoundSpan],
    infer: Infer,
    wanted: Wanted | None = None,
    by: Recogniser | None = None,
) -> None:
    """Listen to the output as it was written (mono, 16 kHz).

    Raises:
        LeakFound: personal data lies outside what was covered.
    """
    leak = (wanted or Wanted()).leak
    for found in find_spoken(audio, infer, wanted, by, again=True).spans:
        bare = uncovered(found, spans)
        if found.reason in _KINDS and found.confidence >= leak and bare > UNHEARD:
            raise LeakFound(f"The second look still hears something ({found.reason}) at {found.start:.1f} s.")


def uncovered(span: SoundSpan, spans: Sequence[SoundSpan]) -> float:
    """Seconds of ``span`` that lie outside all ``spans``."""
    left = span.end - span.start
    return max(0.0, left - sum(max(0.0, min(span.end, s.end) - max(span.start, s.start)) for s in spans))
