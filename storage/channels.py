"""Channels, what an overview shows of them, and where their mail goes.

One rule: two people may change a channel, so saving compares the version that was read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache, reduce
from itertools import product
from operator import add
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)

from bot.domain.access import Visibility
from bot.domain.address import MailRouting
from bot.domain.channel import URGENCY, Cause, Channel, Kind, State
from bot.domain.grant import Granted, MailboxIdentity
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from bot.domain.view_models import MOST_COUNTED, Browse, StateCounts
from storage.column_types import folded, searchable
from storage.connection import BEFOREHAND, Repository, by_letters
from storage.errors import Conflict, Taken
from storage.grants import GRANTED, granted_as, scopes_as_kept
from storage.tables import channel, grant, person, probe, whereabouts, workspace

IN_TROUBLE: Final[ColumnElement[Any]] = literal_column("channel.state IN ('impaired', 'disconnected')")
"""``TROUBLED``, where there are other tables beside."""
_TEAM_KEPT: Final[ColumnElement[Any]] = literal_column("channel.kind = 'team' AND channel.state <> 'removed'")
_KEPT = channel.c.state != State.REMOVED
_GONE: Final = select(workspace.c.id).where(workspace.c.gone_at.is_not(None))
_IN_USE: Final = (
    channel.c.state.in_((State.CONNECTED, State.IMPAIRED, State.DISCONNECTED)),
    channel.c.workspace_id.not_in(_GONE),
)
_TEAM_IN_USE: Final = (channel.c.kind == Kind.TEAM, *_IN_USE)
_KINDS: Final = {kind.value: kind for kind in Kind}
_STATES: Final = {state.value: state for state in State}
_CAUSES: Final = {cause.value: cause for cause in Cause}


class ChannelRepository(Repository):
    """Rows of ``channel``."""

    async def find(self, channel_id: ChannelId) -> Channel | None:
        """Removed ones too."""
        return await self._one(_FINDING, {"its": channel_id})

    async def hold(self, channel_id: ChannelId) -> Channel | None:
        """The same, and nobody else changes it before this unit of work ends."""
        return await self._one(_HOLDING, {"its": channel_id})

    async def at_address(self, workspace_id: WorkspaceId, address: str) -> Channel | None:
        """The one that is not removed, however its address is capitalised."""
        return await self._one(_AT_ADDRESS, {"workspace": workspace_id, "address": folded(address)})

    async def at_addresses(self, workspace_id: WorkspaceId, addresses: Collection[str]) -> dict[str, Channel]:
        """The same of many at once, by what spellings of an address have in common."""
        keys = {folded(it) for it in addresses} - {""}
        if not keys:
            return {}
        those = sorted(keys)
        if len(those) <= BEFOREHAND:
            rows = await self._connection.rows(_AT_ADDRESSES, {"workspace": workspace_id, "those": those})
        else:
            these = self._connection.among(channel.c.address_key, those)
            here = channel.c.workspace_id == workspace_id, these
            rows = await self._connection.rows(select(channel).where(*here, _KEPT))
        return {folded(it.address): it for it in map(channel_of, rows)}

    async def sought(
        self, workspace_id: WorkspaceId, text: str, *, is_team_only: bool, most: int
    ) -> tuple[Channel, ...]:
        """The first that are not removed and have ``text`` in their address or name, by address."""
        has = (_has(text),) if text.strip() else ()
        team = [(*_HERE, channel.c.kind == Kind.TEAM, channel.c.state == it, *has) for it in _COUNTED]
        # Among all, team addresses may be few: an index leads to them.
        those = _few(team if is_team_only else [(*_HERE, *has)], bindparam("most"))
        found = select(those).order_by(those.c.address_key).limit(bindparam("most"))
        rows = await self._connection.rows(found, {"workspace": workspace_id, "most": most})
        return tuple(map(channel_of, rows))

    async def of_owner(self, workspace_id: WorkspaceId, user_id: UserId) -> tuple[Channel, ...]:
        """A person's own inboxes, by address."""
        return await self._kept(workspace_id, channel.c.owner_id == user_id)

    async def all(self, workspace_id: WorkspaceId) -> tuple[Channel, ...]:
        return await self._kept(workspace_id)

    async def of_team(
        self, workspace_id: WorkspaceId, after: ChannelId, *, limit: int
    ) -> tuple[Channel, ...]:
        """Team addresses behind ``after``, by id; an index has just these in that order."""
        those = channel.c.workspace_id == workspace_id, _TEAM_KEPT
        here = select(channel).where(*those, channel.c.id > after).order_by(channel.c.id).limit(limit)
        return tuple(map(channel_of, await self._connection.rows(here)))

    async def some(self, workspace_id: WorkspaceId, *, limit: int) -> tuple[Channel, ...]:
        """Up to ``limit`` of them, whichever."""
        here = select(channel).where(channel.c.workspace_id == workspace_id, _KEPT).limit(limit)
        return tuple(map(channel_of, await self._connection.rows(here)))

    async def with_watched_mail(self) -> tuple[Channel, ...]:
        """Team addresses in use, of every workspace that is served: those whose mail is looked after."""
        here = select(channel).where(*_TEAM_IN_USE).order_by(channel.c.id)
        return tuple(map(channel_of, await self._connection.rows(here)))

    async def count_in_use(self, kind: Kind, *, most: int | None = None) -> int:
        """How many of a kind are looked at often, in the whole deployment; who is beyond ``most`` is not
        counted."""
        values = {"of_kind": kind} | ({} if most is None else {"most": most})
        return int(await self._connection.value(_counting(limited=most is not None), values))

    async def addresses(self, workspace_id: WorkspaceId) -> tuple[str, ...]:
        """Every address under management, for "did you mean"."""
        here = select(channel.c.address).where(channel.c.workspace_id == workspace_id, _KEPT)
        return tuple(row.address for row in await self._connection.rows(here.order_by(channel.c.address_key)))

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
        insert = self._connection.insert(channel).on_conflict_do_nothing()
        if not await self._connection.count(insert, _values(new)):
            raise Taken

    async def save(self, changed: Channel) -> Channel:
        """Write it and return it with its new version.

        Raises ``Conflict`` when somebody changed it since it was read, ``Taken`` when it comes back to
        an address that was given to another channel meanwhile.
        """
        saved = replace(changed, version=changed.version + 1)
        mine = {"its": changed.id, "as_read": changed.version}
        if not await self._connection.count(_SAVING, {**mine, **_values(saved)}):
            raise Conflict
        return saved

    async def by_ids(self, ids: Sequence[ChannelId]) -> dict[ChannelId, Channel]:
        """Those that exist, removed ones too."""
        if not ids:
            return {}
        few = len(ids) <= BEFOREHAND
        those = _OF_THOSE if few else select(channel).where(self._connection.among(channel.c.id, ids))
        rows = await self._connection.rows(those, {"those": list(ids)} if few else None)
        return {row.id: channel_of(row) for row in rows}

    async def a_team_address(self, workspace_id: WorkspaceId, *, is_told: bool) -> Channel | None:
        """Some team address, the same one every time; ``is_told``: one that has a conversation. However many
        there are, an index leads to it."""
        return await self._one(_A_TOLD_ONE if is_told else _A_TEAM_ADDRESS, {"workspace": workspace_id})

    async def has_cause(self, provider: str, cause: Cause) -> bool:
        """Whether any of a provider's channels is impaired or disconnected for this cause."""
        those = channel.c.provider == provider, channel.c.cause == cause, IN_TROUBLE
        return await self._connection.first(select(channel.c.id).where(*those).limit(1)) is not None

    async def count(self, *, kind: Kind | None = None) -> int:
        """How many are under management in the whole deployment."""
        kept = select(func.count()).select_from(channel).where(_KEPT)
        return int(await self._connection.value(kept if kind is None else kept.where(channel.c.kind == kind)))

    async def _kept(self, workspace_id: WorkspaceId, *which: ColumnElement[bool]) -> tuple[Channel, ...]:
        here = select(channel).where(channel.c.workspace_id == workspace_id, _KEPT, *which)
        return tuple(map(channel_of, await self._connection.rows(here.order_by(channel.c.address_key))))

    async def _one(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Channel | None:
        row = await self._connection.first(query, values)
        return channel_of(row) if row else None


# --- statements, built once


_FINDING: Final = select(channel).where(channel.c.id == bindparam("its"))
_HOLDING: Final = _FINDING.with_for_update()
_OF_THOSE: Final = select(channel).where(channel.c.id.in_(bindparam("those", expanding=True)))
_AT_ADDRESS: Final = select(channel).where(
    channel.c.workspace_id == bindparam("workspace"), channel.c.address_key == bindparam("address"), _KEPT
)
_AT_ADDRESSES: Final = select(channel).where(
    channel.c.workspace_id == bindparam("workspace"),
    channel.c.address_key.in_(bindparam("those", expanding=True)),
    _KEPT,
)
_OF_TEAM: Final = (
    select(channel)
    .where(channel.c.workspace_id == bindparam("workspace"), channel.c.kind == Kind.TEAM, _KEPT)
    .limit(1)
)
_A_TEAM_ADDRESS: Final = _OF_TEAM.order_by(channel.c.state, channel.c.address_key)
_A_TOLD_ONE: Final = _OF_TEAM.where(channel.c.conversation_id.is_not(None)).order_by(
    channel.c.conversation_id, channel.c.address_key
)
_SAVING: Final = update(channel).where(
    channel.c.id == bindparam("its"), channel.c.version == bindparam("as_read")
)


@cache
def _counting(*, limited: bool) -> Select[Any]:
    those = select(literal(1)).select_from(channel).where(channel.c.kind == bindparam("of_kind"), *_IN_USE)
    first = those.limit(bindparam("most", type_=Integer)) if limited else those
    return select(func.count()).select_from(first.subquery())


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
        "address_reversed": folded(it.address)[::-1],
        "sought": sought_in(it.address, it.name),
    }


