"""Migrations: they lead from anywhere to the tables that the code expects."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text

import storage.migrations
from storage import Age, Cipher, Storage, StorageAway, Trouble, age_of, is_current, migrate
from storage.engine import is_sqlite, sqlite_file, sync_url
from storage.migrate import revisions
from storage.tables import metadata
from tests.storage.builders import NOW


def _revisions() -> list[str]:
    config = Config()
    folder = Path(next(iter(storage.migrations.__path__)))
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in scripts][::-1]


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_migrated_tables_are_those_of_the_code(database_url: str) -> None:
    """Tables and migrations are written twice and say the same."""
    with _connected(database_url) as connection:
        assert _differences(connection) == []


async def test_an_index_of_some_rows_is_of_those_that_the_code_says(database_url: str) -> None:
    """Alembic compares the columns of an index alone. The database says its condition in its own words: the
    same as for an index that is made as the code has it."""
    indexes = [(table.name, index) for table in metadata.sorted_tables for index in table.indexes]
    with _connected(database_url) as connection:
        for table, index in indexes:
            where, column = index.info.get("where"), index.columns[0].name
            if where is not None:
                connection.exec_driver_sql(f'CREATE INDEX as_coded ON "{table}" ("{column}") WHERE {where}')
            assert _condition(connection, str(index.name)) == (where and _condition(connection, "as_coded"))
            connection.exec_driver_sql("DROP INDEX IF EXISTS as_coded")


def _condition(connection: Connection, index: str) -> str | None:
    """Of which rows an index is, as the database says it."""
    if connection.dialect.name == "sqlite":
        made = text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
        return connection.execute(made, {"name": index}).scalar_one().partition(" WHERE ")[2] or None
    said = text(
        "SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = CAST(:name AS regclass)"
    )
    condition: str | None = connection.execute(said, {"name": index}).scalar_one()
    return condition


@pytest.mark.parametrize("revision", _revisions())
async def test_every_revision_leads_to_the_present_one(empty_database_url: str, revision: str) -> None:
    """Whatever version a database was left at, with whatever is in it, it becomes current."""
    await migrate(empty_database_url, revision=revision)
    with _connected(empty_database_url) as connection:
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('kept', 'yes')"))
        connection.commit()
    await migrate(empty_database_url)
    assert await is_current(empty_database_url)
    with _connected(empty_database_url) as connection:
        assert _differences(connection) == []
        assert connection.execute(text("SELECT value FROM meta")).scalar() == "yes"


async def test_an_empty_database_is_not_current(empty_database_url: str) -> None:
    """Asking does not create anything."""
    assert not await is_current(empty_database_url)
    if is_sqlite(empty_database_url):
        assert not sqlite_file(empty_database_url).exists()


async def test_migrating_side_by_side_is_harmless(empty_database_url: str) -> None:
    """Several processes start at once: one migrates, the others find it done."""
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    assert await is_current(empty_database_url)


async def test_a_newer_database_is_left_alone(empty_database_url: str) -> None:
    """The version before keeps running while the next one is rolled out."""
    await migrate(empty_database_url)
    made_by(empty_database_url, "of tomorrow")
    await migrate(empty_database_url)
    assert await is_current(empty_database_url)


async def test_sqlite_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    """What a migration does to a file can be undone, with what still stood in its write-ahead log."""
    file = tmp_path / "inboxkeeper.db"
    with closing(sqlite3.connect(file)) as before:
        before.execute("PRAGMA journal_mode = WAL")
        before.execute("CREATE TABLE old (word TEXT)")
        before.execute("INSERT INTO old VALUES ('kept')")
        before.commit()
        await migrate(f"sqlite:///{file}")
    with closing(sqlite3.connect(tmp_path / "inboxkeeper.db.before-empty")) as copy:
        assert copy.execute("SELECT word FROM old").fetchall() == [("kept",)]
        assert copy.execute("SELECT name FROM sqlite_master WHERE name = 'channel'").fetchall() == []


async def test_a_current_sqlite_is_not_copied(tmp_path: Path) -> None:
    """Starting twice leaves no copies around, nor does a first start."""
    url = f"sqlite:///{tmp_path / 'inboxkeeper.db'}"
    await migrate(url)
    await migrate(url)
    assert not list(tmp_path.glob("*.before-*"))


async def test_a_failed_migration_changes_nothing(
    tmp_path: Path, cipher: Cipher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite too, tables are created all or none."""
    url = f"sqlite:///{tmp_path / 'inboxkeeper.db'}"
    with _connected(url) as connection:
        connection.execute(text("CREATE TABLE seen (key TEXT)"))
        connection.commit()
    with pytest.raises(StorageAway):
        await migrate(url)
    with _connected(url) as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert [name for (name,) in names] == ["seen"]
        connection.execute(text("DROP TABLE seen"))
        connection.commit()
    await migrate(url)
    opened = await Storage.open(url, cipher=cipher)
    async with opened.writing() as uow:
        assert await uow.seen.first_time("key", NOW)
    await opened.close()


