"""Requests: a wish that waits for somebody who may grant it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.access import Deed
from bot.domain.channel import Kind
from bot.domain.ids import ChannelId, ConversationId, RequestId, UserId, WorkspaceId

APPROVAL_LASTS: Final = timedelta(hours=72)
GOES_ON: Final = frozenset({Deed.CONNECT, Deed.SWITCH})
"""Wishes that whoever made them goes on with in a browser, once they are granted."""


class RequestState(StrEnum):
    """Where a request stands. Everything but *waiting* is final."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    DONE = "done"
    """Approved, and done by now."""
    CANCELLED = "cancelled"
    """By whoever made it, or because what it was about has gone."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wished for: everything that is needed to do it later."""

    deed: Deed
    address: str
    kind: Kind
    channel_id: ChannelId | None = None
    """The channel it is about; ``None`` for a new one."""
    use: str = ""
    name: str = ""
    conversation_id: ConversationId | None = None
    provider: str = ""
    """Whose sign-in it will be; empty where it was not chosen yet."""
    is_shared: bool = False
    """A shared mailbox, to be opened with somebody's own account."""


@dataclass(frozen=True, slots=True)
class Request:
    """One wish of one person. The first answer wins."""

    id: RequestId
    workspace_id: WorkspaceId
    requester: UserId
    wish: Wish
    reason: str
    """In the requester's own words; may be empty."""
    state: RequestState
    created_at: datetime
    expires_at: datetime
    answered_by: UserId | None = None
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is RequestState.WAITING
