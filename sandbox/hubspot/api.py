"""HubSpot's API over HTTP, as strict as HubSpot. Rule: bodies are those that HubSpot sends."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from sandbox.answers import Answer, ok
from sandbox.hubspot.state import BURST, CHANNELS, CONVERSATIONS, Account, Inbox, Portal

CREATED: Final = "2019-10-04T15:24:39.136Z"
_CORRELATION: Final = "0d6b2f4e-0000-4000-8000-1f0c4ee9e400"
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_USERS: Final = ("settings.users.read", "crm.objects.users.read")
_PAGED: Final = frozenset({"limit", "after", "sort", "defaultPageLength"})
_LARGEST_PAGE: Final = 500
_FAULT: Final = web.RequestKey("fault", str)


class Refused(Exception):
    """The answer is not what was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Api:
    """The endpoints."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def add_routes(self, app: web.Application, prefix: str) -> None:
        base = f"{prefix}/conversations/conversations/2026-09"
        get = app.router.add_get
        get(f"{base}/channel-accounts", self._endpoint(self._accounts, CONVERSATIONS))
        get(f"{base}/channel-accounts/{{id}}", self._endpoint(self._account, CONVERSATIONS))
        get(f"{base}/inboxes", self._endpoint(self._inboxes, CONVERSATIONS))
        get(f"{base}/inboxes/{{id}}", self._endpoint(self._inbox, CONVERSATIONS))
        get(f"{base}/channels", self._endpoint(self._channels, CONVERSATIONS))
        get(f"{prefix}/account-info/2026-09/details", self._endpoint(self._details, "oauth"))
        get(f"{prefix}/settings/users/2026-03", self._endpoint(self._users, *_USERS))
        for root in ("conversations", "account-info", "settings", "crm"):
            app.router.add_route("*", f"{prefix}/{root}/{{tail:.*}}", self._unknown)

    def _endpoint(self, read: Any, *scopes: str) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                headers = self._admitted(request, scopes)
                found: Answer = read(request)
            except Refused as refused:
                return refused.answer.response()
            return Answer(found.status, found.body, found.content_type, headers).response()

        return answer

    async def _unknown(self, request: web.Request) -> web.Response:
        """A version that does not exist, or messages, which nobody may ask for."""
        self._portal.requests += 1
        if "threads" in request.path:
            self._portal.forbidden.append(request.path)
        return _not_found().response()

    def _admitted(self, request: web.Request, scopes: Sequence[str]) -> dict[str, str]:
        """The headers of an answer. Raises ``Refused``."""
        portal = self._portal
        portal.requests += 1
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not request.headers.get("Authorization", "").startswith("Bearer ") or token not in portal.tokens:
            raise Refused(_unauthorized())
        self._broken(request)
        if not set(scopes) & portal.tokens[token]:
            raise Refused(_missing(scopes))
        left = portal.left_in_burst(token)
        if left < 0:
            raise Refused(_paced("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
        return {
            "X-HubSpot-RateLimit-Max": str(BURST),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": "250000",
            "X-HubSpot-RateLimit-Daily-Remaining": str(250_000 - portal.requests),
        }

    def _broken(self, request: web.Request) -> None:
        what = self._portal.fault_at(request.path, is_first_page="after" not in request.query)
        if what == "hangs_up":
            if request.transport is not None:
                request.transport.close()
            raise Refused(Answer(500, ""))
        request[_FAULT] = what
        if what in _ANSWERS:
            raise Refused(_ANSWERS[what])

    # --- what is read

    def _accounts(self, request: web.Request) -> Answer:
        query = _known(request, {"channelId", "inboxId", "archived"} | _PAGED)
        for name in ("channelId", "inboxId"):
            if not all(value.isdigit() for value in query.getall(name, [])):
                raise Refused(_invalid(f"{name} is not an integer"))
        rows = self._portal.listed(
            query.getall("channelId", []), query.getall("inboxId", []), archived=_flag(request)
        )
        return self._page(request, [_account(it) for it in rows])

    def _account(self, request: web.Request) -> Answer:
        wanted, archived = _integer(request), _flag(request)
        found = [it for it in self._portal.listed((), (), archived=archived) if it.id == wanted]
        return ok(_account(found[0])) if found else _not_found()

    def _inboxes(self, request: web.Request) -> Answer:
        _known(request, {"archived"} | _PAGED)
        self._portal.passes()
        rows = [it for it in self._portal.inboxes if it.archived is _flag(request)]
        return self._page(request, [_inbox(it) for it in rows])

    def _inbox(self, request: web.Request) -> Answer:
        wanted, archived = _integer(request), _flag(request)
        found = [it for it in self._portal.inboxes if it.id == wanted and it.archived is archived]
        return ok(_inbox(found[0])) if found else _not_found()

    def _channels(self, request: web.Request) -> Answer:
        _known(request, _PAGED)
        return self._page(request, [{"id": key, "name": name} for key, name in CHANNELS.items()])

    def _details(self, request: web.Request) -> Answer:
        _known(request, set())
        portal = self._portal
        return ok(
            {
                "portalId": int(portal.id),
                "accountType": "STANDARD",
                "uiDomain": portal.ui_domain,
                "dataHostingLocation": portal.hosting,
                "timeZone": portal.time_zone,
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
            }
        )

    def _users(self, request: web.Request) -> Answer:
        _known(request, {"limit", "after"})
        rows = [
            {"id": str(it.id), "email": it.email, "superAdmin": it.super_admin, "roleIds": []}
            for it in self._portal.users
        ]
        return self._page(request, rows, has_total=False)

    def _page(
        self, request: web.Request, rows: Sequence[Mapping[str, Any]], *, has_total: bool = True
    ) -> Answer:
        limit, start = _limit(request), _place(request)
        shown = [dict(row) for row in rows[start : start + limit]]
        body: dict[str, Any] = {"total": len(rows)} if has_total else {}
        following = start + limit if start + limit < len(rows) else None
        match request.get(_FAULT, ""):
            case "half":
                shown = shown[:-1]
            case "no_total":
                body = {}
            case "odd_record":
                shown = [{key: row[key] for key in row if key != "authorized"} for row in shown]
            case "endless":
                following = start
        body["results"] = shown
        if following is not None:
            after = base64.urlsafe_b64encode(str(following).encode()).decode()
            body["paging"] = {"next": {"after": after, "link": f"{request.path}?after={after}"}}
        return ok(body)


def _account(it: Account) -> dict[str, Any]:
    delivery = {"type": "HS_EMAIL_ADDRESS", "value": it.address}
    return {
        "id": str(it.id),
        "channelId": it.channel,
        "inboxId": str(it.inbox),
        "name": it.name,
        "active": it.active,
        "authorized": it.authorized,
        "archived": it.archived,
        "createdAt": CREATED,
        **({"archivedAt": CREATED} if it.archived else {}),
        **({"deliveryIdentifier": delivery} if it.address else {}),
    }


def _inbox(it: Inbox) -> dict[str, Any]:
    return {
        "id": str(it.id),
        "name": it.name,
        "type": it.type,
        "archived": it.archived,
        "createdAt": CREATED,
        "updatedAt": CREATED,
        **({"archivedAt": CREATED} if it.archived else {}),
    }


def _known(request: web.Request, names: set[str] | frozenset[str]) -> Any:
    """The query; HubSpot ignores what it does not know, and here that would hide a mistake."""
    if stray := set(request.query) - names:
        raise Refused(_invalid(f"unknown parameters: {', '.join(sorted(stray))}"))
    return request.query


def _flag(request: web.Request) -> bool:
    value = request.query.get("archived", "false")
    if value not in {"true", "false"}:
        raise Refused(_invalid("archived is not a boolean"))
    return value == "true"


def _integer(request: web.Request) -> int:
    value = request.match_info["id"]
    if not value.isascii() or not value.isdigit():
        raise Refused(_invalid("id is not an integer"))
    return int(value)


def _limit(request: web.Request) -> int:
    value = request.query.get("limit", "100")
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= _LARGEST_PAGE:
        raise Refused(_invalid("limit is not a number of rows"))
    return int(value)


def _place(request: web.Request) -> int:
    after = request.query.get("after")
    if after is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(after.encode()))
    except (binascii.Error, ValueError):
        raise Refused(_invalid("after is no cursor of ours")) from None


def _error(status: int, said: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    body = {"status": "error", "message": said, "correlationId": _CORRELATION, **more}
    return Answer(status, json.dumps(body), headers=headers or {})


def _invalid(said: str) -> Answer:
    return _error(400, said, category="VALIDATION_ERROR")


def _not_found() -> Answer:
    return _error(404, "resource not found", category="OBJECT_NOT_FOUND")


def _unauthorized() -> Answer:
    said = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
    return _error(401, said, category="INVALID_AUTHENTICATION")


def _missing(scopes: Sequence[str]) -> Answer:
    errors = [
        {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": list(scopes)},
        }
    ]
    said = "This app hasn't been granted all required scopes to make this call."
    return _error(403, said, errors=errors, category="MISSING_SCOPES")


def _paced(policy: str, words: str, retry_after: str = "") -> Answer:
    headers = {"Retry-After": retry_after} if retry_after else {}
    said = f"You have reached your {words} limit."
    return _error(429, said, headers=headers, errorType="RATE_LIMIT", policyName=policy)


_ANSWERS: Final[Mapping[str, Answer]] = {
    "refused": _unauthorized(),
    "forbidden": _missing([CONVERSATIONS]),
    "locked": _error(423, "This resource is locked.", category="LOCKED"),
    "burst": _paced("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
    "burst_timed": _paced("TEN_SECONDLY_ROLLING", "ten_secondly_rolling", "30"),
    "secondly": _paced("SECONDLY", "secondly"),
    "daily": _paced("DAILY", "daily"),
    "moving": Answer(477, "", headers={"Retry-After": "600"}),
    "error": _error(500, "internal error"),
    "bad_gateway": Answer(502, _HTML, "text/html"),
    "page_two": Answer(502, _HTML, "text/html"),
    "cloudflare": Answer(523, _HTML, "text/html"),
    "html": Answer(200, _HTML, "text/html"),
}
