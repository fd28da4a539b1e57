"""Keeps doing what is due: probes, jobs, chores and the watch over probes, each in a loop of its own.

A loop that meets an error waits and goes on. The loops wait for a wake-up or a short while, whichever
comes first; *due* is judged by the injected clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from itertools import cycle
from types import MappingProxyType
from typing import Final

from bot.services.core.jobs import attempted
from bot.services.core.ports import Clock

IDLE_SECONDS: Final = 1.0
_STALLED_AFTER: Final = timedelta(minutes=3)
"""Longer than the turn of any loop for which nothing else is said."""
_FAILS_FOR: Final = timedelta(seconds=15)
"""A loop whose turns do nothing but fail is no use sooner than one that takes its time."""
Turn = Callable[[], Awaitable[int]]
"""Does one batch of what is due and says how much that was."""


class Wake:
    """Tells every loop that something became due."""

    def __init__(self) -> None:
        self._events: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        event = asyncio.Event()
        self._events.append(event)
        return event

    def after(self, span: timedelta) -> None:
        """Tell them after ``span``."""
        asyncio.get_running_loop().call_later(max(span.total_seconds(), 0), self)

    def __call__(self) -> None:
        for event in self._events:
            event.set()


class Worker:
    """The loops."""

    def __init__(
        self,
        turns: Mapping[str, Turn],
        *,
        clock: Clock,
        wake: Wake,
        idle_seconds: float = IDLE_SECONDS,
        patience: Mapping[str, timedelta] = MappingProxyType({}),
        count: Callable[[str, str], None] = lambda loop, outcome: None,
    ) -> None:
        """``patience`` is for loops, by name, whose turn may take longer than three minutes; ``count`` is
        told of every turn, and whether it was ``done``, ``idle`` or ``failed``."""
        self._count = count
        self._turns = turns
        self._patience = patience
        self._clock = clock
        self._wake = wake
        self._idle = idle_seconds
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._last_turn: dict[str, datetime] = {}
        self._failing_since: dict[str, datetime] = {}
        self._began = clock()

    def start(self) -> None:
        """Begin the loops."""
        self._began = self._clock()
        for name, turn in self._turns.items():
            self._tasks.append(asyncio.create_task(self._loop(name, turn), name=f"engine:{name}"))

    async def stop(self) -> None:
        """End the loops after their present turn; what they leave undone is in the database."""
        self._stopping.set()
        self._wake()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=10)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settle(self) -> int:
        """Do everything that is due at this instant. Returns how many things that were."""
        total = idle = 0
        for turn in cycle(self._turns.values()):
            done = await turn()
            total += done
            idle = 0 if done else idle + 1
            if idle >= len(self._turns):  # each has found nothing since the last one that did
                break
        return total

    @property
    def is_turning(self) -> bool:
        """Whether every loop has finished a turn lately, or may still be at one."""
        if not self._tasks:
            return True
        now = self._clock()
        # Counted anew from a clock that was put back.
        self._began = min(self._began, now)
        self._last_turn = {name: min(at, now) for name, at in self._last_turn.items()}
        if any(now - since >= _FAILS_FOR for since in self._failing_since.values()):
            return False
        if any(self._is_stalled(name, now) for name in self._turns):
            return False
        return not any(task.done() for task in self._tasks)

    def _is_stalled(self, name: str, now: datetime) -> bool:
        last = self._last_turn.get(name, self._began)
        return now - last >= self._patience.get(name, _STALLED_AFTER)

    async def _loop(self, name: str, turn: Turn) -> None:
        woken = self._wake.listen()
        while not self._stopping.is_set():
            woken.clear()
            done, failure = await attempted(turn(), what=name)
            self._count(name, "failed" if failure is not None else "done" if done else "idle")
            if failure is None:
                self._last_turn[name] = self._clock()
                self._failing_since.pop(name, None)
            else:
                self._failing_since.setdefault(name, self._clock())
            if failure is not None or not done:
                await self._rest(woken, ignore_wakes=failure is not None)

    async def _rest(self, woken: asyncio.Event, *, ignore_wakes: bool) -> None:
        signal = self._stopping if ignore_wakes else woken
        try:
            async with asyncio.timeout(self._idle):
                await signal.wait()
        except TimeoutError:
            return
