"""Holds: who was ever in one, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "held",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("back_at", INSTANT, nullable=True),
        sa.Column("renewed_at", INSTANT, nullable=True),
        sa.Column("renewed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_held_channel_id",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("hold_id", "channel_id", name="pk_held"),
    )
    op.create_index("ix_held_channel", "held", ["channel_id"])
    # Since when an inbox had worked before a trouble that turned out to be nothing.
    op.add_column("channel", sa.Column("worked_since", INSTANT, nullable=True))
    # What showed that an inbox must be reconnected.
    op.add_column("incident", sa.Column("proven_at", INSTANT, nullable=True))
    for name in ("proven_by", "proven_with"):
        op.add_column("incident", sa.Column(name, sa.Text(), nullable=True))
    # Those that are held at this moment are in it, too.
    op.execute(
        "INSERT INTO held (hold_id, channel_id, joined_at)"
        " SELECT hold.id, channel.id, channel.since FROM channel JOIN hold"
        " ON hold.workspace_id = channel.workspace_id AND hold.provider = channel.provider"
        " AND hold.ended_at IS NULL AND hold.tenant IN ('', channel.identity_tenant)"
        " WHERE channel.cause = 'held' AND channel.state = 'impaired'"
    )