def sought_in(address: str, name: str) -> str:
    """What a search looks through. No text that is searched for has a line's end in it."""
    return f"{searchable(address)}\n{searchable(name)}"


def channel_of(row: Sequence[Any]) -> Channel:
    """Unpacked rather than asked for by name, which takes five times as long; lists and batches are long."""
    id_, workspace_id, address, _, kind, owner_id, connected_by, provider, *rest = row
    idp, subject, tenant, state, cause, since, created_at, grant_id, *settings = rest
    use, name, conversation_id, version, removed_at, via, said, worked_since, *_ = settings
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
_FEW: Final[ColumnElement[int]] = literal_column(str(MOST_COUNTED + 1))
"""In the statement's own words: PostgreSQL plans for so few rows only if it knows how many."""
_BESIDE: Final = MOST_LOOK_ALIKES // 5
_HERE: Final = channel.c.workspace_id == bindparam("workspace"), channel.c.state != State.REMOVED
# Where each part stands in a row, which is unpacked by position.
_CHANNEL: Final = slice(0, len(channel.c))
_PROOF: Final = _CHANNEL.stop
_OWNER_LEFT: Final = _PROOF + 1
_MAIL: Final = slice(_OWNER_LEFT + 1, _OWNER_LEFT + 1 + len(whereabouts.c))
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
    owner_left: bool = False
    """Whose it is is no longer in the workspace."""


