"""When to look again, and how many refusals make a fact. Pure: every instant is passed in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.channel import DOUBT_CAUSES, EXCUSED_CAUSES, Cause, Channel, Kind, State
from bot.domain.errors import (
    REFUSALS,
    PersonMustAct,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from bot.domain.incident import Incident, Unexplained, unexplained_by
from bot.domain.provider_traits import ProviderTraits

PEERS_WANTED: Final = 10
MASS: Final = 2
"""So many others that are refused in the same way are no coincidence."""
PEERS_FRESH_FOR: Final = timedelta(hours=24)
"""A peer is worth asking only if it was proven this recently."""
LONE_WITNESS_AFTER: Final = timedelta(minutes=5)
"""Without peers the second witness waits this long: nobody else can vouch for the provider."""
SILENT_AFTER: Final = 3
"""Intervals without a finished probe."""
STRIKE_LASTS: Final = timedelta(hours=1)
"""A refusal is no witness to another one this long after it, if nobody could look in between."""
MAX_IMPAIRED_FOR: Final = timedelta(minutes=60)
OWN_IMPAIRED_FOR: Final = timedelta(hours=4)
"""The same for a personal inbox whose host refuses it without a reason: its owner may be able to mend that,
and an ordinary outage is over by then."""
SAME_ANSWER_FOR: Final = timedelta(hours=24)
SAME_ANSWER_TIMES: Final = 8
"""How long, and how often, a host must have refused a login in the same words before it counts as refused.
Its own trouble is over by then; hosts that give no reasons must not keep a lost password secret for ever."""
SHARED_ANSWER_FOR: Final = timedelta(days=7)
"""The same where others at that host are refused as well."""
_QUICK_LOOKS: Final = 4
"""At a login that is refused without a reason: then they become rarer, since it may be the password."""
DISABLED_REFRESH_EVERY: Final = timedelta(days=7)
TEAM_APART: Final = timedelta(milliseconds=24)
"""Between two looks at team addresses, however many there are: 42 a second, or a minute for 2,500."""
PERSONAL_APART: Final = timedelta(milliseconds=60)
"""The same for personal inboxes: five minutes for 5,000."""
LONGEST_SHARE: Final = timedelta(minutes=15)
"""Being many makes no pause longer than this."""
_SPREAD: Final = 1.25
"""More than any jitter makes of a pause."""
_DISCONNECTED_PAUSE: Final = timedelta(minutes=15)
_HOPE_LASTS: Final = timedelta(hours=1)
"""What comes back by itself does so most often this soon."""
_HOPEFUL_PAUSE: Final = timedelta(minutes=2)
"""As long as MSAL leaves Microsoft alone after a refusal that a person must mend."""
_IMPAIRED_STEPS: Final = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300))


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often healthy channels are probed, as the operator set it."""

    team: timedelta
    personal: timedelta
    witness: timedelta
    """The second look after peers vouched for the provider."""

    def shared_by(self, *, team: int, personal: int) -> Cadence:
        """The one for so many channels: all of a kind share the same looks. Being many makes no team channel
        wait longer than personal inboxes, nor anything longer than ``LONGEST_SHARE``; nothing is looked at
        more often than the operator set it."""
        teams = min(TEAM_APART * team, LONGEST_SHARE)
        owners = max(min(PERSONAL_APART * personal, LONGEST_SHARE), teams)
        return replace(self, team=max(self.team, teams), personal=max(self.personal, owners))


@dataclass(frozen=True, slots=True)
class Probe:
    """The probing row of a channel, apart from the channel so that it never conflicts with a click."""

    channel_id: ChannelId
    workspace_id: WorkspaceId
    grant_id: GrantId
    provider: str
    due_at: datetime
    lease_token: str | None = None
    strikes: int = 0
    """Refusals in a row."""
    tries: int = 0
    """Failed probes in a row, of whatever kind: chooses the next pause."""
    first_refused_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_done_at: datetime | None = None
    outcome: str = ""
    unknown_code: str | None = None
    """The provider's refusal where we don't know it."""
    unknown_since: datetime | None = None
    """Since when it has been the same one, look by look."""
    heard: str | None = None
    """A digest of the answer without a reason that its host gives over and over."""
    heard_since: datetime | None = None
    heard_times: int = 0


