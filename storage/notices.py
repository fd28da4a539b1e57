"""Notices: what a person should see, and what was last shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from bot.domain.ids import ChannelId, ConversationId, GrantId, IncidentId, NoticeId, UserId, WorkspaceId
from bot.domain.incident import IncidentKind
from bot.domain.notice import DELIVERY, Notice, NoticeKind
from storage.column_types import Instant
from storage.connection import Repository
from storage.tables import STALE, UNFINISHED, channel, incident, job, notice, notice_incident


class NoticeRepository(Repository):
    """Rows of ``notice``."""

    async def add_all(self, new: Sequence[Notice]) -> tuple[Notice, ...]:
        """Those that their readers had not got one of yet."""
        insert = self._connection.insert(notice).on_conflict_do_nothing().returning(notice.c.id)
        rows = await self._connection.rows_of_many(insert, [asdict(it) | {"topic": _topic(it)} for it in new])
        added = {row.id for row in rows}
        return tuple(it for it in new if it.id in added)

    async def find(self, notice_id: NoticeId) -> Notice | None:
        row = await self._connection.first(_FINDING, {"its": notice_id})
        return _notice(row) if row else None

    async def attach(self, ids: Iterable[NoticeId], incident_id: IncidentId) -> None:
        """These messages are about that outage, too."""
        insert = self._connection.insert(notice_incident).on_conflict_do_nothing()
        await self._connection.many(insert, [{"notice_id": it, "incident_id": incident_id} for it in ids])

    async def of_incident(self, incident_id: IncidentId) -> tuple[Notice, ...]:
        """Every message that is about it."""
        rows = await self._connection.rows(
            select(notice)
            .join(notice_incident, notice_incident.c.notice_id == notice.c.id)
            .where(notice_incident.c.incident_id == incident_id)
            .order_by(notice.c.id)
        )
        return tuple(map(_notice, rows))

    async def of_incidents(self, ids: Collection[IncidentId]) -> tuple[Notice, ...]:
        """Every message that is about one of them, each once."""
        these = self._connection.among(notice_incident.c.incident_id, ids)
        theirs = select(notice_incident.c.notice_id).where(these)
        about = select(notice).where(notice.c.id.in_(theirs)).order_by(notice.c.id)
        rows = await self._connection.rows(about)
        return tuple(map(_notice, rows))

    async def young_alarms(
        self,
        workspace_id: WorkspaceId,
        kind: NoticeKind,
        readers: Collection[UserId],
        *,
        since: datetime,
        storms_since: datetime,
        storm_of: int,
    ) -> dict[UserId, Notice]:
        """The newest message since then that is about an open outage, by reader; one about ``storm_of`` of
        them or more since ``storms_since``. Doubts are none."""
        theirs = self._connection.among(notice.c.recipient, readers)
        about = _of_open(incident.c.kind != IncidentKind.UNVERIFIABLE)
        is_about = about.where(notice_incident.c.notice_id == notice.c.id).exists()
        its = select(notice_incident.c.incident_id).where(notice_incident.c.notice_id == notice.c.id)
        is_storm = its.limit(1).offset(storm_of - 1).exists()
        is_young = or_(notice.c.created_at >= since, is_storm)
        is_new = notice.c.created_at >= min(since, storms_since)
        return await self._alarms(workspace_id, kind, theirs, is_new, is_young, is_about)

    async def doubts(
        self, workspace_id: WorkspaceId, kind: NoticeKind, provider: str
    ) -> dict[UserId, Notice]:
        """The newest message that is about inboxes of a provider which cannot be checked, by reader. However
        old it is: it is found from the outages that are open."""
        of_provider = select(channel.c.id).where(
            channel.c.id == incident.c.channel_id, channel.c.provider == provider
        )
        about = _of_open(
            incident.c.workspace_id == workspace_id,
            incident.c.kind == IncidentKind.UNVERIFIABLE,
            of_provider.exists(),
        )
        return await self._alarms(workspace_id, kind, notice.c.id.in_(about))

    async def _alarms(
        self, workspace_id: WorkspaceId, kind: NoticeKind, *which: ColumnElement[bool]
    ) -> dict[UserId, Notice]:
        """A row for each message, however many outages it is about."""
        theirs = notice.c.workspace_id == workspace_id, notice.c.kind == kind
        found = select(notice).where(*theirs, *which).order_by(notice.c.created_at, notice.c.id)
        return {row.recipient: _notice(row) for row in await self._connection.rows(found)}

    async def snooze(self, notice_id: NoticeId, until: datetime | None) -> None:
        """``None``: not any more."""
        await self._change(notice_id, snoozed_until=until)

    async def reminded(self, notice_id: NoticeId) -> None:
        more = update(notice).where(notice.c.id == notice_id).values(reminders=notice.c.reminders + 1)
        await self._connection.count(more)

    async def of_grant(self, grant_id: GrantId) -> tuple[Notice, ...]:
        theirs = select(notice).where(notice.c.grant_id == grant_id).order_by(notice.c.id)
        return tuple(map(_notice, await self._connection.rows(theirs)))

    async def of_subject(
        self, workspace_id: WorkspaceId, prefix: str, kind: NoticeKind = NoticeKind.OPERATOR
    ) -> tuple[Notice, ...]:
        """Notices of a kind about something, by how their subject begins."""
        theirs = select(notice).where(
            notice.c.workspace_id == workspace_id,
            notice.c.kind == kind,
            notice.c.subject.startswith(prefix, autoescape=True),
        )
        return tuple(map(_notice, await self._connection.rows(theirs.order_by(notice.c.id))))

    async def of_channel(self, channel_id: ChannelId, kind: NoticeKind) -> tuple[Notice, ...]:
        theirs = select(notice).where(notice.c.channel_id == channel_id, notice.c.kind == kind)
        return tuple(map(_notice, await self._connection.rows(theirs.order_by(notice.c.id))))

    async def of_kind(
        self, workspace_id: WorkspaceId, recipient: UserId, kind: NoticeKind
    ) -> tuple[Notice, ...]:
        """What one reader has of a kind."""
        theirs = notice.c.workspace_id == workspace_id, notice.c.recipient == recipient, notice.c.kind == kind
        return tuple(map(_notice, await self._connection.rows(select(notice).where(*theirs))))

    async def stale(self, workspace_id: WorkspaceId) -> tuple[Notice, ...]:
        """Those whose reader does not see yet what they should."""
        theirs = notice.c.workspace_id == workspace_id, notice.c.shown_rev < notice.c.wanted_rev
        rows = await self._connection.rows(select(notice).where(*theirs).order_by(notice.c.created_at))
        return tuple(map(_notice, rows))

    async def bump(self, ids: Collection[NoticeId], now: datetime) -> None:
        """What they show is out of date."""
        if ids:
            theirs = update(notice).where(notice.c.id.in_(ids))
            was_stale = notice.c.shown_rev < notice.c.wanted_rev
            # Said with its type: in a CASE, SQLAlchemy would not know it.
            at = literal(now, Instant)
            since = case((was_stale, func.coalesce(notice.c.stale_since, at)), else_=at)
            # Whoever could not be reached then may be reached now.
            wanted = {"wanted_rev": notice.c.wanted_rev + 1, "unreachable": ""}
            await self._connection.count(theirs.values(stale_since=since, **wanted))

    async def to_edit(self, workspace_id: WorkspaceId, limit: int) -> tuple[Notice, ...]:
        """Messages that show less than they should, those that have waited longest first. Whose own job has
        still to be done is left to that."""
        values = {"workspace": workspace_id, "most": limit}
        return tuple(map(_notice, await self._connection.rows(_TO_EDIT, values)))

    async def count_to_edit(self, ids: Collection[NoticeId]) -> int:
        """How many of these messages show less than they should."""
        waiting = select(func.count()).where(notice.c.id.in_(ids), STALE, notice.c.unreachable == "")
        return int(await self._connection.value(waiting))

    async def begin_sending(self, notice_id: NoticeId, nonce: str, since: datetime) -> None:
        """Committed before posting: after a crash the nonce finds the message, if it went out."""
        await self._change(notice_id, nonce=nonce, sending_since=since, ts=None)

    async def not_sent(self, notice_id: NoticeId) -> None:
        """Slack refused to take it: there is nothing to be found."""
        await self._change(notice_id, nonce=None, sending_since=None)

    async def lost(self, notice_id: NoticeId) -> None:
        """Its message is not there any more, by somebody's hand: it stands nowhere."""
        await self._change(notice_id, nonce=None, sending_since=None, ts=None)

    async def shown(
        self,
        notice_id: NoticeId,
        *,
        rev: int,
        ts: str | None,
        at: datetime,
        conversation_id: ConversationId | None = None,
    ) -> None:
        """It stands in Slack as of ``rev``, as it was drawn ``at``, or need not (without ``ts``); a later one
        that was shown meanwhile stays. What has changed since waits from then on: it stands behind those that
        were drawn before. ``conversation_id`` is where, if that is news."""
        where = {} if conversation_id is None else {"conversation_id": conversation_id}
        values = {"rev": rev, "drawn_at": at, "ts": ts, "sending_since": None, "unreachable": "", **where}
        await self._connection.count(_SHOWN, {"its": notice_id, **values})

    async def unreachable(self, notice_id: NoticeId, error: str) -> None:
        """Slack refused to show it there."""
        never_shown = case((notice.c.ts.is_(None), null()), else_=notice.c.nonce)
        refused = update(notice).where(notice.c.id == notice_id).values(nonce=never_shown)
        await self._connection.count(refused, {"unreachable": error, "sending_since": None})

    async def _change(self, notice_id: NoticeId, **values: Any) -> None:
        await self._connection.count(_CHANGING, {"its": notice_id, **values})


