"""Facts about the database itself, by name."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from storage.session import Session
from storage.tables import meta


class Meta:
    """Rows of ``meta``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, key: str) -> str | None:
        found: str | None = await self._session.value(select(meta.c.value).where(meta.c.key == key))
        return found

    async def add(self, key: str, value: str) -> bool:
        """``False`` if somebody else was first."""
        insert = self._session.insert(meta).values(key=key, value=value).on_conflict_do_nothing()
        return await self._session.count(insert) == 1

    async def drop(self, key: str, value: str) -> bool:
        """Forget it, if it is still ``value``; ``False`` if somebody else was first."""
        return await self._session.count(delete(meta).where(meta.c.key == key, meta.c.value == value)) == 1

    async def put(self, key: str, value: str) -> None:
        """Write it, whatever was there."""
        insert = self._session.insert(meta).values(key=key, value=value)
        changed = insert.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value})
        await self._session.count(changed)

    async def replace(self, key: str, value: str) -> None:
        await self._session.count(update(meta).where(meta.c.key == key).values(value=value))
