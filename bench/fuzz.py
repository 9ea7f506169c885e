"""Every file there is, whole and broken: an answer or a clear refusal, never a crash, a fault or a file left behind.

`--files N` mutates N real files (bit flips, cuts, insertions, swapped blocks) with a fixed seed; `--whole` takes every
file under the data folder as it is. Exits 1 when anything else than a report or bad input came of it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common import arguments, show
from veriscope.analysis import Examiner, analyse
from veriscope.errors import BadInput, VeriscopeError
from veriscope.media.limits import Limits
from veriscope.types import Options, Policy

_LARGEST = 8 << 20  # of a file that is mutated


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


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--policy", default="quick", choices=[p.value for p in Policy])
    given = parser.parse_args()
    data = given.data.resolve()
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    options = Options(Policy(given.policy))
    before = set(Path(tempfile.gettempdir()).glob("veriscope-*"))

    def one(name: str, source: Path | bytes) -> None:
        try:
            report = analyse(source, name=name, options=options, examiner=examiner)
            failed = [f.detector for f in report.findings if f.reason and f.reason.value == "failed"]
            outcomes["report" if not failed else "report with a failed detector"] += 1
            if failed:
                wrong.append(f"{name}: {', '.join(failed)} failed")
        except BadInput as exc:
            outcomes[exc.code] += 1
            if given.whole and not given.json:
                print(f"{name}: {exc.code}: {exc.message}", file=sys.stderr)
        except VeriscopeError as exc:
            outcomes[exc.code] += 1
            wrong.append(f"{name}: {exc.code}: {exc.message}")
        except Exception as exc:
            outcomes["crash"] += 1
            wrong.append(f"{name}: {type(exc).__name__}: {exc}")

    with Examiner(limits=Limits(decode_seconds=60)) as examiner:
        if given.whole:
            for path in (p for p in sorted(data.rglob("*")) if p.is_file()):
                one(str(path.relative_to(data)), path)
        else:
            for name, content in broken(data, given.files, given.seed):
                one(name, content)
    left = set(Path(tempfile.gettempdir()).glob("veriscope-*")) - before
    show({**outcomes, "wrong": len(wrong), "left_behind": len(left)}, as_json=given.json)
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong or left else 0)


if __name__ == "__main__":
    main()
