"""What programs ask: which mailboxes there are, and access tokens for them.

The one rule: every answer is JSON, an error a flat object whose ``error`` is a word; a program needs nothing
else to decide whether to try again. Keys come in a header or a form, never in an address, and no answer but
the one with the token holds anything secret. EmailEngine alone has an address with a secret of its own.

The OAuth endpoint answers as RFC 6749 §6 wants it, in the way that the programs which were tried understand:
the key comes back as the refresh token, unchanged, since some keep whatever comes; what passes is a 400,
since some don't read the body of a 5xx; and only what is over for good is ``invalid_grant``.

Where a request comes from, behind proxies: a word about somebody's address counts only from a proxy that the
operator trusts. So ``X-Forwarded-For`` is read from its end, which the nearest proxy wrote, and no further
than to the first address that is no trusted proxy's: whatever stands before that, anybody can have written.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import unquote_plus

from aiohttp import web

from bot.domain.api_key import ApiKey, Network
from bot.domain.features import Audience
from bot.services.connections.api_keys import ApiKeys, BadKey
from bot.services.connections.token_broker import (
    DEFAULT_TTL,
    LONGEST_TTL,
    Code,
    GivenToken,
    NoToken,
    SeenChannel,
    TokenBroker,
)
from bot.services.connections.webhooks import EventFeed, told_as
from handlers.api_schema import (
    ChannelAnswer,
    ChannelsAnswer,
    Declared,
    EmailEngineAnswer,
    ErrorAnswer,
    EventsAnswer,
    OAuthAnswer,
    OAuthErrorAnswer,
    OAuthRequest,
    RefusedAnswer,
    RefusedRequest,
    TokenAnswer,
    TokenRequest,
    document,
)
from handlers.web_session import read_body, read_form
from storage import StorageAway

PREFIX: Final = "/api"
_MOST_BYTES: Final = 4_096
_BODY_WITHIN: Final = 10.0
_EARLIER: Final = timedelta(minutes=5)
"""Programs use a token until the last moment, and mail servers refuse one that ends soon."""
_WORD: Final = re.compile(r"[a-z_]{1,20}")
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_PLACE: Final = re.compile(r"[0-9A-Za-z_-]{0,64}")
_MOST_EVENTS: Final = 100
_MOST_CHANNELS: Final = 500
_LAST_POSITION: Final = 2**63 - 1
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")

_STATUS: Final = {
    Code.UNKNOWN_CHANNEL: 404,
    Code.USE_NOT_ALLOWED: 403,
    Code.USE_NOT_GRANTED: 403,
    Code.USE_WITHHELD: 403,
    Code.DISABLED: 409,
    Code.NOT_OAUTH: 409,
    Code.DISCONNECTED: 424,
    Code.IMPAIRED: 503,
    Code.HELD: 503,
    Code.PROVIDER_UNAVAILABLE: 503,
    Code.SLOW_DOWN: 429,
}
_WORDS: Final = {
    Code.UNKNOWN_CHANNEL: "There is no such mailbox, or this key may not see it.",
    Code.USE_NOT_ALLOWED: "This key may not be used for that at this mailbox.",
    Code.USE_NOT_GRANTED: "The mailbox must be reconnected once for that: a permission was not granted.",
    Code.USE_WITHHELD: "The mail provider allows that use to nobody here: an administrator must allow it.",
    Code.DISABLED: "The mailbox is switched off on purpose. Don't raise an alarm.",
    Code.NOT_OAUTH: "The mailbox is connected with a password: it has no access tokens.",
    Code.DISCONNECTED: "The mailbox is disconnected. People have been told; trying again does not help.",
    Code.IMPAIRED: "The mailbox is in doubt and being looked at. Keep what you have and come back.",
    Code.HELD: "The mail provider refuses many mailboxes at this moment. Keep what you have and come back.",
    Code.PROVIDER_UNAVAILABLE: "The mail provider gave no token at this moment. Come back.",
    Code.SLOW_DOWN: "This key asks too often.",
}
_SCOPE: Final = frozenset({Code.USE_NOT_ALLOWED, Code.USE_NOT_GRANTED, Code.USE_WITHHELD, Code.NOT_OAUTH})


class _Wrong(Exception):
    """The request is not one that we understand."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


