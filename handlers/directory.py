"""Who is in the workspace, as Slack says: the ``Directory`` that the people service asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Person
from bot.domain.ids import UserId, WorkspaceId
from bot.services.people import CursorLost, DirectoryAway, Group, GroupsClosed, Page
from bot.slack_errors import code_of, is_throttled, retry_after

_PATIENCE: Final = 1.5
_PAGE_PATIENCE: Final = 10.0
_PAGE: Final = 200
_NOBODY: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_NO_GROUP: Final = frozenset({"no_such_subteam", "subteam_not_found"})
_NO_GROUPS: Final = frozenset({"missing_scope", "plan_upgrade_required"})
"""The app may not read user groups, or the workspace's plan has none."""
_SLACKBOT: Final = "USLACKBOT"


class SlackDirectory:
    """Slack's ``users.info`` and ``users.list``, and its user groups where the app may read them."""

    def __init__(self, client: AsyncWebClient, *, patience: float = _PATIENCE) -> None:
        self._client = client
        self._patience = patience

    async def person(self, user_id: UserId) -> Person | None:
        """The user, ``None`` if there is none. Raises ``DirectoryAway``."""
        call = self._client.users_info(user=user_id, include_locale=True)
        try:
            answer = await _asked(call, self._patience)
        except SlackApiError as error:
            if code_of(error) in _NOBODY:
                return None
            raise DirectoryAway from error
        return person_of(answer["user"])

    async def group(self, group_id: str) -> tuple[UserId, ...]:
        """A user group's members; of one that was disabled, nobody. Raises ``DirectoryAway``,
        ``GroupsClosed``."""
        call = self._client.usergroups_users_list(usergroup=group_id)
        try:
            answer = await _asked(call, _PAGE_PATIENCE)
        except SlackApiError as error:
            if code_of(error) in _NO_GROUP:
                return ()
            raise _groups_error(error) from error
        return tuple(UserId(user) for user in answer["users"])

    async def groups(self) -> tuple[Group, ...]:
        """The workspace's user groups, by name. Raises ``DirectoryAway``, ``GroupsClosed``."""
        try:
            answer = await _asked(self._client.usergroups_list(), self._patience)
        except SlackApiError as error:
            raise _groups_error(error) from error
        groups = (Group(group["id"], group.get("name") or group["id"]) for group in answer["usergroups"])
        return tuple(sorted(groups, key=lambda group: group.name.casefold()))

    async def page(self, cursor: str) -> Page:
        """Some of all users, from ``cursor`` on. Raises ``DirectoryAway``, ``CursorLost``."""
        call = self._client.users_list(limit=_PAGE, cursor=cursor, include_locale=True)
        try:
            answer = await _asked(call, _PAGE_PATIENCE)
        except SlackApiError as error:
            if code_of(error) == "invalid_cursor":
                raise CursorLost from error
            raise DirectoryAway(retry_after(error) if is_throttled(error) else None) from error
        further = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        return Page(tuple(person_of(user) for user in answer["members"]), further)


async def _asked(call: Awaitable[Any], patience: float) -> Any:
    try:
        async with asyncio.timeout(patience):
            return await call
    except (TimeoutError, aiohttp.ClientError) as error:
        raise DirectoryAway from error


def _groups_error(error: SlackApiError) -> DirectoryAway | GroupsClosed:
    return GroupsClosed() if code_of(error) in _NO_GROUPS else DirectoryAway()


def person_of(user: Mapping[str, Any]) -> Person:
    """A user object of Slack's. Flags are absent from deactivated people, and count as not set."""
    profile = user.get("profile") or {}
    known = {} if not user.get("locale") else {"locale": str(user["locale"])}
    return Person(
        id=UserId(user["id"]),
        workspace_id=WorkspaceId(user.get("team_id") or profile.get("team") or ""),
        name=profile.get("display_name") or profile.get("real_name") or user.get("name") or "",
        email=str(profile.get("email") or "").strip(),
        is_owner=_any(user, "is_admin", "is_owner", "is_primary_owner"),
        is_guest=_any(user, "is_restricted", "is_ultra_restricted", "is_stranger"),
        is_bot=_any(user, "is_bot") or user["id"] == _SLACKBOT,
        is_deleted=_any(user, "deleted"),
        **known,
    )


def _any(user: Mapping[str, Any], *flags: str) -> bool:
    return any(user.get(flag) is True for flag in flags)
