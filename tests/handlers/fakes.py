"""The services as handlers meet them, in memory. What they return or raise is set by each test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from bot.domain.access import Actor, Operation, Person, Role, RoleChange
from bot.domain.availability import Report
from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import ExportTaken, Gone, NeedsApproval, TicketUnknown, UnknownAddress
from bot.domain.grant import Revocation
from bot.domain.ids import ChannelId, ConversationId, GrantId, NoticeId, RequestId, TicketId, UserId
from bot.domain.incident import Snooze
from bot.domain.request import APPROVAL_LASTS, Request, RequestedChange, RequestState
from bot.domain.ticket import File, OutcomeKind, Purpose, Ticket, TicketOutcome
from bot.domain.view_models import (
    Ask,
    AuthorizationStart,
    Browse,
    ChannelPermissions,
    ChannelRow,
    ChannelStatus,
    Completion,
    Drill,
    ExportLanding,
    HistoryModel,
    Landing,
    Overview,
    PermissionsOverview,
    Removal,
)
from bot.services.connections.channel_actions import TeamDetails
from bot.services.connections.tickets import NextStep
from bot.services.core.courtesy import Courtesy
from bot.services.people.admins import Preview, Roster
from bot.services.people.approvals import ApprovalAsked
from bot.services.upkeep.history import Offer
from providers.base import Form, Redirect
from tests.views.samples import ALL, ANN, BOB, NOW, SCOPES, W, a_row, an_outcome, an_overview

ADDRESS = "ann@example.com"

_ALL: Final = Browse()


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
    is_super_admin: bool = False
    known: list[Person] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)

    async def member(self, workspace_id: str, user_id: str, *, fresh: bool = False) -> Actor:
        self.fresh.append(fresh)
        await self.trouble.pass_()
        person = Person(id=ANN, workspace_id=W, email=ADDRESS, locale=self.locale)
        return Actor(person, is_super_admin=self.is_super_admin)

    async def note_first_hour(self, actor: Actor, *, rehearsed: bool = False, hides: bool = False) -> None:
        self.noted.append("rehearsed" if rehearsed else "hidden" if hides else "")

    async def locale_of(self, workspace_id: str, user_id: str) -> str:
        return self.locale

    def locale_at_once(self, workspace_id: str, user_id: str) -> str:
        return self.locale

    async def changed(self, person: Person) -> None:
        await self.trouble.pass_()
        self.known.append(person)


@dataclass
class FakeChannels:
    channels: dict[str, Channel] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    taken_over: list[TeamDetails] = field(default_factory=list)
    needs_approval: bool = False
    """Every deed is a wish that ``BOB`` may grant."""
    gate: asyncio.Event | None = None
    """Where an overview that was read waits before it is shown."""

    marked: str | None = None
    """Stays the same while nothing is committed; ``None``: nobody can tell."""

    async def mark(self) -> str | None:
        return self.marked

    def mark_at_once(self) -> str | None:
        return self.marked

    async def overview(self, actor: Actor, *, most: int, browse: Browse = _ALL) -> Overview:
        own = tuple(a_row(it) for it in self.channels.values() if browse.text in it.address)
        if self.gate is not None:
            await self.gate.wait()
        return an_overview(own=own, browse=browse, has_more=not browse.skip)

    async def addresses(self, actor: Actor, *, most: int) -> tuple[tuple[str, ...], int]:
        return tuple(channel.address for channel in self.channels.values())[:most], len(self.channels)

    async def candidates(
        self, actor: Actor, operation: Operation, *, most: int
    ) -> tuple[tuple[Channel, ...], bool]:
        return tuple(self.channels.values())[:most], len(self.channels) > most

    async def matching(self, actor: Actor, text: str, *, most: int) -> Overview:
        return an_overview(
            own=tuple(a_row(it) for it in self.channels.values() if text in it.address), sought=text
        )

    async def find(self, actor: Actor, typed: str) -> Channel:
        for channel in self.channels.values():
            if channel.address == typed:
                return channel
        raise UnknownAddress(typed, tuple(channel.address for channel in self.channels.values()))

    async def by_id(self, actor: Actor, channel_id: ChannelId) -> Channel:
        if channel_id not in self.channels:
            raise Gone(ADDRESS)
        return self.channels[channel_id]

    async def allowed(self, actor: Actor, channel_id: ChannelId, operation: Operation) -> Channel:
        channel = await self.by_id(actor, channel_id)
        if self.needs_approval:
            raise NeedsApproval(
                RequestedChange(operation, InboxSpec(channel.address, channel.kind), channel.id),
                who_can=(BOB,),
            )
        return channel

    async def take_over(self, actor: Actor, channel_id: ChannelId, details: TeamDetails) -> Channel:
        self.taken_over.append(details)
        taken = replace(self.channels[channel_id], kind=Kind.TEAM, owner_id=None, version=4)
        self.channels[channel_id] = taken
        return taken

    async def status(self, actor: Actor, channel_id: ChannelId) -> ChannelStatus:
        row = ChannelRow(self.channels[channel_id], "Gmail", NOW, ALL, is_own=True)
        return ChannelStatus(
            row, scopes=SCOPES, connected_by=ANN, obtained_at=NOW, incident=None, next_probe_at=NOW
        )

    async def programs_of(self, channel: Channel) -> tuple[str, ...]:
        return ()

    async def delegate_of(self, channel: Channel) -> str:
        return ""

    async def before_removal(self, actor: Actor, channel_id: ChannelId) -> Removal:
        channel = await self.allowed(actor, channel_id, Operation.REMOVE)
        return self._removal(channel, Revocation.NOT_ASKED)

    async def disable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        return self._moved("disable", channel_id, State.DISABLED)

    async def enable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        await self.allowed(actor, channel_id, Operation.ENABLE)
        return self._moved("enable", channel_id, State.CONNECTED)

    async def remove(self, actor: Actor, channel_id: ChannelId) -> Removal:
        return self._removal(self._moved("remove", channel_id, State.REMOVED), Revocation.CONFIRMED)

    async def check_again(self, actor: Actor, grant_id: GrantId) -> Removal:
        self.done.append(("check", grant_id))
        return self._removal(next(iter(self.channels.values())), Revocation.NOT_CONFIRMED)

    def is_by_hand(self, channel: Channel) -> bool:
        return False

    def label_for(self, channel: Channel) -> str:
        return self.label_at(channel.provider, channel.address)

    def label_at(self, key: str, address: str) -> str:
        return "Gmail"

    def _moved(self, operation: str, channel_id: str, state: State) -> Channel:
        self.done.append((operation, channel_id))
        before = self.channels[channel_id]
        after = replace(before, state=state, version=before.version + 1)
        self.channels[channel_id] = after
        return after

    def _removal(self, channel: Channel, revocation: Revocation) -> Removal:
        return Removal(
            channel, revocation, 0, 0, "Gmail", "google", grant_id=GrantId("g1"), revocation_at=NOW
        )


@dataclass
class FakeConnecting:
    trouble: Trouble
    begun: list[str] = field(default_factory=list)
    """Addresses, or the id of the channel or request that it goes on with."""
    plans: list[InboxSpec] = field(default_factory=list)
    greeted: list[ConversationId | None] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    browsers: list[str | None] = field(default_factory=list)
    completed: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    outcome: TicketOutcome | None = None
    cannot_wait: Exception | None = None
    approvals: list[tuple[str, str, bool]] = field(default_factory=list)
    waiting_request: Request | None = None
    may_ask: bool = False
    locale: str = "en-US"
    step: Form | None = None
    """A form of ours instead of a provider's page."""

    async def begin(self, actor: Actor, plan: InboxSpec) -> AuthorizationStart:
        await self.trouble.pass_()
        self.begun.append(plan.address)
        self.plans.append(plan)
        return self._begun(plan.address, reconnect=False)

    async def begin_approved(self, actor: Actor, request_id: RequestId) -> AuthorizationStart:
        self.begun.append(request_id)
        return self._begun(ADDRESS, reconnect=False)

    async def say_hello(self, actor: Actor, address: str, conversation_id: ConversationId | None) -> None:
        await self.trouble.pass_()
        self.greeted.append(conversation_id)

    async def begin_reconnect(self, actor: Actor, channel_id: ChannelId) -> AuthorizationStart:
        self.begun.append(channel_id)
        return self._begun(ADDRESS, reconnect=True)

    async def waits_in(self, ticket_id: TicketId, view_id: str) -> None:
        if self.cannot_wait is not None:
            raise self.cannot_wait
        self.waiting.append((ticket_id, view_id))

    async def expired(self, actor: Actor, ticket_id: TicketId) -> Ticket:
        await self.trouble.pass_()
        return replace(an_outcome(OutcomeKind.PENDING).ticket, id=ticket_id)

    async def landing(self, secret: str) -> Landing:
        await self.trouble.pass_()
        if secret not in {"s1", "s2"}:
            raise TicketUnknown
        return Landing(ADDRESS, "Ann", "Acme", Purpose.CONNECT, "Gmail", self.locale)

    link_landing = landing

    async def start(self, secret: str, browser: str) -> NextStep:
        self.browsers.append(browser)
        if self.step is not None:
            return NextStep(secret, self.step)
        return NextStep(secret, Redirect(f"https://provider.example/consent?state={secret}"))

    link_start = start

    async def again(self, secret: str, browser: str) -> NextStep:
        return await self.start("s2", browser)

    async def renew(self, secret: str, browser: str) -> str:
        self.browsers.append(browser)
        await self.trouble.pass_()
        return "fresh"

    async def heard_of_approval(self, provider: str, secret: str, *, is_given: bool) -> Request | None:
        self.approvals.append((provider, secret, is_given))
        return self.waiting_request

    async def ask_their_admin(self, secret: str, browser: str) -> Request:
        self.browsers.append(browser)
        await self.trouble.pass_()
        return a_request()

    async def complete(self, provider: str, callback: Mapping[str, str], browser: str | None) -> Completion:
        self.completed.append((provider, dict(callback)))
        self.browsers.append(browser)
        await self.trouble.pass_()
        assert self.outcome is not None
        may_confirm = self.may_confirm_it and self.outcome.may_be_confirmed
        return Completion(self.outcome, "Gmail", may_ask_admin=self.may_ask, may_confirm=may_confirm)

    may_confirm_it: bool = False

    async def confirm(self, secret: str, browser: str) -> NextStep:
        await self.trouble.pass_()
        return await self.start("s2", browser)

    def _begun(self, address: str, *, reconnect: bool) -> AuthorizationStart:
        url = "https://bot.example/go/s1"
        purpose = Purpose.RECONNECT if reconnect else Purpose.CONNECT
        return AuthorizationStart(InboxSpec(address), "Gmail", SCOPES, url, purpose, TicketId("t1"))


