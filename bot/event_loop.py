"""How punctual the event loop is: whoever blocks it keeps everybody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Final

_EVERY: Final = 1.0
"""Seconds."""


async def measure_lag(
    observe: Callable[[float], None],
    *,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    now: Callable[[], float] = perf_counter,
) -> None:
    """Wait for a second over and over, and tell ``observe`` how many seconds more it was. Never returns."""
    while True:
        asked = now()
        await pause(_EVERY)
        observe(max(now() - asked - _EVERY, 0.0))


@asynccontextmanager
async def measured(observe: Callable[[float], None]) -> AsyncIterator[None]:
    """Measure until the block ends."""
    task = asyncio.create_task(measure_lag(observe), name="event-loop-lag")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
