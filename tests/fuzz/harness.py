"""Runs inputs against the product, and watches what must not happen while it takes one.

The product lives on an event loop that runs only while an input is taken, so that Hypothesis, which is not
asynchronous, can draw the next one in between. What is watched: bugs and errors in the log, turns of the
loop that keep everybody else waiting (by the CPU time of their thread, so that a busy machine changes
nothing), and memory.

``make fuzz SECONDS=…`` lets all targets together run so long, ``SEED=…`` begins at one seed and thereby
replays a find; without them a short run is the same every time.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, TextIO, TypeVar, cast

import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from bot import log_setup

T = TypeVar("T")
Take = Callable[[Any], Awaitable[None]]

SECONDS: Final = float(os.environ.get("FUZZ_SECONDS", "0"))
SEED: Final = os.environ.get("FUZZ_SEED", "")
LONGEST_TURN: Final = 0.1
MOST_GROWTH: Final = 64 * 1024 * 1024
_ANSWERS_WITHIN: Final = 20.0
_IN_A_ROUND: Final = 100
_BAD: Final = re.compile(r'"level": "(?:error|critical)"|Traceback|could not be written')
_STATM: Final = Path("/proc/self/statm")


@dataclass
class Watch:
    """What was seen since it was last wiped."""

    secrets: list[str] = field(default_factory=list)
    """What must not stand in the log."""
    expected: list[str] = field(default_factory=list)
    """Errors that are the right word for an input."""
    errors: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    _collecting: float = 0.0

    def wipe(self) -> None:
        self.errors.clear()
        self.slow.clear()

    def write(self, line: str) -> int:
        """The bot's log writes here."""
        is_bad = _BAD.search(line) and not any(words in line for words in self.expected)
        if is_bad or any(secret in line for secret in self.secrets):
            self.errors.append(line[-4000:].replace("\\n", "\n"))
        return len(line)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False

    def on_loop_trouble(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def on_collection(self, phase: str, _: dict[str, int]) -> None:
        """The interpreter's own housekeeping over all of a test run is no turn of the product's."""
        now = time.thread_time()
        self._collecting += -now if phase == "start" else now

    def turned(self, run: Callable[[asyncio.Handle], None], handle: asyncio.Handle) -> None:
        began, collected = time.thread_time(), self._collecting
        run(handle)
        spent = time.thread_time() - began - (self._collecting - collected)
        if spent > LONGEST_TURN:
            self.slow.append(f"{spent:.3f} s of CPU in one turn: {handle!r}"[:600])


@contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    """The log as the product sets it up, and each turn of the loop."""
    run = asyncio.Handle._run
    gc.callbacks.append(watch.on_collection)
    setattr(asyncio.Handle, "_run", lambda handle: watch.turned(run, handle))  # noqa: B010
    try:
        with _logging(watch):
            yield
    finally:
        setattr(asyncio.Handle, "_run", run)  # noqa: B010
        gc.callbacks.remove(watch.on_collection)


@contextmanager
def _logging(watch: Watch) -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in log_setup.LEAST_LEVELS}
    log_setup.configure("json", stream=cast(TextIO, watch))
    try:
        yield
    finally:
        structlog.configure(**before)
        root.handlers, root.level = handlers, level
        for name, former in levels.items():
            logging.getLogger(name).setLevel(former)


class Lab:
    """An event loop, what lives on it, and the watch over it."""

    def __init__(self, runner: asyncio.Runner, watch: Watch) -> None:
        self._runner = runner
        self.watch = watch

    def run(self, work: Awaitable[T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                return await work

        return self._runner.run(bounded())

    def takes(self, take: Take, example: Any) -> None:
        """One input: nothing may break; what is slow must be slow three times."""
        self.watch.wipe()
        self.run(take(example))
        self.run(_settled())
        for _ in range(2):
            if not self.watch.slow:
                break
            self.watch.slow.clear()
            self.run(take(example))
        assert not self.watch.errors, self.watch.errors[0]
        assert not self.watch.slow, self.watch.slow[0]


async def _settled() -> None:
    """What the input has set going gets its turns."""
    for _ in range(5):
        await asyncio.sleep(0)


@contextmanager
def a_lab(made: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[tuple[Lab, T]]:
    """What ``made`` makes, alive on a loop of its own until the block ends."""
    watch = Watch()
    with _watched(watch), asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(watch.on_loop_trouble)
        stack = AsyncExitStack()
        lab = Lab(runner, watch)
        inside = runner.run(_entered(stack, made))
        gc.collect()
        gc.freeze()
        try:
            yield lab, inside
        finally:
            gc.unfreeze()
            runner.run(stack.aclose())


async def _entered(stack: AsyncExitStack, made: Callable[[], AbstractAsyncContextManager[T]]) -> T:
    return await stack.enter_async_context(made())


@dataclass(frozen=True)
class Budget:
    """How much of it: a few fixed inputs, or as many as fit into some time."""

    name: str
    """The test's own, by which it is chosen again."""
    examples: int
    seconds: float = 0.0

    def rounds(self) -> Iterator[tuple[int, int]]:
        """The seed and the number of inputs of each."""
        first = int(SEED) if SEED else (SystemRandom().randrange(2**32) if self.seconds else 0)
        if not self.seconds:
            yield first, self.examples
            return
        ends, number = time.monotonic() + self.seconds, first
        while True:
            yield number, _IN_A_ROUND
            number += 1
            if time.monotonic() >= ends:
                return


def fuzz(lab: Lab, inputs: SearchStrategy[Any], take: Take, budget: Budget) -> None:
    """Take inputs until the budget is spent; the first that breaks something is made small and shown."""
    ends = time.monotonic() + budget.seconds if budget.seconds else float("inf")
    taken, before = 0, 0
    for number, examples in budget.rounds():
        found = False

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(inputs)
        def round_(example: Any) -> None:
            nonlocal taken, found
            if time.monotonic() >= ends and not found:
                return
            taken += 1
            try:
                lab.takes(take, example)
            except BaseException:
                found = True
                raise

        try:
            round_()
        except BaseException as error:
            if budget.seconds:
                error.add_note(f'Replay: make fuzz SEED={number} ARGS="-k {budget.name}"')
            raise
        if not before:
            before = resident()  # whatever is loaded or cached once is there by now
    sys.stdout.write(f"{budget.name}: {taken} inputs, seeds up to {number}\n")
    growth = resident() - before
    assert growth < MOST_GROWTH, f"{growth // 1024} KiB more after {taken} inputs"


def resident() -> int:
    """Bytes of this process that are in memory; 0 where nobody tells."""
    gc.collect()
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """For inputs that need nobody else."""
    yield
