"""Why an inbox is as it is, what a drill shows, and the history as a file: asked for and read in full."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from bot.domain.channel import Kind
from bot.domain.errors import NotAllowed
from bot.domain.ids import UserId
from tests.stage import Stage

SUPPORT = "support@acme.example"


@pytest.fixture
def database_kind() -> str:
    """What is shown does not depend on the database; what is written has tests on both."""
    return "sqlite"


@pytest.fixture
async def team(stage: Stage) -> Stage:
    """Support is the team's, and another mailbox can vouch for Google."""
    await stage.connected("alice")
    await stage.team_connected(conversation="#support")
    await stage.passes(minutes=1)
    return stage


async def asks(stage: Stage, who: str, text: str) -> str:
    """The answer to a command."""
    await stage.person(who).types(f"/inbox {text}")
    return (await stage.person(who).sees()).messages("#general")[-1].plain


# --- why


async def test_why_tells_the_whole_story_on_one_screen(team: Stage) -> None:
    """What Google and other inboxes said, who was told, who is on it, and when it is looked at next."""
    await team.breaks(SUPPORT)
    await team.person("omar").clicks("I'm on it")
    await team.settles()
    said = await asks(team, "alice", f"why {SUPPORT}")
    for wanted in (
        "Disconnected since",
        "invalid_grant",
        "Next check:",
        "@Omar Haddad: told",
        "@Sakura Sato: told",
        "Somebody is on it · @Omar Haddad",
        "Refused again by the provider · other inboxes work, so it is this one",
        "Refused once by the provider · other inboxes work, so it is this one",
        "First connected · @Omar Haddad",
    ):
        assert wanted in said, (wanted, said)
    assert said.index("Somebody is on it") < said.index("Refused again") < said.index("First connected")


async def test_the_notices_button_shows_the_same_to_its_reader_alone(team: Stage) -> None:
    """The message stays what it is; the story is added beside it."""
    await team.breaks(SUPPORT)
    before = (await team.person("omar").sees()).dm.last.plain
    await team.person("omar").clicks("Why?")
    messages = (await team.person("omar").sees()).dm.messages
    assert messages[-1].ephemeral and "What happened" in messages[-1].plain
    assert messages[-2].plain == before


async def test_why_says_who_could_not_be_told(team: Stage) -> None:
    """And why, in words, so that somebody can do something about it."""
    await team.driver.break_("dm_closed", person="sakura")
    await team.breaks(SUPPORT)
    assert "@Sakura Sato: could not be reached: " in await asks(team, "omar", f"why {SUPPORT}")


async def test_an_inbox_that_works_explains_that(team: Stage) -> None:
    """Nothing is wrong: it says so, in the asker's language too."""
    assert "Everything works." in await asks(team, "alice", f"why {SUPPORT}")
    assert "経過" in await asks(team, "kenji", f"理由 {SUPPORT}")


# --- the drill


async def google_requests(stage: Stage) -> dict[str, int]:
    """How often Google was asked for what."""
    counted: dict[str, int] = (await stage.driver.get("/control/google/accounts"))["requests"]
    return counted


async def test_a_drill_tells_nobody_and_touches_nothing(team: Stage) -> None:
    """Who, how soon, where, and the words in each reader's language; no message, no call, no state."""
    calls = await team.driver.calls()
    approvals = await google_requests(team)
    said = await asks(team, "omar", f"drill {SUPPORT}")
    for wanted in (
        "2 people would get a direct message, at most 3 min after Google refuses the inbox",
        "@Omar Haddad (reads English)",
        "@Sakura Sato (reads Japanese)",
        "#support would get one line",
        f"{SUPPORT} (Support) stopped working",
        f"{SUPPORT}（Support）が使えなくなりました",
        "This was a drill. Nothing was sent",
    ):
        assert wanted in said, (wanted, said)
    await team.settles()
    later = (await team.driver.calls())[len(calls) :]
    assert not {call["method"] for call in later} & {"chat.postMessage", "chat.update"}
    assert "Connected since" in await asks(team, "omar", f"status {SUPPORT}")
    assert await google_requests(team) == approvals


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (f"drill {SUPPORT}", "Only super admins rehearse an outage."),
        ("export", "Only super admins get the history of all inboxes."),
    ],
)
async def test_only_super_admins_may(team: Stage, text: str, refused: str) -> None:
    """Everybody else reads what they may not do, and who can."""
    said = await asks(team, "alice", text)
    assert refused in said and "@Sakura Sato" in said and "@Omar Haddad" in said
    assert "drill" not in said and "http" not in said


