"""Units of work: what is read together, and what is kept together.

One rule: nothing is kept without ``await uow.commit()``. A new unit per operation and per task; no
network call inside one, and no second unit: two that each wait for another's connection would wait for
ever. On SQLite writers take turns, each holding the write lock from its first read on; on PostgreSQL they run
side by side and meet at the rows. How many may run at once, and for whom, stands in ``shares``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from shutil import disk_usage
from time import perf_counter
from typing import Any, Final, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.grant import Secret
from storage.api_keys import AccessTokenRepository, ApiKeyRepository, TokenUseRepository
from storage.availability import AvailabilityRepository, ReportReaderRepository
from storage.census import CensusRepository
from storage.channels import ChannelRepository, MailRoutingRepository, OverviewRepository
from storage.cipher import Cipher
from storage.clock import DatabaseClock, no_lead
from storage.clock_skew import ClockSkewRepository
from storage.connection import Connection, translated
from storage.coordination import (
    LaneLocks,
    LoginRepository,
    MetaRepository,
    SeenRepository,
    SlotRepository,
    new_token,
)
from storage.engine import (
    BEGIN_WITHIN,
    CONNECT_WITHIN,
    IMMEDIATE,
    SNAPSHOT,
    create_engine,
    is_sqlite,
    marking_engine,
    places,
    sqlite_file,
)
from storage.errors import KeyLost, StorageAway
from storage.files import FileLock, make_folder, make_private
from storage.grants import GrantRepository
from storage.history import HistoryRepository
from storage.hubspot import HubSpotRepository
from storage.incidents import IncidentRepository
from storage.jobs import JobRepository
from storage.migrate import Age, by_revision, revision_in
from storage.notices import NoticeRepository
from storage.people import PersonRepository, RoleRepository, WorkspaceRepository
from storage.probes import ProbeRepository
from storage.provider_outages import ProviderOutageRepository
from storage.requests import RequestRepository
from storage.retention import Retention
from storage.shares import Place, Share, working_for
from storage.tickets import DownloadRepository, LinkRepository, TicketRepository
from storage.webhooks import ChannelEventRepository, WebhookRepository

T = TypeVar("T")
Waited = Callable[[str, float], None]
"""Told of each transaction whether it reads or writes (``"read"``, ``"write"``), and how many seconds it
waited to begin."""

CANARY: Final = "canary"
LEAST_ROOM: Final = 100 * 1024 * 1024
"""Bytes. With less, the log that SQLite writes before the file may soon find none."""
RUNS_FOR: Final = timedelta(minutes=2)
"""How long a process counts as running after it last said so: some of its heartbeats may fail."""
SILENT_FOR: Final = timedelta(seconds=20)
"""Whoever has not said so for this long has died, and what it had taken is given to others. Some of its
heartbeats may fail, and a pause of its machine is shorter."""
_END_WITHIN: Final = 2.0
"""Seconds that closing waits for units of work under way: they are short."""


def _made(repository: Callable[[Connection], T]) -> cached_property[T]:
    """One of a unit's repositories: most units use one or two, and making all took longer than the rest."""
    return cached_property(lambda uow: repository(uow.connection))


_SERVER: Final = """
    SELECT current_setting('server_version') AS version,
        current_setting('max_connections')::int AS connections, inet_server_port() AS port
"""


_SNAPSHOT_NAMED: Final = text("SELECT pg_current_snapshot()::text")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a PostgreSQL server says of itself."""

    version: str
    connections: int
    """How many it takes at most, everybody's together."""
    port: int | None
    """Where it was reached; ``None`` through a socket file."""
    asked: int | None
    """Where the address leads, if it names a port."""

    @property
    def is_behind_something(self) -> bool:
        """Whether something else answered at the address: a pooler, most of the time."""
        return self.port is not None and self.port != (self.asked or 5432)


