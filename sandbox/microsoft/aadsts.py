"""What the endpoints say when they refuse, by Microsoft's own numbers for what went wrong.

Rule: status, field names and codes are Microsoft's; nothing here decides anything. ``error`` is what the
OAuth answer says, ``suberror`` what it adds when Microsoft adds something.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sandbox.answers import Answer

_GRANT: Final = "invalid_grant"
_CLIENT: Final = "invalid_client"
_REQUEST: Final = "invalid_request"


@dataclass(frozen=True)
class Reason:
    """How a number is told."""

    error: str
    text: str = "Microsoft explains this number at login.microsoftonline.com/error."
    suberror: str = ""
    status: int = 400


_INTERACTIVE: Final = (50072, 50074, 50076, 50078, 50079, 50125, 50158, 16000, 700020)
_MESSAGE_ONLY: Final = (
    *(50005, 50097, 50129, 50131, 50155, 53000, 53001, 53002, 53003, 53004, 53010, 53011, 530032, 530035),
)
_GRANT_IS_GONE: Final = (
    *(50085, 50089, 50132, 50133, 50197, 54005, 70008, 70043, 700082, 50173, 9002341),
    *(50014, 50020, 50034, 50053, 50055, 50057, 50105, 50144, 51004, 9002313),
)
_NOT_ALLOWED: Final = (90093, 90094, 90095, 90099)
_NOT_IN_TENANT: Final = (70001, 700016, 7000112, 1000031, 650052, 650056, 650057, 65005)
_TENANT_SAYS_NO: Final = (50002, 500021, 500022, 500212, 500213, 500011)
_MALFORMED: Final = (
    *(28000, 28002, 28003, 50011, 50194, 90014, 90130, 900144, 9000411, 9002332, 500208, 90002, 900561),
    *(90023, 700084),
)
_OUR_SECRET: Final = (*(7000215, 7000218, 7000222, 70002, 700021, 700023, 700024, 700025, 700027, 500112),)
_OUT_OF_ORDER: Final = (
    *(50000, 50033, 50087, 50088, 50166, 40010, 90006, 90012, 90024, 90033, 90090, 90091, 70012),
    *(80002, 80005, 80007, 80014),
)
_DISGUISED: Final = (50196, 90055)
"""Throttling that calls itself a dead grant."""

_TEXTS: Final = {
    28000: "Provided value for the input parameter scope is not valid: it contains more than one resource.",
    16000: "The user account is not known in this directory; an interactive sign-in is needed.",
    50011: "The redirect URI specified in the request does not match those configured for the application.",
    50020: "User account from this identity provider does not exist in the tenant.",
    50034: "The user account does not exist in the directory.",
    50053: "The account is locked: too many attempts with a wrong user ID or password.",
    50055: "The password is expired.",
    50057: "The user account is disabled.",
    50058: "A silent sign-in request was sent but no user is signed in.",
    50076: (
        "Due to a configuration change made by your administrator, or because you moved to a new location, "
        "you must use multi-factor authentication."
    ),
    50105: "The signed in user is not assigned to a role for the application.",
    50173: (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user "
        "might have changed or reset their password."
    ),
    50196: "The server terminated an operation because it encountered a client request loop.",
    500112: "The reply address does not match the one provided when requesting the authorization code.",
    501481: "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    53003: (
        "Access has been blocked by Conditional Access policies. The access policy does not allow token "
        "issuance."
    ),
    54005: "OAuth2 Authorization code was already redeemed, please retry with a new valid code.",
    65001: "The user or administrator has not consented to use the application.",
    65004: "User declined to consent to access the app.",
    70000: (
        "The request was denied because one or more scopes requested are unauthorized or expired. The user "
        "must first sign in and grant the client application access to the requested scope."
    ),
    70003: "The app requested an unsupported grant type.",
    70008: "The provided authorization code or refresh token has expired due to inactivity.",
    70011: "The provided value for the input parameter 'scope' is not valid.",
    700016: "Application was not found in the directory.",
    700021: "Client assertion application identifier doesn't match 'client_id' parameter.",
    700023: "Client assertion audience claim does not match Realm issuer.",
    700024: "Client assertion is not within its valid time range.",
    700027: (
        "The certificate with identifier used to sign the client assertion is not registered on application, "
        "or the signature of the assertion is not valid."
    ),
    700051: "response_type is not enabled for the application.",
    700082: "The refresh token has expired due to inactivity, after 90.00:00:00.",
    7000112: "Application is disabled.",
    7000215: (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        "value, not the client secret ID."
    ),
    7000218: "The request body must contain 'client_assertion' or 'client_secret'.",
    7000222: "The provided client secret keys are expired.",
    90002: "Tenant not found. Check that you have the correct tenant ID or verified domain.",
    90014: "A required field is missing from the request.",
    90023: "Unsupported value in the request.",
    90055: "Too many requests for this tenant.",
    90093: "This operation can only be performed by an administrator.",
    90094: "An administrator of the tenant has to grant the requested permissions.",
    90095: "Admin consent is required; the request was sent to the administrators.",
    900144: "The request body must contain a required parameter.",
    9000411: "The request is not properly formatted: a parameter is duplicated.",
    9002313: "Invalid request. Request is malformed or invalid.",
}


def _all(numbers: tuple[int, ...], error: str, suberror: str = "", status: int = 400) -> dict[int, Reason]:
    fallback = Reason(error).text
    return {number: Reason(error, _TEXTS.get(number, fallback), suberror, status) for number in numbers}


REASONS: Final[Mapping[int, Reason]] = {
    **_all(_INTERACTIVE, _GRANT, "basic_action"),
    **_all(_MESSAGE_ONLY, _GRANT, "message_only"),
    **_all(_GRANT_IS_GONE, _GRANT),
    **_all(_DISGUISED, _GRANT),
    **_all((65001,), _GRANT, "consent_required"),
    **_all((70000, 501481), _GRANT),
    **_all((50058,), "login_required"),
    **_all((65004,), "access_denied"),
    **_all(_NOT_ALLOWED, "access_denied"),
    **_all(_NOT_IN_TENANT, "unauthorized_client"),
    **_all(_TENANT_SAYS_NO, _REQUEST),
    **_all(_MALFORMED, _REQUEST),
    **_all(_OUR_SECRET, _CLIENT, status=401),
    **_all((70003,), "unsupported_grant_type"),
    **_all((70011,), "invalid_scope"),
    **_all((700051,), "unsupported_response_type"),
    **_all(_OUT_OF_ORDER, "temporarily_unavailable", status=503),
}
"""Every number that the product is expected to know, and those that this sandbox says by itself."""


def reason(number: int) -> Reason:
    """How a number is told; one that nobody knows is an ``invalid_grant`` without more."""
    return REASONS.get(number, Reason(_GRANT))


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
