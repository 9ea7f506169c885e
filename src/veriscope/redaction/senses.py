"""How closely is looked, read and listened: what settings decide. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Senses:
    """Defaults equal those of ``veriscope.config.Settings``.

    Confidences are what a finding needs at least to be covered; lower covers more. Seconds are between two looks at a
    film; in between what was seen is followed.
    """

    face_confidence: float = 0.2
    plate_confidence: float = 0.7
    read_plates: bool = False  # leave clear what the networks are not certain of and what does not read like a plate
    text_confidence: float = 0.4
    look_seconds: float = 0.4
    text_seconds: float = 1.0
    ocr: str = "rapidocr"
    speech_weights: Path | None = None  # folder of Whisper for CTranslate2; None: pocketsphinx
    speech_language: str | None = None  # ISO 639-1; None: found out
    speech_threads: int = 1
    regions: tuple[str, ...] = ()  # ISO 3166: whose phone numbers may come without country code
