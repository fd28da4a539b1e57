"""Slots of schedules: one firing each, however many processes reach for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete

from storage.session import Session
from storage.tables import slot

_KEPT_FOR: Final = timedelta(days=7)


class Slots:
    """Rows of ``slot``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def take(self, name: str, at: datetime) -> bool:
        """Whether this firing is ours. Slots long past are forgotten on the way."""
        insert = self._session.insert(slot).values(name=name, at=at).on_conflict_do_nothing()
        if not await self._session.count(insert):
            return False
        await self._session.count(delete(slot).where(slot.c.name == name, slot.c.at < at - _KEPT_FOR))
        return True

    async def give_back(self, name: str, at: datetime) -> None:
        """What was to be done in it failed: somebody may try again."""
        await self._session.count(delete(slot).where(slot.c.name == name, slot.c.at == at))
