"""Who is a super admin, and who has account access: what ``/inbox admins`` shows and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.access import Actor, Person, Role
from bot.domain.errors import LastSuperAdmin, NotAllowed
from bot.domain.ids import UserId
from bot.domain.incident import NoticeKind
from bot.services.core import Core
from bot.services.people import Directory, DirectoryAway, Group, GroupsClosed, People
from bot.services.standing import standing_of
from bot.services.telling import Telling, unread_of
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

_OVERDUE: Final = timedelta(minutes=75)
"""Read hourly, and every five minutes once that has failed: then it has failed several times."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The roles of a workspace, and where each comes from."""

    super_admins: tuple[Person, ...]
    account_access: tuple[Person, ...]
    """Everybody who has it, through a group too."""
    groups: tuple[Group, ...]
    """The user groups that have it."""
    chosen: frozenset[UserId]
    """Super admins that were chosen here."""
    is_fixed: bool
    """The operator's setting names the super admins: they cannot be changed here."""
    may_change: bool
    other_groups: tuple[Group, ...] = ()
    """User groups that could be given account access; empty without the optional scope."""


class Admins:
    """Shows and changes roles. Every change is checked against the roles of that moment."""

    def __init__(self, core: Core, *, people: People, directory: Directory, telling: Telling) -> None:
        self._core = core
        self._telling = telling
        self._people = people
        self._directory = directory

    async def roster(self, actor: Actor) -> Roster:
        """Who holds what. Everybody may know whom to ask; only super admins may change it."""
        groups = await self._groups() if actor.is_super_admin else ()
        async with self._core.storage.reading() as uow:
            standing = await standing_of(uow, self._core, actor.workspace_id)
            given = await uow.roles.of(actor.workspace_id)
        fixed = self._core.policy.super_admins & {one.id for one in standing.super_admins}
        return Roster(
            super_admins=standing.super_admins,
            account_access=standing.account_access,
            groups=tuple(group for group in groups if group.id in given.groups),
            chosen=given.super_admins,
            is_fixed=bool(fixed),
            may_change=actor.is_super_admin,
            other_groups=tuple(group for group in groups if group.id not in given.groups),
        )

    async def give(self, actor: Actor, role: Role, user_id: UserId) -> None:
        """Give a role to a person. The first super admin that is chosen takes the giver along.

        Raises ``NotAllowed``; ``GuestNotAllowed`` and ``WrongWorkspace`` if that person can hold no role.
        """
        await self._people.member(actor.workspace_id, user_id, fresh=True)
        async with self._core.storage.writing() as uow:
            await self._check(uow, actor)
            given = await uow.roles.of(actor.workspace_id)
            if role is Role.SUPER_ADMIN and not given.super_admins:
                await self._put(uow, actor, role, actor.id)
            await self._put(uow, actor, role, user_id)
            await uow.commit()

    async def take(self, actor: Actor, role: Role, subject: str) -> None:
        """Take a role from a person or group. Raises ``NotAllowed``, ``LastSuperAdmin``."""
        async with self._core.storage.writing() as uow:
            await self._check(uow, actor)
            await uow.roles.take(actor.workspace_id, role, subject)
            after = await standing_of(uow, self._core, actor.workspace_id)
            if not after.super_admins:
                raise LastSuperAdmin
            await uow.commit()

    async def give_group(self, actor: Actor, group_id: str) -> None:
        """Give account access to whoever is in a user group, now and later.

        Raises ``NotAllowed``, ``GroupsClosed``, ``DirectoryAway``.
        """
        members = await self._directory.group(group_id)
        async with self._core.storage.writing() as uow:
            await self._check(uow, actor)
            await self._put(uow, actor, Role.ACCOUNT_ACCESS, group_id)
            at = self._core.clock()
            await uow.roles.set_members(actor.workspace_id, group_id, members, at=at)
            await uow.commit()

    async def read_groups(self) -> int:
        """Read the members of the groups that hold a role, as is done hourly; one that cannot be read stands
        in no other's way, and the operator hears of it once. Returns how many were read.

        Raises ``DirectoryAway`` for a reading that is worth repeating soon.
        """
        groups = await self._groups_by_age()
        failures: dict[str, DirectoryAway | GroupsClosed] = {}
        for group_id in groups:
            try:
                await self._people.read_group(group_id)
            except (DirectoryAway, GroupsClosed) as error:
                failures[group_id] = error
        await self._judge_reading(failures)
        for error in failures.values():
            if isinstance(error, DirectoryAway):
                raise error
        return len(groups) - len(failures)

    async def _groups_by_age(self) -> tuple[str, ...]:
        """What was read longest ago comes first: a pause that Slack asks for hits another one each time."""
        async with self._core.storage.reading() as uow:
            read_at = await uow.roles.groups_read(self._people.workspace_id)
        return tuple(sorted(read_at, key=lambda group: at.timestamp() if (at := read_at[group]) else 0.0))

    async def _judge_reading(self, failures: Mapping[str, DirectoryAway | GroupsClosed]) -> None:
        """Tell the operator that groups cannot be read, or that they are again. What Slack puts off once is
        no matter yet: the next try is due long before the list counts for nothing."""
        workspace_id, now = self._people.workspace_id, self._core.clock()
        is_closed = any(isinstance(error, GroupsClosed) for error in failures.values())
        async with self._core.storage.writing() as uow:
            read_at = await uow.roles.groups_read(workspace_id)
            lasts = any(_is_overdue(read_at.get(group), now) for group in failures)
            began = await uow.meta.find(unread_of(workspace_id))
            if began is None and (is_closed or lasts):
                subject = f"{'closed' if is_closed else 'away'} {now.isoformat()}"
                if await uow.meta.add(unread_of(workspace_id), subject):
                    kind = NoticeKind.GROUPS
                    await self._telling.tell_operators(uow, workspace_id, kind, subject=subject, now=now)
                    _log.error("user groups cannot be read", groups=len(failures), closed=is_closed)
            elif began is not None and not failures and await uow.meta.drop(unread_of(workspace_id), began):
                told = await uow.notices.of_subject(workspace_id, began, NoticeKind.GROUPS)
                await self._telling.changed(uow, told, now=now)
            await uow.commit()

    async def _groups(self) -> tuple[Group, ...]:
        try:
            return await self._directory.groups()
        except GroupsClosed:
            return ()

    async def _check(self, uow: UnitOfWork, actor: Actor) -> None:
        standing = await standing_of(uow, self._core, actor.workspace_id)
        if actor.id not in {one.id for one in standing.super_admins}:
            raise NotAllowed("admins", tuple(one.id for one in standing.super_admins))

    async def _put(self, uow: UnitOfWork, actor: Actor, role: Role, subject: str) -> None:
        at = self._core.clock()
        await uow.roles.give(actor.workspace_id, role, subject, by=actor.id, at=at)


def _is_overdue(read_at: datetime | None, now: datetime) -> bool:
    return read_at is None or now - read_at > _OVERDUE
