"""One connection in one transaction, as repositories use it. Foreign exceptions end here."""

from __future__ import annotations

import errno
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Delete,
    Executable,
    Row,
    Select,
    Table,
    Text,
    Update,
    any_,
    collate,
    exc,
    func,
    literal,
    select,
)
from sqlalchemy import Insert as PlainInsert
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from storage.cipher import Cipher
from storage.clock import DatabaseClock
from storage.errors import StorageAway, Taken, Trouble

_UNIQUE_VIOLATIONS: Final = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})

BEFOREHAND: Final = 1_000
"""So many are asked for by a statement that was built beforehand; of more see ``among``."""
_COUNTED: Final = {"preserve_rowcount": True}
"""Of an insert SQLAlchemy tells how many rows there were only when asked beforehand."""


def inserting(table: Table, dialect: str) -> Insert:
    """An insert that knows ``ON CONFLICT``: the same words in both dialects. PostgreSQL's is loaded where it
    is spoken: it takes a twentieth of a start."""
    if dialect == "sqlite":
        return Insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return cast(Insert, postgresql.insert(table))


def by_letters(column: ColumnElement[str], dialect: str) -> ColumnElement[str]:
    """Sorted by code point, as Python does, whatever the server's language is."""
    return column if dialect == "sqlite" else collate(column, "C")


def among(column: ColumnElement[str], some: Collection[str], dialect: str) -> ColumnElement[bool]:
    """Whether it is one of these, however many they are: a single parameter. ``IN`` takes one for each, of
    which a statement may have 32,766 (SQLite) or 65,535 (PostgreSQL)."""
    if dialect == "sqlite":
        each = func.json_each(literal(json.dumps(list(some)))).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(literal(list(some), ARRAY(Text)))


@contextmanager
def translated() -> Iterator[None]:
    """SQLAlchemy's errors as ours. What is left is a mistake of our own and stays what it is."""
    try:
        yield
    except exc.IntegrityError as error:
        if _code(error) in _UNIQUE_VIOLATIONS:
            raise Taken from error
        raise
    except (exc.OperationalError, exc.InterfaceError) as error:
        raise away(error.orig) from error
    except exc.DBAPIError as error:
        if error.connection_invalidated or type(error) is exc.DatabaseError or _troubles(error.orig):
            raise away(error.orig) from error
        raise
    except (exc.TimeoutError, TimeoutError) as error:
        raise StorageAway(said="no answer in time") from error
    except UnicodeDecodeError:  # not chained: it holds what could not be read
        raise StorageAway(Trouble.DAMAGED, "a text in it is no UTF-8") from None
    except (sqlite3.Error, OSError) as error:
        raise away(error) from error


_TROUBLES: Final = {
    "SQLITE_BUSY": Trouble.BUSY,
    "SQLITE_LOCKED": Trouble.BUSY,
    "SQLITE_FULL": Trouble.FULL,
    "SQLITE_READONLY": Trouble.READ_ONLY,
    "SQLITE_NOTADB": Trouble.NO_DATABASE,
    "SQLITE_CORRUPT": Trouble.DAMAGED,
    "53100": Trouble.FULL,  # disk_full
    "25006": Trouble.READ_ONLY,  # read_only_sql_transaction: a standby
    "55P03": Trouble.BUSY,  # lock_not_available
    "40P01": Trouble.BUSY,  # deadlock_detected
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EFBIG: Trouble.FULL,
    errno.EROFS: Trouble.READ_ONLY,
    errno.EACCES: Trouble.READ_ONLY,
    errno.EPERM: Trouble.READ_ONLY,
}
"""By SQLite's primary result code, PostgreSQL's SQLSTATE, or the operating system's number."""


def away(error: BaseException | None) -> StorageAway:
    """What a driver, or the operating system, says of a database or its file."""
    if isinstance(error, OSError):
        return StorageAway(_troubles(error) or Trouble.AWAY, error.strerror or "")
    said = str(error or "").strip()
    if "decode" in said:  # these words quote what they could not read
        return StorageAway(Trouble.DAMAGED, "a text in it is no UTF-8")
    return StorageAway(_troubles(error) or Trouble.AWAY, said.partition("\n")[0][:200])


def _troubles(error: BaseException | None) -> Trouble | None:
    name = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if isinstance(name, str) and name.startswith("SQLITE_"):
        name = "_".join(name.split("_")[:2])  # without what the extended codes add
    return _TROUBLES.get(name if name is not None else getattr(error, "errno", None))


def _code(error: exc.IntegrityError) -> str | None:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)


class Connection:
    """Runs statements; carries what repositories need to build and read them."""

    def __init__(
        self, connection: AsyncConnection, *, clock: DatabaseClock, cipher: Cipher, process: str
    ) -> None:
        self._connection = connection
        self._process = process
        self.clock = clock
        self.cipher = cipher

    def new_lease(self) -> str:
        """A token that nobody else has, and that tells whose process it is."""
        return f"{self._process}.{secrets.token_urlsafe(16)}"

    def insert(self, table: Table) -> Insert:
        """An insert that knows ``ON CONFLICT``: the same words in both dialects."""
        return inserting(table, self.dialect)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._connection.dialect.name

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """``values`` fill the parameters of a statement that was built beforehand."""
        with translated():
            return (await self._connection.execute(statement, values)).all()

    async def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """``values`` as for ``rows``."""
        with translated():
            return (await self._connection.execute(statement, values)).first()

    async def run(self, statement: Executable) -> None:
        """Run what has no rows to return, or none that matter."""
        with translated():
            await self._connection.execute(statement)

    async def value(self, statement: Select[Any], values: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or ``None``. ``values`` as for ``rows``."""
        with translated():
            return (await self._connection.execute(statement, values)).scalar()

    async def count(
        self, statement: PlainInsert | Update | Delete, values: Mapping[str, Any] | None = None
    ) -> int:
        """Run it; how many rows it touched. ``values`` as for ``rows``; those that are named as a column of
        the table are what is written there, which costs less than saying so in the statement."""
        with translated():
            return (await self._connection.execute(statement, values, execution_options=_COUNTED)).rowcount

    async def many(self, statement: Insert | Update, values: Sequence[dict[str, Any]]) -> None:
        """Run one statement for many sets of values."""
        if values:
            with translated():
                await self._connection.execute(statement, values)

    async def rows_of_many(
        self, statement: ReturningInsert[Any], values: Sequence[dict[str, Any]]
    ) -> Sequence[Row[Any]]:
        """The same, and what it returns."""
        if not values:
            return ()
        with translated():
            rows: Sequence[Row[Any]] = (await self._connection.execute(statement, values)).all()
        return rows

    def among(self, column: ColumnElement[str], some: Collection[str]) -> ColumnElement[bool]:
        """Whether it is one of these, however many they are."""
        return among(column, some, self.dialect)

    async def commit(self) -> None:
        with translated():
            await self._connection.commit()


class Repository:
    """What one kind of row is read and written by, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
