"""Requests. One rule: the first answer wins, by one statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, text, update

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind
from bot.domain.ids import ChannelId, RequestId, UserId, WorkspaceId
from bot.domain.request import GOES_ON, Awaits, Request, RequestedChange, RequestState
from storage.cipher import Cipher
from storage.column_types import folded
from storage.connection import Repository
from storage.errors import KeyLost, Misplaced
from storage.tables import request

_SAME: Final = ("workspace_id", "requester", "deed", "address_key", "awaits")
"""What makes two waiting requests the same: a unique index of those that wait."""
_WAITING: Final = text("state = 'waiting'")


class RequestRepository(Repository):
    """Rows of ``request``."""

    async def add(self, new: Request) -> Request:
        """The one that waits now: ``new``, or the one with which this person waits for the same already.
        Nobody else changes it before this unit of work ends."""
        insert = self._connection.insert(request).values(**_values(new, self._connection.cipher))
        # Touched, not changed: a row that is only passed over would not be returned.
        touched = insert.on_conflict_do_update(
            index_elements=_SAME, index_where=_WAITING, set_={"state": request.c.state}
        )
        [row] = await self._connection.rows(touched.returning(*request.c))
        return self._readable(row)

    async def find(self, request_id: RequestId) -> Request | None:
        row = await self._connection.first(select(request).where(request.c.id == request_id))
        return self._readable(row) if row else None

    async def by_secret(self, digest: str) -> Request | None:
        """The one that waits for an organisation's admin and is told of their decision with this secret."""
        row = await self._connection.first(select(request).where(request.c.digest == digest))
        return self._readable(row) if row else None

    async def unfinished_by(self, workspace_id: WorkspaceId, requester: UserId) -> tuple[Request, ...]:
        """What this person waits for, or has not gone on with; oldest first."""
        whose = {"workspace": workspace_id, "requester": requester}
        return tuple(map(self._readable, await self._connection.rows(_UNFINISHED_BY, whose)))

    async def waiting_for_admins(self, workspace_id: WorkspaceId, *, most: int) -> tuple[Request, ...]:
        """The first of those that an admin here has to answer, oldest first."""
        values = {"workspace": workspace_id, "most": most}
        return tuple(map(self._readable, await self._connection.rows(_WAITING_FOR_ADMINS, values)))

    async def of_admins_by(
        self, workspace_id: WorkspaceId, requester: UserId, *, since: datetime
    ) -> tuple[Request, ...]:
        """What this person waits for an admin's word for, and all that they have asked for since then; oldest
        first."""
        wanted = request.c.workspace_id == workspace_id, request.c.requester == requester
        lately = (request.c.state == RequestState.WAITING) | (request.c.created_at > since)
        found = select(request).where(*wanted, request.c.awaits == Awaits.ADMINS, lately)
        rows = await self._connection.rows(found.order_by(request.c.created_at, request.c.id))
        return tuple(map(self._readable, rows))

    async def extend(self, request_id: RequestId, until: datetime) -> bool:
        """Let it stand longer: what it was approved for waits for somebody else now. ``False`` if it lasts as
        long already."""
        shorter = request.c.id == request_id, request.c.expires_at < until
        return await self._connection.count(update(request).where(*shorter).values(expires_at=until)) == 1

    def _readable(self, row: Row[Any]) -> Request:
        """One whose key is lost can no longer be told of the decision; nothing else of it is lost."""
        try:
            return _request(row, self._connection.cipher)
        except (KeyLost, Misplaced):
            return _request(row, None)

    async def open_of(self, channel_id: ChannelId) -> tuple[Request, ...]:
        """What people wait for about this channel, oldest first."""
        waiting = request.c.channel_id == channel_id, request.c.state == RequestState.WAITING
        rows = await self._connection.rows(select(request).where(*waiting).order_by(request.c.created_at))
        return tuple(map(self._readable, rows))

    async def unfinished_of(self, channel_id: ChannelId, deeds: Collection[Operation]) -> tuple[Request, ...]:
        """Those of these deeds that people wait for about this channel, or were granted and have still to go
        on with; oldest first."""
        granted = (request.c.state == RequestState.APPROVED) & request.c.deed.in_(GOES_ON)
        theirs = [request.c.channel_id == channel_id, (request.c.state == RequestState.WAITING) | granted]
        wanted = select(request).where(*theirs, request.c.deed.in_(deeds)).order_by(request.c.created_at)
        return tuple(map(self._readable, await self._connection.rows(wanted)))

    async def hold(self, request_id: RequestId) -> None:
        """Let nobody else change it before this unit of work ends."""
        await self._connection.rows(select(request.c.id).where(request.c.id == request_id).with_for_update())

    async def answer(
        self,
        request_id: RequestId,
        state: RequestState,
        *,
        by: UserId | None,
        at: datetime,
        was: RequestState = RequestState.WAITING,
        reason: str = "",
    ) -> bool:
        """``False`` if somebody else was first. ``reason``: why not, in the words of whoever declined."""
        waiting = request.c.id == request_id, request.c.state == was
        answered: dict[str, Any] = {"state": state}
        if was is RequestState.WAITING:
            answered |= {"answered_by": by, "answered_at": at, "answer_reason": reason}
        return await self._connection.count(update(request).where(*waiting).values(**answered)) == 1

    async def take_back(self, request_id: RequestId, *, by: UserId, since: datetime) -> bool:
        """Let what this person declined after ``since`` wait again. ``False`` if there is no such no.

        Raises ``Taken`` if they ask for the same anew already.
        """
        theirs = request.c.id == request_id, request.c.state == RequestState.DECLINED
        young = request.c.answered_by == by, request.c.answered_at > since
        waits = {
            "state": RequestState.WAITING,
            "answered_by": None,
            "answered_at": None,
            "answer_reason": "",
        }
        return await self._connection.count(update(request).where(*theirs, *young).values(**waits)) == 1


