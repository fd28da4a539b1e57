"""What watching a HubSpot portal costs, and how soon people hear of a channel that it lost."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from aiohttp import web

from bench.databases import Databases
from bench.figures import Options, Row, judged, quantile, span
from sandbox.clock import SandboxClock
from sandbox.demo import HUBSPOT_TOKEN
from sandbox.hubspot import LocalHubSpot
from tests.stage import Stage, a_stage

_SEED: Final = 20250301
_CHANNELS: Final = 1_000
_MOST_REQUESTS: Final = 12
_MOST_CPU: Final = 150.0
"""Milliseconds."""
_EVERY: Final = 120
_STEP: Final = 5.0
_PATIENCE: Final = 3_600.0
_SOME: Final = 60


async def measure(options: Options, databases: Databases) -> list[Row]:
    kinds = ("SQLite", "PostgreSQL")
    rows = [await _cost(databases.fresh(kind), kind, looks=options.runs) for kind in kinds]
    return [*rows, await _delay(databases.fresh("SQLite"), samples=options.samples)]


async def _cost(url: str, kind: str, *, looks: int) -> Row:
    """A look at a portal in which nothing has changed, as almost all are."""
    with _elsewhere() as portal:
        for number in range(_CHANNELS - len(portal.hubspot.portal.mail())):
            portal.hubspot.portal.add(f"team{number}@acme.example", 101 + number % 3)
        async with a_stage(url, HUBSPOT_TOKEN=HUBSPOT_TOKEN, HUBSPOT_API_URL=portal.url) as stage:
            watch = stage.bot.services.hubspot_watch
            assert watch is not None
            await watch.run_due()  # the first one reads more, and writes all of it
            spent, asked = [], 0
            for _ in range(looks):
                stage.town.clock.advance(timedelta(seconds=_EVERY + 1))
                before, theirs = time.process_time(), portal.cpu()
                asked = portal.hubspot.portal.requests
                assert await watch.run_due() == 1
                asked = portal.hubspot.portal.requests - asked
                spent.append((time.process_time() - before - (portal.cpu() - theirs)) * 1000)
    return Row(
        f"a look at a HubSpot portal with {_CHANNELS:,} channels, {kind}",
        f"{asked} requests, {median(spent):.0f} ms of CPU (of {len(spent)})",
        f"≤ {_MOST_REQUESTS} requests, ≤ {_MOST_CPU:.0f} ms",
        judged(asked <= _MOST_REQUESTS and median(spent) <= _MOST_CPU),
    )


async def _delay(url: str, *, samples: int) -> Row:
    """From a field that flips to the first message about it, at any moment between two looks."""
    chance = random.Random(_SEED)  # noqa: S311  moments, not secrets
    told = []
    async with a_stage(url, hubspot=True) as stage:
        portal = stage.town.hubspot.portal
        for number in range(_SOME):
            portal.add(f"team{number}@acme.example", 102)
        await stage.passes(minutes=5)
        for number in range(samples):
            await stage.passes(seconds=600 + chance.uniform(0, 2 * _EVERY))
            address = f"team{number % _SOME}@acme.example"
            portal.change(address, authorized=False)
            told.append(await _until_posted(stage))
            portal.reconnect(address)
    told.sort()
    most = 2 * _EVERY + 10
    return Row(
        f"HubSpot loses a channel → DM posted, looked at every {_EVERY} s",
        f"p50 {span(quantile(told, 0.5))}, p99 {span(quantile(told, 0.99))} (of {len(told)})",
        f"p99 ≤ {span(most)}",
        judged(quantile(told, 0.99) <= most),
    )


async def _until_posted(stage: Stage) -> float:
    """Seconds on the simulated clock until the bot posts something."""
    began = stage.town.clock()
    calls = await stage.driver.calls()
    seen = int(calls[-1]["number"]) if calls else 0
    while (stage.town.clock() - began).total_seconds() < _PATIENCE:
        await stage.passes(seconds=_STEP)
        posted = [it for it in await stage.driver.calls("chat.postMessage", since=seen) if it["ok"]]
        if posted:
            return (datetime.fromisoformat(posted[0]["at"]) - began).total_seconds()
    raise TimeoutError("no message within an hour")


class _Elsewhere:
    """A HubSpot in a thread of its own, so that what it costs can be told apart."""

    def __init__(self) -> None:
        self.hubspot = LocalHubSpot(clock=SandboxClock.running(), token=HUBSPOT_TOKEN)
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cpu(self) -> float:
        """Seconds of CPU that its thread has used."""
        return asyncio.run_coroutine_threadsafe(self._used(), self._loop).result(10)

    async def _used(self) -> float:
        return time.thread_time()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._started())
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _started(self) -> web.AppRunner:
        app = web.Application()
        self.hubspot.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hubspot"
        self._ready.set()
        return runner


@contextmanager
def _elsewhere() -> Iterator[_Elsewhere]:
    portal = _Elsewhere()
    portal.start()
    try:
        yield portal
    finally:
        portal.stop()
