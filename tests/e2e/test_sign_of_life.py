"""The sign of life of a whole bot: it comes each minute, and stops when people would not be told any more."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.stage import a_stage

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


async def test_it_stops_while_slack_is_away(database_url: str) -> None:
    """Nobody could be told of anything: silence, and a ping again once that is over."""
    heard = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal heard
        heard += 1
        return web.Response()

    app = web.Application()
    app.router.add_get("/ping", answer)
    async with (
        TestServer(app) as server,
        a_stage(database_url, HEARTBEAT_URL=str(server.make_url("/ping"))) as stage,
    ):

        async def heard_after(**span: float) -> int:
            before = heard
            await stage.passes(**span)
            return heard - before

        assert await heard_after(minutes=3) >= 1
        await stage.driver.break_("error", method="auth.test", error="internal_error")
        assert await heard_after(minutes=3) == 0
        await stage.driver.mend()
        assert await heard_after(minutes=2) >= 1
