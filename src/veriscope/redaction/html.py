"""HTML: text and attributes are searched, scripts, comments and what cannot be looked into go; the structure stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from selectolax.lexbor import LexborHTMLParser

from veriscope.perception.pii import PiiKind
from veriscope.redaction.segments import Segment, Segments
from veriscope.redaction.text import Redacted, Wanted, outside_marks, redact_pieces
from veriscope.redaction.words import Replacer
from veriscope.types import Infer

_DROPPED = ("script", "template", "object", "embed", "applet", "iframe", "frame", "noscript", "base", "portal")
_INLINE = frozenset((
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
_LINKS = frozenset((
    "href", "src", "action", "formaction", "cite", "poster", "background", "srcset", "data", "longdesc",
    "manifest", "ping", "usemap", "xlink:href",
))  # fmt: skip
_KEPT = frozenset((
    "lang", "dir", "type", "role", "rel", "for", "width", "height", "colspan", "rowspan", "method", "charset",
    "media",
))  # fmt: skip
_READ = frozenset(("alt", "title", "placeholder", "label", "content", "value", "summary", "abbr"))  # written for people
_UNSAFE = re.compile(r"(?i)^\s*(?:javascript|vbscript|data|blob|file):")


def redact_html(text: str, infer: Infer | None, wanted: Wanted | None = None) -> Redacted:
    """The same page without personal data, without scripts, comments and embedded files.

    Raises:
        LeakFound: as for plain text.
    """
    wanted = wanted or Wanted()
    replacer = wanted.replacer()

    def parse(source: str) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
        return _page(source, infer, wanted, replacer)

    return redact_pieces(text, parse, infer, wanted, replacer)


def html_text(text: str) -> str:
    """What a reader sees of a page, as it is searched."""
    nothing = Wanted(kinds=frozenset())
    return _page(text, None, nothing, nothing.replacer())[0].text()


def _page(
    source: str, infer: Infer | None, wanted: Wanted, replacer: Replacer
) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
    parser = LexborHTMLParser(source)
    dropped = {"scripts_and_frames": 0, "comments": 0, "attributes": 0}
    for tag in _DROPPED:
        for node in parser.css(tag):
            node.decompose()
            dropped["scripts_and_frames"] += 1
    root = parser.root
    segments = Segments()
    if root is None:
        return segments, lambda: "", dropped
    joint, block = "", None
    for node in list(root.traverse(include_text=True)):
        if node.is_comment_node or not (node.is_text_node or node.is_element_node):  # the rest: instructions
            node.decompose()
            dropped["comments"] += 1
        elif node.is_text_node:
            content = node.text_content or ""
            if content:
                here = _block(node)
                joint = joint if here == block else "\n"
                segments.pieces.append(Segment(content, joint, _writer(node)))
                joint, block = "", here
        else:
            joint = joint if node.tag in _INLINE else "\n"
            dropped["attributes"] += _attributes(node, infer, wanted, replacer)
    return segments, lambda: parser.html or "", dropped


def _block(node: Any) -> int:
    """The paragraph, cell, … that a text stands in: texts of one block are read as one line."""
    while (node := node.parent) is not None and node.tag in _INLINE:
        pass
    return int(node.mem_id) if node is not None else 0


def _writer(node: Any) -> Callable[[str], None]:
    return lambda new: node.replace_with(new) if new else node.decompose()


def _attributes(node: Any, infer: Infer | None, wanted: Wanted, replacer: Replacer) -> int:
    """Take out what attributes carry: handlers, embedded files, and links and words with personal data."""
    taken = 0
    for name, value in list(node.attributes.items()):
        if name.startswith("on") or name in {"srcdoc", "nonce"}:
            del node.attrs[name]
            taken += 1
        elif value and (name in _LINKS and _UNSAFE.match(value)):
            node.attrs[name] = "#"
            taken += 1
        elif value and name not in _KEPT:
            taken += _cleaned(node, name, value, infer, wanted, replacer)
    return taken


def _cleaned(node: Any, name: str, value: str, infer: Infer | None, wanted: Wanted, replacer: Replacer) -> int:
    shown = unquote_plus(value)
    if name in _LINKS:
        words = re.sub(r"[/?&=;#]|^(?:mailto|tel|sms|callto|skype):", " ", shown)
        found = any(wanted.find(part, infer) for part in (shown, words)) or re.match(r"(?i)(?:mailto|tel|sms):", shown)
        if found:
            node.attrs[name] = "#"
        return int(bool(found))
    readable = name in _READ or name.startswith("aria-")
    look = wanted if readable else replace(wanted, kinds=frozenset(wanted.kinds) - {PiiKind.PERSON, PiiKind.PLACE})
    spans = outside_marks(shown, look.find(shown, infer), replacer)
    if not spans:
        return 0
    node.attrs[name] = Segments([Segment(shown)]).replace(spans, replacer)[0]
    return 1
