"""Whether Microsoft knows a domain: asked at the local Microsoft, and at one that does what it should not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from providers.microsoft.oauth import WAITS, MicrosoftTenants
from sandbox.clock import SandboxClock
from sandbox.microsoft import LocalMicrosoft
from tests.storage.builders import NOW

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def served(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    return runner, f"http://localhost:{runner.addresses[0][1]}"


@pytest.mark.parametrize(
    ("domain", "known"), [("acme.example", True), ("globex.example", True), ("nobody.example", False)]
)
async def test_a_verified_domain_is_known(session: aiohttp.ClientSession, domain: str, known: bool) -> None:
    """Any organisation's, and nobody else's."""
    microsoft = LocalMicrosoft(clock=SandboxClock.frozen(NOW), client_id="id", client_secret="secret")
    app = web.Application()
    microsoft.add_routes(app)
    runner, url = await served(app)
    assert await MicrosoftTenants(session, f"{url}/microsoft").knows(domain) is known
    await runner.cleanup()


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def sends_elsewhere(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/known")


async def is_well(_: web.Request) -> web.StreamResponse:
    return web.Response()


async def fails(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


@pytest.mark.parametrize("answers", [hangs, sends_elsewhere, fails])
async def test_what_cannot_be_had_is_no(session: aiohttp.ClientSession, answers: Answers) -> None:
    """A server that hangs, one that points elsewhere, one that is ill."""
    app = web.Application()
    app.router.add_get("/{domain}/v2.0/.well-known/openid-configuration", answers)
    app.router.add_get("/known", is_well)
    runner, url = await served(app)
    asked = MicrosoftTenants(session, url, waits=WAITS / 20)
    assert not await asked.knows("acme.example")
    await runner.cleanup()
    assert not await asked.knows("acme.example")  # nobody listens there any more


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "acme",
        "acme.example/../common",
        "acme.example?x",
        "..",
        "common",
        "ａｃｍｅ.example",
        "a" * 300 + ".example",
    ],
)
async def test_only_a_domain_is_ever_asked_about(session: aiohttp.ClientSession, domain: str) -> None:
    """What somebody typed never becomes another path."""
    asked: list[str] = []

    async def notes(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{tail:.*}", notes)
    runner, url = await served(app)
    assert not await MicrosoftTenants(session, url).knows(domain)
    assert not asked
    await runner.cleanup()
