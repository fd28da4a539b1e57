"""Who may do what, in which workspace: pure answers from flags that the caller has just re-read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.address import key_of, same_address
from bot.domain.channel import Channel, Kind
from bot.domain.ids import UserId, WorkspaceId


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack user as last read from Slack."""

    id: UserId
    workspace_id: WorkspaceId
    name: str = ""
    email: str = ""
    locale: str = "en-US"
    utc_offset: int = 0
    """How far their clock is ahead of UTC, in seconds, as Slack says."""
    is_owner: bool = False
    """Workspace owner or admin, as Slack flags them."""
    is_guest: bool = False
    is_bot: bool = False
    is_deleted: bool = False

    @property
    def is_active_member(self) -> bool:
        return not (self.is_guest or self.is_bot or self.is_deleted)


class Role(StrEnum):
    """What somebody is to a channel. One person may hold several."""

    SUPER_ADMIN = "super_admin"
    ACCOUNT_ACCESS = "account_access"
    OWNER = "owner"
    """Whose personal inbox it is."""
    CONNECTOR = "connector"
    """Who connected the team address: they may correct what they typed."""
    ADDRESSEE = "addressee"
    """Whose address it is as far as Slack knows, whoever connected it."""
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person about to do something, with the roles they hold right now."""

    person: Person
    is_super_admin: bool
    has_account_access: bool = False
    is_in_doubt: bool = False
    """Account access rests on a user group alone, and that group could not be read just now: what it would
    allow is refused until it can be."""

    @property
    def id(self) -> UserId:
        return self.person.id

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.person.workspace_id

    def roles(self, channel: Channel | None = None) -> frozenset[Role]:
        """The roles held, towards ``channel`` if one is given. Guests hold none."""
        if not self.person.is_active_member:
            return frozenset()
        held = {Role.MEMBER}
        if self.is_super_admin:
            held.add(Role.SUPER_ADMIN)
        if self.has_account_access:
            held.add(Role.ACCOUNT_ACCESS)
        if channel is not None and channel.owner_id == self.id:
            held.add(Role.OWNER)
        if channel is not None and not channel.is_personal and channel.connected_by == self.id:
            held.add(Role.CONNECTOR)
        if channel is not None and same_address(self.person.email, channel.address):
            held.add(Role.ADDRESSEE)
        return frozenset(held)


UNDO_LASTS: Final = timedelta(hours=24)
"""How long a change of roles can be undone from its message."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """One role given to, or taken from, a person or a user group, and what that meant for whom."""

    id: str
    workspace_id: WorkspaceId
    actor: UserId
    at: datetime
    role: Role
    subject: str
    """A person, or a Slack user group (S…)."""
    is_given: bool
    people: Mapping[UserId, tuple[Role, Role]]
    """Whose role changed: the highest they held, before and after."""
    along: tuple[UserId, ...] = ()
    """Who was super admin by Slack's flags until then, and was chosen with it so that they stay it."""
    undoes: str = ""
    """The earlier change that it takes back; such a one is not undone again."""
    undone_by: UserId | None = None
    undone_at: datetime | None = None

    def may_be_undone(self, now: datetime) -> bool:
        """Whether it is young enough; whether it is still so is the caller's to see."""
        return not self.undoes and self.undone_at is None and now - self.at < UNDO_LASTS


class Operation(StrEnum):
    """What can be done with a channel."""

    SEE = "see"
    CONNECT = "connect"
    DISABLE = "disable"
    ENABLE = "enable"
    REMOVE = "remove"
    RECONNECT = "reconnect"
    SWITCH = "switch"
    """Let another provider host it, everything kept."""
    TAKE_OVER = "take_over"
    """Make a personal inbox a team address."""
    EDIT = "edit"
    """Change its name, its use and the conversation that is told."""


class Right(StrEnum):
    """How far a right goes."""

    AT_ONCE = "at_once"
    ON_REQUEST = "on_request"
    """A requested change that waits for an admin's approval."""
    NONE = "none"


_ADMINS: Final = frozenset({Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS})
_SUPER: Final = frozenset({Role.SUPER_ADMIN})
_OWNER: Final = frozenset({Role.OWNER})
_CONNECTOR: Final = frozenset({Role.CONNECTOR})
_ADDRESSEE: Final = frozenset({Role.ADDRESSEE})
_ANYBODY: Final = frozenset({Role.MEMBER})
_NOBODY: Final[frozenset[Role]] = frozenset()

