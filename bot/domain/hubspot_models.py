"""What the screens about HubSpot show, read together by the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.channel import Channel
from bot.domain.hubspot import HubSpotChannel, HubSpotInbox, Pair, Portal
from bot.domain.ids import UserId
from bot.domain.incident import Incident
from bot.domain.provider_outage import ProviderOutage


@dataclass(frozen=True, slots=True)
class HubSpotOutage:
    """One disconnected channel in a message."""

    channel: HubSpotChannel
    incident: Incident
    url: str
    """HubSpot's own page that mends it; empty where the portal could not be read."""
    ours: Channel | None = None
    """The same address as it is connected here, if it is in trouble: that says why."""
    ours_at: str = ""
    """What people call the provider that it is connected at here."""


@dataclass(frozen=True, slots=True)
class HubSpotModel:
    """All that is true of a notice about HubSpot at the moment it is shown."""

    outages: tuple[HubSpotOutage, ...] = ()
    channels: tuple[HubSpotChannel, ...] = ()
    """Of a mass loss, those that are still lost; of what was said once, all that it is about."""
    outage: ProviderOutage | None = None
    struck: int = 0
    """How many a mass loss has ever held."""
    may_reconnect: bool = False
    """It has lasted too long to just wait for it."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """HubSpot's page of each inbox."""
    url: str = ""
    """The page of all inboxes."""
    total: int = 0
    """How many channels are watched."""


@dataclass(frozen=True, slots=True)
class HubSpotUserRow:
    """A HubSpot super admin, and who that is in Slack."""

    email: str
    user_id: UserId | None
    is_paired: bool
    """By hand; else by the address."""


@dataclass(frozen=True, slots=True)
class HubSpotOverview:
    """The portal on one screen."""

    portal: Portal
    inboxes: tuple[HubSpotInbox, ...]
    channels: tuple[HubSpotChannel, ...]
    people: tuple[HubSpotUserRow, ...]
    pairs: tuple[Pair, ...]
    urls: Mapping[str, str]
    url: str
    may_change: bool
    """Whether this reader decides where outages are told, and who is who."""
    claimed: Mapping[str, tuple[UserId, datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HubSpotSummary:
    """What Home says of it."""

    works: int
    broken: tuple[HubSpotChannel, ...]
    looked_at: datetime | None
    trouble: str
    url: str
    urls: Mapping[str, str] = field(default_factory=dict)
    """HubSpot's page of each inbox that has something broken."""
    claimed: Mapping[str, tuple[UserId, datetime]] = field(default_factory=dict)
    """Who is on it, by channel."""
    found: tuple[HubSpotChannel, ...] | None = None
    """Where somebody looks for a text: the channels with it, whatever their state."""


@dataclass(frozen=True, slots=True)
class BothSides:
    """The same address as it stands in HubSpot, for the screens of a channel here."""

    channel: HubSpotChannel
    url: str
