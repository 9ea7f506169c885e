from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from veriscope.evidence.drawing import timeline_svg
from veriscope.evidence.html import html_report
from veriscope.evidence.words import _WORDS, LANGUAGES, Words
from veriscope.types import Report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and fails on tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["image_report", "video_report", "text_report"])
def test_self_contained_and_hostile_names_stay_text(name: str, lang: str, request: pytest.FixtureRequest) -> None:
    page = Page(html_report(request.getfixturevalue(name), lang))
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "link", "base", "form"}
    for tag, attributes in page.tags:
        assert not [a for a in attributes if a.startswith("on")], tag
        for key in ("src", "href", "action", "data", "srcset", "poster"):
            value = attributes.get(key)
            assert value is None or value.startswith("data:image/"), (tag, value)
    html = html_report(request.getfixturevalue(name), lang)
    style = re.search(r"<style>(.*?)</style>", html, re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "</script>gpj.exe" in page.said  # shown as text, without its direction mark
    assert "\u202e" not in html


def test_says_what_matters(image_report: Report) -> None:
    said = Page(html_report(image_report)).said
    for part in (
        "Suspicious",
        "Risk 71 of 100, interval 55 to 83",
        "About 2 % of authentic files reach",
        "≥ 60",
        "ab" * 32,
        "This report is incomplete",
        "10,800 of 10,800 pixels",
        "Somebody et al., A method, 2020",
        "AUC 0.70 [0.60, 0.80]",
        "changed after signing",
        "The thumbnail is older.",
        "What this report cannot say",
        "Score and map disagree.",
        "Ask for the original file.",
    ):
        assert part in said, part


def test_vietnamese_has_its_own_words_and_numbers(video_report: Report) -> None:
    said = Page(html_report(video_report, "vi")).said
    assert "Mức rủi ro 71 trên 100" in said
    assert "4,0 trên 4,0 giây" in said
    assert "Lưới JPEG quyết định." in said
    assert "Risk" not in said


def test_marked_text(text_report: Report) -> None:
    html = html_report(text_report)
    assert '<mark title="mixed">normal<small> [mixed]</small></mark>' in html
    assert "a &lt;b&gt;trick&lt;/b&gt;." in html


def test_timeline_places_points_and_spans(video_report: Report) -> None:
    svg = timeline_svg(video_report, "en")
    assert svg is not None
    assert 'x="540.0"' in svg  # the span begins at 2 of 4 s: 190 + 700 / 2
    assert "nan" not in svg
    points = re.search(r'<polyline points="([^"]+)"', svg)
    assert points is not None
    assert len(points[1].split()) == 3


def test_no_timeline_without_moments(image_report: Report) -> None:
    assert timeline_svg(image_report, "en") is None


def test_every_sentence_has_the_same_fields_in_both_languages() -> None:
    for key, texts in _WORDS.items():
        fields = [sorted(re.findall(r"{(\w+)}", text)) for text in texts]
        assert fields[0] == fields[1], key
        assert all(texts), key


@pytest.mark.parametrize(
    ("value", "en", "vi"),
    [(1234.5, "1,234", "1.234"), (0.5, "0.5", "0,5"), (2.0, "2", "2"), (1e-7, "1e-07", "1e-07"), (0.0, "0", "0")],
)
def test_figures(value: float, en: str, vi: str) -> None:
    assert Words("en").figure(value) == en
    assert Words("vi").figure(value) == vi
    assert Words("en").clock(3725.04) == "1:02:05.0"
    assert Words("vi").clock(59.96) == "1:00,0"
