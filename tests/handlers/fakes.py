"""The services as handlers meet them, in memory. What they return or raise is set by each test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.access import Actor, Person
from bot.domain.channel import Channel, State
from bot.domain.errors import Gone, TicketUnknown, UnknownAddress
from bot.domain.grant import Revocation
from bot.domain.ids import ChannelId, GrantId, TicketId
from bot.domain.picture import ChannelRow, ChannelStatus, Overview, Removal
from bot.domain.ticket import Purpose, TicketOutcome
from bot.services.connecting import Begun, Landing
from tests.views.samples import ALL, ANN, NOW, SCOPES, W, a_row

ADDRESS = "ann@example.com"


@dataclass
class Trouble:
    """What stands between a handler and its service: errors to raise, and a gate to wait at."""

    error: Exception | None = None
    gate: asyncio.Event | None = None

    async def pass_(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error


@dataclass
class FakePeople:
    trouble: Trouble
    locale: str = "en-US"
    known: list[Person] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)

    async def member(self, workspace_id: str, user_id: str, *, fresh: bool = False) -> Actor:
        self.fresh.append(fresh)
        await self.trouble.pass_()
        person = Person(id=ANN, workspace_id=W, email=ADDRESS, locale=self.locale)
        return Actor(person, is_super_admin=False)

    async def locale_of(self, workspace_id: str, user_id: str) -> str:
        return self.locale

    async def changed(self, person: Person) -> None:
        await self.trouble.pass_()
        self.known.append(person)


@dataclass
class FakeChannels:
    channels: dict[str, Channel] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)

    async def overview(self, actor: Actor) -> Overview:
        rows = tuple(a_row(channel) for channel in self.channels.values())
        return Overview(own=rows, team=(), others=(), may_connect=True, command="/inbox")

    async def addresses(self, actor: Actor) -> tuple[str, ...]:
        return tuple(channel.address for channel in self.channels.values())

    async def find(self, actor: Actor, typed: str) -> Channel:
        for channel in self.channels.values():
            if channel.address == typed:
                return channel
        raise UnknownAddress(typed, tuple(await self.addresses(actor)))

    async def by_id(self, actor: Actor, channel_id: ChannelId) -> Channel:
        if channel_id not in self.channels:
            raise Gone(ADDRESS)
        return self.channels[channel_id]

    async def status(self, actor: Actor, channel_id: ChannelId) -> ChannelStatus:
        row = ChannelRow(self.channels[channel_id], "Gmail", NOW, ALL, is_own=True)
        return ChannelStatus(
            row, scopes=SCOPES, connected_by=ANN, obtained_at=NOW, incident=None, next_probe_at=NOW
        )

    async def before_removal(self, actor: Actor, channel_id: ChannelId) -> Removal:
        return self._removal(self.channels[channel_id], Revocation.NOT_ASKED)

    async def disable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        return self._moved("disable", channel_id, State.DISABLED)

    async def enable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        return self._moved("enable", channel_id, State.CONNECTED)

    async def remove(self, actor: Actor, channel_id: ChannelId) -> Removal:
        return self._removal(self._moved("remove", channel_id, State.REMOVED), Revocation.CONFIRMED)

    async def check_again(self, actor: Actor, grant_id: GrantId) -> Removal:
        self.done.append(("check", grant_id))
        return self._removal(next(iter(self.channels.values())), Revocation.NOT_CONFIRMED)

    def provider_label(self, key: str) -> str:
        return "Gmail"

    def _moved(self, deed: str, channel_id: str, state: State) -> Channel:
        self.done.append((deed, channel_id))
        before = self.channels[channel_id]
        after = replace(before, state=state, version=before.version + 1)
        self.channels[channel_id] = after
        return after

    def _removal(self, channel: Channel, revocation: Revocation) -> Removal:
        return Removal(channel, revocation, 0, 0, "Gmail", grant_id=GrantId("g1"), revocation_at=NOW)


@dataclass
class FakeConnecting:
    trouble: Trouble
    begun: list[str] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    browsers: list[str | None] = field(default_factory=list)
    completed: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    outcome: TicketOutcome | None = None
    cannot_wait: Exception | None = None
    locale: str = "en-US"

    async def begin(self, actor: Actor, address: str) -> Begun:
        await self.trouble.pass_()
        self.begun.append(address)
        return self._begun(address, reconnect=False)

    async def begin_reconnect(self, actor: Actor, channel_id: ChannelId) -> Begun:
        self.begun.append(channel_id)
        return self._begun(ADDRESS, reconnect=True)

    async def waits_in(self, ticket_id: TicketId, view_id: str) -> None:
        if self.cannot_wait is not None:
            raise self.cannot_wait
        self.waiting.append((ticket_id, view_id))

    async def landing(self, secret: str) -> Landing:
        await self.trouble.pass_()
        if secret not in {"s1", "s2"}:
            raise TicketUnknown
        return Landing(ADDRESS, "Ann", "Acme", Purpose.CONNECT, "Gmail", self.locale)

    link_landing = landing

    async def start(self, secret: str, browser: str) -> str:
        self.browsers.append(browser)
        return f"https://provider.example/consent?state={secret}"

    link_start = start

    async def again(self, secret: str, browser: str) -> str:
        return await self.start("s2", browser)

    async def complete(
        self, provider: str, callback: Mapping[str, str], browser: str | None
    ) -> TicketOutcome:
        self.completed.append((provider, dict(callback)))
        self.browsers.append(browser)
        await self.trouble.pass_()
        assert self.outcome is not None
        return self.outcome

    def _begun(self, address: str, *, reconnect: bool) -> Begun:
        url = "https://bot.example/go/s1"
        return Begun(address, "Gmail", SCOPES, url, reconnect, TicketId("t1"))


@dataclass
class FakeWorkspaces:
    trouble: Trouble
    seen: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    async def first_time(self, key: str) -> bool:
        await self.trouble.pass_()
        is_new = key not in self.seen
        self.seen.add(key)
        return is_new

    async def gone(self, workspace_id: str) -> None:
        self.left.append(workspace_id)


@dataclass
class FakeServices:
    """All of them; ``trouble`` stands before every call that could meet one."""

    trouble: Trouble = field(default_factory=Trouble)
    people: Any = None
    channels: Any = None
    connecting: Any = None
    workspaces: Any = None

    def __post_init__(self) -> None:
        self.people = FakePeople(self.trouble)
        self.channels = FakeChannels()
        self.connecting = FakeConnecting(self.trouble)
        self.workspaces = FakeWorkspaces(self.trouble)
