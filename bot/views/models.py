"""The models that views lay out. Most live in ``bot.domain.picture``, since services make them."""

from __future__ import annotations

from typing import Protocol

from bot.domain.access import Person
from bot.domain.ids import UserId
from bot.domain.picture import (
    Ask,
    ChannelPermissions,
    ChannelRow,
    ChannelStatus,
    Drill,
    Evidence,
    Mail,
    NoticePicture,
    Outage,
    Overview,
    PermissionsOverview,
    Removal,
    SetupCard,
    Told,
)

__all__ = [
    "Ask",
    "ChannelPermissions",
    "ChannelRow",
    "ChannelStatus",
    "Drill",
    "Evidence",
    "Mail",
    "NoticePicture",
    "Outage",
    "Overview",
    "PermissionsOverview",
    "PreviewShown",
    "Removal",
    "RosterShown",
    "SetupCard",
    "Told",
    "UserGroup",
]


class UserGroup(Protocol):
    """A Slack user group, as far as a view needs it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


class PreviewShown(Protocol):
    """What a change of the super admins would come to, as far as a view needs it."""

    @property
    def subject(self) -> UserId: ...
    @property
    def is_given(self) -> bool: ...
    @property
    def super_admins(self) -> tuple[Person, ...]: ...
    @property
    def along(self) -> tuple[UserId, ...]: ...
    @property
    def basis(self) -> str: ...


class RosterShown(Protocol):
    """Who holds which role, as far as a view needs it."""

    @property
    def super_admins(self) -> tuple[Person, ...]: ...
    @property
    def account_access(self) -> tuple[Person, ...]: ...
    @property
    def groups(self) -> tuple[UserGroup, ...]:
        """The user groups that have account access."""

    @property
    def chosen(self) -> frozenset[UserId]:
        """Super admins that were chosen in Slack."""

    @property
    def is_fixed(self) -> bool:
        """The operator's setting names the super admins."""

    @property
    def may_change(self) -> bool: ...
    @property
    def other_groups(self) -> tuple[UserGroup, ...]: ...
