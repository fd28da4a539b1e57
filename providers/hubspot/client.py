"""Reads a portal: its e-mail channel accounts and inboxes, its particulars, and who its super admins are.

The one rule: a listing counts only when it is complete. Every page was read, and there are as many rows as
HubSpot says; anything less is no answer at all, since absence from it would mean nothing. Threads and
messages are never asked for, although the same permission would open them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from bot.domain.errors import ProviderMisconfigured, ProviderUnavailable
from bot.domain.grant import Secret
from bot.domain.hubspot import AccountRecord, HubSpotUser, InboxRecord, Listing, PortalDetails
from providers.http_client import HttpClient, HttpReply
from providers.hubspot.errors import INCOMPLETE, UNAUTHORIZED, UNEXPECTED, error_of

API_URL: Final = "https://api.hubapi.com"
PATHS: Final[Mapping[str, str]] = {
    "accounts": "/conversations/conversations/2026-09/channel-accounts",
    "inboxes": "/conversations/conversations/2026-09/inboxes",
    "channels": "/conversations/conversations/2026-09/channels",
    "details": "/account-info/2026-09/details",
    "users": "/settings/users/2026-03",
}
"""Versions differ by API: 2026-03 has no inboxes, and the users are not in 2026-09 (HubSpot's OpenAPI files
of 2026-08-21). The numbered versions v1 to v3 end in September 2027."""

EMAIL_CHANNEL: Final = "1002"
_ADDRESS: Final = "HS_EMAIL_ADDRESS"
PAGE: Final = 100
"""Rows of a page: the largest that is known to be taken for these lists."""
_MOST_PAGES: Final = 200
_LONGEST: Final = 320
"""Characters of a name or an address."""


@dataclass
class HubSpotClient:
    """One portal, by its token; during a rotation by either of two. Every method raises
    ``ProviderUnavailable``, ``ProviderMisconfigured`` or ``PermissionMissing``."""

    http: HttpClient
    tokens: Sequence[Secret] = field(repr=False)
    clock: Callable[[], datetime]
    api_url: str = API_URL
    time_zone: str = ""
    """The portal's, once it is known."""
    requests: int = 0
    """How many were made, for whoever measures."""
    switches: int = 0
    """How often another token had to be taken: what was read before that may be another portal's."""

    async def listing(self) -> Listing:
        """All e-mail channel accounts and inboxes that are not archived, by one token: two of them may open
        two portals, and half of each is neither."""
        for _ in (*self.tokens, "anew"):
            before = self.switches
            accounts = await self._accounts()
            found = Listing(accounts, await self._inboxes(archived=False))
            if self.switches == before:
                return found
        raise ProviderUnavailable(INCOMPLETE)

    async def archived_inboxes(self) -> tuple[InboxRecord, ...]:
        """Those that are: only there an inbox that was removed differs from one that never was."""
        return await self._inboxes(archived=True)

    async def details(self) -> PortalDetails:
        """The portal's particulars; needs the scope ``oauth``."""
        found = await self._object("details")
        portal = found.get("portalId")
        if not isinstance(portal, int) or isinstance(portal, bool):
            raise ProviderUnavailable(UNEXPECTED)
        names = ("uiDomain", "dataHostingLocation", "timeZone", "accountType")
        domain, hosting, zone, kind = (_text(found, name) for name in names)
        self.time_zone = zone
        return PortalDetails(str(portal), domain, hosting, zone, kind)

    async def users(self) -> tuple[HubSpotUser, ...]:
        """Everybody who can sign in; needs ``settings.users.read`` or ``crm.objects.users.read``."""
        rows = [row async for page in self._pages("users") for row in _results(page)]
        return tuple(HubSpotUser(_text(row, "email"), row.get("superAdmin") is True) for row in rows)

    async def channels(self) -> Mapping[str, str]:
        """The kinds of channels by id, to check that e-mail still is the one that is asked for."""
        rows = [row async for page in self._pages("channels") for row in _results(page)]
        return {_text(row, "id"): _text(row, "name") for row in rows}

    # --- listings

    async def _accounts(self) -> tuple[AccountRecord, ...]:
        return tuple(map(_account, await self._all("accounts", channelId=EMAIL_CHANNEL)))

    async def _inboxes(self, *, archived: bool) -> tuple[InboxRecord, ...]:
        rows = await self._all("inboxes", archived=_flag(archived))
        return tuple(
            InboxRecord(_id(row, "id"), _text(row, "name"), _text(row, "type"), archived) for row in rows
        )

    async def _all(self, what: str, **query: str) -> list[Mapping[str, Any]]:
        """Every row of a listing, each once. Raises ``ProviderUnavailable`` if it is not complete."""
        rows: dict[str, Mapping[str, Any]] = {}
        totals: list[Any] = []
        async for page in self._pages(what, **query):
            totals.append(page.get("total"))
            rows |= {_id(row, "id"): row for row in _results(page)}
        if not all(isinstance(total, int) and total == len(rows) for total in totals):
            raise ProviderUnavailable(INCOMPLETE)
        return list(rows.values())

    async def _pages(self, what: str, **query: str) -> AsyncIterator[dict[str, Any]]:
        after, seen = "", set[str]()
        for _ in range(_MOST_PAGES):
            page = await self._object(what, limit=str(PAGE), **query, **({"after": after} if after else {}))
            yield page
            after = _next(page)
            if not after:
                return
            if after in seen:
                break
            seen.add(after)
        raise ProviderUnavailable(INCOMPLETE)

    # --- requests

    async def _object(self, what: str, **query: str) -> dict[str, Any]:
        url = f"{self.api_url.rstrip('/')}{PATHS[what]}" + (f"?{urlencode(query)}" if query else "")
        reply = await self._got(url)
        if reply.status != 200:
            raise error_of(reply, now=self.clock(), time_zone=self.time_zone)
        found = reply.json_object()
        if found is None:
            raise ProviderUnavailable(UNEXPECTED)
        return found

    async def _got(self, url: str) -> HttpReply:
        """The answer to the token that was taken last, or to the other one where that is refused."""
        for _ in self.tokens:
            self.requests += 1
            token = self.tokens[self.switches % len(self.tokens)].reveal()
            reply = await self.http.get(url, headers={"Authorization": f"Bearer {token}"})
            if reply.status != 401:
                return reply
            self.switches += 1
        raise ProviderMisconfigured(UNAUTHORIZED)


def _account(row: Mapping[str, Any]) -> AccountRecord:
    active, authorized = row.get("active"), row.get("authorized")
    if not isinstance(active, bool) or not isinstance(authorized, bool):
        raise ProviderUnavailable(UNEXPECTED)
    delivery = row.get("deliveryIdentifier")
    by_mail = delivery if isinstance(delivery, dict) and delivery.get("type") == _ADDRESS else {}
    return AccountRecord(
        id=_id(row, "id"),
        inbox_id=_id(row, "inboxId"),
        name=_text(row, "name"),
        address=_text(by_mail, "value").strip().lower(),
        is_active=active,
        is_authorized=authorized,
        is_archived=row.get("archived") is True,
    )


def _results(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    rows = page.get("results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProviderUnavailable(UNEXPECTED)
    yield from rows


def _next(page: Mapping[str, Any]) -> str:
    paging = page.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return _text(following, "after") if isinstance(following, dict) else ""


def _id(row: Mapping[str, Any], name: str) -> str:
    """Ids are strings in answers. Raises ``ProviderUnavailable`` without one."""
    found = row.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not (text := _text(row, name)):
        raise ProviderUnavailable(UNEXPECTED)
    return text


def _text(row: Mapping[str, Any], name: str) -> str:
    """A text that can be stored and shown: JSON may hold what is no UTF-8, and a NUL."""
    found = row.get(name)
    if not isinstance(found, str):
        return ""
    return found[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "")


def _flag(value: bool) -> str:
    return "true" if value else "false"
