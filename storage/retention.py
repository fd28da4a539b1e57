"""What ends, and when: every table that grows is in ``ENDS`` or purged by its own repository.

One rule: what is open, or what something open refers to, stays. ``docs/retention.md`` says the same in words;
a test fails when a table is in none of the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Delete,
    Integer,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)

from bot.domain.api_key import ID_LENGTH
from bot.domain.availability import day_of
from bot.domain.channel import State
from bot.domain.grant import Phase
from bot.domain.hubspot import HubSpotState
from bot.domain.notice import STANDING
from bot.domain.request import RequestState
from storage.api_keys import OF_KEY
from storage.column_types import Instant
from storage.connection import Repository
from storage.tables import (
    access_token,
    api_key,
    api_key_channel,
    availability,
    channel,
    channel_event,
    download,
    grant,
    held,
    history,
    hold,
    hubspot_channel,
    incident,
    job,
    lane,
    link,
    login_slot,
    meta,
    metadata,
    notice,
    notice_incident,
    probe,
    request,
    role_change,
    seen,
    slot,
    ticket,
    ticket_outcome,
    token_use,
    webhook_channel,
    webhook_event,
    whereabouts,
)

KEPT_FOR: Final = timedelta(days=400)
"""As long as the history: what somebody may ask about."""
WISHES_KEPT_FOR: Final = timedelta(days=30)
"""After their end: requests, with what people wrote, and grants that never belonged to an inbox."""
LINKS_KEPT_FOR: Final = timedelta(days=7)
"""After the outage that they were for."""
EVENTS_KEPT_FOR: Final = timedelta(days=30)
"""What programs can catch up with."""
DOWNLOADS_KEPT_FOR: Final = timedelta(days=1)
"""After they ran out: until then the page says so."""
TOKENS_KEPT_FOR: Final = timedelta(days=1)
"""Access tokens, after their end."""

_SPANS: Final = (
    KEPT_FOR,
    WISHES_KEPT_FOR,
    LINKS_KEPT_FOR,
    EVENTS_KEPT_FOR,
    DOWNLOADS_KEPT_FOR,
    TOKENS_KEPT_FOR,
)
_FIRST_DAY: Final = bindparam("first_day", type_=Integer)
"""The oldest day of which something is kept."""
_MOST: Final = bindparam("most", type_=Integer)


def _ago(span: timedelta) -> BindParameter[Any]:
    return bindparam(f"ago_{span.days}", type_=Instant)


def _at(now: datetime) -> dict[str, Any]:
    """What the parameters of every statement here are."""
    return {f"ago_{span.days}": now - span for span in _SPANS} | {"first_day": day_of(now - KEPT_FOR)}


_OPEN_WISHES: Final = (RequestState.WAITING, RequestState.APPROVED)
_UNFINISHED: Final = and_(job.c.done_at.is_(None), job.c.dead_at.is_(None))


def _ended_link() -> ColumnElement[bool]:
    over = select(incident.c.id).where(incident.c.resolved_at < _ago(LINKS_KEPT_FOR))
    lost = ~select(incident.c.id).where(incident.c.id == link.c.incident_id).exists()
    return or_(link.c.incident_id.in_(over), and_(lost, link.c.created_at < _ago(KEPT_FOR)))


def _ended_request() -> ColumnElement[bool]:
    later = request.alias("later")
    followed = select(later.c.id).where(later.c.follows == request.c.id, later.c.state.in_(_OPEN_WISHES))
    over = request.c.state.not_in(_OPEN_WISHES), request.c.expires_at < _ago(WISHES_KEPT_FOR)
    return and_(*over, ~followed.exists())


def _ended_notice() -> ColumnElement[bool]:
    its_own = select(incident.c.id).where(incident.c.id == notice.c.incident_id)
    joined = (
        select(incident.c.id)
        .join(notice_incident, notice_incident.c.incident_id == incident.c.id)
        .where(notice_incident.c.notice_id == notice.c.id)
    )
    is_open = or_(*(one.where(incident.c.resolved_at.is_(None)).exists() for one in (its_own, joined)))
    is_there = select(channel.c.id).where(channel.c.id == notice.c.channel_id, _is_there())
    stands = and_(notice.c.kind.in_(STANDING), is_there.exists())
    waits = select(request.c.id).where(request.c.id == notice.c.subject, request.c.state.in_(_OPEN_WISHES))
    provider_outages = select(hold.c.id).where(hold.c.id == notice.c.subject, hold.c.ended_at.is_(None))
    kept = or_(is_open, stands, waits.exists(), provider_outages.exists())
    return and_(notice.c.created_at < _ago(KEPT_FOR), not_(kept))


def _ended_incident() -> ColumnElement[bool]:
    told = select(notice_incident.c.notice_id).where(notice_incident.c.incident_id == incident.c.id)
    return and_(incident.c.resolved_at < _ago(KEPT_FOR), ~told.exists())


def _lost_pair() -> ColumnElement[bool]:
    return ~select(notice.c.id).where(notice.c.id == notice_incident.c.notice_id).exists()


def _ended_grant() -> ColumnElement[bool]:
    used = select(channel.c.id).where(channel.c.grant_id == grant.c.id)
    probed = select(probe.c.channel_id).where(probe.c.grant_id == grant.c.id)
    is_over = grant.c.phase.in_((Phase.RETIRED, Phase.SUPERSEDED)), grant.c.sealed.is_(None)
    kept_for = or_(
        grant.c.retired_at < _ago(KEPT_FOR),
        and_(grant.c.channel_id.is_(None), grant.c.retired_at < _ago(WISHES_KEPT_FOR)),
    )
    return and_(*is_over, kept_for, ~used.exists(), ~probed.exists())


def _ended_whereabouts() -> ColumnElement[bool]:
    over = select(channel.c.id).where(channel.c.removed_at < _ago(KEPT_FOR))
    return whereabouts.c.channel_id.in_(over)


def _ended_membership() -> ColumnElement[bool]:
    is_open = select(hold.c.id).where(hold.c.id == held.c.hold_id, hold.c.ended_at.is_(None))
    return ~is_open.exists()


def _ended_channel() -> ColumnElement[bool]:
    """When nothing is left that belongs to it. Asked as one: eight joins take PostgreSQL's planner longer
    than the rest of the hour's statements together."""
    theirs = union_all(
        *(
            select(table.c.channel_id).where(table.c.channel_id == channel.c.id).correlate(channel)
            for table in (grant, probe, incident, held, whereabouts, link, history, availability)
        )
    )
    return and_(channel.c.removed_at < _ago(KEPT_FOR), ~exists(theirs))


