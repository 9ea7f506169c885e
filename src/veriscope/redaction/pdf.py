"""PDF, in the decode child: pages drawn and their letters found, and a new file built of painted drawings alone.

Nothing of the source file goes into the new one but pixels: no text layer, fonts, forms, notes, attachments, scripts,
layers, thumbnails, earlier versions or metadata. That is what makes it provable; the price is that the text of the
result can no longer be selected.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, EncryptedMedia, TooLarge
from veriscope.media.limits import Limits
from veriscope.redaction.pdf_write import PdfWriter
from veriscope.types import Image

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

DPI: Final = 150
MAX_PAGES: Final = 500
MAX_PIXELS: Final = 40_000_000
BLACK = (0, 0, 0)
_PICTURE: Final = 3  # pdfium's number of the kind of object


def pages(path: str, format: str, limits: Limits, dpi: int = DPI, only: list[int] | None = None) -> Iterator[Item]:
    """Every page, or those of ``only``, drawn without notes and form fields.

    Yields:
        ``page`` (from 0), ``pages``, ``text`` (every character pdfium knows of) and ``plain`` (whether the page holds
        pictures alone); ``image`` (H×W×3 uint8 RGB) and ``boxes`` (one row for each character: left, top, right,
        bottom in pixels of the image; zeros where the place is not known).
    """
    del format
    with _opened(path) as document:
        if len(document) > MAX_PAGES:
            raise TooLarge(f"The document has {len(document)} pages; {MAX_PAGES} are allowed.")
        for index in range(len(document)) if only is None else sorted(set(only)):
            page = document[index]
            image = _drawn(page, dpi, limits)
            text, boxes = _text(page, image)
            plain = not text and all(item.type == _PICTURE for item in page.get_objects(max_depth=1))
            facts = {"page": index, "pages": len(document), "text": text, "plain": plain}
            page.close()
            yield facts, {"image": image, "boxes": boxes}


def repaint(
    path: str, format: str, limits: Limits, target: str, covers: list[list[list[float]]], dpi: int = DPI
) -> Iterator[Item]:
    """Write the pages as pictures to ``target``, the boxes of each (x, y, width, height in pixels) black.

    Yields:
        ``time``: pages so far; last ``done`` with ``covered`` (pages with at least one box). ``fault``: cannot write.
    """
    del format
    with _opened(path) as document:
        try:
            with Path(target).open("wb") as file:
                writer = PdfWriter(file)
                for index in range(len(document)):
                    page = document[index]
                    image = _drawn(page, dpi, limits)
                    paint(image, covers[index])
                    writer.page(image, *page.get_size())
                    page.close()
                    yield {"time": index + 1}, {}
                writer.close()
        except OSError as exc:
            yield {"fault": f"The output cannot be written: {exc.strerror}."}, {}
            return
        yield {"done": True, "pages": len(document), "covered": sum(bool(c) for c in covers), "notes": []}, {}


def paint(image: Image, boxes: Sequence[Sequence[float]]) -> None:
    """Solid black, in place; boxes are rounded outwards."""
    for x, y, w, h in boxes:
        left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
        image[top : max(0, int(np.ceil(y + h))), left : max(0, int(np.ceil(x + w)))] = BLACK


def _opened(path: str) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path, autoclose=True)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise EncryptedMedia("The PDF is protected by a password.") from None
        raise DamagedMedia("The PDF does not open.") from None


def _drawn(page: Any, dpi: int, limits: Limits) -> Image:
    width, height = page.get_size()
    if width * height * (dpi / 72) ** 2 > min(MAX_PIXELS, limits.max_pixels):
        raise TooLarge(f"A page of {width:.0f} × {height:.0f} points is too large to draw at {dpi} dots an inch.")
    # notes and form fields are no part of the page's text, so they cannot be searched: they are not drawn
    bitmap = page.render(scale=dpi / 72, draw_annots=False, may_draw_forms=False, rev_byteorder=True)
    image = np.array(bitmap.to_numpy()[:, :, :3], np.uint8)
    bitmap.close()
    return image


def _text(page: Any, image: Image) -> tuple[str, NDArray[np.float32]]:
    """Every character, one by one, so that places and characters agree; hyphens at line ends kept."""
    textpage = page.get_textpage()
    out: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for index in range(textpage.count_chars()):
        shown = textpage.get_text_range(index, 1)
        for c in shown.replace("\r", "").replace("\ufffe", "-").replace("\x02", "-"):
            out.append(c)
            boxes.append((0.0, 0.0, 0.0, 0.0) if c.isspace() else _box(textpage, index, page, image))
    textpage.close()
    return "".join(out), np.array(boxes, np.float32).reshape(-1, 4)


def _box(textpage: Any, index: int, page: Any, image: Image) -> tuple[float, float, float, float]:
    left, bottom, right, top = textpage.get_charbox(index, loose=True)
    if right <= left or top <= bottom:
        left, bottom, right, top = textpage.get_charbox(index)
    return _to_pixels(page, image, (left, bottom, right, top))


def _to_pixels(page: Any, image: Image, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box in the page's own units to pixels of the drawing, whatever the page's rotation and crop box."""
    from pypdfium2 import raw

    xs, ys = [], []
    scale = 16  # sixteenths of a pixel: the call answers in whole numbers
    for x, y in ((box[0], box[1]), (box[2], box[3]), (box[0], box[3]), (box[2], box[1])):
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        wide, high = image.shape[1] * scale, image.shape[0] * scale
        raw.FPDF_PageToDevice(page, 0, 0, wide, high, 0, x, y, ctypes.byref(at_x), ctypes.byref(at_y))
        xs.append(at_x.value / scale)
        ys.append(at_y.value / scale)
    return min(xs), min(ys), max(xs), max(ys)