class OverviewRepository(Repository):
    """Reads ``channel`` with what belongs to it, as one person may see it."""

    async def read(
        self, visibility: Visibility, *, most: int | None, with_grants: bool
    ) -> tuple[tuple[Listed, ...], StateCounts]:
        """The first ``most``, or all: one's own, team addresses, other people's; of each what needs somebody
        first, then by address. And how many there are, as far as
        ``StateCounts`` tells. What was granted is read only ``with_grants``."""
        statement = _statement(
            self._connection.dialect, visibility.all_personal, with_grants, is_counted=True
        )
        rows = await self._connection.rows(statement, _listed_values(visibility, most))
        return tuple(map(_listed, rows)), _tally(rows[0][_TALLY]) if rows else StateCounts()

    async def first(
        self,
        visibility: Visibility,
        *,
        most: int,
        with_grants: bool,
        states: tuple[State, ...] | None = None,
    ) -> tuple[Listed, ...]:
        """The same without counting, of all or of these states: however many there are, no more rows are
        read."""
        statement = _statement(
            self._connection.dialect, visibility.all_personal, with_grants, states, is_counted=False
        )
        return tuple(map(_listed, await self._connection.rows(statement, _listed_values(visibility, most))))

    async def matching(
        self, visibility: Visibility, text: str, *, most: int, with_grants: bool
    ) -> tuple[Listed, ...]:
        """The first of those with ``text`` in their address or name, in the order of the list."""
        dialect = self._connection.dialect
        seen = select(channel).where(*_seen(all_personal=visibility.all_personal), _has(text))
        first = seen.order_by(*_order(channel, dialect)).limit(most)
        statement = _beside(first, dialect, with_grants)
        return tuple(map(_listed, await self._connection.rows(statement, _listed_values(visibility, most))))

    async def page(
        self, visibility: Visibility, browse: Browse, *, most: int, with_grants: bool
    ) -> tuple[Listed, ...]:
        """At most so many of what was looked for, from a place on in the order of the list. Without a text
        an index leads to them, however many there are."""
        dialect, at = self._connection.dialect, {"skip": browse.skip, "reach": browse.skip + most}
        if not browse.text:
            statement = _page(dialect, visibility.all_personal, with_grants, browse.state)
        else:
            here = () if browse.state is None else (channel.c.state == browse.state,)
            seen = select(channel).where(
                *_seen(all_personal=visibility.all_personal), *here, _has(browse.text)
            )
            first = (
                seen.order_by(*_order(channel, dialect)).limit(bindparam("most")).offset(bindparam("skip"))
            )
            statement = _beside(first, dialect, with_grants)
        rows = await self._connection.rows(statement, {**_listed_values(visibility, most), **at})
        return tuple(map(_listed, rows))

    async def tally(self, visibility: Visibility) -> StateCounts:
        """How many there are, as far as ``StateCounts`` tells."""
        [row] = await self._connection.rows(
            _tallied(visibility.all_personal), _listed_values(visibility, None)
        )
        return _tally(row)

    async def addresses(self, visibility: Visibility, *, most: int) -> tuple[str, ...]:
        """The first addresses that this person may see, as addresses are sorted."""
        rows = await self._connection.rows(
            _addresses(visibility.all_personal), _listed_values(visibility, most)
        )
        return tuple(row.address for row in rows)

    async def grants_in_use(
        self, visibility: Visibility, states: Collection[State]
    ) -> tuple[tuple[str, Granted, int], ...]:
        """What was granted to channels in these states, by provider, and to how many: few differ."""
        alike = channel.c.provider, grant.c.scopes, grant.c.delegate_subject.is_not(None).label("shared")
        counted = (
            select(*alike, func.count().label("number"))
            .join(grant, grant.c.id == channel.c.grant_id)
            .where(*_seen(all_personal=visibility.all_personal), channel.c.state.in_(states))
            .group_by(*alike)
        )
        rows = await self._connection.rows(counted, _listed_values(visibility, None))
        return tuple(
            (row.provider, Granted(frozenset(row.scopes.split()), is_shared=bool(row.shared)), row.number)
            for row in rows
        )

    async def grants_of_all(
        self, visibility: Visibility, states: Collection[State]
    ) -> tuple[tuple[str, Granted, int], ...]:
        """The same for whoever sees all of very many: each counted no further than ``MOST_COUNTED`` and one
        more. An index leads from one that differs to the next."""
        found, values = list[tuple[str, Granted, int]](), _listed_values(visibility, None)
        at: Mapping[str, str] = {"provider": "", "scopes": ""}
        while row := await self._next_granted({**values, **at}):
            at = {"provider": row.identity_provider, "scopes": row.scopes}
            for is_shared in (False, True):
                counted = _of_granted(states, is_shared).limit(_FEW).subquery()
                number = await self._connection.value(
                    select(func.count()).select_from(counted), {**values, **at}
                )
                if number:
                    granted = Granted(frozenset(row.scopes.split()), is_shared=is_shared)
                    found.append((row.identity_provider, granted, int(number)))
        return tuple(found)

    async def _next_granted(self, after: Mapping[str, Any]) -> Row[Any] | None:
        """Of the same provider, or else the first of the next one. Of both at once SQLite would pass all of
        this provider's."""
        for next_ in _NEXT_GRANTED:
            if row := await self._connection.first(next_, after):
                return row
        return None

    async def first_granted(
        self,
        visibility: Visibility,
        states: Collection[State],
        granted: Collection[tuple[str, Granted]],
        *,
        most: int,
        are_many: bool = False,
    ) -> tuple[Listed, ...]:
        """The first of those in these states that were granted one of these, in the order of the list. Of
        very many (``are_many``) an index gives the order, and the first ones are soon found."""
        if not granted:
            return ()
        alike = or_(*(_was_granted(provider, it) for provider, it in granted))
        dialect = self._connection.dialect
        seen = _seen(all_personal=visibility.all_personal)
        first = (
            _first_of_many(dialect, visibility.all_personal, tuple(states), alike)
            if are_many
            else select(channel)
            .join(grant, and_(grant.c.id == channel.c.grant_id, grant.c.channel_id == channel.c.id))
            .where(*seen, channel.c.state.in_(states), alike)
            .order_by(*_order(channel, dialect))
            .limit(most)
        )
        rows = await self._connection.rows(_beside(first, dialect, True), _listed_values(visibility, most))
        return tuple(map(_listed, rows))

    async def look_alikes(self, visibility: Visibility, address: str) -> tuple[str, ...]:
        """Addresses among which one that was mistyped as ``address`` most likely is, at most
        ``MOST_LOOK_ALIKES`` of what this person may see: those next to it as they are read, and those next to
        it read from the end. However many there are, an index leads to these few."""
        key = folded(address)
        values = {**_listed_values(visibility, None), "key": key, "reversed": key[::-1]}
        found: dict[str, None] = {}
        for some in _neighbours(visibility.all_personal):
            rows = await self._connection.rows(some, values)
            found.update(dict.fromkeys(row.address for row in rows))
        return tuple(found)[:MOST_LOOK_ALIKES]