def _ended_hubspot_channel() -> ColumnElement[bool]:
    """When nothing is left that belongs to it."""
    theirs = (
        select(table.c.channel_id).where(table.c.channel_id == hubspot_channel.c.id)
        for table in (incident, history)
    )
    is_gone = hubspot_channel.c.state == HubSpotState.GONE, hubspot_channel.c.since < _ago(KEPT_FOR)
    return and_(*is_gone, *(~one.exists() for one in theirs))


def _ended_key() -> ColumnElement[bool]:
    used = select(token_use.c.id).where(token_use.c.key_id == api_key.c.id)
    over = or_(api_key.c.revoked_at < _ago(KEPT_FOR), api_key.c.expires_at < _ago(KEPT_FOR))
    return and_(over, ~used.exists())


def _ended_scope() -> ColumnElement[bool]:
    of_key = select(api_key.c.id).where(api_key.c.id == api_key_channel.c.key_id)
    there = select(channel.c.id).where(channel.c.id == api_key_channel.c.channel_id)
    return or_(~of_key.exists(), ~there.exists())


def _ended_fact() -> ColumnElement[bool]:
    """That a key's end was told (``KeyWatch``) matters no longer than the key is there."""
    its_id = func.substr(meta.c.key, len(OF_KEY) + 1, ID_LENGTH)
    of_key = select(api_key.c.id).where(api_key.c.id == its_id)
    return and_(meta.c.key.startswith(OF_KEY, autoescape=True), ~of_key.exists())


