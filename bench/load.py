"""Under load: fifty admins, very many channels, everybody at once. Real processes, databases and time.

One rule: each figure stands beside that of another build, which ``--before`` names by its folder (a worktree
of an earlier commit), taken in the same run on a database filled alike. What a build makes of its tables is
its own matter: rows are written as far as it has columns for them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from itertools import cycle
from math import inf
from pathlib import Path
from time import perf_counter, time
from typing import Any, Final

import aiohttp
from sqlalchemy import Engine, MetaData, create_engine, func, select

from bench.children import announced, environment, free_port, migrated, the_bot
from bench.crowd import ADMINS, MEMBERS, person_id
from bench.databases import KEY, KINDS, NEVER, OWNER, WORKSPACE, Databases, rows_of
from bench.figures import Latency, Options, Row, judged, quantile
from bench.hammer import event, form_of, signed
from storage import Cipher
from storage.engine import sync_url
from storage.tables import person, probe
from tests.storage.crowd import add_crowd

_TEAM_EVERY: Final = timedelta(seconds=60)
_ROWS: Final = 2_000
_PING_EVERY: Final = 0.01
_ASKED: Final = 20
_HOME_WITHIN: Final = 1_000
"""So many looks, a hundredth of a second apart."""
_JUDGED_WITHIN: Final = 480
"""Seconds: a look, five minutes, another look, and time to tell."""
_A_MILLION: Final = 1_000_000
_APOLOGIES: Final = ("cannot reach its database", "is busy")
_LATER: Final = "One moment, please"
"""The answer itself comes as a message of its own."""
NOW: Final = "now"
BEFORE: Final = "before"


@dataclass(frozen=True, slots=True)
class Build:
    """A commit's working tree."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """To a command."""

    after: float
    """Seconds."""
    text: str


@dataclass(frozen=True)
class Served:
    """One build at work on one database, and the world outside."""

    build: Build
    engine: Engine
    port: int
    pid: int
    outside: str
    session: aiohttp.ClientSession
    started_after: float
    """Seconds until it was ready."""

    async def ask(self, text: str, *, user: str = OWNER) -> float:
        """Seconds until a command was acknowledged."""
        return (await self.answer(text, user=user)).after

    async def answer(self, text: str, *, user: str = OWNER) -> Answer:
        """What a command was acknowledged with, and when."""
        began = perf_counter()
        body, headers = command_of(text, user)
        async with self.session.post(self._events, data=body, headers=headers) as answer:
            said = await answer.text()
            answer.raise_for_status()
        return Answer(perf_counter() - began, said)

    async def opens_home(self, user: str) -> int:
        """The status with which Slack is answered."""
        body, headers = event({"type": "app_home_opened", "user": user, "tab": "home"})
        async with self.session.post(self._events, data=body, headers=headers) as answer:
            return answer.status

    async def draws_home(self, user: str) -> float:
        """Seconds from opening Home to the view that Slack is given."""
        before, began = (await self.report())["homes"], time()
        await self.opens_home(user)
        for _ in range(_HOME_WITHIN):
            told = await self.report()
            if told["homes"] > before:
                return float(told["drawn"]) - began
            await asyncio.sleep(_PING_EVERY)
        raise TimeoutError("Home was not drawn")

    async def tell_outside(self, what: str, **wanted: object) -> None:
        async with self.session.post(f"{self.outside}/control/{what}", json=wanted) as answer:
            answer.raise_for_status()

    async def report(self) -> dict[str, Any]:
        async with self.session.get(f"{self.outside}/control/report") as answer:
            found: dict[str, Any] = json.loads(await answer.read())
        return found

    @property
    def megabytes(self) -> float:
        """Resident memory of the bot."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    @property
    def loop_ms(self) -> float:
        """Milliseconds that the bot's main thread, which runs its event loop, has spent on a CPU."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e6

    @asynccontextmanager
    async def pinged(self) -> AsyncIterator[list[float]]:
        """How long the event loop kept a ping waiting, ever again, while the block lasts."""
        waits: list[float] = []

        async def go_on() -> None:
            while True:
                began = perf_counter()
                async with self.session.get(f"http://127.0.0.1:{self.port}/healthz") as answer:
                    await answer.read()
                waits.append(perf_counter() - began)
                await asyncio.sleep(_PING_EVERY)

        task = asyncio.create_task(go_on())
        try:
            yield waits
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def _events(self) -> str:
        return f"http://127.0.0.1:{self.port}/slack/events"


