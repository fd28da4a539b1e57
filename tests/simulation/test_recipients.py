"""One outage, many readers: 1, 5 and 300 people who must hear of it, at Slack's pace and at its worst.

Whatever happens, nobody is lost, nobody is told twice, and nobody is told once it is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bot.domain.access import Role
from bot.domain.channel import Channel
from bot.domain.ids import ConversationId, NoticeId, UserId
from bot.domain.ticket import OutcomeKind
from bot.services.connections.notices import SignInNotices
from bot.services.core.notifications import Notifications
from sandbox.slack.state import Message
from tests.services.play import on_both
from tests.simulation.office import OMAR, Office
from tests.simulation.slack_reader import words

SUPPORT = "support@acme.example"
JA = "ja-JP"


async def told_of(office: Office, count: int) -> tuple[UserId, ...]:
    """``count`` people look after Support; every third one reads Japanese."""
    people = list(await office.driver.add_people(count - 1))
    for person in people[::3]:
        office.town.slack.core.workspace.people[person].locale = JA
    async with office.storage.writing() as uow:
        await uow.roles.give(office.acme, Role.SUPER_ADMIN, OMAR, by=OMAR, at=office.now)
        for person in people:
            await uow.roles.give(office.acme, Role.ACCOUNT_ACCESS, person, by=OMAR, at=office.now)
        await uow.commit()
    await office.services.people.read_all()
    return (OMAR, *map(UserId, people))


async def dies(office: Office) -> Channel:
    """Support's grant is taken away; the bot is about to be sure of it."""
    await office.has_team_channels(["well@acme.example"])
    [support] = await office.has_team_channels([SUPPORT])
    office.host.at(SUPPORT).tokens.clear()
    await office.passes(seconds=29)
    return support


async def alone(office: Office) -> None:
    """Nothing else is looked at: hours pass more quickly."""
    omar = await office.actor(OMAR)
    [well] = [it for it in await office.channels() if it.address == "well@acme.example"]
    await office.services.channel_actions.disable(omar, well.id)
    await office.passes(seconds=5)


def alarms(office: Office, person: UserId) -> list[Message]:
    return [said for said in office.messages(person) if SUPPORT in words(said)]


def counts(office: Office, people: Sequence[UserId]) -> Counter[int]:
    """How many people have how many messages about it."""
    return Counter(len(alarms(office, person)) for person in people)


@pytest.mark.parametrize(("count", "database_kind"), [(1, "sqlite"), (5, "postgresql"), (300, "sqlite")])
async def test_everybody_is_told_once_in_their_language_at_slacks_pace(office: Office, count: int) -> None:
    """Within three minutes of the refusal, although Slack limits every method; it ends in the same place."""
    people = await told_of(office, count)
    await office.driver.break_("tiers")
    await dies(office)
    began = office.now
    await office.passes(minutes=3)
    assert counts(office, people) == {1: count}
    for number, person in enumerate(people):
        [said] = alarms(office, person)
        assert ("使えなくなりました" in words(said)) is (number > 0 and number % 3 == 1), words(said)
        assert float(said.ts) - began.timestamp() <= 180
    office.host.at(SUPPORT).tokens.add(f"sub-{SUPPORT}:1")
    await office.driver.mend()
    await office.passes(minutes=15)
    assert counts(office, people) == {1: count}
    assert all("✅" in words(said) for person in people for said in alarms(office, person))


async def test_sixty_edits_keep_to_slacks_tier(office: Office) -> None:
    """Slack takes fifty edits a minute: the other ten wait their turn, and nobody knocks meanwhile."""
    people = await told_of(office, 60)
    await dies(office)
    await office.passes(minutes=3)
    await office.driver.break_("tiers")
    office.host.at(SUPPORT).tokens.add(f"sub-{SUPPORT}:1")
    await office.passes(minutes=17)
    assert all("✅" in words(said) for person in people for said in alarms(office, person))
    assert not await rejected_in_a_rest(office)


