"""The local Google, put together. Rule: to the product it is only a set of addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.google.control import ControlApi, Operations
from sandbox.google.gmail import Gmail
from sandbox.google.oauth import Pages, TokenEndpoint
from sandbox.google.state import FULL_MAIL, Accounts, Client, Ledger, State
from sandbox.sasl import Verdict

ISSUER = "https://accounts.local-google.example"


class LocalGoogle:
    """Consent, tokens, certificates and a mailbox, as strict as Google and breakable at will."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uris: Iterable[str] = (),
        project: str = "demo",
        app_name: str = "Inboxkeeper",
        issuer: str = ISSUER,
    ) -> None:
        client = Client(client_id, client_secret, tuple(redirect_uris))
        self._client_id = client_id
        self._state = State(clock, project, app_name, issuer, {client_id: client}, Ledger(clock))
        self._operations = Operations(self._state)

    @property
    def issuer(self) -> str:
        """The `iss` of its id tokens."""
        return self._state.issuer

    @property
    def accounts(self) -> Accounts:
        return self._state.accounts

    @property
    def requests(self) -> Counter[str]:
        """Requests so far to `auth`, `token`, `revoke`, `certs` and `gmail`."""
        return self._state.requests

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """The registered callback addresses of the first client."""
        return self._state.clients[self._client_id].redirect_uris

    @redirect_uris.setter
    def redirect_uris(self, uris: Iterable[str]) -> None:
        self._state.clients[self._client_id].redirect_uris = tuple(uris)

    def add_client(self, client_id: str, client_secret: str, redirect_uris: Iterable[str] = ()) -> None:
        """Register another client of the same project: revoking reaches its tokens too."""
        self._state.clients[client_id] = Client(client_id, client_secret, tuple(redirect_uris))

    def certificates(self) -> dict[str, str]:
        """The present public keys: key id to PEM."""
        return self._state.key.certificates()

    def consent(self, url: str, account: str, *, untick: Collection[str] = (), cancel: bool = False) -> str:
        """See Operations.consent."""
        return self._operations.consent(url, account, untick=untick, cancel=cancel)

    def break_down(self, what: str, account: str | None = None, **options: Any) -> None:
        """See Operations.break_down."""
        self._operations.break_down(what, account, **options)

    def mend(self, account: str | None = None) -> None:
        """See Operations.mend."""
        self._operations.mend(account)

    def judges_token(self, address: str, token: str) -> Verdict:
        """A mail program may log in with one that lives, is this account's, and is for all of
        Gmail: no lesser permission will do."""
        found = self._state.ledger.live_access(token)
        if found is None or FULL_MAIL not in found.scopes:
            return Verdict.REFUSED
        is_theirs = self._state.accounts.by_sub(found.sub).email.lower() == address.lower()
        return Verdict.TAKEN if is_theirs else Verdict.REFUSED

    def add_routes(self, app: web.Application, prefix: str = "/google") -> None:
        """Mount the endpoints under the prefix, and the control API under `/control/google`."""
        pages, token, gmail = Pages(self._state, prefix), TokenEndpoint(self._state), Gmail(self._state)
        auth = f"{prefix}/o/oauth2/v2/auth"
        app.router.add_get(auth, pages.begin)
        app.router.add_get(f"{auth}/accounts", pages.choose)
        app.router.add_get(f"{auth}/accounts/{{sub}}", pages.ask)
        app.router.add_post(f"{auth}/accounts/{{sub}}", pages.decide)
        app.router.add_get(f"{prefix}/google.css", pages.style)
        app.router.add_post(f"{prefix}/token", token.token)
        app.router.add_post(f"{prefix}/revoke", token.revoke)
        app.router.add_get(f"{prefix}/certs", self._jwks)
        app.router.add_get(f"{prefix}/certs/v1", self._certificates)
        app.router.add_get(f"{prefix}/gmail/v1/users/{{user}}/labels", gmail.labels)
        app.router.add_get(f"{prefix}/gmail/v1/users/{{user}}/profile", gmail.profile)
        ControlApi(self._state, self._operations).add_routes(app)
        app.on_shutdown.append(self._release)

    async def _jwks(self, request: web.Request) -> web.Response:
        """GET /certs: a JWK set, as Google's v3."""
        return await self._keys(self._state.key.jwks())

    async def _certificates(self, request: web.Request) -> web.Response:
        """GET /certs/v1: key id to certificate, as Google's v1."""
        return await self._keys(self.certificates())

    async def _keys(self, keys: Mapping[str, Any]) -> web.Response:
        """Cacheable as Google's are."""
        self._state.requests["certs"] += 1
        await self._state.faults.delay("certs", None)
        if broken := self._state.faults.answer_for("certs", None):
            return broken.response()
        headers = {"Cache-Control": "public, max-age=21600, must-revalidate, no-transform"}
        return web.json_response(keys, headers=headers)

    async def _release(self, app: web.Application) -> None:
        """Let slow requests go, so that stopping does not wait for them."""
        self.mend()
