"""History: what happened, who did it, when. Only ever added to, until it is old or must be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, select

from bot.domain.channel import HistoryEntry
from bot.domain.ids import ChannelId, WorkspaceId
from storage.connection import Repository
from storage.tables import LOST, history


class HistoryRepository(Repository):
    """Rows of ``history``."""

    async def add(self, record: HistoryEntry) -> None:
        await self.add_all([record])

    async def add_all(self, records: Sequence[HistoryEntry]) -> None:
        await self._connection.many(self._connection.insert(history), [_values(it) for it in records])

    async def of_channel(self, channel_id: ChannelId, limit: int) -> tuple[HistoryEntry, ...]:
        """The latest first."""
        theirs = select(history).where(history.c.channel_id == channel_id)
        latest = theirs.order_by(history.c.at.desc(), history.c.id.desc()).limit(limit)
        return tuple(map(_record, await self._connection.rows(latest)))

    async def since(self, ids: Collection[ChannelId], since: datetime) -> dict[ChannelId, list[HistoryEntry]]:
        """All of these channels since then, in order."""
        found: dict[ChannelId, list[HistoryEntry]] = {}
        for row in await self._connection.rows(_SINCE, {"those": list(ids), "since": since}):
            found.setdefault(row.channel_id, []).append(_record(row))
        return found

    async def lost_since(
        self, workspace_id: WorkspaceId, since: datetime, limit: int
    ) -> tuple[ChannelId, ...]:
        """Channels that were called disconnected since then, the latest first."""
        theirs = history.c.workspace_id == workspace_id, LOST, history.c.at >= since
        latest = select(history.c.channel_id).where(*theirs).order_by(history.c.at.desc())
        rows = await self._connection.rows(latest.limit(limit))
        return tuple(dict.fromkeys(row.channel_id for row in rows))

    async def of_workspace(
        self, workspace_id: WorkspaceId, since: datetime, limit: int
    ) -> tuple[HistoryEntry, ...]:
        """Everything since then, the latest first."""
        theirs = history.c.workspace_id == workspace_id, history.c.at >= since
        latest = select(history).where(*theirs).order_by(history.c.at.desc(), history.c.id.desc())
        return tuple(map(_record, await self._connection.rows(latest.limit(limit))))

    async def purge(self, before: datetime, *, limit: int = 5_000) -> int:
        """Forget up to ``limit`` older records; how many. Call again while there are some."""
        old = select(history.c.id).where(history.c.at < before).limit(limit)
        return await self._connection.count(delete(history).where(history.c.id.in_(old)))


_SINCE: Final = (
    select(history)
    .where(history.c.channel_id.in_(bindparam("those", expanding=True)), history.c.at >= bindparam("since"))
    .order_by(history.c.at, history.c.id)
)


def _values(record: HistoryEntry) -> dict[str, Any]:
    return {
        "workspace_id": record.workspace_id,
        "channel_id": record.channel_id,
        "at": record.at,
        "what": record.what,
        "actor": record.actor,
        "details": dict(record.details),
    }


def _record(row: Row[Any]) -> HistoryEntry:
    return HistoryEntry(
        workspace_id=row.workspace_id,
        channel_id=row.channel_id,
        at=row.at,
        what=row.what,
        actor=row.actor,
        details=row.details,
    )
