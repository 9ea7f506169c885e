"""What an adversary can do to fakes, so that they pass: genuine media stay as they are.

Without the network's gradients: the Square attack (Andriushchenko et al., ECCV 2020) on the pixels or samples, asking
the whole detector through its shipped file. With a checkpoint: projected gradient descent (Madry et al., ICLR 2018) on
the very inputs that the detector prepares, judged again by the shipped file. Each with and without a compression after
it, as every network that files are shared on applies one.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from veriscope.inference.onnx import OnnxInfer
from veriscope.train import metrics
from veriscope.train.examination import Examination, Tell, examine
from veriscope.train.labelled import Item, Sample
from veriscope.train.metrics import figure
from veriscope.train.robustness import medium, packed, pixels_of, saved, sound_of
from veriscope.types import Detector, Infer, Kind, Policy

EPSILONS = (2, 4, 8)  # largest change, of 255 grey levels, or of 255 parts of full scale for sound divided by 8
QUERIES = 80  # of the Square attack, for each file
STEPS = 20  # of projected gradient descent
QUALITIES = (90, 75)  # JPEG after the attack
KILOBITS = (64,)  # MP3 after the attack
_SOUND = 8 * 255
_FIRST_SHARE = 0.3  # of the side that the first squares cover
_TOKENS = "iu"

Array = NDArray[Any]
Form = Callable[[Array], bytes]


def black_box(
    items: Sequence[Item],
    detector: Detector,
    policy: Policy = Policy.STANDARD,
    tell: Tell | None = None,
    infer: Infer | None = None,
    queries: int = QUERIES,
    epsilons: Sequence[int] = EPSILONS,
) -> dict[str, Any]:
    """AUC of attacked fakes against untouched genuine files, by the size of the change and what followed it."""
    kind = medium(items)
    if kind not in {Kind.IMAGE, Kind.AUDIO}:
        return {"missing": f"the Square attack changes pixels or samples, and this is {kind.value}"}
    told: dict[str, Any] = {"queries": queries, "points": []}
    forms = _forms(kind)
    fakes, genuine = [i for i in items if i.label], [i for i in items if not i.label]
    with Examination(detector, policy, infer) as examination:

        def raws(arrays: Sequence[tuple[Item, Array, int]], form: str) -> list[float | None]:
            return [_ask(examination, item, forms(rate)[form], array) for item, array, rate in arrays]

        clean = [(item, *_open(item, kind)) for item in genuine]
        real = {form: raws(clean, form) for form in forms(1)}
        for epsilon in (0, *epsilons):
            changed = []
            for done, item in enumerate(fakes, 1):
                array, rate = _open(item, kind)
                if epsilon:
                    form = forms(rate)["lossless"]
                    seed = zlib.crc32(item.name.encode())
                    array = _square(
                        array,
                        epsilon,
                        queries,
                        seed,
                        lambda x, i=item, f=form: _ask(examination, i, f, x),  # type: ignore[misc]
                    )
                changed.append((item, array, rate))
                if tell is not None:
                    tell(done, len(fakes))
            for after, others in real.items():
                told["points"].append(_point(epsilon, after, raws(changed, after), others))
    return told


def _point(epsilon: int, form: str, fake: Sequence[float | None], genuine: Sequence[float | None]) -> dict[str, Any]:
    """An abstention on a fake is the adversary's success: it counts as the lowest score."""
    both = [*(-np.inf if v is None else v for v in fake), *(v for v in genuine if v is not None)]
    labels = [1] * len(fake) + [0] * (len(both) - len(fake))
    return {
        "epsilon": epsilon,
        "after": form,
        "auc": figure(metrics.auc, both, labels, rounds=500).as_dict(),
        "fakes": len(fake),
        "genuine": len(both) - len(fake),
    }


def _open(item: Item, kind: Kind) -> tuple[Array, int]:
    content = item.load().content
    if kind is Kind.IMAGE:
        return pixels_of(content).astype(np.float32), 1
    return sound_of(content)


def _forms(kind: Kind) -> Callable[[int], Mapping[str, Form]]:
    """The files that an array may become, by name; ``rate`` is the sound's."""

    def pictures(_: int) -> Mapping[str, Form]:
        def rounded(x: Array) -> NDArray[np.uint8]:
            return np.clip(x, 0, 255).round().astype(np.uint8)

        found: dict[str, Form] = {"lossless": lambda x: _png(rounded(x))}
        for q in QUALITIES:
            found[f"JPEG {q}"] = lambda x, q=q: saved(rounded(x), quality=q)  # type: ignore[misc]
        return found

    def sounds(rate: int) -> Mapping[str, Form]:
        found: dict[str, Form] = {"lossless": lambda x: packed(x, rate, "pcm_s16le", "wav")}
        for k in KILOBITS:
            found[f"MP3 {k} kbit/s"] = lambda x, k=k: packed(x, rate, "libmp3lame", "mp3", 1000 * k)  # type: ignore[misc]
        return found

    return pictures if kind is Kind.IMAGE else sounds


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _ask(examination: Examination, item: Item, form: Form, array: Array) -> float | None:
    content = form(array)
    return examination.answer(replace(item, load=lambda: Sample(content))).raw


