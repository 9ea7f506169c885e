"""Pictures to arrays. Runs in the decode child."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from veriscope.errors import DamagedMedia, TooLarge
from veriscope.media.limits import Limits

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

Level = TypeVar("Level", bound=np.generic)

Pillow.MAX_IMAGE_PIXELS = None  # our own limit, a setting, is checked before any pixel is decoded

_PLUGINS = {"jpeg": ("JPEG", "MPO"), "heic": ("HEIF",), "avif": ("AVIF",), "tiff": ("TIFF",)}
_ORIENTATION = 0x0112


def _open(path: str, format_: str, limits: Limits) -> Pillow.Image:
    if format_ == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    try:
        picture = Pillow.open(path, formats=_PLUGINS.get(format_, (format_.upper(),)))
    except UnidentifiedImageError as exc:
        raise DamagedMedia("The picture's header is damaged.") from exc
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise TooLarge(f"The picture has {width} × {height} pixels; {limits.max_pixels} are allowed.")
    if width < 1 or height < 1:
        raise DamagedMedia("The picture has no pixels.")
    return picture


def decode(path: str, format: str, limits: Limits, traces: bool = True) -> Iterator[Item]:
    """The upright picture as ``image`` (H×W×3 uint8 RGB); for a JPEG its Y plane as ``luma`` (H×W uint8, as stored).

    Without ``traces`` the pixels alone, which for a JPEG is a third of the work.
    """
    with _open(path, format, limits) as picture:
        orientation = _orientation(picture)
        facts: dict[str, Any] = {
            "orientation": orientation,
            "mode": picture.mode,
            "frames": int(getattr(picture, "n_frames", 1)),
        }
        arrays: dict[str, NDArray[Any]] = {}
        if traces and format == "jpeg" and picture.mode in {"RGB", "L"}:
            facts["jpeg"] = {
                "tables": [_natural(table) for table in getattr(picture, "quantization", {}).values()],
                "subsampling": _subsampling(picture),
                "progressive": bool(picture.info.get("progressive")),
            }
            # Y straight from the decoder: a trip through RGB would round away the traces that detectors read
            picture.draft("YCbCr" if picture.mode == "RGB" else "L", None)
            picture.load()
            arrays["luma"] = np.asarray(picture.getchannel(0))
        arrays["image"] = upright(_rgb(picture), orientation)
        yield facts, arrays


def thumbnail(path: str, format: str, limits: Limits) -> Iterator[Item]:
    """The thumbnail embedded in the EXIF block, upright as the picture is; no array when there is none."""
    import io

    from veriscope.media.metadata import read_thumbnail

    data = read_thumbnail(Path(path), format)
    if not data:
        yield {}, {}
        return
    with _open(path, format, limits) as picture:
        orientation = _orientation(picture)
    try:
        with Pillow.open(io.BytesIO(data), formats=("JPEG", "TIFF")) as small:
            if small.width * small.height > 1 << 22:
                raise ValueError("not a thumbnail")
            yield {}, {"image": upright(_rgb(small), orientation)}
    except (OSError, ValueError, SyntaxError):
        yield {"damaged": True}, {}


def metadata(path: str, format: str, limits: Limits) -> Iterator[Item]:  # noqa: ARG001
    from veriscope.media.metadata import read_metadata

    yield {"metadata": read_metadata(Path(path), format)}, {}


def credentials(path: str, format: str, trust_anchors: str | None, limits: Limits) -> Iterator[Item]:  # noqa: ARG001
    from veriscope.media.credentials import read_credentials

    yield {"credentials": read_credentials(Path(path), format, trust_anchors)}, {}


def upright(image: NDArray[Level], orientation: int) -> NDArray[Level]:
    """``image`` (H×W or H×W×C, as stored) turned as its EXIF orientation (1–8) says, contiguous."""
    if orientation in {2, 4, 5, 7}:
        image = image[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(image, turns))


def _rgb(picture: Pillow.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float32)
        top = 65535.0 if picture.mode.startswith("I") else max(float(np.nanmax(values, initial=0.0)), 1e-9)
        grey = np.nan_to_num(values * (255.0 / top)).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode == "P":
        picture = picture.convert("RGBA")
    # transparency is dropped, not blended: pixels that were hidden are evidence too
    return np.asarray(picture.convert("RGB"))


def _orientation(picture: Pillow.Image) -> int:
    if picture.format == "HEIF":
        return 1  # libheif has applied it already
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a corrupt EXIF block must not hide the picture; metadata forensics reports it
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _natural(table: Any) -> list[int]:
    # Pillow ≥ 8.3 hands tables out in natural order already
    values = [int(v) for v in table]
    return values if len(values) == 64 else [0] * 64


def _subsampling(picture: Pillow.Image) -> str:
    from PIL import JpegImagePlugin

    try:
        return {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}.get(JpegImagePlugin.get_sampling(picture), "other")
    except (AttributeError, KeyError, IndexError):
        return "other"
