"""What can be broken at the local Google, for one account or for everybody. Rule: one line each.

Faults in ``CANNED`` answer a request in place of the endpoint; those in ``CONDITIONS`` change how the
endpoints decide (an account is gone, a permission is hidden, revoking takes effect late).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.answers import Answer
from sandbox.faults import Fault
from sandbox.google.answers import gmail_error, invalid_grant, oauth_error, unauthenticated

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
