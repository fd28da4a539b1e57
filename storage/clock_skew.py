"""Instants that lie ahead of the clock, set right: what a clock that was ahead has left behind.

One rule: what has happened has happened by now, and what waits waits no longer than it was to wait. Every
column that holds an instant is named here, in one of the groups; a test fails when one is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    literal,
    or_,
    select,
    update,
)

from bot.domain.channel import Cause, State
from bot.domain.job import JobKind
from storage.clock import DatabaseClock
from storage.column_types import Instant
from storage.connection import Repository
from storage.tables import (
    api_key,
    channel,
    download,
    grant,
    held,
    hold,
    hubspot_channel,
    hubspot_pair,
    hubspot_portal,
    incident,
    job,
    lane,
    link,
    login_slot,
    notice,
    probe,
    request,
    role,
    role_change,
    slot,
    ticket,
    ticket_outcome,
    token_use,
    webhook,
    webhook_event,
    whereabouts,
)

CLOCKS_DIFFER_BY: Final = timedelta(seconds=30)
"""Several machines never agree to the second: what is ahead by less is left alone."""

COUNTED_FROM: Final[Mapping[Column[Any], Column[Any]]] = {
    probe.c.due_at: probe.c.last_done_at,
    job.c.due_at: job.c.created_at,
    ticket.c.expires_at: ticket.c.created_at,
    download.c.expires_at: download.c.created_at,
    ticket_outcome.c.expires_at: ticket_outcome.c.at,
    request.c.expires_at: request.c.created_at,
    hubspot_portal.c.due_at: hubspot_portal.c.began_at,
    api_key.c.expires_at: api_key.c.created_at,
    webhook.c.retry_at: webhook.c.tried_at,
    webhook_event.c.due_at: webhook_event.c.asked_at,
}
"""What waits, and from when on: if that lies ahead, both are moved, and the span stays."""

HAPPENED: Final[tuple[Column[Any], ...]] = (
    probe.c.first_refused_at,
    probe.c.last_ok_at,
    probe.c.heard_since,
    probe.c.unknown_since,
    channel.c.since,
    channel.c.worked_since,
    hold.c.opened_at,
    hold.c.recovered_at,
    held.c.joined_at,
    held.c.back_at,
    held.c.renewed_at,
    incident.c.opened_at,
    incident.c.claimed_at,
    incident.c.proven_at,
    notice.c.created_at,
    notice.c.sending_since,
    notice.c.stale_since,
    whereabouts.c.since,
    whereabouts.c.seen_at,
    ticket_outcome.c.created_at,
    link.c.starts_since,
    role.c.read_at,
    role_change.c.at,
    hubspot_portal.c.read_at,
    hubspot_portal.c.looked_at,
    hubspot_channel.c.since,
    hubspot_channel.c.not_before,
    hubspot_channel.c.suspect_at,
    hubspot_channel.c.suspect_after,
    hubspot_pair.c.paired_at,
    api_key.c.last_used_at,
    token_use.c.last_at,
    webhook.c.failing_since,
    webhook.c.rotated_at,
)
"""What something is counted from: by now at the latest."""

LIMITED: Final[tuple[Column[Any], ...]] = (notice.c.snoozed_until, login_slot.c.until)
"""What waits from nobody knows when: as long as the longest of its kind at most."""

LEASED: Final[tuple[Column[Any], ...]] = (
    probe.c.lease_until,
    grant.c.lease_until,
    lane.c.lease_until,
    lane.c.paced_until,
)
"""By the database's clock: one longer than any lease can be is none."""


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """The longest pauses there are. What is due later than that is not due then at all."""

    looks: Mapping[str, timedelta]
    """By provider, at a mailbox that works."""
    impaired: timedelta
    disconnected: timedelta
    disabled: timedelta
    jobs: Mapping[JobKind, timedelta]
    snooze: timedelta
    login: timedelta
    lease: timedelta


