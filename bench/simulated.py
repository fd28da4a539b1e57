"""What only takes time on a clock: how soon people hear, and whom an outage would have alarmed.

The bot plays against the local Slack and a mail host, on a clock that jumps to whatever is due next. The
moment a provider begins to refuse is anywhere between two probes; those of a seed are the same every time.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, Final

from bench.databases import Databases
from bench.figures import Options, Row, judged, quantile, span
from bench.office import ACME, OMAR, Office, an_office
from bot.app import World
from bot.domain.access import Role
from bot.services.core.transitions import JITTER

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
_AFTER: Final = timedelta(minutes=5)
_ALONE_AFTER: Final = timedelta(minutes=17)
"""One or two cannot be held: they count as disconnected, and are looked at every 15 minutes after an hour."""
_NEIGHBOURS: Final = 6
_TEAM: Final = 60
_PERSONAL: Final = 300
"""Seconds between two probes."""
_DISCONNECTED: Final = 120
"""The same, of a mailbox of either kind that was disconnected within the last hour."""
_DOWN: Final = 2_400
"""Seconds from a message to the recovery, at most."""
_REPLAYED: Final = (1, 3, 5, 20, 2_000)
_COMMANDS: Final = ("/inbox reconnect", "/inbox 再接続")
_LABELS: Final = frozenset({"Reconnect", "再接続"})
_READERS: Final = 300
_PACES: Final = (100, 300)
"""Slack speaks of several hundred posts a minute in a workspace."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds on the simulated clock, sorted."""

    told: list[float]
    edited: list[float]


