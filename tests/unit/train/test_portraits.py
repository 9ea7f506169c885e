from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from veriscope.inference.networks.face_manipulation import GRID, SIZE
from veriscope.train import portraits as module
from veriscope.train.portraits import ciplab, crop, cut, development, filmed, held_out, is_test
from veriscope.types import Face

from tests.unit.train.test_synthesis_faces import portrait


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    names = [f"pristine/bsds500/{i}.jpg" for i in range(30)]
    names += [f"faces/ciplab/{kind}/{n}.jpg" for kind in ("real", "fake") for n in range(0, 1100, 50)]
    names += ["faces/ffhq-real/1.jpg", "faces/stylegan2/1.jpg", "casia1/tampered/1.jpg"]
    for name in names:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_development_holds_no_test_file_and_no_forgery(folders: Path) -> None:
    files = development(folders)
    names = [p.relative_to(folders / "images").as_posix() for p in files]
    assert not any("fake" in n or "stylegan" in n or "casia" in n for n in names)
    assert all(int(p.stem) < module.HALF for p in files if "ciplab" in str(p))
    pristine = [p.name for p in files if "pristine" in str(p)]
    assert pristine
    assert not any(int(hashlib.sha256(n.encode()).hexdigest(), 16) % 5 == 0 for n in pristine)
    assert any(is_test(f"{i}.jpg") for i in range(30))


def test_the_halves_of_ciplab_share_no_number(folders: Path) -> None:
    for kind in ("real", "fake"):
        one = {p.stem for p in ciplab(folders, kind, below=module.HALF)}
        other = {p.stem for p in ciplab(folders, kind, least=module.HALF)}
        assert one
        assert other
        assert not one & other


def test_neighbouring_numbers_validate_together() -> None:
    kept = [held_out(f"faces/ciplab/real/{n}.jpg") for n in range(560)]
    assert 0.1 < np.mean(kept) < 0.3
    assert sum(a != b for a, b in itertools.pairwise(kept)) <= 2 * 560 // module.FOLD // 5 + 1
    # a retouched face goes with the genuine one of its number
    assert held_out("faces/ciplab/real/130.jpg") == held_out("faces/ciplab/fake/130.jpg")


def test_a_cut_face_keeps_its_landmarks_and_small_ones_are_left_out() -> None:
    made = portrait()
    face = Face((60, 50, 160, 160), 0.9, made.landmarks)
    found = cut(made.image, face, "made/0")
    assert found is not None
    left, top = made.landmarks[0] - found.landmarks[0]
    x, y = (int(v) for v in found.landmarks[2])
    assert (found.image[y, x] == made.image[y + int(top), x + int(left)]).all()
    assert cut(made.image, Face((0, 0, 20, 20), 0.9, made.landmarks / 4), "made/0") is None
    large = cv2.resize(made.image, None, fx=4, fy=4)
    reduced = cut(large, Face((0, 0, 1, 1), 0.9, made.landmarks * 4), "made/0")
    assert reduced is not None
    assert np.ptp(reduced.landmarks[:, 0]) < np.ptp(made.landmarks[:, 0]) * 2.2


def test_both_of_a_pair_go_through_the_same_stations() -> None:
    made = portrait()
    one, other = (crop(made.image, None, made.landmarks, np.random.default_rng(3))[0] for _ in range(2))
    assert one.shape == (SIZE, SIZE, 3)
    assert (one == other).all()
    mask = np.zeros(made.image.shape[:2], np.float32)
    mask[:140] = 1  # the upper half
    _, cells = crop(made.image, mask, made.landmarks, np.random.default_rng(3))
    assert cells.shape == (GRID, GRID)
    assert cells[:3].min() > 240
    assert cells[-3:].max() < 15


def test_a_filmed_picture_is_compressed_but_the_same_scene() -> None:
    image = portrait().image[:201, :203]
    seen = filmed(image, np.random.default_rng(0))
    assert seen.shape == (200, 202, 3)
    error = np.abs(seen.astype(int) - image[:200, :202]).mean()
    assert 0.3 < error < 25
