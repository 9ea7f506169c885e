"""The reference paper's table: pictures, texts and half of each, 1 to 16 users, 1,000 requests a level, three runs.

The users arrive over 30 seconds; the requests that begin when all are there are counted.

``/api/deepfake/`` gets 512×512 JPEGs that all differ, ``/api/fakenews/`` texts that all differ, so no cache helps. The
paper, on 16 cores and an RTX 6000: 207/179/198 ms for one user; at 16 users P95 604/576/715 ms and 35.0/35.6/33.7
requests a second. Beside it a monolith of our own (``bench/monolith.py``). CPU figures come from /proc: the networks'
own time, measured alone on one thread in the same run, as a share of all CPU that the server used.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import quote_plus

import cv2
import numpy as np

from common import ROOT, arguments, show
from load import Window, closed, form, picture

from tests.making import encoded, photo
from tests.serving import Server, children, eventually

LEVELS = (1, 2, 4, 8, 16)
IMAGE, TEXT = "/api/deepfake/", "/api/fakenews/"
Request = tuple[str, str, bytes]
WORDS = """
chính phủ người dân bệnh viện thành phố thông tin mạng xã hội cơ quan công an tin đồn sự thật báo chí ngày hôm nay tỉnh
huyện nước biển mưa lũ học sinh trường bác sĩ vắc xin kinh tế giá xăng thị trường ngân hàng điện thoại
"""


def pictures(count: int) -> list[bytes]:
    """512×512 JPEGs, all different: one scene under noise of its own, which costs as much to decode as any."""
    base = [photo(512, 512, seed=seed) for seed in range(16)]
    rng = np.random.default_rng(0)
    made = []
    for index in range(count):
        image = np.roll(base[index % len(base)], int(rng.integers(512)), 1).copy()
        image[int(rng.integers(512)), int(rng.integers(512))] = rng.integers(0, 256, 3)
        made.append(encoded(image, quality=90) + index.to_bytes(4, "big"))
    return made


def texts(count: int) -> list[bytes]:
    """Vietnamese texts of about 200 words, all different."""
    words = WORDS.split()
    rng = np.random.default_rng(1)
    return [f"text={quote_plus(' '.join(rng.choice(words, 200)))}+{i}".encode() for i in range(count)]


def request(kind: str, number: int, images: list[bytes], bodies: list[bytes]) -> Request:
    """The request of that number: no two are alike."""
    if kind == "text" or (kind == "mixed" and number % 2):
        return TEXT, *form(bodies[number % len(bodies)] + f"+{number}".encode())
    return IMAGE, *picture(images[number % len(images)] + number.to_bytes(4, "big"))


def cpu_seconds_of(server: int) -> float:
    """User and system time of the server and everything it has started and that still runs."""
    ticks = 0
    for pid in whole(server):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def whole(pid: int) -> list[int]:
    """The server and everything it started."""
    found = [pid]
    for child in children(pid):
        found += whole(child)
    return sorted(set(found))


@contextmanager
def service(folder: Path) -> Iterator[tuple[str, int]]:
    rates = {"rate_limit": "1000000/minute", "upload_rate_limit": "1000000/minute", "log_level": "error"}
    with Server(folder, processes=0, job_processes=1, **rates) as server:
        yield server.url, server.pid


@contextmanager
def monolith(folder: Path) -> Iterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, str(ROOT / "bench/monolith.py"), str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def network_seconds(_: int = 0) -> tuple[float, float]:
    """CPU seconds of the networks for one picture (with the filters that feed them) and for one text; one thread.

    Different pictures, with memory dealt with as in the service: the same one again and again stays in the caches.
    """
    from veriscope.detectors.forgery_classifier import judge
    from veriscope.inference.networks import fake_news
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.media.heap import give_back
    from veriscope.train.synthesis.chains import decoded
    from veriscope.types import Kind

    cv2.setNumThreads(1)
    give_back(Kind.IMAGE)
    infer = OnnxInfer()
    images = itertools.cycle([decoded(data) for data in pictures(60)])
    feed = fake_news.prepare(["tin " * 200], fake_news.vocabulary(infer.asset(fake_news.NAMES["vi"], "vocabulary")))

    def timed(work: Callable[[], object]) -> float:
        work()
        seconds = []
        for _ in range(60):
            started = time.process_time()
            work()
            seconds.append(time.process_time() - started)
        return statistics.median(seconds)

    return timed(lambda: judge(next(images), infer)), timed(lambda: infer.run(fake_news.NAMES["vi"], feed))


def network_seconds_of_busy_cores() -> tuple[float, float]:
    """The same on every core at once, as in a loaded server: neighbours share caches and clock rates."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        rows = list(pool.map(network_seconds, range(cores)))
    return statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)


