"""Events to the bot, and the same event again. Rule: a repetition is the same payload, marked as a retry."""

from __future__ import annotations

from collections import deque

from sandbox.slack import payloads
from sandbox.slack.core import Core
from sandbox.slack.delivery import Delivery, Outcome, Retry
from sandbox.slack.errors import CannotAct
from sandbox.slack.state import Json


class Events:
    def __init__(self, core: Core, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self._sent: deque[Json] = deque(maxlen=1000)

    async def tell(self, inner: Json) -> Outcome:
        payload = payloads.event(self._core, inner)
        self._sent.append(payload)
        return await self._delivery.send("events_api", payload)

    async def verify_url(self) -> Outcome:
        """Slack's handshake before it trusts a request URL; the answer must carry the challenge."""
        challenge = {"type": "url_verification", "token": "", "challenge": self._core.workspace.next_id("Ch")}
        return await self._delivery.send("events_api", challenge)

    async def repeat(self, event_id: str | None, retry: Retry) -> Outcome:
        """The named event, or the latest. Raises CannotAct when there is none."""
        known = [e for e in self._sent if event_id in (None, e["event_id"])]
        if not known:
            raise CannotAct(404, "no such event was sent")
        return await self._delivery.send("events_api", known[-1], retry=retry)
