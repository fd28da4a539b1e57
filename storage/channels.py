"""Channels, what an overview shows of them, and where their mail goes.

One rule: two people may change a channel, so saving compares the version that was read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)

from bot.domain.access import Visibility
from bot.domain.channel import URGENCY, Cause, Channel, Kind, State
from bot.domain.grant import Granted, MailboxIdentity
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from bot.domain.mail_routing import MailRouting
from bot.domain.view_models import StateCounts
from storage.column_types import folded
from storage.connection import Connection, by_letters
from storage.errors import Conflict, Taken
from storage.grants import GRANTED, granted_as
from storage.tables import channel, grant, probe, whereabouts, workspace

IN_TROUBLE: Final[ColumnElement[Any]] = literal_column("channel.state IN ('impaired', 'disconnected')")
"""``TROUBLED``, where there are other tables beside."""
_KEPT = channel.c.state != State.REMOVED
_GONE: Final = select(workspace.c.id).where(workspace.c.gone_at.is_not(None))
_TEAM_IN_USE: Final = (
    channel.c.kind == Kind.TEAM,
    channel.c.state.in_((State.CONNECTED, State.IMPAIRED, State.DISCONNECTED)),
    channel.c.workspace_id.not_in(_GONE),
)
_KINDS: Final = {kind.value: kind for kind in Kind}
_STATES: Final = {state.value: state for state in State}
_CAUSES: Final = {cause.value: cause for cause in Cause}


class ChannelRepository:
    """Rows of ``channel``."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    async def find(self, channel_id: ChannelId) -> Channel | None:
        """Removed ones too."""
        return await self._one(select(channel).where(channel.c.id == channel_id))

    async def hold(self, channel_id: ChannelId) -> Channel | None:
        """The same, and nobody else changes it before this unit of work ends."""
        return await self._one(select(channel).where(channel.c.id == channel_id).with_for_update())

    async def at_address(self, workspace_id: WorkspaceId, address: str) -> Channel | None:
        """The one that is not removed, however its address is capitalised."""
        here = channel.c.workspace_id == workspace_id, channel.c.address_key == folded(address)
        return await self._one(select(channel).where(*here, _KEPT))

    async def of_owner(self, workspace_id: WorkspaceId, user_id: UserId) -> tuple[Channel, ...]:
        """A person's own inboxes, by address."""
        return await self._kept(workspace_id, channel.c.owner_id == user_id)

    async def team(self, workspace_id: WorkspaceId) -> tuple[Channel, ...]:
        return await self._kept(workspace_id, channel.c.kind == Kind.TEAM)

    async def all(self, workspace_id: WorkspaceId) -> tuple[Channel, ...]:
        return await self._kept(workspace_id)

    async def with_watched_mail(self) -> tuple[Channel, ...]:
        """Team addresses in use, of every workspace that is served: those whose mail is looked after."""
        here = select(channel).where(*_TEAM_IN_USE).order_by(channel.c.id)
        return tuple(map(channel_of, await self._session.rows(here)))

    async def count_team_in_use(self) -> int:
        """How many team addresses are looked at often, in the whole deployment."""
        those = select(func.count()).select_from(channel).where(*_TEAM_IN_USE)
        return int(await self._session.value(those))

    async def addresses(self, workspace_id: WorkspaceId) -> tuple[str, ...]:
        """Every address under management, for "did you mean"."""
        here = select(channel.c.address).where(channel.c.workspace_id == workspace_id, _KEPT)
        return tuple(row.address for row in await self._session.rows(here.order_by(channel.c.address_key)))

    async def restorable(
        self,
        workspace_id: WorkspaceId,
        address: str,
        identity: MailboxIdentity,
        owner_id: UserId | None,
        since: datetime,
    ) -> Channel | None:
        """The latest one removed no earlier than ``since`` that was the same mailbox of the same owner."""
        owned = channel.c.owner_id.is_(None) if owner_id is None else channel.c.owner_id == owner_id
        return await self._one(
            select(channel)
            .where(
                channel.c.workspace_id == workspace_id,
                channel.c.address_key == folded(address),
                channel.c.identity_provider == identity.provider,
                channel.c.identity_subject == identity.subject,
                owned,
                channel.c.state == State.REMOVED,
                channel.c.removed_at >= since,
            )
            .order_by(channel.c.removed_at.desc())
            .limit(1)
        )

    async def add(self, new: Channel) -> None:
        """Raises ``Taken`` when the address is under management; the unit of work stays usable."""
        insert = self._session.insert(channel).values(**_values(new)).on_conflict_do_nothing()
        if not await self._session.count(insert):
            raise Taken

    async def save(self, changed: Channel) -> Channel:
        """Write it and return it with its new version.

        Raises ``Conflict`` when somebody changed it since it was read, ``Taken`` when it comes back to
        an address that was given to another channel meanwhile.
        """
        saved = replace(changed, version=changed.version + 1)
        mine = channel.c.id == changed.id, channel.c.version == changed.version
        if not await self._session.count(update(channel).where(*mine).values(**_values(saved))):
            raise Conflict
        return saved

    async def by_ids(self, ids: Sequence[ChannelId]) -> dict[ChannelId, Channel]:
        """Those that exist, removed ones too."""
        rows = await self._session.rows(select(channel).where(channel.c.id.in_(ids)))
        return {row.id: channel_of(row) for row in rows}

    async def has_cause(self, provider: str, cause: Cause) -> bool:
        """Whether any of a provider's channels is impaired or disconnected for this cause."""
        those = channel.c.provider == provider, channel.c.cause == cause, IN_TROUBLE
        return await self._session.first(select(channel.c.id).where(*those).limit(1)) is not None

    async def count(self, *, kind: Kind | None = None) -> int:
        """How many are under management in the whole deployment."""
        kept = select(func.count()).select_from(channel).where(_KEPT)
        return int(await self._session.value(kept if kind is None else kept.where(channel.c.kind == kind)))

    async def _kept(self, workspace_id: WorkspaceId, *which: ColumnElement[bool]) -> tuple[Channel, ...]:
        here = select(channel).where(channel.c.workspace_id == workspace_id, _KEPT, *which)
        return tuple(map(channel_of, await self._session.rows(here.order_by(channel.c.address_key))))

    async def _one(self, query: Select[Any]) -> Channel | None:
        row = await self._session.first(query)
        return channel_of(row) if row else None


