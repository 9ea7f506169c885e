"""Sound read for the recogniser, and written anew with spans covered. Runs in the decode child.

Spans are on the container's own clock, but inside a track samples are counted from its first: reading and writing
count the same ones, so a span lies where it was heard whatever the file says of gaps. Lossless sound stays bit-exact
outside the spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, UnsupportedKind
from veriscope.media.limits import Limits
from veriscope.media.streams import open_container
from veriscope.media.survey import decoded_packet
from veriscope.redaction.covering import Coverer, SoundOperator

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

RATE = 16000  # Hz, as recognisers want it
MUXERS = {
    "wav": "wav", "mp3": "mp3", "m4a": "ipod", "aac": "adts", "flac": "flac", "ogg": "ogg",
    "mp4": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm", "avi": "avi",
}  # fmt: skip
_LOSSLESS = {"flac", "alac", "wavpack"}
_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}
_SAME = {"aac", "ac3", "eac3", "mp2"}
_OPUS_RATES = {8000, 12000, 16000, 24000, 48000}
_OTHERWISE = {"wav": "pcm_s16le", "avi": "libmp3lame", "mkv": "flac", "webm": "libopus", "ogg": "libopus"}
_LEAST_BITS, _MOST_BITS = 128_000, 256_000  # a second for each channel, of lossy kinds
_CANCELS = 0.1  # of the loudest channel: below it the channels cancel each other when mixed
_NO_PERSONAL = {"language"}
_TOLD_EVERY = 200  # frames
_WRITING = {5, 27, 28, 122}  # errors of the disk, not of a codec


def listen(path: str, format: str, limits: Limits, track: int = 0) -> Iterator[Item]:
    """The sound of one track for a recogniser.

    Args:
        path, format, limits: the file.
        track: number among its tracks of sound.

    Yields:
        First ``tracks`` (how many there are) and ``start`` (s, of the track's first sample on the container's clock);
        then ``samples``, mono float32 at 16 kHz, about a second each.
    """
    with open_container(path, format, limits) as container:
        tracks = len(container.streams.audio)
        if track >= tracks:
            yield {"tracks": tracks, "start": 0.0}, {}
            return
        stream = container.streams.audio[track]
        resampler: Any = None
        held: list[NDArray[np.float32]] = []
        for frame in _decoded(container, stream):
            if resampler is None:
                yield {"tracks": tracks, "start": float(frame.time or 0.0)}, {}
                resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=RATE)
            frame.pts = None  # gaps between times must not be filled: samples are counted
            held += [_mixed(part) for part in resampler.resample(frame)]
            if sum(map(len, held)) >= RATE:
                yield {}, {"samples": np.concatenate(held)}
                held = []
        if resampler is None:
            raise DamagedMedia("No part of the sound decodes.")
        held += [_mixed(part) for part in resampler.resample(None)]
        if held:
            yield {}, {"samples": np.concatenate(held)}


def _mixed(part: Any) -> NDArray[np.float32]:
    """Mono; where the channels cancel each other the loudest stands for all: a voice must not hide between them."""
    channels = np.nan_to_num(part.to_ndarray()).astype(np.float32, copy=False)
    mono: NDArray[np.float32] = channels.mean(axis=0)
    loud = np.sqrt(np.square(channels).mean(axis=1)) if channels.size else np.zeros(1)
    if len(channels) > 1 and float(np.sqrt(np.square(mono).mean())) < _CANCELS * float(loud.max()):
        mono = channels[int(loud.argmax())]
    return mono


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames of one rate and layout; a broken packet costs itself."""
    kind: tuple[int, str, str] | None = None
    for packet in container.demux(stream):
        for frame in decoded_packet(packet):
            own = (frame.sample_rate, frame.layout.name, frame.format.name)
            kind = kind or own
            if own != kind:
                raise UnsupportedKind("The sound changes its rate or channels in the middle, which is not redacted.")
            yield frame


def dub(
    path: str,
    format: str,
    limits: Limits,
    target: str,
    spans: list[tuple[float, float]],
    operator: str = SoundOperator.SILENCE,
    strip: bool = True,
) -> Iterator[Item]:
    """Write a sound file to ``target`` with the spans (start, end; seconds) covered.

    Yields:
        ``time`` (s) so far; last ``done`` with ``notes`` and ``starts`` (s, of each track). A fault of
        writing is a fact too: ``fault``.
    """
    try:
        with ExitStack() as stack:
            source = stack.enter_context(open_container(path, format, limits))
            result = stack.enter_context(av.open(target, "w", format=MUXERS[format]))
            if not source.streams.audio:
                raise DamagedMedia("The file holds no sound.")
            notes: list[str] = []
            tracks = {s.index: Track(result, s, format, spans, operator, notes, strip) for s in source.streams.audio}
            if not strip:
                result.metadata.update(dict(source.metadata))
            if len(source.streams) > len(tracks):
                notes.append("Cover pictures and data streams were left out.")
            for count, packet in enumerate(source.demux(source.streams.audio)):
                track = tracks[packet.stream.index]
                track.packet(packet)
                if count % _TOLD_EVERY == 0:
                    yield {"time": track.time}, {}
            for track in tracks.values():
                track.finish()
        starts = [t.start for t in tracks.values()]
        yield {"done": True, "notes": notes, "time": max(t.time for t in tracks.values()), "starts": starts}, {}
    except OSError as exc:
        if isinstance(exc, av.FFmpegError) and exc.errno not in _WRITING:
            raise
        yield {"fault": f"The output cannot be written: {exc.strerror}."}, {}


