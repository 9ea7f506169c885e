"""Metadata of files made here byte by byte, and of the same files with bytes changed at random."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from veriscope.media.metadata import read_metadata, read_thumbnail

XMP = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
<rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'
 xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' xmlns:stEvt='http://ns.adobe.com/xap/1.0/sType/ResourceEvent#'
 xmlns:stRef='http://ns.adobe.com/xap/1.0/sType/ResourceRef#'
 xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'
 xmp:CreatorTool='Adobe Photoshop 25.0'
 Iptc4xmpExt:DigitalSourceType='http://cv.iptc.org/newscodes/digitalsourcetype/compositeCapture'>
<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>boat</rdf:li></rdf:Bag></dc:subject>
<xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved' stEvt:softwareAgent='Photoshop' stEvt:when='2024-01-02T03:04:05'/>
</rdf:Seq></xmpMM:History><xmpMM:DerivedFrom stRef:documentID='xmp.did:1'/>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""

Entry = tuple[int, int, Any]  # tag, type, value


def directory(entries: list[Entry], start: int, following: int = 0) -> bytes:
    """One little-endian TIFF directory that begins at ``start``, with its values after it."""
    table, values = struct.pack("<H", len(entries)), b""
    value_at = start + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        if kind == 2:
            data = value.encode() + b"\0"
            count = len(data)
        elif kind == 7:
            data, count = value, len(value)
        elif kind == 5:
            data, count = b"".join(struct.pack("<II", *pair) for pair in value), len(value)
        else:
            data, count = struct.pack({1: "<B", 3: "<H", 4: "<I"}[kind], value), 1
        if len(data) > 4:
            table += struct.pack("<HHII", tag, kind, count, value_at + len(values))
            values += data
        else:
            table += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
    return table + struct.pack("<I", following) + values


def exif_block(thumbnail: bytes = b"") -> bytes:
    """Camera, time, position, maker note and thumbnail."""
    photo_at, gps_at, second_at = 300, 600, 900
    photo: list[Entry] = [
        (0x829A, 5, [(1, 250)]),
        (0x829D, 5, [(28, 10)]),
        (0x9003, 2, "2024:05:06 07:08:09"),
        (0x927C, 7, b"Nikon\0" + bytes(20)),
        (0x9286, 7, b"ASCII\0\0\0a note"),
        (0xA002, 4, 64),
        (0xA003, 4, 48),
    ]
    gps: list[Entry] = [
        (1, 2, "S"),
        (2, 5, [(10, 1), (30, 1), (0, 1)]),
        (3, 2, "E"),
        (4, 5, [(20, 1), (15, 1), (36, 1)]),
        (7, 5, [(7, 1), (8, 1), (9, 1)]),
        (29, 2, "2024:05:06"),
    ]
    image: list[Entry] = [
        (0x010F, 2, "NIKON CORPORATION"),
        (0x0110, 2, "NIKON D70"),
        (0x0112, 3, 1),
        (0x0131, 2, "Ver 1.0"),
        (0x8769, 4, photo_at),
        (0x8825, 4, gps_at),
    ]
    small: list[Entry] = [(0x0103, 3, 6), (0x0201, 4, 1000), (0x0202, 4, len(thumbnail))]
    block = b"II*\0\x08\0\0\0" + directory(image, 8, second_at if thumbnail else 0)
    for at, entries in ((photo_at, photo), (gps_at, gps), (second_at, small if thumbnail else [])):
        assert len(block) <= at
        block = block.ljust(at, b"\0") + directory(entries, at)
    return block.ljust(1000, b"\0") + thumbnail


def picture(width: int = 64, height: int = 48) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256], axis=2).astype(np.uint8)
    return Image.fromarray(pixels)


def saved(format: str, width: int = 64, height: int = 48, **options: Any) -> bytes:
    out = io.BytesIO()
    picture(width, height).save(out, format, **options)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + bytes(len(body) & 1)


def iptc_record() -> bytes:
    found = b""
    for dataset, text in ((105, "Storm"), (25, "sea"), (25, "boat")):
        found += struct.pack(">BBBH", 0x1C, 2, dataset, len(text)) + text.encode()
    return found


def full_jpeg(digest: bytes | None = None) -> bytes:
    """A JPEG with every kind of metadata that is read."""
    record = iptc_record()
    resources = resource(0x0404, record) + resource(0x0406, struct.pack(">hhh", 6, 0, 1))
    resources += resource(0x0425, digest or hashlib.md5(record).digest())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extra = segment(0xE1, b"Exif\0\0" + exif_block(saved("JPEG", 32, 24)))
    extra += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode())
    extra += segment(0xED, b"Photoshop 3.0\0" + resources)
    extra += segment(0xE2, b"ICC_PROFILE\0\x01\x01" + profile)
    extra += segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01")
    data = saved("JPEG", quality=83, subsampling=2)
    return data[:2] + extra + data[2:]


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def full_png() -> bytes:
    data = saved("PNG")
    extra = chunk(b"tEXt", b"parameters\0a cat\nSteps: 20, Sampler: Euler")
    extra += chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"packed"))
    extra += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode())
    extra += chunk(b"eXIf", exif_block()) + chunk(b"caBX", b"x" * 9)
    return data[:33] + extra + data[33:]


def full_webp() -> bytes:
    return saved("WEBP", exif=b"Exif\0\0" + exif_block(saved("JPEG", 32, 24)), xmp=XMP.encode())


def full_tiff() -> bytes:
    return saved("TIFF", software="GIMP 2.10", description="x")


def full_gif() -> bytes:
    return saved("GIF", comment=b"made here")


def full_avif() -> bytes:
    return saved("AVIF", exif=exif_block(), xmp=XMP.encode())


FILES: dict[str, Callable[[], bytes]] = {
    "jpeg": full_jpeg,
    "png": full_png,
    "webp": full_webp,
    "tiff": full_tiff,
    "gif": full_gif,
    "avif": full_avif,
}


def read(folder: Path, data: bytes, format: str) -> dict[str, Any]:
    path = folder / "file"
    path.write_bytes(data)
    found = read_metadata(path, format)
    json.dumps(found, allow_nan=False)
    return found


def test_exif_is_read_in_full(tmp_path: Path) -> None:
    found = read(tmp_path, full_jpeg(), "jpeg")
    assert found["exif"]["Image"]["Model"] == "NIKON D70"
    assert found["exif"]["Photo"]["ExposureTime"] == pytest.approx(1 / 250)
    assert found["exif"]["Photo"]["UserComment"] == "a note"
    assert found["makerNote"] == {"size": 26, "vendor": "Nikon"}
    assert found["gps"]["latitude"] == pytest.approx(-10.5)
    assert found["gps"]["longitude"] == pytest.approx(20.26)
    assert found["gps"]["utc"] == "2024-05-06T07:08:09Z"
    assert found["problems"] == []


def test_thumbnail_bytes_and_place(tmp_path: Path) -> None:
    data, small = full_jpeg(), saved("JPEG", 32, 24)
    place = read(tmp_path, data, "jpeg")["thumbnail"]
    assert data[place["offset"] : place["offset"] + place["size"]] == small
    assert (place["width"], place["height"], place["source"]) == (32, 24, "exif")
    assert read_thumbnail(tmp_path / "file", "jpeg") == small
    (tmp_path / "file").write_bytes(full_webp())
    assert read_thumbnail(tmp_path / "file", "webp") == small
    (tmp_path / "file").write_bytes(saved("JPEG"))
    assert read_thumbnail(tmp_path / "file", "jpeg") is None


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_xmp_is_found_in_every_container(tmp_path: Path, format: str) -> None:
    found = read(tmp_path, FILES[format](), format)
    assert found["xmp"]["xmp:CreatorTool"] == "Adobe Photoshop 25.0"
    assert found["xmp"]["dc:subject"] == ["sea", "boat"]
    assert found["xmpHistory"][0]["action"] == "saved"
    assert found["xmpDerivedFrom"] == {"stRef:documentID": "xmp.did:1"}
    assert found["digitalSourceType"] == "compositeCapture"
    assert found["exif"]["Image"]["Make"] == "NIKON CORPORATION"


def test_iptc_and_its_digest(tmp_path: Path) -> None:
    found = read(tmp_path, full_jpeg(), "jpeg")
    assert found["iptc"] == {"Headline": "Storm", "Keywords": ["sea", "boat"]}
    assert found["photoshop"]["quality"] == 10
    assert found["photoshop"]["iptcDigest"]["match"]
    other = read(tmp_path, full_jpeg(digest=b"0123456789abcdef"), "jpeg")
    assert not other["photoshop"]["iptcDigest"]["match"]


def test_jpeg_structure(tmp_path: Path) -> None:
    facts = read(tmp_path, full_jpeg() + b"\0\0", "jpeg")["jpeg"]
    assert (facts["width"], facts["height"], facts["process"], facts["subsampling"]) == (64, 48, "baseline", "4:2:0")
    assert facts["quality"] == {"family": "ijg", "quality": 83, "exact": True}
    assert facts["huffman"] == "default"
    assert facts["adobe"] == {"version": 100, "transform": 1}
    assert facts["markers"][:3] == ["APP1", "APP1", "APP13"]
    assert (facts["trailingBytes"], facts["trailingKind"]) == (2, "padding")
    assert read(tmp_path, saved("JPEG", optimize=True), "jpeg")["jpeg"]["huffman"] == "optimised"
    assert read(tmp_path, saved("JPEG", progressive=True), "jpeg")["jpeg"]["process"] == "progressive"


def test_tables_are_in_natural_order(tmp_path: Path) -> None:
    data = saved("JPEG", quality=60)
    with Image.open(io.BytesIO(data)) as picture:
        expected = [list(table) for table in picture.quantization.values()]
    assert read(tmp_path, data, "jpeg")["jpeg"]["tables"] == expected


@pytest.mark.parametrize("quality", [1, 10, 50, 75, 92, 100])
def test_quality_is_exact_for_standard_tables(tmp_path: Path, quality: int) -> None:
    assert read(tmp_path, saved("JPEG", quality=quality), "jpeg")["jpeg"]["quality"]["quality"] == quality


def test_unknown_tables_are_called_their_own(tmp_path: Path) -> None:
    data = saved("JPEG", qtables=[list(range(1, 65)), list(range(2, 66))])
    assert read(tmp_path, data, "jpeg")["jpeg"]["quality"]["family"] == "own"


@pytest.mark.parametrize(
    ("tail", "kind"), [(b"PK\x03\x04" + bytes(90), "archive"), (saved("JPEG"), "jpeg"), (b"secret" * 20, "unknown")]
)
def test_data_after_the_end(tmp_path: Path, tail: bytes, kind: str) -> None:
    facts = read(tmp_path, saved("JPEG") + tail, "jpeg")["jpeg"]
    assert (facts["trailingBytes"], facts["trailingKind"]) == (len(tail), kind)


def test_png_texts_and_credentials(tmp_path: Path) -> None:
    facts = read(tmp_path, full_png(), "png")["png"]
    assert facts["texts"]["parameters"].startswith("a cat\nSteps: 20")
    assert facts["texts"]["Comment"] == "packed"
    assert facts["contentCredentials"] == 9
    assert (facts["width"], facts["height"], facts["depth"]) == (64, 48, 8)


def test_tiff_and_gif(tmp_path: Path) -> None:
    assert read(tmp_path, full_tiff(), "tiff")["exif"]["Image"]["Software"] == "GIMP 2.10"
    assert read(tmp_path, full_gif(), "gif")["gif"]["comments"] == ["made here"]


def test_icc_profile_has_a_name(tmp_path: Path) -> None:
    assert "sRGB" in read(tmp_path, full_jpeg(), "jpeg")["icc"]["name"]


def test_an_xml_bomb_is_a_problem_not_a_bomb(tmp_path: Path) -> None:
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'>" + "".join(
        f"<!ENTITY {chr(98 + k)} '{('&' + chr(97 + k) + ';') * 10}'>" for k in range(9)
    )
    data = saved("JPEG")
    packet = (bomb + "]><x>&j;</x>").encode()
    data = data[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet) + data[2:]
    found = read(tmp_path, data, "jpeg")
    assert "xmp" not in found
    assert any("XMP" in problem for problem in found["problems"])


def test_loops_and_lies_end(tmp_path: Path) -> None:
    loop = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    assert read(tmp_path, loop, "tiff")["problems"]
    far = b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + struct.pack("<HHII", 0x10F, 2, 4_000_000_000, 0xFFFFFFF0)
    assert read(tmp_path, far, "tiff")["problems"]


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("jpeg", b"\xff\xd8" + b"\xff" * 3_000_000),
        ("jpeg", b"\xff\xd8" + b"\xff\xdb\0\x02" * 1_000_000),
        ("png", b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000), 9)) * 500),
        ("gif", b"GIF89a\1\0\1\0\0\0\0\x21\x01" + b"\x01a" * 2_000_000),
        ("heic", b"\0\0\0\x08free" * 500_000),
    ],
    ids=["fill", "segments", "zip bomb", "sub-blocks", "boxes"],
)
def test_hostile_files_cost_little(tmp_path: Path, format: str, data: bytes) -> None:
    start = time.process_time()
    read(tmp_path, data, format)
    assert time.process_time() - start < 3.0


@pytest.mark.parametrize("format", [*FILES, "heic", "mp4", "nonsense"])
def test_empty_and_tiny_files(tmp_path: Path, format: str) -> None:
    for data in (b"", b"\xff", b"\xff\xd8", b"II*\0", b"GIF89a", bytes(64)):
        assert isinstance(read(tmp_path, data, format)["problems"], list)
        assert read_thumbnail(tmp_path / "file", format) is None


WHOLE = {format: make() for format, make in FILES.items()}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    format=st.sampled_from(list(FILES)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=40),
    end=st.floats(0.2, 1.0),
)
def test_damaged_files_never_raise(tmp_path: Path, format: str, changes: list[tuple[float, int]], end: float) -> None:
    data = bytearray(WHOLE[format])
    for position, value in changes:
        data[int(position * len(data))] = value
    read(tmp_path, bytes(data[: int(end * len(data))]), format)
    read_thumbnail(tmp_path / "file", format)


@pytest.mark.data
def test_real_cameras(data: Path) -> None:
    folder = data / "provenance" / "exif-samples"
    canon = read_metadata(folder / "exif-org__canon-ixus.jpg", "jpeg")
    assert canon["exif"]["Image"]["Make"] == "Canon"
    assert canon["thumbnail"]["width"] == 160
    nikon = read_metadata(folder / "gps__DSCN0010.jpg", "jpeg")
    assert nikon["gps"]["latitude"] == pytest.approx(43.4674483)
    with_history = read_metadata(folder / "xmp__no_exif.jpg", "jpeg")
    assert len(with_history["xmpHistory"]) == 49
    for path in folder.glob("*.jp*g"):
        json.dumps(read_metadata(path, "jpeg"), allow_nan=False)
