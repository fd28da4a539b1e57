"""The sign-in pages. Rule: plain HTML forms; everything a click needs is in the address it was asked with."""

from __future__ import annotations

from aiohttp import web

from sandbox.consent import ConsentRefused
from sandbox.microsoft.authorization import ConsentRequest, SentBack, read_request, shown
from sandbox.microsoft.consents import (
    Standing,
    accepted,
    check_account,
    declined,
    left_with_request,
    not_signed_in,
    requested,
    standing,
)
from sandbox.microsoft.directory import Account
from sandbox.microsoft.rendering import Showing, listed
from sandbox.microsoft.state import State
from sandbox.microsoft.words import MANAGED

AUTHORIZE = "/oauth2/v2.0/authorize"


class Pages:
    """Pick an account, accept what an app asks for, ask an admin, or read why not."""

    def __init__(self, state: State, prefix: str, showing: Showing) -> None:
        self._state = state
        self._prefix = prefix
        self._showing = showing

    def add_routes(self, app: web.Application) -> None:
        base = f"{self._prefix}/{{tenant}}{AUTHORIZE}"
        app.router.add_get(base, self._begin)
        app.router.add_get(f"{base}/accounts", self._choose)
        app.router.add_get(f"{base}/accounts/{{oid}}", self._go_on)
        app.router.add_post(f"{base}/accounts/{{oid}}", self._decide)

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize: on with the hinted account, or the list of accounts."""
        self._state.requests["authorize"] += 1
        self._state.wishes.append(dict(request.query))
        try:
            wish = self._wish(request)
            if wish.prompt == "none":
                return self._showing.answer(request, not_signed_in(self._state, wish))
            hinted = self._hinted(wish)
            if hinted is None or wish.prompt == "select_account":
                return self._chooser(request, wish)
            return self._next(request, wish, hinted)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _choose(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize/accounts: the list, whatever the hint."""
        try:
            return self._chooser(request, self._wish(request))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _go_on(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize/accounts/{oid}: whatever stands between this account and the app."""
        try:
            return self._next(request, self._wish(request), self._picked(request))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/authorize/accounts/{oid}: what was answered on one of the pages."""
        form = await request.post()
        try:
            wish, account = self._wish(request), self._picked(request)
            choice = str(form.get("choice", ""))
            if choice == "request":
                return self._asked_admin(request, wish, account, str(form.get("reason", "")))
            if choice == "accept":
                everybody = form.get("everybody") == "yes"
                reply = accepted(self._state, wish, account, for_everybody=everybody)
            else:
                answer = left_with_request if choice == "back" else declined
                reply = answer(self._state, wish)
            return self._showing.answer(request, reply)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    def _next(self, request: web.Request, wish: ConsentRequest, account: Account) -> web.Response:
        """What this account sees next."""
        check_account(self._state, wish, account)
        what = standing(self._state, wish, account)
        if what is Standing.NOTHING:
            return self._showing.answer(request, accepted(self._state, wish, account))
        template = {Standing.CONSENT: "consent", Standing.ADMIN: "approval", Standing.REQUEST: "request"}[
            what
        ]
        return self._page(request, template, wish, account)

    def _asked_admin(
        self, request: web.Request, wish: ConsentRequest, account: Account, reason: str
    ) -> web.Response:
        try:
            requested(self._state, wish, account, reason)
        except ValueError:
            return self._page(request, "request", wish, account, without_reason=True)
        return self._page(request, "requested", wish, account)

    def _page(
        self,
        request: web.Request,
        template: str,
        wish: ConsentRequest,
        account: Account,
        *,
        without_reason: bool = False,
    ) -> web.Response:
        return self._showing.page(
            request,
            template,
            account=account,
            accounts_url=self._accounts_url(request),
            scopes=listed(wish.scopes),
            managed=MANAGED[account.is_personal],
            for_organisation=False,
            without_reason=without_reason,
        )

    def _chooser(self, request: web.Request, wish: ConsentRequest) -> web.Response:
        hinted = self._hinted(wish)
        able = [
            a
            for a in self._state.directory
            if a.signs_in and wish.authority.admits(a) and _hinted_at(wish, a)
        ]
        return self._showing.page(
            request,
            "accounts",
            accounts=sorted(able, key=lambda account: account != hinted),
            accounts_url=self._accounts_url(request),
            unknown="" if self._state.directory.find(wish.login_hint) else wish.login_hint,
        )

    def _hinted(self, wish: ConsentRequest) -> Account | None:
        """The account that the hint names, if it could sign in here."""
        found = self._state.directory.find(wish.login_hint) if wish.login_hint else None
        return found if found and found.signs_in and wish.authority.admits(found) else None

    def _wish(self, request: web.Request) -> ConsentRequest:
        return read_request(self._state, request.match_info["tenant"], request.query)

    def _picked(self, request: web.Request) -> Account:
        account = self._state.directory.find(request.match_info["oid"])
        if account is None:
            raise shown(50034)
        return account

    def _accounts_url(self, request: web.Request) -> str:
        return f"{self._prefix}/{request.match_info['tenant']}{AUTHORIZE}/accounts"

    def _no(self, request: web.Request, no: ConsentRefused | SentBack) -> web.Response:
        if isinstance(no, SentBack):
            return self._showing.answer(request, no.reply)
        return self._showing.refused(request, no)


def _hinted_at(wish: ConsentRequest, account: Account) -> bool:
    """Whether the domain hint leaves this account in the list."""
    kinds = {"consumers": account.is_personal, "organizations": not account.is_personal}
    hint = wish.domain_hint
    return kinds.get(hint, account.email.endswith(f"@{hint}")) if hint else True