@dataclass
class FakeSwitching:
    trouble: Trouble
    begun: list[tuple[str, str, bool]] = field(default_factory=list)
    """Channel, goal, and whether it is a shared mailbox."""
    needs_approval: bool = False

    async def begin(
        self, actor: Actor, channel_id: ChannelId, *, to: str = "", is_shared: bool = False
    ) -> AuthorizationStart:
        await self.trouble.pass_()
        self.begun.append((channel_id, to, is_shared))
        channel = a_row().channel
        removal = Removal(channel, Revocation.NOT_ASKED, 0, 0, "Gmail", "google", now_at="Gmail")
        url = "https://bot.example/go/s1"
        return AuthorizationStart(
            InboxSpec(ADDRESS), "Office 365", SCOPES, url, Purpose.SWITCH, TicketId("t1"), leaves=removal
        )

    async def check_leaving(self, actor: Actor, channel_id: ChannelId, provider: str) -> bool:
        await self.trouble.pass_()
        return self.needs_approval

    async def begin_anew(self, actor: Actor, channel_id: ChannelId, provider: str) -> AuthorizationStart:
        self.begun.append((channel_id, provider, False))
        inbox = InboxSpec(ADDRESS, provider=provider)
        url = "https://bot.example/go/s1"
        return AuthorizationStart(
            inbox, "IMAP", SCOPES, url, Purpose.CONNECT, TicketId("t1"), takes_password=True
        )


