"""Links: one per person and incident's channel, until the incident is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, delete, literal, or_, select, update

from bot.domain.ids import ChannelId, IncidentId, LinkId, UserId
from bot.domain.ticket import Link
from storage.cipher import Cipher
from storage.session import Session
from storage.tables import link
from storage.types import Instant


class Links:
    """Rows of ``link``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_all(self, new: Sequence[Link]) -> None:
        """Whoever has one for this incident and channel keeps that one."""
        insert = self._session.insert(link).on_conflict_do_nothing()
        await self._session.many(insert, [_values(it, self._session.cipher) for it in new])

    async def of_reader(
        self, user_id: UserId, incident_ids: Collection[IncidentId]
    ) -> dict[IncidentId, Link]:
        """One person's links, by what they mend."""
        theirs = select(link).where(link.c.user_id == user_id, link.c.incident_id.in_(incident_ids))
        rows = await self._session.rows(theirs)
        return {row.incident_id: _link(row, self._session.cipher) for row in rows}

    async def find(self, link_id: LinkId) -> Link | None:
        row = await self._session.first(select(link).where(link.c.id == link_id))
        return _link(row, self._session.cipher) if row else None

    async def count_start(self, link_id: LinkId, now: datetime, *, most: int, within: timedelta) -> bool:
        """Count that it was gone on with; ``False`` if that happened ``most`` times ``within`` this span."""
        is_over = or_(link.c.starts_since.is_(None), link.c.starts_since <= now - within)
        counted = (
            update(link)
            .where(link.c.id == link_id, or_(is_over, link.c.starts < most))
            .values(
                starts=case((is_over, 1), else_=link.c.starts + 1),
                starts_since=case((is_over, literal(now, Instant)), else_=link.c.starts_since),
            )
        )
        return await self._session.count(counted) == 1

    async def void_of(self, channel_id: ChannelId) -> None:
        await self._session.count(delete(link).where(link.c.channel_id == channel_id))


def _values(it: Link, cipher: Cipher) -> dict[str, Any]:
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "user_id": it.user_id,
        "incident_id": it.incident_id,
        "channel_id": it.channel_id,
        "sealed": cipher.seal(it.secret, owner=it.id),
        "created_at": it.created_at,
    }


def _link(row: Row[Any], cipher: Cipher) -> Link:
    return Link(
        id=row.id,
        workspace_id=row.workspace_id,
        user_id=row.user_id,
        incident_id=row.incident_id,
        channel_id=row.channel_id,
        secret=cipher.open(row.sealed, owner=row.id),
        created_at=row.created_at,
    )
