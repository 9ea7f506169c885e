"""Chunks and boxes of PNG, WebP, GIF, HEIF and AVIF that carry metadata.

PNG (W3C, third edition); RIFF WebP (RFC 9649); GIF89a; HEIF (ISO/IEC 23008-12) over ISO/IEC 14496-12.
Every reader takes bytes or a memory map, stops at the first length that lies, and counts what it reads.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_CHUNKS = 4096
_NAMED = 128
_TEXT = 16_000  # characters kept of one text
_INFLATED = 2_000_000  # bytes of one compressed chunk
_TEXTS = 64
_TEXT_CHUNKS = 128
_SUB_BLOCKS = 1_000_000  # of a GIF
_ITEMS = 256
_BLOCK = 16_000_000  # bytes of one EXIF, XMP or ICC block


@dataclass
class Container:
    facts: dict[str, Any] = field(default_factory=dict)
    exif: bytes | None = None
    exif_at: int | None = None  # offset of ``exif`` in the file, when stored as it is
    xmp: bytes | None = None
    icc: bytes | None = None


def inflate(data: bytes) -> bytes:
    """At most a few megabytes of a zlib stream; what was read before a fault counts."""
    machine = zlib.decompressobj()
    try:
        return machine.decompress(data, _INFLATED)
    except zlib.error:
        return b""


def read_png(data: Any, problems: list[str]) -> Container:
    """Size, depth, texts by keyword, EXIF, XMP, colour profile, Content Credentials, time, and bytes after the end."""
    found = Container()
    names: list[str] = []
    texts: dict[str, str] = {}
    at, ended = 8, False
    while at + 12 <= len(data) and len(names) < _CHUNKS:
        size, name = struct.unpack(">I4s", bytes(data[at : at + 8]))
        start, at = at + 8, at + 12 + size
        if at > len(data):
            problems.append("A PNG chunk is cut short")
            break
        if not names or name != b"IDAT" or names[-1] != "IDAT":
            names.append(name.decode("latin-1"))
        if name == b"IEND":
            ended = True
            break
        if name == b"IDAT" or size > _BLOCK:
            continue
        body = bytes(data[start : start + size])
        if name == b"IHDR" and size >= 13:
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            found.facts |= {"width": width, "height": height, "depth": depth, "colourType": colour}
            found.facts["interlaced"] = bool(body[12])
        elif name in {b"tEXt", b"zTXt", b"iTXt"}:
            found.facts["textChunks"] = found.facts.get("textChunks", 0) + 1
            if found.facts["textChunks"] <= _TEXT_CHUNKS:
                _png_text(name, body, texts, found)
        elif name == b"eXIf":
            found.exif, found.exif_at = body, start
        elif name == b"iCCP" and found.icc is None:
            found.icc = inflate(body.partition(b"\0")[2][1:])
        elif name == b"tIME" and size >= 7:
            year, month, day, hour, minute, second = struct.unpack(">HBBBBB", body[:7])
            found.facts["time"] = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
        elif name == b"pHYs" and size >= 9:
            found.facts["pixelsPerMetre"] = list(struct.unpack(">II", body[:8]))
        elif name == b"caBX":
            found.facts["contentCredentials"] = size
    if not ended:
        problems.append("The PNG has no end chunk")
    else:
        found.facts["trailingBytes"] = len(data) - at
    found.facts |= {"chunks": names[:_NAMED], "texts": texts}
    return found


def _png_text(name: bytes, body: bytes, texts: dict[str, str], found: Container) -> None:
    keyword, _, rest = body.partition(b"\0")
    label = keyword.decode("latin-1")[:80]
    if name == b"zTXt":
        value = inflate(rest[1:])
    elif name == b"iTXt":
        compressed, rest = rest[:1] == b"\1", rest[2:]
        value = rest.partition(b"\0")[2].partition(b"\0")[2]
        value = inflate(value) if compressed else value
    else:
        value = rest
    if label == "XML:com.adobe.xmp":
        found.xmp = value
    elif label in {"Raw profile type exif", "Raw profile type APP1"} and found.exif is None:
        found.exif = _raw_profile(value)
    elif len(texts) < _TEXTS:
        encoding = "utf-8" if name == b"iTXt" else "latin-1"
        texts.setdefault(label, value[: 4 * _TEXT].decode(encoding, "replace")[:_TEXT])


def _raw_profile(value: bytes) -> bytes | None:
    """ImageMagick's hexadecimal EXIF: a blank line, the name, the length, then digits."""
    lines = value.split()
    try:
        block = bytes.fromhex(b"".join(lines[2:]).decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return None
    return block.removeprefix(b"Exif\0\0")


def read_webp(data: Any, problems: list[str]) -> Container:
    """Chunks of a RIFF WebP file."""
    found = Container()
    names: list[str] = []
    stated = struct.unpack("<I", bytes(data[4:8]))[0] + 8 if len(data) >= 12 else 0
    if stated > len(data):
        problems.append("The WebP is shorter than it says")
    at, end = 12, min(stated, len(data))
    while at + 8 <= end and len(names) < _CHUNKS:
        name, size = struct.unpack("<4sI", bytes(data[at : at + 8]))
        start, at = at + 8, at + 8 + size + (size & 1)
        if start + size > len(data):
            problems.append("A WebP chunk is cut short")
            break
        names.append(name.decode("latin-1").strip())
        if size > _BLOCK:
            continue
        if name == b"EXIF":
            block = bytes(data[start : start + size])
            skip = 6 if block.startswith(b"Exif\0\0") else 0
            found.exif, found.exif_at = block[skip:], start + skip
        elif name == b"XMP ":
            found.xmp = bytes(data[start : start + size])
        elif name == b"ICCP":
            found.icc = bytes(data[start : start + size])
        elif name == b"C2PA":
            found.facts["contentCredentials"] = size
        elif name == b"VP8X" and size >= 10:
            body = bytes(data[start : start + 10])
            found.facts["width"] = int.from_bytes(body[4:7], "little") + 1
            found.facts["height"] = int.from_bytes(body[7:10], "little") + 1
        elif name == b"VP8L":
            found.facts["lossless"] = True
    found.facts |= {"chunks": names[:_NAMED], "trailingBytes": max(0, len(data) - stated)}
    return found


def read_gif(data: Any, problems: list[str]) -> Container:
    """Size, version, frames, comments and the XMP application extension of a GIF."""
    found = Container()
    if len(data) < 13:
        problems.append("The GIF header is cut short")
        return found
    width, height, flags = struct.unpack("<HHB", bytes(data[6:11]))
    found.facts |= {"width": width, "height": height, "version": bytes(data[3:6]).decode("latin-1")}
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    frames, comments, blocks = 0, [], 0
    while at < len(data) and blocks < _CHUNKS:
        blocks += 1
        kind = data[at]
        if kind == 0x3B:
            found.facts["trailingBytes"] = len(data) - at - 1
            break
        if kind == 0x2C and at + 10 <= len(data):
            frames += 1
            local = data[at + 9]
            at = _skip_blocks(data, at + 11 + (3 << ((local & 7) + 1) if local & 0x80 else 0))
        elif kind == 0x21 and at + 2 <= len(data):
            if data[at + 1] == 0xFE:
                size = data[at + 2] if at + 2 < len(data) else 0
                comments.append(bytes(data[at + 3 : at + 3 + size]).decode("latin-1"))
            elif bytes(data[at + 3 : at + 14]) == b"XMP DataXMP" and found.xmp is None:
                end = data.find(b"\x01\xff\xfe", at, at + _BLOCK)  # the trailer that lets block readers find the end
                found.xmp = bytes(data[at + 14 : end]) if end > 0 else b""
            at = _skip_blocks(data, at + 2)
        else:
            problems.append("The GIF has a block of no known kind")
            break
    found.facts |= {"frames": frames, "comments": comments[:_TEXTS]}
    return found


def _skip_blocks(data: Any, at: int) -> int:
    for _ in range(_SUB_BLOCKS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += data[at] + 1
    return len(data)


def boxes(data: Any, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes of one level: name, first byte of the body, first byte after it. Stops at a length that lies."""
    count = 0
    while start + 8 <= end and count < _CHUNKS:
        count += 1
        size, name = struct.unpack(">I4s", bytes(data[start : start + 8]))
        head = 8
        if size == 1 and start + 16 <= end:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield name, start + head, start + size
        start += size


def read_heif(data: Any, problems: list[str]) -> Container:
    """Brands, items, and the EXIF and XMP items of HEIC or AVIF."""
    found = Container()
    top = {name: (start, end) for name, start, end in boxes(data, 0, len(data))}
    if b"ftyp" in top:
        start, end = top[b"ftyp"]
        brands = bytes(data[start : min(end, start + 128)])
        found.facts["brand"] = brands[:4].decode("latin-1")
        found.facts["brands"] = [brands[k : k + 4].decode("latin-1") for k in range(8, len(brands) - 3, 4)]
    if b"meta" not in top:
        problems.append("The HEIF has no metadata box")
        return found
    start, end = top[b"meta"]
    inside = {name: (a, b) for name, a, b in boxes(data, start + 4, end)}
    kinds = _items(data, *inside[b"iinf"]) if b"iinf" in inside else {}
    places = _locations(data, *inside[b"iloc"]) if b"iloc" in inside else {}
    found.facts["items"] = sorted({kind for kind, _ in kinds.values()})
    for number, (kind, mime) in kinds.items():
        at, size = places.get(number, (0, 0))
        if not 0 < size <= _BLOCK or at + size > len(data):
            continue
        if kind == "Exif" and found.exif is None and size > 4:
            skip = 4 + int.from_bytes(data[at : at + 4], "big")
            found.exif, found.exif_at = bytes(data[at + skip : at + size]), at + skip
        elif kind == "mime" and mime == "application/rdf+xml" and found.xmp is None:
            found.xmp = bytes(data[at : at + size])
    return found


def _items(data: Any, start: int, end: int) -> dict[int, tuple[str, str]]:
    """Item number → type, and MIME type where it has one."""
    found: dict[int, tuple[str, str]] = {}
    first = start + (6 if data[start : start + 1] == b"\0" else 8)
    for name, at, stop in boxes(data, first, end):
        body = bytes(data[at : min(stop, at + 512)])
        if name != b"infe" or len(body) < 12 or body[0] not in {2, 3} or len(found) >= _ITEMS:
            continue
        wide = 2 if body[0] == 2 else 4
        number = int.from_bytes(body[4 : 4 + wide], "big")
        rest = body[6 + wide :]
        names = rest[4:].split(b"\0")
        found[number] = (rest[:4].decode("latin-1"), names[1].decode("latin-1") if len(names) > 1 else "")
    return found


def _locations(data: Any, start: int, end: int) -> dict[int, tuple[int, int]]:
    """Item number → place and size in the file, for items stored in one piece."""
    body = bytes(data[start : min(end, start + 65536)])
    if len(body) < 8:
        return {}
    version, sizes = body[0], int.from_bytes(body[4:6], "big")
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in {1, 2} else 0
    wide = 4 if version == 2 else 2
    at = 6

    def take(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(body[at - size : at], "big")

    found: dict[int, tuple[int, int]] = {}
    for _ in range(min(take(wide), _ITEMS)):
        number = take(wide)
        method = take(2) & 15 if version in {1, 2} else 0
        take(2)
        base = take(base_size)
        pieces = take(2)
        for piece in range(min(pieces, _ITEMS)):
            take(index_size)
            offset, length = take(offset_size), take(length_size)
            if piece == 0 and method == 0 and pieces == 1:
                found[number] = (base + offset, length)
        if at > len(body):
            break
    return found
