"""How much there is of what, for the operator's figures. Counts only, and nothing that names anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Select, case, func, select

from bot.domain.channel import State
from storage.connection import Connection
from storage.tables import UNFINISHED, channel, hold, incident, job, webhook

_THERE: Final = tuple(state for state in State if state is not State.REMOVED)


@dataclass(frozen=True, slots=True)
class Census:
    """What is in the database at one moment."""

    channels: dict[tuple[str, str], int] = field(default_factory=dict)
    """By state and provider; removed ones are not counted."""
    incidents: dict[str, int] = field(default_factory=dict)
    """Those that are open, by kind."""
    outages: dict[str, int] = field(default_factory=dict)
    """Provider outages that are open, by provider."""
    jobs: dict[str, int] = field(default_factory=dict)
    """Those that are due and not done, by kind."""
    webhooks: dict[str, int] = field(default_factory=dict)
    """By how they do: ``on``, ``failing``, ``off``, or ``untested``."""
    oldest_job: datetime | None = None
    """Since when the first of them is due."""


class CensusRepository:
    """Counts rows."""

    def __init__(self, session: Connection) -> None:
        self._connection = session

    async def take(self, *, now: datetime) -> Census:
        """Count everything. Costs a walk over all channels: for a minute's figures, not for every click."""
        channels = await self._by_provider()
        incidents = await self._counted(incident.c.kind, where=(incident.c.resolved_at.is_(None),))
        outages = await self._counted(hold.c.provider, where=(hold.c.ended_at.is_(None),))
        is_due = (UNFINISHED, job.c.due_at <= now)
        jobs = await self._counted(job.c.kind, where=is_due)
        return Census(
            channels=channels,
            incidents=dict(incidents),
            outages=dict(outages),
            jobs=dict(jobs),
            webhooks=await self._webhooks(),
            oldest_job=await self._connection.value(select(func.min(job.c.due_at)).where(*is_due)),
        )

    async def _by_provider(self) -> dict[tuple[str, str], int]:
        """Each state beside the others: so an index gives all of a provider's, and nothing is sorted."""
        numbers = (func.sum(case((channel.c.state == it, 1), else_=0)) for it in _THERE)
        counted: Select[Any] = select(channel.c.provider, *numbers).group_by(channel.c.provider)
        found: dict[tuple[str, str], int] = {}
        for row in await self._connection.rows(counted):
            each: Sequence[int | None] = row[1:]
            found |= {(state, row[0]): int(n) for state, n in zip(_THERE, each, strict=True) if n}
        return found

    async def _webhooks(self) -> dict[str, int]:
        how = case(
            (webhook.c.off_at.is_not(None), "off"),
            (webhook.c.proven_at.is_(None), "untested"),
            (webhook.c.failing_since.is_not(None), "failing"),
            else_="on",
        )
        each = select(how.label("how")).subquery()
        rows = await self._connection.rows(
            select(each.c.how, func.count().label("number")).group_by(each.c.how)
        )
        return {row.how: row.number for row in rows}

    async def _counted(self, *by: Column[Any], where: Sequence[Any]) -> list[tuple[Any, ...]]:
        counted: Select[Any] = select(*by, func.count()).where(*where).group_by(*by)
        return [tuple(row) for row in await self._connection.rows(counted)]
