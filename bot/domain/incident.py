"""Incidents and notices: one outage of a channel, and what one person should see of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.cause import DOUBT_CAUSES, REFUSED_CAUSES, Cause
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


RECALLED: Final = frozenset({Resolution.DOUBTED, Resolution.OURS})
"""Taken back before anybody knew how it would end. Once that is known, it ends anew."""


AFTER_HOLD: Final = ":held"
"""Ends the subject of a relapse that is none: it was held with many others, and never worked in between."""


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
    is_lonely: bool = False
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
    return Unexplained(incident.code, is_lasting=True, others_work=not incident.is_lonely)


class NoticeKind(StrEnum):
    """What a notice is about: chooses the view that renders it."""

    INCIDENT = "incident"
    REMOVED = "removed"
    """What became of a removed inbox on both sides."""
    SWITCHED = "switched"
    """An inbox works through another provider now, and what became of the old permission."""
    MOVED = "moved"
    """A team address's mail goes to another provider than the one it is connected at."""
    CONNECTED = "connected"
    """A consent finished: the guarantee, should the modal be closed."""
    DISABLED = "disabled"
    """Somebody disabled an inbox that concerns this person."""
    HOLD = "hold"
    """To those who look after the mailboxes: many are refused at once; don't reconnect yet."""
    CONVERSATION = "conversation"
    """The one line in a team's conversation about its outages."""
    STORM = "storm"
    """A reply that names how many outages there were in all."""
    RELAPSE = "relapse"
    """A reply: an outage that was over has come back."""
    REMINDER = "reminder"
    """A reply: it is still so, and nobody has said that they are on it."""
    NOBODY_TOLD = "nobody_told"
    """To the operator: none of those who should know could be told."""
    REQUEST = "request"
    """To an admin: somebody asks for something."""
    WISH = "wish"
    """To whoever asked: what became of it."""
    ANSWERED = "answered"
    """A reply to that: somebody has said yes or no (an edit notifies nobody)."""
    SOMEBODY_ELSE = "somebody_else"
    """To whose address it is: somebody else has connected it."""
    TAKEN_OVER = "taken_over"
    """To its owner: a personal inbox has become a team address."""
    ROLE_CHANGED = "role_changed"
    """To whose role changed, and to who changed it."""
    OWNER_GONE = "owner_gone"
    """A personal inbox whose owner left the workspace: the super admins decide."""
    DELEGATE_GONE = "delegate_gone"
    """A shared mailbox is opened with the account of somebody who left: it will die with that account."""
    OPERATOR = "operator"
    """Something only the operator can mend."""
    SILENCE = "silence"
    """To the operator: mailboxes are not looked at any more."""
    STORAGE = "storage"
    """To the operator: the database could not be written for a while."""
    GROUPS = "groups"
    """To the operator: the user groups that give account access cannot be read."""


SLACK: Final = "slack"
"""Stands where an ``OPERATOR`` notice names the provider, if it is Slack that does not connect us."""

ALARMS: Final = frozenset({NoticeKind.INCIDENT, NoticeKind.HOLD, NoticeKind.RELAPSE})
"""What somebody is woken for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person should currently see. A message in Slack is reconciled to it, never queued."""

    id: NoticeId
    workspace_id: WorkspaceId
    recipient: UserId
    """Who reads it; a conversation's id for what stands in a conversation."""
    kind: NoticeKind
    channel_id: ChannelId | None
    incident_id: IncidentId | None = None
    grant_id: GrantId | None = None
    """For ``REMOVED`` and ``SWITCHED``: the grant whose fate is told; for ``DELEGATE_GONE``: the one that
    will die."""
    subject: str = ""
    """For ``OPERATOR``: provider (or Slack), code and day, with colons; for ``CONNECTED``: the ending; for
    ``DISABLED`` and ``SWITCHED``: who did it and when; for ``OWNER_GONE``: the channel and its version;
    for ``MOVED``: the provider that the mail left, and when; for ``SILENCE``: since when;
    for ``STORAGE``: from when to when, with a slash; for ``GROUPS``: why, and since when; for
    ``ROLE_CHANGED``: the change."""
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
    thread_of: NoticeId | None = None
    """The notice in whose thread this one is a reply."""
    snoozed_until: datetime | None = None
    reminders: int = 0
    """How many reminders were sent."""

    @property
    def is_current(self) -> bool:
        return self.shown_rev >= self.wanted_rev


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands in Slack."""

    conversation: ConversationId
    ts: str
