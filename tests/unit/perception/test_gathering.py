from __future__ import annotations

import threading

import numpy as np
import pytest

from veriscope.errors import DamagedMedia
from veriscope.perception.gathering import Gathering, Memo, MotionGathering


def test_rows_come_out_as_they_went_in() -> None:
    random = np.random.default_rng(0)
    pieces = [random.integers(0, 255, (int(n), 3, 2)).astype(np.uint8) for n in (5, 0, 1, 400, 37)]
    gathering: Gathering[np.uint8] = Gathering()
    for piece in pieces:
        gathering.add(piece)
    taken = gathering.taken()
    assert taken is not None
    assert taken.dtype == np.uint8
    np.testing.assert_array_equal(taken, np.concatenate(pieces))
    assert gathering.taken() is taken


def test_nothing_is_told_apart_from_empty() -> None:
    gathering: Gathering[np.float32] = Gathering()
    assert gathering.taken() is None
    gathering.add(np.zeros(0, np.float32))
    taken = gathering.taken()
    assert taken is not None
    assert taken.shape == (0,)


def test_a_video_without_frames_is_damaged() -> None:
    with pytest.raises(DamagedMedia):
        MotionGathering().taken()


def test_a_value_is_made_once_and_again_after_it_was_forgotten() -> None:
    memo, made = Memo(), []

    def make() -> int:
        made.append(threading.get_ident())
        return len(made)

    threads = [threading.Thread(target=memo.get, args=("x", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memo.get("x", make) == len(made) == 1
    memo.forget("x")
    memo.forget("never made")
    assert memo.get("x", make) == 2


def test_a_failure_is_remembered() -> None:
    memo, tried = Memo(), []

    def fail() -> int:
        tried.append(1)
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            memo.get("x", fail)
    assert len(tried) == 1
