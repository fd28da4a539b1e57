"""The door of the web application: who is let in, how long they may keep it waiting, and what is said of it.

The one rule: a stranger costs one connection for a bounded time, is never in the way of the next one, and
nothing of what they sent is logged: what does not follow HTTP is counted, by kind.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

Count = Callable[[str], None]
"""Counts a connection that went wrong, by kind."""

_MOST_CONNECTIONS: Final = 2_000
_LONGEST_HEADER: Final = 16 * 1024
"""Bytes. Companies' cookies, of which a browser sends all that the whole domain has set, pass 8 KiB."""
_log = structlog.get_logger(__name__)


def most_connections() -> int:
    """Half of the descriptors that this process may open: the other half is for what the bot itself opens."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, max(soft // 2, 16))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, in seconds, and how many there may be."""

    headers_within: float = 10.0
    """From the connection, or a later request's first byte, to the end of the headers."""
    body_within: float = 12.0
    """From there to the end of the body. Whoever reads a form gives up a little earlier, in words."""
    answer_within: float = 30.0
    """How long an answer may lie there unread."""
    idle_for: float = 75.0
    """Between two requests. Longer than proxies keep theirs, which would else use one that is closing."""
    lingers_for: float = 2.0
    """How long a body is waited for that nobody wants."""
    connections: int = field(default_factory=most_connections)


@asynccontextmanager
async def listening(
    app: web.Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    listener: socket.socket | None = None,
    count: Count,
    limits: Limits | None = None,
) -> AsyncIterator[asyncio.Server]:
    """Serve ``app`` on ``listener``, or on ``host`` and ``port``, until the block ends."""
    limits = limits or Limits()
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=5,
        logger=_counting(count),
        keepalive_timeout=limits.idle_for,
        lingering_time=limits.lingers_for,
        max_field_size=_LONGEST_HEADER,
        auto_decompress=False,  # nobody compresses what they send us but to see it grow
    )
    await runner.setup()
    try:
        door = _Door(cast(Callable[[], asyncio.Protocol], runner.server), limits, count)
        where = {"sock": listener} if listener is not None else {"host": host, "port": port}
        server = await asyncio.get_running_loop().create_server(door.opened, **where)
        try:
            yield server
        finally:
            server.close()
    finally:
        await runner.cleanup()


def request_begins(request: web.BaseRequest) -> None:
    """The headers of a request are here: from now on the body is waited for, and then nobody."""
    if guest := _guest_of(request):
        guest.begins(request.content)


def request_ends(request: web.BaseRequest) -> None:
    """It is answered: the next request may come, or not."""
    if guest := _guest_of(request):
        guest.ends()


class _Door:
    """Every connection, and which of them wait for their client rather than for us."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], limits: Limits, count: Count) -> None:
        self._inner = inner
        self.limits = limits
        self.count = count
        self._guests: set[_Guest] = set()
        self.waiting: dict[_Guest, None] = {}
        """Those that may be sent away, the oldest first."""

    def opened(self) -> _Guest:
        return _Guest(self, self._inner())

    def admits(self, guest: _Guest) -> bool:
        """Where all places are taken, whoever has kept us waiting longest leaves."""
        if len(self._guests) >= self.limits.connections:
            longest = next((one for one in self.waiting if one.keeps_waiting), None)
            self.count("crowded")
            if longest is None:
                return False
            longest.leaves()
        self._guests.add(guest)
        return True

    def closed(self, guest: _Guest) -> None:
        self._guests.discard(guest)
        self.waiting.pop(guest, None)


class _Guest(asyncio.Protocol):
    """One connection: aiohttp's own protocol, with a timer for whatever its client owes."""

    def __init__(self, door: _Door, inner: asyncio.Protocol) -> None:
        self._door = door
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body: StreamReader | None = None
        self._is_idle = False

    @property
    def keeps_waiting(self) -> bool:
        """Whether it is the client's turn."""
        if self._body is not None and self._body.is_eof():
            self._is_ours()
        return self in self._door.waiting

    def leaves(self, kind: str = "") -> None:
        """Close it without another word."""
        if kind:
            self._door.count(kind)
        self._door.closed(self)
        if self._transport is not None:
            self._transport.abort()

    def begins(self, body: StreamReader) -> None:
        self._is_idle = False
        if body.is_eof():  # it came with the headers, as most do
            self._is_ours()
            return
        self._body = body
        self._owes("body", self._door.limits.body_within)

    def ends(self) -> None:
        self._is_ours()
        self._is_idle = True
        self._door.waiting[self] = None

    def _is_ours(self) -> None:
        self._body = None
        self._door.waiting.pop(self, None)
        self._disarm()

    def _owes(self, what: str, within: float) -> None:
        self._door.waiting[self] = None
        self._arm(f"slow_{what}", within)

    def _arm(self, kind: str, within: float) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(within, self._late, kind)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, kind: str) -> None:
        if kind != "slow_body" or self.keeps_waiting:
            self.leaves(kind)

    # --- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._door.admits(self):
            self._transport.abort()
            self._transport = None
            return
        self._owes("headers", self._door.limits.headers_within)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self._is_idle:
            self._is_idle = False
            self._owes("headers", self._door.limits.headers_within)
        try:
            self._inner.data_received(data)
        except Exception as error:  # noqa: BLE001 - asyncio would log it with what was sent
            self.leaves(type(error).__name__)
            return
        _ = self.keeps_waiting

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._arm("slow_reader", self._door.limits.answer_within)
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._disarm()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._door.closed(self)
        if self._transport is not None:
            self._transport = None
            self._inner.connection_lost(exc)


def _guest_of(request: web.BaseRequest) -> _Guest | None:
    protocol = request.transport.get_protocol() if request.transport is not None else None
    return protocol if isinstance(protocol, _Guest) else None


class _Counting(logging.Handler):
    """Where aiohttp's own remarks end: they quote what was sent, with cookies and paths."""

    def __init__(self, count: Count) -> None:
        super().__init__()
        self._count = count

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._count(type(error).__name__)
        elif record.levelno >= logging.ERROR:
            # Ours, not theirs: what and where, but not its text.
            self._count("fault")
            _log.error("A connection failed", error=type(error).__name__, at=_place(error))


def _place(error: BaseException | None) -> str:
    """Where it was raised."""
    last = error.__traceback__ if error is not None else None
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last is not None else ""


def _counting(count: Count) -> logging.Logger:
    """A logger that nobody else can reach, so that no setting of theirs makes it speak."""
    logger = logging.Logger("bot.http_server.aiohttp", logging.DEBUG)
    logger.addHandler(_Counting(count))
    return logger
