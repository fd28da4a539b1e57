"""The database under load: many inboxes, readers beside writers, what has ended, and processes that die.

One rule: each figure stands beside the same in a small workspace, or with nobody beside, in the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Final

from bench.children import announced, environment, free_port, the_bot
from bench.databases import KEY, KINDS, WORKSPACE, Databases, owner_id
from bench.figures import Latency, Options, Row, judged
from bot.domain.access import Visibility
from bot.domain.ids import UserId, WorkspaceId
from bot.services.monitoring.watchdog import BEATS_EVERY
from bot.services.upkeep.maintenance import PURGED_AT_ONCE
from storage import SILENT_FOR, Cipher, Storage, StorageAway, migrate
from tests.storage.crowd import BESIDE, SIZE, add_crowd

FEW: Final = 1_000
ACME: Final = WorkspaceId(WORKSPACE)
_READERS: Final = {8: 20.0, 32: 40.0}
"""How many people read lists at once, and within how many ms somebody else's click must be written then."""
_WRITES: Final = 40
_APART: Final = 0.02
_ASKED: Final = 50
_ROLES_MS: Final = 1.0
_A_DAY: Final = 1_000_000
_TAKEN_OVER: Final = timedelta(seconds=30)
_DEAD_HELD: Final = 500
_STARTS_TIMES: Final = 1.3


async def measure(options: Options, databases: Databases) -> list[Row]:
    rows = []
    for kind in KINDS:
        few, many = [await _crowd(databases.fresh(kind), size) for size in (FEW, SIZE)]
        async with _opened(few) as small, _opened(many) as large:
            if kind == "SQLite":
                rows += [await _beside(large, count, most) for count, most in _READERS.items()]
            rows.append(await _roles(kind, small, large))
            rows.append(await _purge(kind, large))
            if kind == "PostgreSQL":
                rows.append(await _takeover(many, large))
        rows.append(await _start(kind, few, many, runs=min(options.runs, 3)))
    return rows


async def _crowd(url: str, size: int) -> str:
    await migrate(url)
    await add_crowd(url, WORKSPACE, datetime.now(UTC), size=size)
    return url


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Storage]:
    storage = await Storage.open(url, cipher=Cipher([KEY]))
    try:
        yield storage
    finally:
        await storage.close()


async def _beside(storage: Storage, readers: int, most: float) -> Row:
    alone = await _writes(storage)
    async with _reading(storage, readers):
        busy = await _writes(storage)
    return Row(
        f"a tiny write beside {readers} readers of a list, {SIZE:,} channels, SQLite",
        str(busy),
        f"p50 ≤ {most:.0f} ms",
        judged(busy.p50 <= most),
        floor=f"alone: {alone}",
        ratio=f"{busy.p50 / alone.p50:.1f} ×",
    )


async def _writes(storage: Storage) -> Latency:
    taken = []
    for number in range(_WRITES):
        await asyncio.sleep(_APART)
        began = perf_counter()
        async with storage.writing() as uow:
            await uow.meta.put("bench", str(number))
            await uow.commit()
        taken.append(perf_counter() - began)
    return Latency.of(taken)


@asynccontextmanager
async def _reading(storage: Storage, count: int) -> AsyncIterator[None]:
    """So many members who ask for their list again and again."""
    is_over = asyncio.Event()

    async def read(number: int) -> None:
        sight = Visibility(ACME, UserId(owner_id(number)), all_personal=False)
        while not is_over.is_set():
            try:
                async with storage.reading() as uow:
                    await uow.overviews.read(sight, most=40, with_grants=False)
            except StorageAway:
                continue  # the line was too long: they would be told so

    tasks = [asyncio.create_task(read(number)) for number in range(count)]
    await asyncio.sleep(0.2)
    yield
    is_over.set()
    await asyncio.gather(*tasks)


async def _roles(kind: str, small: Storage, large: Storage) -> Row:
    few, many = await _holders(small), await _holders(large)
    return Row(
        f"who may do what, {SIZE:,} people, {kind}",
        f"{many:.2f} ms",
        f"≤ {_ROLES_MS:.0f} ms",
        judged(many <= _ROLES_MS),
        floor=f"at {FEW:,}: {few:.2f} ms",
        ratio=f"{many / few:.2f} ×",
    )


async def _holders(storage: Storage) -> float:
    """Milliseconds of one statement."""
    now, taken = datetime.now(UTC), []
    async with storage.reading() as uow:
        for _ in range(_ASKED):
            began = perf_counter()
            await uow.roles.holders(ACME, (), groups_since=now)
            taken.append(perf_counter() - began)
    return median(taken) * 1000


async def _purge(kind: str, storage: Storage) -> Row:
    """Jobs that have ended, a batch at a time, as housekeeping does it."""
    began, longest, purged = perf_counter(), 0.0, 0
    while purged < BESIDE:
        batch = perf_counter()
        async with storage.writing() as uow:
            many = await uow.jobs.purge(datetime.now(UTC), limit=PURGED_AT_ONCE)
            await uow.commit()
        longest = max(longest, perf_counter() - batch)
        purged += many
        if not many:
            break
    a_day = purged / (perf_counter() - began) * timedelta(days=1).total_seconds()
    return Row(
        f"purge of ended jobs beside {SIZE:,} channels, {kind}",
        f"{a_day / 1e6:.0f} million a day, a batch at most {longest * 1000:.0f} ms",
        f"≥ {_A_DAY / 1e6:.0f} million a day",
        judged(a_day >= _A_DAY),
    )


async def _takeover(url: str, living: Storage) -> Row:
    """From the last heartbeat of a process that was killed to its looks being free."""
    ahead = timedelta(days=1)
    async with _opened(url) as dead, dead.writing() as uow:
        await dead.announce(uow)
        later = datetime.now(UTC) + ahead
        held = await uow.probes.claim(now=later, limit=_DEAD_HELD, lease_for=ahead)
        await uow.commit()
    survivor = await Storage.open(url, cipher=Cipher([KEY]), lead=lambda: SILENT_FOR)
    began = perf_counter()
    async with survivor.writing() as uow:
        freed = await survivor.free_the_dead(uow)
        await uow.commit()
    took = timedelta(seconds=perf_counter() - began)
    await survivor.close()
    at_most = SILENT_FOR + BEATS_EVERY + timedelta(seconds=1) + took
    return Row(
        f"{len(held)} looks of a killed process taken over, {SIZE:,} channels, PostgreSQL",
        f"within {at_most.total_seconds():.1f} s ({freed} freed in {took.total_seconds() * 1000:.0f} ms)",
        f"≤ {_TAKEN_OVER.total_seconds():.0f} s",
        judged(at_most <= _TAKEN_OVER and freed == len(held)),
    )


async def _start(kind: str, few: str, many: str, *, runs: int) -> Row:
    taken: dict[str, list[float]] = {few: [], many: []}
    async with announced("bench.outside") as outside:
        for _ in range(runs):
            for url, seconds in taken.items():
                port = free_port()
                async with the_bot(environment(url, outside=outside, port=port), port) as started:
                    seconds.append(started.after)
    small, large = median(taken[few]), median(taken[many])
    return Row(
        f"restart to ready, {SIZE:,} channels and people, {kind}",
        f"{large:.2f} s",
        f"≤ {_STARTS_TIMES} ×",
        judged(large <= small * _STARTS_TIMES),
        floor=f"at {FEW:,}: {small:.2f} s",
        ratio=f"{large / small:.2f} ×",
    )