@cache
def _statement(
    dialect: str,
    all_personal: bool,
    with_grants: bool,
    states: tuple[State, ...] | None = None,
    *,
    is_counted: bool,
) -> Select[Any]:
    """Of each part the first ones, in the order of an index; of all these the first ones."""
    few = _few(_parts(all_personal, states), bindparam("most"))
    first = select(few).order_by(*_order(few, dialect)).limit(bindparam("most"))
    return _beside(first, dialect, with_grants, _counts(all_personal) if is_counted else None)


@cache
def _page(dialect: str, all_personal: bool, with_grants: bool, state: State | None) -> Select[Any]:
    """As ``_statement``, from a place on: of each part no more is read than can stand before the end."""
    few = _few(_parts(all_personal, _COUNTED if state is None else (state,)), bindparam("reach"))
    ordered = select(few).order_by(*_order(few, dialect))
    first = ordered.limit(bindparam("most")).offset(bindparam("skip"))
    return _beside(first, dialect, with_grants)


def _few(parts: Iterable[Sequence[ColumnElement[bool]]], most: ColumnElement[int]) -> Subquery:
    """Of each part the first ones, by address: in the order of an index, if the part lies in one."""
    each = [
        select(channel).where(*which).order_by(channel.c.address_key).limit(most).subquery()
        for which in parts
    ]
    return union_all(*(select(it) for it in each)).subquery("few")


