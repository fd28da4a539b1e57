"""An incident that no other mailbox vouched for has the name that the code has for it."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE incident RENAME COLUMN is_lonely TO is_uncorroborated")