def a_request(**changes: Any) -> Request:
    request = Request(
        id=RequestId("r1"),
        workspace_id=W,
        requester=BOB,
        requested_change=RequestedChange(Operation.REMOVE, InboxSpec(ADDRESS, Kind.TEAM), ChannelId("c1")),
        reason="We moved",
        state=RequestState.WAITING,
        created_at=NOW,
        expires_at=NOW + APPROVAL_LASTS,
    )
    return replace(request, **changes)


@dataclass
class FakeRequests:
    trouble: Trouble
    done: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[RequestedChange, str]] = field(default_factory=list)

    async def ask(self, actor: Actor, requested_change: RequestedChange, *, reason: str) -> ApprovalAsked:
        await self.trouble.pass_()
        self.asked.append((requested_change, reason))
        return ApprovalAsked(
            a_request(requester=actor.id, requested_change=requested_change, reason=reason),
            (BOB,),
            is_new=True,
        )

    async def to_answer(self, actor: Actor, request_id: RequestId) -> Request:
        await self.trouble.pass_()
        return a_request(id=request_id)

    async def answer(
        self, actor: Actor, request_id: RequestId, *, approve: bool, reason: str = ""
    ) -> Request:
        await self.trouble.pass_()
        state = RequestState.APPROVED if approve else RequestState.DECLINED
        self.done.append((f"{state.value}{reason and ': '}{reason}", request_id))
        return a_request(state=state, answered_by=actor.id, answered_at=NOW)

    async def take_back(self, actor: Actor, request_id: RequestId) -> Request:
        await self.trouble.pass_()
        self.done.append(("taken back", request_id))
        return a_request(id=request_id)

    async def cancel(self, actor: Actor, request_id: RequestId) -> Request:
        await self.trouble.pass_()
        self.done.append(("cancelled", request_id))
        return a_request(requester=actor.id, state=RequestState.CANCELLED)


