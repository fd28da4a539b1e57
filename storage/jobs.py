"""Jobs in lanes: what must still be done. One rule: one job of a lane at a time, the longest due first.

The lane is what is leased and paced, so that a person gets one message after the other. Whoever holds
the lane's token ends the job and frees the lane in the same transaction as the work's own rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Row,
    Select,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.ids import JobId
from bot.domain.job import APART, URGENT, Job, JobKind
from storage.clock import Moment
from storage.column_types import Instant
from storage.connection import Repository, inserting
from storage.tables import UNFINISHED, job, lane

_UNFINISHED: Final = and_(job.c.done_at.is_(None), job.c.dead_at.is_(None))
_FREED: Final = {"lease_token": None, "lease_until": None}


def _of(kinds: Collection[JobKind]) -> ColumnElement[bool]:
    """One comparison for each: an ``IN`` is written anew whenever it is asked, and every turn asks."""
    return or_(*(job.c.kind == kind for kind in sorted(kinds)))


_RANK: Final = case((_of(URGENT), 0), else_=1)
"""What somebody is woken for goes before what they can read later."""


class JobRepository(Repository):
    """Rows of ``job`` and ``lane``."""

    async def put(self, new: Job) -> None:
        """Ask for it. An unfinished job with the same key is brought forward and told the new payload;
        one that runs at this moment runs once more afterwards."""
        await self.put_all((new,))

    async def put_all(self, new: Sequence[Job]) -> None:
        """The same for many. Of several with one key, the last."""
        jobs = {it.dedupe: it for it in new}
        lanes = [{"key": key} for key in sorted({it.lane for it in jobs.values()})]
        await self._make_lanes(lanes)
        adding = _adding(self._connection.dialect)
        await self._connection.many(adding, [_values(jobs[key]) for key in sorted(jobs)])

    async def hurry(self, keys: Collection[str], now: datetime) -> None:
        """Bring forward those that are asked for, as ``put`` would; what is not asked for is left so."""
        if keys:
            await self._connection.count(_HURRIED, {"those": list(keys), "moment": now})

    async def _make_lanes(self, lanes: Sequence[dict[str, Any]]) -> None:
        """They are there, and stay there until this unit of work ends. (On SQLite there is no other one.)"""
        await self._connection.many(_adding_lanes(self._connection.dialect), lanes)
        if self._connection.dialect == "sqlite" or not lanes:
            return
        keys = [it["key"] for it in lanes]
        rows = await self._connection.rows(_HOLDING_LANES, {"those": keys})
        if lost := set(keys) - {row.key for row in rows}:
            await self._make_lanes([{"key": key} for key in sorted(lost)])

    async def find_unfinished(self, dedupe: str) -> Job | None:
        row = await self._connection.first(select(job).where(job.c.dedupe == dedupe, _UNFINISHED))
        return _job(row) if row else None

    async def unfinished(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these keys have a job that is still to be done."""
        if not keys:
            return frozenset()
        rows = await self._connection.rows(select(job.c.dedupe).where(job.c.dedupe.in_(keys), _UNFINISHED))
        return frozenset(row.dedupe for row in rows)

    async def cancel(self, dedupe: str) -> bool:
        """Whether there was something to cancel. One that runs already cannot be called back."""
        return await self._connection.count(delete(job).where(job.c.dedupe == dedupe, _UNFINISHED)) == 1

    async def claim(
        self, *, now: datetime, limit: int, lease_for: timedelta, only: str | None = None, apart: bool = False
    ) -> tuple[Job, ...]:
        """Take up to ``limit`` lanes that have something due, are free and not paced; a job of each.

        ``only`` names a lane: no other is looked at. ``apart`` takes the kinds in ``APART`` alone; else those
        are left alone.
        """
        token = self._connection.new_lease()
        which = _claiming(
            self._connection.clock.moment,
            self._connection.dialect,
            _Which.LANE if only is not None else _Which.APART if apart else _Which.ORDINARY,
            limit,
        )
        more = {} if only is None else {"only": only}
        lanes = await self._claim_lanes(which, token, more, now=now, lease_for=lease_for)
        if not lanes:
            return ()
        jobs = await self._claim_firsts(token, lanes, now=now)
        # Somebody emptied the lane between the two statements (PostgreSQL): give it back.
        empty = set(lanes) - {it.lane for it in jobs}
        if empty:
            mine = lane.c.key.in_(empty), lane.c.lease_token == token
            await self._connection.count(update(lane).where(*mine).values(**_FREED))
        return tuple(sorted(jobs, key=lambda it: (it.due_at, it.created_at)))

    async def _claim_lanes(
        self,
        claiming: ReturningUpdate[Any],
        token: str,
        more: Mapping[str, str],
        *,
        now: datetime,
        lease_for: timedelta,
    ) -> Sequence[str]:
        clock = self._connection.clock
        values: dict[str, Any] = {
            "token": token,
            "due_by": now,
            "present": clock.ahead(),
            "until": clock.ahead(plus=lease_for),
            **more,
        }
        claimed = await self._connection.rows(claiming, values)
        return [row.key for row in claimed]

    async def _claim_firsts(self, token: str, lanes: Sequence[str], *, now: datetime) -> list[Job]:
        values = {"token": token, "due_by": now, "those": list(lanes)}
        return list(map(_job, await self._connection.rows(_CLAIMING_FIRSTS, values)))

    async def done(self, it: Job, at: datetime) -> bool:
        """Whether the job was still ours. One that was asked for again meanwhile stays to be done."""
        return await self._end(it, _DONE, moment=at)

    async def again(self, it: Job, *, due_at: datetime, failure: str) -> bool:
        """It failed, for a reason whose class is ``failure``: try again at ``due_at``."""
        return await self._end(it, _TRIED, due_at=due_at, last_class=failure)

    async def put_off(self, it: Job, *, due_at: datetime) -> bool:
        """It could not begin: try at ``due_at``, and count nothing."""
        return await self._end(it, _ENDING, due_at=due_at)

    async def dead(self, it: Job, at: datetime, failure: str) -> bool:
        """It failed for the last time."""
        return await self._end(it, _TRIED, dead_at=at, last_class=failure)

    async def _end(self, it: Job, ending: Update, **values: Any) -> bool:
        """The lane first, as claiming does: in the other order the two could wait for each other."""
        await self._connection.count(_FREEING_LANE, {"its_lane": it.lane, "held": it.lease_token})
        return await self._connection.count(ending, {"its": it.id, "held": it.lease_token, **values}) == 1

    async def pace(self, key: str, until: timedelta) -> None:
        """No job of this lane starts within ``until`` from now. A longer pause that runs is kept."""
        clock = self._connection.clock
        values = {"key": key, "later": clock.ahead(plus=until)}
        await self._connection.count(_pacing(clock.moment, self._connection.dialect), values)

    async def next_due(self) -> datetime | None:
        """When the next job can start: of free lanes, and of paced ones when their pause ends."""
        clock = self._connection.clock
        values = {"present": clock.ahead()}
        found: datetime | None = await self._connection.value(
            _awaited(clock.moment, self._connection.dialect), values
        )
        return found

    async def purge(self, before: datetime, *, limit: int = 5_000) -> int:
        """Forget up to ``limit`` jobs that ended before; how many. Call again while there are some."""
        return await self._connection.count(_PURGING, {"before": before, "most": limit})


