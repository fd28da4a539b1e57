"""How well inboxes worked, as people see it: a strip in the list, a report, its file, a monthly message."""

from __future__ import annotations

import csv
import io

import pytest

from tests.driver import Said
from tests.e2e.questions import asks_for_modal, submits
from tests.stage import Stage

SUPPORT = "support@acme.example"
RED = "🟥"


@pytest.fixture
def database_kind() -> str:
    """What is shown does not depend on the database; what is written has tests on both."""
    return "sqlite"


async def days(stage: Stage, number: int) -> None:
    """Days pass, each in one leap; the chores of the night are done."""
    for _ in range(number):
        await stage.leaps(days=1)


@pytest.fixture
async def team(stage: Stage) -> Stage:
    """Support is the team's and has worked for some days; another mailbox can vouch for Google."""
    await stage.connected("alice")
    await stage.team_connected()
    await days(stage, 3)
    return stage


async def asks(stage: Stage, who: str, text: str) -> Said:
    """The answer to a command."""
    await stage.person(who).types(f"/inbox {text}")
    return (await stage.person(who).sees()).messages("#general")[-1]


async def link_shown(stage: Stage, who: str) -> str:
    """Where the link button of the newest answer leads."""
    said = (await stage.person(who).sees()).messages("#general")[-1]
    urls = [it["url"] for block in said.blocks for it in block.get("elements", ()) if it.get("url")]
    return str(urls[-1])


def line_of(said: Said, address: str) -> str:
    """What stands under an address."""
    return said.plain.partition(f"\n{address}")[2].partition("[")[0]


async def test_a_broken_day_is_red_wherever_it_shows(team: Stage) -> None:
    """In the report, in the list and in its status, with the words beside it."""
    assert RED not in (await asks(team, "omar", "report")).plain.partition("🟩 worked")[0]
    await team.breaks(SUPPORT, "account_disabled")
    await team.passes(hours=2)
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=30)
    await days(team, 1)
    said = line_of(await asks(team, "omar", "report"), SUPPORT)
    assert "🟥" in said.splitlines()[1], said
    assert "Disconnected for 2 h" in said and "on 1 day." in said
    assert "It came back on its own once." in said
    assert "🟥" in (await asks(team, "alice", "list")).plain
    assert "🟥" in (await asks(team, "alice", f"why {SUPPORT}")).plain
    status = (await asks(team, "alice", f"status {SUPPORT}")).plain
    assert "Availability" in status and "🟥🟩" in status
    assert "(chart: Hours disconnected, week by week)" in status
    assert "Never disconnected." in line_of(await asks(team, "alice", "report"), "alice@acme.example")


async def test_who_reconnected_it_stands_in_the_report(team: Stage) -> None:
    await team.breaks(SUPPORT)
    team.town.google.mend(SUPPORT)
    await team.consents(await team.link_in_dm("omar"), SUPPORT)
    await days(team, 1)
    said = line_of(await asks(team, "kenji", "報告"), SUPPORT)
    assert "再接続した人：@Omar Haddad。" in said, said


async def test_an_inbox_that_is_turned_off_is_white_and_not_worse_for_it(team: Stage) -> None:
    await team.person("omar").types(f"/inbox disable {SUPPORT}")
    await team.person("omar").submits()
    await team.person("omar").closes(whole=True)
    await days(team, 2)
    said = (await asks(team, "omar", f"status {SUPPORT}")).plain
    assert "⬜⬜\n100% in 30 days" in said, said


