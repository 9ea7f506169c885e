"""Writes the generated pages of ``docs/``: settings, errors, detectors; ``--check`` fails when one is stale."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from veriscope import config, errors
from veriscope.detectors.base import ALL_POLICIES, calibration
from veriscope.detectors.registry import DETECTORS
from veriscope.types import Policy

DOCS = Path(__file__).resolve().parent.parent / "docs"


def error_table() -> str:
    classes = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.VeriscopeError)}
    drawn = [line.strip(" │├└─") for line in (errors.__doc__ or "").splitlines() if "── " in line]
    meanings = {name: text.strip() for name, _, text in (line.partition(" ") for line in drawn)}
    rows = ["| code | HTTP | exit | try again | what it means |", "|---|---|---|---|---|"]
    for c in sorted(classes - {errors.VeriscopeError, errors.Fault}, key=lambda c: (c.status, c.code)):
        again = "yes" if c.retryable else "no"
        rows.append(f"| `{c.code}` | {c.status} | {c.exit_code} | {again} | {meanings[c.__name__]} |")
    return "\n".join(rows) + "\n"


def detector_table() -> str:
    rows = ["| method | looks at | signal | policies | basis of its score | reference |", "|---|---|---|---|---|---|"]
    for d in DETECTORS:
        kinds = ", ".join(sorted(k.value for k in d.kinds))
        policies = "all" if d.policies >= ALL_POLICIES else ", ".join(p.value for p in Policy if p in d.policies)
        fitted = {k: calibration(d.name, d.version, k) for k in sorted(d.kinds)}
        basis = (
            "; ".join(dict.fromkeys(c.basis for c in fitted.values() if c))
            or "not calibrated: measures, gives no score"
        )
        rows.append(
            f"| {d.title['en']} (`{d.name}`) | {kinds} | {d.signal.value} | {policies} | {basis} | {d.reference} |"
        )
    return "\n".join(rows) + "\n"


SETTINGS = """# Settings

Defaults, then `veriscope.yaml` (or the file named by `VERISCOPE_CONFIG`), then environment variables, then flags.
`veriscope doctor` prints the values in force and where each comes from.

"""
DETECTORS_PAGE = """# Detectors

Each is one file in `src/veriscope/detectors/`. A score is a calibrated probability at even odds; the basis says on what
it was fitted and how well it told forged from genuine there (AUC, 95 % interval). Figures on test data:
`python bench/detectors.py`.

"""
ERRORS = """# Errors

Every error has one shape, over HTTP and with `--json` on the command line:
`{"error": {"code": "…", "message": "one plain sentence", "hint": "what to do next"}}`.

"""


def pages() -> dict[str, str]:
    return {
        "settings.md": SETTINGS + config.document(),
        "detectors.md": DETECTORS_PAGE + detector_table(),
        "errors.md": ERRORS + error_table(),
    }


def main() -> None:
    stale = [name for name, text in pages().items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != text]
    if "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}; run make docs" if stale else 0)
    for name in stale:
        (DOCS / name).write_text(pages()[name], "utf-8")


if __name__ == "__main__":
    main()
