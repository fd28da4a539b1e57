"""A storm's one message over its life: taken, snoozed, deleted, over, and when the process dies."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.access import Role
from bot.domain.channel import State
from bot.domain.errors import MailboxGone
from bot.domain.ids import UserId
from bot.domain.incident import Snooze
from bot.services.core.incidents import STORM_LASTS
from sandbox.slack.state import Message
from tests.services.play import on_both
from tests.simulation.office import OMAR, Office
from tests.simulation.slack_reader import words
from tests.simulation.test_recipients import notice_of, told_of


async def a_team(office: Office, count: int = 20) -> list[str]:
    """Team addresses, most of which go on working."""
    await told_of(office, 2)
    addresses = [f"desk{number:03}@acme.example" for number in range(2 * count)]
    await office.has_team_channels(addresses)
    await office.passes(minutes=2)
    return addresses[::2]


async def they_die(office: Office, addresses: Sequence[str]) -> None:
    """One every five seconds, for reasons of their own; all count as disconnected."""
    for address in addresses:
        office.host.at(address).refuses = lambda: MailboxGone("account_disabled")
        await is_looked_at(office, address)
        await office.passes(seconds=5)
    while not {it.state for it in await office.channels() if it.address in addresses} <= {State.DISCONNECTED}:
        await office.passes(seconds=5)


async def is_looked_at(office: Office, address: str) -> None:
    """Its next look is due."""
    async with office.storage.writing() as uow:
        channel = await uow.channels.at_address(office.acme, address)
        assert channel is not None
        await uow.probes.reschedule(channel.id, office.now)
        await uow.commit()


def alarms(office: Office) -> list[Message]:
    return [said for said in office.messages(OMAR) if said.thread_ts in {None, said.ts}]


def replies(office: Office) -> list[Message]:
    return [said for said in office.messages(OMAR) if said.thread_ts not in {None, said.ts}]


def number_in(said: Message) -> int:
    found = re.search(r"[0-9]+", said.text)
    return int(found[0]) if found else 0


@on_both
async def test_who_has_taken_a_storm_has_not_taken_what_joins_it(office: Office) -> None:
    """Nor is it theirs by having snoozed it: the number in the reply is what they hear of."""
    dead = await a_team(office)
    await they_die(office, dead[:6])
    [alarm] = alarms(office)
    omar = await office.actor(OMAR)
    await office.services.incidents.claim(omar, notice_of(alarm))
    await office.services.incidents.snooze(omar, notice_of(alarm), Snooze.MORNING)
    await they_die(office, dead[6:8])
    await office.passes(minutes=3)
    [alarm] = alarms(office)
    assert number_in(alarm) == 8
    async with office.storage.reading() as uow:
        incidents = await uow.incidents.of_notice(notice_of(alarm))
    assert sorted(bool(it.claimed_by) for it in incidents) == [False] * 2 + [True] * 6
    assert number_in(replies(office)[-1]) == 8


@on_both
async def test_after_ten_minutes_a_message_of_its_own(office: Office) -> None:
    """And no reply for what has not grown."""
    dead = await a_team(office)
    await they_die(office, dead[:6])
    await office.passes(minutes=10)
    assert [number_in(it) for it in replies(office)] == [6]
    await they_die(office, dead[6:7])
    await office.passes(minutes=3)
    assert len(alarms(office)) == 2 and dead[6] in words(alarms(office)[1])
    assert dead[6] not in words(alarms(office)[0])
    assert len(replies(office)) == 1


@on_both
async def test_a_process_that_dies_counts_a_storm_once(office: Office) -> None:
    """Before and after the number was written down, and while it was on its way."""
    dead = await a_team(office)
    await they_die(office, dead[:6])
    await office.is_replaced()
    office.town.clock.advance(STORM_LASTS)
    async with office.storage.reading() as uow:
        job = await uow.jobs.find_unfinished(f"count_storm:{notice_of(alarms(office)[0])}")
    assert job is not None
    for _ in range(2):  # written down, and killed before the job's end
        await office.services.incidents.count_storm(job)
    await office.is_replaced()
    await office.passes(minutes=5)
    assert [number_in(it) for it in replies(office)] == [6]
    assert len(alarms(office)) == 1


@on_both
async def test_a_storm_that_was_deleted_is_said_once_more(office: Office) -> None:
    """Its reader, or retention, has taken the message away, and some more die: what would be a reply is the
    message once more, with all of them."""
    dead = await a_team(office)
    await they_die(office, dead[:6])
    [alarm] = alarms(office)
    office.town.slack.core.workspace.remove(alarm)
    await they_die(office, dead[6:8])
    await office.passes(minutes=3)
    [again] = alarms(office)
    assert again.ts != alarm.ts and number_in(again) == 8
    assert all(it.thread_ts == again.ts for it in replies(office))


@on_both
async def test_nobody_counts_a_storm_that_is_over(office: Office) -> None:
    dead = await a_team(office)
    await they_die(office, dead[:6])
    for address in dead[:6]:
        office.host.at(address).refuses = None
        await is_looked_at(office, address)
    await office.passes(minutes=10)
    [alarm] = alarms(office)
    assert "✅" in words(alarm)
    assert not replies(office)


async def test_who_may_look_after_them_from_now_on_reads_of_what_dies_from_now_on(office: Office) -> None:
    """A message of their own, which counts what they were told of."""
    dead = await a_team(office)
    await they_die(office, dead[:6])
    [new] = await office.driver.add_people(1)
    async with office.storage.writing() as uow:
        await uow.roles.give(office.acme, Role.ACCOUNT_ACCESS, UserId(new), by=OMAR, at=office.now)
        await uow.commit()
    await office.services.people.read_all()
    await they_die(office, dead[6:8])
    await office.passes(minutes=3)
    [alarm, *_] = office.messages(UserId(new))
    assert all(it in words(alarm) for it in dead[6:8]) and dead[0] not in words(alarm)
