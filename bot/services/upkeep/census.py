"""The figures that are read from the database: counted when somebody asks for them, and not all the time.

With several processes each shows the same counts: alerts take the highest, not the sum.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.services.core.ports import Core
from storage import StorageAway

COUNTED_EVERY: Final = timedelta(seconds=30)
"""More often than anybody scrapes is a walk over all channels for nothing."""


class CensusFigures:
    """Brings the figures up to date."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._counted_at: datetime | None = None

    async def refresh(self) -> None:
        """Count, unless that was done just now. While the database is away the last figures stay."""
        now = self._core.clock()
        if self._counted_at is not None and timedelta() <= now - self._counted_at < COUNTED_EVERY:
            return
        self._counted_at = now
        try:
            async with self._core.storage.reading() as uow:
                census = await uow.census.take(now=now)
        except StorageAway:
            self._counted_at = None
            return
        self._core.telemetry.census(
            channels=census.channels,
            incidents=census.incidents,
            outages=census.outages,
            jobs=census.jobs,
            webhooks=census.webhooks,
            oldest_job=(now - census.oldest_job).total_seconds() if census.oldest_job else 0.0,
        )
