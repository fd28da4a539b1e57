"""Who refreshes a grant, one at a time; since when a provider refuses with a code nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.add_column("grant_", sa.Column("lease_token", sa.Text(), nullable=True))
    op.add_column("grant_", sa.Column("lease_until", INSTANT, nullable=True))
    op.add_column("grant_", sa.Column("renewals", sa.Integer(), server_default="0", nullable=False))
    op.add_column("probe", sa.Column("unknown_code", sa.Text(), nullable=True))
    op.add_column("probe", sa.Column("unknown_since", INSTANT, nullable=True))
