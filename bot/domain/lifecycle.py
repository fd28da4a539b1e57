"""The one table of what may happen to a channel, and ``advance``, its only reader.

A *signal* is what we were asked or learned; an *effect* is what must follow. Every pair of state and
signal is decided: a ``Step``, ``STAY`` (known and harmless: no write, nobody told) or ``REFUSE`` (a
request that makes no sense). Nothing here does anything; ``bot.services.core.transitions`` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from bot.domain.channel import DOUBT_CAUSES, EXCUSED_CAUSES, Cause, Channel, State
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import GrantId


class Signal(StrEnum):
    """What we were asked or learned."""

    CONNECT_PROVEN = "connect_proven"
    RECONNECT_PROVEN = "reconnect_proven"
    SWITCH_PROVEN = "switch_proven"
    RESTORE_PROVEN = "restore_proven"
    DISABLE_ASKED = "disable_asked"
    ENABLE_ASKED = "enable_asked"
    REMOVE_ASKED = "remove_asked"
    PROBE_PASSED = "probe_passed"
    REFUSED = "refused"
    REFUSED_AGAIN = "refused_again"
    UNREACHABLE = "unreachable"
    OURS_BROKEN = "ours_broken"
    HELD = "held"
    TOO_OLD = "too_old"
    OWNER_GONE = "owner_gone"
    WORKSPACE_GONE = "workspace_gone"


class Effect(StrEnum):
    """What must follow a step, done durably after it in the order given."""

    PROBE_NOW = "probe_now"
    SUPERSEDE_GRANT = "supersede_grant"
    """The same mailbox has a newer grant: drop the old one here, never revoke it."""
    RETIRE_GRANT = "retire_grant"
    """Give the grant back at the provider, as rule 9 allows, and report both sides."""
    ERASE_GRANT = "erase_grant"
    """Forget the secret without asking the provider: nobody asked us to revoke."""
    VOID_ASKS = "void_asks"
    """Tickets, links and requests of this channel end."""
    CLOSE_OLD_WAYS = "close_old_ways"
    """Tickets that lead back to the former provider end, and requests to switch that others still have."""
    SETTLE_RECONNECTS = "settle_reconnects"
    """It works: whoever still asked to reconnect it has what they asked for."""
    OPEN_INCIDENT = "open_incident"
    """Tell the right people that it stopped working."""
    OPEN_UNVERIFIABLE = "open_unverifiable"
    """Tell the right people that it could not be checked for an hour."""
    RESOLVE_INCIDENT = "resolve_incident"
    """Edit what was told to what is true now. Nothing happens where nothing was told."""
    RECALL_INCIDENT = "recall_incident"
    """What was told turned out to be part of a mass failure."""
    ANNOUNCE = "announce"
    """Say once what a person did on purpose."""
    TELL_OPERATOR = "tell_operator"
    ASK_ABOUT_OWNER = "ask_about_owner"


@dataclass(frozen=True, slots=True)
class Step:
    """Go to a state and let effects follow."""

    to: State
    effects: tuple[Effect, ...] = ()


class Verdict(Enum):
    """The two cells that are no step."""

    STAY = "stay"
    REFUSE = "refuse"


STAY: Final = Verdict.STAY
REFUSE: Final = Verdict.REFUSE

_S = State
_G = Signal
_E = Effect

_REMOVE = Step(_S.REMOVED, (_E.VOID_ASKS, _E.RESOLVE_INCIDENT, _E.RETIRE_GRANT, _E.ANNOUNCE))
_SWITCH = (_E.CLOSE_OLD_WAYS, _E.RETIRE_GRANT, _E.RESOLVE_INCIDENT, _E.ANNOUNCE)
_MENDED = (_E.SUPERSEDE_GRANT, _E.SETTLE_RECONNECTS)
_HEALED = Step(_S.CONNECTED, (_E.SETTLE_RECONNECTS, _E.RESOLVE_INCIDENT))
_FORGET = Step(_S.REMOVED, (_E.VOID_ASKS, _E.RESOLVE_INCIDENT, _E.ERASE_GRANT))

TRANSITIONS: Final[dict[tuple[State, Signal], Step | Verdict]] = {
    # --- connected: proven by a probe, not by a redirect
    (_S.CONNECTED, _G.CONNECT_PROVEN): REFUSE,
    (_S.CONNECTED, _G.RECONNECT_PROVEN): Step(_S.CONNECTED, _MENDED),
    (_S.CONNECTED, _G.SWITCH_PROVEN): Step(_S.CONNECTED, _SWITCH),
    (_S.CONNECTED, _G.RESTORE_PROVEN): REFUSE,
    (_S.CONNECTED, _G.DISABLE_ASKED): Step(_S.DISABLED, (_E.ANNOUNCE,)),
    (_S.CONNECTED, _G.ENABLE_ASKED): STAY,
    (_S.CONNECTED, _G.REMOVE_ASKED): _REMOVE,
    (_S.CONNECTED, _G.PROBE_PASSED): STAY,
    (_S.CONNECTED, _G.REFUSED): Step(_S.IMPAIRED),
    # The first strike was written while a reconnect was on its way: it is a first strike again.
    (_S.CONNECTED, _G.REFUSED_AGAIN): Step(_S.IMPAIRED),
    (_S.CONNECTED, _G.UNREACHABLE): Step(_S.IMPAIRED),
    (_S.CONNECTED, _G.OURS_BROKEN): Step(_S.IMPAIRED, (_E.TELL_OPERATOR,)),
    (_S.CONNECTED, _G.HELD): Step(_S.IMPAIRED),
    (_S.CONNECTED, _G.TOO_OLD): STAY,
    (_S.CONNECTED, _G.OWNER_GONE): Step(_S.CONNECTED, (_E.ASK_ABOUT_OWNER,)),
    (_S.CONNECTED, _G.WORKSPACE_GONE): _FORGET,
    # --- impaired: trouble nobody can act on yet; a new channel starts here, being checked
    (_S.IMPAIRED, _G.CONNECT_PROVEN): Step(_S.CONNECTED),
    (_S.IMPAIRED, _G.RECONNECT_PROVEN): Step(_S.CONNECTED, (*_MENDED, _E.RESOLVE_INCIDENT)),
    (_S.IMPAIRED, _G.SWITCH_PROVEN): Step(_S.CONNECTED, _SWITCH),
    (_S.IMPAIRED, _G.RESTORE_PROVEN): REFUSE,
    # The cause stays with it: enabling later starts from what was last known.
    (_S.IMPAIRED, _G.DISABLE_ASKED): Step(_S.DISABLED, (_E.RESOLVE_INCIDENT, _E.ANNOUNCE)),
    (_S.IMPAIRED, _G.ENABLE_ASKED): STAY,
    (_S.IMPAIRED, _G.REMOVE_ASKED): _REMOVE,
    (_S.IMPAIRED, _G.PROBE_PASSED): _HEALED,
    (_S.IMPAIRED, _G.REFUSED): Step(_S.IMPAIRED),
    (_S.IMPAIRED, _G.REFUSED_AGAIN): Step(_S.DISCONNECTED, (_E.OPEN_INCIDENT,)),
    # A refusal is not forgotten because the next try met network trouble.
    (_S.IMPAIRED, _G.UNREACHABLE): STAY,
    (_S.IMPAIRED, _G.OURS_BROKEN): Step(_S.IMPAIRED, (_E.TELL_OPERATOR,)),
    (_S.IMPAIRED, _G.HELD): Step(_S.IMPAIRED),
    (_S.IMPAIRED, _G.TOO_OLD): Step(_S.IMPAIRED, (_E.OPEN_UNVERIFIABLE,)),
    (_S.IMPAIRED, _G.OWNER_GONE): Step(_S.IMPAIRED, (_E.ASK_ABOUT_OWNER,)),
    (_S.IMPAIRED, _G.WORKSPACE_GONE): _FORGET,
    # --- disconnected: enough witnesses; the grant is kept, since a false alarm must be recoverable
    (_S.DISCONNECTED, _G.CONNECT_PROVEN): REFUSE,
    (_S.DISCONNECTED, _G.RECONNECT_PROVEN): Step(_S.CONNECTED, (*_MENDED, _E.RESOLVE_INCIDENT)),
    (_S.DISCONNECTED, _G.SWITCH_PROVEN): Step(_S.CONNECTED, _SWITCH),
    (_S.DISCONNECTED, _G.RESTORE_PROVEN): REFUSE,
    (_S.DISCONNECTED, _G.DISABLE_ASKED): Step(_S.DISABLED, (_E.RESOLVE_INCIDENT, _E.ANNOUNCE)),
    (_S.DISCONNECTED, _G.ENABLE_ASKED): REFUSE,
    (_S.DISCONNECTED, _G.REMOVE_ASKED): _REMOVE,
    # Recovery is noticed by itself: whoever was told sees the message change.
    (_S.DISCONNECTED, _G.PROBE_PASSED): _HEALED,
    (_S.DISCONNECTED, _G.REFUSED): STAY,
    (_S.DISCONNECTED, _G.REFUSED_AGAIN): STAY,
    (_S.DISCONNECTED, _G.UNREACHABLE): STAY,
    (_S.DISCONNECTED, _G.OURS_BROKEN): Step(_S.IMPAIRED, (_E.RECALL_INCIDENT, _E.TELL_OPERATOR)),
    (_S.DISCONNECTED, _G.HELD): Step(_S.IMPAIRED, (_E.RECALL_INCIDENT,)),
    (_S.DISCONNECTED, _G.TOO_OLD): STAY,
    (_S.DISCONNECTED, _G.OWNER_GONE): Step(_S.DISCONNECTED, (_E.ASK_ABOUT_OWNER,)),
    (_S.DISCONNECTED, _G.WORKSPACE_GONE): _FORGET,
    # --- disabled: a person turned it off; nobody is paged, whatever happens to the grant
    (_S.DISABLED, _G.CONNECT_PROVEN): REFUSE,
    # A renewed grant is no request to turn it on.
    (_S.DISABLED, _G.RECONNECT_PROVEN): Step(_S.DISABLED, _MENDED),
    (_S.DISABLED, _G.SWITCH_PROVEN): Step(_S.DISABLED, _SWITCH),
    (_S.DISABLED, _G.RESTORE_PROVEN): REFUSE,
    (_S.DISABLED, _G.DISABLE_ASKED): STAY,
    (_S.DISABLED, _G.ENABLE_ASKED): Step(_S.IMPAIRED, (_E.PROBE_NOW,)),
    (_S.DISABLED, _G.REMOVE_ASKED): _REMOVE,
    (_S.DISABLED, _G.PROBE_PASSED): Step(_S.DISABLED),
    (_S.DISABLED, _G.REFUSED): STAY,
    # Refused twice: marked "needs reconnect", still nobody is paged.
    (_S.DISABLED, _G.REFUSED_AGAIN): Step(_S.DISABLED),
    (_S.DISABLED, _G.UNREACHABLE): STAY,
    (_S.DISABLED, _G.OURS_BROKEN): STAY,
    (_S.DISABLED, _G.HELD): STAY,
    (_S.DISABLED, _G.TOO_OLD): STAY,
    (_S.DISABLED, _G.OWNER_GONE): Step(_S.DISABLED, (_E.ASK_ABOUT_OWNER,)),
    (_S.DISABLED, _G.WORKSPACE_GONE): _FORGET,
    # --- removed: a tombstone; only a restore within 30 days brings it back
    (_S.REMOVED, _G.CONNECT_PROVEN): REFUSE,
    (_S.REMOVED, _G.RECONNECT_PROVEN): REFUSE,
    (_S.REMOVED, _G.SWITCH_PROVEN): REFUSE,
    (_S.REMOVED, _G.RESTORE_PROVEN): Step(_S.CONNECTED),
    (_S.REMOVED, _G.DISABLE_ASKED): REFUSE,
    (_S.REMOVED, _G.ENABLE_ASKED): REFUSE,
    (_S.REMOVED, _G.REMOVE_ASKED): STAY,
    (_S.REMOVED, _G.PROBE_PASSED): STAY,
    (_S.REMOVED, _G.REFUSED): STAY,
    (_S.REMOVED, _G.REFUSED_AGAIN): STAY,
    (_S.REMOVED, _G.UNREACHABLE): STAY,
    (_S.REMOVED, _G.OURS_BROKEN): STAY,
    (_S.REMOVED, _G.HELD): STAY,
    (_S.REMOVED, _G.TOO_OLD): STAY,
    (_S.REMOVED, _G.OWNER_GONE): STAY,
    (_S.REMOVED, _G.WORKSPACE_GONE): STAY,
}

PROOFS: Final = frozenset({_G.CONNECT_PROVEN, _G.RECONNECT_PROVEN, _G.SWITCH_PROVEN, _G.RESTORE_PROVEN})
"""Signals that bring a grant of their own."""

NEWS: Final = frozenset(
    {
        _G.PROBE_PASSED,
        _G.REFUSED,
        _G.REFUSED_AGAIN,
        _G.UNREACHABLE,
        _G.OURS_BROKEN,
        _G.HELD,
        _G.TOO_OLD,
    }
)
"""Signals about a grant: they must name it, and say nothing once it was replaced (rule 1)."""


class TransitionRefused(Exception):
    """The table refuses this signal in this state. Services turn it into a worded refusal."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(state, signal)
        self.state = state
        self.signal = signal


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known along with a signal."""

    grant_id: GrantId | None = None
    """The grant that it is about; for a proof the new one."""
    cause: Cause = Cause.NONE
    identity: MailboxIdentity | None = None
    """The mailbox that a switch leads to."""
    code: str = ""
    """The provider's own error code."""
    said: str = ""
    """What its host answers in its own words."""
    is_uncorroborated: bool = False
    """No other mailbox could be asked."""


