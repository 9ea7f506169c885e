"""Files and parts of files (RFC 9110, §14): one range a request, more are answered with the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fastapi import Request
from starlette.responses import Response, StreamingResponse

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def stream(
    request: Request,
    read: Callable[[int, int], Iterator[bytes]],
    size: int,
    media_type: str,
    headers: Mapping[str, str],
) -> Response:
    """The part that the request asks for, or all.

    Args:
        read: gives the bytes from a place on, so many.
        size: of the whole, in bytes.
        headers: of the answer, with ``ETag``.
    """
    common = {**headers, "Accept-Ranges": "bytes"}
    wanted = wanted_part(request.headers.get("range", ""), size)
    if request.headers.get("if-range", headers.get("ETag")) != headers.get("ETag"):
        wanted = (0, size)  # a part of what it has would not fit to what there is now
    if wanted is None:
        return Response(status_code=416, headers={**common, "Content-Range": f"bytes */{size}"})
    start, end = wanted
    common["Content-Length"] = str(end - start)
    if (start, end) == (0, size):
        return StreamingResponse(read(0, size), 200, common, media_type)
    common["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(read(start, end - start), 206, common, media_type)


def wanted_part(header: str, size: int) -> tuple[int, int] | None:
    """First byte and the one behind the last; ``None`` for a range that lies outside."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(0) == "bytes=-":
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return 0, size
    return (start, end) if start < end else None
