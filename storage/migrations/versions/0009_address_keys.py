"""Addresses are found by another key: domains in their form in the DNS, Gmail's dots and names as one.

The key is computed by the code that will look for it: a frozen copy would find nothing once that changes.
"""

import sqlalchemy as sa
from alembic import op

from bot.domain.address import key_of

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Table, the column with the address, its key, and where the key must be unique among the rows that match.
KEYED = (
    ("channel", "address", "address_key", ("workspace_id",), "state <> 'removed'"),
    ("request", "address", "address_key", ("workspace_id", "requester", "deed", "awaits"), "state = 'waiting'"),
    ("ticket", "address", "address_key", (), ""),
    ("ticket_outcome", "address", "address_key", (), ""),
    ("person", "email", "email_key", (), ""),
)


def upgrade() -> None:
    for table, address, key, unique, among in KEYED:
        _rekey(op.get_bind(), table, address, key, unique, among)


def _rekey(connection, table, address, key, unique, among):
    identity = {"person": ("workspace_id", "id"), "ticket_outcome": ("ticket_id",)}.get(table, ("id",))
    names = tuple(dict.fromkeys((*identity, *unique)))
    order = " ORDER BY created_at" if unique else ""
    rows = connection.execute(
        sa.text(f"SELECT {', '.join(names)}, {address} AS address, {key} AS old FROM {table}{order}")
    )
    changed = [(row._mapping, new) for row in rows if (new := key_of(row.address)) != row.old]
    where = " AND ".join(f"{name} = :{name}" for name in identity)
    if unique:
        # Two that turn out to be one mailbox: the older one is found by its address from now on; the other
        # stays as it is, in lists and messages, until somebody removes it.
        same = " AND ".join(f"other.{name} = :{name}" for name in unique)
        taken = f"SELECT 1 FROM {table} AS other WHERE {same} AND other.{key} = :new AND other.{among}"
        where += f" AND (NOT ({among}) OR NOT EXISTS ({taken}))"
    update = sa.text(f"UPDATE {table} SET {key} = :new WHERE {where}")
    for row, new in changed:
        connection.execute(update, {name: row[name] for name in names} | {"new": new})
