"""Opening: URLs as people write them, one process per SQLite file, keys that fit, databases that are away."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, column, func, select, table

from bot.domain.grant import Secret
from bot.domain.ids import GrantId
from storage import (
    Cipher,
    DatabaseInUse,
    KeyLost,
    KeyUnknown,
    Storage,
    StorageAway,
    Taken,
    generate_key,
    migrate,
    rekey,
)
from storage.connection import translated
from storage.engine import sqlite_file
from storage.rekey import SEALED
from storage.tables import metadata
from storage.unit_of_work import RUNS_FOR
from tests.storage.builders import NOW, WORKSPACE, a_grant, a_team_channel, a_ticket
from tests.storage.test_probes import MovingLead
from tests.storage.test_unit_of_work import nothing_left_open


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
async def test_a_relative_file_is_made_with_its_folder(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cipher: Cipher
) -> None:
    """The default database lies in a folder that a fresh checkout does not have."""
    monkeypatch.chdir(tmp_path)
    url = f"{scheme}:///data/inboxkeeper.db"
    await migrate(url)
    storage = await Storage.open(url, cipher=cipher)
    await storage.ping()
    await storage.close()
    assert (tmp_path / "data" / "inboxkeeper.db").exists()


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_any_postgresql_scheme_will_do(database_url: str, cipher: Cipher) -> None:
    """Hosts print URLs with several names for the same thing."""
    for scheme in ("postgres", "postgresql+psycopg", "postgresql+asyncpg"):
        url = database_url.replace("postgresql", scheme, 1)
        storage = await Storage.open(url, cipher=cipher)
        await storage.ping()
        await storage.close()


async def test_a_second_serve_is_refused(tmp_path: Path, cipher: Cipher) -> None:
    """Two processes on one SQLite file would each think that they are alone."""
    url = f"sqlite:///{tmp_path / 'inboxkeeper.db'}"
    first = await Storage.open(url, cipher=cipher, exclusive=True)
    with pytest.raises(DatabaseInUse):
        await Storage.open(url, cipher=cipher, exclusive=True)
    sharing = await Storage.open(url, cipher=cipher)
    await sharing.close()
    await first.close()
    again = await Storage.open(url, cipher=cipher, exclusive=True)
    await again.close()


async def test_a_database_that_is_away_is_said_so(unreachable_url: str, cipher: Cipher) -> None:
    """Opening waits for nothing; each use says that it is away."""
    storage = await Storage.open(unreachable_url, cipher=cipher)
    with pytest.raises(StorageAway):
        await storage.ping()
    with pytest.raises(StorageAway):
        async with storage.writing() as uow:
            await uow.channels.all(WORKSPACE)
    await storage.close()


async def test_a_silent_database_is_given_up_soon(cipher: Cipher) -> None:
    """A server that accepts and never answers must not hold up a person's click."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://inboxkeeper@127.0.0.1:{silent.getsockname()[1]}/inboxkeeper"
        storage = await Storage.open(url, cipher=cipher)
        async with asyncio.timeout(10):
            with pytest.raises(StorageAway):
                await storage.ping()
        await storage.close()


async def test_a_mistake_of_ours_is_not_the_databases_fault() -> None:
    """Only what waiting can mend is called *away*."""
    with pytest.raises(ValueError, match="ours"), translated():
        raise ValueError("ours")


async def test_keys_are_checked_against_the_canary(database_url: str, cipher: Cipher) -> None:
    """The first check seals it; another key is noticed, a key in front of the first one is not."""
    first, wrong = generate_key(), generate_key()
    for keys, fit in (([first], True), ([first], True), ([wrong], False), ([wrong, first], True)):
        storage = await Storage.open(database_url, cipher=Cipher(keys))
        assert await storage.check_keys() is fit
        await storage.close()


async def test_rekeying_makes_the_old_key_unneeded(database_url: str) -> None:
    """Every secret is written anew: afterwards the newest key alone opens everything."""
    old, new = generate_key(), generate_key()
    grant, ticket = a_grant(secret=Secret("kept")), a_ticket()
    storage = await Storage.open(database_url, cipher=Cipher([old]))
    async with storage.writing() as uow:
        await uow.channels.add(a_team_channel(grant_id=grant.id))
        await uow.grants.add(grant)
        await uow.grants.add(a_grant(secret=None))
        await uow.tickets.add(ticket)
        token = {"obtained_at": NOW, "expires_at": NOW + timedelta(hours=1)}
        await uow.access_tokens.put(grant.id, "", Secret("access"), **token)
        await uow.commit()
    assert await storage.check_keys()
    await storage.close()

    storage = await Storage.open(database_url, cipher=Cipher([new, old]))
    assert await rekey(storage) == 3
    await storage.close()

    storage = await Storage.open(database_url, cipher=Cipher([new]))
    assert await storage.check_keys()
    async with storage.reading() as uow:
        assert await uow.grants.find(grant.id) == grant
        assert await uow.tickets.find(ticket.id) == ticket
        kept = await uow.access_tokens.find(grant.id, "")
        assert kept is not None
        assert kept.token == Secret("access")
    await storage.close()


