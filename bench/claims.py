"""What a due batch costs to claim when there are many channels that are not due.

``python -m bench.claims URL`` claims one batch in a process of its own and prints its peak memory.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from sqlalchemy import update

from bench.databases import KINDS, NEVER, Databases, fill, opened
from bench.figures import Options, Row, judged
from bot.services.monitoring.monitor import BATCH, LEASE
from storage import Storage
from storage.tables import probe

FEW: Final = 1_000
MANY: Final = 100_000
_CLAIMS: Final = 3
"""In one run."""
_MOST_TIMES: Final = 2.0
_MOST_MIB: Final = 30.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """A database of so many channels, one batch of which is due."""

    count: int
    url: str
    storage: Storage


async def measure(options: Options, databases: Databases) -> list[Row]:
    sizes = [FEW, MANY, *([1_000_000] if options.million else [])]
    rows = []
    for kind in KINDS:
        async with AsyncExitStack() as stack:
            crowds = [await _crowd(databases.fresh(kind), size, stack) for size in sizes]
            rows += await _compared(options, kind, crowds)
    return rows


async def _crowd(url: str, count: int, stack: AsyncExitStack) -> Crowd:
    storage = await stack.enter_async_context(opened(url))
    now = datetime.now(UTC)
    await fill(storage, BATCH, now=now, due=timedelta(hours=-1), granted=False)
    spread = timedelta(minutes=15)
    await fill(storage, count - BATCH, now=now, due=NEVER, spread=spread, start=BATCH, granted=False)
    return Crowd(count, url, storage)


async def _compared(options: Options, kind: str, crowds: list[Crowd]) -> list[Row]:
    taken: dict[int, list[float]] = defaultdict(list)
    for crowd in crowds:
        await _claimed(crowd.storage)
    for _ in range(options.runs):
        for crowd in crowds:
            taken[crowd.count].append(median([await _claimed(crowd.storage) for _ in range(_CLAIMS)]))
    few = crowds[0]
    floor, least = median(taken[few.count]), await _peak(few.url)
    rows = []
    for crowd in crowds[1:]:
        got, more = median(taken[crowd.count]), await _peak(crowd.url) - least
        what = f"claim of {BATCH} due at {crowd.count:,} channels, {kind}"
        rows.append(_row(what, f"{got * 1000:.1f} ms, {more:+.1f} MiB", floor, got, more))
    return rows


def _row(what: str, figure: str, floor: float, got: float, more: float) -> Row:
    return Row(
        what,
        figure,
        f"≤ {_MOST_TIMES:.0f} ×, + ≤ {_MOST_MIB:.0f} MiB",
        judged(got <= _MOST_TIMES * floor and more <= _MOST_MIB),
        floor=f"at {FEW:,}: {floor * 1000:.1f} ms",
        ratio=f"{got / floor:.2f} ×",
    )


async def _claimed(storage: Storage) -> float:
    """Seconds to claim one batch; the rows are given back, which is not timed."""
    began = perf_counter()
    async with storage.writing() as uow:
        claimed = await uow.probes.claim(now=datetime.now(UTC), limit=BATCH, lease_for=LEASE)
        await uow.commit()
    took = perf_counter() - began
    assert len(claimed) == BATCH, f"{len(claimed)} claimed"
    async with storage.writing() as uow:
        mine = update(probe).where(probe.c.channel_id.in_([one.channel_id for one in claimed]))
        await uow.connection.count(mine.values(lease_token=None, lease_until=None))
        await uow.commit()
    return took


async def _peak(url: str) -> float:
    """MiB at most in use by a process that claims a few batches."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.claims", url, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    return int(said) / 1024


async def _alone(url: str) -> None:
    async with opened(url) as storage:
        for _ in range(_CLAIMS):
            await _claimed(storage)
    status = (await asyncio.to_thread(Path("/proc/self/status").read_text)).splitlines()
    peak = next(line for line in status if line.startswith("VmHWM:"))
    sys.stdout.write(peak.split()[1] + "\n")


if __name__ == "__main__":
    asyncio.run(_alone(sys.argv[1]))
