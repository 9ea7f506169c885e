"""Small SVG diagrams, written by hand: they follow the reader's light or dark page and need no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 46, 40
_COLOURS = (  # on light, on dark
    ("#1a6fb5", "#6db8f2"),
    ("#b3541e", "#f0a070"),
    ("#2e7d4f", "#79cf9c"),
    ("#7a4fb0", "#c3a1ef"),
    ("#8a6d00", "#e0c04f"),
    ("#a8286a", "#f08cc0"),
)
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#333}.t{font-weight:600}.g{stroke:#ddd}.a{stroke:#777;fill:none}"
    + "".join(f".c{i}{{stroke:{light};fill:{light}}}" for i, (light, _) in enumerate(_COLOURS))
    + ".l{fill:none;stroke-width:1.8}.b{stroke-width:1;opacity:.55}"
    + "@media(prefers-color-scheme:dark){text{fill:#ddd}.g{stroke:#3a3a3a}.a{stroke:#999}"
    + "".join(f".c{i}{{stroke:{dark};fill:{dark}}}" for i, (_, dark) in enumerate(_COLOURS))
    + "}"
)


@dataclass(frozen=True, slots=True)
class Point:
    """``x`` in axis units; ``low`` and ``high`` are the interval's ends where it is known."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


def unit(title: str) -> Axis:
    """From 0 to 1 in fifths."""
    return Axis(title, 0.0, 1.0, [(k / 5, f"{k / 5:.1f}") for k in range(6)])


def plot(
    title: str,
    x: Axis,
    y: Axis,
    series: Mapping[str, Sequence[Point]],
    *,
    diagonal: bool = False,
    level: float | None = None,
) -> str:
    """Lines with interval bars. ``diagonal`` draws what perfect would be, ``level`` a dashed line at that height."""

    def across(value: float) -> float:
        return LEFT + (value - x.low) / (x.high - x.low) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        inside = min(max(value, y.low), y.high)
        return HEIGHT - BOTTOM - (inside - y.low) / (y.high - y.low) * (HEIGHT - TOP - BOTTOM)

    parts = [_text(8, 16, title, "t")]
    for value, words in y.ticks:
        parts.append(_line(LEFT, up(value), WIDTH - RIGHT, up(value), "g"))
        parts.append(_text(LEFT - 6, up(value) + 4, words, anchor="end"))
    for value, words in x.ticks:
        parts.append(_text(across(value), HEIGHT - BOTTOM + 15, words, anchor="middle"))
    parts.append(_line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "a"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x.title, anchor="middle"))
    parts.append(_text(8, TOP - 12, y.title))
    if diagonal:
        parts.append(_line(across(x.low), up(y.low), across(x.high), up(y.high), "a", dash=True))
    if level is not None:
        parts.append(_line(LEFT, up(level), WIDTH - RIGHT, up(level), "a", dash=True))
    for number, (name, points) in enumerate(series.items()):
        colour = f"c{number % len(_COLOURS)}"
        for p in points:
            if p.low is not None and p.high is not None:
                parts.append(_line(across(p.x), up(p.low), across(p.x), up(p.high), f"{colour} b"))
        path = " ".join(f"{across(p.x):.1f},{up(p.y):.1f}" for p in points)
        parts.append(f'<polyline class="{colour} l" points="{path}"/>')
        for p in points:
            note = f"<title>{escape(p.label)}</title>" if p.label else ""
            parts.append(f'<circle class="{colour}" cx="{across(p.x):.1f}" cy="{up(p.y):.1f}" r="3">{note}</circle>')
        if len(series) > 1:
            column, row = number % 3, number // 3
            at = LEFT + 10 + 115 * column, HEIGHT - BOTTOM - 8 - 14 * row
            parts.append(_text(*at, name, extra=f' class="{colour}"'))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(title, quote=True)}"><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str, *, dash: bool = False) -> str:
    dashes = ' stroke-dasharray="4 3"' if dash else ""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{dashes}/>'


def _text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start", extra: str = "") -> str:
    style = f' class="{kind}"' if kind else extra
    if "class" in style and kind != "t":
        style += ' style="stroke:none"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def ordinal(title: str, labels: Sequence[str]) -> Axis:
    """Steps without a measure, such as levels of a treatment, at 0, 1, 2 …"""
    return Axis(title, -0.3, len(labels) - 0.7, [(float(i), label) for i, label in enumerate(labels)])


def training_curve(lines: Sequence[Mapping[str, float]]) -> str:
    """``score`` over the steps, from the lines of a run's ``log.jsonl``."""
    points = [Point(line["step"], line["score"], label=f"{line['step']:.0f}: {line['score']:.4f}") for line in lines]
    last = max((p.x for p in points), default=1.0)
    scores = [p.y for p in points] or [0.0, 1.0]
    low, high = min(scores), max(scores)
    margin = 0.1 * (high - low) or 0.05
    low, high = low - margin, high + margin
    steps = Axis("steps", 0.0, last, [(last * k / 4, f"{last * k / 4:.0f}") for k in range(5)])
    score = Axis(
        "score", low, high, [(low + (high - low) * k / 4, f"{low + (high - low) * k / 4:.3f}") for k in range(5)]
    )
    return plot("Validation", steps, score, {"score": points})
