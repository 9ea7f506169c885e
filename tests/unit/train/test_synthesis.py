"""Forgeries made for training: the mask says where the picture differs, and saves keep both together."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from veriscope.train.synthesis import chains, forgeries, outlines, store
from veriscope.train.synthesis.forgeries import KINDS, Photo, forge


def scenery(seed: int, height: int = 256, width: int = 384) -> np.ndarray:
    """Soft colours with a few sharp-edged things in them."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(
        rng.integers(40, 216, (6, 8, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(12):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, centre, int(rng.integers(10, 40)), [float(v) for v in rng.integers(0, 255, 3)], -1)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_marked_area_changes(kind: str) -> None:
    rng = np.random.default_rng(5)
    made = [forge(kind, Photo(scenery(i)), Photo(scenery(100 + i)), rng) for i in range(6)]
    done = [(i, m) for i, m in enumerate(made) if m is not None]
    assert len(done) >= 4
    for index, forgery in done:
        changed = np.abs(forgery.image.astype(int) - scenery(index)).max(axis=2)
        near = cv2.dilate(forgery.mask.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
        assert changed[~near].max(initial=0) <= 2
        assert changed[forgery.mask].mean() > 2
        assert 0.002 < forgery.mask.mean() < 0.5


def test_same_seed_same_forgery() -> None:
    one, two = (forge("splice", Photo(scenery(1)), Photo(scenery(2)), np.random.default_rng(3)) for _ in range(2))
    assert one is not None
    assert two is not None
    assert np.array_equal(one.image, two.image)


def test_object_in_the_middle_is_found() -> None:
    image = np.full((200, 300, 3), (90, 140, 90), np.uint8)
    cv2.ellipse(image, (150, 100), (60, 45), 0, 0, 360, (200, 60, 40), -1)
    found = outlines.central_object(image, np.random.default_rng(0))
    assert found is not None
    truth = np.zeros((200, 300), np.uint8)
    cv2.ellipse(truth, (150, 100), (60, 45), 0, 0, 360, 1, -1)
    assert (found & (truth > 0)).sum() / (found | (truth > 0)).sum() > 0.85


def test_chain_is_reproducible_and_keeps_the_size_when_told() -> None:
    image = scenery(7)
    sizes = set()
    for seed in range(40):
        one, two = (chains.resave(image, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, two)
        assert one.dtype == np.uint8
        ratio = one.shape[1] / one.shape[0]
        assert abs(ratio - 1.5) < 0.05  # nothing is cropped: a mask follows by scaling
        sizes.add(one.shape)
        assert chains.resave(image, np.random.default_rng(seed), resize=False).shape == image.shape
    assert len(sizes) > 3


def test_lower_quality_loses_more() -> None:
    image = scenery(8)
    errors = [np.abs(chains.decoded(chains.jpeg(image, q)).astype(int) - image).mean() for q in (95, 75, 50)]
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(ValueError, match="no picture"):
        chains.decoded(b"nothing")


def test_store_keeps_test_photographs_and_validation_apart(tmp_path: Path) -> None:
    folder = tmp_path / "images/pristine/own"
    folder.mkdir(parents=True)
    for i in range(60):
        (folder / f"{i}.jpg").write_bytes(chains.jpeg(scenery(i, 280, 400) if i < 40 else scenery(i, 400, 280), 92))
    train, held = (set(store.photographs(tmp_path, part)) for part in ("train", "validation"))  # type: ignore[arg-type]
    assert not train & held
    assert len(train) > 4 * len(held) > 0
    assert len(train | held) < 60  # a fifth is for tests only
    made = store.opened(tmp_path / "cache", tmp_path, "train", 6)
    again = store.opened(tmp_path / "cache", tmp_path, "train", 6)
    assert len(made) == len(again) == 6
    assert made.forged.shape == (6, store.HEIGHT, store.WIDTH, 3)
    different = np.abs(made.forged.astype(int) - made.untouched).max(axis=(1, 2, 3))
    assert (different > 3).all()
    assert np.array_equal(made.masks, again.masks)


def test_some_copies_come_from_plain_parts() -> None:
    image = scenery(9)
    image[:, :200] = 120  # a wall
    shares = []
    for draw in (forgeries._plain_outline, forgeries._outline):
        masks = [draw(Photo(image), 0.03, np.random.default_rng(seed)) for seed in range(12)]
        shares.append(np.mean([mask[:, :200].sum() / mask.sum() for mask in masks if mask.any()]))
    assert shares[0] > 0.9
    assert shares[1] < 0.8


def test_some_canvases_are_windows_of_the_photograph_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(chains.jpeg(scenery(3, 321, 481), 90))
    whole, sources, same = chains.decoded(path.read_bytes()), store.Sources([path]), 0
    for seed in range(40):
        image = sources.canvas(np.random.default_rng(seed)).image
        assert image.shape == (store.HEIGHT, store.WIDTH, 3)
        same += any(
            np.array_equal(whole[y : y + store.HEIGHT, x : x + store.WIDTH], image)
            for y in range(0, 321 - store.HEIGHT, 8)
            for x in range(0, 481 - store.WIDTH, 8)
        )
    assert 2 <= same <= 12  # an eighth of them, on the grid of its own compression


def test_luma_table_is_that_of_the_file() -> None:
    fine, coarse = (chains.luma_table(chains.jpeg(scenery(4), quality)) for quality in (95, 50))
    assert coarse[0, 0] == 16  # ITU-T T.81, table K.1, at quality 50
    assert coarse[0, 7] == 61
    assert (fine < coarse).all()
