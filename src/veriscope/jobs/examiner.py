"""Settings → an ``Examiner``: the one place where the two meet."""

from __future__ import annotations

from veriscope.analysis import Examiner
from veriscope.config import Settings
from veriscope.jobs.networks import backend


def examiner(settings: Settings, *, threads: int | None = None) -> Examiner:
    """An examiner as the settings describe it; ``threads`` overrides theirs where processes share the cores."""
    return Examiner(
        infer=backend(settings),
        limits=settings.limits(),
        fusion=settings.fusion,
        policy_file=settings.policy_file,
        routing=settings.routing,
        routing_file=settings.routing_file,
        trust_list=settings.trust_list,
        threads=settings.threads if threads is None else threads,
        preview_pixels=settings.preview_pixels,
    )
