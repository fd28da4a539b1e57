"""How long people wait for an answer: the real bot over HTTP, beside Bolt alone."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final

import aiohttp
from sqlalchemy import update

from bench.children import announced, environment, free_port, serving, the_bot
from bench.databases import KINDS, QUIET, Databases, add_owner, channel_id, fill, opened
from bench.drawing import Drawing, drawing_rows
from bench.figures import Latency, Options, Row, judged, typical
from bench.hammer import hammer
from storage.tables import channel

CHANNELS: Final = 200
_DEAD: Final = 6
_LOADS: Final = (1, 32)
_FLOOR: Final = "Bolt, ack only"
_LIST_P99_MS: Final = 60.0
_HELP: Final = (1.4, 1.5)
_LIST: Final = 5.0
"""Times the floor, while nothing changes: the same is asked again and again."""
Runs = dict[tuple[str, int], list[Latency]]


async def measure(options: Options, databases: Databases) -> list[Row]:
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(announced("bench.outside"))
        floor = await stack.enter_async_context(serving("bench.floor"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ports, bots = {_FLOOR: floor.port}, dict[str, Drawing]()
        for kind in KINDS:
            url, port = databases.fresh(kind), free_port()
            await _prepare(url)
            settings = environment(url, outside=outside, port=port)
            bot = await stack.enter_async_context(the_bot(settings, port))
            storage = await stack.enter_async_context(opened(url))
            ports[kind] = port
            bots[kind] = Drawing(session, bot.pid, outside=outside, port=port, storage=storage)
        runs = await _interleaved(options, ports)
        drawn = await drawing_rows(options, bots, floor, channels=CHANNELS)
    return [*_help(runs), *(row for kind in KINDS for row in _list(runs, kind)), *drawn]


async def _prepare(url: str) -> None:
    """A workspace with something of everything: a few dead inboxes, the rest alive and not due."""
    now = datetime.now(UTC)
    async with opened(url) as storage:
        await add_owner(storage, now)
        await fill(storage, CHANNELS, now=now, due=QUIET)
        dead = [channel_id(number) for number in range(_DEAD)]
        async with storage.writing() as uow:
            broken = update(channel).where(channel.c.id.in_(dead))
            await uow.connection.count(broken.values(state="disconnected", cause="grant_refused"))
            await uow.commit()


async def _interleaved(options: Options, ports: dict[str, int]) -> Runs:
    asked = [(_FLOOR, "help", _FLOOR), ("help", "help", "SQLite"), *((kind, "list", kind) for kind in KINDS)]
    runs: Runs = defaultdict(list)
    for _ in range(options.runs):
        for load in _LOADS:
            for name, text, server in asked:
                took = await hammer(ports[server], text, at_once=load, seconds=options.seconds)
                runs[name, load].append(took)
    return runs


def _help(runs: Runs) -> list[Row]:
    rows = []
    for load in _LOADS:
        floor, got = typical(runs[_FLOOR, load]), typical(runs["help", load])
        p50, p99 = got.p50 / floor.p50, got.p99 / floor.p99
        rows.append(
            Row(
                f"/inbox help → HTTP 200, c = {load}",
                str(got),
                f"p50 ≤ {_HELP[0]} ×, p99 ≤ {_HELP[1]} ×",
                judged(p50 <= _HELP[0] and p99 <= _HELP[1]),
                floor=str(floor),
                ratio=f"{p50:.2f} ×, {p99:.2f} ×",
            )
        )
    return rows


def _list(runs: Runs, kind: str) -> list[Row]:
    rows = []
    for load in _LOADS:
        floor, got = typical(runs[_FLOOR, load]), typical(runs[kind, load])
        p50 = got.p50 / floor.p50
        is_reached = p50 <= _LIST and (load == 1 or got.p99 < _LIST_P99_MS)
        rows.append(
            Row(
                f"/inbox list, {CHANNELS} channels, {kind}, c = {load}",
                str(got),
                f"p50 ≤ {_LIST:.0f} ×" + ("" if load == 1 else f", p99 < {_LIST_P99_MS:.0f} ms"),
                judged(is_reached),
                floor=str(floor),
                ratio=f"{p50:.2f} ×",
            )
        )
    return rows
