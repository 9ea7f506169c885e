"""Several inference servers: which one gets the next request, and which ones are left alone for a while.

No state is shared between gateways: each watches the nodes by itself.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from veriscope.errors import BadSetting

Policy = Literal["round_robin", "weighted", "least_outstanding"]
FAILURES = 2  # in a row, after which a node is left alone
REST_SECONDS = 5.0  # for so long; then one request tries it again
LOOK_SECONDS = 1.0  # at most so often is the list of nodes looked at


@dataclass(slots=True)
class Node:
    """One server; ``weight`` is its share under the policy ``weighted``."""

    url: str
    weight: float = 1.0
    outstanding: int = 0
    failures: int = 0
    rests_until: float = 0.0
    credit: float = field(default=0.0, repr=False)


def listed(urls: str) -> list[tuple[str, float]]:
    """Addresses with weights from ``host:port,host:port=2``, or from the YAML file named by ``@path``.

    Raises:
        BadSetting: it cannot be read.
    """
    if not urls.startswith("@"):
        return [_entry(part) for part in urls.split(",") if part.strip()]
    try:
        found = yaml.safe_load(Path(urls[1:]).read_text("utf-8")) or []
        return [
            _entry(entry) if isinstance(entry, str) else (str(entry["url"]), float(entry["weight"])) for entry in found
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as exc:
        raise BadSetting(f"The list of inference servers {urls[1:]} cannot be read: {exc}.") from exc


def _entry(text: str) -> tuple[str, float]:
    url, _, weight = text.strip().partition("=")
    try:
        return url.removeprefix("grpc://"), float(weight or 1.0)
    except ValueError:
        raise BadSetting(f"{weight} is no weight of an inference server.") from None


class Nodes:
    """The nodes of a setting, read again when its file changes. Safe for threads."""

    def __init__(self, urls: str, policy: Policy = "least_outstanding", clock: Callable[[], float] = time.monotonic):
        self._urls = urls
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = itertools.count()
        self._looked = float("-inf")
        self._stamp: tuple[int, int] | None = None
        self._nodes: list[Node] = []
        self._refresh()
        if not self._nodes:
            raise BadSetting("There is no inference server in the list.")

    @property
    def all(self) -> list[Node]:
        with self._lock:
            return list(self._nodes)

    def order(self) -> Iterator[Node]:
        """The node for this request, then those to turn to when it fails; nodes at rest come last."""
        self._refresh()
        with self._lock:
            now = self._clock()
            awake = [node for node in self._nodes if node.rests_until <= now]
            resting = [node for node in self._nodes if node.rests_until > now]
            yield_order = [*self._sorted(awake), *resting]
        yield from yield_order

    def _sorted(self, nodes: list[Node]) -> list[Node]:
        if not nodes:
            return []
        turn = next(self._turn) % len(nodes)
        rotated = nodes[turn:] + nodes[:turn]
        if self._policy == "least_outstanding":
            return sorted(rotated, key=lambda node: node.outstanding / node.weight)
        if self._policy == "weighted":  # smooth: the node with most credit, which then pays for the round
            for node in nodes:
                node.credit += node.weight
            best = max(nodes, key=lambda node: node.credit)
            best.credit -= sum(node.weight for node in nodes)
            return [best, *(node for node in rotated if node is not best)]
        return rotated

    def began(self, node: Node) -> None:
        with self._lock:
            node.outstanding += 1

    def ended(self, node: Node, *, well: bool) -> None:
        """A node that failed ``FAILURES`` times in a row rests; one answer makes good for all."""
        with self._lock:
            node.outstanding -= 1
            node.failures = 0 if well else node.failures + 1
            node.rests_until = 0.0 if well else node.rests_until
            if node.failures >= FAILURES:
                node.rests_until = self._clock() + REST_SECONDS

    def _refresh(self) -> None:
        with self._lock:
            now = self._clock()
            if now - self._looked < LOOK_SECONDS:
                return
            self._looked = now
            stamp = self._file_stamp()
            if self._nodes and stamp == self._stamp:
                return
            try:
                found = listed(self._urls)
            except BadSetting:
                if not self._nodes:
                    raise
                return  # half-written: the nodes there were go on
            self._stamp = stamp
            known = {node.url: node for node in self._nodes}
            for url, weight in found:
                known.setdefault(url, Node(url)).weight = weight
            self._nodes = [known[url] for url, _ in found]

    def _file_stamp(self) -> tuple[int, int] | None:
        if not self._urls.startswith("@"):
            return None
        try:
            found = Path(self._urls[1:]).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
