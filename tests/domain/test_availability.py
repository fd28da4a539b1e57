"""What a channel's steps come to, day by day, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.availability import (
    Availability,
    StateChange,
    Tally,
    beginning_of,
    change_of,
    day_of,
    days_of,
    is_time_to_send,
    month_before,
    outages_among,
    together,
)
from bot.domain.channel import HistoryEntry, State
from bot.domain.ids import IncidentId, UserId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.lifecycle import TRANSITIONS, Signal, Step
from storage.tables import LOST
from tests.storage.builders import a_team_channel, an_incident

_HOUR = 3600
_DAY = 24 * _HOUR
SUNDAY = datetime(2026, 3, 29, tzinfo=UTC)
"""On this day clocks in Europe go forward."""
LONG_AGO = SUNDAY - timedelta(days=300)
CHANNEL = a_team_channel(created_at=LONG_AGO)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return SUNDAY + timedelta(days=day, hours=hour, minutes=minute)


def step(when: datetime, before: State, after: State, what: Signal = Signal.PROBE_PASSED) -> StateChange:
    return StateChange(when, before, after, what.value)


def breaks(when: datetime) -> StateChange:
    return step(when, State.CONNECTED, State.DISCONNECTED, Signal.REFUSED_AGAIN)


def mends(when: datetime) -> StateChange:
    return step(when, State.DISCONNECTED, State.CONNECTED, Signal.RECONNECT_PROVEN)


def days(
    steps: Sequence[StateChange], until: datetime, state: State = State.CONNECTED
) -> Mapping[int, Tally]:
    """Those from Sunday on, by their place."""
    found = days_of(replace(CHANNEL, state=state), steps, first=day_of(SUNDAY), until=until)
    return {day - day_of(SUNDAY): tally for day, tally in found.items()}


def test_a_calm_day_is_up_from_its_first_to_its_last_second() -> None:
    """Also the one on which clocks change somewhere: in UTC all days have one length."""
    assert days([], at(1)) == {0: Tally(up=_DAY), 1: Tally()}


def test_an_outage_counts_from_the_step_until_the_step_back() -> None:
    assert days([breaks(at(0, 10)), mends(at(0, 12, 30))], at(1))[0] == Tally(up=_DAY - 9000, down=9000)


def test_an_outage_across_midnight_is_on_both_days() -> None:
    found = days([breaks(at(0, 23)), mends(at(1, 2))], at(2))
    assert found[0] == Tally(up=23 * _HOUR, down=_HOUR)
    assert found[1] == Tally(up=22 * _HOUR, down=2 * _HOUR)


def test_an_outage_across_months_is_on_each_day_between() -> None:
    """From Sunday, 29 March, to Wednesday, 1 April."""
    found = days([breaks(at(0, 12)), mends(at(3, 12))], at(4))
    assert [found[it].down // _HOUR for it in range(4)] == [12, 24, 24, 12]


def test_an_open_outage_lasts_until_now() -> None:
    assert days([breaks(at(0, 12))], at(0, 18), State.DISCONNECTED)[0] == Tally(up=12 * _HOUR, down=6 * _HOUR)


def test_what_began_before_the_first_day_is_known_from_the_first_step_back() -> None:
    assert days([mends(at(0, 6))], at(1))[0] == Tally(up=18 * _HOUR, down=6 * _HOUR)


def test_without_a_step_it_has_always_been_as_it_is() -> None:
    assert days([], at(1), State.DISCONNECTED)[0] == Tally(down=_DAY)


def test_what_is_being_checked_or_held_is_neither_up_nor_down() -> None:
    steps = [
        step(at(0, 1), State.CONNECTED, State.IMPAIRED, Signal.HELD),
        step(at(0, 4), State.IMPAIRED, State.CONNECTED),
    ]
    found = days(steps, at(1))[0]
    assert found == Tally(up=21 * _HOUR, unknown=3 * _HOUR)
    assert found.share == 1


@pytest.mark.parametrize("why", [Signal.HELD, Signal.OURS_BROKEN])
def test_an_outage_that_was_taken_back_was_none(why: Signal) -> None:
    """It was everybody's, or ours: nobody could have repaired it."""
    steps = [
        breaks(at(0, 1)),
        step(at(0, 2), State.DISCONNECTED, State.IMPAIRED, why),
        step(at(0, 3), State.IMPAIRED, State.CONNECTED),
    ]
    assert days(steps, at(1))[0] == Tally(up=22 * _HOUR, unknown=2 * _HOUR)


