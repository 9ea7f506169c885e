"""Every file there is, whole and broken: an answer or a clear refusal, never a crash, a fault or a file left behind.

`--files N` mutates N real files (bit flips, cuts, insertions, swapped blocks) with a fixed seed; `--whole` takes every
file under the data folder as it is, and with `--start` and `--count` a part of them, so that a long run can be done in
pieces. Exits 1 when anything else than a report or bad input came of it.

The run has a temporary folder of its own (the decode child inherits it): what lies in it at the end was left behind.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from common import arguments, show
from veriscope.analysis import Examiner, analyse
from veriscope.errors import BadInput, VeriscopeError
from veriscope.media.limits import Limits
from veriscope.types import Options, Policy, Reason

_LARGEST = 8 << 20  # of a file that is mutated
_EVERY = 50  # files between two lines of progress


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """One to three kinds of damage."""
    out = bytearray(data)
    for kind in random.choice(4, size=random.integers(1, 4), replace=False):
        if len(out) < 16:
            break
        if kind == 0:  # flip bits; half of the time near the front, where the headers are
            span = min(len(out), 2048) if random.random() < 0.5 else len(out)
            for at in random.integers(0, span, random.integers(1, 40)):
                out[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del out[int(random.integers(1, len(out))) :]
        elif kind == 2:
            at = int(random.integers(len(out)))
            out[at:at] = random.integers(0, 256, random.integers(1, 200)).astype(np.uint8).tobytes()
        else:
            size = min(len(out) // 4, 4096)
            a, b = random.integers(0, len(out) - size, 2)
            out[a : a + size], out[b : b + size] = out[b : b + size], out[a : a + size]
    return bytes(out)


def broken(data: Path, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(seed)
    files = [p for p in sorted(data.rglob("*")) if p.is_file() and 0 < p.stat().st_size <= _LARGEST]
    by_kind: dict[str, list[Path]] = {}
    for path in files:
        by_kind.setdefault(path.suffix.lower(), []).append(path)
    kinds = sorted(by_kind)
    for i in range(count):
        group = by_kind[kinds[i % len(kinds)]]  # each format gets its turn: most files are JPEGs
        path = group[int(random.integers(len(group)))]
        yield f"{path.relative_to(data)}#{i}", mutate(path.read_bytes(), random)


def whole(data: Path, start: int, count: int | None) -> list[tuple[str, Path | bytes]]:
    files = [p for p in sorted(data.rglob("*")) if p.is_file()]
    return [(str(p.relative_to(data)), p) for p in files[start:][:count]]


class Tally:
    """What became of each file."""

    def __init__(self, *, tell_refusals: bool) -> None:
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._tell_refusals = tell_refusals
        self._begun = time.perf_counter()

    def take(self, name: str, source: Path | bytes, options: Options, examiner: Examiner) -> None:
        try:
            report = analyse(source, name=name, options=options, examiner=examiner)
            failed = [f.detector for f in report.findings if f.reason is Reason.FAILED]
            self.outcomes["report" if not failed else "report with a failed detector"] += 1
            if failed:
                self._blame(f"{name}: {', '.join(failed)} failed")
        except BadInput as exc:
            self.outcomes[exc.code] += 1
            if self._tell_refusals:
                _say(f"{name}: {exc.code}: {exc.message}")
        except VeriscopeError as exc:
            self.outcomes[exc.code] += 1
            self._blame(f"{name}: {exc.code}: {exc.message}")
        except Exception as exc:
            self.outcomes["crash"] += 1
            self._blame(f"{name}: {type(exc).__name__}: {exc}")

    def _blame(self, line: str) -> None:
        self.wrong.append(line)
        _say(f"WRONG {line}")

    def progress(self, done: int, total: int, name: str) -> None:
        seconds = time.perf_counter() - self._begun
        _say(f"{done} of {total} files, {seconds:.0f} s, {len(self.wrong)} wrong; last: {name}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=500, help="files that are damaged")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true", help="every file of the data folder, as it is")
    parser.add_argument("--start", type=int, default=0, help="with --whole: the first file, counted from 0 by path")
    parser.add_argument("--count", type=int, default=None, help="with --whole: how many files; all by default")
    parser.add_argument("--policy", default="quick", choices=[p.value for p in Policy])
    given = parser.parse_args()
    data = given.data.resolve()
    options = Options(Policy(given.policy))
    tally = Tally(tell_refusals=given.whole)
    with tempfile.TemporaryDirectory(prefix="veriscope-fuzz-") as own:
        os.environ["TMPDIR"] = tempfile.tempdir = own  # before the child starts
        sources: Iterable[tuple[str, Path | bytes]]
        if given.whole:
            sources = whole(data, given.start, given.count)
            total = len(sources)
        else:
            sources, total = broken(data, given.files, given.seed), given.files
        with Examiner(limits=Limits(decode_seconds=60)) as examiner:
            for done, (name, source) in enumerate(sources, 1):
                tally.take(name, source, options, examiner)
                if done % _EVERY == 0 or done == total:
                    tally.progress(done, total, name)
        left = sorted(p.name for p in Path(own).iterdir())
    tally.wrong += [f"left behind: {name}" for name in left]
    figures = {**tally.outcomes, "files": total, "wrong": len(tally.wrong), "left_behind": len(left)}
    show(figures, as_json=given.json)
    for line in tally.wrong:
        _say(line)
    sys.exit(1 if tally.wrong else 0)


if __name__ == "__main__":
    main()
