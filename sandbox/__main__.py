"""``python -m sandbox``: the demo. Prints one address; everything else happens in the browser."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from bot import telemetry
from sandbox.demo import Place, demo, fresh_database

_FAST = {
    "PROBE_PERSONAL_SECONDS": "4",
    "PROBE_TEAM_SECONDS": "3",
    "WITNESS_SECONDS": "0.5",
}
"""The demo looks every few seconds, so that a broken inbox is noticed while one watches."""


def main() -> None:
    arguments = _arguments()
    telemetry.configure("console", level=logging.WARNING)
    try:
        asyncio.run(_run(arguments.port, arguments.transport))
    except OSError as error:
        sys.exit(f"Port {arguments.port} cannot be used ({error.strerror}). Next: make demo PORT=3001")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Try Inboxkeeper locally.")
    parser.add_argument("--port", type=int, default=3000, help="the local Slack's port")
    parser.add_argument("--transport", choices=("socket", "http"), default="socket")
    return parser.parse_args()


async def _run(port: int, transport: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    place = Place(
        port=port,
        transport=transport,
        database_url=fresh_database(Path("data")),
        settings=_FAST,
    )
    async with demo(place) as (built, _):
        sys.stdout.write(f"\n  Inboxkeeper's demo is ready: {built.url}\n  Stop it with Ctrl+C.\n\n")
        sys.stdout.flush()
        await stopping.wait()


if __name__ == "__main__":
    main()
