"""Links: one per person and incident's channel, until the incident is over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select

from bot.domain.ids import ChannelId, IncidentId, LinkId, UserId
from bot.domain.ticket import Link
from storage.cipher import Cipher
from storage.errors import Taken
from storage.session import Session
from storage.tables import link


class Links:
    """Rows of ``link``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, new: Link) -> None:
        """Raises ``Taken`` when that person has one for this incident and channel."""
        values = {
            "id": new.id,
            "workspace_id": new.workspace_id,
            "user_id": new.user_id,
            "incident_id": new.incident_id,
            "channel_id": new.channel_id,
            "sealed": self._session.cipher.seal(new.secret, owner=new.id),
            "created_at": new.created_at,
        }
        insert = self._session.insert(link).values(**values).on_conflict_do_nothing()
        if not await self._session.count(insert):
            raise Taken

    async def of(self, user_id: UserId, incident_id: IncidentId, channel_id: ChannelId) -> Link | None:
        row = await self._session.first(
            select(link).where(
                link.c.user_id == user_id,
                link.c.incident_id == incident_id,
                link.c.channel_id == channel_id,
            )
        )
        return _link(row, self._session.cipher) if row else None

    async def find(self, link_id: LinkId) -> Link | None:
        row = await self._session.first(select(link).where(link.c.id == link_id))
        return _link(row, self._session.cipher) if row else None

    async def void_of(self, channel_id: ChannelId) -> None:
        await self._session.count(delete(link).where(link.c.channel_id == channel_id))


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
