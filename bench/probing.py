"""How fast mailboxes are looked at, end to end, beside a loop that only sends the same requests: over TLS, as
Google and Microsoft are asked, and over plain HTTP, which is what the rest costs."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True, slots=True)
class _Google:
    """Where the stand-in is, and whom to trust there."""

    url: str
    context: ssl.SSLContext | bool = True


async def measure(options: Options, databases: Databases) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="inboxkeeper-bench-") as folder:
        return [
            *await _over_tls(options, databases, Path(folder) / "authority.pem"),
            *await _over_http(options, databases),
        ]


async def _over_tls(options: Options, databases: Databases, trusted: Path) -> list[Row]:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(announced("bench.outside", "--tls", str(trusted)))
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(trusted)  # as an operator names an authority
        stack.callback(_put_back, before)
        google = _Google(f"https://localhost:{port}", ssl.create_default_context(cafile=str(trusted)))
        return _rows(await _passes(options, databases, google, stack), "TLS")


async def _over_http(options: Options, databases: Databases) -> list[Row]:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(announced("bench.outside"))
        google = _Google(f"http://127.0.0.1:{port}")
        passes = await _passes(options, databases, google, stack)
    return [*_rows(passes, "plain HTTP"), *(_a_day(passes[kind], kind) for kind in KINDS)]


def _put_back(before: str | None) -> None:
    if before is None:
        del os.environ["SSL_CERT_FILE"]
    else:
        os.environ["SSL_CERT_FILE"] = before


async def _passes(
    options: Options, databases: Databases, google: _Google, stack: AsyncExitStack
) -> dict[str, list[Pass]]:
    passes: dict[str, list[Pass]] = defaultdict(list)
    session = await stack.enter_async_context(http_session())
    crowds = {
        kind: await stack.enter_async_context(
            working(databases.fresh(kind), outside=1, google=google.url, due=MAILBOXES)
        )
        for kind in KINDS
    }
    await _bare(session, google)
    for crowd in crowds.values():
        await crowd.probe_everything()
    for _ in range(options.runs):
        passes[_FLOOR].append(await _timed(lambda: _bare(session, google)))
        for kind, crowd in crowds.items():
            passes[kind].append(await _counted(crowd))
    return passes


def _rows(passes: dict[str, list[Pass]], over: str) -> list[Row]:
    return [row for kind in KINDS for row in (_rate(passes, kind, over), _cpu(passes, kind, over))]


async def _bare(session: aiohttp.ClientSession, google: _Google) -> int:
    """The same requests, as many at once, and nothing else."""
    gate = asyncio.Semaphore(AT_ONCE)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": f"1//refresh-token-of-about-the-usual-length-{0:040d}",
        "client_id": "1234567890-bench.apps.googleusercontent.com",
        "client_secret": "GOCSPX-bench-secret-0000000000",
    }

    async def one() -> None:
        async with gate:
            url = f"{google.url}/token"
            async with session.post(url, data=form, ssl=google.context) as answer:
                token = (await answer.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{google.url}/gmail/v1/users/me/labels?fields=labels(id)"
            async with session.get(url, headers=headers, ssl=google.context) as answer:
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


def _rate(passes: dict[str, list[Pass]], kind: str, over: str) -> Row:
    floor = median(one.per_second for one in passes[_FLOOR])
    got = median(one.per_second for one in passes[kind])
    # Neighbours on the machine change from run to run: each run is compared with its own floor.
    pairs = zip(passes[kind], passes[_FLOOR], strict=True)
    ratio = median(mine.per_second / bare.per_second for mine, bare in pairs)
    return Row(
        f"refresh-probes end to end over {over}, {kind}",
        f"{got:.0f} mailboxes/s",
        f"≥ {_AT_LEAST} ×",
        judged(ratio >= _AT_LEAST),
        floor=f"bare aiohttp loop: {floor:.0f}/s",
        ratio=f"{ratio:.2f} ×",
    )


def _cpu(passes: dict[str, list[Pass]], kind: str, over: str) -> Row:
    """What neighbours on the machine change least. Of this process alone: no server's, no provider's."""
    floor = median(one.cpu_ms for one in passes[_FLOOR])
    got = median(one.cpu_ms for one in passes[kind])
    pairs = zip(passes[kind], passes[_FLOOR], strict=True)
    ratio = median(bare.cpu_ms / mine.cpu_ms for mine, bare in pairs)
    return Row(
        f"the same in CPU over {over}, {kind}",
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
