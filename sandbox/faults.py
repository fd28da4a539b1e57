"""What is broken on purpose, at any provider.

Rule: a fault stands until it is mended or used up, for one target or for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.answers import Answer


@dataclass(eq=False)
class Fault:
    """One thing that is broken now."""

    what: str
    target: str | None
    """Whom it hits, by the id that the provider goes by; ``None`` for everybody."""
    place: str
    answer: Callable[[], Answer] | None = None
    """What a request gets in place of the endpoint's own answer; ``None`` when it only changes decisions."""
    remaining: int | None = None
    seconds: float | None = None
    lifted: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, whom: tuple[str | None, ...]) -> bool:
        return self.target is None or self.target in whom


class Faults:
    """Everything that is broken now, oldest first. ``whom``: every id under which somebody may be hit."""

    def __init__(self) -> None:
        self._standing: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._standing.append(fault)

    def mend(self, target: str | None) -> None:
        """Mend what is broken for one target, or, given None, everything."""
        for fault in [fault for fault in self._standing if target is None or fault.target == target]:
            self._standing.remove(fault)
            fault.lifted.set()

    def stands(self, what: str, *whom: str | None) -> bool:
        """Whether a fault holds for somebody; asking does not use it up."""
        return any(fault.what == what and fault.concerns(whom) for fault in self._standing)

    def allowance(self, what: str, *whom: str | None) -> int:
        """How many times a counted condition lets something pass."""
        counted = (f.remaining or 0 for f in self._standing if f.what == what and f.concerns(whom))
        return max(counted, default=0)

    def named(self, *whom: str | None) -> list[str]:
        """What is broken for somebody, or, given None, for everybody."""
        return [fault.what for fault in self._standing if fault.concerns(whom)]

    async def delay(self, place: str, *whom: str | None) -> None:
        """Wait as long as a *slow* fault wants: its seconds, or until it is mended."""
        for fault in [
            f for f in self._standing if f.what == "slow" and f.place == place and f.concerns(whom)
        ]:
            self._use(fault)
            try:
                async with asyncio.timeout(fault.seconds):
                    await fault.lifted.wait()
            except TimeoutError:
                continue

    def answer_for(self, place: str, *whom: str | None) -> Answer | None:
        """The canned answer the next request at a place must get."""
        for fault in self._standing:
            if fault.place == place and fault.answer is not None and fault.concerns(whom):
                self._use(fault)
                return fault.answer()
        return None

    def _use(self, fault: Fault) -> None:
        if fault.remaining is None:
            return
        fault.remaining -= 1
        if fault.remaining <= 0:
            self._standing.remove(fault)
