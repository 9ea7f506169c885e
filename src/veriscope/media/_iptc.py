"""Photoshop image resources, the IPTC record inside them, and ICC profiles.

Adobe Photoshop File Formats Specification (2019), "Image Resource Blocks"; IPTC-IIM 4.2; ICC.1:2022.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

_RESOURCES = 256
_DATASETS = 512
_TEXT = 500
_NAMES = {
    5: "ObjectName",
    10: "Urgency",
    15: "Category",
    25: "Keywords",
    40: "SpecialInstructions",
    55: "DateCreated",
    60: "TimeCreated",
    62: "DigitalCreationDate",
    63: "DigitalCreationTime",
    65: "OriginatingProgram",
    70: "ProgramVersion",
    80: "Byline",
    85: "BylineTitle",
    90: "City",
    92: "Sublocation",
    95: "State",
    101: "Country",
    103: "TransmissionReference",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "Copyright",
    118: "Contact",
    120: "Caption",
    122: "CaptionWriter",
}
IPTC_DATA, JPEG_QUALITY, THUMBNAIL, IPTC_DIGEST, SLICES = 0x0404, 0x0406, 0x040C, 0x0425, 0x041A


def read_resources(block: bytes, problems: list[str]) -> dict[int, bytes]:
    """Image resources by number, the first of each."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 12 <= len(block) and len(found) < _RESOURCES:
        if block[at : at + 4] != b"8BIM":
            if any(block[at : at + 4]):
                problems.append("Photoshop resources end in something else")
            break
        number = struct.unpack(">H", block[at + 4 : at + 6])[0]
        name = block[at + 6]
        at += 6 + name + 1 + ((name + 1) & 1)
        if at + 4 > len(block):
            problems.append("Photoshop resources are cut short")
            break
        size = struct.unpack(">I", block[at : at + 4])[0]
        if at + 4 + size > len(block):
            problems.append("A Photoshop resource is cut short")
            break
        found.setdefault(number, block[at + 4 : at + 4 + size])
        at += 4 + size + (size & 1)
    return found


def describe_resources(resources: dict[int, bytes]) -> dict[str, Any]:
    """The settings a Photoshop save leaves behind, and whether the IPTC record changed after it."""
    described: dict[str, Any] = {"resources": sorted(resources)}
    quality = resources.get(JPEG_QUALITY, b"")
    if len(quality) >= 4:
        level, mode = struct.unpack(">hh", quality[:4])
        described["quality"] = level + 4  # as the dialogue shows it, 0–12
        described["mode"] = {0: "standard", 1: "optimised", 0x0101: "progressive"}.get(mode, "unknown")
    stored, record = resources.get(IPTC_DIGEST), resources.get(IPTC_DATA)
    if stored is not None and len(stored) == 16 and any(stored):
        # An absent record hashes as an empty one.
        computed = hashlib.md5(record or b"", usedforsecurity=False).hexdigest()
        described["iptcDigest"] = {"stored": stored.hex(), "computed": computed, "match": stored.hex() == computed}
    return described


def resource_thumbnail(resources: dict[int, bytes]) -> bytes | None:
    """The JPEG inside Photoshop's own thumbnail resource (after a 28-byte header)."""
    data = resources.get(THUMBNAIL, b"")[28:]
    return data if data[:2] == b"\xff\xd8" else None


def read_iptc(record: bytes, problems: list[str]) -> dict[str, Any]:
    """Application record (2) of an IPTC-IIM block: name → text, or list of texts where it repeats."""
    found: dict[str, Any] = {}
    at = count = 0
    encoding = "latin-1"
    while at + 5 <= len(record) and record[at] == 0x1C and count < _DATASETS:
        number, dataset, size = struct.unpack(">BBH", record[at + 1 : at + 5])
        if size & 0x8000 or at + 5 + size > len(record):
            problems.append("The IPTC record is cut short")
            break
        data = record[at + 5 : at + 5 + size]
        at += 5 + size
        count += 1
        if (number, dataset) == (1, 90) and data == b"\x1b%G":
            encoding = "utf-8"
        if number != 2 or dataset == 0:
            continue
        name = _NAMES.get(dataset, f"2:{dataset:03d}")
        text = _decoded(data, encoding)
        if name not in found:
            found[name] = text
        elif isinstance(found[name], list):
            found[name].append(text)
        else:
            found[name] = [found[name], text]
    return found


def _decoded(data: bytes, encoding: str) -> str:
    for attempt in (encoding, "utf-8"):
        if attempt == "latin-1":
            continue
        try:
            return data.decode(attempt).strip("\0 ")[:_TEXT]
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1").strip("\0 ")[:_TEXT]


def read_icc(profile: bytes, problems: list[str]) -> dict[str, Any]:
    """Name, version, device class and colour space of an ICC profile."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        problems.append("The colour profile is damaged")
        return {}
    found: dict[str, Any] = {
        "size": len(profile),
        "version": f"{profile[8]}.{profile[9] >> 4}",
        "class": profile[12:16].decode("latin-1").strip(),
        "space": profile[16:20].decode("latin-1").strip(),
        "maker": profile[4:8].decode("latin-1").strip("\0 "),
    }
    for index in range(min(struct.unpack(">I", profile[128:132])[0], 100)):
        entry = profile[132 + 12 * index : 144 + 12 * index]
        if len(entry) < 12:
            break
        tag, offset, size = struct.unpack(">4sII", entry)
        data = profile[offset : offset + min(size, 4096)]
        if tag == b"desc":
            found["name"] = _profile_text(data)
            break
    return found


def _profile_text(data: bytes) -> str:
    if data[:4] == b"mluc" and len(data) >= 28:
        size, offset = struct.unpack(">II", data[20:28])
        return data[offset : offset + min(size, 2 * _TEXT)].decode("utf-16-be", "replace").strip("\0 ")
    if data[:4] == b"desc" and len(data) >= 12:
        size = struct.unpack(">I", data[8:12])[0]
        return data[12 : 12 + min(size, _TEXT)].split(b"\0")[0].decode("latin-1").strip()
    return ""
