"""A workspace in virtual time: the real services, storage and Slack client, the local Slack, and a mail host
in memory, so that an hour of two thousand mailboxes takes a minute.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp

from bench.databases import KEY, opened
from bot.app import Sessions, World, client_of, core_of
from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.errors import ConsentDeclined, GrantRejected
from bot.domain.grant import Grant, MailboxIdentity, Phase, Revocation, Secret
from bot.domain.ids import ChannelId, GrantId, UserId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.probe_policy import Probe
from bot.domain.provider_traits import ProviderTraits
from bot.metrics import Metrics
from bot.notifier import SlackMessenger
from bot.services import Services, services_of
from bot.services.core.ports import new_id
from bot.slack.client import who_are_we
from bot.slack.directory import SlackDirectory
from bot.worker import Wake, Worker
from providers.base import Authorization, Consent, Evidence, Redirect, RefreshedGrant, Renew
from providers.http_client import http_session
from providers.registry import Registry
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from storage import Storage
from tests.driver import Driver

ACME: Final = WorkspaceId("T0ACME")
OMAR: Final = UserId("U0OMAR")
"""A super admin; there is one more."""
_SCOPES: Final = frozenset({"mail"})
_TURN: Final = timedelta(seconds=1)
"""The engine looks for what is due once a second."""


@dataclass
class MailHost:
    """Everybody's mailboxes, in memory. A ``Provider``; nobody signs in here."""

    clock: SandboxClock
    is_out: bool = False
    """Everybody is answered as if their grant were dead."""
    dead: set[str] = field(default_factory=set)
    """Addresses whose grants are."""

    key = "google"
    label = "Gmail"
    needed_scopes = _SCOPES
    shared_scopes: frozenset[str] = frozenset()
    traits = ProviderTraits()
    app_id = ""

    def approval_url(self, scopes: frozenset[str], *, redirect_uri: str, tenant: str, state: str) -> str:
        return ""

    async def begin(self, consent: Consent) -> Redirect:
        return Redirect("https://mail.example/consent")

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        raise ConsentDeclined(consent.address)

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        if self.is_out or grant.address in self.dead:
            raise GrantRejected("invalid_grant")
        assert grant.secret is not None
        return RefreshedGrant(Secret("access"), grant.secret, _SCOPES, grant.identity)

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        return Evidence(self.clock(), "memory")

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        return Revocation.CONFIRMED


@dataclass
class Office:
    """Acme and the process that looks after its mailboxes."""

    town: Town
    host: MailHost
    services: Services
    engine: Worker
    driver: Driver

    @property
    def now(self) -> datetime:
        return self.town.clock()

    @property
    def storage(self) -> Storage:
        return self.services.core.storage

    async def passes(self, seconds: float) -> None:
        """Time passes; what becomes due is done at most a second late."""
        target = self.now + timedelta(seconds=seconds)
        await self.engine.settle()
        while (due := await self._next_due()) is not None and due <= target:
            step = max(due - self.now, _TURN)
            if self.now + step > target:
                break
            self.town.clock.advance(step)
            await self.engine.settle()
        self.town.clock.advance(max(target - self.now, timedelta()))
        await self.engine.settle()

    async def _next_due(self) -> datetime | None:
        async with self.storage.reading() as uow:
            found = [await uow.probes.next_due(), await uow.jobs.next_due()]
        return min((due for due in found if due is not None), default=None)

    async def said(self, method: str, *, since: int = 0) -> list[dict[str, Any]]:
        """What the bot told Slack, and Slack took, after its call number ``since``."""
        calls = await self.driver.calls(method, since=since)
        return [call for call in calls if call["ok"]]

    async def last_call(self) -> int:
        calls = await self.driver.calls()
        return int(calls[-1]["number"]) if calls else 0

    async def unwell(self) -> int:
        """How many mailboxes don't count as connected."""
        async with self.storage.reading() as uow:
            channels = await uow.channels.all(ACME)
        return sum(channel.state is not State.CONNECTED for channel in channels)

    # --- mailboxes

    async def has_team(self, count: int) -> list[str]:
        """So many team addresses, connected by Omar."""
        addresses = [f"team-{number}@acme.example" for number in range(count)]
        await self._add([_a_channel(address, self.now) for address in addresses])
        return addresses

    async def has_people(self, count: int) -> list[str]:
        """So many people with an inbox of their own."""
        people = [UserId(person) for person in await self.driver.add_people(count)]
        await self.services.people.read_all()
        channels = [
            _a_channel(f"person-{number}@acme.example", self.now, owner=person)
            for number, person in enumerate(people)
        ]
        await self._add(channels)
        return [channel.address for channel in channels]

    async def _add(self, channels: Sequence[Channel]) -> None:
        """Connected some time ago, their probes spread over the interval between two."""
        cadence = self.services.core.policy.cadence
        async with self.storage.writing() as uow:
            for number, channel in enumerate(channels):
                interval = cadence.personal if channel.is_personal else cadence.team
                grant = _a_grant(channel)
                await uow.channels.add(replace(channel, grant_id=grant.id))
                await uow.grants.add(grant)
                await uow.probes.put(
                    _a_probe(grant, self.now + interval * (number / len(channels)), self.now)
                )
            await uow.commit()


