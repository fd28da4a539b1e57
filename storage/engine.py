"""How each database is spoken to. Settings only: what a transaction is, stands in ``unit_of_work``.

Both drivers' own transaction handling is off: each transaction begins with a line of ours. SQLite: because
the driver begins one only at the first write, and so loses what another writer did between our read and our
write. PostgreSQL: so that every wait is short, and a dead server is an answer. That stands in the same line,
and not in the connection: a pooler that lends out a server's connection by the transaction (PgBouncer) takes
no settings of ours at its start, and would hand them on to others later.

aiosqlite runs with one errand to its thread for each statement. By itself it makes four: for a cursor, for
the statement, for its rows, and to close the cursor. Each is two turns of the event loop, in which whoever
waits for an answer stands behind whatever else is ready. A transaction begins in the errand of its first
statement, and nobody waits for the end of one that only read. One rule there: nothing but the number of
errands differs.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import aiosqlite
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.shares import Places, Share

CONNECT_WITHIN: Final = 2
"""Seconds to wait for a free or a new connection."""
BEGIN_WITHIN: Final = 5.0
"""Seconds after which even a connection that went silent is given up."""
_STATEMENT_WITHIN_MS: Final = 10_000
_BUSY_MS: Final = 5_000

POSTGRESQL_PLACES: Final = {
    Share.PEOPLE: 10,
    Share.PROBES: 4,
    Share.JOBS: 3,
    Share.UPKEEP: 1,
    Share.HEARTBEAT: 1,
    Share.CHECKS: 1,
}
MARKING_CONNECTIONS: Final = 2
"""Beside those."""
SQLITE_READERS: Final = {
    Share.PEOPLE: 3,
    Share.PROBES: 2,
    Share.JOBS: 2,
    Share.UPKEEP: 1,
    Share.HEARTBEAT: 1,
    Share.CHECKS: 1,
}
"""More at a time read no more in the same time, and keep everybody else from the processor."""

IMMEDIATE: Final = "inboxkeeper_immediate"
"""Execution option: take SQLite's write lock at the beginning."""
SNAPSHOT: Final = "inboxkeeper_snapshot"
"""Execution option: see one moment of PostgreSQL, and write nothing."""

WITHOUT_SESSION: Final[dict[str, Any]] = {"prepare_threshold": None, "client_encoding": "utf8"}
"""What every connection to PostgreSQL is made with. A prepared statement belongs to one server's connection,
and a pooler gives the next transaction another one. Without an encoding of ours psycopg takes the database's,
and of one in SQL_ASCII gives bytes for text, which SQLAlchemy cannot begin with."""

