"""What one change costs when many people read of it: counted in statements and in messages, never in time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bot.domain.channel import State
from bot.domain.errors import GrantRejected, MailboxGone
from bot.domain.ids import UserId
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import PEERS_WANTED
from sandbox.slack.state import Message
from tests.services.play import on_both
from tests.simulation.mailhost import Mailbox
from tests.simulation.office import BEGINNING, OMAR, Office
from tests.simulation.slack_reader import words
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


async def test_sixty_readers_edits_go_as_fast_as_slack_takes_them(office: Office) -> None:
    """The end of a mass refusal reaches everybody at the tier's pace; Slack says no once, and not again."""
    people = await told_of(office, 60)
    await office.driver.break_("tiers")
    await all_refused(office, HELD)
    await office.passes(minutes=3)
    office.host.weather = lambda _: None
    await office.passes(minutes=4)
    assert all("✅" in words(of_hold(office, person)[-1]) for person in people)
    refusals = [call["at"] for call in await office.driver.calls("chat.update") if not call["ok"]]
    assert len(set(refusals)) <= 1, refusals
    assert of_hold(office, OMAR)[0].ts == of_hold(office, OMAR)[-1].ts


@on_both
@pytest.mark.parametrize("served", [0, 60])
async def test_fifty_readers_are_told_before_all_are_found(office: Office, served: int) -> None:
    """The first message of a mass refusal waits for no look at those that are yet to join, whether all are
    refused or many only beside others that are served: everybody has it within half a minute, once."""
    people = await told_of(office, 50)
    await office.driver.break_("tiers")
    addresses = [f"desk{number:03}@acme.example" for number in range(40 + served)]
    await office.has_team_channels(addresses)
    await office.passes(minutes=2)  # when each was proven differs, as it does
    dead = {address for number, address in enumerate(addresses) if not served or number % 5 < 2}
    office.host.weather = lambda mailbox: refused(mailbox) if mailbox.address in dead else None
    opened = None
    while opened is None:
        await office.passes(seconds=5)
        async with office.storage.reading() as uow:
            opened = next(iter(await uow.provider_outages.open_in(office.acme)), None)
    await office.passes(seconds=(opened.opened_at - office.now).total_seconds() + 25)
    async with office.storage.reading() as uow:
        held, _ = await uow.provider_outages.count_held(opened)
    assert held < len(dead)
    assert {len(of_hold(office, person)) for person in people} == {1}


@on_both
async def test_siblings_answer_once_for_all_that_are_refused_together(office: Office) -> None:
    """Some that are refused in one batch, too few for an outage: the ten that are asked of each are asked
    once. Asked for each anew, hundreds would wait for minutes until they are known to be many."""
    addresses = [f"desk{number:03}@acme.example" for number in range(100)]
    made = await office.has_team_channels(addresses)
    await office.passes(minutes=2)
    dead = made[:8]
    for channel in dead:
        office.host.at(channel.address).tokens.clear()
    async with office.storage.writing() as uow:
        for channel in dead:
            await uow.probes.reschedule(channel.id, office.now)
        await uow.commit()
    before = office.host.asked["refresh"]
    await office.services.monitoring.run_due()
    assert len(dead) < office.host.asked["refresh"] - before <= len(dead) + PEERS_WANTED + 2
    assert (await office.states())[State.IMPAIRED] == len(dead)


# --- many outages, one by one


@on_both
async def test_an_outage_more_costs_as_much_as_the_one_before(office: Office) -> None:
    """Team addresses die one after the other, each told to everybody in the message that they have: what
    the database is asked for the eighth is no more than what it was asked for the third."""
    people = await told_of(office, READERS)
    addresses = [f"desk{number:03}@acme.example" for number in range(60)]
    await office.has_team_channels(addresses)
    asked_for = []
    for address in addresses[:8]:
        office.host.at(address).tokens.clear()
        with statements(office) as asked:
            await office.passes(seconds=100)
        asked_for.append(sum("notice" in it or "incident" in it or "job" in it for it in asked))
    assert max(asked_for[6:]) <= 1.5 * max(asked_for[1:4]), asked_for
    await office.passes(minutes=2)
    for person in people:
        alarms = [said for said in office.messages(person) if said.thread_ts in {None, said.ts}]
        told = Counter(address for said in alarms for address in addresses if address in words(said))
        assert told == dict.fromkeys(addresses[:8], 1)


