"""Copies of everything: taken while people work, put back elsewhere, and known to be spoilt before that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select, text

from bot.config import Settings
from storage import Cipher, Storage, migrate
from storage.backup import BackupOfOther, BackupSpoilt, KeysDiffer, NotEmpty, _parts, back_up, move, restore
from storage.tables import metadata
from tests.e2e.questions import asks
from tests.stage import Stage, a_bot, a_town

KEY = Fernet.generate_key().decode()
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ALICE = "alice@acme.example"
FLEETING = {"lane", "meta"}
"""What says who runs and when the database was last written."""


@asynccontextmanager
async def opened(url: str, *, key: str = KEY) -> AsyncIterator[Storage]:
    await migrate(url)
    storage = await Storage.open(url, cipher=Cipher([key]))
    try:
        yield storage
    finally:
        await storage.close()


async def everything(storage: Storage) -> dict[str, list[dict[str, Any]]]:
    """All rows but who holds a lease, which ends with whoever held it."""
    found = {}
    async with storage.reading() as uow:
        for table in metadata.sorted_tables:
            if table.name in FLEETING:
                continue
            rows = await uow.connection.rows(select(table).order_by(*table.primary_key.columns))
            found[table.name] = [dict(row._mapping) | ({"lease_token": None}) for row in rows]
    return found


def at(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})


async def worked(stage: Stage) -> None:
    """An inbox, a team address with an incident, and a request that waits."""
    await stage.connected("alice")
    await stage.team_connected()
    await stage.breaks("support@acme.example")
    await stage.passes(minutes=5)


async def goes_on(stage: Stage) -> None:
    """What was known is known, the permission opens the mailbox, and new things are written."""
    await stage.passes(minutes=20)
    assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")
    assert "connected" in (await asks(stage, "alice", f"/inbox why {ALICE}")).lower()
    await stage.person("alice").types(f"/inbox disable {ALICE}")


async def test_a_backup_of_a_running_bot_serves_elsewhere(database_url: str, tmp_path: Path) -> None:
    """From either database into a file, and out of it into an empty SQLite; row by row the same."""
    file, url = tmp_path / "copy.backup", f"sqlite:///{tmp_path / 'elsewhere.db'}"
    async with a_town(database_url, key=KEY) as built:
        async with a_bot(built) as stage:
            await worked(stage)
            async with opened(database_url) as storage:
                copied = await back_up(storage, file, at=NOW)
                there = await everything(storage)
        assert copied.rows > 20 and file.stat().st_mode & 0o777 == 0o600
        assert not any(word in file.read_bytes() for word in (b"alice", b"acme"))
        async with opened(url) as target:
            assert await restore(target, file) == copied
            assert await everything(target) == there
            with pytest.raises(NotEmpty):
                await restore(target, file)
        async with a_bot(built, at(built.settings, url)) as stage:
            await goes_on(stage)


async def test_what_is_written_meanwhile_is_not_in_the_copy(database_url: str) -> None:
    """One moment: neither a row of a table that is still to come, nor half of what belongs together."""
    async with opened(database_url) as reader, opened(database_url) as writer:
        await writer.check_keys()
        async with reader.reading() as uow:
            await uow.meta.find("canary")  # the moment
            async with writer.writing() as other:
                await other.meta.add("later", "yes")
                await other.commit()
            copied = [row async for name, rows in _parts(uow.connection) if name == "meta" for row in rows]
        assert [row["key"] for row in copied] == ["canary"]


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_sqlite_moves_to_postgresql(empty_database_url: str, tmp_path: Path) -> None:
    """In one go, and numbers of rows go on where they were."""
    source_url = f"sqlite:///{tmp_path / 'ik.db'}"
    async with a_town(source_url, key=KEY) as built:
        async with a_bot(built) as stage:
            await worked(stage)
        async with opened(source_url) as source, opened(empty_database_url) as target:
            assert (await move(source, target, at=NOW)).rows > 20
            assert await everything(target) == await everything(source)
        async with a_bot(built, at(built.settings, empty_database_url)) as stage:
            await goes_on(stage)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_nothing_is_put_where_somebody_runs(database_url: str, tmp_path: Path) -> None:
    """A bot that has just started has an empty database, too."""
    file = tmp_path / "copy.backup"
    async with a_town(database_url, key=KEY) as built, a_bot(built), opened(database_url) as storage:
        await back_up(storage, file, at=NOW)
        with pytest.raises(NotEmpty):
            await restore(storage, file)


@dataclass
class Copy:
    """A small backup, and an empty database for it."""

    file: Path
    target: Storage


@pytest.fixture
async def copy(tmp_path: Path) -> AsyncIterator[Copy]:
    async with opened(f"sqlite:///{tmp_path / 'from.db'}") as source:
        await source.check_keys()
        async with source.writing() as uow:
            for number in range(2_500):
                await uow.meta.add(f"k{number:05}", "value")
            await uow.commit()
        await back_up(source, tmp_path / "copy.backup", at=NOW)
        async with opened(f"sqlite:///{tmp_path / 'to.db'}") as target:
            yield Copy(tmp_path / "copy.backup", target)


async def test_what_is_spoilt_is_known_before_anything_is_written(copy: Copy) -> None:
    """Cut short, a part twice or missing or from another copy, a letter changed, no backup at all."""
    whole = copy.file.read_bytes()
    magic, *lines = whole.splitlines(keepends=True)
    spoilt = [
        b"",
        b"Dear Alice,\n",
        magic,
        b"".join([magic, *lines[:-1]]),
        b"".join([magic, *lines[1:]]),
        b"".join([magic, lines[0], *lines]),
        b"".join([magic, *lines, lines[-1]]),
        b"".join([magic, lines[0], *reversed(lines[1:-1]), lines[-1]]),
        whole[:-20],
    ]
    assert len(lines) >= 4
    for content in spoilt:
        copy.file.write_bytes(content)
        with pytest.raises(BackupSpoilt):
            await restore(copy.target, copy.file)
    copy.file.write_bytes(whole)
    assert (await restore(copy.target, copy.file)).rows == 2_501


async def test_another_key_or_another_version_is_refused(copy: Copy, tmp_path: Path) -> None:
    """The key at both ends; the tables must be those that were copied; no file is written over."""
    async with opened(f"sqlite:///{tmp_path / 'other.db'}", key=Fernet.generate_key().decode()) as other:
        with pytest.raises(KeysDiffer):
            await restore(other, copy.file)
    async with opened(f"sqlite:///{tmp_path / 'from.db'}", key=Fernet.generate_key().decode()) as other:
        with pytest.raises(KeysDiffer):
            await back_up(other, tmp_path / "new.backup", at=NOW)
    async with opened(f"sqlite:///{tmp_path / 'from.db'}") as source:
        with pytest.raises(FileExistsError):
            await back_up(source, copy.file, at=NOW)
        assert {file.name for file in tmp_path.glob("*.partial")} == set()
    async with copy.target.writing() as uow:
        await uow.connection.run(text("UPDATE alembic_version SET version_num = '0000'"))
        await uow.commit()
    with pytest.raises(BackupOfOther):
        await restore(copy.target, copy.file)
