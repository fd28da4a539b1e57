"""How often mailboxes are looked at: as the operator set it, and less often where they are very many.

Each process counts for itself; all of them reach the same figure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.probe_policy import Cadence
from bot.services.core.ports import Core

_log = structlog.get_logger(__name__)

COUNTS_EVERY: Final = timedelta(minutes=5)


class Schedule:
    """The cadence that is kept at present."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._cadence = core.policy.cadence
        self._counted_at: datetime | None = None

    @property
    def cadence(self) -> Cadence:
        """As of the last count; before the first one, as the operator set it."""
        return self._cadence

    async def run_due(self) -> int:
        """Count, if it is time to. Returns 0: nothing else becomes due by it."""
        now = self._core.clock()
        if self._counted_at is not None and timedelta() <= now - self._counted_at < COUNTS_EVERY:
            return 0
        async with self._core.storage.reading() as uow:
            many = await uow.channels.count_team_in_use()
        self._counted_at = now
        self._keep(self._core.policy.cadence.shared_by(many), many)
        return 0

    def _keep(self, cadence: Cadence, many: int) -> None:
        if cadence.team != self._cadence.team:
            _log.info("team addresses are looked at", every_seconds=cadence.team.total_seconds(), many=many)
        self._cadence = cadence
