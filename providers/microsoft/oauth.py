"""Signing in at Microsoft, by msal's authorization-code flow, and whether it knows a domain at all.

The one rule: msal builds the request and redeems the code; what it needs of the network goes through the
own ``HttpClient``, so that limits and silence about secrets hold here too. It remembers nothing: its caches
would answer for Microsoft (see ``docs/decisions/0002``).

Of the domains that people type, Microsoft's sign-in serves a document to anybody for those of its tenants.
That is asked while they wait; so it takes a second at most, goes nowhere but to Microsoft, and what cannot
be had is *no*. A tenant is no mailbox: many organisations have one and their mail elsewhere.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import aiohttp

from bot.domain.errors import (
    AdminActionNeeded,
    ConsentFailed,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.grant import Secret, resource_in
from providers.base import Consent, Redirect
from providers.http_client import HttpClient, HttpReply
from providers.microsoft.errors import MicrosoftErrors, numbers_of, of_consent
from providers.settings import MicrosoftClient

if TYPE_CHECKING:
    import msal

LOGIN: Final = "https://login.microsoftonline.com"
"""Where msal believes Microsoft to be; where it really is, our settings say."""

# msal recommends ``form_post``. Such a POST comes from another site, so that the cookie which binds a
# sign-in to its browser (SameSite=Lax) would be missing; ``state``, PKCE and a code that is spent once keep
# the address harmless.
QUERY_WARNING: Final = "response_mode='form_post' is recommended"
warnings.filterwarnings("ignore", message=QUERY_WARNING)

_OF_ODD_TOKENS: Final = (TypeError, LookupError, AttributeError, ArithmeticError)
"""What msal meets in an id token whose parts are of other types than they should be."""
_TEXTS: Final = ("access_token", "client_info", "error", "id_token", "issuer", "refresh_token", "scope")
_ADDRESSES: Final = ("authorization_endpoint", "token_endpoint")

T = TypeVar("T")


class SignIn:
    """From the address to consent at, to what the token endpoint answers."""

    def __init__(
        self,
        client: MicrosoftClient,
        wire: HttpClient,
        errors: MicrosoftErrors,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._clock = clock
        self._wire = wire
        self._errors = errors
        self._making = asyncio.Lock()
        self._made: msal.ConfidentialClientApplication | None = None

    async def begin(self, consent: Consent) -> Redirect:
        """Where to consent. ``select_account``, never ``consent``: that would ask people for an approval that
        their admin has given already. Raises ``ProviderError``."""
        app = await self._app()
        flow = await asyncio.to_thread(
            app.initiate_auth_code_flow,
            sorted(consent.scopes),
            redirect_uri=consent.redirect_uri,
            state=consent.state.reveal(),
            prompt="select_account",
            # Nobody signs in as a shared mailbox, and no personal account may open one.
            **({"domain_hint": "organizations"} if consent.is_shared else {"login_hint": consent.address}),
            response_mode="query",
            claims_challenge=consent.claims or None,
        )
        return Redirect(flow.pop("auth_uri"), memo=Secret(json.dumps(flow)))

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint's answer to the code, with ``id_token_claims``.

        Raises ``ConsentDeclined``, ``ConsentFailed``, ``ProviderError``.
        """
        flow = self._flow(consent, callback)
        app = await self._app()
        # Only what is needed: msal would read more of a query that anybody can write.
        spoken = {"code": callback["code"], "state": callback["state"]}
        try:
            # The consent may be for several resources, a token request for one (AADSTS28000).
            scopes = sorted(one for one in consent.scopes if not resource_in(one))
            answer = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, spoken, scopes)
        except (ValueError, RuntimeError, *_OF_ODD_TOKENS):  # one that is none, or not for this sign-in
            raise ConsentFailed(consent.address, "identity_not_proven") from None
        if "error" in answer:
            raise self._refused(consent, answer)
        return dict(answer)

    def _flow(self, consent: Consent, callback: Mapping[str, str]) -> dict[str, Any]:
        state = callback.get("state", "").encode()
        if not hmac.compare_digest(state, consent.state.reveal().encode()):
            raise ConsentFailed(consent.address, "state_mismatch")
        if callback.get("error"):
            raise of_consent(consent.address, callback, self._errors)
        if not callback.get("code"):
            raise ConsentFailed(consent.address, "no_code")
        if consent.memo is None:
            raise ConsentFailed(consent.address, "not_begun")
        flow: dict[str, Any] = json.loads(consent.memo.reveal())
        return flow

    def _refused(self, consent: Consent, answer: Mapping[str, Any]) -> ConsentFailed | ProviderError:
        """A code that was used or is too old is no dead mailbox."""
        error = self._errors.of_answer(answer)
        if isinstance(error, AdminActionNeeded | ProviderMisconfigured | ProviderUnavailable):
            return error
        return ConsentFailed(consent.address, error.code)

    async def _app(self) -> msal.ConfidentialClientApplication:
        """msal's application: made once, with the one look-up that it needs."""
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make, asyncio.get_running_loop())
        return self._made

    def _make(self, loop: asyncio.AbstractEventLoop) -> msal.ConfidentialClientApplication:
        import msal  # it brings requests and urllib3, and is needed by who signs in

        try:
            return msal.ConfidentialClientApplication(
                self._client.client_id,
                client_credential=self._credential(),
                authority=f"{LOGIN}/{self._client.tenant}",
                instance_discovery=False,
                token_cache=_no_tokens(),
                http_cache=_Nothing(),
                http_client=_MsalTransport(self._wire, self._errors, self._client.login_url, loop),
            )
        except (ValueError, *_OF_ODD_TOKENS):  # a discovery document that is none
            raise ProviderMisconfigured("discovery") from None

    def _credential(self) -> str | dict[str, Callable[[], str]]:
        """The secret, or what msal calls whenever it has to prove us."""
        client, certificate = self._client, self._client.certificate
        if certificate is None:
            return client.client_secret.reveal()
        audience = client.token_url(client.tenant)
        return {"client_assertion": lambda: certificate.assertion(client.client_id, audience, self._clock())}