@dataclass
class FakeIncidents:
    trouble: Trouble
    done: list[tuple[str, str]] = field(default_factory=list)

    async def claim(self, actor: Actor, notice_id: NoticeId) -> None:
        await self.trouble.pass_()
        self.done.append(("claim", notice_id))

    async def hand_back(self, actor: Actor, notice_id: NoticeId) -> None:
        await self.trouble.pass_()
        self.done.append(("hand back", notice_id))

    async def hand_over(self, actor: Actor, notice_id: NoticeId, to: UserId) -> None:
        await self.trouble.pass_()
        self.done.append((f"hand over to {to}", notice_id))

    async def snooze(self, actor: Actor, notice_id: NoticeId, choice: Snooze | None) -> None:
        await self.trouble.pass_()
        self.done.append((f"snooze {choice}", notice_id))


@dataclass
class FakeAdmins:
    trouble: Trouble
    done: list[tuple[str, str, str]] = field(default_factory=list)

    async def roster(self, actor: Actor) -> Roster:
        ann = Person(id=ANN, workspace_id=W, name="Ann")
        return Roster((ann,), (), (), frozenset({ANN}), is_fixed=False, may_change=True)

    async def preview(self, actor: Actor, role: Role, user_id: UserId, *, is_given: bool) -> Preview:
        await self.trouble.pass_()
        ann = Person(id=ANN, workspace_id=W, name="Ann")
        return Preview(role, user_id, is_given, (ann,), (), "agreed")

    async def undo(self, actor: Actor, change_id: str) -> RoleChange:
        await self.trouble.pass_()
        self.done.append(("undo", "", change_id))
        roles = (Role.SUPER_ADMIN, Role.MEMBER)
        return RoleChange(
            "c2", W, actor.id, NOW, Role.SUPER_ADMIN, BOB, is_given=False, people={UserId(BOB): roles}
        )

    async def give(self, actor: Actor, role: Role, user_id: UserId, *, basis: str | None = None) -> None:
        await self.trouble.pass_()
        self.done.append(("give", role.value, user_id))

    async def take(self, actor: Actor, role: Role, subject: str, *, basis: str | None = None) -> None:
        await self.trouble.pass_()
        self.done.append(("take", role.value, subject))

    async def give_group(self, actor: Actor, group_id: str) -> None:
        await self.trouble.pass_()
        self.done.append(("give", Role.ACCOUNT_ACCESS.value, group_id))


