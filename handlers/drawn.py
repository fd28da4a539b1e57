"""What was drawn for people, kept for as long as drawing it anew would bring the same (decision 0069).

The one rule: the mark is asked for before anything is read, so that what is committed meanwhile costs a
second drawing and never shows an old row.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
Key = tuple[Hashable, ...]
"""What is drawn, for whom and in which language: whatever tells two drawings of one moment apart."""

KEPT_FOR: Final = timedelta(seconds=5)
"""How long what was shown stands although nothing was committed: some of it also changes by the clock."""
MOST_KEPT: Final = 200


class Drawn(Generic[T]):
    """Drawings of one kind, each shown again until somebody commits something.

    ``mark``: see ``Storage.mark``.
    """

    def __init__(self, clock: Callable[[], datetime], mark: Callable[[], Awaitable[str | None]]) -> None:
        self._clock = clock
        self._mark = mark
        self._kept: OrderedDict[Key, tuple[str, datetime, T]] = OrderedDict()
        self._drawing: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    async def of(self, key: Key, draw: Callable[[], Awaitable[T]]) -> T:
        """As ``draw`` draws it, or as that drew it before. Asked for again while it is drawn, it is drawn
        once. What ``draw`` raises is not kept."""
        now, mark = self._clock(), await self._mark()
        if mark is None:
            return await draw()
        async with self._drawing.setdefault(key, asyncio.Lock()):
            kept = self._found(key, mark, now)
            if kept is not None:
                return kept
            drawn = await draw()
            self._kept[key] = mark, now, drawn
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return drawn

    def kept(self, key: Key, mark: str | None) -> T | None:
        """As it was drawn, if that is still so by this ``mark``, which was asked for just now."""
        return self._found(key, mark, self._clock())

    def _found(self, key: Key, mark: str | None, now: datetime) -> T | None:
        kept = self._kept.get(key)
        if kept is None or kept[0] != mark or not timedelta() <= now - kept[1] < KEPT_FOR:
            return None
        return kept[2]
