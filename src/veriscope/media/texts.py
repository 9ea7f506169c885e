"""Bytes to text."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from veriscope.errors import EmptyInput, TooLarge
from veriscope.media.limits import Limits

if TYPE_CHECKING:
    from veriscope.media.decoder import Item


def read_text(path: Path, limits: Limits) -> str:
    """Decode a text file: by its byte-order mark, else UTF-8, else Windows-1252 as a last resort.

    Raises:
        EmptyInput: nothing but white space.
        TooLarge: more characters than allowed.
    """
    return _checked(_decode(path.read_bytes()), limits)


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _checked(text: str, limits: Limits) -> str:
    if not text.strip():
        raise EmptyInput("The text is empty.")
    if len(text) > limits.max_text_chars:
        raise TooLarge(f"The text is longer than {limits.max_text_chars} characters.")
    return text


def html(path: str, limits: Limits) -> Iterator[Item]:
    """The readable text of a page, without scripts, styles and markup."""
    from selectolax.lexbor import LexborHTMLParser

    source = _decode(Path(path).read_bytes())
    parser = LexborHTMLParser(source)
    for tag in ("script", "style", "noscript", "template", "svg"):
        for node in parser.css(tag):
            node.decompose()
    body = parser.body or parser.root
    text = body.text(separator="\n", strip=True) if body is not None else ""
    yield {"text": _checked(text, limits)}, {}