DEATHS = 180


@on_both
async def test_who_reads_of_a_storm_is_told_of_each_within_slacks_pace(office: Office) -> None:
    """Fifty people, an outage a second for three minutes and Slack's tiers: everybody's one message counts
    each outage within the minute that fifty edits take, and is notified of it every two minutes at most."""
    people = await told_of(office, 50)
    await office.driver.break_("tiers")
    addresses = [f"desk{number:03}@acme.example" for number in range(2 * DEATHS)]
    await office.has_team_channels(addresses)
    for address in addresses[::2]:
        office.host.at(address).refuses = lambda: MailboxGone("account_disabled")
        await office.passes(seconds=1)
    await office.passes(minutes=5)
    opened = await _opened(office)
    assert len(opened) == DEATHS
    told = await _counted(office, people)
    late = [max(_first(told[person], n) for person in people) - at for n, at in enumerate(opened, 1)]
    assert max(late) <= 60, late
    for person in people:
        alarms = [said for said in office.messages(person) if said.thread_ts in {None, said.ts}]
        counts = [said for said in office.messages(person) if said.thread_ts not in {None, said.ts}]
        assert (len(alarms), len(counts)) == (1, 2), [words(it) for it in office.messages(person)]
        assert str(DEATHS) in counts[-1].text


async def _opened(office: Office) -> list[float]:
    """When each outage began, one after the other."""
    async with office.storage.reading() as uow:
        incidents = await uow.incidents.open_among([it.id for it in await office.channels()])
    return sorted(it.opened_at.timestamp() for it in incidents.values())


async def _counted(office: Office, people: Sequence[UserId]) -> dict[str, list[tuple[float, int]]]:
    """How many outages each person's message named or counted, and when."""
    rooms = {f"D{person[1:]}": person for person in people}
    told: dict[str, list[tuple[float, int]]] = {person: [] for person in people}
    for call in await office.driver.calls():
        if call["ok"] and call["method"] in {"chat.postMessage", "chat.update"}:
            to, text = str(call["arguments"]["channel"]), str(call["arguments"]["text"])
            found = re.search(r"[0-9]+", text)
            number = int(found[0]) if found and "desk" not in text else 1
            told[rooms.get(to, to)].append((datetime.fromisoformat(call["at"]).timestamp(), number))
    return told


def _first(told: Sequence[tuple[float, int]], number: int) -> float:
    """When so many were counted first."""
    return min((at for at, counted in told if counted >= number), default=inf)


@on_both
async def test_taking_on_a_whole_list_is_one_change(office: Office) -> None:
    """*I'm on it* under a list of many: everybody's message is edited once for all of them."""
    people = await told_of(office, 6)
    addresses = [f"desk{number:03}@acme.example" for number in range(60)]
    await office.has_team_channels(addresses)
    for address in addresses[:6]:
        office.host.at(address).tokens.clear()
        await office.passes(seconds=15)
    await office.passes(minutes=3)
    async with office.storage.reading() as uow:
        told = await uow.notices.young_alarms(
            office.acme, NoticeKind.INCIDENT, people, since=BEGINNING, storms_since=BEGINNING, storm_of=1
        )
    with statements(office) as asked:
        await office.services.incidents.claim(await office.actor(OMAR), told[OMAR].id)
    assert sum("UPDATE incident SET" in it for it in asked) == 1
    assert sum("UPDATE notice SET" in it for it in asked) == 1
    await office.passes(minutes=1)
    assert all(any("🙋" in words(said) for said in office.messages(person)) for person in people)
