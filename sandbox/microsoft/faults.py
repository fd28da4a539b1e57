"""What can be broken at the local Microsoft, for one account, one tenant or everybody. Rule: one line each.

Faults in ``CANNED`` answer a request in place of the endpoint; those in ``CONDITIONS`` change how the
endpoints decide (an account is blocked, a mailbox is gone, a sign-in is no longer enough).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.answers import Answer
from sandbox.faults import Fault
from sandbox.microsoft.aadsts import Clock, aad, graph_error, invalid_token

PLACES = frozenset({"token", "exchange", "graph", "discovery", "keys"})
"""``exchange`` is the token endpoint, asked for a token of Exchange's."""
CONDITIONS = frozenset(
    {
        "claims_demanded",
        "licence_taken",
        "mfa_demanded",
        "rights_taken",
        "rotating",
        "scopes_few",
        "scopes_lower",
        "scopes_wider",
        "slow",
    }
)
POLICY = "b1d5c0de-0c0a-4f9a-9d0e-5afe00000001"
"""The conditional access policy that everything here refers to."""
CLAIMS = json.dumps({"access_token": {"capolids": {"essential": True, "values": [POLICY]}}})


class UnknownFault(ValueError):
    """Nobody knows how to break that."""


@dataclass(frozen=True)
class Options:
    """How exactly to break it. ``times``: mended by itself after so many requests."""

    at: str = ""
    times: int | None = None
    seconds: float | None = None
    status: int = 0
    retry_after: int = 30
    code: int | str = ""
    error: str = ""
    suberror: str | None = None
    claims: str = ""
    message: str = ""
    inner: str = ""

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
    "code": (int, str),
    "error": str,
    "suberror": str,
    "claims": str,
    "message": str,
    "inner": str,
}

Say = Callable[[Clock, Options], Answer]


def _says(number: int, **more: Any) -> tuple[str, Say]:
    """The token endpoint refuses with a number."""
    return "token", lambda clock, _: aad(clock, number, **more)


def _with_status(answer: Answer, status: int) -> Answer:
    """With another HTTP status than Microsoft's usual one, if ``status`` is one."""
    return replace(answer, status=status) if status else answer


def _any_aad(clock: Clock, options: Options) -> Answer:
    refusal = aad(
        clock,
        int(options.code or 0),
        error=options.error,
        text=options.message,
        suberror=options.suberror,
        claims=options.claims,
    )
    return _with_status(refusal, options.status)


def _any_graph(clock: Clock, options: Options) -> Answer:
    code = str(options.code or "UnknownError")
    message = options.message or "Something went wrong."
    return graph_error(clock, options.status or 400, code, message, inner=options.inner)


def _throttled(clock: Clock, options: Options) -> Answer:
    headers = {"Retry-After": str(options.retry_after)}
    if options.at == "graph":
        code = str(options.code or "ApplicationThrottled")
        return graph_error(
            clock, 429, code, "Application is over its MailboxConcurrency limit.", headers=headers
        )
    return replace(aad(clock, 90055, error="temporarily_unavailable"), status=429, headers=headers)


def _server_error(clock: Clock, options: Options) -> Answer:
    status = options.status or 503
    if options.at == "graph":
        return graph_error(clock, status, "ServiceUnavailable", "The service is temporarily unavailable.")
    return _with_status(aad(clock, 90033, error="temporarily_unavailable"), status)


def _html(_: Clock, options: Options) -> Answer:
    return Answer(
        options.status or 503,
        "<!DOCTYPE html><title>Service unavailable</title><h2>Our services…</h2>",
        "text/html",
    )


def _challenged(clock: Clock, options: Options) -> Answer:
    """A token that was good when it was made is not good any more."""
    wanted = {"access_token": {"nbf": {"essential": True, "value": str(int(clock().timestamp()))}}}
    claims = base64.b64encode((options.claims or json.dumps(wanted)).encode()).decode()
    text = (
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
        "TokenIssuedBeforeRevocationTimestamp"
    )
    return invalid_token(clock, text, claims=claims)


CANNED: dict[str, tuple[str, Say]] = {
    # the grant
    "outage": _says(50173),
    "user_disabled": _says(50057),
    "conditional_access": _says(53003, claims=CLAIMS),
    "not_assigned": _says(50105),
    "app_blocked": _says(7000112),
    "aad": ("token", _any_aad),
    # the app's own client
    "secret_expired": _says(7000222),
    "secret_wrong": _says(7000215),
    # throttling that calls itself something else
    "loop_detected": _says(50196),
    "tenant_throttled": _says(90055),
    # Graph
    "challenged": ("graph", _challenged),
    "graph_unauthorized": (
        "graph",
        lambda clock, _: invalid_token(clock, "Lifetime validation failed, the token is expired."),
    ),
    "graph": ("graph", _any_graph),
    # the line
    "throttled": ("token", _throttled),
    "server_error": ("token", _server_error),
    "discovery_away": ("discovery", _server_error),
    "html": ("token", _html),
    "malformed_json": ("token", lambda *_: Answer(200, '{"token_type": "Bearer", "access_')),
    "json_list": ("token", lambda *_: Answer(200, '[{"error": "invalid_grant"}]')),
    "huge_body": ("token", lambda *_: Answer(200, '{"access_token": "' + "x" * 4_000_000 + '"}')),
    "unknown_error": (
        "token",
        lambda clock, options: aad(clock, 987654, error=str(options.code or "quantum_flux")),
    ),
}


def made(what: str, target: str | None, options: Options, clock: Clock) -> Fault:
    """A fault for an account (by its oid), a tenant or (None) everybody. Raises UnknownFault."""
    if what in CONDITIONS:
        return Fault(what, target, options.at or "token", None, options.times, options.seconds)
    if what not in CANNED:
        raise UnknownFault(what)
    place, say = CANNED[what]
    placed = replace(options, at=options.at or place)
    if what == "aad" and not isinstance(placed.code, int):
        raise UnknownFault("aad needs a code, a number")
    return Fault(what, target, placed.at, lambda: say(clock, placed), options.times, options.seconds)
