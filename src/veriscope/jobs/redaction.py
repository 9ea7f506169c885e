"""The job that redacts: fetch the original, look, perhaps wait for a person, render, look again, keep the output.

The original lies encrypted among the blobs. A working copy exists only while a process works on it, in a folder that
carries that process's name, so that whoever comes after a ``kill -9`` knows that it may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from veriscope import __version__
from veriscope.config import Settings
from veriscope.errors import BadRequest, Internal, LeaseLost, NotFound, TooLarge
from veriscope.jobs import owner as owners
from veriscope.jobs.sweep import clean_spool
from veriscope.jobs.tools import Outcome, Tools
from veriscope.media.signing import Signer, sign
from veriscope.perception.pii_kinds import Custom
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.plan import Plan
from veriscope.redaction.targets import operators
from veriscope.store.encrypted import SEALED
from veriscope.store.redactions import Redaction
from veriscope.store.store import Store
from veriscope.types import Job, Progress

_PART = 1 << 20
MAX_ITEMS = 5000  # tracks, and spans, of a corrected plan

FORMATS = {
    "jpeg": (".jpg", "image/jpeg"),
    "png": (".png", "image/png"),
    "webp": (".webp", "image/webp"),
    "heic": (".heic", "image/heic"),
    "avif": (".avif", "image/avif"),
    "tiff": (".tif", "image/tiff"),
    "bmp": (".bmp", "image/bmp"),
    "gif": (".gif", "image/gif"),
    "mp4": (".mp4", "video/mp4"),
    "mov": (".mov", "video/quicktime"),
    "mkv": (".mkv", "video/x-matroska"),
    "webm": (".webm", "video/webm"),
    "avi": (".avi", "video/x-msvideo"),
    "wav": (".wav", "audio/wav"),
    "mp3": (".mp3", "audio/mpeg"),
    "flac": (".flac", "audio/flac"),
    "ogg": (".ogg", "audio/ogg"),
    "m4a": (".m4a", "audio/mp4"),
    "aac": (".aac", "audio/aac"),
    "text": (".txt", "text/plain; charset=utf-8"),
    "html": (".html", "text/plain; charset=utf-8"),  # never rendered by a browser from here
    "pdf": (".pdf", "application/pdf"),
}
_TEXTS = (".srt", ".vtt", ".ass", ".ssa")  # plain text whose form its name tells


def suffix(form: str, name: str) -> str:
    """The end of a file's name, from what the file is; for kinds of text from its name."""
    own = Path(name).suffix.lower()
    return own if form == "text" and own in _TEXTS else FORMATS.get(form, ("", ""))[0]


def media_type(form: str) -> str:
    return FORMATS.get(form, ("", "application/octet-stream"))[1]


def choices(text: str) -> tuple[str, ...]:
    """Operators as a sender writes them, taken apart: ``faces=blur,speech=tone``.

    Raises:
        BadRequest: there is no such operator, or it would read a file of this machine.
    """
    found = tuple(part.strip() for part in text.split(",") if part.strip()) or ("solid",)
    if any("image:" in part for part in found):
        raise BadRequest("Pictures to cover with are not taken here.", hint="Operators: solid, blur, pixelate.")
    operators(found)
    return found


