"""Settings: defaults, then a YAML file, then ``VERISCOPE_*`` variables, then command-line flags.

Read once at the top of a process and handed down as arguments; nothing below this layer imports it.
``docs/settings.md`` is generated from the descriptions here, and a test fails when it is stale.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from veriscope.errors import BadSetting
from veriscope.media.limits import Limits

ENV_PREFIX = "VERISCOPE_"
_MB = 1024 * 1024


class Settings(BaseSettings):
    """Every setting, with its unit and range in the description."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )

    # where things live
    data_dir: Path = Field(Path("~/.local/share/veriscope"), description="Folder for records, blobs and spool files.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite inside `data_dir`.")
    weights_dir: Path | None = Field(None, description="Folder of networks; empty: the ones inside the package.")

    # service
    host: str = Field("127.0.0.1", description="Address to bind. Anything but loopback demands `tokens`.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Bearer tokens, comma-separated; none: no sign-in, loopback only."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses whose X-Forwarded-For is believed."
    )
    processes: int = Field(0, ge=0, le=256, description="Processes for pictures and texts; 0: one per core.")
    job_processes: int = Field(0, ge=0, le=256, description="Job processes for video and sound; 0: one per core.")
    queue_limit: int = Field(64, ge=1, le=100_000, description="Requests waiting for a process before 503.")
    request_seconds: float = Field(120.0, gt=0, le=3600, description="Hard limit for a picture or text, in seconds.")
    jobs_limit: int = Field(1000, ge=1, le=1_000_000, description="Waiting jobs per organisation before 503.")
    rate_limit: str = Field("600/minute", description="Requests per client address, as `limits` writes it.")
    upload_rate_limit: str = Field("120/minute", description="Analyses per client address.")
    upload_timeout: float = Field(120.0, gt=0, le=3600, description="Seconds an upload may take.")
    fetch_urls: bool = Field(True, description="Whether `{url}` may be fetched; off for closed networks.")
    fetch_timeout: float = Field(30.0, gt=0, le=600, description="Seconds a URL may take.")
    fetch_private: bool = Field(False, description="Allow URLs on private and loopback addresses (tests only).")
    max_text_chars: int = Field(1_000_000, ge=1, le=100_000_000, description="Longest text, in characters.")

    # what is accepted
    max_bytes: int = Field(200 * _MB, ge=1, description="Largest file, in bytes.")
    max_pixels: int = Field(100_000_000, ge=1, description="Largest picture or video frame, in pixels.")
    max_seconds: float = Field(4 * 3600.0, gt=0, description="Longest video or sound, in seconds.")
    max_streams: int = Field(16, ge=1, description="Most streams in one file.")
    decode_seconds: float = Field(600.0, gt=0, description="Longest decoding of one file, in seconds.")
    decode_memory: int = Field(3072 * _MB, ge=256 * _MB, description="Address space of the decoder, in bytes.")

    # how it is examined
    policy: Literal["quick", "standard", "thorough"] = Field("standard", description="Policy when none is asked for.")
    policy_file: Path | None = Field(None, description="YAML of fusion policies; empty: the one in the package.")
    fusion: str = Field("weighted", description="Name of the fusion policy: weighted, voting, stacked or your own.")
    trust_list: Path | None = Field(None, description="PEM file of signers trusted for Content Credentials.")
    threads: int = Field(0, ge=0, le=256, description="Detector threads in one analysis; 0: one per core.")

    # jobs
    lease_seconds: float = Field(30.0, gt=1, le=3600, description="A job whose worker is silent so long is taken over.")
    sweep_seconds: float = Field(5.0, gt=0, le=600, description="How often expired leases and files are looked for.")
    job_seconds: float = Field(3600.0, gt=0, description="Hard limit for one job, in seconds.")
    job_retries: int = Field(3, ge=0, le=20, description="Tries after a fault that can pass.")
    retry_seconds: float = Field(2.0, gt=0, le=600, description="First pause before a retry; it doubles.")

    # what is kept
    keep_results_hours: float = Field(24.0, ge=0, description="Hours a report is kept; 0: for ever.")
    keep_artifacts_hours: float = Field(24.0, ge=0, description="Hours heatmaps and previews are kept; 0: for ever.")
    preview_pixels: int = Field(1280, ge=64, le=8192, description="Longest side of the kept preview, in pixels.")
    quarantine: bool = Field(False, description="Keep, encrypted, the input of an analysis that hit a fault of ours.")
    blob_key: SecretStr | None = Field(None, description="Key (32 bytes, base64) for blobs and quarantine.")

    # log
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "text"] = Field("text", description="One JSON object a line, or text for people.")

    @field_validator("data_dir", "weights_dir", "policy_file", "trust_list", mode="after")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("tokens", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(t.strip() for t in value.split(",") if t.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _open_only_with_tokens(self) -> Settings:
        if not self.tokens and not is_loopback(self.host):
            raise ValueError(f"host {self.host} is reachable from elsewhere: set tokens, or bind to 127.0.0.1")
        if any(len(token.get_secret_value()) < 16 for token in self.tokens):
            raise ValueError("every token needs at least 16 characters")
        if self.quarantine and self.blob_key is None:
            raise ValueError("quarantine keeps inputs encrypted: set blob_key")
        return self

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'veriscope.db'}"

    @property
    def cores(self) -> int:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, _yaml_path())

    def limits(self) -> Limits:
        """What is accepted, for the layers below."""
        return Limits(**{name: getattr(self, name) for name in Limits.__slots__})

    def public(self) -> dict[str, Any]:
        """Settings for display; secrets are starred out."""
        return dict(self.model_dump(mode="json"))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _yaml_path() -> Path | None:
    named = os.environ.get(f"{ENV_PREFIX}CONFIG")
    path = Path(named).expanduser() if named else Path("veriscope.yaml")
    if named and not path.is_file():
        raise BadSetting(f"The settings file {path} cannot be read.")
    return path if path.is_file() else None


def load(**flags: Any) -> Settings:
    """Read the settings in force. Flags that are ``None`` count as not given.

    Raises:
        BadSetting: a value is unknown, malformed or out of range.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise BadSetting(f"The setting {where} is wrong: {first['msg']}.") from exc
    except (yaml.YAMLError, OSError, SettingsError) as exc:
        raise BadSetting(f"The settings file cannot be read: {exc}.") from exc


def sources(settings: Settings, **flags: Any) -> Mapping[str, str]:
    """Where each value in force comes from: ``flag``, ``environment``, ``file`` or ``default``."""
    path = _yaml_path()
    in_file = (yaml.safe_load(path.read_text("utf-8")) or {}) if path else {}
    given = {name for name, value in flags.items() if value is not None}

    def source(name: str) -> str:
        if name in given:
            return "flag"
        if f"{ENV_PREFIX}{name}".upper() in {key.upper() for key in os.environ}:
            return "environment"
        return "file" if name in in_file else "default"

    return {name: source(name) for name in type(settings).model_fields}


def document() -> str:
    """The table of ``docs/settings.md``."""
    rows = ["| setting | variable | default | what it is |", "|---|---|---|---|"]
    for name, info in Settings.model_fields.items():
        default = "" if info.default is None else str(info.default)
        rows.append(f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | `{default}` | {info.description} |")
    return "\n".join(rows) + "\n"
