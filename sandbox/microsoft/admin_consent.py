"""The page on which an admin allows an app something for a whole organisation.

Rule: the same proofs as for signing in; only an admin of that organisation gets to answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from multidict import MultiMapping

from sandbox.consent import ConsentRefused
from sandbox.microsoft.answers import Trace
from sandbox.microsoft.authority import Authority
from sandbox.microsoft.authorization import (
    Reply,
    Return,
    SentBack,
    asked_scopes,
    proven_authority,
    proven_client,
    proven_redirect,
    refuse_repeats,
    shown,
)
from sandbox.microsoft.consents import approve
from sandbox.microsoft.directory import Account
from sandbox.microsoft.rendering import Showing, listed
from sandbox.microsoft.scopes import full_name
from sandbox.microsoft.state import State
from sandbox.microsoft.words import MANAGED

ADMINCONSENT = "/v2.0/adminconsent"


@dataclass(frozen=True)
class ApprovalWish:
    """A request for an organisation's approval that passed every check."""

    authority: Authority
    client_id: str
    back: Return
    scopes: tuple[str, ...]


def read_wish(state: State, path: str, query: MultiMapping[str]) -> ApprovalWish:
    """Raises ConsentRefused and SentBack."""
    authority = proven_authority(state, path)
    if not (authority.is_one_organisation or authority.path == "organizations"):
        raise shown(90023, f"Admin consent is not for '{authority.path}'.")
    refuse_repeats(query)
    client = proven_client(state, query)
    back = Return(proven_redirect(client, query), query.get("state", ""))
    scopes = asked_scopes(query.get("scope", ""), back, Trace(state.clock()))
    return ApprovalWish(authority, client.client_id, back, scopes)


def check_admin(wish: ApprovalWish, account: Account) -> None:
    """Raises ConsentRefused."""
    if account.is_personal or not account.signs_in or not wish.authority.admits(account):
        raise shown(50020, f"User account '{account.upn}' cannot approve this.")
    if not account.is_admin:
        raise shown(90093, status=403)


def approved(state: State, wish: ApprovalWish, account: Account) -> Reply:
    """The answer after *Accept*. Raises ConsentRefused."""
    check_admin(wish, account)
    approve(state.directory.tenant(account.tid), wish.client_id, frozenset(wish.scopes))
    scope = " ".join(map(full_name, wish.scopes))
    return wish.back.reply(admin_consent="True", tenant=account.tid, scope=scope)


def refused(state: State, wish: ApprovalWish, account: Account) -> Reply:
    """The answer after *Cancel*: it says `admin_consent=True` as well, only the error tells it from a Yes."""
    return wish.back.error(
        Trace(state.clock()), 65004, error="consent_required", admin_consent="True", tenant=account.tid
    )


class ApprovalPages:
    """Pick an admin's account, and accept or not."""

    def __init__(self, state: State, prefix: str, showing: Showing) -> None:
        self._state = state
        self._prefix = prefix
        self._showing = showing

    def add_routes(self, app: web.Application) -> None:
        base = f"{self._prefix}/{{tenant}}{ADMINCONSENT}"
        app.router.add_get(base, self._begin)
        app.router.add_get(f"{base}/accounts", self._begin)
        app.router.add_get(f"{base}/accounts/{{oid}}", self._ask)
        app.router.add_post(f"{base}/accounts/{{oid}}", self._decide)

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/adminconsent: the list of accounts."""
        self._state.requests["adminconsent"] += 1
        try:
            wish = self._wish(request)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)
        able = [
            a for a in self._state.directory if a.signs_in and not a.is_personal and wish.authority.admits(a)
        ]
        accounts = sorted(able, key=lambda account: not account.is_admin)
        return self._showing.page(
            request, "accounts", accounts=accounts, accounts_url=self._accounts_url(request), unknown=""
        )

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """GET …/adminconsent/accounts/{oid}: what the organisation is asked to allow."""
        try:
            wish, account = self._wish(request), self._picked(request)
            check_admin(wish, account)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)
        return self._showing.page(
            request,
            "consent",
            account=account,
            accounts_url=self._accounts_url(request),
            scopes=listed(wish.scopes),
            managed=MANAGED[False],
            for_organisation=True,
        )

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/adminconsent/accounts/{oid}: Accept or Cancel."""
        form = await request.post()
        try:
            wish, account = self._wish(request), self._picked(request)
            if form.get("choice") == "accept":
                return self._showing.answer(request, approved(self._state, wish, account))
            return self._showing.answer(request, refused(self._state, wish, account))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    def _wish(self, request: web.Request) -> ApprovalWish:
        return read_wish(self._state, request.match_info["tenant"], request.query)

    def _picked(self, request: web.Request) -> Account:
        account = self._state.directory.find(request.match_info["oid"])
        if account is None:
            raise shown(50034)
        return account

    def _accounts_url(self, request: web.Request) -> str:
        return f"{self._prefix}/{request.match_info['tenant']}{ADMINCONSENT}/accounts"

    def _no(self, request: web.Request, no: ConsentRefused | SentBack) -> web.Response:
        if isinstance(no, SentBack):
            return self._showing.answer(request, no.reply)
        return self._showing.refused(request, no)