# --- statements, built once


_THOSE: Final[BindParameter[Any]] = bindparam("those", expanding=True)
_AT: Final = bindparam("moment", type_=Instant)
"""Said with its type: in a CASE, SQLAlchemy would take it from the first branch."""


@cache
def _adding(dialect: str) -> Insert:
    insert = inserting(job, dialect)
    sooner = case((job.c.due_at < insert.excluded.due_at, job.c.due_at), else_=insert.excluded.due_at)
    return insert.on_conflict_do_update(
        index_elements=[job.c.dedupe],
        index_where=UNFINISHED,
        set_={
            "due_at": sooner,
            "payload": insert.excluded.payload,
            "rerun": job.c.lease_token.is_not(None),
        },
    )


@cache
def _adding_lanes(dialect: str) -> Insert:
    return inserting(lane, dialect).on_conflict_do_nothing()


_HOLDING_LANES: Final = (
    select(lane.c.key)
    .where(lane.c.key.in_(_THOSE))
    .order_by(lane.c.key)
    .with_for_update(read=True, key_share=True)
)
"""Locked against being deleted, and against nothing else."""

_HURRIED: Final = (
    update(job)
    .where(job.c.dedupe.in_(_THOSE), _UNFINISHED)
    .values(
        due_at=case((job.c.due_at < _AT, job.c.due_at), else_=_AT),
        rerun=job.c.lease_token.is_not(None),
    )
)


_BEFORE: Final = bindparam("before", type_=Instant)
_PURGING: Final = delete(job).where(
    job.c.id.in_(
        select(job.c.id)
        .where(or_(job.c.done_at < _BEFORE, job.c.dead_at < _BEFORE))
        .limit(bindparam("most", type_=Integer))
    )
)


def _claiming_firsts() -> ReturningUpdate[Any]:
    order = _RANK, job.c.due_at, job.c.created_at, job.c.id
    in_turn = func.row_number().over(partition_by=job.c.lane, order_by=order)
    due = _UNFINISHED, job.c.due_at <= bindparam("due_by", type_=Instant), job.c.lane.in_(_THOSE)
    ranked = select(job.c.id, in_turn.label("place")).where(*due).subquery()
    firsts = select(ranked.c.id).where(ranked.c.place == 1)
    claimed = update(job).where(job.c.id.in_(firsts), _UNFINISHED)
    return claimed.values(lease_token=bindparam("token"), rerun=False).returning(job)


