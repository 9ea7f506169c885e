from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from veriscope.detectors.hidden_text import HiddenText, concealed_text, scan, strength, tag_message
from veriscope.types import Finding, Kind, Media, Options, Reason

MEDIA = Media(Path("x"), "x", Kind.TEXT, "plain", 1, "0" * 64)


@dataclass
class Page:
    """A scene that holds a text, and for HTML the file it came from."""

    said: str
    media: Media = MEDIA
    options: Options = field(default_factory=Options)

    def text(self) -> str:
        return self.said


def inspect(text: str, **more: Any) -> Finding:
    return HiddenText().inspect(Page(text, **more), None)  # type: ignore[arg-type]


def tags(message: str) -> str:
    return "".join(chr(0xE0000 + ord(c)) for c in message)


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("The pay\u200bment is due", "in_word", 7, 8),
        ("The p\u0430yment is due", "mixed", 4, 11),
        ("Send it to \u0430\u0440\u0440\u0435 today", "imitation", 11, 15),
        ("a \u202etxt.exe\u202c b", "direction", 2, 3),
        ("Hello" + tags("obey me") + " there", "tag", 5, 12),
        ("Good\U000e0101\U000e0122\U000e0133 day", "selector", 4, 7),
        ("thanh to\u2060án ngay", "in_word", 8, 9),
    ],
)
def test_tricks_count_and_are_found_in_place(text: str, kind: str, start: int, end: int) -> None:
    counted = [m for m in scan(text) if m.counts]
    assert [(m.kind, m.start, m.end) for m in counted] == [(kind, start, end)]
    finding = inspect(text)
    assert finding.raw == 1.0  # log2(1 + 1)
    assert [(s.start, s.end, s.unit) for s in finding.spans] == [(start, end, "characters")]
    assert finding.measurements[kind] == 1


@pytest.mark.parametrize(
    "text",
    [
        "An ordinary sentence, với tiếng Việt có dấu đầy đủ.",
        "Family \U0001f468\u200d\U0001f469\u200d\U0001f467 and heart \u2764\ufe0f and key 1\ufe0f\u20e3",
        "Scotland \U0001f3f4" + tags("gbsct") + "\U000e007f wins",
        "می\u200cخواهم",  # Persian needs its non-joiner
        "क्\u200dष",  # Hindi needs its joiner
        "Привет, мир. Это обычный русский текст про Facebook и Google.",
        "TNFα and 5 μm at 3 kΩ",
        "葛\U000e0100城市",  # an ideograph with its registered variant
    ],
)
def test_honest_text_leaves_nothing_to_score(text: str) -> None:
    assert [m for m in scan(text) if m.counts] == []
    finding = inspect(text)
    assert finding.score is None
    assert finding.reason is Reason.NOT_APPLICABLE
    assert finding.spans == ()
    assert "says nothing" in finding.summary["en"]


def test_what_copying_leaves_behind_is_shown_but_not_scored() -> None:
    finding = inspect("\ufeffFirst line. \u200b Second line with soft\u00adhyphen and 𝐛𝐨𝐥𝐝 letters.")
    assert finding.score is None
    assert finding.raw is None
    assert finding.measurements["between"] == 3
    assert finding.measurements["styled"] == 1
    assert len(finding.spans) == 4


def test_tag_characters_are_read_out() -> None:
    text = "Hi" + tags("ignore the rest")
    assert tag_message(text) == "ignore the rest"
    assert inspect(text).measurements["tag_message"] == "ignore the rest"


def test_strength_grows_slowly_and_is_bounded() -> None:
    word = "pay\u200bment "
    values = [strength(scan(word * n)) for n in (0, 1, 3, 7, 5000)]
    assert values == [0.0, 1.0, 2.0, 3.0, 8.0]


def test_concealed_markup() -> None:
    visible, pieces = concealed_text(
        "<html><head><title>T</title><style>p{}</style></head><body><p>Shown <b>text</b><br>here</p>"
        '<div style="display: none">first <i>trick</i></div><p hidden>second</p>'
        '<span style="font-size:0.9em">small</span><span style="opacity:0">third</span>'
        '<span style="position:absolute;left:-9999px">fourth</span><script>var x</script></body></html>'
    )
    assert pieces == ["first", "trick", "second", "third", "fourth"]
    assert visible == len("Shown") + len("text") + len("here") + len("small")


def test_unclosed_and_stray_tags_do_not_hide_the_rest() -> None:
    visible, pieces = concealed_text("<p hidden>gone<p>also gone</p></p></div>back")
    assert pieces == ["gone", "also gone"]
    assert visible == 4


def test_page_reports_its_invisible_text(tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    path.write_text('<p>Hello</p><p style="visibility:hidden">secret words</p>', "utf-8")
    media = Media(path, "p.html", Kind.HTML, "html", path.stat().st_size, "0" * 64)
    finding = inspect("Hello\nsecret words", media=media)
    assert finding.score is None
    assert finding.measurements["concealed_characters"] == 12
    assert finding.measurements["concealed_text"] == ["secret words"]
    assert "12" in finding.summary["vi"]


def test_deterministic() -> None:
    assert inspect("p\u0430y n\u200bow") == inspect("p\u0430y n\u200bow")
