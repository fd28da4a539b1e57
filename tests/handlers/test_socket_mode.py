"""Slack over Socket Mode: the same answers, a connection that comes back in Slack's time, and a clean end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.slack.client import SlackClient
from handlers.socket_mode import Ended, Patience, Pauses, Socket
from storage import StorageAway
from tests.handlers.conftest import Bench, texts
from tests.handlers.payloads import a_command, an_event

HELLO = {"type": "hello", "num_connections": 1}
HASTY = Patience(hello=0.1, ping=0.4, lingers=0.2, steady=0.05)
PATIENT = Patience(hello=5, ping=5, lingers=5, steady=0.01)
Json = dict[str, Any]


@dataclass
class SocketServer:
    """Slack's end of the socket: says ``first`` on each connection."""

    opened: int = 0
    answer: web.Response | None = None
    """Instead of an address."""
    first: list[Json] = field(default_factory=lambda: [HELLO])
    autoping: bool = True
    connected: asyncio.Queue[web.WebSocketResponse] = field(default_factory=asyncio.Queue)
    acks: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    server: TestServer | None = None

    async def open(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer xapp-test"
        self.opened += 1
        assert self.server is not None
        if self.answer is not None:
            answer, self.answer = self.answer, None
            return answer
        url = self.server.make_url("/socket").with_scheme("ws")
        return web.json_response({"ok": True, "url": str(url)})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.autoping)
        await socket.prepare(request)
        for message in self.first:
            await socket.send_json(message)
        await self.connected.put(socket)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self.acks.put(json.loads(frame.data))
        return socket

    async def send(self, socket: web.WebSocketResponse, payload: Any, kind: str = "slash_commands") -> Any:
        await socket.send_json({"envelope_id": "E1", "type": kind, "payload": payload})
        return await self.acked()

    async def acked(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.acks.get()


@dataclass
class Operator:
    """Who is told."""

    told: list[str] = field(default_factory=list)
    is_away: bool = False

    async def socket_refused(self, code: str) -> None:
        if self.is_away:
            raise StorageAway
        self.told.append(code)

    async def socket_works(self) -> None:
        self.told.append("works")


@dataclass
class Hours:
    """Time that passes only in pauses. ``most`` of them pass by themselves, the next one never ends."""

    most: int = 0
    passed: list[float] = field(default_factory=list)
    now: float = 1000.0

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.passed.append(seconds)
        self.now += seconds
        if len(self.passed) > self.most:
            await asyncio.Event().wait()


@dataclass
class Link:
    """A socket, and what it meets."""

    socket: Socket
    server: SocketServer
    operator: Operator
    hours: Hours

    async def start(self) -> web.WebSocketResponse:
        await self.socket.start()
        return await self.connected()

    async def connected(self) -> web.WebSocketResponse:
        async with asyncio.timeout(5):
            return await self.server.connected.get()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_up(self, up: bool) -> None:
        await self.until(lambda: self.socket.is_connected is up)

    async def after_pauses(self, most: int) -> list[float]:
        """Let so many pass, and see them."""
        self.hours.most = most - 1
        await self.socket.start()
        await self.until(lambda: len(self.hours.passed) == most)
        return self.hours.passed


@pytest.fixture
def patience() -> Patience:
    return PATIENT


hasty = pytest.mark.parametrize("patience", [HASTY], ids=["hasty"])


@pytest.fixture
async def link(bench: Bench, patience: Patience) -> AsyncIterator[Link]:
    slack = SocketServer()
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", slack.open)
    app.router.add_get("/socket", slack.socket)
    slack.server = TestServer(app)
    await slack.server.start_server()
    operator, hours = Operator(), Hours()
    socket = Socket(
        bench.side,
        app_token="xapp-test",
        client=SlackClient(
            AsyncWebClient(
                base_url=str(slack.server.make_url("/api/")), session=bench.session, retry_handlers=[]
            ),
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            metrics=bench.metrics,
        ),
        news=operator,
        jitter=lambda: 0.0,
        pause=hours.pause,
        clock=hours.clock,
        patience=patience,
    )
    yield Link(socket, slack, operator, hours)
    await socket.close()
    await slack.server.close()


# --- envelopes


async def test_a_command_is_answered_in_its_envelope(link: Link) -> None:
    """The ack carries what HTTP would have answered."""
    ack = await link.server.send(await link.start(), a_command("help"))
    assert ack["envelope_id"] == "E1"
    assert "connect" in texts(ack["payload"])


@pytest.mark.parametrize("kind", ["events_api", "interactive", "something_new"])
async def test_an_empty_answer_is_an_empty_ack(link: Link, kind: str) -> None:
    """Events, payloads of the wrong shape and kinds that Slack may invent are acknowledged: it would send
    them for ever."""
    socket = await link.start()
    payloads: list[Any] = [an_event({"type": "app_uninstalled"}), {"command": 5}, [], "x", None]
    for payload in payloads:
        assert (await link.server.send(socket, payload, kind)) == {"envelope_id": "E1"}


async def test_an_envelope_that_takes_no_payload_gets_none(link: Link) -> None:
    """Slack says so in the envelope."""
    envelope = {"envelope_id": "E2", "type": "slash_commands", "accepts_response_payload": False}
    await (await link.start()).send_json({**envelope, "payload": a_command("help")})
    assert await link.server.acked() == {"envelope_id": "E2"}


DEEP = "[" * 20_000
ODD: list[str | bytes] = [
    "",
    "x",
    "5",
    "null",
    "[]",
    "{}",
    '"hello"',
    DEEP,
    f'{{"type": "events_api", "envelope_id": "E9", "payload": {DEEP}',
    '{"type": {}, "payload": {}}',
    '{"type": "events_api", "envelope_id": 5, "payload": {}}',
    '{"type": "events_api", "envelope_id": "", "payload": {}}',
    '{"type": "events_api", "envelope_id": "%s", "payload": {}}' % ("E" * 300),
    '{"type": "hello", "num_connections": "many"}',
    '{"type": "events_api", "payload": {"secret": "hidden"}}',
    "9" * 10_000,
    "x" * 600_000,
    b"\x00\xff",
    b'{"envelope_id": "E1"}',
]


async def test_frames_that_nobody_can_read_are_left_unread(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """They end nothing, and neither they nor a traceback get into the log."""
    socket = await link.start()
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        for odd in ODD:
            await (socket.send_bytes(odd) if isinstance(odd, bytes) else socket.send_str(odd))
        assert (await link.server.send(socket, a_command("help")))["envelope_id"] == "E1"
    assert link.socket.is_connected and link.server.opened == 1 and link.server.acks.empty()
    assert [entry["log_level"] for entry in logs if entry["log_level"] != "info"] == ["warning"]
    assert not any("hidden" in str(entry) or "exc_info" in entry for entry in logs)
    assert "hidden" not in caplog.text and "Traceback" not in caplog.text


async def test_a_frame_too_large_to_take_costs_one_connection(link: Link) -> None:
    """Memory is bounded; the next connection follows at the usual pace."""
    link.hours.most = 1
    socket = await link.start()
    with suppress(ConnectionError):  # hung up in the middle
        await socket.send_str("x" * 5_000_000)
    await link.connected()
    assert link.hours.passed == [2.0]


# --- being connected


async def test_being_connected_begins_with_slacks_greeting(link: Link) -> None:
    """An open line is no connection yet."""
    link.server.first = []
    assert not link.socket.is_connected
    socket = await link.start()
    await socket.ping()
    assert not link.socket.is_connected
    await socket.send_json(HELLO)
    await link.until_up(True)
    await link.socket.close()
    assert not link.socket.is_connected


@hasty
async def test_who_never_greets_is_given_up(link: Link) -> None:
    """After some seconds, and each time after a longer pause."""
    link.server.first = []
    assert await link.after_pauses(4) == [2.0, 6.0, 18.0, 54.0]
    assert not link.socket.is_connected and not link.operator.told


@hasty
async def test_a_line_on_which_pings_get_no_answer_is_no_connection(link: Link) -> None:
    """A half-open one looks alive for hours otherwise."""
    link.server.autoping = False
    link.hours.most = 1
    await link.start()
    await link.until_up(False)
    await link.connected()
    assert link.hours.passed == [2.0]


@hasty
async def test_a_line_on_which_pings_are_answered_stays(link: Link) -> None:
    """Silence alone is no reason: nothing may happen in a workspace for hours."""
    await link.start()
    await asyncio.sleep(HASTY.ping * 3)
    assert link.socket.is_connected and link.server.opened == 1


# --- moving


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_slack_moving_house_is_followed_at_once(link: Link, reason: str) -> None:
    """Slack refreshes its connections every few hours; the new one is there before the old one is gone."""
    link.hours.most = 1
    first = await link.start()
    await link.until_up(True)
    link.hours.now += 3600
    await first.send_json({"type": "disconnect", "reason": reason})
    second = await link.connected()
    assert link.hours.passed == [0.0] and link.socket.is_connected
    assert (await link.server.send(first, a_command("help")))["envelope_id"] == "E1"
    assert (await link.server.send(second, a_command("help")))["envelope_id"] == "E1"


async def test_moving_again_and_again_is_once_a_minute(link: Link) -> None:
    """Whatever Slack asks for: it allows no more."""
    link.server.first = [HELLO, {"type": "disconnect", "reason": "refresh_requested"}]
    assert await link.after_pauses(4) == [0.0, 60.0, 60.0, 60.0]
    assert not link.operator.told


@hasty
async def test_an_old_line_that_slack_leaves_open_is_closed(link: Link) -> None:
    """Or they would add up."""
    link.hours.most = 1
    first = await link.start()
    await first.send_json({"type": "disconnect", "reason": "warning"})
    await link.connected()
    await link.until(lambda: first.closed)
    assert link.socket.is_connected


# --- being refused


@pytest.mark.parametrize("reason", ["link_disabled", "too_many_websockets", "something_new", None, 5])
async def test_being_dismissed_is_followed_by_growing_pauses(link: Link, reason: Any) -> None:
    """A greeting before it makes no difference."""
    link.server.first = [HELLO, {"type": "disconnect", "reason": reason}]
    assert await link.after_pauses(5) == [10.0, 30.0, 90.0, 270.0, 300.0]
    assert not link.socket.is_connected
    assert set(link.operator.told) == ({"link_disabled"} if reason == "link_disabled" else set())


@pytest.mark.parametrize("code", ["invalid_auth", "not_allowed_token_type", "token_revoked", "missing_scope"])
async def test_a_token_that_is_none_is_the_operators_business(link: Link, code: str) -> None:
    """Nothing else is told to them: the rest passes by itself."""
    link.server.answer = web.json_response({"ok": False, "error": code})
    assert await link.after_pauses(1) == [10.0]
    assert link.operator.told[0] == code


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (web.json_response({"ok": False, "error": "internal_error"}), 10.0),
        (web.Response(status=502, text="<html>"), 2.0),
        (web.json_response(["ok"]), 2.0),
        (web.json_response({"ok": True}), 2.0),
        (web.json_response({"ok": True, "url": "https://example.com/"}), 2.0),
        (web.json_response({"ok": True, "url": "ws://[/"}), 2.0),
        (web.json_response({"ok": True, "url": "ws://127.0.0.1:1/socket"}), 2.0),
        (web.json_response({"ok": False, "error": "ratelimited"}, headers={"Retry-After": "77"}), 77.0),
        (web.json_response({"ok": False}, status=429, headers={"Retry-After": "9" * 12}), 3600.0),
    ],
)
async def test_whatever_answers_for_slack_is_asked_again(
    link: Link, answer: web.Response, pause: float
) -> None:
    """After a pause, which Slack itself may lengthen, up to an hour."""
    link.server.answer = answer
    assert await link.after_pauses(1) == [pause]
    assert not link.operator.told


