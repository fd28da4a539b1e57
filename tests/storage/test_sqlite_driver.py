"""What is sent to the thread of a SQLite connection: one errand for a statement, whatever it brings."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage import Cipher, Storage
from storage.engine import connect, create_engine
from tests.engines import Inline

ERRANDS: list[object] = []


class Counted(Inline):
    def put_nowait(self, work: tuple[asyncio.Future[object] | None, Callable[[], object]]) -> None:
        ERRANDS.append(work[1])
        super().put_nowait(work)


@pytest.fixture
def errands(inline_sqlite: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    monkeypatch.setattr("aiosqlite.core.SimpleQueue", Counted)
    ERRANDS.clear()
    yield ERRANDS
    ERRANDS.clear()


@pytest.fixture
async def storage(settled_sqlite: Path, cipher: Cipher, tmp_path: Path) -> AsyncIterator[Storage]:
    file = tmp_path / "copy.db"
    file.write_bytes(settled_sqlite.read_bytes())
    storage = await Storage.open(f"sqlite:///{file}", cipher=cipher)
    async with storage.writing() as uow:
        await uow.meta.find("sum")
    async with storage.reading() as uow:
        await uow.meta.find("sum")
    yield storage
    await storage.close()


async def test_a_statement_is_one_errand(errands: list[object], storage: Storage) -> None:
    """A transaction begins in the first one's, and its end is one; a connection goes back into its pool
    without any."""
    del errands[:]
    async with storage.writing() as uow:
        await uow.meta.add("sum", "0")
        assert await uow.meta.find("sum") == "0"
        await uow.commit()
    assert len(errands) == 3, errands
    del errands[:]
    async with storage.reading() as uow:
        assert await uow.meta.find("sum") == "0"
    assert len(errands) == 2, errands


async def test_a_transaction_without_a_statement_is_no_errand(
    errands: list[object], storage: Storage
) -> None:
    del errands[:]
    async with storage.writing() as uow:
        await uow.commit()
    async with storage.writing():
        pass
    assert errands == []


@pytest.mark.threaded
async def test_what_only_read_sees_what_was_written_since(storage: Storage) -> None:
    """Its end was not waited for, and comes before whatever the connection does next."""
    for number in range(50):
        async with storage.writing() as uow:
            assert await uow.meta.add(f"sum{number}", "0")
            await uow.commit()
        async with storage.reading() as uow:
            assert await uow.meta.find(f"sum{number}") == "0"


@pytest.mark.threaded
async def test_a_writer_that_keeps_nothing_lets_the_next_one_write(storage: Storage) -> None:
    async with storage.writing() as uow:
        await uow.meta.add("sum", "0")
    async with storage.writing() as uow:
        assert await uow.meta.find("sum") is None


@pytest.mark.threaded
async def test_it_is_what_it_was(tmp_path: Path) -> None:
    """Rows, numbers, nothing, many at once, and errors come as from aiosqlite; afterwards it goes on."""
    engine = create_engine(f"sqlite:///{tmp_path / 'some.db'}")
    async with engine.connect() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"))
        await connection.execute(text("INSERT INTO t (b) VALUES (:b)"), [{"b": str(it)} for it in range(100)])
        found = await connection.execute(text("UPDATE t SET b = 'x' WHERE a > 60 RETURNING a"))
        assert len(found.all()) == 40
        counted = await connection.execute(text("DELETE FROM t WHERE b = 'x'"))
        assert counted.rowcount == 40
        empty = await connection.execute(text("SELECT a, b FROM t WHERE a = 1000"))
        assert list(empty.keys()) == ["a", "b"]
        assert empty.first() is None
        with pytest.raises(IntegrityError):
            await connection.execute(text("INSERT INTO t (a) VALUES (1)"))
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT nothing FROM t"))
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 60
        await connection.rollback()
        assert (await connection.execute(text("SELECT count(*) FROM sqlite_master"))).scalar() == 0
    await engine.dispose()


@pytest.mark.threaded
async def test_a_closed_connection_says_so(tmp_path: Path) -> None:
    """As aiosqlite's: SQLAlchemy knows it by these words."""
    connection = connect(str(tmp_path / "some.db"))
    await connection
    cursor = await connection.cursor().execute("SELECT 1")
    assert [tuple(row) for row in await cursor.fetchall()] == [(1,)]
    await connection.close()
    with pytest.raises(ValueError, match="Connection closed"):
        await connection.cursor().execute("SELECT 1")
    with pytest.raises(ValueError, match="no active connection"):
        await connection.rollback()


@pytest.mark.threaded
async def test_stopped_twice_nobody_is_waited_for(tmp_path: Path) -> None:
    """As SQLAlchemy and aiosqlite do of one whose closing was cut off; the thread is gone by then."""
    connection = connect(str(tmp_path / "some.db"))
    await connection
    stopped = connection.stop()
    assert stopped is not None
    await stopped
    assert connection.stop() is None
    await connection.close()


@pytest.mark.threaded
async def test_what_follows_a_busy_beginning_is_in_a_transaction(tmp_path: Path) -> None:
    """Another process holds the file: the statement after it begins anew, and can be taken back."""
    file = str(tmp_path / "some.db")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TABLE t (a)")
    other.execute("BEGIN IMMEDIATE")
    connection = connect(file, isolation_level=None, timeout=0)
    await connection
    await connection.cursor().execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await connection.cursor().execute("INSERT INTO t VALUES (1)")
    other.execute("ROLLBACK")
    await connection.cursor().execute("INSERT INTO t VALUES (2)")
    await connection.rollback()
    await connection.close()
    assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
    other.close()
