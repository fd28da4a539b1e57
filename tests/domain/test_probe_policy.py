"""When to look again, and how many refusals make a fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.channel import Cause, Kind, State
from bot.domain.errors import (
    AdminActionNeeded,
    GrantRejected,
    MailboxGone,
    PermissionMissing,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.probe_policy import (
    STRIKE_LASTS,
    Cadence,
    ProbeOutcome,
    Vote,
    is_first_again,
    is_second_witness,
    is_too_old,
    lone_witness,
    next_pause,
    outcome_of,
    vote,
    witness_delay,
)
from bot.domain.probe_policy import PeerResult as Heard
from tests.storage.builders import NOW, a_channel, a_probe

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ORDINARY = Cadence(team=MINUTE, personal=5 * MINUTE, witness=30 * SECOND)
CADENCE = Cadence(team=2 * MINUTE, personal=15 * MINUTE, witness=30 * SECOND)
REJECTED, AWAY, OURS = GrantRejected("x"), ProviderUnavailable("x"), ProviderMisconfigured("x")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, ProbeOutcome.PASSED),
        (GrantRejected(), ProbeOutcome.REFUSED),
        (MailboxGone(), ProbeOutcome.REFUSED),
        (PermissionMissing(), ProbeOutcome.REFUSED),
        (AdminActionNeeded(), ProbeOutcome.REFUSED),
        (ProviderMisconfigured(), ProbeOutcome.OURS_BROKEN),
        (ProviderUnavailable(), ProbeOutcome.UNREACHABLE),
        (ProviderUnavailable(unknown_code=True), ProbeOutcome.UNREACHABLE),
        (ProviderError("never seen"), ProbeOutcome.UNREACHABLE),
    ],
)
def test_an_error_is_sorted_by_who_must_act(error: ProviderError | None, outcome: ProbeOutcome) -> None:
    """Only what a person can mend counts as a refusal; what is unknown is nobody's fault."""
    assert outcome_of(error) is outcome


def heard(*errors: ProviderError | None, tenant: str = "") -> tuple[Heard, ...]:
    return tuple(Heard(error, tenant) for error in errors)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], Vote.UNCORROBORATED),
        ([None], Vote.VOUCHED),
        ([None] * 10, Vote.VOUCHED),
        ([REJECTED], Vote.UNCORROBORATED),
        ([REJECTED, None], Vote.VOUCHED),
        ([REJECTED, REJECTED], Vote.MASS),
        ([REJECTED, REJECTED, None, None], Vote.MASS),
        ([REJECTED, REJECTED, None, None, None], Vote.VOUCHED),
        ([AdminActionNeeded(), AdminActionNeeded()], Vote.UNCLEAR),
        ([AdminActionNeeded(), AdminActionNeeded(), None], Vote.VOUCHED),
        ([AWAY], Vote.UNCLEAR),
        ([AWAY] * 10, Vote.UNCLEAR),
        ([AWAY, None], Vote.VOUCHED),
        ([OURS, OURS], Vote.UNCLEAR),
        ([REJECTED, REJECTED, AWAY, AWAY, AWAY], Vote.UNCLEAR),
    ],
)
def test_what_peers_say_of_a_refusal(others: Sequence[ProviderError | None], said: Vote) -> None:
    """Two and half refused alike is a mass failure; one that passes vouches; silence is no news."""
    assert vote(GrantRejected(), heard(*others)) is said


def test_only_refusals_of_the_same_class_are_alike() -> None:
    """A policy that forbids is not the same trouble as a grant that ended."""
    assert vote(AdminActionNeeded(), heard(AdminActionNeeded(), AdminActionNeeded())) is Vote.MASS
    assert vote(AdminActionNeeded(), heard(REJECTED, REJECTED, None)) is Vote.VOUCHED


@pytest.mark.parametrize(
    ("own", "foreign", "said"),
    [
        ([REJECTED, REJECTED], [None], Vote.TENANT),
        ([REJECTED, REJECTED], [REJECTED], Vote.MASS),
        ([REJECTED, REJECTED], [AWAY], Vote.MASS),
        ([REJECTED], [None], Vote.VOUCHED),
        ([REJECTED, REJECTED, None, None, None], [None], Vote.VOUCHED),
        ([], [None], Vote.VOUCHED),
    ],
)
def test_one_organisation_may_be_refused_while_others_are_served(
    own: Sequence[ProviderError | None], foreign: Sequence[ProviderError | None], said: Vote
) -> None:
    """If another tenant passes, a mass refusal is this tenant's own, and its admin must hear of it."""
    others = (*heard(*own, tenant="acme"), *heard(*foreign, tenant="other"))
    assert vote(GrantRejected(), others, tenant="acme") is said


