"""What only takes time on a clock: how soon people hear, and whom an outage would have alarmed.

The whole product plays against the sandbox, on a clock that jumps to whatever is due next. The moment a
provider begins to refuse is anywhere between two probes; the moments of a seed are the same every time.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from bench.databases import Databases
from bench.figures import Row, judged, quantile, span
from bench.options import Options
from bot.bootstrap import World, running
from sandbox.clock import SandboxClock
from sandbox.demo import Place, town
from sandbox.driver import Driver
from tests.stage import Stage

_SEED: Final = 20250301
_STEP: Final = 15.0
"""Seconds of the simulated clock between two looks at what Slack got."""
_PATIENCE: Final = 3_600.0
_APART: Final = 300.0
"""From a recovery to the next refusal, which is another mailbox's."""
_OUTAGE: Final = timedelta(minutes=65)
"""1 March 2025, 20:40 to 21:45 UTC: Microsoft refused as if every permission had been withdrawn."""
_OUTAGE_BEGAN: Final = datetime(2025, 3, 1, 20, 40, tzinfo=UTC)
_QUIET: Final = timedelta(minutes=15)
_NEIGHBOURS: Final = 6
_RECONNECT: Final = "/l/"


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds on the simulated clock, sorted."""

    told: list[float]
    edited: list[float]


async def measure(options: Options, databases: Databases) -> list[Row]:
    rows: list[Row] = []
    for poll, p50, p99 in ((120, 105.0, 180.0), (900, None, 1_020.0)):
        delays = await _delays(databases, poll=poll, samples=options.samples, channels=_NEIGHBOURS)
        rows += _delay_rows(delays, poll, p50, p99)
    lonely = await _delays(databases, poll=120, samples=max(options.samples // 3, 3), channels=1)
    rows.append(_lonely_row(lonely))
    for channels in (1, 3, 5, 20):
        rows.append(await _replayed(databases, channels))
    return rows


# --- one mailbox dies


async def _delays(databases: Databases, *, poll: int, samples: int, channels: int) -> Delays:
    chance = random.Random(_SEED)  # noqa: S311  moments, not secrets
    told, edited = [], []
    async with _stage(databases, channels, PROBE_PERSONAL_SECONDS=str(poll)) as (stage, accounts):
        for number in range(samples):
            account = accounts[number % len(accounts)]
            await stage.passes(seconds=_APART + chance.uniform(0, 1.2 * poll))
            stage.town.google.break_down("account_disabled", account)
            told.append(await _until(stage, "chat.postMessage"))
            await stage.passes(seconds=chance.uniform(0, 1.2 * poll))
            stage.town.google.mend(account)
            edited.append(await _until(stage, "chat.update"))
    return Delays(sorted(told), sorted(edited))


async def _until(stage: Stage, method: str) -> float:
    """Seconds from now until the bot makes this call."""
    began, seen = stage.town.clock(), await _last_call(stage)
    while (stage.town.clock() - began).total_seconds() < _PATIENCE:
        await stage.passes(seconds=_STEP)
        calls = await stage.driver.calls(method, since=seen)
        if calls:
            return (datetime.fromisoformat(calls[0]["at"]) - began).total_seconds()
    raise TimeoutError(f"no {method} within an hour")


def _delay_rows(delays: Delays, poll: int, p50: float | None, p99: float) -> list[Row]:
    got50, got99 = quantile(delays.told, 0.5), quantile(delays.told, 0.99)
    median_target = f"p50 ≤ {span(p50)}, " if p50 else ""
    slowest = delays.edited[-1]
    return [
        Row(
            f"provider refuses → DM posted, probed every {poll} s",
            f"p50 {span(got50)}, p99 {span(got99)} (of {len(delays.told)})",
            f"{median_target}p99 ≤ {span(p99)}",
            judged(got99 <= p99 and (p50 is None or got50 <= p50)),
        ),
        Row(
            f"recovery → message edited, probed every {poll} s",
            f"p50 {span(quantile(delays.edited, 0.5))}, at most {span(slowest)}",
            f"≤ 1 poll interval ({span(poll)})",
            judged(slowest <= poll),
        ),
    ]


def _lonely_row(delays: Delays) -> Row:
    told = delays.told
    figure = f"p50 {span(quantile(told, 0.5))}, at most {span(told[-1])} (of {len(told)})"
    return Row("the same, the only mailbox there is, probed every 120 s", figure, "second look after 5 min")


# --- an outage that looks like the end


async def _replayed(databases: Databases, channels: int) -> Row:
    async with _stage(databases, channels, start=_OUTAGE_BEGAN - timedelta(hours=2)) as (stage, _):
        await stage.passes(minutes=64)
        seen, began = await _last_call(stage), stage.town.clock()
        stage.town.google.break_down("outage")
        await stage.passes(seconds=_QUIET.total_seconds())
        early = _asking(await stage.driver.calls("chat.postMessage", since=seen))
        await stage.passes(seconds=(_OUTAGE - _QUIET).total_seconds())
        stage.town.google.mend()
        await stage.passes(minutes=30)
        posted = await stage.driver.calls("chat.postMessage", since=seen)
        after = (await _unwell(stage), stage.town.clock() - began - _OUTAGE)
    return _replay_row(channels, early, posted, after)


def _replay_row(channels: int, early: list[Any], posted: list[Any], after: tuple[int, timedelta]) -> Row:
    asked = _asking(posted)
    most = max((_to(posted).count(one) for one in set(_to(posted))), default=0)
    unwell, span_after = after
    figure = (
        f"{len(early)} told in 15 min, {len(asked)} in 65, at most {most} message each; "
        f"{unwell} not connected {span_after.total_seconds() / 60:.0f} min after"
    )
    return Row(
        f"outage of 1 March 2025 replayed, {channels} channel{'s' if channels > 1 else ''}",
        figure,
        "0 told to reconnect in 15 min, ≤ 1 message each",
        judged(not early and most <= 1),
    )


def _asking(calls: list[Any]) -> list[Any]:
    """The messages that ask somebody to reconnect."""
    return [call for call in calls if _RECONNECT in json.dumps(call["arguments"])]


def _to(calls: list[Any]) -> list[str]:
    return [str(call["arguments"].get("channel")) for call in calls]


async def _unwell(stage: Stage) -> int:
    services = stage.bot.services
    async with services.core.storage.reading() as uow:
        channels = await uow.channels.all(services.workspace.id)
    return sum(channel.state != "connected" for channel in channels)


async def _last_call(stage: Stage) -> int:
    calls = await stage.driver.calls()
    return int(calls[-1]["number"]) if calls else 0


# --- the stage


@asynccontextmanager
async def _stage(
    databases: Databases, channels: int, *, start: datetime = _OUTAGE_BEGAN, **settings: str
) -> AsyncIterator[tuple[Stage, list[str]]]:
    """A workspace in which so many people have connected their inbox."""
    spread = random.Random(_SEED)  # noqa: S311
    world = World(engine_runs=False, jitter=lambda: spread.uniform(-1, 1))
    place = Place(database_url=databases.fresh("SQLite"), settings=settings)
    async with (
        town(place, SandboxClock.frozen(start), world=world) as built,
        running(built.settings, built.world) as bot,
        aiohttp.ClientSession() as session,
    ):
        stage = Stage(built, bot, Driver(built.url, session), session)
        try:
            yield stage, await _connected(stage, channels)
        finally:
            await stage.close()


async def _connected(stage: Stage, channels: int) -> list[str]:
    accounts = []
    for person in await stage.driver.add_people(channels):
        account = f"person-{person.lower()}@acme.example"
        await stage.driver.edit_person(person, email=account)
        await stage.driver.post("/control/google/accounts", {"email": account})
        await stage.connected(person, account)
        # People do not connect at the same moment, so they are not probed at the same moment.
        await stage.passes(seconds=47)
        accounts.append(account)
    return accounts
