"""What the endpoints say when they refuse.

Rule: status, field names and codes are Google's; nothing here decides anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.answers import Answer


def oauth_error(status: int, error: str, description: str = "", **fields: str) -> Answer:
    """A refusal of the token or revoke endpoint."""
    body = {"error": error, **({"error_description": description} if description else {}), **fields}
    return Answer(status, json.dumps(body))


def invalid_grant(description: str = "Bad Request", **fields: str) -> Answer:
    return oauth_error(400, "invalid_grant", description, **fields)


def gmail_error(
    status: int, canonical: str, reason: str, message: str, *, info: str = "", headers: Mapping[str, str] = {}
) -> Answer:
    """A refusal of the Gmail API; `info` becomes the ErrorInfo detail newer errors carry."""
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
        "status": canonical,
    }
    if info:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": info, "domain": "googleapis.com"}]
    return Answer(status, json.dumps({"error": error}), headers=headers)


def unauthenticated() -> Answer:
    return gmail_error(401, "UNAUTHENTICATED", "authError", "Invalid Credentials")


def insufficient_permissions() -> Answer:
    return gmail_error(
        403,
        "PERMISSION_DENIED",
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        info="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    )
