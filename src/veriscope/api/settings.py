"""``/api/v1/settings``: the values in force, where each comes from, and what the page must know."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy.engine import make_url

import veriscope
from veriscope.api.service import ServiceOf
from veriscope.config import Settings, sources
from veriscope.jobs.results import LANGUAGES
from veriscope.types import Kind, Policy

router = APIRouter(prefix="/api/v1/settings", tags=["operation"])


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class SettingView(_View):
    value: Any = Field(description="The value in force; secrets are starred out.")
    source: str = Field(description="flag, environment, file or default.")
    description: str


class LimitsView(_View):
    """What a sender should check before sending."""

    max_bytes: int
    max_pixels: int
    max_seconds: float
    max_text_chars: int
    kinds: list[Kind]
    fetch_urls: bool


class SettingsView(_View):
    version: str
    settings: dict[str, SettingView]
    limits: LimitsView
    policies: list[Policy]
    policy: Policy = Field(description="Policy when none is asked for.")
    languages: list[str]
    keep_results_hours: float
    keep_artifacts_hours: float
    signed_in: bool = Field(description="Whether this service demands tokens.")


def _values(settings: Settings) -> dict[str, SettingView]:
    origin = sources(settings)
    shown: dict[str, SettingView] = {}
    for name, value in settings.public().items():
        info = type(settings).model_fields[name]
        source = origin[name]
        if source == "default" and getattr(settings, name) != type(settings).model_construct().__dict__[name]:
            source = "flag"  # given to this process in neither file nor environment
        if name == "database_url" and value:
            value = make_url(value).render_as_string(hide_password=True)  # noqa: PLW2901
        shown[name] = SettingView(value=value, source=source, description=info.description or "")
    return shown


@router.get("", summary="Settings in force", response_model=SettingsView)
def read(service: ServiceOf) -> SettingsView:
    settings = service.settings
    return SettingsView(
        version=veriscope.__version__,
        settings=_values(settings),
        limits=LimitsView(
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            max_seconds=settings.max_seconds,
            max_text_chars=settings.max_text_chars,
            kinds=[kind for kind in Kind if kind is not Kind.PDF],
            fetch_urls=settings.fetch_urls,
        ),
        policies=list(Policy),
        policy=Policy(settings.policy),
        languages=list(LANGUAGES),
        keep_results_hours=settings.keep_results_hours,
        keep_artifacts_hours=settings.keep_artifacts_hours,
        signed_in=bool(settings.tokens),
    )
