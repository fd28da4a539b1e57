"""Signatures, Socket Mode's comings and goings, and requests nobody honest would send."""

from __future__ import annotations

import pytest

from tests.sandbox.slack_bot import world


async def test_a_connection_asked_to_leave_is_replaced() -> None:
    """slack_sdk's client reconnects; what people do meanwhile waits for the new connection."""
    async with world("socket") as acme:
        await acme.driver.disconnect()
        assert (await acme.driver.person("alice").types("/inbox again")).ok
        assert len(await acme.driver.calls("apps.connections.open")) == 2


async def test_a_socket_ticket_opens_one_connection() -> None:
    """The address handed out works once."""
    async with world("socket") as acme:
        answer = await acme.slack_open()
        url = answer["url"].replace("ws", "http", 1)
        async with acme.session.ws_connect(answer["url"]) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        async with acme.session.get(url) as response:
            assert response.status == 404


@pytest.mark.parametrize("kind", ["unsigned", "forged", "tampered", "stale"])
async def test_a_dishonest_request_is_refused_by_a_verifying_bot(kind: str) -> None:
    """The sender makes each kind; the bot's own check says 401."""
    async with world("http") as acme:
        assert (await acme.driver.raw(kind))["status"] == 401
        assert acme.got == []


async def test_an_honest_request_by_hand_is_taken() -> None:
    """`signed` proves that the others are refused for their signature."""
    async with world("http") as acme:
        assert (await acme.driver.raw("signed"))["status"] == 200


async def test_a_replay_is_the_last_delivery_byte_by_byte() -> None:
    """Within five minutes its signature still holds: deduplication is the bot's business."""
    async with world("http") as acme:
        await acme.driver.person("alice").types("/inbox hello")
        assert (await acme.driver.raw("replayed"))["status"] == 200
        first, second = acme.got
        assert first["trigger_id"] == second["trigger_id"]


async def test_a_redelivered_event_says_so() -> None:
    """X-Slack-Retry-Num and -Reason."""
    async with world("http") as acme:
        await acme.driver.edit_person("kenji", locale="en-US")
        answer = await acme.driver.redeliver(retry_num=2)
        assert answer["ok"]
        assert acme.slack.last_request is not None
        assert acme.slack.last_request.headers["X-Slack-Retry-Num"] == "2"
        assert acme.slack.last_request.headers["X-Slack-Retry-Reason"] == "http_timeout"
