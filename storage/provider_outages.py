"""Holds. One rule, held by the database: one is open per workspace, provider and tenant."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, bindparam, case, func, literal, literal_column, or_, select, update

from bot.domain.access import Visibility
from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.hubspot import HUBSPOT
from bot.domain.ids import ChannelId, ProviderOutageId, UserId, WorkspaceId
from bot.domain.probe_policy import ProbeOutcome
from bot.domain.provider_outage import OutageTally, Proof, ProviderOutage, Renewal, Struck
from storage.channels import channel_of
from storage.column_types import Instant
from storage.connection import Repository
from storage.tables import channel, held, hold, incident, probe


class ProviderOutageRepository(Repository):
    """Rows of ``hold``, and the channels that are held."""

    async def open_(self, new: ProviderOutage) -> bool:
        """``False`` if one is open already."""
        insert = self._connection.insert(hold).values(**asdict(new)).on_conflict_do_nothing()
        return await self._connection.count(insert) == 1

    async def find(self, hold_id: ProviderOutageId) -> ProviderOutage | None:
        row = await self._connection.first(select(hold).where(hold.c.id == hold_id))
        return _hold(row) if row else None

    async def open_for(
        self, workspace_id: WorkspaceId, provider: str, tenant: str, *, alone: bool = False
    ) -> ProviderOutage | None:
        """The open one that a mailbox of this tenant belongs to: its tenant's, or everybody's. ``alone``:
        nobody else changes it, or what it holds, before this unit of work ends."""
        values = {"workspace": workspace_id, "at_provider": provider, "of_tenant": tenant}
        row = await self._connection.first(_OPEN_ALONE if alone else _OPEN, values)
        return _hold(row) if row else None

    async def open_in(self, workspace_id: WorkspaceId) -> tuple[ProviderOutage, ...]:
        """All that are open, those of an organisation first."""
        open_ = hold.c.workspace_id == workspace_id, hold.c.ended_at.is_(None)
        rows = await self._connection.rows(select(hold).where(*open_).order_by(hold.c.tenant.desc()))
        return tuple(map(_hold, rows))

    async def hold(self, outage_id: ProviderOutageId) -> None:
        """Let nobody else change it before this unit of work ends."""
        await self._connection.rows(select(hold.c.id).where(hold.c.id == outage_id).with_for_update())

    async def changed(self, outage_id: ProviderOutageId) -> None:
        """Its messages must be drawn anew."""
        again = update(hold).where(hold.c.id == outage_id).values(revision=hold.c.revision + 1)
        await self._connection.count(again)

    async def abandoned(self) -> tuple[ProviderOutage, ...]:
        """All that are open and hold nobody, in every workspace. HubSpot's are ended by its next look."""
        rows = await self._connection.rows(_OPEN_ANYWHERE)
        return tuple([it for it in map(_hold, rows) if not await self.holds_any(it)])

    async def narrow(self, it: ProviderOutage, tenant: str, *, served_since: datetime) -> bool:
        """It is this organisation's alone from now on, with an end of its own to come, if it holds nobody
        else's mailbox and somebody else's has been served throughout. ``False``: nothing changed."""
        others = channel.c.identity_tenant != tenant
        foreign = select(channel.c.id).where(*_held(it), others)
        served = (
            select(channel.c.id)
            .join(probe, probe.c.channel_id == channel.c.id)
            .where(
                probe.c.provider == it.provider,
                probe.c.last_ok_at >= served_since,
                channel.c.state == State.CONNECTED,
                channel.c.since <= served_since,
                others,
            )
        )
        mine = hold.c.id == it.id, hold.c.ended_at.is_(None), ~foreign.exists(), served.exists()
        fresh = {"tenant": tenant, "was_false_alarm": False, "recovered_at": None}
        return await self._connection.count(update(hold).where(*mine).values(**fresh)) == 1

    async def recovered(self, hold_id: ProviderOutageId, at: datetime) -> None:
        """The provider took an old grant again: whatever else comes, it was a false alarm."""
        changed = update(hold).where(hold.c.id == hold_id).values(was_false_alarm=True, recovered_at=at)
        await self._connection.count(changed)

    # --- who was ever in it

    async def joined(self, hold_id: ProviderOutageId, channel_id: ChannelId, at: datetime) -> None:
        """It is part of it, whatever it was before."""
        insert = self._connection.insert(held).values(hold_id=hold_id, channel_id=channel_id, joined_at=at)
        anew = {"joined_at": at, "renewed_at": None, "renewed_by": None}
        await self._connection.count(insert.on_conflict_do_update(index_elements=_MEMBER, set_=anew))

    async def came_back(self, hold_id: ProviderOutageId, channel_id: ChannelId, at: datetime) -> None:
        """Its old grant is taken again."""
        it = held.c.hold_id == hold_id, held.c.channel_id == channel_id
        await self._connection.count(update(held).where(*it).values(back_at=at))

    async def renewed(
        self, hold_id: ProviderOutageId, channel_id: ChannelId, at: datetime, by: UserId | None
    ) -> None:
        """It was reconnected while its old grant was still refused."""
        it = held.c.hold_id == hold_id, held.c.channel_id == channel_id
        await self._connection.count(update(held).where(*it).values(renewed_at=at, renewed_by=by))

    async def refused_anew(self, channel_id: ChannelId) -> None:
        """Whatever reconnecting it showed is void."""
        it = held.c.channel_id == channel_id, held.c.renewed_at.is_not(None)
        await self._connection.count(update(held).where(*it).values(renewed_at=None, renewed_by=None))

    async def tally(self, it: ProviderOutage, one: ChannelId, tenant: str) -> OutageTally:
        """What there is to know when ``one`` of its channels, of ``tenant``, is refused again."""
        rows = await self._connection.rows(_TALLY, {"its": it.id})
        own = next((row for row in rows if row.identity_tenant == tenant), None)
        joined_at = await self._connection.value(
            select(held.c.joined_at).where(held.c.hold_id == it.id, held.c.channel_id == one)
        )
        return OutageTally(
            everybody=Struck(sum(row.ever for row in rows), sum(row.still for row in rows)),
            own=Struck(own.ever, own.still) if own else Struck(0, 0),
            joined_at=joined_at or it.opened_at,
            back_at=own.back_at if own else None,
            renewals=await self.renewals(it.id, tenant),
        )

    async def struck(self, it: ProviderOutage) -> Struck:
        """How many it has ever held of those that are there, and how many of them do not work yet."""
        works = func.sum(case((channel.c.state == State.CONNECTED, 1), else_=0))
        joined = select(func.count().label("ever"), works.label("working")).join(
            held, held.c.channel_id == channel.c.id
        )
        kept = joined.where(held.c.hold_id == it.id, channel.c.state != State.REMOVED)
        row = await self._connection.first(kept)
        ever, working = (row.ever, row.working or 0) if row else (0, 0)
        return Struck(ever, ever - working)

    async def renewals(self, hold_id: ProviderOutageId, tenant: str) -> tuple[Renewal, ...]:
        """Of this organisation's mailboxes those that were reconnected, the first one first."""
        rows = await self._connection.rows(_RENEWALS, {"its": hold_id, "of_tenant": tenant})
        return tuple(Renewal(**row._mapping) for row in rows)

    async def proof(self, it: ProviderOutage) -> Proof | None:
        """The first reconnect that ended it for others of its mailboxes; ``None`` if it ended otherwise.
        Known for as long as it is kept who was in it."""
        row = await self._connection.first(
            select(incident.c.proven_at, incident.c.proven_by, incident.c.proven_with)
            .join(held, held.c.channel_id == incident.c.channel_id)
            .where(held.c.hold_id == it.id, incident.c.proven_at >= it.opened_at)
            .order_by(incident.c.proven_at, incident.c.id)
            .limit(1)
        )
        return Proof(row.proven_at, row.proven_by, row.proven_with or "") if row else None

    # --- who is in it now

    async def settled(self, hold_id: ProviderOutageId, at: datetime) -> None:
        """It is known to be no outage: those that are left will be judged without it."""
        await self._connection.count(update(hold).where(hold.c.id == hold_id).values(recovered_at=at))

    async def relapsed(self, hold_id: ProviderOutageId, at: datetime) -> None:
        """It holds another one although some had come back: they will have to prove themselves anew."""
        back = hold.c.id == hold_id, hold.c.recovered_at.is_not(None)
        await self._connection.count(update(hold).where(*back).values(recovered_at=at))

    async def is_just_over(
        self, workspace_id: WorkspaceId, provider: str, tenant: str, recovered_since: datetime
    ) -> bool:
        """Whether one that this tenant's mailboxes belonged to has ended, but recovered only lately."""
        over = (
            hold.c.workspace_id == workspace_id,
            hold.c.provider == provider,
            hold.c.tenant.in_({"", tenant}),
            hold.c.ended_at.is_not(None),
            hold.c.recovered_at >= recovered_since,
        )
        return await self._connection.first(select(hold.c.id).where(*over).limit(1)) is not None

    async def end(self, hold_id: ProviderOutageId, at: datetime) -> bool:
        """``False`` if somebody else was first."""
        open_ = hold.c.id == hold_id, hold.c.ended_at.is_(None)
        return await self._connection.count(update(hold).where(*open_).values(ended_at=at)) == 1

    async def held(self, it: ProviderOutage) -> tuple[ChannelId, ...]:
        """The channels that it holds, by address."""
        theirs = select(channel.c.id).where(*_held(it)).order_by(channel.c.address_key)
        return tuple(row.id for row in await self._connection.rows(theirs))

    async def count_held(self, it: ProviderOutage) -> tuple[int, int]:
        """How many channels it holds, and how many of these are team addresses."""
        team = func.sum(case((channel.c.kind == Kind.TEAM, 1), else_=0)).label("team")
        [row] = await self._connection.rows(select(func.count().label("ever"), team).where(*_held(it)))
        return int(row.ever), int(row.team or 0)

    async def first_held(
        self, it: ProviderOutage, *, most: int, kind: Kind | None = None
    ) -> tuple[Channel, ...]:
        """The first of those that it holds, by address."""
        those = _held(it) if kind is None else [*_held(it), channel.c.kind == kind]
        rows = await self._connection.rows(
            select(channel).where(*those).order_by(channel.c.address_key).limit(most)
        )
        return tuple(map(channel_of, rows))

    async def held_of(self, it: ProviderOutage, sight: Visibility, *, most: int) -> tuple[Channel, ...]:
        """The first of somebody's own that it holds, and what it holds at their address."""
        theirs = or_(channel.c.owner_id == sight.user_id, channel.c.address_key == sight.address)
        personal = channel.c.kind == Kind.PERSONAL, theirs
        rows = await self._connection.rows(
            select(channel).where(*_held(it), *personal).order_by(channel.c.address_key).limit(most)
        )
        return tuple(map(channel_of, rows))

    async def held_domains(self, it: ProviderOutage, *, most: int) -> tuple[str, ...]:
        """The domains of what it holds."""
        find = func.instr if self._connection.dialect == "sqlite" else func.strpos
        domain = func.substr(channel.c.address, find(channel.c.address, "@") + 1)
        rows = await self._connection.rows(
            select(domain.label("it")).where(*_held(it)).distinct().limit(most)
        )
        return tuple(row.it for row in rows)

    async def holds_any(self, it: ProviderOutage) -> bool:
        """Whether it holds a channel at all."""
        return await self._connection.first(select(channel.c.id).where(*_held(it)).limit(1)) is not None

    async def last_joined(self, it: ProviderOutage) -> datetime | None:
        """When the state of those that it holds last changed: it still spreads then."""
        found: datetime | None = await self._connection.value(
            select(func.max(channel.c.since)).where(*_held(it))
        )
        return found

    # --- the line of those that wait for their turns

    async def lines_up(
        self, hold_id: ProviderOutageId, channel_id: ChannelId, turn: datetime | None = None
    ) -> None:
        """It waits in this line until ``leaves_line``, whatever its looks bring. A ``turn`` is when it is
        looked at, and voids the lease of a look that runs."""
        values: dict[str, Any] = {"hold_id": hold_id}
        if turn is not None:
            values |= {"due_at": turn, "lease_token": None, "lease_until": None}
        await self._connection.count(update(probe).where(probe.c.channel_id == channel_id).values(**values))

    async def leaves_line(self, channel_id: ChannelId) -> None:
        """It waits in none any more."""
        mine = probe.c.channel_id == channel_id, probe.c.hold_id.is_not(None)
        await self._connection.count(update(probe).where(*mine).values(hold_id=None))

    async def last_turn(self, it: ProviderOutage, *, but: ChannelId) -> datetime | None:
        """When the last one in line is looked at, beside ``but``. Who got no answer takes no turn: it has a
        pause of its own, up to an hour where its provider wants that."""
        takes_turns = probe.c.channel_id != but, probe.c.outcome != ProbeOutcome.UNREACHABLE
        theirs = select(probe.c.due_at).where(probe.c.hold_id == it.id, *takes_turns)
        found: datetime | None = await self._connection.value(theirs.order_by(probe.c.due_at.desc()).limit(1))
        return found

    async def last_in_line(self, it: ProviderOutage) -> ChannelId | None:
        """The one that waits longest for its turn, and is yours until this unit of work ends. One that
        somebody is changing just now does not wait."""
        theirs = select(probe.c.channel_id).where(probe.c.hold_id == it.id)
        last = theirs.order_by(probe.c.due_at.desc()).limit(1).with_for_update(skip_locked=True)
        row = await self._connection.first(last)
        return row.channel_id if row else None

    async def call(self, it: ProviderOutage, *, now: datetime, rested_for: timedelta) -> None:
        """Let all in line be looked at now; those whose last look is younger than ``rested_for``, that long
        from now. Those that are being looked at already are left alone, their answers are on the way; so are
        those that somebody is changing just now, who may wait for us in turn.

        Of many that come back, the first calls all others. The next ones find few whose turn is to come."""
        lately = probe.c.last_done_at > now - rested_for
        turn = case((lately, literal(now + rested_for, Instant)), else_=literal(now, Instant))
        waiting = probe.c.hold_id == it.id, probe.c.due_at > now, probe.c.due_at > turn
        free = (
            select(probe.c.channel_id)
            .where(*waiting, probe.c.lease_token.is_(None))
            .with_for_update(skip_locked=True)
            .cte("free")
        )
        called = update(probe).where(probe.c.channel_id.in_(select(free.c.channel_id)))
        await self._connection.count(called.values(due_at=turn))

    async def lately_disconnected(self, it: ProviderOutage, since: datetime) -> tuple[ChannelId, ...]:
        """Channels that were called disconnected just before, and may have been part of it."""
        theirs = [
            channel.c.workspace_id == it.workspace_id,
            channel.c.provider == it.provider,
            channel.c.state == State.DISCONNECTED,
            channel.c.since >= since,
        ]
        if it.tenant:
            theirs.append(channel.c.identity_tenant == it.tenant)
        rows = await self._connection.rows(select(channel.c.id).where(*theirs))
        return tuple(row.id for row in rows)


