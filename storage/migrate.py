"""Bringing the tables up to date. One rule: only one process migrates, and it can be done again.

PostgreSQL: under an advisory lock, in one transaction, which gives way: where a table is being read, nobody
is made to stand in line behind the migration for long. SQLite: under a file lock, in one transaction, after
a copy of the file. A database that is newer than this version is left alone: migrations only add
what the version before can live with (docs/decisions/0074). One that was made before the first release is
refused: the migrations that it would need have been made into one, which went on changing until then.

Alembic is loaded only where there is something to do: it takes longer than the rest of the storage.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.pool import NullPool

from storage.connection import translated
from storage.engine import CONNECT_WITHIN, WITHOUT_SESSION, is_sqlite, sqlite_file, sync_url
from storage.errors import StorageAway, Trouble
from storage.files import FileLock, copies_of, make_folder, make_private
from storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS: Final = Path(__file__).parent / "migrations"
_NAMED: Final = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)

_ADVISORY_LOCK: Final = 0x1B0C_4EE9
"""Any number will do, so long as every version uses the same."""
_TOO_OLD: Final = frozenset(f"{number:04}" for number in range(1, 11))
"""The revisions from before the first release. None of them may name another one."""


class Age(StrEnum):
    """Whose tables a database has."""

    BEHIND = "behind"
    """An older version's, or none: ``migrate`` is due."""
    CURRENT = "current"
    AHEAD = "ahead"
    """A newer version's, with all that this one needs."""


LOCK_WITHIN_MS: Final = 2_000
"""How long a migration waits for a table, with everybody who comes later behind it: far less than the ten
seconds that a statement is given, and more than the second after which autovacuum makes room
(``deadlock_timeout``)."""
PAUSE: Final = 3.0
"""Seconds that they have to themselves, before it tries again."""


async def migrate(
    url: str, *, revision: str = "head", gave_way: Callable[[str], object] = lambda _: None
) -> Age:
    """Make the database current; does nothing when it is, or is ahead. Returns what it is then.

    A table that others use on PostgreSQL is waited for as long as it takes, but not in one piece: after each
    try ``gave_way`` is told who has been at work longest, in words, empty where that cannot be known.

    Raises ``StorageAway``, also for one that is too old, or that a newer version took something from.
    """
    while True:
        try:
            return await asyncio.to_thread(_migrate, url, revision)
        except StorageAway as away:
            if away.trouble is not Trouble.BUSY or is_sqlite(url):
                raise
        gave_way(await asyncio.to_thread(_longest_at_work, url))
        await asyncio.sleep(PAUSE)


async def age_of(url: str) -> Age:
    """Whose tables they are; nothing is changed. Raises as ``migrate``."""
    return await asyncio.to_thread(_age_of, url)


async def is_current(url: str) -> bool:
    """Whether this version can run on the database as it is. Raises as ``migrate``."""
    return await age_of(url) is not Age.BEHIND


def _migrate(url: str, revision: str) -> Age:
    with translated(), _one_at_a_time(url), _connected(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_WITHIN_MS}"))
        age = _judged(connection, revision)
        if age is not Age.BEHIND:
            return age
        if is_sqlite(url) and inspect(connection).get_table_names():
            _copy(sqlite_file(url), label=revision_in(connection) or "empty")
        _upgrade(connection, revision)
        age = _judged(connection, revision)
        connection.commit()
        return age


def _longest_at_work(url: str) -> str:
    """Whose transaction on this PostgreSQL database is the oldest; other users' are not told to everybody."""
    with translated(), _connected(url) as connection:
        found = connection.execute(_LONGEST).first()
    return "" if found is None else f"process {found.pid} ({found.name or 'no name'}), {found.seconds} s"


_LONGEST: Final = text(
    "SELECT pid, application_name AS name, extract(epoch FROM now() - xact_start)::integer AS seconds "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend' AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1"
)


def _age_of(url: str) -> Age:
    if is_sqlite(url) and not sqlite_file(url).exists():
        return Age.BEHIND
    with translated(), _connected(url) as connection:
        return _judged(connection, "head")


def _judged(connection: Connection, revision: str) -> Age:
    """By the revision, which says who made the tables, and the columns, which say whether they will do."""
    if connection.dialect.name == "postgresql":
        encoding = str(connection.execute(text("SHOW server_encoding")).scalar())
        if encoding != "UTF8":
            raise StorageAway(Trouble.ENCODING, encoding)
    age = by_revision(revision_in(connection), revision=revision)
    if age is Age.AHEAD and _lacks(connection):
        raise StorageAway(Trouble.TOO_NEW)
    if age is Age.CURRENT and revision == "head" and _lacks(connection):
        raise StorageAway(Trouble.TOO_OLD)
    return age


def by_revision(present: str | None, *, revision: str = "head") -> Age:
    """What the name alone tells. Raises ``StorageAway``."""
    known = revisions()
    if present in _TOO_OLD:
        raise StorageAway(Trouble.TOO_OLD)
    if present is not None and present not in known:
        return Age.AHEAD
    return Age.CURRENT if present == (known[-1] if revision == "head" else revision) else Age.BEHIND


def _lacks(connection: Connection) -> bool:
    """Whether a column is missing that this version reads or writes."""
    wanted = {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}
    return not wanted <= {
        (table, column) for table, column in connection.execute(_COLUMNS[connection.dialect.name])
    }


_COLUMNS: Final = {
    "postgresql": text(
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped"
    ),
    "sqlite": text(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    ),
}


@cache
def revisions() -> tuple[str, ...]:
    """Every one that this version knows, the oldest first: as Alembic has them, without loading it. Read
    once: an upgrade puts the next version's beside them while this one still runs."""
    scripts = sorted((_SCRIPTS / "versions").glob("[0-9]*.py"))
    return tuple(name for it in scripts for name in _NAMED.findall(it.read_text(encoding="utf-8")))


def revision_in(connection: Connection) -> str | None:
    """Its name; ``None`` where no tables were made."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    command.upgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic reads options through ConfigParser, to which a percent sign is special.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_WITHIN, **WITHOUT_SESSION}
    if is_sqlite(url):
        arguments = {"isolation_level": None, "timeout": 5}
    engine = create_engine(sync_url(url), poolclass=NullPool, connect_args=arguments, hide_parameters=True)
    if is_sqlite(url):
        # With the driver's own transactions a migration that fails half-way would leave its half.
        event.listen(engine, "begin", _begin_immediately)
    with engine.connect() as connection:
        yield connection


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _one_at_a_time(url: str) -> Iterator[None]:
    if not is_sqlite(url):
        yield
        return
    file = sqlite_file(url)
    make_folder(file)
    lock = FileLock.wait(file.with_name(f"{file.name}.migrating"))
    try:
        make_private(file)
        yield
    finally:
        lock.release()


def _copy(file: Path, *, label: str) -> None:
    """Beside the database, with what still stands in its write-ahead log."""
    beside = file.with_name(f"{file.name}.before-{label}")
    make_private(beside)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(beside)) as target:
        source.backup(target)
    # One is enough to go back to. More would keep what has been erased since.
    for older in copies_of(file):
        if older != beside:
            older.unlink(missing_ok=True)
