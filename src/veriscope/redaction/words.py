"""What stands where personal data stood: a label, a pseudonym, or bars."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from veriscope.inference.networks.pii_names import plain
from veriscope.perception.pii import PiiKind

_TITLES = {
    PiiKind.PERSON: "Person",
    PiiKind.PLACE: "Place",
    PiiKind.PHONE: "Phone",
    PiiKind.EMAIL: "Email",
    PiiKind.CARD: "Card",
    PiiKind.IBAN: "Iban",
    PiiKind.ACCOUNT: "Account",
    PiiKind.NATIONAL_ID: "Identity",
    PiiKind.TAX_ID: "Taxpayer",
    PiiKind.BIRTH_DATE: "Birthdate",
    PiiKind.DATE: "Date",
    PiiKind.IP: "Host",
    PiiKind.URL: "Link",
    PiiKind.DOMAIN: "Domain",
    PiiKind.WALLET: "Wallet",
    PiiKind.CUSTOM: "Item",
}
_LABELS = {kind: f"[{kind.value.upper()}]" for kind in PiiKind}


class TextOperator(StrEnum):
    LABEL = "label"  # [PERSON]
    PSEUDONYM = "pseudonym"  # Person 1, the same for the same person in the whole document
    MASK = "mask"  # █████, always of one length: a length is a hint


@dataclass(slots=True)
class Replacer:
    """Puts findings as the operator of their kind says; one for a document, so that pseudonyms agree throughout."""

    default: TextOperator = TextOperator.LABEL
    per_kind: dict[PiiKind, TextOperator] = field(default_factory=dict)
    _known: dict[PiiKind, dict[str, int]] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)

    def __call__(self, text: str, kind: PiiKind) -> str:
        put = self._put(text, kind)
        self._given.add(put)
        return put

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where ``text`` shows what this replacer put, and nothing else: "Card 4539" of the source is no pseudonym."""
        given = "|".join(re.escape(put) for put in sorted(self._given, key=len, reverse=True))
        return [m.span() for m in re.finditer(rf"(?<!\w)(?:{given})(?!\w)", text)] if given else []

    def _put(self, text: str, kind: PiiKind) -> str:
        operator = self.per_kind.get(kind, self.default)
        if operator is TextOperator.MASK:
            return "█████"
        if operator is TextOperator.LABEL:
            return _LABELS[kind]
        return f"{_TITLES[kind]} {self._number(text, kind)}"

    def _number(self, text: str, kind: PiiKind) -> int:
        known = self._known.setdefault(kind, {})
        words = re.findall(r"\w+", plain(text))
        key = " ".join(words) if kind in {PiiKind.PERSON, PiiKind.PLACE} else "".join(words)
        if key not in known:
            known[key] = self._same_person(words, known) if kind is PiiKind.PERSON else 0
            known[key] = known[key] or len(set(known.values()) - {0}) + 1
        return known[key]

    @staticmethod
    def _same_person(words: list[str], known: dict[str, int]) -> int:
        """ "Smith" after "John Smith" is the same person, where only one person known so far bears all its words."""
        fits = {number for key, number in known.items() if number and set(words) <= set(key.split())}
        return fits.pop() if len(fits) == 1 else 0