class ProbeOutcome(StrEnum):
    """What one probe showed."""

    PASSED = "passed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    OURS_BROKEN = "ours_broken"


def passed(row: Probe, *, due_at: datetime, now: datetime) -> Probe:
    """The row of a mailbox that works: everything that was held against it is forgotten (rule 2)."""
    return Probe(
        row.channel_id,
        row.workspace_id,
        row.grant_id,
        row.provider,
        due_at,
        lease_token=row.lease_token,
        last_ok_at=now,
        last_done_at=now,
        outcome=ProbeOutcome.PASSED.value,
    )


def outcome_of(error: ProviderError | None) -> ProbeOutcome:
    """Sort an error by who must act; no error is a pass."""
    if error is None:
        return ProbeOutcome.PASSED
    if isinstance(error, REFUSALS):
        return ProbeOutcome.REFUSED
    if isinstance(error, ProviderMisconfigured):
        return ProbeOutcome.OURS_BROKEN
    return ProbeOutcome.UNREACHABLE


def doubt_of(error: ProviderError | None) -> Cause:
    """What the host's own answer leaves open, if it has given one; else ``NONE``."""
    return error.doubt if isinstance(error, ProviderUnavailable) else Cause.NONE


_SILENCES: Final = frozenset({"timeout", "unreachable", "hung_up"})
"""Codes of what is no answer at all."""


def with_heard(row: Probe, error: ProviderError | None, *, now: datetime) -> Probe:
    """The row with what the host answered this time. Another answer begins anew; silence is none."""
    if doubt_of(error) is not Cause.LOGIN_UNCLEAR or error is None:
        is_silence = error is not None and error.code in _SILENCES
        return row if is_silence else replace(row, heard=None, heard_since=None, heard_times=0)
    answer = _digest(f"{error.code} {error.said}")
    if row.heard != answer or row.heard_since is None:
        return replace(row, heard=answer, heard_since=now, heard_times=1)
    return replace(row, heard_times=row.heard_times + 1)


def _digest(answer: str) -> str:
    """Alike for the same sentence with another number, session or instant in it."""
    words = [word for word in re.findall(r"\S+", answer.casefold()) if not re.search(r"\d", word)]
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def is_settled_doubt(row: Probe, *, now: datetime, is_shared: bool) -> bool:
    """Whether a login has been refused in the same words for so long that it counts as refused.
    ``is_shared``: others at the same host are, too."""
    if row.heard_since is None or row.heard_times < SAME_ANSWER_TIMES:
        return False
    return now - row.heard_since >= (SHARED_ANSWER_FOR if is_shared else SAME_ANSWER_FOR)


class Whose(StrEnum):
    """Which peers to ask."""

    OWN = "own"
    """Of the same organisation; private accounts are one of their own."""
    OTHERS = "others'"


class Vote(StrEnum):
    """What peers say of a first refusal."""

    UNCORROBORATED = "lonely"
    """Nobody else could be asked."""
    VOUCHED = "vouched"
    """The provider serves others: the refusal is this mailbox's own."""
    MASS = "mass"
    """Others are refused in the same way: an outage or a policy, not this mailbox."""
    TENANT = "tenant"
    """The others of its organisation are refused in the same way, other organisations' are not."""
    UNCLEAR = "unclear"
    """Others could not be reached either: no news."""
    FEW = "few"
    """The provider serves others, but a few more are refused at the same time: another look will show whether
    they are many."""
    PROVEN = "proven"
    """Others that were refused together with it had to be reconnected, and work since: so must this one."""


def shared_out(own: Sequence[ChannelId], others: Sequence[ChannelId]) -> tuple[ChannelId, ...]:
    """Whom to ask: half of them of its own organisation and half of others, as far as there are so many.
    Otherwise a small one would not be heard between all others, and a large one would speak for the provider.
    """
    half = PEERS_WANTED // 2
    first = own[: max(half, PEERS_WANTED - len(others))]
    return (*first, *others[: PEERS_WANTED - len(first)])


@dataclass(frozen=True, slots=True)
class PeerResult:
    """What a peer got, and which organisation it belongs to."""

    error: ProviderError | None
    tenant: str = ""


