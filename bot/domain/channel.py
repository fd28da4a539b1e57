"""The channel, an e-mail address under management: why it is in its state, and the lines of its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.grant import MailboxIdentity
from bot.domain.ids import ChannelId, ConversationId, GrantId, UserId, WorkspaceId


class Cause(StrEnum):
    """The reason beside a state. ``NONE`` goes with *connected* and with a plain *disabled*."""

    NONE = "none"

    # impaired: nobody can act on it yet
    CHECKING = "checking"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    HELD = "held"
    OURS_BROKEN = "ours_broken"
    INBOX_CLOSED = "inbox_closed"
    """The host accepts the password and does not open the inbox."""

    # said no to, without a reason: *impaired*, and *disconnected* after a day of the same answer
    LOGIN_UNCLEAR = "login_unclear"
    """The host refuses the login and does not say why: its own trouble, or the password."""

    # refused by the provider: *impaired* after one refusal, *disconnected* after the witnesses
    GRANT_REFUSED = "grant_refused"
    SIGN_IN_AGAIN = "sign_in_again"
    ACCOUNT_DISABLED = "account_disabled"
    PERMISSION_MISSING = "permission_missing"
    MAILBOX_MISSING = "mailbox_missing"
    OTHER_MAILBOX = "other_mailbox"
    ADMIN_POLICY = "admin_policy"
    ADMIN_CONSENT = "admin_consent"
    """The tenant's admin has not approved the app, or has taken the approval back."""
    PASSWORD_REFUSED = "password_refused"
    SHARED_ACCESS = "shared_access"
    """Whoever signed in may not, or no longer, open this shared mailbox."""

    # removed
    BY_PERSON = "by_person"
    WORKSPACE_GONE = "workspace_gone"


REFUSED_CAUSES = frozenset(
    {
        Cause.GRANT_REFUSED,
        Cause.SIGN_IN_AGAIN,
        Cause.ACCOUNT_DISABLED,
        Cause.PERMISSION_MISSING,
        Cause.MAILBOX_MISSING,
        Cause.OTHER_MAILBOX,
        Cause.ADMIN_POLICY,
        Cause.ADMIN_CONSENT,
        Cause.PASSWORD_REFUSED,
        Cause.SHARED_ACCESS,
    }
)
"""Causes that a provider's refusal brings: what a strike is counted for."""

DOUBT_CAUSES = frozenset({Cause.LOGIN_UNCLEAR, Cause.INBOX_CLOSED})
"""Causes that the host's own answer brings without saying whose trouble it is."""

EXCUSED_CAUSES = frozenset({Cause.OURS_BROKEN, Cause.HELD})
"""Causes that say why a channel cannot be judged, and that somebody has been told of."""

OUTAGE_LIKE = frozenset({Cause.GRANT_REFUSED, Cause.PASSWORD_REFUSED})
"""What a provider's outage can look like, too. A policy or a closed account is named by nobody by mistake."""

MANAGED_CAUSES = frozenset({Cause.ACCOUNT_DISABLED, Cause.MAILBOX_MISSING})
"""Causes that only whoever manages the accounts at the provider can mend."""

ADMIN_CAUSES = frozenset({Cause.ADMIN_POLICY, Cause.ADMIN_CONSENT})
"""Causes that the tenant's admin mends, not the mailbox's owner."""


class Kind(StrEnum):
    """Whose mailbox it is: one person's, or the team's."""

    PERSONAL = "personal"
    TEAM = "team"


class State(StrEnum):
    """Where a channel is in its life. Written only by ``bot.services.core.transitions``."""

    CONNECTED = "connected"
    IMPAIRED = "impaired"
    DISCONNECTED = "disconnected"
    DISABLED = "disabled"
    REMOVED = "removed"


URGENCY: Final = (State.DISCONNECTED, State.IMPAIRED, State.CONNECTED, State.DISABLED, State.REMOVED)
"""What needs somebody stands first, wherever many are listed."""


