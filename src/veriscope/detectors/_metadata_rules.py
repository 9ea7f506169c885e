"""The rules of metadata forensics: each looks at one thing and says what it found, with a weight and its reason.

A weight is a natural log-likelihood ratio, as judged rather than fitted: how much more often does a manipulated or
generated picture show this than an untouched one? Nearly every picture that was ever published went through some
software, so traces of software weigh little; a generator's own mark weighs a lot; contradictions lie between.
Metadata are easily removed and easily written, so nothing here is proof.

H. Farid, "Photo Forensics", MIT Press 2016, ch. 2; J. D. Kornblum, "Using JPEG quantization tables to identify imagery
processed by software", Digital Investigation 5, 2008; IPTC, "Digital Source Type" NewsCodes 2024.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

GENERATED = 4.0  # the generating program says so itself: forging this mark gains nobody anything
COMPOSED = 0.8  # the record names other pictures that went in, or a tool made for altering faces
CONTRADICTION = 0.7  # two entries cannot both be true
CHANGED = 0.5  # the file is not as the camera wrote it
CLOCK = 0.4  # camera clocks are often wrong
EDITED = 0.4  # an editing program was used, for whatever reason
TOUCHED = 0.2  # usual after any second saving
CONSISTENT = -1.0  # a full record of the exposure, and nothing speaks against it
DECLARED_CAPTURE = -0.3

_GENERATORS = re.compile(
    r"midjourney|dall[·\-. ]?e\b|stable[ -]?diffusion|automatic1111|comfyui|invokeai|novelai|adobe[ _]firefly"
    r"|bing image creator|leonardo\.ai|ideogram|black forest labs|\bflux\.?1|google imagen|openai|gpt-image|\bsdxl\b"
    r"|craiyon|nightcafe|dreamstudio|fooocus|easy diffusion|draw things|playground ai",
    re.IGNORECASE,
)
_CREDITS = re.compile(r"made with google ai", re.IGNORECASE)
_FACE_TOOLS = re.compile(
    r"\bfaceapp|\breface\b|facetune|faceswap|deepfacelab|\broop\b|meitu|beautyplus|youcam", re.IGNORECASE
)
_EDITORS = re.compile(
    r"photoshop(?! lightroom)|\bgimp\b|affinity photo|paint\.net|paintshop|pixelmator|snapseed|picsart|\bcanva\b"
    r"|photopea|polarr|\bcorel|acdsee|acd systems|picasa|photoscape|\bfotor\b|befunky|luminar|pixlr|\bkrita\b"
    r"|photoimpact|photo editor|paint tool",
    re.IGNORECASE,
)
_DEVELOPERS = re.compile(
    r"lightroom|camera raw|capture one|darktable|rawtherapee|\bdxo\b|aperture|nikon transfer|viewnx"
    r"|digital photo professional|apple photos|photos \d|google photos|\bvsco\b",
    re.IGNORECASE,
)
_AI_SOURCES = {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"}
_CAPTURE_SOURCES = {"digitalCapture", "computationalCapture"}
_MAKER_NOTES = ("canon", "nikon", "apple", "olympus", "fujifilm", "panasonic", "sony", "pentax")
_OWN_TABLES = re.compile(r"^(canon eos|nikon d\d|ilce-|iphone)", re.IGNORECASE)  # never plain libjpeg tables
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One rule that fired. ``fields`` fill its sentence in ``SENTENCES``."""

    rule: str
    weight: float
    fields: Mapping[str, Any] = field(default_factory=dict)


SAVED_AGAIN = "saved again"  # one saving in one program sets off many rules: together they are one piece of evidence
CAUSES: Mapping[str, str] = {
    **dict.fromkeys(("editor", "face_tool", "photoshop_structure", "developer", "ingredients", "history"), SAVED_AGAIN),
    **dict.fromkeys(("changed_later", "maker_note_missing", "web_tables", "library_tables"), SAVED_AGAIN),
    **dict.fromkeys(("rewritten_jpeg", "thumbnail_missing", "size_differs", "iptc_digest"), SAVED_AGAIN),
    **dict.fromkeys(("impossible_date", "future_date", "changed_before_made", "zone_differs"), "clock"),
    **dict.fromkeys(("xmp_date_differs", "xmp_camera_differs", "maker_note_differs"), "identity"),
    **dict.fromkeys(("declared_ai", "generator_settings", "generator_workflow", "generator_name"), "generator"),
}
"""What rules have in common. Of each cause only the heaviest rule counts; others stand alone."""

