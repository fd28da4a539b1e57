"""Notices: what one person should see of an incident, and what was posted of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
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
    CLAIM_TAKEN = "claim_taken"
    """A reply to whoever was on it: somebody else is now."""
    HANDED_OVER = "handed_over"
    """A reply to whom an outage was handed: they are on it now."""
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
    HUBSPOT = "hubspot"
    """Channels that HubSpot shows as disconnected: an incident like any other, with a way to HubSpot."""
    HUBSPOT_CONVERSATION = "hubspot_conversation"
    """The one line about them in the conversation that was chosen for their inbox."""
    HUBSPOT_HOLD = "hubspot_hold"
    """Many of HubSpot's channels were lost at once: wait."""
    HUBSPOT_SAID = "hubspot_said"
    """What somebody most likely did in HubSpot on purpose, or what the first look found: once."""
    GROUPS = "groups"
    """To the operator: the user groups that give account access cannot be read."""
    REPORT = "report"
    """To an admin who wants it: how the team's addresses did in a month."""
    CREDENTIAL = "credential"
    """To the operator: what proves us to Microsoft ends soon."""
    WEBHOOK_OFF = "webhook_off"
    """To the super admins: a program is told nothing any more."""
    WEBHOOK_ORPHANED = "webhook_orphaned"
    """To the super admins: whoever made a webhook has left."""
    KEY_ENDS = "key_ends"
    """To the super admins: a program's key runs out soon."""
    KEY_ORPHANED = "key_orphaned"
    """To the super admins: whoever made a program's key has left."""
    KEY_ASKS = "key_asks"
    """To the owner of a personal inbox: whether a program's key may use it."""
    KEY_DISOWNED = "key_disowned"
    """To the super admins: an owner says that it was not them who allowed a key."""


SLACK: Final = "slack"
"""Stands where an ``OPERATOR`` notice names the provider, if it is Slack that does not connect us."""

ALARMS: Final = frozenset(
    {
        NoticeKind.INCIDENT,
        NoticeKind.HOLD,
        NoticeKind.RELAPSE,
        NoticeKind.HUBSPOT,
        NoticeKind.HUBSPOT_HOLD,
    }
)
"""What somebody is woken for."""

EDITS_APART: Final = timedelta(seconds=1.2)
"""Slack takes fifty edits a minute, of all messages of a workspace."""

DELIVERY: Final = "deliver:"
"""How the key of the job begins that brings a notice to Slack; the notice's id follows."""
OUTAGES: Final = frozenset({NoticeKind.INCIDENT, NoticeKind.HUBSPOT})
"""What one person is told of an outage, and reminded of."""

OF_HUBSPOT: Final = frozenset(
    {
        NoticeKind.HUBSPOT,
        NoticeKind.HUBSPOT_CONVERSATION,
        NoticeKind.HUBSPOT_HOLD,
        NoticeKind.HUBSPOT_SAID,
    }
)

STANDING: Final = frozenset({NoticeKind.MOVED, NoticeKind.OWNER_GONE, NoticeKind.DELEGATE_GONE})
"""Said once for as long as it is so."""

_REQUEST: Final = ("{request}",)
_DOER: Final = ("by:{by}:{at}",)
_FORMATS: Final[Mapping[NoticeKind, tuple[str, ...]]] = {
    NoticeKind.SWITCHED: ("to:{to}:by:{by}:{at}", "to:{to}:"),
    NoticeKind.REMOVED: _DOER,
    NoticeKind.DISABLED: _DOER,
    NoticeKind.TAKEN_OVER: _DOER,
    NoticeKind.SOMEBODY_ELSE: _DOER,
    NoticeKind.CONNECTED: ("{ending}",),
    NoticeKind.MOVED: ("{left}:{at}",),
    NoticeKind.HOLD: ("{outage}",),
    NoticeKind.HUBSPOT_HOLD: ("{outage}",),
    NoticeKind.HUBSPOT_SAID: ("{why}:{announcement}",),
    NoticeKind.STORM: ("{notice}:{number}", "{notice}"),
    NoticeKind.RELAPSE: ("{incident}:{times}:{after}", "{incident}:{times}"),
    NoticeKind.REMINDER: ("{notice}:{since}:{place}",),
    NoticeKind.CLAIM_TAKEN: ("{incident}:by:{by}:{at}",),
    NoticeKind.HANDED_OVER: ("{incident}:by:{by}:{at}",),
    NoticeKind.NOBODY_TOLD: ("{matter}",),
    NoticeKind.REQUEST: _REQUEST,
    NoticeKind.WISH: _REQUEST,
    NoticeKind.ANSWERED: _REQUEST,
    NoticeKind.ROLE_CHANGED: ("{change}",),
    NoticeKind.OWNER_GONE: ("{channel}:{version}",),
    NoticeKind.OPERATOR: ("{provider}:{code}:{at}", "{provider}:{code}", "{provider}"),
    NoticeKind.SILENCE: ("{since}",),
    NoticeKind.STORAGE: ("{began}/{ended}",),
    NoticeKind.GROUPS: ("{why} {since}",),
    NoticeKind.REPORT: ("{month}",),
    NoticeKind.CREDENTIAL: ("{what}:{days}:{ends}",),
    NoticeKind.WEBHOOK_OFF: ("{webhook}:{at}",),
    NoticeKind.WEBHOOK_ORPHANED: ("{webhook}:{at}",),
    NoticeKind.KEY_ENDS: ("{key}:{days}",),
    NoticeKind.KEY_ORPHANED: ("{key}:{at}",),
    NoticeKind.KEY_ASKS: ("{key}:by:{by}:{at}",),
    NoticeKind.KEY_DISOWNED: ("{key}:by:{by}:{at}",),
}
"""How ``Notice.about`` is stored, the fullest form first: rows keep these forms for as long as they live.
Only the last field of a form may contain what separates the fields."""


def subject_of(kind: NoticeKind, about: Mapping[str, str]) -> str:
    """``about`` as it is stored; empty if there is nothing to say."""
    fitting = (it for it in _FORMATS.get(kind, ()) if _fields(it) <= about.keys())
    return next(fitting, "").format_map(about)


def about_of(kind: NoticeKind, subject: str) -> Mapping[str, str]:
    """The fields of a stored subject, by name; none if it has no form that its kind knows."""
    found = (_pattern(it).fullmatch(subject) for it in _FORMATS.get(kind, ()))
    return MappingProxyType(next((it.groupdict() for it in found if it), {}))


@cache
def _fields(form: str) -> frozenset[str]:
    return frozenset(_pattern(form).groupindex)


@cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.*?)", form), re.DOTALL)


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
    """``about`` as it is stored: tells two notices of one kind and channel apart."""
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
    stale_since: datetime | None = None
    """Since when it shows less than it should, if it does; not before it was drawn last."""
    reminders: int = 0
    """How many reminders were sent."""

    @property
    def about(self) -> Mapping[str, str]:
        """What it is about beside its channel, incident and grant. Which fields there are depends on the
        kind: ``_FORMATS`` lists them."""
        return about_of(self.kind, self.subject)

    @property
    def is_for_conversation(self) -> bool:
        """Whether it stands in a team's conversation, which cannot be read by us."""
        return self.conversation_id is not None and str(self.conversation_id) == str(self.recipient)

    @property
    def is_current(self) -> bool:
        return self.shown_rev >= self.wanted_rev


@dataclass(frozen=True, slots=True)
class EditRoom:
    """How many messages Slack lets us edit now; if none, how long to wait."""

    at_once: int
    rest: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands in Slack."""

    conversation: ConversationId
    ts: str
