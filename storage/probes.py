"""Probing rows: what is due, who works on it, and what came of it.

One rule: whoever claimed a row may write it back once, unless it was claimed again or moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    column,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.channel import Cause, State
from bot.domain.grant import Grant, MailboxIdentity
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from bot.domain.probe_policy import Probe, ProbeOutcome, Whose
from storage.channels import IN_TROUBLE
from storage.clock import DatabaseClock, Moment
from storage.column_types import Instant
from storage.connection import Repository, inserting
from storage.tables import channel, probe, workspace
from storage.tables import grant as grant_table

_FIELDS: Final = tuple(field.name for field in fields(Probe))
_FOUND: Final = (
    *("due_at", "strikes", "tries", "first_refused_at", "last_ok_at", "last_done_at", "outcome"),
    *("unknown_code", "unknown_since", "heard", "heard_since", "heard_times"),
)
"""What a finished probe writes back; the rest is somebody else's."""
_FRESH: Final = {
    "strikes": 0,
    "tries": 0,
    "first_refused_at": None,
    "unknown_code": None,
    "unknown_since": None,
    "heard": None,
    "heard_times": 0,
}
_FREED: Final = {"lease_token": None, "lease_until": None}
_WATCHED: Final = (State.CONNECTED, State.IMPAIRED, State.DISCONNECTED)
_SERVED: Final = probe.c.workspace_id.not_in(select(workspace.c.id).where(workspace.c.gone_at.is_not(None)))


_CANDIDATES: Final = 60
"""Among so many it is looked for witnesses; ten are wanted."""


