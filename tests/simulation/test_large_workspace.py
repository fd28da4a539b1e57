"""A workspace of thousands: Slack hands out its list of people in pages, twenty a minute."""

from __future__ import annotations

import aiohttp

from tests.driver import Driver
from tests.services.play import on_both
from tests.simulation.office import OMAR, Office, a_process
from tests.simulation.slack_reader import words
from tests.stage import a_bot, a_town

MANY = 4_700
PAGES = 24
"""Of two hundred, with those who were there before."""
SUPPORT = "support@acme.example"


async def known(office: Office) -> int:
    async with office.storage.reading() as uow:
        return len(await uow.people.of_workspace(office.acme))


async def listings(driver: Driver) -> tuple[list[str], int]:
    """From which places Slack's list was handed out, and how often it was asked for too early."""
    calls = await driver.calls("users.list")
    served = [str(call["arguments"].get("cursor") or "") for call in calls if call["ok"]]
    return served, len(calls) - len(served)


@on_both
async def test_everybody_is_read_although_slack_wants_pauses(office: Office) -> None:
    """Whoever is told to wait waits and goes on from where they were: no page is read twice."""
    before = await listings(office.driver)
    there = await known(office) + len(await office.driver.add_people(MANY))
    await office.driver.break_("tiers")
    await office.services.people.read_all()
    await office.passes(minutes=2)
    assert await known(office) == there
    served, refused = await listings(office.driver)
    served = served[len(before[0]) :]
    assert len(served) == len(set(served)) == PAGES
    assert refused == 1


async def test_an_alarm_does_not_wait_until_everybody_is_read(office: Office) -> None:
    """Reading takes its time; an outage is told in the middle of it."""
    await office.driver.add_people(MANY)
    [_, support] = await office.has_team_channels(["well@acme.example", SUPPORT])
    await office.driver.break_("tiers")
    await office.passes(seconds=58)
    office.host.at(support.address).tokens.clear()
    async with office.storage.writing() as uow:
        await uow.probes.reschedule(support.id, office.now)
        await uow.commit()
    await office.services.people.read_all()
    await office.passes(seconds=45)
    assert len([said for said in office.messages(OMAR) if SUPPORT in words(said)]) == 1
    assert len((await listings(office.driver))[0]) < PAGES


async def test_another_process_goes_on_where_one_died(office: Office) -> None:
    """The place in the list is a row: nothing begins anew."""
    there = await known(office) + len(await office.driver.add_people(MANY))
    await office.driver.break_("tiers")
    await office.services.people.read_all()
    await office.settles()
    before = await listings(office.driver)
    assert await known(office) < there
    async with a_process(office.town, office.host) as fresh:
        office.process = fresh
        await office.passes(minutes=2)
        assert await known(office) == there
    served, _ = await listings(office.driver)
    assert set(served[len(before[0]) :]).isdisjoint(before[0])


async def test_the_first_start_waits_for_one_page(database_url: str) -> None:
    """The bot answers before it knows everybody; it gets to know them afterwards."""
    async with a_town(database_url) as town, aiohttp.ClientSession() as session:
        driver = Driver(town.url, session)
        await driver.add_people(MANY)
        async with a_bot(town) as stage:
            assert len((await listings(driver))[0]) == 1
            await stage.person("alice").types("/inbox help")
            await stage.settles()
            assert len(set((await listings(driver))[0])) == PAGES


async def test_a_place_that_slack_has_lost_is_given_up_until_tomorrow(office: Office) -> None:
    """Asking from there again and again would help nobody; the next daily reading begins at the beginning."""
    there = await known(office) + len(await office.driver.add_people(MANY))
    await office.services.people.read_all()
    await office.driver.break_("error", method="users.list", error="invalid_cursor")
    await office.passes(hours=2)
    assert (await listings(office.driver))[1] == 1
    await office.driver.mend()
    await office.passes(days=1)
    assert await known(office) == there