async def measure(options: Options, databases: Databases) -> list[Row]:
    team = await _delays(databases, samples=options.samples, team=_NEIGHBOURS)
    personal = await _delays(databases, samples=options.samples, personal=_NEIGHBOURS)
    uncorroborated = await _delays(databases, samples=max(options.samples // 3, 3), team=1)
    return [
        _told_row("team address", team, _TEAM, p50=65.0, p99=105.0),
        _edited_row("team address", team),
        _told_row("personal inbox", personal, _PERSONAL, p50=None, p99=360.0),
        _edited_row("personal inbox", personal),
        _lonely_row(uncorroborated),
        *await _recipients(databases),
        *[await _replayed(databases, channels) for channels in _REPLAYED],
    ]


# --- one mailbox dies


async def _delays(databases: Databases, *, samples: int, team: int = 0, personal: int = 0) -> Delays:
    chance = random.Random(_SEED)  # noqa: S311  moments, not secrets
    interval = _TEAM if team else _PERSONAL
    told, edited = [], []
    async with _office(databases) as office:
        addresses = [*await office.has_team(team), *await office.has_people(personal)]
        for number in range(samples):
            address = addresses[number % len(addresses)]
            await office.passes(_APART + chance.uniform(0, 1.2 * interval))
            office.host.dead.add(address)
            told.append(await _until(office, "chat.postMessage"))
            await office.passes(chance.uniform(0, _DOWN))
            office.host.dead.remove(address)
            edited.append(await _until(office, "chat.update"))
    return Delays(sorted(told), sorted(edited))


async def _until(office: Office, method: str) -> float:
    """Seconds from now until the bot makes this call."""
    began, seen = office.now, await office.last_call()
    while (office.now - began).total_seconds() < _PATIENCE:
        await office.passes(_STEP)
        if calls := await office.said(method, since=seen):
            return _seconds(began, calls[0])
    raise TimeoutError(f"no {method} within an hour")


def _seconds(began: datetime, call: dict[str, Any]) -> float:
    return (datetime.fromisoformat(call["at"]) - began).total_seconds()


def _told_row(whose: str, delays: Delays, interval: int, *, p50: float | None, p99: float) -> Row:
    got50, got99 = quantile(delays.told, 0.5), quantile(delays.told, 0.99)
    median_target = f"p50 ≤ {span(p50)}, " if p50 else ""
    return Row(
        f"{whose}: provider refuses → DM posted, probed every {interval} s",
        f"p50 {span(got50)}, p99 {span(got99)} (of {len(delays.told)})",
        f"{median_target}p99 ≤ {span(p99)}",
        judged(got99 <= p99 and (p50 is None or got50 <= p50)),
    )


def _edited_row(whose: str, delays: Delays) -> Row:
    usual, slowest, most = quantile(delays.edited, 0.5), delays.edited[-1], _DISCONNECTED * (1 + JITTER)
    return Row(
        f"{whose}: recovery in the first hour → message edited, probed every {_DISCONNECTED} s",
        f"p50 {span(usual)}, at most {span(slowest)}",
        f"p50 ≤ 2:00, ≤ 1 poll interval ({span(_DISCONNECTED)}, jitter {JITTER:.0%})",
        judged(usual <= 120 and slowest <= most),
    )


def _lonely_row(delays: Delays) -> Row:
    told = delays.told
    figure = f"p50 {span(quantile(told, 0.5))}, at most {span(told[-1])} (of {len(told)})"
    return Row(
        f"the same, the only mailbox there is, probed every {_TEAM} s", figure, "second look after 5 min"
    )


# --- many who must hear of it


@dataclass(frozen=True, slots=True)
class Round:
    """An outage, told to everybody."""

    taken: float
    """Seconds on the simulated clock from when it was certain to the last one's message."""
    worked: float
    """Seconds on the wall of the busiest simulated one: what telling costs where Slack takes no time."""
    by_reader: Counter[str]


async def _recipients(databases: Databases) -> list[Row]:
    slow, quick = [await _told_all(databases, per_minute=pace) for pace in _PACES]
    pace, floor = _PACES[0], 60.0 * ((_READERS - 1) // _PACES[0])
    most = max(slow.by_reader.values())
    return [
        Row(
            f"{_READERS} recipients told, Slack takes {pace} posts a minute",
            f"{len(slow.by_reader)} people, the last after {span(slow.taken)}, at most {most} message each",
            "≤ 3:00, 1 message each",
            judged(slow.taken <= 180 and len(slow.by_reader) == _READERS and most == 1),
            floor=f"Slack's pace: {span(floor)}",
            ratio=f"{slow.taken / floor:.2f} ×",
        ),
        Row(
            f"the same, Slack takes {_PACES[1]} posts a minute",
            f"the last after {span(quick.taken)} and {quick.worked:.1f} s of our own work",
        ),
    ]


async def _told_all(databases: Databases, *, per_minute: int) -> Round:
    async with _office(databases) as office:
        dying, _ = await office.has_team(2)
        await _looked_after_by(office, _READERS)
        office.town.slack.core.tiers.per_minute["chat.postMessage"] = per_minute
        await office.driver.break_("tiers")
        seen, worked = await office.last_call(), [0.0]
        office.host.dead.add(dying)
        for _ in range(600):
            began = perf_counter()
            await office.passes(1.0)
            worked.append(perf_counter() - began)
        posted = await office.said("chat.postMessage", since=seen)
        opened = await _opened(office, dying)
    taken = max(_seconds(opened, call) for call in posted)
    return Round(taken, max(worked), Counter(map(_reader, posted)))


async def _looked_after_by(office: Office, count: int) -> None:
    """So many people are told of outages: Omar, and the others by account access."""
    others = await office.driver.add_people(count - 1)
    async with office.storage.writing() as uow:
        await uow.roles.give(ACME, Role.SUPER_ADMIN, OMAR, by=OMAR, at=office.now)
        for person in others:
            await uow.roles.give(ACME, Role.ACCOUNT_ACCESS, person, by=OMAR, at=office.now)
        await uow.commit()
    await office.services.people.read_all()
    await office.passes(_TEAM)


async def _opened(office: Office, address: str) -> datetime:
    """When the outage became certain."""
    async with office.storage.reading() as uow:
        channel = await uow.channels.at_address(ACME, address)
        incident = await uow.incidents.latest_of(channel.id) if channel else None
    assert incident is not None, f"no outage of {address}"
    return incident.opened_at


# --- an outage that looks like the end


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of the outage."""

    channels: int
    early: int
    """Messages, new or edited, that sent somebody to reconnect within the first quarter of an hour."""
    most: int
    """Messages that one person got."""
    readers: int
    unwell: int
    """Mailboxes that were not connected some time after the end."""


async def _replayed(databases: Databases, channels: int) -> Row:
    after = _AFTER if channels > 2 else _ALONE_AFTER
    async with _office(databases) as office:
        await office.has_team(channels)
        await office.passes(_TEAM)
        seen = await office.last_call()
        office.host.is_out = True
        await office.passes(_QUIET.total_seconds())
        early = [
            *await office.said("chat.postMessage", since=seen),
            *await office.said("chat.update", since=seen),
        ]
        await office.passes((_OUTAGE - _QUIET).total_seconds())
        office.host.is_out = False
        await office.passes(after.total_seconds())
        posted = Counter(map(_reader, await office.said("chat.postMessage", since=seen)))
        unwell = await office.unwell()
    most = max(posted.values(), default=0)
    told = sum(map(_sends_to_reconnect, early))
    return _replay_row(Replay(channels, told, most, len(posted), unwell), after)


def _replay_row(replay: Replay, after: timedelta) -> Row:
    figure = (
        f"{replay.early} told to reconnect in 15 min; {replay.readers} people got at most {replay.most} "
        f"message each; {replay.unwell} not connected {after.total_seconds() / 60:.0f} min after"
    )
    addresses = "1 team address" if replay.channels == 1 else f"{replay.channels:,} team addresses"
    return Row(
        f"outage of 1 March 2025 replayed, {addresses}",
        figure,
        "0 told to reconnect in 15 min, ≤ 1 message each",
        judged(replay.early == 0 and replay.most <= 1 and replay.unwell == 0),
    )


def _reader(call: dict[str, Any]) -> str:
    """Whoever it went to: named by themselves at first, then by their conversation, which is called alike."""
    return str(call["arguments"].get("channel"))[1:]


def _sends_to_reconnect(call: dict[str, Any]) -> bool:
    """In words, or by a button that stands out. A plain link in a message that says that it may be the
    provider's outage does not (docs/decisions/0007)."""
    blocks = call["arguments"].get("blocks") or []
    parsed = json.loads(blocks) if isinstance(blocks, str) else blocks
    buttons = [one for block in parsed for one in block.get("elements", []) if one.get("type") == "button"]
    return any(command in json.dumps(parsed, ensure_ascii=False) for command in _COMMANDS) or any(
        one["text"]["text"] in _LABELS and (one.get("style") == "primary" or "url" not in one)
        for one in buttons
    )


# --- the setting


@asynccontextmanager
async def _office(databases: Databases) -> AsyncIterator[Office]:
    spread = random.Random(_SEED)  # noqa: S311
    world = World(jitter=lambda: spread.uniform(-1, 1))
    async with an_office(databases.fresh("SQLite"), _OUTAGE_BEGAN, world) as office:
        yield office
