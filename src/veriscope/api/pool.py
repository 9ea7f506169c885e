"""A bounded pool of processes for what is answered at once: pictures, texts and printed reports.

Texts and pictures wait in a short queue each. Some processes take texts alone, so that none waits for a picture; above
a soft limit the costliest methods are left out of what is taken from a queue. A process that dies costs its own request
a clear error, one that takes too long is killed, and a new one takes its place; the others notice nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from veriscope import tracing
from veriscope.api.answer import Answer, Judge, Print, Question, Redact
from veriscope.api.relief import Relief
from veriscope.config import Settings
from veriscope.errors import Internal, Overloaded, TimedOut, VeriscopeError
from veriscope.jobs.process import Process
from veriscope.types import Kind, Media

LOOK_SECONDS = 0.25
MOST_RETRY_SECONDS = 60
START_SECONDS = 60.0  # a new process imports numpy, OpenCV and the networks' runtime

log = structlog.get_logger("veriscope.pool")


Asked = Question | Print | Judge | Redact


@dataclass(slots=True)
class _Waiting:
    asked: Asked
    answer: asyncio.Future[Any] = field(repr=False)
    trace: dict[str, str] = field(default_factory=tracing.carrier)


class _Lane:
    """One queue, and how long what comes from it takes."""

    def __init__(self, settings: Settings) -> None:
        self.items: deque[_Waiting] = deque()
        self.relief = Relief(settings.shed_limit, settings.queue_limit)
        self._limit = settings.queue_limit
        self._seconds = 0.0  # running mean of one request

    def check(self, hands: int) -> None:
        """Raises ``Overloaded`` when the queue is full; the time to wait is what those before need."""
        if len(self.items) >= self._limit:
            wait = math.ceil(len(self.items) * self._seconds / max(1, hands))
            raise Overloaded(
                f"{len(self.items)} requests are waiting already.", retry_after=min(MOST_RETRY_SECONDS, max(2, wait))
            )

    def took(self, seconds: float) -> None:
        self._seconds = seconds if not self._seconds else 0.8 * self._seconds + 0.2 * seconds


class Pool:
    """``size`` processes and a queue for each medium before them; ``texts`` of them take texts alone.

    The others take texts first: they take milliseconds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._texts = settings.text_processes
        self.size = self._texts + (settings.processes or settings.cores)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="pool")
        self._light, self._heavy = _Lane(settings), _Lane(settings)
        self._arrived = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._slots: list[_Slot] = []
        self.busy = 0
        self.restarts = 0
        self.ready = 0
        self.shed = 0  # examinations that went without some methods

    @property
    def waiting(self) -> int:
        return len(self._light.items) + len(self._heavy.items)

    def start(self) -> None:
        """Start the processes; call from a running event loop."""
        self._slots = [_Slot(self._settings) for _ in range(self.size)]
        self._tasks = [
            asyncio.create_task(self._serve(slot, (self._light,) if i < self._texts else (self._light, self._heavy)))
            for i, slot in enumerate(self._slots)
        ]

    async def examine(self, question: Question) -> Answer:
        """Raises what the examination raises, ``Overloaded``, ``TimedOut`` or ``Internal``."""
        light = question.media.kind in {Kind.TEXT, Kind.HTML}
        answer: Answer = await self._ask(question, self._light if light else self._heavy)
        return answer

    async def judge(self, media: Media) -> float:
        """Probability of FAKE of a picture, by the two-stage networks alone."""
        probability: float = await self._ask(Judge(media), self._heavy)
        return probability

    async def print(self, order: Print) -> bytes:
        data: bytes = await self._ask(order, self._heavy)
        return data

    async def redact(self, order: Redact) -> dict[str, Any]:
        said: dict[str, Any] = await self._ask(order, self._light)
        return said

    async def _ask(self, asked: Asked, lane: _Lane) -> Any:
        lane.check(self.size if lane is self._light else self.size - self._texts)
        item = _Waiting(asked, asyncio.get_running_loop().create_future())
        async with self._arrived:
            lane.items.append(item)
            self._arrived.notify_all()  # whoever is woken alone might take texts only
        try:
            return await item.answer
        except asyncio.CancelledError:
            item.answer.cancel()  # whoever takes it from the queue passes over it
            raise

    async def _next(self, lanes: Sequence[_Lane]) -> tuple[_Waiting, _Lane]:
        async with self._arrived:
            await self._arrived.wait_for(lambda: any(lane.items for lane in lanes))
            lane = next(lane for lane in lanes if lane.items)
            return lane.items.popleft(), lane

    def _relieved(self, asked: Asked, lane: _Lane) -> Asked:
        """The request without the costliest methods, if too many wait behind it."""
        if not isinstance(asked, Question):
            return asked
        left_out = lane.relief.left_out(asked.media.kind, asked.options.policy, len(lane.items))
        if not left_out:
            return asked
        self.shed += 1
        # under a key of its own: who asks again in a quieter hour gets all methods
        key = hashlib.sha256(" ".join([asked.cache_key, *left_out]).encode()).hexdigest()
        return replace(asked, options=replace(asked.options, without=left_out), cache_key=key)

    async def _serve(self, slot: _Slot, lanes: Sequence[_Lane]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                if not slot.runs:  # asking costs nothing, a thread for each request would
                    await loop.run_in_executor(self._threads, slot.ensure)
            except Internal as exc:
                log.exception("pool_process_does_not_start")
                self._refuse_all(exc)  # better a clear error now than an answer that may never come
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.ready += 1
            try:
                item, lane = await self._next(lanes)
            finally:
                self.ready -= 1
            if item.answer.done():
                continue
            self.busy += 1
            asked, began = self._relieved(item.asked, lane), time.monotonic()
            try:
                reply = await loop.run_in_executor(self._threads, slot.call, asked, item.trace)
            except asyncio.CancelledError:
                if not item.answer.done():
                    item.answer.set_exception(Overloaded("The service is stopping."))
                raise
            except Exception as exc:
                self.restarts += not slot.alive
                if not item.answer.done():
                    item.answer.set_exception(exc)
            else:
                if isinstance(asked, Question) and not asked.options.without:
                    lane.relief.learn(asked.media.kind, asked.options.policy, reply.timings)
                if not item.answer.done():
                    item.answer.set_result(reply)
            finally:
                self.busy -= 1
                lane.took(time.monotonic() - began)

    def _refuse_all(self, error: VeriscopeError) -> None:
        for lane in (self._light, self._heavy):
            while lane.items:
                item = lane.items.popleft()
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
        self._traced = bool(settings.otel_endpoint)
        self._process: Process | None = None
        self.closed = False

    @property
    def alive(self) -> bool:
        return self._process is not None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.alive

    def ensure(self) -> None:
        """Start the process if there is none. Raises ``Internal`` when it does not come up."""
        if self.runs:
            return
        self.kill()
        self._process = Process(f"veriscope.api.{'traced' if self._traced else 'answer'}:serve", self._settings)
        try:
            self._receive(START_SECONDS)
        except TimedOut as exc:
            raise Internal("A process for pictures and texts does not start.") from exc

    def call(self, asked: Asked, trace: dict[str, str]) -> Any:
        """Ask and wait. Raises ``TimedOut`` or ``Internal`` when the process had to be killed or died."""
        sent = (trace, asked) if self._traced else asked
        if not self._take(sent):
            self.ensure()  # it died while idle: this request can still be answered by the next one
            if not self._take(sent):
                raise Internal("The processes for pictures and texts die.")
        outcome, reply = self._receive(self._settings.request_seconds)
        if outcome == "error":
            raise reply
        return reply

    def _take(self, sent: object) -> bool:
        """Whether the process has begun on this."""
        assert self._process is not None
        try:
            self._process.connection.send(sent)
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
