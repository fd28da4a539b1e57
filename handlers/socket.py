"""Slack over Socket Mode: the same entry as HTTP, reached through a connection that we open.

The one rule: a connection that has not been there for a minute is thrown away and made anew; the SDK's
own reconnecting has been seen to wedge.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import aiohttp
import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack import SlackSide

_log = structlog.get_logger(__name__)
_PING_EVERY: Final = 5.0


class Socket:
    """One Socket Mode connection, kept alive."""

    def __init__(
        self,
        side: SlackSide,
        *,
        make: Callable[[], SocketModeClient],
        look_every: float,
        rebuild_after: float,
    ) -> None:
        self._side = side
        self._make = make
        self._look_every = look_every
        self._rebuild_after = rebuild_after
        self._client: SocketModeClient | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._is_up = False

    @property
    def is_connected(self) -> bool:
        """As of the last look, at most a few seconds ago."""
        return self._is_up

    async def start(self) -> None:
        """Begin to connect; does not wait until it has."""
        self._begin()
        self._watch = asyncio.create_task(self._watched())

    async def close(self) -> None:
        """Stop taking envelopes."""
        self._is_up = False
        if self._watch is not None:
            await _ended(self._watch)
        await self._drop()

    def _begin(self) -> None:
        client = self._make()
        client.socket_mode_request_listeners.append(self._receive)
        self._client = client
        self._connecting = asyncio.create_task(_connected(client))

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if self._connecting is not None:
            await _ended(self._connecting)
        if client is not None:
            # ``close`` cancels the client's own tasks; a broken connection must not keep us from that.
            with suppress(aiohttp.ClientError, ConnectionError):
                await client.close()  # type: ignore[no-untyped-call]
            await _all_ended(client)

    async def _watched(self) -> None:
        loop = asyncio.get_running_loop()
        last_up = loop.time()
        while True:
            self._is_up = self._client is not None and await self._client.is_connected()
            if self._is_up:
                last_up = loop.time()
            elif loop.time() - last_up >= self._rebuild_after:
                _log.warning("Slack's socket has been away too long: a new one is made")
                await self._drop()
                self._begin()
                last_up = loop.time()
            await asyncio.sleep(self._look_every)

    async def _receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Answer one envelope with what HTTP would have answered. Not acked, Slack sends it again."""
        answer = await self._side.dispatch(request.payload)
        if answer.status >= 500:
            return
        body = answer.body if answer.status == 200 else None
        try:
            await client.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload=body)
            )
        except (aiohttp.ClientError, ConnectionError) as error:
            _log.warning("An ack could not be sent", error=type(error).__name__)


def build_socket(
    side: SlackSide,
    *,
    app_token: str,
    client: AsyncWebClient,
    look_every: float = 2.0,
    rebuild_after: float = 60.0,
) -> Socket:
    """``client`` tells where Slack is; the app-level token opens connections and nothing else."""

    def make() -> SocketModeClient:
        return SocketModeClient(
            app_token=app_token,
            web_client=AsyncWebClient(base_url=client.base_url, session=client.session),
            logger=logging.getLogger("slack_sdk.socket_mode"),
            ping_interval=_PING_EVERY,
        )

    return Socket(side, make=make, look_every=look_every, rebuild_after=rebuild_after)


async def _connected(client: SocketModeClient) -> None:
    await client.connect()  # type: ignore[no-untyped-call]


async def _all_ended(client: SocketModeClient) -> None:
    own = (client.message_processor, client.current_session_monitor, client.message_receiver)
    for task in own:
        if task is not None:
            await _ended(task)


async def _ended(task: asyncio.Future[None]) -> None:
    """Cancel and wait. A connection attempt that failed has been logged by the client."""
    task.cancel()
    await asyncio.wait({task})
