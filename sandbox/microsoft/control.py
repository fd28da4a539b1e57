"""What a person or a test can do to the local Microsoft from outside: in Python, and over HTTP and JSON.

Rule: consent by lever passes the very checks of the pages; no answer carries a secret but a code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict
from yarl import URL

from sandbox.controls import as_bad_request, bad_request, body_of, text
from sandbox.microsoft.authorization import (
    SentBack,
    accepted,
    approve,
    check_account,
    declined,
    left_with_request,
    read_request,
    requested,
    withdraw,
)
from sandbox.microsoft.faults import CANNED, CONDITIONS, Options, made
from sandbox.microsoft.pages import ADMINCONSENT, AUTHORIZE, approved, read_wish, refused
from sandbox.microsoft.scopes import IMAP, SCOPES, SMTP, parse
from sandbox.microsoft.state import CONSUMERS, Account, State, Tenant

ACTIONS = frozenset(
    {
        "approval_withdrawn",
        "consent_revoked",
        "exchange_withdrawn",
        "idle_expired",
        "keys_rotated",
        "password_reset",
        "sessions_revoked",
    }
)
FAULTS = tuple(sorted({*ACTIONS, *CONDITIONS, *CANNED}))


class Operations:
    """What a person or test can do to the local Microsoft from outside."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- what people do in a browser

    def consent(
        self,
        url: str,
        account: str,
        *,
        cancel: bool = False,
        for_everybody: bool = False,
        reason: str = "",
    ) -> str:
        """Answer a sign-in or approval page as ``account``, without a browser; returns the callback address.

        ``for_everybody``: an admin ticks the box for the whole organisation. ``reason``: the admin is asked,
        where they have to be. With ``response_mode=form_post`` the query holds what the form would post.

        Raises ConsentRefused where Microsoft would show a page of its own, ValueError for a wrong lever.
        """
        parts = urlsplit(url)
        query = MultiDict(URL(url).query)
        person = self._state.directory.known(account)
        try:
            if parts.path.endswith(ADMINCONSENT):
                return self._approves(_tenant_in(parts.path, ADMINCONSENT), query, person, cancel=cancel)
            if not parts.path.endswith(AUTHORIZE):
                raise ValueError("url is not an authorization request")
            path = _tenant_in(parts.path, AUTHORIZE)
            return self._consents(
                path, query, person, cancel=cancel, for_everybody=for_everybody, reason=reason
            )
        except SentBack as sent:
            return sent.reply.url

    def _consents(
        self,
        path: str,
        query: MultiDict[str],
        person: Account,
        *,
        cancel: bool,
        for_everybody: bool,
        reason: str,
    ) -> str:
        self._state.wishes.append(dict(query))
        wish = read_request(self._state, path, query)
        check_account(self._state, wish, person)
        if cancel:
            return declined(self._state, wish).url
        if reason:
            requested(self._state, wish, person, reason)
            return left_with_request(self._state, wish).url
        return accepted(self._state, wish, person, for_everybody=for_everybody).url

    def _approves(self, path: str, query: MultiDict[str], person: Account, *, cancel: bool) -> str:
        wish = read_wish(self._state, path, query)
        answer = refused if cancel else approved
        return answer(self._state, wish, person).url

    # --- what admins decide

    def decide(
        self, tenant: str, *, users_may_consent: bool | None = None, takes_requests: bool | None = None
    ) -> Tenant:
        """Change an organisation's settings; what was allowed before stays allowed. Raises ValueError."""
        found = self._state.directory.tenant(tenant)
        if users_may_consent is not None:
            found.users_may_consent = users_may_consent
        if takes_requests is not None:
            found.takes_requests = takes_requests
        return found

    def approve(self, tenant: str, scopes: str = "") -> None:
        """Allow every registered app these scopes (all there are, when none is named) for everybody."""
        wanted = frozenset(parse(scopes) or SCOPES)
        for client_id in self._state.clients:
            approve(self._state.directory.tenant(tenant), client_id, wanted)

    def share(self, mailbox: str, delegate: str, *, allowed: bool = True) -> None:
        """Let somebody open a shared mailbox, or no longer. Raises ValueError."""
        self._state.directory.share(mailbox, delegate, allowed=allowed)

    # --- what goes wrong

    def break_down(
        self, what: str, account: str | None = None, *, tenant: str | None = None, **options: Any
    ) -> None:
        """Break `what`, for one account, one tenant or (neither) everybody. Raises ValueError."""
        target, hit = self._hit(account, tenant)
        act = self._actions().get(what)
        if act is None:
            self._state.faults.add(made(what, target, Options.of(options), self._state.clock))
            return
        if options:
            raise ValueError(f"{what} takes no options")
        act(hit)

    def mend(self, account: str | None = None, *, tenant: str | None = None) -> None:
        """Mend the faults of one account or tenant, or all faults. What was revoked stays revoked."""
        self._state.faults.mend(self._hit(account, tenant)[0])

    def _hit(self, account: str | None, tenant: str | None) -> tuple[str | None, tuple[Account, ...]]:
        directory = self._state.directory
        if account is not None:
            person = directory.known(account)
            return person.oid, (person,)
        if tenant is not None:
            found = directory.tenant(tenant)
            return found.tid, tuple(directory.members(found))
        return None, tuple(directory)

    def _actions(self) -> Mapping[str, Callable[[tuple[Account, ...]], None]]:
        ledger = self._state.ledger
        return {
            "consent_revoked": lambda hit: _each(hit, ledger.take_back),
            "sessions_revoked": lambda hit: _each(hit, lambda person: ledger.end(person, 50173)),
            "password_reset": lambda hit: _each(hit, lambda person: ledger.end(person, 50173)),
            "idle_expired": lambda hit: _each(
                hit, lambda person: ledger.end(person, 70000 if person.is_personal else 700082)
            ),
            "approval_withdrawn": self._withdrawn,
            "exchange_withdrawn": lambda hit: _each(
                hit, lambda person: ledger.narrow(person.oid, frozenset({IMAP, SMTP}))
            ),
            "keys_rotated": lambda _: self._state.key.rotate(),
        }

    def _withdrawn(self, hit: tuple[Account, ...]) -> None:
        for tid in {person.tid for person in hit} - {CONSUMERS}:
            withdraw(self._state, self._state.directory.tenant(tid))

    # --- what stands

    def accounts(self) -> list[dict[str, Any]]:
        """Who is here and what stands, without any secret."""
        return [self._described(account) for account in self._state.directory]

    def tenants(self) -> list[dict[str, Any]]:
        """The organisations and what their admins decided."""
        return [
            {
                "tid": tenant.tid,
                "name": tenant.name,
                "domains": tenant.domains,
                "users_may_consent": tenant.users_may_consent,
                "takes_requests": tenant.takes_requests,
                "approved": sorted({scope for scopes in tenant.approved.values() for scope in scopes}),
                "requests": [
                    {"email": asked.email, "scopes": asked.scopes, "reason": asked.reason}
                    for asked in tenant.requests
                ],
                "faults": self._state.faults.named(tenant.tid),
            }
            for tenant in self._state.directory.tenants
        ]

    def _described(self, account: Account) -> dict[str, Any]:
        state = self._state
        scopes = {scope for client_id in state.clients for scope in state.allowed(client_id, account)}
        return {
            "email": account.email,
            "name": account.name,
            "oid": account.oid,
            "tid": account.tid,
            "upn": account.upn,
            "aliases": sorted(account.aliases),
            "is_admin": account.is_admin,
            "is_shared": not account.signs_in,
            "delegates": sorted(state.directory.by_oid(oid).email for oid in account.delegates),
            "refresh_tokens": len(state.ledger.refresh_tokens(account.oid)),
            "scopes": sorted(scopes),
            "faults": state.faults.named(account.oid, account.tid),
        }


