"""What came in already: Slack sends an event again when it doubts that we got it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from storage.session import Session
from storage.tables import seen


class Seen:
    """Rows of ``seen``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def first_time(self, key: str, at: datetime) -> bool:
        """Whether nobody said so before: true once per key."""
        insert = self._session.insert(seen).values(key=key, at=at).on_conflict_do_nothing()
        return await self._session.count(insert) == 1

    async def forget(self, key: str) -> None:
        """It did not happen after all."""
        await self._session.count(delete(seen).where(seen.c.key == key))

    async def purge(self, before: datetime, *, limit: int = 5_000) -> int:
        """Forget up to ``limit`` older keys; how many. Call again while there are some."""
        old = select(seen.c.key).where(seen.c.at < before).limit(limit)
        return await self._session.count(delete(seen).where(seen.c.key.in_(old)))