@dataclass(frozen=True, slots=True)
class InboxSpec:
    """What somebody asks for when connecting: from the form through request and ticket to the channel."""

    address: str
    """As typed, until ``Connections.begin`` has read it; then as it is stored."""
    kind: Kind = Kind.PERSONAL
    use: str = ""
    name: str = ""
    conversation_id: ConversationId | None = None
    provider: str = ""
    """The key of the provider whose sign-in it is to be; empty while nobody has chosen or found out."""
    is_shared: bool = False
    """A shared mailbox, to be opened with the account of whoever signs in."""


NOTHING_TYPED: Final = InboxSpec("")


class AboutInbox:
    """Mixed into what carries an ``InboxSpec``: what everybody asks of it is read without the way there."""

    __slots__ = ()
    inbox: InboxSpec

    @property
    def address(self) -> str:
        return self.inbox.address

    @property
    def kind(self) -> Kind:
        return self.inbox.kind

    @property
    def provider(self) -> str:
        return self.inbox.provider

    @property
    def is_shared(self) -> bool:
        return self.inbox.is_shared


@dataclass(frozen=True, slots=True)
class Channel:
    """One address in one workspace. Outlives its grants; keeps id, settings and history."""

    id: ChannelId
    workspace_id: WorkspaceId
    address: str
    kind: Kind
    owner_id: UserId | None
    """Whose inbox it is; ``None`` for a team channel."""
    connected_by: UserId
    provider: str
    identity: MailboxIdentity
    state: State
    cause: Cause
    since: datetime
    """When the present state began."""
    created_at: datetime
    grant_id: GrantId | None = None
    use: str = ""
    """What depends on it, in the connector's words; empty if unsaid."""
    name: str = ""
    conversation_id: ConversationId | None = None
    version: int = 0
    removed_at: datetime | None = None
    via: str = ""
    """The account that opens it, where that does not own the address: a super admin confirmed that it
    receives the mail."""
    said: str = ""
    """What its host answers, in its own words (short and inert), while that is all that is known of the
    trouble."""

    worked_since: datetime | None = None
    """Since when it had been connected before the present trouble, or before one that was nothing."""

    @property
    def shown_since(self) -> datetime:
        """Since when it is as it is. What works as if nothing had been has worked all the while."""
        return self.worked_since or self.since if self.state is State.CONNECTED else self.since

    @property
    def account(self) -> str:
        """As whom to sign in."""
        return self.via or self.address

    @property
    def is_personal(self) -> bool:
        return self.kind is Kind.PERSONAL

    @property
    def is_in_order(self) -> bool:
        """Nothing is wrong with it: it works, or a person has turned it off and can turn it on again."""
        return self.state is State.CONNECTED or (self.state is State.DISABLED and not self.needs_reconnect)

    @property
    def needs_reconnect(self) -> bool:
        """A person has to sign in again before this channel can work."""
        refused = self.cause in REFUSED_CAUSES
        return self.state is State.DISCONNECTED or (self.state is State.DISABLED and refused)


def described(channel: Channel, typed: InboxSpec) -> Channel:
    """The channel with what somebody has typed anew: what they left empty stays as it was."""
    use = typed.use or channel.use
    if channel.is_personal:
        return replace(channel, use=use)
    told = typed.conversation_id or channel.conversation_id
    return replace(channel, use=use, name=typed.name or channel.name, conversation_id=told)


HISTORY_LASTS: Final = timedelta(days=400)
RESTORABLE_FOR: Final = timedelta(days=30)
"""After its removal."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a channel's history. ``actor`` is ``None`` where the system did it."""

    workspace_id: WorkspaceId
    channel_id: ChannelId
    at: datetime
    what: str
    """A signal, an effect or a decision, by its code name."""
    actor: UserId | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """Small facts by name: states before and after, cause, provider's code. Never a secret."""
