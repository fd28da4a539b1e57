"""Every provider: Microsoft and IMAP, shared mailboxes, switching, features, where a domain's mail goes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    # A shared mailbox is reached through somebody else's account.
    op.add_column("grant_", sa.Column("delegate_subject", sa.Text(), nullable=True))
    op.add_column("grant_", sa.Column("delegate_address", sa.Text(), nullable=True))
    op.create_index("ix_grant_delegate", "grant_", ["identity_provider", "delegate_subject", "phase"])
    # What the provider wants to be told at the next sign-in (a claims challenge).
    op.add_column("grant_", sa.Column("claims", sa.Text(), nullable=True))
    # How often a retired grant was looked at, where every look is a login.
    op.add_column("grant_", sa.Column("looks", sa.Integer(), server_default="0", nullable=False))
    for table in ("ticket", "ticket_outcome", "request"):
        op.add_column(table, sa.Column("is_shared", sa.Boolean(), server_default=sa.false(), nullable=False))
    # What a provider's own library must find again when the person comes back.
    op.add_column("ticket", sa.Column("memo", sa.LargeBinary(), nullable=True))
    for table in ("ticket", "ticket_outcome"):
        op.add_column(table, sa.Column("claims", sa.Text(), nullable=True))
    op.add_column("request", sa.Column("provider", sa.Text(), nullable=True))
    # An organisation's admin may have to agree, too: what the provider hands back then.
    op.add_column("request", sa.Column("awaits", sa.Text(), server_default="admins", nullable=False))
    op.add_column("request", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    for name in ("digest", "tenant", "follows"):
        op.add_column("request", sa.Column(name, sa.Text(), nullable=True))
    op.create_index("uq_request_digest", "request", ["digest"], unique=True)
    op.drop_index("uq_request_waiting", table_name="request")
    op.create_index(
        "uq_request_waiting",
        "request",
        ["workspace_id", "requester", "deed", "address_key", "awaits"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    # An account that receives an address without owning it, as a super admin confirmed.
    for table in ("channel", "ticket", "ticket_outcome"):
        op.add_column(table, sa.Column("via", sa.Text(), nullable=True))
    for table in ("ticket", "ticket_outcome"):
        op.add_column(table, sa.Column("confirmed", sa.Text(), nullable=True))
    op.add_column("ticket_outcome", sa.Column("signed_in_id", sa.Text(), nullable=True))
    # What was allowed for nothing, and stays at the provider.
    stands = sa.Column("stands", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("ticket_outcome", stands)
    # How often a form of ours was sent with this ticket: passwords are not for guessing.
    op.add_column("ticket", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    # Since when a mass refusal is over, if it is.
    op.add_column("hold", sa.Column("recovered_at", INSTANT, nullable=True))
    # What a mass refusal holds: found at every look of its canaries.
    op.create_index(
        "ix_channel_held",
        "channel",
        ["workspace_id", "provider"],
        sqlite_where=sa.text("cause = 'held'"),
        postgresql_where=sa.text("cause = 'held'"),
    )
    # Where a team address's mail goes, as the daily look saw it.
    op.create_table(
        "whereabouts",
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_whereabouts_channel_id",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("channel_id", name="pk_whereabouts"),
    )
    # Logins at hosts that lock people out: under way, or refused lately.
    op.create_table(
        "login_slot",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("host", "number", name="pk_login_slot"),
    )
    op.create_index("ix_login_slot_until", "login_slot", ["until"])
