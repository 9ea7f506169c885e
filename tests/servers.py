"""Real servers for the tests: each on a free port, with a data folder of its own, gone when the tests are."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

START_SECONDS = 60.0
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *places: str) -> str:
    """Path of a server's program; where it is missing the test skips with a reason, in CI it fails."""
    found = shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        absent(f"{name} is not installed")
    assert found is not None
    return found


def absent(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Daemon:
    """A process that listens; ``answers`` says when it is ready."""

    def __init__(
        self, command: Sequence[str], folder: Path, answers: Callable[[], bool], env: dict[str, str] | None = None
    ) -> None:
        self._command = list(command)
        self._env = {**os.environ, **(env or {})}
        self._answers = answers
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self.ports: dict[str, int] = {}

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._env, process_group=0
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, f"it ended: {self.log.read_text(errors='replace')[-2000:]}"
            assert time.monotonic() < deadline, f"it does not answer: {self.log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.1)

    def stop(self, sig: int = signal.SIGTERM) -> None:
        """Send a signal to the whole group and wait; by force after ten seconds."""
        if self.process is None:
            return
        for each in (sig, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, each)
            try:
                self.process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process = None


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgres() -> Iterator[tuple[str, Daemon]]:
    """A PostgreSQL server; gives the URL of its database ``postgres``, user ``postgres``, no password.

    Its folder is not one of pytest's: those are closed to other users again whenever a second pytest starts.
    """
    places = sorted(str(p) for p in Path("/usr/lib/postgresql").glob("*/bin"))
    initdb, server = program("initdb", *places), program("postgres", *places)
    folder = Path(tempfile.mkdtemp(prefix="veriscope-postgres-"))
    run: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        run = [program("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data, port = folder / "data", free_port()
    command = [*run, initdb, "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert made.returncode == 0, made.stderr
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories={folder}"
    ready = [program("pg_isready", *places), "-q", "-h", "127.0.0.1", "-p", str(port)]  # it listens before it answers

    def answers() -> bool:
        return subprocess.run(ready, check=False).returncode == 0

    daemon = Daemon([*run, server, "-D", str(data), *options.split()], folder, answers)
    daemon.start()
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", daemon
    finally:
        daemon.stop(signal.SIGINT)  # fast shutdown
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, Daemon]]:
    folder.mkdir(parents=True)
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(folder)]
    daemon = Daemon(command, folder, lambda: listens(port))
    daemon.start()
    try:
        yield f"redis://127.0.0.1:{port}/0", daemon
    finally:
        daemon.stop()


@contextmanager
def rabbitmq(folder: Path) -> Iterator[tuple[str, Daemon]]:
    """A RabbitMQ node with a name, a cookie and a port mapper of its own."""
    # not the wrapper on the path, which changes to another user
    server = program("rabbitmq-server", *(p for p in ("/usr/lib/rabbitmq/bin",) if Path(p).is_dir()))
    folder.mkdir(parents=True)
    port, mapper, distribution = free_port(), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n")
    (folder / "enabled_plugins").write_text("[].")
    env = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"veriscope{port}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_CRASH_DUMP": str(folder / "crash"),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    daemon = Daemon([server], folder, lambda: listens(port), env)
    daemon.start()
    try:
        yield f"amqp://guest:guest@127.0.0.1:{port}//", daemon
    finally:
        daemon.stop()
        command = [program("epmd"), "-port", str(mapper), "-kill"]  # it has left our group; this port is ours alone
        subprocess.run(command, check=False, capture_output=True)


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    """An S3-compatible server (moto); gives its endpoint. Credentials are ``test`` and ``test``."""
    pytest.importorskip("moto", reason="moto is not installed")
    folder.mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    daemon = Daemon(command, folder, lambda: listens(port))
    daemon.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        daemon.stop()


@contextmanager
def nginx(folder: Path, gateways: Sequence[str]) -> Iterator[tuple[str, Daemon]]:
    """nginx with our configuration, but for TLS, before gateways (``host:port``); gives its URL."""
    server = program("nginx", "/usr/sbin")
    folder.mkdir(parents=True)
    port = free_port()
    ours = (ROOT / "deploy/nginx/veriscope.conf").read_text()
    ours, ssl = re.subn(r"(?m)^ *(ssl_\w+|add_header Strict-Transport-Security) .*\n", "", ours)
    ours, listen = re.subn(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", ours)
    upstream = "".join(f"    server {gateway} max_fails=2 fail_timeout=5s;\n" for gateway in gateways)
    ours, found = re.subn(r"(?m)(^    server gateway-\d.*\n)+", upstream, ours)
    assert (ssl, listen, found) == (4, 1, 1), "the configuration has changed: adapt this"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # our folder is for us alone
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{ours}}}\n"
    )
    daemon = Daemon([server, "-p", str(folder), "-c", str(folder / "nginx.conf")], folder, lambda: listens(port))
    daemon.start()
    try:
        yield f"http://127.0.0.1:{port}", daemon
    finally:
        daemon.stop()


@contextmanager
def triton(folder: Path, repository: Path, *more: str) -> Iterator[tuple[str, Daemon]]:
    """A real Triton on a model repository; gives the address of its gRPC service. ``ports`` has the others."""
    environment = Path(os.environ.get("VERISCOPE_TRITON", ROOT / ".venv-triton"))
    if not (environment / "bin" / "python").exists():
        absent(f"no Triton in {environment}: run 'make triton-environment'")
    folder.mkdir(parents=True)
    ports = {kind: free_port() for kind in ("grpc", "http", "metrics")}
    command = [sys.executable, str(ROOT / "deploy/triton/serve.py"), "--environment", str(environment)]
    command += ["--repository", str(repository)]
    command += [part for kind, port in ports.items() for part in (f"--{kind}-port", str(port))]

    def ready() -> bool:
        with suppress(OSError):
            url = f"http://127.0.0.1:{ports['http']}/v2/health/ready"
            return urllib.request.urlopen(url, timeout=1).status == 200
        return False

    daemon = Daemon([*command, "--", *more], folder, ready)
    daemon.ports = ports
    daemon.start()
    try:
        yield f"127.0.0.1:{ports['grpc']}", daemon
    finally:
        daemon.stop(signal.SIGKILL)
