"""Everything a picture says about itself outside its pixels, from bytes that may lie.

Reads EXIF, XMP, IPTC, Photoshop resources, the colour profile and the build of the container. A fault in any of
them is written down under ``problems`` and the rest is read all the same; nothing a file holds raises. Work is linear
in the size of the file and what is kept is bounded.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from veriscope.media._containers import Container, read_gif, read_heif, read_png, read_webp
from veriscope.media._iptc import (
    IPTC_DATA,
    describe_resources,
    read_icc,
    read_iptc,
    read_resources,
    resource_thumbnail,
)
from veriscope.media._jpeg_structure import read_structure
from veriscope.media._tiff import Directories, position, read_directories
from veriscope.media._xmp import read_xmp

_CONTAINERS: dict[str, Callable[[Any, list[str]], Container]] = {
    "png": read_png,
    "webp": read_webp,
    "gif": read_gif,
    "heic": read_heif,
    "avif": read_heif,
}
_XMP_MARK, _EXTENDED_MARK = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_TIFF_XMP, _TIFF_ICC, _TIFF_RESOURCES, _TIFF_IPTC = 0x02BC, 0x8773, 0x8649, 0x83BB
_THUMBNAIL = 4_000_000  # bytes
_PROBLEMS = 50


def read_metadata(path: Path, format: str) -> dict[str, Any]:
    """Metadata of one picture.

    Args:
        path: the original bytes.
        format: as in ``Media.format``; one that is not a picture gives only ``problems``.

    Returns:
        JSON-serialisable. Keys that apply are present: ``exif`` (directory → tag → value; rationals as floats), ``gps``
        (degrees, metres, UTC), ``makerNote`` (size, vendor), ``thumbnail`` (offset in the file, size, source, width,
        height), ``xmp``, ``xmpHistory``, ``xmpDerivedFrom``, ``xmpIngredients``, ``iptc``, ``photoshop`` (resources,
        quality, iptcDigest), ``icc``, ``digitalSourceType``, one of ``jpeg``, ``png``, ``webp``, ``gif``, ``heic``,
        ``avif``, ``tiff`` with facts about the container, and always ``problems`` (sentences).
    """
    problems: list[str] = []
    found: dict[str, Any] = {"format": format}
    with _mapped(path) as data:
        try:
            _read(data, format, found, problems)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            # The readers doubt every length; a case they did not foresee still must not cost the report.
            problems.append(f"Metadata could not be read in full ({type(error).__name__})")
    found["problems"] = problems[:_PROBLEMS]
    return {key: plain(value) for key, value in found.items()}


def read_thumbnail(path: Path, format: str) -> bytes | None:
    """The embedded EXIF thumbnail as stored (a JPEG), else Photoshop's own, else ``None``."""
    with _mapped(path) as data:
        try:
            found: dict[str, Any] = {}
            _read(data, format, found, [])
            place = found.get("thumbnail")
            if place is None:
                return None
            piece = bytes(data[place["offset"] : place["offset"] + min(place["size"], _THUMBNAIL)])
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            return None
    return piece if piece[:2] == b"\xff\xd8" else None


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    """The file as bytes without reading it all into memory."""
    with path.open("rb") as stream:
        try:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file cannot be mapped
            yield b""
            return
        with data:
            yield data


def _read(data: Any, format: str, found: dict[str, Any], problems: list[str]) -> None:
    if format == "jpeg":
        _jpeg(data, found, problems)
    elif format == "tiff":
        directories = read_directories(data, problems)
        _exif(directories, 0, found)
        _tiff_parts(directories, found, problems)
        found["tiff"] = {"byteOrder": "little" if directories.little_endian else "big"}
    elif format in _CONTAINERS:
        container = _CONTAINERS[format](data, problems)
        found[format] = container.facts
        if container.exif is not None:
            _exif(read_directories(container.exif, problems), container.exif_at, found)
        if container.xmp is not None:
            _xmp(container.xmp, found, problems)
        if container.icc is not None:
            found["icc"] = read_icc(container.icc, problems)
    _measure_thumbnail(data, found)
    declared = found.get("xmp", {}).get("Iptc4xmpExt:DigitalSourceType")
    if isinstance(declared, str):
        found["digitalSourceType"] = declared.strip().rstrip("/").rsplit("/", 1)[-1]