def command_of(text: str, user: str) -> tuple[bytes, Mapping[str, str]]:
    form = form_of(0, text, user=user)
    return form, {**signed(form), "Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def served(build: Build, url: str, people: Filling | Million) -> AsyncIterator[Served]:
    """``build`` on a database of its own, filled, with nothing due yet but what ``people`` says."""
    async with announced("bench.crowd") as outside, aiohttp.ClientSession() as session:
        port = free_port()
        settings = environment(url, outside=outside, port=port)
        await migrated(settings, folder=build.folder)
        engine = create_engine(sync_url(url))
        await asyncio.to_thread(people.write, engine)
        async with the_bot(settings, port, folder=build.folder) as started:
            there = f"http://127.0.0.1:{outside}"
            yield Served(build, engine, port, started.pid, there, session, started.after)
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Filling:
    """How many channels there are. The first ``team`` of them are the team's."""

    team: int
    personal: int
    is_watched: bool = True
    """Else nothing is due for years."""
    every: timedelta = _TEAM_EVERY
    """Within this time team addresses come due, personal inboxes within five times as long."""

    def write(self, engine: Engine) -> None:
        """By whatever tables there are."""
        known, now = MetaData(), datetime.now(UTC)
        known.reflect(engine)
        cipher = Cipher([KEY])
        with engine.begin() as connection:
            for rows in (self._people(now), *self._channels(now, cipher)):
                for name, values in rows.items():
                    columns = known.tables[name].columns
                    kept = [{k: _plain(engine, v) for k, v in it.items() if k in columns} for it in values]
                    connection.execute(known.tables[name].insert(), kept)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")

    def _people(self, now: datetime) -> dict[str, list[dict[str, Any]]]:
        flags = {"is_guest": False, "is_bot": False, "is_deleted": False}
        rows = []
        for number in range(ADMINS + MEMBERS):
            key = person_id(number)
            email = f"{key.lower()}@acme.example"
            who = {"id": key, "name": key, "email": email, "email_key": email, "is_owner": number < ADMINS}
            rows.append({"workspace_id": WORKSPACE, "locale": "en-US", "read_at": now, **flags, **who})
        return {"person": rows}

    def _channels(self, now: datetime, cipher: Cipher) -> list[dict[str, list[dict[str, Any]]]]:
        total = self.team + self.personal
        return [
            rows_of(
                range(first, min(first + _ROWS, total)),
                now=now,
                cipher=cipher if self.is_watched else None,
                due=(timedelta(), self.every) if self.is_watched else (NEVER, timedelta()),
                total=total,
                team=self.team,
            )
            for first in range(0, total, _ROWS)
        ]


@dataclass(frozen=True, slots=True)
class Million:
    """So many channels and as many people, and all that grows beside them, by the database itself. None has
    a grant that opens, so none is looked at."""

    size: int

    def write(self, engine: Engine) -> None:
        url, now = engine.url.render_as_string(hide_password=False), datetime.now(UTC)
        asyncio.run(add_crowd(url, WORKSPACE, now, size=self.size))
        flags = {"is_owner": True, "is_guest": False, "is_bot": False, "is_deleted": False}
        rows = []
        for number in range(ADMINS):
            key = person_id(number)
            email = f"{key.lower()}@acme.example"
            who = {"id": key, "name": key, "email": email, "email_key": email, "locale": "en-US"}
            rows.append({"workspace_id": WORKSPACE, "read_at": now, **who, **flags})
        with engine.begin() as connection:
            connection.execute(probe.delete())
            connection.execute(person.insert(), rows)


def _plain(engine: Engine, value: Any) -> Any:
    """As a reflected table takes it: SQLite holds instants as whole microseconds."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime) and engine.dialect.name == "sqlite":
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return value


# --- what is measured


async def refused_at_once(served_: Served, filling: Filling, *, seconds: float) -> dict[str, float]:
    """Every team address loses its grant within a minute, and fifty people read of it."""
    await served_.tell_outside("reset", tiers=True)
    await served_.tell_outside("kill", first=0, count=filling.team, within=60)
    began, found_after, lateness, peak = time(), seconds, 0.0, 0.0
    asked: list[float] = []
    while time() - began < seconds:
        asked.append(await served_.ask("list"))
        await asyncio.sleep(1)
        found, late = await asyncio.to_thread(_found_and_late, served_.engine)
        peak = max(peak, served_.megabytes)
        if time() - began > 60:
            lateness = max(lateness, late)
        if found >= filling.team:
            found_after = time() - began
            break
    told = await served_.report()
    opened = await asyncio.to_thread(_hold_opened, served_.engine)
    posts = sorted(told["posted"].values())
    return {
        "found after": found_after,
        "hold after": opened - began if opened else seconds,
        "told": len(posts),
        "told within": posts[-1] - opened if posts and opened else seconds,
        "late by": lateness,
        "silences": told["silences"],
        "MiB": peak,
        "p99": Latency.of(asked).p99,
    }


def _found_and_late(engine: Engine) -> tuple[int, float]:
    known = MetaData()
    known.reflect(engine, only=["channel", "probe"])
    channel, probe = known.tables["channel"], known.tables["probe"]
    now = datetime.now(UTC)
    with engine.connect() as connection:
        ill = select(func.count()).where(channel.c.kind == "team", channel.c.state != "connected")
        found = int(connection.execute(ill).scalar() or 0)
        due = connection.execute(select(func.min(probe.c.due_at))).scalar()
    due = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=due) if isinstance(due, int) else due
    return found, max((now - due).total_seconds(), 0.0) if due else 0.0


def _hold_opened(engine: Engine) -> float | None:
    """When the first mass refusal began, in seconds since the epoch."""
    known = MetaData()
    known.reflect(engine, only=["hold"])
    with engine.connect() as connection:
        opened = connection.execute(select(func.min(known.tables["hold"].c.opened_at))).scalar()
    return None if opened is None else _epoch(opened)


async def one_a_second(served_: Served, *, count: int) -> dict[str, float]:
    """Team addresses die one a second; how long until each is counted in everybody's message, from its death
    on and from when it counted as disconnected. That many at a time are looked at a second time after five
    minutes only: they might be an outage."""
    await served_.tell_outside("reset", tiers=True)
    await served_.tell_outside("kill", first=0, count=count, within=count)
    began, of_verdict, of_death = time(), list[float](), list[float]()
    while time() - began < count + _JUDGED_WITHIN and len(of_verdict) < count:
        await asyncio.sleep(10)
        told = await served_.report()
        opened = await asyncio.to_thread(_incidents_opened, served_.engine)
        all_told = [_counted_by_all(told["counted"], number) for number in range(1, len(opened) + 1)]
        known = [(at, when, it) for at, (when, it) in zip(all_told, opened, strict=True) if at < inf]
        of_verdict = sorted(at - when for at, when, _ in known)
        of_death = sorted(at - told["died"][it] for at, _, it in known if it in told["died"])
    return {
        "told": len(of_verdict),
        "disconnected": len(opened),
        "p50": quantile(of_death or [inf], 0.5),
        "p99": quantile(of_death or [inf], 0.99),
        "p50 after": quantile(of_verdict or [inf], 0.5),
        "p99 after": quantile(of_verdict or [inf], 0.99),
        "worst after": max(of_verdict, default=inf),
        "rings": told["rings"],
        "twice": told["twice"],
    }


def _counted_by_all(counted: Mapping[str, list[tuple[float, int]]], number: int) -> float:
    """When every reader's messages counted so many."""
    first = [min((at for at, n in its if n >= number), default=inf) for its in counted.values()]
    return max(first) if len(first) >= ADMINS else inf


def _incidents_opened(engine: Engine) -> list[tuple[float, str]]:
    """When each address was called disconnected, in seconds since the epoch, one after the other."""
    known = MetaData()
    known.reflect(engine, only=["channel", "incident"])
    channel, incident = known.tables["channel"], known.tables["incident"]
    joined = incident.join(channel, channel.c.id == incident.c.channel_id)
    with engine.connect() as connection:
        rows = connection.execute(select(channel.c.address, incident.c.opened_at).select_from(joined))
        return sorted((_epoch(at), address) for address, at in rows)


def _epoch(at: Any) -> float:
    """SQLite holds instants as whole microseconds."""
    return at / 1_000_000 if isinstance(at, int) else float(at.timestamp())


@dataclass(frozen=True, slots=True)
class Cost:
    """What one of a command's answers costs."""

    p99: float
    """Milliseconds on the wall."""
    loop: float
    """Milliseconds of the event loop's own CPU, whoever else is at work on the machine."""
    ping: float
    """The longest wait of a ping beside it, in milliseconds."""


async def at_size(served_: Served, some: str) -> dict[str, Cost]:
    """By what is asked for. ``some`` is one of the addresses."""
    await served_.tell_outside("reset", tiers=False)
    asked = {
        "status": f"status {some}",
        "typo": f"status {some.replace('person', 'persom')}",
        "permissions": "permissions",
        "why": f"why {some}",
    }
    admins = cycle(map(person_id, range(ADMINS)))  # one that has not changed is not drawn again
    shown = {"list": await _timed(served_, lambda: served_.ask("list", user=next(admins)))}
    shown |= {name: await _timed(served_, partial(served_.ask, text)) for name, text in asked.items()}
    shown["Home"] = await _timed(served_, lambda: served_.draws_home(next(admins)))
    return shown


async def _timed(served_: Served, ask: Callable[[], Awaitable[float]]) -> Cost:
    await ask()
    before = served_.loop_ms
    taken = [await ask() for _ in range(_ASKED)]
    loop = (served_.loop_ms - before) / _ASKED
    async with served_.pinged() as waits:
        for _ in range(_ASKED):
            await ask()
    return Cost(Latency.of(taken).p99, loop, max(waits, default=0.0) * 1000)


async def home_for_all(served_: Served, people: int) -> dict[str, float]:
    """A thousand people open Home within ten seconds."""
    await served_.tell_outside("reset", tiers=False)
    began = perf_counter()
    opened = []
    for number in range(people):
        opened.append(asyncio.create_task(served_.opens_home(person_id(ADMINS + number))))
        await asyncio.sleep(max(0.0, began + 10 * (number + 1) / people - perf_counter()))
    answers = await asyncio.gather(*opened)
    for _ in range(60):
        drawn = (await served_.report())["homes"]
        if drawn >= people:
            break
        await asyncio.sleep(1)
    return {"refused": sum(status != 200 for status in answers), "drawn": drawn}


async def a_hundred_at_once(served_: Served, *, seconds: float) -> dict[str, float]:
    """A hundred people ask all the time, beside mailboxes that are looked at as fast as they come due."""
    await served_.tell_outside("reset", tiers=False)
    await asyncio.sleep(seconds)
    idle = (await served_.report())["asked"].get("token", 0) / seconds
    await served_.tell_outside("reset", tiers=False)
    texts = ("list", "help", "status person7@acme.example", "status persom7@acme.example", "permissions")
    until, taken = perf_counter() + seconds, list[float]()
    apologies = later = 0

    async def asker(number: int) -> None:
        nonlocal apologies, later
        while perf_counter() < until:
            answer = await served_.answer(texts[number % len(texts)])
            taken.append(answer.after)
            apologies += any(words in answer.text for words in _APOLOGIES)
            later += _LATER in answer.text

    await asyncio.gather(*(asker(number) for number in range(100)))
    busy = (await served_.report())["asked"].get("token", 0) / seconds
    shown = Latency.of(taken)
    return {
        "answers": len(taken),
        "p50": shown.p50,
        "p99": shown.p99,
        "over 3 s": sum(it > 3 for it in taken),
        "apologies": apologies,
        "later": later,
        "share": busy / idle if idle else 0.0,
    }


# --- the table


async def measure(options: Options, databases: Databases) -> list[Row]:
    rows: list[Row] = []
    for scenario in SCENARIOS:
        rows += await scenario(options, databases)
    return rows


def builds(options: Options) -> tuple[Build, ...]:
    """The one to compare with first, if there is one."""
    here = Build(NOW, Path(__file__).resolve().parent.parent)
    return (Build(BEFORE, Path(options.before)), here) if options.before else (here,)


async def _each(
    options: Options,
    databases: Databases,
    kind: str,
    filling: Filling,
    work: Callable[[Served], Awaitable[Any]],
) -> dict[str, Any]:
    """What ``work`` finds, by build, each on a database of its own."""
    found: dict[str, Any] = {}
    for build in builds(options):
        async with served(build, databases.fresh(kind), filling) as it:
            found[build.name] = await work(it)
    return found


async def _mass(options: Options, databases: Databases) -> list[Row]:
    filling = Filling(team=options.crowd, personal=2 * options.crowd)
    rows = []
    for kind in KINDS:
        found = await _each(
            options, databases, kind, filling, lambda it: refused_at_once(it, filling, seconds=360)
        )
        now, before = found[NOW], found.get(BEFORE, {})
        for name, target, is_reached in (
            ("found after", "≤ 240 s", now["found after"] <= 240),
            ("hold after", "≤ 120 s", now["hold after"] <= 120),
            ("told", f"{ADMINS}", now["told"] == ADMINS),
            ("told within", "≤ 60 s", now["told within"] <= 60),
            ("late by", "≤ 30 s", now["late by"] <= 30),
            ("silences", "0", not now["silences"]),
            ("MiB", "≤ 180", now["MiB"] <= 180),
            ("p99", "≤ 300 ms", now["p99"] <= 300),
        ):
            what = f"{filling.team} refused within a minute, {ADMINS} admins, {kind}: {name}"
            rows.append(_row(what, now[name], before.get(name), target, is_reached))
    return rows


async def _deaths(options: Options, databases: Databases) -> list[Row]:
    count = max(options.crowd // 5, 1)
    filling = Filling(team=options.crowd, personal=options.crowd)
    rows: list[Row] = []
    for kind in KINDS:
        found = await _each(options, databases, kind, filling, lambda it: one_a_second(it, count=count))
        now, before = found[NOW], found.get(BEFORE, {})
        what = f"{count} deaths at one a second, {ADMINS} admins, {kind}: "
        rows += [
            _row(what + "counted for all", now["told"], before.get("told"), f"{count}", now["told"] >= count),
            _row(what + "posts that tell twice", now["twice"], before.get("twice"), "0", not now["twice"]),
            _row(what + "posts to each", now["rings"], before.get("rings"), "≤ 9", now["rings"] <= 9),
            *(
                _row(what + f"{name} seconds", now[name], before.get(name), target, now[name] <= most)
                for name, target, most in (
                    ("p99", "≤ 480", 480),
                    ("p50 after", "≤ 60 once disconnected", 60),
                    ("p99 after", "≤ 60 once disconnected", 60),
                )
            ),
        ]
    return rows


async def _sizes(options: Options, databases: Databases) -> list[Row]:
    if options.million:
        return [row for kind in reversed(KINDS) for row in await _at_a_million(databases, kind)]
    number = 50 * options.crowd
    filling = Filling(team=number // 100, personal=number - number // 100, is_watched=False)
    some = f"person{number // 2}@acme.example"
    found = await _each(options, databases, "PostgreSQL", filling, lambda it: at_size(it, some))
    rows = []
    for name, cost in found[NOW].items():
        what = f"{name} at {number:,} channels, PostgreSQL"
        rows += _size_rows(what, cost, found.get(BEFORE, {}).get(name))
    return rows


async def _at_a_million(databases: Databases, kind: str) -> list[Row]:
    """No build before: it would take hours."""
    [here] = builds(Options())
    async with served(here, databases.fresh(kind), Million(_A_MILLION)) as it:
        after, megabytes = it.started_after, it.megabytes
        found = await at_size(it, f"person{_A_MILLION // 2}@crowd.example")
    what = f"{_A_MILLION:,} channels, {kind}"
    start = (
        _row(f"start at {what}: seconds", after, None, "≤ 4 s", after <= 4),
        _row(f"start at {what}: MiB", megabytes, None, "≤ 200", megabytes <= 200),
    )
    return [*start, *(row for name in found for row in _size_rows(f"{name} at {what}", found[name], None))]


def _size_rows(what: str, now: Cost, was: Cost | None) -> list[Row]:
    return [
        _row(f"{what}: p99 ms", now.p99, was.p99 if was else None, "≤ 150 ms", now.p99 <= 150),
        _row(f"{what}: event loop's CPU ms", now.loop, was.loop if was else None, "≤ 20 ms", now.loop <= 20),
        _row(f"{what}: longest ping ms", now.ping, was.ping if was else None, "≤ 40 ms", now.ping <= 40),
    ]


async def _homes(options: Options, databases: Databases) -> list[Row]:
    filling = Filling(team=100, personal=1_000, is_watched=False)
    found = await _each(options, databases, "SQLite", filling, lambda it: home_for_all(it, MEMBERS))
    now, before = found[NOW], found.get(BEFORE, {})
    return [
        _row(
            "1,000 open Home within 10 s: refused",
            now["refused"],
            before.get("refused"),
            "0",
            not now["refused"],
        ),
        _row(
            "1,000 open Home within 10 s: drawn",
            now["drawn"],
            before.get("drawn"),
            "1000",
            now["drawn"] >= 1_000,
        ),
    ]


async def _mixed(options: Options, databases: Databases) -> list[Row]:
    filling = Filling(team=200, personal=10 * options.crowd)
    rows: list[Row] = []
    for kind in KINDS:
        found = await _each(options, databases, kind, filling, lambda it: a_hundred_at_once(it, seconds=20))
        now, before = found[NOW], found.get(BEFORE, {})
        what = f"100 ask at once beside {10 * options.crowd:,} probed, {kind}: "
        rows += [
            _row(what + name, now[name], before.get(name), target, is_reached)
            for name, target, is_reached in (
                ("over 3 s", "0", not now["over 3 s"]),
                ("apologies", "0", not now["apologies"]),
                ("share", "≥ 0.8 of idle", now["share"] >= 0.8),
            )
        ]
    return rows


def _row(what: str, now: float, before: float | None, target: str, is_reached: bool) -> Row:
    return Row(
        what,
        f"{now:.4g}",
        target,
        judged(is_reached),
        floor="—" if before is None else f"before: {before:.4g}",
        ratio=f"{now / before:.2f} ×" if before else "—",
    )


SCENARIOS: Final[tuple[Callable[[Options, Databases], Awaitable[list[Row]]], ...]] = (
    _homes,
    _sizes,
    _mixed,
    _mass,
    _deaths,
)
"""What is measured, one after the other. Others may be added from a file of their own."""
