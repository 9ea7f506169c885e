"""Plots and the table of ``docs/benchmarks.md`` from what the serving, isolation and cache benches printed with --json.

    python bench/serving.py --json > serving.json
    python bench/isolation.py --json > isolation.json
    python bench/cache.py --json > cache.json
    python bench/plots.py serving.json isolation.json cache.json

Each file is known by its keys; those that are not given leave their plots and rows as they are. Beside our own curves
stand the reference paper's figures (16 cores and an RTX 6000) as hollow marks, and the promise as a dashed line.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PAGE, FOLDER = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks"
COLOURS = {"image": "#0072b2", "text": "#009e73", "mixed": "#d55e00"}  # told apart with any colour vision
PAPER = {  # kind → ms with one user (mean), P95 ms and requests a second with sixteen
    "image": (207, 604, 34.99),
    "text": (179, 576, 35.55),
    "mixed": (198, 715, 33.71),
}
PROMISED_HITS, TEXT_MS = 600, {"alone": 50, "loaded": 75, "trickled": 1000}
WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 96, 44, 48
Figures = Mapping[str, float]


@dataclass
class Chart:
    """An SVG with two axes; the vertical one may be logarithmic."""

    title: str
    across: str
    ticks: Sequence[float]
    low: float
    high: float
    logarithmic: bool = False
    parts: list[str] = field(default_factory=list)

    def x(self, at: float) -> float:
        first, last = math.log2(self.ticks[0]), math.log2(self.ticks[-1])
        return LEFT + (math.log2(at) - first) / max(1e-9, last - first) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM)

    def text(
        self, x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#333", size: int = 12
    ) -> None:
        self.draw("text", words, x=x, y=y, text_anchor=anchor, fill=colour, font_size=size)

    def draw(self, shape: str, words: str = "", **attributes: object) -> None:
        given = " ".join(
            f'{key.replace("_", "-")}="{value:.1f}"'
            if isinstance(value, float)
            else f'{key.replace("_", "-")}="{value}"'
            for key, value in attributes.items()
        )
        self.parts.append(f"<{shape} {given}>{escape(words)}</{shape}>" if words else f"<{shape} {given}/>")

    def line(self, value: float, colour: str, dashes: str = "none") -> float:
        y = self.y(value)
        self.draw("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke=colour, stroke_dasharray=dashes)
        return y

    def rule(self, value: float, words: str) -> None:
        """A horizontal line that says what was promised."""
        self.text(WIDTH - RIGHT + 6, self.line(value, "#999", "5 4") + 4, words, colour="#777", size=11)

    def curve(self, points: Sequence[tuple[float, float]], colour: str, words: str) -> None:
        places = [(self.x(a), self.y(b)) for a, b in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.draw("polyline", points=path, fill="none", stroke=colour, stroke_width=2)
        for x, y in places:
            self.draw("circle", cx=x, cy=y, r=3.5, fill=colour)
        self.text(places[-1][0] + 10, places[-1][1] + 4, words, colour=colour)

    def mark(self, at: float, value: float, colour: str) -> None:
        self.draw("circle", cx=self.x(at), cy=self.y(value), r=5, fill="none", stroke=colour, stroke_width=1.5)

    def bar(self, index: int, count: int, value: float, colour: str, name: str, said: str) -> None:
        room = (WIDTH - LEFT - RIGHT) / count
        x, y = LEFT + room * (index + 0.2), self.y(value)
        self.draw("rect", x=x, y=y, width=room * 0.6, height=HEIGHT - BOTTOM - y, fill=colour)
        self.text(x + room * 0.3, y - 6, said, anchor="middle")
        self.text(x + room * 0.3, HEIGHT - BOTTOM + 18, name, anchor="middle")

    def svg(self, levels: Sequence[float]) -> str:
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" role="img">',
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        ]
        own, self.parts = self.parts, []
        for level in levels:
            y = self.line(level, "#eee")
            self.text(LEFT - 8, y + 4, f"{level:g}", anchor="end")
        self.text(16, 24, self.title, size=14)
        if self.across:
            for tick in self.ticks:
                self.text(self.x(tick), HEIGHT - BOTTOM + 18, f"{tick:g}", anchor="middle")
            self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, self.across, anchor="middle")
        return "\n".join([*head, *self.parts, *own, "</svg>"]) + "\n"


def levels_of(serving: Figures) -> list[int]:
    found = {int(key.split("_")[2]) for key in serving if key.startswith("level_image_") and key.endswith("_rps")}
    if not found:
        sys.exit("The serving bench must have been run with --json: its levels are missing.")
    return sorted(found)


def rising(values: Sequence[float]) -> list[float]:
    """Round levels 1, 2, 5 · 10ⁿ around all values, for a logarithmic axis."""
    low, high = min(values), max(values)
    steps = [m * 10.0**e for e in range(-2, 7) for m in (1, 2, 5)]
    first = max((s for s in steps if s <= low), default=steps[0])
    last = min((s for s in steps if s >= high), default=steps[-1])
    return [s for s in steps if first <= s <= last]


def latency(serving: Figures) -> str:
    users = levels_of(serving)
    curves = {kind: [(float(n), serving[f"level_{kind}_{n}_p95_ms"]) for n in users] for kind in COLOURS}
    marks = [value for kind in PAPER for value in PAPER[kind][:2]]
    axis = rising([value for curve in curves.values() for _, value in curve] + marks)
    chart = Chart(
        "P95 in ms by users (hollow: the paper's; one user: its mean)",
        "users",
        users,
        axis[0],
        axis[-1],
        logarithmic=True,
    )
    for kind, curve in curves.items():
        chart.curve(curve, COLOURS[kind], kind)
        chart.mark(users[0], PAPER[kind][0], COLOURS[kind])
        chart.mark(users[-1], PAPER[kind][1], COLOURS[kind])
    return chart.svg(axis)


def throughput(serving: Figures) -> str:
    users = levels_of(serving)
    curves = {kind: [(float(n), serving[f"level_{kind}_{n}_rps"]) for n in users] for kind in COLOURS}
    axis = rising([value for curve in curves.values() for _, value in curve] + [PAPER[kind][2] for kind in PAPER])
    chart = Chart(
        "Requests a second by users (hollow: the paper's)", "users", users, axis[0], axis[-1], logarithmic=True
    )
    for kind, curve in curves.items():
        chart.curve(curve, COLOURS[kind], kind)
        chart.mark(users[-1], PAPER[kind][2], COLOURS[kind])
    return chart.svg(axis)


def isolation(figures: Figures) -> str:
    keys = {"alone": "text_p95_alone_ms", "loaded": "text_p95_loaded_ms", "trickled": "slow_uploads_text_p95_ms"}
    axis = rising([figures[key] for key in keys.values()] + [*TEXT_MS.values(), 10.0])
    chart = Chart("P95 of a text in ms: alone, beside films and pictures, beside 500 slow uploads", "", [1, 2], axis[0],
                  axis[-1], logarithmic=True)  # fmt: skip
    for index, (name, key) in enumerate(keys.items()):
        chart.bar(index, len(keys), figures[key], COLOURS["text"], name, f"{figures[key]:.0f} ms")
        chart.rule(TEXT_MS[name], f"≤ {TEXT_MS[name]} {name}")
    return chart.svg(axis)


def hits(figures: Figures) -> str:
    most = max(figures["hits_per_s"], PROMISED_HITS) * 1.2
    chart = Chart("Cache hits a second, 60-kB upload, token checked", "", [1, 2], 0, most)
    chart.bar(0, 1, figures["hits_per_s"], COLOURS["image"], "16 users", f"{figures['hits_per_s']:.0f}/s")
    chart.rule(PROMISED_HITS, f"≥ {PROMISED_HITS}")
    return chart.svg([0, PROMISED_HITS])


def serving_rows(f: Figures) -> list[str]:
    rows = [
        "| 16 users | requests/s | mean ms | P95 ms | paper: requests/s, P95 | monolith: requests/s |",
        "|---|---|---|---|---|---|",
    ]
    for kind, (_, p95, rate) in PAPER.items():
        own = f"{f[f'{kind}_rps']:.1f} | {f[f'{kind}_mean_ms']:.0f} | {f[f'{kind}_p95_ms']:.0f}"
        other = f.get(f"monolith_{kind}_rps")
        rows.append(f"| {kind} | {own} | {rate}, {p95} ms | {'–' if other is None else f'{other:.1f}'} |")
    means = ", ".join(f"{kind} {f[f'{kind}_1user_ms']:.0f} ms" for kind in PAPER)
    rows += ["", f"One user, mean: {means}. P95 of the texts in the mix: {f['mixed_text_p95_ms']:.0f} ms."]
    share, beyond = f["image_network_share"], f["text_overhead_cpu_ms"]
    rows += [f"The network's share of all CPU of a picture: {share:.2f}. A text's CPU beyond it: {beyond:.2f} ms."]
    return rows


def isolation_rows(f: Figures) -> list[str]:
    alone, loaded, slow = (f[key] for key in ("text_p95_alone_ms", "text_p95_loaded_ms", "slow_uploads_text_p95_ms"))
    kept, rate = f["video_kept_share"], f["video_alone_x_realtime"]
    return [
        f"P95 of a text: {alone:.0f} ms alone, {loaded:.0f} ms beside films and pictures, {slow:.0f} ms in a trickle.",
        f"The films keep {kept:.2f} of their throughput alone ({rate:.1f} × real time).",
    ]


def hits_rows(f: Figures) -> list[str]:
    return [f"{f['hits_per_s']:.0f} hits a second ({f['bytes'] / 1000:.0f} kB each)."]


def broker_rows(f: Figures) -> list[str]:
    names = {"local": "embedded, SQLite", "redis": "Celery on Redis", "rabbitmq": "Celery on RabbitMQ"}
    rows = ["| one process doing jobs of one second of sound | jobs/s | claimed after, ms |", "|---|---|---|"]
    return rows + [f"| {n} | {f[f'{w}_jobs_per_s']:.1f} | {f[f'{w}_wake_ms']:.0f} |" for w, n in names.items()]


PARTS = {  # a key that tells the bench → name, plots, rows
    "mixed_text_p95_ms": ("serving", {"latency": latency, "throughput": throughput}, serving_rows),
    "text_p95_alone_ms": ("isolation", {"isolation": isolation}, isolation_rows),
    "hits_per_s": ("cache", {"cache": hits}, hits_rows),
    "redis_jobs_per_s": ("brokers", {}, broker_rows),
}


def put(page: str, name: str, rows: Sequence[str]) -> str:
    """The page with these lines between its marks ``<!-- name -->`` and ``<!-- /name -->``."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        sys.exit(f"The page has no marks {begin} and {end}.")
    return before + begin + "\n" + "\n".join(rows) + "\n" + end + after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="JSON of the benches")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    page = given.page.read_text("utf-8")
    for file in given.files:
        figures: Figures = json.loads(file.read_text("utf-8"))
        known = [part for key, part in PARTS.items() if key in figures]
        if not known:
            sys.exit(f"{file} is of no bench that has a plot.")
        name, plots, rows = known[0]
        for plot, draw in plots.items():
            (given.folder / f"{plot}.svg").write_text(draw(figures), "utf-8")
            print(given.folder / f"{plot}.svg")
        pictures = [f"![{plot}]({given.folder.name}/{plot}.svg)" for plot in plots]
        page = put(page, name, [*rows(figures), *([""] if pictures else []), *pictures])
    given.page.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
