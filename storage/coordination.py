"""What processes agree on through rows: leases, slots of schedules, logins, events seen, and facts."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Integer, Table, bindparam, delete, func, not_, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from storage.clock import DatabaseClock, Moment
from storage.column_types import Instant
from storage.connection import Repository, inserting
from storage.tables import grant, lane, login_slot, meta, probe, seen, slot

_RUNS: Final = "process:"
"""Beginning of the lanes by which processes say that they run, and which keys they know."""


def new_token() -> str:
    return secrets.token_urlsafe(16)


class LaneLocks(Repository):
    """Locks by name that hold across processes, and run out by themselves."""

    async def acquire(self, key: str, lease_for: timedelta) -> str | None:
        """The token that releases it; ``None`` while somebody else holds it."""
        clock = self._connection.clock
        row = await self._connection.first(
            _acquiring(clock.moment, self._connection.dialect),
            {
                "key": key,
                "lease_token": self._connection.new_lease(),
                "until": clock.ahead(plus=lease_for),
                "present": clock.ahead(),
            },
        )
        return row.lease_token if row else None

    async def announce(self, process: str, keys: Sequence[str], lease_for: timedelta) -> None:
        """This process runs, for ``lease_for`` at least, and knows the keys with these fingerprints."""
        clock, key = self._connection.clock, f"{_RUNS}{process}:{'.'.join(keys)}"
        values = {"key": key, "lease_token": process, "until": clock.ahead(plus=lease_for)}
        await self._connection.count(_announcing(clock.moment, self._connection.dialect), values)

    async def free_silent(self, but: str, left: timedelta) -> int:
        """Free whatever the processes hold that count as running for no longer than ``left`` from now; how
        many leases. Each is freed once, until it is heard again. ``but`` is our own."""
        clock, freed = self._connection.clock, 0
        marking = _marking_silent(clock.moment, self._connection.dialect)
        for row in await self._connection.rows(marking, {"but": but, "silent_by": clock.ahead(plus=left)}):
            freed += await self._release_of(row.lease_token)
        return freed

    async def _release_of(self, process: str) -> int:
        held_by, many = {"lease_token": None, "lease_until": None}, 0
        for table in (lane, probe, grant):
            theirs = table.c.lease_token.startswith(f"{process}.", autoescape=True)
            many += await self._connection.count(update(table).where(theirs).values(**held_by))
        return many

    async def withdraw(self, process: str) -> None:
        """It ends."""
        ours = lane.c.key.startswith(_RUNS), lane.c.lease_token == process
        await self._connection.count(delete(lane).where(*ours))

    async def announced(self) -> tuple[tuple[str, ...], ...]:
        """For each process that runs, which keys it knows, the one that it seals with first. One that died
        counts until its lease runs out."""
        runs = lane.c.key.startswith(_RUNS), not_(self._connection.clock.has_passed(lane.c.lease_until))
        rows = await self._connection.rows(select(lane.c.key).where(*runs))
        return tuple(tuple(row.key.rpartition(":")[2].split(".")) for row in rows)

    async def forget_processes(self) -> None:
        """Nobody runs: what was announced here was of another place, or of another time."""
        await self._connection.count(delete(lane).where(lane.c.key.startswith(_RUNS)))

    async def release_all(self) -> None:
        """Free every lane, probing row and grant, whoever held it."""
        freed = {"lease_token": None, "lease_until": None}
        for table in (lane, probe, grant):
            await self._connection.count(
                update(table).where(table.c.lease_token.is_not(None)).values(**freed)
            )

    async def release_held(self, tokens: Collection[str]) -> int:
        """Free what is still held with these tokens, lanes, probing rows and grants; how many."""
        freed, many = {"lease_token": None, "lease_until": None}, 0
        for table in (lane, probe, grant):
            held = update(table).where(table.c.lease_token.in_(tokens))
            many += await self._connection.count(held.values(**freed))
        return many

    async def release(self, key: str, token: str) -> bool:
        """Whether it was still ours."""
        return await self._connection.count(_RELEASING, {"its_lane": key, "held": token}) == 1


@lru_cache(maxsize=64)
def _acquiring(moment: Moment, dialect: str) -> ReturningInsert[Any]:
    """Built once, as all that is run every few seconds."""
    insert = inserting(lane, dialect).values(
        key=bindparam("key"), lease_token=bindparam("lease_token"), lease_until=moment(dialect, "until")
    )
    taken = {name: insert.excluded[name] for name in ("lease_token", "lease_until")}
    is_free = DatabaseClock.is_past(lane.c.lease_until, moment(dialect, "present"))
    return insert.on_conflict_do_update(index_elements=[lane.c.key], set_=taken, where=is_free).returning(
        lane.c.lease_token
    )


@lru_cache(maxsize=64)
def _announcing(moment: Moment, dialect: str) -> Insert:
    insert = inserting(lane, dialect).values(
        key=bindparam("key"),
        lease_token=bindparam("lease_token"),
        lease_until=moment(dialect, "until"),
        paced_until=None,
    )
    said = {name: insert.excluded[name] for name in ("lease_token", "lease_until", "paced_until")}
    return insert.on_conflict_do_update(index_elements=[lane.c.key], set_=said)


@lru_cache(maxsize=64)
def _marking_silent(moment: Moment, dialect: str) -> ReturningUpdate[Any]:
    """By the column that an announcement has no other use for."""
    silent = (
        lane.c.key.startswith(_RUNS),
        lane.c.lease_token != bindparam("but"),
        lane.c.lease_until <= moment(dialect, "silent_by"),
        lane.c.paced_until.is_(None),
    )
    return update(lane).where(*silent).values(paced_until=lane.c.lease_until).returning(lane.c.lease_token)


_RELEASING: Final = (
    update(lane)
    .where(lane.c.key == bindparam("its_lane"), lane.c.lease_token == bindparam("held"))
    .values(lease_token=None, lease_until=None)
)


_KEPT_FOR: Final = timedelta(days=7)


class SlotRepository(Repository):
    """Rows of ``slot``."""

    async def take(self, name: str, at: datetime) -> bool:
        """Whether this firing is ours. Slots long past are forgotten on the way."""
        taking = _adding(slot, self._connection.dialect)
        if not await self._connection.count(taking, {"name": name, "at": at}):
            return False
        await self._connection.count(_LONG_PAST, {"its": name, "before": at - _KEPT_FOR})
        return True

    async def taken(self, slots: Mapping[str, datetime]) -> frozenset[str]:
        """Which of these, by name, are somebody's already."""
        values = {"those": list(slots), "since": min(slots.values())}
        rows = await self._connection.rows(_TAKEN, values) if slots else ()
        return frozenset(row.name for row in rows if slots[row.name] == row.at)

    async def give_back(self, name: str, at: datetime) -> None:
        """What was to be done in it failed: somebody may try again."""
        await self._connection.count(delete(slot).where(slot.c.name == name, slot.c.at == at))


