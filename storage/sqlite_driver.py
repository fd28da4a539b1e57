"""aiosqlite with one errand to its thread for each statement.

By itself it makes four: for a cursor, for the statement, for its rows, and to close the cursor. Each is two
turns of the event loop, in which whoever waits for an answer stands behind whatever else is ready. One rule:
nothing but the number of errands differs. What a transaction is, stands in ``engine``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Self

import aiosqlite

_CHUNK: Final = 64
"""aiosqlite wants to know, for what is read row by row. Nothing is."""


class SqliteConnection(aiosqlite.Connection):
    """One connection, with its thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _CHUNK)
        self._thread.daemon = True  # as SQLAlchemy has it: no thread keeps the process from ending

    def cursor(self) -> SqliteCursor:  # type: ignore[override]  # aiosqlite sends for one
        return SqliteCursor(self)

    async def rollback(self) -> None:
        """Where nothing is under way there is nothing to send for: the pool asks for it each time."""
        if self.in_transaction:
            await super().rollback()

    async def errand(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the connection's thread."""
        await self._execute(work)  # type: ignore[no-untyped-call]

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
