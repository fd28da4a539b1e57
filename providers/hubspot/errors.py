"""HubSpot's answers as the product's errors, by one table of statuses.

A 403 never means a dead token, and a 401 always does (developers.hubspot.com, *Error handling*). Whatever
speaks of HubSpot's condition, or of our pace, is nobody's matter. Every field of a body is optional: an
answer in between may be a page of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.errors import PermissionMissing, ProviderError, ProviderMisconfigured, ProviderUnavailable
from bot.domain.hubspot import MOVING
from providers.http_client import HttpReply

UNAUTHORIZED: Final = "unauthorized"
FORBIDDEN: Final = "missing_scopes"
UNKNOWN_PATH: Final = "unknown_path"
UNEXPECTED: Final = "unexpected_answer"
INCOMPLETE: Final = "incomplete_listing"
DAILY_LIMIT: Final = "daily_limit"


class Mender(Enum):
    """Who can do something about it."""

    OPERATOR = "operator"
    NOBODY = "nobody"


STATUSES: Final[Mapping[int, tuple[str, Mender]]] = {
    401: (UNAUTHORIZED, Mender.OPERATOR),
    403: (FORBIDDEN, Mender.OPERATOR),
    404: (UNKNOWN_PATH, Mender.OPERATOR),
    408: ("timeout", Mender.NOBODY),
    423: ("locked", Mender.NOBODY),
    429: ("rate_limited", Mender.NOBODY),
    477: (MOVING, Mender.NOBODY),
}
"""What a status means, and whose matter it is; any other is an outage, or an answer that nobody knows."""

_LEAST: Final[Mapping[int, timedelta]] = {423: timedelta(seconds=2), 429: timedelta(seconds=10)}
"""How long HubSpot wants to be left alone where it does not say: it documents no ``Retry-After`` on 429."""
_SECONDLY: Final = timedelta(seconds=1)
_SCOPE: Final = re.compile(r"[a-z][a-z0-9._-]{1,60}")
_MOST_SCOPES: Final = 10


def error_of(reply: HttpReply, *, now: datetime, time_zone: str = "") -> ProviderError:
    """What an answer other than 200 means. A day ends at midnight by ``time_zone``, the portal's."""
    code, whose = STATUSES.get(reply.status, (f"status_{reply.status}", Mender.NOBODY))
    body = reply.json_object() or {}
    if reply.status == 403:
        return PermissionMissing(code, scopes=scopes_in(body))
    if whose is Mender.OPERATOR:
        return ProviderMisconfigured(code)
    if reply.status == 429:
        return _paced(reply, str(body.get("policyName", "")), now, time_zone)
    known = reply.status in STATUSES or reply.is_trouble
    wait = reply.retry_after(now) or _LEAST.get(reply.status)
    return ProviderUnavailable(code, retry_after=wait, unknown_code=not known)


def _paced(reply: HttpReply, policy: str, now: datetime, time_zone: str) -> ProviderUnavailable:
    if policy.upper() == "DAILY":
        return ProviderUnavailable(DAILY_LIMIT, retry_after=until_midnight(now, time_zone))
    least = _SECONDLY if policy.upper() == "SECONDLY" else _LEAST[429]
    return ProviderUnavailable("rate_limited", retry_after=reply.retry_after(now) or least)


def until_midnight(now: datetime, time_zone: str) -> timedelta:
    """How long the day of a portal still lasts; by UTC where its time zone is not known."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    local = now.astimezone(zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(now.tzinfo) - now


def scopes_in(body: Mapping[str, Any]) -> frozenset[str]:
    """The scopes that a 403 names, in whichever of its shapes."""
    found: list[Any] = []
    errors = body.get("errors")
    for place in (body, *(errors if isinstance(errors, list) else ())):
        context = place.get("context") if isinstance(place, dict) else None
        if isinstance(context, dict):
            for name in ("requiredGranularScopes", "missingScopes", "requiredScopes"):
                found += _flat(context.get(name))
    named = [it for it in found if isinstance(it, str) and _SCOPE.fullmatch(it)]
    return frozenset(named[:_MOST_SCOPES])


def _flat(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        return ()
    return [inner for it in value for inner in (it if isinstance(it, list) else [it])]