def _values(it: Channel) -> dict[str, Any]:
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "address": it.address,
        "address_key": folded(it.address),
        "kind": it.kind,
        "owner_id": it.owner_id,
        "connected_by": it.connected_by,
        "provider": it.provider,
        "identity_provider": it.identity.provider,
        "identity_subject": it.identity.subject,
        "identity_tenant": it.identity.tenant,
        "state": it.state,
        "cause": it.cause,
        "since": it.since,
        "created_at": it.created_at,
        "grant_id": it.grant_id,
        "use": it.use,
        "name": it.name,
        "conversation_id": it.conversation_id,
        "version": it.version,
        "removed_at": it.removed_at,
        "via": it.via or None,
        "said": it.said or None,
        "worked_since": it.worked_since,
    }


def channel_of(row: Sequence[Any]) -> Channel:
    """Unpacked rather than asked for by name, which takes five times as long; lists and batches are long."""
    id_, workspace_id, address, _, kind, owner_id, connected_by, provider, *rest = row
    idp, subject, tenant, state, cause, since, created_at, grant_id, *settings = rest
    use, name, conversation_id, version, removed_at, via, said, worked_since = settings
    return Channel(
        id_,
        workspace_id,
        address,
        _KINDS[kind],
        owner_id,
        connected_by,
        provider,
        MailboxIdentity(idp, subject, tenant),
        _STATES[state],
        _CAUSES[cause],
        since,
        created_at,
        grant_id,
        use,
        name,
        conversation_id,
        version,
        removed_at,
        via or "",
        said or "",
        worked_since,
    )


_COUNTED: Final = tuple(state for state in URGENCY if state is not State.REMOVED)
_NO_LIMIT: Final = 2**31 - 1
MOST_LOOK_ALIKES: Final = 500
_BESIDE: Final = MOST_LOOK_ALIKES // 4
_OFF_BY: Final = 2
_TAIL: Final = 3
# Where each part stands in a row, which is unpacked by position.
_CHANNEL: Final = slice(0, len(channel.c))
_PROOF: Final = _CHANNEL.stop
_MAIL: Final = slice(_PROOF + 1, _PROOF + 1 + len(whereabouts.c))
_TALLY: Final = slice(_MAIL.stop, _MAIL.stop + 1 + len(_COUNTED))
_GRANT: Final = slice(_TALLY.stop, None)


@dataclass(frozen=True, slots=True)
class Listed:
    """One channel, with what its line tells beside it."""

    channel: Channel
    last_ok_at: datetime | None
    granted: Granted | None
    """Only where it was asked for."""
    mail_left: MailRouting | None
    """Where the mail goes, once it has left the channel's provider."""


