"""Holds: a mass refusal that is nobody's own fault until it has lasted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.ids import HoldId, WorkspaceId

RIPE_AFTER_WITNESSES: Final = 30
"""A hold is ripe after 30 times the second witness's pause: 15 min at the ordinary 30 s."""
NO_OUTAGE_AFTER_WITNESSES: Final = 240
"""Two hours. The outage of 1 March 2025 lasted for 65 minutes."""
CANARY_AFTER_WITNESSES: Final = 2
"""One look a minute, over all mailboxes that are held."""
NEWS_AFTER_WITNESSES: Final = 1
"""How many mailboxes are held is shown again after 30 s, however many joined by then."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A provider (or one tenant at it) refuses many mailboxes of a workspace at once."""

    id: HoldId
    workspace_id: WorkspaceId
    provider: str
    tenant: str
    """The organisation at the provider if only its mailboxes are refused; empty for everybody."""
    opened_at: datetime
    ended_at: datetime | None = None
    was_false_alarm: bool = False
    """The provider took old grants again: for those nothing had to be done. True from the first one on."""
    recovered_at: datetime | None = None
    """When the last of its mailboxes came back, or another one joined it after the first had come back."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


def ripe_at(hold: Hold, witness: timedelta) -> datetime:
    """When waiting has lasted long enough: from then on people may reconnect."""
    return hold.opened_at + witness * RIPE_AFTER_WITNESSES


def settles_for(witness: timedelta) -> timedelta:
    """How long after an outage's mailboxes work again others may still follow: as long as a hold takes to
    ripen. Until then those that are served say nothing about those that are not."""
    return witness * RIPE_AFTER_WITNESSES


def is_settled(hold: Hold, *, now: datetime, witness: timedelta) -> bool:
    """Whether the outage is over, and long enough for whoever is still refused to be refused for a reason of
    their own. Mailboxes that it never struck prove nothing: they were served when it began. Only what has
    lasted for very long is no outage, if others are served."""
    is_over = hold.recovered_at is not None and now - hold.recovered_at >= settles_for(witness)
    return is_over or now - hold.opened_at >= witness * NO_OUTAGE_AFTER_WITNESSES


def is_held(channel: Channel) -> bool:
    """Whether it waits in a hold. One that was disabled meanwhile keeps the cause, and waits no more."""
    return channel.state is State.IMPAIRED and channel.cause is Cause.HELD


def canary_pause(witness: timedelta) -> timedelta:
    """From one mailbox's turn to the next one's."""
    return witness * CANARY_AFTER_WITNESSES


def news_pause(witness: timedelta) -> timedelta:
    """How long the message may lag behind the number of mailboxes that are held."""
    return witness * NEWS_AFTER_WITNESSES


def next_turn(last_turn: datetime | None, now: datetime, *, witness: timedelta, least: timedelta) -> datetime:
    """When a held mailbox is looked at again: at the end of the line, whose ``last_turn`` is taken, and not
    before its host bears it. So one of them is looked at once a minute, however they came to be held."""
    end = now if last_turn is None else max(last_turn, now)
    return max(end + canary_pause(witness), now + least)