def test_disabled_and_removed_are_no_time_at_all() -> None:
    """Turning an inbox off is no outage, and does not make it look better, either."""
    steps = [
        step(at(0, 6), State.CONNECTED, State.DISABLED, Signal.DISABLE_ASKED),
        step(at(1, 6), State.DISABLED, State.REMOVED, Signal.REMOVE_ASKED),
        step(at(2, 6), State.REMOVED, State.CONNECTED, Signal.RESTORE_PROVEN),
    ]
    found = days(steps, at(3))
    assert [found[it] for it in range(3)] == [Tally(up=6 * _HOUR), Tally(), Tally(up=18 * _HOUR)]
    assert found[1].share is None


def test_nothing_counts_before_it_was_connected() -> None:
    new = replace(CHANNEL, created_at=at(0, 12))
    first = step(at(0, 12), State.IMPAIRED, State.CONNECTED, Signal.CONNECT_PROVEN)
    found = days_of(new, [first], first=day_of(SUNDAY) - 1, until=at(1))
    assert list(found.values()) == [Tally(), Tally(up=12 * _HOUR), Tally()]


_MOMENTS = st.lists(st.timedeltas(timedelta(), timedelta(days=5)), max_size=12, unique=True)
_AFTER = st.lists(st.sampled_from(State), min_size=13, max_size=13)


@given(_MOMENTS, _AFTER)
def test_no_second_is_lost_or_counted_twice(moments: list[timedelta], states: list[State]) -> None:
    """Whatever happens when, the days have their length, and all kinds together are the time in use."""
    whens = sorted(SUNDAY + it for it in moments)
    steps = [step(when, states[n], states[n + 1]) for n, when in enumerate(whens)]
    found = days(steps, at(5), states[len(steps)])
    edges = [SUNDAY, *whens, at(5)]
    in_use = timedelta()
    for n, (begins, ends) in enumerate(pairwise(edges)):
        if states[n] not in {State.DISABLED, State.REMOVED}:
            in_use += ends.replace(microsecond=0) - begins.replace(microsecond=0)
    assert together(found.values()).watched == in_use.total_seconds()
    assert all(tally.watched <= _DAY for tally in found.values())


def test_only_steps_are_read_from_the_history() -> None:
    """People's edits, evidence and what is not known any more say nothing about a state."""
    about: dict[str, Any] = {"workspace_id": CHANNEL.workspace_id, "channel_id": CHANNEL.id, "at": SUNDAY}
    told = HistoryEntry(what="refused_again", details={"from": "impaired", "to": "disconnected"}, **about)
    assert change_of(told) == StateChange(SUNDAY, State.IMPAIRED, State.DISCONNECTED, "refused_again")
    assert change_of(HistoryEntry(what="edited", details={"changed": "use"}, **about)) is None
    assert change_of(HistoryEntry(what="x", details={"from": "gone", "to": "connected"}, **about)) is None


# --- what is shown


def test_days_have_numbers_and_beginnings() -> None:
    assert beginning_of(day_of(at(0, 23, 59))) == SUNDAY
    assert date.fromordinal(day_of(SUNDAY)) == date(2026, 3, 29)


def test_thirteen_weeks_end_today() -> None:
    """Each with the day on which it begins; days beyond whole weeks are left out at the far end."""
    calm = Availability((*[Tally(down=9)] * 2, *[Tally(up=1)] * 14), day_of(SUNDAY))
    assert [(begins, tally.up, tally.down) for begins, tally in calm.weeks] == [
        (date(2026, 3, 16), 7, 0),
        (date(2026, 3, 23), 7, 0),
    ]


