"""What services show: channels as one person may see them, ready to be worded and laid out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.access import Deed
from bot.domain.channel import Channel
from bot.domain.grant import Revocation
from bot.domain.ids import GrantId, UserId
from bot.domain.incident import Incident, Notice
from bot.domain.record import Record


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One line of an overview."""

    channel: Channel
    provider_label: str
    last_ok_at: datetime | None
    """The last proof of life: a probe that passed."""
    may: frozenset[Deed]
    is_own: bool


@dataclass(frozen=True, slots=True)
class SetupCard:
    """What still has to be done before people can connect, or who to ask."""

    is_for_admin: bool
    admins: tuple[UserId, ...]
    base_url: str
    loopback_only: bool
    google_on: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """All that one person may see."""

    own: tuple[ChannelRow, ...]
    team: tuple[ChannelRow, ...]
    others: tuple[ChannelRow, ...]
    """Other people's personal inboxes: super admins only."""
    may_connect: bool
    command: str
    providers_off: tuple[str, ...] = ()
    not_set_up: SetupCard | None = None


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One channel, both sides."""

    row: ChannelRow
    scopes: frozenset[str]
    connected_by: UserId
    obtained_at: datetime | None
    incident: Incident | None
    next_probe_at: datetime | None
    recent: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """Both sides of a removal: gone here, and what is known of it at the provider."""

    channel: Channel
    revocation: Revocation
    shared_here: int
    """Other inboxes of this workspace that use the same permission at the provider."""
    shared_elsewhere: int
    """The same in other workspaces of this deployment: a number only."""
    provider_label: str
    grant_id: GrantId | None = None
    revocation_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticePicture:
    """All that is true of a notice at the moment it is shown."""

    notice: Notice
    channel: Channel
    provider_label: str
    locale: str
    now: datetime
    command: str
    incident: Incident | None = None
    url: str = ""
    """Where *Reconnect* leads, while the incident is open."""
    removal: Removal | None = None
    is_open: bool = True
    """Whether there is still something to do about it."""

    @property
    def actor(self) -> UserId | None:
        """Who disabled it, for a ``DISABLED`` notice."""
        _, _, rest = self.notice.subject.partition("by:")
        return UserId(rest.partition(":")[0]) if rest else None