def _has(text: str) -> ColumnElement[bool]:
    """Whether it stands in the address, as it is shown or as it is found by, or in the name."""
    return or_(
        channel.c.address_key.contains(folded(text), autoescape=True),
        channel.c.sought.contains(searchable(text), autoescape=True),
    )


def _beside(
    first: Select[Any], dialect: str, with_grants: bool, counted: Subquery | None = None
) -> Select[Any]:
    """What stands beside a channel is looked up for the first ones only."""
    shown = first.subquery("shown")
    has_left = and_(whereabouts.c.channel_id == shown.c.id, whereabouts.c.left_at.is_not(None))
    owner = and_(person.c.workspace_id == shown.c.workspace_id, person.c.id == shown.c.owner_id)
    joined = shown.outerjoin(probe, probe.c.channel_id == shown.c.id).outerjoin(whereabouts, has_left)
    joined = joined.outerjoin(person, owner)
    columns = [*shown.c, probe.c.last_ok_at, person.c.is_deleted, *whereabouts.c]
    if counted is None:
        columns += [literal(0).label(f"no_{place}") for place in range(1 + len(_COUNTED))]
    else:
        joined, columns = joined.join(counted, true()), [*columns, *counted.c]
    if with_grants:
        joined = joined.outerjoin(grant, grant.c.id == shown.c.grant_id)
        columns += GRANTED
    return select(*columns).select_from(joined).order_by(*_order(shown, dialect))


