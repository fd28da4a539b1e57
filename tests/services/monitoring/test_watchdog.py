"""Probes that do not finish are our own fault: the operator is told, once, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.app import TURNS_TAKE
from bot.services import Services
from bot.services.core.jobs import LEASE as JOB_LEASE
from bot.services.monitoring.monitor import LEASE
from bot.worker import Wake, Worker
from sandbox.clock import SandboxClock
from tests.services.play import Play, on_both

EVERYBODY = ("sakura", "omar", "alice", "kenji", "gus")
OPERATORS = ("sakura", "omar")


async def hangs(play: Play, *, minutes: int, services: Services | None = None) -> None:
    """Time passes without a probe; jobs and the watch over probes go on."""
    services = services or play.services
    for _ in range(minutes):
        play.stage.town.clock.advance(timedelta(minutes=1))
        await services.watchdog.run_due()
        while await services.jobs.run_due():
            pass


async def figure(play: Play, name: str) -> float:
    """One of the bot's figures, as a monitoring system reads it."""
    async with play.stage.session.get(f"{play.stage.town.settings.base_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    [line] = [line for line in lines if line.startswith(f"{name} ")]
    return float(line.split()[1])


async def is_ready(play: Play) -> bool:
    """Whether ``/readyz`` says that probes finish; without that nothing is ready."""
    async with play.stage.session.get(f"{play.stage.town.settings.base_url}/readyz") as answer:
        parts = await answer.json()
        assert parts["probes"] or (answer.status == 503 and not parts["ready"])
        return bool(parts["probes"])


async def shown(play: Play) -> dict[str, int]:
    return {name: len(await play.dm(name)) for name in EVERYBODY}


@on_both
async def test_the_operator_alone_is_told_once_and_told_when_it_is_over(play: Play) -> None:
    """Three intervals without a finished probe; then nothing more until probes finish again."""
    await play.connect_team()
    await play.connect("alice")
    before = await shown(play)
    await hangs(play, minutes=7)
    assert await shown(play) == before
    assert await is_ready(play)
    await hangs(play, minutes=2)
    after = await shown(play)
    assert {name: after[name] - before[name] for name in EVERYBODY} == {
        name: int(name in OPERATORS) for name in EVERYBODY
    }
    assert not await is_ready(play)
    assert await figure(play, "inboxkeeper_silent_channels") == 1
    await hangs(play, minutes=60)
    assert await shown(play) == after
    for name in OPERATORS:
        [said] = await play.told(name, "🔧")
        assert not said.edited
    assert await figure(play, "inboxkeeper_silent_channels") == 2
    await play.passes(minutes=1)
    for name, word in (("omar", "Inbox checks are running again"), ("sakura", "✅")):
        [said] = [said for said in await play.told(name, word) if said.edited]
        assert "🔧" not in said.plain
    assert await is_ready(play)
    assert await figure(play, "inboxkeeper_silent_channels") == 0


async def test_another_silence_is_told_anew(play: Play) -> None:
    """An episode that is over does not hide the next one."""
    await play.connect_team()
    for _ in range(2):
        await hangs(play, minutes=10)
        await play.passes(minutes=1)
    assert len(await play.told("omar", "Inbox checks are running again")) == 2


async def test_what_nobody_probes_on_purpose_is_not_silent(play: Play) -> None:
    """A disabled one is refreshed weekly, and one of a workspace that has gone rests."""
    support = await play.connect_team()
    await play.disable("omar", support)
    await play.passes(seconds=2)
    before = await shown(play)
    await hangs(play, minutes=30)
    assert await shown(play) == before
    await play.enable("omar", support)
    await play.passes(minutes=1)
    await play.uninstalled()
    await hangs(play, minutes=30)
    assert await shown(play) == before
    assert await is_ready(play)


async def test_after_downtime_probes_have_their_chance_first(play: Play) -> None:
    """A night without power makes everything late; that is told only if probes don't finish then, either."""
    await play.connect_team()
    play.stage.town.clock.advance(timedelta(hours=9))
    before = await shown(play)
    async with play.another_process() as services:
        await hangs(play, minutes=5, services=services)
        assert await shown(play) == before
        assert not services.watchdog.is_silent
        await hangs(play, minutes=3, services=services)
        assert services.watchdog.is_silent
    assert len(await play.told("omar", "🔧")) == 1


async def test_a_machine_that_slept_needs_its_time_too(play: Play) -> None:
    """The process is the same; neither it nor its probes have run."""
    await play.connect_team()
    await hangs(play, minutes=1)
    play.stage.town.clock.advance(timedelta(hours=9))
    await hangs(play, minutes=3)
    assert not await play.told("omar", "🔧")


async def test_a_restart_does_not_end_it(play: Play) -> None:
    """Whoever starts anew knows of it: it is over once probes have finished, and told to nobody again."""
    await play.connect_team()
    await hangs(play, minutes=10)
    async with play.another_process() as services:
        await hangs(play, minutes=1, services=services)
        assert services.watchdog.is_silent
        [said] = await play.told("omar", "🔧")
        assert not said.edited
    await play.passes(minutes=1)
    assert len(await play.told("omar", "Inbox checks are running again")) == 1


@pytest.mark.threaded
@on_both
async def test_two_processes_tell_it_once(play: Play) -> None:
    """Both notice it at the same time."""
    await play.connect_team()
    async with play.another_process() as other:
        began: list[int] = []
        for _ in range(10):
            play.stage.town.clock.advance(timedelta(minutes=1))
            began += await asyncio.gather(play.services.watchdog.run_due(), other.watchdog.run_due())
        assert sum(began) == 1
        assert other.watchdog.is_silent and play.services.watchdog.is_silent
        await hangs(play, minutes=1)
    assert len(await play.told("omar", "🔧")) == 1


async def test_probes_that_hang_do_not_keep_it_from_being_noticed(play: Play) -> None:
    """It has a loop of its own, and a loop that never ends its first turn is no loop that turns."""
    await play.connect_team()
    hung = asyncio.Event()

    async def never() -> int:
        await hung.wait()
        return 0

    turns: dict[str, Callable[[], Awaitable[int]]] = {
        "probes": never,
        "jobs": play.services.jobs.run_due,
        "silence": play.services.watchdog.run_due,
    }
    engine = Worker(turns, clock=lambda: play.now, wake=Wake(), idle_seconds=0.002, patience=TURNS_TAKE)
    engine.start()
    try:
        async with asyncio.timeout(20):
            while not await play.told("omar", "🔧"):
                play.stage.town.clock.advance(timedelta(seconds=5))
        assert not engine.is_turning
    finally:
        hung.set()
        await engine.stop()


@pytest.mark.parametrize(
    ("name", "after", "is_turning"),
    [
        ("probes", LEASE, True),
        ("probes", LEASE + timedelta(minutes=1), False),
        ("jobs", JOB_LEASE, True),
        ("jobs", timedelta(minutes=3), False),
    ],
)
async def test_a_batch_within_its_lease_is_no_stalled_loop(
    name: str, after: timedelta, is_turning: bool
) -> None:
    """Hosts whose logins hang keep a batch busy for minutes; any other loop is late sooner."""
    clock = SandboxClock.frozen(datetime(2026, 3, 2, 9, tzinfo=UTC))
    hung = asyncio.Event()

    async def slow() -> int:
        await hung.wait()
        return 0

    engine = Worker({name: slow}, clock=clock, wake=Wake(), idle_seconds=0.002, patience=TURNS_TAKE)
    engine.start()
    try:
        clock.advance(after)
        assert engine.is_turning == is_turning
    finally:
        hung.set()
        await engine.stop()
