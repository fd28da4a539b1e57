"""The short-lived handles Slack gives with a payload: trigger ids and response_urls.

Rule: a trigger works once and for 3 seconds, a response_url 5 times and for 30 minutes, by the sandbox clock.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import SandboxClock
from sandbox.slack.errors import SlackError

TRIGGER_LIVES = timedelta(seconds=3)
RESPONSE_URL_LIVES = timedelta(minutes=30)
RESPONSE_URL_USES = 5


@dataclass
class Trigger:
    user: str
    issued_at: datetime
    view_id: str | None
    exchanged: bool = False


class Triggers:
    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._known: dict[str, Trigger] = {}

    def issue(self, user: str, *, view_id: str | None = None) -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._known[trigger_id] = Trigger(user=user, issued_at=self._clock(), view_id=view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        trigger = self._known.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.exchanged:
            raise SlackError("exchanged_trigger_id")
        if self._clock() - trigger.issued_at > TRIGGER_LIVES:
            raise SlackError("expired_trigger_id")
        trigger.exchanged = True
        return trigger


@dataclass
class ResponseUrl:
    user: str
    conversation: str
    message_ts: str | None
    issued_at: datetime
    uses: int = 0


class ResponseUrls:
    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._known: dict[str, ResponseUrl] = {}

    def issue(self, *, user: str, conversation: str, message_ts: str | None) -> str:
        """The secret part of the URL."""
        secret = secrets.token_urlsafe(24)
        self._known[secret] = ResponseUrl(
            user=user, conversation=conversation, message_ts=message_ts, issued_at=self._clock()
        )
        return secret

    def use(self, secret: str) -> ResponseUrl:
        known = self._known.get(secret)
        if known is None:
            raise SlackError("invalid_url")
        if self._clock() - known.issued_at > RESPONSE_URL_LIVES:
            raise SlackError("expired_url")
        if known.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        known.uses += 1
        return known
