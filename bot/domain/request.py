"""Requests: a change that waits for somebody who may grant it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.access import Operation
from bot.domain.address import same_address
from bot.domain.channel import AboutInbox, InboxSpec
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, RequestId, UserId, WorkspaceId

APPROVAL_LASTS: Final = timedelta(hours=72)
GOES_ON: Final = frozenset({Operation.CONNECT, Operation.RECONNECT, Operation.SWITCH})
"""Requests that whoever made them goes on with in a browser, once they are granted."""
UNDO_LASTS: Final = timedelta(minutes=1)
"""How long a no can be taken back."""
CONSENT_LASTS: Final = timedelta(days=14)
"""Admins of whole organisations take longer than one's own."""


class Awaits(StrEnum):
    """Who has to say yes."""

    ADMINS = "admins"
    """Somebody here in Slack who may grant it."""
    TENANT = "tenant"
    """The admin of the organisation at the provider, who is not here."""


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
    REPLACED = "replaced"
    """By a newer one of the same person, about the same address."""


@dataclass(frozen=True, slots=True)
class RequestedChange(AboutInbox):
    """What is asked for: everything that is needed to do it later."""

    operation: Operation
    inbox: InboxSpec
    channel_id: ChannelId | None = None
    """The channel it is about; ``None`` for a new one."""

    def is_covered_by(self, approved: RequestedChange) -> bool:
        """Whether saying yes to ``approved`` said yes to this, too: all is the same but who hosts it, and
        how, unless it is just that which was asked."""
        same = replace(approved.inbox, address=self.address)
        if self.operation is not Operation.SWITCH:
            same = replace(same, provider=self.provider, is_shared=self.is_shared)
        return same_address(self.address, approved.address) and self == replace(approved, inbox=same)


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one person. The first answer wins."""

    id: RequestId
    workspace_id: WorkspaceId
    requester: UserId
    requested_change: RequestedChange
    reason: str
    """In the requester's own words; may be empty."""
    state: RequestState
    created_at: datetime
    expires_at: datetime
    answered_by: UserId | None = None
    answered_at: datetime | None = None
    answer_reason: str = ""
    """Why not, in the words of whoever declined; may be empty."""
    awaits: Awaits = Awaits.ADMINS
    secret: Secret | None = field(repr=False, default=None)
    """For ``TENANT``: comes back from the provider when its admin has decided. It says so and no more."""
    tenant: str = ""
    """The organisation at the provider, where it is known."""
    follows: RequestId | None = None
    """The approved request whose sign-in found that the organisation must agree, too."""

    @property
    def is_open(self) -> bool:
        return self.state is RequestState.WAITING

    @property
    def was_answered(self) -> bool:
        """Whether somebody answered before its time was over."""
        return self.answered_at is not None and self.answered_at < self.expires_at

    def may_take_back(self, who: UserId, now: datetime) -> bool:
        """Whether this person's no is so young that it can still become an open question again."""
        is_theirs = self.state is RequestState.DECLINED and self.answered_by == who
        is_young = self.answered_at is not None and now < self.answered_at + UNDO_LASTS
        return is_theirs and is_young and now < self.expires_at

    @property
    def may_go_on(self) -> bool:
        """Whether its requester can sign in. An organisation's yes is found out by trying: its admin may
        have said it somewhere else."""
        if self.awaits is Awaits.TENANT and self.is_open:
            return True
        return self.state is RequestState.APPROVED
