"""People who use the services directly: what a slash command or a page would do, without Slack's wire.

What they see is read from the local Slack, and what Google holds from the local Google.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.app import Sessions, World, cipher_of, client_of, core_of
from bot.domain.access import Actor, Person
from bot.domain.channel import Channel, InboxSpec, Kind
from bot.domain.grant import Grant, MailboxIdentity, Revocation, Secret
from bot.domain.ids import ChannelId, GrantId, TicketId, UserId, WorkspaceId
from bot.domain.incident import Incident
from bot.domain.job import Job, JobKind
from bot.domain.probe_policy import Probe
from bot.domain.ticket import TicketOutcome
from bot.domain.view_models import AuthorizationStart
from bot.metrics import Metrics
from bot.notifier import SlackMessenger
from bot.services import Services, services_of
from bot.services.connections.tickets import NextStep, Tickets
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Messenger
from bot.slack.directory import SlackDirectory
from bot.worker import Wake
from providers.base import Authorization, Consent, Evidence, Onward, Provider, Redirect, RefreshedGrant, Renew
from providers.http_client import http_session, provider_session
from providers.registry import Registry
from storage import Storage
from tests.driver import Said
from tests.stage import Stage

ACME: Final = WorkspaceId("T0ACME")
IDS: Final = {name: UserId(f"U0{name.upper()}") for name in ("sakura", "omar", "alice", "kenji", "gus")}

T = TypeVar("T")

on_both = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
"""The test runs once on each database."""


def secret_of(begun: AuthorizationStart) -> str:
    """The ticket's secret, as it stands in its address."""
    return begun.url.rpartition("/")[2]


