"""Slack over HTTP: what gets in, and what everything else is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers.slack_http import MOST_BYTES, PATH, SIGNATURE, TIMESTAMP, SlackHttp
from tests.handlers.conftest import Bench, texts
from tests.handlers.payloads import a_command, a_form, an_event
from tests.handlers.test_signature import sign
from tests.views.samples import NOW

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def door(bench: Bench) -> AsyncIterator[Client]:
    app = web.Application(client_max_size=MOST_BYTES)
    inbound = SlackHttp(bench.side, signing_secrets=("new", "old"), clock=lambda: NOW)
    app.router.add_post(PATH, inbound.receive)
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(
    door: Client, body: bytes, *, kind: str = FORM, at: int | None = None, signature: str | None = None
) -> tuple[int, str]:
    stamp = str(int(NOW.timestamp()) if at is None else at)
    signed = sign("new", stamp, body) if signature is None else signature
    headers = {TIMESTAMP: stamp, SIGNATURE: signed, "Content-Type": kind}
    async with door.post(PATH, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_a_command_is_answered_in_the_response(door: Client) -> None:
    """The word payload in a command is a word, not a field."""
    status, said = await post(door, urlencode(a_command("status payload@example.com")).encode())
    assert status == 200
    assert "payload@example.com" in said


async def test_an_interaction_comes_as_json_in_a_form(door: Client) -> None:
    """Clicks and forms are one field of a form."""
    body = urlencode({"payload": json.dumps(a_form("disable.form", metadata="c1:3"))}).encode()
    status, said = await post(door, body)
    assert status == 200
    assert json.loads(said)["response_action"] == "update"


async def test_an_event_comes_as_json(door: Client, bench: Bench) -> None:
    """Events are acknowledged with nothing."""
    body = json.dumps(an_event({"type": "app_uninstalled"})).encode()
    assert await post(door, body, kind=JSON) == (200, "")
    assert len(bench.services.workspaces.left) == 1


async def test_slack_may_check_the_address(door: Client) -> None:
    """The challenge comes back, once it is known who asks."""
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    status, said = await post(door, body, kind=JSON)
    assert (status, json.loads(said)) == (200, {"challenge": "abc"})
    assert (await post(door, b"ssl_check=1&token=x"))[0] == 200


@pytest.mark.parametrize("signature", ["", "v0=forged", sign("other"), "v0=\u00fc"])
@pytest.mark.parametrize("body", [b"ssl_check=1", b"{", urlencode(a_command("list")).encode()])
async def test_what_is_not_signed_is_not_even_parsed(door: Client, body: bytes, signature: str) -> None:
    """Forged, unsigned and malformed requests all get the same small word."""
    status, said = await post(door, body, signature=signature)
    assert (status, json.loads(said)) == (401, {"error": "not signed by Slack"})


async def test_a_recorded_request_is_refused_later(door: Client) -> None:
    """A replay outside the window is no longer Slack's."""
    late = int((NOW - timedelta(minutes=6)).timestamp())
    assert (await post(door, b"command=%2Finbox", at=late))[0] == 401


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b"{"),
        (JSON, b"[1]"),
        (JSON, b'"text"'),
        (JSON, b"\xff\xfe"),
        (JSON, b"[" * 100_000),
        (JSON, b"9" * 5_000),
        (FORM, b"payload={"),
        (FORM, b"payload=[]"),
        (FORM, b"a=1&" * 60),
        (FORM, b""),
        (FORM, b"command=%2Finbox"),
        ("text/plain", b"hello"),
    ],
)
async def test_signed_nonsense_is_malformed(door: Client, kind: str, body: bytes) -> None:
    """Whatever is no payload ends in a small word, never in a traceback."""
    status, said = await post(door, body, kind=kind)
    assert (status, json.loads(said)) == (400, {"error": "malformed"})


async def test_a_huge_body_is_not_read(door: Client) -> None:
    """Nobody fills the memory before being asked who they are."""
    status, said = await post(door, b"x" * (MOST_BYTES + 1))
    assert (status, json.loads(said)) == (413, {"error": "too large"})
    assert (await post(door, b"x" * MOST_BYTES))[0] == 400


async def test_a_huge_body_of_unknown_length_is_not_read(door: Client) -> None:
    """A body that does not say how long it is is counted while it comes."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 65_536

    async with door.post(PATH, data=endless(), headers={TIMESTAMP: "1", SIGNATURE: "v0="}) as answer:
        assert answer.status == 413


async def test_too_many_words_still_answer(door: Client) -> None:
    """Ten thousand characters after the command are a mistake of a person, not an attack."""
    status, said = await post(door, urlencode(a_command("connect " + "x" * 10_000)).encode())
    assert status == 200
    assert "Not an e-mail address" in texts(json.loads(said))
