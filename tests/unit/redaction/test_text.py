# ruff: noqa: E501 - examples are read unbroken
from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriscope.errors import LeakFound
from veriscope.perception.pii import ALL_KINDS, Custom, PiiKind, find_pii
from veriscope.redaction import text as module
from veriscope.redaction.html import redact_html
from veriscope.redaction.subtitles import SubtitleFormat, redact_subtitles
from veriscope.redaction.text import TextOperator, Wanted, redact_text

from tests.unit.perception.test_pii import Names

SECRETS = (
    "4539 1488 0343 6467",
    "john.smith@example.com",
    "+84 912 345 678",
    "DE89 3704 0044 0532 0130 00",
    "123-45-6789",
)
INFER = Names(persons="John Smith Maria", places="Paris")


def letter() -> str:
    return f"Dear all, John Smith of Paris pays with {SECRETS[0]}; mail {SECRETS[1]}, phone {SECRETS[2]}. Smith agrees."


@pytest.mark.parametrize("operator", list(TextOperator))
def test_nothing_of_the_originals_is_left(operator: TextOperator) -> None:
    result = redact_text(letter(), INFER, Wanted(operator=operator))
    for secret in (*SECRETS[:3], "John", "Smith", "Paris"):
        assert secret not in result.text
    assert result.text.startswith("Dear all, ")
    assert result.found[PiiKind.PERSON] == 2
    assert result.looks >= 2


def test_pseudonyms_agree_in_the_whole_document() -> None:
    text = "John Smith met Maria. Maria left. Then Smith left, and John Smith came."
    result = redact_text(text, INFER, Wanted(operator=TextOperator.PSEUDONYM))
    assert result.text == "Person 1 met Person 2. Person 2 left. Then Person 1 left, and Person 1 came."


def test_a_kind_can_have_an_operator_of_its_own() -> None:
    wanted = Wanted(per_kind={PiiKind.EMAIL: TextOperator.MASK})
    assert redact_text("ask a@example.com or +84 912 345 678", INFER, wanted).text == "ask █████ or [PHONE]"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(SECRETS), min_size=1, max_size=4),
    st.integers(0, 10**6),
    st.sampled_from(list(TextOperator)),
)
def test_secrets_anywhere_in_any_text_are_gone_and_the_rest_is_kept(
    secrets: list[str], seed: int, operator: TextOperator
) -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "rain", "falls"]
    rng = random.Random(seed)
    text = " ".join(f"{rng.choice(words)} {secret} {rng.choice(words)}" for secret in secrets)
    result = redact_text(text, Names(), Wanted(operator=operator))
    assert not any(secret in result.text for secret in secrets)
    assert result.text.split()[0] == text.split()[0]
    assert result.text.split()[-1] == text.split()[-1]


def test_the_second_look_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Replacer, "__call__", lambda self, text, kind: "other@example.com")
    with pytest.raises(LeakFound, match="email"):
        redact_text("mail john@example.com", INFER)


def test_html_keeps_its_structure_and_loses_what_is_personal() -> None:
    page = (
        '<!DOCTYPE html><html><head><title>For John Smith</title><script>var m="x@example.com"</script></head>'
        '<body onload="go()"><!-- +84 912 345 678 --><p class="a">Dear <b>John</b> Smith, call +84 912 <i>345</i> 678</p>'
        '<table><tr><td>1</td><td>2</td></tr></table><a href="mailto:x@example.com">mail</a>'
        '<a href="/q?email=x%40example.com">q</a><a href="/about">about &amp; us</a>'
        '<img alt="John Smith" src="data:image/png;base64,AAAA"><input value="4539 1488 0343 6467"></body></html>'
    )
    result = redact_html(page, INFER)
    for secret in ("John", "Smith", "example.com", "912", "345", "678", "4539", "onload", "script", "<!--", "base64"):
        assert secret not in result.text
    for kept in (
        "<!DOCTYPE html>",
        '<p class="a">Dear <b>',
        "<td>1</td><td>2</td>",
        '<a href="/about">about &amp; us</a>',
    ):
        assert kept in result.text
    assert result.removed["comments"] == 1