async def rejected_in_a_rest(office: Office) -> list[str]:
    """Calls of a method that Slack had asked to leave alone, other than those already on their way."""
    asked_at: dict[str, str] = {}
    found = []
    for call in await office.driver.calls():
        since = asked_at.get(call["method"])
        if since is not None and since < call["at"] < _later(since, seconds=1):
            found.append(f"{call['method']} at {call['at']}, though asked to wait at {since}")
        if call["error"] == "ratelimited":
            asked_at[call["method"]] = call["at"]
    return found


def _later(instant: str, **span: float) -> str:
    return (datetime.fromisoformat(instant) + timedelta(**span)).isoformat()


@on_both
async def test_an_alarm_does_not_wait_behind_what_can_be_read_later(office: Office) -> None:
    """Forty messages that something is connected are on their way to Omar, one a second."""
    await told_of(office, 1)
    many = await office.has_team_channels([f"desk{number}@acme.example" for number in range(40)])
    await dies(office)
    notices = SignInNotices(office.services.core, Notifications(office.services.core))
    async with office.storage.writing() as uow:
        for channel in many:
            await notices.connected(
                uow, channel, recipient=OMAR, ending=OutcomeKind.CONNECTED, now=office.now
            )
        await uow.commit()
    await office.passes(seconds=4)
    assert len(alarms(office, OMAR)) == 1
    assert len(office.messages(OMAR)) < 10
    await office.passes(minutes=1)
    assert len(office.messages(OMAR)) == 41


@on_both
async def test_slack_is_left_alone_for_as_long_as_it_asks_by_all(office: Office) -> None:
    """A 429 with 30 s for one reader holds for all of them; then each is told once, and the team's
    conversation has its line."""
    people = await told_of(office, 40)
    await office.driver.break_("ratelimited", method="chat.postMessage", retry_after=30)
    await dies(office)
    await office.passes(seconds=5)
    refused = len([call for call in await office.driver.calls("chat.postMessage") if not call["ok"]])
    assert refused <= 32  # one batch was on its way
    await office.passes(seconds=20)
    assert len(await office.driver.calls("chat.postMessage")) == refused
    await office.driver.mend()
    await office.passes(seconds=40)
    assert counts(office, people) == {1: 40}
    assert not await office.driver.calls("conversations.history")  # Slack had said that it took nothing
    await office.passes(minutes=10)
    assert counts(office, people) == {1: 40}


@pytest.mark.parametrize("minutes", [22, 60])
async def test_when_slack_is_back_people_wait_a_minute_at_most(office: Office, minutes: int) -> None:
    """However long it was away: nobody is lost, nobody is told twice."""
    people = await told_of(office, 5)
    await office.driver.break_("away")
    await dies(office)
    await office.passes(minutes=minutes)
    await office.driver.mend()
    await office.passes(seconds=65)
    assert counts(office, people) == {1: 5}
    await office.passes(hours=2)
    assert counts(office, people) == {1: 5}


async def test_what_was_over_before_slack_came_back_is_told_to_nobody(office: Office) -> None:
    """Five people, an outage of half an hour, Slack away throughout: no message ever."""
    people = await told_of(office, 5)
    await office.driver.break_("away")
    await dies(office)
    await office.passes(minutes=3)
    office.host.at(SUPPORT).tokens.add(f"sub-{SUPPORT}:1")
    await office.passes(minutes=20)
    await office.driver.mend()
    await office.passes(hours=2)
    assert counts(office, people) == {0: 5}


@pytest.mark.parametrize("error", ["cannot_dm_bot", "messages_tab_disabled", "channel_not_found"])
async def test_closed_conversations_stop_nobody_else(office: Office, error: str) -> None:
    """Two of five cannot be written to, one has left: the two others are told, once; nobody is knocked at
    again; and whoever opens up later is told when there is news."""
    omar, closed, shut, gone, fine = await told_of(office, 5)
    for person in (closed, shut):
        await office.driver.break_("dm_closed", person=person, error=error)
    office.town.slack.core.workspace.people[gone].deleted = True  # and nobody has told us yet
    await dies(office)
    await office.passes(minutes=3)
    assert [len(alarms(office, it)) for it in (omar, closed, shut, gone, fine)] == [1, 0, 0, 0, 1]
    calls = len(await office.driver.calls("chat.postMessage"))
    await office.passes(hours=3)
    assert len(await office.driver.calls("chat.postMessage")) == calls
    await office.driver.mend()
    [notice] = alarms(office, omar)
    await office.services.incidents.claim(await office.actor(omar), notice_of(notice))
    await office.passes(seconds=30)
    assert [len(alarms(office, it)) for it in (omar, closed, shut, gone, fine)] == [1, 1, 1, 0, 1]


