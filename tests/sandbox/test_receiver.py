"""The local receiver of webhooks: strict, and never at a loss."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from standardwebhooks import Webhook as Verifier

from sandbox.receiver import PATH, Receiver

SECRET = "whsec_" + "QUJD" * 10
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GOOD = '{"type": "endpoint.test", "timestamp": "2026-11-28T12:00:00Z", "data": {}}'


async def answered(receiver: Receiver, body: str, **headers: str) -> int:
    """The status of a request that is signed as it should be, but for ``headers``."""
    app = web.Application()
    receiver.add_routes(app)
    signed = {
        "Content-Type": "application/json",
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Verifier(SECRET).sign("evt_1", NOW, body),
    }
    async with (
        TestClient(TestServer(app)) as client,
        client.post(PATH, data=body.encode(), headers=signed | headers) as answer,
    ):
        return answer.status


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", {}),
        ("{", {}),
        ("[]", {}),
        ("7", {}),
        ('["type", "timestamp", "data"]', {}),
        (GOOD.replace("2026-11-28T12:00:00Z", "today"), {}),
        (GOOD.replace('"2026-11-28T12:00:00Z"', "7"), {}),
        (GOOD, {"webhook-timestamp": "9" * 400}),
        (GOOD, {"webhook-timestamp": "²"}),
        (GOOD, {"webhook-signature": "v1,é"}),
        (GOOD, {"webhook-signature": "v1"}),
        (GOOD, {"Content-Type": "text/plain"}),
    ],
)
async def test_what_is_not_of_the_form_gets_400_and_is_written_down(
    body: str, headers: dict[str, str]
) -> None:
    receiver = Receiver(lambda: NOW)
    receiver.learns(SECRET)
    assert await answered(receiver, body, **headers) == 400
    assert (len(receiver.refused), receiver.received) == (1, [])


async def test_what_is_of_the_form_is_taken() -> None:
    receiver = Receiver(lambda: NOW)
    receiver.learns(SECRET)
    assert await answered(receiver, GOOD) == 204
    assert [it.body["type"] for it in receiver.received] == ["endpoint.test"]
