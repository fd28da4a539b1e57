"""What one can do to the local Google behind the scenes.

Rule: consent by lever passes the very checks of the page; no answer carries a secret but a code.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict
from yarl import URL

from sandbox.controls import as_bad_request, body_of, text, whom
from sandbox.google.accounts import Account
from sandbox.google.authorization import declined, granted, read_request
from sandbox.google.faults import CANNED, CONDITIONS, Options, made
from sandbox.google.scopes import full_name, mail_among
from sandbox.google.state import State

ACTIONS = frozenset({"revoked", "password_changed", "keys_rotated"})
FAULTS = tuple(sorted({*ACTIONS, *CONDITIONS, *CANNED}))


class Operations:
    """What a person or test can do to the local Google from outside."""

    def __init__(self, state: State) -> None:
        self._state = state

    def consent(self, url: str, account: str, *, untick: Collection[str] = (), cancel: bool = False) -> str:
        """Consent as `account` without a browser; returns the callback address.

        Raises ConsentRefused where Google would show a page of its own, ValueError for a wrong lever.
        """
        if not urlsplit(url).path.endswith("/o/oauth2/v2/auth"):
            raise ValueError("url is not an authorization request")
        wish = read_request(MultiDict(URL(url).query), self._state.clients)
        chosen = self._account(account)
        if cancel:
            return declined(wish)
        left_out = {full_name(name) for name in untick}
        ticked = {scope.name for scope in mail_among(wish.scopes)} - left_out
        return granted(self._state, wish, chosen, ticked)

    def break_down(self, what: str, account: str | None = None, **options: Any) -> None:
        """Break `what`, for one account or (None) for everybody. Raises ValueError."""
        hit = [self._account(account)] if account else list(self._state.accounts)
        if what == "revoked":
            for victim in hit:
                self._state.ledger.end_grant(victim.sub)
        elif what == "password_changed":
            for victim in hit:
                self._state.ledger.drop_mail_tokens(victim.sub)
        elif what == "keys_rotated":
            self._state.key.rotate()
        else:
            self._state.faults.add(made(what, hit[0].sub if account else None, Options.of(options)))

    def mend(self, account: str | None = None) -> None:
        """Mend every fault of one account, or all faults. What was revoked stays revoked."""
        self._state.faults.mend(self._account(account).sub if account else None)

    def accounts(self) -> list[dict[str, Any]]:
        """Who is here and what stands, without any secret."""
        return [self._described(account) for account in self._state.accounts]

    def _described(self, account: Account) -> dict[str, Any]:
        tokens = self._state.ledger.refresh_tokens(account.sub)
        return {
            "email": account.email,
            "name": account.name,
            "sub": account.sub,
            "hd": account.hosted_domain,
            "aliases": sorted(account.aliases),
            "refresh_tokens": len(tokens),
            "scopes": sorted({name for token in tokens for name in token.scopes}),
            "faults": self._state.faults.named(account.sub),
        }

    def _account(self, name: str) -> Account:
        account = self._state.accounts.find(name)
        if account is None:
            raise ValueError(f"no account {name}")
        return account


class ControlApi:
    """The operations over HTTP, JSON in and out."""

    def __init__(self, state: State, operations: Operations) -> None:
        self._state = state
        self._operations = operations

    def add_routes(self, app: web.Application) -> None:
        base = "/control/google"
        app.router.add_get(f"{base}/accounts", self._accounts)
        app.router.add_post(f"{base}/accounts", self._add)
        app.router.add_post(f"{base}/rename", self._rename)
        app.router.add_post(f"{base}/alias", self._alias)
        app.router.add_post(f"{base}/consent", self._consent)
        app.router.add_post(f"{base}/break", self._break)
        app.router.add_post(f"{base}/mend", self._mend)

    async def _accounts(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "accounts": self._operations.accounts(),
                "broken_for_all": self._state.faults.named(None),
                "requests": dict(self._state.requests),
                "faults": FAULTS,
            }
        )

    async def _add(self, request: web.Request) -> web.Response:
        body = await body_of(request, "email", "name")
        with as_bad_request():
            account = self._state.accounts.add(text(body, "email"), body.get("name", ""))
        return web.json_response({"sub": account.sub, "email": account.email})

    async def _rename(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "to")
        with as_bad_request():
            account = self._state.accounts.rename(text(body, "account"), text(body, "to"))
        return web.json_response({"sub": account.sub, "email": account.email})

    async def _alias(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "alias")
        with as_bad_request():
            account = self._state.accounts.add_alias(text(body, "account"), text(body, "alias"))
        return web.json_response({"sub": account.sub, "aliases": sorted(account.aliases)})

    async def _consent(self, request: web.Request) -> web.Response:
        body = await body_of(request, "url", "account", "untick", "cancel")
        with as_bad_request():
            redirect = self._operations.consent(
                text(body, "url"),
                text(body, "account"),
                untick=body.get("untick", []),
                cancel=body.get("cancel", False) is True,
            )
        return web.json_response({"redirect": redirect})

    async def _break(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        what, account = text(body, "what"), whom(body)
        options = {key: value for key, value in body.items() if key not in {"what", "account", "all"}}
        with as_bad_request():
            self._operations.break_down(what, account, **options)
        return web.json_response({"ok": True})

    async def _mend(self, request: web.Request) -> web.Response:
        body = await body_of(request, "account", "all")
        with as_bad_request():
            self._operations.mend(whom(body))
        return web.json_response({"ok": True})
