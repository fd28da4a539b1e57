"""Processes that do nothing but look, on one PostgreSQL.

Several: all mailboxes come due at the same instant, when all processes are ready; what counts is how long it
takes until each was looked at once, and what CPU it took the processes. Server, stand-in provider and
processes share this machine's cores: the ratio says how far they get here, the CPU per look what they would
cost where there are more.

One, with a million mailboxes: at the pace of every day, minute after minute.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
from sqlalchemy import Engine, create_engine, func, select

from bench.children import announced, cpu_of, environment, free_port, migrated, the_bot
from bench.databases import Databases
from bench.figures import Options, Row, judged
from bench.load import Filling
from storage.engine import sync_url
from storage.tables import probe

PROCESSES: Final = (2, 3)
_WITHIN: Final = 300
_AT_ONCE: Final = timedelta(seconds=0.2)
_AT_LEAST: Final = {2: 1.7, 3: 2.4}
_A_MILLION: Final = 1_000_000
_EVERY: Final = timedelta(minutes=15)
"""As often as a million are looked at (decision 67)."""
_MOST_OF_A_CORE: Final = 0.45


@dataclass(frozen=True, slots=True)
class Looks:
    """What so many processes did."""

    number: int
    seconds: float
    cpu: float
    """Seconds of the processes' own CPU."""
    busy: float
    """Seconds that this machine's cores were busy: with the processes, the server, the stand-in."""

    @property
    def a_second(self) -> float:
        return self.number / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the processes' own CPU for each."""
        return self.cpu / max(self.number, 1) * 1000

    def __str__(self) -> str:
        """Who used the cores meanwhile: where nobody was idle, more processes cannot do more."""
        cores = self.seconds * (os.cpu_count() or 1)
        own, others = self.cpu / cores, (self.busy - self.cpu) / cores
        return f"cores: {own:.0%} the processes, {others:.0%} all else, {1 - own - others:.0%} idle"


async def measure(options: Options, databases: Databases) -> list[Row]:
    count = 5 * options.crowd
    alone = await _looks(databases.fresh("PostgreSQL"), count, processes=1)
    rows = []
    for processes in PROCESSES:
        together = await _looks(databases.fresh("PostgreSQL"), count, processes=processes)
        what, ratio = (
            f"{processes} processes, {count:,} mailboxes due at once",
            together.cpu_ms / alone.cpu_ms,
        )
        wanted = _AT_LEAST[processes]
        rows += [
            Row(
                f"{what}: looks a second on {os.cpu_count()} cores",
                f"{together.a_second:.0f} ({together})",
                f"≥ {wanted} × where the server has cores of its own",
                judged(together.a_second >= wanted * alone.a_second),
                floor=f"one: {alone.a_second:.0f} ({alone})",
                ratio=f"{together.a_second / alone.a_second:.2f} ×",
            ),
            Row(
                f"{what}: the processes' CPU a look",
                f"{together.cpu_ms:.2f} ms",
                "≤ 1.25 ×",
                judged(ratio <= 1.25),
                floor=f"one: {alone.cpu_ms:.2f} ms",
                ratio=f"{ratio:.2f} ×",
            ),
        ]
    return rows


async def steady(options: Options, databases: Databases) -> list[Row]:
    """A million mailboxes for as many minutes as were asked for; else nothing. Filling takes minutes, too."""
    if not options.minutes:
        return []
    filling = Filling(team=0, personal=_A_MILLION, every=_EVERY / 5)
    async with _bots(databases.fresh("PostgreSQL"), processes=1) as bots:
        await asyncio.to_thread(filling.write, bots.engine)
        await asyncio.sleep(60)  # until caches are warm and what came due while it was filled is done
        looks = await bots.looked(asyncio.sleep(60 * options.minutes))
        memory, late = bots.megabytes, await asyncio.to_thread(_late, bots.engine)
    pace, share = _A_MILLION / _EVERY.total_seconds(), looks.cpu / looks.seconds
    # What came due together when they were filled in is looked at faster than that, some rounds long.
    at_pace = share * pace / max(looks.a_second, pace)
    return [
        Row(
            f"{_A_MILLION:,} mailboxes on PostgreSQL, {options.minutes} minutes: share of a core",
            f"{share:.0%} for {looks.a_second:.0f} looks/s, {at_pace:.0%} at {pace:.0f}, {memory:.0f} MiB, "
            f"{late:.0f} s late ({looks})",
            f"≤ {_MOST_OF_A_CORE:.0%} at {pace:.0f} looks/s",
            judged(at_pace <= _MOST_OF_A_CORE and looks.a_second >= 0.98 * pace),
        )
    ]


@dataclass(frozen=True, slots=True)
class _Bots:
    """Processes at work on one database."""

    pids: list[int]
    engine: Engine
    session: aiohttp.ClientSession
    outside: str

    @property
    def megabytes(self) -> float:
        """What they hold together."""
        status = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids]
        return sum(int(it.partition("VmRSS:")[2].split()[0]) for it in status) / 1024

    @property
    def cpu(self) -> float:
        """Seconds that they have computed together."""
        return sum(map(cpu_of, self.pids))

    async def looks(self) -> int:
        """How many there were so far."""
        async with self.session.get(f"{self.outside}/report") as answer:
            report = await answer.json()
        return int(report["asked"].get("token", 0))

    async def looked(self, meanwhile: Awaitable[None]) -> Looks:
        """What they do until something else is over."""
        number, cpu, busy, began = await self.looks(), self.cpu, _busy(), perf_counter()
        await meanwhile
        seconds, cpu, busy = perf_counter() - began, self.cpu - cpu, _busy() - busy
        return Looks(await self.looks() - number, seconds, cpu, busy)

    async def until(self, count: int) -> None:
        """Until there were so many looks, or too long has passed."""
        began, looked = perf_counter(), 0
        while looked < count and perf_counter() - began < _WITHIN:
            await asyncio.sleep(0.1)
            looked = await self.looks()


@asynccontextmanager
async def _bots(url: str, *, processes: int) -> AsyncIterator[_Bots]:
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(announced("bench.crowd"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        settings = [environment(url, outside=outside, port=free_port()) for _ in range(processes)]
        await migrated(settings[0])
        pids = [
            (await stack.enter_async_context(the_bot(it, int(it["INBOXKEEPER_PORT"])))).pid for it in settings
        ]
        there = f"http://127.0.0.1:{outside}/control"
        async with session.post(f"{there}/reset", json={"tiers": False}) as answer:
            answer.raise_for_status()
        yield _Bots(pids, create_engine(sync_url(url)), session, there)


def _late(engine: Engine) -> float:
    """Seconds since the look that is due longest should have been."""
    with engine.connect() as connection:
        due_at = connection.execute(select(func.min(probe.c.due_at))).scalar_one()
    return float(max((datetime.now(UTC) - due_at).total_seconds(), 0.0))


async def _looks(url: str, count: int, *, processes: int) -> Looks:
    filling = Filling(team=0, personal=count, every=_AT_ONCE)
    async with _bots(url, processes=processes) as bots:
        await asyncio.to_thread(filling.write, bots.engine)
        return await bots.looked(bots.until(count))


def _busy() -> float:
    """Seconds that this machine's cores have been busy, whoever with."""
    user, nice, system, _idle, _waiting, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")
