"""Graph, as far as a probe looks: who somebody is, and whether their inbox can be opened.

Rule: the token decides who asks and what may be seen; the mailbox decides whether it may be seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from sandbox.answers import Answer, ok
from sandbox.microsoft.aadsts import access_denied, graph_error, invalid_token, request_denied
from sandbox.microsoft.scopes import EXCHANGE, READS_OWN_MAIL, READS_SHARED_MAIL, resources
from sandbox.microsoft.state import AccessToken, Account, State

V1 = "https://graph.microsoft.com/v1.0/$metadata#users"
USUAL = (
    *("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation"),
    *("preferredLanguage", "surname", "userPrincipalName", "id"),
)
"""What Graph tells about somebody unless asked; of personal accounts it never tells more."""
MORE = ("accountEnabled", "mailNickname", "otherMails", "proxyAddresses", "userType")
BASIC = frozenset({"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"})
"""What may be seen of other people."""
FOLDER = (
    *("id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount"),
    *("sizeInBytes", "isHidden"),
)
FOLDERS = frozenset({"inbox", "archive", "drafts", "sentitems", "deleteditems", "junkemail", "outbox"})

AT_ONCE = 4
"""How many requests Outlook answers at a time for one app and one person."""

_CLAUSE = re.compile(r"(mail|userPrincipalName) eq '((?:[^']|'')*)'")
_FILTER = re.compile(rf"{_CLAUSE.pattern}(?: or {_CLAUSE.pattern})*")
"""What people are looked for by. Graph knows much more; nothing here asks for it."""

_Look = Callable[[web.Request, AccessToken, Account], Answer]


class Graph:
    """`users` and `mailFolders`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._busy: Counter[str] = Counter()

    async def me(self, request: web.Request) -> web.Response:
        """GET /v1.0/me."""
        return await self._serve(request, self._own_profile)

    async def user(self, request: web.Request) -> web.Response:
        """GET /v1.0/users/{user}."""
        return await self._serve(request, self._profile)

    async def users(self, request: web.Request) -> web.Response:
        """GET /v1.0/users?$filter=…."""
        return await self._serve(request, self._found)

    async def own_folder(self, request: web.Request) -> web.Response:
        """GET /v1.0/me/mailFolders/{folder}."""
        return await self._serve(request, self._own_folder)

    async def folder(self, request: web.Request) -> web.Response:
        """GET /v1.0/users/{user}/mailFolders/{folder}."""
        return await self._serve(request, self._folder)

    async def nothing(self, request: web.Request) -> web.Response:
        """Whatever else somebody asks for."""
        return await self._serve(request, self._nothing)

    async def _serve(self, request: web.Request, look: _Look) -> web.Response:
        text = _bearer(request)
        whom = self._whom(text)
        self._state.requests["graph"] += 1
        with self._at_once(whom) as others:
            if others >= AT_ONCE:
                return self._too_many().response()
            await self._state.faults.delay("graph", *whom)
            return self._answer(request, text, look).response()

    def _answer(self, request: web.Request, text: str, look: _Look) -> Answer:
        token = self._state.ledger.access_token(text)
        if wrong := self._useless(token, text):
            return wrong
        assert token is not None
        if broken := self._state.faults.answer_for("graph", *self._whom(text)):
            return broken
        return look(request, token, self._state.directory.by_oid(token.oid))

    @contextmanager
    def _at_once(self, whom: tuple[str, ...]) -> Iterator[int]:
        """How many requests with somebody's tokens are being answered already."""
        asker = whom[0] if whom else ""
        others = self._busy[asker] if asker else 0
        self._busy[asker] += 1
        try:
            yield others
        finally:
            self._busy[asker] -= 1

    def _too_many(self) -> Answer:
        text = "Application is over its MailboxConcurrency limit."
        return graph_error(self._state.clock, 429, "ApplicationThrottled", text, headers={"Retry-After": "1"})

    def _whom(self, text: str) -> tuple[str, ...]:
        oid = self._state.ledger.owner_of(text)
        return (oid, self._state.directory.by_oid(oid).tid) if oid else ()

    def _useless(self, token: AccessToken | None, text: str) -> Answer | None:
        if not text:
            return invalid_token(self._state.clock, "Access token is empty.")
        if token is None:
            return invalid_token(self._state.clock, "CompactToken parsing failed with error code: 80049217")
        if self._state.ledger.is_expired(token):
            return invalid_token(self._state.clock, "Lifetime validation failed, the token is expired.")
        if EXCHANGE in resources(token.scopes):
            return invalid_token(self._state.clock, "Access token validation failure. Invalid audience.")
        return None

    # --- who somebody is

    def _own_profile(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        if "User.Read" not in token.scopes:
            return request_denied(self._state.clock)
        return self._described(request, asker)

    def _profile(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        if asker.signs_in_as(request.match_info["user"]):
            return self._own_profile(request, token, asker)
        if "User.ReadBasic.All" not in token.scopes or asker.is_personal:
            return request_denied(self._state.clock)
        found = self._colleague(asker, request.match_info["user"], by=Account.signs_in_as)
        if found is None:
            text = f"Resource '{request.match_info['user']}' does not exist."
            return graph_error(self._state.clock, 404, "Request_ResourceNotFound", text)
        select = _selected(request)
        if select and set(select) - BASIC and set(select) <= {*USUAL, *MORE}:
            return request_denied(self._state.clock)
        return self._described(request, found, only=BASIC)

    def _found(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        """Those of the asker's tenant whom the filter names, by mail or sign-in name."""
        if "User.ReadBasic.All" not in token.scopes or asker.is_personal:
            return request_denied(self._state.clock)
        select = _selected(request)
        if unknown := [name for name in select if name not in (*USUAL, *MORE)]:
            return self._no_property(unknown[0], "user")
        if set(select) - BASIC:
            return request_denied(self._state.clock)
        asked = request.query.get("$filter", "")
        if not _FILTER.fullmatch(asked):
            return graph_error(self._state.clock, 400, "Request_UnsupportedQuery", "Unsupported Query.")
        wanted = {(name, text.replace("''", "'").casefold()) for name, text in _CLAUSE.findall(asked)}
        same = [account for account in self._state.directory if account.tid == asker.tid]
        found = [it for it in same if {("mail", it.email), ("userPrincipalName", it.upn)} & wanted]
        names = select or tuple(name for name in USUAL if name in BASIC)
        value = [{name: _profile_of(it)[name] for name in names} for it in found]
        return ok({"@odata.context": f"{V1}({','.join(names)})", "value": value})

    def _described(
        self, request: web.Request, account: Account, only: frozenset[str] = frozenset()
    ) -> Answer:
        select = _selected(request)
        if unknown := [name for name in select if name not in (*USUAL, *MORE)]:
            return self._no_property(unknown[0], "user")
        known = _profile_of(account)
        if account.is_personal:
            # Graph tells what it knows of a personal account, whatever was asked for.
            return ok({"@odata.context": f"{V1}/$entity", **{name: known[name] for name in USUAL}})
        names = select or USUAL
        told = {name: known[name] for name in names if not only or name in only}
        context = f"{V1}({','.join(select)})/$entity" if select else f"{V1}/$entity"
        return ok({"@odata.context": context, **told})

    # --- whether the inbox opens

    def _own_folder(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        if not token.scopes & READS_OWN_MAIL:
            return access_denied(self._state.clock)
        return self._opened(request, asker)

    def _folder(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        name = request.match_info["user"]
        if asker.answers_to(name):
            return self._own_folder(request, token, asker)
        if not token.scopes & READS_SHARED_MAIL:
            return access_denied(self._state.clock)
        mailbox = self._colleague(asker, name, by=Account.answers_to)
        if mailbox is None:
            text = f"The requested user '{name}' is invalid."
            return graph_error(self._state.clock, 404, "ErrorInvalidUser", text)
        if asker.oid not in mailbox.delegates or self._state.stands("rights_taken", mailbox):
            return access_denied(self._state.clock)
        return self._opened(request, mailbox)

    def _opened(self, request: web.Request, mailbox: Account) -> Answer:
        if self._state.stands("licence_taken", mailbox):
            text = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            return graph_error(self._state.clock, 404, "MailboxNotEnabledForRESTAPI", text)
        folder = request.match_info["folder"].casefold()
        if folder not in FOLDERS:
            return graph_error(self._state.clock, 400, "ErrorInvalidIdMalformed", "Id is malformed.")
        select = _selected(request)
        if unknown := [name for name in select if name not in FOLDER]:
            return self._no_property(unknown[0], "mailFolder")
        known = _folder_of(mailbox, folder)
        only = f"({','.join(select)})" if select else ""
        context = f"{V1}('{mailbox.graph_id}')/mailFolders{only}/$entity"
        # Exchange tells the id, asked for or not.
        return ok(
            {
                "@odata.context": context,
                **{name: known[name] for name in dict.fromkeys(("id", *(select or FOLDER)))},
            }
        )

    # --- and the rest

    def _nothing(self, request: web.Request, token: AccessToken, asker: Account) -> Answer:
        version, _, rest = request.match_info["rest"].partition("/")
        if version != "v1.0":
            return graph_error(self._state.clock, 400, "BadRequest", f"Invalid version: {version}")
        segment = rest.rpartition("/")[2]
        return graph_error(
            self._state.clock, 400, "BadRequest", f"Resource not found for the segment '{segment}'."
        )

    def _colleague(self, asker: Account, name: str, *, by: Callable[[Account, str], bool]) -> Account | None:
        """Somebody of the same tenant."""
        same = (account for account in self._state.directory if account.tid == asker.tid)
        return None if asker.is_personal else next((account for account in same if by(account, name)), None)

    def _no_property(self, name: str, kind: str) -> Answer:
        about = "Parsing OData Select and Expand failed:"
        text = f"{about} Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
        return graph_error(self._state.clock, 400, "BadRequest", text)


def _bearer(request: web.Request) -> str:
    """The token that came along; empty when none did."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    return text if kind.lower() == "bearer" else ""


def _selected(request: web.Request) -> tuple[str, ...]:
    asked = request.query.get("$select", "")
    return tuple(name.strip() for name in asked.split(",") if name.strip())


def _profile_of(account: Account) -> Mapping[str, Any]:
    given, _, surname = account.name.partition(" ")
    return {
        **dict.fromkeys(USUAL),
        "businessPhones": [],
        "id": account.graph_id,
        "displayName": account.name,
        "givenName": given,
        "surname": surname or None,
        # Of hotmail.com addresses, as of many personal accounts, Graph tells only the sign-in name.
        "mail": None if account.email.endswith("@hotmail.com") else account.email,
        "userPrincipalName": account.upn,
        "accountEnabled": account.signs_in,
        "mailNickname": account.email.partition("@")[0],
        "otherMails": list(account.other_mails),
        "proxyAddresses": [f"SMTP:{account.email}", *(f"smtp:{alias}" for alias in sorted(account.aliases))],
        "userType": "Member",
    }


def _folder_of(mailbox: Account, folder: str) -> Mapping[str, Any]:
    return {
        "id": f"AAMkA{mailbox.oid.replace('-', '')}{folder}AAA=",
        "displayName": "Inbox" if folder == "inbox" else folder,
        "parentFolderId": f"AAMkA{mailbox.oid.replace('-', '')}rootAAA=",
        "childFolderCount": 0,
        "unreadItemCount": 3,
        "totalItemCount": 128,
        "sizeInBytes": 1048576,
        "isHidden": False,
    }
