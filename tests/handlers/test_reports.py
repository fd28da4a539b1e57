"""The report as Slack takes it: with its chart where a refusal is heard, and without it everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.ticket import File
from tests.handlers.conftest import Bench, texts
from tests.handlers.payloads import a_click, a_click_in, a_command
from tests.views.availability_gallery import a_report, some_lines, some_weeks

CHART = "data_visualization"


@pytest.fixture
def charted(bench: Bench) -> Bench:
    """There was an outage in the last thirteen weeks."""
    bench.services.availabilities.shown = a_report(*some_lines(2), weeks=some_weeks())
    return bench


def kinds(message: dict[str, Any] | None) -> list[str]:
    return [block["type"] for block in (message or {}).get("blocks", ())]


@pytest.mark.parametrize("verb", ["report", "報告", "レポート"])
async def test_a_report_with_a_chart_goes_where_slack_answers(charted: Bench, verb: str) -> None:
    """By the response_url; the ack is empty, so that it is not seen twice."""
    answer = await charted.send(a_command(verb, response_url=charted.slack.response_url))
    assert (answer.status, answer.body) == (200, None)
    [shown] = charted.slack.of("respond")
    assert CHART in kinds(shown)
    assert (shown["response_type"], shown["replace_original"]) == ("ephemeral", False)
    assert charted.slack.problems == []


async def test_a_slack_that_refuses_the_chart_is_told_the_words(charted: Bench) -> None:
    """In the ack, which it still waits for."""
    nowhere = charted.slack.response_url.replace("/respond/", "/nowhere/")
    answer = await charted.send(a_command("report", response_url=nowhere))
    assert CHART not in kinds(answer.body)
    assert "The worst of 13 weeks" in texts(answer.body)


async def test_without_a_way_to_hear_a_refusal_there_is_no_chart(charted: Bench) -> None:
    answer = await charted.send(a_command("report"))
    assert answer.body is not None and "The worst of 13 weeks" in texts(answer.body)
    assert CHART not in kinds(answer.body)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (10_000, "and 9,980 more, in the file"),
        (100_000, "and 99,980 more; the file has 10,000, the worst first"),
    ],
)
async def test_what_is_not_shown_is_in_the_file_as_far_as_that_reaches(
    bench: Bench, number: int, words: str
) -> None:
    bench.services.availabilities.shown = a_report(*some_lines(20), number=number)
    answer = await bench.send(a_command("report"))
    assert answer.body is not None and words in texts(answer.body)


async def test_home_opens_the_same_words_in_a_dialog(charted: Bench) -> None:
    """No dialog can draw a chart."""
    await charted.send(a_click_in("home", "more", "overview.report "))
    [opened] = charted.slack.of("views.open")
    assert CHART not in kinds(opened["view"]) and "The worst of 13 weeks" in texts(opened["view"])
    assert charted.slack.problems == []


@pytest.mark.parametrize(("value", "is_monthly"), [("on", True), ("off", False)])
async def test_the_monthly_button_redraws_the_report_that_it_stands_in(
    bench: Bench, value: str, is_monthly: bool
) -> None:
    """With rights that were just read; it then offers the opposite."""
    bench.services.monthly_reports.is_monthly = not is_monthly
    bench.services.availabilities.shown = a_report(*some_lines(2))
    container = {"type": "message", "is_ephemeral": True}
    url = bench.slack.response_url
    await bench.send(a_click("report.monthly", value, response_url=url, container=container))
    [shown] = bench.slack.of("respond")
    assert shown["replace_original"] is True
    assert bench.services.monthly_reports.is_monthly is is_monthly
    offers = "Stop the monthly message" if is_monthly else "Send me this each month"
    assert offers in texts(shown)
    assert bench.services.people.fresh[0] is True


async def test_in_the_monthly_message_a_line_says_it(bench: Bench) -> None:
    """The message itself is redrawn by what shows messages."""
    bench.services.monthly_reports.is_monthly = True
    container = {"type": "message", "is_ephemeral": False}
    url = bench.slack.response_url
    await bench.send(a_click("report.monthly", "off", response_url=url, container=container))
    [shown] = bench.slack.of("respond")
    assert "You get no more monthly reports." in texts(shown)
    assert shown.get("replace_original") is not True


async def test_a_button_that_says_neither_is_out_of_date(bench: Bench) -> None:
    url = bench.slack.response_url
    await bench.send(a_click("report.monthly", "perhaps", response_url=url))
    assert "That has changed" in texts(bench.slack.of("respond")[0])


async def test_the_file_is_a_link_for_whoever_asked(bench: Bench) -> None:
    """Not the history, which is for super admins."""
    url = bench.slack.response_url
    await bench.send(a_click("report.file", response_url=url))
    assert "/export/s1" in str(bench.slack.of("respond")[0])
    assert bench.services.history_export.asked == [File.AVAILABILITY]
