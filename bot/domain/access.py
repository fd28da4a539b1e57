"""Who may do what: pure answers from flags that the caller has just re-read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    is_owner: bool = False
    """Workspace owner or admin, as Slack flags them."""
    is_guest: bool = False
    is_bot: bool = False
    is_deleted: bool = False

    @property
    def is_active_member(self) -> bool:
        return not (self.is_guest or self.is_bot or self.is_deleted)


@dataclass(frozen=True, slots=True)
class Actor:
    """A person about to do something, with the role they hold right now."""

    person: Person
    is_super_admin: bool

    @property
    def id(self) -> UserId:
        return self.person.id

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.person.workspace_id


class Deed(StrEnum):
    """What can be wished of an existing channel."""

    SEE = "see"
    DISABLE = "disable"
    ENABLE = "enable"
    REMOVE = "remove"
    RECONNECT = "reconnect"


_OWN_OR_ADMIN = frozenset({Deed.SEE, Deed.DISABLE, Deed.REMOVE})
"""What super admins may do to anybody's personal inbox; enabling and signing in stay its owner's."""


def may(actor: Actor, deed: Deed, channel: Channel) -> bool:
    """Whether ``actor`` may do ``deed`` to ``channel``. Guests and strangers may do nothing."""
    if not actor.person.is_active_member or actor.workspace_id != channel.workspace_id:
        return False
    if channel.kind is Kind.TEAM:
        return deed is Deed.SEE or actor.is_super_admin or _is_connector(actor, deed, channel)
    return channel.owner_id == actor.id or (actor.is_super_admin and deed in _OWN_OR_ADMIN)


def _is_connector(actor: Actor, deed: Deed, channel: Channel) -> bool:
    return deed is Deed.RECONNECT and channel.connected_by == actor.id


def may_connect_at_once(actor: Actor, address: str) -> bool:
    """Whether connecting ``address`` as one's own inbox needs nobody's approval.

    True only for the address that Slack knows as that person's, and for super admins.
    """
    return actor.is_super_admin or same_address(actor.person.email, address)


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same mailbox by name. gmail.com and googlemail.com are one."""
    return _folded(one) == _folded(other) != ""


def _folded(address: str) -> str:
    folded = address.strip().casefold()
    local, at, domain = folded.rpartition("@")
    return f"{local}{at}gmail.com" if domain == "googlemail.com" else folded


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
