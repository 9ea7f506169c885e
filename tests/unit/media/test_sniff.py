from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from veriscope.errors import BadInput, EncryptedMedia, UnsupportedKind
from veriscope.media.sniff import sniff
from veriscope.types import Kind

from tests import making


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_pictures_by_their_bytes(format_: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.fromarray(making.photo(64, 48)).save(buffer, format_)
    kind, name = sniff(buffer.getvalue()[:4096])
    assert kind is Kind.IMAGE
    assert name == {"HEIF": "heic"}.get(format_, format_.lower())


@pytest.mark.parametrize(("suffix", "name"), [("mp4", "mp4"), ("mov", "mov"), ("mkv", "mkv"), ("avi", "avi")])
def test_films_by_their_bytes(tmp_path: Path, suffix: str, name: str) -> None:
    path = making.film(tmp_path / f"x.{suffix}", 0.5, (64, 48))
    assert sniff(path.read_bytes()[:4096]) == (Kind.VIDEO, name)


def test_webm_and_sound(tmp_path: Path) -> None:
    path = making.film(tmp_path / "x.webm", 0.5, (64, 48), sound=False, codec="libvpx")
    assert sniff(path.read_bytes()[:4096]) == (Kind.VIDEO, "webm")
    assert sniff(making.wav(making.tone(0.1))[:4096]) == (Kind.AUDIO, "wav")
    assert sniff(b"fLaC" + bytes(40)) == (Kind.AUDIO, "flac")
    assert sniff(b"\xff\xfb\x90\x64" + bytes(400)) == (Kind.AUDIO, "mp3")
    assert sniff(b"\xff\xf1\x50\x80" + bytes(400)) == (Kind.AUDIO, "aac")


@pytest.mark.parametrize("text", ["Plain words.", "Tiếng Việt có dấu", "BM starts many words", "ID, name\n1, x"])
def test_text(text: str) -> None:
    assert sniff(text.encode()) == (Kind.TEXT, "text")


def test_html_and_a_cut_character() -> None:
    assert sniff(b"\xef\xbb\xbf <!-- x --> <!DOCTYPE html><p>")[0] is Kind.HTML
    assert sniff("ế".encode() * 10 + "ế".encode()[:2])[0] is Kind.TEXT


def test_office_files_are_named_and_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "x")
    with pytest.raises(UnsupportedKind, match="office"):
        sniff(buffer.getvalue())


def test_protected_sound() -> None:
    with pytest.raises(EncryptedMedia):
        sniff(b"\0\0\0\x20ftypM4P \0\0\0\0M4P mp42isom\0\0\0\0" + bytes(32))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_kind_or_a_clear_refusal(data: bytes) -> None:
    try:
        kind, name = sniff(data)
    except BadInput as exc:
        assert exc.message.endswith(".")
    else:
        assert isinstance(kind, Kind)
        assert name


def test_noise_is_not_text() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 4096).astype(np.uint8).tobytes()
    with pytest.raises(UnsupportedKind):
        sniff(b"\x01" + noise)
