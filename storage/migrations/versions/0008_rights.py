"""Rights: how old a user group's list is, and changes that can be undone, links that pause."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    # When a user group's members were last read from Slack: an old list counts for nothing. Nor do those that
    # are there, until the reading that every start begins with.
    op.add_column("role", sa.Column("read_at", INSTANT, nullable=True))
    # What was done to roles: told to whom it concerns, and undone from there.
    op.create_table(
        "role_change",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("is_given", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("along", sa.JSON(), nullable=False),
        sa.Column("undoes", sa.Text(), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_role_change"),
    )
    op.create_index("ix_role_change_at", "role_change", ["at"])
    # How often a link was gone on with, since when: that costs a question to Slack.
    op.add_column("link", sa.Column("starts_since", INSTANT, nullable=True))
    op.add_column("link", sa.Column("starts", sa.Integer(), server_default="0", nullable=False))
