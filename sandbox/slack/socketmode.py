"""Bringing payloads to the bot over Socket Mode.

Rule: an envelope goes to one connection; if that closes before its ack, the next connection gets it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.core import Core
from sandbox.slack.delivery import FAILED, TIMED_OUT, Kind, Outcome, Retry, elapsed_ms
from sandbox.slack.faults import SOCKET
from sandbox.slack.state import APP_ID, Json

MOST_CONNECTIONS = 10


@dataclass
class Connection:
    socket: web.WebSocketResponse
    leaving: bool = False
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)


class _Dropped(Exception):
    """The connection closed while an envelope was under way."""


class SocketDelivery:
    def __init__(self, core: Core, *, ack_within: float) -> None:
        self._core = core
        self._ack_within = ack_within
        self._connections: list[Connection] = []
        self._turn = 0
        self._arrived = asyncio.Event()

    # --- towards the bot ---

    async def send(self, kind: Kind, payload: Json, *, retry: Retry | None = None) -> Outcome:
        started = time.perf_counter()
        envelope: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope.update(
                retry_attempt=retry.number if retry else 0, retry_reason=retry.reason if retry else ""
            )
        connected = False
        try:
            async with asyncio.timeout(self._ack_within):
                while True:
                    connection = await self._next_connection()
                    connected = True
                    try:
                        body = await self._exchange(connection, envelope)
                    except _Dropped:
                        continue
                    return Outcome(ms=elapsed_ms(started), body=body or None, status=200)
        except TimeoutError:
            return Outcome(ms=elapsed_ms(started), failure=TIMED_OUT if connected else FAILED)

    async def _next_connection(self) -> Connection:
        while not (open_ones := [c for c in self._connections if not c.leaving]):
            self._arrived.clear()
            await self._arrived.wait()
        self._turn += 1
        return open_ones[self._turn % len(open_ones)]

    async def _exchange(self, connection: Connection, envelope: Json) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = answer
        try:
            await connection.socket.send_json(envelope)
            return await answer
        except ConnectionError:
            self._forget(connection)
            raise _Dropped from None
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)

    # --- from the bot ---

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/socket/{ticket}", self._connect)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        if ticket not in self._core.socket_tickets:
            return web.Response(status=404)
        self._core.socket_tickets.remove(ticket)
        if len(self._connections) >= MOST_CONNECTIONS:
            return web.Response(status=429, text="too_many_websockets")
        is_frozen = self._core.faults.strike("socket_frozen", SOCKET) is not None
        socket = web.WebSocketResponse(autoping=not is_frozen)
        await socket.prepare(request)
        connection = Connection(socket)
        if self._core.faults.strike("socket_mute", SOCKET):
            connection.leaving = True
        else:
            await socket.send_json(self._hello(len(self._connections) + 1))
        if dismissal := self._core.faults.strike("socket_dismissed", SOCKET):
            connection.leaving = True
            await socket.send_json(_disconnect(dismissal.error))
        self._connections.append(connection)
        self._arrived.set()
        try:
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    def _hello(self, connections: int) -> Json:
        return {
            "type": "hello",
            "num_connections": connections,
            "debug_info": {"host": "applink-local", "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP_ID},
        }

    async def _listen(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                said = json.loads(frame.data)
            except ValueError:
                continue
            answer = connection.waiting.get(said.get("envelope_id", "")) if isinstance(said, dict) else None
            if answer is not None and not answer.done():
                answer.set_result(said.get("payload"))

    def _forget(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
        for answer in connection.waiting.values():
            if not answer.done():
                answer.set_exception(_Dropped())

    # --- on demand ---

    @property
    def connected(self) -> int:
        return len([c for c in self._connections if not c.leaving])

    async def until_connected(self) -> None:
        while not self.connected:
            self._arrived.clear()
            await self._arrived.wait()

    async def ask_to_leave(self, reason: str) -> None:
        """Slack's `disconnect`: the client opens a new connection and closes this one."""
        for connection in self._connections:
            connection.leaving = True
            await connection.socket.send_json(_disconnect(reason))

    async def say(self, frame: str | bytes) -> None:
        """Send what is no envelope of Slack's."""
        for connection in self._connections:
            if isinstance(frame, bytes):
                await connection.socket.send_bytes(frame)
            else:
                await connection.socket.send_str(frame)

    async def drop(self) -> None:
        """The connections break without a word."""
        for connection in list(self._connections):
            await connection.socket.close()

    async def close(self) -> None:
        await self.drop()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
