"""What a file is, by its first bytes. Names and Content-Types are hints from strangers; they are not read."""

from __future__ import annotations

import codecs
import re

from veriscope.errors import EncryptedMedia, UnsupportedKind
from veriscope.types import Kind

HEAD_BYTES = 4096

_FIXED: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\xff\xd8\xff", Kind.IMAGE, "jpeg"),
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE, "png"),
    (b"GIF87a", Kind.IMAGE, "gif"),
    (b"GIF89a", Kind.IMAGE, "gif"),
    (b"II*\x00", Kind.IMAGE, "tiff"),
    (b"MM\x00*", Kind.IMAGE, "tiff"),
    (b"II+\x00", Kind.IMAGE, "tiff"),
    (b"MM\x00+", Kind.IMAGE, "tiff"),
    (b"fLaC", Kind.AUDIO, "flac"),
    (b"ID3", Kind.AUDIO, "mp3"),
    (b"ADIF", Kind.AUDIO, "aac"),
)

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "an office document or archive"),
    (b"PK\x05\x06", "an empty archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"\x1f\x8b", "an archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an office document"),
)

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf"}
_AVIF = {b"avif", b"avis"}
_MOV_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_HTML = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)


def sniff(head: bytes) -> tuple[Kind, str]:
    """Kind and format of a file from its first ``HEAD_BYTES`` bytes.

    Raises:
        UnsupportedKind: something we recognise and do not examine, or do not recognise at all.
        EncryptedMedia: a container that says it is encrypted.
    """
    for magic, kind, name in _FIXED:
        if head.startswith(magic):
            return kind, name
    found = _riff(head) or _iso(head) or _other_containers(head)
    if found:
        return found
    if head.startswith(b"%PDF-") or b"%PDF-" in head[:1024]:
        return Kind.PDF, "pdf"
    for magic, what in _REFUSED:
        if head.startswith(magic):
            raise UnsupportedKind(f"This is {what}, which is not examined.")
    if _is_text(head):
        return (Kind.HTML, "html") if _HTML.match(head.lstrip(codecs.BOM_UTF8)) else (Kind.TEXT, "text")
    raise UnsupportedKind("The file is not of a kind that is known here.")


def _riff(head: bytes) -> tuple[Kind, str] | None:
    if head[:4] not in {b"RIFF", b"RF64"}:
        return _bmp(head)
    form = head[8:12]
    forms = {
        b"WAVE": (Kind.AUDIO, "wav"),
        b"AVI ": (Kind.VIDEO, "avi"),
        b"WEBP": (Kind.IMAGE, "webp"),
    }
    return forms.get(form)


def _bmp(head: bytes) -> tuple[Kind, str] | None:
    # "BM" alone would claim every text that starts with it: the reserved words and header size must fit too
    sizes = {12, 40, 52, 56, 64, 108, 124}
    if head[:2] == b"BM" and len(head) >= 18 and head[6:10] == b"\0\0\0\0" and head[14] in sizes:
        return Kind.IMAGE, "bmp"
    return None


def _iso(head: bytes) -> tuple[Kind, str] | None:
    """ISO base media files: the brands say which family."""
    box = head[4:8]
    if box != b"ftyp":
        return (Kind.VIDEO, "mov") if box in _MOV_ATOMS else None
    size = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(size, len(head)) - 3, 4))}
    major = head[8:12]
    if brands & _AVIF:
        return Kind.IMAGE, "avif"
    if major in _HEIC or (brands & _HEIC and major not in {b"isom", b"mp42", b"mp41"}):
        return Kind.IMAGE, "heic"
    if major in {b"M4A ", b"M4B ", b"M4P "}:
        if major == b"M4P ":
            raise EncryptedMedia("The sound file is protected by its shop's encryption.")
        return Kind.AUDIO, "m4a"
    return Kind.VIDEO, "mov" if major == b"qt  " else "mp4"


def _other_containers(head: bytes) -> tuple[Kind, str] | None:
    if head[:4] == b"\x1aE\xdf\xa3":
        return Kind.VIDEO, "webm" if b"webm" in head[:64] else "mkv"
    if head[:4] == b"OggS":
        return (Kind.VIDEO, "ogv") if b"theora" in head[:512] else (Kind.AUDIO, "ogg")
    if len(head) > 2 and head[0] == 0xFF:
        if head[1] & 0xF6 == 0xF0:
            return Kind.AUDIO, "aac"
        layer, rate = head[1] & 0x06, head[2] & 0xF0
        if head[1] & 0xE0 == 0xE0 and layer and rate not in {0x00, 0xF0}:
            return Kind.AUDIO, "mp3"
    return None


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    if not head or b"\0" in head:
        return False
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if control > len(head) // 200:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # older single-byte encodings: mostly letters, or it is something else
        return sum(byte >= 128 for byte in head) < 0.3 * len(head)
    return True
