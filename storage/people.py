"""People as last read from Slack, the roles they hold, and the workspaces that installed the bot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    literal,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.sqlite import Insert

from bot.domain.access import Person, Role, RoleChange
from bot.domain.ids import UserId, WorkspaceId
from storage.column_types import folded
from storage.connection import Repository, inserting
from storage.tables import group_member, person, role, role_change, workspace

_BATCH: Final = 500


class PersonRepository(Repository):
    """Rows of ``person``."""

    async def find(self, workspace_id: WorkspaceId, user_id: UserId) -> Person | None:
        row = await self._connection.first(_FINDING, {"workspace": workspace_id, "its": user_id})
        return person_of(row) if row else None

    async def by_ids(self, workspace_id: WorkspaceId, ids: Collection[UserId]) -> dict[UserId, Person]:
        """Those that are known."""
        theirs = person.c.workspace_id == workspace_id, person.c.id.in_(ids)
        return {row.id: person_of(row) for row in await self._connection.rows(select(person).where(*theirs))}

    async def hold(self, workspace_id: WorkspaceId, user_id: UserId) -> None:
        """Let nobody else act for this person before this unit of work ends."""
        mine = person.c.workspace_id == workspace_id, person.c.id == user_id
        await self._connection.rows(select(person.c.id).where(*mine).with_for_update())

    async def first_hour(self, workspace_id: WorkspaceId, user_id: UserId) -> tuple[bool, bool]:
        """Whether somebody has rehearsed an outage, and whether they hide the steps of the first hour or
        have done them all."""
        row = await self._connection.first(_FIRST_HOUR, {"workspace": workspace_id, "its": user_id})
        return (bool(row.has_rehearsed), bool(row.hides_first_hour)) if row else (False, False)

    async def note_first_hour(
        self, workspace_id: WorkspaceId, user_id: UserId, *, rehearsed: bool = False, hides: bool = False
    ) -> None:
        """Keep what somebody has done; what is not said stays."""
        mine = person.c.workspace_id == workspace_id, person.c.id == user_id
        done = {"has_rehearsed": rehearsed, "hides_first_hour": hides}
        changed = {name: True for name, is_so in done.items() if is_so}
        await self._connection.count(update(person).where(*mine).values(**changed))

    async def save_all(self, people: Iterable[Person], at: datetime) -> None:
        """Insert or replace. Of one person named twice the last wins."""
        values = iter({(p.workspace_id, p.id): _values(p, at) for p in people}.values())
        while batch := list(islice(values, _BATCH)):
            await self._connection.many(_putting(self._connection.dialect), batch)

    async def knows_any(self, workspace_id: WorkspaceId) -> bool:
        """Whether anybody of this workspace was ever read."""
        theirs = select(person.c.id).where(person.c.workspace_id == workspace_id).limit(1)
        return await self._connection.first(theirs) is not None

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[Person, ...]:
        theirs = select(person).where(person.c.workspace_id == workspace_id)
        return tuple(map(person_of, await self._connection.rows(theirs.order_by(person.c.id))))

    async def by_email(self, workspace_id: WorkspaceId, email: str) -> Person | None:
        """Who has this address at Slack: a person who is still there, no bot."""
        values = {"workspace": workspace_id, "address": folded(email)}
        row = await self._connection.first(_BY_EMAIL, values)
        return person_of(row) if row else None


# --- statements, built once


_FIRST_HOUR: Final = select(person.c.has_rehearsed, person.c.hides_first_hour).where(
    person.c.workspace_id == bindparam("workspace"), person.c.id == bindparam("its")
)
_FINDING: Final = select(person).where(
    person.c.workspace_id == bindparam("workspace"), person.c.id == bindparam("its")
)
_BY_EMAIL: Final = (
    select(person)
    .where(
        person.c.workspace_id == bindparam("workspace"),
        person.c.email_key == bindparam("address"),
        person.c.email_key != "",
        person.c.is_deleted.is_(False),
        person.c.is_bot.is_(False),
    )
    .order_by(person.c.is_guest, person.c.id)
)


@cache
def _putting(dialect: str) -> Insert:
    insert = inserting(person, dialect)
    key = person.primary_key.columns.keys()
    kept = {*key, "has_rehearsed", "hides_first_hour"}
    replaced = {c.name: insert.excluded[c.name] for c in person.c if c.name not in kept}
    return insert.on_conflict_do_update(index_elements=key, set_=replaced)


def _values(someone: Person, at: datetime) -> dict[str, Any]:
    return asdict(someone) | {"email_key": folded(someone.email), "read_at": at}


def person_of(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        email=row.email,
        locale=row.locale,
        utc_offset=row.utc_offset,
        is_owner=row.is_owner,
        is_guest=row.is_guest,
        is_bot=row.is_bot,
        is_deleted=row.is_deleted,
    )


_HERE: Final[BindParameter[str]] = bindparam("workspace")
_AS_PERSON: Final = tuple(person.c[it.name] for it in fields(Person))
"""In the order in which a person is made of them, and nothing beside."""


def _subjects(given: Role) -> Select[tuple[str]]:
    return select(role.c.subject).where(role.c.workspace_id == _HERE, role.c.role == given)


_OWNER: Final = person.alias("owner")
_OWNERS: Final = select(_OWNER.c.id.label("who"), literal("").label("why")).where(
    _OWNER.c.workspace_id == _HERE, literal_column("owner.is_owner")
)
"""In the words of the index: a column that is compared with a parameter does not say the same."""
_FIXED: Final = select(_OWNER.c.id, literal("")).where(
    _OWNER.c.workspace_id == _HERE, _OWNER.c.id.in_(bindparam("fixed", expanding=True))
)
_NAMED: Final = select(role.c.subject, role.c.role).where(role.c.workspace_id == _HERE)
_MEMBERS: Final = (
    select(group_member.c.user_id, role.c.role)
    .join(
        role,
        (role.c.workspace_id == group_member.c.workspace_id) & (role.c.subject == group_member.c.group_id),
    )
    .where(
        role.c.workspace_id == _HERE,
        role.c.role == Role.ACCOUNT_ACCESS,
        role.c.read_at >= bindparam("groups_since", type_=role.c.read_at.type),
    )
)
"""Of the groups whose members were read lately."""


def _holders(*few: Select[Any]) -> Select[Any]:
    """Those few by name, each once for whatever makes them one, instead of all people one by one."""
    those = union_all(*few).subquery("few")
    mine = person.c.workspace_id == _HERE, person.c.id == those.c.who
    return select(*_AS_PERSON, those.c.why).join(those, and_(*mine)).order_by(person.c.id)


_HOLDERS: Final = _holders(_OWNERS, _NAMED, _MEMBERS)
"""Built once: every request asks for it."""
_HOLDERS_AND_FIXED: Final = _holders(_OWNERS, _NAMED, _MEMBERS, _FIXED)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may hold a role."""

    person: Person
    was_chosen: bool
    """As a super admin, in Slack."""
    has_access: bool
    """Account access, named or through a user group."""