def _jpeg(data: Any, found: dict[str, Any], problems: list[str]) -> None:
    structure = read_structure(data, problems)
    found["jpeg"] = structure.facts
    resources, profile, exif_seen = b"", b"", False
    for marker, body in structure.segments:
        if marker == 0xE1 and body.startswith(b"Exif\0") and not exif_seen:
            exif_seen = True
            _exif(read_directories(body[6:], problems), structure.exif_at, found)
        elif marker == 0xE1 and body.startswith(_XMP_MARK) and "xmp" not in found:
            _xmp(body[len(_XMP_MARK) :], found, problems)
        elif marker == 0xE1 and body.startswith(_EXTENDED_MARK):
            found["xmpExtendedBytes"] = found.get("xmpExtendedBytes", 0) + len(body) - len(_EXTENDED_MARK) - 40
        elif marker == 0xED and body.startswith(b"Photoshop 3.0\0"):
            resources += body[14:]
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile += body[14:]
        elif marker == 0xEB and b"jumdc2pa" in body[:64]:
            found["jpeg"]["contentCredentials"] = True
    if resources:
        _photoshop(resources, found, problems, data)
    if profile:
        found["icc"] = read_icc(profile, problems)


def _exif(directories: Directories, at: int | None, found: dict[str, Any]) -> None:
    """``at``: where the block begins in the file; ``None`` when it is not stored as it is."""
    found["exif"] = directories.tags
    found["exifLittleEndian"] = directories.little_endian
    if directories.maker_note:
        found["makerNote"] = directories.maker_note
    if directories.tags.get("GPS"):
        found["gps"] = position(directories.tags["GPS"])
    if directories.thumbnail and at is not None:
        offset, size = directories.thumbnail
        found["thumbnail"] = {"offset": at + offset, "size": size, "source": "exif"}


def _measure_thumbnail(data: Any, found: dict[str, Any]) -> None:
    place = found.get("thumbnail")
    if place is None:
        return
    piece = bytes(data[place["offset"] : place["offset"] + min(place["size"], _THUMBNAIL)])
    facts = read_structure(piece, []).facts if piece[:2] == b"\xff\xd8" else {}
    place |= {key: facts.get(key) for key in ("width", "height", "quality")}


def _tiff_parts(directories: Directories, found: dict[str, Any], problems: list[str]) -> None:
    raw = directories.raw
    if _TIFF_XMP in raw:
        _xmp(raw[_TIFF_XMP], found, problems)
    if _TIFF_ICC in raw:
        found["icc"] = read_icc(raw[_TIFF_ICC], problems)
    if _TIFF_RESOURCES in raw:
        _photoshop(raw[_TIFF_RESOURCES], found, problems, None)
    if _TIFF_IPTC in raw and "iptc" not in found:
        found["iptc"] = read_iptc(raw[_TIFF_IPTC], problems)


def _xmp(packet: bytes, found: dict[str, Any], problems: list[str]) -> None:
    parsed = read_xmp(packet, problems)
    if not parsed:
        return
    found["xmp"] = parsed["properties"]
    for key, name in (("history", "xmpHistory"), ("derivedFrom", "xmpDerivedFrom"), ("ingredients", "xmpIngredients")):
        if parsed[key]:
            found[name] = parsed[key]


def _photoshop(block: bytes, found: dict[str, Any], problems: list[str], data: Any) -> None:
    resources = read_resources(block, problems)
    if not resources:
        return
    found["photoshop"] = describe_resources(resources)
    if IPTC_DATA in resources:
        found["iptc"] = read_iptc(resources[IPTC_DATA], problems)
    thumbnail = resource_thumbnail(resources)
    if thumbnail and data is not None and "thumbnail" not in found:
        at = data.find(thumbnail[:4096])
        if at >= 0:
            found["thumbnail"] = {"offset": at, "size": len(thumbnail), "source": "photoshop"}


def plain(value: Any) -> Any:
    """The same value as JSON can hold it: no bytes, no NaN, text keys."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
