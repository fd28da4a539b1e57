"""Notices: what one person should see of an incident, and what was posted of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.ids import (
    ChannelId,
    ConversationId,
    GrantId,
    IncidentId,
    NoticeId,
    UserId,
    WorkspaceId,
)


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
