"""Logins at hosts that lock people out: a few slots per host, for all processes together.

One rule: whoever logs in holds a slot; a refused login keeps it for as long as the host remembers. So there
can never be more refused logins than slots, however many processes look at however many mailboxes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update

from storage.leases import new_token
from storage.session import Session
from storage.tables import login_slot


class Logins:
    """Rows of ``login_slot``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def take(self, host: str, *, slots: int, now: datetime, until: datetime) -> str | None:
        """The token of a slot that is ours until then; ``None`` while all are taken."""
        held = select(login_slot.c.number).where(login_slot.c.host == host, login_slot.c.until > now)
        taken = {row.number for row in await self._session.rows(held)}
        for number in range(slots):
            if number not in taken and (token := await self._take(host, number, now, until)):
                return token
        return None

    async def _take(self, host: str, number: int, now: datetime, until: datetime) -> str | None:
        wanted = {"token": new_token(), "until": until}
        row = await self._session.first(
            self._session.insert(login_slot)
            .values(host=host, number=number, **wanted)
            .on_conflict_do_update(
                index_elements=[login_slot.c.host, login_slot.c.number],
                set_=wanted,
                where=login_slot.c.until <= now,  # else somebody was faster
            )
            .returning(login_slot.c.token)
        )
        return row.token if row else None

    async def free_at(self, host: str) -> datetime | None:
        """When the next slot is free."""
        soonest = select(func.min(login_slot.c.until)).where(login_slot.c.host == host)
        found: datetime | None = await self._session.value(soonest)
        return found

    async def keep(self, host: str, token: str, until: datetime) -> None:
        """The login was refused: the slot stays taken until then."""
        mine = login_slot.c.host == host, login_slot.c.token == token
        await self._session.count(update(login_slot).where(*mine).values(until=until))

    async def free(self, host: str, token: str) -> None:
        """The login was not refused."""
        mine = login_slot.c.host == host, login_slot.c.token == token
        await self._session.count(delete(login_slot).where(*mine))

    async def purge(self, now: datetime) -> None:
        """Forget what is free again."""
        await self._session.count(delete(login_slot).where(login_slot.c.until <= now))