async def test_the_file_says_what_the_report_says(team: Stage) -> None:
    """A line for each inbox, the worst first; every member may have it, for what they may see."""
    await team.breaks(SUPPORT, "account_disabled")
    await team.passes(hours=1)
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=30)
    await asks(team, "alice", "report")
    await team.person("alice").clicks("Get as a CSV file")
    browser = team.browser()
    landing = await browser.opens(await link_shown(team, "alice"))
    assert "asked how well the inboxes of the Slack workspace" in landing.text
    page = await browser.presses(landing)
    assert "inboxkeeper-availability.csv" in page.headers["Content-Disposition"]
    first, own = csv.DictReader(io.StringIO(page.html.removeprefix("\ufeff")))
    assert (first["address"], own["address"]) == (SUPPORT, "alice@acme.example")
    down = int(first["disconnected_seconds"])
    assert 3600 <= down < 5400
    today = f"{team.town.clock():%Y-%m-%d}"
    assert (int(first[today]), own[today], own["available_percent"]) == (down, "0", "100.0000")
    assert (first["outages"], first["days_disconnected"]) == ("1", "1")


# --- each month


async def reports(stage: Stage, who: str) -> list[Said]:
    said = (await stage.person(who).sees()).messages("dm")
    return [it for it in said if "Availability in" in it.plain or "の稼働状況" in it.plain]


async def test_an_admin_is_sent_it_each_month_in_their_morning_once(team: Stage) -> None:
    """Whoever asked for it; nobody else, and not twice; the button in it ends it."""
    await asks(team, "omar", "report")
    await team.person("omar").clicks("Send me this each month")
    assert "[Stop the monthly message]" in (await team.person("omar").sees()).messages("#general")[-1].plain
    await team.breaks(SUPPORT)
    while team.town.clock().day != 1:
        await days(team, 1)
    await team.leaps(hours=30 - team.town.clock().hour)
    [sent] = await reports(team, "omar")
    assert "Availability in November 2026" in sent.plain
    assert RED in sent.plain and "(chart: Hours disconnected, week by week)" in sent.plain
    assert await reports(team, "sakura") == []
    await days(team, 1)
    assert len(await reports(team, "omar")) == 1
    await team.person("omar").clicks("Stop the monthly message")
    await team.settles()
    [sent] = await reports(team, "omar")
    assert "[Send me this each month]" in sent.plain
    await days(team, 31)
    assert len(await reports(team, "omar")) == 1


async def test_a_slack_that_draws_no_chart_is_sent_the_words(team: Stage) -> None:
    """It refuses the whole message; the same without the chart arrives."""
    await asks(team, "omar", "report")
    await team.person("omar").clicks("Send me this each month")
    await team.breaks(SUPPORT, "account_disabled")
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=30)
    await team.driver.break_("error", method="chat.postMessage", error="invalid_blocks", times=1)
    while team.town.clock().day != 1:
        await days(team, 1)
    await team.leaps(hours=30 - team.town.clock().hour)
    [sent] = await reports(team, "omar")
    assert "(chart:" not in sent.plain and "The worst of 13 weeks began on" in sent.plain


async def test_members_are_not_offered_the_monthly_message(team: Stage) -> None:
    said = (await asks(team, "alice", "report")).plain
    assert "[Get as a CSV file]" in said and "each month" not in said


async def test_without_team_addresses_it_says_how_to_begin(stage: Stage) -> None:
    """And offers no monthly message about nothing."""
    said = (await asks(stage, "omar", "report")).plain
    assert "There are no team addresses yet." in said and "/inbox connect" in said
    assert "[Connect an inbox]" in said and "each month" not in said


async def test_of_no_team_addresses_any_more_nothing_is_sent(stage: Stage) -> None:
    """To whoever asked for it while there was one that month; they can still stop it."""
    await stage.team_connected()
    await asks(stage, "omar", "report")
    omar = stage.person("omar")
    await omar.clicks("Send me this each month")
    await asks_for_modal(stage, "omar", f"/inbox remove {SUPPORT}")
    await submits(stage, "omar")
    await omar.closes()
    while stage.town.clock().day != 1:
        await days(stage, 1)
    await days(stage, 31)
    sent = [it.plain for it in await reports(stage, "omar")]
    assert not any("December" in it for it in sent)
    assert "[Stop the monthly message]" in (await asks(stage, "omar", "report")).plain
