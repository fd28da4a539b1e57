"""What is wrong with ourselves: nobody looks at mailboxes, the database takes nothing, a clock is put back.

The first two are told to the operator and nobody else; the third is mended. The watchdog runs in a loop of
its own, since the probes' may be what hangs, and reads only what they wrote down. An episode begins with
the first silent mailbox and is over when no probe is late any more.

Whether the database can be *written* is tried every few seconds, since reading goes on without it. A full
disk, a standby, another program's lock: answers are shown as ever, and nothing is found out any more. The
operator's message needs a row itself, so it can only come afterwards, and says from when to when.

What is due is an instant in the database, compared with the present one. Whatever was written down while
the clock was ahead would lie still for as long as it was; so it is moved back at the start, as soon as a
turn sees the clock put back, and now and then in case another process wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.access import Workspace
from bot.domain.channel import Channel
from bot.domain.ids import WorkspaceId
from bot.domain.incident import LONGEST_SNOOZE
from bot.domain.job import ANY_TIME, LONGEST_WAIT
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import (
    LONGEST_DISABLED,
    LONGEST_DISCONNECTED,
    LONGEST_IMPAIRED,
    Probe,
    longest_pause,
    patience_for,
)
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core
from bot.services.core.schedule import Schedule
from bot.services.monitoring.monitor import LEASE
from storage import SILENT_FOR, ClockLimits, StorageAway, UnitOfWork

BEATS_EVERY: Final = timedelta(seconds=5)
TOLD_AFTER: Final = timedelta(seconds=30)
"""Less is a restart of the server, and nobody needs to hear of it."""
_HEARTBEAT: Final = "heartbeat"


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
            await uow.meta.put(_HEARTBEAT, now.isoformat())
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
        schedule: Schedule,
        workspace: Workspace,
        heartbeat: Heartbeat,
    ) -> None:
        self._core = core
        self._heartbeat = heartbeat
        self._schedule = schedule
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
        patience = patience_for(channel, row, cadence=self._schedule.cadence, now=now, traits=traits)
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


CHECKS_EVERY: Final = timedelta(minutes=5)
PUT_BACK_BY: Final = timedelta(seconds=1)
"""Less is the clock being trimmed, and nothing waits longer for it than that."""
LONGEST_LEASE: Final = timedelta(minutes=10)
"""Far longer than any lease or pause of a lane."""


class ClockSkew:
    """Watches the clock, and sets right what it has spoilt."""

    def __init__(self, core: Core, schedule: Schedule) -> None:
        self._core = core
        self._schedule = schedule
        self._latest: datetime | None = None
        self._checked_at: datetime | None = None

    async def run_due(self) -> int:
        """Look at the clock, and at what was written by it if there is reason to. Returns the rows moved."""
        now, latest = self._core.clock(), self._latest
        was_put_back = latest is not None and latest - now > PUT_BACK_BY
        if was_put_back or self._is_time(now):
            moved = await self._set_right(now, is_sure=was_put_back)
            self._checked_at = now
        else:
            moved = 0
        # Only now: should the database be away, the next turn sees the same.
        self._latest = now
        return moved

    def _is_time(self, now: datetime) -> bool:
        return self._checked_at is None or now - self._checked_at >= CHECKS_EVERY

    async def _set_right(self, now: datetime, *, is_sure: bool) -> int:
        limits, storage = self._limits(), self._core.storage
        if not is_sure:
            async with storage.reading() as uow:
                at_start = self._checked_at is None
                instants = uow.instants
                is_sure = await (instants.is_ahead(now) if at_start else instants.has_looked_ahead(now))
                if not is_sure and not await instants.is_stuck(now, limits):
                    return 0  # nearly always: nobody who writes had to wait for it
        async with storage.writing() as uow:
            moved = await uow.instants.release(limits)
            if is_sure:
                moved += await uow.instants.set_right(now, limits)
                moved += await uow.instants.hurry(ANY_TIME, now)
            else:
                moved += await uow.instants.limit(now, limits)
            await uow.commit()
        if moved:
            _log.warning("the clock was ahead: what waited for it was moved back", rows=moved)
            self._core.wake()
        return moved

    def _limits(self) -> ClockLimits:
        providers, cadence = self._core.providers, self._schedule.cadence
        traits = {key: providers.traits_of(key) for key in providers.keys}
        return ClockLimits(
            looks={key: longest_pause(cadence, traits) for key, traits in traits.items()},
            impaired=LONGEST_IMPAIRED,
            disconnected=LONGEST_DISCONNECTED,
            disabled=LONGEST_DISABLED,
            jobs=LONGEST_WAIT,
            snooze=LONGEST_SNOOZE,
            login=max((one.refused_within for one in traits.values()), default=timedelta(hours=1)),
            lease=LONGEST_LEASE,
        )
