"""The mailbox itself, as far as a probe looks.

Rule: the token decides whose mailbox it is and what may be seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.answers import Answer, ok
from sandbox.google.state import MAIL_SCOPES, MAY_GET_PROFILE, MAY_LIST_LABELS, AccessToken, State

LABELS = ("INBOX", "SENT", "DRAFT", "TRASH", "SPAM", "STARRED", "UNREAD", "IMPORTANT")


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


class Gmail:
    """`labels` and `profile` of the Gmail API."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def labels(self, request: web.Request) -> web.Response:
        """GET /gmail/v1/users/{user}/labels."""
        return await self._serve(request, MAY_LIST_LABELS)

    async def profile(self, request: web.Request) -> web.Response:
        """GET /gmail/v1/users/{user}/profile."""
        return await self._serve(request, MAY_GET_PROFILE)

    async def _serve(self, request: web.Request, enough: frozenset[str]) -> web.Response:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        owner = self._state.ledger.owner_of(text)
        self._state.requests["gmail"] += 1
        await self._state.faults.delay("gmail", owner)
        token = self._state.ledger.live_access(text) if kind.lower() == "bearer" else None
        if token is None or self._gone(token.sub):
            return unauthenticated().response()
        if broken := self._state.faults.answer_for("gmail", owner):
            return broken.response()
        return self._answer(request.match_info["user"], token, enough).response()

    def _gone(self, sub: str) -> bool:
        faults = self._state.faults
        return faults.stands("account_deleted", sub) or faults.stands("account_disabled", sub)

    def _answer(self, user: str, token: AccessToken, enough: frozenset[str]) -> Answer:
        held = set(token.scopes)
        if self._state.faults.stands("scope_removed", token.sub):
            held -= MAIL_SCOPES.keys()
        if not held & enough:
            return insufficient_permissions()
        account = self._state.accounts.by_sub(token.sub)
        if user != "me" and not account.answers_to(user):
            return gmail_error(403, "PERMISSION_DENIED", "forbidden", f"Delegation denied for {user}")
        if enough is MAY_LIST_LABELS:
            return ok({"labels": [{"id": name, "name": name, "type": "system"} for name in LABELS]})
        totals = {"messagesTotal": 128, "threadsTotal": 64, "historyId": "4096"}
        return ok({"emailAddress": account.email, **totals})