class ProbeRepository(Repository):
    """Rows of ``probe``."""

    async def find(self, channel_id: ChannelId) -> Probe | None:
        row = await self._connection.first(_FINDING, {"its": channel_id})
        return _probe(row) if row else None

    async def unknown_codes(self, ids: Sequence[ChannelId]) -> dict[ChannelId, str]:
        """What the last look at these channels found, of those whose provider answered with a code that
        nobody knows."""
        known = probe.c.channel_id.in_(ids), probe.c.unknown_code.is_not(None)
        rows = await self._connection.rows(select(probe.c.channel_id, probe.c.unknown_code).where(*known))
        return {row.channel_id: row.unknown_code for row in rows}

    async def put(self, new: Probe) -> None:
        """Insert or replace. Whoever holds a lease on the old one loses it."""
        values = {name: getattr(new, name) for name in _FIELDS} | _FREED
        await self._connection.count(_putting(self._connection.dialect), values)

    async def drop(self, channel_id: ChannelId) -> None:
        await self._connection.count(delete(probe).where(probe.c.channel_id == channel_id))

    async def reschedule(
        self, channel_id: ChannelId, due_at: datetime, *, grant_id: GrantId | None = None, fresh: bool = False
    ) -> None:
        """Move it, and void a running probe's lease: what that one finds is of yesterday.

        ``grant_id`` names a new grant; ``fresh`` forgets strikes and tries.
        """
        values: dict[str, Any] = {"due_at": due_at, **_FREED}
        if grant_id is not None:
            values["grant_id"] = grant_id
        if fresh:
            values |= _FRESH
        await self._connection.count(update(probe).where(probe.c.channel_id == channel_id).values(**values))

    async def hasten(self, provider: str, cause: Cause, *, now: datetime, apart: timedelta) -> None:
        """Look sooner at a provider's channels that are disconnected for this cause: now, or ``apart`` from
        the last look. What is being looked at is left alone, and so is what is due before."""
        theirs = channel.c.provider == provider, channel.c.cause == cause
        wanted = select(channel.c.id).where(*theirs, channel.c.state == State.DISCONNECTED, IN_TROUBLE)
        waiting = probe.c.channel_id.in_(wanted), self._is_free()
        has_rested = or_(probe.c.last_done_at.is_(None), probe.c.last_done_at <= now - apart)
        sooner = update(probe).where(*waiting)
        await self._connection.count(sooner.where(has_rested, probe.c.due_at > now).values(due_at=now))
        await self._connection.count(sooner.where(probe.c.due_at > now + apart).values(due_at=now + apart))

    async def look_soon(self, channel_id: ChannelId, *, now: datetime, apart: timedelta) -> None:
        """Look at it now, unless that was done less than ``apart`` ago or is being done."""
        has_rested = or_(probe.c.last_done_at.is_(None), probe.c.last_done_at <= now - apart)
        mine = probe.c.channel_id == channel_id, self._is_free(), has_rested, probe.c.due_at > now
        await self._connection.count(update(probe).where(*mine).values(due_at=now))

    async def claim(
        self, *, now: datetime, limit: int, lease_for: timedelta, only: ChannelId | None = None
    ) -> tuple[Probe, ...]:
        """Take up to ``limit`` due rows, longest due first; nobody else gets them while the lease lasts.

        ``only`` takes that channel's row alone, due or not.
        """
        clock = self._connection.clock
        values: dict[str, Any] = {
            "token": self._connection.new_lease(),
            "present": clock.ahead(),
            "until": clock.ahead(plus=lease_for),
            **({"due_by": now} if only is None else {"only": only}),
        }
        claiming = _claiming(clock.moment, self._connection.dialect, only is None, limit)
        claimed = await self._connection.rows(claiming, values)
        return tuple(sorted(map(_probe, claimed), key=lambda it: it.due_at))

    async def write_back(self, done: Probe, *, lease_token: str) -> bool:
        """Store what a probe found and free the row; ``False`` if the lease is not ours any more."""
        found = {name: getattr(done, name) for name in _FOUND}
        mine = {"of_channel": done.channel_id, "held": lease_token}
        return await self._connection.count(_WRITING_BACK, {**mine, **found}) == 1

    async def passed(self, proven: Sequence[Probe]) -> None:
        """Store many rows as ``probe_policy.passed`` makes them, each under its own lease; those whose lease
        is gone change nothing."""
        if self._connection.dialect == "sqlite":
            written = [
                {"of_channel": it.channel_id, "held": it.lease_token}
                | {name: getattr(it, name) for name in _WRITTEN}
                for it in proven
            ]
            await self._connection.many(_PASSING, written)
        elif proven:
            arrays = {f"all_{name}": [getattr(it, name) for it in proven] for name in (*_LEASED, *_WRITTEN)}
            await self._connection.count(_PASSING_TOGETHER, arrays)

    async def peers(
        self,
        identity: MailboxIdentity,
        *,
        proven_since: datetime,
        limit: int,
        whose: Whose,
        held: bool = False,
    ) -> tuple[ChannelId, ...]:
        """Connected channels of other mailboxes at the same provider, in any workspace, last proven first;
        ``held`` asks for those on hold instead, however long they have been.

        They are looked for among the ``_CANDIDATES`` that were proven last, and as many of the tenants asked
        for: one of both holds some, unless there are very many and hardly any of them was proven.
        """
        state = State.IMPAIRED if held else State.CONNECTED
        wanted = [
            channel.c.provider == identity.provider,
            channel.c.identity_subject != identity.subject,
            channel.c.state == state,
            *([channel.c.cause == Cause.HELD] if held else [probe.c.last_ok_at >= proven_since]),
        ]
        tenant, own = channel.c.identity_tenant, identity.tenant
        spans = [tenant == own] if whose is Whose.OWN else [tenant < own, tenant > own]
        near = [select(channel.c.id).where(*self._alike(identity, state, held=held), span) for span in spans]
        if not held:
            near.append(self._newest(identity.provider, proven_since))
        among = union(*(_first(it, max(limit, _CANDIDATES)) for it in near))
        rows = await self._connection.rows(
            select(probe.c.channel_id)
            .join(channel, channel.c.id == probe.c.channel_id)
            .where(*wanted, or_(*spans), channel.c.id.in_(among), _SERVED)
            .order_by(probe.c.last_ok_at.desc())
            .limit(limit)
        )
        return tuple(row.channel_id for row in rows)

    @staticmethod
    def _alike(identity: MailboxIdentity, state: State, *, held: bool) -> tuple[ColumnElement[bool], ...]:
        theirs = channel.c.provider == identity.provider, channel.c.state == state
        return (*theirs, channel.c.cause == Cause.HELD, IN_TROUBLE) if held else theirs

    @staticmethod
    def _newest(provider: str, since: datetime) -> Select[Any]:
        proven = probe.c.provider == provider, probe.c.last_ok_at >= since
        return select(probe.c.channel_id).where(*proven).order_by(probe.c.last_ok_at.desc())

    async def refused_lately(
        self, identity: MailboxIdentity, *, since: datetime, limit: int
    ) -> tuple[Cause, ...]:
        """Why other mailboxes of the same tenant were refused when they were last looked at."""
        rows = await self._connection.rows(
            select(channel.c.cause)
            .join(probe, channel.c.id == probe.c.channel_id)
            .where(
                channel.c.provider == identity.provider,
                channel.c.identity_tenant == identity.tenant,
                channel.c.identity_subject != identity.subject,
                channel.c.state == State.IMPAIRED,
                IN_TROUBLE,
                probe.c.strikes > 0,
                probe.c.last_done_at >= since,
                _SERVED,
            )
            .limit(limit)
        )
        return tuple(Cause(row.cause) for row in rows)

    async def count_in_doubt(self, identity: MailboxIdentity) -> int:
        """How many other mailboxes of the same tenant are refused without a reason."""
        those = (
            channel.c.provider == identity.provider,
            channel.c.identity_tenant == identity.tenant,
            channel.c.identity_subject != identity.subject,
            channel.c.state == State.IMPAIRED,
            channel.c.cause == Cause.LOGIN_UNCLEAR,
            IN_TROUBLE,
        )
        return int(await self._connection.value(select(func.count()).select_from(channel).where(*those)))

    async def refused_now(self, grant: Grant, cause: Cause) -> Mapping[str, int]:
        """How many other mailboxes of its workspace and provider were refused at their last look for this
        ``cause`` and have not been judged yet, by tenant. Several that one sign-in opens are one."""
        signer = func.coalesce(grant_table.c.delegate_subject, channel.c.identity_subject)
        rows = await self._connection.rows(
            select(channel.c.identity_tenant, func.count(signer.distinct()).label("n"))
            .join(probe, probe.c.channel_id == channel.c.id)
            .join(grant_table, grant_table.c.id == channel.c.grant_id)
            .where(
                channel.c.workspace_id == grant.workspace_id,
                channel.c.provider == grant.provider,
                channel.c.state == State.IMPAIRED,
                channel.c.cause == cause,
                IN_TROUBLE,
                probe.c.strikes > 0,
                signer != grant.signer.subject,
            )
            .group_by(channel.c.identity_tenant)
        )
        return {row.identity_tenant: row.n for row in rows}

    async def served(self, grant: Grant, *, most: int) -> tuple[int, int]:
        """How many mailboxes of its workspace and provider are looked at and not known to be dead: those of
        its own tenant, and of all. Nobody counts further than ``most``."""
        those = (
            channel.c.workspace_id == grant.workspace_id,
            channel.c.provider == grant.provider,
            channel.c.state.in_((State.CONNECTED, State.IMPAIRED)),
        )
        own = await self._count(*those, channel.c.identity_tenant == grant.identity.tenant, most=most)
        return own, await self._count(*those, most=most)

    async def _count(self, *which: ColumnElement[bool], most: int) -> int:
        first = select(channel.c.id).where(*which).limit(most).subquery()
        return int(await self._connection.value(select(func.count()).select_from(first)))

    async def next_due(self) -> datetime | None:
        """When the next row can be claimed: those that are being worked on don't count."""
        clock = self._connection.clock
        waiting = _awaited(clock.moment, self._connection.dialect)
        found: datetime | None = await self._connection.value(waiting, {"present": clock.ahead()})
        return found

    async def unfinished(
        self, workspace_id: WorkspaceId, *, due_before: datetime, limit: int
    ) -> tuple[Probe, ...]:
        """What has been due since before ``due_before``, leased or not, longest due first. Nobody waits for
        what is disabled, or held and in line."""
        values = {"workspace": workspace_id, "before": due_before, "most": limit}
        return tuple(map(_probe, await self._connection.rows(_UNFINISHED, values)))

    def _is_free(self) -> ColumnElement[bool]:
        return self._connection.clock.has_passed(probe.c.lease_until)


