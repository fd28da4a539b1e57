"""Incidents. One rule, held by the database: at most one is open per channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, func, or_, select, update

from bot.domain.channel import Cause
from bot.domain.ids import ChannelId, IncidentId, NoticeId, UserId
from bot.domain.incident import RECALLED, Incident, IncidentKind, Resolution
from storage.connection import BEFOREHAND, Repository
from storage.errors import Taken
from storage.tables import incident, notice_incident


class IncidentRepository(Repository):
    """Rows of ``incident``."""

    async def open_(self, new: Incident) -> None:
        """Raises ``Taken`` when one is open for this channel; the unit of work stays usable."""
        insert = self._connection.insert(incident).values(**asdict(new)).on_conflict_do_nothing()
        if not await self._connection.count(insert):
            raise Taken

    async def find(self, incident_id: IncidentId) -> Incident | None:
        return await self._one(select(incident).where(incident.c.id == incident_id))

    async def open_of(self, channel_id: ChannelId) -> Incident | None:
        open_ = incident.c.channel_id == channel_id, incident.c.resolved_at.is_(None)
        return await self._one(select(incident).where(*open_))

    async def open_among(self, ids: Sequence[ChannelId]) -> dict[ChannelId, Incident]:
        """The open outages of these channels."""
        few = len(ids) <= BEFOREHAND
        those = _OPEN_AMONG if few else _OPEN.where(self._connection.among(incident.c.channel_id, ids))
        rows = await self._connection.rows(those, {"those": list(ids)} if few else None)
        return {row.channel_id: _incident(row) for row in rows}

    async def latest_of(self, channel_id: ChannelId) -> Incident | None:
        theirs = select(incident).where(incident.c.channel_id == channel_id)
        return await self._one(theirs.order_by(incident.c.opened_at.desc()).limit(1))

    async def since(
        self, ids: Collection[ChannelId], since: datetime, until: datetime
    ) -> dict[ChannelId, list[Incident]]:
        """The outages of these channels that were open at any time between."""
        not_before = or_(incident.c.resolved_at.is_(None), incident.c.resolved_at > since)
        theirs = incident.c.channel_id.in_(ids), incident.c.opened_at < until, not_before
        found: dict[ChannelId, list[Incident]] = {}
        for row in await self._connection.rows(
            select(incident).where(*theirs).order_by(incident.c.opened_at)
        ):
            found.setdefault(row.channel_id, []).append(_incident(row))
        return found

    async def resolve(
        self, incident_id: IncidentId, *, resolution: Resolution, by: UserId | None, at: datetime
    ) -> bool:
        """Close it; ``False`` if somebody else was first."""
        open_ = incident.c.id == incident_id, incident.c.resolved_at.is_(None)
        ended = {"resolution": resolution, "resolved_by": by, "resolved_at": at}
        return await self._connection.count(update(incident).where(*open_).values(**ended)) == 1

    async def settle(
        self, incident_id: IncidentId, *, resolution: Resolution, by: UserId | None, at: datetime
    ) -> None:
        """What was taken back has ended in a way that is known."""
        taken_back = incident.c.id == incident_id, incident.c.resolution.in_(RECALLED)
        ended = {"resolution": resolution, "resolved_by": by, "resolved_at": at}
        await self._connection.count(update(incident).where(*taken_back).values(**ended))

    async def reopen(self, incident_id: IncidentId, *, cause: Cause, code: str) -> None:
        """It has come back: the same outage goes on."""
        again = {"resolution": None, "resolved_by": None, "resolved_at": None, "cause": cause, "code": code}
        freed = {"claimed_by": None, "claimed_at": None, "relapses": incident.c.relapses + 1}
        await self._connection.count(
            update(incident).where(incident.c.id == incident_id).values(**again, **freed)
        )

    async def proven(self, channel_id: ChannelId, *, at: datetime, by: UserId | None, address: str) -> None:
        """Say of the open one what showed that its channel must be reconnected."""
        open_ = incident.c.channel_id == channel_id, incident.c.resolved_at.is_(None)
        proof = {"proven_at": at, "proven_by": by, "proven_with": address}
        await self._connection.count(update(incident).where(*open_).values(**proof))

    async def claim(self, ids: Sequence[IncidentId], by: UserId, at: datetime) -> tuple[IncidentId, ...]:
        """Somebody is on them; those that are not over. Who says it last has it."""
        open_ = self._connection.among(incident.c.id, ids), incident.c.resolved_at.is_(None)
        claimed = update(incident).where(*open_).values(claimed_by=by, claimed_at=at)
        return tuple([row.id for row in await self._connection.rows(claimed.returning(incident.c.id))])

    async def hand_back(self, ids: Sequence[IncidentId], by: UserId) -> tuple[IncidentId, ...]:
        """Nobody is on them any more; those that were ``by``'s and are not over."""
        these = self._connection.among(incident.c.id, ids)
        theirs = these, incident.c.claimed_by == by, incident.c.resolved_at.is_(None)
        freed = update(incident).where(*theirs).values(claimed_by=None, claimed_at=None)
        return tuple([row.id for row in await self._connection.rows(freed.returning(incident.c.id))])

    async def of_notice(self, notice_id: NoticeId) -> tuple[Incident, ...]:
        """The outages that a message is about, in the order in which they began."""
        rows = await self._connection.rows(
            select(incident)
            .join(notice_incident, notice_incident.c.incident_id == incident.c.id)
            .where(notice_incident.c.notice_id == notice_id)
            .order_by(incident.c.opened_at, incident.c.id)
        )
        return tuple(map(_incident, rows))

    async def count_of_notice(self, notice_id: NoticeId) -> int:
        """How many outages a message is about."""
        its = select(func.count()).where(notice_incident.c.notice_id == notice_id)
        return int(await self._connection.value(its))

    async def hold_of(self, notice_id: NoticeId) -> None:
        """Let nobody else change the outages that a message is about before this unit of work ends."""
        rows = (
            select(incident.c.id)
            .join(notice_incident, notice_incident.c.incident_id == incident.c.id)
            .where(notice_incident.c.notice_id == notice_id)
            .order_by(incident.c.id)
            .with_for_update(of=incident)
        )
        await self._connection.rows(rows)

    async def _one(self, query: Select[Any]) -> Incident | None:
        row = await self._connection.first(query)
        return _incident(row) if row else None


_OPEN: Final = select(incident).where(incident.c.resolved_at.is_(None))
_OPEN_AMONG: Final = _OPEN.where(incident.c.channel_id.in_(bindparam("those", expanding=True)))


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        workspace_id=row.workspace_id,
        channel_id=row.channel_id,
        kind=IncidentKind(row.kind),
        cause=Cause(row.cause),
        opened_at=row.opened_at,
        code=row.code,
        resolved_at=row.resolved_at,
        resolution=Resolution(row.resolution) if row.resolution else None,
        resolved_by=row.resolved_by,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        is_uncorroborated=row.is_uncorroborated,
        relapses=row.relapses,
        proven_at=row.proven_at,
        proven_by=row.proven_by,
        proven_with=row.proven_with or "",
    )
