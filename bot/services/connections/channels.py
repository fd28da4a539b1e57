"""What people do with channels that exist: see (with permissions), disable, enable, remove, check again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bot.domain.access import (
    Actor,
    Operation,
    Right,
    Role,
    Visibility,
    may,
    may_grant,
    right,
    rights,
    visibility_of,
    wishes,
)
from bot.domain.address import plain_words, same_address
from bot.domain.channel import Channel, HistoryEntry, InboxSpec, Kind, State
from bot.domain.errors import Gone, NeedsApproval, NotAllowed, ProviderOff, ReconnectFirst, UnknownAddress
from bot.domain.features import Feature
from bot.domain.grant import Grant, Granted
from bot.domain.ids import ChannelId, ConversationId, GrantId, UserId, WorkspaceId
from bot.domain.incident import Incident, Unexplained
from bot.domain.lifecycle import Signal, TransitionRefused
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Probe, is_unreachable, unexplained
from bot.domain.provider_outage import Advice, advice, is_held
from bot.domain.provider_traits import ways_from
from bot.domain.request import Request, RequestedChange
from bot.domain.view_models import (
    LACKING_SHOWN,
    Ask,
    Browse,
    ChannelPermissions,
    ChannelRow,
    ChannelStatus,
    Overview,
    PermissionsOverview,
    ProgramUse,
    Removal,
    SetupCard,
    StateCounts,
)
from bot.services.connections.connect import near_misses, read_address
from bot.services.connections.revocation import Revocations, removal_of
from bot.services.connections.tickets import asked_for
from bot.services.core.grants import Retirement
from bot.services.core.notifications import Notifications, a_notice, done_by
from bot.services.core.ports import Core
from bot.services.core.roles import present, refuse_in_doubt, roles_in
from bot.services.core.transitions import Transitions
from bot.services.monitoring.mail_routing import mail_shown
from bot.services.monitoring.monitor import Monitoring
from storage import Conflict, Listed, UnitOfWork
from storage.api_keys import GIVEN

PROGRAMS_SHOWN_FOR: Final = timedelta(days=30)
"""After they asked last."""
_RECENT: Final = 8
_REQUESTS_READ: Final = 100
"""More than that wait for their turn: the oldest are answered first."""
_MANY: Final = 20_000
_COUNTED_FOR: Final = timedelta(seconds=15)
"""Of so many channels, how many there are in which state may be so old."""
_AT_ONCE: Final = 500
"""Channels that one statement names."""
_ALL: Final = Browse()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TeamDetails:
    """What people say of an address: its use; of a team's its name, too, and the conversation to tell."""

    name: str = ""
    use: str = ""
    conversation_id: ConversationId | None = None


