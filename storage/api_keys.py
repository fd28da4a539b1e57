"""Keys of programs, the access tokens they are given, and who was given which.

One rule: of a key only its digest is kept, and an access token only sealed for the row that it belongs to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.dialects.sqlite import Insert

from bot.domain.api_key import ApiKey, OwnerAnswer, OwnerAsked, network_of
from bot.domain.channel import Kind, State
from bot.domain.grant import Granted, Secret
from bot.domain.ids import ApiKeyId, ChannelId, GrantId, UserId, WorkspaceId
from storage.column_types import Instant
from storage.connection import Repository, inserting
from storage.errors import KeyLost, Misplaced
from storage.grants import GRANTED, granted_as
from storage.tables import access_token, api_key, api_key_channel, channel, grant, token_use

GIVEN: Final = "given"
OF_KEY: Final = "key:"
"""How facts of ``meta`` begin that are about a key; its id comes next."""


class ApiKeyRepository(Repository):
    """Rows of ``api_key`` and ``api_key_channel``."""

    async def add(self, new: ApiKey) -> None:
        values = {
            "id": new.id,
            "workspace_id": new.workspace_id,
            "name": new.name,
            "digest": new.digest,
            "is_for_team": new.is_for_team,
            "features": " ".join(sorted(new.features)),
            "networks": " ".join(map(str, new.networks)),
            "created_by": new.created_by,
            "created_at": new.created_at,
            "expires_at": new.expires_at,
        }
        await self._connection.count(self._connection.insert(api_key).values(**values))
        await self._connection.many(
            self._connection.insert(api_key_channel),
            [_named(new, one) for one in sorted(new.channels)],
        )

    async def find(self, key_id: ApiKeyId) -> ApiKey | None:
        """The same statement whether there is one or not: the time it takes tells nobody."""
        return (await self.by_ids([key_id])).get(key_id)

    async def by_ids(self, key_ids: Collection[ApiKeyId]) -> dict[ApiKeyId, ApiKey]:
        """Those that exist. As with ``find``, nobody can tell which by the time it takes."""
        rows: dict[ApiKeyId, list[Row[Any]]] = {}
        for row in await self._connection.rows(_BY_IDS, {"those": list(key_ids)}):
            rows.setdefault(row.id, []).append(row)
        return {key_id: _with_channels(theirs) for key_id, theirs in rows.items()}

    async def by_door(self, digest: str) -> ApiKey | None:
        """The one whose own address has this digest."""
        rows = await self._connection.rows(_BY_DOOR, {"digest": digest})
        return _with_channels(rows) if rows else None

    async def open_door(self, key_id: ApiKeyId, digest: str, now: datetime) -> bool:
        """From now on this is its own address, in place of a former one; whether there is such a key that
        works."""
        mine = api_key.c.id == key_id, api_key.c.revoked_at.is_(None), api_key.c.expires_at > now
        return await self._connection.count(update(api_key).where(*mine).values(door_digest=digest)) == 1

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[ApiKey, ...]:
        """Revoked and expired ones too, the oldest first."""
        here = select(api_key).where(api_key.c.workspace_id == workspace_id)
        rows = await self._connection.rows(here.order_by(api_key.c.created_at, api_key.c.id))
        channels = await self._channels([row.id for row in rows])
        return tuple(_key(row, channels.get(row.id, ())) for row in rows)

    async def naming(self, channel_id: ChannelId) -> tuple[ApiKey, ...]:
        """Those that name this inbox and were not revoked, the oldest first."""
        ids = select(api_key_channel.c.key_id).where(api_key_channel.c.channel_id == channel_id)
        here = select(api_key).where(api_key.c.id.in_(ids), api_key.c.revoked_at.is_(None))
        rows = await self._connection.rows(here.order_by(api_key.c.created_at, api_key.c.id))
        channels = await self._channels([row.id for row in rows])
        return tuple(_key(row, channels.get(row.id, ())) for row in rows)

    async def answer(
        self, key_id: ApiKeyId, channel_id: ChannelId, owner_id: UserId, answer: OwnerAnswer, at: datetime
    ) -> bool:
        """What its owner says of it from now on; whether that is news."""
        mine = (
            api_key_channel.c.key_id == key_id,
            api_key_channel.c.channel_id == channel_id,
            api_key_channel.c.owner_id == owner_id,
            api_key_channel.c.answer != answer,
        )
        values = {"answer": answer.value, "answered_at": at}
        return await self._connection.count(update(api_key_channel).where(*mine).values(**values)) == 1

    async def made_by(self, workspace_id: WorkspaceId, maker: UserId) -> tuple[ApiKey, ...]:
        """Those that this person made or looks after and nobody revoked, without what they are for."""
        theirs = api_key.c.workspace_id == workspace_id, api_key.c.created_by == maker
        here = select(api_key).where(*theirs, api_key.c.revoked_at.is_(None)).order_by(api_key.c.id)
        return tuple(_key(row, ()) for row in await self._connection.rows(here))

    async def revoke(self, key_id: ApiKeyId, at: datetime) -> bool:
        """Whether it was not revoked yet."""
        mine = api_key.c.id == key_id, api_key.c.revoked_at.is_(None)
        return await self._connection.count(update(api_key).where(*mine).values(revoked_at=at)) == 1

    async def assign(self, key_id: ApiKeyId, person: UserId) -> bool:
        """This person looks after it. Whether it was not revoked yet."""
        mine = api_key.c.id == key_id, api_key.c.revoked_at.is_(None)
        return await self._connection.count(update(api_key).where(*mine).values(created_by=person)) == 1

    async def used(self, shown: Mapping[ApiKeyId, str], at: datetime) -> None:
        """They were shown by somebody at these addresses. Rows are written in one order, so that two
        processes don't wait for each other's."""
        values = [
            {"its": key_id, "last_used_at": at, "last_used_from": address}
            for key_id, address in sorted(shown.items())
        ]
        await self._connection.many(_USED, values)

    async def _channels(self, key_ids: Sequence[ApiKeyId]) -> dict[ApiKeyId, list[Row[Any]]]:
        theirs = select(api_key_channel.c.key_id, *_NAMED).where(api_key_channel.c.key_id.in_(key_ids))
        found: dict[ApiKeyId, list[Row[Any]]] = {}
        for row in await self._connection.rows(theirs):
            found.setdefault(row.key_id, []).append(row)
        return found


_NAMED: Final = (
    api_key_channel.c.channel_id,
    api_key_channel.c.owner_id,
    api_key_channel.c.answer,
    api_key_channel.c.answered_at,
)
_WITH_CHANNELS: Final = select(api_key, *_NAMED).outerjoin(
    api_key_channel, api_key_channel.c.key_id == api_key.c.id
)
_BY_IDS: Final = _WITH_CHANNELS.where(api_key.c.id.in_(bindparam("those", expanding=True)))
_BY_DOOR: Final = _WITH_CHANNELS.where(api_key.c.door_digest == bindparam("digest"))
_USED: Final = (
    update(api_key)
    .where(api_key.c.id == bindparam("its"))
    .values(last_used_at=bindparam("last_used_at"), last_used_from=bindparam("last_used_from"))
)


def _with_channels(rows: Sequence[Row[Any]]) -> ApiKey:
    """One key's, joined."""
    return _key(rows[0], [row for row in rows if row.channel_id is not None])


