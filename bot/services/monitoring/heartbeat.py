"""Whether the database can be *written*: tried every few seconds, since reading goes on without it.

A full disk, a standby, another program's lock: answers are shown as ever, and nothing is found out any more.
The operator's message needs a row itself, so it can only come afterwards, and says from when to when.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.notice import NoticeKind
from bot.domain.workspace import Workspace
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core
from storage import SILENT_FOR, StorageAway

_log = structlog.get_logger(__name__)

BEATS_EVERY: Final = timedelta(seconds=5)
TOLD_AFTER: Final = timedelta(seconds=30)
"""Less is a restart of the server, and nobody needs to hear of it."""
KEY: Final = "heartbeat"


class Heartbeat:
    """Writes a row now and then, and knows since when that fails."""

    def __init__(self, core: Core, notifications: Notifications, workspace: Workspace) -> None:
        self._core = core
        self._operators = Operators(core, notifications)
        self._workspace_id = workspace.id
        self._tried_at: datetime | None = None
        self._failing_since: datetime | None = None
        self._back_at: datetime | None = None
        self._steady_since: datetime | None = None
        self._written_at: datetime | None = None

    @property
    def is_writing(self) -> bool:
        """Whether the last try to write went well; before the first one, too."""
        return self._failing_since is None

    @property
    def back_at(self) -> datetime | None:
        """When the last interruption ended."""
        return self._back_at

    async def run_due(self) -> int:
        """Write, if it is time to; at every turn while it fails. Returns how many interruptions were told."""
        now = self._core.clock()
        tried, self._tried_at = self._tried_at, now
        if self.is_writing and tried is not None and timedelta() <= now - tried < BEATS_EVERY:
            self._tried_at = tried
            return 0
        try:
            told = await self._write(now)
        except StorageAway as error:
            self._failed(error, now)
            return 0
        return told

    async def _write(self, now: datetime) -> int:
        since = self._failing_since
        is_told = since is not None and now - since >= TOLD_AFTER
        async with self._core.storage.writing() as uow:
            await uow.meta.put(KEY, now.isoformat())
            await self._core.storage.announce(uow)
            freed = await self._core.storage.free_the_dead(uow) if self._is_steady(now) else 0
            if since is not None and is_told:
                about = {"began": since.isoformat(), "ended": now.isoformat()}
                kind = NoticeKind.STORAGE
                await self._operators.tell(uow, self._workspace_id, kind, about=about, now=now)
            await uow.commit()
        self._written_at = now
        if freed:
            _log.warning("a process has died: others go on with what it was at", leases=freed)
            self._core.wake()
        if since is not None:
            _log.info("the database can be written again", after_seconds=round((now - since).total_seconds()))
            self._failing_since, self._back_at = None, now
            self._core.wake()
        return int(is_told)

    def _is_steady(self, now: datetime) -> bool:
        """Whether we have been writing for so long, beat after beat, that a living process would have been
        heard, too."""
        if self._written_at is None or not timedelta() <= now - self._written_at < SILENT_FOR:
            self._steady_since = now
        return self._steady_since is not None and now - self._steady_since >= SILENT_FOR

    def _failed(self, error: StorageAway, now: datetime) -> None:
        if self._failing_since is None:
            self._failing_since = now
            _log.error("the database cannot be written", trouble=error.trouble.value, said=error.said)
