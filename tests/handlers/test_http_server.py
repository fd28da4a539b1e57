"""The door, tried with bare sockets: what does not follow HTTP, comes too slowly, or not at all."""

from __future__ import annotations

import asyncio
import io
import logging
import resource
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.http_server import Limits, listening, most_connections
from bot.metrics import Metrics
from handlers.web import build_watch
from tests.handlers.test_pages import an_app, no_census

PATIENT = Limits(connections=100)
HURRIED = Limits(headers_within=0.05, body_within=0.05, answer_within=0.05, lingers_for=0.05, connections=100)
HUSH = b"hushhushhush"
ENOUGH = 20.0


@dataclass
class Door:
    """A server on loopback, and what it counted."""

    port: int
    counted: Counter[str]
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def calls(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._open.append(writer)
        writer.write(sent)
        return reader, writer

    async def close(self) -> None:
        """The clients' ends."""
        for writer in self._open:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def answers(self, sent: bytes) -> bytes:
        """All that comes back for these bytes, up to the end of the connection."""
        reader, _ = await self.calls(sent)
        return await rest(reader)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What is still to come; nothing, where the connection is cut off."""
    try:
        async with asyncio.timeout(ENOUGH):
            return await reader.read()
    except ConnectionError:
        return b""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENOUGH):
        while not condition():
            await asyncio.sleep(0)


class Doors:
    """Opens servers for a test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def opens(self, app: web.Application, limits: Limits = PATIENT) -> Door:
        counted: Counter[str] = Counter()
        server = await self._stack.enter_async_context(
            listening(app, count=lambda kind: counted.update([kind]), limits=limits)
        )
        door = Door(server.sockets[0].getsockname()[1], counted)
        self._stack.push_async_callback(door.close)
        return door


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with AsyncExitStack() as stack:
        yield Doors(stack)


@dataclass
class Log:
    """Whatever anybody logs, at any level and before it is concealed."""

    theirs: io.StringIO
    ours: list[MutableMapping[str, Any]]

    @property
    def text(self) -> str:
        return f"{self.theirs.getvalue()}{self.ours}"


@pytest.fixture
def log() -> Iterator[Log]:
    """What the whole process says meanwhile."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with capture_logs() as ours:
        yield Log(stream, ours)
    root.removeHandler(handler)
    root.setLevel(level)


def is_quiet(log: Log) -> None:
    """Nothing that a stranger sent, and nothing that asks for an operator."""
    loud = ("hush", "Traceback", "exc_info", "ERROR", "'error'", "CRITICAL")
    assert not [word for word in loud if word in log.text], log.text


def served(metrics: Metrics) -> int:
    """How many requests were answered, as the figures say."""
    lines = metrics.exposition().decode().splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("inboxkeeper_http_requests_total")
    )


# --- what does not follow HTTP

NOT_HTTP = {
    "a bad version": b"GET /go/%b HTTP/9.9\r\n\r\n" % HUSH,
    "a long bad version": b"GET /" + b"a_" * 2_000 + b"hush HTTP/9.9\r\n\r\n",
    "a bad verb": b"\x00%b / HTTP/1.1\r\nHost: x\r\n\r\n" % HUSH,
    "no HTTP": b"\x16\x03\x01\x02\x00%b\r\n\r\n" % HUSH,
    "a long line": b"GET /go/" + HUSH * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long cookie": b"GET / HTTP/1.1\r\nHost: x\r\nCookie: corp=hush; c=" + HUSH * 3_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X-A: hush\r\n" * 200 + b"\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: hush\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nCookie hush\r\n\r\n",
    "a bad header": b"GET / HTTP/1.1\r\nHost: x\r\nCook\x01ie: hush\r\n\r\n",
    "two lengths": b"POST /callback/google HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhush",
    "a bad length": b"POST /callback/google HTTP/1.1\r\nContent-Length: hush\r\n\r\n",
    "a bad target": b"GET http://[hush/ HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("kind", NOT_HTTP)
async def test_what_is_not_http_is_counted_and_not_logged(doors: Doors, log: Log, kind: str) -> None:
    """No path, cookie or header of a stranger's, and no traceback, reaches the log."""
    app, *_ = an_app()
    door = await doors.opens(app)
    answer = await door.answers(NOT_HTTP[kind])
    assert answer == b"" or answer.split(b" ", 2)[1] in {b"400", b"404"}
    assert b"Traceback" not in answer
    is_quiet(log)
    assert sum(door.counted.values()) == 1 or b" 404 " in answer


async def test_a_companys_many_cookies_are_taken(doors: Doors) -> None:
    """A browser sends all that its whole domain has set."""
    app, *_ = an_app()
    door = await doors.opens(app)
    cookies = b"; ".join(b"c%d=%b" % (number, b"x" * 1_000) for number in range(12))
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + cookies
    assert (await door.answers(head + b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
HALF_BODIES = {
    "a form": b"POST /callback/google HTTP/1.1\r\nHost: x\r\n"
    + FORM
    + b"Content-Length: 99\r\n\r\ncode=hush",
    "a chunk": b"POST /callback/google HTTP/1.1\r\nHost: x\r\n"
    + FORM
    + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhush",
    "a landing's": b"POST /go/s1 HTTP/1.1\r\nHost: x\r\n" + FORM + b"Content-Length: 99\r\n\r\nmark=hush",
    "a mailbox's": b"POST /go/hushhush/form HTTP/1.1\r\nHost: x\r\n"
    + FORM
    + b"Content-Length: 99\r\n\r\npassword=hush",
}


@pytest.mark.parametrize("kind", HALF_BODIES)
async def test_who_hangs_up_leaves_no_trace(doors: Doors, log: Log, kind: str) -> None:
    """A connection that ends within a body is nobody's fault."""
    app, services, _, metrics = an_app()
    door = await doors.opens(app)
    _, writer = await door.calls(HALF_BODIES[kind])
    await writer.drain()
    writer.close()
    await until(lambda: served(metrics) == 1)
    assert services.connections.completed == []
    is_quiet(log)


async def test_a_fault_of_ours_is_named_without_its_text(doors: Doors, log: Log) -> None:
    """What breaks while an answer is written says what and where."""

    async def broken(_: web.Request) -> web.Response:
        return web.Response(headers={"X-Bad": "hush\r\nhush"})

    app = web.Application()
    app.router.add_get("/", broken)
    door = await doors.opens(app)
    assert await door.answers(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    assert door.counted == {"fault": 1}
    assert "ValueError" in log.text and "hush" not in log.text


# --- who is slow


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nCookie: hush"]
)
async def test_half_a_header_is_not_waited_for(doors: Doors, log: Log, sent: bytes) -> None:
    """A connection that says nothing, or not all, is cut off."""
    app, *_ = an_app()
    door = await doors.opens(app, HURRIED)
    assert await door.answers(sent) == b""
    assert door.counted == {"slow_headers": 1}
    is_quiet(log)


async def test_half_a_header_after_a_request_is_not_waited_for(doors: Doors) -> None:
    """The second request of a connection is timed like its first."""
    app, *_ = an_app()
    door = await doors.opens(app, HURRIED)
    reader, writer = await door.calls(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"}")
    writer.write(b"GET /hea")
    assert await rest(reader) == b""
    assert door.counted == {"slow_headers": 1}


@pytest.mark.parametrize("kind", HALF_BODIES)
async def test_half_a_body_is_answered_in_words(doors: Doors, log: Log, kind: str) -> None:
    """Whoever is merely slow reads that, in the browser's language."""
    app, *_ = an_app(form_within=0.05)
    door = await doors.opens(app, Limits(lingers_for=0.05, connections=100))
    said = await door.answers(HALF_BODIES[kind].replace(b"\r\n", b"\r\nAccept-Language: ja\r\n", 1))
    assert said.startswith(b"HTTP/1.1 408 ") and b'<html lang="ja"' in said
    is_quiet(log)


async def test_a_body_that_nobody_reads_is_not_waited_for(doors: Doors) -> None:
    """Where the answer needs no body, the connection ends soon after it."""
    app, *_ = an_app()
    door = await doors.opens(app, HURRIED)
    said = await door.answers(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
    assert said.startswith(b"HTTP/1.1 404 ")


async def test_work_of_ours_is_not_timed(doors: Doors) -> None:
    """Only what the client owes is: a login at a slow mail host takes what it takes."""

    async def slow(request: web.Request) -> web.Response:
        ready = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, ready.set)
        await ready.wait()
        return web.Response(text=(await request.read()).decode())

    app, *_ = an_app()
    app.router.add_post("/slow", slow)
    door = await doors.opens(app, HURRIED)
    head = b"POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
    assert (await door.answers(head + b"body")).endswith(b"body")
    assert not door.counted


async def test_an_idle_connection_is_kept_for_a_while(doors: Doors) -> None:
    """A proxy uses it again; in the end it is closed without being counted."""
    app, *_ = an_app()
    limits = Limits(headers_within=0.05, idle_for=0.3, connections=100)
    door = await doors.opens(app, limits)
    reader, _ = await door.calls(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"}")
    assert await rest(reader) == b""
    assert not door.counted


async def test_an_answer_that_is_not_read_is_given_up(doors: Doors) -> None:
    """Nobody keeps an answer in our memory by not reading it."""

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 50_000_000)

    app = web.Application()
    app.router.add_get("/", large)
    door = await doors.opens(app, HURRIED)
    await door.calls(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: door.counted["slow_reader"] == 1)


# --- how many


async def test_slow_ones_are_in_nobodys_way(doors: Doors) -> None:
    """Where all places are taken, whoever has kept us waiting longest leaves, and the next is served."""
    app, *_ = an_app()
    door = await doors.opens(app, Limits(connections=5))
    first, *_ = [await door.calls(b"POST / HTTP/1.1\r\n") for _ in range(5)]
    for _ in range(5):
        await door.calls(HALF_BODIES["a form"])
    assert await rest(first[0]) == b""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(3):
        assert (await door.answers(request)).startswith(b"HTTP/1.1 200 ")
    assert door.counted["crowded"] >= 6


async def test_those_we_work_for_stay(doors: Doors) -> None:
    """Whoever waits for us is never sent away for somebody else."""
    gate, begun = asyncio.Event(), []

    async def held(_: web.Request) -> web.Response:
        begun.append(1)
        await gate.wait()
        return web.Response(text="done")

    app, *_ = an_app()
    app.router.add_get("/held", held)
    door = await doors.opens(app, Limits(connections=2))
    request = b"GET /held HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    both = [asyncio.create_task(door.answers(request)) for _ in range(2)]
    await until(lambda: len(begun) == 2)
    assert await door.answers(request) == b""
    gate.set()
    assert [said.endswith(b"done") for said in await asyncio.gather(*both)] == [True, True]


def test_half_of_the_descriptors_are_the_bots_own() -> None:
    """However many strangers there are, it can still open its database and its own connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert most_connections() <= max(soft // 2, 16) or soft == resource.RLIM_INFINITY


async def test_a_scraper_keeps_its_connection(doors: Doors) -> None:
    """On monitoring's own port: between two questions it is nobody's turn. A client that says nothing is
    cut off meanwhile, although it came later."""

    def broken() -> dict[str, bool]:
        raise RuntimeError("hush")

    for ready, status in ((lambda: {"database": True}, b"200"), (broken, b"503")):
        app = build_watch(ready=ready, metrics=Metrics.build(), census=no_census)
        door = await doors.opens(app, HURRIED)
        reader, writer = await door.calls()
        for silent in (1, 2):
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(ENOUGH):
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readuntil(b"}")
            assert status in head.partition(b"\r\n")[0] and b"hush" not in body
            assert await door.answers(b"") == b""
            assert door.counted == {"slow_headers": silent}
