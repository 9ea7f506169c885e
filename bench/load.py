"""A light HTTP client for the serving benches: keep-alive connections on asyncio streams, little CPU of its own."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

Body = Callable[[int], tuple[str, bytes]]  # request number → head after the request line, and body


@dataclass
class Tally:
    """Answers of one run: seconds each took, and how many were not 200."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    wall: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.wall if self.wall else 0.0

    def ms(self, percent: float) -> float:
        return 1000 * float(np.percentile(self.seconds, percent)) if self.seconds else float("nan")

    @property
    def mean_ms(self) -> float:
        return 1000 * float(np.mean(self.seconds)) if self.seconds else float("nan")


class Connection:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parsed = urlsplit(url)
        self._host, self._port = parsed.hostname or "127.0.0.1", parsed.port or 80
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, head: str, body: bytes) -> int:
        """Status of the answer; its body is read and dropped."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        assert self._reader is not None
        start = f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(start.encode() + body)
        await self._writer.drain()
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
        await self._reader.readexactly(length)
        return int(lines[0].split()[1])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def picture(data: bytes, token: str = "") -> tuple[str, bytes]:
    """Head and body of a multipart upload."""
    mark = "veriscope-bench"
    body = (
        (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        + data
        + f"\r\n--{mark}--\r\n".encode()
    )
    return _authorised(f"Content-Type: multipart/form-data; boundary={mark}\r\n", token), body


def form(body: bytes, token: str = "") -> tuple[str, bytes]:
    return _authorised("Content-Type: application/x-www-form-urlencoded\r\n", token), body


def _authorised(head: str, token: str) -> str:
    return head + (f"Authorization: Bearer {token}\r\n" if token else "")


@dataclass
class Window:
    """Requests that began when all users were there: number, seconds, status; and what the clocks said meanwhile."""

    answers: list[tuple[int, float, int]] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0

    def tally(self, only: Callable[[int], bool] = lambda _: True) -> Tally:
        kept = [(seconds, status) for number, seconds, status in self.answers if only(number)]
        return Tally([s for s, status in kept if status == 200], sum(status != 200 for _, status in kept), self.wall)


async def closed(
    url: str,
    make: Callable[[int], tuple[str, str, bytes]],
    users: int,
    count: int,
    ramp: float = 0.0,
    cpu: Callable[[], float] = lambda: 0.0,
) -> Window:
    """``users`` who each send the next request when the last was answered.

    They arrive over ``ramp`` seconds; the ``count`` requests that begin after that are measured.

    Args:
        make: number of the request → path, head, body.
        cpu: seconds of CPU that the server has used so far.
    """
    window = Window()
    numbers, left = itertools.count(), iter(range(count))
    everybody = asyncio.Event()

    async def user(place: int) -> None:
        await asyncio.sleep(ramp * place / users)
        connection = Connection(url)
        while True:
            measured = everybody.is_set()
            if measured and next(left, None) is None:
                break
            number = next(numbers)
            path, head, body = make(number)
            started = time.perf_counter()
            status = await connection.post(path, head, body)
            if measured:
                window.answers.append((number, time.perf_counter() - started, status))
        connection.close()

    async def gate() -> tuple[float, float]:
        await asyncio.sleep(ramp)
        everybody.set()
        return time.perf_counter(), cpu()

    (began, before), *_ = await asyncio.gather(gate(), *(user(place) for place in range(users)))
    window.wall, window.cpu = time.perf_counter() - began, cpu() - before
    return window


async def steady(url: str, make: Callable[[int], tuple[str, str, bytes]], rate: float, seconds: float) -> Tally:
    """Open loop: ``rate`` requests a second whether or not the last was answered."""
    tally = Tally(wall=seconds)
    free: list[Connection] = []

    async def one(number: int) -> None:
        connection = free.pop() if free else Connection(url)
        path, head, body = make(number)
        started = time.perf_counter()
        status = await connection.post(path, head, body)
        tally.seconds.append(time.perf_counter() - started)
        tally.failed += status != 200
        free.append(connection)

    began = time.perf_counter()
    tasks: list[Awaitable[None]] = []
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return tally
