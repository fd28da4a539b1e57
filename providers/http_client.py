"""HTTP to a provider, tamed.

The one rule: whatever the network or a provider sends, a caller gets a small ``HttpReply`` or a
``ProviderUnavailable``; no request, header or body ever ends up in an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.domain.errors import ProviderUnavailable

LARGEST_REPLY = 256 * 1024
LONGEST_RETRY = timedelta(hours=1)
"""How long a provider is left alone at most, as in MSAL. What cannot be checked is told after an hour, and
who does not look finds nothing to tell."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back. ``body`` may hold secrets, so it is not shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """The body if it is a JSON object, else None."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None

    def retry_after(self, now: datetime) -> timedelta | None:
        """How long the provider wants to be left alone: seconds or a date, at most an hour."""
        given = self.headers.get("Retry-After", "").strip()
        if given.isascii() and given.isdigit():
            return min(timedelta(seconds=min(int(given[:9]), 10**6)), LONGEST_RETRY)
        try:
            return min(max(parsedate_to_datetime(given) - now, timedelta()), LONGEST_RETRY)
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def is_trouble(self) -> bool:
        """Statuses that speak of the provider's condition, whatever the body claims."""
        return self.status in {408, 429} or self.status >= 500


class HttpClient:
    """Requests with a time limit, without redirects, with bounded replies."""

    def __init__(self, session: aiohttp.ClientSession, *, timeout: timedelta = timedelta(seconds=10)) -> None:
        self._session = session
        seconds = timeout.total_seconds()
        self._timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)

    async def post_form(self, url: str, fields: Mapping[str, str]) -> HttpReply:
        """POST a form. Raises ProviderUnavailable."""
        return await self._send("POST", url, data=dict(fields))

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpReply:
        """GET. Raises ProviderUnavailable."""
        return await self._send("GET", url, headers=headers)

    async def _send(self, method: str, url: str, **request: Any) -> HttpReply:
        # ``from None``: aiohttp's errors carry the request, and with it what must not be logged.
        try:
            async with self._session.request(
                method, url, timeout=self._timeout, allow_redirects=False, **request
            ) as response:
                return HttpReply(response.status, response.headers, await _bounded(response))
        except TimeoutError:
            raise ProviderUnavailable(code="timeout") from None
        except (aiohttp.ClientError, OSError):
            raise ProviderUnavailable(code="unreachable") from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > LARGEST_REPLY:
            response.close()
            raise ProviderUnavailable(code="oversized_reply")
    return bytes(body)


def http_session() -> aiohttp.ClientSession:
    """One session for everything that goes out, without cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=15, connect=5),
    )
