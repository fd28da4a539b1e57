"""What a migration took from the version before it: nothing, or that version could not go on serving.

The one rule: whatever the older version reads is there as it was, and whatever it writes is taken. It knows
nothing of what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect


@dataclass(frozen=True)
class Shape:
    """The tables of a database: their columns, and what forbids rows."""

    columns: dict[tuple[str, str], dict[str, Any]]
    bounds: frozenset[tuple[str, str]]
    """Unique indexes, constraints and foreign keys, by table and what they say."""

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.columns}


def shape_of(connection: Connection) -> Shape:
    seen = inspect(connection)
    names = [name for name in seen.get_table_names() if name != "alembic_version"]
    return Shape(
        {(table, column["name"]): dict(column) for table in names for column in seen.get_columns(table)},
        frozenset((table, bound) for table in names for bound in _bounds(seen, table)),
    )


def _bounds(seen: Any, table: str) -> Iterator[str]:
    yield f"key {seen.get_pk_constraint(table)['constrained_columns']}"
    for index in seen.get_indexes(table):
        if index["unique"]:
            yield f"unique index {index['name']}"
    for unique in seen.get_unique_constraints(table):
        yield f"unique {sorted(unique['column_names'])}"
    for check in seen.get_check_constraints(table):
        yield f"check {check['name']} {check['sqltext']}"
    for key in seen.get_foreign_keys(table):
        yield f"reference {key['constrained_columns']} {key['referred_table']} {key['options']}"


def taken_away(before: Shape, after: Shape) -> list[str]:
    """In words, all that the older version would stumble over; empty where it may go on."""
    return sorted([*_lost(before, after), *_demanded(before, after), *_forbidden(before, after)])


def _lost(before: Shape, after: Shape) -> Iterator[str]:
    for place, column in before.columns.items():
        name = ".".join(place)
        if place not in after.columns:
            yield f"{name} is gone"
        elif repr(after.columns[place]["type"]) != repr(column["type"]):
            yield f"{name} has another type"
        elif column["nullable"] != after.columns[place]["nullable"]:
            yield f"{name} may be empty no longer, or may now"
        elif column["default"] is not None and after.columns[place]["default"] is None:
            yield f"{name} has no default any more"


def _demanded(before: Shape, after: Shape) -> Iterator[str]:
    for place, column in after.columns.items():
        is_new = place not in before.columns and place[0] in before.tables
        if is_new and not column["nullable"] and column["default"] is None:
            yield f"{'.'.join(place)} is demanded of whoever does not know it"


def _forbidden(before: Shape, after: Shape) -> Iterator[str]:
    """An upsert names the unique index that it relies on, so that none may go either."""
    for table, bound in before.bounds ^ after.bounds:
        if table in before.tables:
            yield f"{table}: {bound} has come or gone"