class Channels:
    """The verbs of ``/inbox``, but for those that need a browser (``bot.services.connections.connect``)."""

    def __init__(
        self,
        core: Core,
        *,
        transitions: Transitions,
        notifications: Notifications,
        monitoring: Monitoring,
        revocations: Revocations,
    ) -> None:
        self._core = core
        self._transitions = transitions
        self._notifications = notifications
        self._retirement = Retirement(core, notifications)
        self._monitoring = monitoring
        self._revocations = revocations
        self._tallies: dict[WorkspaceId, tuple[datetime, StateCounts | None]] = {}

    def label_at(self, key: str, address: str) -> str:
        """What people call a provider, by the address that is connected there."""
        return self._core.providers.label_at(key, address)

    def label_for(self, channel: Channel) -> str:
        """What people call the host of this channel's mailbox."""
        return self._core.providers.label_for(channel.identity)

    def is_by_hand(self, channel: Channel) -> bool:
        """Whether only the mailbox's owner can end the access at the provider."""
        return not self._core.providers.traits_of(channel.provider).revokes

    async def delegate_of(self, channel: Channel) -> str:
        """Whose account opens it, where it is a shared mailbox; else empty."""
        async with self._core.storage.reading() as uow:
            grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        return grant.delegate.address if grant and grant.delegate else ""

    # --- seeing

    async def overview(self, actor: Actor, *, most: int = 100, browse: Browse = _ALL) -> Overview:
        """What ``actor`` may see and wants to: at most so many rows, their own and what needs somebody first,
        and how many there are."""
        async with self._core.storage.reading() as uow:
            rows, tally, has_more = await self._rows(uow, actor, browse, most=most)
            setup = await self._setup(uow, actor, empty=not tally.total)
            to_answer = await self._to_answer(uow, actor)
            asked = await uow.requests.unfinished_by(actor.workspace_id, actor.id)
        return Overview(
            own=tuple(row for row in rows if row.is_own),
            team=tuple(row for row in rows if not row.channel.is_personal),
            others=tuple(row for row in rows if row.channel.is_personal and not row.is_own),
            tally=tally,
            may_connect=bool(self._core.providers.keys),
            command=self._core.policy.command,
            providers_off=self._core.providers.off,
            not_set_up=setup,
            may_export=actor.is_super_admin,
            to_answer=to_answer,
            asked=asked,
            browse=browse,
            has_more=has_more,
        )

    async def matching(self, actor: Actor, text: str, *, most: int) -> Overview:
        """Those that ``actor`` may see with ``text`` in their address or name, as far as there is room."""
        visibility, wants_more = visibility_of(actor), bool(self._core.policy.features.defined)
        async with self._core.storage.reading() as uow:
            listed = (
                await uow.overviews.matching(visibility, text, most=most, with_grants=wants_more)
                if visibility
                else ()
            )
            rows = await self._rows_of(uow, actor, listed)
        own = tuple(row for row in rows if row.is_own)
        return Overview(
            own=own,
            team=tuple(row for row in rows if not row.channel.is_personal),
            others=tuple(row for row in rows if row.channel.is_personal and not row.is_own),
            tally=StateCounts(Counter(row.channel.state for row in rows), own=len(own)),
            may_connect=False,
            command=self._core.policy.command,
            sought=text,
        )

    async def candidates(self, actor: Actor, operation: Operation, *, most: int) -> tuple[Channel, ...]:
        """The first inboxes for which ``operation`` makes sense now and ``actor`` may do or wish it, what
        needs somebody first; where it makes sense for none, all that they may see."""
        visibility = visibility_of(actor)
        if visibility is None:
            return ()
        async with self._core.storage.reading() as uow:
            listed = await uow.overviews.first(visibility, most=most, with_grants=False)
        seen = tuple(it.channel for it in listed)
        fitting = (it for it in seen if operation in rights(actor, self._fitting(it), it))
        sensible = tuple(it for it in fitting if _is_wanted(operation, it))
        return sensible or seen

    async def lacking(self, actor: Actor, *, most: int) -> tuple[tuple[ChannelRow, ...], int, int]:
        """The first of those that ``actor`` may see which lack what a feature needs, how many these are, and
        how many others there are."""
        visibility, features = visibility_of(actor), self._core.policy.features
        if visibility is None:
            return (), 0, 0
        async with self._core.storage.reading() as uow:
            total = (await self._tallied(uow, visibility)).total
            if not features.defined or not total:
                return (), 0, total
            alike = await uow.overviews.grants_in_use(visibility, _MATTER)
            short = [(at, granted, n) for at, granted, n in alike if features.lacking(at, granted)]
            wanted = [(at, granted) for at, granted, _ in short]
            listed = (
                await uow.overviews.first_granted(visibility, _MATTER, wanted, most=most) if short else ()
            )
            rows = await self._rows_of(uow, actor, listed)
        number = sum(n for *_, n in short)
        return rows, number, total - number

    async def addresses(self, actor: Actor, *, most: int) -> tuple[tuple[str, ...], int]:
        """The first addresses that ``actor`` may see, and how many there are."""
        visibility = visibility_of(actor)
        if visibility is None:
            return (), 0
        async with self._core.storage.reading() as uow:
            found = await uow.overviews.addresses(visibility, most=most)
            is_all = len(found) < most
            return found, len(found) if is_all else (await self._tallied(uow, visibility)).total

    async def find(self, actor: Actor, typed: str) -> Channel:
        """The channel at an address. Raises ``NotAnAddress``, ``UnknownAddress`` with near misses.

        Somebody else's personal inbox is as unknown as one that does not exist.
        """
        address = read_address(typed)
        async with self._core.storage.reading() as uow:
            channel = await uow.channels.at_address(actor.workspace_id, address)
            if channel is not None and may(actor, Operation.SEE, channel):
                return channel
            visibility = visibility_of(actor)
            known = await uow.overviews.look_alikes(visibility, address) if visibility else ()
            unfinished = await uow.requests.unfinished_by(actor.workspace_id, actor.id)
            waiting = await self._to_answer(uow, actor)
        asked = [it for it in waiting if same_address(it.requested_change.address, address)]
        wished = [it for it in unfinished if same_address(it.requested_change.address, address)]
        # Beside the event loop: others' answers do not wait for somebody's slip of the finger.
        near = await asyncio.to_thread(near_misses, address, known)
        sees_all = visibility is not None and visibility.all_personal
        raise UnknownAddress(
            address, near, wished[-1] if wished else None, next(iter(asked), None), sees_all=sees_all
        )

    async def _to_answer(self, uow: UnitOfWork, actor: Actor) -> tuple[Request, ...]:
        """What others have asked for and ``actor`` can grant."""
        if not actor.roles() & {Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS}:
            return ()
        waiting = await uow.requests.waiting_for_admins(actor.workspace_id, most=_REQUESTS_READ)
        return tuple(
            it
            for it in waiting
            if it.requester != actor.id
            and may_grant(actor, it.requested_change.kind, it.requested_change.operation)
        )

    async def by_id(self, actor: Actor, channel_id: ChannelId) -> Channel:
        """The channel that a button names. Raises ``Gone``, ``NotAllowed``."""
        async with self._core.storage.reading() as uow:
            return await self._channel(uow, actor, channel_id, Operation.SEE)

    async def allowed(self, actor: Actor, channel_id: ChannelId, operation: Operation) -> Channel:
        """The channel, if ``actor`` may do ``deed`` to it at once. Raises ``NeedsApproval``,
        ``NotAllowed``, ``Gone``."""
        async with self._core.storage.reading() as uow:
            return await self._channel(uow, actor, channel_id, operation)

    async def status(self, actor: Actor, channel_id: ChannelId) -> ChannelStatus:
        """One channel, both sides."""
        async with self._core.storage.reading() as uow:
            channel = await self._channel(uow, actor, channel_id, Operation.SEE)
            grant = await uow.grants.live_of(channel.id)
            probe = await uow.probes.find(channel.id)
            incident = await uow.incidents.open_of(channel.id)
            approvals = await uow.requests.open_of(channel.id)
            recent = await uow.history.of_channel(channel.id, _RECENT)
            known = await uow.whereabouts.find(channel.id) if not channel.is_personal else None
            advised = await self._advised(uow, actor, [channel])
            unknown = await self._unexplained(uow, [channel])
            programs = await self._programs(uow, channel)
        granted = grant.granted if grant else None
        line = Listed(channel, probe.last_ok_at if probe else None, granted, known)
        return ChannelStatus(
            row=self._row(actor, line, advice=advised.get(channel.id), unexplained=unknown.get(channel.id)),
            scopes=grant.scopes if grant else frozenset(),
            connected_by=channel.connected_by,
            obtained_at=grant.obtained_at if grant else None,
            delegate=grant.delegate.address if grant and grant.delegate else "",
            incident=incident,
            next_probe_at=probe.due_at if probe else None,
            recent=recent,
            requests=approvals,
            features=self._core.policy.features.at(
                channel.provider, is_shared=granted is not None and granted.is_shared
            ),
            mail=mail_shown(self._core, channel, known) if known else None,
            programs=programs,
        )

    async def _programs(self, uow: UnitOfWork, channel: Channel) -> tuple[ProgramUse, ...]:
        """For each program and audience when it last got access, and when it last did not."""
        if not self._core.policy.keeps_tokens or channel.is_personal:
            return ()
        uses = await uow.token_uses.of_channel(channel.id, self._core.clock() - PROGRAMS_SHOWN_FOR)
        latest: dict[tuple[str, str, bool], ProgramUse] = {}
        for use in uses:  # the latest first
            was_given = use.outcome == GIVEN
            shown = ProgramUse(use.key_name, use.audience, was_given, use.last_at)
            latest.setdefault((use.key_id, use.audience, was_given), shown)
        return tuple(latest.values())

    async def before_removal(self, actor: Actor, channel_id: ChannelId) -> Removal:
        """What removing would mean at the provider. Changes nothing."""
        async with self._core.storage.reading() as uow:
            channel = await self._channel(uow, actor, channel_id, Operation.REMOVE)
            return await removal_of(
                uow, self._core, channel, channel.grant_id, reader=actor.person.email, counting_own=True
            )

    # --- doing

    async def disable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        """Stop using the channel and keep its grant. Disabling twice is the same as once."""
        return await self._do(actor, channel_id, Operation.DISABLE, Signal.DISABLE_ASKED)

    async def enable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        """Use the channel again and look at once whether it works. Returns it as it is then.

        Raises ``ReconnectFirst`` if the provider is known to refuse the grant.
        """

        async def once() -> tuple[Probe, ...]:
            async with self._core.storage.writing() as uow:
                channel = await self._step(uow, actor, channel_id, Operation.ENABLE, Signal.ENABLE_ASKED)
                checking = channel.state is State.IMPAIRED
                # Claimed with the step: the engine, woken by it, would be faster than this answer.
                claimed = await self._monitoring.claim(uow, channel.id) if checking else ()
                await uow.commit()
                return claimed

        await self._monitoring.work_off(await retried(once))
        return await self.by_id(actor, channel_id)

    async def remove(self, actor: Actor, channel_id: ChannelId) -> Removal:
        """Forget the channel here, whatever the provider does, and ask the provider to forget us.

        Waits a moment for the provider's answer; if it takes longer, the message tells it later.
        """
        async with self._core.storage.reading() as uow:
            before = await self._channel(uow, actor, channel_id, Operation.REMOVE)
            grant_id = before.grant_id or await uow.grants.latest_of(before.id)
        channel = await self._do(actor, channel_id, Operation.REMOVE, Signal.REMOVE_ASKED)
        if grant_id is not None:
            await self._revocations.hurry(grant_id)
        async with self._core.storage.reading() as uow:
            return await removal_of(uow, self._core, channel, grant_id, reader=actor.person.email)

    async def take_over(self, actor: Actor, channel_id: ChannelId, details: TeamDetails) -> Channel:
        """Make a personal inbox a team address, keeping grant and history; its owner is told."""

        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                channel = await self._channel(uow, actor, channel_id, Operation.TAKE_OVER)
                taken = replace(
                    channel,
                    kind=Kind.TEAM,
                    owner_id=None,
                    name=details.name,
                    use=details.use or channel.use,
                    conversation_id=details.conversation_id,
                )
                saved, now = await uow.channels.save(taken), self._core.clock()
                await self._taken_over(uow, channel, saved, actor=actor.id, now=now)
                await self._transitions.audience_changed(uow, saved, now=now)
                await uow.commit()
                return saved

        return await retried(once)

    async def _taken_over(
        self, uow: UnitOfWork, before: Channel, after: Channel, *, actor: UserId, now: datetime
    ) -> None:
        """Its history says who did it, and its owner is told."""
        was = {"owner": before.owner_id or ""}
        await uow.history.add(HistoryEntry(after.workspace_id, after.id, now, "taken_over", actor, was))
        if before.owner_id and before.owner_id != actor:
            about = done_by(actor, now)
            notice = a_notice(NoticeKind.TAKEN_OVER, after, before.owner_id, now, about=about)
            await self._notifications.tell(uow, notice)

    async def edit(self, actor: Actor, channel_id: ChannelId, details: TeamDetails) -> Channel:
        """Change what was said of it; a personal inbox has only a use. What is told of an open outage says it
        at once, and a new conversation is told, too. Nothing new changes nothing."""

        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                channel = await self._channel(uow, actor, channel_id, Operation.EDIT)
                changed = edited(channel, details)
                if not (what := _difference(channel, changed)):
                    return channel
                saved, now = await uow.channels.save(changed), self._core.clock()
                about = {"changed": " ".join(what)}
                await uow.history.add(
                    HistoryEntry(saved.workspace_id, saved.id, now, "edited", actor.id, about)
                )
                await self._transitions.audience_changed(uow, saved, now=now)
                await uow.commit()
                return saved

        saved = await retried(once)
        self._core.wake()
        return saved

    async def check_again(self, actor: Actor, grant_id: GrantId) -> Removal:
        """Ask the provider once more whether the access is gone."""
        async with self._core.storage.writing() as uow:
            grant = await uow.grants.find(grant_id)
            channel = await self._channel_of(uow, actor, grant)
            if grant is not None and grant.secret is not None:
                await self._retirement.ask_revocation(uow, grant, now=self._core.clock(), by_person=True)
            await uow.commit()
        await self._revocations.hurry(grant_id)
        async with self._core.storage.reading() as uow:
            return await removal_of(uow, self._core, channel, grant_id, reader=actor.person.email)

    async def _do(self, actor: Actor, channel_id: ChannelId, operation: Operation, signal: Signal) -> Channel:
        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                after = await self._step(uow, actor, channel_id, operation, signal)
                await uow.commit()
                return after

        return await retried(once)

    async def _step(
        self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId, operation: Operation, signal: Signal
    ) -> Channel:
        channel = await self._channel(uow, actor, channel_id, operation)
        try:
            return await self._transitions.apply(uow, channel, signal, actor=actor.id)
        except TransitionRefused:
            raise _refusal(channel) from None

    # --- looking up

    async def _channel(
        self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId, operation: Operation
    ) -> Channel:
        channel = await present(uow, actor, channel_id)
        await self._check(uow, actor, operation, channel)
        if channel.state is State.REMOVED and operation is not Operation.REMOVE:
            raise Gone(channel.address)
        return channel

    async def _channel_of(self, uow: UnitOfWork, actor: Actor, grant: Grant | None) -> Channel:
        if grant is None or grant.channel_id is None:
            raise Gone("")
        channel = await uow.channels.find(grant.channel_id)
        if channel is None or not _same_workspace(actor, channel):
            raise Gone(grant.address)
        await self._check(uow, actor, Operation.SEE, channel)  # looking changes nothing, here or there
        return channel

    async def _check(self, uow: UnitOfWork, actor: Actor, operation: Operation, channel: Channel) -> None:
        """Raises ``NeedsApproval`` if an admin must agree first, else ``NotAllowed`` with who can."""
        how_far = right(actor, operation, channel)
        if how_far is Right.AT_ONCE:
            return
        refuse_in_doubt(actor, channel.kind, operation)
        roles = await roles_in(uow, self._core, channel.workspace_id)
        if how_far is Right.ON_REQUEST:
            requested_change = RequestedChange(
                operation, InboxSpec(channel.address, channel.kind), channel.id
            )
            raise NeedsApproval(requested_change, who_can=roles.approvers(channel.kind, operation))
        raise NotAllowed(operation.value, roles.who_can(operation, channel))

    async def _rows(
        self, uow: UnitOfWork, actor: Actor, browse: Browse, *, most: int
    ) -> tuple[tuple[ChannelRow, ...], StateCounts, bool]:
        visibility = visibility_of(actor)
        if visibility is None:
            return (), StateCounts(), False
        wants_more = bool(self._core.policy.features.defined)
        if not browse.is_plain:
            listed = await uow.overviews.page(visibility, browse, most=most + 1, with_grants=wants_more)
            rows = await self._rows_of(uow, actor, listed[:most])
            return rows, await self._tallied(uow, visibility), len(listed) > most
        counted = self._counted(visibility)
        if counted is None:
            listed, tally = await uow.overviews.read(visibility, most=most, with_grants=wants_more)
            self._keep(visibility, tally)
        else:
            listed = await uow.overviews.first(visibility, most=most, with_grants=wants_more)
            tally = replace(counted, own=await uow.overviews.count_own(visibility))
        return await self._rows_of(uow, actor, listed), tally, tally.total > len(listed)

    def _counted(self, visibility: Visibility) -> StateCounts | None:
        """How many a large workspace has, as last counted, if that was lately: counting a million takes
        longer than an answer may."""
        at, tally = self._tallies.get(visibility.workspace_id, (self._core.clock(), None))
        is_fresh = timedelta() <= self._core.clock() - at < _COUNTED_FOR
        return tally if visibility.all_personal and is_fresh else None

    def _keep(self, visibility: Visibility, tally: StateCounts) -> None:
        self._tallies.pop(visibility.workspace_id, None)
        if visibility.all_personal and tally.total >= _MANY:
            self._tallies[visibility.workspace_id] = self._core.clock(), tally

    async def _tallied(self, uow: UnitOfWork, visibility: Visibility) -> StateCounts:
        if (counted := self._counted(visibility)) is not None:
            return counted
        tally = await uow.overviews.tally(visibility)
        self._keep(visibility, tally)
        return tally

    async def _rows_of(
        self, uow: UnitOfWork, actor: Actor, listed: Sequence[Listed]
    ) -> tuple[ChannelRow, ...]:
        channels = [it.channel for it in listed]
        advised = await self._advised(uow, actor, channels)
        unknown = await self._unexplained(uow, channels)
        outages = await self._outages(uow, channels)
        return tuple(
            replace(
                self._row(
                    actor, it, advice=advised.get(it.channel.id), unexplained=unknown.get(it.channel.id)
                ),
                outage=outages.get(it.channel.id),
            )
            for it in listed
        )

    async def _outages(self, uow: UnitOfWork, channels: Sequence[Channel]) -> Mapping[ChannelId, Incident]:
        """What is open about those that do not work, with who is on it."""
        ids = [it.id for it in channels if it.state in (State.DISCONNECTED, State.IMPAIRED)]
        found = dict[ChannelId, Incident]()
        for start in range(0, len(ids), _AT_ONCE):
            found |= await uow.incidents.open_among(ids[start : start + _AT_ONCE])
        return found

    async def _advised(
        self, uow: UnitOfWork, actor: Actor, channels: Sequence[Channel]
    ) -> Mapping[ChannelId, Advice]:
        """What to do about those that are held."""
        held = [it for it in channels if is_held(it)]
        found = await uow.provider_outages.open_in(actor.workspace_id) if held else ()
        now, witness = self._core.clock(), self._core.policy.cadence.witness
        return {
            it.id: advice(provider_outage, now=now, witness=witness)
            for it in held
            for provider_outage in reversed(found)  # an organisation's own comes last, and stays
            if provider_outage.provider == it.provider and provider_outage.tenant in {"", it.identity.tenant}
        }

    async def _unexplained(
        self, uow: UnitOfWork, channels: Sequence[Channel]
    ) -> Mapping[ChannelId, Unexplained]:
        """Those whose provider answers with a code that nobody knows."""
        lost = [it for it in channels if is_unreachable(it)]
        found, now = dict[ChannelId, Unexplained](), self._core.clock()
        for start in range(0, len(lost), _AT_ONCE):
            some = lost[start : start + _AT_ONCE]
            ids = [it.id for it in some]
            incidents = await uow.incidents.open_among(ids)
            codes = await uow.probes.unknown_codes(ids)
            for it in some:
                said = unexplained(it, incidents.get(it.id), codes.get(it.id, ""), now=now)
                if said is not None:
                    found[it.id] = said
        return found

    def _row(
        self,
        actor: Actor,
        listed: Listed,
        *,
        advice: Advice | None,
        unexplained: Unexplained | None,
    ) -> ChannelRow:
        channel, mail = listed.channel, listed.mail_left
        # A wish counts as possible: the button leads to the form that asks an admin.
        allowed = rights(actor, self._fitting(channel), channel)
        return ChannelRow(
            channel=channel,
            provider_label=self.label_for(channel),
            last_ok_at=listed.last_ok_at,
            may=allowed,
            is_own=channel.owner_id == actor.id,
            lacking=self._lacking(channel, listed.granted),
            mail=mail_shown(self._core, channel, mail) if mail and mail.has_left else None,
            advice=advice,
            unexplained=unexplained,
            asks=wishes(actor, allowed, channel),
        )

    def _lacking(self, channel: Channel, granted: Granted | None) -> tuple[Feature, ...]:
        """Features that need a new consent; whatever needs one anyway needs none for a feature."""
        if granted is None or channel.state not in _MATTER:
            return ()
        return self._core.policy.features.lacking(channel.provider, granted)

    def _fitting(self, channel: Channel) -> tuple[Operation, ...]:
        """What makes sense now, whoever asks."""
        operations = _FITTING[channel.state]
        can_go = channel.state is not State.REMOVED and bool(
            ways_from(channel.provider, self._core.providers.keys)
        )
        return (*operations, Operation.SWITCH) if can_go else operations

    async def _setup(self, uow: UnitOfWork, actor: Actor, *, empty: bool) -> SetupCard | None:
        providers = self._core.providers
        if providers.keys and not (empty and actor.is_super_admin):
            return None
        admins = (await roles_in(uow, self._core, actor.workspace_id)).super_admins
        return SetupCard(
            is_for_admin=actor.is_super_admin,
            admins=tuple(admin.id for admin in admins),
            base_url=self._core.policy.base_url,
            loopback_only=self._core.policy.loopback_only,
            google_on=providers.is_on("google"),
            microsoft_on=providers.is_on("microsoft"),
        )


