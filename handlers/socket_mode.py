"""Slack over Socket Mode: the same entry as HTTP, reached through a connection that we open.

The one rule: *connected* is what Slack has greeted and still answers pings on, and whatever ends it, the
next one is asked for at a pace that Slack allows. The connection is our own, over aiohttp: the SDK's client
counts any open socket as connected and opens the next one at once, whatever Slack said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeGuard

import aiohttp
import structlog

from bot.domain.errors import SlackAway, SlackRefused
from bot.services.core.jobs import attempted
from bot.slack.client import SlackClient, text_at
from handlers.slack_http import MOST_BYTES
from handlers.slack_request import Dispatcher
from handlers.tasks import Tasks

_log = structlog.get_logger(__name__)

_ASKS_FOR: Final = 10.0
_ACKS_FOR: Final = 3.0
"""Slack waits no longer for an ack."""
_MOST_FRAME: Final = 4 * 1024 * 1024
"""A frame beyond it ends the connection; one beyond ``MOST_BYTES`` is only left unread."""
_LONGEST_ID: Final = 255
_REASON: Final = re.compile(r"[a-z0-9_.:/-]{1,64}")

_MOVES: Final = frozenset({"refresh_requested", "warning"})
"""Slack's sockets last a few hours; it says so some ten seconds ahead. Nothing is wrong."""
LINK_DISABLED: Final = "link_disabled"
FOR_THE_OPERATOR: Final = frozenset(
    {
        LINK_DISABLED,
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "missing_scope",
        "no_permission",
        "access_denied",
    }
)
"""What lasts until somebody changes the app or the settings."""


class News(Protocol):
    """Who wants to know how the connection fares."""

    async def socket_refused(self, code: str) -> None:
        """Slack gives us no connection for a reason that only the operator can remove."""

    async def socket_works(self) -> None:
        """There is one, and it lasts."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Real seconds."""

    hello: float = 10.0
    """Slack greets at once."""
    ping: float = 10.0
    """A ping so often; half of that without an answer, and the connection is dead."""
    lingers: float = 20.0
    """How long an old connection is still read after Slack asked us to move."""
    steady: float = 30.0
    """A connection that has lasted so long works."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why there is no connection any more, or will soon be none."""

    why: str
    is_move: bool = False
    is_refusal: bool = False
    """Slack itself said so: it is in no hurry to see us again."""
    lasted: float = 0.0
    """For how long after Slack's greeting."""
    retry_after: float = 0.0


@dataclass(slots=True)
class Pauses:
    """How long to wait before the next connection is asked for, in seconds.

    Slack allows about one ``apps.connections.open`` a minute. Moving as Slack asks is immediate, but only
    once in a row; everything else waits longer each time, until a connection has lasted a minute.
    """

    jitter: Callable[[], float]
    """From -1 to 1."""
    trouble: float = 2.0
    refusal: float = 10.0
    growth: float = 3.0
    most_trouble: float = 60.0
    most_refusal: float = 300.0
    apart: float = 60.0
    _failures: int = 0
    _moves: int = 0

    def after(self, ended: Ended, *, since_opened: float) -> float:
        """``since_opened`` is how long ago the last one was asked for."""
        if ended.lasted >= self.apart:
            self._failures = self._moves = 0
        pause = self._move(since_opened) if ended.is_move else self._failure(ended.is_refusal)
        return max(pause, ended.retry_after)

    def _move(self, since_opened: float) -> float:
        self._moves += 1
        return 0.0 if self._moves == 1 else self._spread(max(self.apart - since_opened, self.trouble))

    def _failure(self, is_refusal: bool) -> float:
        first, most = (self.refusal, self.most_refusal) if is_refusal else (self.trouble, self.most_trouble)
        pause = min(first * self.growth ** min(self._failures, 10), most)
        self._failures += 1
        return self._spread(pause)

    def _spread(self, pause: float) -> float:
        return pause * (1 + 0.2 * self.jitter())


