"""How fast mailboxes are looked at, end to end, beside a loop that only sends the same requests."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Final

import aiohttp

from bench.children import announced
from bench.databases import KINDS, Databases
from bench.figures import Options, Row, judged
from bench.working import Working, working
from bot.services.monitoring.probes import AT_ONCE
from providers.http_client import http_session

MAILBOXES: Final = 1_500
_AT_LEAST: Final = 1.1
_MOST_CPU: Final = 0.30
"""Milliseconds of this process for one look."""
_A_DAY: Final = 86_400 / 300
"""Probes of a personal inbox a day, at the default cadence."""
_FLOOR: Final = "floor"


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at every mailbox."""

    per_second: float
    cpu_ms: float
    """Of this process, per mailbox."""
    rows: float = 0.0
    transactions: float = 0.0


async def measure(options: Options, databases: Databases) -> list[Row]:
    passes: dict[str, list[Pass]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(announced("bench.outside"))
        session = await stack.enter_async_context(http_session())
        crowds = {
            kind: await stack.enter_async_context(
                working(databases.fresh(kind), outside=outside, due=MAILBOXES)
            )
            for kind in KINDS
        }
        await _bare(session, outside)
        for crowd in crowds.values():
            await crowd.probe_everything()
        for _ in range(options.runs):
            passes[_FLOOR].append(await _timed(lambda: _bare(session, outside)))
            for kind, crowd in crowds.items():
                passes[kind].append(await _counted(crowd))
    return [
        *(_rate(passes, kind) for kind in KINDS),
        *(_cpu(passes, kind) for kind in KINDS),
        *(_a_day(passes[kind], kind) for kind in KINDS),
    ]


async def _bare(session: aiohttp.ClientSession, outside: int) -> int:
    """The same requests, as many at once, and nothing else."""
    gate, there = asyncio.Semaphore(AT_ONCE), f"http://127.0.0.1:{outside}"
    form = {
        "grant_type": "refresh_token",
        "refresh_token": f"1//refresh-token-of-about-the-usual-length-{0:040d}",
        "client_id": "1234567890-bench.apps.googleusercontent.com",
        "client_secret": "GOCSPX-bench-secret-0000000000",
    }

    async def one() -> None:
        async with gate:
            async with session.post(f"{there}/token", data=form) as answer:
                token = (await answer.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{there}/gmail/v1/users/me/labels?fields=labels(id)"
            async with session.get(url, headers=headers) as answer:
                await answer.json()

    await asyncio.gather(*(one() for _ in range(MAILBOXES)))
    return MAILBOXES


async def _timed(work: Callable[[], Awaitable[int]]) -> Pass:
    began, cpu = perf_counter(), process_time()
    done = await work()
    assert done == MAILBOXES, f"{done} of {MAILBOXES} were due"
    return Pass(done / (perf_counter() - began), (process_time() - cpu) * 1000 / done)


async def _counted(crowd: Working) -> Pass:
    written = crowd.written
    rows, transactions = written.rows, written.transactions
    took = await _timed(crowd.probe_everything)
    return Pass(
        took.per_second,
        took.cpu_ms,
        (written.rows - rows) / MAILBOXES,
        (written.transactions - transactions) / MAILBOXES,
    )


def _rate(passes: dict[str, list[Pass]], kind: str) -> Row:
    floor = median(one.per_second for one in passes[_FLOOR])
    got = median(one.per_second for one in passes[kind])
    # Neighbours on the machine change from run to run: each run is compared with its own floor.
    pairs = zip(passes[kind], passes[_FLOOR], strict=True)
    ratio = median(mine.per_second / bare.per_second for mine, bare in pairs)
    return Row(
        f"refresh-probes end to end, {kind}",
        f"{got:.0f} mailboxes/s",
        f"≥ {_AT_LEAST} ×",
        judged(ratio >= _AT_LEAST),
        floor=f"bare aiohttp loop: {floor:.0f}/s",
        ratio=f"{ratio:.2f} ×",
    )


def _cpu(passes: dict[str, list[Pass]], kind: str) -> Row:
    """What neighbours on the machine change least. Of this process alone: no server's, no provider's."""
    floor = median(one.cpu_ms for one in passes[_FLOOR])
    got = median(one.cpu_ms for one in passes[kind])
    pairs = zip(passes[kind], passes[_FLOOR], strict=True)
    ratio = median(bare.cpu_ms / mine.cpu_ms for mine, bare in pairs)
    return Row(
        f"the same in CPU, {kind}",
        f"{got:.2f} ms of CPU a mailbox",
        f"≤ {_MOST_CPU:.2f} ms, ≥ {_AT_LEAST} ×",
        judged(ratio >= _AT_LEAST and got <= _MOST_CPU),
        floor=f"bare aiohttp loop: {floor:.2f} ms",
        ratio=f"{ratio:.2f} ×",
    )


def _a_day(passes: list[Pass], kind: str) -> Row:
    cpu = median(one.cpu_ms for one in passes) * _A_DAY
    rows = median(one.rows for one in passes) * _A_DAY
    transactions = median(one.transactions for one in passes) * _A_DAY
    return Row(
        f"per personal mailbox and day, {kind}",
        f"{2 * _A_DAY:.0f} requests, {rows:.0f} rows written in {transactions:.1f} transactions, "
        f"{cpu:.0f} CPU-ms",
    )
