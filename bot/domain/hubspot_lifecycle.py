"""The one table of what may happen to a HubSpot channel, and ``advance``, its only reader.

Like ``bot.domain.lifecycle``: every pair of state and signal is decided. Two looks must agree on a loss
before its signal is given, and many at once are one thing: both is judged here of one complete look at a
portal. Pure: ``bot.services.monitoring.hubspot`` reads, asks here, and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.hubspot import (
    LATELY,
    LOSSES,
    AccountRecord,
    HubSpotChannel,
    HubSpotSignal,
    HubSpotState,
    Judgement,
    Sight,
    is_mass_loss,
    refreshed,
)
from bot.domain.ids import ChannelId
from bot.domain.lifecycle import STAY, Verdict
from bot.domain.provider_outage import ProviderOutage, Struck, settles_for


class HubSpotEffect(StrEnum):
    """What must follow a step, in the same transaction."""

    OPEN_INCIDENT = "open_incident"
    """Tell the right people that HubSpot lost the mailbox."""
    RESOLVE_INCIDENT = "resolve_incident"
    RECALL_INCIDENT = "recall_incident"
    """What was told turned out to be part of a mass loss."""
    ANNOUNCE = "announce"
    """Say once what somebody most likely did on purpose."""
    REVISE_ANNOUNCEMENT = "revise_announcement"
    """What was said of it is edited to what is true now."""


@dataclass(frozen=True, slots=True)
class HubSpotStep:
    """Go to a state and let effects follow."""

    to: HubSpotState
    effects: tuple[HubSpotEffect, ...] = ()


_S = HubSpotState
_G = HubSpotSignal
_E = HubSpotEffect

_LOST = HubSpotStep(_S.DISCONNECTED, (_E.OPEN_INCIDENT,))
_LOST_AFTER_NEWS = HubSpotStep(_S.DISCONNECTED, (_E.REVISE_ANNOUNCEMENT, _E.OPEN_INCIDENT))
_LEFT_OUTAGE = (_E.RESOLVE_INCIDENT, _E.ANNOUNCE)

HUBSPOT_TRANSITIONS: Final[dict[tuple[HubSpotState, HubSpotSignal], HubSpotStep | Verdict]] = {
    # --- connected
    (_S.CONNECTED, _G.CONNECTED): STAY,
    (_S.CONNECTED, _G.UNAUTHORIZED): _LOST,
    (_S.CONNECTED, _G.INACTIVE): HubSpotStep(_S.SWITCHED_OFF, (_E.ANNOUNCE,)),
    # Both at once is nobody's switch: HubSpot itself may turn off what it can no longer open.
    (_S.CONNECTED, _G.INACTIVE_UNAUTHORIZED): _LOST,
    (_S.CONNECTED, _G.ABSENT): HubSpotStep(_S.GONE, (_E.ANNOUNCE,)),
    (_S.CONNECTED, _G.INBOX_ARCHIVED): HubSpotStep(_S.GONE, (_E.ANNOUNCE,)),
    (_S.CONNECTED, _G.LOST_WITH_OTHERS): HubSpotStep(_S.HELD),
    (_S.CONNECTED, _G.UNWATCHED): HubSpotStep(_S.GONE),
    # --- held: told with many others in one message; what is left over is judged by itself
    (_S.HELD, _G.CONNECTED): HubSpotStep(_S.CONNECTED, (_E.RESOLVE_INCIDENT, _E.REVISE_ANNOUNCEMENT)),
    (_S.HELD, _G.UNAUTHORIZED): _LOST,
    (_S.HELD, _G.INACTIVE): HubSpotStep(_S.SWITCHED_OFF, _LEFT_OUTAGE),
    (_S.HELD, _G.INACTIVE_UNAUTHORIZED): _LOST,
    (_S.HELD, _G.ABSENT): HubSpotStep(_S.GONE, _LEFT_OUTAGE),
    (_S.HELD, _G.INBOX_ARCHIVED): HubSpotStep(_S.GONE, _LEFT_OUTAGE),
    (_S.HELD, _G.LOST_WITH_OTHERS): STAY,
    (_S.HELD, _G.UNWATCHED): HubSpotStep(_S.GONE, (_E.RESOLVE_INCIDENT,)),
    # --- disconnected
    (_S.DISCONNECTED, _G.CONNECTED): HubSpotStep(_S.CONNECTED, (_E.RESOLVE_INCIDENT,)),
    (_S.DISCONNECTED, _G.UNAUTHORIZED): STAY,
    (_S.DISCONNECTED, _G.INACTIVE): HubSpotStep(_S.SWITCHED_OFF, _LEFT_OUTAGE),
    (_S.DISCONNECTED, _G.INACTIVE_UNAUTHORIZED): STAY,
    # An edit notifies nobody, and who was asked to reconnect must know that there is nothing left to.
    (_S.DISCONNECTED, _G.ABSENT): HubSpotStep(_S.GONE, _LEFT_OUTAGE),
    (_S.DISCONNECTED, _G.INBOX_ARCHIVED): HubSpotStep(_S.GONE, _LEFT_OUTAGE),
    (_S.DISCONNECTED, _G.LOST_WITH_OTHERS): HubSpotStep(_S.HELD, (_E.RECALL_INCIDENT,)),
    (_S.DISCONNECTED, _G.UNWATCHED): HubSpotStep(_S.GONE, (_E.RESOLVE_INCIDENT,)),
    # --- switched off: by a person; nobody is paged for what becomes of its permission
    (_S.SWITCHED_OFF, _G.CONNECTED): HubSpotStep(_S.CONNECTED, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.SWITCHED_OFF, _G.UNAUTHORIZED): _LOST_AFTER_NEWS,
    (_S.SWITCHED_OFF, _G.INACTIVE): STAY,
    (_S.SWITCHED_OFF, _G.INACTIVE_UNAUTHORIZED): STAY,
    (_S.SWITCHED_OFF, _G.ABSENT): HubSpotStep(_S.GONE, (_E.REVISE_ANNOUNCEMENT, _E.ANNOUNCE)),
    (_S.SWITCHED_OFF, _G.INBOX_ARCHIVED): HubSpotStep(_S.GONE, (_E.REVISE_ANNOUNCEMENT, _E.ANNOUNCE)),
    (_S.SWITCHED_OFF, _G.LOST_WITH_OTHERS): HubSpotStep(_S.HELD, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.SWITCHED_OFF, _G.UNWATCHED): HubSpotStep(_S.GONE),
    # --- gone: the same address back, under whatever id, is the same channel
    (_S.GONE, _G.CONNECTED): HubSpotStep(_S.CONNECTED, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.GONE, _G.UNAUTHORIZED): _LOST_AFTER_NEWS,
    (_S.GONE, _G.INACTIVE): HubSpotStep(_S.SWITCHED_OFF, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.GONE, _G.INACTIVE_UNAUTHORIZED): HubSpotStep(_S.SWITCHED_OFF, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.GONE, _G.ABSENT): STAY,
    (_S.GONE, _G.INBOX_ARCHIVED): STAY,
    (_S.GONE, _G.LOST_WITH_OTHERS): HubSpotStep(_S.HELD, (_E.REVISE_ANNOUNCEMENT,)),
    (_S.GONE, _G.UNWATCHED): STAY,
}


def advance(
    channel: HubSpotChannel, signal: HubSpotSignal, *, now: datetime, looked_before: datetime | None
) -> tuple[HubSpotChannel, tuple[HubSpotEffect, ...]]:
    """What becomes of ``channel`` when a look at ``now`` shows ``signal``, and what must follow.

    ``looked_before`` is the complete look before this one. A loss began between the looks that first showed
    it, not between those that made it certain. The same channel, with no effects, where nothing changes.
    """
    step = HUBSPOT_TRANSITIONS[channel.state, signal]
    settled = replace(channel, suspect_at=None, suspect_after=None)
    if not isinstance(step, HubSpotStep):
        return settled, ()
    # What is held was lost before: whether alone or with others is but another judgement on the same loss.
    goes_on = (channel.state is HubSpotState.HELD and step.to is not HubSpotState.CONNECTED) or (
        step.to is HubSpotState.HELD and channel.state is not HubSpotState.CONNECTED
    )
    since = channel.since if goes_on else channel.suspect_at or now
    not_before = channel.not_before if goes_on else channel.suspect_after or looked_before
    return replace(settled, state=step.to, since=since, not_before=not_before), step.effects


def needs_second_look(channel: HubSpotChannel, signal: HubSpotSignal) -> bool:
    """Whether another look must agree first: with anything but that it works, or that nothing is new."""
    if signal is HubSpotSignal.CONNECTED or HUBSPOT_TRANSITIONS[channel.state, signal] is STAY:
        return False
    return channel.suspect_at is None


Told = tuple[HubSpotChannel, HubSpotSignal]


def judged(
    known: Sequence[HubSpotChannel],
    sight: Sight,
    *,
    now: datetime,
    looked_before: datetime | None,
    is_outage: bool,
) -> Judgement:
    """What each channel is to be told. ``is_outage``: a mass loss is open, which further ones join."""
    steps: list[Told] = []
    waiting: list[HubSpotChannel] = []
    records = _records(known, sight)
    for one in known:
        record = records.get(one.id)
        channel, signal = refreshed(one, record), sight.signal_of(one, record)
        if channel.state is HubSpotState.HELD and signal is not HubSpotSignal.CONNECTED:
            waiting.append(channel)
        elif needs_second_look(channel, signal):
            waiting.append(replace(channel, suspect_at=now, suspect_after=looked_before))
        else:
            steps.append((channel, signal))
    lost, lately = _lost(steps), _lately(steps, now)
    standing = [it for it in known if it.is_watched and it.state in _STANDING]
    is_mass = bool(lost) and (is_outage or is_mass_loss(len(lost) + len(lately), len(standing) + len(lately)))
    taken = {it.id for it in (*lost, *lately)} if is_mass else set()
    told = [
        (channel, HubSpotSignal.LOST_WITH_OTHERS if channel.id in taken else signal)
        for channel, signal in steps
    ]
    found = {it.id for it in records.values()}
    fresh = tuple(it for it in sight.accounts.values() if it.id not in found)
    return Judgement(tuple(told), tuple(waiting), fresh, is_mass)


def _records(known: Iterable[HubSpotChannel], sight: Sight) -> dict[ChannelId, AccountRecord]:
    """Each channel's record. One belongs to one channel, and rather to one that is there than to one that was
    gone under the same address."""
    records: dict[ChannelId, AccountRecord] = {}
    taken = set[str]()
    for one in sorted(known, key=lambda it: it.state is HubSpotState.GONE):
        record = sight.record_of(one)
        if record is not None and record.id not in taken:
            records[one.id] = record
            taken.add(record.id)
    return records


_STANDING = frozenset({HubSpotState.CONNECTED, HubSpotState.HELD})


def _lost(steps: Iterable[Told]) -> list[HubSpotChannel]:
    """Those that worked until now. A whole inbox that was archived is somebody's doing."""
    return [
        channel
        for channel, signal in steps
        if channel.state is HubSpotState.CONNECTED and signal in LOSSES and channel.is_watched
    ]


def _lately(steps: Iterable[Told], now: datetime) -> list[HubSpotChannel]:
    """Those that were lost just before, and still are: most likely the beginning of the same."""
    return [
        channel
        for channel, signal in steps
        if channel.state not in _STANDING
        and signal in LOSSES
        and channel.is_watched
        and channel.not_before is not None
        and now - channel.since <= LATELY
    ]


def are_left_over(outage: ProviderOutage, struck: Struck, *, now: datetime, witness: timedelta) -> bool:
    """Whether those that a mass loss still holds are judged by themselves from now on: others came back a
    while ago, and these are so few that they may be accidents. A large rest is the outage itself."""
    came_back = outage.recovered_at is not None and now - outage.recovered_at >= settles_for(witness)
    return came_back and struck.is_small_rest
