"""People before looks. One rule: nobody starves: a look waits for a person, and not for long.

A click takes a dozen turns of the event loop, and at full rate each of them would wait for all looks that are
ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

T = TypeVar("T")

AT_MOST: Final = 0.3
"""Seconds that each part of a batch of looks gives way (claiming, leasing, looking, freeing, writing): with
somebody there all the time, eighty a second go on."""


_PIECE: Final = 16


async def unhurried(some: Iterable[T]) -> AsyncIterator[T]:
    """One after the other, and between pieces of them whatever else is ready: opening a batch's secrets takes
    ten milliseconds."""
    for number, one in enumerate(some, 1):
        yield one
        if number % _PIECE == 0:
            await asyncio.sleep(0)


class Courtesy:
    """Who is being served in this process."""

    def __init__(self, *, at_most: float = AT_MOST) -> None:
        self._at_most = at_most
        self._served = 0
        self._nobody = asyncio.Event()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Somebody waits for an answer for as long as the block lasts."""
        self._served += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._served -= 1
            if not self._served:
                self._nobody.set()

    def until(self) -> float:
        """How long whatever begins now gives way, by the event loop's clock. Those that then wait for each
        other have given way meanwhile."""
        return asyncio.get_running_loop().time() + self._at_most

    async def gives_way(self, until: float | None = None) -> None:
        """Until nobody is being served, or it has been long enough."""
        if self._served:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self.until() if until is None else until):
                    await self._nobody.wait()
