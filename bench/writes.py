"""How long a person's click takes to be written, while everything is being probed at full rate."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count, islice
from time import perf_counter
from typing import Final

from bench.children import announced
from bench.databases import KINDS, Databases, channel_id
from bench.figures import Latency, Options, Row, judged, typical
from bench.working import Working, working
from bot.domain.ids import ChannelId

PROBED: Final = 1_500
CLICKS: Final = 30
"""In one run."""
_APART: Final = 0.02
_P50: Final = 1.5
_P99: Final = 2.0
"""Times what it takes idle."""


async def measure(options: Options, databases: Databases) -> list[Row]:
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(announced("bench.outside"))
        clicks = CLICKS * (2 * options.runs + 1)
        crowds = {
            kind: await stack.enter_async_context(
                working(databases.fresh(kind), outside=outside, due=PROBED, idle=clicks)
            )
            for kind in KINDS
        }
        idle, busy = await _interleaved(options, crowds)
    return [_row(kind, typical(idle[kind]), typical(busy[kind])) for kind in KINDS]


async def _interleaved(
    options: Options, crowds: dict[str, Working]
) -> tuple[dict[str, list[Latency]], dict[str, list[Latency]]]:
    idle: dict[str, list[Latency]] = defaultdict(list)
    busy: dict[str, list[Latency]] = defaultdict(list)
    numbers = {kind: count(PROBED) for kind in crowds}
    for kind, crowd in crowds.items():
        await _clicks(crowd, numbers[kind])
    for _ in range(options.runs):
        for kind, crowd in crowds.items():
            idle[kind].append(await _clicks(crowd, numbers[kind]))
            async with _probing(crowd):
                busy[kind].append(await _clicks(crowd, numbers[kind]))
    return idle, busy


async def _clicks(crowd: Working, numbers: count[int]) -> Latency:
    """People disable their inboxes one after the other, each a moment after the other."""
    taken = []
    for number in islice(numbers, CLICKS):
        await asyncio.sleep(_APART)
        channel = ChannelId(channel_id(number))
        began = perf_counter()
        with crowd.services.core.courtesy.serving():
            await crowd.services.channel_actions.disable(crowd.owner_of(number), channel)
        taken.append(perf_counter() - began)
    return Latency.of(taken)


@asynccontextmanager
async def _probing(crowd: Working) -> AsyncIterator[None]:
    """Everything is looked at again and again."""
    is_over = asyncio.Event()

    async def go_on() -> None:
        while not is_over.is_set():
            await crowd.probe_everything()

    task = asyncio.create_task(go_on())
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        is_over.set()
        await task


def _row(kind: str, idle: Latency, busy: Latency) -> Row:
    p50, p99 = busy.p50 / idle.p50, busy.p99 / idle.p99
    return Row(
        f"a write (disable) while probing at full rate, {kind}",
        str(busy),
        f"p50 ≤ {_P50} ×, p99 ≤ {_P99:.0f} ×",
        judged(p50 <= _P50 and p99 <= _P99),
        floor=f"idle: {idle}",
        ratio=f"{p50:.1f} ×, {p99:.1f} ×",
    )
