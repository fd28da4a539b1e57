"""What programs are told of a team address: which steps of its life are news to them.

The one rule: news is what a program would do something about. That an inbox is in doubt is none: nobody need
act, and most doubts end by themselves. Only one that programs know as disconnected is told to be in doubt
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.channel import Cause, Channel, State
from bot.domain.ids import ChannelId, WorkspaceId


class EventType(StrEnum):
    """Names of Standard Webhooks' form. Programs depend on them."""

    CONNECTED = "channel.connected"
    DISCONNECTED = "channel.disconnected"
    IMPAIRED = "channel.impaired"
    """What was told to be disconnected may turn out not to be: keep what works."""
    RECOVERED = "channel.recovered"
    DISABLED = "channel.disabled"
    ENABLED = "channel.enabled"
    REMOVED = "channel.removed"
    SWITCHED = "channel.switched"
    """It is at another provider now."""
    GRANT_REPLACED = "channel.grant_replaced"
    """It goes on; tokens that are kept should be thrown away."""


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One piece of news. ``version`` grows with each of a channel: an older one says nothing any more."""

    name: str
    """The same at each attempt: by it a program knows what it has had."""
    workspace_id: WorkspaceId
    channel_id: ChannelId
    type: EventType
    at: datetime
    provider: str
    state: State
    cause: Cause
    since: datetime
    version: int
    number: int = 0
    """In the order in which they were written; zero while it is not."""
    position: int | None = None
    """In the order in which they became known: what was read once, nothing is put before."""


def news_of(before: Channel, after: Channel, *, told: State | None) -> EventType | None:
    """What a step says to programs; ``None`` if nothing. ``told`` is the state they heard of last."""
    if after.state is State.REMOVED:
        return EventType.REMOVED if before.state is not State.REMOVED else None
    if before.grant_id is None:
        return EventType.CONNECTED
    if before.kind is not after.kind:  # programs have not heard of it yet
        return _PRESENT.get(after.state, EventType.CONNECTED)
    if after.identity.family != before.identity.family:
        return EventType.SWITCHED
    return _of_states(before, after, told) or _of_grants(before, after)


def _of_states(before: Channel, after: Channel, told: State | None) -> EventType | None:
    if State.DISABLED in (before.state, after.state):
        return _SWITCHED_OFF_OR_ON.get((before.state is State.DISABLED, after.state is State.DISABLED))
    if (before.state, after.state) == (State.IMPAIRED, State.CONNECTED):
        return EventType.RECOVERED if told not in (None, State.CONNECTED) else None
    return _BETWEEN.get((before.state, after.state))


_SWITCHED_OFF_OR_ON: Final = {(False, True): EventType.DISABLED, (True, False): EventType.ENABLED}
"""Whether it was disabled, and whether it is."""
_BETWEEN: Final = {
    (State.CONNECTED, State.DISCONNECTED): EventType.DISCONNECTED,
    (State.IMPAIRED, State.DISCONNECTED): EventType.DISCONNECTED,
    (State.DISCONNECTED, State.IMPAIRED): EventType.IMPAIRED,
    (State.DISCONNECTED, State.CONNECTED): EventType.RECOVERED,
}


_PRESENT: Final = {State.DISCONNECTED: EventType.DISCONNECTED, State.DISABLED: EventType.DISABLED}


def _of_grants(before: Channel, after: Channel) -> EventType | None:
    return EventType.GRANT_REPLACED if after.grant_id != before.grant_id else None
