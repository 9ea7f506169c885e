"""Content Credentials (C2PA) for a redacted file: who covered something in it, and what.

The manifest says ``c2pa.opened`` and ``c2pa.edited``. The action ``c2pa.redacted`` would be wrong: it speaks of
assertions taken out of a manifest, not of content. The source is named as an ingredient without bytes: neither its
thumbnail nor its own manifest, which could hold one, travels along.

Coalition for Content Provenance and Authenticity, "C2PA Technical Specification" 2.2, §18.15 (actions).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from veriscope.errors import BadSetting, RenderFailed
from veriscope.media.credentials import MIME

_SOURCE = "source"
_CURVES = {"secp256r1": b"es256", "secp384r1": b"es384", "secp521r1": b"es512"}


@dataclass(frozen=True, slots=True)
class Signer:
    """Paths of a PEM chain, the signer's certificate first, and of its private key (PKCS #8, not encrypted)."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None) -> Signer | None:
        return None if certificate is None or key is None else cls(certificate, key)

    def load(self) -> c2pa.Signer:
        """Raises ``BadSetting`` where one of the files is not what it should be."""
        try:
            chain, key = self.certificate.read_bytes(), self.key.read_bytes()
            if _public(load_pem_private_key(key, None)) != _public(x509.load_pem_x509_certificates(chain)[0]):
                raise ValueError("not the key of this certificate")
            info = c2pa.C2paSignerInfo(alg=_algorithm(key), sign_cert=chain, private_key=key, ta_url=None)
            return c2pa.Signer.from_info(info)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm, c2pa.C2paError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "a PEM chain and its private key are needed"
            raise BadSetting(f"The files of c2pa_certificate and c2pa_key do not serve: {reason}.") from exc


def _public(holder: Any) -> bytes:
    found: bytes = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _algorithm(pem: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise ValueError("no kind of key that C2PA knows")


def sign(path: Path, form: str, targets: Sequence[str], version: str, signer: Signer) -> str:
    """Put a signed manifest into a redacted file, in place.

    Args:
        form: as in ``Media.format``.
        targets: what was covered.
        version: of this program.

    Returns:
        What a reader should know: that it was signed, or that this kind of file cannot be.

    Raises:
        BadSetting: the certificate or the key does not serve.
        RenderFailed: the file could not be signed; it is as it was.
    """
    mime = MIME.get(form)
    if mime is None:
        return f"Files of the kind {form} carry no Content Credentials: this one is not signed."
    aside = path.with_name(f"signed-{path.name}")
    context = c2pa.Context.from_dict(
        {
            "version": 1,
            "core": {"allowed_network_hosts": []},
            "builder": {"thumbnail": {"enabled": False}},
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        }
    )
    try:
        with path.open("rb") as source, aside.open("w+b") as target:
            builder = c2pa.Builder(json.dumps(_manifest(mime, targets, version)), context)
            builder.sign(signer.load(), mime, source, target)
        aside.replace(path)
    except c2pa.C2paError as exc:
        raise RenderFailed(f"The file could not be signed: {str(exc)[:200]}.") from exc
    finally:
        aside.unlink(missing_ok=True)
        context.close()
    return "Signed with Content Credentials (C2PA)."


def _manifest(mime: str, targets: Sequence[str], version: str) -> dict[str, object]:
    agent = {"name": "Veriscope", "version": version}
    covered = f"Covered: {', '.join(targets)}."
    actions = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": [_SOURCE]}},
        {"action": "c2pa.edited", "softwareAgent": agent, "parameters": {"description": covered}},
    ]
    return {
        "format": mime,
        "claim_generator_info": [agent],
        "ingredients": [{"title": _SOURCE, "format": mime, "relationship": "parentOf", "label": _SOURCE}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }
