"""Where team addresses' mail goes: a row per address, written only when a look brings something new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, select

from bot.domain.ids import ChannelId, WorkspaceId
from bot.domain.whereabouts import Whereabouts
from storage.session import Session
from storage.tables import channel, whereabouts


class WhereaboutsKnown:
    """Rows of ``whereabouts``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, channel_id: ChannelId) -> Whereabouts | None:
        return (await self.by_ids([channel_id])).get(channel_id)

    async def by_ids(self, ids: Collection[ChannelId]) -> dict[ChannelId, Whereabouts]:
        """Those that are known."""
        rows = await self._session.rows(select(whereabouts).where(whereabouts.c.channel_id.in_(ids)))
        return {row.channel_id: _known(row) for row in rows}

    async def left(self, workspace_id: WorkspaceId) -> dict[ChannelId, Whereabouts]:
        """Those of a workspace whose mail has left their provider."""
        theirs = channel.c.workspace_id == workspace_id, whereabouts.c.left_at.is_not(None)
        rows = await self._session.rows(
            select(whereabouts).join(channel, channel.c.id == whereabouts.c.channel_id).where(*theirs)
        )
        return {row.channel_id: _known(row) for row in rows}

    async def put(self, new: Whereabouts) -> None:
        """Insert or replace."""
        values = asdict(new)
        await self._session.count(
            self._session.insert(whereabouts)
            .values(**values)
            .on_conflict_do_update(index_elements=[whereabouts.c.channel_id], set_=values)
        )

    async def drop(self, channel_id: ChannelId) -> None:
        await self._session.count(delete(whereabouts).where(whereabouts.c.channel_id == channel_id))


def _known(row: Row[Any]) -> Whereabouts:
    return Whereabouts(**row._mapping)
