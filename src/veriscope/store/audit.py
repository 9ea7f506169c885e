"""Who did what: rows that are only ever added."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from veriscope.store.tables import audit
from veriscope.types import Principal


def append(connection: Connection, who: Principal, action: str, subject: str, **details: Any) -> None:
    """Add one row inside the caller's transaction, so that the deed and its record stand or fall together.

    Args:
        action: "analysis.created", "analysis.deleted", "job.cancelled", …
        subject: id of the record.
        details: anything JSON; never content of the media.
    """
    row: Mapping[str, Any] = {
        "organisation_id": who.organisation,
        "created_by": who.user,
        "at": time.time(),
        "action": action,
        "subject": subject,
        "details": details,
    }
    connection.execute(insert(audit).values(row))
