"""Characters that a reader cannot see, or takes for others.

Boucher et al. ("Bad Characters: Imperceptible NLP Attacks", IEEE S&P 2022) and Boucher & Anderson ("Trojan Source",
USENIX Security 2023) show how invisible characters, look-alike letters and direction marks change what a machine reads
while a person sees nothing. Look-alikes follow Unicode Technical Standard 39.

Plenty of honest text carries such characters: joiners inside emoji and Indic or Arabic words, soft hyphens, zero-width
spaces from web pages. Only what has no such explanation counts. A clean text abstains: it may still be false.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal, Span, Text

MAX_SPANS = 200
MAX_SOURCE = 2_000_000  # bytes of a page's markup that are read for invisible elements
MAX_RAW = 8.0

LATIN = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
# Letters of other scripts that pass for Latin ones; Greek α, β, γ, μ, π, Ω are left out, as science writes "TNFα".
CYRILLIC = "аеорсухіјѕԁһӏԛԝгпАВЕЗІЈКМНОРСТУХЅҮԌԚԜ"
GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιρυνκ"
OTHERS = "օսոհԼՏᎪᏴᏟᎬᎻᎫᏦᏞᎷᏢᏚᎢᏙᏃꓮꓐꓚꓓꓰꓖꓧꓙꓗꓡꓟꓠꓳꓑꓢꓔꓴꓦꓪꓫꓬꓜ"
_ALIKE = re.compile(f"[{CYRILLIC}{GREEK}{OTHERS}]")
_LATIN = re.compile(f"[{LATIN}]")
_FOREIGN_WORD = re.compile(r"[^\W\d_]*[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff\ua4d0-\ua4ff][^\W\d_]*")
_OTHER_LETTERS = re.compile(r"[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff\ua4d0-\ua4ff]")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
)
_STYLED = re.compile(r"[\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9\U0001d400-\U0001d7ff\U0001f130-\U0001f189]+")
_OVERRIDES = frozenset("\u202d\u202e")
_WEAK_IN_WORD = frozenset("\u00ad")  # a place to hyphenate
_FLAG = re.compile(r"[\U000e0020-\U000e007e]{1,8}\U000e007f\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """One place. ``counts`` tells what has no honest explanation from what copying leaves behind."""

    start: int
    end: int
    kind: str
    counts: bool


NOTES: dict[str, Text] = {
    "in_word": {"en": "invisible character inside a word", "vi": "ký tự vô hình bên trong một từ"},
    "between": {"en": "invisible character between words", "vi": "ký tự vô hình giữa các từ"},
    "direction": {"en": "reverses the reading direction", "vi": "đảo chiều đọc"},
    "tag": {"en": "message in invisible tag characters", "vi": "thông điệp bằng ký tự thẻ vô hình"},
    "selector": {"en": "run of invisible selectors", "vi": "chuỗi ký tự chọn biến thể vô hình"},
    "mixed": {"en": "letters of two scripts in one word", "vi": "chữ cái của hai hệ chữ trong một từ"},
    "imitation": {"en": "word of look-alike letters", "vi": "từ gồm toàn chữ cái trông giống chữ khác"},
    "styled": {"en": "mathematical or enclosed letters", "vi": "chữ cái kiểu toán học hoặc có khung"},
}


def _western(char: str) -> bool:
    """A letter of a script that needs no joiners: Latin, Greek, Cyrillic and their neighbours."""
    return char.isalpha() and (char < "\u0590" or "\u1e00" <= char <= "\u1fff")


def _invisible(text: str, start: int, end: int) -> Mark | None:
    """What a run of invisible characters is; ``None`` for those that emoji and scripts need."""
    run, before, after = text[start:end], text[start - 1 : start], text[end : end + 1]
    if any("\U000e0000" <= c <= "\U000e007f" for c in run):
        return None if before == "\U0001f3f4" and _FLAG.match(run) else Mark(start, end, "tag", True)
    selectors = sum("\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef" for c in run)
    if selectors >= 2:
        return Mark(start, end, "selector", True)
    if selectors == len(run) or (before and not before.isascii() and not before.isalpha() and "\u200d" in run):
        return None  # one selector picks a glyph; a joiner after a symbol builds an emoji
    if _OVERRIDES & set(run):
        return Mark(start, end, "direction", True)
    if before and after and _western(before) and _western(after) and not set(run) <= _WEAK_IN_WORD:
        return Mark(start, end, "in_word", True)
    if before.isalpha() and after.isalpha() and not (_western(before) or _western(after)):
        return None  # joiners inside Indic, Arabic, Thai, Khmer words
    return Mark(start, end, "between", False)


def scan(text: str) -> list[Mark]:
    """Every hidden or imitated place of ``text`` in order; positions count characters."""
    marks = [m for m in (_invisible(text, *found.span()) for found in _INVISIBLE.finditer(text)) if m]
    if _OTHER_LETTERS.search(text):
        words = [m for m in _FOREIGN_WORD.finditer(text) if _ALIKE.search(m[0])]
        marks += [Mark(m.start(), m.end(), "mixed", True) for m in words if _LATIN.search(m[0])]
        # A whole word of look-alikes means something only where nobody writes that script for real.
        if not [c for c in _OTHER_LETTERS.findall(text) if not _ALIKE.match(c)] and _LATIN.search(text):
            pure = [m for m in words if len(m[0]) >= 3 and not _LATIN.search(m[0])]
            marks += [Mark(m.start(), m.end(), "imitation", True) for m in pure]
    marks += [Mark(m.start(), m.end(), "styled", False) for m in _STYLED.finditer(text)]
    return sorted(marks, key=lambda m: (m.start, m.end))


def strength(marks: list[Mark]) -> float:
    """log2(1 + places that count), at most ``MAX_RAW``."""
    return min(MAX_RAW, math.log2(1 + sum(m.counts for m in marks)))


def tag_message(text: str) -> str:
    """What invisible tag characters spell in ASCII (U+E0020 to U+E007E)."""
    return "".join(chr(ord(c) - 0xE0000) for c in text if "\U000e0020" <= c <= "\U000e007e")


_CONCEALED = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])|font-size\s*:\s*0(?![.\d])"
    r"|(?:text-indent|left|top|margin-left)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_SKIPPED = frozenset(["script", "style", "noscript", "template", "title", "svg"])


class _Page(HTMLParser):
    """Counts text that the elements' own attributes show or conceal; style sheets are not applied."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, bool, bool]] = []  # tag, concealed, skipped
        self.visible = 0
        self.concealed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        _, concealed, skipped = self.stack[-1] if self.stack else ("", False, False)
        values = dict(attrs)
        own = "hidden" in values or bool(_CONCEALED.search(values.get("style") or ""))
        self.stack.append((tag, concealed or own, skipped or tag in _SKIPPED))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.stack) - 1, -1, -1):
            if self.stack[depth][0] == tag:
                del self.stack[depth:]
                return

    def handle_data(self, data: str) -> None:
        _, concealed, skipped = self.stack[-1] if self.stack else ("", False, False)
        said = " ".join(data.split())
        if skipped or not said:
            return
        if concealed:
            self.concealed.append(said)
        else:
            self.visible += len(said)