@dataclass
class Play:
    """The stage, and short words for what people do on it."""

    stage: Stage
    services: Services = field(init=False)
    _secrets: dict[TicketId, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = self.stage.bot.services

    @property
    def google(self) -> Any:
        return self.stage.town.google

    @property
    def microsoft(self) -> Any:
        return self.stage.town.microsoft

    @property
    def now(self) -> datetime:
        return self.stage.town.clock()

    @property
    def storage(self) -> Storage:
        return self.services.core.storage

    async def passes(self, **span: float) -> None:
        await self.stage.passes(**span)

    async def settles(self) -> None:
        await self.stage.settles()

    # --- people

    async def actor(self, name: str) -> Actor:
        return await self.services.people.member(ACME, IDS[name], fresh=True)

    async def dm(self, name: str) -> list[Said]:
        """What this person's conversation with the bot holds."""
        return (await self.stage.person(name).sees()).messages("dm")

    async def told(self, name: str, *words: str) -> list[Said]:
        """The messages that contain all these words."""
        return [said for said in await self.dm(name) if all(word in said.plain for word in words)]

    async def alarms(self, name: str = "alice") -> list[Said]:
        """Messages that say now that an inbox stopped working."""
        return [said for said in await self.dm(name) if "🔴" in said.plain]

    async def delete(self, name: str, messages: list[Said]) -> None:
        """The reader deletes these messages."""
        conversation = (await self.stage.person(name).sees()).dm.id
        slack = client_of(
            self.stage.town.settings,
            session=self.stage.session,
            clock=lambda: self.now,
            metrics=Metrics.build(),
        )
        for message in messages:
            await slack.call("chat.delete", within=10, channel=conversation, ts=message.ts)

    async def redraw(self, channel: Channel) -> None:
        """What was told of the open outage must be shown anew."""
        async with self.storage.writing() as uow:
            incident = await uow.incidents.open_of(channel.id)
            assert incident is not None
            await Notifications(self.services.core).changed(
                uow, await uow.notices.of_incident(incident.id), now=self.now
            )
            await uow.commit()

    async def rejected(self, method: str) -> list[dict[str, Any]]:
        """Calls that Slack has refused."""
        return [call for call in await self.stage.driver.calls(method) if not call["ok"]]

    async def until_known(self, is_so: Callable[[Person], bool], name: str = "alice") -> None:
        """Slack's news about a person has been written down."""
        async with asyncio.timeout(5):
            while True:
                async with self.storage.reading() as uow:
                    person = await uow.people.find(ACME, IDS[name])
                if person is not None and is_so(person):
                    return
                await asyncio.sleep(0.005)

    async def uninstalled(self) -> None:
        """The bot was uninstalled: Slack says so, and no longer takes its token."""
        await self.stage.driver.uninstall()
        await self.services.workspaces.gone(ACME)

    async def reinstalled(self) -> None:
        """It is there again, with the same token."""
        await self.stage.driver.install()
        await self.services.workspaces.seen(self.services.workspace)

    # --- connecting

    async def begin(self, who: str | Actor, address: str | None = None) -> AuthorizationStart:
        actor = await self.actor(who) if isinstance(who, str) else who
        return await self.services.connections.begin(actor, InboxSpec(address or actor.person.email))

    async def connect_team(
        self, address: str = "support@acme.example", *, by: str = "omar", provider: str = "google"
    ) -> Channel:
        """An admin connects a team address."""
        plan = InboxSpec(address, Kind.TEAM, use="Zendesk reads it", name="Support", provider=provider)
        outcome = await self.signs_in(await self.services.connections.begin(await self.actor(by), plan))
        assert outcome.ending.is_good, outcome
        found = await self.channel(address)
        assert found is not None
        return found

    async def switch(self, who: str, channel: Channel, **how: Any) -> AuthorizationStart:
        return await self.services.switches.begin(await self.actor(who), channel.id, **how)

    async def reconnect(self, who: str, channel: Channel) -> AuthorizationStart:
        return await self.services.connections.begin_reconnect(await self.actor(who), channel.id)

    async def consent(
        self,
        begun: AuthorizationStart,
        account: str | None = None,
        *,
        browser: str = "browser",
        untick: Collection[str] = (),
        cancel: bool = False,
    ) -> dict[str, str]:
        """Open the ticket, consent at Google or Microsoft; returns the callback's query."""
        self._secrets[begun.ticket_id] = secret_of(begun)
        url = url_of(await self.services.oauth_flow.start(secret_of(begun), browser))
        account = account or begun.address
        if begun.provider == "microsoft":
            return self.callback(self.microsoft.consent(url, account, cancel=cancel))
        return self.callback(self.google.consent(url, account, untick=tuple(untick), cancel=cancel))

    @staticmethod
    def callback(url: str) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(url).query))

    async def complete(
        self,
        callback: dict[str, str],
        *,
        browser: str = "browser",
        services: Services | None = None,
        provider: str = "google",
    ) -> TicketOutcome:
        flow = (services or self.services).oauth_flow
        return (await flow.complete(provider, callback, browser)).outcome

    async def signs_in(
        self, begun: AuthorizationStart, account: str | None = None, **how: Any
    ) -> TicketOutcome:
        """From the ticket to its outcome, and everything that follows at once."""
        outcome = await self.complete(await self.consent(begun, account, **how), provider=begun.provider)
        await self.settles()
        return outcome

    async def connect(self, who: str | Actor = "alice", address: str | None = None) -> Channel:
        """A member connects an inbox."""
        begun = await self.begin(who, address)
        outcome = await self.signs_in(begun)
        assert outcome.ending.is_good, outcome
        found = await self.channel(begun.address)
        assert found is not None
        return found

    def secret(self, outcome: TicketOutcome) -> str:
        """What stood in the address of the ticket that this came of."""
        return self._secrets[outcome.ticket.id]

    async def again(self, outcome: TicketOutcome, account: str = "") -> dict[str, str]:
        """*Try again* on the page of an outcome; returns the new callback's query."""
        secret = self._secrets[outcome.ticket.id]
        url = url_of(await self.services.oauth_flow.again(secret, "browser"))
        return self.callback(self.google.consent(url, account or outcome.ticket.address))

    async def link(self, name: str) -> str:
        """The secret of the *Reconnect* link in this person's alarm."""
        [alarm] = await self.alarms(name)
        urls = [part["url"] for block in alarm.blocks for part in block.get("elements", []) if "url" in part]
        [url] = [url for url in urls if "/l/" in url]
        return str(url).rpartition("/")[2]

    def refresh_tokens(self, account: str) -> int:
        """How many refresh tokens of this account Google still honours."""
        described = self.google._operations.accounts()
        return int(next(one["refresh_tokens"] for one in described if one["email"] == account))

    def handed_out(self) -> list[str]:
        """Every code and token that Google has ever handed out here."""
        return list(self.google._state.ledger._owners)

    async def second_refresh_token(self, account: str) -> Secret:
        """Another refresh token of the same account, as a rotating provider would hand out."""
        channel = await self.channel(account)
        assert channel is not None
        begun = await self.reconnect(account.partition("@")[0], channel)
        callback = await self.consent(begun, account)
        async with self.storage.reading() as uow:
            ticket = await uow.tickets.find(begun.ticket_id)
        assert ticket is not None
        consent = Tickets(self.services.core).consent(secret_of(begun), ticket)
        answer = await self.services.core.providers.get("google").redeem(consent, callback)
        return answer.secret

    # --- doing

    async def disable(self, who: str, channel: Channel) -> Channel:
        return await self.services.channel_actions.disable(await self.actor(who), channel.id)

    async def enable(self, who: str, channel: Channel) -> Channel:
        return await self.services.channel_actions.enable(await self.actor(who), channel.id)

    async def remove(self, who: str, channel: Channel) -> Any:
        removal = await self.services.channel_actions.remove(await self.actor(who), channel.id)
        await self.passes(seconds=2)  # Slack's pace: this person may just have been told something else
        return removal

    async def look(self, channel: Channel, *, services: Services | None = None) -> None:
        """A probe now, due or not."""
        services = services or self.services
        async with services.core.storage.writing() as uow:
            claimed = await services.monitoring.claim(uow, channel.id)
            await uow.commit()
        await services.monitoring.work_off(claimed)

    # --- what is stored

    async def channel(self, which: str | ChannelId) -> Channel | None:
        """By address (not removed) or by id."""
        async with self.storage.reading() as uow:
            if "@" in which:
                return await uow.channels.at_address(ACME, which)
            return await uow.channels.find(ChannelId(which))

    async def now_of(self, channel: Channel) -> Channel:
        found = await self.channel(channel.id)
        assert found is not None
        return found

    async def grant(self, grant_id: GrantId | None) -> Grant:
        assert grant_id is not None
        async with self.storage.reading() as uow:
            found = await uow.grants.find(grant_id)
        assert found is not None
        return found

    async def add_grant(self, grant: Grant) -> None:
        async with self.storage.writing() as uow:
            await uow.grants.add(grant)
            await uow.commit()

    async def grants_of(self, identity: MailboxIdentity) -> int:
        async with self.storage.reading() as uow:
            return await uow.grants.in_use(identity)

    async def probe(self, channel: Channel) -> Probe | None:
        async with self.storage.reading() as uow:
            return await uow.probes.find(channel.id)

    async def incident(self, channel: Channel) -> Incident | None:
        async with self.storage.reading() as uow:
            return await uow.incidents.latest_of(channel.id)

    async def history(self, channel: Channel) -> list[str]:
        """What happened, oldest first."""
        async with self.storage.reading() as uow:
            records = await uow.history.of_channel(channel.id, 500)
        return [record.what for record in reversed(records)]

    # --- a second process

    @asynccontextmanager
    async def another_process(
        self,
        *,
        provider: Callable[[Provider], Provider] = lambda it: it,
        messenger: Callable[[Messenger], Messenger] = lambda it: it,
        strays_by: Callable[[], timedelta] = timedelta,
        database: type[Storage] = Storage,
    ) -> AsyncIterator[Services]:
        """The same services over a connection of their own, as another process has them; on a machine whose
        clock strays from everybody else's."""
        settings, town = self.stage.town.settings, self.stage.town
        world = World(clock=lambda: town.clock() + strays_by(), lead=town.clock.lead, jitter=lambda: 0.0)
        storage = await database.open(
            settings.database_url.get_secret_value(), cipher=cipher_of(settings), lead=world.lead
        )
        async with http_session() as session, provider_session() as quick:
            core = core_of(
                settings,
                world,
                storage,
                http=Sessions(session, session, quick),
                metrics=Metrics.build(),
                wake=Wake(),
            )
            there = [provider(core.providers.get(key)) for key in core.providers.keys]
            core = replace(core, providers=Registry(there))
            client = client_of(settings, session=session, clock=world.clock, metrics=Metrics.build())
            services = services_of(
                core,
                directory=SlackDirectory(client, home=self.services.workspace.id),
                messenger=messenger(SlackMessenger(client)),
                workspace=self.services.workspace,
            )
            services.jobs.does(JobKind.REFRESH_HOME, _nothing)
            try:
                yield services
            finally:
                await storage.close()


