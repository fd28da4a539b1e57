"""A sign of life for a service that raises the alarm when it stops coming (a dead man's switch).

The one rule: silence is the alarm. Whenever something is wrong, nothing is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import structlog

from bot.domain.grant import Secret
from bot.services.core.ports import Clock

PINGS_EVERY: Final = timedelta(minutes=1)
_WITHIN: Final = 10.0
"""Seconds: no longer than the loop that calls this may take."""
_log = structlog.get_logger(__name__)


class SignOfLife:
    """Asks for a URL each minute while all is well."""

    def __init__(
        self,
        url: Secret,
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        is_well: Callable[[], Awaitable[bool]],
        count: Callable[[str], None],
    ) -> None:
        """``count`` is told of each ping: ``sent``, ``withheld`` since something is wrong, or ``failed``."""
        self._url = url
        self._session = session
        self._clock = clock
        self._is_well = is_well
        self._count = count
        self._last: datetime | None = None
        self._outcome = "sent"

    async def run_due(self) -> int:
        """Ping, if it is time to. Never counts as work: nothing follows from it."""
        now = self._clock()
        if self._last is not None and timedelta() <= now - self._last < PINGS_EVERY:
            return 0
        self._last = now
        outcome = await self._sent() if await self._is_well() else "withheld"
        if outcome != self._outcome:
            _log.log(*_SAID[outcome])
        self._outcome = outcome
        self._count(outcome)
        return 0

    async def _sent(self) -> str:
        try:
            async with (
                asyncio.timeout(_WITHIN),
                self._session.get(self._url.reveal(), allow_redirects=False) as answer,
            ):
                return "sent" if answer.status < 400 else "failed"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return "failed"  # without its words: they quote the URL


_SAID: Final = {
    "sent": (logging.INFO, "The heartbeat URL is pinged again"),
    "withheld": (logging.WARNING, "The heartbeat URL is not pinged while something is wrong: see /readyz"),
    "failed": (logging.WARNING, "The heartbeat URL cannot be reached"),
}
"""Said once, when it changes: at which level, and what."""