_KEY: Final = {401: ErrorAnswer, 429: ErrorAnswer, 503: ErrorAnswer}
_ONE: Final = {400: ErrorAnswer, **_KEY, 404: ErrorAnswer}
ROUTES: Final = (
    Declared("GET", "/api/openapi.json", "openapi", "This document", {200: dict[str, Any]}, is_open=True),
    Declared(
        "GET",
        "/api/v1/channels",
        "channels",
        "What the key may see",
        {200: ChannelsAnswer, 400: ErrorAnswer, **_KEY},
        query=("limit",),
        texts=("after",),
    ),
    Declared(
        "GET",
        "/api/v1/channels/{which}",
        "channel",
        "One mailbox, by id or address",
        {200: ChannelAnswer, **_KEY, 403: ErrorAnswer, 404: ErrorAnswer},
    ),
    Declared(
        "POST",
        "/api/v1/channels/{which}/token",
        "token",
        "An access token",
        {200: TokenAnswer, **_ONE, 403: ErrorAnswer, 409: ErrorAnswer, 424: ErrorAnswer},
        body=TokenRequest,
    ),
    Declared(
        "POST",
        "/api/v1/channels/{which}/token/refused",
        "refused",
        "A server did not take a token",
        {202: RefusedAnswer, **_ONE, 403: ErrorAnswer},
        body=RefusedRequest,
    ),
    Declared(
        "GET",
        "/api/v1/events",
        "events",
        "What became of the key's mailboxes within 30 days",
        {200: EventsAnswer, 400: ErrorAnswer, **_KEY},
        query=("after", "limit"),
    ),
    Declared(
        "GET",
        "/api/emailengine/{door}",
        "emailengine",
        "An access token, for EmailEngine's authentication server",
        {200: EmailEngineAnswer, **_ONE, 403: ErrorAnswer, 409: ErrorAnswer, 424: ErrorAnswer},
        texts=("account", "proto"),
        needed=("account",),
        is_open=True,
    ),
    Declared(
        "POST",
        "/api/oauth/{which}/{audience}/token",
        "oauth",
        "An access token, for OAuth clients",
        {200: OAuthAnswer, **dict.fromkeys((400, 408, 413), OAuthErrorAnswer)},
        form=OAuthRequest,
        is_open=True,
    ),
)
"""Each route under ``/api``: what is served, and what the document says."""


@cache
def _document() -> bytes:
    """Made once: it takes a while, and anybody may ask for it."""
    return json.dumps(document(ROUTES)).encode()


