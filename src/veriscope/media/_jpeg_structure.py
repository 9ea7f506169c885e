"""The build of a JPEG file: its markers in order, tables, sampling, and what follows its end.

ITU-T T.81 (Annexes B, F, K); JFIF 1.02; CIPA DC-007 (multi-picture).
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SEGMENTS = 4096
_NAMED = 256  # markers listed
_COLLECTED = 16_000_000  # bytes of segments kept for other readers
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither stuffing, nor restart, nor fill
_FRAMES = {0xC0 + k for k in range(16)} - {0xC4, 0xC8, 0xCC}
_NAMES = {0xC4: "DHT", 0xCC: "DAC", 0xD8: "SOI", 0xD9: "EOI", 0xDA: "SOS", 0xDB: "DQT", 0xDC: "DNL", 0xDD: "DRI"}
_NAMES |= {0xE0 + k: f"APP{k}" for k in range(16)} | {0xFE: "COM"} | {k: f"SOF{k - 0xC0}" for k in _FRAMES}
_STANDARD_HUFFMAN = frozenset(  # SHA-1 of class, lengths and symbols of the tables of Annex K.3
    {
        "0b91261b4eaf0e85",
        "42a4ccb8595c5910",
        "beea46687f17f3c8",
        "e30a39a218b9a31a",
    }
)

ZIGZAG: NDArray[np.intp] = np.array(
    sorted(range(64), key=lambda k: (k // 8 + k % 8, (k // 8 if (k // 8 + k % 8) % 2 else k % 8)))
)
"""Position in natural (row) order of each coefficient in file order."""

# fmt: off
_LUMA = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
_CHROMA = np.array([
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *[99] * 32,
])
_ROBIDOUX = np.array([
    16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75, 16, 20, 24, 31, 43, 62, 91, 135,
    18, 27, 31, 40, 53, 74, 106, 156, 25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238,
    56, 53, 91, 106, 131, 169, 226, 311, 85, 75, 135, 156, 189, 238, 311, 418,
])
# fmt: on
STANDARD = {"ijg": (_LUMA, _CHROMA), "mozjpeg": (_ROBIDOUX, _ROBIDOUX)}
"""Base tables (luma, chroma), natural order: Annex K as libjpeg scales them, and those of mozjpeg (N. Robidoux)."""


@dataclass
class Structure:
    facts: dict[str, Any] = field(default_factory=dict)
    segments: list[tuple[int, bytes]] = field(default_factory=list)  # APPn and COM before the first scan
    exif_at: int | None = None  # offset in the file of the EXIF block (its byte-order mark)


def read_structure(data: Any, problems: list[str]) -> Structure:
    """Walks the markers of one JPEG.

    Args:
        data: bytes or a memory map.

    Returns:
        ``facts``: markers (names in order), width, height, precision, process, subsampling, tables (64 integers each,
        natural order), quality (see ``quality_of``), huffman (default, optimised), restartInterval, scans, adobe, jfif,
        ducky, comment, multiPicture, trailingBytes and trailingKind.
    """
    found = Structure()
    names: list[str] = []
    facts: dict[str, Any] = {"scans": 0, "restartInterval": 0}
    tables: dict[int, list[int]] = {}
    huffman: set[str] = set()
    at, end, kept = 2, None, 0
    while len(names) < _SEGMENTS:
        match = _MARKER.search(data, at)
        if match is None:
            break
        if not facts["scans"] and match.start() != at:
            facts["garbage"] = True
        at, marker = match.end(), data[match.end() - 1]
        names.append(_NAMES.get(marker, f"0x{marker:02X}"))
        if marker == 0xD9:
            end = at
            break
        if marker in {0xD8, 0x01}:
            continue
        size = int.from_bytes(data[at : at + 2], "big")
        if size < 2 or at + size > len(data):
            problems.append(f"JPEG segment {names[-1]} is cut short")
            break
        body_at, body = at + 2, b""
        if kept < _COLLECTED:
            body = bytes(data[at + 2 : at + size])
            kept += size
        at += size
        if marker == 0xDB:
            _tables(body, tables, problems)
        elif marker == 0xC4:
            huffman |= _huffman(body)
        elif marker == 0xDD and len(body) >= 2:
            facts["restartInterval"] = int.from_bytes(body[:2], "big")
        elif marker == 0xDA:
            facts["scans"] += 1
        elif marker in _FRAMES and "width" not in facts:
            _frame(marker, body, facts, problems)
        elif not facts["scans"] and (0xE0 <= marker <= 0xEF or marker == 0xFE):
            found.segments.append((marker, body))
            if marker == 0xE1 and body.startswith(b"Exif\0") and found.exif_at is None:
                found.exif_at = body_at + 6
    facts["markers"] = names[:_NAMED]
    facts["tables"] = [tables[number] for number in sorted(tables)]
    facts["quality"] = quality_of([np.array(table) for table in facts["tables"]])
    if huffman:
        facts["huffman"] = "default" if huffman <= _STANDARD_HUFFMAN else "optimised"
    _applications(found.segments, facts)
    if end is None and len(names) >= _SEGMENTS:
        problems.append("The JPEG has too many segments to read them all")
    elif end is None:
        problems.append("The JPEG has no end marker")
    else:
        facts["trailingBytes"] = len(data) - end
        facts["trailingKind"] = _trailing(data, end)
    found.facts = facts
    return found


def _tables(body: bytes, tables: dict[int, list[int]], problems: list[str]) -> None:
    at = 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        piece = body[at + 1 : at + 1 + size]
        if len(piece) < size or wide > 1 or number > 3:
            problems.append("A JPEG quantisation table is damaged")
            return
        natural = np.zeros(64, np.int64)
        natural[ZIGZAG] = np.frombuffer(piece, ">u2" if wide else "u1")
        tables.setdefault(number, natural.tolist())
        at += 1 + size


def _huffman(body: bytes) -> set[str]:
    """Short digest of each table (class, code lengths, symbols); the number it is stored under does not matter."""
    found, at = set(), 0
    while at + 17 <= len(body):
        count = sum(body[at + 1 : at + 17])
        table = bytes([body[at] >> 4]) + body[at + 1 : at + 17 + count]
        found.add(hashlib.sha1(table, usedforsecurity=False).hexdigest()[:16])
        at += 17 + count
    return found


def _frame(marker: int, body: bytes, facts: dict[str, Any], problems: list[str]) -> None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        problems.append("The JPEG frame header is damaged")
        return
    precision, height, width, count = struct.unpack(">BHHB", body[:6])
    facts |= {"precision": precision, "height": height, "width": width, "components": count}
    facts["process"] = {0: "baseline", 1: "extended", 2: "progressive"}.get(marker - 0xC0, f"SOF{marker - 0xC0}")
    sampling = [(body[7 + 3 * k] >> 4, body[7 + 3 * k] & 15) for k in range(count)]
    facts["subsampling"] = _subsampling(sampling)


def _subsampling(sampling: list[tuple[int, int]]) -> str:
    if len(sampling) < 3:
        return "grey" if len(sampling) == 1 else "unknown"
    (h, v), chroma = sampling[0], sampling[1:3]
    if chroma[0] != chroma[1] or not chroma[0][0] or not chroma[0][1]:
        return "unknown"
    ratio = (h / chroma[0][0], v / chroma[0][1])
    names: dict[tuple[float, float], str] = {
        (1, 1): "4:4:4",
        (2, 1): "4:2:2",
        (2, 2): "4:2:0",
        (1, 2): "4:4:0",
        (4, 1): "4:1:1",
    }
    return names.get(ratio, f"{h}x{v},{chroma[0][0]}x{chroma[0][1]}")


def _applications(segments: list[tuple[int, bytes]], facts: dict[str, Any]) -> None:
    for marker, body in segments:
        if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 7:
            facts["jfif"] = f"{body[5]}.{body[6]:02d}"
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            facts["adobe"] = {"version": int.from_bytes(body[5:7], "big"), "transform": body[11]}
        elif marker == 0xEC and body.startswith(b"Ducky"):
            facts["ducky"] = int.from_bytes(body[9:13], "big") if len(body) >= 13 and body[5:7] == b"\0\1" else True
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            facts["multiPicture"] = True
        elif marker == 0xFE:
            facts.setdefault("comment", body[:500].decode("utf-8", "replace").strip("\0 \r\n"))


def _trailing(data: Any, end: int) -> str | None:
    head = bytes(data[end : end + 4096])
    if not head.strip(b"\0\r\n \xff"):
        return "padding" if head else None
    if b"\xff\xd8\xff" in head[:64]:
        return "jpeg"
    if b"ftyp" in head[:64]:
        return "video"
    if bytes(data[-4:]) == b"SEFT":
        return "phone"  # Samsung's own trailer
    if b"PK\x03\x04" in head[:64]:
        return "archive"
    return "unknown"


def scaled(base: NDArray[np.int64], quality: int) -> NDArray[np.int64]:
    """A base table at one quality (1–100), as libjpeg scales it."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((base * percent + 50) // 100, 1, 255))


_QUALITIES = {
    family: {tuple(scaled(luma, quality).tolist()): quality for quality in range(100, 0, -1)}
    for family, (luma, _) in STANDARD.items()
}


def quality_of(tables: list[NDArray[np.int64]]) -> dict[str, Any] | None:
    """Which software family scales to these tables, and at what quality.

    Returns:
        ``family`` (ijg, mozjpeg, own) and ``quality`` 1–100: exact for a known family; else the setting at which the
        standard tables have the nearest sum.
    """
    if not tables:
        return None
    luma = tuple(int(value) for value in tables[0])
    for family, known in _QUALITIES.items():
        quality = known.get(luma)
        if quality is None:
            continue
        chroma = tuple(int(value) for value in tables[1]) if len(tables) > 1 else None
        if chroma is None or chroma == tuple(scaled(STANDARD[family][1], quality).tolist()):
            return {"family": family, "quality": quality, "exact": True}
    total = sum(luma)
    base = STANDARD["ijg"][0]
    nearest = min(range(1, 101), key=lambda quality: abs(int(scaled(base, quality).sum()) - total))
    return {"family": "own", "quality": nearest, "exact": False}