_OLDEST: Final = (
    select(request)
    .where(request.c.workspace_id == bindparam("workspace"))
    .order_by(request.c.created_at, request.c.id)
)
_UNFINISHED_BY: Final = _OLDEST.where(
    request.c.requester == bindparam("requester"),
    request.c.state.in_((RequestState.WAITING, RequestState.APPROVED)),
)
_WAITING_FOR_ADMINS: Final = _OLDEST.where(
    request.c.state == RequestState.WAITING, request.c.awaits == Awaits.ADMINS
).limit(bindparam("most"))


def _values(it: Request, cipher: Cipher) -> dict[str, Any]:
    requested_change = it.requested_change
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "requester": it.requester,
        "deed": requested_change.operation,
        "address": requested_change.address,
        "address_key": folded(requested_change.address),
        "kind": requested_change.kind,
        "channel_id": requested_change.channel_id,
        "use": requested_change.inbox.use,
        "name": requested_change.inbox.name,
        "conversation_id": requested_change.inbox.conversation_id,
        "provider": requested_change.provider or None,
        "is_shared": requested_change.is_shared,
        "reason": it.reason,
        "state": it.state,
        "created_at": it.created_at,
        "expires_at": it.expires_at,
        "answered_by": it.answered_by,
        "answered_at": it.answered_at,
        "answer_reason": it.answer_reason,
        "awaits": it.awaits,
        "sealed": cipher.seal(it.secret, owner=it.id) if it.secret else None,
        "digest": it.secret.digest if it.secret else None,
        "tenant": it.tenant or None,
        "follows": it.follows,
    }


def _request(row: Row[Any], cipher: Cipher | None) -> Request:
    requested_change = RequestedChange(
        operation=Operation(row.deed),
        inbox=InboxSpec(
            address=row.address,
            kind=Kind(row.kind),
            use=row.use,
            name=row.name,
            conversation_id=row.conversation_id,
            provider=row.provider or "",
            is_shared=row.is_shared,
        ),
        channel_id=row.channel_id,
    )
    return Request(
        id=row.id,
        workspace_id=row.workspace_id,
        requester=row.requester,
        requested_change=requested_change,
        reason=row.reason,
        state=RequestState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        answer_reason=row.answer_reason,
        awaits=Awaits(row.awaits),
        secret=None if row.sealed is None or cipher is None else cipher.open(row.sealed, owner=row.id),
        tenant=row.tenant or "",
        follows=row.follows,
    )