def concealed_text(source: str) -> tuple[int, list[str]]:
    """Characters shown, and the pieces of text that inline styles or ``hidden`` keep from the reader."""
    page = _Page()
    page.feed(source)
    page.close()
    return page.visible, page.concealed


class HiddenText(Method):
    """Raw: strength of the characters that have no innocent explanation; abstains when there are none."""

    name = "hidden_text"
    signal = Signal.TEXT
    kinds = frozenset({Kind.TEXT, Kind.HTML})  # and captions, which the examiner hands to text detectors
    libraries = ()
    reference = "Boucher et al., Bad Characters, IEEE S&P 2022; Unicode Technical Standard 39"
    title = {"en": "Hidden characters", "vi": "Ký tự ẩn"}
    sentences = {
        "found": {
            "en": "{count} places hold characters that a reader cannot see or takes for others: {kinds_en}.",
            "vi": "{count} chỗ có ký tự mà người đọc không thấy hoặc nhầm với ký tự khác: {kinds_vi}.",
        },
        "harmless": {
            "en": "{count} unusual characters were found, of the kind that copying and styling leave behind.",
            "vi": "Tìm thấy {count} ký tự lạ, loại thường còn lại sau khi sao chép hoặc tạo kiểu chữ.",
        },
        "clean": {
            "en": "No hidden or imitated characters were found; that says nothing of what the text claims.",
            "vi": "Không thấy ký tự ẩn hay giả dạng; điều đó không nói gì về nội dung văn bản.",
        },
        "concealed": {
            "en": "The page holds {characters} characters of text set invisible, as menus and tricks both do; "
            "the visible text has no hidden characters.",
            "vi": "Trang có {characters} ký tự văn bản được đặt ẩn, cả trình đơn lẫn thủ thuật đều làm vậy; "
            "phần văn bản không có ký tự ẩn.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        text = scene.text()
        marks = scan(text)
        counted = [m for m in marks if m.counts]
        measured: dict[str, Any] = {"characters": len(text)}
        measured |= {kind: sum(m.kind == kind for m in marks) for kind in NOTES}
        if message := tag_message("".join(text[m.start : m.end] for m in marks if m.kind == "tag")):
            measured["tag_message"] = message[:200]
        concealed = 0
        if scene.media.kind is Kind.HTML:
            with scene.media.path.open("rb") as file:
                source = file.read(MAX_SOURCE).decode("utf-8", "replace")
            visible, pieces = concealed_text(source)
            concealed = sum(map(len, pieces))
            measured |= {"concealed_characters": concealed, "shown_characters": visible}
            if pieces:
                measured["concealed_text"] = [piece[:200] for piece in pieces[:10]]
        spans = tuple(
            Span(m.start, m.end, note=NOTES[m.kind], unit="characters") for m in (counted or marks)[:MAX_SPANS]
        )
        if counted:
            kinds = [k for k in NOTES if any(m.kind == k for m in counted)]
            names = {f"kinds_{lang}": ", ".join(NOTES[k][lang] for k in kinds) for lang in ("en", "vi")}
            summary = self.say("found", count=len(counted), **names)
            return self.found(strength(marks), scene.media.kind, summary, spans=spans, measurements=measured)
        if marks:
            summary = self.say("harmless", count=sum(m.end - m.start for m in marks))
        elif concealed:
            summary = self.say("concealed", characters=concealed)
        else:
            summary = self.say("clean")
        return self.abstain(Reason.NOT_APPLICABLE, summary, spans=spans, measurements=measured)