def vote(mine: PersonMustAct, others: tuple[PeerResult, ...], *, tenant: str = "") -> Vote:
    """Judge a refusal by what peers got. At least 2 and at least half refused alike is a mass failure;
    if those are all of its own ``tenant`` while another one is served, it is that tenant's."""
    if not others:
        return Vote.UNCORROBORATED
    if tenant and any(other.tenant != tenant and other.error is None for other in others):
        own = tuple(other for other in others if other.tenant == tenant)
        if _is_mass(mine, own):
            return Vote.TENANT
    if _is_mass(mine, others):
        return Vote.MASS
    if any(other.error is None for other in others):
        return Vote.VOUCHED
    # Too few to be called an outage, and nobody to vouch for the provider: as good as alone.
    return Vote.UNCORROBORATED if all(_is_alike(mine, other.error) for other in others) else Vote.UNCLEAR


MASS_VOTES: Final = frozenset({Vote.MASS, Vote.TENANT})
WITNESSES: Final = frozenset({Vote.VOUCHED, Vote.FEW, Vote.UNCORROBORATED})
"""Those that make a refusal count: nobody contradicts it."""


def _is_mass(mine: PersonMustAct, others: tuple[PeerResult, ...]) -> bool:
    alike = sum(1 for other in others if _is_alike(mine, other.error))
    return alike >= MASS and alike * 2 >= len(others)


def _is_alike(mine: ProviderError, other: ProviderError | None) -> bool:
    return isinstance(other, REFUSALS) and type(other) is type(mine)


_ORDINARY: Final = ProviderTraits()


def witness_delay(verdict: Vote, cadence: Cadence, traits: ProviderTraits = _ORDINARY) -> timedelta:
    """How long to wait for the second witness. Where refused logins lock people out, peers don't hurry
    it, and a look that was no witness is not repeated before the ordinary time."""
    if traits.witness_after is not None:
        is_witness = verdict in WITNESSES
        return traits.witness_after if is_witness else max(traits.witness_after, traits.least_interval)
    return cadence.witness if verdict is Vote.VOUCHED else max(cadence.witness, lone_witness(cadence))


def lone_witness(cadence: Cadence) -> timedelta:
    """The wait without peers: 5 min at the ordinary 30 s witness, in proportion otherwise."""
    return cadence.witness * (LONE_WITNESS_AFTER / timedelta(seconds=30))


def is_first_again(row: Probe, *, now: datetime) -> bool:
    """Whether a refusal now is a first one, although there was one: that is long past, and the provider has
    only failed since. One stray answer before an outage and one after it are no proof."""
    is_old = row.first_refused_at is not None and now - row.first_refused_at > STRIKE_LASTS
    return is_old and row.outcome == ProbeOutcome.UNREACHABLE


def is_second_witness(
    row: Probe, said: Vote | None, *, now: datetime, cadence: Cadence, traits: ProviderTraits = _ORDINARY
) -> bool:
    """Whether this refusal, counted in ``row`` already, makes the first one a fact.

    It must be another refusal, late enough to be independent, and nobody may contradict it. Where no
    peers were asked (disabled channels) two refusals in a row are enough.
    """
    if said is Vote.PROVEN:  # it has been refused all the while
        return True
    if row.strikes < 2 or row.first_refused_at is None:
        return False
    if said is None:
        return True
    if said not in WITNESSES:
        return False
    # Half a second's grace: the second look is scheduled for exactly this delay after the first.
    return now - row.first_refused_at >= witness_delay(said, cadence, traits) - timedelta(milliseconds=500)


def next_pause(
    channel: Channel, probe: Probe, *, cadence: Cadence, now: datetime, traits: ProviderTraits = _ORDINARY
) -> timedelta | None:
    """How long until the next probe, by state, and never less than the provider bears; ``None`` when there
    must be none.

    The caller adds jitter, which may not shorten what ``traits`` ask for.
    """
    if channel.cause is Cause.LOGIN_UNCLEAR and channel.state is not State.DISABLED:
        return _unclear_pause(channel, probe, cadence, traits)
    if channel.state is State.DISCONNECTED and traits.after_disconnect is not None:
        return traits.after_disconnect
    pause = _pause(channel, probe, cadence=cadence, now=now)
    return None if pause is None else max(pause, traits.least_interval)


