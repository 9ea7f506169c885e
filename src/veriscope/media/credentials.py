"""Content Credentials (C2PA): what the file says of its own origin, checked offline.

Integrity and trust are two questions. Integrity: do the signatures and hashes still fit the bytes? Trust: does the
signer's certificate lead to an anchor on the operator's own list? Without a list nobody is trusted, which is no fault.

Reading never touches the network. A file can name an address to fetch its manifest from, and a certificate one to ask
for its revocation; following either would let a stranger's upload make this machine send requests. Both are off, and
the library's list of permitted hosts is empty besides. A remote manifest is reported as a fact, by its address.

Coalition for Content Provenance and Authenticity, "C2PA Technical Specification" 2.2, §15 (validation).
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import c2pa

from veriscope.errors import BadSetting

MIME: Mapping[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "heic": "image/heic",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "avi": "video/avi",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}
"""Formats that can carry Content Credentials, by the name ``Media.format`` gives them."""

AI_SOURCES = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "trainedAlgorithmicData",
    }
)
"""IPTC digital source types that declare content made or composed with a generative model."""

CAPTURE_SOURCES = frozenset({"digitalCapture", "computationalCapture"})

_MANIFEST_BOX = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # description box of a manifest store
_URL = re.compile(r"https?://[^\s\"'<>]{1,500}")
_TEXT = 300  # characters kept of any one string
_ITEMS = 64  # actions, ingredients and codes kept
_DEPTH = 8  # ingredients of ingredients

# Codes of the specification that say nothing against integrity: who signed (trust), when, and revocation not asked for.
_TRUST_ONLY = re.compile(
    r"(signingCredential\.(untrusted|ocsp\.(skipped|unknown|inaccessible))|cawg\..*|timeStamp\..*|timeOfSigning\..*)"
)
_SUCCESS = re.compile(r".*\.(match|validated|trusted|insideValidity|accessible|notRevoked|well-formed|additional.*)")


def read_credentials(path: Path, format: str, trust_anchors: str | None = None) -> dict[str, Any]:
    """Content Credentials of one file.

    Args:
        path: the original bytes.
        format: as in ``Media.format``.
        trust_anchors: certificates of the trusted authorities, as PEM text; none: nobody is trusted.

    Returns:
        JSON-serialisable, always with ``state`` (none, invalid, valid, trusted). Beside it ``integrity`` and ``trust``
        (booleans, ``None`` when there is nothing to check), ``signer``, ``issuer``, ``time`` (ISO 8601), ``generator``,
        ``aiDeclared``, ``aiWhere`` (asset, ingredient), ``captured``, ``sourceTypes``, ``actions``, ``ingredients``,
        ``ingredientState`` (none, valid, invalid), ``codes`` (failure, informational), ``why`` (content, credentials,
        certificate, unreadable: what makes it invalid), ``remote`` (address, never visited) and ``problem``.

    Raises:
        BadSetting: ``trust_anchors`` is not a list of PEM certificates. Nothing a file holds raises.
    """
    mime = MIME.get(format)
    if mime is None:
        return _nothing()
    context = _context(trust_anchors)
    try:
        with path.open("rb") as stream, c2pa.Reader(mime, stream, context=context) as reader:
            store = json.loads(reader.json())
            remote = None if reader.is_embedded() else reader.get_remote_url()
    except c2pa.C2paError.ManifestNotFound:
        return _nothing()
    except Exception as error:
        # The library reports every fault of a hostile file as some exception of its own: none may cross.
        return _failed(path, str(error))
    finally:
        context.close()
    try:
        return _described(store, remote)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        return {**_nothing(), "state": "invalid", "integrity": False, "why": "unreadable", "problem": _short(error)}


def _context(trust_anchors: str | None) -> Any:
    settings: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": [], "max_decompressed_manifest_size_in_mb": 32},
        "verify": {
            "verify_after_reading": True,
            "verify_trust": True,
            "verify_timestamp_trust": True,
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
        },
    }
    if trust_anchors is not None:
        settings["trust"] = {"trust_anchors": trust_anchors}
    try:
        return c2pa.Context.from_dict(settings)
    except c2pa.C2paError as error:
        raise BadSetting("The trust list is not a list of PEM certificates.") from error


def _nothing() -> dict[str, Any]:
    return {"state": "none", "integrity": None, "trust": None, "aiDeclared": False, "ingredientState": "none"}


def _failed(path: Path, message: str) -> dict[str, Any]:
    """No manifest could be read. It is invalid credentials only when the file does carry some."""
    if message.startswith("Remote"):
        found = _URL.search(message)
        return {**_nothing(), "remote": found.group(0) if found else None}
    if not _carries_manifest(path):
        return {**_nothing(), "problem": _short(message)}
    return {**_nothing(), "state": "invalid", "integrity": False, "why": "unreadable", "problem": _short(message)}


def _carries_manifest(path: Path) -> bool:
    with path.open("rb") as stream:
        try:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return data.find(_MANIFEST_BOX) >= 0
        except ValueError:  # an empty file cannot be mapped
            return False


def _described(store: Mapping[str, Any], remote: str | None) -> dict[str, Any]:
    manifests: Mapping[str, Any] = store["manifests"]
    active: Mapping[str, Any] = manifests[store["active_manifest"]]
    results = store.get("validation_results") or {}
    top = results.get("activeManifest") or {}
    deltas = _deltas(results)
    failures = _codes(top.get("failure")) + [code for codes in deltas.values() for code in codes if _breaks(code)]
    trusted = "signingCredential.trusted" in _codes(top.get("success"))
    intact = store.get("validation_state") in {"Valid", "Trusted"}
    signature = active.get("signature_info") or {}
    ingredients = list(_ingredients(store["active_manifest"], manifests, deltas))
    own = _source_types(active)
    inherited = [kind for item in ingredients if item["relationship"] != "inputTo" for kind in item["sourceTypes"]]
    where = "asset" if AI_SOURCES & set(own) else "ingredient" if AI_SOURCES & set(inherited) else None
    broken = any(item["state"] == "invalid" for item in ingredients)
    signed = [item for item in ingredients if item["signed"]]
    return {
        "state": "invalid" if not intact else "trusted" if trusted else "valid",
        "integrity": intact,
        "trust": trusted,
        "why": None if intact else _why(failures),
        "signer": _short(signature.get("common_name") or signature.get("issuer")),
        "issuer": _short(signature.get("issuer")),
        "time": _short(signature.get("time")),
        "generator": _generator(active),
        "title": _short(active.get("title")),
        "aiDeclared": where is not None,
        "aiWhere": where,
        "captured": bool(CAPTURE_SOURCES & set(own)),
        "sourceTypes": own,
        "actions": _actions(active),
        "ingredients": ingredients,
        "ingredientState": "invalid" if broken else "valid" if signed else "none",
        "codes": {"failure": failures[:_ITEMS], "informational": _codes(top.get("informational"))[:_ITEMS]},
        "manifests": len(manifests),
        "remote": _short(remote),
        "problem": None,
    }


def _deltas(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Failures found now, and not yet when the ingredient was taken in, by the address of the ingredient assertion."""
    return {
        str(delta.get("ingredientAssertionURI", "")): _codes((delta.get("validationDeltas") or {}).get("failure"))
        for delta in (results.get("ingredientDeltas") or [])[:_ITEMS]
    }


