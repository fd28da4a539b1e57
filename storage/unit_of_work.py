"""Units of work: what is read together, and what is kept together.

One rule: nothing is kept without ``await uow.commit()``. A new unit per operation and per task; no
network call inside one. On SQLite writers take turns, each holding the write lock from its first read
on; on PostgreSQL they run side by side and meet at the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Final, Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.grant import Secret
from storage.channels import Channels
from storage.cipher import Cipher
from storage.clock import DatabaseClock, no_lead
from storage.engine import BEGIN_WITHIN, IMMEDIATE, create_engine, is_sqlite, sqlite_file
from storage.errors import KeyLost
from storage.files import FileLock, make_folder
from storage.grants import Grants
from storage.history import History
from storage.holds import Holds
from storage.incidents import Incidents
from storage.jobs import Jobs
from storage.leases import Locks
from storage.links import Links
from storage.meta import Meta
from storage.notices import Notices
from storage.people import People
from storage.probes import Probes
from storage.requests import Requests
from storage.roles import Roles
from storage.seen import Seen
from storage.session import Session, translated
from storage.slots import Slots
from storage.tickets import Tickets
from storage.workspaces import Workspaces

CANARY: Final = "canary"


class UnitOfWork:
    """The repositories of one transaction."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.workspaces = Workspaces(session)
        self.people = People(session)
        self.channels = Channels(session)
        self.grants = Grants(session)
        self.probes = Probes(session)
        self.jobs = Jobs(session)
        self.locks = Locks(session)
        self.slots = Slots(session)
        self.tickets = Tickets(session)
        self.links = Links(session)
        self.incidents = Incidents(session)
        self.notices = Notices(session)
        self.history = History(session)
        self.seen = Seen(session)
        self.holds = Holds(session)
        self.roles = Roles(session)
        self.requests = Requests(session)
        self.meta = Meta(session)

    async def commit(self) -> None:
        await self.session.commit()


class Storage:
    """The database, open. Every method but ``close`` raises ``StorageAway`` when it cannot be reached."""

    def __init__(
        self, engine: AsyncEngine, *, clock: DatabaseClock, cipher: Cipher, held: FileLock | None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._cipher = cipher
        self._held = held
        sqlite = engine.dialect.name == "sqlite"
        self._turn: AbstractAsyncContextManager[object] = asyncio.Lock() if sqlite else nullcontext()
        self._writer = engine.execution_options(**{IMMEDIATE: True}) if sqlite else engine
        self._reader = engine if sqlite else engine.execution_options(**_SNAPSHOT)

    @classmethod
    async def open(
        cls, url: str, *, cipher: Cipher, lead: Callable[[], timedelta] = no_lead, exclusive: bool = False
    ) -> Self:
        """Get ready; the database itself is reached at first use.

        ``exclusive`` refuses to share an SQLite file with another process that asked for the same:
        ``DatabaseInUse``. PostgreSQL is always shared.
        """
        held = None
        if is_sqlite(url):
            file = sqlite_file(url)
            make_folder(file)
            held = FileLock.take(file.with_name(f"{file.name}.lock")) if exclusive else None
        engine = create_engine(url)
        return cls(engine, clock=DatabaseClock(engine.dialect.name, lead), cipher=cipher, held=held)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """One consistent view of the database."""
        async with self._unit(self._reader) as uow:
            yield uow

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that is rolled back unless committed."""
        async with self._turn, self._unit(self._writer) as uow:
            yield uow

    @asynccontextmanager
    async def _unit(self, engine: AsyncEngine) -> AsyncIterator[UnitOfWork]:
        connection = await _connected(engine)
        try:
            yield UnitOfWork(Session(connection, clock=self._clock, cipher=self._cipher))
        finally:
            with translated():
                await connection.close()

    async def ping(self) -> None:
        """Raises ``StorageAway`` unless the database answers."""
        connection = await _connected(self._reader)
        try:
            with translated():
                await connection.execute(text("SELECT 1"))
        finally:
            await connection.close()

    async def check_keys(self) -> bool:
        """Whether the configured keys are the ones this database was written with.

        The first call seals the canary that later ones try to open.
        """
        async with self.writing() as uow:
            sealed = await uow.meta.find(CANARY)
            if sealed is None:
                fresh = self._cipher.seal(Secret(CANARY), owner=CANARY)
                await uow.meta.add(CANARY, fresh.decode())
                await uow.commit()
                return True
        try:
            self._cipher.open(sealed.encode(), owner=CANARY)
        except KeyLost:
            return False
        return True

    async def take_over(self) -> None:
        """Alone with an SQLite file, every lease is a dead process's: it need not run out first."""
        if self._held is None:
            return
        async with self.writing() as uow:
            await uow.locks.release_all()
            await uow.commit()

    async def opens_canary(self) -> bool | None:
        """Whether the keys fit what is stored; ``None`` if nothing was stored yet. Changes nothing."""
        async with self.reading() as uow:
            sealed = await uow.meta.find(CANARY)
        if sealed is None:
            return None
        try:
            self._cipher.open(sealed.encode(), owner=CANARY)
        except KeyLost:
            return False
        return True

    async def close(self) -> None:
        await self._engine.dispose()
        if self._held is not None:
            self._held.release()


_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    with translated():
        async with asyncio.timeout(BEGIN_WITHIN):
            return await engine.connect()
