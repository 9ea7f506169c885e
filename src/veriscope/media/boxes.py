"""The structure of a container file: boxes in order, encoder strings. Bounded work on hostile bytes."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

_ISO = {"mp4", "mov", "m4a"}
_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"moof", b"traf"}
_MOST_BOXES = 400
_DEEPEST = 6
_SEI = re.compile(rb"(x264 - core \d+[^\0]{0,400}|x265 \(build \d+\)[^\0]{0,400}|Lavc[\d.]+ [\w-]+|HandBrake [\w. ]+)")
_SCAN_BYTES = 1 << 20


def structure(path: str, format_: str) -> dict[str, Any]:
    """``boxes``: paths like ``moov/trak/edts`` with size, in file order (ISO); ``strings``: encoder signatures."""
    found: dict[str, Any] = {"boxes": [], "problems": []}
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        if format_ in _ISO:
            _walk(file, 0, size, "", 0, found)
        file.seek(0)
        start = file.read(_SCAN_BYTES)
        media = next((b["offset"] for b in found["boxes"] if b["path"] == "mdat"), None)
        if media is not None and media > _SCAN_BYTES // 2:
            file.seek(media)
            start += file.read(_SCAN_BYTES // 2)
    strings = {m.group(0).decode("ascii", "replace")[:300] for m in _SEI.finditer(start)}
    found["strings"] = sorted(strings)[:10]
    return found


def _walk(file: BinaryIO, start: int, end: int, parent: str, depth: int, found: dict[str, Any]) -> None:
    position = start
    while position + 8 <= end and len(found["boxes"]) < _MOST_BOXES:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:
            size = end - position
        if size < header or position + size > end:
            found["problems"].append(f"box at {position} runs past its parent")
            return
        name = parent + kind.decode("latin-1").strip()
        found["boxes"].append({"path": name, "offset": position, "size": size})
        if kind in _NESTED and depth < _DEEPEST:
            _walk(file, position + header, position + size, name + "/", depth + 1, found)
        position += size