def _square(start: Array, epsilon: int, queries: int, seed: int, ask: Callable[[Array], float | None]) -> Array:
    """The array within ``epsilon`` of ``start`` that ``ask`` rated lowest; ``None`` is the lowest of all."""
    random = np.random.default_rng(seed)
    picture = start.ndim == 3
    low, high, size = (0.0, 255.0, float(epsilon)) if picture else (-1.0, 1.0, epsilon / _SOUND)
    # stripes along the first axis: what changes scores most before anything is known of the network
    shape = (1, *start.shape[1:]) if picture else (max(1, start.size // 64), 1)
    signs = random.choice([-1.0, 1.0], shape)
    stripes = np.broadcast_to(signs, start.shape) if picture else np.resize(np.repeat(signs, 64), start.shape)
    best = np.clip(start + size * stripes, low, high).astype(np.float32)
    lowest = ask(best)
    for query in range(queries - 1):
        if lowest is None:
            break
        share = _FIRST_SHARE * 0.5 ** (4 * query / max(1, queries - 1))
        trial = best.copy()
        if picture:
            side = max(2, round(share * min(start.shape[:2])))
            y, x = (int(random.integers(0, max(1, length - side + 1))) for length in start.shape[:2])
            where: tuple[slice, ...] = (slice(y, y + side), slice(x, x + side))
            signs = random.choice([-1.0, 1.0], (1, 1, start.shape[2]))
        else:
            length = max(32, round(share * start.size))
            at = int(random.integers(0, max(1, start.size - length + 1)))
            where, signs = (slice(at, at + length),), random.choice([-1.0, 1.0], start[at : at + length].shape)
        trial[where] = np.clip(start[where] + size * signs, low, high)
        found = ask(trial)
        if found is None or found < lowest:
            best, lowest = trial, found
    return best


class _Tapped:
    """An ``Infer`` that remembers what one network is given, or gives it something else in the same order."""

    def __init__(self, infer: Infer, model: str, given: Sequence[Mapping[str, Array]] | None = None) -> None:
        self._infer, self._model = infer, model
        self._versions: Any = infer
        self._given = None if given is None else iter(given)
        self.seen: list[dict[str, Array]] = []

    def run(self, model: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return self._infer.run(model, self._through(model, inputs))

    def run_version(self, model: str, version: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Of a backend that keeps versions: methods may pin one, and must not slip past the tap."""
        found: Mapping[str, Array] = self._versions.run_version(model, version, self._through(model, inputs))
        return found

    def _through(self, model: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if model != self._model:
            return inputs
        if self._given is not None:
            inputs = next(self._given, inputs)
        self.seen.append({name: np.array(value) for name, value in inputs.items()})
        return inputs

    def version(self, model: str) -> str:
        return self._infer.version(model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._infer, name)


def white_box(
    items: Sequence[Item],
    detector: Detector,
    name: str,
    checkpoint: Path,
    policy: Policy = Policy.STANDARD,
    tell: Tell | None = None,
    infer: Infer | None = None,
    epsilons: Sequence[int] = EPSILONS,
) -> dict[str, Any]:
    """AUC of fakes whose network inputs were attacked, against untouched genuine media.

    ``epsilon`` is in 255ths of the input's own range. The change is made where the network is fed, so it need not be
    one that a file can carry: an upper bound of the harm. Compression after it is measured where that input is a
    picture.

    Raises:
        BadRequest: torch or the recipe is missing, or the recipe names no output that is one number an item.
    """
    from veriscope.train.gradients import Descent  # torch, only here

    infer = infer or OnnxInfer()
    genuine = [a.raw for a in examine([i for i in items if not i.label], detector, policy, infer)]
    descent = Descent(name, checkpoint)
    fakes = [i for i in items if i.label]
    told: dict[str, Any] = {"steps": STEPS, "input": descent.input, "points": []}
    recorded = [_listen(item, detector, _Tapped(infer, name), policy) for item in fakes]
    if any(calls and calls[0][descent.input].dtype.kind in _TOKENS for calls in recorded):
        return {"missing": "the network reads words, and words have no gradient"}
    for epsilon in (0, *epsilons):
        plain: list[float | None] = []
        again: list[float | None] = []
        for done, (item, calls) in enumerate(zip(fakes, recorded, strict=True), 1):
            changed = [descent.attacked(call, epsilon, STEPS) if epsilon else call for call in calls]
            plain.append(_ask_with(_Tapped(infer, name, changed), item, detector, policy))
            pressed = [_pressed(call, descent.input) for call in changed]
            if all(call is not None for call in pressed):
                known = _Tapped(infer, name, [c for c in pressed if c is not None])
                again.append(_ask_with(known, item, detector, policy))
            if tell is not None:
                tell(done, len(fakes))
        told["points"].append(_point(epsilon, "nothing", plain, genuine))
        if len(again) == len(fakes):
            told["points"].append(_point(epsilon, f"JPEG {QUALITIES[0]}", again, genuine))
    return told


def _listen(item: Item, detector: Detector, tapped: _Tapped, policy: Policy) -> list[dict[str, Array]]:
    _ask_with(tapped, item, detector, policy)
    return tapped.seen


def _ask_with(infer: Infer, item: Item, detector: Detector, policy: Policy) -> float | None:
    with Examination(detector, policy, infer) as examination:
        return examination.answer(item).raw


def _pressed(call: Mapping[str, Array], key: str) -> dict[str, Array] | None:
    """The inputs with each picture saved as JPEG; ``None`` where the input is no picture of 0–255."""
    batch = call[key]
    if batch.ndim != 4 or batch.shape[1] != 3 or batch.max() <= 1.5 or batch.min() < 0:
        return None
    rounded = np.clip(batch, 0, 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    back = [pixels_of(saved(np.ascontiguousarray(one), quality=QUALITIES[0])) for one in rounded]
    return {**call, key: np.stack(back).transpose(0, 3, 1, 2).astype(batch.dtype)}