class ClockSkewRepository(Repository):
    """Rows of many tables, by the instants in them."""

    async def has_looked_ahead(self, now: datetime) -> bool:
        """Whether a look at a mailbox is written down as done later than now."""
        return await self._any_ahead(probe.c.last_done_at, now)

    async def is_ahead(self, now: datetime) -> bool:
        """Whether anything is written down as having happened later than now. Reads whole tables, each
        once."""
        latest = {"latest": now + CLOCKS_DIFFER_BY}
        for statement in _all_ahead():
            if await self._connection.rows(statement, latest):
                return True
        return False

    async def is_stuck(self, now: datetime, limits: ClockLimits) -> bool:
        """Whether there is anything for ``limit`` or ``release`` to do."""
        latest = {name: now + most for name, most in _pauses(limits).items()}
        lease = self._connection.clock.ahead(plus=limits.lease)
        statement = _stuck(self._connection.dialect, tuple(limits.looks), tuple(limits.jobs))
        values = {**latest, "soonest": min(latest.values()), "lease": lease}
        return bool(await self._connection.value(statement, values))

    async def set_right(self, now: datetime, limits: ClockLimits) -> int:
        """Move back what lies ahead of ``now`` and should not. How many rows that were."""
        moved = await self._connection.count(delete(slot).where(slot.c.at > now))
        for due, since in COUNTED_FROM.items():
            moved += await self._move(due, since, now)
        for column in HAPPENED:
            moved += await self._no_later(column, now, now + CLOCKS_DIFFER_BY)
        for column, most in zip(LIMITED, (limits.snooze, limits.login), strict=True):
            moved += await self._no_later(column, now + most, now + most + CLOCKS_DIFFER_BY)
        return moved + await self.limit(now, limits)

    async def hurry(self, kinds: Collection[JobKind], now: datetime) -> int:
        """Let what may be tried at any time be tried now: nobody knows when it was put off."""
        waiting = job.c.done_at.is_(None), job.c.dead_at.is_(None), job.c.kind.in_(kinds), job.c.due_at > now
        return await self._connection.count(update(job).where(*waiting).values(due_at=now))

    async def limit(self, now: datetime, limits: ClockLimits) -> int:
        """Let what is due later than the longest pause of its kind be due now. How many rows."""
        moved = 0
        for provider, most in limits.looks.items():
            moved += await self._due_now(_LATE_WATCHED, now, most, at_provider=provider)
        moved += await self._due_now(_LATE_IMPAIRED, now, limits.impaired)
        moved += await self._due_now(_LATE_DISCONNECTED, now, limits.disconnected)
        moved += await self._due_now(_LATE_DISABLED, now, limits.disabled)
        for kind, most in limits.jobs.items():
            moved += await self._due_now(_LATE_JOB, now, most, of_kind=kind)
        return moved

    async def release(self, limits: ClockLimits) -> int:
        """Free what is leased for longer than any lease lasts. How many rows."""
        too_late, freed = self._connection.clock.now(plus=limits.lease), 0
        for column in LEASED:
            values: dict[str, Any] = {column.name: None}
            if column.name == "lease_until":
                values["lease_token"] = None
            freed += await self._connection.count(
                update(column.table).where(column > too_late).values(**values)
            )
        return freed

    async def _any_ahead(self, column: Column[Any], now: datetime) -> bool:
        return bool(await self._connection.rows(_ahead((column,)), {"latest": now + CLOCKS_DIFFER_BY}))

    async def _move(self, due: Column[Any], since: Column[Any], now: datetime) -> int:
        instant = literal(now, Instant)
        moved = {due.name: instant + (due - since), since.name: instant}
        ahead = _of(due).where(since > now + CLOCKS_DIFFER_BY)
        return await self._connection.count(ahead.values(**moved))

    async def _no_later(self, column: Column[Any], latest: datetime, limit: datetime) -> int:
        return await self._connection.count(_of(column).where(column > limit).values({column.name: latest}))

    async def _due_now(self, late: Update, now: datetime, most: timedelta, **which: str) -> int:
        return await self._connection.count(late, {"moment": now, "latest": now + most, **which})


def _of(column: Column[Any]) -> Any:
    return update(column.table)