_MATTER: Final = (State.CONNECTED, State.IMPAIRED, State.DISABLED)
"""Whatever is disconnected needs a new consent anyway."""
_FITTING: Final[Mapping[State, tuple[Operation, ...]]] = {
    State.CONNECTED: (
        Operation.SEE,
        Operation.DISABLE,
        Operation.REMOVE,
        Operation.RECONNECT,
        Operation.TAKE_OVER,
        Operation.EDIT,
    ),
    State.IMPAIRED: (
        Operation.SEE,
        Operation.DISABLE,
        Operation.REMOVE,
        Operation.RECONNECT,
        Operation.TAKE_OVER,
        Operation.EDIT,
    ),
    State.DISCONNECTED: (
        Operation.SEE,
        Operation.DISABLE,
        Operation.REMOVE,
        Operation.RECONNECT,
        Operation.TAKE_OVER,
        Operation.EDIT,
    ),
    State.DISABLED: (
        Operation.SEE,
        Operation.ENABLE,
        Operation.REMOVE,
        Operation.RECONNECT,
        Operation.TAKE_OVER,
        Operation.EDIT,
    ),
    State.REMOVED: (Operation.SEE,),
}
"""What makes sense in each state."""


def _is_wanted(operation: Operation, channel: Channel) -> bool:
    """Whether somebody who asks for it without an address most likely means this one."""
    match operation:
        case Operation.RECONNECT:
            return channel.needs_reconnect
        case Operation.ENABLE:
            return channel.state is State.DISABLED
        case Operation.DISABLE:
            return channel.state is not State.DISABLED
        case _:
            return True


