"""Pictures that show the findings: layers, overlays, views, crops, thumbnails, waveform, spectrogram.

Colours run from dark blue to yellow along cividis (Nuñez, Anderton & Renslow, PLoS ONE 2018): even in
lightness and read alike by people with and without colour blindness. No red: a face under it looks accused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.evidence import select
from veriscope.evidence.select import slug
from veriscope.evidence.timeline import duration
from veriscope.perception.exhibits import shrink
from veriscope.types import Image, Plane, Region, Report

AMBER = (230, 159, 0)  # Okabe & Ito's palette, RGB
VIOLET = (123, 92, 214)
MAX_VIEW = 2048  # pixels on the longer side
OPACITY = 0.75  # of the map's peaks in the composed overlay
WAVE = (1200, 160)  # pixels


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file beside the report. ``name`` is the one the public JSON refers to."""

    name: str
    media_type: str
    data: bytes


def encode(image: NDArray[Any], suffix: str, quality: int = 88) -> bytes:
    """JPEG or PNG bytes of H×W, H×W×3 RGB or H×W×4 RGBA uint8."""
    pixels = np.ascontiguousarray(image)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    how = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 4]
    done, data = cv2.imencode(suffix, pixels, how)
    if not done:
        raise ValueError(f"cannot encode {pixels.shape} {pixels.dtype} as {suffix}")
    return bytes(data)


def layer(heatmap: Plane, size: tuple[int, int]) -> NDArray[np.uint8]:
    """H×W×4 RGBA in the preview's ``size`` (width, height): cividis, the more opaque the higher the value."""
    clean = np.clip(np.nan_to_num(heatmap.astype(np.float32)), 0.0, 1.0)
    larger = size[0] * size[1] >= clean.size
    sized = cv2.resize(clean, size, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
    index = np.rint(sized * 255).astype(np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(index, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    # The square root keeps weak traces visible while an empty map leaves the picture untouched.
    return np.dstack([colour, np.rint(np.sqrt(sized) * 255).astype(np.uint8)])


def overlay(preview: Image, rgba: NDArray[np.uint8]) -> Image:
    """H×W×3: the map over the greyed preview, so that every colour in it belongs to the map."""
    grey = cv2.cvtColor(preview, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    alpha = rgba[..., 3:].astype(np.float32) * (OPACITY / 255)
    mixed: Image = np.rint(grey * (1 - alpha) + rgba[..., :3] * alpha).astype(np.uint8)
    return mixed


def _box(region: Region, report: Report, preview: Image, margin: float) -> tuple[int, int, int, int]:
    """left, top, right, bottom on the preview, widened by ``margin`` of the box and cut at the edges."""
    height, width = preview.shape[:2]
    full = report.exhibits.size
    fx, fy = (width / full[0], height / full[1]) if full[0] and full[1] else (1.0, 1.0)
    grow_x, grow_y = region.width * margin, region.height * margin
    left = int(np.clip((region.x - grow_x) * fx, 0, width - 1))
    top = int(np.clip((region.y - grow_y) * fy, 0, height - 1))
    right = int(np.clip(np.ceil((region.x + region.width + grow_x) * fx), left + 1, width))
    bottom = int(np.clip(np.ceil((region.y + region.height + grow_y) * fy), top + 1, height))
    return left, top, right, bottom


def marked(report: Report) -> Image | None:
    """The preview with numbered boxes around the regions that are cut out; ``None`` without any."""
    preview, chosen = report.exhibits.preview, select.crops(report)
    if preview is None or not chosen:
        return None
    drawn = preview.copy()
    stroke = max(1, round(max(drawn.shape[:2]) / 500))
    for number, (_, _, region) in enumerate(chosen, start=1):
        left, top, right, bottom = _box(region, report, preview, 0.0)
        colour = VIOLET if region.group is not None and region.group % 2 else AMBER
        for line, width in (((255, 255, 255), 3 * stroke), (colour, stroke)):
            cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), line, width)
        at, scale = (left + 3 * stroke, max(top + 12 * stroke, 12 * stroke)), 0.4 * stroke
        cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3 * stroke, cv2.LINE_AA)
        cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), stroke, cv2.LINE_AA)
    return drawn


def waveform(report: Report) -> NDArray[np.uint8] | None:
    """H×W×4 RGBA: the shape of the sound in grey, marked spans as amber bands with solid edges."""
    peaks = report.exhibits.peaks
    if peaks is None or not len(peaks):
        return None
    width, height = WAVE
    slot = np.linspace(0, len(peaks), width, endpoint=False).astype(int)
    clean = np.clip(np.nan_to_num(np.asarray(peaks, dtype=np.float64)), -1.0, 1.0)
    low, high = np.minimum.reduceat(clean[:, 0], slot), np.maximum.reduceat(clean[:, 1], slot)
    middle = (height - 1) / 2
    rows = np.arange(height)[:, None]
    inside = (rows >= np.floor(middle - high * middle)) & (rows <= np.ceil(middle - low * middle))
    picture = np.zeros((height, width, 4), np.uint8)
    picture[inside] = (110, 118, 130, 255)
    seconds = duration(report)
    for _, span in select.suspicious_spans(report):
        if span.unit == "seconds" and seconds > 0:
            start, end = (int(np.clip(t / seconds * width, 0, width - 1)) for t in (span.start, span.end))
            band = picture[:, start : end + 1]
            band[band[..., 3] == 0] = (*AMBER, 90)
            picture[:, [start, end]] = (*AMBER, 255)
    return picture


def spectrogram(report: Report) -> Image | None:
    """H×W×3: frequency upwards, time to the right, cividis over the 80 dB that were kept."""
    levels = report.exhibits.spectrogram
    if levels is None or not levels.size:
        return None
    coloured = cv2.applyColorMap(np.ascontiguousarray(levels), cv2.COLORMAP_CIVIDIS)
    picture: Image = cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    return picture


def artifacts(report: Report) -> list[Artifact]:
    """Every picture that the public JSON of this report refers to, and ``regions.jpg`` for the written report."""
    made: list[Artifact] = []

    def keep(name: str, image: NDArray[Any] | None) -> None:
        if image is not None:
            suffix = name[-4:]
            made.append(Artifact(name, "image/jpeg" if suffix == ".jpg" else "image/png", encode(image, suffix)))

    preview = report.exhibits.preview
    if preview is not None:
        keep("preview.jpg", preview)
        for finding in report.findings:
            if finding.heatmap is not None:
                rgba = layer(finding.heatmap, (preview.shape[1], preview.shape[0]))
                keep(f"heatmap-{slug(finding.detector)}.png", rgba)
                keep(f"overlay-{slug(finding.detector)}.jpg", overlay(preview, rgba))
        keep("regions.jpg", marked(report))
        for name, _, region in select.crops(report):
            left, top, right, bottom = _box(region, report, preview, 0.15)
            keep(name, preview[top:bottom, left:right])
    for name, _, view in select.views(report):
        keep(name, shrink(view.image, MAX_VIEW))
    made += [Artifact(f"frame-{t.index}.jpg", "image/jpeg", t.jpeg) for t in report.exhibits.thumbnails]
    keep("waveform.png", waveform(report))
    keep("spectrogram.png", spectrogram(report))
    return made
