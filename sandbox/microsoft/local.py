"""The local Microsoft, put together. Rule: to the product it is only a set of addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from aiohttp import web
from cryptography.x509 import load_pem_x509_certificate

from sandbox.microsoft.authority import Discovery
from sandbox.microsoft.control import ControlApi, Operations
from sandbox.microsoft.graph import Graph
from sandbox.microsoft.pages import ApprovalPages, Pages, Showing
from sandbox.microsoft.scopes import IMAP, SMTP
from sandbox.microsoft.state import Client, Directory, Ledger, State
from sandbox.microsoft.token_endpoint import TokenEndpoint
from sandbox.sasl import Verdict

_TOO_SHORT = timedelta(minutes=10)
"""Exchange refuses to begin with a token that ends sooner."""


class LocalMicrosoft:
    """Sign-in, consent, approval, tokens and Graph, as strict as Microsoft and breakable at will."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uris: Iterable[str] = (),
        app_name: str = "Inboxkeeper",
    ) -> None:
        client = Client(client_id, client_secret, tuple(redirect_uris))
        self._client_id = client_id
        self._state = State(clock, app_name, {client_id: client}, Ledger(clock))
        self.levers = Operations(self._state)

    @property
    def directory(self) -> Directory:
        """The accounts and the organisations."""
        return self._state.directory

    @property
    def requests(self) -> Counter[str]:
        """Requests so far to `discovery`, `keys`, `authorize`, `adminconsent`, `token` and `graph`."""
        return self._state.requests

    @property
    def wishes(self) -> Sequence[Mapping[str, str]]:
        """The latest authorization requests that browsers brought or levers answered."""
        return tuple(self._state.wishes)

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """The registered callback addresses of the first client."""
        return self._state.clients[self._client_id].redirect_uris

    @redirect_uris.setter
    def redirect_uris(self, uris: Iterable[str]) -> None:
        self._state.clients[self._client_id].redirect_uris = tuple(uris)

    def register_certificate(self, pem: bytes) -> None:
        """The first client may prove itself with this certificate from now on."""
        self._state.clients[self._client_id].certificate = load_pem_x509_certificate(pem)

    def forbid_secrets(self) -> None:
        """The organisation's policy: the first client's secret is no more."""
        self._state.clients[self._client_id].client_secret = token_urlsafe(32)

    def add_client(self, client_id: str, client_secret: str, redirect_uris: Iterable[str] = ()) -> None:
        """Register another app; consent to one says nothing about the other."""
        self._state.clients[client_id] = Client(client_id, client_secret, tuple(redirect_uris))

    def consent(
        self, url: str, account: str, *, cancel: bool = False, for_everybody: bool = False, reason: str = ""
    ) -> str:
        """See Operations.consent."""
        return self.levers.consent(url, account, cancel=cancel, for_everybody=for_everybody, reason=reason)

    def judges_imap(self, address: str, token: str) -> Verdict:
        """Whether Exchange lets a mail program in with this token, to read."""
        return self._judged(address, token, IMAP)

    def judges_smtp(self, address: str, token: str) -> Verdict:
        """The same, to send."""
        return self._judged(address, token, SMTP)

    def _judged(self, address: str, text: str, scope: str) -> Verdict:
        """Of the mailbox's own account, or of one that may open it."""
        ledger, token = self._state.ledger, self._state.ledger.access_token(text)
        if token is None or ledger.is_expired(token) or scope not in token.scopes:
            return Verdict.REFUSED
        mailbox = next((one for one in self._state.directory if one.answers_to(address)), None)
        if mailbox is None or token.oid not in {mailbox.oid, *mailbox.delegates}:
            return Verdict.REFUSED
        ends_soon = token.expires_at - self._state.clock() < _TOO_SHORT
        return Verdict.ENDS_SOON if ends_soon else Verdict.TAKEN

    def break_down(
        self, what: str, account: str | None = None, *, tenant: str | None = None, **options: Any
    ) -> None:
        """See Operations.break_down."""
        self.levers.break_down(what, account, tenant=tenant, **options)

    def mend(self, account: str | None = None, *, tenant: str | None = None) -> None:
        """See Operations.mend."""
        self.levers.mend(account, tenant=tenant)

    def add_routes(self, app: web.Application, prefix: str = "/microsoft") -> None:
        """Mount Graph under the prefix and `/graph`, the rest under the prefix, and the control API."""
        self._add_graph(app, f"{prefix}/graph")
        showing = Showing(self._state, prefix)
        app.router.add_get(f"{prefix}/microsoft.css", showing.style)
        Pages(self._state, prefix, showing).add_routes(app)
        ApprovalPages(self._state, prefix, showing).add_routes(app)
        discovery, token = Discovery(self._state, prefix), TokenEndpoint(self._state)
        app.router.add_get(
            f"{prefix}/{{tenant}}/v2.0/.well-known/openid-configuration", discovery.configuration
        )
        app.router.add_get(f"{prefix}/{{tenant}}/discovery/v2.0/keys", discovery.keys)
        app.router.add_post(f"{prefix}/{{tenant}}/oauth2/v2.0/token", token.token)
        ControlApi(self._state, self.levers).add_routes(app)
        app.on_shutdown.append(self._release)

    def _add_graph(self, app: web.Application, prefix: str) -> None:
        graph = Graph(self._state)
        app.router.add_get(f"{prefix}/v1.0/me", graph.me)
        app.router.add_get(f"{prefix}/v1.0/me/mailFolders/{{folder}}", graph.own_folder)
        app.router.add_get(f"{prefix}/v1.0/users", graph.users)
        app.router.add_get(f"{prefix}/v1.0/users/{{user}}", graph.user)
        app.router.add_get(f"{prefix}/v1.0/users/{{user}}/mailFolders/{{folder}}", graph.folder)
        app.router.add_route("*", f"{prefix}/{{rest:.*}}", graph.nothing)

    async def _release(self, app: web.Application) -> None:
        """Let slow requests go, so that stopping does not wait for them."""
        self.mend()
