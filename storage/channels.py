"""Channels. One rule: two people may change one, so saving compares the version that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, update

from bot.domain.cause import Cause
from bot.domain.channel import Channel, Kind, State
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from storage.errors import Conflict, Taken
from storage.folding import folded
from storage.session import Session
from storage.tables import channel, workspace

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


class Channels:
    """Rows of ``channel``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, channel_id: ChannelId) -> Channel | None:
        """Removed ones too."""
        return await self._one(select(channel).where(channel.c.id == channel_id))

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

    async def count_with_cause(self, provider: str, cause: Cause) -> int:
        """How many of a provider's channels are in their state for this cause."""
        those = channel.c.provider == provider, channel.c.cause == cause, _KEPT
        return int(await self._session.value(select(func.count()).select_from(channel).where(*those)))

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