def test_rekeying_knows_every_sealed_column() -> None:
    """What is binary is sealed; a new column is not forgotten."""
    binary = {it for each in metadata.sorted_tables for it in each.c if isinstance(it.type, LargeBinary)}
    assert set(SEALED) == binary


async def test_rekeying_that_was_interrupted_goes_on(database_url: str) -> None:
    """What the newest key has sealed is not sealed again, and how far it is gets told."""
    old, new = generate_key(), generate_key()
    storage = await Storage.open(database_url, cipher=Cipher([old]))
    async with storage.writing() as uow:
        for number in range(3):
            await uow.grants.add(a_grant(id=f"g{number}"))
        await uow.tickets.add(a_ticket())
        await uow.commit()
    await storage.close()

    class Killed(Exception): ...

    def killed(seen: int) -> None:
        assert seen == 3
        raise Killed

    storage = await Storage.open(database_url, cipher=Cipher([new, old]))
    with pytest.raises(Killed):
        await rekey(storage, progress=killed)
    told: list[int] = []
    assert await rekey(storage, progress=told.append) == 1
    assert told == [3, 4]
    assert await rekey(storage) == 0
    await storage.close()
    storage = await Storage.open(database_url, cipher=Cipher([new]))
    async with storage.reading() as uow:
        kept = [await uow.grants.find(GrantId(f"g{number}")) for number in range(3)]
    assert all(one is not None and one.secret is not None for one in kept)
    await storage.close()


async def test_a_process_without_the_new_key_holds_rekeying_up_while_it_runs(database_url: str) -> None:
    """Until it seals with that key, says that it ends, or has died and said nothing for two minutes. One that
    knows it and seals with the old one would leave secrets that are lost with that."""
    old, new, lead = generate_key(), generate_key(), MovingLead()
    knows_both = await Storage.open(database_url, cipher=Cipher([new, old]), lead=lead)
    knows_old = await Storage.open(database_url, cipher=Cipher([old]), lead=lead)
    knows_other_order = await Storage.open(database_url, cipher=Cipher([old, new]), lead=lead)
    assert await knows_old.check_keys()
    for storage in (knows_both, knows_old, knows_other_order):
        await announced(storage)
    with pytest.raises(KeyUnknown) as refused:
        await rekey(knows_both)
    assert refused.value.processes == 2
    assert await knows_old.opens_canary()
    await knows_old.withdraw()
    with pytest.raises(KeyUnknown):
        await rekey(knows_both)
    await knows_other_order.withdraw()
    assert await rekey(knows_both) == 0
    await announced(knows_old)
    lead.ahead = RUNS_FOR - timedelta(seconds=5)
    with pytest.raises(KeyUnknown):
        await rekey(knows_both)
    lead.ahead = RUNS_FOR + timedelta(seconds=1)
    assert await rekey(knows_both) == 0
    for storage in (knows_both, knows_old, knows_other_order):
        await storage.close()


async def test_who_takes_a_file_over_frees_the_dead_and_still_runs(tmp_path: Path) -> None:
    """A killed process is not waited for where there can be only one."""
    url, old, new = f"sqlite:///{tmp_path / 'inboxkeeper.db'}", generate_key(), generate_key()
    await migrate(url)
    dead = await Storage.open(url, cipher=Cipher([old]))
    await announced(dead)
    await dead.close()
    alone = await Storage.open(url, cipher=Cipher([new, old]), exclusive=True)
    await alone.take_over()
    async with alone.reading() as uow:
        assert await uow.locks.announced() == (Cipher([new, old]).fingerprints,)
    assert await rekey(alone) == 0
    await alone.close()


async def announced(storage: Storage) -> None:
    async with storage.writing() as uow:
        await storage.announce(uow)
        await uow.commit()


