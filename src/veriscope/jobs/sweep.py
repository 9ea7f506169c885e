"""Housekeeping: leases that ran out, records past their time, files that nobody needs."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from veriscope.config import Settings
from veriscope.jobs import inputs
from veriscope.jobs import owner as owners
from veriscope.jobs.payload import spool_folder
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.types import Job

STALE_SECONDS = 24 * 3600.0  # files of owners on other machines, of whom we cannot know whether they live
TIDY_SECONDS = 300.0  # how often blobs and old rows are looked at

log = structlog.get_logger("veriscope.sweep")


def take_over(settings: Settings, store: Store) -> list[Job]:
    """Put back the jobs of dead workers; files of jobs that ended for good are deleted."""
    taken = store.jobs.take_back(owners.is_gone)
    for job in taken:
        log.warning("job_taken_back", job=job.id, state=job.state, attempts=job.attempts)
        if job.state in ENDED:
            inputs.discard(job, store, spool_folder(settings))
    return taken


def clean_spool(settings: Settings, store: Store) -> int:
    """Delete spooled files that no unfinished job needs and whose gateway is gone; returns how many."""
    spool = spool_folder(settings)
    if not spool.is_dir():
        return 0
    needed = {spool / name for name in _needed(store)[0]}
    deleted = 0
    for folder in spool.iterdir():
        for path in list(folder.iterdir()) if folder.is_dir() else [folder]:
            if path in needed or not _abandoned(folder.name, path):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
            deleted += 1
        if owners.is_gone(folder.name):
            with suppress(OSError):  # something in it is still needed
                folder.rmdir()
    return deleted


def _needed(store: Store) -> tuple[set[str], set[str]]:
    return inputs.needed([*store.jobs.live_payloads(), *store.dead.payloads()])


def release_dead(settings: Settings, store: Store) -> int:
    """Delete the files of dead jobs that were not tried again in time, and before their rows go; returns how many."""
    hours = min(settings.keep_failed_hours, settings.keep_results_hours or math.inf)
    released = store.dead.release(time.time() - hours * 3600)
    for job in released:
        inputs.delete(job, store, spool_folder(settings))
    return len(released)


def _abandoned(owner: str, path: Path) -> bool:
    if owners.is_gone(owner):
        return True
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    return False


def forget(settings: Settings, store: Store) -> None:
    """Delete reports, artifacts and jobs past their time, and blobs that belong to nothing."""
    store.drop(store.artifacts.expire())
    store.drop(store.reports.expire())
    store.drop(store.redactions.expire())
    if settings.keep_results_hours:
        store.jobs.forget(time.time() - settings.keep_results_hours * 3600)


def drop_originals(store: Store) -> list[Job]:
    """End reviews that lasted too long, and delete originals of redactions that ended without doing so themselves."""
    lapsed = store.redactions.lapse()
    store.drop_originals()
    return lapsed


def drop_orphans(store: Store, suspects: set[str]) -> set[str]:
    """Delete blobs that no row names now and none named at the last call.

    A worker writes blobs just before their rows, so one look is not proof.

    Returns:
        The suspects for the next call.
    """
    keys = list(store.blobs.keys())
    known = store.artifacts.known(keys) | store.redactions.known(keys)
    orphans = set(keys) - known - _needed(store)[1]
    store.drop(orphans & suspects)
    return orphans - suspects


class Sweeper:
    """Does all of this from a thread, every ``sweep_seconds``.

    Args:
        woken: called with each job that waits again.
        ended: called with each that waited for too long.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        woken: Callable[[Job], None] = lambda _: None,
        ended: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._woken = woken
        self._ended = ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        tidied = float("-inf")
        suspects: set[str] = set()
        while True:
            try:
                for job in take_over(self._settings, self._store):
                    self._woken(job)
                for job in drop_originals(self._store):
                    self._ended(job)
                release_dead(self._settings, self._store)
                clean_spool(self._settings, self._store)
                if time.monotonic() - tidied > TIDY_SECONDS:
                    tidied = time.monotonic()
                    forget(self._settings, self._store)
                    suspects = drop_orphans(self._store, suspects)
            except Exception:  # a locked database now is no reason never to sweep again
                log.exception("sweep")
            if self._stop.wait(self._settings.sweep_seconds):
                return
