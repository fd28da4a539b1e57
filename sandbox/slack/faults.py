"""What can be broken about the local Slack, and for how many calls.

Rule: a fault answers from a table of kinds; nothing else in the sandbox asks what is broken.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

KINDS = (
    "away",
    "slow",
    "ratelimited",
    "tiers",
    "dm_closed",
    "error",
    "lost_answer",
    "socket_mute",
    "socket_dismissed",
    "socket_frozen",
)
"""The last three are about Socket Mode: no hello; a `disconnect` after it, whose reason is `error`; a line
on which pings get no answer any more."""
SOCKET = "socket"
"""Stands where others name a method."""


@dataclass
class Fault:
    """`method` None means every method; `times` None means until mended."""

    what: str
    method: str | None = None
    times: int | None = None
    seconds: float = 5.0
    retry_after: int = 3
    error: str = "internal_error"
    person: str | None = None

    def strikes(self, what: str, method: str) -> bool:
        return self.what == what and self.method in (None, method) and self.times != 0

    def spend(self) -> None:
        if self.times is not None:
            self.times -= 1


class Faults:
    def __init__(self) -> None:
        self._standing: list[Fault] = []
        self._mended = asyncio.Event()

    def add(self, fault: Fault) -> None:
        if fault.what not in KINDS:
            raise ValueError(f"nothing to break called {fault.what!r}; there is: {', '.join(KINDS)}")
        self._standing.append(fault)

    def mend(self) -> None:
        self._standing.clear()
        self._mended.set()
        self._mended = asyncio.Event()

    def standing(self) -> list[dict[str, Any]]:
        return [vars(fault) for fault in self._standing if fault.times != 0]

    def strike(self, what: str, method: str) -> Fault | None:
        """The standing fault of this kind for this method, one use of it spent."""
        for fault in self._standing:
            if fault.strikes(what, method):
                fault.spend()
                return fault
        return None

    def closed_dm(self, user: str) -> Fault | None:
        for fault in self._standing:
            if fault.what == "dm_closed" and fault.person in (None, user) and fault.times != 0:
                fault.spend()
                return fault
        return None

    async def delay(self, method: str) -> None:
        """Real seconds, cut short by `mend`."""
        fault = self.strike("slow", method)
        if fault is None:
            return
        try:
            async with asyncio.timeout(fault.seconds):
                await self._mended.wait()
        except TimeoutError:
            return