# --- statements that are run every few minutes for as long as the bot lives: built once

Which = tuple[ColumnElement[bool], ...]
"""Which channels share a longest pause."""

_LATEST: Final = bindparam("latest", type_=Instant)
_MOMENT: Final = bindparam("moment", type_=Instant)
_UNFINISHED: Final[Which] = (job.c.done_at.is_(None), job.c.dead_at.is_(None))
_IMPAIRED: Final[Which] = (channel.c.state == State.IMPAIRED, channel.c.cause != Cause.HELD)
"""Who stands in the line of a hold waits as long as that is."""
_DISCONNECTED: Final[Which] = (channel.c.state == State.DISCONNECTED,)
_DISABLED: Final[Which] = (channel.c.state == State.DISABLED,)


def _watched(provider: ColumnElement[str]) -> Which:
    return channel.c.state == State.CONNECTED, channel.c.provider == provider


def _late(which: Which, latest: BindParameter[Any]) -> ColumnElement[bool]:
    """Asked of each row that is due so late, which are few: else SQLite looks through all channels."""
    theirs = select(channel.c.id).where(channel.c.id == probe.c.channel_id, *which)
    return and_(probe.c.due_at > latest, theirs.correlate(probe).exists())


def _late_probe(which: Which) -> Update:
    return update(probe).where(_late(which, _LATEST)).values(due_at=_MOMENT)


_LATE_WATCHED: Final = _late_probe(_watched(bindparam("at_provider")))
_LATE_IMPAIRED: Final = _late_probe(_IMPAIRED)
_LATE_DISCONNECTED: Final = _late_probe(_DISCONNECTED)
_LATE_DISABLED: Final = _late_probe(_DISABLED)
_LATE_JOB: Final = (
    update(job)
    .where(job.c.due_at > _LATEST, job.c.kind == bindparam("of_kind"), *_UNFINISHED)
    .values(due_at=_MOMENT)
)


@cache
def _ahead(columns: tuple[Column[Any], ...]) -> Select[Any]:
    """Columns of one table."""
    ahead = or_(*(column > _LATEST for column in columns))
    return select(literal(1)).select_from(columns[0].table).where(ahead).limit(1)


@cache
def _all_ahead() -> tuple[Select[Any], ...]:
    columns = sorted({*COUNTED_FROM.values(), *HAPPENED}, key=str)
    return tuple(_ahead(tuple(theirs)) for _, theirs in groupby(columns, key=lambda it: it.table.name))


def _pauses(limits: ClockLimits) -> dict[str, timedelta]:
    """The longest of each group, by its parameter in ``_stuck``."""
    looks = {f"at_{number}": most for number, most in enumerate(limits.looks.values())}
    jobs = {f"of_{kind}": most for kind, most in limits.jobs.items()}
    impaired, disconnected, disabled = limits.impaired, limits.disconnected, limits.disabled
    return looks | jobs | {"impaired": impaired, "disconnected": disconnected, "disabled": disabled}


@cache
def _stuck(dialect: str, providers: tuple[str, ...], kinds: tuple[JobKind, ...]) -> Select[Any]:
    """One question, since nearly always the answer is no."""
    soonest, lease_ends = bindparam("soonest", type_=Instant), DatabaseClock.moment(dialect, "lease")
    groups = {f"at_{number}": _watched(literal(key)) for number, key in enumerate(providers)} | {
        "impaired": _IMPAIRED,
        "disconnected": _DISCONNECTED,
        "disabled": _DISABLED,
    }
    probes = or_(*(_late(which, bindparam(name, type_=Instant)) for name, which in groups.items()))
    jobs = or_(*(and_(job.c.kind == it, job.c.due_at > bindparam(f"of_{it}", type_=Instant)) for it in kinds))
    return select(
        or_(
            select(probe.c.channel_id).where(probe.c.due_at > soonest, probes).exists(),
            select(job.c.id).where(job.c.due_at > soonest, *_UNFINISHED, jobs).exists(),
            *(select(literal(1)).where(column > lease_ends).exists() for column in LEASED),
        )
    )
