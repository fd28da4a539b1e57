"""The sign of life of a whole bot: it comes each minute, and stops when people would not be told any more."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.providers.microsoft_stage import closed_port
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


async def test_monitoring_has_a_port_of_its_own(database_url: str) -> None:
    """There the whole bot tells how it is; at the pages' port nobody learns it."""
    port = closed_port()
    async with a_stage(database_url, WATCH_PORT=str(port), WATCH_PUBLIC="false") as stage:
        told = {}
        for base in (f"http://127.0.0.1:{port}", stage.town.settings.base_url):
            for path in ("/healthz", "/readyz", "/metrics"):
                async with stage.session.get(f"{base}{path}") as answer:
                    told[base, path] = answer.status, await answer.text()
        statuses = [status for status, _ in told.values()]
        assert statuses == [200, 200, 200, 200, 404, 404]
        assert "inboxkeeper_build_info" in told[f"http://127.0.0.1:{port}", "/metrics"][1]
