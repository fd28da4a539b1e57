"""A HubSpot portal's e-mail channels as we know them: what HubSpot's records say, and what we keep of them.

The one rule: HubSpot says *that* a channel is not connected, never why, since when or by whom. So nothing
here guesses a cause, and an instant is always the look that showed it, beside the last one that did not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.address import key_of
from bot.domain.channel import Cause
from bot.domain.ids import ChannelId, ConversationId, ProviderOutageId, UserId, WorkspaceId

HUBSPOT: Final = "hubspot"
"""Stands where a row or a notice names the provider, if it is HubSpot that watches the mailbox."""
LABEL: Final = "HubSpot"
MOVING: Final = "portal_moving"
"""The code of the answer while a portal moves between data centres: it may have another host afterwards."""
DAILY: Final = timedelta(days=1)
"""How often a portal's own particulars, and its people, are read anew."""

_UI_DOMAIN: Final = re.compile(r"app(-[a-z0-9]+)?\.hubspot\.com")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_FORWARDING: Final = (".hubspot-inbox.com", ".hs-inbox.com")
"""Domains of HubSpot's own forwarding addresses: nobody can disconnect those at a mail provider."""


class HubSpotState(StrEnum):
    """What a channel is, as far as HubSpot shows it."""

    CONNECTED = "connected"
    HELD = "held"
    """Lost together with many others: most likely an outage at HubSpot."""
    DISCONNECTED = "disconnected"
    """HubSpot has lost the permission at the mail provider."""
    SWITCHED_OFF = "switched_off"
    """Somebody turned it off in HubSpot, most likely on purpose."""
    GONE = "gone"
    """Removed in HubSpot, or disconnected and removed."""


class HubSpotSignal(StrEnum):
    """What a look showed of a channel."""

    CONNECTED = "hubspot_connected"
    UNAUTHORIZED = "hubspot_unauthorized"
    INACTIVE = "hubspot_inactive"
    """Turned off, and still authorized."""
    INACTIVE_UNAUTHORIZED = "hubspot_inactive_unauthorized"
    ABSENT = "hubspot_absent"
    """Archived, or in no complete listing."""
    INBOX_ARCHIVED = "hubspot_inbox_archived"
    """The whole inbox was removed."""
    LOST_WITH_OTHERS = "hubspot_lost_with_others"
    """Any of the losses above, by as many at once that they have one cause in common."""
    UNWATCHED = "hubspot_unwatched"
    """The token is another portal's by now."""


LOSSES: Final = frozenset(
    {
        HubSpotSignal.UNAUTHORIZED,
        HubSpotSignal.INACTIVE,
        HubSpotSignal.INACTIVE_UNAUTHORIZED,
        HubSpotSignal.ABSENT,
    }
)
"""Which field flips when HubSpot disconnects a mailbox by itself is not documented: each may be it."""


# --- what HubSpot answers


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One channel account of HubSpot's listing."""

    id: str
    inbox_id: str
    name: str
    address: str
    """Where mail is sent to; empty for an account without a delivery identifier."""
    is_active: bool
    is_authorized: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """One inbox, or help desk, of HubSpot's listing."""

    id: str
    name: str
    type: str
    """``INBOX`` or ``HELP_DESK``."""
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """All e-mail channel accounts and inboxes of a portal, completely read."""

    accounts: tuple[AccountRecord, ...]
    inboxes: tuple[InboxRecord, ...]


@dataclass(frozen=True, slots=True)
class PortalDetails:
    """The portal's own particulars."""

    portal_id: str
    ui_domain: str
    hosting: str
    """The data centre: ``na1``, ``eu1``."""
    time_zone: str
    account_type: str


@dataclass(frozen=True, slots=True)
class HubSpotUser:
    """Somebody who can sign in to the portal."""

    email: str
    is_super_admin: bool


# --- what is kept


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal that a workspace's token opens, and how watching it goes."""

    workspace_id: WorkspaceId
    portal_id: str = ""
    """Empty until it was read."""
    ui_domain: str = ""
    hosting: str = ""
    time_zone: str = ""
    account_type: str = ""
    super_admins: tuple[str, ...] = ()
    """Sign-in addresses; empty where the token may not read them."""
    is_people_read: bool = False
    """Whether the token may read who the super admins are."""
    read_at: datetime | None = None
    """When all that was last read."""
    looked_at: datetime | None = None
    """The last complete look; ``None`` before the first, which pages nobody."""
    trouble: str = ""
    """Why the latest look showed nothing; empty if it did."""
    due_at: datetime | None = None
    began_at: datetime | None = None
    """When the look before that was begun."""


@dataclass(frozen=True, slots=True)
class HubSpotInbox:
    """An inbox or help desk, and whom its outages are told."""

    workspace_id: WorkspaceId
    portal_id: str
    inbox_id: str
    name: str
    type: str = "INBOX"
    is_archived: bool = False
    conversation_id: ConversationId | None = None

    @property
    def is_help_desk(self) -> bool:
        return self.type == "HELP_DESK"


