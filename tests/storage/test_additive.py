"""Every migration leaves the version before it what it needs: both serve at once while one is rolled out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sqlalchemy import create_engine, text

from storage import migrate
from storage.engine import is_sqlite, sqlite_file, sync_url
from storage.migrate import revisions
from tests.storage.additive import Shape, shape_of, taken_away


def a_shape(url: str, *statements: str) -> Shape:
    if is_sqlite(url):
        sqlite_file(url).parent.mkdir(exist_ok=True)
    engine = create_engine(sync_url(url))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        with engine.connect() as connection:
            return shape_of(connection)
    finally:
        engine.dispose()


async def test_every_migration_only_adds(empty_database_url: str) -> None:
    """One that takes away belongs in the release after the last version that uses it (decision 0074)."""
    first, *_ = revisions()
    await migrate(empty_database_url, revision=first)
    for older, newer in pairwise(revisions()):
        before = a_shape(empty_database_url)
        await migrate(empty_database_url, revision=newer)
        assert taken_away(before, a_shape(empty_database_url)) == [], f"{older} → {newer}"


BEFORE = (
    "CREATE TABLE box (id TEXT PRIMARY KEY, name TEXT, size INTEGER DEFAULT 0 NOT NULL)",
    "CREATE UNIQUE INDEX box_name ON box (name)",
)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE box ADD COLUMN colour TEXT",
        "ALTER TABLE box ADD COLUMN weight INTEGER DEFAULT 0 NOT NULL",
        "CREATE TABLE lid (id TEXT PRIMARY KEY, box_id TEXT NOT NULL REFERENCES box (id))",
        "CREATE INDEX box_size ON box (size)",
    ],
)
def test_what_is_only_added_takes_nothing_away(empty_database_url: str, change: str) -> None:
    """A column that may be empty or has a default, a table, an index."""
    before = a_shape(empty_database_url, *BEFORE)
    assert taken_away(before, a_shape(empty_database_url, change)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["ALTER TABLE box DROP COLUMN size"], "box.size is gone"),
        (["ALTER TABLE box RENAME COLUMN size TO bulk"], "box.size is gone"),
        (["DROP TABLE box"], "box.id is gone"),
        (["DROP INDEX box_name"], "box: unique index box_name has come or gone"),
        (
            ["CREATE UNIQUE INDEX box_size ON box (size)"],
            "box: unique index box_size has come or gone",
        ),
        (
            ["DROP TABLE box", BEFORE[0].replace("name TEXT", "name BIGINT"), BEFORE[1]],
            "box.name has another type",
        ),
        (
            ["DROP TABLE box", BEFORE[0].replace("name TEXT", "name TEXT NOT NULL"), BEFORE[1]],
            "box.name may be empty no longer, or may now",
        ),
        (
            ["DROP TABLE box", BEFORE[0].replace("DEFAULT 0 ", ""), BEFORE[1]],
            "box.size has no default any more",
        ),
        (
            ["DROP TABLE box", BEFORE[0].replace("name TEXT", "name TEXT, owner TEXT NOT NULL"), BEFORE[1]],
            "box.owner is demanded of whoever does not know it",
        ),
        (
            ["DROP TABLE box", BEFORE[0].replace("TEXT PRIMARY KEY", "TEXT NOT NULL"), BEFORE[1]],
            "box: key [] has come or gone",
        ),
    ],
)
def test_what_the_version_before_would_stumble_over_is_named(
    empty_database_url: str, changes: list[str], said: str
) -> None:
    """Were the check blind, the first migration that takes something away would find out."""
    before = a_shape(empty_database_url, *BEFORE)
    assert said in taken_away(before, a_shape(empty_database_url, *changes))
