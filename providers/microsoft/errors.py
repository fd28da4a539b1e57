"""What Microsoft's refusals mean.

The one rule: throttles are recognised first, whatever they are disguised as; then a number (AADSTS…) that is
in the tables below decides, then ``suberror``, then ``error``. That is Microsoft's own advice: numbers come
and go, ``error`` is what a program may rely on. A number nobody knows is logged once; an ``error`` nobody
knows is *unavailable*, and nobody is asked to act.

Source: Microsoft's reference of error codes, its Graph error pages and throttling guide.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
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
    UseNotGranted,
)
from providers.http_client import HttpReply

log = logging.getLogger(__name__)

MAIL_SCOPE: Final = "Mail.ReadBasic"
SHARED_SCOPE: Final = "Mail.ReadBasic.Shared"

Make = Callable[[str], ProviderError]

_sign_in_again: Final = partial(GrantRejected, cause=Cause.SIGN_IN_AGAIN)
_account_gone: Final = partial(GrantRejected, cause=Cause.ACCOUNT_DISABLED)
_approval: Final = partial(AdminActionNeeded, cause=Cause.ADMIN_CONSENT)
_shared_rights: Final = partial(AdminActionNeeded, cause=Cause.SHARED_ACCESS)

THROTTLES: Final = frozenset({50196, 90055})
"""Refused because we, or the tenant, ask too often; 50196 comes as ``invalid_grant``."""
_THROTTLED_FOR: Final = timedelta(minutes=5)
"""How long to leave Microsoft alone where it does not say."""


def _each(numbers: Iterable[int], make: Make) -> dict[int, Make]:
    return dict.fromkeys(numbers, make)


AADSTS: Final[Mapping[int, Make]] = {
    # the owner: the grant has ended (revoked, expired, consent withdrawn, a code used twice)
    **_each((50173, 700082, 70008, 70000, 65001, 50089, 50132, 50133), GrantRejected),
    **_each((50085, 50197, 54005, 9002341, 65004), GrantRejected),
    # the owner: the account must sign in anew (a second factor, a proof, a changed or expired password)
    **_each((50076, 50074, 50072, 50079, 50078, 50158, 50125, 700020, 16000), _sign_in_again),
    **_each((50055, 50144, 70043, 70044, 50058), _sign_in_again),
    # whoever manages the accounts
    **_each((50057, 500571, 50034, 500341, 51004, 50014, 50020, 90072), _account_gone),
    # the tenant's admin: a policy
    **_each((53003, 530032, 53000, 53001, 53002, 50005, 50097, 50129, 50155), AdminActionNeeded),
    **_each((53011, 53004, 53010, 530035, 50131, 50105, 500011, 90002), AdminActionNeeded),
    **_each((53005, 53008, 53009, 53012, 53035, 530003, 530021, 530031, 530033), AdminActionNeeded),
    **_each((530034, 530036, 500014, 135011), AdminActionNeeded),
    **_each((500021, 500022, 500212, 500213, 50002), AdminActionNeeded),
    **_each((5000224, 5000225), AdminActionNeeded),  # the tenant is closed, or asleep
    **_each((70001, 700016, 7000112, 1000031), AdminActionNeeded),
    # the tenant's admin: the app is not approved (any more)
    **_each((90094, 90095, 90093, 90099, 650052, 650056), _approval),
    # the operator: our secret, our registration, our requests
    **_each(
        (7000215, 70002, 7000222, 7000218, 700021, 700023, 700024, 700027, 700025, 700084),
        ProviderMisconfigured,
    ),
    **_each((50011, 50194, 501481, 70011, 28002, 28003, 90014, 900144), ProviderMisconfigured),
    **_each((9002313, 9002332, 500208, 90130, 650057, 65005, 90009), ProviderMisconfigured),
    # whoever wants to use the mailbox for more: several resources at once, and a consent that did not take
    **_each((28000, 65006), UseNotGranted),
    # nobody: Microsoft's own trouble, and a lock that opens by itself
    **_each((50000, 50033, 50087, 50088, 50166, 40010, 90006, 90012, 90024), ProviderUnavailable),
    **_each((90033, 90090, 90091, 70012, 80002, 80005, 80007, 80014, 50053), ProviderUnavailable),
    **_each(THROTTLES, ProviderUnavailable),
}
"""The numbers of ``error_codes``."""

_OURS_UNLESS_THE_GRANTS: Final = frozenset({9002313, 90014, 900144})
"""*The request is malformed*: with ``invalid_grant`` what is malformed is the token in it."""


def _of_number(number: int, error: object) -> Make | None:
    """What a number means: by the table, or as one of the growing family of access policies."""
    if number in _OURS_UNLESS_THE_GRANTS and error == "invalid_grant":
        return None
    is_policy = number // 100 == 530 or number // 1000 == 530
    return AADSTS.get(number, AdminActionNeeded if is_policy else None)


SUBERRORS: Final[Mapping[str, Make]] = {
    "basic_action": _sign_in_again,
    "additional_action": _sign_in_again,
    "user_password_expired": _sign_in_again,
    "message_only": AdminActionNeeded,
    "consent_required": GrantRejected,
    "bad_token": GrantRejected,
    "token_expired": GrantRejected,
    "client_mismatch": GrantRejected,
    "device_authentication_failed": GrantRejected,
    "protection_policy_required": GrantRejected,
}

ERRORS: Final[Mapping[str, Make]] = {
    "invalid_grant": GrantRejected,
    "consent_required": GrantRejected,
    "interaction_required": _sign_in_again,
    "login_required": _sign_in_again,
    "invalid_client": ProviderMisconfigured,
    "unauthorized_client": ProviderMisconfigured,
    "invalid_scope": ProviderMisconfigured,
    "invalid_request": ProviderMisconfigured,
    "invalid_resource": ProviderMisconfigured,
    "unsupported_grant_type": ProviderMisconfigured,
    "unsupported_response_type": ProviderMisconfigured,
    "temporarily_unavailable": ProviderUnavailable,
    "server_error": ProviderUnavailable,
}

_denied: Final = partial(PermissionMissing, scopes=frozenset({MAIL_SCOPE}))

GRAPH_ERRORS: Final[Mapping[str, Make]] = {
    # the owner
    "InvalidAuthenticationToken": _sign_in_again,
    "ErrorAccessDenied": _denied,
    "Authorization_RequestDenied": _denied,
    "accessDenied": _denied,
    "MailboxNotEnabledForRESTAPI": MailboxGone,
    "MailboxNotSupportedForRESTAPI": MailboxGone,
    "ErrorItemNotFound": MailboxGone,
    "ResourceNotFound": MailboxGone,
    "ErrorInvalidUser": MailboxGone,
    "Request_ResourceNotFound": MailboxGone,
    "ErrorNonExistentMailbox": MailboxGone,
    "ErrorFolderNotFound": MailboxGone,
    "ErrorMailboxConfiguration": MailboxGone,
    "ErrorInvalidLicense": MailboxGone,
    "OrganizationFromTenantGuidNotFound": MailboxGone,
    # whoever manages the accounts
    "ErrorAccountDisabled": _account_gone,
    "ErrorAccountSuspend": _account_gone,
    # nobody
    "TooManyRequests": ProviderUnavailable,
    "ApplicationThrottled": ProviderUnavailable,
    "MailboxConcurrency": ProviderUnavailable,
    "ErrorServerBusy": ProviderUnavailable,
    "ErrorADUnavailable": ProviderUnavailable,
    "ErrorConnectionFailed": ProviderUnavailable,
    "ErrorExceededConnectionCount": ProviderUnavailable,
    "ErrorInternalServerTransientError": ProviderUnavailable,
    "ErrorMailboxFailover": ProviderUnavailable,
    "ErrorMailboxMoveInProgress": ProviderUnavailable,
    "ErrorTimeoutExpired": ProviderUnavailable,
    "RequestTimeout": ProviderUnavailable,
    "ErrorMailboxStoreUnavailable": ProviderUnavailable,
    "ErrorInternalServerError": ProviderUnavailable,
    "generalException": ProviderUnavailable,
    "serviceNotAvailable": ProviderUnavailable,
}
"""``error.code`` of the Graph API, or that of an inner error."""

SHARED_GRAPH_ERRORS: Final[Mapping[str, Make]] = {
    **GRAPH_ERRORS,
    # Exchange answers 403, and at times 404, when somebody may not (or no longer) open a shared mailbox.
    **dict.fromkeys(("ErrorAccessDenied", "Authorization_RequestDenied", "accessDenied"), _shared_rights),
    **dict.fromkeys(("ErrorItemNotFound", "ResourceNotFound"), _shared_rights),
}
"""The same for a mailbox that somebody opens who is not its owner."""

_SPELT: Final = {code.lower(): code for code in SHARED_GRAPH_ERRORS}
"""Graph writes the same code with capitals and without."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_NUMBER: Final = re.compile(r"AADSTS([0-9]{4,9})\b")
_LARGEST_NUMBER: Final = 999_999_999
_UNKNOWN_REMEMBERED: Final = 200
_LONGEST_CLAIMS: Final = 2_000


