"""What one complete look at a portal comes to: two looks must agree, and many at once are one thing.

Pure: ``bot.services.monitoring.hubspot`` reads, asks here, and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

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
from bot.domain.hubspot_lifecycle import needs_second_look
from bot.domain.ids import ChannelId
from bot.domain.provider_outage import ProviderOutage, Struck, settles_for

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
    """Those that worked until now. A whole inbox that was archived is somebody's deed."""
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
