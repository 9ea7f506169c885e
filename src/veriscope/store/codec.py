"""A ``Report`` as bytes and back, so that it can be printed as HTML or PDF long after it was made.

JSON for the structure and arrays behind it; nothing in it can run code, as a pickle could. Heatmaps are kept at
preview size with 8 bits a point, pictures as JPEG: they are shown, never measured again.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope import types
from veriscope.errors import NotFound
from veriscope.perception.exhibits import shrink
from veriscope.types import Report

_MAGIC = b"VSR1"
_TYPES = {c.__name__: c for c in vars(types).values() if dataclasses.is_dataclass(c) and isinstance(c, type)}
_ENUMS = {c.__name__: c for c in vars(types).values() if isinstance(c, type) and issubclass(c, Enum)}


def encode(report: Report, longest: int) -> bytes:
    """Args: ``longest``: pixels that the longer side of heatmaps and views is reduced to."""
    writer = _Writer(longest)
    tree = json.dumps(writer.value(report), separators=(",", ":")).encode()
    return b"".join([_MAGIC, struct.pack(">I", len(tree)), tree, *writer.parts])


def decode(data: bytes) -> Report:
    """Raises ``NotFound`` for what another version wrote and this one cannot read."""
    try:
        if data[:4] != _MAGIC:
            raise ValueError("unknown magic")
        (length,) = struct.unpack(">I", data[4:8])
        report = _Reader(data[8 + length :]).value(json.loads(data[8 : 8 + length]))
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as exc:
        raise NotFound("This analysis was stored by another version and cannot be printed any more.") from exc
    if not isinstance(report, Report):
        raise NotFound("This is not a stored analysis.")
    return report


class _Writer:
    def __init__(self, longest: int) -> None:
        self.parts: list[bytes] = []
        self._at = 0
        self._longest = longest

    def _part(self, data: bytes) -> tuple[int, int]:
        start = self._at
        self.parts.append(data)
        self._at += len(data)
        return start, len(data)

    def _array(self, array: NDArray[Any]) -> dict[str, Any]:
        packed = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
        return {"$array": [*self._part(packed), array.dtype.str, list(array.shape)]}

    def _picture(self, picture: NDArray[Any]) -> dict[str, Any]:
        small = shrink(picture, self._longest)
        _, data = cv2.imencode(".jpg", small[..., ::-1] if small.ndim == 3 else small, [cv2.IMWRITE_JPEG_QUALITY, 92])
        return {"$picture": self._part(data.tobytes())}

    def value(self, x: Any) -> Any:
        if x is None or isinstance(x, bool) or type(x) in {int, float, str}:
            return x
        if isinstance(x, Enum):
            return {"$enum": [type(x).__name__, x.value]}
        if isinstance(x, np.ndarray):
            return self._array(x)
        if isinstance(x, np.generic):
            return x.item()
        if isinstance(x, (bytes, bytearray)):
            return {"$bytes": list(self._part(bytes(x)))}
        if isinstance(x, Path):
            return {"$path": str(x)}
        if dataclasses.is_dataclass(x) and type(x).__name__ in _TYPES:
            return {"$type": type(x).__name__, **{f.name: self._field(x, f.name) for f in dataclasses.fields(x)}}
        if isinstance(x, Mapping):
            return {"$map": [[self.value(k), self.value(v)] for k, v in x.items()]}
        if isinstance(x, list):
            return [self.value(v) for v in x]
        if isinstance(x, (tuple, set, frozenset)):
            return {"$tuple": [self.value(v) for v in x]}
        return str(x)

    def _field(self, owner: Any, name: str) -> Any:
        x = getattr(owner, name)
        if isinstance(owner, types.Finding) and name == "heatmap" and x is not None:
            return {"$plane": self._array(np.rint(np.clip(shrink(x, self._longest), 0, 1) * 255).astype(np.uint8))}
        if isinstance(owner, types.View) and name == "image":
            return self._picture(x)
        if isinstance(owner, types.Exhibits) and name == "preview" and x is not None:
            return self._picture(x)
        return self.value(x)


class _Reader:
    def __init__(self, parts: bytes) -> None:
        self._parts = parts
        self._tags: Mapping[str, Callable[[Any], Any]] = {
            "$array": self._array,
            "$picture": self._picture,
            "$plane": self._plane,
            "$bytes": self._bytes,
            "$enum": lambda inner: _ENUMS[inner[0]](inner[1]),
            "$path": Path,
            "$map": lambda inner: {self.value(k): self.value(v) for k, v in inner},
            "$tuple": lambda inner: tuple(self.value(v) for v in inner),
        }

    def value(self, x: Any) -> Any:
        if isinstance(x, list):
            return [self.value(v) for v in x]
        if not isinstance(x, dict):
            return x
        if "$type" in x:
            made = _TYPES[x["$type"]]
            known = {f.name for f in dataclasses.fields(made)}
            return made(**{k: self.value(v) for k, v in x.items() if k in known})
        ((tag, inner),) = x.items()
        return self._tags[tag](inner)

    def _array(self, inner: list[Any]) -> NDArray[Any]:
        start, size, dtype, shape = inner
        return np.frombuffer(zlib.decompress(self._parts[start : start + size]), np.dtype(dtype)).reshape(shape)

    def _picture(self, inner: list[int]) -> NDArray[np.uint8]:
        picture = cv2.imdecode(np.frombuffer(self._bytes(inner), np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise ValueError("a picture does not decode")
        pixels: NDArray[np.uint8] = picture.astype(np.uint8, copy=False)
        return pixels[..., ::-1] if pixels.ndim == 3 else pixels

    def _plane(self, inner: dict[str, Any]) -> NDArray[np.float32]:
        return self.value(inner).astype(np.float32) / np.float32(255)  # type: ignore[no-any-return]

    def _bytes(self, inner: list[int]) -> bytes:
        return self._parts[inner[0] : inner[0] + inner[1]]
