"""Strips that fit a phone, and a report that offers what makes sense."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.domain.availability import LOOKS_UNSURE, Availability, ReportLine, Tally, day_of
from bot.views.availability import report_message, short_strip, strip
from bot.views.home import overview_message
from bot.views.i18n import Language
from bot.views.status import status_message
from tests.views.availability_gallery import MANY, WHOLE, a_report, calm, down, some_days, some_lines
from tests.views.samples import EN, LANGUAGES, NOW, a_channel, a_row, a_status, a_team_channel, an_overview
from tests.views.test_messages import buttons, texts

SQUARE = "[🟩🟥🟨⬜]"
PHONE = 10
"""Squares that fit beside a number at 390 pixels."""


def test_a_square_for_each_day_stands_in_lines_of_ten_that_end_today() -> None:
    days = [WHOLE] * 31
    days[-1] = down(1)
    assert strip(days) == "\n".join(["🟩", "🟩" * 10, "🟩" * 10, "🟩" * 9 + "🟥"])


@pytest.mark.parametrize("number", [28, 29, 30, 31])
@pytest.mark.parametrize("bad", [0, 1, 27])
def test_a_short_strip_hides_no_bad_day(number: int, bad: int) -> None:
    """A month, whatever its length: as bad as the worst day of each three."""
    days = [WHOLE] * number
    days[bad] = down(0.1)
    shown = short_strip(days)
    assert shown.count("🟥") == 1 and len(shown) == -(-number // 3)


def test_of_three_days_the_worst_shows() -> None:
    """Out of use only if it was so all the time."""
    off, doubt = Tally(), Tally(up=80_000, unknown=6_400)
    days = [WHOLE, doubt, down(1), WHOLE, doubt, off, WHOLE, off, off, off, off, off]
    assert short_strip(days) == "🟥🟨🟩⬜"
    assert short_strip([]) == strip([]) == ""


def test_a_short_strip_makes_no_day_worse_than_it_was() -> None:
    """Three days that look like any other look like any other together."""
    days = [Tally(up=86_040, unknown=LOOKS_UNSURE // 2)] * 3
    assert strip(days) == "🟩🟩🟩" and short_strip(days) == "🟩"


@pytest.mark.parametrize("lang", LANGUAGES, ids=lambda lang: lang.code)
def test_no_line_of_squares_is_too_long_for_a_phone(lang: Language) -> None:
    """In the list, in details and in the report, a month of 31 days included."""
    row = a_row(a_team_channel(), is_own=False, availability=some_days())
    month = Availability((WHOLE,) * 31, day_of(NOW))
    over = replace(a_report(ReportLine(a_team_channel(), month, MANY)), is_month=True)
    for view in (
        overview_message(lang, an_overview(team=(row,)), now=NOW),
        status_message(lang, a_status(row), now=NOW),
        report_message(lang, a_report(*some_lines(3)), now=NOW, command="/inbox"),
        report_message(lang, over, now=NOW, command="/inbox"),
    ):
        runs = re.findall(f"{SQUARE}+", texts(view))
        assert runs and max(map(len, runs)) <= PHONE + 1


@pytest.mark.parametrize("is_month", [False, True])
def test_a_report_of_nothing_leads_to_the_first_inbox(is_month: bool) -> None:
    """Not to a message each month about nothing; whoever gets that can still stop it."""
    empty = replace(a_report(), is_month=is_month)
    assert set(buttons(report_message(EN, empty, now=NOW, command="/inbox"))) == {"channel.connect"}
    sent = replace(empty, is_monthly=True)
    assert set(buttons(report_message(EN, sent, now=NOW, command="/inbox"))) == {
        "channel.connect",
        "report.monthly",
    }
    own = replace(empty, own=(ReportLine(a_channel(), calm()),))
    assert set(buttons(report_message(EN, own, now=NOW, command="/inbox"))) == {
        "report.file",
        "report.monthly",
        "channel.status",
    }
