"""Slack over Socket Mode: the same answers, a connection that comes back, and a clean end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from handlers.socket import Socket, build_socket
from tests.handlers.conftest import Bench, texts
from tests.handlers.payloads import a_command, an_event


@dataclass
class SocketServer:
    """Slack's end of the socket."""

    opened: int = 0
    refuses: bool = False
    connected: asyncio.Queue[web.WebSocketResponse] = field(default_factory=asyncio.Queue)
    acks: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    server: TestServer | None = None

    async def open(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer xapp-test"
        self.opened += 1
        assert self.server is not None
        url = self.server.make_url("/nowhere" if self.refuses else "/socket").with_scheme("ws")
        return web.json_response({"ok": True, "url": str(url)})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self.connected.put(socket)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self.acks.put(json.loads(frame.data))
        return socket

    async def send(self, socket: web.WebSocketResponse, payload: Any, kind: str = "slash_commands") -> Any:
        await socket.send_json({"envelope_id": "E1", "type": kind, "payload": payload})
        async with asyncio.timeout(5):
            return await self.acks.get()


@pytest.fixture
async def server() -> AsyncIterator[SocketServer]:
    slack = SocketServer()
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", slack.open)
    app.router.add_get("/socket", slack.socket)
    slack.server = TestServer(app)
    await slack.server.start_server()
    yield slack
    await slack.server.close()


@pytest.fixture
async def link(bench: Bench, server: SocketServer) -> AsyncIterator[Socket]:
    made = a_socket(bench, server, rebuild_after=60)
    yield made
    await made.close()


@pytest.fixture
async def hasty(bench: Bench, server: SocketServer) -> AsyncIterator[Socket]:
    """Gives a connection up almost at once."""
    made = a_socket(bench, server, rebuild_after=0.05)
    yield made
    await made.close()


def a_socket(bench: Bench, server: SocketServer, *, rebuild_after: float) -> Socket:
    assert server.server is not None
    client = AsyncWebClient(base_url=str(server.server.make_url("/api/")), session=bench.session)
    return build_socket(
        bench.side, app_token="xapp-test", client=client, look_every=0.01, rebuild_after=rebuild_after
    )


async def connected(server: SocketServer) -> web.WebSocketResponse:
    async with asyncio.timeout(5):
        return await server.connected.get()


async def until(link: Socket, *, up: bool) -> None:
    async with asyncio.timeout(5):
        while link.is_connected is not up:
            await asyncio.sleep(0.005)


async def test_a_command_is_answered_in_its_envelope(link: Socket, server: SocketServer) -> None:
    """The ack carries what HTTP would have answered."""
    await link.start()
    socket = await connected(server)
    ack = await server.send(socket, a_command("help"))
    assert ack["envelope_id"] == "E1"
    assert "connect" in texts(ack["payload"])


async def test_an_empty_answer_is_an_empty_ack(link: Socket, server: SocketServer) -> None:
    """Events, and even a payload of the wrong shape, are acknowledged: Slack would send them for ever."""
    await link.start()
    socket = await connected(server)
    for payload in (an_event({"type": "app_uninstalled"}), {"command": 5}):
        assert not (await server.send(socket, payload, "events_api")).get("payload")


async def test_being_connected_can_be_asked(link: Socket, server: SocketServer) -> None:
    """Readiness follows the connection."""
    assert not link.is_connected
    await link.start()
    await connected(server)
    await until(link, up=True)
    await link.close()
    assert not link.is_connected


async def test_slack_moving_house_is_followed(link: Socket, server: SocketServer) -> None:
    """Slack refreshes its connections every few hours; the new one answers as the old one did."""
    await link.start()
    first = await connected(server)
    await first.send_json({"type": "disconnect", "reason": "refresh_requested"})
    second = await connected(server)
    ack = await server.send(second, a_command("help"))
    assert ack["envelope_id"] == "E1"


async def test_a_connection_that_never_comes_back_is_made_anew(hasty: Socket, server: SocketServer) -> None:
    """When the SDK is stuck on an address that is gone, a new client asks for a new one."""
    server.refuses = True
    await hasty.start()
    async with asyncio.timeout(5):
        while server.opened < 2:
            await asyncio.sleep(0.005)
    server.refuses = False
    await until(hasty, up=True)


async def test_closing_while_connecting_ends_cleanly(link: Socket, server: SocketServer) -> None:
    """A bot that is stopped before Slack answers stops."""
    await link.start()
    await link.close()