async def test_an_unreachable_server_is_said_so(unreachable_url: str) -> None:
    """Neither question hangs, and neither error carries the URL with its password."""
    for question in (migrate, is_current):
        with pytest.raises(StorageAway) as refused:
            await question(unreachable_url)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_is_not_in_utf_8_is_refused(empty_database_url: str, encoding: str) -> None:
    """Before anything is written that it could not keep. A cluster made without a locale has SQL_ASCII."""
    name = f"in_{encoding.lower()}"
    made = f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(made.encode())
        try:
            url = make_url(empty_database_url).set(database=name).render_as_string(hide_password=False)
            for question in (migrate, is_current, age_of):
                with pytest.raises(StorageAway) as refused:
                    await question(url)
                assert (refused.value.trouble, refused.value.said) == (Trouble.ENCODING, encoding)
        finally:
            connection.execute(f"DROP DATABASE {name}".encode())


OLD_REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006", "0008", "0009", "0010"]


@pytest.mark.parametrize("revision", OLD_REVISIONS)
async def test_a_database_from_before_the_first_release_is_refused(
    empty_database_url: str, revision: str
) -> None:
    """It is told apart from a newer one, and nothing in it is changed: not even a copy is made."""
    await migrate(empty_database_url)
    made_by(empty_database_url, revision)
    for question in (migrate, is_current):
        with pytest.raises(StorageAway) as refused:
            await question(empty_database_url)
        assert refused.value.trouble is Trouble.TOO_OLD
    with _connected(empty_database_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == revision
    if is_sqlite(empty_database_url):
        assert not list(sqlite_file(empty_database_url).parent.glob("*.before-*"))


GONE = ["ALTER TABLE channel DROP COLUMN said", "DROP TABLE token_use"]
"""What a database lacks that an earlier state of the first migration made, or a later version."""


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize(
    ("revision", "trouble"), [("first", Trouble.TOO_OLD), ("of tomorrow", Trouble.TOO_NEW)]
)
async def test_tables_without_what_the_code_needs_are_refused(
    empty_database_url: str, revision: str, trouble: Trouble, gone: str
) -> None:
    """Under whatever name: the first migration was changed in place until the first release, and what a newer
    version takes away was not to be taken yet. In words, at the start, and nothing is changed."""
    await migrate(empty_database_url)
    with _connected(empty_database_url) as connection:
        connection.execute(text(gone))
        connection.commit()
    made_by(empty_database_url, revision)
    for question in (migrate, is_current, age_of):
        with pytest.raises(StorageAway) as refused:
            await question(empty_database_url)
        assert refused.value.trouble is trouble


async def test_a_process_sees_that_its_tables_were_changed(empty_database_url: str, cipher: Cipher) -> None:
    """By a newer version, beside which it serves on; or by whoever put an old database back under it."""
    assert await migrate(empty_database_url) is Age.CURRENT
    opened = await Storage.open(empty_database_url, cipher=cipher)
    assert await opened.age() is Age.CURRENT
    made_by(empty_database_url, "of tomorrow")
    assert await opened.age() is Age.AHEAD
    assert await migrate(empty_database_url) is Age.AHEAD
    made_by(empty_database_url, "0004")
    with pytest.raises(StorageAway):
        await opened.age()
    with _connected(empty_database_url) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.commit()
    assert await opened.age() is Age.BEHIND
    await opened.close()


def test_the_revisions_are_known_without_alembic() -> None:
    """In its order: whether there is something to do is asked at every start."""
    assert list(revisions()) == _revisions()


def test_no_revision_has_the_name_of_one_that_is_refused() -> None:
    """The first one was called 0001 before: under that name an old database would count as current."""
    assert not set(_revisions()) & set(OLD_REVISIONS)


def made_by(url: str, revision: str) -> None:
    """Say in the database that another version's migrations made it."""
    with _connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        connection.commit()
