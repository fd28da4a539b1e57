"""Mail hosts that say no without a reason: what they say, since when, and how often."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.add_column("channel", sa.Column("said", sa.Text(), nullable=True))
    op.add_column("probe", sa.Column("heard", sa.Text(), nullable=True))
    op.add_column("probe", sa.Column("heard_since", INSTANT, nullable=True))
    op.add_column("probe", sa.Column("heard_times", sa.Integer(), server_default="0", nullable=False))