def _ingredients(
    root: str, manifests: Mapping[str, Any], deltas: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Any]]:
    """Every ingredient once, outermost first; an ingredient may itself have ingredients."""
    waiting, seen, count = [(root, 0)], {root}, 0
    while waiting:
        label, depth = waiting.pop(0)
        for ingredient in manifests[label].get("ingredients") or []:
            count += 1
            if count > _ITEMS:
                return
            inner = ingredient.get("active_manifest")
            address = f"/{label}/c2pa.assertions/{ingredient.get('label')}"
            codes = _recorded(ingredient)
            codes += [code for uri, new in deltas.items() if uri.endswith(address) for code in new]
            broken = sorted({code for code in codes if _breaks(code)})
            manifest = manifests.get(inner) or {}
            signature = manifest.get("signature_info") or {}
            yield {
                "title": _short(ingredient.get("title")),
                "relationship": _short(ingredient.get("relationship")),
                "depth": depth,
                "signed": bool(manifest),
                "state": "invalid" if broken else "valid" if manifest else "none",
                "codes": broken[:_ITEMS],
                "signer": _short(signature.get("common_name") or signature.get("issuer")),
                "sourceTypes": _source_types(manifest),
            }
            if inner in manifests and inner not in seen and depth < _DEPTH:
                seen.add(inner)
                waiting.append((inner, depth + 1))