async def test_rekeying_tells_how_many_secrets_are_lost(database_url: str) -> None:
    """What no key opens does not keep the rest from being written anew."""
    lost, old, new = generate_key(), generate_key(), generate_key()
    for key in (lost, old):
        storage = await Storage.open(database_url, cipher=Cipher([key]))
        async with storage.writing() as uow:
            await uow.grants.add(a_grant(id=f"of {key}"))
            await uow.commit()
        await storage.close()
    storage = await Storage.open(database_url, cipher=Cipher([new, old]))
    with pytest.raises(KeyLost) as failed:
        await rekey(storage)
    assert failed.value.rows == 1
    await storage.close()
    storage = await Storage.open(database_url, cipher=Cipher([new]))
    async with storage.reading() as uow:
        kept = await uow.grants.find(f"of {old}")  # type: ignore[arg-type]
        gone = await uow.grants.find(f"of {lost}")  # type: ignore[arg-type]
    assert kept is not None and kept.secret is not None
    assert gone is not None and gone.secret is None
    await storage.close()


async def test_a_refused_row_is_taken(storage: Storage) -> None:
    """A unique constraint is an answer, not a crash."""
    grant = a_grant()
    async with storage.writing() as uow:
        await uow.grants.add(grant)
        with pytest.raises(Taken):
            await uow.grants.add(grant)


async def _reads(storage: Storage) -> None:
    async with storage.reading() as uow:
        await uow.meta.find("sum")


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_restarted_server_costs_nothing_but_the_work_under_way(
    storage: Storage, database_url: str, cipher: Cipher
) -> None:
    """Those that died in the pool are replaced unseen, also all at once; one that dies at work is said so."""
    admin = await Storage.open(database_url, cipher=cipher)
    kill = select(func.pg_terminate_backend(column("pid"))).select_from(table("pg_stat_activity"))
    others = kill.where(column("datname") == func.current_database(), column("pid") != func.pg_backend_pid())
    await asyncio.gather(*(_reads(storage) for _ in range(5)))
    async with admin.writing() as uow:
        assert len(await uow.connection.rows(others)) == 5
    await asyncio.gather(*(_reads(storage) for _ in range(5)))
    with pytest.raises(StorageAway):
        async with storage.writing() as cut_off:
            await cut_off.seen.first_time("a", NOW)
            async with admin.writing() as uow:
                await uow.connection.rows(others)
            await cut_off.commit()
    async with storage.writing() as uow:
        assert await uow.seen.first_time("a", NOW)
    await admin.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_all_files_are_their_owners_alone(empty_database_url: str, cipher: Cipher) -> None:
    """Whoever made the folder, and whatever was there: the database, its log, its copies."""
    file = sqlite_file(empty_database_url)
    file.parent.mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        _with_a_table(file)
        file.chmod(0o644)  # as somebody left it
        await migrate(empty_database_url)
        storage = await Storage.open(empty_database_url, cipher=cipher)
        assert await storage.check_keys()
        modes = {one.name: one.stat().st_mode & 0o777 for one in file.parent.iterdir()}
        await storage.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}, modes
    assert {f"{file.name}-wal", f"{file.name}-shm", f"{file.name}.before-empty"} <= modes.keys()


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_only_the_last_copy_is_kept(empty_database_url: str) -> None:
    """Each upgrade leaves one to go back to, not one more."""
    file = sqlite_file(empty_database_url)
    file.parent.mkdir()
    _with_a_table(file)
    for older in ("second", "third"):
        file.with_name(f"{file.name}.before-{older}").touch()
    await migrate(empty_database_url)
    assert [one.name for one in file.parent.glob("*.before-*")] == [f"{file.name}.before-empty"]


def _with_a_table(file: Path) -> None:
    """A file that is worth a copy before it is changed."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE old (word TEXT)")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_what_is_erased_is_overwritten(storage: Storage, database_url: str) -> None:
    """A deleted address is not left in the file's free pages."""
    async with storage.writing() as uow:
        await uow.meta.add("erased", "somebody@erased.example" * 20)
        await uow.commit()
    async with storage.writing() as uow:
        assert await uow.meta.drop("erased", "somebody@erased.example" * 20)
        await uow.commit()
    await storage.close()
    assert b"somebody@erased.example" not in sqlite_file(database_url).read_bytes()


@pytest.mark.parametrize("content", [b"no database at all " * 500, b""])
async def test_a_connection_that_cannot_be_used_is_closed(
    content: bytes, tmp_path: Path, cipher: Cipher
) -> None:
    """The pool never got it; only the garbage collector would have."""
    file = tmp_path / "ik.db"
    file.write_bytes(content)
    with nothing_left_open():
        storage = await Storage.open(f"sqlite:///{file}", cipher=cipher)
        with suppress(StorageAway):
            await storage.ping()
        await storage.close()
        del storage


async def test_a_files_disk_has_room_or_has_not(storage: Storage) -> None:
    """A server's disk is the server's business."""
    assert storage.has_room()
    assert storage.has_room(least=2**62) == (storage.file is None)
