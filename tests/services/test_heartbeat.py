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
from bot.worker import Wake, Worker
from storage import StorageAway
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
    """A row every ten seconds at most, whatever else goes on."""
    await play.settles()
    async with play.storage.reading() as uow:
        before = await uow.meta.find("heartbeat")
    play.stage.town.clock.advance(timedelta(seconds=9))
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
