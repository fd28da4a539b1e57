"""How many edits follow each other once Slack has refused one."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from bot.slack.client import RateLimits
from tests.views.samples import NOW

EDIT: Final = "chat.update"
SECOND: Final = timedelta(seconds=1)


class Pace:
    """A process that edits whatever it has room for, on a clock of the test's."""

    def __init__(self) -> None:
        self.now = NOW
        self.limits = RateLimits(lambda: self.now)

    def edits(self, number: int) -> None:
        for _ in range(number):
            self.limits.check(EDIT, in_line=True)
            self.limits.answered(EDIT)

    def is_refused(self) -> None:
        self.limits.rest(EDIT, 10 * SECOND)
        self.now += 10 * SECOND

    def goes_on(self, span: timedelta) -> list[datetime]:
        """When each edit of a span was; whoever finds no room comes back when there is some."""
        made, until = list[datetime](), self.now + span
        while self.now < until:
            room, rest = self.limits.room(EDIT)
            self.edits(room)
            made += room * [self.now]
            self.now += rest
        self.now = until
        return made


def test_a_minutes_edits_follow_each_other() -> None:
    """Slack has refused what was beyond its tier: what it takes in a minute comes at once, none is lost."""
    pace = Pace()
    pace.edits(51)
    pace.is_refused()
    made = pace.goes_on(180 * SECOND)
    moments = sorted(set(made))
    assert [made.count(at) for at in moments] == [50, 50, 50]
    assert all(later - earlier == 60 * SECOND for earlier, later in pairwise(moments))


def test_a_minute_lies_between_however_slow_slack_is() -> None:
    """Slack counts a call before it answers, and none before it is sent: what takes its time to be answered
    keeps its place for a minute from then on, and what has no answer yet keeps it, too."""
    pace = Pace()
    pace.edits(51)
    pace.is_refused()
    pace.goes_on(120 * SECOND)
    pace.now += 61 * SECOND
    for _ in range(50):
        pace.limits.check(EDIT, in_line=True)
    assert pace.limits.room(EDIT)[0] == 0
    pace.now += 5 * SECOND
    pace.limits.answered(EDIT)
    answered_at = pace.now
    assert pace.limits.room(EDIT)[0] == 0
    for _ in range(49):
        pace.now += SECOND / 10
        pace.limits.answered(EDIT)
    [first, *_] = pace.goes_on(70 * SECOND)
    assert first - answered_at >= 60 * SECOND


def test_what_others_use_too_comes_evenly() -> None:
    """Slack has refused what was within its tier; after ten minutes it is as if it never had."""
    pace = Pace()
    pace.edits(10)
    pace.is_refused()
    pace.goes_on(120 * SECOND)
    made = pace.goes_on(61 * SECOND)
    assert 44 <= len(made) <= 50 and max(map(made.count, made)) == 1
    pace.now += timedelta(minutes=10)
    assert pace.limits.room(EDIT) == (25, timedelta())


def test_a_clock_that_is_put_back_voids_what_slack_said() -> None:
    """Nobody waits until the former time comes round again; what is refused from then on counts as ever."""
    pace = Pace()
    pace.edits(10)
    pace.is_refused()
    pace.now -= timedelta(hours=5)
    assert pace.limits.room(EDIT) == (25, timedelta())
    pace.edits(25)
    pace.limits.rest(EDIT, 10 * SECOND)
    assert pace.limits.room(EDIT) == (0, 10 * SECOND)
    pace.now += 10 * SECOND
    assert pace.limits.room(EDIT)[0] == 1
