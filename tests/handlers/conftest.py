"""A Slack side over fake services and a small Slack server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.metrics import Metrics
from bot.slack.client import SlackClient
from handlers.bolt import Identity, SlackApp, build_slack
from handlers.responding import ResponseBudget
from handlers.slack_request import Answer
from tests.handlers.fakes import FakeServices
from tests.handlers.slack_server import SlackServer
from tests.views.samples import NOW, W, a_channel

PACE = ResponseBudget(ack_within=5.0, hold_after=5.0)
"""Nothing is late unless a test says so."""
AT_ONCE = ResponseBudget(ack_within=0.01, hold_after=0.005)


@dataclass
class Bench:
    """What a test works with."""

    services: FakeServices
    slack: SlackServer
    client: SlackClient
    metrics: Metrics
    session: aiohttp.ClientSession
    side: SlackApp
    clock: Callable[[], datetime] = lambda: NOW

    async def send(self, body: dict[str, Any]) -> Answer:
        return await self.side.dispatch(body)

    def hurry(self) -> None:
        """From now on every answer is late."""
        self.side = self.build(AT_ONCE)

    def build(self, budget: ResponseBudget) -> SlackApp:
        return build_slack(
            cast(Any, self.services),
            client=self.client,
            identity=Identity(W, cast(Any, "UBOT"), "BBOT"),
            command="/inbox",
            clock=self.clock,
            budget=budget,
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    slack = SlackServer()
    await slack.start()
    services = FakeServices()
    services.channels.channels = {"c1": a_channel()}
    async with aiohttp.ClientSession() as session:
        web = AsyncWebClient("xoxb-test", base_url=slack.base_url, session=session, retry_handlers=[])
        metrics = Metrics.build()
        client = SlackClient(web, clock=lambda: NOW, metrics=metrics)
        made = Bench(services, slack, client, metrics, session, cast(Any, None))
        made.side = made.build(PACE)
        yield made
        await made.side.drain(5)
    await slack.close()
    assert slack.problems == []


def texts(shown: dict[str, Any] | None) -> str:
    """Everything that a view or message says, for looking for words."""
    return str(shown)
