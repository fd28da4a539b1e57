"""What people see of channels: the overview, one channel on both sides, and its permissions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot.domain.access import (
    Actor,
    Operation,
    Person,
    Role,
    may,
    may_grant,
    rights,
    visibility_of,
    wishes,
)
from bot.domain.address import same_address
from bot.domain.api_key import ApiKey
from bot.domain.availability import DAYS, WEEK, WEEKS
from bot.domain.channel import Channel, State
from bot.domain.errors import ProviderOff, UnknownAddress
from bot.domain.features import Feature
from bot.domain.grant import Granted
from bot.domain.ids import ChannelId
from bot.domain.incident import Incident, Unexplained
from bot.domain.probe_policy import is_unreachable, unexplained
from bot.domain.provider_outage import Advice, advice, is_held
from bot.domain.provider_traits import ways_from
from bot.domain.request import Request
from bot.domain.view_models import (
    LACKING_SHOWN,
    MOST_COUNTED,
    Ask,
    Browse,
    ChannelPermissions,
    ChannelRow,
    ChannelStatus,
    FirstHour,
    Overview,
    PermissionsOverview,
    ProgramUse,
    SetupCard,
    StateCounts,
)
from bot.services.connections.api_keys import (
    Together,
    hands_out_tokens,
    lately_used,
    programs_with_access,
)
from bot.services.connections.channel_actions import channel_for
from bot.services.connections.connect import near_misses, read_address
from bot.services.connections.tickets import asked_for
from bot.services.core.jobs import attempted
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.monitoring.availability import Availabilities
from bot.services.monitoring.mail_routing import mail_shown
from storage import Listed, UnitOfWork
from storage.api_keys import GIVEN

_RECENT: Final = 8
_REQUESTS_READ: Final = 100
"""More than that wait for their turn: the oldest are answered first."""
_AT_ONCE: Final = 500
"""Channels that one statement names."""
_ALL: Final = Browse()


class Channels:
    """Shows channels to whoever may see them; what is done to them is ``ChannelActions``'."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._availabilities = Availabilities(core)
        self._marking = Together(self._marked)
        self._one_asks = asyncio.Lock()

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

    async def mark(self) -> str | None:
        """See ``Storage.mark``. A server is asked by one, and once by all who come meanwhile, after the last
        of them came."""
        if self._one_asks.locked():
            return await self._marking.ask("mark")
        async with self._one_asks:
            return await self._core.storage.mark()

    async def _marked(self, asked: Collection[str]) -> dict[str, str]:
        mark = await self._core.storage.mark()
        return {} if mark is None else dict.fromkeys(asked, mark)

    def mark_at_once(self) -> str | None:
        """See ``Storage.mark_at_once``."""
        return self._core.storage.mark_at_once()

    async def overview(self, actor: Actor, *, most: int = 100, browse: Browse = _ALL) -> Overview:
        """What ``actor`` may see and wants to: at most so many rows, their own and what needs somebody first,
        and how many there are."""
        async with self._core.storage.reading() as uow:
            rows, tally, has_more = await self._rows(uow, actor, browse, most=most)
            setup = await self._setup(uow, actor, empty=not tally.total)
            first_hour = await self._first_hour(uow, actor) if browse.is_plain else None
            to_answer = await self._to_answer(uow, actor)
            asked = await uow.requests.unfinished_by(actor.workspace_id, actor.id)
        if first_hour is not None and first_hour.is_done:
            # Whoever only looks sees what there is, also where nothing can be written now.
            await attempted(self._first_hour_over(actor), what="first hour")
            first_hour = None
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
            first_hour=first_hour,
            only_here=self._core.policy.base_url if self._core.policy.loopback_only else "",
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

    async def candidates(
        self, actor: Actor, operation: Operation, *, most: int
    ) -> tuple[tuple[Channel, ...], bool]:
        """The first inboxes for which ``operation`` makes sense now and ``actor`` may do or wish it, what
        needs somebody first; where it makes sense for none, all to which they may ever do it, or all they may
        see. And whether there may be others: an only one is meant only if there are none."""
        visibility = visibility_of(actor)
        if visibility is None:
            return (), False
        async with self._core.storage.reading() as uow:
            first = partial(uow.overviews.first, visibility, most=most + 1, with_grants=False)
            likely = tuple(it.channel for it in await first(states=_WANTED.get(operation)))
            meant = tuple(it for it in likely[:most] if self._is_meant(actor, operation, it))
            if meant:
                return meant, len(likely) > most
            seen = tuple(it.channel for it in await first())
        theirs = tuple(it for it in seen[:most] if rights(actor, (operation,), it))
        return theirs or seen[:most], len(seen) > most

    def _is_meant(self, actor: Actor, operation: Operation, channel: Channel) -> bool:
        """Whether somebody who asks for it without an address may mean this one, whose state is right."""
        is_needed = operation is not Operation.RECONNECT or channel.needs_reconnect
        return is_needed and operation in rights(actor, self._fitting(channel), channel)

    async def lacking(self, actor: Actor, *, most: int) -> tuple[tuple[ChannelRow, ...], int, int]:
        """The first of those that ``actor`` may see which lack what a feature needs, how many these are, and
        how many others there are."""
        visibility, features = visibility_of(actor), self._core.policy.features
        if visibility is None:
            return (), 0, 0
        async with self._core.storage.reading() as uow:
            counts = await uow.overviews.tally(visibility)
            if not features.defined or not counts.total:
                return (), 0, counts.total
            is_vast = visibility.all_personal and counts.is_open
            in_use = uow.overviews.grants_of_all if is_vast else uow.overviews.grants_in_use
            alike = await in_use(visibility, _MATTER)
            short = [(at, granted, n) for at, granted, n in alike if features.lacking(at, granted)]
            number = sum(n for *_, n in short)
            listed = await uow.overviews.first_granted(
                visibility,
                _MATTER,
                [(at, granted) for at, granted, _ in short],
                most=most,
                are_many=number > MOST_COUNTED,
            )
            rows = await self._rows_of(uow, actor, listed)
        # More than are counted: as many as hold what is asked for, at least.
        others = sum(n for *_, n in alike) - number
        return rows, number, others if counts.is_open else counts.total - number

    async def addresses(self, actor: Actor, *, most: int) -> tuple[tuple[str, ...], int]:
        """The first addresses that ``actor`` may see, and how many there are."""
        visibility = visibility_of(actor)
        if visibility is None:
            return (), 0
        async with self._core.storage.reading() as uow:
            found = await uow.overviews.addresses(visibility, most=most)
            is_all = len(found) < most
            return found, len(found) if is_all else (await uow.overviews.tally(visibility)).total

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
            return await channel_for(uow, self._core, actor, channel_id, Operation.SEE)

    async def allowed(self, actor: Actor, channel_id: ChannelId, operation: Operation) -> Channel:
        """The channel, if ``actor`` may do ``operation`` to it at once. Raises ``NeedsApproval``,
        ``NotAllowed``, ``Gone``."""
        async with self._core.storage.reading() as uow:
            return await channel_for(uow, self._core, actor, channel_id, operation)

    async def status(self, actor: Actor, channel_id: ChannelId) -> ChannelStatus:
        """One channel, both sides."""
        async with self._core.storage.reading() as uow:
            channel = await channel_for(uow, self._core, actor, channel_id, Operation.SEE)
            grant = await uow.grants.live_of(channel.id)
            probe = await uow.probes.find(channel.id)
            incident = await uow.incidents.open_of(channel.id)
            approvals = await uow.requests.open_of(channel.id)
            recent = await uow.history.of_channel(channel.id, _RECENT)
            known = await uow.whereabouts.find(channel.id) if not channel.is_personal else None
            advised = await self._advised(uow, actor, [channel])
            unknown = await self._unexplained(uow, [channel])
            programs = await self._programs(uow, channel)
            keys = await self._keys_asking(uow, actor, channel)
            weeks = (await self._availabilities.of(uow, [channel], days=WEEKS * WEEK))[channel.id]
            outages = await self._availabilities.outages_of(uow, channel)
            owner = await self._owner_of(uow, actor, channel)
        granted = grant.granted if grant else None
        has_left = owner is not None and owner.is_deleted
        line = Listed(channel, probe.last_ok_at if probe else None, granted, known, has_left)
        return ChannelStatus(
            row=replace(
                self._row(actor, line, advice=advised.get(channel.id), unexplained=unknown.get(channel.id)),
                availability=weeks.of_last(DAYS),
            ),
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
            keys=keys,
            weeks=weeks,
            outages=outages,
        )

    async def programs_of(self, channel: Channel) -> tuple[str, ...]:
        """Names of the programs that lose access when it is disabled or removed."""
        if not hands_out_tokens(self._core, channel):
            return ()
        async with self._core.storage.reading() as uow:
            return await programs_with_access(uow, self._core, channel)

    async def _keys_asking(self, uow: UnitOfWork, actor: Actor, channel: Channel) -> tuple[ApiKey, ...]:
        """Keys that the owner of a personal inbox has a say in."""
        if channel.owner_id != actor.id or not hands_out_tokens(self._core, channel):
            return ()
        named, now = await uow.api_keys.naming(channel.id), self._core.clock()
        return tuple(key for key in named if key.works(now) and key.asked.get(channel.id))

    async def _programs(self, uow: UnitOfWork, channel: Channel) -> tuple[ProgramUse, ...]:
        """For each program and audience when it last got access, and when it last did not."""
        latest: dict[tuple[str, str, bool], ProgramUse] = {}
        for use in await lately_used(uow, self._core, channel):  # the latest first
            was_given = use.outcome == GIVEN
            shown = ProgramUse(use.key_name, use.audience, was_given, use.last_at)
            latest.setdefault((use.key_id, use.audience, was_given), shown)
        return tuple(latest.values())

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
            return rows, await uow.overviews.tally(visibility), len(listed) > most
        listed, tally = await uow.overviews.read(visibility, most=most, with_grants=wants_more)
        return await self._rows_of(uow, actor, listed), tally, tally.total > len(listed)

    async def _rows_of(
        self, uow: UnitOfWork, actor: Actor, listed: Sequence[Listed]
    ) -> tuple[ChannelRow, ...]:
        channels = [it.channel for it in listed]
        advised = await self._advised(uow, actor, channels)
        unknown = await self._unexplained(uow, channels)
        outages = await self._outages(uow, channels)
        availabilities = await self._availabilities.of(uow, channels)
        return tuple(
            replace(
                self._row(
                    actor, it, advice=advised.get(it.channel.id), unexplained=unknown.get(it.channel.id)
                ),
                outage=outages.get(it.channel.id),
                availability=availabilities[it.channel.id],
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
            owner_left=listed.owner_left and Operation.TAKE_OVER in allowed,
        )

    async def _owner_of(self, uow: UnitOfWork, actor: Actor, channel: Channel) -> Person | None:
        """Somebody else than ``actor``, if it is anybody's own."""
        if channel.owner_id is None or channel.owner_id == actor.id:
            return None
        return await uow.people.find(channel.workspace_id, channel.owner_id)

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

    async def _first_hour(self, uow: UnitOfWork, actor: Actor) -> FirstHour | None:
        """How far day one is, by what is there; ``None`` for whom it is over."""
        if not actor.is_super_admin or not self._core.providers.keys:
            return None
        has_rehearsed, hides = await uow.people.first_hour(actor.workspace_id, actor.id)
        if hides:
            return None
        told = await uow.channels.a_team_address(actor.workspace_id, is_told=True)
        team = told or await uow.channels.a_team_address(actor.workspace_id, is_told=False)
        admins = (await roles_in(uow, self._core, actor.workspace_id)).super_admins
        return FirstHour(
            has_team=team is not None,
            has_conversation=told is not None,
            has_second_admin=len(admins) > 1,
            has_rehearsed=has_rehearsed,
            team=team,
        )

    async def _first_hour_over(self, actor: Actor) -> None:
        """All is done: a conversation or an admin that goes later does not bring day one back."""
        async with self._core.storage.writing() as uow:
            await uow.people.note_first_hour(actor.workspace_id, actor.id, hides=True)
            await uow.commit()

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


_WANTED: Final[Mapping[Operation, tuple[State, ...]]] = {
    Operation.RECONNECT: (State.DISCONNECTED, State.DISABLED),
    Operation.ENABLE: (State.DISABLED,),
    Operation.DISABLE: (State.DISCONNECTED, State.IMPAIRED, State.CONNECTED),
}
"""In which states an inbox is most likely meant by whoever asks for it without an address; else in any."""


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
            besides = self._core.providers.traits_of(provider).sign_in_scopes
        except ProviderOff:  # its client was taken away: nobody can be asked for anything
            scopes = besides = frozenset()
        others = tuple(one for one in features.defined if one.is_on and one not in here)
        return Ask(label, scopes, features=here, asking_nothing=others, sign_in_scopes=besides)
