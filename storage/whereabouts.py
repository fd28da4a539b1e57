"""Where team addresses' mail goes: a row per address, written only when a look brings something new."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select

from bot.domain.ids import ChannelId
from bot.domain.whereabouts import Whereabouts
from storage.session import Session
from storage.tables import whereabouts


class WhereaboutsKnown:
    """Rows of ``whereabouts``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, channel_id: ChannelId) -> Whereabouts | None:
        return (await self.by_ids([channel_id])).get(channel_id)

    async def by_ids(self, ids: Collection[ChannelId]) -> dict[ChannelId, Whereabouts]:
        """Those that are known."""
        rows = await self._session.rows(select(whereabouts).where(whereabouts.c.channel_id.in_(ids)))
        return {row.channel_id: known_of(row) for row in rows}

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


def known_of(row: Sequence[Any]) -> Whereabouts:
    return Whereabouts(*row)
