"""The timeline as an SVG drawing, for the written report."""

from __future__ import annotations

from xml.sax.saxutils import escape

from veriscope.evidence.timeline import Lane, duration, lanes
from veriscope.evidence.words import Words
from veriscope.types import Report
from veriscope.wording import title

WIDTH, LEFT, LANE, GAP = 900, 190, 46, 10
BLUE, AMBER = "#4a7fb5", "#e69f00"


def _ticks(seconds: float) -> list[float]:
    """Five to ten round moments from 0 to the end."""
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800) if seconds / s <= 9), 3600.0)
    return [n * step for n in range(int(seconds / step) + 1)]


def _row(lane: Lane, name: str, top: float, seconds: float, words: Words) -> list[str]:
    def x(time: float) -> float:
        return LEFT + min(1.0, max(0.0, time / seconds)) * (WIDTH - LEFT - 10)

    def y(score: float) -> float:
        return top + LANE - min(1.0, max(0.0, score)) * LANE

    label, signal = escape(name), escape(words("signal." + lane.signal.value))
    parts = [
        f'<text x="0" y="{top + 18}" font-size="13">{label}</text>',
        f'<text x="0" y="{top + 34}" font-size="11" opacity="0.75">{signal}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 10}" height="{LANE}" fill="currentColor" opacity="0.06"/>',
    ]
    for span in lane.spans:
        start = x(span.start)
        wide = max(2.0, x(span.end) - start)
        parts.append(
            f'<rect x="{start:.1f}" y="{top}" width="{wide:.1f}" height="{LANE}" fill="{AMBER}" fill-opacity="0.35" '
            f'stroke="{AMBER}"/>'
        )
    if lane.points:
        path = " ".join(f"{x(p.time):.1f},{y(p.score):.1f}" for p in lane.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>')
        if len(lane.points) <= 120:
            parts += [f'<circle cx="{x(p.time):.1f}" cy="{y(p.score):.1f}" r="2" fill="{BLUE}"/>' for p in lane.points]
    return parts


def timeline_svg(report: Report, lang: str, *, colour: str | None = None) -> str | None:
    """One lane per detector: points as a line from 0 (bottom) to 1 (top), spans as amber bars.

    Args:
        report: a video's or sound's report; without marked moments there is no drawing.
        lang: language of the labels.
        colour: of the text; ``None`` leaves it to the page around it.
    """
    rows, seconds, words = lanes(report), duration(report), Words(lang)
    if not rows or seconds <= 0:
        return None
    height = len(rows) * (LANE + GAP) + 22
    names = {f.detector: title(f, lang) for f in report.findings}
    parts: list[str] = []
    for number, lane in enumerate(rows):
        parts += _row(lane, names[lane.detector], number * (LANE + GAP), seconds, words)
    for tick in _ticks(seconds):
        at = LEFT + tick / seconds * (WIDTH - LEFT - 10)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height - 20}" stroke="currentColor" opacity="0.15"/>'
        )
        anchor = "start" if tick == 0 else "end" if at > WIDTH - 40 else "middle"
        parts.append(
            f'<text x="{at:.1f}" y="{height - 5}" font-size="11" text-anchor="{anchor}">{words.clock(tick)}</text>'
        )
    style = "" if colour is None else f' color="{colour}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" fill="currentColor"'
        f' font-family="Libertinus Serif, serif"{style}><title>{escape(words("timeline.alt"))}</title>'
        f"{''.join(parts)}</svg>"
    )
