"""What the endpoints say when they refuse.

Rule: status, field names and codes are Microsoft's; nothing here decides anything.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.answers import Answer
from sandbox.microsoft.aadsts import Reason, reason

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Trace:
    """By what Microsoft's support would find one request again."""

    at: datetime
    trace_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def timestamp(self) -> str:
        return self.at.strftime("%Y-%m-%d %H:%M:%SZ")

    def described(self, number: int, text: str) -> str:
        """The text of an error, with everything that Microsoft appends to it."""
        return (
            f"AADSTS{number}: {text} Trace ID: {self.trace_id} Correlation ID: {self.correlation_id} "
            f"Timestamp: {self.timestamp}"
        )


def explained(number: int) -> str:
    """Where Microsoft explains a number."""
    return f"https://login.microsoftonline.com/error?code={number}"


def aad(
    clock: Clock,
    number: int,
    *,
    error: str = "",
    text: str = "",
    suberror: str | None = None,
    claims: str = "",
) -> Answer:
    """A refusal of the token endpoint; what is left out is as Microsoft usually says it."""
    usual, trace = reason(number), Trace(clock())
    body: dict[str, Any] = {
        "error": error or usual.error,
        "error_description": trace.described(number, text or usual.text),
        "error_codes": [number],
        "timestamp": trace.timestamp,
        "trace_id": trace.trace_id,
        "correlation_id": trace.correlation_id,
        "error_uri": explained(number),
    }
    if said := _suberror(usual, error, suberror):
        body["suberror"] = said
    if claims:
        body["claims"] = claims
    return Answer(usual.status, json.dumps(body))


def graph_error(
    clock: Clock,
    status: int,
    code: str,
    message: str,
    *,
    inner: str = "",
    headers: Mapping[str, str] = {},
) -> Answer:
    """A refusal of Graph; ``inner`` is the second code that some workloads add."""
    request_id = str(uuid.uuid4())
    details = {
        **({"code": inner} if inner else {}),
        "date": clock().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": request_id,
    }
    body = {"error": {"code": code, "message": message, "innerError": details}}
    return Answer(status, json.dumps(body), headers={"request-id": request_id, **headers})


def invalid_token(clock: Clock, message: str, *, claims: str = "") -> Answer:
    """401; with ``claims`` (base64) it is the challenge of continuous access evaluation."""
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    )
    if claims:
        challenge += f', error="insufficient_claims", claims="{claims}"'
    return graph_error(
        clock, 401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": challenge}
    )


def access_denied(clock: Clock) -> Answer:
    """What the mailbox says when a scope or a right is missing."""
    return graph_error(clock, 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def request_denied(clock: Clock) -> Answer:
    """What the directory says when a scope is missing."""
    text = "Insufficient privileges to complete the operation."
    return graph_error(clock, 403, "Authorization_RequestDenied", text)


def _suberror(usual: Reason, error: str, given: str | None) -> str:
    if given is not None:
        return given
    return "" if error and error != usual.error else usual.suberror
