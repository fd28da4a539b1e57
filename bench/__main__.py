"""``python -m bench``: measures everything, or what ``--only`` names, and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from bench import (
    answers,
    claims,
    hubspot,
    imap,
    load,
    load_database,
    probing,
    processes,
    simulated,
    starts,
    tokens,
    writes,
)
from bench.databases import Databases, databases
from bench.figures import Options, Row, table
from bot import log_setup

Part = Callable[[Options, Databases], Awaitable[list[Row]]]
PARTS: Final[Mapping[str, Part]] = {
    "answers": answers.measure,
    "tokens": tokens.measure,
    "writes": writes.measure,
    "probing": probing.measure,
    "claims": claims.measure,
    "simulated": simulated.measure,
    "hubspot": hubspot.measure,
    "imap": imap.measure,
    "starts": starts.measure,
    "load": load.measure,
    "load-database": load_database.measure,
    "processes": processes.measure,
    "steady": processes.steady,
}


async def run(only: list[str], options: Options) -> list[Row]:
    rows: list[Row] = []
    with databases() as fresh:
        for name, part in PARTS.items():
            if only and name not in only:
                continue
            began = perf_counter()
            rows += await part(options, fresh)
            sys.stderr.write(f"{name}: {perf_counter() - began:.0f} s\n")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Inboxkeeper.")
    default = Options()
    parser.add_argument("--only", action="append", choices=sorted(PARTS), default=[], help="just this part")
    parser.add_argument("--runs", type=int, default=default.runs, help="interleaved runs; the median counts")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="length of a run under load")
    parser.add_argument("--samples", type=int, default=default.samples, help="outages on the simulated clock")
    parser.add_argument("--million", action="store_true", help="claim from 1,000,000 channels too (minutes)")
    parser.add_argument("--crowd", type=int, default=default.crowd, help="team addresses under load")
    parser.add_argument("--minutes", type=int, default=default.minutes, help="look at 1,000,000 for so long")
    parser.add_argument(
        "--before", default=default.before, help="folder of a build to compare with, under load"
    )
    given = parser.parse_args()
    log_setup.configure(level=50)  # what is measured must not wait for a terminal
    options = Options(**{name: said for name, said in vars(given).items() if name != "only"})
    before, began = os.getloadavg()[0], perf_counter()
    rows = asyncio.run(run(given.only, options))
    after, minutes = os.getloadavg()[0], (perf_counter() - began) / 60
    when, python = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", platform.python_version()
    sys.stdout.write(
        f"{when}, {os.cpu_count()} cores, Python {python}, load {before:.1f} before and {after:.1f} after, "
        f"{minutes:.1f} min, {options}\n\n{table(rows)}\n"
    )


if __name__ == "__main__":
    main()