@dataclass
class FakeEvidences:
    trouble: Trouble

    async def why(self, actor: Actor, channel_id: ChannelId) -> HistoryModel:
        await self.trouble.pass_()
        return HistoryModel(a_row(), (), None, (), next_probe_at=None, strikes=3)

    async def drill(self, actor: Actor, channel_id: ChannelId) -> Drill:
        await self.trouble.pass_()
        reminders = (timedelta(hours=4),)
        return Drill(a_row(), (actor.person,), None, told_within=timedelta(minutes=3), reminders=reminders)


@dataclass
class FakeExporting:
    trouble: Trouble
    browsers: list[str] = field(default_factory=list)
    asked: list[File] = field(default_factory=list)

    async def begin(self, actor: Actor, what: File = File.HISTORY) -> Offer:
        await self.trouble.pass_()
        self.asked.append(what)
        return Offer("http://127.0.0.1:8080/export/s1", NOW)

    async def landing(self, secret: str) -> ExportLanding:
        await self.trouble.pass_()
        if secret != "s1":
            raise TicketUnknown
        return ExportLanding("Ann", "Acme", "en-US", 3)

    async def fetch(self, secret: str, browser: str) -> tuple[File, str]:
        await self.landing(secret)
        if self.browsers:
            raise ExportTaken
        self.browsers.append(browser)
        return File.HISTORY, "at,address\r\n2026-11-23,ann@example.com\r\n"


@dataclass
class FakeReports:
    trouble: Trouble
    is_monthly: bool = False
    shown: Report = field(default_factory=lambda: Report(NOW.date(), NOW.date(), 0, 0, may_have_monthly=True))

    async def report(self, actor: Actor) -> Report:
        await self.trouble.pass_()
        return replace(self.shown, is_monthly=self.is_monthly)

    async def wanted(self, actor: Actor, *, is_wanted: bool) -> None:
        await self.trouble.pass_()
        self.is_monthly = is_wanted


@dataclass
class FakePermissions:
    trouble: Trouble

    async def of_channel(self, actor: Actor, channel_id: ChannelId) -> ChannelPermissions:
        await self.trouble.pass_()
        return ChannelPermissions(a_row(), Ask("Gmail", SCOPES, ()), SCOPES, NOW)

    async def overview(self, actor: Actor) -> PermissionsOverview:
        await self.trouble.pass_()
        return PermissionsOverview((Ask("Gmail", SCOPES, ()),), (), complete=0, lacking_number=0)


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
    core: Any = field(default_factory=lambda: SimpleNamespace(courtesy=Courtesy()))
    people: Any = None
    channels: Any = None
    channel_actions: Any = None
    connections: Any = None
    oauth_flow: Any = None
    switches: Any = None
    approvals: Any = None
    incidents: Any = None
    admins: Any = None
    history: Any = None
    history_export: Any = None
    hubspot: Any = None
    program_keys: Any = None
    program_webhooks: Any = None
    permissions: Any = None
    workspaces: Any = None
    availabilities: Any = None
    monthly_reports: Any = None

    def __post_init__(self) -> None:
        self.people = FakePeople(self.trouble)
        self.channels = self.channel_actions = FakeChannels()
        self.connections = self.oauth_flow = FakeConnecting(self.trouble)
        self.switches = FakeSwitching(self.trouble)
        self.approvals = FakeRequests(self.trouble)
        self.incidents = FakeIncidents(self.trouble)
        self.admins = FakeAdmins(self.trouble)
        self.history = FakeEvidences(self.trouble)
        self.history_export = FakeExporting(self.trouble)
        self.permissions = FakePermissions(self.trouble)
        self.availabilities = self.monthly_reports = FakeReports(self.trouble)
        self.workspaces = FakeWorkspaces(self.trouble)
