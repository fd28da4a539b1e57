"""Runs the demo until somebody stops it. Rule: what it prints is one address."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from bot import log_setup
from sandbox.demo import Place, demo

_FAST = {
    "PROBE_PERSONAL_SECONDS": "4",
    "PROBE_TEAM_SECONDS": "3",
    "WITNESS_SECONDS": "2",
    "IMAP_PROBE_SECONDS": "4",
    "MAIL_WATCH_SECONDS": "5",
    "HUBSPOT_SECONDS": "3",
}
"""The demo looks every few seconds, so that a broken inbox is noticed while one watches. Much else waits in
proportion to a witness: a refusal of everybody is waited out for a whole minute before anybody should act."""


def run(port: int, transport: str) -> None:
    """Returns once stopped by Ctrl+C or a request to end. Raises ``OSError`` if it cannot begin."""
    log_setup.configure("console", level=logging.ERROR)
    asyncio.run(_run(Place(port=port, transport=transport, settings=_FAST, hubspot=True)))


async def _run(place: Place) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with demo(place) as (built, _):
        sys.stdout.write(f"\n  Inboxkeeper's demo is ready: {built.url}\n  Stop it with Ctrl+C.\n\n")
        sys.stdout.flush()
        await stopping.wait()