def _no_tokens() -> msal.TokenCache:
    """A shared application would keep everybody's tokens in memory."""
    import msal

    class Forgetful(msal.TokenCache):  # type: ignore[misc]
        def add(self, event: object, now: object = None) -> None:
            """Forget it."""

    return Forgetful()


class _Nothing(dict[Any, Any]):
    """msal would answer from here for a minute after any refusal."""

    def __setitem__(self, key: object, value: object) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reply as msal wants to read it."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def raise_for_status(self) -> None:
        """What cannot be read never comes this far."""


class _MsalTransport:
    """msal's way to Microsoft: called in a thread of its own, it lets the event loop do the talking."""

    def __init__(
        self, wire: HttpClient, errors: MicrosoftErrors, login_url: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._wire, self._errors, self._login_url, self._loop = wire, errors, login_url, loop

    def get(self, url: str, params: Mapping[str, str] | None = None, **_: object) -> _Answer:
        """The discovery document. A tenant that does not exist is the operator's mistake."""
        query = f"?{urlencode(params)}" if params else ""
        reply = self._said(self._wire.get(self._there(url) + query))
        if reply.status != 200:
            raise ProviderMisconfigured(self._code(reply))
        return self._readable(reply)

    def post(self, url: str, data: Mapping[str, str] | None = None, **_: object) -> _Answer:
        """The token endpoint."""
        return self._readable(self._said(self._wire.post_form(self._there(url), dict(data or {}))))

    def close(self) -> None:
        """The session is not ours."""

    def _said(self, asking: Awaitable[HttpReply]) -> HttpReply:
        """Raises ``ProviderUnavailable`` for what speaks of Microsoft's own condition."""
        reply = asyncio.run_coroutine_threadsafe(_awaited(asking), self._loop).result()
        if reply.is_trouble:
            raise self._errors.of_token(reply)
        return reply

    def _readable(self, reply: HttpReply) -> _Answer:
        answer = reply.json_object()
        # msal expects texts where texts belong, and meets what is not with whatever happens.
        if answer is None or any(not isinstance(answer.get(name, ""), str) for name in _TEXTS + _ADDRESSES):
            raise self._errors.unreadable(reply)
        return _Answer(reply.status, reply.body.decode("utf-8", "replace"), dict(reply.headers))

    def _code(self, reply: HttpReply) -> str:
        numbers = numbers_of(reply.json_object() or {})
        return f"AADSTS{numbers[0]}" if numbers else f"discovery_{reply.status}"

    def _there(self, url: str) -> str:
        return self._login_url + url.removeprefix(LOGIN) if url.startswith(f"{LOGIN}/") else url


async def _awaited(asking: Awaitable[T]) -> T:
    return await asking


WAITS: Final = timedelta(seconds=1)
_DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)


class MicrosoftTenants:
    """``providers.detect.Tenants``, asked of Microsoft's sign-in at ``login_url``."""

    def __init__(self, session: aiohttp.ClientSession, login_url: str, *, waits: timedelta = WAITS) -> None:
        self._wire = HttpClient(session, timeout=waits)
        self._login_url = login_url.rstrip("/")

    async def knows(self, domain: str) -> bool:
        """Whether a tenant has this domain."""
        if not _DOMAIN.fullmatch(domain):
            return False
        try:
            reply = await self._wire.get(f"{self._login_url}/{domain}/v2.0/.well-known/openid-configuration")
        except ProviderUnavailable:
            return False
        return reply.status == 200
