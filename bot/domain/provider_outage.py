"""Holds: a mass refusal that is nobody's own fault until it has lasted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from bot.domain.channel import Cause, Channel, State
from bot.domain.ids import ChannelId, ProviderOutageId, UserId, WorkspaceId

RECONNECT_AFTER_WITNESSES: Final = 30
"""A hold is ripe after 30 times the second witness's pause: 15 min at the ordinary 30 s."""
ACCIDENTS_OF_MANY: Final = 10
"""Of as many that were struck together, one may die by accident meanwhile."""
BEGINS_WITHIN_WITNESSES: Final = 4
"""Two minutes: by then every team address was looked at once. Who joins later may have died by itself."""
CANARY_AFTER_WITNESSES: Final = 2
"""One look a minute, over all mailboxes that are held."""
NEWS_AFTER_WITNESSES: Final = 1
"""How many mailboxes are held is shown again after 30 s, however many joined by then."""


@dataclass(frozen=True, slots=True)
class ProviderOutage:
    """A provider (or one tenant at it) refuses many mailboxes of a workspace at once."""

    id: ProviderOutageId
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
    revision: int = 0
    """How often its messages were to be drawn anew: between two of these they all say the same."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


def reconnect_offered_at(provider_outage: ProviderOutage, witness: timedelta) -> datetime:
    """When waiting has lasted long enough: from then on people may reconnect."""
    return provider_outage.opened_at + witness * RECONNECT_AFTER_WITNESSES


class Advice(Enum):
    """What people should do about a mailbox that is held: the same wherever they ask."""

    WAIT = "wait"
    RECONNECT = "reconnect"
    """It has lasted too long to just wait."""
    ASK_ADMIN = "ask_admin"
    """Of their organisation: only its mailboxes are refused."""
    ASK_ADMIN_THEN_RECONNECT = "ask_admin_then_reconnect"

    @property
    def may_reconnect(self) -> bool:
        return self in {Advice.RECONNECT, Advice.ASK_ADMIN_THEN_RECONNECT}


def advice(provider_outage: ProviderOutage, *, now: datetime, witness: timedelta) -> Advice:
    """What is the best that people can do."""
    is_reconnect_offered = reconnect_offered_at(provider_outage, witness) <= now
    if provider_outage.tenant:
        return Advice.ASK_ADMIN_THEN_RECONNECT if is_reconnect_offered else Advice.ASK_ADMIN
    return Advice.RECONNECT if is_reconnect_offered else Advice.WAIT


def settles_for(witness: timedelta) -> timedelta:
    """How long after an outage's mailboxes work again others may still follow: as long as a hold takes to
    ripen. Until then those that are served say nothing about those that are not."""
    return witness * RECONNECT_AFTER_WITNESSES


class Fate(Enum):
    """What one more refusal means to a mailbox that is held."""

    WAITS = "waits"
    """Nothing: it may be the outage."""
    ALONE = "alone"
    """The outage is over, and few are left: each is judged as if there had been none."""
    PROVEN = "proven"
    """It has to be reconnected, as others had to be that were refused together with it."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """Somebody reconnected a mailbox of a hold whose old grant was refused at that very moment."""

    channel_id: ChannelId
    joined_at: datetime
    """When it was found to be part of the hold."""
    at: datetime
    by: UserId | None
    served_at: datetime | None
    """When it was last looked at and served; ``None`` if it does not work just now."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The reconnect for which others of a hold were called disconnected."""

    at: datetime
    by: UserId | None
    address: str
    """Which one that was, if it is the team's."""


@dataclass(frozen=True, slots=True)
class Struck:
    """How many a hold has ever held, and how many of them it still does."""

    ever: int
    still: int

    @property
    def is_small_rest(self) -> bool:
        """Whether those left may be accidents that happened meanwhile; more of them are the outage itself."""
        return self.still <= accidents(self.ever)


@dataclass(frozen=True, slots=True)
class OutageTally:
    """All that is known of a hold when one of its mailboxes is refused again."""

    everybody: Struck
    own: Struck
    """The same, of that mailbox's organisation; private accounts are one of their own."""
    joined_at: datetime
    """When that mailbox was last found to be part of it."""
    back_at: datetime | None = None
    """When the last one of its organisation was served with its old grant."""
    renewals: tuple[Renewal, ...] = ()
    """Of its organisation."""


def accidents(struck: int) -> int:
    """How many of so many may be dead for reasons of their own. More than that have one cause in common."""
    return max(1, struck // ACCIDENTS_OF_MANY)


def is_mass(others: int, served: int) -> bool:
    """Whether so many refused at the same time beside one are too many for accidents, of all that are looked
    at. Whoever asks only a few might meet just those that the outage does not strike."""
    return others >= 2 and others + 1 > accidents(served)


def vouching(others: int) -> int:
    """So many that are served, and so many refused at the same time beside one are accidents, however many
    more are served."""
    return ACCIDENTS_OF_MANY * (others + 1)


def fate(provider_outage: ProviderOutage, tally: OutageTally, *, now: datetime, witness: timedelta) -> Fate:
    """What one more refusal means to a mailbox that ``provider_outage`` holds. Time alone proves nothing, and
    nor do mailboxes that were never struck: they were served when it began.

    The outage is over for a small rest of those it struck once nobody has come back, or joined, for a while.
    A large rest is the outage itself, which goes on for these. That they must be reconnected, only
    reconnecting shows: see ``proofs``. One of those that the hold began with is enough; others, which may
    have died by themselves meanwhile, must be more than accidents."""
    shown = proofs(tally, witness=witness)
    first_ones = (
        it.joined_at - provider_outage.opened_at <= witness * BEGINS_WITHIN_WITNESSES for it in shown
    )
    if any(first_ones) or len(shown) > accidents(tally.own.ever):
        return Fate.PROVEN
    is_over = provider_outage.recovered_at is not None and now - provider_outage.recovered_at >= settles_for(
        witness
    )
    is_small = tally.everybody.is_small_rest and tally.own.is_small_rest
    return Fate.ALONE if is_over and is_small else Fate.WAITS


def proofs(tally: OutageTally, *, witness: timedelta) -> tuple[Renewal, ...]:
    """The reconnects that show what one mailbox needs: of its organisation, later than it was struck itself,
    and served ever since, for a while. None is left once another one's old grant was taken again: then a
    reconnect showed no more than that the outage ended."""
    return tuple(
        it
        for it in tally.renewals
        if it.at > tally.joined_at
        and (tally.back_at is None or tally.back_at < it.at)
        and it.served_at is not None
        and it.served_at - it.at >= settles_for(witness)
    )


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
