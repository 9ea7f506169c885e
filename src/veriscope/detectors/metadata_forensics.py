"""Metadata forensics: does what the file says about itself agree with itself, and does it name a generator?

The rules, their weights and their reasons are in ``_metadata_rules``. ``raw`` is the sum, over causes, of the heaviest
rule, held within [-1.5, 5]: natural log-odds from even odds, judged and not fitted. That software was used is reported
and weighs little: nearly every published picture was edited, cropped or at least saved again, which is not
manipulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from veriscope.detectors._metadata_rules import CAUSES, Evidence, examine
from veriscope.detectors._metadata_sentences import SENTENCES
from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Reason, Scalar, Scene, Signal, Text

LEAST, MOST = -1.5, 5.0
_ROWS = 200
_CELL = 200  # characters of one value
_TECHNICAL = frozenset(  # say nothing about where a picture comes from
    {"Orientation", "XResolution", "YResolution", "ResolutionUnit", "YCbCrPositioning", "ColorSpace", "ExifOffset"}
    | {"ExifVersion", "ComponentsConfiguration", "FlashPixVersion", "ExifImageWidth", "ExifImageHeight"}
)


def total(evidence: Sequence[Evidence]) -> float:
    """Natural log-odds within [LEAST, MOST]: the heaviest rule of each cause, and everything that speaks in favour."""
    against: dict[str, float] = {}
    for item in evidence:
        cause = CAUSES.get(item.rule, item.rule)
        against[cause] = max(against.get(cause, 0.0), item.weight)
    favour = sum(min(item.weight, 0.0) for item in evidence)
    return min(MOST, max(LEAST, sum(against.values()) + favour))


def speaks(metadata: Mapping[str, Any]) -> bool:
    """There are metadata beyond what any encoder must write."""
    directories = metadata.get("exif", {})
    tags = {tag for name, directory in directories.items() if name != "Thumbnail" for tag in directory}
    texts = metadata.get("png", {}).get("texts") or metadata.get("gif", {}).get("comments")
    return bool(tags - _TECHNICAL or metadata.get("xmp") or metadata.get("iptc") or metadata.get("photoshop") or texts)


def rows(metadata: Mapping[str, Any]) -> list[str]:
    """The table for the reader: ``group<TAB>name<TAB>value``, in the order of the file."""
    found: list[str] = []

    def add(group: str, name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                add(group, f"{name} {key}".strip(), item)
            return
        text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        if len(found) < _ROWS and value not in (None, "", []):
            found.append(f"{group}\t{name}\t{text[:_CELL]}".replace("\n", " "))

    for directory, tags in metadata.get("exif", {}).items():
        for tag, value in tags.items():
            add(f"EXIF {directory}", tag, value)
    names = {
        "gps": "GPS",
        "makerNote": "Maker note",
        "thumbnail": "Thumbnail",
        "iptc": "IPTC",
        "photoshop": "Photoshop",
    }
    names |= {"icc": "ICC", "xmp": "XMP", "xmpDerivedFrom": "XMP derived from"}
    names |= {name: name.upper() for name in ("png", "webp", "gif", "heic", "avif", "tiff")}
    for key, group in names.items():
        add(group, "", metadata.get(key))
    for number, event in enumerate(metadata.get("xmpHistory", []), 1):
        add(
            "XMP history",
            str(number),
            " ".join(str(event[key]) for key in ("action", "software", "when") if event.get(key)),
        )
    jpeg = {key: value for key, value in metadata.get("jpeg", {}).items() if key != "tables"}
    add("JPEG", "", jpeg)
    for problem in metadata.get("problems", []):
        add("Problem", "", problem)
    return found


class MetadataForensics(Method):
    """Consistency of EXIF, XMP, IPTC and the container; marks of generators and editors."""

    name = "metadata_forensics"
    signal = Signal.METADATA
    kinds = frozenset({Kind.IMAGE})
    libraries = ("pillow", "defusedxml")
    reference = "H. Farid, Photo Forensics, MIT Press 2016, ch. 2; J. D. Kornblum, Digital Investigation 5, 2008"
    title = {"en": "Metadata", "vi": "Siêu dữ liệu"}
    sentences = SENTENCES

    def sentence(self, evidence: Evidence) -> Text:
        return self.say(evidence.rule, **evidence.fields)

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        metadata = scene.metadata()
        evidence = examine(metadata)
        said = [self.sentence(item) for item in evidence]
        odd = [text for item, text in zip(evidence, said, strict=True) if item.weight > 0]
        measurements: dict[str, Scalar | Sequence[Scalar]] = {
            "oddities": [text["en"] for text in odd],
            "oddities_vi": [text["vi"] for text in odd],
            "rules": [item.rule for item in evidence],
            "weights": [round(item.weight, 2) for item in evidence],
            "rows": rows(metadata),
        }
        if not any(item.weight for item in evidence):
            if not speaks(metadata):
                return self.abstain(Reason.NO_METADATA, measurements=measurements)
            summary = said[0] if said else self.say("nothing")
            return self.abstain(Reason.NOT_APPLICABLE, summary, measurements=measurements)
        summary = said[0]
        if len(odd) > 1 and evidence[0].weight > 0:
            more = self.say("more", count=len(odd) - 1)
            summary = {language: f"{text} {more[language]}" for language, text in summary.items()}
        return self.found(total(evidence), scene.media.kind, summary, measurements=measurements)
