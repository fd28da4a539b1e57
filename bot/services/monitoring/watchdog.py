"""Notices when mailboxes are not looked at any more: our own fault, told to the operator and nobody else.

It runs in a loop of its own, since the probes' may be what hangs, and reads only what they wrote down.
An episode begins with the first silent mailbox and is over when no probe is late any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.channel import Channel
from bot.domain.ids import WorkspaceId
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Probe, patience_for
from bot.domain.workspace import Workspace
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core
from bot.services.core.schedule import Schedule
from bot.services.monitoring.heartbeat import Heartbeat
from bot.services.monitoring.monitor import LEASE
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

LOOKS_EVERY: Final = timedelta(seconds=30)
PATIENCE: Final = LEASE + timedelta(minutes=1)
"""Less is no silence: what a dead process was at is taken over only once its lease has run out."""
AWAY_AFTER: Final = timedelta(minutes=3)
"""Whoever has not looked for this long was not running, and neither were the probes."""
_MOST: Final = 500

Late = tuple[Channel, Probe]


def episode_of(workspace_id: WorkspaceId) -> str:
    """The fact that says since when a workspace's mailboxes are silent, by name."""
    return f"silence:{workspace_id}"


class Watchdog:
    """Judges whether probes finish."""

    def __init__(
        self,
        core: Core,
        notifications: Notifications,
        pace: Schedule,
        workspace: Workspace,
        heartbeat: Heartbeat,
    ) -> None:
        self._core = core
        self._heartbeat = heartbeat
        self._pace = pace
        self._notifications = notifications
        self._operators = Operators(core, notifications)
        self._workspace_id = workspace.id
        self._looked_at: datetime | None = None
        self._running_since = core.clock()
        self._is_silent = False

    @property
    def is_silent(self) -> bool:
        """Whether probes do not finish, as last judged."""
        return self._is_silent

    async def run_due(self) -> int:
        """Judge, if it is time to. Returns how many episodes began or ended."""
        now = self._core.clock()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < LOOKS_EVERY:
            return 0
        # A clock that was put back makes all that was written down before worthless, as a long sleep does.
        if self._looked_at is None or not timedelta() <= now - self._looked_at <= AWAY_AFTER:
            self._running_since = now  # what is late by now has not had its chance
        if not self._heartbeat.is_writing:
            return 0  # nobody can write down what they saw: that is another trouble, and told as such
        if self._heartbeat.back_at is not None:
            self._running_since = max(self._running_since, min(self._heartbeat.back_at, now))
        changed = await self._judge(now)
        self._looked_at = now
        return changed

    async def _judge(self, now: datetime) -> int:
        async with self._core.storage.reading() as uow:
            late = await self._late(uow, now)
            began = await uow.meta.find(episode_of(self._workspace_id))
        silent = [one for one in late if self._has_waited(one, now, since=self._running_since)]
        self._is_silent = bool(silent) or (began is not None and bool(late))
        self._core.telemetry.silent(len(late) if self._is_silent else 0)
        if silent and began is None:
            return await self._begin(silent, now)
        if began is not None and not late:
            return await self._end(began, now)
        return 0

    async def _late(self, uow: UnitOfWork, now: datetime) -> list[Late]:
        """What is late whether or not anybody was there to look, up to a few hundred."""
        rows = await uow.probes.unfinished(self._workspace_id, due_before=now - PATIENCE, limit=_MOST)
        channels = await uow.channels.by_ids([row.channel_id for row in rows])
        pairs = [(channels[row.channel_id], row) for row in rows]
        return [one for one in pairs if self._has_waited(one, now, since=one[1].due_at)]

    def _has_waited(self, late: Late, now: datetime, *, since: datetime) -> bool:
        """Whether a probe is late, counted from ``since`` at the earliest."""
        channel, row = late
        traits = self._core.providers.traits_of(channel.provider)
        patience = patience_for(channel, row, cadence=self._pace.cadence, now=now, traits=traits)
        return now - max(row.due_at, since) >= max(patience, PATIENCE)

    async def _begin(self, silent: Sequence[Late], now: datetime) -> int:
        began = now.isoformat()
        async with self._core.storage.writing() as uow:
            if not await uow.meta.add(episode_of(self._workspace_id), began):
                return 0  # another process was first
            await self._operators.tell(
                uow, self._workspace_id, NoticeKind.SILENCE, about={"since": began}, now=now
            )
            await uow.commit()
        _log.error(
            "probes do not finish", channels=[channel.id for channel, _ in silent[:10]], of=len(silent)
        )
        return 1

    async def _end(self, began: str, now: datetime) -> int:
        async with self._core.storage.writing() as uow:
            if not await uow.meta.drop(episode_of(self._workspace_id), began):
                return 0
            told = await uow.notices.of_subject(self._workspace_id, began, NoticeKind.SILENCE)
            await self._notifications.changed(uow, told, now=now)
            await uow.commit()
        _log.info("probes finish again")
        return 1