def _parts(
    all_personal: bool, states: Sequence[State] | None = None
) -> list[tuple[ColumnElement[bool], ...]]:
    """What somebody may see of these states, or of all, in parts that lie one after the other in an index."""
    personal, others = channel.c.kind == Kind.PERSONAL, channel.c.owner_id != bindparam("user")
    team = [(*_HERE, channel.c.kind == Kind.TEAM, channel.c.state == state) for state in states or _COUNTED]
    whole = [*_HERE, personal, channel.c.owner_id == bindparam("user")]
    own = [(*whole, channel.c.state == state) for state in states] if states else [tuple(whole)]
    if all_personal:
        theirs = [(*_HERE, personal, channel.c.state == state, others) for state in states or _COUNTED]
        return [*team, *own, *theirs]
    some = () if states is None else (channel.c.state.in_(states),)
    return [*team, *own, (*_HERE, personal, channel.c.address_key == bindparam("address"), others, *some)]


def _personal() -> tuple[ColumnElement[bool], ...]:
    """Of what somebody else than a super admin may see, what is nobody's team's."""
    own = channel.c.owner_id == bindparam("user")
    theirs = channel.c.address_key == bindparam("address")
    return *_HERE, channel.c.kind == Kind.PERSONAL, or_(own, theirs)


@cache
def _addresses(all_personal: bool) -> Select[Any]:
    by = channel.c.address_key
    most: ColumnElement[int] = bindparam("most")
    each = [
        select(channel.c.address, by).where(*which).order_by(by).limit(most).subquery()
        for which in _parts(all_personal)
    ]
    found = union_all(*(select(it) for it in each)).subquery()
    return select(found.c.address).order_by(found.c.address_key).limit(most)


@cache
def _tallied(all_personal: bool) -> Select[Any]:
    return select(_counts(all_personal))