RIGHTS: Final[dict[tuple[Kind, Operation], tuple[frozenset[Role], frozenset[Role]]]] = {
    # (kind, operation): (who may at once, who may ask for it)
    (Kind.PERSONAL, Operation.SEE): (_OWNER | _ADDRESSEE | _SUPER, _NOBODY),
    # Connecting the address that Slack knows as one's own is decided by ``right_to_connect``.
    (Kind.PERSONAL, Operation.CONNECT): (_SUPER, _ANYBODY),
    (Kind.PERSONAL, Operation.DISABLE): (_OWNER | _ADDRESSEE | _SUPER, _NOBODY),
    (Kind.PERSONAL, Operation.ENABLE): (_OWNER, _NOBODY),
    (Kind.PERSONAL, Operation.REMOVE): (_OWNER | _ADDRESSEE | _SUPER, _NOBODY),
    (Kind.PERSONAL, Operation.RECONNECT): (_OWNER, _NOBODY),
    (Kind.PERSONAL, Operation.SWITCH): (_OWNER, _NOBODY),
    (Kind.PERSONAL, Operation.TAKE_OVER): (_SUPER, _NOBODY),
    (Kind.PERSONAL, Operation.EDIT): (_OWNER | _SUPER, _NOBODY),
    (Kind.TEAM, Operation.SEE): (_ANYBODY, _NOBODY),
    (Kind.TEAM, Operation.CONNECT): (_ADMINS, _ANYBODY),
    (Kind.TEAM, Operation.DISABLE): (_ADMINS | _ADDRESSEE, _ANYBODY),
    (Kind.TEAM, Operation.ENABLE): (_ADMINS, _ANYBODY),
    (Kind.TEAM, Operation.REMOVE): (_ADMINS | _ADDRESSEE, _ANYBODY),
    # Whoever can sign in as the pinned mailbox may mend it: the sign-in itself is the proof.
    (Kind.TEAM, Operation.RECONNECT): (_ANYBODY, _NOBODY),
    # Another mailbox than the pinned one: that takes what connecting a new address takes.
    (Kind.TEAM, Operation.SWITCH): (_ADMINS, _ANYBODY),
    (Kind.TEAM, Operation.TAKE_OVER): (_NOBODY, _NOBODY),
    # A wish would wait for words that whoever answers it can write themselves.
    (Kind.TEAM, Operation.EDIT): (_ADMINS | _ADDRESSEE | _CONNECTOR, _NOBODY),
}
"""Who may do what, row by row. What is in neither set is refused."""


def right(actor: Actor, operation: Operation, channel: Channel) -> Right:
    """How far ``actor`` may go with ``operation``. Guests and people of other workspaces: not at all."""
    if actor.workspace_id != channel.workspace_id:
        return Right.NONE
    return _right(actor.roles(channel), channel.kind, operation)


def may(actor: Actor, operation: Operation, channel: Channel) -> bool:
    """Whether ``actor`` may do ``operation`` to ``channel`` at once."""
    return right(actor, operation, channel) is Right.AT_ONCE


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which channels of a workspace somebody may see, as a database can be asked: every team address, their
    own, and personal ones at their own address or, for super admins, all. ``may`` says the same of each."""

    workspace_id: WorkspaceId
    user_id: UserId
    all_personal: bool
    address: str = ""
    """Their own, as addresses are found by; empty where Slack knows none. No channel has an empty one."""


def visibility_of(actor: Actor) -> Visibility | None:
    """``None`` for somebody who may see nothing."""
    roles = actor.roles()
    if not roles & _ANYBODY:
        return None
    return Visibility(actor.workspace_id, actor.id, Role.SUPER_ADMIN in roles, key_of(actor.person.email))


def rights(actor: Actor, operations: Iterable[Operation], channel: Channel) -> frozenset[Operation]:
    """Those of ``operations`` that ``actor`` may do, at once or on request."""
    if actor.workspace_id != channel.workspace_id:
        return frozenset()
    roles = actor.roles(channel)
    return frozenset(
        operation for operation in operations if _right(roles, channel.kind, operation) is not Right.NONE
    )


def wishes(actor: Actor, operations: Iterable[Operation], channel: Channel) -> frozenset[Operation]:
    """Those of ``operations`` that ``actor`` can only ask an admin for."""
    roles = actor.roles(channel)
    return frozenset(it for it in operations if _right(roles, channel.kind, it) is Right.ON_REQUEST)


def may_grant(actor: Actor, kind: Kind, operation: Operation) -> bool:
    """Whether somebody's wish is ``actor``'s to grant: they could do it themselves at once."""
    return bool(actor.roles() & RIGHTS[kind, operation][0])


def right_to_connect(actor: Actor, kind: Kind, address: str) -> Right:
    """How far ``actor`` may go with connecting a new address.

    One's own address (the one that Slack knows) needs nobody's approval; everything else needs an admin.
    """
    if kind is Kind.PERSONAL and actor.person.is_active_member and same_address(actor.person.email, address):
        return Right.AT_ONCE
    return _right(actor.roles(), kind, Operation.CONNECT)


def _right(roles: frozenset[Role], kind: Kind, operation: Operation) -> Right:
    at_once, on_request = RIGHTS[kind, operation]
    if roles & at_once:
        return Right.AT_ONCE
    return Right.ON_REQUEST if roles & on_request else Right.NONE


def super_admins_among(
    people: tuple[Person, ...], *, fixed: frozenset[UserId], chosen: frozenset[UserId] = frozenset()
) -> tuple[Person, ...]:
    """The super admins: ``SUPER_ADMINS`` if any is active, else the chosen set, else Slack's owners."""
    active = tuple(p for p in people if p.is_active_member)
    for named in (fixed, chosen):
        found = tuple(p for p in active if p.id in named)
        if found:
            return found
    return tuple(p for p in active if p.is_owner)


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace. Gone (uninstalled, token dead) until the bot is seen there again."""

    id: WorkspaceId
    name: str
    bot_user_id: UserId
    seen_at: datetime
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A Slack user group."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of a workspace's users."""

    people: tuple[Person, ...]
    further: str
    """The cursor of the next page; empty at the end."""
