"""Tickets and links: how a person gets from Slack to the provider's consent page and back, or to a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.channel import AboutInbox, InboxSpec
from bot.domain.grant import Secret
from bot.domain.ids import (
    ChannelId,
    DownloadId,
    IncidentId,
    LinkId,
    RequestId,
    TicketId,
    UserId,
    WorkspaceId,
)

TICKET_LASTS: Final = timedelta(minutes=15)
RENEWABLE_FOR: Final = timedelta(hours=24)
"""How long one that has expired can still be exchanged for a fresh one, by its person or its browser."""
PENDING_LASTS: Final = timedelta(minutes=2)
"""A check that has not ended by then was interrupted: begin again. Alone with its database, the next process
knows so at its start."""
OUTCOME_LASTS: Final = timedelta(minutes=15)
"""How long the browser that spent a ticket can reload what came of it."""


class Purpose(StrEnum):
    """What a trip through the browser is for."""

    CONNECT = "connect"
    RECONNECT = "reconnect"
    SWITCH = "switch"
    """To another provider, settings kept."""


@dataclass(frozen=True, slots=True)
class Ticket(AboutInbox):
    """One pass through the browser, bound to a person, a workspace, an inbox and, once begun, a browser."""

    id: TicketId
    """SHA-256 (hex) of the secret that stands in the address; the secret itself is not stored."""
    workspace_id: WorkspaceId
    user_id: UserId
    purpose: Purpose
    inbox: InboxSpec
    created_at: datetime
    expires_at: datetime
    verifier: Secret = field(repr=False)
    nonce: str = field(repr=False, default="")
    channel_id: ChannelId | None = None
    """The channel to reconnect or to switch; ``None`` for a new one."""
    claims: str = field(repr=False, default="")
    """What the provider wanted to be told at the next sign-in."""
    memo: Secret | None = field(repr=False, default=None)
    """What the provider's library must find again when the person comes back."""
    request_id: RequestId | None = None
    """The approved request that it goes on with."""
    view_id: str | None = None
    """The Slack modal that waits for the outcome, if one is open."""
    browser: str | None = None
    """SHA-256 (hex) of the cookie of the browser that began it."""
    locale: str = "en"
    via: str = ""
    """The account that is to sign in, where the address is not its own."""
    confirmed: str = ""
    """The provider's own id of the account that, as a super admin has just said, receives the address."""

    @property
    def account(self) -> str:
        """As whom to sign in."""
        return self.via or self.address


class OutcomeKind(StrEnum):
    """How a trip through the browser ended."""

    PENDING = "pending"
    """The provider's answer is still being checked: what a second, faster request finds."""
    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    RESTORED = "restored"
    SWITCHED = "switched"
    SWITCHED_STILL_DISABLED = "switched_still_disabled"
    """Another provider hosts it now; the inbox stays disabled, since a person disabled it."""
    STILL_DISABLED = "still_disabled"
    """Signed in again; the inbox stays disabled, since a person disabled it."""
    WRONG_MAILBOX = "wrong_mailbox"
    PERMISSION_WITHHELD = "permission_withheld"
    DECLINED = "declined"
    CONSENT_FAILED = "consent_failed"
    NOT_PROVEN = "not_proven"
    PROVIDER_AWAY = "provider_away"
    OURS_BROKEN = "ours_broken"
    RIGHTS_UNREAD = "rights_unread"
    """Slack did not say whether this person may still do it: nothing was swapped."""
    NOT_POSSIBLE = "not_possible"
    """Something changed meanwhile (removed, switched, taken by somebody else, rights lost)."""

    @property
    def is_good(self) -> bool:
        return self in _GOOD

    @property
    def may_try_again(self) -> bool:
        return not self.is_good and self not in {OutcomeKind.NOT_POSSIBLE, OutcomeKind.PENDING}


INTERRUPTED: Final = "interrupted"
"""The code of an ending: our process died before the mailbox was checked."""
SWITCHED_MEANWHILE: Final = "switched"
"""The code of a trip that ended because the channel has left the provider that it led to."""
ONLY_CLAIMED: Final = "only_claimed"
"""The code of a wrong mailbox that nobody has signed in to: the login name alone says that it is."""
HOST_RENAMED: Final = "host_renamed"
"""The code of a wrong mailbox that may be the right one: the same login, at another mail host."""

_GOOD: Final = frozenset(
    {
        OutcomeKind.CONNECTED,
        OutcomeKind.RECONNECTED,
        OutcomeKind.RESTORED,
        OutcomeKind.SWITCHED,
        OutcomeKind.SWITCHED_STILL_DISABLED,
        OutcomeKind.STILL_DISABLED,
    }
)


@dataclass(frozen=True, slots=True)
class TicketOutcome:
    """What came of a spent ticket: kept 15 minutes for the same browser, so that a reload is harmless."""

    ticket: Ticket
    ending: OutcomeKind
    at: datetime
    signed_in: str = ""
    """The address that was signed in, where it was the wrong one."""
    missing: frozenset[str] = frozenset()
    """What was asked for and not granted; after a good ending only what features need."""
    code: str = ""
    """A provider's error code, or the cause's name."""
    signed_in_id: str = ""
    """The provider's own id of the account that was the wrong one."""
    stands: bool = False
    """What was allowed at the provider is not used here, and stays there all the same."""

    @property
    def interrupted(self) -> TicketOutcome:
        """The same check, which our process did not live to end: it is to be begun again."""
        return replace(self, ending=OutcomeKind.PROVIDER_AWAY, code=INTERRUPTED)

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a super admin may say that the account signed in to receives the address. What is connected
        already is reconnected with its own account alone, be it at a mail host by another name; a shared
        mailbox has no account of its own."""
        is_new = self.ticket.purpose is not Purpose.RECONNECT and not self.ticket.is_shared
        is_possible = is_new or self.is_renamed
        return self.ending is OutcomeKind.WRONG_MAILBOX and is_possible and bool(self.signed_in_id)

    @property
    def is_renamed(self) -> bool:
        """The same login at another mail host: it may be the same mailbox, if somebody says so."""
        return self.code == HOST_RENAMED


@dataclass(frozen=True, slots=True)
class Link:
    """A long-lived way to a fresh ticket, in one person's notice; dies with the incident."""

    id: LinkId
    workspace_id: WorkspaceId
    user_id: UserId
    incident_id: IncidentId
    channel_id: ChannelId
    secret: Secret = field(repr=False)
    """Stored encrypted: the notice is rendered again at every edit."""
    created_at: datetime


class File(StrEnum):
    """What can be downloaded."""

    HISTORY = "history"
    AVAILABILITY = "availability"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a person has asked for in Slack: fetched once, by the browser that asks first."""

    id: DownloadId
    workspace_id: WorkspaceId
    user_id: UserId
    file: File
    locale: str
    created_at: datetime
    expires_at: datetime
