"""Does a text wait behind a film? Texts at 20 a second, open loop: alone, and beside 1080p and 4K films and pictures.

The films' own throughput is told beside it: seconds of film examined per second, loaded with texts and pictures, as a
share of the films alone. Last, five hundred clients that trickle an upload of a byte a second, and a text among them.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from pathlib import Path

from common import arguments, show
from load import Tally, form, picture, steady
from serving import IMAGE, TEXT, pictures, texts

from tests.making import film
from tests.serving import Server

PICTURES = 2.0  # a second
TRICKLERS = 500


class Films:
    """Keeps ``count`` jobs going; adds up the seconds of film that were examined."""

    def __init__(self, server: Server, clips: list[tuple[bytes, float]], count: int) -> None:
        self._server, self._clips = server, clips
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.examined = 0.0
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(count)]
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        with self._server.client() as client:
            turn = number
            while not self._stop.is_set():
                data, seconds = self._clips[turn % len(self._clips)]
                turn += 1
                headers = {"cache-control": "no-cache"}
                sent = client.post("/api/v1/analyses", files={"file": ("f.mp4", data)}, headers=headers).json()
                while not self._stop.is_set():
                    job = client.get(f"/api/v1/jobs/{sent['jobId']}").json()
                    if job["state"] in {"completed", "failed", "cancelled"}:
                        assert job["state"] == "completed", job
                        with self._lock:
                            self.examined += seconds
                        break
                    time.sleep(0.2)

    def end(self) -> float:
        """Seconds of film a second, so far."""
        with self._lock:
            rate = self.examined / (time.monotonic() - self._began)
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
        return rate


async def _loaded(url: str, seconds: float, images: list[bytes], bodies: list[bytes], offset: int) -> Tally:
    def text(index: int) -> tuple[str, str, bytes]:
        return TEXT, *form(bodies[index % len(bodies)] + f"+{offset + index}".encode())

    def image(index: int) -> tuple[str, str, bytes]:
        return IMAGE, *picture(images[index % len(images)] + (offset + index).to_bytes(4, "big"))

    found, _ = await asyncio.gather(steady(url, text, 20, seconds), steady(url, image, PICTURES, seconds))
    return found


async def _alone(url: str, seconds: float, bodies: list[bytes]) -> Tally:
    return await steady(url, lambda i: (TEXT, *form(bodies[i % len(bodies)] + f"+{i}".encode())), 20, seconds)


async def _trickled(url: str, seconds: float, bodies: list[bytes]) -> Tally:
    host, port = url.removeprefix("http://").split(":")
    stop = asyncio.Event()

    async def trickle() -> None:
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /api/v1/analyses HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 5000000\r\n"
        writer.write((head + "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n").encode())
        while not stop.is_set():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(1)
        writer.close()

    clients = [asyncio.create_task(trickle()) for _ in range(TRICKLERS)]
    await asyncio.sleep(3)
    found = await steady(url, lambda i: (TEXT, *form(bodies[i % len(bodies)] + f"+t{i}".encode())), 5, seconds)
    stop.set()
    await asyncio.gather(*clients, return_exceptions=True)
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each part")
    given = parser.parse_args()
    images, bodies = pictures(200), texts(200)
    rates = {"rate_limit": "1000000/minute", "upload_rate_limit": "1000000/minute", "upload_timeout": 300}
    with tempfile.TemporaryDirectory() as folder:
        clips = [
            (film(Path(folder) / "hd.mp4", seconds=4, size=(1920, 1080), fps=25).read_bytes(), 4.0),
            (film(Path(folder) / "4k.mp4", seconds=2, size=(3840, 2160), fps=25).read_bytes(), 2.0),
        ]
        with Server(Path(folder) / "s", processes=0, job_processes=0, log_level="error", **rates) as server:
            asyncio.run(_loaded(server.url, 3, images, bodies, 10**7))  # networks load
            alone = asyncio.run(_alone(server.url, given.seconds, bodies))
            films = Films(server, clips, 2)
            time.sleep(given.seconds)
            video_alone = films.end()
            films = Films(server, clips, 2)
            time.sleep(3)
            loaded = asyncio.run(_loaded(server.url, given.seconds, images, bodies, 10**6))
            video_loaded = films.end()
            slow = asyncio.run(_trickled(server.url, min(20.0, given.seconds), bodies))
    figures = {
        "text_p95_alone_ms": alone.ms(95),
        "text_p95_loaded_ms": loaded.ms(95),
        "video_kept_share": video_loaded / video_alone,
        "video_alone_x_realtime": video_alone,
        "slow_uploads_text_p95_ms": slow.ms(95),
        "failed": float(alone.failed + loaded.failed + slow.failed),
    }
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