async def test_what_lasts_is_told_to_work(link: Link) -> None:
    """Not the greeting alone: Slack may take it back at once."""
    await link.start()
    await link.until(lambda: link.operator.told == ["works"])


async def test_an_operator_who_cannot_be_told_ends_nothing(link: Link) -> None:
    """The database may be away; the next refusal tries again."""

    link.operator.is_away = True
    link.server.first = [{"type": "disconnect", "reason": "link_disabled"}]
    assert await link.after_pauses(2) == [10.0, 30.0]


# --- the end


async def test_closing_while_connecting_ends_cleanly(link: Link) -> None:
    """A bot that is stopped before Slack answers stops."""
    await link.socket.start()
    await link.socket.close()


async def test_what_is_under_way_is_acked_before_the_end(link: Link) -> None:
    """Or Slack would tell the person that nothing answered."""
    socket = await link.start()
    await socket.send_json({"envelope_id": "E1", "type": "slash_commands", "payload": a_command("help")})
    await socket.send_json({"envelope_id": "E2", "type": "something_new"})
    first = await link.server.acked()
    await link.socket.close()
    assert {first["envelope_id"], (await link.server.acked())["envelope_id"]} == {"E1", "E2"}


# --- the pace

_ENDS = st.builds(
    Ended,
    why=st.just("x"),
    is_move=st.booleans(),
    is_refusal=st.booleans(),
    lasted=st.sampled_from([0.0, 1.0, 59.0]),
)


