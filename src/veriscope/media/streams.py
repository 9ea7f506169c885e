"""What a video or sound file is made of: its streams and packets, read without decoding. Runs in the decode child."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, EncryptedMedia, TooLarge
from veriscope.media.boxes import structure
from veriscope.media.limits import Limits

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

av.logging.set_level(None)

# the demuxer is named, not guessed: a playlist dressed up as a film could make the guesser open other files
_DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "m4a": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "wav": "wav",
    "mp3": "mp3",
    "aac": "aac",
    "flac": "flac",
    "ogg": "ogg",
    "ogv": "ogg",
}


def open_container(path: str, format_: str, limits: Limits) -> InputContainer:
    """Raises DamagedMedia where it does not open, TooLarge where it has too many streams."""
    try:
        container = av.open(path, format=_DEMUXERS[format_], metadata_errors="replace")
    except av.FFmpegError as exc:
        raise DamagedMedia(f"The file does not open: {exc.strerror}.") from exc
    if len(container.streams) > limits.max_streams:
        container.close()
        raise TooLarge(f"The file has {len(container.streams)} streams; {limits.max_streams} are allowed.")
    return container


def video_stream(container: InputContainer) -> Any:
    """The first real video stream: a cover picture in a sound file is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def probe(path: str, format: str, limits: Limits) -> Iterator[Item]:
    """Facts of the container and one row per packet of the main stream; nothing is decoded but headers."""
    with open_container(path, format, limits) as container:
        video = video_stream(container)
        audio = container.streams.audio[0] if container.streams.audio else None
        if video is None and audio is None:
            raise DamagedMedia("The file holds neither pictures nor sound.")
        facts: dict[str, Any] = {
            "container": container.format.name,
            "metadata": {str(k)[:64]: str(v)[:500] for k, v in list(container.metadata.items())[:100]},
            "video": None if video is None else _video_facts(video, limits),
            "audio": None if audio is None else _audio_facts(audio),
        }
        duration = float(container.duration or 0) / av.time_base
        packets = _packets(container, video if video is not None else audio)
        if len(packets["pts"]) == 0:
            raise DamagedMedia("The file's streams are empty.")
        if duration <= 0:
            times = packets["pts"][np.isfinite(packets["pts"])]
            duration = float(times.max() - times.min()) if times.size else 0.0
        if duration > limits.max_seconds:
            raise TooLarge(f"The file lasts {duration:.0f} seconds; {limits.max_seconds:.0f} are allowed.")
        facts["duration"] = duration
    facts["extra"] = structure(path, format)
    yield facts, packets


def _video_facts(stream: Any, limits: Limits) -> dict[str, Any]:
    context = stream.codec_context
    if context.width * context.height > limits.max_pixels:
        raise TooLarge(f"The video has {context.width} × {context.height} pixels; {limits.max_pixels} are allowed.")
    if context.width < 1 or context.height < 1:
        raise DamagedMedia("The video's size is not stated, or its codec is unknown.")
    if stream.codec_context.name in {"encv", "drm"}:
        raise EncryptedMedia("The video is encrypted.")
    return {
        "codec": context.name,
        "width": context.width,
        "height": context.height,
        "fps": float(stream.average_rate or stream.guessed_rate or 0),
        "frames": int(stream.frames or 0),
        "bit_rate": int(context.bit_rate or 0),
        "pixel_format": context.pix_fmt,
        "profile": str(context.profile) if context.profile else None,
        "encoder": (stream.metadata.get("encoder") or "")[:100],
        "handler": (stream.metadata.get("handler_name") or "")[:100],
        "language": (stream.metadata.get("language") or "")[:10],
        "created": (stream.metadata.get("creation_time") or "")[:40],
        "time_base": float(stream.time_base or 0),
    }


def _audio_facts(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "codec": context.name,
        "rate": int(context.sample_rate or 0),
        "channels": int(getattr(context, "channels", 0) or context.layout.nb_channels),
        "bit_rate": int(context.bit_rate or 0),
        "encoder": (stream.metadata.get("encoder") or "")[:100],
        "handler": (stream.metadata.get("handler_name") or "")[:100],
        "start": float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0,
    }


def _packets(container: InputContainer, stream: Any) -> dict[str, NDArray[Any]]:
    base = float(stream.time_base or 1)
    rows: list[tuple[float, float, int, bool]] = []
    with suppress(av.FFmpegError):  # a truncated file still tells of the packets before its end
        for packet in container.demux(stream):
            if packet.size:
                pts = math.nan if packet.pts is None else packet.pts * base
                dts = math.nan if packet.dts is None else packet.dts * base
                rows.append((pts, dts, packet.size, packet.is_keyframe))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return {
        "pts": table[:, 0].copy(),
        "dts": table[:, 1].copy(),
        "size": table[:, 2].astype(np.int64),
        "keyframe": table[:, 3].astype(bool),
    }
