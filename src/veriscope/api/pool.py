"""A bounded pool of processes for what is answered at once: pictures, texts and printed reports.

A request waits in a short queue for a free process. A process that dies costs its own request a clear error,
one that takes too long is killed, and a new one takes its place; the others notice nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog

from veriscope.api.answer import Answer, Print, Question
from veriscope.config import Settings
from veriscope.errors import Internal, Overloaded, TimedOut, VeriscopeError
from veriscope.jobs.process import Process
from veriscope.types import Kind

LOOK_SECONDS = 0.25
START_SECONDS = 60.0  # a new process imports numpy, OpenCV and the networks' runtime

log = structlog.get_logger("veriscope.pool")


@dataclass(slots=True)
class _Waiting:
    asked: Question | Print
    answer: asyncio.Future[Any] = field(repr=False)


class Pool:
    """``size`` processes and one queue before them. Texts go first: they take milliseconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.size = settings.processes or settings.cores
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="pool")
        self._light: deque[_Waiting] = deque()
        self._heavy: deque[_Waiting] = deque()
        self._arrived = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._slots: list[_Slot] = []
        self.busy = 0
        self.restarts = 0
        self.ready = 0

    @property
    def waiting(self) -> int:
        return len(self._light) + len(self._heavy)

    def start(self) -> None:
        """Start the processes; call from a running event loop."""
        self._slots = [_Slot(self._settings) for _ in range(self.size)]
        self._tasks = [asyncio.create_task(self._serve(slot)) for slot in self._slots]

    async def examine(self, question: Question) -> Answer:
        """Raises what the examination raises, ``Overloaded``, ``TimedOut`` or ``Internal``."""
        answer: Answer = await self._ask(question, light=question.media.kind in {Kind.TEXT, Kind.HTML})
        return answer

    async def print(self, order: Print) -> bytes:
        data: bytes = await self._ask(order, light=False)
        return data

    async def _ask(self, asked: Question | Print, *, light: bool) -> Any:
        if self.waiting >= self._settings.queue_limit:
            raise Overloaded(f"{self.waiting} requests are waiting already.")
        item = _Waiting(asked, asyncio.get_running_loop().create_future())
        async with self._arrived:
            (self._light if light else self._heavy).append(item)
            self._arrived.notify()
        try:
            return await item.answer
        except asyncio.CancelledError:
            item.answer.cancel()  # whoever takes it from the queue passes over it
            raise

    async def _next(self) -> _Waiting:
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.waiting)
            return self._light.popleft() if self._light else self._heavy.popleft()

    async def _serve(self, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._threads, slot.ensure)
            except Internal as exc:
                log.exception("pool_process_does_not_start")
                self._refuse_all(exc)  # better a clear error now than an answer that may never come
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.ready += 1
            try:
                item = await self._next()
            finally:
                self.ready -= 1
            if item.answer.done():
                continue
            self.busy += 1
            try:
                reply = await loop.run_in_executor(self._threads, slot.call, item.asked)
            except asyncio.CancelledError:
                if not item.answer.done():
                    item.answer.set_exception(Overloaded("The service is stopping."))
                raise
            except Exception as exc:
                self.restarts += not slot.alive
                if not item.answer.done():
                    item.answer.set_exception(exc)
            else:
                if not item.answer.done():
                    item.answer.set_result(reply)
            finally:
                self.busy -= 1

    def _refuse_all(self, error: VeriscopeError) -> None:
        for queue in (self._light, self._heavy):
            while queue:
                item = queue.popleft()
                if not item.answer.done():
                    item.answer.set_exception(error)

    async def close(self) -> None:
        """End all processes; requests that still wait are refused."""
        for slot in self._slots:
            slot.closed = True
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._refuse_all(Overloaded("The service is stopping."))
        await asyncio.to_thread(self._threads.shutdown)
        for slot in self._slots:
            slot.kill()


class _Slot:
    """One process and its replacement when it is gone. Used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: Process | None = None
        self.closed = False

    @property
    def alive(self) -> bool:
        return self._process is not None

    def ensure(self) -> None:
        """Start the process if there is none. Raises ``Internal`` when it does not come up."""
        if self._process is not None and self._process.alive:
            return
        self.kill()
        self._process = Process("veriscope.api.answer:serve", self._settings)
        try:
            self._receive(START_SECONDS)
        except TimedOut as exc:
            raise Internal("A process for pictures and texts does not start.") from exc

    def call(self, asked: Question | Print) -> Any:
        """Ask and wait. Raises ``TimedOut`` or ``Internal`` when the process had to be killed or died."""
        if not self._take(asked):
            self.ensure()  # it died while idle: this request can still be answered by the next one
            if not self._take(asked):
                raise Internal("The processes for pictures and texts die.")
        outcome, reply = self._receive(self._settings.request_seconds)
        if outcome == "error":
            raise reply
        return reply

    def _take(self, asked: Question | Print) -> bool:
        """Whether the process has begun on this."""
        assert self._process is not None
        try:
            self._process.connection.send(asked)
            self._receive(self._settings.request_seconds)
        except (OSError, Internal):
            return False
        return True

    def _receive(self, seconds: float) -> Any:
        assert self._process is not None
        deadline = time.monotonic() + seconds
        try:
            while not self._process.connection.poll(LOOK_SECONDS):
                if self.closed:
                    self.kill()
                    raise Overloaded("The service is stopping.")
                if time.monotonic() > deadline:
                    self.kill()
                    raise TimedOut(f"This took longer than {seconds:g} seconds.")
                if not self._process.alive and not self._process.connection.poll():
                    raise EOFError
            return self._process.connection.recv()
        except (EOFError, OSError) as exc:
            self.kill()
            raise Internal("The process that examined this died.", hint="Try again; tell the operator.") from exc

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
