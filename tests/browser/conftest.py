"""A real Chromium, and the demo for it: local Slack on ``localhost``, the bot on ``127.0.0.1``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from sandbox.demo import Place, Town, demo
from tests.browser.desk import Desk

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_FAST = {"PROBE_PERSONAL_SECONDS": "1", "PROBE_TEAM_SECONDS": "1", "WITNESS_SECONDS": "0.1"}
_WAITS_MS = 15_000

Seat = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's own, or the one that ``CHROMIUM`` names."""
    program = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def town(database_url: str) -> AsyncIterator[Town]:
    """The demo, looking often."""
    async with demo(Place(database_url=database_url, settings=_FAST)) as (built, _):
        yield built


@pytest_asyncio.fixture(loop_scope="session")
async def seat(chromium: Browser, town: Town) -> AsyncIterator[Seat]:
    """Seats people at browsers of their own; afterwards no browser may have complained."""
    async with AsyncExitStack() as stack:
        desks: list[Desk] = []

        async def seated(user: str, locale: str = "en-US") -> Desk:
            context = await chromium.new_context(locale=locale)
            stack.push_async_callback(context.close)
            context.set_default_timeout(_WAITS_MS)
            desks.append(await Desk.of(context, town.url, user))
            return desks[-1]

        yield seated
        assert [fault for desk in desks for fault in desk.faults] == []