class Api:
    """The routes under ``/api``."""

    def __init__(
        self, keys: ApiKeys, broker: TokenBroker, *, trusted_proxies: tuple[Network, ...] = ()
    ) -> None:
        self._keys = keys
        self._broker = broker
        self._feed = EventFeed(keys)
        self._trusted_proxies = trusted_proxies

    async def openapi(self, _: web.Request) -> web.Response:
        """``GET /api/openapi.json``."""
        return web.Response(body=_document(), content_type="application/json")

    def _address(self, request: web.Request) -> str:
        """Where the program is, as far as anybody trusted says."""
        forwarded = request.headers.getall(_FORWARDED_FOR, ())
        return client_address(request.remote or "", forwarded, self._trusted_proxies)

    # --- our own form

    async def channels(self, request: web.Request) -> web.Response:
        """``GET /api/v1/channels?after=&limit=``."""

        async def answer(key: ApiKey) -> web.Response:
            _check_names(request, "after", "limit")
            after = _place(request)
            limit = _number(request, "limit", least=1, most=_MOST_CHANNELS, unsaid=_MOST_CHANNELS)
            found = await self._broker.channels(key, after, limit=limit + 1)
            shown = [_channel(one) for one in found[:limit]]
            told = ChannelsAnswer(
                channels=shown, next=shown[-1]["id"] if shown else after, more=len(found) > limit
            )
            return web.json_response(told)

        return await self._answered(request, answer)

    async def channel(self, request: web.Request) -> web.Response:
        """``GET /api/v1/channels/{which}``."""

        async def answer(key: ApiKey) -> web.Response:
            return web.json_response(_channel(await self._broker.channel(key, _which(request))))

        return await self._answered(request, answer)

    async def token(self, request: web.Request) -> web.Response:
        """``POST /api/v1/channels/{which}/token``."""

        async def answer(key: ApiKey) -> web.Response:
            body = await _object(request, known=tuple(TokenRequest.__annotations__))
            given = await self._broker.token(
                key,
                _which(request),
                _audience(body.get("audience")),
                min_ttl=_min_ttl(body.get("min_ttl")),
                address=self._address(request),
            )
            return web.json_response(_given(given))

        return await self._answered(request, answer)

    async def refused(self, request: web.Request) -> web.Response:
        """``POST /api/v1/channels/{which}/token/refused``."""

        async def answer(key: ApiKey) -> web.Response:
            body = await _object(request, known=tuple(RefusedRequest.__annotations__))
            fingerprint = body.get("fingerprint")
            if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
                raise _Wrong("fingerprint must be the one that came with the token: 16 hexadecimal digits.")
            latest = await self._broker.refused(key, _which(request), fingerprint)
            return web.json_response(RefusedAnswer(was_latest=latest), status=202)

        return await self._answered(request, answer)

    async def _answered(
        self,
        request: web.Request,
        answer: Callable[[ApiKey], Awaitable[web.Response]],
        whose: Callable[[], Awaitable[ApiKey]] | None = None,
    ) -> web.Response:
        """``whose`` tells whose request it is where no header does."""
        try:
            if whose is not None:
                key = await whose()
            else:
                key = await self._keys.authenticated(_bearer(request), self._address(request))
            self._broker.pace(key)
            return await answer(key)
        except BadKey:
            headers = {"WWW-Authenticate": 'Bearer realm="Inboxkeeper"'}
            return _error(401, "bad_key", "This key does not work.", headers=headers)
        except NoToken as refused:
            return _refused(refused)
        except _Wrong as wrong:
            return _error(400, "bad_request", wrong.message)
        except StorageAway:
            return _error(503, "unavailable", "Inboxkeeper's database is away. Come back.", retry_after=5)

    async def events(self, request: web.Request) -> web.Response:
        """``GET /api/v1/events?after=&limit=``."""

        async def answer(key: ApiKey) -> web.Response:
            _check_names(request, "after", "limit")
            after = _number(request, "after", least=0, most=_LAST_POSITION, unsaid=0)
            limit = _number(request, "limit", least=1, most=_MOST_EVENTS, unsaid=_MOST_EVENTS)
            found = await self._feed.after(key, after, limit=limit + 1)
            shown = found[:limit]
            told = [{"id": it.event.name, "position": it.event.position, **told_as(it)} for it in shown]
            after = shown[-1].event.position or after if shown else after
            return web.json_response({"events": told, "next": after, "more": len(found) > limit})

        return await self._answered(request, answer)

    # --- EmailEngine's

    async def emailengine(self, request: web.Request) -> web.Response:
        """``GET /api/emailengine/{door}?account=…&proto=…``: its authentication server, which sends no
        header, so that what lets it in stands in the address, and is not the key."""

        async def answer(key: ApiKey) -> web.Response:
            which = request.query.get("account", "")[:400]
            seen = await self._broker.channel(key, which)
            audience = _for_protocol(request.query.get("proto", "imap"), seen.channel.provider)
            address = self._address(request)
            given = await self._broker.token(key, which, audience, min_ttl=DEFAULT_TTL, address=address)
            return web.json_response({"user": given.user, "accessToken": given.token.reveal()})

        async def at_door() -> ApiKey:
            return await self._keys.at_door(request.match_info["door"][:400], self._address(request))

        return await self._answered(request, answer, at_door)

    # --- OAuth's

    async def oauth(self, request: web.Request) -> web.Response:
        """``POST /api/oauth/{which}/{audience}/token``: a refresh with the key as the refresh token.

        Whatever the client says of itself is taken, in the form or as Basic authentication: the key alone
        counts.
        """
        try:
            return await self._refreshed(request, await read_form(request))
        except web.HTTPException as error:
            return _oauth_error(error.status, "invalid_request", "A form is wanted.")
        except BadKey:
            return _oauth_error(400, "invalid_grant", "This key does not work.")
        except _Wrong as wrong:
            return _oauth_error(400, "invalid_request", wrong.message)
        except NoToken as refused:
            return _oauth_refused(refused)
        except StorageAway:
            words = "Inboxkeeper's database is away. Come back."
            return _oauth_error(400, "temporarily_unavailable", words)

    async def _refreshed(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        if form.get("grant_type") != "refresh_token":
            return _oauth_error(400, "unsupported_grant_type", "Only refresh_token is taken here.")
        presented = form.get("refresh_token", "")
        key = await self._keys.authenticated(presented, self._address(request))
        self._broker.pace(key)
        given = await self._broker.token(
            key,
            _which(request),
            _audience(request.match_info["audience"]),
            min_ttl=DEFAULT_TTL,
            address=self._address(request),
        )
        answer: OAuthAnswer = {
            "access_token": given.token.reveal(),
            "token_type": "Bearer",
            "expires_in": int((given.life - _EARLIER).total_seconds()),
            "refresh_token": presented,
        }
        if form.get("scope"):
            answer["scope"] = form["scope"]
        return web.json_response(answer, headers={"Pragma": "no-cache"})


def _bearer(request: web.Request) -> str:
    """The key, as ``Authorization: Bearer``, or as the password of Basic authentication; else empty."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip()
    if scheme.casefold() == "basic":
        try:
            return unquote_plus(base64.b64decode(value, validate=True).decode().partition(":")[2])
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _which(request: web.Request) -> str:
    return request.match_info["which"][:400]


async def _object(request: web.Request, *, known: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        raw = await read_body(request, most=_MOST_BYTES, within=_BODY_WITHIN)
    except web.HTTPRequestEntityTooLarge:
        raise _Wrong(f"The body may have {_MOST_BYTES} bytes at most.") from None
    except (web.HTTPRequestTimeout, web.HTTPBadRequest):
        raise _Wrong("The body did not arrive whole, or not in time.") from None
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise _Wrong("The body must be a JSON object.") from None
    if not isinstance(body, dict):
        raise _Wrong("The body must be a JSON object.")
    for name in body:
        if name not in known:
            called = name if _WORD.fullmatch(name) else "One field"
            raise _Wrong(f"{called} is unknown here; known are {', '.join(known)}.")
    return body


def _check_names(request: web.Request, *known: str) -> None:
    """Of the query's."""
    if stray := sorted(set(request.query) - set(known)):
        called = stray[0] if _WORD.fullmatch(stray[0]) else "One parameter"
        raise _Wrong(f"{called} is unknown here; known are {', '.join(known)}.")


def _place(request: web.Request) -> str:
    """Behind which mailbox to go on; empty to begin."""
    said = request.query.getall("after", [])
    if len(said) > 1 or (said and not _PLACE.fullmatch(said[0])):
        raise _Wrong("after must be what next said in the answer before.")
    return said[0] if said else ""


def _number(request: web.Request, name: str, *, least: int, most: int, unsaid: int) -> int:
    """One of the query's."""
    said = request.query.getall(name, [])
    if not said:
        return unsaid
    if len(said) > 1 or not _DIGITS.fullmatch(said[0]) or not least <= int(said[0]) <= most:
        raise _Wrong(f"{name} must be one whole number from {least} to {most}.")
    return int(said[0])


def _audience(value: object) -> Audience:
    if not isinstance(value, str) or value not in list(Audience):
        raise _Wrong(f"audience must be one of {', '.join(Audience)}.")
    return Audience(value)


def _for_protocol(proto: str, provider: str) -> Audience:
    """As EmailEngine names them; ``api`` is the provider's own."""
    if proto not in {"imap", "smtp", "api"}:
        raise _Wrong("proto must be imap, smtp or api.")
    if proto == "api":
        return Audience.GRAPH if provider == "microsoft" else Audience.GMAIL
    return Audience(proto)


def _min_ttl(value: object) -> timedelta | None:
    if value is None:
        return None
    most = int(LONGEST_TTL.total_seconds())
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _Wrong(f"min_ttl must be a whole number of seconds from 0 to {most}.")
    return timedelta(seconds=value)


def _channel(seen: SeenChannel) -> ChannelAnswer:
    channel = seen.channel
    told: ChannelAnswer = {
        "id": channel.id,
        "address": channel.address,
        "provider": channel.provider,
        "state": channel.state.value,
        "since": _instant(channel.since),
        "version": channel.version,
        "features": list(seen.features),
        "audiences": [one.value for one in seen.audiences],
    }
    if channel.cause.value != "none":
        told["cause"] = channel.cause.value
    return told


def _given(given: GivenToken) -> TokenAnswer:
    told: TokenAnswer = {
        "access_token": given.token.reveal(),
        "token_type": "Bearer",
        "expires_at": _instant(given.expires_at),
        "expires_in": int(given.life.total_seconds()),
        "user": given.user,
        "scopes": sorted(given.scopes),
        "audience": given.audience.value,
        "grant": given.grant_id,
        "fingerprint": given.token.fingerprint,
    }
    if given.server is not None:
        told["host"], told["port"] = given.server.host, given.server.port
    return told


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _words(refused: NoToken) -> str:
    if refused.details.get("waits_for") == "owner":
        return "The owner of this personal mailbox has not allowed it to this key."
    return _WORDS[refused.code]


def _refused(refused: NoToken) -> web.Response:
    seconds = int(refused.retry_after.total_seconds()) + 1 if refused.retry_after is not None else None
    return _error(
        _STATUS[refused.code],
        refused.code.value,
        _words(refused),
        retry_after=seconds,
        details={
            name: _instant(said) if isinstance(said, datetime) else said
            for name, said in refused.details.items()
        },
    )


def _error(
    status: int,
    code: str,
    message: str,
    *,
    retry_after: int | None = None,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    body: dict[str, object] = {"error": code, "message": message, "retry": retry_after is not None}
    if retry_after is not None:
        body["retry_after"] = retry_after
    answer = web.json_response({**body, **(details or {})}, status=status, headers=headers)
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _oauth_refused(refused: NoToken) -> web.Response:
    words = _words(refused)
    if refused.code is Code.UNKNOWN_CHANNEL:
        return _oauth_error(400, "invalid_grant", words)
    if refused.code in _SCOPE:
        return _oauth_error(400, "invalid_scope", words)
    # Of what was disconnected, too: programs take ``invalid_grant`` for the end of the key.
    return _oauth_error(400, "temporarily_unavailable", words)


def _oauth_error(status: int, error: str, words: str) -> web.Response:
    body = {"error": error, "error_description": words}
    return web.json_response(body, status=status, headers={"Pragma": "no-cache"})


_FORWARDED_FOR: Final = "X-Forwarded-For"
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}")
"""Some proxies write the port, too; then IPv6 stands in brackets."""


def client_address(peer: str, forwarded: Iterable[str], trusted: tuple[Network, ...]) -> str:
    """The address of whoever asks; empty where a trusted proxy names none. ``forwarded`` are the values of
    all the request's headers of that name, in order."""
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    at = _parsed(peer)
    if at is None or not _is_among(at, trusted):
        return peer
    if not hops:  # else whoever gets a proxy to leave its header out would come from the proxy's network
        return ""
    while hops and _is_among(at, trusted):
        at = _parsed(hops.pop())
        if at is None:
            return ""
    return str(at)


def _is_among(at: IPv4Address | IPv6Address, networks: tuple[Network, ...]) -> bool:
    return any(at.version == network.version and at in network for network in networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    found = _WITH_PORT.fullmatch(text)
    try:
        at = ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    if isinstance(at, IPv6Address):
        return at.ipv4_mapped or ip_address(int(at).to_bytes(16))  # without its zone
    return at