# --- the export


async def link(stage: Stage, who: str) -> str:
    """The link of an export."""
    await stage.person(who).types("/inbox export")
    message = (await stage.person(who).sees()).messages("#general")[-1]
    assert message.ephemeral
    return str(next(e["url"] for b in message.blocks for e in b.get("elements", []) if e.get("url")))


async def test_the_history_is_a_file_that_opens_once(team: Stage) -> None:
    """From the command over the page to a table of everything that happened; then the link is used up."""
    await team.breaks(SUPPORT)
    url = await link(team, "omar")
    browser = team.browser()
    landing = await browser.opens(url)
    assert "asked for the history" in landing.text and "Acme" in landing.text
    file = await browser.presses(landing)
    assert file.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.html.removeprefix("\ufeff"))))
    happened = [(row["address"], row["what"]) for row in rows]
    assert (SUPPORT, "refused_again") in happened
    assert ("alice@acme.example", "connect_proven") in happened
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    again = await browser.presses(landing)
    assert again.status == 410 and "Each link downloads the file once." in again.text


async def test_a_link_lasts_a_quarter_of_an_hour(team: Stage) -> None:
    """After that it gives nothing, even to whoever asked."""
    url = await link(team, "omar")
    landing = await team.browser().opens(url)
    await team.passes(minutes=16)
    assert "This link has expired" in (await team.browser().presses(landing)).text


async def test_rights_are_those_of_the_download(team: Stage) -> None:
    """Whoever lost them between asking and pressing gets nothing."""
    url = await link(team, "omar")
    landing = await team.browser().opens(url)
    await team.driver.edit_person("omar", is_admin=False)
    answer = await team.browser().presses(landing)
    assert answer.status == 403 and SUPPORT not in answer.text


async def test_a_link_is_for_one_purpose(team: Stage) -> None:
    """The secret of a download begins no sign-in, and that of a sign-in no download."""
    url = await link(team, "omar")
    assert (await team.browser().opens(url.replace("/export/", "/go/"))).status == 404
    await team.person("kenji").types("/inbox 接続 kenji@acme.example")
    sign_in = await team.presses_on("kenji")
    assert (await team.browser().opens(sign_in.replace("/go/", "/export/"))).status == 404


# --- the service itself


FORMULAS = (
    "=HYPERLINK(1)",
    " =1",
    "\u00a0=1",
    "\u3000@x",
    "\u200b=1",
    "\uff1d1",
    "\uff20x",
    "\uff0b1",
    "\t=1",
)


async def test_no_cell_is_a_formula(team: Stage) -> None:
    """What begins like one is text to a spreadsheet."""
    services = team.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"))
    async with services.core.storage.writing() as uow:
        channel = await uow.channels.at_address(services.workspace.id, SUPPORT)
        assert channel is not None and channel.kind is Kind.TEAM
        record = (await uow.history.of_channel(channel.id, 1))[0]
        for what in FORMULAS:
            await uow.history.add(replace(record, what=what))
        await uow.commit()
    text = await services.history.export(omar)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    for what in FORMULAS:
        assert f"'{what}" in cells and what not in cells


async def test_members_export_nothing(team: Stage) -> None:
    """The service refuses by itself, whoever calls it."""
    services = team.bot.services
    alice = await services.people.member(services.workspace.id, UserId("U0ALICE"))
    with pytest.raises(NotAllowed):
        await services.history.export(alice)
    with pytest.raises(NotAllowed):
        await services.history_export.begin(alice)
