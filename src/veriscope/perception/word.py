"""A word that was heard, and how a recogniser wants to listen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: float  # seconds
    end: float
    confidence: float  # 0–1, as the recogniser gives it; not calibrated


@dataclass(frozen=True, slots=True)
class Ways:
    """How a recogniser is fed, and what its answer is worth; the defaults are those of ``pocketsphinx``."""

    window: float = 5.0  # seconds that it is given at most
    join: float = 0.6  # seconds of silence that stay inside a window
    loose: bool = False  # the edges of its words lie in the pauses around them
    apart: bool = False  # words of personal data count as understood: they are covered anyway
    whole: float = 0.25  # share of a stretch not understood from which it is covered whole: worse than the usual


def ways(recogniser: object) -> Ways:
    """``ways`` of a recogniser, or the usual ones."""
    found = getattr(recogniser, "ways", None)
    return found if isinstance(found, Ways) else Ways()