def _named(key: ApiKey, channel_id: ChannelId) -> dict[str, Any]:
    asked = key.asked.get(channel_id)
    return {
        "key_id": key.id,
        "channel_id": channel_id,
        "owner_id": asked.owner_id if asked else None,
        "answer": asked.answer.value if asked else None,
        "answered_at": asked.at if asked else None,
    }


@dataclass(frozen=True, slots=True)
class KeptToken:
    """An access token that lives, as far as anybody knows."""

    token: Secret
    obtained_at: datetime
    expires_at: datetime


TokenName = tuple[GrantId, str]
"""A grant, and the resource that a token of it is for."""
AtHand = tuple[Granted, KeptToken | None]


class AccessTokenRepository(Repository):
    """Rows of ``access_token``: at most one per grant and resource."""

    async def find(self, grant_id: GrantId, resource: str) -> KeptToken | None:
        """The latest one; ``None`` if the grant was renewed by others, replaced or erased since."""
        mine = access_token.c.id == _id(grant_id, resource), access_token.c.grant_version == grant.c.version
        here = select(access_token).join(grant, grant.c.id == access_token.c.grant_id).where(*mine)
        row = await self._connection.first(here.where(grant.c.sealed.is_not(None)))
        return self._kept(row) if row is not None else None

    def _kept(self, row: Row[Any]) -> KeptToken | None:
        try:
            token = self._connection.cipher.open(row.sealed, owner=row.id)
        except (KeyLost, Misplaced):
            return None  # another is fetched
        return KeptToken(token, row.obtained_at, row.expires_at)

    async def at_hand(self, wanted: Collection[TokenName]) -> dict[TokenName, AtHand]:
        """Of each grant that exists what it allows, and its latest token as ``find`` has it."""
        names = {_id(*one): one for one in wanted}
        values = {"grants": sorted({grant_id for grant_id, _ in wanted}), "tokens": sorted(names)}
        granted, kept = {}, {}
        for row in await self._connection.rows(_AT_HAND, values):
            granted[row.grant_id] = granted_as(row[1:3])
            if row.id is not None:
                kept[names[row.id]] = self._kept(row)
        return {one: (granted[one[0]], kept.get(one)) for one in wanted if one[0] in granted}

    async def put(
        self, grant_id: GrantId, resource: str, token: Secret, *, obtained_at: datetime, expires_at: datetime
    ) -> None:
        """Keep it in place of the one before, as a token of the grant as it stands now. Only of what is in
        use and the team's, or allowed by its owner to a key that works: nobody else's are ever asked for."""
        row_id = _id(grant_id, resource)
        sealed = self._connection.cipher.seal(token, owner=row_id)
        columns = "id", "grant_id", "grant_version", "sealed", "obtained_at", "expires_at"
        instants = literal(obtained_at, Instant), literal(expires_at, Instant)
        allowed = _allowed.where(api_key.c.expires_at > obtained_at)
        as_it_is = select(literal(row_id), grant.c.id, grant.c.version, literal(sealed), *instants).where(
            grant.c.id == grant_id, grant.c.sealed.is_not(None), or_(_of_team.exists(), allowed.exists())
        )
        insert = self._connection.insert(access_token).from_select(list(columns), as_it_is)
        changed = {name: insert.excluded[name] for name in columns[2:]}
        await self._connection.count(
            insert.on_conflict_do_update(index_elements=[access_token.c.id], set_=changed)
        )

    async def carry_on(self, grant_id: GrantId, *, since: int) -> None:
        """What was kept for this version of the grant, or a later one, is good for the present one."""
        mine = access_token.c.grant_id == grant_id, access_token.c.grant_version >= since
        version = select(grant.c.version).where(grant.c.id == grant_id).scalar_subquery()
        await self._connection.count(update(access_token).where(*mine).values(grant_version=version))

    async def drop(self, grant_id: GrantId, resource: str | None = None) -> None:
        """What is kept of this grant, all of it or for one resource, is not to be handed out any more."""
        mine = [access_token.c.grant_id == grant_id]
        if resource is not None:
            mine.append(access_token.c.id == _id(grant_id, resource))
        await self._connection.count(delete(access_token).where(*mine))


