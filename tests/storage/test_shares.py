"""Shares of the connections: who waits for whom, and who never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest

from storage import Share, Storage, StorageAway, patient, working_for
from storage.engine import POSTGRESQL_PLACES, SQLITE_READERS
from storage.shares import Places
from tests.conftest import Kind
from tests.storage.builders import NOW

BACKGROUND: Final = (Share.PROBES, Share.JOBS, Share.UPKEEP)


@asynccontextmanager
async def many_reading(storage: Storage, count: int) -> AsyncIterator[None]:
    """People who read, and take their time."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            uow = await stack.enter_async_context(storage.reading())
            await uow.channels.count()
        yield


def places_of_people(kind: Kind) -> int:
    return (SQLITE_READERS if kind == "sqlite" else POSTGRESQL_PLACES)[Share.PEOPLE]


async def test_slow_readers_stop_no_writer_on_sqlite(storage: Storage, database_kind: Kind) -> None:
    """However many people read, there is a connection to write with."""
    readers = places_of_people(database_kind)
    if database_kind == "postgresql":
        readers -= 1  # the writer's
    async with many_reading(storage, readers), storage.writing() as uow:
        assert await uow.seen.first_time("written", NOW)
        await uow.commit()


@pytest.mark.parametrize("share", BACKGROUND)
async def test_people_starve_nobody(storage: Storage, database_kind: Kind, share: Share) -> None:
    """While people have taken all that is theirs, looks, jobs and housekeeping go on, and the database is
    known to answer."""

    async def work() -> bool:
        async with storage.reading() as uow:
            await uow.channels.count()
        async with storage.writing() as uow:
            was_first = await uow.seen.first_time("written", NOW)
            await uow.commit()
            return was_first

    async with many_reading(storage, places_of_people(database_kind)):
        assert await working_for(share, work)()
        await storage.ping()


async def test_the_background_starves_no_person(storage: Storage) -> None:
    """While everything that the background may use is in use, a person reads and writes."""
    go_on, inside = asyncio.Event(), asyncio.Semaphore(0)

    async def hold() -> None:
        async with storage.reading() as uow:
            await uow.channels.count()
            inside.release()
            await go_on.wait()

    holders = [asyncio.create_task(working_for(share, hold)()) for share in BACKGROUND for _ in range(20)]
    await inside.acquire()
    async with storage.reading() as uow:
        assert await uow.channels.count() == 0
    async with storage.writing() as uow:
        assert await uow.seen.first_time("written", NOW)
        await uow.commit()
    go_on.set()
    await asyncio.gather(*holders)


async def test_there_is_a_connection_for_every_place(storage: Storage, database_kind: Kind) -> None:
    """Everybody at once: nobody waits in the pool for what somebody else holds."""
    places = SQLITE_READERS if database_kind == "sqlite" else POSTGRESQL_PLACES
    everybody = asyncio.Barrier(sum(places.values()))

    async def read() -> None:
        async with storage.reading() as uow:
            await uow.channels.count()
            await everybody.wait()

    readers = [working_for(share, read)() for share, count in places.items() for _ in range(count)]
    await asyncio.gather(*readers)


# --- the line itself

Make = Callable[[], Places]


def _one_writer() -> Places:
    return Places.one_writer(dict.fromkeys(Share, 2), patience=0)


def _together() -> Places:
    return Places.together(dict.fromkeys(Share, 2), patience=0)


@pytest.mark.parametrize("make", [_one_writer, _together])
async def test_a_person_is_told_when_the_line_is_too_long(make: Make) -> None:
    """They get an answer instead of a place; the next one gets the place that was left."""
    places = make()
    taken = [await places.take(writes=False) for _ in range(2)]
    with pytest.raises(StorageAway):
        await places.take(writes=False)
    taken.pop().leave()
    (await places.take(writes=False)).leave()


async def test_a_person_waits_for_few_of_the_background() -> None:
    """A hundred results to be written stand in a line of their own: behind the one that has its turn, and the
    next in line, comes the person."""
    places, order = Places.one_writer(dict.fromkeys(Share, 2)), list[str]()

    async def write(who: str) -> None:
        place = await places.take(writes=True)
        order.append(who)
        await asyncio.sleep(0)
        place.leave()

    async def results() -> None:
        await asyncio.gather(*(write("look") for _ in range(100)))

    looks = asyncio.create_task(working_for(Share.PROBES, results)())
    while not order:
        await asyncio.sleep(0)
    await write("person")
    await looks
    assert order.index("person") <= 3
    assert len(order) == 101


async def test_whoever_gives_up_in_line_takes_nothing() -> None:
    """Cancelled while waiting for SQLite's turn, a look leaves its place in its own line, too."""
    places = Places.one_writer(dict.fromkeys(Share, 1))
    turn = await places.take(writes=True)

    async def write() -> None:
        (await places.take(writes=True)).leave()

    waiting = asyncio.create_task(working_for(Share.PROBES, write)())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    turn.leave()
    await working_for(Share.PROBES, write)()


async def test_who_knows_that_the_answer_comes_later_waits_for_it() -> None:
    """So does whatever they began; whoever was told nothing hears that it is busy."""
    places = Places.together({Share.PEOPLE: 1}, patience=0)
    only = await places.take(writes=False)
    with pytest.raises(StorageAway):
        await places.take(writes=False)
    with patient(60):
        waiting = asyncio.create_task(places.take(writes=False))
    await asyncio.sleep(0)
    only.leave()
    (await waiting).leave()