@pytest.mark.parametrize(
    ("tally", "says"), [(Tally(up=_DAY - 1), False), (Tally(up=_DAY), True), (Tally(up=1, down=1), True)]
)
def test_the_first_calm_day_says_nothing_yet(tally: Tally, says: bool) -> None:
    assert Availability((tally,), 1).says_something is says


def test_outages_are_summed_up_as_people_ask() -> None:
    """How many, the longest, how long until it worked again, and who did it."""
    omar, ann = UserId("U0OMAR"), UserId("U0ANN")
    ends = [
        (1, Resolution.RECONNECTED, omar),
        (2, Resolution.RECONNECTED, omar),
        (3, Resolution.SWITCHED, ann),
        (2, Resolution.RECOVERED, None),
    ]
    over = [
        replace(
            an_incident(CHANNEL, opened_at=at(n)),
            id=IncidentId(str(n)),
            resolved_at=at(n, hours),
            resolution=how,
            resolved_by=who,
        )
        for n, (hours, how, who) in enumerate(ends)
    ]
    is_open = an_incident(CHANNEL, opened_at=at(9))
    found = outages_among([*over, is_open], now=at(9, 5))
    assert (found.number, found.longest) == (5, timedelta(hours=5))
    assert found.repaired_within == timedelta(hours=2)
    assert found.repaired_by == ((omar, 2), (None, 1), (ann, 1))


@pytest.mark.parametrize("how", [Resolution.DOUBTED, Resolution.OURS, Resolution.FALSE_ALARM])
def test_what_was_taken_back_is_no_outage(how: Resolution) -> None:
    taken_back = replace(an_incident(CHANNEL), resolved_at=at(1), resolution=how)
    assert outages_among([taken_back], now=at(2)).number == 0


def test_what_could_not_be_checked_is_no_outage() -> None:
    doubt = replace(an_incident(CHANNEL), kind=IncidentKind.UNVERIFIABLE)
    assert outages_among([doubt], now=at(2)).number == 0


# --- months


@pytest.mark.parametrize(
    ("local", "is_time", "month"),
    [
        ("2027-01-01T08:59+00:00", False, date(2026, 12, 1)),
        ("2027-01-01T09:00+00:00", True, date(2026, 12, 1)),
        ("2027-01-03T23:00+00:00", True, date(2026, 12, 1)),
        ("2027-01-04T00:00+00:00", False, date(2026, 12, 1)),
        ("2028-03-01T10:00+00:00", True, date(2028, 2, 1)),
        ("2027-01-01T09:00-12:00", True, date(2026, 12, 1)),
        ("2027-01-01T09:00+09:00", True, date(2026, 12, 1)),
        # In Auckland and on Kiritimati it is the afternoon before the last day is over.
        ("2027-01-01T12:59+13:00", False, date(2026, 12, 1)),
        ("2027-01-01T13:00+13:00", True, date(2026, 12, 1)),
        ("2027-01-01T13:59+14:00", False, date(2026, 12, 1)),
        ("2027-01-01T14:00+14:00", True, date(2026, 12, 1)),
    ],
)
def test_last_months_report_comes_on_the_first_at_nine_once_the_month_is_over(
    local: str, is_time: bool, month: date
) -> None:
    """After a standstill a day or two late, and then not at all."""
    when = datetime.fromisoformat(local)
    assert (is_time_to_send(when), month_before(when)) == (is_time, month)


def test_only_one_signal_calls_a_channel_disconnected() -> None:
    """An index finds what was lost lately by it."""
    calls = {
        signal
        for (state, signal), step in TRANSITIONS.items()
        if isinstance(step, Step) and step.to is State.DISCONNECTED and state is not State.DISCONNECTED
    }
    assert calls == {Signal.REFUSED_AGAIN}
    assert str(LOST) == f"what = '{Signal.REFUSED_AGAIN}'"