@cache
def _neighbours(all_personal: bool) -> tuple[Select[Any], ...]:
    """Built once: there are many parts, and whoever waits for an answer would wait for the building."""
    kinds = tuple(Kind) if all_personal else (Kind.TEAM,)
    forward = [
        (*_HERE, channel.c.kind == kind, channel.c.state == state) for kind, state in product(kinds, _COUNTED)
    ]
    backward = [(*_HERE, channel.c.kind == kind) for kind in kinds]
    own = [] if all_personal else [select(channel.c.address).where(*_personal()).limit(_BESIDE)]
    return (
        *_next_to(channel.c.address_key, bindparam("key"), forward),
        *_next_to(channel.c.address_reversed, bindparam("reversed"), backward),
        *own,
    )


def _next_to(
    by: ColumnElement[str], key: ColumnElement[str], parts: Sequence[tuple[ColumnElement[bool], ...]]
) -> Iterator[Select[Any]]:
    """What stands next to ``key``, in either direction."""
    for side, is_down in ((by >= key, False), (by < key, True)):
        order = by.desc() if is_down else by
        each = [
            select(channel.c.address, by.label("place"))
            .where(*which, side)
            .order_by(order)
            .limit(_BESIDE)
            .subquery()
            for which in parts
        ]
        found = union_all(*(select(it) for it in each)).subquery()
        place = found.c.place.desc() if is_down else found.c.place
        yield select(found.c.address).order_by(place).limit(_BESIDE)


def _was_granted(provider: str, it: Granted) -> ColumnElement[bool]:
    shared = grant.c.delegate_subject.is_not(None) if it.is_shared else grant.c.delegate_subject.is_(None)
    return and_(channel.c.provider == provider, grant.c.scopes == scopes_as_kept(it.scopes), shared)


_LIVE: Final[ColumnElement[Any]] = literal_column("grant_.phase = 'live'")
"""In the words of an index."""
_NEXT_GRANTED: Final = tuple(
    select(grant.c.identity_provider, grant.c.scopes)
    .where(grant.c.workspace_id == bindparam("workspace"), _LIVE, *after)
    .order_by(grant.c.identity_provider, grant.c.scopes)
    .limit(1)
    for after in (
        (grant.c.identity_provider == bindparam("provider"), grant.c.scopes > bindparam("scopes")),
        (grant.c.identity_provider > bindparam("provider"),),
    )
)


def _of_granted(states: Collection[State], is_shared: bool) -> Select[Any]:
    """A row for each inbox that was granted this."""
    shared = grant.c.delegate_subject > "" if is_shared else grant.c.delegate_subject.is_(None)
    this = (
        grant.c.workspace_id == bindparam("workspace"),
        _LIVE,
        grant.c.identity_provider == bindparam("provider"),
        grant.c.scopes == bindparam("scopes"),
        shared,
    )
    its = channel.c.id == grant.c.channel_id, channel.c.grant_id == grant.c.id
    here = select(literal(1)).select_from(channel).where(*its, *_HERE, channel.c.state.in_(states))
    # One by one: joined, both databases would begin with all channels.
    is_here = here.limit(literal_column("1")).correlate(grant).scalar_subquery() == 1
    return select(literal(1)).select_from(grant).where(*this, is_here)


def _first_of_many(
    dialect: str, all_personal: bool, states: tuple[State, ...], alike: ColumnElement[bool]
) -> Select[Any]:
    """Of each part the first ones, in the order of an index; of all these the first ones."""
    which_grant = grant.c.id == channel.c.grant_id
    is_alike = select(literal(1)).select_from(grant).where(which_grant, alike).exists()
    parts = [(*which, is_alike) for which in _parts(all_personal, states)]
    few = _few(parts, bindparam("most"))
    return select(few).order_by(*_order(few, dialect)).limit(bindparam("most"))


def _counts(all_personal: bool) -> Subquery:
    """In the order in which ``_tally`` unpacks them: each along an index, and no further than is told."""
    own_number = _own_count().scalar_subquery().label("own")
    whole = (_number(*_counted_parts(all_personal, state)).label(state) for state in _COUNTED)
    return select(own_number, *whole).subquery("tally")