class Socket:
    """Keeps one Socket Mode connection."""

    def __init__(
        self,
        app: Dispatcher,
        *,
        app_token: str,
        client: SlackClient,
        news: News,
        jitter: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        """``client`` tells where Slack is and carries the session; the app-level token opens connections and
        nothing else."""
        self._client = client.without_token()
        self._session = client.session
        self._app_token = app_token
        self._news = news
        self._pauses = Pauses(jitter)
        self._pause = pause
        self._clock = clock
        self._patience = patience or Patience()
        self._context = _Dispatched(app)
        self._lines: set[_SocketConnection] = set()
        self._readers: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether Slack has greeted us on a connection that is alive as far as pings tell."""
        return any(line.is_up for line in self._lines)

    async def start(self) -> None:
        """Begin to connect; does not wait until it has."""
        self._keeper = asyncio.create_task(self._kept())

    async def close(self) -> None:
        """Take no more envelopes, ack those under way, and hang up."""
        for line in self._lines:
            line.is_deaf = True
        if self._keeper is not None:
            await _cancelled(self._keeper)
        await self._context.tasks.drain(_ACKS_FOR)
        for reader in list(self._readers):
            await _cancelled(reader)

    async def _kept(self) -> None:
        while True:
            asked_at = self._clock()
            ended = await self._connection()
            if ended.is_refusal and ended.why in FOR_THE_OPERATOR:
                await attempted(self._news.socket_refused(ended.why), what="socket")
            pause = self._pauses.after(ended, since_opened=self._clock() - asked_at)
            level = logging.INFO if ended.is_move else logging.WARNING
            _log.log(level, "Slack's socket ends: a new one follows", why=ended.why, seconds=round(pause, 1))
            await self._pause(pause)

    async def _connection(self) -> Ended:
        """Connect, and return when another connection is needed."""
        try:
            answer = await self._client.call(
                "apps.connections.open", within=_ASKS_FOR, app_token=self._app_token
            )
            url = text_at(answer, "url")
            wire = await self._dialled(url)
        except SlackRefused as refused:
            return Ended(refused.code, is_refusal=True)
        except SlackAway as away:
            wait = away.retry_after.total_seconds() if away.retry_after else 0.0
            return Ended(away.code, is_refusal=wait > 0, retry_after=wait)
        line = _SocketConnection(wire, self._context, self._patience, self._clock, self._steady)
        reader = asyncio.create_task(line.read())
        self._lines.add(line)
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        reader.add_done_callback(lambda _: self._lines.discard(line))
        return await asyncio.shield(line.ended)

    async def _dialled(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Raises ``SlackAway``. The address is a capability: no error quotes it."""
        if not url.startswith(("wss://", "ws://")):
            raise SlackAway("no_url")
        try:
            async with asyncio.timeout(_ASKS_FOR):
                return await self._session.ws_connect(
                    url,
                    heartbeat=self._patience.ping,
                    max_msg_size=_MOST_FRAME,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                    proxy=self._client.web.proxy,
                    ssl=self._client.web.ssl if self._client.web.ssl is not None else True,
                )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise SlackAway(type(error).__name__) from None

    async def _steady(self) -> None:
        await attempted(self._news.socket_works(), what="socket")


class _Dispatched:
    """Answers envelopes with what HTTP would have answered. Not acked, Slack sends one again."""

    def __init__(self, app: Dispatcher) -> None:
        self._app = app
        self.tasks = Tasks()

    def take(self, line: _SocketConnection, envelope_id: str, message: dict[str, Any]) -> None:
        if not self.tasks.is_full:
            self.tasks.start(self._answered(line, envelope_id, message))

    async def _answered(self, line: _SocketConnection, envelope_id: str, message: dict[str, Any]) -> None:
        payload = message.get("payload")
        ack: dict[str, Any] = {"envelope_id": envelope_id}
        if isinstance(payload, dict):
            answer = await self._app.dispatch(payload)
            if answer.status >= 500:
                return
            if answer.status == 200 and answer.body and message.get("accepts_response_payload") is not False:
                ack["payload"] = answer.body
        await line.say(ack)


@dataclass(eq=False, slots=True)
class _SocketConnection:
    """One connection, read until it ends."""

    wire: aiohttp.ClientWebSocketResponse
    context: _Dispatched
    patience: Patience
    clock: Callable[[], float]
    steady: Callable[[], Awaitable[None]]
    ended: asyncio.Future[Ended] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Done as soon as another connection is needed, which may be before this one is gone."""
    is_deaf: bool = False
    _greeted_at: float | None = None
    _odd: int = 0
    _limit: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))

    @property
    def is_up(self) -> bool:
        return self._greeted_at is not None and not self.wire.closed

    async def read(self) -> None:
        """Take what Slack says; never raises."""
        watch = asyncio.create_task(self._watched())
        try:
            async with self._limit:
                self._give(self.patience.hello)
                async for frame in self.wire:
                    if frame.type is aiohttp.WSMsgType.ERROR:
                        break
                    self._take(frame)
                    await asyncio.sleep(0)  # frames that wait already would keep everybody else waiting
        except TimeoutError:
            self._end("no_hello")
        except (aiohttp.ClientError, OSError) as error:
            self._end(type(error).__name__)
        finally:
            self._end("closed")
            watch.cancel()
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self.wire.close()

    async def say(self, ack: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(_ACKS_FOR):
                await self.wire.send_str(json.dumps(ack))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            _log.warning("An ack could not be sent", error=type(error).__name__)

    def _take(self, frame: aiohttp.WSMessage) -> None:
        message = _read(frame)
        kind = message.get("type") if message is not None else None
        if message is None:
            self._is_odd("no object of a readable size")
        elif kind == "hello":
            self._greeted()
        elif kind == "disconnect":
            self._dismissed(message.get("reason"))
        elif not _is_id(envelope_id := message.get("envelope_id")):
            self._is_odd("no envelope")
        elif not self.is_deaf:
            self.context.take(self, envelope_id, message)

    def _greeted(self) -> None:
        if self._greeted_at is None:
            _log.info("Slack's socket is connected")
            self._greeted_at = self.clock()
            if not self.ended.done():
                self._give(None)

    def _dismissed(self, reason: object) -> None:
        why = reason if isinstance(reason, str) and _REASON.fullmatch(reason) else "disconnect"
        is_move = why in _MOVES and self._greeted_at is not None
        self._end(why, is_move=is_move, is_refusal=not is_move)
        # What is under way here is acked here, and the next connection is up before this one is gone.
        self._give(self.patience.lingers if is_move else 0.0)

    def _end(self, why: str, *, is_move: bool = False, is_refusal: bool = False) -> None:
        if not self.ended.done():
            lasted = 0.0 if self._greeted_at is None else self.clock() - self._greeted_at
            self.ended.set_result(Ended(why, is_move=is_move, is_refusal=is_refusal, lasted=lasted))

    def _give(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._limit.reschedule(None if seconds is None else loop.time() + seconds)

    def _is_odd(self, fault: str) -> None:
        self._odd += 1
        if self._odd == 1:  # once is enough to look for more
            _log.warning("A frame of Slack's socket could not be read", fault=fault)

    async def _watched(self) -> None:
        await asyncio.sleep(self.patience.steady)
        if self.is_up and not self.ended.done():
            await self.steady()


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _read(frame: aiohttp.WSMessage) -> dict[str, Any] | None:
    if frame.type is not aiohttp.WSMsgType.TEXT or len(frame.data) > MOST_BYTES:
        return None
    try:
        message = json.loads(frame.data)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel and wait."""
    task.cancel()
    await asyncio.wait({task})
