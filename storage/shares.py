"""Who may use how many of a database's connections at once: people, looks, jobs and upkeep, each their own.

One rule: whoever waits, waits here, with nothing in hand. There is a connection for every place, so that
nobody who holds one (or SQLite's write turn) waits for another in the pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, Final, TypeVar

from storage.errors import StorageAway

T = TypeVar("T")


class Share(StrEnum):
    """For whom something is read or written."""

    PEOPLE = "people"
    """Commands, clicks and pages: what nobody said otherwise of."""
    PROBES = "probes"
    JOBS = "jobs"
    UPKEEP = "upkeep"
    """Housekeeping, and the watch over the rest."""
    HEARTBEAT = "heartbeat"
    """That this process lives, which nothing may keep it from saying."""
    CHECKS = "checks"
    """Whether the database answers: that it is busy with something else must not look like its absence."""


PEOPLE_WAIT: Final = 2.0
"""Seconds that somebody who waits for an answer stands in line, unless they know that it comes later. What is
done in the background waits for as long as it takes."""
_IMPATIENT: Final = frozenset({Share.PEOPLE, Share.CHECKS})

_share: Final[ContextVar[Share]] = ContextVar("share", default=Share.PEOPLE)
_patience: Final[ContextVar[float]] = ContextVar("patience", default=0.0)


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Whoever waits in here, or in a task that is begun here, waits at least so long for a connection: they
    are told that the answer comes later, and need not be told to ask again."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def working_for(share: Share, work: Callable[[], Awaitable[T]]) -> Callable[[], Coroutine[Any, Any, T]]:
    """The same work, and all the tasks it begins, in that share of the connections."""

    async def run() -> T:
        token = _share.set(share)
        try:
            return await work()
        finally:
            _share.reset(token)

    return run


def present_share() -> Share:
    """In which share whoever asks is working."""
    return _share.get()


class Place:
    """What somebody was given. Leaving twice is no harm."""

    def __init__(self) -> None:
        self._taken: list[asyncio.Semaphore] = []

    async def enter(self, gate: asyncio.Semaphore) -> None:
        await gate.acquire()
        self._taken.append(gate)

    def leave(self) -> None:
        while self._taken:
            self._taken.pop().release()


class Places:
    """The places of one database."""

    def __init__(
        self,
        reading: Mapping[Share, tuple[asyncio.Semaphore, ...]],
        writing: Mapping[Share, tuple[asyncio.Semaphore, ...]],
        patience: float = PEOPLE_WAIT,
    ) -> None:
        """``patience``: seconds that somebody impatient waits."""
        self._reading = reading
        self._writing = writing
        self._patience = patience

    @classmethod
    def together(cls, many: Mapping[Share, int], patience: float = PEOPLE_WAIT) -> Places:
        """Readers and writers side by side (PostgreSQL)."""
        gates = {share: (asyncio.Semaphore(count),) for share, count in many.items()}
        return cls(gates, gates, patience)

    @classmethod
    def one_writer(cls, readers: Mapping[Share, int], patience: float = PEOPLE_WAIT) -> Places:
        """``readers`` beside a single writer (SQLite). Of what is done in the background only one of each
        share stands in line for the turn: however many of them want to write, a person waits for few."""
        turn = asyncio.Semaphore(1)
        reading = {share: (asyncio.Semaphore(count),) for share, count in readers.items()}
        writing = {share: (asyncio.Semaphore(1), turn) for share in readers}
        return cls(reading, writing | {Share.PEOPLE: (turn,)}, patience)

    async def take(self, *, writes: bool) -> Place:
        """Wait for one. Raises ``StorageAway`` when somebody impatient has waited for long enough."""
        share, place = present_share(), Place()
        try:
            patience = max(self._patience, _patience.get())
            async with asyncio.timeout(patience if share in _IMPATIENT else None):
                for gate in (self._writing if writes else self._reading)[share]:
                    await place.enter(gate)
        except TimeoutError:
            place.leave()
            raise StorageAway(said="every connection is in use") from None
        except BaseException:
            place.leave()
            raise
        return place