# --- statements, built once


_FINDING: Final = select(notice).where(notice.c.id == bindparam("its"))
_CHANGING: Final = update(notice).where(notice.c.id == bindparam("its"))
_REV: Final = bindparam("rev", type_=Integer)
_SHOWN: Final = _CHANGING.values(
    shown_rev=case((notice.c.shown_rev > _REV, notice.c.shown_rev), else_=_REV),
    stale_since=case(
        (notice.c.wanted_rev > _REV, bindparam("drawn_at", type_=Instant)), else_=notice.c.stale_since
    ),
)
_DELIVERY: Final = select(job.c.id).where(job.c.dedupe == DELIVERY + notice.c.id, UNFINISHED)
_TO_EDIT: Final = (
    select(notice)
    .where(
        notice.c.workspace_id == bindparam("workspace"),
        STALE,
        notice.c.unreachable == "",
        ~_DELIVERY.exists(),
    )
    .order_by(notice.c.stale_since, notice.c.id)
    .limit(bindparam("most", type_=Integer))
)


def _of_open(*which: ColumnElement[bool]) -> Select[tuple[str]]:
    """The notices about open outages."""
    return (
        select(notice_incident.c.notice_id)
        .join(incident, incident.c.id == notice_incident.c.incident_id)
        .where(incident.c.resolved_at.is_(None), *which)
    )


def _topic(it: Notice) -> str:
    if it.kind is NoticeKind.OPERATOR:
        return it.subject  # one matter, however many channels it was noticed at
    return it.incident_id or it.grant_id or f"{it.channel_id or ''}:{it.subject}"


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        workspace_id=row.workspace_id,
        recipient=row.recipient,
        kind=NoticeKind(row.kind),
        channel_id=row.channel_id,
        incident_id=row.incident_id,
        grant_id=row.grant_id,
        subject=row.subject,
        wanted_rev=row.wanted_rev,
        shown_rev=row.shown_rev,
        conversation_id=row.conversation_id,
        ts=row.ts,
        nonce=row.nonce,
        sending_since=row.sending_since,
        created_at=row.created_at,
        unreachable=row.unreachable,
        thread_of=row.thread_of,
        snoozed_until=row.snoozed_until,
        stale_since=row.stale_since,
        reminders=row.reminders,
    )