def measure(url: str, pid: int, given: object, kinds: tuple[str, ...], levels: tuple[int, ...]) -> dict[str, float]:
    """Rates and latencies at each level, medians over the runs."""
    count, runs, ramp = given.requests, given.runs, given.ramp  # type: ignore[attr-defined]
    images, bodies = pictures(200), texts(200)
    figures: dict[str, float] = {}
    offset = itertools.count(0, 10**6)

    def load(kind: str, users: int, count: int, seconds: float) -> Window:
        start = next(offset)
        cpu = partial(cpu_seconds_of, pid)
        return asyncio.run(closed(url, lambda n: request(kind, start + n, images, bodies), users, count, seconds, cpu))

    load("mixed", 4, 64, 0)  # networks load, processes start
    for kind in kinds:
        for users in levels:
            rows: list[dict[str, float]] = []
            for _ in range(runs):
                window = load(kind, users, count if users > 1 else max(50, count // 5), ramp * users / 16)
                tally = window.tally()
                row = {
                    "rps": tally.rate, "mean_ms": tally.mean_ms, "p95_ms": tally.ms(95), "failed": float(tally.failed),
                    "cpu_ms": 1000 * window.cpu / len(window.answers),
                }  # fmt: skip
                if kind == "mixed":
                    row["text_p95_ms"] = window.tally(lambda number: number % 2 == 1).ms(95)
                rows.append(row)
            middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
            figures |= {f"{kind}_{users}_{key}": value for key, value in middle.items()}
            print(f"{kind:6} {users:3} users  " + "  ".join(f"{k} {v:.1f}" for k, v in middle.items()), file=sys.stderr)
    return figures


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="at each level")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ramp", type=float, default=30.0, help="seconds until sixteen users are there")
    parser.add_argument("--levels", default=",".join(map(str, LEVELS)))
    parser.add_argument("--no-monolith", action="store_true")
    given = parser.parse_args()
    levels = tuple(int(level) for level in given.levels.split(","))
    image_seconds, text_seconds = network_seconds_of_busy_cores()
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (url, pid):
        own = measure(url, pid, given, ("image", "text", "mixed"), levels)
    out: dict[str, float] = {}
    most = max(levels)
    for kind in ("image", "text", "mixed"):
        out |= {f"{kind}_{key}": own[f"{kind}_{most}_{key}"] for key in ("rps", "mean_ms", "p95_ms", "failed")}
        out[f"{kind}_1user_ms"] = own.get(f"{kind}_1_mean_ms", float("nan"))
    out["mixed_text_p95_ms"] = own[f"mixed_{most}_text_p95_ms"]
    out["image_network_share"] = 1000 * image_seconds / own[f"image_{most}_cpu_ms"]
    out["text_overhead_cpu_ms"] = own[f"text_{most}_cpu_ms"] - 1000 * text_seconds
    if not given.no_monolith:
        with tempfile.TemporaryDirectory() as folder, monolith(Path(folder)) as (url, pid):
            base = measure(url, pid, given, ("image", "text", "mixed"), (most,))
        out |= {f"monolith_{kind}_rps": base[f"{kind}_{most}_rps"] for kind in ("image", "text", "mixed")}
        out |= {"monolith_mixed_p95_ms": base[f"mixed_{most}_p95_ms"]}
        out |= {"monolith_mixed_text_p95_ms": base[f"mixed_{most}_text_p95_ms"]}
    out |= {f"level_{key}": value for key, value in own.items()} if given.json else {}
    show(out, as_json=given.json)


if __name__ == "__main__":
    main()
