"""Behind PgBouncer that lends out connections by the transaction: nothing of ours lives in a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.app import patiently
from bot.domain.channel import State
from storage import Cipher, Storage, StorageAway, generate_key, is_current, migrate, rekey
from tests.pooler import pooled
from tests.services.play import Play
from tests.stage import a_stage

SIZE = 3
"""Fewer than one process of ours would open."""


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
async def pooled_url(database_url: str) -> AsyncIterator[str]:
    """A database with the present tables, through a small pool."""
    async with pooled(database_url, size=SIZE) as through_pool:
        yield through_pool


async def test_from_connecting_to_the_alarm_and_back(pooled_url: str) -> None:
    """The whole path, with a second process beside the first."""
    async with a_stage(pooled_url) as stage:
        play = Play(stage)
        support, alice = await play.connect_team(), await play.connect("alice")
        async with play.another_process() as other:
            await stage.breaks("support@acme.example")
            for _ in range(40):
                stage.town.clock.advance(timedelta(seconds=15))
                await asyncio.gather(other.monitoring.run_due(), play.services.monitoring.run_due())
                await asyncio.gather(other.jobs.run_due(), play.services.jobs.run_due())
            assert (await play.now_of(support)).state is State.DISCONNECTED
            assert len(await play.alarms("omar")) == 1
            outcome = await play.signs_in(await play.reconnect("omar", support))
            assert outcome.ending.is_good
            await play.passes(minutes=2)
            assert not await play.alarms("omar")
        await play.remove("alice", alice)
        await play.passes(minutes=2)
        assert await play.told("alice", "confirmed")


async def test_migrations_go_through_it_and_meet_there(empty_database_url: str) -> None:
    """Two processes that start at once: one migrates, the other waits for it."""
    async with pooled(empty_database_url, size=2) as through_pool:
        assert not await is_current(through_pool)
        await asyncio.gather(migrate(through_pool), migrate(through_pool))
        assert await is_current(through_pool)


async def test_rekeying_goes_through_it(pooled_url: str) -> None:
    """Every secret is written anew, in batches of their own."""
    old, new = generate_key(), generate_key()
    for keys in ([old], [new, old]):
        storage = await Storage.open(pooled_url, cipher=Cipher(keys))
        assert await storage.check_keys()
        assert await rekey(storage) == 0
        await storage.close()


async def test_the_limits_are_in_force_and_stay_with_us(pooled_url: str) -> None:
    """Each transaction sets its own; whoever is lent the connection next finds none of it."""
    storage = await Storage.open(pooled_url, cipher=Cipher([generate_key()]))
    shown = "SELECT current_setting('statement_timeout'), current_setting('TimeZone')"
    for unit, level in ((storage.reading, "repeatable read"), (storage.writing, "read committed")):
        async with unit() as uow:
            [row] = await uow.connection.rows(text(shown))
            assert tuple(row) == ("10s", "UTC")
            [row] = await uow.connection.rows(text("SHOW transaction_isolation"))
            assert tuple(row) == (level,)
            [row] = await uow.connection.rows(text("SHOW idle_in_transaction_session_timeout"))
            assert tuple(row) == ("1min",)
    with psycopg.connect(pooled_url, autocommit=True) as somebody_else:
        found = somebody_else.execute("SHOW statement_timeout").fetchone()
    assert found == ("0",)
    await storage.close()


async def test_many_units_of_work_share_few_connections(pooled_url: str) -> None:
    """More at once than the pool holds, of both kinds, each kind of statement often enough to be prepared."""
    storages = [await Storage.open(pooled_url, cipher=Cipher([generate_key()])) for _ in range(2)]

    async def works(storage: Storage, number: int) -> None:
        for turn in range(8):
            async with storage.writing() as uow:
                await uow.meta.add(f"{number}:{turn}", "1")
                await uow.commit()
            async with storage.reading() as uow:
                assert await uow.meta.find(f"{number}:{turn}") == "1"

    await asyncio.gather(*(works(storages[number % 2], number) for number in range(12)))
    for storage in storages:
        await storage.close()


async def test_a_full_pool_is_the_database_being_away(database_url: str) -> None:
    """Whoever waits for a connection too long is told so, and nothing is left hanging."""
    async with pooled(database_url, size=1) as through_pool:
        first = await Storage.open(through_pool, cipher=Cipher([generate_key()]))
        second = await Storage.open(through_pool, cipher=Cipher([generate_key()]))
        async with first.writing() as uow:
            await uow.meta.add("held", "1")
            async with asyncio.timeout(20):
                with pytest.raises(StorageAway):
                    await second.ping()
            await uow.commit()
        await second.ping()
        for storage in (first, second):
            await storage.close()


async def test_whoever_starts_while_the_pool_is_full_says_so(database_url: str) -> None:
    """Half a minute without a line would look like a hang. It goes on as soon as there is a connection."""
    async with pooled(database_url, size=1) as through_pool:
        holder = await Storage.open(through_pool, cipher=Cipher([generate_key()]))
        async with holder.writing() as uow:
            await uow.meta.add("held", "1")
            with capture_logs() as logs:
                starting = asyncio.create_task(patiently(migrate(through_pool), says_after=0.05))
                while not logs:
                    await asyncio.sleep(0.01)
                assert "waiting for the database" in logs[0]["event"] and logs[0]["log_level"] == "warning"
                assert not starting.done()
            await uow.commit()
        async with asyncio.timeout(20):
            await starting
        await holder.close()
