"""Holds: one is open at a time, and what it holds is told apart from what is being looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from bot.domain.channel import Cause, Channel, State
from bot.domain.ids import ChannelId, ProviderOutageId
from bot.domain.provider_outage import ProviderOutage, is_held
from storage import Storage
from tests.storage.builders import MINUTE, NOW, WORKSPACE, a_channel, a_probe

HOLD = ProviderOutage(ProviderOutageId("h1"), WORKSPACE, "google", "", NOW)


async def _keep(storage: Storage, *channels: Channel) -> None:
    async with storage.writing() as uow:
        for number, channel in enumerate(channels):
            await uow.channels.add(channel)
            await uow.probes.put(a_probe(channel, due_at=NOW + number * MINUTE))
            if is_held(channel):
                await uow.provider_outages.lines_up(HOLD.id, channel.id)
        await uow.provider_outages.open_(HOLD)
        await uow.commit()


def _held(**changes: object) -> Channel:
    return replace(a_channel(state=State.IMPAIRED, cause=Cause.HELD), **changes)  # type: ignore[arg-type]


async def test_only_one_is_open(storage: Storage) -> None:
    """Two processes that find the same mass refusal make one message of it."""
    await _keep(storage)
    async with storage.writing() as uow:
        assert not await uow.provider_outages.open_(replace(HOLD, id=ProviderOutageId("h2")))
        assert await uow.provider_outages.end(HOLD.id, NOW)
        assert not await uow.provider_outages.end(HOLD.id, NOW)
        assert await uow.provider_outages.open_(replace(HOLD, id=ProviderOutageId("h2")))


async def test_a_recovery_is_remembered_until_the_end(storage: Storage) -> None:
    """The last channel to leave need not be one that recovered."""
    await _keep(storage)
    async with storage.writing() as uow:
        await uow.provider_outages.recovered(HOLD.id, NOW)
        await uow.provider_outages.end(HOLD.id, NOW)
        found = await uow.provider_outages.find(HOLD.id)
    assert found == replace(HOLD, ended_at=NOW, was_false_alarm=True, recovered_at=NOW)


async def test_a_hold_becomes_an_organisations_own_once_it_holds_nobody_else(storage: Storage) -> None:
    """What others' recovery said of the whole provider is forgotten with them."""
    own, foreign = _held(), _held()
    foreign = replace(foreign, identity=replace(foreign.identity, tenant="other.example"))
    await _keep(storage, own, foreign)
    back = replace(foreign, state=State.CONNECTED, cause=Cause.NONE, since=NOW - MINUTE)
    async with storage.writing() as uow:
        narrow = partial(uow.provider_outages.narrow, HOLD, "example.com")
        await uow.provider_outages.recovered(HOLD.id, NOW)
        assert not await narrow(served_since=NOW - MINUTE)
        await uow.channels.save(back)
        assert not await narrow(served_since=NOW - MINUTE)
        await uow.probes.put(a_probe(back, last_ok_at=NOW - MINUTE))
        assert not await narrow(served_since=NOW)
        assert not await narrow(served_since=NOW - 2 * MINUTE)
        assert await narrow(served_since=NOW - MINUTE)
        assert await uow.provider_outages.find(HOLD.id) == replace(HOLD, tenant="example.com")
        assert await uow.provider_outages.open_for(WORKSPACE, HOLD.provider, "other.example") is None


async def test_an_organisations_own_hold_holds_its_mailboxes_alone(storage: Storage) -> None:
    """Else everybody's would never end: nobody who leaves the other one tells it."""
    own, foreign = _held(), _held()
    foreign = replace(foreign, identity=replace(foreign.identity, tenant="other.example"))
    theirs = replace(HOLD, id=ProviderOutageId("theirs"), tenant="other.example")
    await _keep(storage, own, foreign)
    async with storage.writing() as uow:
        assert set(await uow.provider_outages.held(HOLD)) == {own.id, foreign.id}
        await uow.provider_outages.open_(theirs)
        assert await uow.provider_outages.held(HOLD) == (own.id,)
        assert await uow.provider_outages.held(theirs) == (foreign.id,)
        await uow.provider_outages.end(theirs.id, NOW)
        assert set(await uow.provider_outages.held(HOLD)) == {own.id, foreign.id}


