"""Holds: one is open at a time, and what it holds is told apart from what is being looked at."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.hold import Hold
from bot.domain.ids import HoldId
from storage import Storage
from tests.storage.builders import MINUTE, NOW, WORKSPACE, a_channel, a_probe

HOLD = Hold(HoldId("h1"), WORKSPACE, "google", "", NOW)


async def _keep(storage: Storage, *channels: Channel) -> None:
    async with storage.writing() as uow:
        for number, channel in enumerate(channels):
            await uow.channels.add(channel)
            await uow.probes.put(a_probe(channel, due_at=NOW + number * MINUTE))
        await uow.holds.open_(HOLD)
        await uow.commit()


def _held(**changes: object) -> Channel:
    return replace(a_channel(state=State.IMPAIRED, cause=Cause.HELD), **changes)  # type: ignore[arg-type]


async def test_only_one_is_open(storage: Storage) -> None:
    """Two processes that find the same mass refusal make one message of it."""
    await _keep(storage)
    async with storage.writing() as uow:
        assert not await uow.holds.open_(replace(HOLD, id=HoldId("h2")))
        assert await uow.holds.end(HOLD.id, NOW)
        assert not await uow.holds.end(HOLD.id, NOW)
        assert await uow.holds.open_(replace(HOLD, id=HoldId("h2")))


async def test_a_recovery_is_remembered_until_the_end(storage: Storage) -> None:
    """The last channel to leave need not be one that recovered."""
    await _keep(storage)
    async with storage.writing() as uow:
        await uow.holds.recovered(HOLD.id)
        await uow.holds.end(HOLD.id, NOW)
        found = await uow.holds.find(HOLD.id)
    assert found == replace(HOLD, ended_at=NOW, was_false_alarm=True)


async def test_those_that_wait_are_held_and_not_due(storage: Storage) -> None:
    """Whoever is due is about to be looked at; whoever is connected is not held."""
    due, later, fine = _held(), _held(), a_channel()
    await _keep(storage, due, later, fine)
    async with storage.reading() as uow:
        assert set(await uow.holds.held(HOLD)) == {due.id, later.id}
        assert await uow.holds.count_held(HOLD) == 2
        assert await uow.holds.waiting(HOLD, NOW) == (later.id,)
        tenant = replace(HOLD, tenant="other.example")
        assert await uow.holds.count_held(tenant) == 0
