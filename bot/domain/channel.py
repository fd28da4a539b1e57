"""The channel: an e-mail address under management, and what a person sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.cause import REFUSED_CAUSES, Cause
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import ChannelId, ConversationId, GrantId, UserId, WorkspaceId


class Kind(StrEnum):
    """Whose mailbox it is: one person's, or the team's."""

    PERSONAL = "personal"
    TEAM = "team"


class State(StrEnum):
    """Where a channel is in its life. Written only by ``bot.services.steps``."""

    CONNECTED = "connected"
    IMPAIRED = "impaired"
    DISCONNECTED = "disconnected"
    DISABLED = "disabled"
    REMOVED = "removed"


URGENCY: Final = (State.DISCONNECTED, State.IMPAIRED, State.CONNECTED, State.DISABLED, State.REMOVED)
"""What needs somebody stands first, wherever many are listed."""


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
    def needs_reconnect(self) -> bool:
        """A person has to sign in again before this channel can work."""
        refused = self.cause in REFUSED_CAUSES
        return self.state is State.DISCONNECTED or (self.state is State.DISABLED and refused)