@cache
def _adding(table: Table, dialect: str) -> Insert:
    return inserting(table, dialect).on_conflict_do_nothing()


_TAKEN: Final = select(slot).where(
    slot.c.name.in_(bindparam("those", expanding=True)), slot.c.at >= bindparam("since", type_=Instant)
)
_LONG_PAST: Final = delete(slot).where(
    slot.c.name == bindparam("its"), slot.c.at < bindparam("before", type_=Instant)
)


class LoginRepository(Repository):
    """Rows of ``login_slot``."""

    async def take(self, host: str, *, slots: int, now: datetime, until: datetime) -> str | None:
        """The token of a slot that is ours until then; ``None`` while all are taken."""
        held = select(login_slot.c.number).where(login_slot.c.host == host, login_slot.c.until > now)
        taken = {row.number for row in await self._connection.rows(held)}
        for number in range(slots):
            if number not in taken and (token := await self._take(host, number, now, until)):
                return token
        return None

    async def _take(self, host: str, number: int, now: datetime, until: datetime) -> str | None:
        wanted = {"token": new_token(), "until": until}
        row = await self._connection.first(
            self._connection.insert(login_slot)
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
        found: datetime | None = await self._connection.value(soonest)
        return found

    async def keep(self, host: str, token: str, until: datetime) -> None:
        """The login was refused: the slot stays taken until then."""
        mine = login_slot.c.host == host, login_slot.c.token == token
        await self._connection.count(update(login_slot).where(*mine).values(until=until))

    async def free(self, host: str, token: str) -> None:
        """The login was not refused."""
        mine = login_slot.c.host == host, login_slot.c.token == token
        await self._connection.count(delete(login_slot).where(*mine))

    async def purge(self, now: datetime) -> None:
        """Forget what is free again."""
        await self._connection.count(delete(login_slot).where(login_slot.c.until <= now))


class SeenRepository(Repository):
    """Rows of ``seen``."""

    async def first_time(self, key: str, at: datetime) -> bool:
        """Whether nobody said so before: true once per key."""
        adding = _adding(seen, self._connection.dialect)
        return await self._connection.count(adding, {"key": key, "at": at}) == 1

    async def forget(self, key: str) -> None:
        """It did not happen after all."""
        await self._connection.count(delete(seen).where(seen.c.key == key))

    async def purge(self, before: datetime, *, limit: int = 5_000) -> int:
        """Forget up to ``limit`` older keys; how many. Call again while there are some."""
        return await self._connection.count(_FORGETTING, {"before": before, "most": limit})


_FORGETTING: Final = delete(seen).where(
    seen.c.key.in_(
        select(seen.c.key)
        .where(seen.c.at < bindparam("before", type_=Instant))
        .limit(bindparam("most", type_=Integer))
    )
)


class MetaRepository(Repository):
    """Rows of ``meta``."""

    async def find(self, key: str) -> str | None:
        found: str | None = await self._connection.value(_META, {"its": key})
        return found

    async def beginning(self, prefix: str) -> frozenset[str]:
        """All keys that begin like this."""
        here = select(meta.c.key).where(meta.c.key.startswith(prefix, autoescape=True))
        return frozenset(row.key for row in await self._connection.rows(here))

    async def add(self, key: str, value: str) -> bool:
        """``False`` if somebody else was first."""
        adding = _adding(meta, self._connection.dialect)
        return await self._connection.count(adding, {"key": key, "value": value}) == 1

    async def drop(self, key: str, value: str) -> bool:
        """Forget it, if it is still ``value``; ``False`` if somebody else was first."""
        return await self._connection.count(delete(meta).where(meta.c.key == key, meta.c.value == value)) == 1

    async def put(self, key: str, value: str) -> None:
        """Write it, whatever was there."""
        await self._connection.count(_putting(self._connection.dialect), {"key": key, "value": value})

    async def replace(self, key: str, value: str) -> None:
        await self._connection.count(update(meta).where(meta.c.key == key).values(value=value))


_META: Final = select(meta.c.value).where(meta.c.key == bindparam("its"))


@cache
def _putting(dialect: str) -> Insert:
    insert = inserting(meta, dialect)
    return insert.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": insert.excluded.value})
