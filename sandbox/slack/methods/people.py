"""users.* and usergroups.*: who is here. Rule: e-mail addresses only with users:read.email."""

from __future__ import annotations

from sandbox.slack.arguments import Arguments
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.base import Method, page_of
from sandbox.slack.shapes import person_json
from sandbox.slack.state import Json, Person, UserGroup

UNPAGED_PEOPLE = 1000


def _shown(core: Core, person: Person, arguments: Arguments) -> Json:
    return person_json(
        core.workspace,
        person,
        locale=arguments.flag("include_locale"),
        email="users:read.email" in core.settings.scopes,
    )


def _info(core: Core, arguments: Arguments) -> Json:
    return {"user": _shown(core, core.known_person(arguments.needed("user")), arguments)}


def _list(core: Core, arguments: Arguments) -> Json:
    people = list(core.workspace.people.values())
    if not arguments.has("limit") and len(people) > UNPAGED_PEOPLE:
        raise SlackError("limit_required")
    page, cursor = page_of(people, arguments, default=UNPAGED_PEOPLE, most=1000)
    return {
        "members": [_shown(core, person, arguments) for person in page],
        "cache_ts": int(core.clock().timestamp()),
        "response_metadata": {"next_cursor": cursor},
    }


def _group_json(core: Core, group: UserGroup, *, users: bool) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": core.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "user_count": len(group.users),
    }
    return {**shown, "users": group.users} if users else shown


def _groups(core: Core, arguments: Arguments) -> Json:
    users = arguments.flag("include_users")
    return {"usergroups": [_group_json(core, g, users=users) for g in core.workspace.usergroups.values()]}


def _group_users(core: Core, arguments: Arguments) -> Json:
    group = core.workspace.usergroups.get(arguments.needed("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group.users}


METHODS = {
    "users.info": Method(_info, scope="users:read"),
    "users.list": Method(_list, scope="users:read"),
    "usergroups.list": Method(_groups, scope="usergroups:read"),
    "usergroups.users.list": Method(_group_users, scope="usergroups:read"),
}
