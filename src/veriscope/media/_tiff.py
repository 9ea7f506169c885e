"""EXIF: the TIFF directories inside a picture, read with every offset doubted.

CIPA DC-008-2023 (Exif 3.0) and TIFF 6.0. Each directory is visited once, and sizes are bounded, so that reading takes
time linear in the block whatever its pointers say.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags

Value = str | int | float | list[Any] | None

_FORMATS = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    7: "s",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
}
_ENTRIES = 512  # of one directory
_DIRECTORIES = 16
_VALUES = 64  # kept of one entry
_TEXT = 2000  # characters kept of one entry
_POINTERS = {0x8769: "Photo", 0x8825: "GPS", 0xA005: "Interop"}
_MAKER_NOTE, _USER_COMMENT = 0x927C, 0x9286
_WIDE = range(0x9C9B, 0x9CA0)  # XPTitle … XPSubject: UTF-16
_BULKY = frozenset(
    {0x02BC, 0x8649, 0x83BB, 0x8773, 0x0111, 0x0117, 0x0144, 0x0145, 0x935C}
)  # read elsewhere, or pixels
_SIGNATURES = {
    b"Nikon\0": "Nikon",
    b"OLYMP": "Olympus",
    b"OM SYSTEM": "OM System",
    b"FUJIFILM": "Fujifilm",
    b"Panasonic\0": "Panasonic",
    b"Apple iOS\0": "Apple",
    b"SONY": "Sony",
    b"PENTAX \0": "Pentax",
    b"AOC\0": "Pentax",
    b"LEICA": "Leica",
    b"SIGMA\0": "Sigma",
    b"FOVEON\0": "Sigma",
    b"Ricoh": "Ricoh",
    b"RICOH": "Ricoh",
    b"QVC\0": "Casio",
    b"KDK": "Kodak",
    b"SANYO\0": "Sanyo",
    b"EPSON\0": "Epson",
    b"GE\0": "General Electric",
    b"Google": "Google",
    b"DJI": "DJI",
    b"MOT\0": "Motorola",
}


@dataclass
class Directories:
    """What one EXIF block holds. ``raw`` has the bytes of entries that other readers take apart."""

    tags: dict[str, dict[str, Value]] = field(default_factory=dict)
    raw: dict[int, bytes] = field(default_factory=dict)
    maker_note: dict[str, Any] | None = None
    thumbnail: tuple[int, int] | None = None  # offset in the block, bytes
    little_endian: bool = True


def read_directories(block: Any, problems: list[str]) -> Directories:
    """Every directory of an EXIF block.

    Args:
        block: bytes or a memory map, from the byte-order mark on.
        problems: gets one sentence for each fault met.
    """
    found = Directories()
    mark = bytes(block[:4])
    if len(mark) < 4 or mark[:2] not in {b"II", b"MM"}:
        problems.append("EXIF block without a byte-order mark")
        return found
    found.little_endian = mark[:2] == b"II"
    order = "<" if found.little_endian else ">"
    if struct.unpack(order + "H", mark[2:4])[0] != 42:
        problems.append("EXIF block with a wrong magic number")
        return found
    waiting: list[tuple[str, int]] = [("Image", _number(block, 4, order))]
    seen: set[int] = set()
    while waiting and len(seen) < _DIRECTORIES:
        name, offset = waiting.pop(0)
        if offset in seen or offset < 8:
            if offset:
                problems.append(f"EXIF directory {name} points back")
            continue
        seen.add(offset)
        tags, links, following = _directory(block, offset, name, found, problems)
        if name in found.tags:
            name = f"{name}{len(found.tags)}"
        if tags:
            found.tags[name] = tags
        waiting += links
        if name == "Image" and following:
            waiting.append(("Thumbnail", following))
    _note_thumbnail(found, len(block), problems)
    return found


def _number(block: Any, offset: int, order: str) -> int:
    piece = bytes(block[offset : offset + 4])
    return int(struct.unpack(order + "I", piece)[0]) if len(piece) == 4 else 0


def _directory(
    block: Any, offset: int, name: str, found: Directories, problems: list[str]
) -> tuple[dict[str, Value], list[tuple[str, int]], int]:
    """One directory: its tags by name, the directories it points to, and the offset of the next in the chain."""
    order = "<" if found.little_endian else ">"
    head = bytes(block[offset : offset + 2])
    if len(head) < 2:
        problems.append(f"EXIF directory {name} lies outside the block")
        return {}, [], 0
    stated = int(struct.unpack(order + "H", head)[0])
    count = min(stated, _ENTRIES, max(0, (len(block) - offset - 2) // 12))
    if count < stated:
        problems.append(f"EXIF directory {name} is cut short")
    names = ExifTags.GPSTAGS if name == "GPS" else ExifTags.TAGS
    tags: dict[str, Value] = {}
    links: list[tuple[str, int]] = []
    for index in range(count):
        entry = bytes(block[offset + 2 + 12 * index : offset + 14 + 12 * index])
        tag, kind, number = struct.unpack(order + "HHI", entry[:8])
        code = _FORMATS.get(kind)
        if code is None:
            problems.append(f"EXIF tag 0x{tag:04X} has an unknown type")
            continue
        size = struct.calcsize("=" + code) * number
        start = offset + 10 + 12 * index if size <= 4 else struct.unpack(order + "I", entry[8:])[0]
        if start + size > len(block):
            problems.append(f"EXIF tag 0x{tag:04X} points outside the block")
            continue
        if tag in _POINTERS and code == "I" and name != "GPS":
            links.append((_POINTERS[tag], struct.unpack(order + "I", entry[8:])[0]))
        elif tag == _MAKER_NOTE and name == "Photo":
            found.maker_note = {"size": size, "vendor": _vendor(bytes(block[start : start + 16]))}
        elif tag in _BULKY and name != "GPS":
            if tag in {0x02BC, 0x8773, 0x83BB, 0x8649}:
                found.raw.setdefault(tag, bytes(block[start : start + size]))
        else:
            piece = bytes(block[start : start + min(size, _TEXT * 2)])
            label = names.get(tag, f"0x{tag:04X}")
            tags[label] = _value(piece, code, order, tag)
    end = offset + 2 + 12 * stated
    return tags, links, _number(block, end, order) if count == stated else 0


def _vendor(head: bytes) -> str | None:
    return next((vendor for mark, vendor in _SIGNATURES.items() if head.startswith(mark)), None)


def _value(piece: bytes, code: str, order: str, tag: int) -> Value:
    if code == "s" or (tag in _WIDE and code == "B"):
        return text_of(piece, tag)
    width = struct.calcsize("=" + code)
    items: list[Any] = []
    for at in range(0, min(len(piece) - width + 1, width * _VALUES), width):
        numbers = struct.unpack(order + code, piece[at : at + width])
        if len(numbers) == 2:
            items.append(round(numbers[0] / numbers[1], 9) if numbers[1] else None)
        else:
            number = numbers[0]
            items.append(number if math.isfinite(number) else None)
    return items[0] if len(items) == 1 else items


def text_of(piece: bytes, tag: int = 0) -> str:
    """A text entry; bytes that are no text become hexadecimal."""
    if tag in _WIDE:
        return piece.decode("utf-16-le", "replace").split("\0")[0].strip()[:_TEXT]
    if tag == _USER_COMMENT and len(piece) >= 8:
        mark, piece = piece[:8], piece[8:]
        if mark.startswith(b"UNICODE"):
            return piece.decode("utf-16", "replace").strip("\0 ")[:_TEXT]
    plain = piece.split(b"\0")[0] if piece.rstrip(b"\0").count(b"\0") == 0 else piece
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:
        text = plain.decode("latin-1")
    if sum(not character.isprintable() and character not in "\r\n\t" for character in text) > len(text) // 8:
        return piece[:32].hex()
    return text.replace("\0", " ").strip()[:_TEXT]


def _note_thumbnail(found: Directories, size: int, problems: list[str]) -> None:
    tags = found.tags.get("Thumbnail", {})
    offset, length = tags.get("JpegIFOffset"), tags.get("JpegIFByteCount")
    if not isinstance(offset, int) or not isinstance(length, int) or length == 0:
        return
    if offset < 8 or offset + length > size:
        problems.append("The EXIF thumbnail lies outside the block")
        return
    found.thumbnail = (offset, length)


def position(tags: dict[str, Value]) -> dict[str, Any]:
    """GPS as degrees (north and east positive), metres, and UTC."""
    found: dict[str, Any] = {}
    for axis, negative, limit in (("Latitude", "S", 90.0), ("Longitude", "W", 180.0)):
        parts = tags.get(f"GPS{axis}")
        if isinstance(parts, list) and len(parts) == 3 and all(isinstance(part, int | float) for part in parts):
            degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
            if str(tags.get(f"GPS{axis}Ref", "")).upper().startswith(negative):
                degrees = -degrees
            found[axis.lower()] = round(degrees, 7)
            found.setdefault("plausible", True)
            found["plausible"] &= abs(degrees) <= limit
    altitude = tags.get("GPSAltitude")
    if isinstance(altitude, int | float):
        found["altitude"] = -altitude if tags.get("GPSAltitudeRef") == 1 else altitude
    day, clock = tags.get("GPSDateStamp"), tags.get("GPSTimeStamp")
    if isinstance(day, str) and isinstance(clock, list) and len(clock) == 3 and all(part is not None for part in clock):
        hours, minutes, seconds = (int(part) for part in clock)
        found["utc"] = f"{day.replace(':', '-')[:10]}T{hours:02d}:{minutes:02d}:{seconds:02d}Z"
    return found