def edited(channel: Channel, details: TeamDetails) -> Channel:
    """The channel as these details describe it."""
    use = plain_words(details.use)
    if channel.is_personal:
        return replace(channel, use=use)
    # A team address is always called something.
    name = plain_words(details.name) or channel.name
    return replace(channel, name=name, use=use, conversation_id=details.conversation_id)


def _difference(before: Channel, after: Channel) -> tuple[str, ...]:
    """Which of the settings differ: never what they are, which nobody could make us forget again."""
    settings = {
        "name": before.name != after.name,
        "use": before.use != after.use,
        "conversation": before.conversation_id != after.conversation_id,
    }
    return tuple(name for name, differs in settings.items() if differs)


def _same_workspace(actor: Actor, channel: Channel) -> bool:
    return channel.workspace_id == WorkspaceId(actor.workspace_id)


def _refusal(channel: Channel) -> Exception:
    if channel.state is State.REMOVED:
        return Gone(channel.address)
    return ReconnectFirst(channel)


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """Do ``work``; if somebody else was first, once more from the read. The second ``Conflict`` is raised."""
    try:
        return await work()
    except Conflict:
        return await work()


class Permissions:
    """Compares what is asked for with what was granted."""

    def __init__(self, core: Core, channels: Channels) -> None:
        self._core = core
        self._channels = channels

    async def of_channel(self, actor: Actor, channel_id: ChannelId) -> ChannelPermissions:
        """One channel's. Raises ``Gone``, ``NotAllowed``."""
        status = await self._channels.status(actor, channel_id)
        row = status.row
        return ChannelPermissions(
            row=row,
            ask=self._ask(row.channel.provider, label=row.provider_label, is_shared=bool(status.delegate)),
            granted=status.scopes,
            granted_at=status.obtained_at,
        )

    async def overview(self, actor: Actor) -> PermissionsOverview:
        """What is asked of each provider, and which channels that ``actor`` may see lack some of it."""
        lacking, number, complete = await self._channels.lacking(actor, most=LACKING_SHOWN)
        providers = self._core.providers
        return PermissionsOverview(
            asks=tuple(self._ask(key, label=providers.label_of(key)) for key in providers.keys),
            lacking=lacking,
            lacking_number=number,
            complete=complete,
        )

    def _ask(self, provider: str, *, label: str, is_shared: bool = False) -> Ask:
        features = self._core.policy.features
        here = features.at(provider, is_shared=is_shared)
        try:
            scopes = asked_for(self._core, provider, is_shared=is_shared)
        except ProviderOff:  # its client was taken away: nobody can be asked for anything
            scopes = frozenset()
        others = tuple(one for one in features.defined if one.is_on and one not in here)
        return Ask(provider_label=label, scopes=scopes, features=here, asking_nothing=others)
