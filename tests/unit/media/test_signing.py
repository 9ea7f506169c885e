"""Content Credentials of redacted files: valid, and without anything of the source."""

from __future__ import annotations

import json
from pathlib import Path

import c2pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec

from veriscope.errors import BadSetting, RenderFailed
from veriscope.media.credentials import read_credentials
from veriscope.media.signing import Signer, sign

from tests.making import encoded, film, photo, tone, wav
from tests.unit.media.test_credentials import CAMERA, Authority, authority
from tests.unit.media.test_credentials import sign as signed_picture

__all__ = ["authority"]


@pytest.fixture
def signer(authority: Authority, tmp_path: Path) -> Signer:
    (tmp_path / "chain.pem").write_text(authority.chain)
    (tmp_path / "key.pem").write_text(authority.key)
    return Signer(tmp_path / "chain.pem", tmp_path / "key.pem")


def made(folder: Path, form: str) -> Path:
    path = folder / f"safe.{form}"
    if form in {"mp4", "mov", "avi"}:
        return film(path, 1.0)
    path.write_bytes(wav(tone(0.5)) if form == "wav" else encoded(photo(), form.upper()))
    return path


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif", "tiff", "mp4", "mov", "avi", "wav"])
def test_what_is_signed_is_valid_and_names_what_was_done(
    tmp_path: Path, signer: Signer, authority: Authority, form: str
) -> None:
    path = made(tmp_path, form)
    before = path.read_bytes()
    assert "Signed" in sign(path, form, ("faces", "speech"), "1.2.3", signer)
    found = read_credentials(path, form, authority.root)
    assert (found["state"], found["signer"], found["generator"]) == ("trusted", "Newsroom", "Veriscope 1.2.3")
    assert [action["action"] for action in found["actions"]] == ["c2pa.opened", "c2pa.edited"]
    assert found["actions"][1]["description"] == "Covered: faces, speech."
    assert not found["aiDeclared"]
    assert len(before) < len(path.read_bytes()) < len(before) + 8000  # no thumbnail travels along
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chain.pem", "key.pem", path.name]


def test_a_manifest_of_the_source_does_not_travel_along(tmp_path: Path, signer: Signer, authority: Authority) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(signed_picture(authority, CAMERA))
    sign(path, "jpeg", ("faces",), "1", signer)
    with path.open("rb") as file:
        manifests = json.loads(c2pa.Reader("image/jpeg", file).json())["manifests"]
    assert len(manifests) == 1
    assert b"digitalCapture" not in path.read_bytes()


@pytest.mark.parametrize("form", ["mkv", "webm", "bmp", "text", "html", "pdf", "ogg"])
def test_what_cannot_be_signed_is_told(tmp_path: Path, signer: Signer, form: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"as it was")
    assert "not signed" in sign(path, form, ("text",), "1", signer)
    assert path.read_bytes() == b"as it was"


def test_a_file_that_is_none_stays_as_it_was(tmp_path: Path, signer: Signer) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(RenderFailed):
        sign(path, "jpeg", ("faces",), "1", signer)
    assert path.read_bytes() == b"no picture"
    assert len(list(tmp_path.iterdir())) == 3


def _pem(key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_wrong_files_are_refused_in_one_sentence(tmp_path: Path, authority: Authority, signer: Signer) -> None:
    signer.load()
    for chain, key in (
        ("nonsense", authority.key),
        (authority.chain, "nonsense"),
        (authority.chain, _pem(ec.generate_private_key(ec.SECP256R1()))),  # of another certificate
        (authority.chain, _pem(dsa.generate_private_key(1024))),
        (authority.chain, _pem(ec.generate_private_key(ec.SECP256K1()))),
    ):
        signer.certificate.write_text(chain)
        signer.key.write_text(key)
        with pytest.raises(BadSetting, match="c2pa_certificate") as caught:
            signer.load()
        assert "\n" not in caught.value.message
    with pytest.raises(BadSetting, match="No such file"):
        Signer(tmp_path / "nowhere", signer.key).load()
    assert Signer.of(None, None) is None