NO_MORE: Final = Facts()
"""The signal says it all."""


def advance(
    channel: Channel, signal: Signal, facts: Facts = NO_MORE, *, now: datetime
) -> tuple[Channel, tuple[Effect, ...]]:
    """What becomes of ``channel`` when it is told ``signal``, and what must follow.

    News about any other grant than the channel's own changes nothing. The same channel is returned, with no
    effects, when nothing changes.

    Raises ``TransitionRefused`` where the table says so.
    """
    if signal in NEWS and facts.grant_id != channel.grant_id:
        return channel, ()
    step = TRANSITIONS[channel.state, signal]
    if step is REFUSE:
        raise TransitionRefused(channel.state, signal)
    if not isinstance(step, Step):
        return channel, ()
    after = _stepped(channel, signal, step, facts, now=now)
    after = replace(after, said=(facts.said or channel.said) if after.cause in DOUBT_CAUSES else "")
    if signal is Signal.SWITCH_PROVEN and facts.identity is not None:
        after = replace(after, provider=facts.identity.provider, identity=facts.identity)
    return after, step.effects


def _stepped(channel: Channel, signal: Signal, step: Step, facts: Facts, *, now: datetime) -> Channel:
    new_cause = _cause_after(channel, signal, step, facts.cause)
    return replace(
        channel,
        state=step.to,
        cause=new_cause,
        since=channel.since if _goes_on(channel, step, new_cause) else now,
        removed_at=_removed_at(channel, step, now),
        grant_id=_grant_after(channel, signal, step, facts.grant_id),
        worked_since=_worked_since(channel, signal, step),
    )


