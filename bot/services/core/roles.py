"""Who holds which role and must hear of what, and the one guard: a channel for whoever may, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.domain.access import RIGHTS, Actor, Operation, Person, Right, Role, may, right, super_admins_among
from bot.domain.channel import Channel, Kind, State
from bot.domain.errors import Gone, NotAllowed, OwnerLeft, RightsUnread
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from bot.services.core.ports import Core
from storage import UnitOfWork

GROUPS_BELIEVED_FOR: Final = timedelta(hours=2)
"""An older list of a user group's members counts for nothing: people leave groups."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of a workspace, as they are now. Only active members hold any."""

    super_admins: tuple[Person, ...]
    account_access: tuple[Person, ...]
    """Named one by one or through a user group; super admins among them are not repeated."""

    @property
    def everybody(self) -> tuple[UserId, ...]:
        """All who hold a role, super admins first."""
        return tuple(dict.fromkeys(person.id for person in (*self.super_admins, *self.account_access)))

    def actor(self, person: Person, *, is_in_doubt: bool = False) -> Actor:
        """``person`` with the roles they hold. ``is_in_doubt``: the user groups they have account access
        through have just been asked for, in vain."""
        has_access = person.id in {one.id for one in self.account_access}
        return Actor(
            person,
            is_super_admin=person.id in {one.id for one in self.super_admins},
            has_account_access=has_access and not is_in_doubt,
            is_in_doubt=has_access and is_in_doubt,
        )

    def highest(self) -> dict[UserId, Role]:
        """The highest role of everybody who holds one."""
        access = {person.id: Role.ACCOUNT_ACCESS for person in self.account_access}
        return access | {person.id: Role.SUPER_ADMIN for person in self.super_admins}

    def audience(self, channel: Channel) -> tuple[UserId, ...]:
        """Who is told when ``channel`` stops working, each once."""
        if channel.owner_id is not None:
            return (channel.owner_id,)
        return tuple(dict.fromkeys([*self.everybody, channel.connected_by]))

    def approvers(self, kind: Kind, operation: Operation) -> tuple[UserId, ...]:
        """Who may grant somebody's request: whoever could do it themselves at once."""
        at_once, _ = RIGHTS[kind, operation]
        people = (*self.super_admins, *self.account_access)
        return tuple(person.id for person in people if self.actor(person).roles() & at_once)

    def who_can(self, operation: Operation, channel: Channel) -> tuple[UserId, ...]:
        """The owner where the operation is theirs, then everybody whose role allows it."""
        at_once, _ = RIGHTS[channel.kind, operation]
        owner = [channel.owner_id] if channel.owner_id and Role.OWNER in at_once else []
        return tuple(dict.fromkeys([*owner, *self.approvers(channel.kind, operation)]))


async def roles_in(uow: UnitOfWork, core: Core, workspace_id: WorkspaceId) -> Roles:
    """Read the roles of a workspace."""
    fixed = core.policy.super_admins
    since = core.clock() - GROUPS_BELIEVED_FOR
    holders = await uow.roles.holders(workspace_id, fixed, groups_since=since)
    supers = super_admins_among(
        tuple(holder.person for holder in holders),
        fixed=fixed,
        chosen=frozenset(holder.person.id for holder in holders if holder.was_chosen),
    )
    ids = {person.id for person in supers}
    access = [one.person for one in holders if one.has_access and one.person.id not in ids]
    return Roles(supers, tuple(person for person in access if person.is_active_member))


def refuse_in_doubt(actor: Actor, kind: Kind, operation: Operation) -> None:
    """Raises ``RightsUnread`` if ``actor`` might do it at once, could their user group be read."""
    at_once, _ = RIGHTS[kind, operation]
    if actor.is_in_doubt and Role.ACCOUNT_ACCESS in at_once:
        raise RightsUnread


async def present(uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
    """The channel, if there is (or was) such a one in the workspace of ``actor``. Raises ``Gone``."""
    channel = await uow.channels.find(channel_id)
    if channel is None or channel.workspace_id != actor.workspace_id:
        raise Gone("")
    return channel


async def reconnectable(uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
    """The channel, if ``actor`` may reconnect it. Raises ``Gone``, ``NotAllowed``, ``OwnerLeft``."""
    channel = await present(uow, actor, channel_id)
    if not may(actor, Operation.RECONNECT, channel):
        await _refuse_if_orphaned(uow, actor, channel)
        raise NotAllowed(Operation.RECONNECT.value, (channel.owner_id,) if channel.owner_id else ())
    if channel.state is State.REMOVED:
        raise Gone(channel.address)
    return channel


async def check_any_right(
    uow: UnitOfWork, core: Core, actor: Actor, operation: Operation, channel: Channel
) -> None:
    """Raises ``NotAllowed`` with who can, ``OwnerLeft`` or ``RightsUnread``, if ``actor`` may not even ask
    for it."""
    if right(actor, operation, channel) is Right.NONE:
        refuse_in_doubt(actor, channel.kind, operation)
        await _refuse_if_orphaned(uow, actor, channel)
        roles = await roles_in(uow, core, channel.workspace_id)
        raise NotAllowed(operation.value, roles.who_can(operation, channel))


async def _refuse_if_orphaned(uow: UnitOfWork, actor: Actor, channel: Channel) -> None:
    """Raises ``OwnerLeft`` if nobody is left who could do it, and ``actor`` may make the inbox the team's."""
    if channel.owner_id is None or not may(actor, Operation.TAKE_OVER, channel):
        return
    owner = await uow.people.find(channel.workspace_id, channel.owner_id)
    if owner is not None and owner.is_deleted and channel.state is not State.REMOVED:
        raise OwnerLeft(channel)
