"""The one table of what may happen to a HubSpot channel, and ``advance``, its only reader.

Like ``bot.domain.lifecycle``: every pair of state and signal is decided. Two looks must agree on a loss
before its signal is given; that, and whether it is one of many, is judged before
(``bot.services.monitoring.hubspot``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.hubspot import HubSpotChannel, HubSpotSignal, HubSpotState
from bot.domain.lifecycle import STAY, Verdict


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
