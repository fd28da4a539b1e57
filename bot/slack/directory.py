"""Who is in the workspace, as Slack says: the ``Directory`` that the people service asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from bot.domain.access import Group, PeoplePage, Person
from bot.domain.errors import CursorLost, DirectoryAway, GroupsClosed, SlackAway, SlackRefused
from bot.domain.ids import UserId, WorkspaceId
from bot.slack.client import SlackClient, clean, cursor_in, part_at, parts_at, text_at, texts_at

_PATIENCE: Final = 1.5
_PAGE_PATIENCE: Final = 10.0
_PAGE: Final = 200
_NOBODY: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_NO_GROUP: Final = frozenset({"no_such_subteam", "subteam_not_found"})
_CLOSED: Final = {"missing_scope": GroupsClosed, "plan_upgrade_required": GroupsClosed}
"""The app may not read user groups, or the workspace's plan has none."""
_SLACKBOT: Final = "USLACKBOT"
_UNKNOWN: Final = WorkspaceId("")
_LONGEST: Final = 320
_DAY: Final = 86_400


class SlackDirectory:
    """Slack's ``users.info`` and ``users.list``, and its user groups where the app may read them."""

    def __init__(
        self, client: SlackClient, *, home: WorkspaceId = _UNKNOWN, patience: float = _PATIENCE
    ) -> None:
        """``home`` is the workspace that is served: who belongs to it by way of their organisation counts as
        its member."""
        self._client = client
        self._home = home
        self._patience = patience

    async def person(self, user_id: UserId) -> Person | None:
        """The user, ``None`` if there is none. Raises ``DirectoryAway``."""
        with _translated({}):
            try:
                answer = await self._client.call(
                    "users.info", within=self._patience, user=user_id, include_locale=True
                )
            except SlackRefused as error:
                if error.code in _NOBODY:
                    return None
                raise
            user = part_at(answer, "user")
            text_at(user, "id")
            return person_of(user, self._home)

    async def group(self, group_id: str, *, is_awaited: bool = False) -> tuple[UserId, ...]:
        """A user group's members; of one that was disabled, nobody. Raises ``DirectoryAway``,
        ``GroupsClosed``."""
        within = self._patience if is_awaited else _PAGE_PATIENCE
        with _translated(_CLOSED):
            try:
                answer = await self._client.call("usergroups.users.list", within=within, usergroup=group_id)
            except SlackRefused as error:
                if error.code in _NO_GROUP:
                    return ()
                raise
            # An answer that says nothing is no proof that nobody is in it: no list is no answer.
            return tuple(map(UserId, texts_at(answer, "users")))

    async def groups(self) -> tuple[Group, ...]:
        """The workspace's user groups, by name. Raises ``DirectoryAway``, ``GroupsClosed``."""
        with _translated(_CLOSED):
            found = parts_at(await self._client.call("usergroups.list", within=self._patience), "usergroups")
        groups = (Group(_text(one, "id"), _text(one, "name") or _text(one, "id")) for one in found)
        return tuple(sorted(filter(_has_id, groups), key=lambda group: group.name.casefold()))

    async def page(self, cursor: str) -> PeoplePage:
        """Some of all users, from ``cursor`` on. Raises ``DirectoryAway``, ``CursorLost``."""
        with _translated({"invalid_cursor": CursorLost}):
            answer = await self._client.call(
                "users.list", within=_PAGE_PATIENCE, limit=_PAGE, cursor=cursor, include_locale=True
            )
            people = (person_of(user, self._home) for user in parts_at(answer, "members"))
            return PeoplePage(tuple(filter(_has_id, people)), cursor_in(answer))


@contextmanager
def _translated(refusals: Mapping[str, type[Exception]]) -> Iterator[None]:
    """Raises what ``refusals`` makes of Slack's word; whatever else it says or not, nobody knows who
    somebody is: ``DirectoryAway``."""
    try:
        yield
    except SlackRefused as error:
        if (known := refusals.get(error.code)) is not None:
            raise known from error
        raise DirectoryAway(error.code) from error
    except SlackAway as error:
        raise DirectoryAway(error.code, error.retry_after) from error


def _has_id(it: Person | Group) -> bool:
    return bool(it.id)


def person_of(user: Mapping[str, Any], home: WorkspaceId = _UNKNOWN) -> Person:
    """A user object of Slack's, whatever stands in it. Flags are absent from deactivated people, and count
    as not set; what is no text counts as absent."""
    profile = user.get("profile")
    if not isinstance(profile, dict):
        profile = {}
    locale = _text(user, "locale")
    user_id = _text(user, "id")
    return Person(
        id=UserId(user_id),
        workspace_id=_workspace_of(user, profile, home),
        name=_text(profile, "display_name") or _text(profile, "real_name") or _text(user, "name"),
        email=_text(profile, "email").strip(),
        utc_offset=_offset(user),
        is_owner=_any(user, "is_admin", "is_owner", "is_primary_owner"),
        is_guest=_any(user, "is_restricted", "is_ultra_restricted", "is_stranger"),
        is_bot=_any(user, "is_bot") or user_id == _SLACKBOT,
        is_deleted=_any(user, "deleted"),
        **({"locale": locale} if locale else {}),
    )


def _offset(user: Mapping[str, Any]) -> int:
    """Seconds ahead of UTC; none for what can be no such thing."""
    said = user.get("tz_offset")
    return said if type(said) is int and abs(said) < _DAY else 0


def _workspace_of(user: Mapping[str, Any], profile: Mapping[str, Any], home: WorkspaceId) -> WorkspaceId:
    """``home`` for whoever belongs to it. In an organisation of several workspaces (Enterprise Grid) that
    stands in a list: ``team_id`` may then be another workspace of theirs, the organisation, or absent."""
    named = _text(user, "team_id") or _text(profile, "team")
    return home if home and home in (organisation_teams(user) or ()) else WorkspaceId(named)


def organisation_teams(user: Mapping[str, Any]) -> frozenset[str] | None:
    """The workspaces of their organisation that somebody belongs to; ``None`` where Slack lists none."""
    theirs = user.get("enterprise_user")
    teams = theirs.get("teams") if isinstance(theirs, dict) else None
    if not isinstance(teams, list):
        return None
    return frozenset(team for team in teams if isinstance(team, str)) or None


def _text(it: Mapping[str, Any], name: str) -> str:
    """What may be kept of a text: none of Slack's about a person is longer."""
    value = it.get(name)
    return clean(value)[:_LONGEST] if isinstance(value, str) else ""


def _any(user: Mapping[str, Any], *flags: str) -> bool:
    return any(user.get(flag) is True for flag in flags)
