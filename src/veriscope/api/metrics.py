"""Figures for Prometheus: what was asked, how long it took, what is waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from veriscope.detectors.drift import Window, reference_of
from veriscope.errors import LeakFound
from veriscope.types import JobState, Queue

if TYPE_CHECKING:
    from veriscope.api.service import Service

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_STAGE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)

router = APIRouter(tags=["operation"])


class Metrics:
    """One registry for one application, so that two in a process do not disturb each other."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "veriscope_request_seconds",
            "Time to answer, by route and status.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._errors = Counter("veriscope_errors", "Errors by code.", ("code",), registry=self.registry)
        self._stages = Histogram(
            "veriscope_stage_seconds",
            "Time of one stage of one analysis.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=self.registry,
        )
        self._analyses = Counter(
            "veriscope_analyses", "Finished analyses by kind and label.", ("kind", "label"), registry=self.registry
        )
        self._jobs = Counter("veriscope_jobs_ended", "Ended jobs by state.", ("state",), registry=self.registry)
        self._lost = Counter(
            "veriscope_jobs_taken_back", "Jobs whose process died or fell silent.", registry=self.registry
        )
        self._cache = Counter("veriscope_cache", "Stored reports asked for.", ("outcome",), registry=self.registry)
        self._redactions = Counter(
            "veriscope_redactions", "Ended redactions by outcome.", ("kind", "outcome"), registry=self.registry
        )
        self._leaks = Counter(
            "veriscope_redaction_leaks",
            "What the second look saw in a first rendering; it was rendered again or failed.",
            ("kind",),
            registry=self.registry,
        )
        self._answers = Counter(
            "veriscope_detector_answers",
            "What detectors answered: a score, or why none.",
            ("detector", "kind", "outcome"),
            registry=self.registry,
        )
        self._windows: dict[tuple[str, str, str], Window] = {}
        self._lock = threading.Lock()
        self.watch(self._drift)

    def request(self, method: str, route: str, status: int, seconds: float, error: str | None) -> None:
        self._requests.labels(method, route, str(status)).observe(seconds)
        if error:
            self._errors.labels(error).inc()

    def stages(self, timings: Mapping[str, float]) -> None:
        """``timings``: stage → milliseconds."""
        for stage, milliseconds in timings.items():
            self._stages.labels(stage).observe(milliseconds / 1000)

    def analysis(self, kind: str, label: str) -> None:
        self._analyses.labels(kind, label).inc()

    def redaction(self, kind: str, state: str, code: str, leaks: int) -> None:
        """One that ended, or waits for review; retries are not counted."""
        if state != JobState.WAITING:
            self._redactions.labels(kind, code or state).inc()
            self._leaks.labels(kind).inc(leaks + (code == LeakFound.code))

    def findings(self, kind: str, findings: Iterable[tuple[str, str, float | None, str | None]]) -> None:
        """``findings`` of one report: detector, version, calibrated score, and the reason where there is no score."""
        with self._lock:
            for detector, version, score, reason in findings:
                self._answers.labels(detector, kind, "score" if score is not None else reason or "none").inc()
                if score is None or (known := reference_of(detector, version, kind)) is None:
                    continue
                key = detector, version, kind
                if key not in self._windows:
                    self._windows[key] = Window(known)
                self._windows[key].add(score)

    def _drift(self) -> Iterator[Metric]:
        labels = ("detector", "version", "kind")
        index = GaugeMetricFamily(
            "veriscope_score_drift",
            "Population stability index of the newest scores against the calibration set; above 0.25 they have moved.",
            labels=labels,
        )
        size = GaugeMetricFamily("veriscope_score_drift_window", "Scores that the index compares.", labels=labels)
        with self._lock:
            for key, window in self._windows.items():
                size.add_metric(key, len(window))
                if (value := window.stability()) is not None:
                    index.add_metric(key, value)
        yield index
        yield size

    def job(self, state: str, error: str) -> None:
        self._jobs.labels(state).inc()
        if error:
            self._errors.labels(error).inc()

    def taken_back(self) -> None:
        self._lost.inc()

    def cache(self, hit: bool) -> None:
        self._cache.labels("hit" if hit else "miss").inc()

    def watch(self, collect: Callable[[], Iterator[Metric]]) -> None:
        """Ask for gauges whenever somebody looks."""
        self.registry.register(cast("Collector", _Asked(collect)))


class _Asked:
    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect

    def describe(self) -> list[Metric]:
        return []


def gauges(service: Service) -> Iterator[Metric]:
    """What is waiting and running now, and whether what we depend on answers."""
    up = GaugeMetricFamily("veriscope_dependency_up", "Whether it answered when last asked.", labels=("name",))
    for name, answers in service.dependencies().items():
        up.add_metric((name,), float(answers))
    yield up
    if not service.database_answers():
        return
    depths = service.store.jobs.depths()
    jobs = GaugeMetricFamily("veriscope_jobs", "Jobs by queue and state.", labels=("queue", "state"))
    for queue, state, count, _ in depths:
        jobs.add_metric((queue, state), count)
    yield jobs
    waiting = {queue: (n, oldest) for queue, state, n, oldest in depths if state is JobState.WAITING}
    depth = GaugeMetricFamily("veriscope_queue_depth", "Waiting jobs by queue.", labels=("queue",))
    age = GaugeMetricFamily("veriscope_queue_oldest_seconds", "Age of the oldest waiting job.", labels=("queue",))
    for queue in Queue:
        count, oldest = waiting.get(queue, (0, 0.0))
        depth.add_metric((queue,), count)
        age.add_metric((queue,), max(0.0, time.time() - oldest) if count else 0.0)
    yield depth
    yield age
    pool, jobs_side = service.pool, service.dispatcher
    for name, text, value in (
        ("veriscope_pool_waiting", "Requests waiting for a process.", pool.waiting),
        ("veriscope_pool_shed", "Examinations that went without the costliest methods.", pool.shed),
        ("veriscope_pool_busy", "Processes at work on pictures and texts.", pool.busy),
        ("veriscope_pool_size", "Processes for pictures and texts.", pool.size),
        ("veriscope_pool_restarts", "Processes for pictures and texts that were replaced.", pool.restarts),
        ("veriscope_job_processes_busy", "Job processes at work.", jobs_side.busy),
        ("veriscope_job_processes", "Job processes.", jobs_side.size),
        ("veriscope_job_process_restarts", "Job processes that were replaced.", jobs_side.restarts),
    ):
        yield GaugeMetricFamily(name, text, value=value)


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    return Response(generate_latest(request.app.state.service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
