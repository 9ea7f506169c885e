"""What may be looked for in which kind of file, and what is put in its place: the words of the command line, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from veriscope.errors import BadRequest
from veriscope.perception.pii_kinds import Custom, PiiKind
from veriscope.redaction.covering import SoundOperator
from veriscope.redaction.words import TextOperator
from veriscope.types import Kind, Media

FACES, PLATES, TEXT, SPEECH = "faces", "plates", "text", "speech"
TARGETS = (FACES, PLATES, TEXT, SPEECH)
_HELD: Mapping[Kind, tuple[str, ...]] = {
    Kind.IMAGE: (FACES, PLATES, TEXT),
    Kind.VIDEO: TARGETS,
    Kind.AUDIO: (SPEECH,),
    Kind.TEXT: (TEXT,),
    Kind.HTML: (TEXT,),
    Kind.PDF: (FACES, PLATES, TEXT),
}
_VISUAL = ("solid", "blur", "pixelate")
_IMAGE = "image:"


def chosen(media: Media, targets: Sequence[str] | None) -> tuple[str, ...]:
    """The targets for this file: those asked for that it can hold; everything it can hold where none are named.

    Raises:
        BadRequest: there is no such target, or the file can hold none of those asked for.
    """
    held = _HELD[media.kind]
    if targets is None:
        return held
    for target in targets:
        if target not in TARGETS:
            raise BadRequest(f"There is no target called {target}.", hint=f"Targets: {', '.join(TARGETS)}.")
    fitting = tuple(t for t in held if t in targets)
    if targets and not fitting:
        raise BadRequest(
            f"Of {', '.join(targets)} this file ({media.kind.value}) can hold none; nothing was looked for.",
            hint=f"Here: --targets {','.join(held)}.",
        )
    return fitting


@dataclass(frozen=True, slots=True)
class Operators:
    """One choice of operators, taken apart by what they work on."""

    visual: tuple[str, ...] = ("solid",)  # as ``redaction.operators.operators`` takes them
    sound: SoundOperator = SoundOperator.SILENCE
    text: TextOperator = TextOperator.LABEL
    per_kind: Mapping[PiiKind, TextOperator] = field(default_factory=dict)


def operators(choices: Sequence[str]) -> Operators:
    """``choices`` are "blur", "tone", "pseudonym" (wherever it fits) or "faces=blur", "speech=tone", "person=mask".

    Later ones win. Faces, plates and drawn boxes ("manual") take operators of pictures, speech those of sound, kinds of
    personal data ("person", "phone", …) those of text; "text" takes those of text and, for text in pictures, theirs.

    Raises:
        BadRequest: no such operator, or not for that kind.
    """
    visual: list[str] = ["solid"]
    sound, text = SoundOperator.SILENCE, TextOperator.LABEL
    per_kind: dict[PiiKind, TextOperator] = {}
    for choice in choices:
        target, _, name = choice.rpartition("=")
        if name.startswith(_IMAGE) or _IMAGE in choice:
            head, _, file = choice.partition(_IMAGE)  # a file's name may hold an equals sign
            target, name = head.rstrip("="), _IMAGE + file
        fits_visual = name in _VISUAL or name.startswith(_IMAGE)
        fits_sound, fits_text = name in set(SoundOperator), name in set(TextOperator)
        if not (fits_visual or fits_sound or fits_text):
            raise BadRequest(f"There is no operator called {name}.", hint=_KNOWN)
        if target in {FACES, PLATES, "manual", TEXT, ""} and fits_visual:
            visual.append(f"{target}={name}" if target else name)
        elif target in {SPEECH, ""} and fits_sound:
            sound = SoundOperator(name)
            text = TextOperator(name) if not target and fits_text else text
        elif target in {TEXT, ""} and fits_text:
            text = TextOperator(name)
        elif target in set(PiiKind) and fits_text:
            per_kind[PiiKind(target)] = TextOperator(name)
        elif target not in {*TARGETS, "manual", *PiiKind}:
            raise BadRequest(f"There is no kind called {target}.", hint=f"Kinds: {', '.join((*TARGETS, *PiiKind))}.")
        else:
            raise BadRequest(f"The operator {name} is not one for {target}.", hint=_KNOWN)
    return Operators(tuple(visual), sound, text, per_kind)


_KNOWN = (
    f"For pictures: {', '.join(_VISUAL)}, image:FILE; for speech: {', '.join(SoundOperator)}; "
    f"for text: {', '.join(TextOperator)}."
)


def own_words(given: Sequence[str]) -> tuple[Custom, ...]:
    """Words to look for besides: each is a word, ``/pattern/``, or a file of these, one a line (# begins a comment).

    Raises:
        BadRequest: a file cannot be read, or a pattern is none.
    """
    lines: list[str] = []
    for entry in given:
        path = Path(entry)
        if entry.startswith("/") and entry.endswith("/") and len(entry) > 2:
            lines.append(entry)
        elif path.is_file():
            try:
                lines += [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
            except (OSError, UnicodeDecodeError) as exc:
                raise BadRequest(f"The words in {path.name} cannot be read: they must be UTF-8.") from exc
        else:
            lines.append(entry)
    return tuple(_own(line.strip()) for line in lines if line.strip())


def _own(line: str) -> Custom:
    pattern = line.startswith("/") and line.endswith("/") and len(line) > 2
    return Custom(line[1:-1] if pattern else line, pattern=pattern)
