"""Leases: who works on a row until when. One rule: only the holder of the random token writes back.

A lease that ran out is anybody's; its former holder, should it wake, finds its token gone. Lane rows
double as locks by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, not_, select, update

from storage.session import Session
from storage.tables import grant, lane, probe

_RUNS: Final = "process:"
"""Beginning of the lanes by which processes say that they run, and which keys they know."""


def new_token() -> str:
    return secrets.token_urlsafe(16)


class Locks:
    """Locks by name that hold across processes, and run out by themselves."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def acquire(self, key: str, lease_for: timedelta) -> str | None:
        """The token that releases it; ``None`` while somebody else holds it."""
        clock = self._session.clock
        wanted = {"lease_token": new_token(), "lease_until": clock.now(plus=lease_for)}
        row = await self._session.first(
            self._session.insert(lane)
            .values(key=key, **wanted)
            .on_conflict_do_update(
                index_elements=[lane.c.key], set_=wanted, where=clock.has_passed(lane.c.lease_until)
            )
            .returning(lane.c.lease_token)
        )
        return row.lease_token if row else None

    async def announce(self, process: str, keys: Sequence[str], lease_for: timedelta) -> None:
        """This process runs, for ``lease_for`` at least, and knows the keys with these fingerprints."""
        held = {"lease_token": process, "lease_until": self._session.clock.now(plus=lease_for)}
        said = self._session.insert(lane).values(key=f"{_RUNS}{process}:{'.'.join(keys)}", **held)
        await self._session.count(said.on_conflict_do_update(index_elements=[lane.c.key], set_=held))

    async def withdraw(self, process: str) -> None:
        """It ends."""
        ours = lane.c.key.startswith(_RUNS), lane.c.lease_token == process
        await self._session.count(delete(lane).where(*ours))

    async def announced(self) -> tuple[frozenset[str], ...]:
        """For each process that runs, which keys it knows. One that died counts until its lease runs out."""
        runs = lane.c.key.startswith(_RUNS), not_(self._session.clock.has_passed(lane.c.lease_until))
        rows = await self._session.rows(select(lane.c.key).where(*runs))
        return tuple(frozenset(row.key.rpartition(":")[2].split(".")) for row in rows)

    async def release_all(self) -> None:
        """Free every lane, probing row and grant, whoever held it."""
        freed = {"lease_token": None, "lease_until": None}
        for table in (lane, probe, grant):
            await self._session.count(update(table).where(table.c.lease_token.is_not(None)).values(**freed))

    async def release_held(self, tokens: Collection[str]) -> int:
        """Free what is still held with these tokens, lanes and probing rows; how many."""
        freed, many = {"lease_token": None, "lease_until": None}, 0
        for table in (lane, probe, grant):
            held = update(table).where(table.c.lease_token.in_(tokens))
            many += await self._session.count(held.values(**freed))
        return many

    async def release(self, key: str, token: str) -> bool:
        """Whether it was still ours."""
        mine = update(lane).where(lane.c.key == key, lane.c.lease_token == token)
        return await self._session.count(mine.values(lease_token=None, lease_until=None)) == 1
