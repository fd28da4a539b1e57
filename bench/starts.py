"""How long from the command to a bot that is ready."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Final

from bench.children import announced, free_port, the_bot
from bench.databases import KINDS, Databases
from bench.figures import Row, judged
from bench.options import Options
from bench.setting import environment

_MOST_SECONDS: Final = 3.0
_MOST_RUNS: Final = 3
"""Starting takes long and varies little."""


async def measure(options: Options, databases: Databases) -> list[Row]:
    taken: dict[str, list[float]] = defaultdict(list)
    async with announced("bench.outside") as outside:
        for _ in range(min(options.runs, _MOST_RUNS)):
            for kind in KINDS:
                url = databases.fresh(kind)
                for what in (f"first start to ready, new {kind} database", f"restart to ready, {kind}"):
                    port = free_port()
                    async with the_bot(environment(url, outside=outside, port=port), port) as started:
                        taken[what].append(started.after)
    return [_row(what, median(seconds)) for what, seconds in taken.items()]


def _row(what: str, seconds: float) -> Row:
    return Row(what, f"{seconds:.2f} s", f"≤ {_MOST_SECONDS:.0f} s", judged(seconds <= _MOST_SECONDS))