@given(ends=st.lists(_ENDS, min_size=1, max_size=40), jitter=st.floats(-1, 1))
def test_whatever_happens_slack_is_asked_about_once_a_minute(ends: list[Ended], jitter: float) -> None:
    """Connections that do not last: eight at most before the pace is a minute, whatever ends them."""
    pauses = Pauses(lambda: jitter)
    waited = [pauses.after(ended, since_opened=ended.lasted) + ended.lasted for ended in ends]
    for start in range(len(waited)):
        minute, asked = 0.0, 0
        while start + asked < len(waited) and minute < 60:
            minute += waited[start + asked]
            asked += 1
        assert asked <= 8


def test_a_pause_is_spread() -> None:
    """Many bots that lost Slack at once do not all come back at once."""
    late, early = Pauses(lambda: 1.0), Pauses(lambda: -1.0)
    lost = Ended("closed", lasted=100)
    assert early.after(lost, since_opened=100) < 2.0 < late.after(lost, since_opened=100)


def test_a_connection_that_lasted_begins_anew() -> None:
    """What was before it counts no more."""
    pauses = Pauses(lambda: 0.0)
    refused = Ended("link_disabled", is_refusal=True)
    assert [pauses.after(refused, since_opened=0) for _ in range(3)] == [10, 30, 90]
    assert pauses.after(Ended("closed", lasted=61), since_opened=61) == 2
    assert pauses.after(Ended("warning", is_move=True, lasted=7200), since_opened=7200) == 0
    assert pauses.after(Ended("warning", is_move=True, lasted=7200), since_opened=7200) == 0