Rule = Callable[[Mapping[str, Any]], Iterator[Evidence]]


def _image(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    return metadata.get("exif", {}).get("Image", {})  # type: ignore[no-any-return]


def _photo(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    return metadata.get("exif", {}).get("Photo", {})  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    return "" if value is None else str(value).strip()


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Texts inside a PNG, by keyword."""
    found: dict[str, str] = metadata.get("png", {}).get("texts", {})
    return found


def software_of(metadata: Mapping[str, Any]) -> list[str]:
    """Every place that names the program which wrote the file, each name once."""
    xmp = metadata.get("xmp", {})
    texts = _texts(metadata)
    names = [
        _text(_image(metadata).get("Software")),
        _text(_image(metadata).get("ProcessingSoftware")),
        _text(xmp.get("xmp:CreatorTool")),
        _text(xmp.get("tiff:Software")),
        _text(metadata.get("iptc", {}).get("OriginatingProgram")),
        texts.get("Software", ""),
        *(_text(event.get("software")) for event in metadata.get("xmpHistory", [])),
    ]
    return list(dict.fromkeys(name for name in names if name))


def claims_camera(metadata: Mapping[str, Any]) -> bool:
    """The file says that a camera made it."""
    image = _image(metadata)
    return bool(_text(image.get("Make")) and _text(image.get("Model")))


def moment(value: Any) -> datetime | None:
    """EXIF or ISO time without its zone; ``None`` for what is no time at all."""
    found = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?", _text(value))
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None


def generator_marks(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Names and settings that image generators leave: PNG texts, software, IPTC, the Chinese AIGC label."""
    source = _text(metadata.get("digitalSourceType"))
    if source in _AI_SOURCES:
        yield Evidence("declared_ai", GENERATED, {"value": source})
    elif source in _CAPTURE_SOURCES:
        yield Evidence("declared_capture", DECLARED_CAPTURE, {"value": source})
    texts = _texts(metadata)
    settings = texts.get("parameters", "")
    comment = _text(_photo(metadata).get("UserComment"))
    if "Steps:" in settings or ("Steps:" in comment and "Sampler:" in comment):
        yield Evidence("generator_settings", GENERATED, {"value": (settings or comment)[:80]})
    for keyword in ("prompt", "workflow"):
        if '"class_type"' in texts.get(keyword, "") or '"nodes"' in texts.get(keyword, ""):
            yield Evidence("generator_workflow", GENERATED, {"value": keyword})
            break
    for keyword in ("sd-metadata", "invokeai_metadata", "invokeai_graph", "Dream", "generation_data"):
        if keyword in texts:
            yield Evidence("generator_workflow", GENERATED, {"value": keyword})
            break
    label = _aigc(metadata)
    if label:
        yield Evidence("declared_ai", GENERATED if label == "1" else GENERATED / 2, {"value": f"AIGC {label}"})
    # Only fields that name the maker: a caption may well speak of a generator in a true photograph.
    named = next((found.group(0) for found in map(_GENERATORS.search, software_of(metadata)) if found), None)
    credits = (metadata.get("iptc", {}).get("Credit"), metadata.get("xmp", {}).get("photoshop:Credit"))
    named = named or next((found.group(0) for found in map(_CREDITS.search, map(_text, credits)) if found), None)
    if "Job ID:" in texts.get("Description", ""):
        named = named or "Midjourney"
    if named:
        yield Evidence("generator_name", GENERATED, {"value": named})


def _aigc(metadata: Mapping[str, Any]) -> str | None:
    """Value of the label that GB 45438-2025 demands: 1 generated, 2 probably, 3 suspected."""
    candidates = [_texts(metadata).get("AIGC", ""), _text(_photo(metadata).get("UserComment"))]
    candidates += [_text(value) for key, value in metadata.get("xmp", {}).items() if key.endswith(":AIGC")]
    for text in candidates:
        if "Label" not in text:
            continue
        try:
            parsed = json.loads(text[text.index("{") : text.rindex("}") + 1])
        except (ValueError, RecursionError):
            continue
        parsed = parsed.get("AIGC", parsed) if isinstance(parsed, dict) else {}
        label = str(parsed.get("Label", "")) if isinstance(parsed, dict) else ""
        if label in {"1", "2", "3"}:
            return label
    return None


def editing_software(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Programs by name, and the structures that Photoshop alone writes. Being edited is not being manipulated."""
    names = software_of(metadata)
    jpeg = metadata.get("jpeg", {})
    face_tool = next((name for name in names if _FACE_TOOLS.search(name)), None)
    editor = next((name for name in names if _EDITORS.search(name)), None)
    developer = next((name for name in names if _DEVELOPERS.search(name)), None)
    if face_tool:
        yield Evidence("face_tool", COMPOSED, {"value": face_tool[:60]})
    elif editor:
        yield Evidence("editor", EDITED, {"value": editor[:60]})
    elif "ducky" in jpeg or "quality" in metadata.get("photoshop", {}):
        yield Evidence("photoshop_structure", EDITED)
    elif developer:
        yield Evidence("developer", 0.0, {"value": developer[:60]})
    if metadata.get("xmp", {}).get("photoshop:DocumentAncestors") or metadata.get("xmpIngredients"):
        yield Evidence("ingredients", COMPOSED, {"value": len(metadata.get("xmpIngredients", [])) or 1})
    edits = [
        event for event in metadata.get("xmpHistory", []) if event.get("action") in {"saved", "converted", "edited"}
    ]
    if len(edits) >= 2:
        yield Evidence("history", TOUCHED, {"value": len(edits)})


def dates(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Times that cannot be, or that contradict one another."""
    image, photo, xmp = _image(metadata), _photo(metadata), metadata.get("xmp", {})
    stated = {
        "DateTimeOriginal": photo.get("DateTimeOriginal"),
        "DateTimeDigitized": photo.get("DateTimeDigitized"),
        "DateTime": image.get("DateTime"),
    }
    known = {name: moment(value) for name, value in stated.items() if re.search(r"[1-9]", _text(value))}
    broken = [name for name, value in known.items() if value is None]
    if broken:
        yield Evidence("impossible_date", CLOCK, {"value": f"{broken[0]} {_text(stated[broken[0]])[:30]}"})
    times = {name: value for name, value in known.items() if value is not None}
    horizon = datetime.now(UTC).replace(tzinfo=None) + _DAY
    late = [name for name, value in times.items() if value > horizon]
    if late:
        yield Evidence("future_date", CLOCK, {"value": f"{late[0]} {times[late[0]]:%Y-%m-%d}"})
    original, changed = times.get("DateTimeOriginal"), times.get("DateTime")
    if original and changed and changed < original - _DAY:
        yield Evidence(
            "changed_before_made", CONTRADICTION, {"made": f"{original:%Y-%m-%d}", "value": f"{changed:%Y-%m-%d}"}
        )
    elif original and changed and changed > original + timedelta(minutes=5):
        yield Evidence(
            "changed_later", TOUCHED, {"made": f"{original:%Y-%m-%d %H:%M}", "value": f"{changed:%Y-%m-%d %H:%M}"}
        )
    told = moment(xmp.get("exif:DateTimeOriginal") or xmp.get("photoshop:DateCreated"))
    if original and told and abs(told - original) > _DAY:
        yield Evidence("xmp_date_differs", CONTRADICTION, {"made": f"{original:%Y-%m-%d}", "value": f"{told:%Y-%m-%d}"})


def camera_identity(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Does the rest of the file look as this camera would have written it?"""
    if not claims_camera(metadata):
        return
    image, xmp, jpeg = _image(metadata), metadata.get("xmp", {}), metadata.get("jpeg", {})
    make, model = _text(image.get("Make")), _text(image.get("Model"))
    note = metadata.get("makerNote")
    told = _text(xmp.get("tiff:Model"))
    if told and told.lower() != model.lower():
        yield Evidence("xmp_camera_differs", CONTRADICTION, {"made": model[:40], "value": told[:40]})
    vendor = _text(note.get("vendor")) if note else ""
    family = vendor.split(" ")[0].lower()
    # Sister brands share notes: Leica uses Panasonic's, Ricoh sells Pentax.
    kin = {"olympus": "om digital", "om": "olympus", "panasonic": "leica", "pentax": "ricoh", "ricoh": "pentax"}
    if family and family not in make.lower() and kin.get(family, family) not in make.lower():
        yield Evidence("maker_note_differs", CONTRADICTION, {"made": make[:40], "value": vendor})
    elif note is None and any(name in make.lower() for name in _MAKER_NOTES):
        yield Evidence("maker_note_missing", TOUCHED, {"value": make[:40]})
    quality = jpeg.get("quality") or {}
    if quality.get("family") == "mozjpeg":
        yield Evidence("web_tables", EDITED, {"value": quality["quality"]})
    elif quality.get("family") == "ijg" and _OWN_TABLES.match(model):
        yield Evidence("library_tables", EDITED, {"made": model[:40], "value": quality["quality"]})
    if jpeg.get("huffman") == "optimised" and "jfif" in jpeg:
        yield Evidence("rewritten_jpeg", TOUCHED)
    if jpeg and "thumbnail" not in metadata:
        yield Evidence("thumbnail_missing", TOUCHED / 2)


def size(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Pixel dimensions as the camera wrote them, against those of the file; and an orientation that does not exist."""
    photo = _photo(metadata)
    sides = (photo.get("ExifImageWidth"), photo.get("ExifImageHeight"))
    stated = [side for side in sides if isinstance(side, int) and side > 0]
    container = next((metadata[name] for name in ("jpeg", "webp", "png") if "width" in metadata.get(name, {})), None)
    if container and len(stated) == 2:
        real = (container["width"], container["height"])
        if sorted(stated) != sorted(real):
            yield Evidence(
                "size_differs", CHANGED, {"made": f"{stated[0]}×{stated[1]}", "value": f"{real[0]}×{real[1]}"}
            )
    orientation = _image(metadata).get("Orientation")
    if orientation is not None and orientation not in range(9):
        yield Evidence("impossible_orientation", TOUCHED, {"value": _text(orientation)[:20]})


def place(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """Position against the clock: local time less satellite time is a time zone, and it should fit the longitude."""
    gps = metadata.get("gps", {})
    if gps.get("plausible") is False:
        yield Evidence("impossible_position", CHANGED)
        return
    utc, local = moment(gps.get("utc")), moment(_photo(metadata).get("DateTimeOriginal"))
    longitude = gps.get("longitude")
    if utc is None or local is None or not isinstance(longitude, int | float):
        return
    hours = (local - utc).total_seconds() / 3600
    # Zones run from −12 to +14 h and stray from the sun by up to 4; fixes may be two hours old.
    if abs(hours - longitude / 15) > 6.0:
        yield Evidence("zone_differs", CLOCK, {"made": f"{hours:+.1f}", "value": f"{longitude:.1f}"})


def container(metadata: Mapping[str, Any]) -> Iterator[Evidence]:
    """IPTC changed behind Photoshop's back; data after the end of the picture."""
    digest = metadata.get("photoshop", {}).get("iptcDigest")
    if digest and not digest["match"]:
        yield Evidence("iptc_digest", TOUCHED)
    jpeg = metadata.get("jpeg", {})
    if jpeg.get("trailingKind") in {"archive", "unknown"} and jpeg.get("trailingBytes", 0) >= 64:
        yield Evidence("trailing_data", CHANGED, {"value": jpeg["trailingBytes"]})
    for name in ("png", "webp", "gif"):
        if metadata.get(name, {}).get("trailingBytes", 0) >= 64:
            yield Evidence("trailing_data", CHANGED, {"value": metadata[name]["trailingBytes"]})


RULES: tuple[Rule, ...] = (generator_marks, editing_software, dates, camera_identity, size, place, container)


def examine(metadata: Mapping[str, Any]) -> list[Evidence]:
    """Everything that fired, the heaviest first.

    A record of the exposure (camera, time, shutter, aperture) against which nothing of weight speaks counts in favour.
    """
    found = [evidence for rule in RULES for evidence in rule(metadata)]
    photo = _photo(metadata)
    complete = claims_camera(metadata) and all(
        photo.get(name) for name in ("DateTimeOriginal", "ExposureTime", "FNumber")
    )
    if complete and all(evidence.weight <= TOUCHED for evidence in found):
        found.append(Evidence("consistent", CONSISTENT, {"value": _text(_image(metadata).get("Model"))[:40]}))
    return sorted(found, key=lambda evidence: -abs(evidence.weight))