class MicrosoftErrors:
    """Makes our errors of Microsoft's answers, and remembers which unknown codes were logged."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._unknown: set[str] = set()

    def of_token(self, reply: HttpReply) -> ProviderError:
        """A refusal of the token endpoint."""
        answer = reply.json_object()
        wait = reply.retry_after(self._clock())
        if reply.is_trouble:
            return ProviderUnavailable(_told(answer) or f"http_{reply.status}", retry_after=wait)
        if answer is None or not isinstance(answer.get("error"), str):
            return self.unreadable(reply)
        return self.of_answer(answer, retry_after=wait)

    def of_answer(self, answer: Mapping[str, Any], *, retry_after: timedelta | None = None) -> ProviderError:
        """A refusal of the token endpoint, or of the sign-in, by its fields."""
        numbers = numbers_of(answer)
        code = _told(answer)
        if THROTTLES & set(numbers):
            return ProviderUnavailable(code, retry_after=retry_after or _THROTTLED_FOR)
        error = self._classified(answer, numbers, code)
        error.claims = _claims(answer.get("claims"))
        if isinstance(error, ProviderUnavailable):
            error.retry_after = retry_after
        return error

    def of_graph(self, reply: HttpReply, *, is_shared: bool = False) -> ProviderError:
        """A refusal of the Graph API; ``is_shared`` of somebody else's mailbox."""
        codes = _graph_codes(reply.json_object() or {})
        table = SHARED_GRAPH_ERRORS if is_shared else GRAPH_ERRORS
        known = next((_SPELT[code.lower()] for code in codes if code.lower() in _SPELT), None)
        wait = reply.retry_after(self._clock())
        if reply.is_trouble:
            return ProviderUnavailable(known or f"http_{reply.status}", retry_after=wait)
        if known is None:
            return self._unknown_code(codes[0]) if codes else self.unreadable(reply)
        error = table[known](known)
        error.claims = challenge_of(reply)
        if isinstance(error, ProviderUnavailable):
            error.retry_after = wait
        return error

    def unreadable(self, reply: HttpReply) -> ProviderUnavailable:
        """An answer that is no answer: HTML, cut-off JSON, a list, fields missing."""
        return ProviderUnavailable(f"unreadable_{reply.status}", retry_after=reply.retry_after(self._clock()))

    def _classified(self, answer: Mapping[str, Any], numbers: list[int], code: str) -> ProviderError:
        error = answer.get("error")
        for number in numbers:
            if (known := _of_number(number, error)) is not None:
                return known(f"AADSTS{number}")
        if not any(number in AADSTS for number in numbers) and numbers:
            self._log_once(code)
        for table, key in ((SUBERRORS, "suberror"), (ERRORS, "error")):
            said = answer.get(key)
            if isinstance(said, str) and (make := table.get(said)) is not None:
                return make(code)
        self._log_once(code)
        return ProviderUnavailable(code, unknown_code=True)

    def _unknown_code(self, code: str) -> ProviderUnavailable:
        self._log_once(code)
        return ProviderUnavailable(code, unknown_code=True)

    def _log_once(self, code: str) -> None:
        if code not in self._unknown and len(self._unknown) < _UNKNOWN_REMEMBERED:
            self._unknown.add(code)
            log.warning("Microsoft answered with a code we do not know: %s", code)


