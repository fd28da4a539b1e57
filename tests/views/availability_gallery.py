"""How well inboxes worked, drawn once per case: strips, reports, months."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from bot.domain.availability import (
    DAYS,
    NO_OUTAGES,
    WEEK,
    WEEKS,
    Availability,
    Outages,
    Report,
    ReportLine,
    Tally,
    day_of,
)
from bot.domain.ids import ChannelId, UserId
from bot.domain.notice import NoticeKind
from bot.domain.view_models import ChannelRow
from bot.notifier import rendered
from bot.views.availability import monthly_message, report_message
from bot.views.history import report_file_message
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from bot.views.status import status_message
from tests.views.samples import (
    ANN,
    BOB,
    NOW,
    a_channel,
    a_picture,
    a_row,
    a_status,
    a_team_channel,
    an_overview,
)

Drawn = Iterator[tuple[str, dict[str, Any]]]
WHOLE = Tally(up=86_400)
SOME = Outages(
    number=4,
    longest=timedelta(hours=5, minutes=12),
    repaired_within=timedelta(hours=1, minutes=5),
    repaired_by=((BOB, 2), (None, 1), (ANN, 1)),
)
MANY = replace(SOME, number=40, repaired_by=tuple((UserId(f"U{n:04}"), 40 - n) for n in range(9)))


def down(hours: float) -> Tally:
    seconds = int(hours * 3600)
    return Tally(up=86_400 - seconds, down=seconds)


def some_days(number: int = DAYS) -> Availability:
    """Not there yet, then two outages, turned off in between, one day that could not be checked."""
    days = [WHOLE] * number
    days[:3] = [Tally()] * 3
    days[10] = down(5.2)
    days[11:13] = [Tally()] * 2
    days[20] = Tally(up=80_000, unknown=6_400)
    days[-2:] = [down(0.5), Tally(up=50_000)]
    return Availability(tuple(days), day_of(NOW))


def calm(number: int = DAYS) -> Availability:
    return Availability((WHOLE,) * number, day_of(NOW))


def some_weeks(worst: int = 18_720) -> tuple[tuple[date, int], ...]:
    first = NOW.date() - timedelta(days=WEEKS * WEEK - 1)
    return tuple((first + timedelta(days=WEEK * n), worst if n == 5 else n % 2 * 600) for n in range(WEEKS))


def a_report(*lines: ReportLine, **changes: Any) -> Report:
    values: dict[str, Any] = {
        "first": NOW.date() - timedelta(days=DAYS - 1),
        "last": NOW.date(),
        "number": len(lines),
        "number_down": sum(line.availability.total.down > 0 for line in lines),
        "lines": lines,
        "may_have_monthly": True,
    }
    return Report(**(values | changes))


def some_lines(number: int, *, text: str = "") -> tuple[ReportLine, ...]:
    """By turns with trouble and calm, the last one never in use."""
    lines = [
        ReportLine(
            a_team_channel(id=ChannelId(f"t{n}"), address=text or f"team-{n}@example.com", name=text),
            some_days() if n % 2 == 0 else calm(),
            (SOME, NO_OUTAGES, MANY)[n % 3] if n % 2 == 0 else NO_OUTAGES,
        )
        for n in range(number)
    ]
    off = Availability((Tally(),) * DAYS, day_of(NOW))
    return (
        (*lines[:-1], replace(lines[-1], availability=off, outages=NO_OUTAGES)) if number > 2 else (*lines,)
    )


def a_watched_row(**changes: Any) -> ChannelRow:
    return a_row(a_team_channel(), is_own=False, availability=some_days(), **changes)


def availability(lang: Language, text: str = "") -> Drawn:
    for name, make, outages in (("trouble", some_days, SOME), ("calm", calm, NO_OUTAGES)):
        row = a_row(a_team_channel(), is_own=False, availability=make(DAYS))
        status = replace(a_status(row), weeks=make(WEEKS * WEEK), outages=outages)
        yield f"availability status {name}", status_message(lang, status, now=NOW)
    for number in (1, 12, 13, 20):
        team = (a_watched_row(),) * number
        yield f"availability list {number}", overview_message(lang, an_overview(team=team), now=NOW)
        yield f"availability home {number}", home(lang, an_overview(team=team))
    large = a_report(*some_lines(20, text=text), number=100_000, weeks=some_weeks())
    yield "report 20 of 100000", report_message(lang, large, now=NOW, command="/inbox")
    for number in (0, 1, 5, 20):
        report = a_report(*some_lines(number, text=text), number=number * 7, weeks=some_weeks())
        yield f"report {number}", report_message(lang, report, now=NOW, command="/inbox")
        own = replace(report, own=(ReportLine(a_channel(), calm()),), may_have_monthly=False, weeks=())
        yield f"report {number} of a member", report_message(lang, own, now=NOW, command="/inbox")
        over = replace(
            report, first=date(2026, 10, 1), last=date(2026, 10, 31), is_month=True, is_monthly=True
        )
        month = a_picture(NoticeKind.REPORT, channel=None, report=over, locale=lang.code)
        yield f"report {number} of a month", rendered(month)
    yield "report file", report_file_message(lang, url="https://x.example/export/1", until=NOW)
    for is_wanted in (True, False):
        yield f"report monthly {is_wanted}", monthly_message(lang, is_wanted=is_wanted)