def _ended_webhook_channel() -> ColumnElement[bool]:
    return ~select(channel.c.id).where(channel.c.id == webhook_channel.c.channel_id).exists()


def _ended_webhook_event() -> ColumnElement[bool]:
    return ~select(channel_event.c.id).where(channel_event.c.id == webhook_event.c.event_id).exists()


def _is_there() -> ColumnElement[bool]:
    return channel.c.state != State.REMOVED


ENDS: Final[Mapping[Table, Callable[[], ColumnElement[bool]]]] = {
    link: _ended_link,
    request: _ended_request,
    notice: _ended_notice,
    notice_incident: _lost_pair,
    incident: _ended_incident,
    held: _ended_membership,
    hold: lambda: hold.c.ended_at < _ago(KEPT_FOR),
    role_change: lambda: role_change.c.at < _ago(KEPT_FOR),
    grant: _ended_grant,
    whereabouts: _ended_whereabouts,
    availability: lambda: availability.c.day < _FIRST_DAY,
    channel: _ended_channel,
    hubspot_channel: _ended_hubspot_channel,
    download: lambda: download.c.expires_at < _ago(DOWNLOADS_KEPT_FOR),
    token_use: lambda: token_use.c.last_at < _ago(KEPT_FOR),
    access_token: lambda: access_token.c.expires_at < _ago(TOKENS_KEPT_FOR),
    api_key: _ended_key,
    api_key_channel: _ended_scope,
    meta: _ended_fact,
    webhook_event: _ended_webhook_event,
    channel_event: lambda: channel_event.c.at < _ago(EVENTS_KEPT_FOR),
    webhook_channel: _ended_webhook_channel,
}
"""In this order: what refers to others first."""

PURGED: Final = tuple(table.name for table in ENDS)
"""The same by name."""

BY_THEIR_OWN: Final = frozenset({job, seen, history, ticket, ticket_outcome, login_slot, slot, lane})
"""Their repositories know when they end."""


class Retention(Repository):
    """Deletes what has ended, a batch at a time."""

    async def ended(self, now: datetime) -> tuple[str, ...]:
        """Of which of ``PURGED`` some row has ended, in their order."""
        found = {row.name for row in await self._connection.rows(_which_ended(), _at(now))}
        return tuple(name for name in PURGED if name in found)

    async def purge(self, name: str, now: datetime, *, limit: int) -> int:
        """Delete up to ``limit`` rows of one of ``PURGED`` that have ended; how many. Call again while there
        are some."""
        return await self._connection.count(_purging(name), {**_at(now), "most": limit})

    async def purge_lanes(self, *, limit: int) -> int:
        """Delete up to ``limit`` lanes that nothing waits in; how many."""
        passed = self._connection.clock.has_passed
        is_idle = passed(lane.c.lease_until), passed(lane.c.paced_until)
        wanted = select(job.c.id).where(job.c.lane == lane.c.key, _UNFINISHED).exists()
        # First locked, then looked at again: whoever put a job into one meanwhile is seen now, and whoever
        # does so from now on waits, and makes the lane anew (``Jobs.put_all``).
        idle = select(lane.c.key).where(*is_idle, ~wanted).limit(limit).with_for_update(skip_locked=True)
        keys = [row.key for row in await self._connection.rows(idle)]
        if not keys:
            return 0
        await self._connection.count(delete(lane).where(lane.c.key.in_(keys), *is_idle, ~wanted))
        return len(keys)


# --- statements that are run every hour: built once, when they are first needed


@cache
def _which_ended() -> CompoundSelect[Any]:
    """One question instead of one for each table: each would be a journey to the database."""
    return union_all(
        *(
            select(literal_column(f"'{table.name}'").label("name")).where(
                exists().select_from(table).where(is_over())
            )
            for table, is_over in ENDS.items()
        )
    )


@cache
def _purging(name: str) -> Delete:
    table = metadata.tables[name]
    ended = select(*table.primary_key.columns).where(ENDS[table]()).limit(_MOST)
    return delete(table).where(tuple_(*table.primary_key.columns).in_(ended))
