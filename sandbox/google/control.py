"""What one can do to the local Google behind the scenes, and what can be broken there, for one account or
all.

Rule: consent by lever passes the very checks of the page; no answer carries a secret but a code.

Faults in ``CANNED`` answer a request in place of the endpoint; those in ``CONDITIONS`` change how the
endpoints decide (an account is gone, a permission is hidden, revoking takes effect late).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict
from yarl import URL

from sandbox.answers import Answer
from sandbox.controls import as_bad_request, body_of, text, whom
from sandbox.faults import Fault
from sandbox.google.gmail import gmail_error, unauthenticated
from sandbox.google.oauth import (
    declined,
    granted,
    invalid_grant,
    oauth_error,
    read_request,
)
from sandbox.google.state import Account, State, full_name, mail_among

PLACES = frozenset({"token", "gmail", "revoke", "certs"})
CONDITIONS = frozenset(
    {"account_deleted", "account_disabled", "scope_removed", "revoke_lag", "rotating", "slow"}
)


class UnknownFault(ValueError):
    """Nobody knows how to break that."""


@dataclass(frozen=True)
class Options:
    """How exactly to break it. ``times``: mended by itself after so many requests."""

    at: str = ""
    times: int | None = None
    seconds: float | None = None
    status: int = 503
    retry_after: int = 30
    code: str = "quantum_flux"
    reason: str = "userRateLimitExceeded"

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Options:
        """Read JSON. Raises UnknownFault on a stray key or a wrong type."""
        for key, value in raw.items():
            wanted = _TYPES.get(key)
            if wanted is None or not isinstance(value, wanted) or isinstance(value, bool):
                raise UnknownFault(f"option {key}={value!r}")
        if raw.get("at", "token") not in PLACES:
            raise UnknownFault(f"at={raw['at']!r}")
        return cls(**raw)


_TYPES: dict[str, type | tuple[type, ...]] = {
    "at": str,
    "times": int,
    "seconds": (int, float),
    "status": int,
    "retry_after": int,
    "code": str,
    "reason": str,
}


def _throttled(options: Options) -> Answer:
    headers = {"Retry-After": str(options.retry_after)}
    if options.at == "gmail":
        text = "Too many concurrent requests for user"
        return gmail_error(429, "RESOURCE_EXHAUSTED", "rateLimitExceeded", text, headers=headers)
    return Answer(429, json.dumps({"error": "rate_limit_exceeded"}), headers=headers)


def _server_error(options: Options) -> Answer:
    if options.at == "gmail":
        return gmail_error(options.status, "UNAVAILABLE", "backendError", "Backend Error")
    return oauth_error(options.status, "internal_failure")


def _html(options: Options) -> Answer:
    return Answer(options.status, "<!DOCTYPE html><title>Error</title><p>That's an error.", "text/html")


def _forbidden(reason: str, message: str, info: str = "") -> Answer:
    return gmail_error(403, "PERMISSION_DENIED", reason, message, info=info)


def _bare(options: Options) -> Answer:
    """As newer parts of Google refuse: a status and a sentence, no list of errors."""
    error = {"code": options.status, "message": "Precondition check failed.", "status": options.code}
    return Answer(options.status, json.dumps({"error": error}))


_NOT_FOUND = "The OAuth client was not found."
_NOT_ENABLED = "Gmail API has not been used in project demo before or it is disabled."

CANNED: dict[str, tuple[str, Callable[[Options], Answer]]] = {
    # the grant
    "outage": ("token", lambda _: invalid_grant("Token has been expired or revoked.")),
    "invalid_rapt": ("token", lambda _: invalid_grant("reauth related error", error_subtype="invalid_rapt")),
    "rapt_required": ("token", lambda _: invalid_grant("reauth required", error_subtype="rapt_required")),
    "admin_policy": ("token", lambda _: oauth_error(400, "admin_policy_enforced", "Restricted by policy")),
    "invalid_scope": ("token", lambda _: oauth_error(400, "invalid_scope", "Bad Request")),
    "account_restricted": ("token", lambda _: oauth_error(403, "access_denied", "Account restricted")),
    # the app's own client
    "invalid_client": ("token", lambda _: oauth_error(401, "invalid_client", _NOT_FOUND)),
    "deleted_client": ("token", lambda _: oauth_error(401, "deleted_client", "The client was deleted.")),
    "disabled_client": ("token", lambda _: oauth_error(401, "disabled_client", "The client is disabled.")),
    "unauthorized_client": ("token", lambda _: oauth_error(401, "unauthorized_client", "Unauthorized")),
    "invalid_request": ("token", lambda _: oauth_error(400, "invalid_request", "Bad Request")),
    "unsupported_grant_type": ("token", lambda _: oauth_error(400, "unsupported_grant_type")),
    # the mailbox
    "domain_policy": (
        "gmail",
        lambda _: _forbidden("domainPolicy", "The domain administrators have disabled Gmail apps."),
    ),
    "gmail_api_off": (
        "gmail",
        lambda _: _forbidden("accessNotConfigured", _NOT_ENABLED, "SERVICE_DISABLED"),
    ),
    "no_mailbox": (
        "gmail",
        lambda _: gmail_error(400, "FAILED_PRECONDITION", "failedPrecondition", "Mail service not enabled"),
    ),
    "mailbox_not_found": ("gmail", lambda _: gmail_error(404, "NOT_FOUND", "notFound", "Not found.")),
    "gmail_bare": ("gmail", _bare),
    "gmail_unauthorized": ("gmail", lambda _: unauthenticated()),
    "gmail_rate_limited": ("gmail", lambda options: _forbidden(options.reason, "Rate Limit Exceeded")),
    # the line
    "throttled": ("token", _throttled),
    "server_error": ("token", _server_error),
    "revoke_failing": ("revoke", _server_error),
    "html": ("token", _html),
    "malformed_json": ("token", lambda _: Answer(200, '{"access_token": "ya29.')),
    "json_list": ("token", lambda _: Answer(200, '[{"error": "invalid_grant"}]')),
    "huge_body": ("token", lambda _: Answer(200, '{"access_token": "' + "x" * 4_000_000 + '"}')),
    "unknown_error": ("token", lambda options: oauth_error(400, options.code, "Nobody has seen this before")),
}


def made(what: str, sub: str | None, options: Options) -> Fault:
    """A fault for an account or (None) for everybody. Raises UnknownFault."""
    if what in CONDITIONS:
        return Fault(what, sub, options.at or "token", None, options.times, options.seconds)
    if what not in CANNED:
        raise UnknownFault(what)
    place, say = CANNED[what]
    placed = replace(options, at=options.at or place)
    return Fault(what, sub, placed.at, lambda: say(placed), options.times, options.seconds)


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