def _a_channel(address: str, now: datetime, *, owner: UserId | None = None) -> Channel:
    return Channel(
        id=ChannelId(new_id()),
        workspace_id=ACME,
        address=address,
        kind=Kind.PERSONAL if owner else Kind.TEAM,
        owner_id=owner,
        connected_by=owner or OMAR,
        provider=MailHost.key,
        identity=MailboxIdentity(MailHost.key, f"sub-{address}", "acme.example"),
        state=State.CONNECTED,
        cause=Cause.NONE,
        since=now,
        created_at=now,
        grant_id=None,
        use="Zendesk reads it",
        name="" if owner else address.partition("@")[0],
        version=1,
    )


def _a_grant(channel: Channel) -> Grant:
    return Grant(
        id=GrantId(new_id()),
        workspace_id=ACME,
        channel_id=channel.id,
        address=channel.address,
        identity=channel.identity,
        scopes=_SCOPES,
        secret=Secret(f"refresh-{channel.id}"),
        phase=Phase.LIVE,
        obtained_at=channel.created_at,
    )


def _a_probe(grant: Grant, due_at: datetime, now: datetime) -> Probe:
    assert grant.channel_id is not None
    return Probe(
        channel_id=grant.channel_id,
        workspace_id=ACME,
        grant_id=grant.id,
        provider=MailHost.key,
        due_at=due_at,
        last_ok_at=now,
        last_done_at=now,
        outcome="passed",
    )


@asynccontextmanager
async def an_office(url: str, began: datetime, world: World, **settings: str) -> AsyncIterator[Office]:
    """A workspace before anybody connected anything. The daily chores are done. Of ``world`` its jitter
    counts."""
    clock = SandboxClock.frozen(began)
    place = Place(database_url=url, key=KEY, settings=settings)
    async with (
        opened(url, clock) as storage,
        town(place, clock) as built,
        aiohttp.ClientSession() as outside,
        http_session() as session,
    ):
        host, wake, client = (
            MailHost(clock),
            Wake(),
            client_of(built.settings, session=session, clock=clock, metrics=Metrics.build()),
        )
        core = core_of(
            built.settings,
            replace(world, clock=clock, lead=clock.lead),
            storage,
            http=Sessions(session, session, session),
            metrics=Metrics.build(),
            wake=wake,
        )
        services = services_of(
            replace(core, providers=Registry([host])),
            directory=SlackDirectory(client),
            messenger=SlackMessenger(client),
            workspace=(await who_are_we(client, clock)).workspace,
        )
        services.jobs.does(JobKind.REFRESH_HOME, _nothing)
        turns = {
            "probes": services.monitoring.run_due,
            "jobs": services.jobs.run_due,
            "chores": services.maintenance.run_due,
        }
        office = Office(
            built, host, services, Worker(turns, clock=clock, wake=wake), Driver(built.url, outside)
        )
        await services.workspaces.seen(services.workspace)
        await services.people.read_all()
        await office.engine.settle()
        yield office


async def _nothing(job: Job) -> None:
    """Nobody looks at Home here."""
