"""What the benches share: where the data lies, which files are for tests only, output; and the figures of merit."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

from veriscope.train.metrics import Numbers, auc, bootstrap, tpr, wilson

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for tests.making

__all__ = ["ROOT", "arguments", "auc", "auc_interval", "bootstrap", "cpu_seconds", "is_test", "show", "tpr", "wilson"]


def arguments(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("VERISCOPE_DATA", ROOT / "../shared/data")))
    return parser


def is_test(name: str) -> bool:
    """The fifth of ``images/pristine`` that is for tests only: SHA-256 of the file name mod 5 is 0."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def cpu_seconds() -> float:
    """CPU time of this process and its ended children, user and system."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def auc_interval(key: str, forged: Numbers, genuine: Numbers) -> dict[str, float]:
    """AUC under ``key``, and the ends of its 95 % bootstrap interval under ``key_low`` and ``key_high``."""
    low, high = bootstrap(auc, forged, genuine)
    return {key: auc(forged, genuine), f"{key}_low": low, f"{key}_high": high}


def show(figures: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")
