"""How well a channel worked: its days, from the changes of its state.

The one rule: a second counts as what was known of it then. *Connected* is up and *disconnected* is down; what
was being checked or held is unknown, and so is an outage that was taken back because it was everybody's, or
ours; disabled, removed or not there yet is no time at all. Days are days in UTC, which all have the same
length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

from bot.domain.channel import Channel, HistoryEntry, State
from bot.domain.ids import UserId
from bot.domain.incident import RECALLED, Incident, IncidentKind, Resolution
from bot.domain.lifecycle import Signal

DAY: Final = timedelta(days=1)
DAYS: Final = 30
"""What a strip shows, today included."""
WEEKS: Final = 13
WEEK: Final = 7
LOOKS_UNSURE: Final = 15 * 60
"""Seconds: a day on which it could not be judged for less than this looks like any other."""
_TAKEN_BACK: Final = frozenset({Signal.HELD.value, Signal.OURS_BROKEN.value})


@dataclass(frozen=True, slots=True)
class Tally:
    """Seconds of each kind. What is missing to the whole was no time at all: off."""

    up: int = 0
    down: int = 0
    unknown: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.up + other.up, self.down + other.down, self.unknown + other.unknown)

    @property
    def watched(self) -> int:
        """Seconds in which it was in use."""
        return self.up + self.down + self.unknown

    @property
    def share(self) -> float | None:
        """How much of the time that can be judged it worked, from 0 to 1; ``None`` if none can be judged."""
        judged = self.up + self.down
        return self.up / judged if judged else None


def together(tallies: Iterable[Tally]) -> Tally:
    up = down = unknown = 0
    for it in tallies:
        up, down, unknown = up + it.up, down + it.down, unknown + it.unknown
    return Tally(up, down, unknown)


@dataclass(frozen=True, slots=True)
class StateChange:
    """A channel went from one state to another."""

    at: datetime
    before: State
    after: State
    what: str
    """The signal, by its code name."""


def change_of(record: HistoryEntry) -> StateChange | None:
    """The change that a line of history tells of, if it tells of one: some steps lead to where they began."""
    before, after = record.details.get("from"), record.details.get("to")
    if before not in _STATES or after not in _STATES or before == after:
        return None
    return StateChange(record.at, _STATES[before], _STATES[after], record.what)


_STATES: Final = {state.value: state for state in State}


def day_of(instant: datetime) -> int:
    """The day, as ``date.toordinal`` counts."""
    return instant.astimezone(UTC).date().toordinal()


def beginning_of(day: int) -> datetime:
    return datetime.combine(date.fromordinal(day), time(), UTC)


def days_of(
    channel: Channel, changes: Sequence[StateChange], *, first: int, until: datetime
) -> Mapping[int, Tally]:
    """Each day from ``first`` on, the last one as far as ``until``. ``changes``: all since then, in order."""
    days = {day: Tally() for day in range(first, day_of(until) + 1)}
    for begins, ends, tally in _pieces(channel, changes, beginning_of(first), until):
        for day, seconds in _by_day(begins, ends):
            days[day] += Tally(tally.up * seconds, tally.down * seconds, tally.unknown * seconds)
    return days


def _pieces(
    channel: Channel, changes: Sequence[StateChange], begins: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, Tally]]:
    """Stretches in one state, each with one second of what it counts as."""
    at = max(begins, channel.created_at)
    state = changes[0].before if changes else channel.state
    for change in changes:
        ends = min(max(change.at, at), until)
        yield at, ends, _second(state, change.what)
        at, state = ends, change.after
    yield at, max(at, until), _second(state, "")


def first_to_judge_anew(changes: Sequence[StateChange], first: int) -> int:
    """The day on which an outage began that was taken back from ``first`` on, before anything else happened:
    what was written of the days in between calls it one. Otherwise ``first``. ``changes``: also of before."""
    since = beginning_of(first)
    later = next((it for it in changes if it.at >= since), None)
    if later is None or not takes_back(later):
        return first
    return max((day_of(it.at) for it in changes if it.at < since), default=first)


def takes_back(change: StateChange) -> bool:
    """Whether the outage that it ends was everybody's, or ours."""
    return change.before is State.DISCONNECTED and change.what in _TAKEN_BACK


def _second(state: State, ended_by: str) -> Tally:
    match state:
        case State.CONNECTED:
            return Tally(up=1)
        case State.DISCONNECTED if ended_by not in _TAKEN_BACK:
            return Tally(down=1)
        case State.DISCONNECTED | State.IMPAIRED:
            return Tally(unknown=1)
        case _:
            return Tally()