def words(text: str) -> tuple[Custom, ...]:
    """Words, or /regular expressions/, one a line. Raises ``BadRequest``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(
        Custom(line[1:-1], pattern=True) if len(line) > 2 and line[0] == line[-1] == "/" else Custom(line)
        for line in lines
    )


def store_original(store: Store, path: Path, custom: str) -> tuple[str, str | None]:
    """Put the file, and the words to look for, among the blobs; returns their keys.

    Raises:
        Internal: blobs are not encrypted here.
    """
    if not store.sealed:
        raise Internal("Files to be redacted are only kept encrypted.", hint="The operator must set blob_key.")
    folder = f"{SEALED}{uuid.uuid4().hex}"
    wanted = f"{folder}/words" if custom.strip() else None
    if wanted is not None:
        store.blobs.put(wanted, custom.encode())
    with path.open("rb") as file:
        store.blobs.write(f"{folder}/original", iter(lambda: file.read(_PART), b""))
    return f"{folder}/original", wanted


def checked_plan(data: bytes, before: bytes) -> bytes:
    """A corrected plan as it is kept; thumbnails that were left out are those of the plan before.

    Raises:
        BadRequest: naming the first place that is wrong.
        TooLarge: more tracks or spans than a person could have looked at.
    """
    with suppress(ValueError, RecursionError):  # the plan's own reader says what is wrong then
        value = json.loads(data)
        lists = [value.get(name) for name in ("tracks", "spans")] if isinstance(value, dict) else []
        if any(isinstance(found, list) and len(found) > MAX_ITEMS for found in lists):
            raise TooLarge(f"The plan has more than {MAX_ITEMS} tracks or spans.")
    plan, old = Plan.from_json(data), Plan.from_json(before)
    if plan.sha256 != old.sha256:
        raise BadRequest("sha256 must stay as it was: the plan was made for another file.")
    for name in ("width", "height", "duration", "targets"):
        if getattr(plan, name) != getattr(old, name):
            raise BadRequest(f"{name} must stay as it was.")
    known = {track.id: track.thumbnail for track in old.tracks}
    tracks = tuple(replace(t, thumbnail=t.thumbnail or known.get(t.id, b"")) for t in plan.tracks)
    return replace(plan, tracks=tracks).as_json().encode()


def redaction(job: Job, tools: Tools, progress: Progress) -> Outcome:
    """Go on with a redaction from where it stands."""
    try:
        row = tools.store.redactions.of_job(job)
        with _workplace(tools) as folder:
            return _Work(job, row, tools, progress, folder).run()
    except NotFound:  # the row, or its blobs, were deleted under our hands
        raise LeaseLost("The redaction was deleted.") from None


@contextmanager
def _workplace(tools: Tools) -> Iterator[Path]:
    """A folder for working copies; what dead processes of this machine left is deleted first."""
    clean_spool(tools.settings, tools.store)
    folder = tools.spool / owners.name("job") / f"redact-{uuid.uuid4().hex}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()


class _Work:
    def __init__(self, job: Job, row: Redaction, tools: Tools, progress: Progress, folder: Path) -> None:
        self._job, self._row, self._tools, self._progress = job, row, tools, progress
        end = suffix(row.format, row.name)
        self._source, self._output = folder / f"source{end}", folder / f"safe{end}"

    def run(self) -> Outcome:
        self._fetch()
        if self._row.plan_key is not None:
            return self._rendered(Plan.from_json(self._tools.store.blobs.get(self._row.plan_key)))
        looked = self._redact(None)
        key, digest = self._keep_plan(looked.plan)
        if self._row.review:
            return Outcome(
                blobs=(key,),
                finish=lambda owner: self._records.planned(owner, self._job.id, key, digest, review=True),
            )
        try:
            self._records.planned(self._tools.owner, self._job.id, key, digest, review=False)
        except BaseException:
            self._tools.store.drop([key])
            raise
        self._row = replace(self._row, plan_key=key)
        return self._rendered(looked.plan, looked.timings)

    @property
    def _records(self) -> Any:
        return self._tools.store.redactions

    def _fetch(self) -> None:
        if self._row.original_key is None:
            raise Internal("The file to be redacted is gone.", hint="Send it again.")
        with self._source.open("wb") as file:
            file.writelines(self._tools.store.blobs.read(self._row.original_key))

    def _redact(self, plan: Plan | None) -> Result:
        from veriscope.redaction.redact import redact  # brings all that looks and listens; a gateway needs none of it

        return redact(
            self._source,
            None if plan is None else self._output,
            self._row.targets,
            self._tools.examiner.infer,
            how=how(self._row, self._words(), self._tools.settings),
            plan=plan,
            plan_only=plan is None,
            limits=self._tools.limits,
            progress=self._progress,
        )

    def _words(self) -> str:
        return "" if self._row.words_key is None else self._tools.store.blobs.get(self._row.words_key).decode()

    def _keep_plan(self, plan: Plan) -> tuple[str, str]:
        data = plan.as_json().encode()
        key = f"{SEALED}{uuid.uuid4().hex}/plan"
        self._tools.store.blobs.put(key, data)
        return key, hashlib.sha256(data).hexdigest()

    def _rendered(self, plan: Plan, before: Mapping[str, float] = MappingProxyType({})) -> Outcome:
        """Args: ``before``: seconds that the look took in this same run, by stage."""
        result = self._redact(plan)
        spent = {
            stage: before.get(stage, 0.0) + result.timings.get(stage, 0.0) for stage in {**before, **result.timings}
        }
        result = replace(result, timings=spent)
        store, settings = self._tools.store, self._tools.settings
        signer = Signer.of(settings.c2pa_certificate, settings.c2pa_key)
        note = ""
        if signer is not None:
            note = sign(self._output, self._row.format, self._row.targets, __version__, signer)
        plan_key, plan_digest = self._keep_plan(result.plan)
        output_key = f"{SEALED}{uuid.uuid4().hex}/output"
        digest, size = hashlib.sha256(), self._output.stat().st_size
        with self._output.open("rb") as file:
            store.blobs.write(output_key, _hashed(iter(lambda: file.read(_PART), b""), digest))
        done = replace(
            self._row,
            plan_key=plan_key,
            plan_sha256=plan_digest,
            output_key=output_key,
            output_sha256=digest.hexdigest(),
            output_size=size,
            result=self._public(result, digest.hexdigest(), size, note),
        )
        return Outcome(
            blobs=(plan_key, output_key),
            stale=tuple(key for key in (self._row.plan_key,) if key),
            finish=lambda owner: store.jobs.complete(owner, self._job.id, also=store.redactions.rendered(done)),
            timings={stage: 1000 * seconds for stage, seconds in result.timings.items()},
            leaks=len(result.first_leaks),
        )

    def _public(self, result: Result, digest: str, size: int, note: str) -> dict[str, Any]:
        """The result as it is shown: names as the sender knows them, no paths of this machine."""
        row = self._row
        name = f"{Path(row.name).stem or row.name}-safe{suffix(row.format, row.name)}"
        return {
            **result.as_dict(),
            "source": {"name": row.name, "bytes": row.size, "sha256": row.source_sha256},
            "output": {"name": name, "bytes": size, "sha256": digest},
            "notes": [*result.notes, *([note] if note else [])],
        }


def how(row: Redaction, custom: str, settings: Settings) -> How:
    """What was asked for, as the redaction takes it."""
    return How(
        operators=choices(row.operators),
        strip=not row.keep_metadata,
        custom=words(custom),
        senses=settings.senses(),
    )


def _hashed(parts: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for part in parts:
        digest.update(part)
        yield part