def of_consent(
    address: str, callback: Mapping[str, str], errors: MicrosoftErrors
) -> ConsentDeclined | ConsentFailed | ProviderError:
    """What a callback with ``error`` means. Anybody can write one, so only plain words are repeated.

    *Cancel* and *Return without granting consent* look the same: the number tells only sometimes that an
    admin has to approve.
    """
    error = errors.of_answer(callback)
    if isinstance(error, AdminActionNeeded | ProviderUnavailable) and not _is_unknown(error):
        return error
    if callback["error"] == "access_denied":
        return ConsentDeclined(address)
    known = error.code if error.code.startswith("AADSTS") else ""
    plain = callback["error"] if re.fullmatch(r"[a-z_]{1,40}", callback["error"]) else "unknown"
    return ConsentFailed(address, known or plain)


def _is_unknown(error: ProviderError) -> bool:
    return isinstance(error, ProviderUnavailable) and error.unknown_code


def numbers_of(answer: Mapping[str, Any]) -> list[int]:
    """Every AADSTS number in an answer: those listed first, then those in its sentence."""
    listed = answer.get("error_codes")
    numbers = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, int) and 0 < one <= _LARGEST_NUMBER
    ]
    sentence = answer.get("error_description")
    said = _NUMBER.findall(sentence) if isinstance(sentence, str) else []
    return list(dict.fromkeys([*numbers, *map(int, said)]))


