"""Names of persons and places in a text, English or Vietnamese, written or transcribed."""

from __future__ import annotations

from veriscope.inference.networks import pii_names as net
from veriscope.types import Infer

THRESHOLD = 0.5  # probability; redaction takes a lower one, because a name missed costs more than a word covered


def find_names(text: str, infer: Infer, threshold: float = THRESHOLD) -> list[net.Entity]:
    """Entities in the order of the text; any length, in windows that overlap."""
    found = net.words(text)
    if not found:
        return []
    feed = net.prepare(net.features([word.text for word in found]))
    return net.entities(found, net.read(infer.run(net.NAME, feed), len(found)), threshold)