@dataclass(frozen=True, slots=True)
class Given:
    """Who was given what, in one workspace."""

    super_admins: frozenset[UserId] = frozenset()
    account_access: frozenset[UserId] = frozenset()
    """People named one by one."""
    groups: frozenset[str] = frozenset()
    """User groups with account access, by Slack's id (S…)."""


class RoleRepository(Repository):
    """Rows of ``role`` and ``group_member``."""

    async def of(self, workspace_id: WorkspaceId) -> Given:
        rows = await self._connection.rows(select(role).where(role.c.workspace_id == workspace_id))
        access = {row.subject for row in rows if row.role == Role.ACCOUNT_ACCESS}
        groups = frozenset(subject for subject in access if subject.startswith("S"))
        return Given(
            super_admins=frozenset(UserId(row.subject) for row in rows if row.role == Role.SUPER_ADMIN),
            account_access=frozenset(UserId(subject) for subject in access - groups),
            groups=groups,
        )

    async def holders(
        self, workspace_id: WorkspaceId, fixed: Collection[UserId], *, groups_since: datetime
    ) -> tuple[Holder, ...]:
        """Slack's owners and admins, whoever was given a role, and the ``fixed``: few, of thousands. Which
        role they hold is the caller's to decide. A group whose members were last read before
        ``groups_since`` counts for nothing."""
        values: dict[str, Any] = {"workspace": workspace_id, "groups_since": groups_since}
        if fixed:
            rows = await self._connection.rows(_HOLDERS_AND_FIXED, values | {"fixed": list(fixed)})
        else:
            rows = await self._connection.rows(_HOLDERS, values)
        found: dict[UserId, tuple[Sequence[Any], set[str]]] = {}
        for row in rows:
            found.setdefault(row[0], (row[:-1], set()))[1].add(row[-1])
        return tuple(
            Holder(Person(*theirs), Role.SUPER_ADMIN in whys, Role.ACCOUNT_ACCESS in whys)
            for theirs, whys in found.values()
        )

    async def give(
        self, workspace_id: WorkspaceId, given: Role, subject: str, *, by: UserId, at: datetime
    ) -> None:
        values = {
            "workspace_id": workspace_id,
            "role": given,
            "subject": subject,
            "added_by": by,
            "added_at": at,
        }
        await self._connection.count(self._connection.insert(role).values(**values).on_conflict_do_nothing())

    async def take(self, workspace_id: WorkspaceId, given: Role, subject: str) -> bool:
        theirs = role.c.workspace_id == workspace_id, role.c.role == given, role.c.subject == subject
        return await self._connection.count(delete(role).where(*theirs)) == 1

    async def hold(self, workspace_id: WorkspaceId) -> None:
        """Let nobody else change roles here before this unit of work ends: two admins who take each other off
        at once must not both succeed."""
        mine = workspace.c.id == workspace_id
        await self._connection.rows(select(workspace.c.id).where(mine).with_for_update())

    async def add_change(self, it: RoleChange) -> None:
        values = {
            "id": it.id,
            "workspace_id": it.workspace_id,
            "actor": it.actor,
            "at": it.at,
            "role": it.role,
            "subject": it.subject,
            "is_given": it.is_given,
            "people": {who: list(roles) for who, roles in it.people.items()},
            "along": list(it.along),
            "undoes": it.undoes,
        }
        await self._connection.count(self._connection.insert(role_change).values(**values))

    async def change(self, change_id: str) -> RoleChange | None:
        row = await self._connection.first(select(role_change).where(role_change.c.id == change_id))
        return _change(row) if row else None

    async def was_followed(self, it: RoleChange) -> bool:
        """Whether something was done since about the same role of the same person or group."""
        same = role_change.c.role == it.role, role_change.c.subject == it.subject
        later = select(role_change.c.id).where(
            role_change.c.workspace_id == it.workspace_id, *same, role_change.c.at > it.at
        )
        return await self._connection.first(later.limit(1)) is not None

    async def undo(self, change_id: str, *, by: UserId, at: datetime) -> bool:
        """``False`` if somebody else was first."""
        whole = role_change.c.id == change_id, role_change.c.undone_at.is_(None)
        undone = update(role_change).where(*whole).values(undone_by=by, undone_at=at)
        return await self._connection.count(undone) == 1

    async def groups_of(self, workspace_id: WorkspaceId, user_id: UserId) -> tuple[str, ...]:
        """The user groups with account access that this person was in when they were last read."""
        theirs = group_member.c.workspace_id == workspace_id, group_member.c.user_id == user_id
        given = group_member.c.group_id.in_(_subjects(Role.ACCOUNT_ACCESS))
        wanted = select(group_member.c.group_id).where(*theirs, given).order_by(group_member.c.group_id)
        return tuple(row.group_id for row in await self._connection.rows(wanted, {"workspace": workspace_id}))

    async def groups_read(self, workspace_id: WorkspaceId) -> dict[str, datetime | None]:
        """The user groups with account access, and when the members of each were last read."""
        wanted = select(role.c.subject, role.c.read_at).where(
            role.c.workspace_id == workspace_id,
            role.c.role == Role.ACCOUNT_ACCESS,
            role.c.subject.startswith("S"),
        )
        return {row.subject: row.read_at for row in await self._connection.rows(wanted)}

    async def set_members(
        self, workspace_id: WorkspaceId, group_id: str, members: Collection[UserId], *, at: datetime
    ) -> None:
        """The group's members, as Slack says they are at this moment."""
        given = role.c.workspace_id == workspace_id, role.c.subject == group_id
        await self._connection.count(update(role).where(*given).values(read_at=at))
        theirs = group_member.c.workspace_id == workspace_id, group_member.c.group_id == group_id
        await self._connection.count(delete(group_member).where(*theirs))
        if members:
            rows = [
                {"workspace_id": workspace_id, "group_id": group_id, "user_id": member}
                for member in sorted(set(members))
            ]
            await self._connection.count(self._connection.insert(group_member).values(rows))


