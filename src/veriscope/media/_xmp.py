"""XMP packets (ISO 16684-1): properties flattened to one level, editing history, derivation."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError  # types only: parsing is defused

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_BYTES = 2_000_000  # of one packet
_PROPERTIES = 1000
_TEXT = 1000
_ITEMS = 100
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIXES = {
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://ns.adobe.com/xmp/note/": "xmpNote",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://ns.google.com/photos/1.0/camera/": "GCamera",
    "http://ns.google.com/photos/1.0/creations/": "GCreations",
    "http://www.gimp.org/xmp/": "GIMP",
    "http://ns.apple.com/adjustment-settings/1.0/": "aas",
}


def read_xmp(packet: bytes, problems: list[str]) -> dict[str, Any]:
    """One packet.

    Returns:
        ``properties`` (``prefix:name`` → text or list of texts), ``history`` (action, software, when, changed),
        ``derivedFrom`` and ``ingredients`` (document identifiers). Empty for a packet that does not parse.
    """
    if len(packet) > _BYTES:
        problems.append("XMP packet too large to read")
        return {}
    begin, end = packet.find(b"<"), packet.rfind(b">")
    try:
        root = fromstring(packet[begin : end + 1], forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        problems.append(f"XMP packet does not parse ({type(error).__name__})")
        return {}
    properties: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    derived: dict[str, str] = {}
    parts: list[dict[str, str]] = []
    for description in root.iter(_RDF + "Description"):
        if len(properties) >= _PROPERTIES:
            problems.append("XMP packet with too many properties")
            break
        for key, text in description.attrib.items():
            _keep(properties, _name(key), text)
        for child in description:
            name = _name(child.tag)
            if name == "xmpMM:History":
                history += [_event(item) for item in _members(child)[:_ITEMS]]
            elif name == "xmpMM:DerivedFrom":
                derived = _structure(child)
            elif name in {"xmpMM:Ingredients", "photoshop:DocumentAncestors"}:
                parts += [_structure(item) for item in _members(child)[:_ITEMS]]
            else:
                members = _members(child)
                values = [_text(item) for item in members[:_ITEMS]] if members else _text(child)
                _keep(properties, name, values)
    return {"properties": properties, "history": history, "derivedFrom": derived, "ingredients": parts}


def _keep(properties: dict[str, Any], name: str, value: Any) -> None:
    if name.startswith("rdf:") or len(properties) >= _PROPERTIES or value in ("", []):
        return
    properties.setdefault(name, value[:_TEXT] if isinstance(value, str) else value)


def _name(tag: Any) -> str:
    if not isinstance(tag, str) or not tag.startswith("{"):
        return str(tag)[:_TEXT]
    space, _, local = tag[1:].partition("}")
    if "{" + space + "}" == _RDF:
        return f"rdf:{local}"
    prefix = _PREFIXES.get(space) or space.rstrip("/#").rsplit("/", 1)[-1]
    return f"{prefix}:{local}"[:_TEXT]


def _members(element: Element) -> list[Element]:
    """Items of the array inside an element, if it holds one."""
    if len(element) == 1 and element[0].tag in {_RDF + "Seq", _RDF + "Bag", _RDF + "Alt"}:
        return list(element[0])
    return []


def _text(element: Element) -> str:
    own = (element.text or "").strip()
    if own or not len(element):
        return (own or element.get(_RDF + "resource", ""))[:_TEXT]
    return "; ".join(f"{name} = {text}" for name, text in _structure(element).items())[:_TEXT]


def _structure(element: Element) -> dict[str, str]:
    """A structure, written as attributes, as elements, or as a nested description."""
    found = {}
    inner = element.find(_RDF + "Description")
    for source in (element, inner):
        if source is None:
            continue
        for key, text in source.attrib.items():
            if not key.startswith(_RDF) and key != _LANG:
                found[_name(key)] = text[:_TEXT]
        for child in list(source)[:_ITEMS]:
            if child.tag != _RDF + "Description" and (child.text or "").strip():
                found[_name(child.tag)] = (child.text or "").strip()[:_TEXT]
    return found


def _event(item: Element) -> dict[str, Any]:
    fields = _structure(item)
    return {
        "action": fields.get("stEvt:action"),
        "software": fields.get("stEvt:softwareAgent"),
        "when": fields.get("stEvt:when"),
        "changed": fields.get("stEvt:changed"),
        "parameters": fields.get("stEvt:parameters"),
    }