def _tenant_in(path: str, end: str) -> str:
    return path.removesuffix(end).rpartition("/")[2]


def _each(hit: tuple[Account, ...], act: Callable[[Account], None]) -> None:
    for person in hit:
        act(person)


class ControlApi:
    """The requests under `/control/microsoft`."""

    def __init__(self, state: State, operations: Operations) -> None:
        self._state = state
        self._operations = operations

    def add_routes(self, app: web.Application) -> None:
        base = "/control/microsoft"
        app.router.add_get(f"{base}/accounts", self._accounts)
        app.router.add_post(f"{base}/accounts", self._add)
        app.router.add_post(f"{base}/rename", self._rename)
        app.router.add_post(f"{base}/alias", self._alias)
        app.router.add_post(f"{base}/share", self._share)
        app.router.add_post(f"{base}/tenant", self._tenant)
        app.router.add_post(f"{base}/approve", self._approve)
        app.router.add_post(f"{base}/consent", self._consent)
        app.router.add_post(f"{base}/break", self._break)
        app.router.add_post(f"{base}/mend", self._mend)

    async def _accounts(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "accounts": self._operations.accounts(),
                "tenants": self._operations.tenants(),
                "broken_for_all": self._state.faults.named(None),
                "requests": dict(self._state.requests),
                "faults": FAULTS,
            }
        )

    async def _add(self, request: web.Request) -> web.Response:
        body = await body_of(request, "email", "name")
        with as_bad_request():
            account = self._state.directory.add(text(body, "email"), body.get("name", ""))
        return web.json_response({"oid": account.oid, "tid": account.tid, "email": account.email})

    async def _rename(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "to")
        with as_bad_request():
            account = self._state.directory.rename(text(body, "account"), text(body, "to"))
        return web.json_response({"oid": account.oid, "email": account.email})

    async def _alias(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "alias")
        with as_bad_request():
            account = self._state.directory.add_alias(text(body, "account"), text(body, "alias"))
        return web.json_response({"oid": account.oid, "aliases": sorted(account.aliases)})

    async def _share(self, request: web.Request) -> web.Response:
        body = await body_of(request, "mailbox", "delegate", "allowed")
        with as_bad_request():
            self._operations.share(
                text(body, "mailbox"), text(body, "delegate"), allowed=body.get("allowed", True) is True
            )
        return web.json_response({"ok": True})

    async def _tenant(self, request: web.Request) -> web.Response:
        body = await body_of(request, "tenant", "users_may_consent", "takes_requests")
        with as_bad_request():
            self._operations.decide(
                text(body, "tenant"),
                users_may_consent=_flag(body, "users_may_consent"),
                takes_requests=_flag(body, "takes_requests"),
            )
        return web.json_response({"ok": True})

    async def _approve(self, request: web.Request) -> web.Response:
        body = await body_of(request, "tenant", "scopes")
        with as_bad_request():
            self._operations.approve(text(body, "tenant"), body.get("scopes", ""))
        return web.json_response({"ok": True})

    async def _consent(self, request: web.Request) -> web.Response:
        body = await body_of(request, "url", "account", "cancel", "for_everybody", "reason")
        with as_bad_request():
            redirect = self._operations.consent(
                text(body, "url"),
                text(body, "account"),
                cancel=body.get("cancel") is True,
                for_everybody=body.get("for_everybody") is True,
                reason=body.get("reason", ""),
            )
        return web.json_response({"redirect": redirect})

    async def _break(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        what = text(body, "what")
        options = {
            key: value for key, value in body.items() if key not in {"what", "account", "tenant", "all"}
        }
        with as_bad_request():
            self._operations.break_down(
                what, _named(body, "account"), tenant=_named(body, "tenant"), **options
            )
        return web.json_response({"ok": True})

    async def _mend(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "tenant", "all")
        with as_bad_request():
            self._operations.mend(_named(body, "account"), tenant=_named(body, "tenant"))
        return web.json_response({"ok": True})


def _named(body: Mapping[str, Any], field: str) -> str | None:
    """An account or tenant; nobody when everybody is meant."""
    return None if body.get("all") or field not in body else text(body, field)


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{name} is true or false")
    return value
