"""Locks across processes: leased lane rows, for the few things that must not overlap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from bot.services.core import Core

_TRIES: Final = 120
_PAUSE: Final = 0.25
"""Seconds between tries: with 120 of them a holder has 30 s, longer than the
slowest revocation, to finish."""


class Locks:
    """Waits for a lane and holds it."""

    def __init__(self, core: Core, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._core = core
        self._pause = pause

    @asynccontextmanager
    async def held(self, key: str, *, for_: timedelta) -> AsyncIterator[bool]:
        """Hold ``key`` for at most ``for_``. Yields whether it was got within 30 s of waiting."""
        token = await self._acquire(key, for_)
        try:
            yield token is not None
        finally:
            if token is not None:
                await self._release(key, token)

    async def _acquire(self, key: str, for_: timedelta) -> str | None:
        for attempt in range(_TRIES):
            async with self._core.storage.writing() as uow:
                token = await uow.locks.acquire(key, for_)
                await uow.commit()
            if token is not None:
                return token
            if attempt < _TRIES - 1:
                await self._pause(_PAUSE)
        return None

    async def _release(self, key: str, token: str) -> None:
        async with self._core.storage.writing() as uow:
            await uow.locks.release(key, token)
            await uow.commit()
        self._core.wake()