class OverviewRepository:
    """Reads ``channel`` with what belongs to it, as one person may see it."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    async def read(
        self, sight: Visibility, *, most: int | None, with_grants: bool
    ) -> tuple[tuple[Listed, ...], StateCounts]:
        """The first ``most``, or all: team addresses, one's own, other people's; of each what needs somebody
        first, then by address. And how many there are. What was granted is read only ``with_grants``."""
        statement = _statement(self._session.dialect, sight.all_personal, with_grants)
        values = {**_listed_values(sight), "most": _NO_LIMIT if most is None else most}
        rows = await self._session.rows(statement, values)
        return tuple(map(_listed, rows)), _tally(rows[0]) if rows else StateCounts()

    async def look_alikes(self, sight: Visibility, address: str) -> tuple[str, ...]:
        """Addresses among which one that was mistyped as ``address`` most likely is, at most
        ``MOST_LOOK_ALIKES`` of what this person may see: those next to it by letters, and those of its domain
        and about its length, what ends like it first."""
        key = folded(address)
        local, _, domain = key.rpartition("@")
        seen, by = _seen(all_personal=sight.all_personal), channel.c.address_key
        shown = select(channel.c.address).where(*seen)
        about = func.length(by).between(len(key) - _OFF_BY, len(key) + _OFF_BY)
        ending = by.endswith(f"{local[-_TAIL:]}@{domain}", autoescape=True)
        alike = by.endswith(f"@{domain}", autoescape=True), about
        found: dict[str, None] = {}
        for wanted in (
            shown.where(by >= key).order_by(by).limit(_BESIDE),
            shown.where(by < key).order_by(by.desc()).limit(_BESIDE),
            shown.where(*alike).order_by(case((ending, 0), else_=1), by).limit(2 * _BESIDE),
        ):
            rows = await self._session.rows(wanted, _listed_values(sight))
            found.update(dict.fromkeys(row.address for row in rows))
        return tuple(found)


@cache
def _statement(dialect: str, all_personal: bool, with_grants: bool) -> Select[Any]:
    """What stands beside a channel is looked up for the first ones only."""
    seen = _seen(all_personal=all_personal)
    first = select(channel).where(*seen).order_by(*_order(channel, dialect)).limit(bindparam("most"))
    shown, tally = first.subquery("shown"), _counts().where(*seen).subquery("tally")
    has_left = and_(whereabouts.c.channel_id == shown.c.id, whereabouts.c.left_at.is_not(None))
    joined = (
        shown.join(tally, true())
        .outerjoin(probe, probe.c.channel_id == shown.c.id)
        .outerjoin(whereabouts, has_left)
    )
    columns = [*shown.c, probe.c.last_ok_at, *whereabouts.c, *tally.c]
    if with_grants:
        joined = joined.outerjoin(grant, grant.c.id == shown.c.grant_id)
        columns += GRANTED
    return select(*columns).select_from(joined).order_by(*_order(shown, dialect))


def _counts() -> Select[Any]:
    """In the order in which ``_tally`` unpacks them."""
    own = func.sum(case((_group(channel) == 1, 1), else_=0)).label("own")
    states = (func.sum(case((channel.c.state == state, 1), else_=0)).label(state) for state in _COUNTED)
    return select(own, *states)


def _order(of: FromClause, dialect: str) -> tuple[ColumnElement[Any], ...]:
    urgency = case({state.value: place for place, state in enumerate(URGENCY)}, value=of.c.state)
    return _group(of), urgency, by_letters(of.c.address_key, dialect)


def _group(of: FromClause) -> ColumnElement[int]:
    """Team addresses, one's own, other people's."""
    return case((of.c.kind == Kind.TEAM, 0), (of.c.owner_id == bindparam("user"), 1), else_=2)


def _seen(*, all_personal: bool) -> tuple[ColumnElement[bool], ...]:
    here = channel.c.workspace_id == bindparam("workspace"), channel.c.state != State.REMOVED
    if all_personal:
        return here
    own = channel.c.owner_id == bindparam("user")
    theirs = channel.c.address_key == bindparam("address")
    return *here, or_(channel.c.kind == Kind.TEAM, own, theirs)


def _listed_values(sight: Visibility) -> dict[str, Any]:
    values = {"workspace": sight.workspace_id, "user": sight.user_id}
    if sight.all_personal:
        return values
    return values | {"address": sight.address}


def _listed(row: Sequence[Any]) -> Listed:
    mail, granted = row[_MAIL], row[_GRANT]
    return Listed(
        channel_of(row[_CHANNEL]),
        row[_PROOF],
        granted_as(granted) if _is_joined(granted) else None,
        known_of(mail) if _is_joined(mail) else None,
    )


def _is_joined(found: Sequence[Any]) -> bool:
    """Whether the outer join, if there was one, found a row: it begins with a column that is never empty."""
    return bool(found) and found[0] is not None


def _tally(row: Sequence[Any]) -> StateCounts:
    """The same in every row."""
    own, *numbers = row[_TALLY]
    return StateCounts(dict(zip(_COUNTED, map(int, numbers), strict=True)), own=int(own))


class MailRoutingRepository:
    """Rows of ``whereabouts``."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    async def find(self, channel_id: ChannelId) -> MailRouting | None:
        return (await self.by_ids([channel_id])).get(channel_id)

    async def by_ids(self, ids: Collection[ChannelId]) -> dict[ChannelId, MailRouting]:
        """Those that are known."""
        rows = await self._session.rows(select(whereabouts).where(whereabouts.c.channel_id.in_(ids)))
        return {row.channel_id: known_of(row) for row in rows}

    async def put(self, new: MailRouting) -> None:
        """Insert or replace."""
        values = asdict(new)
        await self._session.count(
            self._session.insert(whereabouts)
            .values(**values)
            .on_conflict_do_update(index_elements=[whereabouts.c.channel_id], set_=values)
        )

    async def drop(self, channel_id: ChannelId) -> None:
        await self._session.count(delete(whereabouts).where(whereabouts.c.channel_id == channel_id))


def known_of(row: Sequence[Any]) -> MailRouting:
    return MailRouting(*row)
