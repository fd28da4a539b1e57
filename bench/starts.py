"""How long from the command to a bot that is ready, and how large that one is."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Final

from bench.children import Started, announced, environment, free_port, the_bot
from bench.databases import KINDS, Databases
from bench.figures import Options, Row, judged

_MOST_SECONDS: Final = 0.9
_MOST_MEMORY: Final = 105.0
"""MiB."""
_MOST_RUNS: Final = 3
"""Starting takes long and varies little."""


async def measure(options: Options, databases: Databases) -> list[Row]:
    taken: dict[str, list[Started]] = defaultdict(list)
    async with announced("bench.outside") as outside:
        for _ in range(min(options.runs, _MOST_RUNS)):
            for kind in KINDS:
                url = databases.fresh(kind)
                for what in (f"first start to ready, new {kind} database", f"restart to ready, {kind}"):
                    port = free_port()
                    async with the_bot(environment(url, outside=outside, port=port), port) as started:
                        taken[what].append(started)
    return [_row(what, starts) for what, starts in taken.items()]


def _row(what: str, starts: list[Started]) -> Row:
    seconds, cpu = median(one.after for one in starts), median(one.cpu for one in starts)
    memory = median(one.memory for one in starts)
    return Row(
        what,
        f"{seconds:.2f} s, {cpu:.2f} s of CPU, {memory:.0f} MiB",
        f"≤ {_MOST_SECONDS:.1f} s, ≤ {_MOST_MEMORY:.0f} MiB",
        judged(seconds <= _MOST_SECONDS and memory <= _MOST_MEMORY),
    )