_CLAIMING_FIRSTS: Final = _claiming_firsts()
_FREEING_LANE: Final = (
    update(lane)
    .where(lane.c.key == bindparam("its_lane"), lane.c.lease_token == bindparam("held"))
    .values(**_FREED)
)
_ENDING: Final = (
    update(job)
    .where(job.c.id == bindparam("its"), job.c.lease_token == bindparam("held"), _UNFINISHED)
    .values(lease_token=None, rerun=False)
)
_TRIED: Final = _ENDING.values(attempts=job.c.attempts + 1)
_DONE: Final = _ENDING.values(
    done_at=case((job.c.rerun, null()), else_=_AT),
    due_at=case((job.c.rerun, _AT), else_=job.c.due_at),
    attempts=case((job.c.rerun, 0), else_=job.c.attempts),
)


@lru_cache(maxsize=64)
def _pacing(moment: Moment, dialect: str) -> Insert:
    insert = inserting(lane, dialect).values(key=bindparam("key"), paced_until=moment(dialect, "later"))
    longer = case((lane.c.paced_until > insert.excluded.paced_until, lane.c.paced_until))
    return insert.on_conflict_do_update(
        index_elements=[lane.c.key],
        set_={"paced_until": func.coalesce(longer, insert.excluded.paced_until)},
    )


@lru_cache(maxsize=64)
def _awaited(moment: Moment, dialect: str) -> Select[Any]:
    """When the first job of a free lane is due, or the first pause ends, if that is sooner; built once."""
    present = moment(dialect, "present")
    is_free, is_unpaced = (
        or_(it.is_(None), it <= present) for it in (lane.c.lease_until, lane.c.paced_until)
    )
    waiting = (
        select(job.c.due_at).join(lane, lane.c.key == job.c.lane).where(_UNFINISHED, is_free, is_unpaced)
    )
    wanted = select(job.c.id).where(job.c.lane == lane.c.key, _UNFINISHED).exists()
    ending = select(lane.c.paced_until).where(lane.c.paced_until > present, is_free, wanted)
    firsts = waiting.order_by(job.c.due_at).limit(1), ending.order_by(lane.c.paced_until).limit(1)
    # Each a subquery of its own: SQLite takes no limit in a part of a union.
    both = union_all(*(select(it.subquery().columns[0].label("at")) for it in firsts)).subquery()
    return select(func.min(both.c.at))


class _Which(Enum):
    """What is looked for when claiming."""

    ORDINARY = "ordinary"
    APART = "apart"
    LANE = "lane"


@lru_cache(maxsize=64)
def _claiming(moment: Moment, dialect: str, which: _Which, limit: int) -> ReturningUpdate[Any]:
    """Built once: every turn of the loops runs it."""
    due, present = _first_due_by_lane(which), moment(dialect, "present")
    passed = (or_(it.is_(None), it <= present) for it in (lane.c.lease_until, lane.c.paced_until))
    free = (
        select(lane.c.key)
        .join(due, due.c.lane == lane.c.key)
        .where(*passed)
        .order_by(due.c.rank, due.c.due_at, lane.c.key)
        .limit(literal_column(str(limit), Integer))
        .with_for_update(of=lane, skip_locked=True, key_share=True)
        .cte("free")
    )
    return (
        update(lane)
        .where(lane.c.key.in_(select(free.c.key)))
        .values(lease_token=bindparam("token"), lease_until=moment(dialect, "until"))
        .returning(lane.c.key)
    )


def _first_due_by_lane(which: _Which) -> Subquery:
    """Lanes with something urgent come first: however much else waits in others, and however long."""
    first, rank = func.min(job.c.due_at).label("due_at"), func.min(_RANK).label("rank")
    due = select(job.c.lane, first, rank).where(
        _UNFINISHED, job.c.due_at <= bindparam("due_by", type_=Instant)
    )
    match which:
        case _Which.LANE:
            due = due.where(job.c.lane == bindparam("only"))
        case _Which.APART:
            due = due.where(_of(APART))
        case _Which.ORDINARY:
            due = due.where(not_(_of(APART)))
    return due.group_by(job.c.lane).subquery()


def _values(it: Job) -> dict[str, Any]:
    return {
        "id": it.id,
        "lane": it.lane,
        "kind": it.kind,
        "dedupe": it.dedupe,
        "payload": dict(it.payload),
        "due_at": it.due_at,
        "created_at": it.created_at,
        "attempts": it.attempts,
        "last_class": it.last_class,
    }


def _job(row: Row[Any]) -> Job:
    return Job(
        id=JobId(row.id),
        lane=row.lane,
        kind=JobKind(row.kind),
        dedupe=row.dedupe,
        due_at=row.due_at,
        created_at=row.created_at,
        payload=row.payload,
        attempts=row.attempts,
        last_class=row.last_class,
        lease_token=row.lease_token,
    )