def _worked_since(channel: Channel, signal: Signal, step: Step) -> datetime | None:
    """Remembered through a trouble that may turn out to be nothing, or not the inbox's own."""
    is_trouble = step.to in {State.IMPAIRED, State.DISCONNECTED}
    if channel.state is State.CONNECTED:
        return channel.shown_since if is_trouble else channel.worked_since
    was_nothing = channel.state is State.IMPAIRED and signal is Signal.PROBE_PASSED
    was_recalled = channel.state is State.DISCONNECTED and signal is Signal.HELD
    goes_on = channel.state is State.IMPAIRED and is_trouble
    return channel.worked_since if was_nothing or was_recalled or goes_on else None


def _goes_on(channel: Channel, step: Step, cause: Cause) -> bool:
    """Whether it is the same trouble, or the same peace, as before. What follows an outage of everybody's, or
    a fault of ours, is a trouble of its own: its hour begins now."""
    was_excused = channel.cause in EXCUSED_CAUSES and cause not in EXCUSED_CAUSES
    return step.to is channel.state and not was_excused


def _cause_after(channel: Channel, signal: Signal, step: Step, cause: Cause) -> Cause:
    match step.to:
        case State.CONNECTED:
            return Cause.NONE
        case State.DISABLED if signal is Signal.DISABLE_ASKED:
            return channel.cause
        case State.DISABLED if signal in PROOFS or signal is Signal.PROBE_PASSED:
            return Cause.NONE
    if signal is Signal.TOO_OLD or signal is Signal.OWNER_GONE:
        return channel.cause
    return _SIGNAL_CAUSES.get(signal, cause)


_SIGNAL_CAUSES: Final = {
    Signal.ENABLE_ASKED: Cause.CHECKING,
    Signal.UNREACHABLE: Cause.PROVIDER_UNREACHABLE,
    Signal.OURS_BROKEN: Cause.OURS_BROKEN,
    Signal.HELD: Cause.HELD,
    Signal.REMOVE_ASKED: Cause.BY_PERSON,
    Signal.WORKSPACE_GONE: Cause.WORKSPACE_GONE,
}
"""The cause that a signal says by itself; refusals bring theirs from the provider."""


def _removed_at(channel: Channel, step: Step, now: datetime) -> datetime | None:
    if step.to is not State.REMOVED:
        return None
    return channel.removed_at or now


def _grant_after(channel: Channel, signal: Signal, step: Step, grant_id: GrantId | None) -> GrantId | None:
    if signal in PROOFS:
        return grant_id
    return None if step.to is State.REMOVED else channel.grant_id
