"""The public report as pydantic models: camelCase JSON, described field by field, no NaN anywhere.

The descriptions end up in the OpenAPI document and in the types generated from it, so they are written for
somebody who reads a report, not for somebody who reads this program.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from veriscope.types import Kind, Label, Policy, Reason, Signal

SCHEMA_VERSION = "1.0"

Scalar = str | int | float | bool | None
Probability = float | None


class Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="null",
        protected_namespaces=(),
    )


class Source(Model):
    name: str = Field(description="File name as sent. It is the sender's text: show it, never trust it.")
    bytes: int = Field(ge=0, description="Size of the original file in bytes.")
    format: str = Field(description="Format by the file's own bytes, whatever its name says, e.g. `jpeg`, `mp4`.")
    width: int | None = Field(None, description="Width in pixels of the upright original; null without a picture.")
    height: int | None = Field(None, description="Height in pixels of the upright original; null without a picture.")


class Wording(Model):
    explanation: str = Field(description="Which signals decided, and how.")
    recommendations: list[str] = Field(description="What to do next.")
    notes: list[str] = Field(description="What to keep in mind when reading the verdict.")


class Interval(Model):
    low: float = Field(ge=0, le=100, description="Lower end, 0–100.")
    high: float = Field(ge=0, le=100, description="Upper end, 0–100.")


class OverallAssessment(Model):
    risk_score: float | None = Field(
        ge=0, le=100, description="Risk of manipulation, 0–100; null only when no detector could score."
    )
    label: Label = Field(description="The verdict in words. `Inconclusive` is a normal answer.")
    confidence: Literal["Low", "Medium", "High"] = Field(description="How much the risk score can be relied on.")
    interval: Interval | None = Field(description="Uncertainty of the risk score.")
    explanation: str = Field(description="Which signals decided, in the language asked for.")
    recommendations: list[str] = Field(description="What to do next, in the language asked for.")
    notes: list[str] = Field(description="What to keep in mind, e.g. that a score and its map disagree.")
    false_alarm_rate: Probability = Field(
        description="Share of authentic media that would get this label or a worse one, as measured."
    )
    thresholds: dict[str, float] = Field(description="Risk scores at which each label begins.")
    decided_by: list[str] = Field(description="Detectors that decided, most important first.")
    translations: dict[str, Wording] = Field(description="The sentences in every language, by language code.")


class RegionOut(Model):
    x: float = Field(description="Left edge, pixels of the upright original.")
    y: float = Field(description="Top edge, pixels of the upright original.")
    width: float = Field(ge=0, description="Width in pixels.")
    height: float = Field(ge=0, description="Height in pixels.")
    score: Probability = Field(None, description="Score of this box alone, where the method gives one.")
    note: str | None = Field(None, description="What was seen here.")
    time: float | None = Field(None, description="Seconds from the start, for a video.")
    group: int | None = Field(None, description="Boxes of one group belong together, e.g. source and copy.")


class SpanOut(Model):
    start: float = Field(description="Start, in `unit`s from the beginning.")
    end: float = Field(description="End, in `unit`s from the beginning; not included for characters.")
    unit: Literal["seconds", "characters"] = Field(description="What `start` and `end` count.")
    score: Probability = Field(None, description="Score of this stretch alone, where the method gives one.")
    note: str | None = Field(None, description="What was seen here.")


class FrameOut(Model):
    frame: int = Field(ge=0, description="Frame number in the stream.")
    time: float = Field(description="Seconds from the start.")
    score: float = Field(description="Score of this frame, 0–1.")


class ReliabilityOut(Model):
    value: float = Field(ge=0, le=1, description="0: no better than chance, 1: never wrong, on the data in `basis`.")
    basis: str = Field(description="The labelled data and figure this was measured on; empty when never measured.")


class ArtifactLink(Model):
    name: str = Field(description="Name of the artifact.")
    url: str | None = Field(description="Where it is served, relative to the host; null where nobody serves it.")
    media_type: str = Field(description="MIME type.")


class FindingOut(Model):
    detector: str = Field(description="Name of the method, e.g. `jpeg_grid`.")
    version: str = Field(description="Version of the method.")
    title: str = Field(description="The method's name for people, in the language asked for.")
    titles: dict[str, str] = Field(description="That name in every language, by language code.")
    signal: Signal = Field(description="Row of `signalBreakdown` this belongs to.")
    score: Probability = Field(description="Calibrated probability of manipulation, 0–1; null when it abstains.")
    reason: Reason | None = Field(description="Why there is no score; null when there is one.")
    raw: float | None = Field(description="The uncalibrated statistic that the score comes from.")
    weight: float = Field(ge=0, description="Share in the decision, 0–1.")
    reliability: ReliabilityOut = Field(description="How far the score can be believed on media like this.")
    summary: str = Field(description="What was measured, in one sentence, in the language asked for.")
    translations: dict[str, str] = Field(description="The sentence in every language, by language code.")
    regions: list[RegionOut] = Field(description="Where on the picture.")
    spans: list[SpanOut] = Field(description="When in the sound or video, or which characters of the text.")
    frames: list[FrameOut] = Field(description="Score of each frame examined.")
    heatmap: ArtifactLink | None = Field(description="Transparent layer in the size of the preview.")
    overlay: ArtifactLink | None = Field(description="The same map laid over the preview.")
    parameters: dict[str, Scalar] = Field(description="Settings of the method for this run.")
    measurements: dict[str, Scalar | list[Scalar]] = Field(description="Everything else that was measured.")
    libraries: dict[str, str] = Field(description="Versions of the libraries that shaped the result.")
    reference: str = Field(description="The paper or standard behind the method.")
    error: str | None = Field(description="Code of the fault when `reason` is `failed`.")


class SignalOut(Model):
    score: Probability = Field(description="Weighted mean of the scored findings, 0–1; null when none scored.")
    weight: float = Field(ge=0, description="Share in the decision, 0–1: the sum over its findings.")
    findings: list[FindingOut] = Field(description="One per detector that ran or abstained, heaviest first.")


class SignalBreakdown(Model):
    visual_spatial: SignalOut = Field(description="Traces of editing on the picture plane.")
    frequency: SignalOut = Field(description="Compression and resampling traces in the spectrum.")
    noise: SignalOut = Field(description="Sensor noise and its consistency.")
    temporal_analysis: SignalOut = Field(description="Order, rhythm and steadiness of video frames.")
    audio: SignalOut = Field(description="Splices, compression and spectral statistics of the sound.")
    audio_visual: SignalOut = Field(description="Agreement of mouth and voice.")
    metadata_forensics: SignalOut = Field(description="What the file says of itself, and whether that fits together.")
    provenance: SignalOut = Field(description="Content Credentials.")
    text_analysis: SignalOut = Field(description="Language, style and hidden characters.")


class SuspiciousRegion(RegionOut):
    detector: str = Field(description="Method that marked it.")
    signal: Signal = Field(description="Row of `signalBreakdown`.")
    crop: ArtifactLink | None = Field(None, description="The region cut out of the preview.")


class SuspiciousSpan(SpanOut):
    detector: str = Field(description="Method that marked it.")
    signal: Signal = Field(description="Row of `signalBreakdown`.")


class FrameAnalysis(FrameOut):
    detectors: dict[str, float] = Field(description="Score of this frame by detector.")


class AvSyncOut(Model):
    offset_ms: float = Field(description="Milliseconds; above 0 the sound comes after the picture.")
    confidence: float = Field(ge=0, le=1, description="0–1.")


class ProvenanceOut(Model):
    state: Literal["none", "invalid", "valid", "trusted"] = Field(
        description="`valid` is intact, `trusted` adds a signer on the trust list. `none` is neutral."
    )
    signer: str | None = Field(description="Who signed, as the certificate says.")
    ai_declared: bool = Field(description="The credentials themselves declare generation or editing by AI.")
    details: dict[str, Any] = Field(description="What was read, as far as it is JSON.")


class CoverageOut(Model):
    analysed: float = Field(ge=0, description="How much was looked at, in `unit`s.")
    total: float = Field(ge=0, description="How much there is, in `unit`s.")
    unit: Literal["pixels", "seconds", "characters"] = Field(description="What is counted.")
    frames: int | None = Field(None, description="Video frames examined.")
    rate: float | None = Field(None, description="Frames examined per second.")
    faces: int | None = Field(None, description="Faces (images) or face tracks (video) found.")
    left_out: list[str] = Field([], description="Methods that did not run because too many requests were waiting.")


class Thumb(ArtifactLink):
    frame: int = Field(ge=0, description="Frame number in the stream.")
    time: float = Field(description="Seconds from the start.")
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")
    score: Probability = Field(description="Highest frame score near this moment; null when no detector scored frames.")
    rank: int = Field(ge=1, description="1 is the moment with the highest score.")


class Heatmap(ArtifactLink):
    detector: str = Field(description="Method that drew it.")
    signal: Signal = Field(description="Row of `signalBreakdown`.")
    score: Probability = Field(description="Score of the finding; a map without a score shows what was measured.")
    overlay: ArtifactLink = Field(description="The same map laid over the preview.")
    peak: float = Field(ge=0, le=1, description="Highest value in the map.")


class ViewOut(ArtifactLink):
    view: str = Field(description="Name of the view, e.g. `error_level`.")
    detector: str | None = Field(description="Method that made it; null for the general views.")
    group: Literal["compression", "noise", "cloning", "spectrum", "metadata"] = Field(description="Analysts' group.")
    caption: str = Field(description="How to read it, in the language asked for.")
    translations: dict[str, str] = Field(description="The caption in every language.")


class Lane(Model):
    signal: Signal = Field(description="Row of `signalBreakdown`.")
    detector: str = Field(description="Method whose lane this is.")
    points: list[FrameOut] = Field(description="Scores through time.")
    spans: list[SpanOut] = Field(description="Marked stretches.")


class Waveform(Model):
    link: ArtifactLink = Field(description="The picture, with the marked spans in it.")
    peaks: list[tuple[float, float]] = Field(description="Least and greatest sample of equal slices of the sound.")
    duration: float = Field(ge=0, description="Seconds.")


class Spectrogram(ArtifactLink):
    top_hz: float = Field(description="Frequency of the top row; the bottom row is 0 Hz.")
    duration: float = Field(ge=0, description="Seconds.")


class ReportLinks(Model):
    html: str | None = Field(description="The report as one self-contained page.")
    pdf: str | None = Field(description="The report as PDF.")


class Evidence(Model):
    preview: ArtifactLink | None = Field(description="Reduced picture that all layers are sized for.")
    preview_width: int | None = Field(description="Pixels.")
    preview_height: int | None = Field(description="Pixels.")
    thumbnails: list[Thumb] = Field(description="Moments of a video, in time order.")
    heatmaps: list[Heatmap] = Field(description="Maps of where, heaviest finding first.")
    views: list[ViewOut] = Field(description="Pictures for the analyst; they carry no score.")
    timeline: list[Lane] = Field(description="Lanes through time, one per detector, grouped by signal.")
    waveform: Waveform | None = Field(description="Shape of the sound.")
    spectrogram: Spectrogram | None = Field(description="Frequencies of the sound.")
    report: ReportLinks = Field(description="The report to keep.")


class MetadataRow(Model):
    group: str = Field(description="Where it stands in the file, e.g. `exif`.")
    name: str = Field(description="Field name.")
    value: str = Field(description="Value as text; hostile input, shorten and escape it.")
    odd: bool = Field(description="A detector found something remarkable about it.")
    note: str | None = Field(None, description="What was remarkable.")


class NetworkOut(Model):
    name: str = Field(description="Name of the network.")
    version: str = Field(description="Version that answered.")


class OptionsOut(Model):
    policy: Policy = Field(description="How thorough the examination was.")
    region: tuple[int, int, int, int] | None = Field(description="x, y, width, height asked for, pixels.")
    start: float | None = Field(description="Start asked for, seconds.")
    end: float | None = Field(description="End asked for, seconds.")
    rate: float | None = Field(description="Frames a second asked for; null: the policy's own.")
    caption: str | None = Field(description="Caption sent with a picture.")
    edge_score: Probability = Field(description="Score of the sender's own device, where it sent one.")


class PublicReport(Model):
    """One finished examination: the verdict, the evidence and everything that shaped them."""

    schema_version: str = Field(SCHEMA_VERSION, description="Version of this shape; the first number breaks readers.")
    status: Literal["completed"] = Field("completed", description="A report exists only when the work is done.")
    analysis_id: str = Field(description="Identifier of this analysis.")
    timestamp: str = Field(description="When it finished, ISO 8601, UTC.")
    media_type: Kind = Field(description="What the file is, by its bytes.")
    source: Source = Field(description="The file as it was sent.")
    sha256: str = Field(description="SHA-256 of the original bytes, hexadecimal.")
    complete: bool = Field(description="False when a detector failed: the report then misses something.")
    policy: Policy = Field(description="How thorough the examination was.")
    options: OptionsOut = Field(description="What the sender asked for.")
    overall_assessment: OverallAssessment = Field(description="The verdict.")
    signal_breakdown: SignalBreakdown = Field(description="Every finding, by signal.")
    suspicious_regions: list[SuspiciousRegion] = Field(description="Where to look first on the picture.")
    suspicious_spans: list[SuspiciousSpan] = Field(description="Where to look first in time or text.")
    frame_analysis: list[FrameAnalysis] = Field(description="Every examined frame that got a score.")
    av_sync: AvSyncOut | None = Field(description="Offset between mouth and voice; null when not measured.")
    provenance: ProvenanceOut = Field(description="Content Credentials.")
    coverage: CoverageOut = Field(description="How much of the medium was examined.")
    evidence: Evidence = Field(description="Pictures, lanes and the report to keep.")
    metadata: list[MetadataRow] = Field(description="What the file says of itself, oddities first.")
    text: str | None = Field(description="The examined text, cut to a length that a page can show.")
    text_truncated: bool = Field(description="`text` is not the whole text.")
    notes: list[str] = Field(description="Remarks on the whole report, in the language asked for.")
    models: list[NetworkOut] = Field(description="Networks that took part.")
    versions: dict[str, str] = Field(description="Program, interpreter and libraries.")
    settings: dict[str, Scalar] = Field(description="Settings that shaped the result.")
    timings: dict[str, float] = Field(description="Milliseconds by stage.")
    language: str = Field(description="Language of the sentences above.")
