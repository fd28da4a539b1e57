"""Who is a super admin, and who has account access: what ``/inbox admins`` shows and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.access import Actor, Group, Person, Role, RoleChange
from bot.domain.channel import HistoryEntry
from bot.domain.errors import (
    CannotHoldRole,
    DirectoryAway,
    GroupsClosed,
    GuestNotAllowed,
    LastSuperAdmin,
    NotAllowed,
    RolesChanged,
    UndoOver,
    WrongWorkspace,
)
from bot.domain.ids import ChannelId, UserId
from bot.domain.notice import NoticeKind, subject_of
from bot.services.core.notifications import Notifications, Operators, about_us, unread_of
from bot.services.core.ports import Core, Directory, digest, new_id
from bot.services.core.roles import Roles, roles_in
from bot.services.core.unfinished import Unfinished
from bot.services.people.people import People
from storage import UnitOfWork
from storage.people import Given

_log = structlog.get_logger(__name__)

_OVERDUE: Final = timedelta(minutes=75)
"""Read hourly, and every five minutes once that has failed: then it has failed several times."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the super admins would come to."""

    role: Role
    subject: UserId
    is_given: bool
    super_admins: tuple[Person, ...]
    """Who would be super admin then."""
    along: tuple[UserId, ...]
    """Who is one by Slack's flags, and would be chosen with it."""
    basis: str
    """Short for who would be super admin: what is agreed to."""


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


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role that is to be given to a person or group, or taken from them."""

    role: Role
    subject: str
    is_given: bool
    members: tuple[UserId, ...] | None = None
    """Who is in the group, as Slack says at this moment; ``None`` for a person."""
    undoes: RoleChange | None = None


class Admins:
    """Shows and changes roles. Every change is checked against the roles of that moment."""

    def __init__(
        self, core: Core, *, people: People, directory: Directory, notifications: Notifications
    ) -> None:
        self._core = core
        self._notifications = notifications
        self._operators = Operators(core, notifications)
        self._unfinished = Unfinished(core, notifications)
        self._people = people
        self._directory = directory

    async def roster(self, actor: Actor) -> Roster:
        """Who holds what. Everybody may know whom to ask; only super admins may change it."""
        groups = await self._groups() if actor.is_super_admin else ()
        async with self._core.storage.reading() as uow:
            roles = await roles_in(uow, self._core, actor.workspace_id)
            given = await uow.roles.of(actor.workspace_id)
        fixed = self._core.policy.super_admins & {one.id for one in roles.super_admins}
        return Roster(
            super_admins=roles.super_admins,
            account_access=roles.account_access,
            groups=tuple(group for group in groups if group.id in given.groups),
            chosen=given.super_admins,
            is_fixed=bool(fixed),
            may_change=actor.is_super_admin,
            other_groups=tuple(group for group in groups if group.id not in given.groups),
        )

    async def preview(self, actor: Actor, role: Role, user_id: UserId, *, is_given: bool) -> Preview:
        """Who would be super admin if ``role`` were given to, or taken from, this person. Changes nothing.

        Raises as ``give`` and ``take``.
        """
        if is_given:
            await self._check_member(actor, user_id)
        async with self._core.storage.writing() as uow:  # done, looked at, and not committed
            change, after = await self._changed(uow, actor, Assignment(role, user_id, is_given))
        along = change.along if change else ()
        return Preview(role, user_id, is_given, after.super_admins, along, _basis(after))

    async def give(
        self, actor: Actor, role: Role, user_id: UserId, *, basis: str | None = None
    ) -> RoleChange | None:
        """Give a role to a person; ``None`` if they hold it so already. The first super admin that is chosen
        takes along whoever was one by Slack's flags. ``basis`` is that of the preview that was agreed to.

        Raises ``NotAllowed``, ``RolesChanged``, ``CannotHoldRole``.
        """
        await self._check_member(actor, user_id)
        return await self._do(actor, Assignment(role, user_id, is_given=True), basis=basis)

    async def _check_member(self, actor: Actor, user_id: UserId) -> None:
        """Raises ``CannotHoldRole``, ``DirectoryAway``."""
        try:
            await self._people.member(actor.workspace_id, user_id, fresh=True)
        except (GuestNotAllowed, WrongWorkspace):
            raise CannotHoldRole from None

    async def take(
        self, actor: Actor, role: Role, subject: str, *, basis: str | None = None
    ) -> RoleChange | None:
        """Take a role from a person or group. Raises ``NotAllowed``, ``RolesChanged``, ``LastSuperAdmin``."""
        return await self._do(actor, Assignment(role, subject, is_given=False), basis=basis)

    async def give_group(self, actor: Actor, group_id: str) -> RoleChange | None:
        """Give account access to whoever is in a user group, now and later.

        Raises ``NotAllowed``, ``GroupsClosed``, ``DirectoryAway``.
        """
        members = await self._directory.group(group_id)
        given = Assignment(Role.ACCOUNT_ACCESS, group_id, is_given=True, members=members)
        return await self._do(actor, given)

    async def undo(self, actor: Actor, change_id: str) -> RoleChange:
        """Take a change back, within a day and while nothing has followed it; everybody concerned hears of
        it. What can be undone no more is shown so to whoever was told.

        Raises ``NotAllowed``, ``UndoOver``, ``LastSuperAdmin``.
        """
        async with self._core.storage.writing() as uow:
            await uow.roles.hold(actor.workspace_id)
            await self._check(uow, actor)
            old = await uow.roles.change(change_id)
            if old is None or old.workspace_id != actor.workspace_id:
                raise UndoOver
            now = self._core.clock()
            new = await self._undone(uow, actor, old, now=now)
            # What can be undone no more looks so from now on, too.
            await self._show_anew(uow, old, now=now)
            await uow.commit()
        if new is None:
            raise UndoOver(old.undone_by)
        return new

    async def _undone(
        self, uow: UnitOfWork, actor: Actor, old: RoleChange, *, now: datetime
    ) -> RoleChange | None:
        """The change that takes ``old`` back; ``None`` if that can be undone no more."""
        if not (await can_be_undone(uow, old, now) and await uow.roles.undo(old.id, by=actor.id, at=now)):
            return None
        back = not old.is_given
        new, _ = await self._changed(uow, actor, Assignment(old.role, old.subject, back, undoes=old))
        if new is None:
            raise UndoOver
        await self._keep(uow, new)
        return new

    async def _do(
        self,
        actor: Actor,
        wanted: Assignment,
        *,
        basis: str | None = None,
    ) -> RoleChange | None:
        async with self._core.storage.writing() as uow:
            change, after = await self._changed(uow, actor, wanted)
            if basis is not None and basis != _basis(after):
                raise RolesChanged
            if change is not None:
                await self._keep(uow, change)
            await uow.commit()
        return change

    async def _changed(
        self,
        uow: UnitOfWork,
        actor: Actor,
        wanted: Assignment,
    ) -> tuple[RoleChange | None, Roles]:
        """Change the rows; what that means for whom, ``None`` if it means nothing, and who is what then."""
        role, subject, is_given, undoes = wanted.role, wanted.subject, wanted.is_given, wanted.undoes
        await uow.roles.hold(actor.workspace_id)
        await self._check(uow, actor)
        before = await roles_in(uow, self._core, actor.workspace_id)
        given = await uow.roles.of(actor.workspace_id)
        is_held = subject in (given.super_admins if role is Role.SUPER_ADMIN else _access(given))
        along = _along(before, given, role) if is_given and undoes is None else ()
        if is_given:
            for holder in (*along, subject):
                await self._put(uow, actor, role, holder)
            if wanted.members is not None:
                at = self._core.clock()
                await uow.roles.set_members(actor.workspace_id, subject, wanted.members, at=at)
        else:
            for holder in (subject, *(undoes.along if undoes else ())):
                await uow.roles.take(actor.workspace_id, role, holder)
        after = await roles_in(uow, self._core, actor.workspace_id)
        if role is Role.SUPER_ADMIN and not is_given and not (undoes and undoes.along):
            self._check_last(before, given, subject)
        if not after.super_admins:
            raise LastSuperAdmin
        if is_held is is_given:
            return None, after
        change = RoleChange(
            id=new_id(),
            workspace_id=actor.workspace_id,
            actor=actor.id,
            at=self._core.clock(),
            role=role,
            subject=subject,
            is_given=is_given,
            people=_differences(before, after),
            along=tuple(one for one in along if one != subject),
            undoes=undoes.id if undoes else "",
        )
        return change, after

    def _check_last(self, before: Roles, given: Given, subject: str) -> None:
        """The last one who was chosen stays: nobody becomes super admin by Slack's flags in silence."""
        acting = {person.id for person in before.super_admins} & given.super_admins
        if acting == {subject} and not self._is_fixed(before):
            raise LastSuperAdmin

    def _is_fixed(self, roles: Roles) -> bool:
        return bool(self._core.policy.super_admins & {one.id for one in roles.super_admins})

    async def _keep(self, uow: UnitOfWork, change: RoleChange) -> None:
        await uow.roles.add_change(change)
        await self._announce(uow, change)
        await self._unfinished.ask_anew(uow, change.workspace_id, now=change.at)

    async def _announce(self, uow: UnitOfWork, change: RoleChange) -> None:
        """Whose role changed hears by whom; whoever did it can undo it from their own message. The history
        has it, too."""
        readers = dict.fromkeys([*change.people, change.actor])
        kind, at, about = NoticeKind.ROLE_CHANGED, change.at, {"change": change.id}
        await self._notifications.tell_all(
            uow, [about_us(change.workspace_id, reader, kind, about, at) for reader in readers]
        )
        what = "role_undone" if change.undoes else "role_given" if change.is_given else "role_taken"
        holder = f"{change.role.value}:{change.subject}"
        details = {"to" if change.is_given else "from": holder}
        await uow.history.add(
            HistoryEntry(
                change.workspace_id, ChannelId(""), at, what, change.actor, details
            )  # about no channel
        )

    async def _show_anew(self, uow: UnitOfWork, change: RoleChange, *, now: datetime) -> None:
        """What was said of a change is shown as it is by now."""
        kind = NoticeKind.ROLE_CHANGED
        await self._notifications.changed(
            uow, await uow.notices.of_subject(change.workspace_id, change.id, kind), now=now
        )

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
        for failure in failures.values():
            if isinstance(failure, DirectoryAway):
                raise failure
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
                about = {"why": "closed" if is_closed else "away", "since": now.isoformat()}
                if await uow.meta.add(unread_of(workspace_id), subject_of(NoticeKind.GROUPS, about)):
                    kind = NoticeKind.GROUPS
                    await self._operators.tell(uow, workspace_id, kind, about=about, now=now)
                    _log.error("user groups cannot be read", groups=len(failures), closed=is_closed)
            elif began is not None and not failures and await uow.meta.drop(unread_of(workspace_id), began):
                told = await uow.notices.of_subject(workspace_id, began, NoticeKind.GROUPS)
                await self._notifications.changed(uow, told, now=now)
            await uow.commit()

    async def _groups(self) -> tuple[Group, ...]:
        try:
            return await self._directory.groups()
        except GroupsClosed:
            return ()

    async def _check(self, uow: UnitOfWork, actor: Actor) -> None:
        roles = await roles_in(uow, self._core, actor.workspace_id)
        if actor.id not in {one.id for one in roles.super_admins}:
            raise NotAllowed("admins", tuple(one.id for one in roles.super_admins))

    async def _put(self, uow: UnitOfWork, actor: Actor, role: Role, subject: str) -> None:
        at = self._core.clock()
        await uow.roles.give(actor.workspace_id, role, subject, by=actor.id, at=at)