def test_the_second_witness_waits_longer_when_nobody_vouches() -> None:
    """Thirty seconds with siblings, five minutes alone, in proportion where the operator polls faster."""
    assert witness_delay(Vote.VOUCHED, CADENCE) == 30 * SECOND
    assert witness_delay(Vote.UNCORROBORATED, CADENCE) == 5 * MINUTE
    assert witness_delay(Vote.UNCLEAR, CADENCE) == 5 * MINUTE
    assert lone_witness(replace(CADENCE, witness=SECOND)) == 10 * SECOND


@pytest.mark.parametrize(
    ("strikes", "ago", "said", "enough"),
    [
        (1, timedelta(), Vote.VOUCHED, False),
        (1, timedelta(hours=1), Vote.UNCORROBORATED, False),
        (2, 29 * SECOND, Vote.VOUCHED, False),
        (2, 30 * SECOND, Vote.VOUCHED, True),
        (2, 29.6 * SECOND, Vote.VOUCHED, True),
        (2, 30 * SECOND, Vote.UNCORROBORATED, False),
        (2, 5 * MINUTE, Vote.UNCORROBORATED, True),
        (9, timedelta(hours=1), Vote.UNCLEAR, False),
        (9, timedelta(hours=1), Vote.MASS, False),
        (2, timedelta(), None, True),
    ],
)
def test_what_makes_a_refusal_a_fact(strikes: int, ago: timedelta, said: Vote | None, enough: bool) -> None:
    """Two refusals, far enough apart, that nobody contradicts."""
    row = a_probe(a_channel(), strikes=strikes, first_refused_at=NOW - ago)
    assert is_second_witness(row, said, now=NOW, cadence=CADENCE) is enough


def test_without_a_first_refusal_there_is_no_second() -> None:
    """A row whose strikes were reset makes no fact, whatever it counted before."""
    row = a_probe(a_channel(), strikes=2, first_refused_at=None)
    assert not is_second_witness(row, Vote.VOUCHED, now=NOW, cadence=CADENCE)


@pytest.mark.parametrize(
    ("state", "kind", "tries", "since_ago", "pause"),
    [
        (State.CONNECTED, Kind.TEAM, 0, timedelta(), 2 * MINUTE),
        (State.CONNECTED, Kind.PERSONAL, 0, timedelta(), 15 * MINUTE),
        (State.IMPAIRED, Kind.PERSONAL, 0, timedelta(), 30 * SECOND),
        (State.IMPAIRED, Kind.PERSONAL, 1, timedelta(), 30 * SECOND),
        (State.IMPAIRED, Kind.PERSONAL, 2, timedelta(), MINUTE),
        (State.IMPAIRED, Kind.PERSONAL, 3, timedelta(), 2 * MINUTE),
        (State.IMPAIRED, Kind.PERSONAL, 4, timedelta(), 5 * MINUTE),
        (State.IMPAIRED, Kind.PERSONAL, 99, timedelta(), 5 * MINUTE),
        (State.DISCONNECTED, Kind.PERSONAL, 9, timedelta(), 2 * MINUTE),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(minutes=59), 2 * MINUTE),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(hours=1), 15 * MINUTE),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(hours=23, minutes=59), 15 * MINUTE),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(days=1), timedelta(hours=1)),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(days=7, hours=23), timedelta(hours=1)),
        (State.DISCONNECTED, Kind.TEAM, 9, timedelta(days=8), timedelta(days=1)),
        (State.DISABLED, Kind.PERSONAL, 0, timedelta(), timedelta(days=7)),
        (State.REMOVED, Kind.PERSONAL, 0, timedelta(), None),
    ],
)
def test_how_long_until_the_next_look(
    state: State, kind: Kind, tries: int, since_ago: timedelta, pause: timedelta | None
) -> None:
    """The table of pauses, state by state."""
    owner = {"kind": kind, "owner_id": None} if kind is Kind.TEAM else {}
    channel = a_channel(state=state, since=NOW - since_ago, **owner)
    assert next_pause(channel, a_probe(channel, tries=tries), cadence=CADENCE, now=NOW) == pause


