from __future__ import annotations

import numpy as np
import pytest

from veriscope.inference.networks import face_manipulation as network


def test_crops_become_one_batch_of_planes() -> None:
    crops = [np.full((network.SIZE, network.SIZE, 3), (10, 20, 30 + i), np.uint8) for i in range(3)]
    faces = network.prepare(crops)[network.INPUT]
    assert faces.shape == (3, 3, network.SIZE, network.SIZE)
    assert faces.dtype == np.float32
    assert faces[2, :, 5, 7].tolist() == [10, 20, 32]
    with pytest.raises(ValueError, match="crops of"):
        network.prepare([np.zeros((50, 50, 3), np.uint8)])


def test_a_few_odd_frames_do_not_decide() -> None:
    usual = np.full(10, -2.0, np.float32)
    odd = usual.copy()
    odd[:2] = 30.0
    assert network.robust(odd) == pytest.approx(network.robust(usual))
    assert network.robust(np.array([1.5], np.float32)) == pytest.approx(1.5)
    assert network.robust(np.array([1.0, 3.0], np.float32)) == pytest.approx(2.0)


def test_a_map_returns_to_where_its_face_was() -> None:
    cells = np.zeros((1, network.GRID, network.GRID), np.float32)
    cells[0, 5:] = 1.0  # the lower half of the crop
    half = network.SIZE / 2
    # the crop is the square from (100, 50) of 96 pixels: two crop pixels for one of the picture
    matrix = np.array([[2.0, 0, -200.0], [0, 2.0, -100.0]])
    heat = network.pasted((200, 300), cells, [matrix])
    assert heat.shape == (200, 300)
    assert heat[50 + int(half * 0.75), 140] > 0.95
    assert heat[60, 140] < 0.05
    assert heat[:45].max() == 0
    assert heat[:, 200:].max() == 0
    overlapping = network.pasted((200, 300), np.concatenate([cells, cells * 0.5]), [matrix, matrix])
    assert np.allclose(overlapping, heat)
