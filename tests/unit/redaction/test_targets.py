from __future__ import annotations

import os
from pathlib import Path

import pytest

from veriscope.config import Settings
from veriscope.errors import BadRequest
from veriscope.perception.pii_kinds import PiiKind
from veriscope.redaction.covering import SoundOperator
from veriscope.redaction.senses import Senses
from veriscope.redaction.targets import chosen, operators, own_words
from veriscope.redaction.words import TextOperator
from veriscope.types import Kind, Media


def media(kind: Kind) -> Media:
    return Media(Path("a"), "a", kind, "x", 1, "0" * 64)


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (Kind.IMAGE, ("faces", "plates", "text")),
        (Kind.VIDEO, ("faces", "plates", "text", "speech")),
        (Kind.AUDIO, ("speech",)),
        (Kind.PDF, ("faces", "plates", "text")),
        (Kind.TEXT, ("text",)),
    ],
)
def test_without_a_word_everything_goes(kind: Kind, held: tuple[str, ...]) -> None:
    assert chosen(media(kind), None) == held
    assert chosen(media(kind), ("speech", "text", "plates", "faces")) == held
    assert chosen(media(kind), ()) == ()


def test_what_a_file_cannot_hold() -> None:
    assert chosen(media(Kind.IMAGE), ("speech", "faces")) == ("faces",)
    with pytest.raises(BadRequest, match="can hold none"):
        chosen(media(Kind.AUDIO), ("faces", "plates"))
    with pytest.raises(BadRequest, match="no target called hats"):
        chosen(media(Kind.IMAGE), ("faces", "hats"))


def test_one_option_for_all_operators() -> None:
    made = operators(
        ["pixelate", "faces=blur", "speech=tone", "text=pseudonym", "phone=mask", "text=blur", "image:a=b.png"]
    )
    assert made.visual == ("solid", "pixelate", "faces=blur", "text=blur", "image:a=b.png")
    assert made.sound is SoundOperator.TONE
    assert made.text is TextOperator.PSEUDONYM
    assert made.per_kind == {PiiKind.PHONE: TextOperator.MASK}
    both = operators(["mask"])
    assert (both.sound, both.text) == (SoundOperator.MASK, TextOperator.MASK)
    assert operators([]).visual == ("solid",)


@pytest.mark.parametrize(
    ("choice", "words"),
    [("fog", "no operator called fog"), ("hats=blur", "no kind called hats"), ("faces=tone", "not one for faces"),
     ("speech=blur", "not one for speech"), ("phone=solid", "not one for phone")],
)  # fmt: skip
def test_wrong_operators(choice: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        operators([choice])


def test_own_words(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# ours\nkraken\n\n/PRJ-\\d+/\n")
    words = own_words([str(file), "moon base", r"/x+/"])
    assert [(w.text, w.pattern) for w in words] == [
        ("kraken", False),
        (r"PRJ-\d+", True),
        ("moon base", False),
        ("x+", True),
    ]
    with pytest.raises(BadRequest, match="not a regular expression"):
        own_words(["/(/"])


def test_settings_and_senses_agree() -> None:
    assert Settings(models_dir=Path(os.devnull)).senses() == Senses()
