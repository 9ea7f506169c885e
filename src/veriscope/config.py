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
from veriscope.redaction.senses import Senses

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
    blob_url: str = Field("", description="Bucket for blobs, s3://bucket/prefix; empty: a folder inside `data_dir`.")
    blob_endpoint: str = Field("", description="Address of an S3-compatible service other than Amazon's.")
    triton_urls: str = Field(
        "",
        description="Triton servers, `host:8001,host:8001=2` with weights, or `@file.yaml`, read again on a change; "
        "empty: networks run in this service.",
    )
    triton_policy: Literal["round_robin", "weighted", "least_outstanding"] = Field(
        "least_outstanding", description="Which Triton server gets the next request."
    )
    weights_dir: Path | None = Field(None, description="Folder of networks; empty: the ones inside the package.")
    models_dir: Path | None = Field(None, description="Your own networks and versions; empty: `models` in `data_dir`.")
    models_memory: int = Field(1024 * _MB, ge=1, description="Loaded networks of one process together, in bytes.")
    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Where networks run in this service; cuda needs onnxruntime-gpu in place of onnxruntime."
    )
    batch_ms: float = Field(
        0.0, ge=0, le=1000, description="How long a call of a network waits for others to share a batch; for GPUs."
    )
    batch_size: int = Field(16, ge=2, le=256, description="Items in such a batch, at most.")

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
    text_processes: int = Field(
        1, ge=0, le=256, description="Processes for texts alone, beside `processes`, so that none waits for a picture."
    )
    job_processes: int = Field(0, ge=0, le=256, description="Job processes for video and sound; 0: one per core.")
    queue_limit: int = Field(
        64,
        ge=1,
        le=100_000,
        description="Requests waiting for a process before 503; texts and pictures each have a queue.",
    )
    shed_limit: int = Field(
        16, ge=0, le=100_000, description="Requests waiting before the costliest methods are left out; 0: never."
    )
    request_seconds: float = Field(120.0, gt=0, le=3600, description="Hard limit for a picture or text, in seconds.")
    jobs_limit: int = Field(1000, ge=1, le=1_000_000, description="Waiting jobs per organisation before 503.")
    rate_limit: str = Field("600/minute", description="Requests per client address, as `limits` writes it.")
    upload_rate_limit: str = Field("120/minute", description="Analyses per client address.")
    token_rate_limit: str = Field("6000/minute", description="Requests per token.")
    redis_url: str = Field("", description="Redis that counts requests for all gateways; empty: each counts its own.")
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
    policy: Literal["quick", "standard", "thorough", "auto"] = Field(
        "standard", description="Policy when none is asked for."
    )
    routing: str = Field(
        "", description="Route of the policy `auto`: banded, deep, whole or your own; empty: the file's."
    )
    routing_file: Path | None = Field(None, description="YAML of routes; empty: the one in the package.")
    policy_file: Path | None = Field(None, description="YAML of fusion policies; empty: the one in the package.")
    fusion: str = Field("weighted", description="Name of the fusion policy: weighted, voting, stacked or your own.")
    trust_list: Path | None = Field(None, description="PEM file of signers trusted for Content Credentials.")
    threads: int = Field(0, ge=0, le=256, description="Detector threads in one analysis; 0: one per core.")

    # jobs
    broker_url: str = Field(
        "", description="Redis or RabbitMQ that wakes workers of their own; empty: job processes of this service."
    )
    lease_seconds: float = Field(30.0, gt=1, le=3600, description="A job whose worker is silent so long is taken over.")
    sweep_seconds: float = Field(5.0, gt=0, le=600, description="How often expired leases and files are looked for.")
    job_seconds: float = Field(3600.0, gt=0, description="Hard limit for one job, in seconds.")
    job_retries: int = Field(3, ge=0, le=20, description="Tries after a fault that can pass.")
    retry_seconds: float = Field(2.0, gt=0, le=600, description="First pause before a retry; it doubles.")

    # what is kept
    keep_results_hours: float = Field(24.0, ge=0, description="Hours a report is kept; 0: for ever.")
    keep_failed_hours: float = Field(
        24.0, ge=0, description="Hours the file of a job that failed for a passing fault is kept to be tried again."
    )
    keep_artifacts_hours: float = Field(24.0, ge=0, description="Hours heatmaps and previews are kept; 0: for ever.")
    preview_pixels: int = Field(1280, ge=64, le=8192, description="Longest side of the kept preview, in pixels.")
    review_hours: float = Field(24.0, gt=0, le=8760, description="Hours a redaction plan waits for review.")
    quarantine: bool = Field(False, description="Keep, encrypted, the input of an analysis that hit a fault of ours.")
    blob_key: SecretStr | None = Field(
        None,
        description="Key of blobs (32 bytes, base64); older ones, which only read, may follow after commas.",
    )
    blob_key_file: Path | None = Field(None, description="File with such keys, one a line; the first one writes.")
    blob_key_command: str = Field(
        "",
        description="Command that prints such keys, for a key service, run once at the start of a process; none of the "
        "three: `blob.key` in `data_dir` is made, but for blobs in a bucket.",
    )

    # redacted files
    c2pa_certificate: Path | None = Field(
        None, description="PEM chain that signs redacted files (C2PA); with c2pa_key."
    )
    c2pa_key: Path | None = Field(None, description="PEM file of the private key of that certificate.")

    # redaction
    redact_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="What goes where nothing is said: faces,plates,text,speech; empty: all that a file can hold."
    )
    redact_ocr: Literal["rapidocr", "tesseract"] = Field("rapidocr", description="Who reads text in pictures.")
    redact_face_confidence: float = Field(0.2, gt=0, lt=1, description="Least score of a face; lower covers more.")
    redact_plate_confidence: float = Field(0.7, gt=0, lt=1, description="The same for licence plates.")
    redact_read_plates: bool = Field(
        False,
        description="Leave clear what the networks are not certain of and what does not read like a plate; "
        "blurred plates do not.",
    )
    redact_text_confidence: float = Field(0.4, gt=0, lt=1, description="The same for text in pictures.")
    redact_look_seconds: float = Field(0.4, gt=0, le=10, description="Seconds between looks at a film.")
    redact_text_seconds: float = Field(1.0, gt=0, le=10, description="Seconds between readings of its text.")
    redact_speech_weights: Path | None = Field(
        None,
        description="Folder of Whisper, converted for CTranslate2; empty: whisper-base where it was pulled, else "
        "pocketsphinx.",
    )
    redact_speech_language: str | None = Field(None, description="ISO 639-1 of what is spoken; empty: found out.")
    redact_speech_threads: int = Field(1, ge=1, le=64, description="Threads of Whisper in one job.")
    redact_regions: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Countries whose phone numbers may come without country code, such as VN,US."
    )

    # log and traces
    otel_endpoint: str = Field(
        "", description="OpenTelemetry collector for traces, OTLP over HTTP (http://host:4318); empty: no traces."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "text"] = Field("text", description="One JSON object a line, or text for people.")

    @field_validator(
        *("data_dir", "weights_dir", "models_dir", "policy_file", "routing_file", "trust_list"),
        *("blob_key_file", "c2pa_certificate", "c2pa_key", "redact_speech_weights"),
        mode="after",
    )
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("tokens", "trusted_proxies", "redact_targets", "redact_regions", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(t.strip() for t in value.split(",") if t.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _open_only_with_tokens(self) -> Settings:
        if not self.tokens and not is_loopback(self.host):
            raise ValueError(f"host {self.host} is reachable from elsewhere: set tokens, or bind to 127.0.0.1")
        if any(len(token.get_secret_value()) < 16 for token in self.tokens):
            raise ValueError("every token needs at least 16 characters")
        given = [self.blob_key is not None, self.blob_key_file is not None, bool(self.blob_key_command)]
        if sum(given) > 1:
            raise ValueError("set only one of blob_key, blob_key_file and blob_key_command")
        if self.quarantine and not any(given):
            raise ValueError("quarantine keeps inputs encrypted: set blob_key")
        if (self.c2pa_certificate is None) != (self.c2pa_key is None):
            raise ValueError("c2pa_certificate and c2pa_key belong together")
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

    def senses(self) -> Senses:
        """How closely is looked, read and listened when something is redacted."""
        found = {name: getattr(self, f"redact_{name}") for name in Senses.__slots__}
        return Senses(**{**found, "speech_weights": found["speech_weights"] or self._pulled_recogniser()})

    def _pulled_recogniser(self) -> Path | None:
        from veriscope.inference import folders  # here: settings are read by processes that need no networks

        known = folders.folders()[folders.RECOGNISER]
        return None if known.hint else known.installed(self.models_dir or self.data_dir / "models")

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
