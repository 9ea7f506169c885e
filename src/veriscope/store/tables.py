"""The tables. Every record says whose it is: ``organisation_id`` and ``created_by`` on each of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)


def _owned() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("organisation_id", String(64), nullable=False, index=True),
        Column("created_by", String(128), nullable=False),
    )


jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owned(),
    Column("kind", String(32), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("not_before", Float, nullable=False, default=0.0),  # seconds since the epoch
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("stage", String(32), nullable=False, default=""),
    Column("fraction", Float, nullable=False, default=0.0),
    Column("payload", JSON, nullable=False),
    Column("error", JSON),
    Column("result_id", String(32)),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Index("ix_jobs_claim", "state", "queue", "priority", "created"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owned(),
    Column("job_id", String(32), unique=True),  # one result a job, whatever happens
    Column("name", String(255), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("label", String(32), nullable=False),
    Column("risk", Float),
    Column("cache_key", String(64), index=True),  # content, options, versions and organisation
    Column("body", JSON, nullable=False),
    Column("created", Float, nullable=False, index=True),
    Column("expires", Float, index=True),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owned(),
    Column("report_id", String(32), nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("blob_key", String(200), nullable=False),
    Column("size", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, index=True),
)

redactions = Table(
    "redactions",
    metadata,
    Column("id", String(32), primary_key=True),  # of its job, too
    *_owned(),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("format", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("operators", String(500), nullable=False),
    Column("review", Integer, nullable=False),  # whether a person wants to see the plan first
    Column("approved", Integer, nullable=False, default=0),  # whether that person has
    Column("keep_metadata", Integer, nullable=False),
    Column("source_sha256", String(64), nullable=False),
    Column("plan_sha256", String(64)),
    Column("output_sha256", String(64)),
    Column("output_size", BigInteger),
    # blobs, all of them encrypted: thumbnails and the words to look for are personal data themselves
    Column("original_key", String(200)),
    Column("words_key", String(200)),
    Column("plan_key", String(200)),
    Column("output_key", String(200)),
    Column("result", JSON),
    Column("created", Float, nullable=False, index=True),
    Column("expires", Float, index=True),  # the review's end, and later the end of plan and output; null: none
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    *_owned(),
    Column("at", Float, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("details", JSON, nullable=False),
    Column("digest", LargeBinary),  # reserved for the hash chain
)