_AT_HAND: Final = (
    select(
        grant.c.id.label("grant_id"),
        *GRANTED,
        access_token.c.id,
        access_token.c.sealed,
        access_token.c.obtained_at,
        access_token.c.expires_at,
    )
    .select_from(
        grant.outerjoin(
            access_token,
            and_(
                access_token.c.grant_id == grant.c.id,
                access_token.c.id.in_(bindparam("tokens", expanding=True)),
                access_token.c.grant_version == grant.c.version,
                grant.c.sealed.is_not(None),
            ),
        )
    )
    .where(grant.c.id.in_(bindparam("grants", expanding=True)))
)
_of_team: Final = (
    select(channel.c.id)
    .where(channel.c.grant_id == grant.c.id, channel.c.kind == Kind.TEAM, channel.c.state != State.REMOVED)
    .correlate(grant)
)
_allowed: Final = (
    select(channel.c.id)
    .join(api_key_channel, api_key_channel.c.channel_id == channel.c.id)
    .join(api_key, api_key.c.id == api_key_channel.c.key_id)
    .where(
        channel.c.grant_id == grant.c.id,
        channel.c.state != State.REMOVED,
        channel.c.owner_id == api_key_channel.c.owner_id,
        api_key_channel.c.answer == OwnerAnswer.ALLOWED.value,
        api_key.c.revoked_at.is_(None),
    )
    .correlate(grant)
)


