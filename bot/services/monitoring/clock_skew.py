"""Keeps a clock that was ahead from making everything wait for it.

The one rule: what is due is an instant in the database, compared with the present one. Whatever was
written down while the clock was ahead would lie still for as long as it was; so it is moved back at the
start, as soon as a turn sees the clock put back, and now and then in case another process wrote it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.incident import LONGEST_SNOOZE
from bot.domain.job import ANY_TIME, LONGEST_WAIT
from bot.domain.probe_policy import LONGEST_DISABLED, LONGEST_DISCONNECTED, LONGEST_IMPAIRED, longest_pause
from bot.services.core.ports import Core
from bot.services.core.schedule import Schedule
from storage import ClockLimits

_log = structlog.get_logger(__name__)

CHECKS_EVERY: Final = timedelta(minutes=5)
PUT_BACK_BY: Final = timedelta(seconds=1)
"""Less is the clock being trimmed, and nothing waits longer for it than that."""
LONGEST_LEASE: Final = timedelta(minutes=10)
"""Far longer than any lease or pause of a lane."""


class ClockSkew:
    """Watches the clock, and sets right what it has spoilt."""

    def __init__(self, core: Core, pace: Schedule) -> None:
        self._core = core
        self._pace = pace
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
        providers, cadence = self._core.providers, self._pace.cadence
        manners = {key: providers.traits_of(key) for key in providers.keys}
        return ClockLimits(
            looks={key: longest_pause(cadence, traits) for key, traits in manners.items()},
            impaired=LONGEST_IMPAIRED,
            disconnected=LONGEST_DISCONNECTED,
            disabled=LONGEST_DISABLED,
            jobs=LONGEST_WAIT,
            snooze=LONGEST_SNOOZE,
            login=max((one.refused_within for one in manners.values()), default=timedelta(hours=1)),
            lease=LONGEST_LEASE,
        )