# --- statements, built once


_FINDING: Final = select(probe).where(probe.c.channel_id == bindparam("its"))
_WRITING_BACK: Final = (
    update(probe)
    .where(probe.c.channel_id == bindparam("of_channel"), probe.c.lease_token == bindparam("held"))
    .values(**_FREED)
)
_LEASED: Final = ("channel_id", "lease_token")
_WRITTEN: Final = ("due_at", "last_ok_at", "last_done_at")
"""What differs from one mailbox that works to the next."""
_PASSED: Final = {
    "outcome": literal_column(f"'{ProbeOutcome.PASSED}'"),
    **dict.fromkeys(("strikes", "tries", "heard_times"), literal_column("0")),
    **dict.fromkeys(("first_refused_at", "unknown_code", "unknown_since"), null()),
    **dict.fromkeys(("heard", "heard_since", *_FREED), null()),
}
"""What is the same in every pass stands in the statement: as parameters it would cost as much again."""
_PASSING: Final = (
    update(probe)
    .where(probe.c.channel_id == bindparam("of_channel"), probe.c.lease_token == bindparam("held"))
    .values(_PASSED)
)


def _passing_together() -> Update:
    """One statement for all of them, of an array for each column. Sent a statement for each row, PostgreSQL
    works five times as long."""
    columns = [column(name, probe.c[name].type) for name in (*_LEASED, *_WRITTEN)]
    arrays = [bindparam(f"all_{it.name}", type_=ARRAY(it.type)) for it in columns]
    found = func.unnest(*arrays).table_valued(*columns).render_derived(name="found")
    mine = [probe.c[name] == found.c[name] for name in _LEASED]
    return update(probe).where(*mine).values(_PASSED | {name: found.c[name] for name in _WRITTEN})


