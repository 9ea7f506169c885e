"""The pool: bounded, timed, and whole again after whatever happened to its processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from veriscope.api.answer import Answer, Question
from veriscope.api.pool import Pool
from veriscope.config import load
from veriscope.errors import DamagedMedia, Internal, Overloaded, TimedOut
from veriscope.media.intake import open_bytes, open_text
from veriscope.types import LOCAL, Options

from tests.making import encoded, photo
from tests.serving import children, running

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def pooled(folder: Path, **settings: Any) -> AsyncIterator[Pool]:
    pool = Pool(load(data_dir=folder, **{"processes": 1, "text_processes": 0, **settings}))
    pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def picture(folder: Path, seed: int = 0, size: int = 240) -> Question:
    media = open_bytes(encoded(photo(size, size, seed)), "a.jpg", folder)
    return Question(media, Options(), LOCAL, "k", "request")


def text(folder: Path) -> Question:
    return Question(open_text("A short text that takes no time.", folder), Options(), LOCAL, "k", "request")


_others: set[int] = set()  # the server of the other tests, if it runs


def ours() -> list[int]:
    return [pid for pid in children(os.getpid()) if pid not in _others]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    _others.clear()
    _others.update(children(os.getpid()))
    asyncio.run(asyncio.wait_for(test(), 120))
    assert ours() == []


async def busy(pool: Pool) -> int:
    """The process at work."""
    while not pool.busy:
        await asyncio.sleep(0.01)
    return worker()


def worker() -> int:
    return next(pid for pid in ours() if os.getpgid(pid) == pid)


def test_a_killed_process_costs_one_request_only(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path) as pool:
            first = asyncio.create_task(pool.examine(picture(tmp_path, size=1500)))
            pid = await busy(pool)
            second = asyncio.create_task(pool.examine(text(tmp_path)))
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(Internal):
                await first
            assert isinstance(await second, Answer)
            assert pool.restarts == 1
            assert not running(pid)

    run(test)


def test_a_process_that_dies_while_idle_costs_nobody_anything(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path) as pool:
            await pool.examine(text(tmp_path))
            pid = worker()
            os.kill(pid, signal.SIGKILL)
            while running(pid):
                await asyncio.sleep(0.01)
            assert isinstance(await pool.examine(text(tmp_path)), Answer)

    run(test)


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path, request_seconds=1) as pool:
            while not pool.ready:
                await asyncio.sleep(0.01)
            pid = worker()
            os.kill(pid, signal.SIGSTOP)  # as deaf as a decoder in an endless loop
            with pytest.raises(TimedOut):
                await pool.examine(text(tmp_path))
            assert not running(pid)

    run(test)


def test_a_full_queue_is_refused_at_once_and_texts_go_first(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path, queue_limit=1) as pool:
            order: list[str] = []

            async def ask(name: str, question: Question) -> None:
                await pool.examine(question)
                order.append(name)

            tasks = [asyncio.create_task(ask("first", picture(tmp_path, 1)))]
            await busy(pool)
            tasks.append(asyncio.create_task(ask("picture", picture(tmp_path, 2))))
            await asyncio.sleep(0)
            tasks.append(asyncio.create_task(ask("text", text(tmp_path))))
            await asyncio.sleep(0.05)
            for question in (text(tmp_path), picture(tmp_path, 3)):
                with pytest.raises(Overloaded) as caught:
                    await pool.examine(question)
                assert 2 <= caught.value.retry_after <= 60
            await asyncio.gather(*tasks)
            assert order == ["first", "text", "picture"]

    run(test)


def test_a_text_waits_for_no_picture_and_is_not_refused_for_one(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path, text_processes=1, queue_limit=1) as pool:
            while pool.ready < 2:
                await asyncio.sleep(0.01)
            begun = asyncio.create_task(pool.examine(picture(tmp_path, 1, 1500)))
            await busy(pool)
            waiting = asyncio.create_task(pool.examine(picture(tmp_path, 2)))
            await asyncio.sleep(0.05)
            with pytest.raises(Overloaded):
                await pool.examine(picture(tmp_path, 3))
            for _ in range(3):
                assert isinstance(await pool.examine(text(tmp_path)), Answer)
            assert not begun.done()
            assert pool.waiting == 1
            await asyncio.gather(begun, waiting)

    run(test)


def test_the_costliest_methods_are_left_out_while_many_wait(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path, queue_limit=4, shed_limit=2) as pool:
            quiet = await pool.examine(picture(tmp_path))
            costs = {k.removeprefix("detector."): v for k, v in quiet.timings.items() if k.startswith("detector.")}
            dear = sorted(costs, key=lambda name: costs[name])[-4:]  # the order of near equals changes from run to run
            answers = await asyncio.gather(*(pool.examine(picture(tmp_path)) for _ in range(4)))
            first, *_, last = [answer.record for answer in answers]
            assert first.body["en"]["coverage"]["leftOut"][0] in dear
            assert any("left out" in note for note in first.body["en"]["notes"])
            assert first.cache_key != quiet.record.cache_key == "k"
            assert first.body["en"]["complete"]
            assert last.body["en"]["coverage"]["leftOut"] == []  # nobody waited behind it
            assert last.cache_key == "k"
            assert pool.shed == 2

    run(test)


def test_bad_input_leaves_the_process_alone(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path) as pool:
            broken = open_bytes(b"\xff\xd8\xff\xe0" + bytes(100), "a.jpg", tmp_path)
            with pytest.raises(DamagedMedia):
                await pool.examine(Question(broken, Options(), LOCAL, "k", "request"))
            await pool.examine(text(tmp_path))
            assert pool.restarts == 0

    run(test)


def test_when_no_process_starts_nobody_waits_for_one(tmp_path: Path) -> None:
    async def test() -> None:
        question = text(tmp_path)
        async with pooled(tmp_path / "data", blob_key="not a key") as pool:
            with pytest.raises(Internal):
                await pool.examine(question)

    run(test)


def test_those_who_wait_are_told_when_the_service_stops(tmp_path: Path) -> None:
    async def test() -> None:
        async with pooled(tmp_path) as pool:
            tasks = [asyncio.create_task(pool.examine(picture(tmp_path, i, 1500))) for i in range(3)]
            await busy(pool)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, (Overloaded, Answer)) for outcome in outcomes)
        assert isinstance(outcomes[-1], Overloaded)

    run(test)