def notice_of(said: Message) -> NoticeId:
    assert said.metadata is not None
    return NoticeId(said.metadata["event_payload"]["notice"])


async def test_a_deleted_alarm_does_not_swallow_the_reminder(office: Office) -> None:
    """Retention has taken the message away: what would be a reply under it is the message once more."""
    await told_of(office, 1)
    await dies(office)
    await office.passes(minutes=2)
    workspace = office.town.slack.core.workspace
    [alarm] = alarms(office, OMAR)
    workspace.remove(alarm)
    await alone(office)
    await office.passes(hours=4)
    [again] = alarms(office, OMAR)
    assert again.thread_ts is None and "stopped working" in words(again)
    await office.passes(hours=20)
    assert [said.thread_ts for said in office.messages(OMAR)] == [None, again.ts]


async def test_a_reminder_that_was_written_down_is_not_written_down_again(office: Office) -> None:
    """The process died between the reminder and the end of its job: that is run once more, and finds it."""
    await told_of(office, 1)
    await dies(office)
    await office.passes(minutes=2)
    [alarm] = alarms(office, OMAR)
    office.town.clock.advance(timedelta(hours=4))
    async with office.storage.reading() as uow:
        job = await uow.jobs.find_unfinished(f"remind:{notice_of(alarm)}")
    assert job is not None
    for _ in range(2):
        assert await office.services.incidents.remind(job) == job.due_at + timedelta(hours=20)
    await office.passes(seconds=10)
    assert [said.thread_ts for said in alarms(office, OMAR)] == [None, alarm.ts]


async def test_while_slack_is_away_replies_do_not_knock_every_second(office: Office) -> None:
    """A reminder waits for its message as long as that one waits for Slack."""
    await told_of(office, 1)
    await office.driver.break_("away", method="chat.postMessage")
    await dies(office)
    await office.passes(minutes=1)
    await alone(office)
    await office.passes(hours=4, minutes=1)
    async with office.storage.reading() as uow:
        [reminder] = [n for n in await uow.notices.stale(office.acme) if n.thread_of is not None]
        job = await uow.jobs.find_unfinished(f"deliver:{reminder.id}")
    assert job is not None and job.attempts <= 5
    await office.driver.mend()
    await office.passes(minutes=10)
    assert [said.thread_ts is None for said in alarms(office, OMAR)] == [True, False]


async def test_nobody_hears_again_of_what_they_deleted_when_it_is_over(office: Office) -> None:
    """A message that its reader put away stays away, once there is nothing to do."""
    await told_of(office, 1)
    await dies(office)
    await office.passes(minutes=2)
    office.town.slack.core.workspace.remove(alarms(office, OMAR)[0])
    office.host.at(SUPPORT).tokens.add(f"sub-{SUPPORT}:1")
    await office.passes(minutes=20)
    assert not alarms(office, OMAR)


async def test_the_conversation_gets_its_line_after_a_429(office: Office) -> None:
    """Slack said that it had not taken the line: posting it later cannot make two of it."""
    await told_of(office, 1)
    office.town.slack.core.workspace.conversations["C0GENERAL"].members.add("U0BOT")
    await office.driver.break_("ratelimited", method="chat.postMessage", retry_after=30, times=2)
    await office.has_team_channels(["well@acme.example"])
    await office.has_team_channels([SUPPORT], conversation=ConversationId("C0GENERAL"))
    office.host.at(SUPPORT).tokens.clear()
    await office.passes(minutes=3)
    lines = office.town.slack.core.workspace.messages.get("C0GENERAL", [])
    assert [SUPPORT in words(line) for line in lines] == [True]