def longest_pause(cadence: Cadence, traits: ProviderTraits = _ORDINARY) -> timedelta:
    """No mailbox that works is looked at less often than this: what is due later was due by a clock that
    was ahead."""
    spared = traits.refused_within if traits.refused_logins is not None else timedelta()
    return max(cadence.team, cadence.personal, traits.least_interval, spared) * _SPREAD


LONGEST_IMPAIRED: Final = timedelta(days=1) * _SPREAD
"""Far longer than any provider is left alone."""
LONGEST_DISCONNECTED: Final = timedelta(days=1) * _SPREAD
LONGEST_DISABLED: Final = DISABLED_REFRESH_EVERY * _SPREAD


def _unclear_pause(channel: Channel, probe: Probe, cadence: Cadence, traits: ProviderTraits) -> timedelta:
    """It may be the host's trouble, which ends by itself and must be seen to; or the password, with which a
    host must not be bothered: at the ordinary pace at first, then four times, then sixteen times rarer."""
    least = max(traits.least_interval, _impaired_pause(probe, cadence))
    if channel.state is State.DISCONNECTED:
        return least * 16
    return least if probe.tries <= _QUICK_LOOKS else least * 4


def _pause(channel: Channel, probe: Probe, *, cadence: Cadence, now: datetime) -> timedelta | None:
    match channel.state:
        case State.CONNECTED:
            return cadence.team if channel.kind is Kind.TEAM else cadence.personal
        case State.IMPAIRED:
            return _impaired_pause(probe, cadence)
        case State.DISCONNECTED:
            return _disconnected_pause(now - channel.since, cadence)
        case State.DISABLED:
            return DISABLED_REFRESH_EVERY
        case State.REMOVED:
            return None


def _impaired_pause(probe: Probe, cadence: Cadence) -> timedelta:
    step = _IMPAIRED_STEPS[min(probe.tries, len(_IMPAIRED_STEPS)) - 1 if probe.tries else 0]
    return min(step, max(cadence.personal, cadence.witness))


def _disconnected_pause(down_for: timedelta, cadence: Cadence) -> timedelta:
    if down_for < _HOPE_LASTS:
        return min(max(_HOPEFUL_PAUSE, cadence.team), _DISCONNECTED_PAUSE, cadence.personal)
    if down_for < timedelta(days=1):
        return min(_DISCONNECTED_PAUSE, cadence.personal * 3)
    if down_for < timedelta(days=8):
        return timedelta(hours=1)
    return timedelta(days=1)


def patience_for(
    channel: Channel, probe: Probe, *, cadence: Cadence, now: datetime, traits: ProviderTraits = _ORDINARY
) -> timedelta:
    """How late a probe may be before that is our own fault. It is due one interval after the last one: three
    without any are one too many."""
    pause = next_pause(channel, probe, cadence=cadence, now=now, traits=traits)
    return timedelta.max if pause is None else pause * (SILENT_AFTER - 1)


def is_unreachable(channel: Channel) -> bool:
    """Whether it cannot be judged since its provider gave no answer, or none that anybody knows."""
    return channel.state is State.IMPAIRED and channel.cause is Cause.PROVIDER_UNREACHABLE


def unexplained(
    channel: Channel, incident: Incident | None, code: str, *, now: datetime
) -> Unexplained | None:
    """What is said of a provider that answers, and nobody knows what: the same wherever people ask. The open
    ``incident`` decides, as its message does; without one, the ``code`` that the last look found."""
    if not is_unreachable(channel):
        return None
    if incident is not None:
        return unexplained_by(incident)
    if not code:
        return None
    return Unexplained(code, is_lasting=is_too_old(channel, now=now), others_work=False)


def is_too_old(channel: Channel, *, now: datetime) -> bool:
    """Whether an impaired channel could not be judged for an hour, by no fault of ours."""
    is_own = channel.is_personal and channel.cause in DOUBT_CAUSES
    return (
        channel.state is State.IMPAIRED
        and channel.cause not in EXCUSED_CAUSES
        and now - channel.since >= (OWN_IMPAIRED_FOR if is_own else MAX_IMPAIRED_FOR)
    )
