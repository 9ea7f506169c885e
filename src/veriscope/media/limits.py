"""How much of a file we are willing to take in."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults equal those of ``veriscope.config.Settings``."""

    max_bytes: int = 200 * _MB
    max_pixels: int = 100_000_000
    max_seconds: float = 4 * 3600.0
    max_streams: int = 16
    max_text_chars: int = 1_000_000
    decode_seconds: float = 600.0
    decode_memory: int = 3072 * _MB
