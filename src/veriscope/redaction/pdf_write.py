"""The smallest PDF that shows pictures: one per page, nothing else (ISO 32000-1). Written page by page."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import cv2
import numpy as np

from veriscope.types import Image

QUALITY = 92  # of photographs; pages of few colours are stored without loss, and smaller


class PdfWriter:
    """Pages as pictures: ``/Catalog``, ``/Pages``, and for each page its box, one drawing command and one picture."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[int, int] = {}
        self._pages: list[int] = []
        self._next = 3  # 1 is the catalogue, 2 the list of pages
        file.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")

    def page(self, image: Image, width: float, height: float) -> None:
        """Add a page of ``width`` × ``height`` points that shows ``image``."""
        number = self._next
        self._next += 3
        self._pages.append(number)
        box = f"{width:.3f} {height:.3f}"
        self._object(
            number,
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {box}]/Contents {number + 1} 0 R"
            f"/Resources<</XObject<</P {number + 2} 0 R>>>>>>".encode(),
        )
        draw = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /P Do Q".encode()
        self._object(number + 1, f"<</Length {len(draw)}>>".encode(), draw)
        kind, data = _packed(image)
        self._object(
            number + 2,
            f"<</Type/XObject/Subtype/Image/Width {image.shape[1]}/Height {image.shape[0]}/ColorSpace/DeviceRGB"
            f"/BitsPerComponent 8/Filter/{kind}/Length {len(data)}>>".encode(),
            data,
        )

    def close(self) -> None:
        kids = " ".join(f"{n} 0 R" for n in self._pages)
        self._object(1, b"<</Type/Catalog/Pages 2 0 R>>")
        self._object(2, f"<</Type/Pages/Count {len(self._pages)}/Kids[{kids}]>>".encode())
        start = self._file.tell()
        self._file.write(f"xref\n0 {self._next}\n0000000000 65535 f \n".encode())
        for number in range(1, self._next):
            self._file.write(f"{self._places[number]:010d} 00000 n \n".encode())
        self._file.write(f"trailer\n<</Size {self._next}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode())

    def _object(self, number: int, head: bytes, stream: bytes | None = None) -> None:
        self._places[number] = self._file.tell()
        body = head if stream is None else head + b"\nstream\n" + stream + b"\nendstream"
        self._file.write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")


def _packed(image: Image) -> tuple[str, bytes]:
    lossless = zlib.compress(np.ascontiguousarray(image).tobytes(), 6)
    done, lossy = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done or len(lossless) <= 2 * len(lossy):
        return "FlateDecode", lossless
    return "DCTDecode", lossy.tobytes()
