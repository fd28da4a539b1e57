"""Incidents and notices: one outage of a channel, and what one person should see of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.cause import Cause
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    GrantId,
    IncidentId,
    NoticeId,
    UserId,
    WorkspaceId,
)


class IncidentKind(StrEnum):
    """What the outage is: refused by the provider, or not checkable for an hour."""

    DEAD = "dead"
    UNVERIFIABLE = "unverifiable"


class Resolution(StrEnum):
    """How an incident ended: chooses the words of the edited message."""

    RECONNECTED = "reconnected"
    RECOVERED = "recovered"
    """The provider accepts the old grant again: nobody had to do anything."""
    DISABLED = "disabled"
    REMOVED = "removed"
    FALSE_ALARM = "false_alarm"


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


class NoticeKind(StrEnum):
    """What a notice is about: chooses the view that renders it."""

    INCIDENT = "incident"
    REMOVED = "removed"
    """What became of a removed inbox on both sides."""
    CONNECTED = "connected"
    """A consent finished: the guarantee, should the modal be closed."""
    DISABLED = "disabled"
    """Somebody else disabled this person's inbox."""
    OWNER_GONE = "owner_gone"
    """A personal inbox whose owner left the workspace: the super admins decide."""
    OPERATOR = "operator"
    """Something only the operator can mend."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person should currently see. A message in Slack is reconciled to it, never queued."""

    id: NoticeId
    workspace_id: WorkspaceId
    recipient: UserId
    kind: NoticeKind
    channel_id: ChannelId | None
    incident_id: IncidentId | None = None
    grant_id: GrantId | None = None
    """For ``REMOVED``: the grant whose fate is told."""
    subject: str = ""
    """For ``OPERATOR``: provider, code and day, with colons; for ``CONNECTED``: the ending; for
    ``DISABLED``: who did it and when; for ``OWNER_GONE``: the channel."""
    wanted_rev: int = 1
    shown_rev: int = 0
    conversation_id: ConversationId | None = None
    """The DM it stands in, once opened."""
    ts: str | None = None
    """Slack's id of the message, once posted."""
    nonce: str | None = None
    """Committed before posting, carried in the message's metadata: finds the message after a crash."""
    sending_since: datetime | None = None
    created_at: datetime | None = None
    unreachable: str = ""
    """Slack's error, if this person cannot be reached."""

    @property
    def is_current(self) -> bool:
        return self.shown_rev >= self.wanted_rev