@pytest.mark.parametrize(
    ("many", "team", "personal"),
    [
        (0, MINUTE, 5 * MINUTE),
        (2_500, MINUTE, 5 * MINUTE),
        (5_000, 2 * MINUTE, 5 * MINUTE),
        (20_000, 8 * MINUTE, 8 * MINUTE),
        (37_500, 15 * MINUTE, 15 * MINUTE),
        (1_000_000, 15 * MINUTE, 15 * MINUTE),
    ],
)
def test_very_many_team_addresses_share_the_looks(many: int, team: timedelta, personal: timedelta) -> None:
    """Up to 2,500 at full pace; never less often than personal inboxes. Everything else stays."""
    wanted = replace(ORDINARY, team=team, personal=personal)
    assert ORDINARY.shared_by(team=many, personal=0) == wanted


@pytest.mark.parametrize(
    ("many", "personal"), [(5_000, 5 * MINUTE), (10_000, 10 * MINUTE), (1_000_000, 15 * MINUTE)]
)
def test_very_many_personal_inboxes_share_the_looks(many: int, personal: timedelta) -> None:
    """Up to 5,000 at full pace, and no team address waits for them."""
    assert ORDINARY.shared_by(team=1, personal=many) == replace(ORDINARY, personal=personal)


@pytest.mark.parametrize(("team", "pause"), [(1, 2 * MINUTE), (10_000, 4 * MINUTE), (1_000_000, 15 * MINUTE)])
def test_hope_takes_no_looks_from_the_living(team: int, pause: timedelta) -> None:
    """What was just disconnected is looked at often, but never oftener than what works."""
    channel = a_channel(state=State.DISCONNECTED, since=NOW)
    cadence = ORDINARY.shared_by(team=team, personal=0)
    assert next_pause(channel, a_probe(channel), cadence=cadence, now=NOW) == pause


def test_an_operator_may_look_at_team_addresses_the_least() -> None:
    """What was set to be slow is not made quicker by being many."""
    slow = Cadence(team=60 * MINUTE, personal=15 * MINUTE, witness=30 * SECOND)
    assert slow.shared_by(team=20_000, personal=20_000) == slow


@pytest.mark.parametrize("personal", [5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 1_440 * MINUTE])
@pytest.mark.parametrize("many", [1, 2_500, 20_000, 150_000, 1_000_000])
def test_seldom_looks_at_personal_inboxes_are_no_reason_for_team_addresses_to_wait(
    personal: timedelta, many: int
) -> None:
    """However seldom an operator has personal inboxes looked at, being many costs a team address 15 minutes
    at most, and never more than it costs a personal inbox."""
    shared = replace(ORDINARY, personal=personal).shared_by(team=many, personal=many)
    assert shared.team <= 15 * MINUTE
    assert shared.team <= shared.personal


def test_faster_polling_never_makes_trouble_slower() -> None:
    """Where the operator probes every few seconds, troubled channels are looked at as often."""
    quick = Cadence(team=SECOND, personal=2 * SECOND, witness=SECOND)
    for state in (State.IMPAIRED, State.DISCONNECTED):
        channel = a_channel(state=state, since=NOW)
        pause = next_pause(channel, a_probe(channel, tries=9), cadence=quick, now=NOW)
        assert pause == 2 * SECOND


@pytest.mark.parametrize(
    ("state", "cause", "age", "too_old"),
    [
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, 59, False),
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, 60, True),
        (State.IMPAIRED, Cause.GRANT_REFUSED, 60, True),
        (State.IMPAIRED, Cause.OURS_BROKEN, 600, False),
        (State.IMPAIRED, Cause.HELD, 600, False),
        (State.CONNECTED, Cause.NONE, 600, False),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, 600, False),
        (State.DISABLED, Cause.NONE, 600, False),
    ],
)
def test_when_doubt_has_lasted_too_long(state: State, cause: Cause, age: int, too_old: bool) -> None:
    """After an hour of trouble that is neither ours nor everybody's."""
    channel = a_channel(state=state, cause=cause, since=NOW - age * MINUTE)
    assert is_too_old(channel, now=NOW) is too_old


@pytest.mark.parametrize(
    ("outcome", "ago", "is_first"),
    [
        (ProbeOutcome.UNREACHABLE, STRIKE_LASTS + SECOND, True),
        (ProbeOutcome.UNREACHABLE, STRIKE_LASTS, False),
        (ProbeOutcome.REFUSED, timedelta(days=7), False),
    ],
)
def test_a_refusal_of_before_an_outage_is_forgotten(
    outcome: ProbeOutcome, ago: timedelta, is_first: bool
) -> None:
    """Two refusals in a row are proof, however far apart; a failing provider between them for an hour ends
    the row."""
    row = a_probe(a_channel(), strikes=1, first_refused_at=NOW - ago, outcome=outcome.value)
    assert is_first_again(row, now=NOW) is is_first
