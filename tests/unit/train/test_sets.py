"""The public collections, where they are at hand: classes, groups, and the traps disarmed."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from veriscope.errors import BadRequest
from veriscope.train import sets
from veriscope.train.labelled import groups_of

COUNTS = {
    "casia1": (297, 345),
    "ciplab": (300, 300),
    "stylegan2": (60, 60),
    "vits-demo": (6, 54),
    "vfnd": (123, 103),
    "vn-news": (1250, 643),
    "constraint-covid": (1120, 1020),
    "liar": (727, 556),
}

pytestmark = pytest.mark.data


@pytest.mark.parametrize("name", sets.SETS)
def test_both_classes_are_there_under_different_names(name: str, data: Path) -> None:
    items = sets.load(name, data)
    labels = Counter(item.label for item in items)
    assert len({item.name for item in items}) == len(items)
    if name in COUNTS:
        assert (labels[0], labels[1]) == COUNTS[name]
    for label in (0, 1):
        assert next(item for item in items if item.label == label).load().content


@pytest.mark.parametrize("name", ["casia1@90", "stylegan2", "cnndetection", "ciplab@75"])
def test_both_classes_are_saved_alike(name: str, data: Path) -> None:
    items = sets.load(name, data)
    tables = set()
    for label in (0, 1):
        for item in [i for i in items if i.label == label][:3]:
            with Image.open(io.BytesIO(item.load().content)) as picture:  # type: ignore[arg-type]
                tables.add(str(picture.quantization))  # type: ignore[attr-defined]
    assert len(tables) == 1


def test_the_border_that_names_the_class_is_gone(data: Path) -> None:
    item = sets.load("cnndetection", data)[0]
    stored = data / "images" / "cnndetection" / item.name
    with Image.open(io.BytesIO(item.load().content)) as cut, Image.open(stored) as whole:  # type: ignore[arg-type]
        assert (whole.width - cut.width, whole.height - cut.height) == (128, 128)


def test_the_mask_lies_on_its_picture(data: Path) -> None:
    item = next(i for i in sets.load("casia1@90", data) if i.label)
    sample = item.load()
    with Image.open(io.BytesIO(sample.content)) as picture:  # type: ignore[arg-type]
        assert sample.mask is not None
        assert sample.mask.shape == picture.size[::-1]
        assert 0 < sample.mask.mean() < 1


def test_what_was_made_of_one_source_is_one_group(data: Path) -> None:
    casia = sets.load("casia1", data)
    groups = dict(zip((i.name for i in casia), groups_of(casia), strict=True))
    spliced = next(i.name for i in casia if i.label and "ani0049_ani0084" in i.name)
    others = [name for name in groups if "ani0084" in name or "ani_0084" in name]
    assert {groups[name] for name in others} == {groups[spliced]}
    speech = sets.load("vits-demo", data)
    assert len(set(groups_of(speech))) == 19


@pytest.mark.parametrize("name", ["ciplab", "stylegan2"])
def test_what_networks_learned_from_can_be_left_out(name: str, data: Path) -> None:
    parts = Counter((item.subset, item.label) for item in sets.load(name, data))
    assert {part for part, _ in parts} == {"learnt", "kept"}
    assert min(parts.values()) > 20


def test_names_of_sources_are_out_of_the_news(data: Path) -> None:
    assert not any("vnexpress" in str(item.load().content).lower().split() for item in sets.load("vn-news", data))


def test_sets_that_do_not_exist_are_refused(data: Path) -> None:
    for name in ("nothing", "casia1@0", "casia1@x", "vfnd@90"):
        with pytest.raises(BadRequest):
            sets.load(name, data)
