"""Embedded-thumbnail mismatch: the small picture that a camera stores beside the large one shows the scene as it was.

Many programs leave it alone when they save. The thumbnail is freed of black bars and laid over the picture under every
plausible crop and turn, then aligned by an affine map; tone is fitted, since brightening is not forging. What remains
different, measured against what misalignment and compression explain, is a change made after the thumbnail.

E. Kee, H. Farid, "Digital image authentication from thumbnails", SPIE Media Forensics and Security II, 2010.
Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import Method
from veriscope.perception.exhibits import shrink
from veriscope.perception.views import grey
from veriscope.types import Finding, Image, Infer, Kind, Plane, Reason, Region, Scene, Signal

LONGEST = 160  # pixels the comparison is made at
LEAST_SIDE = 24  # of a thumbnail
LEAST_CONTRAST = 3.0  # standard deviation in grey levels below which a thumbnail shows nothing
BAR_LEVEL, BAR_SPREAD = 24.0, 8.0  # a row this dark and this even may be a black bar
ALIGNED = 0.9  # correlation from which no other turn is tried
FOUND_AGAIN = 0.85  # correlation from which a part of the thumbnail counts as the picture after a crop
STRANGE = 0.5  # correlation below which the thumbnail shows another picture
BASE_ERROR = 5.0  # grey levels explained by compression of the thumbnail
EDGE_ERROR = 0.35  # of the local slope explained by misalignment and sharpening
UNLIKE = 2.0  # error, in units of what is explained, from which a spot counts as changed
LEAST_SHARE = 0.001  # of the picture that must have changed to be listed
SLOPE, HALFWAY = 3.7, 0.8  # of the log-odds against the logarithm of the changed mass, see ``log_odds``
SAME, MOST = -0.2, 3.0  # most editors renew the thumbnail, so that a match says little in favour
OTHER_PICTURE, CROPPED = 2.0, 0.5
CROPS = tuple(np.arange(0.3, 0.98, 0.04))  # shares of the thumbnail's width that are looked for after a crop


@dataclass(frozen=True, slots=True)
class Comparison:
    """``error``: h×w at thumbnail resolution, in units of what is explained. ``box``: x, y, w, h compared, 0–1."""

    correlation: float
    error: Plane
    box: tuple[float, float, float, float]
    turned: int  # 0–7: quarter turns + 4 if mirrored
    visible: float = 1.0  # share of the thumbnail's area that the picture still shows


def turned(image: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """One of the eight orientations: ``turn`` % 4 quarter turns, mirrored first from 4 on."""
    return np.ascontiguousarray(np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4))


def without_bars(thumbnail: Image) -> Image:
    """The thumbnail without even, dark bars at opposite sides, as cameras pad 3:2 or 16:9 pictures to 4:3."""
    luma = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY)
    for axis in (0, 1):
        dark = (luma.max(axis=1 - axis) < BAR_LEVEL * 2) & (luma.mean(axis=1 - axis) < BAR_LEVEL)
        dark &= luma.std(axis=1 - axis) < BAR_SPREAD
        bright = np.flatnonzero(~dark)
        if bright.size == 0:
            return thumbnail
        first, last = int(bright[0]), int(bright[-1]) + 1
        # A ragged line of mixed pixels borders each bar.
        first, last = first + (first > 0), last - (last < len(dark))
        if last - first >= len(dark) // 2:
            thumbnail = thumbnail[first:last] if axis == 0 else thumbnail[:, first:last]
            luma = luma[first:last] if axis == 0 else luma[:, first:last]
    return thumbnail


def candidates(image: Image, thumbnail: Image) -> Iterator[tuple[Image, tuple[float, float, float, float]]]:
    """Thumbnails to compare with, and the part of the picture that each would show.

    As it is; without bars; and as the middle of a picture of another shape.
    """
    whole = (0.0, 0.0, 1.0, 1.0)
    bare = without_bars(thumbnail)
    for small in (thumbnail, bare) if bare.shape != thumbnail.shape else (thumbnail,):
        yield small, whole
        ratio = (small.shape[1] / small.shape[0]) / (image.shape[1] / image.shape[0])
        if ratio < 0.97:
            yield small, ((1 - ratio) / 2, 0.0, ratio, 1.0)
        elif ratio > 1.03:
            yield small, (0.0, (1 - 1 / ratio) / 2, 1.0, 1 / ratio)


def cut(image: Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image:
    """Part of the picture (fractions x, y, w, h), reduced to ``size`` (width, height)."""
    height, width = image.shape[:2]
    x, y = round(box[0] * width), round(box[1] * height)
    w, h = max(1, round(box[2] * width)), max(1, round(box[3] * height))
    return np.asarray(cv2.resize(image[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA))


def correlation(first: Plane, second: Plane) -> float:
    """Pearson correlation of two planes; 0 when one is flat."""
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / norm) if norm > 1e-6 else 0.0


def compare(image: Image, thumbnail: Image) -> Comparison | None:
    """The best match of a thumbnail to a picture.

    Args:
        image: H×W×3, upright.
        thumbnail: h×w×3, turned as the picture is (other turns are tried too).

    Returns:
        ``None`` when the thumbnail is too small or shows nothing.
    """
    if min(thumbnail.shape[:2]) < LEAST_SIDE or min(image.shape[:2]) < LEAST_SIDE:
        return None
    if float(grey(thumbnail).std()) < LEAST_CONTRAST:
        return None
    # A first reduction makes every later one cheap; four times the final size keeps the detail.
    image = shrink(image, 4 * LONGEST)
    best: tuple[float, Image, tuple[float, float, float, float], int] | None = None
    for turn in (0, 2, 1, 3, 4, 5, 6, 7):
        for small, box in candidates(image, turned(thumbnail, turn)):
            height, width = small.shape[:2]
            match = correlation(grey(cut(image, box, (width, height))), grey(small))
            if best is None or match > best[0] + 0.01:
                best = (match, small, box, turn)
        if best is not None and best[0] >= ALIGNED:
            break
    assert best is not None
    match, small, box, turn = best
    visible = 1.0
    if match < ALIGNED:
        found = cropped(image, without_bars(thumbnail))
        if found is not None and found[0] > max(match, FOUND_AGAIN):
            _, small, visible = found
            box, turn = (0.0, 0.0, 1.0, 1.0), 0
    factor = min(1.0, LONGEST / max(small.shape[:2]))
    width, height = max(LEAST_SIDE, round(small.shape[1] * factor)), max(LEAST_SIDE, round(small.shape[0] * factor))
    small = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA))
    shown = aligned(cut(image, box, (width, height)), small)
    return Comparison(correlation(grey(shown), grey(small)), unexplained(shown, small), box, turn, visible)


def cropped(image: Image, thumbnail: Image) -> tuple[float, Image, float] | None:
    """The picture as a part of its thumbnail, as after cropping.

    Returns:
        Correlation, that part of the thumbnail, and its share of the thumbnail's area.
    """
    luma = grey(thumbnail)
    height, width = luma.shape
    best: tuple[float, Image, float] | None = None
    for share in CROPS:
        w = round(width * share)
        h = round(w * image.shape[0] / image.shape[1])
        if min(w, h) < LEAST_SIDE or h > height:
            continue
        part = grey(np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)))
        scores = cv2.matchTemplate(luma, part, cv2.TM_CCOEFF_NORMED)
        _, score, _, (x, y) = cv2.minMaxLoc(scores)
        if best is None or score > best[0]:
            best = (float(score), thumbnail[y : y + h, x : x + w], w * h / (width * height))
    return best


def aligned(shown: Image, small: Image) -> Image:
    """The picture moved onto the thumbnail by the affine map that correlates best (Evangelidis & Psarakis 2008)."""
    warp: NDArray[Any] = np.eye(2, 3, dtype=np.float32)
    mask = np.full(small.shape[:2], 255, np.uint8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    try:
        _, warp = cv2.findTransformECC(grey(small), grey(shown), warp, cv2.MOTION_AFFINE, criteria, mask, 5)
    except cv2.error:
        return shown  # no better position was found
    height, width = small.shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32)
    drift = np.abs(corners @ warp.T - corners[:, :2]).max()
    if drift > 0.1 * max(width, height):
        return shown  # a crop as large as that is no misalignment
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(shown, warp, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def unexplained(shown: Image, small: Image) -> Plane:
    """Difference of two aligned pictures in units of the error that compression and misalignment explain, h×w.

    Tone is fitted first, each channel by its own line, on the half that fits best.
    """
    first = cv2.GaussianBlur(shown, (0, 0), 1.0).astype(np.float32)
    second = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    error = np.zeros(small.shape[:2], np.float32)
    for channel in range(3):
        a, b = first[:, :, channel], second[:, :, channel]
        open_range = (a > 4) & (a < 251) & (b > 4) & (b < 251)  # clipped values do not lie on the line
        usable = open_range if open_range.mean() > 0.1 else np.ones(a.shape, bool)
        keep = usable
        gain, offset = 1.0, 0.0
        for _ in range(4):
            gain, offset = _line(a[keep], b[keep])
            miss = np.abs(np.clip(gain * a + offset, 0.0, 255.0) - b)
            keep = usable & (miss <= np.quantile(miss[usable], 0.6))
        fitted = np.asarray(np.clip(gain * a + offset, 0.0, 255.0), np.float32)
        slope = np.hypot(cv2.Sobel(b, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(b, cv2.CV_32F, 0, 1, scale=0.25))
        slope = cv2.dilate(slope.astype(np.float32), np.ones((3, 3), np.uint8))
        error += np.abs(fitted - b) / (BASE_ERROR + EDGE_ERROR * slope)
    smooth: Plane = np.asarray(cv2.boxFilter(error / 3.0, -1, (3, 3)), np.float32)
    smooth[:2], smooth[-2:], smooth[:, :2], smooth[:, -2:] = 0, 0, 0, 0  # borders differ after any crop
    return smooth


def _line(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float]:
    """Least-squares line from a to b, its gain held within what tone adjustments do."""
    variance = float(a.var())
    gain = float(((a - a.mean()) * (b - b.mean())).mean()) / variance if variance > 1e-3 else 1.0
    gain = min(3.0, max(0.33, gain))
    return gain, float(b.mean() - gain * a.mean())


def changed_parts(error: Plane) -> tuple[float, list[tuple[int, int, int, int, float]]]:
    """Where the error is beyond explanation.

    Returns:
        Mass (per mille of the area, weighted by the excess over ``UNLIKE``) of all parts of at least ``LEAST_SHARE``;
        and for each its x, y, width, height in pixels of ``error`` and mean error, the heaviest first.
    """
    mask = (error > UNLIKE).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    parts, total = [], 0.0
    for label in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[label])
        if area < max(4, LEAST_SHARE * error.size):
            continue
        inside = error[labels == label]
        mass = float((inside - UNLIKE + 1).sum()) * 1000 / error.size
        total += mass
        parts.append((mass, (x, y, w, h, float(inside.mean()))))
    return total, [part for _, part in sorted(parts, reverse=True)]


def log_odds(mass: float, match: float, visible: float = 1.0) -> float:
    """Natural log-odds from the changed mass (per mille), the correlation and what a crop left visible.

    Development forgeries (4–20 % of the area) and untouched pictures separate fully, so that the slope is a choice, on
    the flat side of a regularised logistic fit. The lower end is raised to ``SAME``: in that fit every thumbnail was
    older than the forgery, which is not so in life.
    """
    least = OTHER_PICTURE if match < STRANGE else CROPPED if visible < 1.0 else SAME
    return float(np.clip(SLOPE * (np.log10(mass + 0.1) - HALFWAY), least, MOST))


class ThumbnailMismatch(Method):
    """Compares the embedded thumbnail with the picture."""

    name = "thumbnail"
    signal = Signal.METADATA
    kinds = frozenset({Kind.IMAGE})
    libraries = ("numpy", "opencv-python-headless")
    reference = "E. Kee, H. Farid, Digital image authentication from thumbnails, SPIE 2010"
    title = {"en": "Embedded thumbnail", "vi": "Ảnh thu nhỏ nhúng"}
    sentences = {
        "strange": {
            "en": "The thumbnail inside the file shows another picture (correlation {correlation:.2f}).",
            "vi": "Ảnh thu nhỏ trong tệp cho thấy một bức ảnh khác (tương quan {correlation:.2f}).",
        },
        "changed": {
            "en": "The embedded thumbnail differs from the picture in {count} place(s), {share:.1%} of the area.",
            "vi": "Ảnh thu nhỏ trong tệp khác bức ảnh ở {count} chỗ, chiếm {share:.1%} diện tích.",
        },
        "cropped": {
            "en": "The picture is only a part ({visible:.0%}) of what its thumbnail shows: it was cropped afterwards.",
            "vi": "Bức ảnh chỉ là một phần ({visible:.0%}) của ảnh thu nhỏ: nó đã bị cắt sau đó.",
        },
        "same": {
            "en": "The thumbnail inside the file shows the same as the picture (correlation {correlation:.2f}).",
            "vi": "Ảnh thu nhỏ trong tệp giống với bức ảnh (tương quan {correlation:.2f}).",
        },
        "part": {
            "en": "The thumbnail was not compared: it shows the whole picture and only a part was asked for.",
            "vi": "Không so sánh ảnh thu nhỏ: nó thể hiện toàn ảnh, còn yêu cầu chỉ xét một phần.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        if scene.options.region is not None:
            return self.abstain(Reason.NOT_APPLICABLE, self.say("part"))
        thumbnail = scene.thumbnail()
        if thumbnail is None:
            return self.abstain(Reason.NO_THUMBNAIL)
        image = scene.image()
        found = compare(image, thumbnail)
        if found is None:
            return self.abstain(Reason.NO_THUMBNAIL)
        mass, parts = changed_parts(found.error)
        share = float((found.error > UNLIKE).mean())
        strange = found.correlation < STRANGE
        key = "strange" if strange else "changed" if parts else "cropped" if found.visible < 1.0 else "same"
        height, width = image.shape[:2]
        left, top = found.box[0] * width, found.box[1] * height
        across, down = found.box[2] * width / found.error.shape[1], found.box[3] * height / found.error.shape[0]
        regions = tuple(
            Region(left + x * across, top + y * down, w * across, h * down, min(1.0, mean / (4 * UNLIKE)))
            for x, y, w, h, mean in parts[:8]
        )
        return self.found(
            log_odds(mass, found.correlation, found.visible),
            scene.media.kind,
            self.say(key, correlation=found.correlation, count=len(parts), share=share, visible=found.visible),
            heatmap=heatmap(found, (height, width)),
            regions=() if strange else regions,
            parameters={"longest": LONGEST, "unlike": UNLIKE, "baseError": BASE_ERROR, "edgeError": EDGE_ERROR},
            measurements={
                "correlation": found.correlation,
                "mass": mass,
                "share": share,
                "visible": found.visible,
                "turned": found.turned,
                "width": int(thumbnail.shape[1]),
                "height": int(thumbnail.shape[0]),
            },
        )


def heatmap(found: Comparison, shape: tuple[int, int]) -> Plane:
    """The error within [0, 1] (1 at four times the limit), laid out on the whole picture at about thumbnail size."""
    height = max(1, round(found.error.shape[0] / found.box[3]))
    width = max(1, round(found.error.shape[1] / found.box[2]))
    if shape[0] < height or shape[1] < width:
        height, width = shape
    whole = np.zeros((height, width), np.float32)
    y, x = round(found.box[1] * height), round(found.box[0] * width)
    h, w = min(height - y, max(1, round(found.box[3] * height))), min(width - x, max(1, round(found.box[2] * width)))
    whole[y : y + h, x : x + w] = cv2.resize(found.error, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.clip(whole / (4 * UNLIKE), 0.0, 1.0)