def test_a_number_that_runs_over_cues_is_found() -> None:
    source = (
        "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>My number is +84 912</i>\r\n\r\n"
        "2\r\n00:00:02,500 --> 00:00:04,000\r\n345 678, says John Smith\r\n\r\n"
    )
    result = redact_subtitles(source, SubtitleFormat.SRT, INFER)
    assert "00:00:02,500 --> 00:00:04,000\r\n" in result.text
    assert "<i>My number is [PHONE]</i>" in result.text
    assert not any(part in result.text for part in ("912", "345", "678", "John", "Smith"))


def test_webvtt_voices_notes_and_header() -> None:
    source = "WEBVTT\n\nNOTE ask x@example.com\n\n00:01.000 --> 00:02.000 align:start\n<v John Smith>Hello there\n"
    result = redact_subtitles(source, SubtitleFormat.VTT, INFER).text
    assert result == "WEBVTT\n\n\n00:01.000 --> 00:02.000 align:start\n<v [PERSON]>Hello there\n"


def test_ass_keeps_styles_and_times() -> None:
    source = (
        "[Script Info]\nTitle: John Smith\nScriptType: v4.00+\n\n[Events]\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,John Smith,0,0,0,,{\\b1}Call{\\b0} +84 912 345 678\\Nnow\n"
        "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,secret\n"
    )
    result = redact_subtitles(source, SubtitleFormat.ASS, INFER).text
    assert "Dialogue: 0,0:00:01.00,0:00:02.00,Default,[PERSON],0,0,0,,{\\b1}Call{\\b0} [PHONE]\\Nnow" in result
    assert "ScriptType: v4.00+" in result
    assert "secret" not in result
    assert "John" not in result


def test_what_was_taken_out_is_not_found_again() -> None:
    result = redact_text(letter(), INFER, Wanted(kinds=ALL_KINDS, custom=[Custom("agrees")]))
    assert find_pii(result.text, Names(), ALL_KINDS) == []
    assert "agrees" not in result.text


@pytest.mark.parametrize("operator", list(TextOperator))
def test_what_only_looks_like_a_pseudonym_is_no_way_out(operator: TextOperator) -> None:
    text = f"Card {SECRETS[0]}. Card 4539148803436467. [PHONE] {SECRETS[2]} Phone 84912345678. Person 1"
    result = redact_text(text, Names(), Wanted(operator=operator))
    assert not any(part in result.text for part in ("4539", "1488", "6467", "912"))
    page = redact_html(f'<p title="Card {SECRETS[0]}">Card {SECRETS[0]}</p>', Names(), Wanted(operator=operator))
    assert "4539" not in page.text
    assert "6467" not in page.text


def test_pseudonyms_agree_between_text_and_attributes() -> None:
    page = '<img alt="John Smith"><p>Maria</p><p>John Smith</p>'
    result = redact_html(page, INFER, Wanted(operator=TextOperator.PSEUDONYM)).text
    assert '<img alt="Person 1"><p>Person 2</p><p>Person 1</p>' in result


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<?php x@example.com ?></p>",
        "<textarea>x@example.com</textarea><svg><text>x@example.com</text></svg><style>.x{content:'x@example.com'}</style>",
        "<p>x&#64;example.com <my-tag who=x@example.com data-a='x@example.com'>x@<b>example</b>.com</my-tag>",
        "<noscript>x@example.com</noscript><template>x@example.com</template><plaintext>x@example.com",
        "<div>" * 2000 + "x@example.com",
        '<iframe srcdoc="x@example.com"></iframe><a href="javascript:mail(\'x@example.com\')">a</a>',
    ],
)
def test_no_corner_of_a_page_keeps_an_address(page: str) -> None:
    assert "example" not in redact_html(page, INFER).text


@pytest.mark.parametrize("form", list(SubtitleFormat))
@pytest.mark.parametrize(
    "source",
    [
        "x@example.com",
        "Style: x\nx@example.com",
        "[Script Info]\nTitle: x@example.com\n; x@example.com\nPlayResX: x@example.com\n",
    ],
)
def test_no_corner_of_subtitles_keeps_an_address(form: SubtitleFormat, source: str) -> None:
    assert "example" not in redact_subtitles(source, form, INFER).text


def test_what_no_piece_shows_fails_the_job() -> None:
    with pytest.raises(LeakFound, match="email"):
        redact_subtitles("Style: x@example.com,Arial\n", SubtitleFormat.ASS, INFER)
