"""How figures fall when media are treated as the world treats them: one curve for each kind of treatment.

Both classes go through the same treatment with the same settings. Pictures are saved as JPEG at quality 95 after
anything that is not a compression itself, since a picture that nobody saved does not exist. Noise and typing errors
depend on the item's name, so that a curve can be drawn again.
"""

from __future__ import annotations

import io
import unicodedata
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy.signal import firwin, oaconvolve

from veriscope.media.sniff import sniff
from veriscope.train import metrics
from veriscope.train.examination import Answer, Tell, examine
from veriscope.train.labelled import Item, Mask, Sample
from veriscope.train.metrics import figure
from veriscope.types import Detector, Infer, Kind, Policy

Treatment = Callable[[Sample, int], Sample]  # sample and seed
Pixels = NDArray[np.uint8]
_QUALITY = 95
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_HALF_FILTER = 127  # taps on either side of the band limit's middle


def curves(
    items: Sequence[Item],
    detector: Detector,
    policy: Policy = Policy.STANDARD,
    tell: Tell | None = None,
    infer: Infer | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Family → points ``{level, auc, tpr_at_fpr_1pct, answered[, pixel_f1_fixed]}``; first ``untouched``."""
    found = {"untouched": [_point(0, examine(items, detector, policy, infer, tell))]}
    for family, levels in treatments(medium(items)).items():
        found[family] = [
            _point(level, examine(_treated(items, treat), detector, policy, infer, tell))
            for level, treat in levels.items()
        ]
    return found


def medium(items: Sequence[Item]) -> Kind:
    content = items[0].load().content
    return Kind.TEXT if isinstance(content, str) else sniff(content[:4096])[0]


def treatments(kind: Kind) -> Mapping[str, Mapping[float | str, Treatment]]:
    """Family → level → treatment, for media of this kind; none for video, which would be saved whole each time."""
    return {Kind.IMAGE: PICTURES, Kind.AUDIO: SOUNDS, Kind.TEXT: TEXTS}.get(kind, {})


def _treated(items: Sequence[Item], treat: Treatment) -> list[Item]:
    def load(item: Item) -> Callable[[], Sample]:
        return lambda: treat(item.load(), zlib.crc32(item.name.encode()))

    return [replace(item, load=load(item)) for item in items]


def _point(level: float | str, answers: Sequence[Answer]) -> dict[str, Any]:
    spoke = [a for a in answers if a.raw is not None]
    about = [a.label for a in spoke], [a.group for a in spoke]
    quiet = [-np.inf if a.raw is None else a.raw for a in answers]
    point: dict[str, Any] = {
        "level": level,
        "auc": figure(metrics.auc, [a.raw for a in spoke if a.raw is not None], *about, rounds=500).as_dict(),
        "tpr_at_fpr_1pct": figure(
            metrics.tpr_at_fpr_1pct, quiet, [a.label for a in answers], [a.group for a in answers], 500
        ).as_dict(),
        "answered": round(len(spoke) / max(1, len(answers)), 4),
        "items": len(answers),
        "limit": max(sum(a.label == label for a in answers) for label in (0, 1)),
    }
    overlaps = [a.overlap for a in answers if a.overlap is not None]
    if overlaps and any(a.mapped for a in answers):
        values = np.array([o.f1[int(np.argmin(np.abs(metrics.STEPS - metrics.FIXED)))] for o in overlaps])
        groups = [a.group for a in answers if a.overlap is not None]
        bounds = metrics.interval(lambda chosen: float(values[chosen].mean()), [1] * values.size, groups, 500)
        point["pixel_f1_fixed"] = metrics.Figure(float(values.mean()), *bounds).as_dict()
    return point


# pictures


def pixels_of(content: bytes | str) -> Pixels:
    assert isinstance(content, bytes)
    with Pillow.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def saved(pixels: Pixels, format_: str = "JPEG", quality: int = _QUALITY) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format_, quality=quality)
    return buffer.getvalue()


def _resized(pixels: Pixels, factor: float) -> Pixels:
    size = [max(16, round(side * factor)) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))


def _follow(mask: Mask | None, pixels: Pixels) -> Mask | None:
    if mask is None or mask.shape == pixels.shape[:2]:
        return mask
    return np.asarray(cv2.resize(mask.astype(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST), bool)


def compressed(format_: str, quality: int) -> Treatment:
    return lambda sample, _: Sample(saved(pixels_of(sample.content), format_, quality), sample.mask)


def drawn(change: Callable[[Pixels, np.random.Generator], Pixels], quality: int = _QUALITY) -> Treatment:
    """A change of the pixels, saved as JPEG; the mask follows a change of size."""

    def treat(sample: Sample, seed: int) -> Sample:
        pixels = change(pixels_of(sample.content), np.random.default_rng(seed))
        return Sample(saved(pixels, quality=quality), _follow(sample.mask, pixels))

    return treat


def _noisy(pixels: Pixels, random: np.random.Generator, sigma: float) -> Pixels:
    return np.clip(pixels + random.normal(0, sigma, pixels.shape), 0, 255).round().astype(np.uint8)


def _fit(pixels: Pixels, longest: int) -> Pixels:
    factor = longest / max(pixels.shape[:2])
    return _resized(pixels, factor) if factor < 1 else pixels


def shared(stations: int) -> Treatment:
    """Through a social network, then a messenger, then a screenshot that is posted again."""

    def treat(sample: Sample, _: int) -> Sample:
        data, pixels = b"", pixels_of(sample.content)
        for longest, shrink, quality in ((2048, 1.0, 85), (1280, 1.0, 70), (1080, 0.8, 80))[:stations]:
            pixels = _fit(_resized(pixels, shrink) if shrink < 1 else pixels, longest)
            data = saved(pixels, quality=quality)
            pixels = pixels_of(data)
        return Sample(data, _follow(sample.mask, pixels))

    return treat


PICTURES: Mapping[str, Mapping[float | str, Treatment]] = {
    "jpeg": {q: compressed("JPEG", q) for q in (95, 90, 75, 60, 45, 30)},
    "webp": {q: compressed("WEBP", q) for q in (95, 75, 50, 30)},
    "scale": {f: drawn(lambda x, _, f=f: _resized(x, f)) for f in (1.0, 0.75, 0.5, 0.35, 0.25)},  # type: ignore[misc]
    "blur": {s: drawn(lambda x, _, s=s: cv2.GaussianBlur(x, (0, 0), s).astype(np.uint8)) for s in (0.5, 1.0, 2.0, 3.0)},  # type: ignore[misc]
    "noise": {s: drawn(lambda x, r, s=s: _noisy(x, r, s)) for s in (2, 4, 8, 16)},  # type: ignore[misc]
    "social": {n: shared(n) for n in (1, 2, 3)},
}

# sound


def sound_of(content: bytes | str) -> tuple[NDArray[np.float32], int]:
    """Mono samples at the file's own rate."""
    assert isinstance(content, bytes)
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", stream.rate)
        pieces = [out.to_ndarray()[0] for frame in container.decode(stream) for out in resampler.resample(frame)]
        return np.concatenate(pieces).astype(np.float32), stream.rate


def packed(samples: NDArray[Any], rate: int, codec: str, container: str, bit_rate: int | None = None) -> bytes:
    buffer = io.BytesIO()
    # bit exact: Ogg would draw a serial number at random
    with av.open(buffer, "w", format=container, options={"fflags": "+bitexact"}) as target:
        stream: Any = target.add_stream(codec, rate=rate)
        stream.layout = "mono"
        if bit_rate:
            stream.bit_rate = bit_rate
        pcm = (np.clip(samples, -1, 1) * 32767).round().astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.rate, frame.pts = rate, 0
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(part))
        target.mux(stream.encode())
    return buffer.getvalue()