def challenge_of(reply: HttpReply) -> str:
    """What must be told at the next sign-in or refresh: the claims of a ``WWW-Authenticate`` header that says
    ``insufficient_claims`` (continuous access evaluation); empty if there are none."""
    header = reply.headers.get("WWW-Authenticate", "")
    if 'error="insufficient_claims"' not in header:
        return ""
    found = re.search(r'claims="([A-Za-z0-9+/_=-]+)"', header)
    if found is None:
        return ""
    packed = found.group(1).replace("-", "+").replace("_", "/")
    try:
        return _claims(base64.b64decode(packed + "=" * (-len(packed) % 4)).decode())
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _claims(given: object) -> str:
    """A claims request as it may be handed on: a JSON object of reasonable size, else nothing."""
    if not isinstance(given, str) or len(given) > _LONGEST_CLAIMS:
        return ""
    try:
        return given if isinstance(json.loads(given), dict) else ""
    except (ValueError, RecursionError):
        return ""


def _told(answer: Mapping[str, Any] | None) -> str:
    """The code to show and to log: the first number, else ``error``."""
    if answer is None:
        return ""
    numbers = numbers_of(answer)
    if numbers:
        return f"AADSTS{next((number for number in numbers if number in AADSTS), numbers[0])}"
    error = answer.get("error")
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "unknown"


def _graph_codes(answer: Mapping[str, Any]) -> list[str]:
    """Every code an error of the Graph API carries, the outer one first."""
    codes: list[str] = []
    error = answer.get("error")
    while isinstance(error, dict) and len(codes) < 5:
        code = error.get("code")
        if isinstance(code, str) and _CODE.fullmatch(code):
            codes.append(code)
        error = error.get("innerError", error.get("innererror"))
    return codes
