"""How often mailboxes are looked at: as the operator set it, and less often where they are very many.

Each process counts for itself; all of them reach the same figure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final

import structlog

from bot.domain.channel import Kind
from bot.domain.probe_policy import LONGEST_SHARE, PERSONAL_APART, Cadence
from bot.services.core.ports import Core

_log = structlog.get_logger(__name__)

COUNTS_EVERY: Final = timedelta(minutes=5)
_MOST_PERSONAL: Final = ceil(LONGEST_SHARE / PERSONAL_APART)
"""More make no difference, and are not counted."""


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
            team = await uow.channels.count_in_use(Kind.TEAM)
            personal = await uow.channels.count_in_use(Kind.PERSONAL, most=_MOST_PERSONAL)
        self._counted_at = now
        self._keep(self._core.policy.cadence.shared_by(team=team, personal=personal))
        return 0

    def _keep(self, cadence: Cadence) -> None:
        if cadence != self._cadence:
            team, personal = cadence.team.total_seconds(), cadence.personal.total_seconds()
            _log.info("mailboxes are looked at", team_every_seconds=team, personal_every_seconds=personal)
        self._cadence = cadence