_MEMBER: Final = ("hold_id", "channel_id")
_STILL: Final = (channel.c.state == State.IMPAIRED) & (channel.c.cause == Cause.HELD)
_OWN: Final = hold.alias("own")
# Built once: every refusal asks them.
_OPEN: Final = (
    select(hold)
    .where(
        hold.c.workspace_id == bindparam("workspace"),
        hold.c.provider == bindparam("at_provider"),
        or_(hold.c.tenant == "", hold.c.tenant == bindparam("of_tenant")),
        hold.c.ended_at.is_(None),
    )
    .order_by(hold.c.tenant.desc())
    .limit(1)
)
_OPEN_ALONE: Final = _OPEN.with_for_update()
_OPEN_ANYWHERE: Final = select(hold).where(hold.c.ended_at.is_(None), hold.c.provider != HUBSPOT)
_TALLY: Final = (
    select(
        channel.c.identity_tenant,
        func.count().label("ever"),
        func.sum(case((_STILL, 1), else_=0)).label("still"),
        func.max(held.c.back_at).label("back_at"),
    )
    .join(held, held.c.channel_id == channel.c.id)
    .where(held.c.hold_id == bindparam("its"))
    .group_by(channel.c.identity_tenant)
)
_SERVED_AT: Final = case(
    (channel.c.state == State.CONNECTED, probe.c.last_ok_at), else_=literal(None, Instant)
)
_RENEWALS: Final = (
    select(
        held.c.channel_id,
        held.c.joined_at,
        held.c.renewed_at.label("at"),
        held.c.renewed_by.label("by"),
        _SERVED_AT.label("served_at"),
    )
    .join(channel, channel.c.id == held.c.channel_id)
    .outerjoin(probe, probe.c.channel_id == channel.c.id)
    .where(
        held.c.hold_id == bindparam("its"),
        held.c.renewed_at.is_not(None),
        channel.c.identity_tenant == bindparam("of_tenant"),
    )
    .order_by(held.c.renewed_at, held.c.channel_id)
)
IN_HOLD: Final[ColumnElement[Any]] = literal_column("channel.cause = 'held'")
"""Few of many: in these words, as the index of them has it."""


def _held(it: ProviderOutage) -> list[ColumnElement[bool]]:
    """An organisation's own hold holds its mailboxes, and not everybody's beside it."""
    theirs = [
        channel.c.workspace_id == it.workspace_id,
        channel.c.provider == it.provider,
        channel.c.state == State.IMPAIRED,
        IN_HOLD,
    ]
    if it.tenant:
        return [*theirs, channel.c.identity_tenant == it.tenant]
    open_ = _OWN.c.workspace_id == it.workspace_id, _OWN.c.provider == it.provider, _OWN.c.ended_at.is_(None)
    return [
        *theirs,
        channel.c.identity_tenant.not_in(select(_OWN.c.tenant).where(*open_, _OWN.c.tenant != "")),
    ]


def _hold(row: Row[Any]) -> ProviderOutage:
    return ProviderOutage(**row._mapping)
