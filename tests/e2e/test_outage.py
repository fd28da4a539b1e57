"""An outage that looks as if every permission had been withdrawn, as Microsoft's of 1 March 2025 did."""

from __future__ import annotations

from tests.stage import Stage, a_stage


async def _a_crowd(stage: Stage, count: int) -> list[str]:
    """People who connected one after the other, so that no two are probed at the same moment."""
    people = await stage.driver.add_people(count)
    for person in people:
        account = f"{person.lower()}@acme.example"
        await stage.driver.edit_person(person, email=account)
        await stage.driver.post("/control/google/accounts", {"email": account})
        await stage.connected(person, account)
        await stage.passes(seconds=150)
    return people


async def _alarms(stage: Stage, people: list[str]) -> list[int]:
    """How many times each of them reads that an inbox stopped working."""
    seen = [(await stage.person(one).sees()).messages("dm") for one in people]
    return [sum("🔴" in said.plain for said in dm) for dm in seen]


async def test_an_outage_tells_nobody_however_the_probes_fall(database_url: str) -> None:
    """Those who were refused first go on speaking for the last, so that nobody ever stands alone."""
    async with a_stage(database_url) as stage:
        people = await _a_crowd(stage, 4)
        stage.town.google.break_down("outage")
        await stage.passes(minutes=65)
        assert await _alarms(stage, people) == [0, 0, 0, 0]
        stage.town.google.mend()
        await stage.passes(minutes=6)
        shown = await stage.person(people[0]).sees()
        assert "🔴" not in shown.plain