def _by_day(begins: datetime, ends: datetime) -> Iterator[tuple[int, int]]:
    """The seconds of a stretch, day by day: both ends are rounded alike, so that none is lost or counted
    twice."""
    start, end = _whole(begins), _whole(ends)
    while start < end:
        day = day_of(start)
        midnight = min(beginning_of(day + 1), end)
        yield day, int((midnight - start).total_seconds())
        start = midnight


def _whole(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


# --- what is shown of it


@dataclass(frozen=True, slots=True)
class Outages:
    """The outages of some days, as people ask about them."""

    number: int = 0
    longest: timedelta = timedelta()
    repaired_within: timedelta | None = None
    """On average, of those that are over."""
    repaired_by: tuple[tuple[UserId | None, int], ...] = ()
    """Who reconnected it and how often, most often first; ``None`` for those that ended by themselves."""


NO_OUTAGES: Final = Outages()


@dataclass(frozen=True)  # without slots: what the days come to is kept
class Availability:
    """One channel's days, the oldest first and the last one not over yet."""

    days: tuple[Tally, ...]
    last: int
    """The last of them, as ``date.toordinal`` counts."""

    def of_last(self, days: int) -> Availability:
        """The same of fewer days."""
        return Availability(self.days[-days:], self.last)

    @cached_property
    def total(self) -> Tally:
        return together(self.days)

    @property
    def days_down(self) -> int:
        """On how many days it was disconnected."""
        return sum(it.down > 0 for it in self.days)

    @property
    def weeks(self) -> tuple[tuple[date, Tally], ...]:
        """Weeks of seven days that end with the last one, each with the day on which it begins."""
        starts = range(len(self.days) % WEEK, len(self.days), WEEK)
        first = self.last - len(self.days) + 1
        return tuple((date.fromordinal(first + it), together(self.days[it : it + WEEK])) for it in starts)

    @property
    def says_something(self) -> bool:
        """Whether it was in use for a day, or did not work for a moment."""
        total = self.total
        return total.watched >= DAY.total_seconds() or total.down > 0


_NO_OUTAGE: Final = RECALLED | {Resolution.FALSE_ALARM}


def outages_among(incidents: Iterable[Incident], *, now: datetime) -> Outages:
    """What the outages of one channel come to. Those that were taken back, or were never known to be any, do
    not count."""
    real = [it for it in incidents if it.kind is IncidentKind.DEAD and it.resolution not in _NO_OUTAGE]
    if not real:
        return NO_OUTAGES
    spans = [(it.resolved_at or now) - it.opened_at for it in real]
    over = [it.resolved_at - it.opened_at for it in real if it.resolved_at is not None]
    repairs = sorted(it.resolved_by or "" for it in real if it.resolution in _REPAIRED)
    by = [(UserId(who) if who else None, len(list(times))) for who, times in groupby(repairs)]
    return Outages(
        number=len(real),
        longest=max(spans),
        repaired_within=sum(over, timedelta()) / len(over) if over else None,
        repaired_by=tuple(sorted(by, key=lambda it: (-it[1], it[0] or ""))),
    )


_REPAIRED: Final = frozenset({Resolution.RECONNECTED, Resolution.SWITCHED, Resolution.RECOVERED})


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One channel in a report."""

    channel: Channel
    availability: Availability
    outages: Outages = NO_OUTAGES


@dataclass(frozen=True, slots=True)
class Report:
    """How the team's addresses did, the worst first, and one's own inbox."""

    first: date
    last: date
    """The last day; of a month that is over, its last one."""
    number: int
    """Of team addresses."""
    number_down: int
    """Of those that were disconnected at any time."""
    lines: tuple[ReportLine, ...] = ()
    """The worst of the team's, and after them as many others as can be shown."""
    own: tuple[ReportLine, ...] = ()
    weeks: tuple[tuple[date, int], ...] = field(default=())
    """Seconds for which team addresses were disconnected, all together, by the day on which a week begins."""
    is_monthly: bool = False
    """This reader is sent it each month."""
    may_have_monthly: bool = False
    is_month: bool = False
    """It is about one month that is over."""


IN_FILE: Final = 10_000
"""Team addresses that a report's file has, the worst first."""


# --- months


def month_before(local: datetime) -> date:
    """The first day of the month before this one."""
    return (local.date().replace(day=1) - DAY).replace(day=1)


SENT_FROM: Final = 9
"""The hour of their own morning from which on people are sent a month's report."""
SENT_UNTIL_DAY: Final = 3
"""Of the month: after days of standstill it is sent late, and after more not at all."""


def is_time_to_send(local: datetime) -> bool:
    """Whether somebody whose clock shows ``local``, an aware time, is to have last month's report by now.

    Its last day ends at midnight in UTC, which is after nine in the morning to the east of Japan.
    """
    is_over = local >= beginning_of(local.date().replace(day=1).toordinal())
    return is_over and local.day <= SENT_UNTIL_DAY and (local.day > 1 or local.hour >= SENT_FROM)