async def _nothing(job: Job) -> None:
    """Home is drawn by the process that people talk to."""


def url_of(way: NextStep) -> str:
    """The provider's page that a way leads to."""
    assert isinstance(way.step, Redirect)
    return way.step.url


class Gate:
    """Stops a provider's answer until it is let go: for races that would be luck otherwise."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    def before(self, provider: Provider) -> Provider:
        """The provider with the gate between its answer and whoever asked."""
        return _Gated(provider, self)

    async def late(self, where: str, answer: Awaitable[T]) -> T:
        try:
            return await answer
        finally:
            if where == self._where:
                self.reached.set()
                await self.go_on.wait()


class _Gated:
    def __init__(self, inner: Provider, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate
        self.key, self.label, self.needed_scopes = inner.key, inner.label, inner.needed_scopes
        self.shared_scopes = inner.shared_scopes
        self.traits, self.app_id = inner.traits, inner.app_id
        self.approval_url = inner.approval_url

    async def begin(self, consent: Consent) -> Onward:
        return await self._inner.begin(consent)

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        return await self._gate.late("redeem", self._inner.redeem(consent, callback))

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        return await self._gate.late("refresh", self._inner.refresh(grant, claims=claims))

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        return await self._gate.late("probe", self._inner.probe(grant, fresh, renew))

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        return await self._gate.late("revoke", self._inner.revoke(grant, renew))
