"""Units of work: what is kept, what is not, and who waits for whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from storage import Storage
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
        assert await reader.channels.count() == 0
        async with storage.writing() as uow:
            await uow.channels.add(a_channel())
            await uow.commit()
        assert await reader.channels.count() == 0
    async with storage.reading() as reader:
        assert await reader.channels.count() == 1


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
