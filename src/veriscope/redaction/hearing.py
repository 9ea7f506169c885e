"""The parent's side of speech: what is to be covered in a file's sound, and the second look at what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import LeakFound, ModelUnavailable
from veriscope.media.child import DecodeChild
from veriscope.perception.speech import RATE, find_speech
from veriscope.perception.transcript import Recogniser, recogniser
from veriscope.redaction import speech
from veriscope.redaction.covering import FADE, SoundOperator
from veriscope.redaction.plan import Span
from veriscope.redaction.senses import Senses
from veriscope.redaction.speech import SoundSpan
from veriscope.redaction.text import Wanted
from veriscope.types import Audio, Infer, Media

BLOCK = 900.0  # seconds that are listened to at a time: memory does not grow with length
OVERLAP = 15.0
_QUIET = 0.01  # amplitude that silence may have after a lossy encoder
_SHARE = 0.02  # of the samples of a silent span that may be louder: rings of the encoder at its edges

Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in all tracks of a file. Spans are on the container's own clock."""

    spans: tuple[Span, ...] = ()
    seconds: float = 0.0  # of sound
    speech_seconds: float = 0.0
    recogniser: str = ""
    error_rate: str = ""
    tracks: int = 0
    notes: tuple[str, ...] = field(default_factory=tuple)


class Listener:
    """Listens to one file. The recogniser is looked for only where somebody speaks.

    Args:
        media: the file.
        decoder: reads it.
        infer: runs the voice detector and ``pii-names``.
        wanted: what to look for in what is said.
        senses: which recogniser.
        duration: seconds, for the progress told.
    """

    def __init__(
        self, media: Media, decoder: DecodeChild, infer: Infer, wanted: Wanted, senses: Senses, duration: float
    ) -> None:
        self._media, self._decoder, self._infer = media, decoder, infer
        self._wanted, self._senses, self._duration = wanted, senses, max(duration, 1e-6)

    def find(self, told: Told) -> Heard:
        """What must be covered. Every track is listened to; a span counts for all of them.

        Raises:
            ModelUnavailable: somebody speaks, and nobody here understands.
        """
        spans: list[SoundSpan] = []
        heard = Heard()
        track, tracks = 0, 1
        while track < tracks:
            for start, tracks, block, offset in self._blocks(self._media, track):
                heard = replace(heard, tracks=tracks)
                if not tracks:
                    return heard
                found = self._in_block(block)
                shift = start + offset
                spans += [replace(s, start=s.start + shift, end=s.end + shift) for s in found.spans]
                heard = replace(
                    heard,
                    seconds=max(heard.seconds, offset + len(block) / RATE),
                    speech_seconds=heard.speech_seconds + found.speech_seconds,
                    recogniser=found.recogniser or heard.recogniser,
                    error_rate=found.error_rate or heard.error_rate,
                )
                told(min(1.0, heard.seconds / self._duration / tracks + track / tracks))
            track += 1
        joined = speech.merged(spans, float("inf"), pad=0.0)
        return replace(heard, spans=tuple(_named(joined)))

    def _in_block(self, samples: NDArray[np.float32]) -> speech.SpeechFindings:
        audio = Audio(samples, RATE)
        stretches = find_speech(audio, self._infer, speech.SPEECH)
        if not stretches:
            return speech.SpeechFindings((), "", "", 0.0, None)
        by = self._recogniser()
        try:
            return speech.find_until_quiet(audio, self._infer, self._wanted, by)
        except LeakFound:  # each covering gave rise to other words: then nothing that is said stays
            whole = [SoundSpan(start, end, "unsure", sure) for start, end, sure in stretches]
            spans = speech.merged(whole, len(samples) / RATE)
            spoken = sum(end - start for start, end, _ in stretches)
            return speech.SpeechFindings(tuple(spans), by.name, by.error_rate, spoken, None)

    def check(
        self, written: Media, spans: Sequence[Span], starts: Sequence[float | None], operator: SoundOperator, told: Told
    ) -> int:
        """Listen to the output as it was written; returns how many blocks that took.

        Args:
            written: the output.
            spans: of the plan, those that stay audible among them.
            starts: of the source's tracks on its container's clock; ``None`` where they were copied as they are.
            operator: what was put; silence must be silent.

        Raises:
            LeakFound: something is still heard.
        """
        looks, track, tracks = 0, 0, 1
        while track < tracks:
            for start, tracks, block, offset in self._blocks(written, track):
                if tracks != len(starts):
                    raise LeakFound("The output has other tracks of sound than its source.")
                if not tracks:
                    return looks
                own = starts[track]
                here = [_local(s, (start if own is None else own) + offset) for s in spans]
                if operator is SoundOperator.SILENCE:
                    _silent(block, [h for h, s in zip(here, spans, strict=True) if s.enabled], offset)
                audio = Audio(block, RATE)
                if find_speech(audio, self._infer, speech.SPEECH):
                    speech.second_look(audio, here, self._infer, self._wanted, self._recogniser())
                looks += 1
                told(min(1.0, (offset + len(block) / RATE) / self._duration))
            track += 1
        return looks

    def _recogniser(self) -> Recogniser:
        try:
            senses = self._senses
            return recogniser(senses.speech_weights, senses.speech_language, senses.speech_threads)
        except ModelUnavailable as exc:
            if self._senses.speech_weights is not None:  # Whisper is there, and something is wrong with it
                raise
            raise ModelUnavailable(
                "Somebody speaks in this file, and no recogniser is installed: pip install pocketsphinx.",
                hint="For a video '--targets faces,plates,text' leaves the sound as it is, unheard.",
            ) from exc

    def _blocks(self, media: Media, track: int) -> Iterator[tuple[float, int, NDArray[np.float32], float]]:
        """(start of the track on the container's clock, number of tracks, samples, offset of the block) in seconds."""
        answers = self._decoder.stream("listen", path=str(media.path), format=media.format, track=track)
        start, tracks, offset, held = 0.0, 0, 0.0, [np.zeros(0, np.float32)]
        count, fresh = 0, 0
        with closing(answers):
            for answer in answers:
                if "tracks" in answer:
                    start, tracks = answer["start"], answer["tracks"]
                    continue
                held.append(answer["arrays"]["samples"])
                count += len(held[-1])
                fresh += len(held[-1])
                if count >= BLOCK * RATE:
                    block = np.concatenate(held)
                    yield start, tracks, block, offset
                    kept = block[-round(OVERLAP * RATE) :]
                    offset += (len(block) - len(kept)) / RATE
                    held, count, fresh = [kept], len(kept), 0
        if fresh or not offset:
            yield start, tracks, np.concatenate(held), offset


def _named(spans: Sequence[SoundSpan]) -> Iterator[Span]:
    for number, span in enumerate(spans, 1):
        yield Span(f"speech-{number}", span.reason, span.start, span.end, span.confidence)


def _local(span: Span, start: float) -> SoundSpan:
    return SoundSpan(span.start - start, span.end - start, span.kind, span.confidence)


def _silent(samples: NDArray[np.float32], spans: Sequence[SoundSpan], offset: float) -> None:
    """A span that is not where it should be shows here, whatever the recogniser makes of it."""
    for span in spans:
        first, last = (int((t + way * 4 * FADE) * RATE) for t, way in ((span.start, 1), (span.end, -1)))
        part = np.abs(samples[max(0, first) : max(0, last)])
        if len(part) and float((part > _QUIET).mean()) > _SHARE:
            raise LeakFound(f"The sound is not silent at {span.start + offset:.1f} s, where it was to be.")