_PASSING_TOGETHER: Final = _passing_together()
_UNFINISHED: Final = (
    select(probe)
    .join(channel, channel.c.id == probe.c.channel_id)
    .where(
        probe.c.workspace_id == bindparam("workspace"),
        probe.c.due_at < bindparam("before", type_=Instant),
        channel.c.state.in_(_WATCHED),
        channel.c.cause != Cause.HELD,
        _SERVED,
    )
    .order_by(probe.c.due_at)
    .limit(bindparam("most", type_=Integer))
)


@cache
def _putting(dialect: str) -> Insert:
    insert = inserting(probe, dialect)
    anew = {name: insert.excluded[name] for name in (*_FIELDS, *_FREED) if name != "channel_id"}
    return insert.on_conflict_do_update(index_elements=[probe.c.channel_id], set_=anew)


@lru_cache(maxsize=64)
def _awaited(moment: Moment, dialect: str) -> Select[Any]:
    is_free = DatabaseClock.is_past(probe.c.lease_until, moment(dialect, "present"))
    return select(probe.c.due_at).where(is_free, _SERVED).order_by(probe.c.due_at).limit(1)


@lru_cache(maxsize=64)
def _claiming(moment: Moment, dialect: str, is_any: bool, limit: int) -> ReturningUpdate[Any]:
    """Built once: every turn of the loops runs it."""
    wanted = (
        probe.c.due_at <= bindparam("due_by", type_=Instant)
        if is_any
        else probe.c.channel_id == bindparam("only")
    )
    is_free = or_(probe.c.lease_until.is_(None), probe.c.lease_until <= moment(dialect, "present"))
    # The limit stands in the statement as a number: as a parameter, PostgreSQL plans for a tenth
    # of the table. It is written there now, and not at each turn.
    number = literal_column(str(limit), Integer)
    due = (
        select(probe.c.channel_id)
        .where(wanted, is_free, _SERVED)
        .order_by(probe.c.due_at)
        .limit(number)
        .with_for_update(of=probe, skip_locked=True)
        .cte("due")
    )
    return (
        update(probe)
        .where(probe.c.channel_id.in_(select(due.c.channel_id)))
        .values(lease_token=bindparam("token"), lease_until=moment(dialect, "until"))
        .returning(probe)
    )


def _first(those: Select[Any], most: int) -> Select[Any]:
    """As a part of a union: SQLite takes a limit in none of its own."""
    return select(those.limit(most).subquery().columns[0])


_OF_ROW: Final = itemgetter(*(list(probe.c).index(probe.c[name]) for name in _FIELDS))
"""By position: looking up names is half of what it costs to read one."""


def _probe(row: Row[Any]) -> Probe:
    return Probe(*_OF_ROW(row))