class Track:
    """One track of sound, decoded, covered and encoded.

    Args:
        result: the container written to; the track is added at once, before anything is written.
        stream: of the source.
        format: name of the container.
        spans: (start, end) in seconds on the container's clock.
        operator: a ``SoundOperator``.
        notes: told what is lost.
        strip: leave metadata out.
    """

    def __init__(
        self,
        result: Any,
        stream: Any,
        format: str,
        spans: Sequence[tuple[float, float]],
        operator: str,
        notes: list[str],
        strip: bool,
    ) -> None:
        self._result = result
        self._source = stream.codec_context
        rate = int(self._source.sample_rate or 0)
        if rate < 1:
            raise DamagedMedia("The sound does not say its rate.")
        self._kind: tuple[int, str, str] | None = None
        self._spans, self._operator = spans, SoundOperator(operator)
        self._coverer: Coverer | None = None
        self._rate = rate
        # neither can say that an encoder's first samples are none: they are left out
        self._trimmed = format in {"aac", "avi"}
        self.time = self.start = 0.0
        name = _encoder(stream, format, notes)
        written = 48000 if name == "libopus" and rate not in _OPUS_RATES else rate
        made = result.add_stream(name, rate=written)
        context = made.codec_context
        context.layout = self._source.layout
        context.format = _sample_format(self._source.format.name, context.codec)
        if not name.startswith("pcm_") and name not in _LOSSLESS:
            context.bit_rate = _bits(self._source)
        made.metadata.update({k: v for k, v in stream.metadata.items() if not strip or k in _NO_PERSONAL})
        made.disposition = stream.disposition
        self._stream = made

    def packet(self, packet: Any) -> None:
        for frame in decoded_packet(packet):
            own = (frame.sample_rate, frame.layout.name, frame.format.name)
            self._kind = self._kind or own
            if own != self._kind:
                raise UnsupportedKind("The sound changes its rate or channels in the middle, which is not redacted.")
            if self._coverer is None:
                self.start = float(frame.time or 0.0)
                here = [(a - self.start, b - self.start) for a, b in self._spans]
                self._coverer = Coverer(self._rate, here, self._operator)
            self.time += frame.samples / self._rate
            self._encode(self._coverer.feed(frame))

    def finish(self) -> None:
        if self._coverer is not None:
            self._encode([*self._coverer.flush(), None])

    def _encode(self, frames: Sequence[Any]) -> None:
        for frame in frames:
            for packet in self._stream.encode(frame):
                if not (self._trimmed and packet.pts is not None and packet.pts < 0):
                    self._result.mux(packet)


def _encoder(stream: Any, format_: str, notes: list[str]) -> str:
    """The source's own kind where it can be written, else the best that the container takes."""
    name = stream.codec_context.codec.canonical_name
    if name.startswith("pcm_") or name in _LOSSLESS:
        return str(name)
    if name in _ENCODERS or name in _SAME:
        chosen = _ENCODERS.get(name, name)
        rate = f"{_bits(stream.codec_context) // 1000} kbit/s"
        notes.append(f"The sound was encoded anew as {name} at {rate}; outside the spans it is alike, not bit-exact.")
        return str(chosen)
    other = _OTHERWISE.get(format_, "aac")
    notes.append(f"The sound was encoded anew as {other.removeprefix('lib')}, for {name} cannot be written.")
    return other


def _bits(context: Any) -> int:
    """At least the source's rate, and enough that a second generation is not heard."""
    channels = context.layout.nb_channels
    return int(min(max(int(context.bit_rate or 0), _LEAST_BITS * channels), _MOST_BITS * channels, 320_000 * 2))


def _sample_format(own: str, codec: Any) -> str:
    """The source's where the encoder takes it, else the one that loses nothing, or least."""
    takes = [f.name for f in codec.audio_formats or ()]
    if not takes or own in takes:
        return own
    for wished in (own.removesuffix("p"), f"{own}p", "fltp", "flt", "s32p", "s32", "s16p", "s16"):
        if wished in takes:
            return wished
    return str(takes[0])
