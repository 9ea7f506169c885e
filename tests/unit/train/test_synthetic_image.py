from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.making import photo

torch = pytest.importorskip("torch")

from veriscope.train.fit import fit  # noqa: E402
from veriscope.train.recipes import _synthetic_image_data as pictures  # noqa: E402
from veriscope.train.recipes.synthetic_image import RECIPES, SyntheticImage, weights, without  # noqa: E402


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of the real one's shape."""
    root = tmp_path / "data"
    for source in ("bsds500", "clothing"):
        folder = root / "images" / "pristine" / source
        folder.mkdir(parents=True)
        for seed in range(12):
            cv2.imwrite(str(folder / f"{seed}.jpg"), photo(300, 280, seed=seed))
    folder = root / "images" / "cnndetection"
    folder.mkdir()
    for seed, label in enumerate(("fake", "real", "fake", "real")):
        cv2.imwrite(str(folder / f"{seed}_biggan_{label}.jpg"), photo(356, 356, seed=seed))
    for name in ("ffhq-real", "stylegan2"):
        folder = root / "images" / "faces" / name
        folder.mkdir(parents=True)
        for seed in range(6):
            cv2.imwrite(str(folder / f"{seed}.jpg"), photo(600, 600, seed=seed))
    return root


def test_no_file_of_a_test_set_is_read(data: Path) -> None:
    assert pictures.photographs(data)
    assert all(pictures.digest(path.name) % 5 for path in pictures.photographs(data))
    learnt = {face.source for face in pictures.faces(data, test=False)}
    kept = {face.source for face in pictures.faces(data, test=True)}
    assert learnt
    assert kept
    assert not learnt & kept
    assert not set(pictures.LEARNT) & set(pictures.UNSEEN)
    assert set(without("crn")) == {*pictures.LEARNT, *pictures.UNSEEN} - {"crn", "imle"}
    shipped = RECIPES["synthetic-image"]
    assert not set(shipped.generators) & set(pictures.UNSEEN)


def test_twins_share_source_and_size(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BANK", 2)
    maker = pictures.Maker(data, 0)
    for _ in range(4):
        real, fake = maker.twins()
        assert (real.label, fake.label) == (0, 1)
        assert real.source == fake.source
        assert real.pixels.shape == fake.pixels.shape
        assert not np.array_equal(real.pixels, fake.pixels)


def test_two_steps_leave_a_checkpoint(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BANK", 1)
    monkeypatch.setattr(pictures, "TWINS", 6)
    monkeypatch.setattr("veriscope.train.recipes.synthetic_image.SHARDS", 1)
    recipe = SyntheticImage("synthetic-image", ("biggan",), faces=False)
    recipe.folder = tmp_path / "cache"
    best = fit(recipe, data, tmp_path / "run", steps=2, validate_every=1, progress=lambda _: None)
    module = recipe.module()
    module.load_state_dict(torch.load(best, weights_only=True))
    assert bool((module.spread != 1).any())  # the statistics' scale was learnt from the data


def test_groups_and_classes_weigh_as_stated() -> None:
    samples = pictures.Samples(
        np.zeros((6, 1), np.float32),
        np.array([0, 0, 0, 1, 0, 1]),
        np.array(["made", "made", "made", "made", "cnndetection/san", "cnndetection/san"]),
        np.array(list("abcdef")),
    )
    chance = weights(samples)
    assert chance[:3].sum() == pytest.approx(chance[3])
    assert chance[4] == pytest.approx(chance[5])
    assert chance[3] / chance[5] == pytest.approx(0.45 / 0.3)
