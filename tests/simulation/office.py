"""A workspace with many team addresses, in virtual time: real services, storage and Slack client, the local
Slack, and a mail host in memory. Processes come and go; some die in the middle of something.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
from sqlalchemy import ColumnElement, bindparam, literal
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.app import Sessions, World, cipher_of, client_of, core_of
from bot.domain.access import Actor
from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.grant import Grant, Phase
from bot.domain.ids import ChannelId, ConversationId, GrantId, UserId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.probe_policy import Probe
from bot.domain.ticket import TicketOutcome
from bot.domain.view_models import AuthorizationStart
from bot.metrics import Metrics
from bot.notifier import SlackMessenger
from bot.services import Services, services_of
from bot.services.core.ports import Clock, Messenger, new_id
from bot.slack.client import who_are_we
from bot.slack.directory import SlackDirectory
from bot.worker import Wake, Worker
from providers.base import Provider
from providers.http_client import http_session
from providers.registry import Registry
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from sandbox.slack.state import Message
from storage import Storage, UnitOfWork
from storage.clock import DatabaseClock
from storage.column_types import Instant
from tests.driver import Driver
from tests.services.play import secret_of
from tests.simulation.mailhost import SCOPES, MailHost

ACME: Final = WorkspaceId("T0ACME")
OMAR: Final = UserId("U0OMAR")
SAKURA: Final = UserId("U0SAKURA")
"""The two super admins; she reads Japanese."""
BEGINNING: Final = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
_AT_LEAST: Final = timedelta(seconds=1)
"""The engine looks for what is due once a second."""

OpenStorage = Callable[[Storage], Storage]


def _same(messenger: Messenger) -> Messenger:
    return messenger


@dataclass
class Process:
    """One bot process, without its pages and listeners."""

    services: Services
    engine: Worker
    wakes_at: set[datetime] = field(default_factory=set)
    """When it has asked to be woken."""

    @property
    def storage(self) -> Storage:
        return self.services.core.storage

    def next_wake(self, now: datetime) -> datetime | None:
        """The next moment at which it is woken, if any."""
        self.wakes_at -= {at for at in self.wakes_at if at <= now}
        return min(self.wakes_at, default=None)


@asynccontextmanager
async def a_process(
    built: Town,
    *provider: Provider,
    messenger: Callable[[Messenger], Messenger] = _same,
    storage_class: type[Storage] = Storage,
    jitter: Callable[[], float] = lambda: 0.0,
    jobs_at_once: int | None = None,
) -> AsyncIterator[Process]:
    """A process over connections of its own; it does nothing by itself. Jobs that are done one after the
    other are done in the same order every time."""
    settings, wake = built.settings, Wake()
    world = World(clock=built.clock, lead=built.clock.lead, jitter=jitter)
    url = settings.database_url.get_secret_value()
    storage = await _timed(storage_class, built.clock).open(url, cipher=cipher_of(settings))
    try:
        async with http_session() as session:
            client = client_of(settings, session=session, clock=built.clock, metrics=Metrics.build())
            core = core_of(
                settings,
                world,
                storage,
                http=Sessions(session, session, session),
                metrics=Metrics.build(),
                wake=wake,
            )
            wakes_at = set[datetime]()
            services = services_of(
                replace(
                    core,
                    providers=Registry(provider),
                    wake_in=lambda span: wakes_at.add(built.clock() + span),
                ),
                directory=SlackDirectory(client),
                messenger=messenger(SlackMessenger(client)),
                workspace=(await who_are_we(client, built.clock)).workspace,
            )
            services.jobs.does(JobKind.REFRESH_HOME, _nothing)

            async def one_by_one() -> int:
                total = 0
                while done := await services.jobs.run_due(limit=jobs_at_once or 1):
                    total += done
                return total

            turns = {
                "probes": services.monitoring.run_due,
                "jobs": services.jobs.run_due if jobs_at_once is None else one_by_one,
                "chores": services.maintenance.run_due,
            }
            yield Process(services, Worker(turns, clock=built.clock, wake=wake), wakes_at)
    finally:
        await storage.close()


def _timed(storage_class: type[Storage], clock: Clock) -> type[Storage]:
    """With a database clock that stands still when time does: else no run would be like another one."""

    class StandingClock(DatabaseClock):
        def now(self, *, plus: timedelta = timedelta()) -> ColumnElement[datetime]:
            return literal(clock() + plus, Instant)

        @classmethod
        def moment(cls, dialect: str, name: str) -> ColumnElement[datetime]:
            return bindparam(name, type_=Instant)

        def ahead(self, *, plus: timedelta = timedelta()) -> object:
            return clock() + plus

    class Timed(storage_class):  # type: ignore[misc, valid-type]
        def __init__(self, engine: AsyncEngine, **how: Any) -> None:
            super().__init__(engine, **how | {"clock": StandingClock(engine.dialect.name)})

    return Timed


async def _nothing(job: Job) -> None:
    """There are no listeners here that could draw Home."""


@dataclass
class Office:
    """Acme, its mail host and the process that looks after it."""

    town: Town
    host: MailHost
    process: Process
    driver: Driver
    acme: WorkspaceId = ACME
    grain: timedelta = _AT_LEAST
    """How late a mailbox may be looked at: what is coarse is quick."""
    life: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)
    """Of the present process."""

    @property
    def services(self) -> Services:
        return self.process.services

    @property
    def storage(self) -> Storage:
        return self.process.storage

    @property
    def now(self) -> datetime:
        return self.town.clock()

    async def is_replaced(self, *provider: Provider, **how: Any) -> None:
        """The present process has come to its end, and another one begins: ``how`` as for ``a_process``."""
        await self.life.aclose()
        self.process = await self.life.enter_async_context(
            a_process(self.town, *(provider or (self.host,)), **how)
        )

    # --- time

    async def settles(self) -> None:
        await self.process.engine.settle()

    async def passes(self, **span: float) -> None:
        """Time passes; what becomes due is done at most a second late, as the engine would, and mailboxes are
        looked at within the ``grain``: over hours, within a thousandth of them."""
        target = self.now + timedelta(**span)
        grain = max(self.grain, timedelta(**span) / 1_000)
        await self.settles()
        while (due := await self._next_turn(grain)) is not None and due <= target:
            self.town.clock.advance(due - self.now)
            await self.settles()
        self.town.clock.advance(max(target - self.now, timedelta()))
        await self.settles()

    async def _next_turn(self, grain: timedelta) -> datetime | None:
        async with self.storage.reading() as uow:
            waiting = (await uow.jobs.next_due(), _AT_LEAST), (await uow.probes.next_due(), grain)
        turns = [max(due, self.now + least) for due, least in waiting if due is not None]
        wake = self.process.next_wake(self.now)
        return min([*turns, wake] if wake else turns, default=None)

    # --- channels

    async def has_team_channels(
        self, addresses: Sequence[str], *, conversation: ConversationId | None = None
    ) -> tuple[Channel, ...]:
        """Connected by Omar some time ago, their probes spread over the interval between two."""
        interval = self.services.core.policy.cadence.team
        async with self.storage.writing() as uow:
            made = [
                await self._add(uow, address, self.now + interval * (n / len(addresses)), conversation)
                for n, address in enumerate(addresses)
            ]
            await uow.commit()
        return tuple(made)

    async def _add(
        self, uow: UnitOfWork, address: str, due_at: datetime, conversation: ConversationId | None
    ) -> Channel:
        mailbox = self.host.opens(address)
        channel_id, grant_id = ChannelId(new_id()), GrantId(new_id())
        channel = Channel(
            id=channel_id,
            workspace_id=ACME,
            address=address,
            kind=Kind.TEAM,
            owner_id=None,
            connected_by=OMAR,
            provider=self.host.key,
            identity=mailbox.identity,
            state=State.CONNECTED,
            cause=Cause.NONE,
            since=self.now,
            created_at=self.now,
            grant_id=grant_id,
            use="Zendesk reads it",
            name=address.partition("@")[0],
            conversation_id=conversation,
            version=1,
        )
        grant = Grant(
            id=grant_id,
            workspace_id=ACME,
            channel_id=channel_id,
            address=address,
            identity=mailbox.identity,
            scopes=SCOPES,
            secret=mailbox.issue(),
            phase=Phase.LIVE,
            obtained_at=self.now,
        )
        row = Probe(
            channel_id=channel_id,
            workspace_id=ACME,
            grant_id=grant_id,
            provider=self.host.key,
            due_at=due_at,
            last_ok_at=self.now,
            last_done_at=self.now,
            outcome="passed",
        )
        await uow.channels.add(channel)
        await uow.grants.add(grant)
        await uow.probes.put(row)
        return channel

    async def channels(self) -> tuple[Channel, ...]:
        async with self.storage.reading() as uow:
            return await uow.channels.all(ACME)

    async def states(self) -> dict[State, int]:
        channels = await self.channels()
        return {state: sum(c.state is state for c in channels) for state in {c.state for c in channels}}

    # --- people

    async def actor(self, user_id: UserId) -> Actor:
        return await self.services.people.member(ACME, user_id, fresh=True)

    async def reconnects(self, user_id: UserId, address: str, *, account: str = "") -> TicketOutcome:
        """Signs in anew for what stands at ``address``, with its own ``account`` or with another one."""
        async with self.storage.reading() as uow:
            channel = await uow.channels.at_address(ACME, address)
        assert channel is not None
        begun = await self.services.connections.begin_reconnect(await self.actor(user_id), channel.id)
        return await self.signs_in(begun, account or address)

    async def signs_in(self, begun: AuthorizationStart, account: str) -> TicketOutcome:
        secret = secret_of(begun)
        await self.services.oauth_flow.start(secret, "browser")
        callback = {"state": secret, "code": account}
        return (await self.services.oauth_flow.complete(self.host.key, callback, "browser")).outcome

    def messages(self, user_id: UserId) -> list[Message]:
        """What stands in this person's conversation with the bot."""
        return list(self.town.slack.core.workspace.messages.get(f"D{user_id[1:]}", []))


@asynccontextmanager
async def an_office(database_url: str, **settings: str) -> AsyncIterator[Office]:
    """A workspace before anybody connected anything. The daily chores are done."""
    place = Place(database_url=database_url, settings=settings)
    async with (
        town(place, SandboxClock.frozen(BEGINNING)) as built,
        aiohttp.ClientSession() as session,
    ):
        host = MailHost(built.clock)
        async with AsyncExitStack() as life:
            process = await life.enter_async_context(a_process(built, host))
            await process.services.workspaces.seen(process.services.workspace)
            await process.services.people.read_all()
            await process.engine.settle()
            yield Office(built, host, process, Driver(built.url, session), life=life)