def coded(codec: str, container: str, kilobits: int, rate: int | None = None) -> Treatment:
    def treat(sample: Sample, _: int) -> Sample:
        samples, own = sound_of(sample.content)
        if rate is not None and own != rate:
            samples, own = _resampled(samples, own, rate), rate
        return Sample(packed(samples, own, codec, container, 1000 * kilobits))

    return treat


def _resampled(samples: NDArray[np.float32], own: int, rate: int) -> NDArray[np.float32]:
    resampler = av.AudioResampler("flt", "mono", rate)
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.rate, frame.pts = own, 0
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def heard(change: Callable[[NDArray[np.float32], int, np.random.Generator], NDArray[Any]]) -> Treatment:
    """A change of the samples, kept as 16-bit PCM."""

    def treat(sample: Sample, seed: int) -> Sample:
        samples, rate = sound_of(sample.content)
        return Sample(packed(change(samples, rate, np.random.default_rng(seed)), rate, "pcm_s16le", "wav"))

    return treat


def _hissing(samples: NDArray[np.float32], random: np.random.Generator, decibels: float) -> NDArray[Any]:
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) * 10 ** (-decibels / 20)
    return np.asarray(samples + random.normal(0, level, samples.size))


def _limited(samples: NDArray[np.float32], rate: int, hertz: float) -> NDArray[Any]:
    if hertz >= rate / 2:
        return samples
    return np.asarray(oaconvolve(samples, firwin(2 * _HALF_FILTER + 1, hertz, fs=rate), mode="same"))


