"""A clock that was ahead and is put right, or jumps: mailboxes are looked at and people are told as ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.domain.channel import State
from bot.services import Services
from tests.services.play import Play, on_both

HOUR = timedelta(hours=1)


@dataclass
class Stray:
    """How far a machine's clock is from the truth."""

    by: timedelta = field(default_factory=timedelta)

    def __call__(self) -> timedelta:
        return self.by


def turns(services: Services) -> list[Callable[[], Awaitable[int]]]:
    return [
        services.clock_skew.run_due,
        services.schedule.run_due,
        services.monitoring.run_due,
        services.jobs.run_due,
        services.watchdog.run_due,
    ]


async def goes_on(play: Play, services: Services, *, minutes: float) -> None:
    """That process alone runs for so long, some times a minute."""
    for _ in range(int(minutes * 3) or 1):
        play.stage.town.clock.advance(timedelta(seconds=20))
        while sum([await turn() for turn in turns(services)]):
            pass


@on_both
@pytest.mark.parametrize(
    ("ahead", "restarts"),
    [(timedelta(minutes=10), False), (2 * HOUR, False), (2 * HOUR, True), (timedelta(days=40), True)],
)
async def test_a_clock_that_was_ahead_holds_nothing_up(play: Play, ahead: timedelta, restarts: bool) -> None:
    """Whether the process lives on or another one starts: a mailbox that dies then is found as ever."""
    support = await play.connect_team()
    alice = await play.connect("alice")
    stray = Stray()
    async with play.another_process(strays_by=stray) as services:
        await goes_on(play, services, minutes=1)
        stray.by = ahead
        await goes_on(play, services, minutes=16)
        stray.by = timedelta()
        if not restarts:
            await goes_on(play, services, minutes=0.2)
            await play.stage.breaks("support@acme.example")
            await goes_on(play, services, minutes=8)
    if restarts:
        await play.stage.breaks("support@acme.example")
        async with play.another_process() as services:
            await goes_on(play, services, minutes=8)
    assert (await play.now_of(support)).state is State.DISCONNECTED
    assert len(await play.alarms("omar")) == 1
    row = await play.probe(alice)
    assert row is not None and row.due_at - play.now <= timedelta(minutes=15)
    assert not await play.told("omar", "🔧")


@on_both
async def test_a_first_refusal_of_a_clock_that_was_ahead_still_counts(play: Play) -> None:
    """The second witness is late enough when it is, by the clock of now."""
    support = await play.connect_team()
    stray = Stray(2 * HOUR)
    async with play.another_process(strays_by=stray) as services:
        await play.stage.breaks("support@acme.example")
        while (await play.now_of(support)).state is not State.IMPAIRED:
            await goes_on(play, services, minutes=0.5)
        stray.by = timedelta()
        await goes_on(play, services, minutes=6)
        assert (await play.now_of(support)).state is State.DISCONNECTED


async def test_reminders_come_when_they_were_to_come(play: Play) -> None:
    """Four hours after the message, not six."""
    await play.connect_team()
    stray = Stray(2 * HOUR)
    async with play.another_process(strays_by=stray) as services:
        await goes_on(play, services, minutes=1)
        await play.stage.breaks("support@acme.example")
        await goes_on(play, services, minutes=10)
        assert len(await play.alarms("omar")) == 1
        before = len(await play.dm("omar"))
        stray.by = timedelta()
        await goes_on(play, services, minutes=4 * 60 - 10)
        assert len(await play.dm("omar")) == before
        await goes_on(play, services, minutes=15)
        assert len(await play.dm("omar")) == before + 1


async def test_silence_is_noticed_after_the_clock_was_put_back(play: Play) -> None:
    """Whoever watches over the probes must not sleep for as long as the clock was ahead."""
    await play.connect_team()
    stray = Stray(2 * HOUR)
    async with play.another_process(strays_by=stray) as services:
        await goes_on(play, services, minutes=1)
        stray.by = timedelta()
        for _ in range(12):
            play.stage.town.clock.advance(timedelta(minutes=1))
            for turn in (services.clock_skew.run_due, services.jobs.run_due, services.watchdog.run_due):
                await turn()
        assert services.watchdog.is_silent
    assert len(await play.told("omar", "🔧")) == 1


@on_both
async def test_a_clock_that_jumps_ahead_alarms_nobody(play: Play) -> None:
    """A machine that slept, or whose clock was behind: all is due at once, and all is well."""
    support, alice = await play.connect_team(), await play.connect("alice")
    stray = Stray(-9 * HOUR)
    async with play.another_process(strays_by=stray) as services:
        stray.by = timedelta()
        before = len(await play.dm("omar"))
        await goes_on(play, services, minutes=20)
        assert len(await play.dm("omar")) == before
        for channel in (support, alice):
            assert (await play.now_of(channel)).state is State.CONNECTED
        assert not services.watchdog.is_silent


async def test_a_clock_that_is_right_moves_nothing(play: Play) -> None:
    """Nor does a second's trimming."""
    await play.connect_team()
    stray = Stray()
    async with play.another_process(strays_by=stray) as services:
        assert await services.clock_skew.run_due() == 0
        stray.by = timedelta(seconds=-0.9)
        assert await services.clock_skew.run_due() == 0
        await goes_on(play, services, minutes=10)
        stray.by = timedelta(seconds=-1.5)
        assert await services.clock_skew.run_due() == 0
