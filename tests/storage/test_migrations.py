"""Migrations: they lead from anywhere to the tables that the code expects."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, select, text

import storage.migrations
from bot.domain.ids import ChannelId
from storage import Cipher, Storage, StorageAway, is_current, migrate
from storage.channels import _values
from storage.engine import is_sqlite, sqlite_file, sync_url
from storage.tables import channel, incident, metadata
from tests.storage.builders import MINUTE, NOW, a_team_channel, an_incident


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
    with _connected(empty_database_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of tomorrow'"))
        connection.commit()
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


async def test_addresses_are_found_by_their_new_key_after_migrating(empty_database_url: str) -> None:
    """Those that were folded otherwise before. Of two that turn out to be one mailbox, the older one is."""
    await migrate(empty_database_url, revision=_revisions()[_revisions().index("0009") - 1])
    kept = {"address": "info@bücher.example", "address_key": "info@bücher.example"}
    first = {"address": "a.na@gmail.com", "address_key": "a.na@gmail.com"}
    second = {"address": "ana@googlemail.com", "address_key": "ana@googlemail.com"}
    await _insert_channels(empty_database_url, {"books": kept, "first": first, "second": second})
    await migrate(empty_database_url)
    with _connected(empty_database_url) as connection:
        rows = connection.execute(text("SELECT id, address_key FROM channel")).all()
    assert dict(map(tuple, rows)) == {
        "books": "info@xn--bcher-kva.example",
        "first": "ana@gmail.com",
        "second": "ana@googlemail.com",
    }


async def test_a_lone_incident_is_still_one_after_migrating(empty_database_url: str) -> None:
    """The column has another name; what stands in it stays."""
    await migrate(empty_database_url, revision="0009")
    made = a_team_channel(id=ChannelId("lone"), address="lone@acme.example")
    await _insert_channels(empty_database_url, {"lone": {"address": made.address}})
    renamed = "ALTER TABLE incident RENAME COLUMN {} TO {}"
    with _connected(empty_database_url) as connection:
        connection.execute(text(renamed.format("is_lonely", "is_uncorroborated")))
        lone = asdict(an_incident(made, is_uncorroborated=True))
        connection.execute(incident.insert().values({k: v for k, v in lone.items() if k in incident.c}))
        connection.execute(text(renamed.format("is_uncorroborated", "is_lonely")))
        connection.commit()
    await migrate(empty_database_url)
    with _connected(empty_database_url) as connection:
        assert connection.execute(select(incident.c.is_uncorroborated)).scalars().all() == [True]


async def _insert_channels(url: str, new: dict[str, dict[str, str]]) -> None:
    """As the version before wrote them, one minute after the other."""
    builders = [a_team_channel(id=name, address=it["address"]) for name, it in new.items()]
    with _connected(url) as connection:
        present = {column["name"] for column in inspect(connection).get_columns("channel")}
        for minute, built in enumerate(builders):
            values = _values(built) | new[built.id] | {"created_at": NOW + minute * MINUTE}
            connection.execute(channel.insert().values({k: v for k, v in values.items() if k in present}))
        connection.commit()
