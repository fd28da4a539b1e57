"""Holds: who waits in one, and when each is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.channel import Cause, State
from bot.domain.ids import ChannelId, ProviderOutageId, UserId, WorkspaceId
from bot.domain.provider_outage import (
    Fate,
    OutageTally,
    ProviderOutage,
    Renewal,
    Struck,
    accidents,
    fate,
    is_held,
    next_turn,
)
from tests.storage.builders import MINUTE, NOW, a_channel

WITNESS = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("state", "cause", "held"),
    [
        (State.IMPAIRED, Cause.HELD, True),
        (State.IMPAIRED, Cause.GRANT_REFUSED, False),
        (State.DISABLED, Cause.HELD, False),
        (State.CONNECTED, Cause.NONE, False),
    ],
)
def test_only_what_waits_is_held(state: State, cause: Cause, held: bool) -> None:
    """A disabled inbox remembers the cause and waits for nothing."""
    assert is_held(a_channel(state=state, cause=cause)) is held


@pytest.mark.parametrize(
    ("last_turn", "least", "turn"),
    [
        (None, 0, 1),
        (NOW - 5 * MINUTE, 0, 1),
        (NOW, 0, 1),
        (NOW + 7 * MINUTE, 0, 8),
        (NOW + 7 * MINUTE, 15, 15),
        (NOW + 30 * MINUTE, 15, 31),
    ],
)
def test_each_takes_the_end_of_the_line(last_turn: object, least: int, turn: int) -> None:
    """A minute after the last one, a minute from now at the soonest, and no sooner than the host bears."""
    found = next_turn(last_turn, NOW, witness=WITNESS, least=least * MINUTE)  # type: ignore[arg-type]
    assert found == NOW + turn * MINUTE


# --- what one more refusal means to a mailbox that is held

HOLD = ProviderOutage(ProviderOutageId("h"), WorkspaceId("T1"), "google", "", NOW)
RENEWED = NOW + 20 * MINUTE
ENOUGH = RENEWED + 15 * MINUTE


def renewed(count: int, *, at: int = 20, served: int | None = 15, joined: float = 5) -> tuple[Renewal, ...]:
    """So many reconnects ``at`` that minute, last served so many minutes later, of mailboxes that ``joined``
    the hold so many minutes after it began."""
    then = NOW + at * MINUTE
    until = None if served is None else then + served * MINUTE
    return tuple(
        Renewal(ChannelId(f"c{n}"), NOW + joined * MINUTE, then, UserId("U1"), until) for n in range(count)
    )


def a_tally(ever: int, still: int, *, own: tuple[int, int] | None = None, **how: object) -> OutageTally:
    whole = OutageTally(Struck(ever, still), Struck(*(own or (ever, still))), joined_at=NOW)
    return replace(whole, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("struck", range(0, 60, 7))
def test_accidents_are_few_of_those_that_were_struck(struck: int) -> None:
    assert accidents(struck) == max(1, struck // 10)


@pytest.mark.parametrize("after", [timedelta(minutes=16), timedelta(hours=3), timedelta(hours=20)])
@pytest.mark.parametrize(("ever", "still"), [(3, 3), (24, 24), (200, 90)])
def test_time_alone_proves_nothing(after: timedelta, ever: int, still: int) -> None:
    """However long it lasts, and however many others are served."""
    assert fate(HOLD, a_tally(ever, still), now=NOW + after, witness=WITNESS) is Fate.WAITS


@pytest.mark.parametrize(
    ("ever", "still", "own", "minutes", "expected"),
    [
        # Not yet: others may still follow.
        (20, 1, (20, 1), 14, Fate.WAITS),
        (20, 1, (20, 1), 15, Fate.ALONE),
        (20, 2, (20, 2), 15, Fate.ALONE),
        (20, 3, (20, 3), 15, Fate.WAITS),
        # However long ago: three of twenty are the outage, which goes on for them.
        (20, 3, (20, 3), 1_200, Fate.WAITS),
        (3, 1, (3, 1), 15, Fate.ALONE),
        (3, 2, (3, 2), 15, Fate.WAITS),
        (200, 20, (200, 20), 15, Fate.ALONE),
        (200, 21, (200, 21), 15, Fate.WAITS),
        # A small rest of all, but all of one organisation that nobody has seen back.
        (100, 4, (4, 4), 15, Fate.WAITS),
        (100, 4, (60, 4), 15, Fate.ALONE),
        # A small rest of one organisation, while the outage goes on for others.
        (40, 20, (20, 1), 15, Fate.WAITS),
    ],
)
def test_only_a_small_rest_is_refused_on_its_own_account(
    ever: int, still: int, own: tuple[int, int], minutes: int, expected: Fate
) -> None:
    over = replace(HOLD, recovered_at=NOW + 60 * MINUTE, was_false_alarm=True)
    now = NOW + (60 + minutes) * MINUTE
    assert fate(over, a_tally(ever, still, own=own), now=now, witness=WITNESS) is expected


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        # Two of twelve were reconnected, and work for as long as an outage takes to settle.
        (a_tally(12, 10, renewals=renewed(2)), Fate.PROVEN),
        # One that joined later may have died by itself, and would work again in the middle of any outage.
        (a_tally(12, 11, renewals=renewed(1)), Fate.WAITS),
        # One of those that it began with is enough: it fell together with the others.
        (a_tally(12, 11, renewals=renewed(1, joined=0)), Fate.PROVEN),
        (a_tally(12, 11, renewals=renewed(1, joined=2)), Fate.PROVEN),
        (a_tally(12, 11, renewals=renewed(1, joined=2.5)), Fate.WAITS),
        (a_tally(12, 11, renewals=renewed(1, joined=0, served=14)), Fate.WAITS),
        (a_tally(12, 11, back_at=RENEWED + MINUTE, renewals=renewed(1, joined=0)), Fate.WAITS),
        (a_tally(12, 11, joined_at=RENEWED, renewals=renewed(1, joined=0)), Fate.WAITS),
        (a_tally(3, 1, renewals=renewed(2)), Fate.PROVEN),
        # Of many, more may have.
        (a_tally(40, 36, renewals=renewed(4)), Fate.WAITS),
        (a_tally(40, 35, renewals=renewed(5)), Fate.PROVEN),
        # What counts is its organisation's size, not everybody's.
        (a_tally(100, 98, own=(12, 10), renewals=renewed(2)), Fate.PROVEN),
        # They do not work for long enough, or do not work just now.
        (a_tally(12, 10, renewals=renewed(2, served=14)), Fate.WAITS),
        (a_tally(12, 10, renewals=renewed(2, served=None)), Fate.WAITS),
        (a_tally(12, 10, renewals=(*renewed(1), *renewed(1, served=3))), Fate.WAITS),
        # This one was struck only after they had been reconnected.
        (a_tally(12, 10, joined_at=RENEWED, renewals=renewed(2)), Fate.WAITS),
        (a_tally(12, 10, joined_at=RENEWED - MINUTE, renewals=renewed(2)), Fate.PROVEN),
        # The old grant of another one was taken again since: it was an outage, which ends.
        (a_tally(12, 9, back_at=RENEWED, renewals=renewed(2)), Fate.WAITS),
        (a_tally(12, 9, back_at=RENEWED + MINUTE, renewals=renewed(2)), Fate.WAITS),
        (a_tally(12, 9, back_at=RENEWED - MINUTE, renewals=renewed(2)), Fate.PROVEN),
        # ... between the one reconnect and the other: only the later one counts.
        (a_tally(12, 9, back_at=RENEWED + MINUTE, renewals=(*renewed(1), *renewed(1, at=30))), Fate.WAITS),
    ],
)
def test_that_it_must_be_reconnected_only_reconnecting_shows(tally: OutageTally, expected: Fate) -> None:
    """Others that were refused together with it: they were reconnected, which was needed, and work."""
    assert fate(HOLD, tally, now=ENOUGH + 60 * MINUTE, witness=WITNESS) is expected