SOUNDS: Mapping[str, Mapping[float | str, Treatment]] = {
    "mp3": {k: coded("libmp3lame", "mp3", k) for k in (128, 64, 32)},
    "aac": {k: coded("aac", "adts", k) for k in (128, 64, 32)},
    "opus": {k: coded("libopus", "ogg", k, 48000) for k in (64, 24, 12)},
    "noise": {d: heard(lambda x, _, r, d=d: _hissing(x, r, d)) for d in (40, 30, 20, 10)},  # type: ignore[misc]
    "band limit": {h: heard(lambda x, rate, _, h=h: _limited(x, rate, h)) for h in (7000, 5500, 3400)},  # type: ignore[misc]
}

# text


def written(change: Callable[[str, np.random.Generator], str]) -> Treatment:
    def treat(sample: Sample, seed: int) -> Sample:
        assert isinstance(sample.content, str)
        changed = change(sample.content, np.random.default_rng(seed))
        return Sample(changed if changed.strip() else sample.content)

    return treat


def mistyped(text: str, random: np.random.Generator, share: float) -> str:
    """That share of the characters missing, doubled, swapped with the next, or replaced by a key beside them."""
    beside = {a: b for row in _KEYS for a, b in zip(row, row[1:] + row[-2], strict=True)}
    out, characters = [], list(text)
    for i, character in enumerate(characters):
        if not character.isalpha() or random.random() >= share:
            out.append(character)
            continue
        kind = int(random.integers(4))
        if kind == 1:
            out += [character, character]
        elif kind == 2 and i + 1 < len(characters):
            out.append(characters[i + 1])
            characters[i + 1] = character
        elif kind == 3:
            out.append(beside.get(character, character))
    return "".join(out)


def _cut(text: str, share: float) -> str:
    words = text.split()
    return " ".join(words[: max(1, round(len(words) * share))])


def plain(text: str) -> str:
    """Without diacritics, as many people type Vietnamese."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in letters if not unicodedata.combining(c))


TEXTS: Mapping[str, Mapping[float | str, Treatment]] = {
    "typing errors": {s: written(lambda t, r, s=s: mistyped(t, r, s)) for s in (0.01, 0.02, 0.05, 0.1)},  # type: ignore[misc]
    "truncation": {s: written(lambda t, _, s=s: _cut(t, s)) for s in (0.75, 0.5, 0.25)},  # type: ignore[misc]
    "form": {
        "lower case": written(lambda t, _: t.lower()),
        "upper case": written(lambda t, _: t.upper()),
        "no punctuation": written(lambda t, _: "".join(c for c in t if not unicodedata.category(c).startswith("P"))),
        "no diacritics": written(lambda t, _: plain(t)),
        "one line": written(lambda t, _: " ".join(t.split())),
    },
}