_POSTGRESQL_ARGUMENTS: Final = {
    **WITHOUT_SESSION,
    "connect_timeout": CONNECT_WITHIN,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
_POSTGRESQL_LIMITS: Final = (
    f"SET LOCAL statement_timeout = {_STATEMENT_WITHIN_MS};"
    "SET LOCAL idle_in_transaction_session_timeout = 60000;"
    "SET LOCAL timezone = 'UTC'"
)
_POSTGRESQL_BEGINS: Final = {
    True: f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{_POSTGRESQL_LIMITS}",
    False: f"BEGIN ISOLATION LEVEL READ COMMITTED;{_POSTGRESQL_LIMITS}",
}
"""One round trip each, as ``BEGIN`` alone would be."""


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def async_url(url: str) -> URL:
    """The URL a person gave, with the driver we use."""
    return _with_driver(url, sqlite="sqlite+aiosqlite")


def sync_url(url: str) -> URL:
    """The same for Alembic, which runs in a thread."""
    return _with_driver(url, sqlite="sqlite+pysqlite")


def _with_driver(url: str, *, sqlite: str) -> URL:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return parsed.set(drivername=sqlite)
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError("neither SQLite nor PostgreSQL")


def sqlite_file(url: str) -> Path:
    """The database's file. Raises ``ValueError`` for a URL that names none."""
    database = make_url(url).database
    if not database or ":memory:" in database:
        raise ValueError("names no file")
    return Path(database)


def create_engine(url: str) -> AsyncEngine:
    """An engine that has not connected yet."""
    return _sqlite_engine(url) if is_sqlite(url) else _postgresql_engine(url)


def places(engine: AsyncEngine) -> Places:
    """As many as the engine has connections."""
    if engine.dialect.name == "sqlite":
        return Places.one_writer(SQLITE_READERS)
    return Places.together(POSTGRESQL_PLACES)


def _postgresql_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(
        async_url(url),
        connect_args=dict(_POSTGRESQL_ARGUMENTS),
        isolation_level="AUTOCOMMIT",
        pool_size=10,
        max_overflow=sum(POSTGRESQL_PLACES.values()) - 10,
        pool_timeout=CONNECT_WITHIN,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "begin", _begin_on_postgresql)
    return engine


def marking_engine(url: str) -> AsyncEngine:
    """For one question that needs no transaction: one round trip, where a unit of work takes three."""
    return create_async_engine(
        async_url(url),
        connect_args=dict(_POSTGRESQL_ARGUMENTS),
        isolation_level="AUTOCOMMIT",
        pool_size=MARKING_CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONNECT_WITHIN,
        pool_reset_on_return=None,
        hide_parameters=True,
    )


def _begin_on_postgresql(connection: Connection) -> None:
    is_snapshot = bool(connection.get_execution_options().get(SNAPSHOT))
    connection.exec_driver_sql(_POSTGRESQL_BEGINS[is_snapshot])


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(
        async_url(url),
        connect_args={"isolation_level": None, "timeout": _BUSY_MS / 1000, "async_creator_fn": connect},
        pool_size=sum(SQLITE_READERS.values()) + 1,
        max_overflow=0,
        pool_timeout=CONNECT_WITHIN,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


_PRAGMAS: Final = (
    f"busy_timeout = {_BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what is erased is overwritten
)


def _set_pragmas(connection: Any, _record: Any) -> None:
    try:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
    except BaseException:
        # The pool does not know of it yet: only the garbage collector would ever end it.
        connection.close()
        raise


_READS: Final = "BEGIN"
_WRITES: Final = "BEGIN IMMEDIATE"


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(_WRITES if connection.get_execution_options().get(IMMEDIATE) else _READS)


_CHUNK: Final = 64
"""aiosqlite wants to know, for what is read row by row. Nothing is."""


class SqliteConnection(aiosqlite.Connection):
    """One connection, with its thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _CHUNK)
        self._thread.daemon = True  # as SQLAlchemy has it: no thread keeps the process from ending
        self._beginning: str | None = None
        self._only_reads = False
        self._is_stopped = False

    def cursor(self) -> SqliteCursor:  # type: ignore[override]  # aiosqlite sends for one
        return SqliteCursor(self)

    def begin(self, how: str) -> None:
        """Begin a transaction with the next statement."""
        self._beginning = how
        self._only_reads = how == _READS

    async def commit(self) -> None:
        """Where no statement came there is nothing to keep."""
        if self._beginning is None:
            await super().commit()
        self._beginning = None

    async def rollback(self) -> None:
        """Where nothing is under way there is nothing to send for: the pool asks for it each time. Whatever
        comes next is done after it, so that nobody need wait for the end of what only read."""
        self._beginning = None
        if not self.in_transaction:
            return
        if self._only_reads:
            self._tx.put_nowait((None, self.sync.rollback))
        else:
            await super().rollback()

    def stop(self) -> asyncio.Future[Any] | None:
        """Asked twice, by SQLAlchemy and by a closing that was cut off, nobody would be there to answer the
        second time: the thread has ended."""
        if self._is_stopped:
            return None
        self._is_stopped = True
        return super().stop()

    async def errand(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the connection's thread, in the transaction that was begun."""
        beginning, self._beginning = self._beginning, None
        await self._execute(work if beginning is None else partial(self._begun, beginning, work))  # type: ignore[no-untyped-call]

    def _begun(self, how: str, work: Callable[[], None]) -> None:
        try:
            self.sync.execute(how).close()
        except BaseException:
            self._beginning = how  # the next statement begins it: none is ever run outside of a transaction
            raise
        work()

    @property
    def sync(self) -> sqlite3.Connection:
        """For use in the connection's thread. Raises ``ValueError`` once it is closed."""
        return self._conn


class SqliteCursor:
    """Of DB-API's cursor what SQLAlchemy uses. Everything is read at once."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Iterable[Any] = ()) -> Self:
        if operation in {_READS, _WRITES}:
            self._connection.begin(operation)
            return self
        await self._connection.errand(partial(self._run, sqlite3.Cursor.execute, operation, parameters))
        return self

    async def executemany(self, operation: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self._connection.errand(partial(self._run, sqlite3.Cursor.executemany, operation, parameters))
        return self

    def _run(self, how: Callable[..., Any], operation: str, parameters: Iterable[Any]) -> None:
        cursor = self._connection.sync.cursor()
        try:
            how(cursor, operation, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """It is, since its statement was run."""


def connect(database: str, **options: Any) -> SqliteConnection:
    """As ``aiosqlite.connect``: to be awaited."""
    return SqliteConnection(partial(sqlite3.connect, database, **options))