def _is_overdue(read_at: datetime | None, now: datetime) -> bool:
    return read_at is None or now - read_at > _OVERDUE


def _access(given: Given) -> frozenset[str]:
    return frozenset[str](given.account_access) | given.groups


def _along(before: Roles, given: Given, role: Role) -> tuple[UserId, ...]:
    """Who must be chosen with the first one that is, so that nobody is dropped: all who are super admin."""
    if role is not Role.SUPER_ADMIN:
        return ()
    present = tuple(person.id for person in before.super_admins)
    return () if given.super_admins & set(present) else present


def _differences(before: Roles, after: Roles) -> dict[UserId, tuple[Role, Role]]:
    """Whose highest role is another one now."""
    was, now = before.highest(), after.highest()
    pairs = {who: (was.get(who, Role.MEMBER), now.get(who, Role.MEMBER)) for who in sorted({*was, *now})}
    return {who: pair for who, pair in pairs.items() if pair[0] is not pair[1]}


def _basis(roles: Roles) -> str:
    return digest(",".join(sorted(person.id for person in roles.super_admins)))[:16]


async def can_be_undone(uow: UnitOfWork, change: RoleChange, now: datetime) -> bool:
    """Whether a change is young, still so, and nothing has followed it."""
    if not change.may_be_undone(now) or await uow.roles.was_followed(change):
        return False
    given = await uow.roles.of(change.workspace_id)
    held = given.super_admins if change.role is Role.SUPER_ADMIN else _access(given)
    if change.along:
        return held == {*change.along, change.subject}
    return (change.subject in held) is change.is_given