@dataclass(frozen=True, slots=True)
class HubSpotChannel:
    """One team address that HubSpot keeps. It outlives HubSpot's own account of it: the same address back
    under another id is the same channel."""

    id: ChannelId
    workspace_id: WorkspaceId
    portal_id: str
    account_id: str
    inbox_id: str
    name: str
    address: str
    state: HubSpotState
    since: datetime
    """The look that first showed it so."""
    not_before: datetime | None = None
    """The last look that did not; ``None`` for what the first look found."""
    suspect_at: datetime | None = None
    """The look that first showed something else, while a second one must agree."""
    suspect_after: datetime | None = None
    """The last look before that."""
    held_by: ProviderOutageId | None = None
    """The mass loss that it is, or was last, part of."""
    announcement: str = ""
    """The message in which its last quiet change was told."""
    inbox: HubSpotInbox | None = None

    @property
    def key(self) -> str:
        """What two spellings of its address have in common; empty if it has none."""
        return key_of(self.address) if self.address else ""

    @property
    def is_watched(self) -> bool:
        """HubSpot's own forwarding addresses are listed, never alarmed."""
        return not is_forwarding(self.address)

    # What an incident needs of whatever it is about.

    @property
    def provider(self) -> str:
        return HUBSPOT

    @property
    def cause(self) -> Cause:
        """HubSpot never says."""
        return Cause.NONE

    @property
    def conversation_id(self) -> ConversationId | None:
        return self.inbox.conversation_id if self.inbox else None


@dataclass(frozen=True, slots=True)
class Pair:
    """A HubSpot user and the same person in Slack, whose addresses differ: paired by hand, never guessed."""

    email: str
    user_id: UserId
    by: UserId
    at: datetime


# --- what is decided of it


def is_forwarding(address: str) -> bool:
    """Whether it is one of HubSpot's own forwarding addresses."""
    return address.casefold().endswith(_FORWARDING)


def reading(record: AccountRecord) -> HubSpotSignal:
    """What a record says of its channel."""
    if record.is_archived:
        return HubSpotSignal.ABSENT
    if not record.is_authorized:
        return HubSpotSignal.UNAUTHORIZED if record.is_active else HubSpotSignal.INACTIVE_UNAUTHORIZED
    return HubSpotSignal.CONNECTED if record.is_active else HubSpotSignal.INACTIVE


STATE_AT_FIRST: Final[Mapping[HubSpotSignal, HubSpotState]] = {
    HubSpotSignal.CONNECTED: HubSpotState.CONNECTED,
    HubSpotSignal.UNAUTHORIZED: HubSpotState.DISCONNECTED,
    HubSpotSignal.INACTIVE: HubSpotState.SWITCHED_OFF,
    HubSpotSignal.INACTIVE_UNAUTHORIZED: HubSpotState.DISCONNECTED,
}
"""What a channel is that was not known before: nobody is paged for how it was found."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one complete look showed, by the ids that HubSpot gives."""

    accounts: Mapping[str, AccountRecord] = field(default_factory=dict)
    by_address: Mapping[str, AccountRecord] = field(default_factory=dict)
    archived_inboxes: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        accounts: Iterable[AccountRecord],
        archived_inboxes: Iterable[str] = (),
        known_ids: Collection[str] = (),
    ) -> Sight:
        """``known_ids``: HubSpot's ids of channels that are known already."""
        present = [it for it in accounts if not it.is_archived]
        unknown = [it for it in present if it.address and it.id not in known_ids]
        # Of two under one address the one that works is what the address has come back as.
        unknown.sort(key=lambda it: it.is_active and it.is_authorized)
        return cls(
            {it.id: it for it in present},
            {key_of(it.address): it for it in unknown},
            frozenset(archived_inboxes),
        )

    def record_of(self, channel: HubSpotChannel) -> AccountRecord | None:
        """Its record; or that of the same address under a new id."""
        known = self.accounts.get(channel.account_id)
        return known or (self.by_address.get(channel.key) if channel.key else None)

    def signal_for(self, channel: HubSpotChannel) -> HubSpotSignal:
        """What it shows of a channel that is known."""
        return self.signal_of(channel, self.record_of(channel))

    def signal_of(self, channel: HubSpotChannel, record: AccountRecord | None) -> HubSpotSignal:
        """The same, where the channel's record is known, or that it has none."""
        if record is not None:
            return reading(record)
        gone_with_inbox = channel.inbox_id in self.archived_inboxes
        return HubSpotSignal.INBOX_ARCHIVED if gone_with_inbox else HubSpotSignal.ABSENT


def refreshed(channel: HubSpotChannel, record: AccountRecord | None) -> HubSpotChannel:
    """The channel as HubSpot describes it now: accounts are renamed, moved and made anew."""
    if record is None:
        return channel
    return replace(
        channel,
        account_id=record.id,
        inbox_id=record.inbox_id,
        name=record.name,
        address=record.address or channel.address,
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one complete look comes to, before anything is written."""

    steps: tuple[tuple[HubSpotChannel, HubSpotSignal], ...]
    """Which channels, each as HubSpot describes it now, are told what."""
    waiting: tuple[HubSpotChannel, ...]
    """Those that a second look must agree on, and those that are held: no step."""
    fresh: tuple[AccountRecord, ...]
    """Records of channels that were not known."""
    is_mass: bool
    """So many are lost at once that they have one cause in common."""


LATELY: Final = timedelta(minutes=15)
"""A mass loss reaches back so far: HubSpot may lose its channels bit by bit."""


def is_mass_loss(lost: int, before: int) -> bool:
    """Whether so many lost together, of those that worked before, have one cause in common."""
    return lost >= 2 and 2 * lost >= before


def settings_url(portal: Portal, inbox_id: str = "", *, local: str = "") -> str:
    """Where HubSpot's channels of an inbox (or all inboxes) are set up; empty where nobody can tell.

    The host comes from HubSpot and is judged before anybody is sent there. ``local`` is the operator's own
    address of a HubSpot on this machine.
    """
    if not _NUMBER.fullmatch(portal.portal_id):
        return ""
    base = local or (f"https://{portal.ui_domain}" if _UI_DOMAIN.fullmatch(portal.ui_domain) else "")
    if not base:
        return ""
    inboxes = f"{base}/live-messages-settings/{portal.portal_id}/inboxes"
    return f"{inboxes}/{inbox_id}/channels" if _NUMBER.fullmatch(inbox_id) else inboxes