def _recorded(ingredient: Mapping[str, Any]) -> list[str]:
    """What the signer itself found wrong when it took the ingredient in."""
    codes = _codes(ingredient.get("validation_status"))
    results = ingredient.get("validation_results") or {}
    codes += _codes((results.get("activeManifest") or {}).get("failure"))
    return codes


def _codes(entries: Any) -> list[str]:
    return [str(entry.get("code", ""))[:_TEXT] for entry in entries or [] if isinstance(entry, Mapping)]


def _breaks(code: str) -> bool:
    return not _TRUST_ONLY.fullmatch(code) and not _SUCCESS.fullmatch(code)


def _why(failures: Sequence[str]) -> str:
    """The first cause that a reader would ask for: was the content changed, the statement, or is it the certificate?"""
    broken = [code for code in failures if _breaks(code)]
    if any(re.match(r"assertion\.(data|bmff|boxes|collection)Hash\.", code) for code in broken):
        return "content"
    if broken and all(code.startswith("signingCredential.") for code in broken):
        return "certificate"
    return "credentials"


def _assertions(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for assertion in (manifest.get("assertions") or [])[:_ITEMS]:
        data = assertion.get("data")
        if isinstance(data, Mapping):
            yield str(assertion.get("label", "")), data


def _raw_actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for label, data in _assertions(manifest):
        if label.startswith("c2pa.actions"):
            found += [action for action in data.get("actions") or [] if isinstance(action, Mapping)]
    return found[:_ITEMS]


def _actions(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    actions = []
    for action in _raw_actions(manifest):
        agent = action.get("softwareAgent")
        parameters = action.get("parameters")
        details = parameters if isinstance(parameters, Mapping) else {}
        actions.append(
            {
                "action": _short(action.get("action")),
                "software": _short(agent.get("name") if isinstance(agent, Mapping) else agent),
                "when": _short(action.get("when")),
                "description": _short(action.get("description") or details.get("description") or details.get("name")),
                "sourceType": source_type(action.get("digitalSourceType")),
            }
        )
    return actions


def _source_types(manifest: Mapping[str, Any]) -> list[str]:
    """Digital source types declared by actions and by embedded IPTC metadata, in order, each once."""
    found = [source_type(action.get("digitalSourceType")) for action in _raw_actions(manifest)]
    for _, data in _assertions(manifest):
        found += [source_type(data[key]) for key in data if str(key).lower().endswith("digitalsourcetype")]
    return list(dict.fromkeys(kind for kind in found if kind))[:_ITEMS]


def source_type(value: Any) -> str | None:
    """The last part of a digital source type's address: ``trainedAlgorithmicMedia``, ``digitalCapture``, …"""
    if not isinstance(value, str) or not value.strip():
        return None
    return value.strip().rstrip("/").rsplit("/", 1)[-1][:_TEXT]


def _generator(manifest: Mapping[str, Any]) -> str | None:
    named = manifest.get("claim_generator_info") or []
    if named and isinstance(named[0], Mapping) and named[0].get("name"):
        return _short(" ".join(str(named[0].get(key) or "") for key in ("name", "version")).strip())
    return _short(manifest.get("claim_generator"))


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:_TEXT]
