"""Whatever a provider answers, of whatever type, size and encoding: one of our own errors, never a bug's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import InboxkeeperError, ProviderError, ProviderUnavailable
from bot.domain.grant import Grant, MailboxIdentity, Secret
from providers.base import Authorization, Provider, Redirect, RefreshedGrant
from providers.google.provider import Google
from providers.http_client import LONGEST_RETRY, HttpReply, provider_session
from providers.microsoft.provider import Microsoft
from providers.settings import GoogleClient, MicrosoftClient
from sandbox.clock import SandboxClock
from sandbox.keys import SigningKey
from tests.providers.contract import NOW, a_consent, a_grant

Call = Callable[[Provider], Awaitable[object]]
KEY = SigningKey()

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        ["invalid_grant", "access_denied", "AADSTS50173: x", "x.y.z", "..", "\ud800", "9" * 400, "Mail.Read"]
    ),
)
shapes = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "access_token",
    "refresh_token",
    "id_token",
    "scope",
    "expires_in",
    "token_type",
    "client_info",
    "error",
    "error_description",
    "error_codes",
    "error_subtype",
    "suberror",
    "claims",
    "code",
    "status",
    "message",
    "errors",
    "details",
    "reason",
    "innerError",
    "labels",
    "id",
    "mail",
    "userPrincipalName",
    "proxyAddresses",
    "otherMails",
    "value",
    "keys",
    "kid",
    "kty",
    "n",
    "e",
]
CLAIMS = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "tid",
    "oid",
    "preferred_username",
    "email",
    "email_verified",
    "hd",
]
objects = st.dictionaries(st.sampled_from(NAMES), shapes, max_size=8)
nearly = st.fixed_dictionaries({"access_token": st.just("token")}, optional=dict.fromkeys(NAMES[1:], shapes))
refusals = st.fixed_dictionaries({"error": objects | shapes}, optional=dict.fromkeys(NAMES[8:14], shapes))
claims = st.dictionaries(st.sampled_from(CLAIMS), shapes, max_size=9)


def signed(given: Mapping[str, Any]) -> dict[str, Any]:
    """A token answer whose id token says that, properly signed."""
    return {"access_token": "token", "refresh_token": "r", "id_token": KEY.sign(given), "scope": "Mail.Read"}


bodies = st.one_of(
    st.binary(max_size=40),
    st.one_of(shapes, objects, nearly, refusals, claims.map(signed)).map(lambda it: json.dumps(it).encode()),
    st.integers(2, 40_000).map(lambda deep: b'{"error":' * deep + b"1" + b"}" * deep),
    st.integers(2, 40_000).map(lambda deep: b"[" * deep + b"]" * deep),
    st.text(max_size=20).map(lambda it: json.dumps({"error": it}).encode("utf-16")),
)
statuses = st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503])
waits = st.sampled_from(["", "5", "9" * 300, "-1", "1e9", "Wed, 21 Oct 9999 07:28:00 GMT", "soon", "٣"])


@dataclass
class Odd:
    """What every endpoint answers next."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    discovery: bytes | None = None

    async def answer(self, request: web.Request) -> web.Response:
        if "openid-configuration" in request.path:
            return web.Response(body=self.discovery or DISCOVERY)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


LOGIN = "https://login.microsoftonline.com/common"
DISCOVERY = json.dumps(
    {
        "authorization_endpoint": f"{LOGIN}/oauth2/v2.0/authorize",
        "token_endpoint": f"{LOGIN}/oauth2/v2.0/token",
        "issuer": f"{LOGIN}/v2.0",
    }
).encode()


@asynccontextmanager
async def providers(odd: Odd) -> AsyncIterator[tuple[Google, Microsoft]]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", odd.answer)
    async with TestServer(app) as server, provider_session() as session:
        there, clock = str(server.make_url("/")).rstrip("/"), SandboxClock.frozen(NOW)
        at_google = GoogleClient(
            "cid", Secret("s"), there, f"{there}/token", f"{there}/revoke", f"{there}/certs", "iss", there
        )
        at_microsoft = MicrosoftClient("cid", Secret("s"), there, there)
        yield (
            Google(at_google, session=session, clock=clock),
            Microsoft(at_microsoft, session=session, clock=clock),
        )


