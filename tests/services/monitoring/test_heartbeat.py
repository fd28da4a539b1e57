"""A database that can be read but not written: seen at once, said once, told truthfully afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from bot.domain.channel import State
from bot.services import Services
from bot.services.monitoring.watchdog import BEATS_EVERY
from bot.worker import Wake, Worker
from storage import SILENT_FOR, StorageAway
from tests.services.play import Gate, Play, on_both

pytestmark = pytest.mark.threaded


@contextmanager
def locked(play: Play) -> Iterator[None]:
    """Another program holds the write lock of the file, and does not let go."""
    url = make_url(play.stage.town.settings.database_url.get_secret_value())
    with closing(sqlite3.connect(url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def parts(play: Play) -> dict[str, bool]:
    async with play.stage.session.get(f"{play.stage.town.settings.base_url}/readyz") as answer:
        said: dict[str, bool] = await answer.json()
        assert answer.status == (200 if said["ready"] else 503)
        return said


async def test_a_locked_file_is_no_healthy_database(play: Play) -> None:
    """``/readyz`` says so at the next try, the log once; afterwards the operator alone reads how long."""
    support = await play.connect_team()
    await play.settles()
    beat = play.services.heartbeat
    assert (await parts(play))["database"]
    with locked(play), capture_logs() as logs:
        play.stage.town.clock.advance(timedelta(seconds=11))
        assert await beat.run_due() == 0
        assert not (await parts(play))["database"]
        play.stage.town.clock.advance(timedelta(minutes=4))
        assert await beat.run_due() == 0
    [said] = [line for line in logs if line["log_level"] == "error"]
    assert said["event"] == "the database cannot be written" and said["trouble"] == "busy"
    assert said["said"] == "database is locked"
    await play.settles()
    assert (await parts(play))["database"]
    [told] = await play.told("omar", "could not write to its database")
    assert "2026" in told.plain or ":" in told.plain
    assert not await play.told("alice", "could not write")
    assert not await play.told("omar", "stopped checking")
    assert (await play.now_of(support)).state is State.CONNECTED


async def test_a_short_interruption_is_told_to_nobody(play: Play) -> None:
    """A server that restarts."""
    await play.settles()
    with locked(play):
        play.stage.town.clock.advance(timedelta(seconds=11))
        await play.services.heartbeat.run_due()
    play.stage.town.clock.advance(timedelta(seconds=20))
    await play.settles()
    assert not await play.told("omar", "could not write")
    assert (await parts(play))["database"]


@on_both
async def test_a_heart_beats_now_and_then(play: Play) -> None:
    """A row every five seconds at most, whatever else goes on."""
    await play.settles()
    async with play.storage.reading() as uow:
        before = await uow.meta.find("heartbeat")
    play.stage.town.clock.advance(timedelta(seconds=4))
    await play.services.heartbeat.run_due()
    async with play.storage.reading() as uow:
        assert await uow.meta.find("heartbeat") == before
    play.stage.town.clock.advance(timedelta(seconds=2))
    await play.services.heartbeat.run_due()
    async with play.storage.reading() as uow:
        assert await uow.meta.find("heartbeat") == play.now.isoformat()


async def test_loops_that_only_fail_are_not_called_turning(play: Play) -> None:
    """Sooner than those that may still be at work; said once per loop, not every second."""
    fails = True

    async def turn() -> int:
        if fails:
            raise StorageAway
        return 0

    engine = Worker({"one": turn}, clock=lambda: play.now, wake=Wake(), idle_seconds=0.001)
    with capture_logs() as logs:
        engine.start()
        try:
            assert engine.is_turning
            while engine.is_turning:
                play.stage.town.clock.advance(timedelta(seconds=2))
                await _moment()
            fails = False
            while not engine.is_turning:
                await _moment()
        finally:
            await engine.stop()
    assert len([line for line in logs if line["log_level"] == "warning"]) == 1


async def test_the_engine_is_woken_when_it_asked_to_be(play: Play) -> None:
    """However seldom it looks by itself."""
    turns, wake = 0, Wake()
    second = asyncio.Event()

    async def turn() -> int:
        nonlocal turns
        turns += 1
        if turns > 1:
            second.set()
        return 0

    engine = Worker({"one": turn}, clock=lambda: play.now, wake=wake, idle_seconds=3600)
    engine.start()
    try:
        await _moment()
        wake.after(timedelta(milliseconds=1))
        await asyncio.wait_for(second.wait(), 10)
    finally:
        await engine.stop()


async def _moment() -> None:
    await asyncio.sleep(0.002)


async def test_what_was_in_hand_is_taken_up_again_at_once(play: Play) -> None:
    """The database was away when a look was to be written down: nobody waits for that lease to run out."""
    support = await play.connect_team()
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        play.stage.town.clock.advance(timedelta(minutes=3))
        looking = asyncio.create_task(other.monitoring.run_due())
        await gate.reached.wait()
        with locked(play):
            gate.go_on.set()
            with suppress(StorageAway):
                await looking
        assert await other.monitoring.run_due() == 1
    row = await play.probe(support)
    assert row is not None and row.last_done_at == play.now


async def _beats_for(play: Play, span: timedelta, *others: Services) -> None:
    """Our heart beats for so long, and theirs."""
    end = play.now + span
    while play.now < end:
        for services in (play.services, *others):
            await services.heartbeat.run_due()
        play.stage.town.clock.advance(BEATS_EVERY)
    await play.services.heartbeat.run_due()


@on_both
async def test_what_a_killed_process_was_at_goes_on_within_half_a_minute(play: Play) -> None:
    """It has said no more that it runs: its mailbox is looked at by another, and what it finds out should it
    only have been frozen is no news."""
    support = await play.connect_team()
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as dying:
        await _beats_for(play, SILENT_FOR, dying)
        play.stage.town.clock.advance(timedelta(minutes=3))
        await _beats_for(play, SILENT_FOR, dying)
        looking = asyncio.create_task(dying.monitoring.run_due())
        await gate.reached.wait()
        died_at = play.now
        await _beats_for(play, SILENT_FOR - 2 * BEATS_EVERY)
        assert await play.services.monitoring.run_due() == 0
        await _beats_for(play, 3 * BEATS_EVERY)
        assert await play.services.monitoring.run_due() == 1
        assert play.now - died_at <= timedelta(seconds=30)
        row = await play.probe(support)
        gate.go_on.set()
        await looking
    assert row is not None and row.last_done_at == play.now
    assert await play.probe(support) == row


@on_both
async def test_after_an_outage_nobody_is_taken_for_dead(play: Play) -> None:
    """All were silent while the database was away, and live: whoever is back first waits for the others."""
    await play.connect_team()
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        play.stage.town.clock.advance(timedelta(minutes=3))
        await _beats_for(play, SILENT_FOR, other)
        looking = asyncio.create_task(other.monitoring.run_due())
        await gate.reached.wait()
        play.stage.town.clock.advance(timedelta(minutes=1))  # nobody could say anything
        await play.services.heartbeat.run_due()
        await _beats_for(play, SILENT_FOR, other)
        assert await play.services.monitoring.run_due() == 0
        gate.go_on.set()
        assert await looking == 1
