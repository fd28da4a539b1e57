"""Units of work: what is kept, what is not, and who waits for whom."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from storage import Cipher, Storage, StorageAway
from tests.storage.builders import NOW, WORKSPACE, a_channel


async def test_what_was_not_committed_is_gone(storage: Storage) -> None:
    """Nothing is kept without the line that says so."""
    async with storage.writing() as uow:
        await uow.channels.add(a_channel())
    async with storage.reading() as uow:
        assert await uow.channels.all(WORKSPACE) == ()


async def test_an_error_rolls_everything_back(storage: Storage) -> None:
    """A unit of work is kept whole or not at all."""
    with pytest.raises(ZeroDivisionError):
        async with storage.writing() as uow:
            await uow.channels.add(a_channel())
            raise ZeroDivisionError
    async with storage.reading() as uow:
        assert await uow.channels.all(WORKSPACE) == ()


async def test_concurrent_changes_lose_nothing(storage: Storage) -> None:
    """Eight tasks that read, add one and write, 25 times each, make two hundred."""
    async with storage.writing() as uow:
        await uow.meta.add("sum", "0")
        await uow.commit()

    async def add() -> None:
        for _ in range(25):
            async with storage.writing() as uow:
                token = await uow.locks.acquire("sum", timedelta(minutes=1))
                before = await uow.meta.find("sum")
                await uow.meta.replace("sum", str(int(before or "0") + 1))
                await uow.locks.release("sum", token or "")
                await uow.commit()

    await asyncio.gather(*(add() for _ in range(8)))
    async with storage.reading() as uow:
        assert await uow.meta.find("sum") == "200"


async def test_a_reader_sees_one_moment(storage: Storage) -> None:
    """What is committed while somebody reads does not appear to them half-way."""
    async with storage.reading() as reader:
        assert len(await reader.channels.all(WORKSPACE)) == 0
        async with storage.writing() as uow:
            await uow.channels.add(a_channel())
            await uow.commit()
        assert len(await reader.channels.all(WORKSPACE)) == 0
    async with storage.reading() as reader:
        assert len(await reader.channels.all(WORKSPACE)) == 1


async def test_a_cancelled_writer_leaves_the_way_free(storage: Storage) -> None:
    """Cancelling somebody in the middle of their work stops nobody else."""
    inside = asyncio.Event()

    async def hold() -> None:
        async with storage.writing() as uow:
            await uow.seen.first_time("held", NOW)
            inside.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await inside.wait()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    async with asyncio.timeout(5), storage.writing() as uow:
        assert await uow.seen.first_time("held", NOW)


# --- closing


async def test_closing_lets_what_is_under_way_be_kept(database_url: str, cipher: Cipher) -> None:
    """Whoever shuts down waits for the moment that a transaction lasts; nothing new begins meanwhile."""
    storage = await Storage.open(database_url, cipher=cipher)
    with nothing_left_open():
        async with storage.writing() as uow:
            closing = asyncio.create_task(storage.close())
            await asyncio.sleep(0)
            with pytest.raises(StorageAway):
                await storage.ping()
            await uow.seen.first_time("kept", NOW)
            await uow.commit()
        await closing
        with pytest.raises(StorageAway):
            async with storage.reading():
                pass
    again = await Storage.open(database_url, cipher=cipher)
    async with again.writing() as uow:
        assert not await uow.seen.first_time("kept", NOW)
    await again.close()


async def test_a_unit_that_outlives_closing_hangs_up_itself(database_url: str, cipher: Cipher) -> None:
    """Its connection has no pool to go back to: it is closed, not left to the garbage collector."""
    storage = await Storage.open(database_url, cipher=cipher)
    with nothing_left_open():
        async with storage.reading() as uow:
            await storage.close(within=0)
            assert len(await uow.channels.all(WORKSPACE)) == 0
        del storage, uow


async def test_whoever_is_cut_off_anywhere_leaves_nothing_open(database_url: str, cipher: Cipher) -> None:
    """A unit cancelled at any of its steps, connecting and hanging up among them, returns what it took."""
    cut_off = 0
    with nothing_left_open():
        for step in range(60):
            storage = await Storage.open(database_url, cipher=cipher)
            reading = asyncio.create_task(_counts(storage))
            for _ in range(step):
                await asyncio.sleep(0)
            reading.cancel()
            [result] = await asyncio.gather(reading, return_exceptions=True)
            cut_off += isinstance(result, asyncio.CancelledError)
            await storage.close()
            del storage, reading, result
    assert cut_off


async def _counts(storage: Storage) -> int:
    async with storage.reading() as uow:
        return len(await uow.channels.all(WORKSPACE))


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """No connection is found unclosed by the garbage collector."""
    gc.collect()  # what somebody else left is not ours
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(one.message) for one in left] == []


async def test_a_mark_stays_only_while_nothing_is_committed(database_url: str, cipher: Cipher) -> None:
    """By whomever; reading, and what is rolled back, changes nothing that anybody can see."""
    ours, other = [await Storage.open(database_url, cipher=cipher) for _ in range(2)]
    assert await ours.mark() is not None
    assert any([await _stays(ours) for _ in range(20)]), (
        "a test beside this one may commit on the same server"
    )
    before = await ours.mark()
    for number, writer in enumerate((ours, other)):
        async with writer.writing() as uow:
            await uow.meta.add(f"{number}", "")
            await uow.commit()
        after = await ours.mark()
        assert after not in {before, None}
        before = after
    for storage in (ours, other):
        await storage.close()


async def _stays(storage: Storage) -> bool:
    """Whether reading changed nothing."""
    before = await storage.mark()
    async with storage.reading() as uow:
        await uow.channels.all(WORKSPACE)
    return await storage.mark() == before


async def test_nobody_can_tell_once_it_is_closed(database_url: str, cipher: Cipher) -> None:
    """Then nothing is believed to be unchanged."""
    storage = await Storage.open(database_url, cipher=cipher)
    await storage.close()
    assert await storage.mark() is None


async def test_a_mark_from_before_reading_shows_what_came_meanwhile(storage: Storage) -> None:
    """What was being written while it was asked for is news afterwards."""
    async with storage.writing() as uow:
        await uow.meta.add("x", "")
        under_way = await storage.mark()
        await uow.commit()
    assert await storage.mark() != under_way
