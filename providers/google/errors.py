"""What Google's refusals mean.

The one rule: they are classified by code, in the two tables below, never by their sentences; a code
that is in neither is *unavailable*, logged once, and nobody is asked to act.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    ConsentDeclined,
    ConsentFailed,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from providers.http_client import HttpReply

log = logging.getLogger(__name__)

LABELS_SCOPE: Final = "https://www.googleapis.com/auth/gmail.labels"

ErrorTable = Mapping[str, Callable[[str], ProviderError]]

TOKEN_ERRORS: Final[ErrorTable] = {
    # the owner
    "invalid_grant": GrantRejected,
    "invalid_rapt": partial(GrantRejected, cause=Cause.SIGN_IN_AGAIN),
    "rapt_required": partial(GrantRejected, cause=Cause.SIGN_IN_AGAIN),
    # the Workspace admin
    "admin_policy_enforced": AdminActionNeeded,
    "org_internal": AdminActionNeeded,
    # "Account restricted": a decision over the account, as an administrator or a guardian takes it
    "access_denied": AdminActionNeeded,
    # the operator
    "invalid_client": ProviderMisconfigured,
    "deleted_client": ProviderMisconfigured,
    "disabled_client": ProviderMisconfigured,
    "unauthorized_client": ProviderMisconfigured,
    "invalid_scope": ProviderMisconfigured,
    "invalid_request": ProviderMisconfigured,
    "unsupported_grant_type": ProviderMisconfigured,
    "redirect_uri_mismatch": ProviderMisconfigured,
    # nobody
    "internal_failure": ProviderUnavailable,
    "server_error": ProviderUnavailable,
    "temporarily_unavailable": ProviderUnavailable,
    "rate_limit_exceeded": ProviderUnavailable,
}
"""``error_subtype`` or else ``error`` of the token endpoint."""

GMAIL_ERRORS: Final[ErrorTable] = {
    # the owner
    "insufficientPermissions": partial(PermissionMissing, scopes=frozenset({LABELS_SCOPE})),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": partial(PermissionMissing, scopes=frozenset({LABELS_SCOPE})),
    "authError": GrantRejected,
    "UNAUTHENTICATED": GrantRejected,
    "ACCESS_TOKEN_EXPIRED": GrantRejected,
    "ACCOUNT_STATE_INVALID": partial(GrantRejected, cause=Cause.ACCOUNT_DISABLED),
    "failedPrecondition": MailboxGone,
    "FAILED_PRECONDITION": MailboxGone,
    "notFound": MailboxGone,
    "NOT_FOUND": MailboxGone,
    # the Workspace admin
    "domainPolicy": AdminActionNeeded,
    "USER_BLOCKED_BY_ADMIN": AdminActionNeeded,
    "ORG_RESTRICTION_VIOLATION": AdminActionNeeded,
    "RESOURCE_USAGE_RESTRICTION_VIOLATED": AdminActionNeeded,
    # the operator
    "accessNotConfigured": ProviderMisconfigured,
    "SERVICE_DISABLED": ProviderMisconfigured,
    "BILLING_DISABLED": ProviderMisconfigured,
    "CONSUMER_INVALID": ProviderMisconfigured,
    "CONSUMER_SUSPENDED": ProviderMisconfigured,
    "GCP_SUSPENDED": ProviderMisconfigured,
    # nobody
    "RESOURCE_EXHAUSTED": ProviderUnavailable,
    "RESOURCE_QUOTA_EXCEEDED": ProviderUnavailable,
    "quotaExceeded": ProviderUnavailable,
    "UNAVAILABLE": ProviderUnavailable,
    "INTERNAL": ProviderUnavailable,
    "DEADLINE_EXCEEDED": ProviderUnavailable,
    "ABORTED": ProviderUnavailable,
    "rateLimitExceeded": ProviderUnavailable,
    "userRateLimitExceeded": ProviderUnavailable,
    "RATE_LIMIT_EXCEEDED": ProviderUnavailable,
    "dailyLimitExceeded": ProviderUnavailable,
    "backendError": ProviderUnavailable,
}
"""``errors[0].reason``, the ErrorInfo reason (``google/api/error_reason.proto``) or ``status`` of the Gmail
API, the first that is known. Newer answers come without ``errors``."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,48}")
_UNKNOWN_REMEMBERED = 100


class GoogleErrors:
    """Makes our errors of Google's answers, and remembers which unknown codes were logged."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._unknown: set[str] = set()

    def of_token(self, reply: HttpReply) -> ProviderError:
        """A refusal of the token or revoke endpoint."""
        answer = reply.json_object() or {}
        return self._classified(reply, TOKEN_ERRORS, [answer.get("error_subtype"), answer.get("error")])

    def of_gmail(self, reply: HttpReply) -> ProviderError:
        """A refusal of the Gmail API."""
        return self._classified(reply, GMAIL_ERRORS, _gmail_codes(reply.json_object() or {}))

    def unreadable(self, reply: HttpReply) -> ProviderUnavailable:
        """An answer that is no answer: HTML, cut-off JSON, a list, fields missing."""
        return ProviderUnavailable(f"unreadable_{reply.status}", retry_after=reply.retry_after(self._clock()))

    def _classified(self, reply: HttpReply, table: ErrorTable, given: list[Any]) -> ProviderError:
        """Status first: what an overloaded provider says about the grant is not to be believed."""
        codes = [code for code in given if isinstance(code, str) and _CODE.fullmatch(code)]
        known = next((code for code in codes if code in table), None)
        if reply.is_trouble:
            code = known or f"http_{reply.status}"
            return ProviderUnavailable(code, retry_after=reply.retry_after(self._clock()))
        if known is None:
            return self._unknown_code(reply, codes[0]) if codes else self.unreadable(reply)
        error = table[known](known)
        if isinstance(error, ProviderUnavailable):
            error.retry_after = reply.retry_after(self._clock())
        return error

    def _unknown_code(self, reply: HttpReply, code: str) -> ProviderUnavailable:
        if code not in self._unknown and len(self._unknown) < _UNKNOWN_REMEMBERED:
            self._unknown.add(code)
            log.warning("Google answered %d with a code we do not know: %s", reply.status, code)
        return ProviderUnavailable(code, unknown_code=True)


def of_consent(address: str, code: str) -> ConsentDeclined | ConsentFailed | ProviderError:
    """What the callback's ``error`` means. Anybody can write one, so only plain words are repeated."""
    if code == "access_denied":
        return ConsentDeclined(address)
    known = TOKEN_ERRORS.get(code)
    error = known(code) if known else None
    if isinstance(error, AdminActionNeeded | ProviderUnavailable):
        return error
    return ConsentFailed(address, code if re.fullmatch(r"[a-z_]{1,40}", code) else "unknown")


def _gmail_codes(answer: Mapping[str, Any]) -> list[Any]:
    """Every code an error of the Gmail API carries, the most telling first."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return [error]
    entries = [*_list(error.get("errors")), *_list(error.get("details"))]
    reasons = [entry.get("reason") for entry in entries if isinstance(entry, dict)]
    return [*reasons, error.get("status")]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
