"""Works off the jobs of every lane, survives what goes wrong in one, and lets nothing of a lane overlap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from bot.domain.errors import InboxkeeperError, SlackAway
from bot.domain.job import GIVES_UP_AFTER, LEAST_ATTEMPTS, Job, JobKind
from bot.services.core.ports import Core
from storage import StorageAway, UnitOfWork

T = TypeVar("T")
_log = structlog.get_logger(__name__)


_waiting: Final[set[str]] = set()
"""What waits for the database since its last failure: said once, not every second."""


async def attempted(work: Awaitable[T], *, what: str) -> tuple[T | None, Exception | None]:
    """The result of ``work``, or the error it ended with. Bugs are logged with their traceback."""
    try:
        result = await work
    except StorageAway as error:
        if what not in _waiting:
            _waiting.add(what)
            _log.warning(
                "background work waits for the database", what=what, trouble=error.trouble, said=error.said
            )
        return None, error
    except InboxkeeperError as error:
        _log.warning("background work must wait", what=what, error=type(error).__name__)
        return None, error
    except Exception as error:  # noqa: BLE001  a loop that dies silently is worse than any bug
        _log.exception("background work failed", what=what)
        return None, error
    _waiting.discard(what)
    return result, None


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


@dataclass(frozen=True, slots=True)
class NotYet:
    """A job could not even begin: it is tried again then, and this was no attempt."""

    due_at: datetime
    to_the_moment: bool = False
    """The engine is woken then: it would else find it when it next looks, up to a second later."""


Run = Callable[[Job], Awaitable[datetime | NotYet | None]]
"""Does a job. Returns when it must go on, ``None`` when it is done."""

BATCH: Final = 32
LEASE: Final = timedelta(seconds=150)
"""Longer than the slowest job: opening a conversation, five pages of its history and a post, 10 s each."""
APART_AT_ONCE: Final = 16
"""Kinds of jobs that may hang: how many are under way at a time."""
_SOON: Final = 0.5
"""Seconds that a turn waits for those that it has begun."""
_PAUSES: Final = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900, 3600))
_PAUSES_WITHOUT_SLACK: Final = (*_PAUSES[:3], *[timedelta(minutes=1)] * 60, timedelta(minutes=5))
"""Slack is seldom away for long: whoever waits for an alarm waits for a minute more when it is back, and for
five after a long absence."""


class Jobs:
    """Claims jobs and runs them."""

    def __init__(self, core: Core, runs: Mapping[JobKind, Run]) -> None:
        self._core = core
        self._runs = dict(runs)
        self._left_behind: set[str] = set()
        """Leases of ours that nobody works on any more."""
        self._apart: set[asyncio.Task[None]] = set()

    def does(self, kind: JobKind, run: Run) -> None:
        """``bot.app`` says how one more kind is done (Slack's side needs the services, and these need it)."""
        self._runs[kind] = run

    async def run_due(self, *, limit: int = BATCH) -> int:
        """Claim and run what is due. Returns how many jobs were claimed."""
        return await self._run(limit=limit)

    async def run_apart(self) -> int:
        """Claim and begin what is due of the kinds that may hang. What ends soon has ended when this returns;
        the rest goes on, and holds up nothing but its own lane. Returns how many were claimed."""
        room = APART_AT_ONCE - len(self._apart)
        if room <= 0:
            return 0
        async with self._core.storage.writing() as uow:
            claimed = await uow.jobs.claim(now=self._core.clock(), limit=room, lease_for=LEASE, apart=True)
            await uow.commit()
        begun = {asyncio.create_task(self._attempt_apart(job)) for job in claimed}
        self._apart |= begun
        for task in begun:
            task.add_done_callback(self._apart.discard)
        if begun:
            await asyncio.wait(begun, timeout=_SOON)
        return len(claimed)

    async def _attempt_apart(self, job: Job) -> None:
        _, failure = await attempted(self._attempt(job), what=job.kind.value)
        if isinstance(failure, StorageAway) and job.lease_token:
            self._left_behind.add(job.lease_token)

    async def drain(self) -> None:
        """Let go of what hangs: its lease runs out, and it is tried again."""
        for task in self._apart:
            task.cancel()
        await asyncio.gather(*self._apart, return_exceptions=True)

    async def run_lane(self, lane: str) -> None:
        """Run what is due in one lane at once, unless somebody else is at it."""
        while await self._run(limit=1, only=lane):
            pass

    async def _run(self, *, limit: int, only: str | None = None) -> int:
        left = frozenset(self._left_behind)
        async with self._core.storage.writing() as uow:
            if left:
                await uow.locks.release_held(left)
            claimed = await uow.jobs.claim(now=self._core.clock(), limit=limit, lease_for=LEASE, only=only)
            await uow.commit()
        self._left_behind -= left
        # To the end of all of them: what is freed for another turn must not be under way any more.
        ends = await asyncio.gather(*(self._attempt(job) for job in claimed), return_exceptions=True)
        failures = [end for end in ends if isinstance(end, BaseException)]
        if failures:
            if isinstance(failures[0], StorageAway):
                self._left_behind.update(job.lease_token for job in claimed if job.lease_token)
            raise failures[0]
        return len(claimed)

    async def _attempt(self, job: Job) -> None:
        result, failure = await attempted(self._runs[job.kind](job), what=job.kind.value)
        self._core.telemetry.job(job.kind.value, type(failure).__name__ if failure else "done")
        async with self._core.storage.writing() as uow:
            if failure is not None:
                await self._fail(uow, job, failure)
            elif result is None:
                await uow.jobs.done(job, self._core.clock())
            elif isinstance(result, NotYet):
                await uow.jobs.put_off(job, due_at=result.due_at)
            else:
                await uow.jobs.again(job, due_at=result, failure="")
            await uow.commit()
        if isinstance(result, NotYet) and result.to_the_moment:
            self._core.wake_in(result.due_at - self._core.clock())

    async def _fail(self, uow: UnitOfWork, job: Job, failure: Exception) -> None:
        now, name = self._core.clock(), type(failure).__name__
        # Both: a job that waits for days by nature is not given up at its first stumble.
        if now - job.created_at >= GIVES_UP_AFTER and job.attempts >= LEAST_ATTEMPTS:
            self._core.telemetry.dead_job(job.kind.value)
            _log.error("job given up", kind=job.kind.value, job=job.id, failure=name)
            await uow.jobs.dead(job, now, name)
            return
        await uow.jobs.again(job, due_at=now + _pause_after(failure, job.attempts), failure=name)


def _pause_after(failure: Exception, attempts: int) -> timedelta:
    if isinstance(failure, SlackAway):
        return failure.retry_after or _nth(_PAUSES_WITHOUT_SLACK, attempts)
    return _nth(_PAUSES, attempts)


def _nth(pauses: Sequence[timedelta], attempts: int) -> timedelta:
    return pauses[min(attempts, len(pauses) - 1)]
