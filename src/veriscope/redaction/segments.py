"""Text in pieces: what a reader sees as one text stands in many nodes, cues or fields, and a name may cross them.

The pieces are joined, searched as one text, and each finding is taken out of every piece that holds a part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from veriscope.perception.pii import PiiKind, PiiSpan


@dataclass(slots=True)
class Segment:
    """One piece as it stands; ``joint`` parts it from the one before: nothing inside a line, a break between blocks."""

    text: str
    joint: str = ""
    put: Callable[[str], None] | None = None  # writes the piece back where it came from


@dataclass(slots=True)
class Segments:
    pieces: list[Segment] = field(default_factory=list)

    def text(self) -> str:
        return "".join(piece.joint + piece.text for piece in self.pieces)

    def replace(self, spans: Sequence[PiiSpan], operator: Callable[[str, PiiKind], str]) -> list[str]:
        """The pieces with each span put as ``operator`` says: in the first piece it touches, cut from the others."""
        whole = self.text()
        out: list[str] = []
        place = 0
        for piece in self.pieces:
            place += len(piece.joint)
            begin, end = place, place + len(piece.text)
            parts: list[str] = []
            at = begin
            for span in spans:
                if span.end <= begin or span.start >= end:
                    continue
                parts.append(whole[at : max(at, span.start)])
                if span.start >= begin or not _touched_before(self.pieces, piece, span, begin):
                    parts.append(operator(whole[span.start : span.end], span.kind))
                at = min(end, span.end)
            parts.append(whole[at:end])
            out.append("".join(parts))
            place = end
        return out

    def write(self, texts: Iterable[str]) -> None:
        for piece, text in zip(self.pieces, texts, strict=True):
            if piece.put is not None and text != piece.text:
                piece.put(text)


def _touched_before(pieces: Sequence[Segment], piece: Segment, span: PiiSpan, begin: int) -> bool:
    """Whether a piece before this one already shows the replacement of ``span``."""
    place = 0
    for other in pieces:
        place += len(other.joint)
        if other is piece:
            return False
        if place < span.end and place + len(other.text) > span.start and place < begin:
            return True
        place += len(other.text)
    return False
