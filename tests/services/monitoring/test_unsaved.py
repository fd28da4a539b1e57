"""A renewed secret that the database does not take: kept, used and saved as soon as that is possible.

At a Google that ends the whole grant when a refresh token is used twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.domain.channel import Channel, State
from bot.services import Services
from storage import StorageAway
from tests.e2e.gate import Gate as Way
from tests.e2e.gate import a_gate
from tests.services.play import Gate, Play
from tests.stage import a_stage

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"])


@dataclass
class Cut:
    """A process that lost its database right after a refresh, and whoever else is there."""

    play: Play
    way: Way
    other: Services
    """The process with the secret that could not be saved."""
    alice: Channel

    async def is_connected(self) -> bool:
        """By a look of the first process, which knows what is stored and nothing else."""
        await self.play.look(self.alice)
        return (await self.play.now_of(self.alice)).state is State.CONNECTED

    async def is_free(self) -> bool:
        assert self.alice.grant_id
        return bool(await self.play.services.probes.looks([self.alice.grant_id]))

    def later(self) -> None:
        self.play.stage.town.clock.advance(timedelta(seconds=16))


@pytest.fixture
async def cut(database_url: str) -> AsyncIterator[Cut]:
    async with AsyncExitStack() as stack:
        way, url = await stack.enter_async_context(a_gate(database_url))
        play = Play(await stack.enter_async_context(a_stage(url)))
        stack.callback(way.open)
        play.google.break_down("rotating")
        alice, gate = await play.connect("alice"), Gate("refresh")
        other = await stack.enter_async_context(play.another_process(provider=gate.before))
        assert alice.grant_id
        looking = asyncio.create_task(other.probes.looks([alice.grant_id]))
        await gate.reached.wait()
        way.shut()
        gate.go_on.set()
        with suppress(StorageAway):
            await looking
        yield Cut(play, way, other, alice)


async def test_it_is_saved_when_the_database_is_back(cut: Cut) -> None:
    """Tried again with pauses, said once when it begins and once when it is over, and never shown."""
    with capture_logs() as logs:
        for _ in range(4):
            cut.later()
            assert await cut.other.probes.run_due() == 0
            assert await cut.other.probes.run_due() == 0
        cut.way.open()
        cut.later()
        assert await cut.other.probes.run_due() == 1
    assert await cut.is_connected()
    assert [line["event"] for line in logs] == ["every renewed secret is saved"]


async def test_whoever_waits_for_the_lease_gets_the_new_one(cut: Cut) -> None:
    """The lease is not given back before the secret is saved."""
    cut.way.open()
    assert not await cut.is_free()
    cut.later()
    assert await cut.other.probes.run_due() == 1
    assert await cut.is_free()
    assert await cut.is_connected()


async def test_the_next_look_of_the_same_process_saves_it_first(cut: Cut) -> None:
    """Without waiting for the next try."""
    cut.way.open()
    assert cut.alice.grant_id
    seen = await cut.other.probes.looks([cut.alice.grant_id])
    assert seen[cut.alice.grant_id].look.error is None
    assert await cut.is_connected()


async def test_an_orderly_end_tries_once_more(cut: Cut) -> None:
    """However soon after the last try."""
    cut.way.open()
    with capture_logs() as logs:
        await cut.other.probes.save_at_last()
    assert await cut.is_connected()
    assert "error" not in [line["log_level"] for line in logs]


async def test_what_is_lost_at_the_end_is_said(cut: Cut) -> None:
    """The operator can tell why a mailbox may have to be connected anew."""
    with capture_logs() as logs:
        await cut.other.probes.save_at_last()
    [said] = [line for line in logs if line["log_level"] == "error"]
    assert said["grants"] == 1
    assert not [secret for secret in cut.play.handed_out() if secret in str(logs)]


async def test_what_was_erased_meanwhile_stays_erased(cut: Cut) -> None:
    """A renewed secret does not come back into a grant that is over."""
    cut.way.open()
    assert cut.alice.grant_id
    async with cut.play.storage.writing() as uow:
        await uow.grants.erase(cut.alice.grant_id)
        await uow.commit()
    cut.later()
    await cut.other.probes.run_due()
    assert (await cut.play.grant(cut.alice.grant_id)).secret is None


async def test_a_second_refresh_of_the_same_turn_is_kept_too(cut: Cut) -> None:
    """Whether the first one is saved by then or not, the last one is what is stored in the end."""
    cut.way.open()
    assert cut.alice.grant_id
    with pytest.raises(StorageAway), capture_logs() as logs:
        async with cut.other.probes.turn(cut.alice.grant_id) as turn:
            assert turn is not None
            cut.way.shut()
            await turn.renew()
            await turn.renew()
            cut.way.open()
            cut.later()
            assert await cut.other.probes.run_due() == 1
            cut.way.shut()
            await turn.renew()
    assert len([line for line in logs if line["log_level"] == "error"]) == 2  # two interruptions
    cut.way.open()
    cut.later()
    assert await cut.other.probes.run_due() == 1
    assert await cut.is_connected()


async def test_whoever_cancels_the_saving_loses_nothing(cut: Cut) -> None:
    """An engine that stops in the middle of it."""
    cut.way.open()
    gate = Gate("refresh")
    assert cut.alice.grant_id
    await cut.other.probes.save_at_last()
    async with cut.play.another_process(provider=gate.before) as third:
        looking = asyncio.create_task(third.probes.looks([cut.alice.grant_id]))
        await gate.reached.wait()
        cut.way.shut()
        gate.go_on.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        looking.cancel()
        with suppress(asyncio.CancelledError, StorageAway):
            await looking
        cut.way.open()
        await third.probes.save_at_last()
        cut.play.stage.town.clock.advance(timedelta(minutes=6))
        assert await cut.is_connected()
