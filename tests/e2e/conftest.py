from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from tests.e2e.browsing import chromium  # here: the tests without a page need no playwright

    with chromium() as opened:
        yield opened
