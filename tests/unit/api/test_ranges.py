"""Which bytes a request wants."""

from __future__ import annotations

import pytest

from veriscope.api.ranges import wanted_part


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-", (10, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=9-3", (0, 100)),  # no range at all: ignored
        ("bytes=-", (0, 100)),
        ("bytes=0-1,5-6", (0, 100)),  # several: the whole is an answer, too
        ("lines=0-1", (0, 100)),
        ("bytes=a-b", (0, 100)),
    ],
)
def test_ranges(header: str, part: tuple[int, int] | None) -> None:
    assert wanted_part(header, 100) == part


def test_nothing_has_no_parts() -> None:
    assert wanted_part("", 0) == (0, 0)
    assert wanted_part("bytes=0-", 0) is None
