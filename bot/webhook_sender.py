"""Posts to receivers that people have named.

The one rule: the address is a stranger's. It goes through the guard at each attempt, no redirect is followed,
and of the answer only its head is read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from bot.domain.grant import Secret
from bot.program import VERSION
from bot.services.connections.webhooks import WebhookAnswer
from bot.services.core.ports import Clock
from providers.ssrf import HostRefused, SsrfGuard, host_name

WITHIN: Final = 15.0
"""Seconds for an attempt, from looking the name up to the head of the answer."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_HEADERS: Final = {"content-type": "application/json", "user-agent": f"Inboxkeeper/{VERSION}"}


_TROUBLES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "host_refused"),
    (aiohttp.ClientSSLError, "certificate"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectionError, "no_connection"),
    (aiohttp.ClientError, "not_http"),
    (OSError, "no_connection"),
    (ValueError, "not_http"),
)
"""In a word, the narrower first."""


class WebhookSender:
    """``session`` must go through ``guard`` (``guarded_session``)."""

    def __init__(
        self, session: aiohttp.ClientSession, guard: SsrfGuard, clock: Clock, *, within: float = WITHIN
    ) -> None:
        self._session = session
        self._guard = guard
        self._clock = clock
        self._within = within

    async def send(self, url: Secret, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Never raises: whatever goes wrong is the receiver's, and is said in one word."""
        try:
            async with asyncio.timeout(self._within):
                await self._refuse_inner(url)
                return await self._posted(url, headers, body)
        except HostRefused as refused:
            return WebhookAnswer(None, refused.code)
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:  # without its words: they quote the address
            return WebhookAnswer(None, next(word for kind, word in _TROUBLES if isinstance(error, kind)))

    async def _posted(self, url: Secret, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        async with self._session.post(
            url.reveal(),
            data=body,
            headers={**_HEADERS, **headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=self._within),
        ) as answer:
            said = WebhookAnswer(answer.status)
            if said.is_taken:  # nothing else in its head matters
                return said
            after = _retry_after(answer.headers.get("Retry-After", ""), self._clock())
            return replace(said, retry_after=after)

    async def _refuse_inner(self, url: Secret) -> None:
        """The session asks the guard for names only: an address in the URL it would dial unasked. Without
        encryption nothing leaves the operator's own networks."""
        parts = urlsplit(url.reveal())
        host = host_name(parts.hostname or "")
        if parts.scheme == "https":
            return
        try:
            found = await self._guard.vetted(host, parts.port or 80)
        except HostRefused:
            found = ()
        if not found or not all(self._guard.is_ours(address) for address in found):
            raise HostRefused("not_encrypted")


def _retry_after(said: str, now: datetime) -> timedelta | None:
    """Seconds or a date, as HTTP has it; nothing if it is neither, or out of all range."""
    if _SECONDS.fullmatch(said):
        return timedelta(seconds=int(said))
    try:
        at = parsedate_to_datetime(said)
        return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta())
    except (ValueError, OverflowError):
        return None
