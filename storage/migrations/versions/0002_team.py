"""Team channels: roles, requests, and messages about more than one outage."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "role",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "role", "subject", name="pk_role"),
    )
    op.create_table(
        "group_member",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "group_id", "user_id", name="pk_group_member"),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=True),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_request_waiting",
        "request",
        ["workspace_id", "requester", "deed", "address_key"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_request_channel", "request", ["channel_id"])
    op.create_index("ix_request_expires", "request", ["state", "expires_at"])
    op.create_table(
        "hold",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("was_false_alarm", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_hold_open",
        "hold",
        ["workspace_id", "provider", "tenant"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_table(
        "notice_incident",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "incident_id", name="pk_notice_incident"),
    )
    op.create_index("ix_notice_incident_incident", "notice_incident", ["incident_id"])
    op.execute(
        "INSERT INTO notice_incident (notice_id, incident_id) "
        "SELECT id, incident_id FROM notice WHERE incident_id IS NOT NULL"
    )
    for table in ("ticket", "ticket_outcome"):
        op.add_column(table, sa.Column("name", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("conversation_id", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("request_id", sa.Text(), nullable=True))
    op.add_column("incident", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column("incident", sa.Column("claimed_at", INSTANT, nullable=True))
    op.add_column("incident", sa.Column("is_lonely", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("incident", sa.Column("relapses", sa.Integer(), server_default="0", nullable=False))
    op.add_column("notice", sa.Column("thread_of", sa.Text(), nullable=True))
    op.add_column("notice", sa.Column("snoozed_until", INSTANT, nullable=True))
    op.add_column("notice", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