class UnitOfWork:
    """The repositories of one transaction, each made when it is first used."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    workspaces = _made(WorkspaceRepository)
    people = _made(PersonRepository)
    channels = _made(ChannelRepository)
    overviews = _made(OverviewRepository)
    grants = _made(GrantRepository)
    probes = _made(ProbeRepository)
    jobs = _made(JobRepository)
    locks = _made(LaneLocks)
    slots = _made(SlotRepository)
    tickets = _made(TicketRepository)
    links = _made(LinkRepository)
    downloads = _made(DownloadRepository)
    incidents = _made(IncidentRepository)
    notices = _made(NoticeRepository)
    history = _made(HistoryRepository)
    availability = _made(AvailabilityRepository)
    report_readers = _made(ReportReaderRepository)
    seen = _made(SeenRepository)
    provider_outages = _made(ProviderOutageRepository)
    roles = _made(RoleRepository)
    requests = _made(RequestRepository)
    logins = _made(LoginRepository)
    whereabouts = _made(MailRoutingRepository)
    hubspot = _made(HubSpotRepository)
    instants = _made(ClockSkewRepository)
    api_keys = _made(ApiKeyRepository)
    access_tokens = _made(AccessTokenRepository)
    token_uses = _made(TokenUseRepository)
    channel_events = _made(ChannelEventRepository)
    webhooks = _made(WebhookRepository)
    retention = _made(Retention)
    census = _made(CensusRepository)
    meta = _made(MetaRepository)

    async def commit(self) -> None:
        await self.connection.commit()


class Storage:
    """The database, open. Every method but ``close`` raises ``StorageAway`` when it cannot be reached."""

    def __init__(
        self, engine: AsyncEngine, *, clock: DatabaseClock, cipher: Cipher, held: FileLock | None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._cipher = cipher
        self._held = held
        self._process = new_token()
        sqlite = engine.dialect.name == "sqlite"
        self.file: Final = sqlite_file(_revealed(engine)) if sqlite else None
        """Where it is, if it is a file."""
        self._places = places(engine)
        self._writer = engine.execution_options(**{IMMEDIATE: True}) if sqlite else engine
        self._reader = engine if sqlite else engine.execution_options(**{SNAPSHOT: True})
        self.waited: Waited = _uncounted
        self._is_closing = False
        self._under_way = 0
        self._going_on: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._watching: sqlite3.Connection | None = None
        self._marking: AsyncEngine | None = None

    @classmethod
    async def open(
        cls, url: str, *, cipher: Cipher, lead: Callable[[], timedelta] = no_lead, exclusive: bool = False
    ) -> Self:
        """Get ready; the database itself is reached at first use. Raises ``StorageAway`` where not even its
        folder can be used.

        ``exclusive`` refuses to share an SQLite file with another process that asked for the same:
        ``DatabaseInUse``. PostgreSQL is always shared.
        """
        held = None
        if is_sqlite(url):
            file = sqlite_file(url)
            with translated():
                make_folder(file)
                make_private(file)
                held = FileLock.take(file.with_name(f"{file.name}.lock")) if exclusive else None
        engine = create_engine(url)
        return cls(engine, clock=DatabaseClock(engine.dialect.name, lead), cipher=cipher, held=held)

    @property
    def cipher(self) -> Cipher:
        """What opens and seals what is kept."""
        return self._cipher

    def has_room(self, *, least: int = LEAST_ROOM) -> bool:
        """Whether the disk of the database's file has ``least`` bytes left. Of a server nothing is known."""
        file = self.file
        return file is None or not file.exists() or disk_usage(file.parent).free >= least

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """One consistent view of the database."""
        asked = perf_counter()
        async with self._unit(self._reader, writes=False) as uow:
            self.waited("read", perf_counter() - asked)
            yield uow

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that is rolled back unless committed."""
        asked = perf_counter()
        async with self._unit(self._writer, writes=True) as uow:
            self.waited("write", perf_counter() - asked)
            yield uow

    @asynccontextmanager
    async def _unit(self, engine: AsyncEngine, *, writes: bool) -> AsyncIterator[UnitOfWork]:
        async with self._connected(engine, writes=writes) as connection:
            yield UnitOfWork(
                Connection(connection, clock=self._clock, cipher=self._cipher, process=self._process)
            )

    async def ping(self) -> None:
        """Raises ``StorageAway`` unless the database answers."""
        await working_for(Share.CHECKS, self._ping)()

    async def _ping(self) -> None:
        async with self._connected(self._reader, writes=False) as connection:
            with translated():
                await connection.execute(text("SELECT 1"))

    async def age(self) -> Age:
        """Whose tables they are now, by name: a newer version may have changed them since we started.
        Raises ``StorageAway``."""
        return by_revision(await working_for(Share.CHECKS, self._revision)())

    async def _revision(self) -> str | None:
        async with self._connected(self._reader, writes=False) as connection:
            with translated():
                return await connection.run_sync(revision_in)

    async def mark(self) -> str | None:
        """What stays the same only for as long as nobody, in any process, commits anything: whatever was read
        after this was asked is still so while it is. ``None`` where nobody can tell.

        SQLite counts the commits of others in each connection, and ours for this does nothing else.
        PostgreSQL's snapshot names the transactions that can be seen.
        """
        if self._is_closing or self.file is not None:
            return self.mark_at_once()
        if self._marking is None:
            self._marking = marking_engine(_revealed(self._engine))
        with suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_WITHIN), self._marking.connect() as connection:
                return str((await connection.execute(_SNAPSHOT_NAMED)).scalar())
        return None

    def mark_at_once(self) -> str | None:
        """The same where nothing is waited for, which is SQLite; ``None`` of a server."""
        return None if self._is_closing or self.file is None else self._data_version()

    def _data_version(self) -> str | None:
        """On the event loop: it takes two microseconds, and a thread would take a hundred times that."""
        try:
            if self._watching is None and self.file is not None:
                self._watching = sqlite3.connect(
                    f"{self.file.absolute().as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None
                )
            if self._watching is None:
                return None
            return str(self._watching.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None

    async def server(self) -> ServerFacts | None:
        """What the doctor asks of a server; ``None`` for a file. Raises ``StorageAway``."""
        if self._engine.dialect.name == "sqlite":
            return None
        async with self._connected(self._reader, writes=False) as connection:
            with translated():
                row = (await connection.execute(text(_SERVER))).one()
        return ServerFacts(row.version, row.connections, row.port, self._engine.url.port)

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        if self._is_closing:
            raise StorageAway
        self._under_way += 1
        try:
            place = await self._places.take(writes=writes)
            connection = await self._connect(engine, place)
            try:
                yield connection
            finally:
                with translated():
                    await asyncio.shield(self._begin(self._let_go(connection, place)))
        finally:
            self._under_way -= 1
            self._idle.set()

    async def _connect(self, engine: AsyncEngine, place: Place) -> AsyncConnection:
        """Connecting cannot be cut off half-way, only be waited for no longer: the driver's thread would
        go on alone, and answer an event loop that may have ended. The place is left when that is over."""
        if self._is_closing:  # while we stood in line
            place.leave()
            raise StorageAway
        connecting = self._begin(_connection(engine))
        try:
            with translated():
                async with asyncio.timeout(BEGIN_WITHIN):
                    return await asyncio.shield(connecting)
        except BaseException:
            connecting.add_done_callback(partial(self._came_late, place))
            raise

    def _came_late(self, place: Place, connecting: asyncio.Task[AsyncConnection]) -> None:
        if not connecting.cancelled() and connecting.exception() is None:
            self._begin(self._let_go(connecting.result(), place))
        else:
            place.leave()

    async def _let_go(self, connection: AsyncConnection, place: Place) -> None:
        """Back into the pool. One that outlived ``close`` has no pool to go back to: only the garbage
        collector would ever end it."""
        try:
            if self._is_closing:
                await connection.invalidate()
            await connection.close()
        finally:
            place.leave()

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that goes on when whoever wanted it is gone; ``close`` waits for it."""
        task = asyncio.create_task(work)
        self._going_on.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._going_on.discard(task)
        self._idle.set()

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

    async def take_over(self) -> bool:
        """Alone with an SQLite file, every lease is a dead process's: it need not run out first. Returns
        whether it is alone: whatever else is under way in it died, too."""
        if self._held is None:
            return False
        async with self.writing() as uow:
            await uow.locks.release_all()
            await self.announce(uow)  # was freed, too
            await uow.commit()
        return True

    async def announce(self, uow: UnitOfWork) -> None:
        """Tell other processes that this one runs and which keys it knows; repeat it within ``RUNS_FOR``."""
        await uow.locks.announce(self._process, self._cipher.fingerprints, RUNS_FOR)

    async def free_the_dead(self, uow: UnitOfWork) -> int:
        """What processes that are silent had taken is anybody's; how many leases that were. Should one of
        them only have stood still, its tokens are worthless: what it does now is written down by nobody.

        To be called by whoever has been heard itself for ``SILENT_FOR``: after an outage of the database all
        are silent, and most of them live.
        """
        return await uow.locks.free_silent(self._process, RUNS_FOR - SILENT_FOR)

    async def withdraw(self) -> None:
        """This process ends: nobody need heed any more which keys it knows."""
        with suppress(StorageAway):
            async with self.writing() as uow:
                await uow.locks.withdraw(self._process)
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

    async def close(self, *, within: float = _END_WITHIN) -> None:
        """Let no new unit begin, give those under way ``within`` seconds to end, and hang up."""
        self._is_closing = True
        await self._until_idle(within)
        late = set(self._going_on)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if self._watching is not None:
            self._watching.close()
        if self._marking is not None:
            await self._marking.dispose()
        await self._engine.dispose()
        if self._held is not None:
            self._held.release()

    async def _until_idle(self, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._under_way or self._going_on:
                    self._idle.clear()
                    await self._idle.wait()


def _revealed(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _uncounted(access: str, seconds: float) -> None:
    """Nobody wants to know."""


async def _connection(engine: AsyncEngine) -> AsyncConnection:
    if engine.dialect.name != "postgresql":
        return await engine.connect()
    try:
        return await _in_transaction(engine)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return await _in_transaction(engine)  # it lay in the pool when its server ended, and so did the others


async def _in_transaction(engine: AsyncEngine) -> AsyncConnection:
    """At once, not with the first statement: a full pool takes our connection, and lets us wait here."""
    connection = await engine.connect()
    try:
        await connection.begin()
    except BaseException:
        await connection.close()
        raise
    return connection
