"""Bringing payloads and events to the bot over signed HTTP, and what a delivery's outcome is.

Rule: three real seconds for an answer of status 200; anything else is what Slack calls it. A repetition is
the same payload, marked as a retry.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from sandbox.slack import payloads
from sandbox.slack.core import CannotAct, Core
from sandbox.slack.state import Json

Kind = Literal["slash_commands", "interactive", "events_api"]
TIMED_OUT = "operation_timeout"
FAILED = "dispatch_failed"


@dataclass(frozen=True)
class Outcome:
    """`body` is what the bot said with its ack; `failure` is Slack's word when there was no good one."""

    ms: float
    body: Any = None
    failure: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class Retry:
    number: int
    reason: str


class Delivery(Protocol):
    async def send(self, kind: Kind, payload: Json, *, retry: Retry | None = None) -> Outcome: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Sent:
    """A request exactly as it went out, to be replayed."""

    body: bytes
    headers: dict[str, str]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def encoded(kind: Kind, payload: Json) -> tuple[bytes, str]:
    """The body and its content type: Slack sends forms, and JSON for events only."""
    if kind == "events_api":
        return json.dumps(payload, ensure_ascii=False).encode(), "application/json"
    if kind == "interactive":
        form = {"payload": json.dumps(payload, ensure_ascii=False)}
    else:
        form = {key: "" if value is None else str(value) for key, value in payload.items()}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def elapsed_ms(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)


class HttpDelivery:
    def __init__(self, core: Core, *, ack_within: float) -> None:
        self._core = core
        self._ack_within = ack_within
        self._session: aiohttp.ClientSession | None = None
        self.last_sent: Sent | None = None

    async def send(self, kind: Kind, payload: Json, *, retry: Retry | None = None) -> Outcome:
        body, content_type = encoded(kind, payload)
        headers = self.signed(body, content_type)
        if retry is not None:
            headers["X-Slack-Retry-Num"] = str(retry.number)
            headers["X-Slack-Retry-Reason"] = retry.reason
        self.last_sent = Sent(body=body, headers=headers)
        return await self._post(body, headers)

    def signed(self, body: bytes, content_type: str, *, age_seconds: int = 0) -> dict[str, str]:
        timestamp = str(int(self._core.clock().timestamp()) - age_seconds)
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self._core.settings.signing_secret, timestamp, body),
        }

    async def raw(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """The bot's status and body, unjudged. Raises `aiohttp.ClientError` when it cannot be reached."""
        url = self._core.settings.request_url
        if url is None:
            raise RuntimeError("the local Slack has no request_url to send to")
        timeout = aiohttp.ClientTimeout(total=self._ack_within)
        async with self._open().post(url, data=body, headers=headers, timeout=timeout) as response:
            return response.status, await response.text()

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        started = time.perf_counter()
        try:
            status, text = await self.raw(body, headers)
        except TimeoutError:
            return Outcome(ms=elapsed_ms(started), failure=TIMED_OUT)
        except (aiohttp.ClientError, RuntimeError, asyncio.IncompleteReadError):
            return Outcome(ms=elapsed_ms(started), failure=FAILED)
        if status != 200:
            return Outcome(ms=elapsed_ms(started), failure=FAILED, status=status)
        return Outcome(ms=elapsed_ms(started), body=spoken(text), status=status)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def spoken(text: str) -> Any:
    """An ack's body: JSON when it looks like it, else the plain text of an answer, None when empty."""
    if not text.strip():
        return None
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            return {"text": text}
    return {"text": text}


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
