"""Cache hits a second: the same 60-kB picture uploaded again and again with a token that is checked each time."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from common import arguments, show
from load import closed, picture

from tests.making import encoded, photo
from tests.serving import Server

TOKEN = "a-token-for-the-cache-bench"


def sixty_kilobytes() -> bytes:
    """A JPEG of 60 kB, give or take a tenth."""
    image = photo(640, 480, seed=5)
    return min((encoded(image, quality=q) for q in range(30, 100, 3)), key=lambda data: abs(len(data) - 60_000))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--users", type=int, default=16)
    given = parser.parse_args()
    data = sixty_kilobytes()
    rates = dict.fromkeys(("rate_limit", "upload_rate_limit", "token_rate_limit"), "10000000/minute")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder), tokens=TOKEN, processes=1, log_level="error", **rates) as server,
    ):
        one = ("/api/v1/analyses", *picture(data, TOKEN))
        asyncio.run(closed(server.url, lambda _: one, 1, 20))  # examined once, then found
        tally = asyncio.run(closed(server.url, lambda _: one, given.users, given.requests)).tally()
    assert tally.failed == 0
    show({"hits_per_s": round(tally.rate, 1), "bytes": len(data)}, as_json=given.json)


if __name__ == "__main__":
    main()
