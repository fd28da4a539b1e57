"""Incidents and notices: one outage of a channel, and what one person should see of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final, Protocol

from bot.domain.channel import DOUBT_CAUSES, REFUSED_CAUSES, Cause
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    IncidentId,
    UserId,
    WorkspaceId,
)


class IncidentKind(StrEnum):
    """What the outage is: refused by the provider, or not checkable for an hour."""

    DEAD = "dead"
    UNVERIFIABLE = "unverifiable"
    HUBSPOT = "hubspot"
    """HubSpot shows a channel of its own as disconnected: ``channel_id`` names a HubSpot channel."""


class Watched(Protocol):
    """What an outage can be of: a channel of ours, or one that HubSpot keeps."""

    @property
    def id(self) -> ChannelId: ...
    @property
    def workspace_id(self) -> WorkspaceId: ...
    @property
    def address(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def cause(self) -> Cause: ...
    @property
    def conversation_id(self) -> ConversationId | None: ...


class Resolution(StrEnum):
    """How an incident ended: chooses the words of the edited message."""

    RECONNECTED = "reconnected"
    SWITCHED = "switched"
    """It works at another provider now."""
    RECOVERED = "recovered"
    """The provider accepts the old grant again: nobody had to do anything."""
    DISABLED = "disabled"
    REMOVED = "removed"
    FALSE_ALARM = "false_alarm"
    """It was part of an outage of everybody's, and works."""
    DOUBTED = "doubted"
    """Many are refused at once: it was probably never this one's own outage."""
    OURS = "ours"
    """It can no longer be judged, by a fault of ours."""
    WORSE = "worse"
    """It could not be checked, and is known by now to be refused: that is an outage of its own."""


class Snooze(StrEnum):
    """For how long somebody wants no reminder of an outage."""

    HOUR = "hour"
    FOUR_HOURS = "four_hours"
    MORNING = "morning"
    """Until nine o'clock where they are."""


LONGEST_SNOOZE: Final = timedelta(hours=25)
_MORNING: Final = time(9)


def snoozed_until(choice: Snooze, now: datetime, utc_offset: int) -> datetime:
    """When it is over. ``utc_offset`` is how far the person's clock is ahead of UTC, in seconds."""
    if choice is not Snooze.MORNING:
        return now + timedelta(hours=1 if choice is Snooze.HOUR else 4)
    theirs = now.astimezone(timezone(timedelta(seconds=utc_offset)))
    nine = datetime.combine(theirs.date(), _MORNING, theirs.tzinfo)
    return (nine if nine > theirs else nine + timedelta(days=1)).astimezone(UTC)


RECALLED: Final = frozenset({Resolution.DOUBTED, Resolution.OURS})
"""Taken back before anybody knew how it would end. Once that is known, it ends anew."""


AFTER_HOLD: Final = "held"
"""Marks a relapse that is none: it was held with many others, and never worked in between."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage of one channel, from disconnect to recovery. At most one is open per channel."""

    id: IncidentId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    kind: IncidentKind
    cause: Cause
    opened_at: datetime
    code: str = ""
    """The provider's own error code, shown behind *Why?*."""
    resolved_at: datetime | None = None
    resolution: Resolution | None = None
    resolved_by: UserId | None = None
    """Who mended it; ``None`` if it mended itself."""
    claimed_by: UserId | None = None
    """Who said *I'm on it*."""
    claimed_at: datetime | None = None
    is_uncorroborated: bool = False
    """There was no other mailbox to compare with: it may as well be the provider's outage."""
    relapses: int = 0
    """How often it came back within half an hour of being over."""
    proven_at: datetime | None = None
    """When another one that was refused together with it was reconnected: so must this one be."""
    proven_by: UserId | None = None
    """Who did that."""
    proven_with: str = ""
    """Which one, if it is the team's."""

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


@dataclass(frozen=True, slots=True)
class Unexplained:
    """The provider answers with a code that nobody knows: no outage that passes by itself."""

    code: str
    is_lasting: bool
    """For so long that somebody should look."""
    others_work: bool
    """Others there are served meanwhile, as far as that was asked."""


def unexplained_by(incident: Incident) -> Unexplained | None:
    """What its message says of the provider's answer, if that is a code that nobody knows."""
    is_refusal = incident.cause in REFUSED_CAUSES | DOUBT_CAUSES
    if incident.kind is not IncidentKind.UNVERIFIABLE or not incident.code or is_refusal:
        return None
    return Unexplained(incident.code, is_lasting=True, others_work=not incident.is_uncorroborated)
