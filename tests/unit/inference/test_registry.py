"""Versions side by side, who answers, and how they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference.manifest import Manifest, manifests
from veriscope.inference.registry import Registry
from veriscope.inference.traffic import Route, Traffic

Bring = Callable[..., Manifest]


def states(registry: Registry) -> dict[str, tuple[str, bool, float, bool]]:
    return {s.manifest.label: (s.state, s.active, s.share, s.shadow) for s in registry.states() if s.own}


def test_without_an_own_folder_the_package_answers() -> None:
    registry = Registry()
    assert registry.manifest("centerface") == manifests()["centerface"]
    assert registry.health()["centerface"] == "ready"
    with pytest.raises(ModelUnavailable, match="no network called"):
        registry.manifest("nothing")
    with pytest.raises(ModelUnavailable, match="no folder"):
        registry.reroute("centerface", lambda route: route.activated("1"))


def test_versions_live_side_by_side(registry: Registry, bring: Bring) -> None:
    bring("1")
    bring("2", seed=1)
    assert states(registry) == {
        "genconvit@1": ("ready", True, 1.0, False),
        "genconvit@2": ("ready", False, 0.0, False),
    }
    assert registry.read("genconvit", "1") != registry.read("genconvit", "2")
    registry.reroute("genconvit", lambda route: route.activated("2"))
    assert registry.manifest("genconvit").version == "2"
    assert registry.manifest("genconvit", "1").version == "1"


def test_another_process_sees_the_change(registry: Registry, bring: Bring) -> None:
    other = Registry(own=registry.own)
    assert "genconvit" not in other.catalogue().versions
    bring("1")
    assert other.catalogue().active("genconvit") == "1"
    seen = other.catalogue()
    assert other.catalogue() is seen, "what has not changed is not read again"
    bring("2", seed=1)
    assert set(other.catalogue().versions["genconvit"]) == {"1", "2"}
    other.reroute("genconvit", lambda route: route.activated("2"))
    assert registry.catalogue().active("genconvit") == "2"
    assert seen.active("genconvit") == "1", "an examination that has begun keeps what it knew"


def test_shares_follow_the_content(registry: Registry, bring: Bring) -> None:
    bring("1")
    bring("2", seed=1)
    registry.reroute("genconvit", lambda route: route.shared("2", 0.2))
    catalogue = registry.catalogue()
    contents = [f"content {i}" for i in range(4000)]
    picked = [catalogue.answering("genconvit", content) for content in contents]
    assert picked == [catalogue.answering("genconvit", content) for content in contents]
    assert 0.17 < Counter(picked)["2"] / len(picked) < 0.23
    registry.reroute("genconvit", lambda route: route.shared("2", 0.5))
    now = [registry.catalogue().answering("genconvit", content) for content in contents]
    assert all(after == "2" for before, after in zip(picked, now, strict=True) if before == "2"), "a share only grows"
    assert states(registry)["genconvit@1"][2] == 0.5


def test_two_networks_are_split_apart() -> None:
    route = Route("1", {"2": 0.5})
    alike = sum(route.pick("a", str(i)) == route.pick("b", str(i)) for i in range(2000))
    assert 850 < alike < 1150


def test_shares_cannot_exceed_the_whole(registry: Registry, bring: Bring) -> None:
    for version in "123":
        bring(version, seed=int(version))
    registry.reroute("genconvit", lambda route: route.shared("2", 0.7))
    with pytest.raises(BadRequest):
        registry.reroute("genconvit", lambda route: route.shared("3", 0.4))
    assert registry.catalogue().routes["genconvit"].share == {"2": 0.7}, "a refused change changes nothing"


def test_activating_ends_the_experiment_with_that_version() -> None:
    route = Route("1", {"2": 0.3, "3": 0.1}, ("2", "4")).activated("2")
    assert route == Route("2", {"3": 0.1}, ("4",))


def test_what_is_not_there_cannot_answer(registry: Registry, bring: Bring) -> None:
    bring("1")
    bring("2", seed=1)
    registry.path("genconvit", "2").write_bytes(b"spoilt")
    for change in (
        lambda route: route.activated("9"),
        lambda route: route.activated("2"),
        lambda route: route.shared("2", 0.1),
        lambda route: route.shadowed("2", True),
    ):
        with pytest.raises(ModelUnavailable):
            registry.reroute("genconvit", change)
    assert registry.catalogue().active("genconvit") == "1"


def test_health_tells_missing_damaged_and_failing(registry: Registry, bring: Bring, bring_text: Bring) -> None:
    bring("1")
    bring("2", seed=1)
    bring_text()
    registry.path("genconvit", "1").unlink()
    registry.path("genconvit", "2").write_bytes(b"spoilt")
    (registry.path("newsroom").parent / "tokenizer.json").write_text("{}")
    found = {label: state[0] for label, state in states(registry).items()}
    assert found == {"genconvit@1": "missing", "genconvit@2": "damaged", "newsroom@1": "damaged"}
    assert "tokenizer.json" in registry.health()["newsroom"]
    with pytest.raises(ModelUnavailable, match="not installed"):
        registry.read("genconvit", "1")
    with pytest.raises(ModelUnavailable, match="not the one"):
        registry.asset("newsroom", "tokenizer")


def test_a_failure_is_seen_by_every_process(registry: Registry, bring: Bring) -> None:
    bring("1")
    other = Registry(own=registry.own)
    registry.note("genconvit", "1", "it broke")
    assert [(s.state, s.detail) for s in other.states() if s.own] == [("failing", "it broke")]
    other.note("genconvit", "1", "")
    assert states(registry)["genconvit@1"][0] == "ready"


def test_switched_off(registry: Registry, bring: Bring) -> None:
    bring("1")
    registry.reroute("genconvit", lambda route: route.activated("off"))
    with pytest.raises(ModelUnavailable, match="switched off"):
        registry.manifest("genconvit")
    assert registry.manifest("genconvit", "1").version == "1"
    assert "genconvit" not in registry.health()


def test_the_shipped_version_is_not_pinned(registry: Registry) -> None:
    """An update of the package may bring a newer one; whoever went back to "the shipped one" gets that."""
    registry.reroute("centerface", lambda route: route.activated("1"))
    assert registry.catalogue().routes["centerface"].active == ""


def test_a_spoilt_manifest_leaves_the_others_alone(registry: Registry, bring: Bring) -> None:
    bring("1")
    assert registry.own is not None
    (registry.own / "odd" / "1").mkdir(parents=True)
    (registry.own / "odd" / "1" / "manifest.yaml").write_text("name: [")
    (registry.own / "genconvit" / "1").rename(registry.own / "genconvit" / "7")
    bring("2", seed=1)
    found = Registry(own=registry.own).catalogue().versions
    assert set(found["genconvit"]) == {"2"}, "a folder that holds another version than its name says"
    assert "centerface" in found


@pytest.mark.parametrize("text", ["- a\n", "a: {share: {b: much}}\n", "a: {share: {b: 2}}\n", "a: [", "a: b\n"])
def test_a_spoilt_file_of_routes_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "active.yaml").write_text(text)
    with pytest.raises(ModelUnavailable, match=r"active\.yaml"):
        Traffic(tmp_path).routes()


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def add(number: int) -> None:
        with Traffic(tmp_path).change() as routes:
            routes[f"n{number}"] = Route(active=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(Traffic(tmp_path).routes()) == 40
