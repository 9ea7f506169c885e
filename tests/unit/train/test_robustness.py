from __future__ import annotations

import io

import av
import numpy as np
import pytest
from PIL import Image

from veriscope.detectors.base import Method
from veriscope.train import robustness
from veriscope.train.labelled import Item, Sample
from veriscope.types import Finding, Infer, Kind, Scene, Signal

from tests.making import encoded, photo, tone, wav

MASK = np.zeros((120, 160), bool)
MASK[:60] = True
PICTURE = Sample(encoded(photo(160, 120)), MASK)
SOUND = Sample(wav(tone(1.0)))
TEXT = Sample('Đây là một câu, có dấu!\nAnd a second line, "quoted".')


@pytest.mark.parametrize(
    ("kind", "sample"), [(Kind.IMAGE, PICTURE), (Kind.AUDIO, SOUND), (Kind.TEXT, TEXT)], ids=lambda v: str(v)[:5]
)
def test_every_treatment_gives_the_same_kind_twice_alike(kind: Kind, sample: Sample) -> None:
    for family, levels in robustness.treatments(kind).items():
        for level, treat in levels.items():
            one, two = treat(sample, 7), treat(sample, 7)
            assert one.content == two.content, (family, level)
            assert robustness.medium([Item("x", 0, lambda one=one: one)]) is kind  # type: ignore[misc]
            if one.mask is not None:
                with Image.open(io.BytesIO(one.content)) as picture:  # type: ignore[arg-type]
                    assert one.mask.shape == picture.size[::-1]
                assert one.mask.mean() == pytest.approx(0.5, abs=0.03)


def test_stronger_compression_leaves_fewer_bytes() -> None:
    for family in ("jpeg", "webp"):
        sizes = [len(treat(PICTURE, 0).content) for treat in robustness.PICTURES[family].values()]
        assert sizes == sorted(sizes, reverse=True)


def test_noise_in_sound_is_as_loud_as_said() -> None:
    clean, rate = robustness.sound_of(SOUND.content)
    for decibels, treat in robustness.SOUNDS["noise"].items():
        noisy, _ = robustness.sound_of(treat(SOUND, 1).content)
        ratio = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
        assert ratio == pytest.approx(float(decibels), abs=1)
    assert rate == 16000


def test_a_band_limit_takes_what_lies_above() -> None:
    high = Sample(wav(tone(1.0, hertz=6000)))
    limited, _ = robustness.sound_of(robustness.SOUNDS["band limit"][3400](high, 0).content)
    untouched, _ = robustness.sound_of(high.content)
    assert np.std(limited[500:-500]) < 0.01 * np.std(untouched)


@pytest.mark.parametrize(("family", "codec"), [("mp3", "mp3float"), ("aac", "aac"), ("opus", "opus")])
def test_sound_is_really_coded(family: str, codec: str) -> None:
    levels = robustness.SOUNDS[family]
    for treat in levels.values():
        coded = treat(SOUND, 0).content
        assert isinstance(coded, bytes)
        with av.open(io.BytesIO(coded)) as container:
            assert container.streams.audio[0].codec_context.name == codec
            assert sum(frame.samples for frame in container.decode(audio=0)) > 0.9 * 16000


def test_typing_errors_are_as_frequent_as_said() -> None:
    text = "the quick brown fox jumps over the lazy dog " * 50
    changed = robustness.mistyped(text, np.random.default_rng(0), 0.1)
    assert 0.85 < len(changed) / len(text) < 1.15
    assert robustness.mistyped(text, np.random.default_rng(0), 0.0) == text


def test_diacritics_go() -> None:
    assert robustness.plain("Đường phố Hà Nội") == "Duong pho Ha Noi"


def test_a_text_is_never_emptied() -> None:
    treat = robustness.TEXTS["form"]["no punctuation"]
    assert treat(Sample("?!"), 0).content == "?!"


class Shouting(Method):
    """Raw: exclamation marks."""

    name = "shouting"
    signal = Signal.TEXT
    kinds = frozenset({Kind.TEXT})
    sentences = {"x": {"en": "x", "vi": "x"}}

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        return self.found(float(scene.text().count("!")), scene.media.kind, self.say("x"))


def test_curves_hold_every_level_with_its_interval() -> None:
    texts = ["A plain sentence about the weather.", "A sentence! About! The weather!"]
    items = [Item(f"t{i}", i % 2, lambda i=i: Sample(texts[i % 2])) for i in range(8)]  # type: ignore[misc]
    found = robustness.curves(items, Shouting())
    assert {f: [p["level"] for p in points] for f, points in found.items()} == {
        "untouched": [0],
        **{family: list(levels) for family, levels in robustness.TEXTS.items()},
    }
    assert found["untouched"][0]["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    form = {point["level"]: point for point in found["form"]}
    assert form["upper case"]["auc"]["value"] == 1
    assert form["no punctuation"]["auc"]["value"] == 0.5
    assert form["no punctuation"]["answered"] == 1
