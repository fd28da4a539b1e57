"""The consent pages. Rule: plain HTML forms; everything a click needs is in the address it was asked with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.consent import ConsentRefused
from sandbox.google.accounts import Account
from sandbox.google.authorization import (
    ConsentRequest,
    check_account,
    declined,
    granted,
    read_request,
)
from sandbox.google.scopes import mail_among
from sandbox.google.state import State
from sandbox.google.words import WORDS
from sandbox.languages import preferred

HERE = Path(__file__).parent
STYLE = (HERE / "google.css").read_text(encoding="utf-8")
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE.parent / "templates"), autoescape=True, undefined=StrictUndefined
)


class Pages:
    """Choose an account, choose what to allow, or read why not."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self._prefix = prefix
        self._auth = f"{prefix}/o/oauth2/v2/auth"

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth: the hinted account's consent page, or the list of accounts."""
        self._state.requests["auth"] += 1
        try:
            wish = read_request(request.query, self._state.clients)
        except ConsentRefused as refused:
            return self._refused(request, refused)
        if "none" in wish.prompt:
            raise web.HTTPFound(wish.back(error="interaction_required"))
        hinted = self._hinted(wish)
        if hinted is None or "select_account" in wish.prompt:
            return self._chooser(request, wish)
        return self._consent(request, wish, hinted)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth/accounts: the list, whatever the hint."""
        try:
            return self._chooser(request, read_request(request.query, self._state.clients))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """GET …/auth/accounts/{sub}: what this account is asked to allow."""
        try:
            wish = read_request(request.query, self._state.clients)
            return self._consent(request, wish, self._picked(request))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/auth/accounts/{sub}: Continue or Cancel."""
        form = await request.post()
        try:
            wish = read_request(request.query, self._state.clients)
            account = self._picked(request)
            if form.get("choice") != "continue":
                raise web.HTTPFound(declined(wish))
            ticked = [str(name) for name in form.getall("scope", [])]
            raise web.HTTPFound(granted(self._state, wish, account, ticked))
        except ConsentRefused as refused:
            return self._refused(request, refused)

    async def style(self, request: web.Request) -> web.Response:
        """GET …/google.css."""
        return web.Response(text=STYLE, content_type="text/css")

    def _hinted(self, wish: ConsentRequest) -> Account | None:
        return self._state.accounts.find(wish.login_hint) if wish.login_hint else None

    def _picked(self, request: web.Request) -> Account:
        account = self._state.accounts.find(request.match_info["sub"])
        if account is None:
            raise ConsentRefused(400, "invalid_request", "No such account")
        return account

    def _chooser(self, request: web.Request, wish: ConsentRequest) -> web.Response:
        hinted = self._hinted(wish)
        accounts = sorted(self._present(), key=lambda account: account != hinted)
        unknown = wish.login_hint if wish.login_hint and hinted is None else ""
        return self._page(request, "google_accounts.html", accounts=accounts, unknown=unknown)

    def _present(self) -> Iterable[Account]:
        faults = self._state.faults
        return (a for a in self._state.accounts if not faults.stands("account_deleted", a.sub))

    def _consent(self, request: web.Request, wish: ConsentRequest, account: Account) -> web.Response:
        try:
            check_account(self._state, account)
        except ConsentRefused as refused:
            return self._refused(request, refused)
        scopes = mail_among(wish.scopes)
        return self._page(request, "google_consent.html", account=account, scopes=scopes)

    def _refused(self, request: web.Request, refused: ConsentRefused) -> web.Response:
        return self._page(request, "google_error.html", refused.status, refused=refused)

    def _page(self, request: web.Request, template: str, status: int = 200, **data: Any) -> web.Response:
        language = preferred(request.headers.get("Accept-Language", ""))
        html = TEMPLATES.get_template(template).render(
            data,
            language=language,
            words=WORDS[language],
            app=self._state.app_name,
            style=f"{self._prefix}/google.css",
            accounts_url=f"{self._auth}/accounts",
            query=request.query_string,
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(status=status, text=html, content_type="text/html", headers=headers)
