"""The plots are drawn from the figures given, and only the parts of the page that were measured change."""

from __future__ import annotations

import importlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
USERS = (1, 4, 16)
SVG = "{http://www.w3.org/2000/svg}"


def serving() -> dict[str, float]:
    figures: dict[str, float] = {"mixed_text_p95_ms": 88, "image_network_share": 0.81, "text_overhead_cpu_ms": 1.2}
    for kind, rate in (("image", 36.0), ("text", 320.0), ("mixed", 61.0)):
        figures |= {f"{kind}_rps": rate, f"{kind}_mean_ms": 400, f"{kind}_p95_ms": 590, f"{kind}_1user_ms": 40}
        figures[f"monolith_{kind}_rps"] = rate / 2
        for users in USERS:
            figures[f"level_{kind}_{users}_rps"] = rate * users / 16
            figures[f"level_{kind}_{users}_p95_ms"] = 30.0 * users
    return figures


CACHE = {"hits_per_s": 812.5, "bytes": 60_100}


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("plots")


def run(plots: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, *files: dict[str, Any]) -> str:
    page = folder / "page.md"
    if not page.exists():
        page.write_text((ROOT / "docs/benchmarks.md").read_text("utf-8"), "utf-8")
    paths = [folder / f"{index}.json" for index in range(len(files))]
    for path, figures in zip(paths, files, strict=True):
        path.write_text(json.dumps(figures))
    monkeypatch.setattr("sys.argv", ["plots", *map(str, paths), "--page", str(page), "--folder", str(folder)])
    plots.main()
    return page.read_text("utf-8")


def part(page: str, name: str) -> str:
    """What stands between the marks of this part of the page."""
    return page.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]


def test_curves_have_every_level_and_the_papers_marks(
    plots: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = run(plots, monkeypatch, tmp_path, serving(), CACHE)
    assert "| image | 36.0 | 400 | 590 | 34.99, 604 ms | 18.0 |" in page
    assert "812 hits a second" in page
    assert part(page, "isolation") == part((ROOT / "docs/benchmarks.md").read_text("utf-8"), "isolation")
    latency = ET.parse(tmp_path / "latency.svg").getroot()
    curves = latency.findall(f"{SVG}polyline")
    assert [len(curve.attrib["points"].split()) for curve in curves] == [len(USERS)] * 3
    hollow = [c for c in latency.findall(f"{SVG}circle") if c.attrib["fill"] == "none"]
    assert len(hollow) == 6
    heights = [float(point.split(",")[1]) for point in curves[0].attrib["points"].split()]
    assert heights == sorted(heights, reverse=True)  # slower is higher up
    again = run(plots, monkeypatch, tmp_path, {**CACHE, "hits_per_s": 700.0})
    assert "700 hits a second" in again
    assert "812 hits" not in again
    assert "| image | 36.0 |" in again


def test_bars_say_what_was_measured(plots: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = {
        "text_p95_alone_ms": 21.0,
        "text_p95_loaded_ms": 63.0,
        "slow_uploads_text_p95_ms": 40.0,
        "video_kept_share": 0.74,
        "video_alone_x_realtime": 2.1,
    }
    page = run(plots, monkeypatch, tmp_path, figures)
    assert "21 ms alone, 63 ms beside films" in page
    words = [text.text for text in ET.parse(tmp_path / "isolation.svg").getroot().findall(f"{SVG}text")]
    assert {"21 ms", "63 ms", "40 ms", "≤ 75 loaded"} <= set(words)


def test_a_part_without_plots_has_its_lines(plots: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = {f"{way}_{key}": 12.25 for way in ("local", "redis", "rabbitmq") for key in ("jobs_per_s", "wake_ms")}
    page = run(plots, monkeypatch, tmp_path, figures)
    assert part(page, "brokers").count("| 12.2 | 12 |") == 3
    assert not list(tmp_path.glob("*.svg"))


def test_figures_of_another_bench_are_refused(
    plots: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="of no bench that has a plot"):
        run(plots, monkeypatch, tmp_path, {"accepted": 1})
    short = {key: value for key, value in serving().items() if not key.startswith("level_")}
    with pytest.raises(SystemExit, match="levels are missing"):
        run(plots, monkeypatch, tmp_path, short)