def _counted_parts(all_personal: bool, state: State) -> list[tuple[ColumnElement[bool], ...]]:
    """Whoever sees all needs no rows for it: the index alone tells."""
    if all_personal:
        return [(*_HERE, channel.c.kind == kind, channel.c.state == state) for kind in Kind]
    return _parts(all_personal, (state,))


def _number(*parts: tuple[ColumnElement[bool], ...]) -> ColumnElement[int]:
    """How many, of each part at most one more than ``MOST_COUNTED``."""
    some = [select(literal(1)).select_from(channel).where(*which).limit(_FEW) for which in parts]
    return reduce(add, (select(func.count()).select_from(it.subquery()).scalar_subquery() for it in some))


def _own_count() -> Select[Any]:
    own = *_HERE, channel.c.owner_id == bindparam("user")
    return select(func.count()).select_from(channel).where(*own)


def _order(of: FromClause, dialect: str) -> tuple[ColumnElement[Any], ...]:
    urgency = case({state.value: place for place, state in enumerate(URGENCY)}, value=of.c.state)
    return _group(of), urgency, by_letters(of.c.address_key, dialect)


def _group(of: FromClause) -> ColumnElement[int]:
    """One's own, which never falls off; team addresses, other people's."""
    return case((of.c.owner_id == bindparam("user"), 0), (of.c.kind == Kind.TEAM, 1), else_=2)


def _seen(*, all_personal: bool) -> tuple[ColumnElement[bool], ...]:
    if all_personal:
        return _HERE
    own = channel.c.owner_id == bindparam("user")
    theirs = channel.c.address_key == bindparam("address")
    return *_HERE, or_(channel.c.kind == Kind.TEAM, own, theirs)


def _listed_values(visibility: Visibility, most: int | None) -> dict[str, Any]:
    """More than a statement names does no harm."""
    return {
        "workspace": visibility.workspace_id,
        "user": visibility.user_id,
        "address": visibility.address,
        "most": _NO_LIMIT if most is None else most,
    }


def _listed(row: Sequence[Any]) -> Listed:
    mail, granted = row[_MAIL], row[_GRANT]
    return Listed(
        channel_of(row[_CHANNEL]),
        row[_PROOF],
        granted_as(granted) if _is_joined(granted) else None,
        known_of(mail) if _is_joined(mail) else None,
        bool(row[_OWNER_LEFT]),
    )


def _is_joined(found: Sequence[Any]) -> bool:
    """Whether the outer join, if there was one, found a row: it begins with a column that is never empty."""
    return bool(found) and found[0] is not None


def _tally(counted: Sequence[Any]) -> StateCounts:
    """The same in every row."""
    own, *numbers = counted
    return StateCounts(dict(zip(_COUNTED, (int(it or 0) for it in numbers), strict=True)), own=int(own))


class MailRoutingRepository(Repository):
    """Rows of ``whereabouts``."""

    async def find(self, channel_id: ChannelId) -> MailRouting | None:
        return (await self.by_ids([channel_id])).get(channel_id)

    async def by_ids(self, ids: Collection[ChannelId]) -> dict[ChannelId, MailRouting]:
        """Those that are known."""
        those = self._connection.among(whereabouts.c.channel_id, ids)
        rows = await self._connection.rows(select(whereabouts).where(those))
        return {row.channel_id: known_of(row) for row in rows}

    async def put(self, new: MailRouting) -> None:
        """Insert or replace."""
        values = asdict(new)
        await self._connection.count(
            self._connection.insert(whereabouts)
            .values(**values)
            .on_conflict_do_update(index_elements=[whereabouts.c.channel_id], set_=values)
        )

    async def drop(self, channel_id: ChannelId) -> None:
        await self._connection.count(delete(whereabouts).where(whereabouts.c.channel_id == channel_id))


def known_of(row: Sequence[Any]) -> MailRouting:
    return MailRouting(*row)
