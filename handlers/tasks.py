"""Work that outlives the request which began it.

The one rule: every task is held here, counted and waited for at shutdown; the event loop alone would
forget it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")

MOST_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)


class Tasks:
    """The tasks under way."""

    def __init__(self, *, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def is_full(self) -> bool:
        return len(self._under_way) >= self._most

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin ``work``, which must not raise."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A task failed", exc_info=error)

    async def drain(self, within: float) -> None:
        """Wait for what is under way, then stop the rest."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(set(self._under_way), timeout=within)
        for task in late:
            task.cancel()
        if late:
            _log.warning("Stopped before the work was done", tasks=len(late))
            await asyncio.wait(late, timeout=1)


async def finished(task: asyncio.Task[Any], *, within: float) -> bool:
    """Whether ``task`` ends in time. It goes on either way."""
    done, _ = await asyncio.wait({task}, timeout=within)
    return bool(done)