async def test_the_line_is_of_those_that_are_held(storage: Storage) -> None:
    """Whoever is connected, or was disabled while it was held, waits for no turn."""
    first, last, fine, off = _held(), _held(), a_channel(), _held(state=State.DISABLED)
    await _keep(storage, first, last, fine, off)
    async with storage.writing() as uow:
        assert set(await uow.provider_outages.held(HOLD)) == {first.id, last.id}
        assert await uow.provider_outages.last_in_line(HOLD) == last.id
        assert await uow.provider_outages.last_turn(HOLD, but=last.id) == NOW
        assert await uow.provider_outages.holds_any(HOLD)
        tenant = replace(HOLD, id=ProviderOutageId("theirs"), tenant="other.example")
        assert not await uow.provider_outages.holds_any(tenant)
        assert await uow.provider_outages.last_turn(tenant, but=last.id) is None


async def test_whoever_gets_no_answer_takes_no_turn(storage: Storage) -> None:
    """Its pause is its own, and may be an hour: nobody queues up behind it. It is called like all others."""
    waiting, silent = _held(), _held()
    await _keep(storage, waiting, silent)
    later = NOW + 60 * MINUTE
    async with storage.writing() as uow:
        row = a_probe(silent, due_at=later, outcome="unreachable")
        await uow.probes.put(row)
        assert await uow.provider_outages.last_turn(HOLD, but=ChannelId("newcomer")) == NOW
        await uow.provider_outages.call(HOLD, now=NOW, rested_for=MINUTE)
        await uow.commit()
    assert await _due(storage, silent) == NOW


async def test_whoever_leaves_the_line_holds_nobody_up(storage: Storage) -> None:
    """Its next look is no turn of the outage's, and a call is none of its business."""
    stays, leaves = _held(), _held()
    await _keep(storage, stays, leaves)
    async with storage.writing() as uow:
        await uow.provider_outages.leaves_line(leaves.id)
        assert await uow.provider_outages.last_in_line(HOLD) == stays.id
        assert await uow.provider_outages.last_turn(HOLD, but=ChannelId("newcomer")) == NOW
        await uow.probes.put(a_probe(leaves, due_at=NOW + 60 * MINUTE))
        await uow.provider_outages.call(HOLD, now=NOW, rested_for=MINUTE)
        await uow.commit()
    assert await _due(storage, leaves) == NOW + 60 * MINUTE


@pytest.mark.parametrize("last_done_at", [None, NOW - MINUTE, NOW - 5 * MINUTE])
async def test_a_call_brings_everybody_forward(storage: Storage, last_done_at: datetime | None) -> None:
    """Those that are held are looked at now; nobody else is, and nobody who is being looked at."""
    waiting, fine, looked_at = _held(), a_channel(), _held()
    await _keep(storage, waiting, fine, looked_at)
    late = NOW + 60 * MINUTE
    async with storage.writing() as uow:
        for channel in (waiting, fine, looked_at):
            await uow.probes.put(a_probe(channel, due_at=late, last_done_at=last_done_at))
        await uow.probes.claim(now=NOW, limit=1, lease_for=MINUTE, only=looked_at.id)
        await uow.provider_outages.call(HOLD, now=NOW, rested_for=MINUTE)
        await uow.commit()
    assert [await _due(storage, it) for it in (waiting, fine, looked_at)] == [NOW, late, late]


async def test_a_call_lets_those_rest_that_were_looked_at_just_now(storage: Storage) -> None:
    """However often others come back, one mailbox is asked about once a minute at most."""
    rested, sooner = _held(), _held()
    await _keep(storage, rested, sooner)
    async with storage.writing() as uow:
        for channel, due in ((rested, NOW + 60 * MINUTE), (sooner, NOW + MINUTE / 4)):
            await uow.probes.put(a_probe(channel, due_at=due, last_done_at=NOW - MINUTE / 3))
        await uow.provider_outages.call(HOLD, now=NOW, rested_for=MINUTE)
        await uow.commit()
    assert await _due(storage, rested) == NOW + MINUTE
    assert await _due(storage, sooner) == NOW + MINUTE / 4


async def _due(storage: Storage, channel: Channel) -> datetime:
    async with storage.reading() as uow:
        row = await uow.probes.find(channel.id)
    assert row is not None
    return row.due_at
