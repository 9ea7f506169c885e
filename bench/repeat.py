"""A long film from a short one: its packets over and over, not encoded again."""

from __future__ import annotations

from pathlib import Path

import av


def repeated(source: Path, path: Path, times: int, step: float) -> Path:
    """``source`` ``times`` over, each one ``step`` seconds after the one before; every stream of it."""
    with av.open(str(path), "w") as container:
        streams: dict[int, av.stream.Stream] = {}
        for number in range(times):
            with av.open(str(source)) as original:
                for stream in original.streams:
                    if stream.index not in streams:
                        streams[stream.index] = container.add_stream_from_template(stream)
                for packet in original.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    ticks = int(number * step / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    packet.stream = streams[packet.stream.index]
                    container.mux(packet)
    return path
