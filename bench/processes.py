"""Several processes on one PostgreSQL: what they look at together, beside what one of them does alone.

One rule: all mailboxes come due at the same instant, when all processes are ready; what counts is how long it
takes until each was looked at once, and what CPU it took the processes. Server, stand-in provider and
processes share this machine's cores: the ratio says how far they get here, the CPU per look what they would
cost where there are more.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import aiohttp
from sqlalchemy import create_engine

from bench.children import announced, free_port, migrated, the_bot
from bench.databases import Databases
from bench.figures import Row, judged
from bench.load import Filling
from bench.options import Options
from bench.setting import environment
from storage.engine import sync_url

PROCESSES: Final = 3
_WITHIN: Final = 300
_AT_ONCE: Final = timedelta(seconds=0.2)


@dataclass(frozen=True, slots=True)
class Looks:
    """What so many processes did."""

    a_second: float
    cpu: float
    """Milliseconds of the processes' own CPU for each."""
    number: int


async def measure(options: Options, databases: Databases) -> list[Row]:
    count = 5 * options.crowd
    alone = await _looks(databases.fresh("PostgreSQL"), count, processes=1)
    together = await _looks(databases.fresh("PostgreSQL"), count, processes=PROCESSES)
    what, ratio = f"{PROCESSES} processes, {count:,} mailboxes due at once", together.cpu / alone.cpu
    return [
        Row(
            f"{what}: looks a second on {os.cpu_count()} cores",
            f"{together.a_second:.0f} ({together.number:,} looks)",
            "≥ 2.4 × where the server has cores of its own",
            judged(together.a_second >= 2.4 * alone.a_second),
            floor=f"one: {alone.a_second:.0f}",
            ratio=f"{together.a_second / alone.a_second:.2f} ×",
        ),
        Row(
            f"{what}: the processes' CPU a look",
            f"{together.cpu:.2f} ms",
            "≤ 1.25 ×",
            judged(ratio <= 1.25),
            floor=f"one: {alone.cpu:.2f} ms",
            ratio=f"{ratio:.2f} ×",
        ),
    ]


async def _looks(url: str, count: int, *, processes: int) -> Looks:
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
        filling = Filling(team=0, personal=count, every=_AT_ONCE)
        await asyncio.to_thread(filling.write, create_engine(sync_url(url)))
        before, began, looked = _cpu(pids), perf_counter(), 0
        while looked < count and perf_counter() - began < _WITHIN:
            await asyncio.sleep(0.1)
            looked = (await _report(session, there))["asked"].get("token", 0)
        seconds = perf_counter() - began
        return Looks(looked / seconds, (_cpu(pids) - before) / max(looked, 1) * 1000, looked)


async def _report(session: aiohttp.ClientSession, there: str) -> dict[str, Any]:
    async with session.get(f"{there}/report") as answer:
        found: dict[str, Any] = await answer.json()
    return found


def _cpu(pids: list[int]) -> float:
    """Seconds that these processes have spent on a CPU, in all their threads."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
