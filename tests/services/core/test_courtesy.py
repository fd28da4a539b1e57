"""Looks give way to people, and not for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.domain.channel import State
from bot.services.core.courtesy import Courtesy, unhurried
from tests.services.play import Play


async def test_with_nobody_there_nothing_waits() -> None:
    """Not even for a turn of the loop."""
    courtesy = Courtesy()
    waiting = courtesy.gives_way(courtesy.until())
    try:
        waiting.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


async def test_a_look_waits_for_the_last_person() -> None:
    """Two are there; one of them is answered sooner."""
    courtesy = Courtesy(at_most=60)
    with courtesy.serving():
        with courtesy.serving():
            look = asyncio.create_task(courtesy.gives_way(courtesy.until()))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not look.done()
    await look


async def test_nobody_starves() -> None:
    """Whoever is served for hours holds up nothing for longer than that."""
    courtesy = Courtesy(at_most=0)
    with courtesy.serving():
        await courtesy.gives_way(courtesy.until())


async def test_a_batch_gives_way_once() -> None:
    """What begins behind others of its batch has waited with them."""
    courtesy = Courtesy(at_most=60)
    long_ago = courtesy.until() - 120
    with courtesy.serving():
        await courtesy.gives_way(long_ago)


async def test_what_takes_long_lets_others_in() -> None:
    """Between pieces, and nothing is left out or changes places."""
    others = asyncio.create_task(asyncio.sleep(0))
    assert [one async for one in unhurried(range(15))] == list(range(15))
    assert not others.done()
    assert [one async for one in unhurried(range(40))] == list(range(40))
    assert others.done()


async def test_no_part_of_a_batch_begins_while_somebody_waits(play: Play) -> None:
    """Not the claim either: on SQLite a click would stand behind it."""
    channel = await play.connect("alice")
    play.stage.town.clock.advance(timedelta(minutes=20))
    play.services.core.courtesy._at_most = 3600
    with play.services.core.courtesy.serving():
        looking = asyncio.create_task(play.services.monitoring.run_due())
        for _ in range(3):
            async with play.storage.reading() as uow:
                row = await uow.probes.find(channel.id)
        assert row is not None and row.lease_token is None
    assert await looking == 1


async def test_no_mailbox_is_asked_while_somebody_waits(play: Play) -> None:
    """And all of them afterwards."""
    await play.connect("alice")
    play.stage.town.clock.advance(timedelta(minutes=20))
    before = play.google.requests["token"]
    with play.services.core.courtesy.serving():
        looking = asyncio.create_task(play.services.monitoring.run_due())
        async with play.services.core.storage.writing() as uow:  # behind the claim
            await uow.commit()
        assert play.google.requests["token"] == before
    assert await looking == 1
    assert play.google.requests["token"] == before + 1


async def test_what_a_person_waits_for_gives_way_to_nobody(play: Play) -> None:
    """Least of all to that person: enabling says what a look has shown."""
    channel = await play.connect("alice")
    await play.disable("alice", channel)
    courtesy = play.services.core.courtesy
    courtesy._at_most = 3600
    with courtesy.serving():
        async with asyncio.timeout(30):
            enabled = await play.services.channel_actions.enable(await play.actor("alice"), channel.id)
    assert enabled.state is State.CONNECTED
