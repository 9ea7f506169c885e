"""Writes the generated pages: ``docs/settings.md`` and ``docs/errors.md``. Run by ``make docs``."""

from __future__ import annotations

import inspect
from pathlib import Path

from veriscope import config, errors

DOCS = Path(__file__).resolve().parent.parent / "docs"


def error_table() -> str:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.VeriscopeError)]
    rows = ["| code | HTTP | exit | try again | what it means |", "|---|---|---|---|---|"]
    meanings = dict(
        (name.strip(), text.strip())
        for name, text in (
            line.strip(" │├└─").split("  ", 1)
            for line in (errors.__doc__ or "").splitlines()
            if "── " in line and "  " in line.strip(" │├└─")
        )
    )
    abstract = {errors.VeriscopeError, errors.Fault}
    for c in sorted(set(classes) - abstract, key=lambda c: (c.status, c.code)):
        again = "yes" if c.retryable else "no"
        rows.append(
            f"| `{c.code}` | {c.status} | {c.exit_code} | {again} | {meanings.get(c.__name__, c.default_hint)} |"
        )
    return "\n".join(rows) + "\n"


def main() -> None:
    (DOCS / "settings.md").write_text(
        "# Settings\n\nDefaults, then `veriscope.yaml` (or the file named by `VERISCOPE_CONFIG`), then environment variables, then\n"
        "flags. `veriscope doctor` prints the values in force and where each comes from.\n\n" + config.document(),
        "utf-8",
    )
    (DOCS / "errors.md").write_text(
        "# Errors\n\nEvery error has one shape, over HTTP and with `--json` on the command line:\n"
        '`{"error": {"code": "…", "message": "one plain sentence", "hint": "what to do next"}}`.\n\n' + error_table(),
        "utf-8",
    )


if __name__ == "__main__":
    main()
