"""HTTP to a provider, tamed.

The one rule: whatever the network or a provider sends, a caller gets a small ``HttpReply`` or a
``ProviderUnavailable``; no request, header or body ever ends up in an exception.

Google and Microsoft, whom every look asks twice, are asked through pyreqwest, which takes half the CPU
(docs/decisions/0068-rust-for-two-hosts.md); everybody else, and whatever host people name, through aiohttp.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

import aiohttp
import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from bot.domain.errors import ProviderUnavailable

Session = aiohttp.ClientSession | Client
LARGEST_REPLY: Final = 256 * 1024
_AT_ONCE: Final = 200
_READ: Final = ("Retry-After", "WWW-Authenticate", "Cache-Control", "Age", "Content-Type")
"""The headers that anybody looks at."""
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
        """The body if it is a JSON object, else None.

        orjson reads no half of a surrogate pair, which people's names may hold where somebody cut them; the
        standard library does, and whoever stores such a text cleans it.
        """
        body = self.body.removeprefix(BOM_UTF8)
        try:
            parsed = orjson.loads(body)
        except ValueError:
            try:
                parsed = json.loads(body)
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

    def __init__(self, session: Session, *, timeout: timedelta = timedelta(seconds=10)) -> None:
        self._way: _Way = (
            _Reqwest(session, timeout) if isinstance(session, Client) else _Aiohttp(session, timeout)
        )

    async def post_form(self, url: str, fields: Mapping[str, str]) -> HttpReply:
        """POST a form. Raises ProviderUnavailable."""
        return await self._send("POST", url, form=fields)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpReply:
        """GET. Raises ProviderUnavailable."""
        return await self._send("GET", url, headers=headers)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> HttpReply:
        # ``from None``: these errors carry the request, and with it what must not be logged.
        try:
            return await self._way.send(method, url, headers=headers, form=form)
        except TimeoutError:
            raise ProviderUnavailable(code="timeout") from None
        except (aiohttp.ClientError, PyreqwestError, OSError):
            raise ProviderUnavailable(code="unreachable") from None


class _Way(Protocol):
    """How a request goes out. What it raises of its own, ``HttpClient`` knows."""

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> HttpReply: ...


class _Aiohttp:
    def __init__(self, session: aiohttp.ClientSession, timeout: timedelta) -> None:
        self._session = session
        seconds = timeout.total_seconds()
        self._timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> HttpReply:
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=None if form is None else dict(form),
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(16 * 1024):
                body += chunk
                if len(body) > LARGEST_REPLY:
                    response.close()
                    raise ProviderUnavailable(code="oversized_reply")
            return HttpReply(response.status, response.headers, bytes(body))


class _Reqwest:
    """A cancelled request is let go of, but not cut off: it ends by itself, or by its time limit."""

    def __init__(self, client: Client, timeout: timedelta) -> None:
        self._client, self._timeout = client, timeout

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None, form: Mapping[str, str] | None
    ) -> HttpReply:
        request: RequestBuilder = self._client.request(method, url).timeout(self._timeout)
        if headers:
            request = request.headers(headers)
        if form is not None:
            request = request.form(form)
        async with request.build_streamed() as response:
            body, more = bytearray(), response.body_reader.read_chunk
            while (chunk := await more()) is not None:
                body += chunk
                if len(body) > LARGEST_REPLY:  # after decompression, so that a small reply cannot grow
                    raise ProviderUnavailable(code="oversized_reply")
            return HttpReply(response.status, _headers_of(response), bytes(body))


def _headers_of(response: Response) -> Mapping[str, str]:
    """Those that are read here. Others are left alone: pyreqwest raises over a value that is no ASCII."""
    found: dict[str, str] = {}
    for name in _READ:
        try:
            value = response.get_header(name)
        except ValueError:
            continue
        if value is not None:
            found[name] = value
    return found


def provider_session() -> Client:
    """One client for Google and Microsoft, without cookies. TLS by the system's authorities, or those of
    ``SSL_CERT_FILE``; no proxy of the environment's; connections are kept for 90 seconds."""
    return (
        ClientBuilder()
        .no_proxy()
        .follow_redirects(False)
        .referer(False)
        .brotli(False)
        .zstd(False)
        .user_agent("Inboxkeeper")
        .max_connections(_AT_ONCE)
        .pool_timeout(timedelta(seconds=10))
        .connect_timeout(timedelta(seconds=5))
        .timeout(timedelta(seconds=15))
        .build()
    )


def http_session() -> aiohttp.ClientSession:
    """One session for everything else that goes out, without cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_AT_ONCE, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=15, connect=5),
    )
