"""Requests. One rule: the first answer wins, by one statement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from bot.domain.access import Deed
from bot.domain.channel import Kind
from bot.domain.ids import ChannelId, RequestId, UserId, WorkspaceId
from bot.domain.request import GOES_ON, Request, RequestState, Wish
from storage.folding import folded
from storage.session import Session
from storage.tables import request


class Requests:
    """Rows of ``request``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, new: Request) -> bool:
        """``False`` if this person already waits for the same thing."""
        insert = self._session.insert(request).values(**_values(new)).on_conflict_do_nothing()
        return await self._session.count(insert) == 1

    async def find(self, request_id: RequestId) -> Request | None:
        row = await self._session.first(select(request).where(request.c.id == request_id))
        return _request(row) if row else None

    async def waiting_for(
        self, workspace_id: WorkspaceId, requester: UserId, deed: Deed, address: str
    ) -> Request | None:
        """The one that this person already waits for."""
        row = await self._session.first(
            select(request).where(
                request.c.workspace_id == workspace_id,
                request.c.requester == requester,
                request.c.deed == deed,
                request.c.address_key == folded(address),
                request.c.state == RequestState.WAITING,
            )
        )
        return _request(row) if row else None

    async def open_of(self, channel_id: ChannelId) -> tuple[Request, ...]:
        """What people wait for about this channel, oldest first."""
        waiting = request.c.channel_id == channel_id, request.c.state == RequestState.WAITING
        rows = await self._session.rows(select(request).where(*waiting).order_by(request.c.created_at))
        return tuple(map(_request, rows))

    async def unfinished_of(self, channel_id: ChannelId, deed: Deed | None = None) -> tuple[Request, ...]:
        """What people wait for about this channel, or were granted and have still to go on with, oldest
        first."""
        granted = (request.c.state == RequestState.APPROVED) & request.c.deed.in_(GOES_ON)
        theirs = [request.c.channel_id == channel_id, (request.c.state == RequestState.WAITING) | granted]
        if deed is not None:
            theirs.append(request.c.deed == deed)
        rows = await self._session.rows(select(request).where(*theirs).order_by(request.c.created_at))
        return tuple(map(_request, rows))

    async def hold(self, request_id: RequestId) -> None:
        """Let nobody else change it before this unit of work ends."""
        await self._session.rows(select(request.c.id).where(request.c.id == request_id).with_for_update())

    async def answer(
        self,
        request_id: RequestId,
        state: RequestState,
        *,
        by: UserId | None,
        at: datetime,
        was: RequestState = RequestState.WAITING,
    ) -> bool:
        """``False`` if somebody else was first."""
        waiting = request.c.id == request_id, request.c.state == was
        answered: dict[str, Any] = {"state": state}
        if was is RequestState.WAITING:
            answered |= {"answered_by": by, "answered_at": at}
        return await self._session.count(update(request).where(*waiting).values(**answered)) == 1


def _values(it: Request) -> dict[str, Any]:
    wish = it.wish
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "requester": it.requester,
        "deed": wish.deed,
        "address": wish.address,
        "address_key": folded(wish.address),
        "kind": wish.kind,
        "channel_id": wish.channel_id,
        "use": wish.use,
        "name": wish.name,
        "conversation_id": wish.conversation_id,
        "provider": wish.provider or None,
        "is_shared": wish.is_shared,
        "reason": it.reason,
        "state": it.state,
        "created_at": it.created_at,
        "expires_at": it.expires_at,
        "answered_by": it.answered_by,
        "answered_at": it.answered_at,
    }


def _request(row: Row[Any]) -> Request:
    wish = Wish(
        deed=Deed(row.deed),
        address=row.address,
        kind=Kind(row.kind),
        channel_id=row.channel_id,
        use=row.use,
        name=row.name,
        conversation_id=row.conversation_id,
        provider=row.provider or "",
        is_shared=row.is_shared,
    )
    return Request(
        id=row.id,
        workspace_id=row.workspace_id,
        requester=row.requester,
        wish=wish,
        reason=row.reason,
        state=RequestState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
    )
