"""SQLAlchemy's dialects as the tests use them: what is the same for every engine is worked out once.

An engine keeps the statements it compiled, and a process of the product has one engine. A test has one of its
own, and would compile each statement anew: that takes longer than running it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(5_000)


class _Shared:
    """Dialects of a class are equal: each speaks to the same kind and version of database. What one of them
    compiled is found by the others."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_COMPILED)


class SharedSqlite(_Shared, SQLiteDialect_aiosqlite):
    supports_statement_cache = True


class SharedAsyncPostgresql(_Shared, PGDialectAsync_psycopg):
    supports_statement_cache = True


class SharedPostgresql(PGDialect_psycopg):
    """Alembic's; asked for the dialect of an async engine, it names the one above."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, url: Any) -> type[SharedAsyncPostgresql]:
        return SharedAsyncPostgresql


def share() -> None:
    """From now on engines are made with these."""
    registry.register("sqlite.aiosqlite", __name__, SharedSqlite.__name__)
    registry.register("postgresql.psycopg", __name__, SharedPostgresql.__name__)


class Inline:
    """Where SQLite's driver puts work for a thread of its own: done on the spot."""

    def put_nowait(self, work: tuple[asyncio.Future[object] | None, Callable[[], object]]) -> None:
        future, function = work
        try:
            result = function()
        except BaseException as error:
            if future is None or isinstance(error, KeyboardInterrupt):
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class NoThread:
    """It has nothing to do, and no daemon to be."""

    daemon = False

    def __init__(self, **_: object) -> None:
        pass

    def start(self) -> None:
        pass
