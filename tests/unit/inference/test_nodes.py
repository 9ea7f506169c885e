"""Who gets the next request: turns, weights, the least busy; who failed rests; the list may change."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from veriscope.errors import BadSetting
from veriscope.inference.nodes import FAILURES, REST_SECONDS, Nodes, listed


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def first(nodes: Nodes) -> str:
    return next(nodes.order()).url


def test_turns() -> None:
    nodes = Nodes("a:1,b:1,c:1", "round_robin")
    assert [first(nodes) for _ in range(6)] == ["a:1", "b:1", "c:1"] * 2


def test_weights() -> None:
    nodes = Nodes("a:1=3,b:1", "weighted")
    served = [first(nodes) for _ in range(400)]
    assert Counter(served) == {"a:1": 300, "b:1": 100}
    assert "b:1" in served[:4], "the light one is not left for the end"


def test_the_least_busy() -> None:
    nodes = Nodes("a:1,b:1", "least_outstanding")
    busy = next(nodes.order())
    nodes.began(busy)
    other = next(nodes.order())
    assert other is not busy
    nodes.began(other)
    nodes.ended(busy, well=True)
    assert next(nodes.order()) is busy


def test_every_order_names_every_node() -> None:
    for policy in ("round_robin", "weighted", "least_outstanding"):
        nodes = Nodes("a:1,b:1=2,c:1", policy)  # type: ignore[arg-type]
        for _ in range(5):
            assert sorted(node.url for node in nodes.order()) == ["a:1", "b:1", "c:1"]


def test_a_node_that_fails_rests_and_is_tried_again() -> None:
    clock = Clock()
    nodes = Nodes("a:1,b:1", "round_robin", clock)
    bad = next(node for node in nodes.all if node.url == "a:1")
    for _ in range(FAILURES):
        nodes.began(bad)
        nodes.ended(bad, well=False)
    assert {first(nodes) for _ in range(4)} == {"b:1"}
    assert [node.url for node in nodes.order()][-1] == "a:1", "it is still there when all else fails"
    clock.now += REST_SECONDS + 1
    assert {first(nodes) for _ in range(4)} == {"a:1", "b:1"}
    nodes.began(bad)
    nodes.ended(bad, well=True)
    assert bad.failures == 0


def test_a_node_is_added_without_a_restart(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "nodes.yaml"
    path.write_text("- a:1\n")
    nodes = Nodes(f"@{path}", "round_robin", clock)
    kept = nodes.all[0]
    path.write_text("- a:1\n- {url: 'b:1', weight: 2}\n")
    clock.now += 2
    first(nodes)
    assert [(node.url, node.weight) for node in nodes.all] == [("a:1", 1.0), ("b:1", 2.0)]
    assert nodes.all[0] is kept
    path.write_text("{")
    clock.now += 2
    first(nodes)
    assert len(nodes.all) == 2, "a file that is being written changes nothing"


@pytest.mark.parametrize("urls", ["", "a:1=x", "@/nowhere/nodes.yaml"])
def test_lists_that_make_no_sense(urls: str) -> None:
    with pytest.raises(BadSetting):
        Nodes(urls)


def test_addresses() -> None:
    assert listed("grpc://a:1, b:2=0.5") == [("a:1", 1.0), ("b:2", 0.5)]
