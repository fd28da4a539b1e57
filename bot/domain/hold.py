"""Holds: a mass refusal that is nobody's own fault until it has lasted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.ids import HoldId, WorkspaceId

RIPE_AFTER_WITNESSES: Final = 30
"""A hold is ripe after 30 times the second witness's pause: 15 min at the ordinary 30 s."""
CANARY_AFTER_WITNESSES: Final = 2
"""One look a minute, over all mailboxes that are held."""


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

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


def ripe_at(hold: Hold, witness: timedelta) -> datetime:
    """When waiting has lasted long enough: from then on people may reconnect."""
    return hold.opened_at + witness * RIPE_AFTER_WITNESSES


def settles_for(witness: timedelta) -> timedelta:
    """How long after an outage's first mailboxes work again the others may still follow: as long as a hold
    takes to ripen. Until then those that recovered say nothing about those that did not."""
    return witness * RIPE_AFTER_WITNESSES


def canary_pause(witness: timedelta, held: int) -> timedelta:
    """Each held mailbox waits its turn, so that all of them together are looked at once a minute."""
    return witness * CANARY_AFTER_WITNESSES * max(held, 1)
