"""What one change costs when many people read of it: counted in statements and in messages, never in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from bot.domain.errors import GrantRejected
from bot.domain.ids import UserId
from sandbox.slack.state import Message
from tests.services.play import on_both
from tests.simulation.mailhost import Mailbox
from tests.simulation.office import OMAR, Office
from tests.simulation.reading import words
from tests.simulation.test_recipients import told_of

READERS = 12
HELD = 16
_OF_HOLD = ("at once", "一斉に", "False alarm", "誤報")


@contextmanager
def statements(office: Office) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_: Connection, __: Any, statement: str, *___: Any) -> None:
        asked.append(" ".join(statement.split()))

    engine = office.storage._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def refused(_: Mailbox) -> GrantRejected:
    return GrantRejected("invalid_grant")


def of_hold(office: Office, person: UserId) -> list[Message]:
    return [said for said in office.messages(person) if any(word in words(said) for word in _OF_HOLD)]


async def all_refused(office: Office, count: int) -> Sequence[str]:
    """So many team addresses, all refused at once; everybody has been told."""
    addresses = [f"desk{number:03}@acme.example" for number in range(count)]
    await office.has_team_channels(addresses)
    office.host.weather = refused
    await office.passes(minutes=2)
    return addresses


@on_both
async def test_a_mass_refusal_is_read_once_for_each_change(office: Office) -> None:
    """However many people read of it: how many are held, and the first few of them. The others are never
    read for a message that cannot name them."""
    people = await told_of(office, READERS)
    with statements(office) as asked:
        await all_refused(office, HELD)
        await office.passes(minutes=3)
    assert all(len(of_hold(office, person)) == 1 for person in people)
    assert all(f"{HELD}" in words(of_hold(office, person)[0]) for person in people)
    async with office.storage.reading() as uow:
        [outage] = await uow.provider_outages.open_in(office.acme)
    counted = [it for it in asked if it.startswith("SELECT count(*) AS ever, sum(CASE WHEN (channel.kind")]
    assert 1 <= len(counted) <= outage.revision + 1 < READERS
    named = [it for it in asked if "FROM channel" in it and "ORDER BY channel.address_key" in it]
    assert named and all("LIMIT" in it for it in named)


@on_both
async def test_nothing_is_read_for_an_edit_that_slack_does_not_take(office: Office) -> None:
    """Slack wants edits left alone: until then no message is drawn, and afterwards nobody was forgotten."""
    people = await told_of(office, READERS)
    await all_refused(office, HELD)
    await office.passes(minutes=3)
    before = len(await office.driver.calls("chat.update"))
    await office.driver.break_("ratelimited", method="chat.update", times=1, retry_after=120)
    office.host.weather = lambda _: None
    await office.passes(seconds=65)  # the canary's turn: somebody works again, and Slack has said no
    assert len(await office.driver.calls("chat.update")) - before <= 10
    with statements(office) as asked:
        await office.passes(seconds=30)
    assert not [it for it in asked if "hold.id = " in it and it.startswith("SELECT")]
    await office.passes(minutes=5)
    assert all("✅" in words(of_hold(office, person)[-1]) for person in people)
    assert all(len(of_hold(office, person)) == 1 for person in people)


async def test_sixty_readers_edits_are_never_more_than_slack_takes(office: Office) -> None:
    """The end of a mass refusal reaches everybody as fast as the tier allows; Slack need not refuse one."""
    people = await told_of(office, 60)
    await office.driver.break_("tiers")
    await all_refused(office, HELD)
    await office.passes(minutes=3)
    office.host.weather = lambda _: None
    await office.passes(minutes=4)
    assert all("✅" in words(of_hold(office, person)[-1]) for person in people)
    assert not [call for call in await office.driver.calls("chat.update") if not call["ok"]]
    assert of_hold(office, OMAR)[0].ts == of_hold(office, OMAR)[-1].ts