def _id(grant_id: GrantId, resource: str) -> str:
    return f"{grant_id}:{resource}"


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a key asked for within one hour, and how it ended."""

    key_id: ApiKeyId
    key_name: str
    channel_id: ChannelId
    audience: str
    outcome: str
    times: int
    first_at: datetime
    last_at: datetime
    last_from: str
    key_ends_at: datetime
    """When the key was revoked, or runs out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a key asked for, and how that ended."""

    key_id: ApiKeyId
    channel_id: ChannelId
    audience: str
    outcome: str


class TokenUseRepository(Repository):
    """Rows of ``token_use``: one per key, channel, audience, outcome and hour."""

    async def count(self, asked: Mapping[tuple[Asked, str], int], *, at: datetime) -> None:
        """Each happened so many times more, asked for from this address. Rows are written in one order, so
        that two processes don't wait for each other's."""
        hour = int(at.timestamp()) // 3600
        values = [
            {
                "id": f"{one.key_id}:{one.channel_id}:{one.audience}:{one.outcome}:{hour}",
                "key_id": one.key_id,
                "channel_id": one.channel_id,
                "audience": one.audience,
                "outcome": one.outcome,
                "times": times,
                "first_at": at,
                "last_at": at,
                "last_from": address,
            }
            for (one, address), times in asked.items()
        ]
        values.sort(key=lambda row: (row["id"], row["last_from"]))
        await self._connection.many(_counting(self._connection.dialect), values)

    async def of_channel(self, channel_id: ChannelId, since: datetime) -> tuple[TokenUse, ...]:
        """The latest of each key, audience and outcome since then, the latest first; ``times`` are of all
        of them together."""
        ends = api_key.c.revoked_at, api_key.c.expires_at
        alike = (token_use.c.key_id, api_key.c.name, *ends, token_use.c.audience, token_use.c.outcome)
        sums = (
            func.sum(token_use.c.times).label("times"),
            func.min(token_use.c.first_at).label("first_at"),
            func.max(token_use.c.last_at).label("last_at"),
            func.max(token_use.c.last_from).label("last_from"),
        )
        here = (
            select(*alike, *sums)
            .join(api_key, api_key.c.id == token_use.c.key_id)
            .where(token_use.c.channel_id == channel_id, token_use.c.last_at >= since)
            .group_by(*alike)
            .order_by(func.max(token_use.c.last_at).desc())
        )
        return tuple(
            TokenUse(
                row.key_id,
                row.name,
                channel_id,
                row.audience,
                row.outcome,
                int(row.times),
                row.first_at,
                row.last_at,
                row.last_from,
                row.revoked_at or row.expires_at,
            )
            for row in await self._connection.rows(here)
        )


@cache
def _counting(dialect: str) -> Insert:
    insert = inserting(token_use, dialect)
    more = {
        "times": token_use.c.times + insert.excluded.times,
        "last_at": insert.excluded.last_at,
        "last_from": insert.excluded.last_from,
    }
    return insert.on_conflict_do_update(index_elements=[token_use.c.id], set_=more)


def _key(row: Row[Any], named: Sequence[Row[Any]]) -> ApiKey:
    return ApiKey(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        digest=row.digest,
        is_for_team=row.is_for_team,
        channels=frozenset(one.channel_id for one in named),
        features=frozenset(row.features.split()),
        networks=tuple(map(network_of, row.networks.split())),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_from=row.last_used_from or "",
        revoked_at=row.revoked_at,
        has_door=row.door_digest is not None,
        asked={
            one.channel_id: OwnerAsked(one.owner_id, OwnerAnswer(one.answer), one.answered_at)
            for one in named
            if one.owner_id is not None and one.answer is not None
        },
    )
