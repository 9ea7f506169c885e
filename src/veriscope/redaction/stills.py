"""A picture written anew: covered, upright, in its own kind and quality. Runs in the decode child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, JpegImagePlugin

from veriscope.errors import BadRequest, UnsupportedKind
from veriscope.media.limits import Limits
from veriscope.media.pictures import _open
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.operators import Plane, operators
from veriscope.redaction.plan import Plan

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

_PLAIN = {"RGB", "RGBA", "L", "LA", "CMYK", "I;16"}
_WRITTEN = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "avif": "AVIF", "gif": "GIF"}
_EXIF_ORIENTATION = 0x0112
_EXIF_DIRECTORY, _MAKER_NOTE = 0x8769, 0x927C


def retouch(
    path: str,
    format: str,
    limits: Limits,
    target: str,
    plan: Mapping[str, Any],
    choices: list[str],
    margin: float = 1.0,
    strip: bool = True,
) -> Iterator[Item]:
    """Write the picture to ``target`` with the plan's enabled tracks covered.

    The pixels are turned upright and the orientation mark goes. With ``strip`` all metadata and embedded thumbnails
    go, but the colour profile; without it EXIF stays, except its thumbnail, which would show what is covered.
    """
    with _open(path, format, limits) as picture:
        if int(getattr(picture, "n_frames", 1)) > 1 and picture.format != "MPO":
            raise UnsupportedKind("The picture moves or has several pages, which is not redacted.")
        made = _upright(picture)
        reads = Plan.from_dict(plan)
        pixels = np.array(made)
        fill: Any = [0, 0, 0, 255][: pixels.shape[2]] if made.mode in {"CMYK", "RGBA"} else 0
        if made.mode == "LA":
            fill = [0, 255]
        plane = Plane(pixels, fill, top=65535 if pixels.dtype == np.uint16 else 255)
        chosen = operators(choices, read_picture)
        boxes = Coverage([t for t in reads.tracks if t.enabled], Margins(margin)).at(0.0)
        for kind, box in boxes:
            chosen[kind]([plane], box)
        covered = Pillow.fromarray(pixels) if made.mode == "I;16" else Pillow.fromarray(pixels, made.mode)
        _save(covered, picture, format, target, strip)
    yield {"done": True, "frames": 1, "covered": int(bool(boxes)), "notes": []}, {}


def read_picture(name: str) -> NDArray[np.uint8]:
    """H×W×3 uint8 RGB of a picture of the user's own; raises ``BadRequest``."""
    try:
        with Pillow.open(Path(name)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError) as exc:
        raise BadRequest(f"The picture {Path(name).name} cannot be read.") from exc


def _upright(picture: Pillow.Image) -> Pillow.Image:
    made = picture
    if picture.format != "HEIF":  # libheif has turned it already
        made = ImageOps.exif_transpose(picture)
    if made.mode not in _PLAIN:
        made = made.convert("RGBA" if "transparency" in made.info or made.mode in {"PA", "RGBa"} else "RGB")
    return made


def _save(made: Pillow.Image, source: Pillow.Image, format_: str, target: str, strip: bool) -> None:
    options: dict[str, Any] = {}
    if profile := source.info.get("icc_profile"):
        options["icc_profile"] = profile
    if not strip:
        exif = source.getexif()
        exif.pop(_EXIF_ORIENTATION, None)
        # the second directory of EXIF is the thumbnail: Pillow writes the first alone; makers' notes hold previews
        exif.get_ifd(_EXIF_DIRECTORY).pop(_MAKER_NOTE, None)
        options["exif"] = exif.tobytes()
    if format_ == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
        made.info = {}
        made.save(target, "HEIF", quality=90, **options)
        return
    if format_ not in _WRITTEN:
        raise UnsupportedKind(f"Pictures of the kind {format_} cannot be written.")
    if format_ == "jpeg":
        tables = getattr(source, "quantization", None)
        if tables and made.mode in {"RGB", "L"} and len(tables) <= 2:
            options |= {"qtables": list(tables.values()), "subsampling": _subsampling(source)}
        else:
            options["quality"] = 92
        options["progressive"] = bool(source.info.get("progressive"))
        if made.mode in {"RGBA", "LA"}:
            made = made.convert("RGB")
    elif format_ == "webp":
        options |= {"lossless": _lossless_webp(source), "quality": 90}
    elif format_ == "tiff":
        options["compression"] = source.info.get("compression", "raw")
    elif format_ == "avif":
        options["quality"] = 85
    made.info = {}
    made.save(target, _WRITTEN[format_], **options)


def _subsampling(source: Pillow.Image) -> int:
    try:
        return max(0, int(JpegImagePlugin.get_sampling(source)))
    except (AttributeError, KeyError, IndexError, TypeError):
        return 0


def _lossless_webp(source: Pillow.Image) -> bool:
    name = getattr(source, "filename", "")
    if not name:
        return False
    with Path(name).open("rb") as file:
        return b"VP8L" in file.read(64)