def a_fresh() -> RefreshedGrant:
    return RefreshedGrant(Secret("access"), Secret("refresh"), frozenset(), None)


async def refreshes(provider: Provider) -> None:
    await provider.refresh(_grant(provider))


async def probes(provider: Provider) -> None:
    await provider.probe(_grant(provider), a_fresh())


async def revokes(provider: Provider) -> None:
    await provider.revoke(_grant(provider))


async def redeems(provider: Provider) -> None:
    consent = replace(a_consent("alice@acme.example"), scopes=provider.needed_scopes)
    step = await provider.begin(consent)
    assert isinstance(step, Redirect)
    answer = {"state": consent.state.reveal(), "code": "code"}
    for is_shared in (False, True):
        asked = replace(consent, memo=step.memo, is_shared=is_shared)
        with suppress(InboxkeeperError):
            await provider.redeem(asked, answer)


def _grant(provider: Provider) -> Grant:
    identity = MailboxIdentity(provider.key, "subject", "tenant")
    empty = frozenset[str]()
    got = Authorization(identity, "alice@acme.example", empty, empty, empty, Secret("refresh"))
    return a_grant(got)


@pytest.mark.parametrize("call", [refreshes, probes, revokes, redeems])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(st.tuples(statuses, bodies, waits), min_size=8, max_size=12))
def test_any_answer_is_an_answer_or_an_error_of_ours(
    call: Call, answers: list[tuple[int, bytes, str]]
) -> None:
    """Of another shape, type, depth or encoding: it may tell nothing, but it breaks nothing."""

    async def asked() -> None:
        odd = Odd()
        async with providers(odd) as both:
            for odd.status, odd.body, wait in answers:
                odd.headers = {"Retry-After": wait} if wait else {}
                for provider in both:
                    with suppress(InboxkeeperError):
                        await call(provider)

    asyncio.run(asked())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=st.lists(bodies | objects.map(lambda it: json.dumps(it).encode()), min_size=5, max_size=8))
def test_any_discovery_document_is_read_or_refused(documents: list[bytes]) -> None:
    """A sign-in that cannot be begun says why, and the next one asks again."""

    async def asked() -> None:
        for document in documents:
            odd = Odd(discovery=document)
            async with providers(odd) as (_, microsoft):
                with suppress(ProviderError):
                    await redeems(microsoft)
                odd.discovery = DISCOVERY
                assert await microsoft.begin(a_consent("alice@acme.example"))

    asyncio.run(asked())


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "issuer"])
async def test_a_discovery_document_of_other_types_is_unreadable(name: str) -> None:
    """And not kept: an endpoint that is a number would be met again by everybody."""
    odd = Odd(discovery=json.dumps({**json.loads(DISCOVERY), name: 5}).encode())
    async with providers(odd) as (_, microsoft):
        with pytest.raises(ProviderUnavailable):
            await microsoft.begin(a_consent("alice@acme.example"))


@pytest.mark.parametrize("token", [5, {"a": 1}, ["x"], True])
async def test_tokens_of_other_types_are_unreadable(token: object) -> None:
    """They are neither stored nor taken for a refusal."""
    for name in ("access_token", "refresh_token"):
        answer = {"access_token": "token", "refresh_token": "r", name: token}
        odd = Odd(body=json.dumps(answer).encode())
        async with providers(odd) as both:
            for provider in both:
                with pytest.raises(ProviderUnavailable):
                    await provider.refresh(_grant(provider))


@given(said=st.text(max_size=40) | waits)
def test_no_provider_is_left_alone_for_more_than_an_hour(said: str) -> None:
    """However it is written."""
    wait = HttpReply(429, {"Retry-After": said}, b"").retry_after(NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_RETRY
