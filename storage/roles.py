"""Roles that a super admin gave, and the members of user groups that hold one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select

from bot.domain.access import Role
from bot.domain.ids import UserId, WorkspaceId
from storage.session import Session
from storage.tables import group_member, role


@dataclass(frozen=True, slots=True)
class Given:
    """Who was given what, in one workspace."""

    super_admins: frozenset[UserId] = frozenset()
    account_access: frozenset[UserId] = frozenset()
    """People named one by one."""
    groups: frozenset[str] = frozenset()
    """User groups with account access, by Slack's id (S…)."""
    group_members: frozenset[UserId] = field(default=frozenset())


class Roles:
    """Rows of ``role`` and ``group_member``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def of(self, workspace_id: WorkspaceId) -> Given:
        rows = await self._session.rows(select(role).where(role.c.workspace_id == workspace_id))
        access = {row.subject for row in rows if row.role == Role.ACCOUNT_ACCESS}
        groups = frozenset(subject for subject in access if subject.startswith("S"))
        return Given(
            super_admins=frozenset(UserId(row.subject) for row in rows if row.role == Role.SUPER_ADMIN),
            account_access=frozenset(UserId(subject) for subject in access - groups),
            groups=groups,
            group_members=await self._members(workspace_id, groups) if groups else frozenset(),
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
        await self._session.count(self._session.insert(role).values(**values).on_conflict_do_nothing())

    async def take(self, workspace_id: WorkspaceId, given: Role, subject: str) -> bool:
        theirs = role.c.workspace_id == workspace_id, role.c.role == given, role.c.subject == subject
        return await self._session.count(delete(role).where(*theirs)) == 1

    async def set_members(
        self, workspace_id: WorkspaceId, group_id: str, members: Collection[UserId]
    ) -> None:
        """The group's members, as Slack says they are now."""
        theirs = group_member.c.workspace_id == workspace_id, group_member.c.group_id == group_id
        await self._session.count(delete(group_member).where(*theirs))
        if members:
            rows = [
                {"workspace_id": workspace_id, "group_id": group_id, "user_id": member}
                for member in sorted(set(members))
            ]
            await self._session.count(self._session.insert(group_member).values(rows))

    async def _members(self, workspace_id: WorkspaceId, groups: frozenset[str]) -> frozenset[UserId]:
        theirs = group_member.c.workspace_id == workspace_id, group_member.c.group_id.in_(groups)
        rows = await self._session.rows(select(group_member.c.user_id).where(*theirs))
        return frozenset(row.user_id for row in rows)
