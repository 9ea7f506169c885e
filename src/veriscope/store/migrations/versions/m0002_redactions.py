"""Redactions: what was asked for, what came of it, and where plan and output lie."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "redactions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("operators", sa.String(length=500), nullable=False),
        sa.Column("review", sa.Integer(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("keep_metadata", sa.Integer(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("plan_sha256", sa.String(length=64), nullable=True),
        sa.Column("output_sha256", sa.String(length=64), nullable=True),
        sa.Column("output_size", sa.BigInteger(), nullable=True),
        sa.Column("original_key", sa.String(length=200), nullable=True),
        sa.Column("words_key", sa.String(length=200), nullable=True),
        sa.Column("plan_key", sa.String(length=200), nullable=True),
        sa.Column("output_key", sa.String(length=200), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redactions")),
    )
    op.create_index(op.f("ix_redactions_created"), "redactions", ["created"], unique=False)
    op.create_index(op.f("ix_redactions_expires"), "redactions", ["expires"], unique=False)
    op.create_index(op.f("ix_redactions_organisation_id"), "redactions", ["organisation_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_redactions_organisation_id"), table_name="redactions")
    op.drop_index(op.f("ix_redactions_expires"), table_name="redactions")
    op.drop_index(op.f("ix_redactions_created"), table_name="redactions")
    op.drop_table("redactions")