def _change(row: Row[Any]) -> RoleChange:
    return RoleChange(
        id=row.id,
        workspace_id=row.workspace_id,
        actor=row.actor,
        at=row.at,
        role=Role(row.role),
        subject=row.subject,
        is_given=row.is_given,
        people={UserId(who): (Role(before), Role(after)) for who, (before, after) in row.people.items()},
        along=tuple(UserId(who) for who in row.along),
        undoes=row.undoes,
        undone_by=row.undone_by,
        undone_at=row.undone_at,
    )


class WorkspaceRepository(Repository):
    """Rows of ``workspace``."""

    async def save_seen(
        self, workspace_id: WorkspaceId, name: str, bot_user_id: UserId, at: datetime
    ) -> None:
        """Remember that the bot is there. Does not bring back one that is gone: see ``mark_back``."""
        seen = {"name": name, "bot_user_id": bot_user_id, "seen_at": at}
        await self._connection.count(
            self._connection.insert(workspace)
            .values(id=workspace_id, **seen)
            .on_conflict_do_update(index_elements=[workspace.c.id], set_=seen)
        )

    async def mark_gone(self, workspace_id: WorkspaceId, at: datetime) -> None:
        """Keeps the first moment it was found gone: that one starts the 30 days."""
        here = workspace.c.id == workspace_id, workspace.c.gone_at.is_(None)
        await self._connection.count(update(workspace).where(*here).values(gone_at=at))

    async def mark_back(self, workspace_id: WorkspaceId) -> None:
        await self._connection.count(
            update(workspace).where(workspace.c.id == workspace_id).values(gone_at=None)
        )

    async def is_gone(self, workspace_id: WorkspaceId) -> bool:
        return await self._connection.value(_GONE, {"its": workspace_id}) is not None

    async def served(self) -> tuple[WorkspaceId, ...]:
        """Those that the bot is in."""
        there = select(workspace.c.id).where(workspace.c.gone_at.is_(None)).order_by(workspace.c.id)
        return tuple(row.id for row in await self._connection.rows(there))

    async def gone_before(self, at: datetime) -> tuple[WorkspaceId, ...]:
        rows = await self._connection.rows(select(workspace.c.id).where(workspace.c.gone_at < at))
        return tuple(row.id for row in rows)


_GONE: Final = select(workspace.c.id).where(
    workspace.c.id == bindparam("its"), workspace.c.gone_at.is_not(None)
)
