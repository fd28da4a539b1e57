"""What nobody can judge for a while: told late, once, and told apart from what is known to be dead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel import State
from bot.domain.errors import GrantRejected, ProviderError, ProviderMisconfigured, ProviderUnavailable
from tests.services.play import on_both
from tests.simulation.mailhost import Mailbox, fair
from tests.simulation.office import OMAR, SAKURA, Office
from tests.simulation.slack_reader import asks_to_reconnect, buttons, words

TEAM = [f"team-{number}@acme.example" for number in range(8)]
SUPPORT = TEAM[0]


def down(_: Mailbox) -> ProviderError:
    return ProviderUnavailable("http_503")


def outage(_: Mailbox) -> ProviderError:
    return GrantRejected("invalid_grant")


@on_both
async def test_an_hour_of_errors_is_one_message_for_all_of_a_provider(office: Office) -> None:
    """However many inboxes cannot be checked, and though each is due at its own time: one message per person,
    nobody is asked to do anything, and it says when all of it works again."""
    await office.has_team_channels(TEAM)
    office.host.weather = down
    await office.passes(minutes=59)
    assert not office.messages(OMAR)
    await office.passes(minutes=61)
    for who in (OMAR, SAKURA):
        [said] = office.messages(who)
        assert not asks_to_reconnect(said)
        assert "8" in said.text
    office.host.weather = fair
    await office.passes(minutes=6)
    assert await office.states() == {State.CONNECTED: 8}
    [said] = office.messages(OMAR)
    assert "All 8 outages are over." in words(said)


async def test_one_stray_refusal_before_an_outage_and_one_after_it_are_no_proof(office: Office) -> None:
    """Nobody could look in between: the second one is a first one again, and the next look passes."""
    await office.has_team_channels(TEAM)
    support = office.host.at(SUPPORT)

    async def is_refused_once() -> None:
        strays = [GrantRejected("invalid_grant")]
        office.host.weather = lambda it: strays.pop() if it is support and strays else None
        while strays:
            await office.passes(seconds=1)

    await is_refused_once()
    office.host.weather = down
    await office.passes(hours=2)
    await is_refused_once()
    await office.passes(minutes=10)
    assert await office.states() == {State.CONNECTED: 8}
    assert not any(asks_to_reconnect(said) for said in office.messages(OMAR))


@on_both
async def test_what_could_not_be_checked_and_is_dead_is_told_as_dead(office: Office) -> None:
    """After an hour of errors the provider is back, and refuses one of them for good: that is news, with a
    way to mend it, and the older message points at it."""
    await office.has_team_channels(TEAM)
    office.host.weather = down
    await office.passes(minutes=70)
    [doubt] = office.messages(OMAR)
    office.host.at(SUPPORT).tokens.clear()
    office.host.weather = fair
    await office.passes(minutes=11)
    assert await office.states() == {State.CONNECTED: 7, State.DISCONNECTED: 1}
    doubt, alarm = office.messages(OMAR)
    assert f"{SUPPORT}" in words(alarm) and asks_to_reconnect(alarm)
    assert "⚪ 7 are over. 1 turned out to be refused: see the newer message." in words(doubt)
    assert f"⚪ {SUPPORT} (team-0)" in words(doubt)


async def test_what_is_dead_does_not_join_what_only_cannot_be_checked(office: Office) -> None:
    """An edit of the older message would wake nobody."""
    support, *_ = await office.has_team_channels(TEAM)
    office.host.weather = lambda mailbox: None if mailbox.address in TEAM[:2] else down(mailbox)
    while not office.messages(OMAR):
        await office.passes(seconds=10)
    office.host.at(SUPPORT).tokens.clear()
    async with office.storage.writing() as uow:
        await uow.probes.reschedule(support.id, office.now)
        await uow.commit()
    await office.passes(seconds=50)
    doubt, alarm = office.messages(OMAR)
    assert SUPPORT not in words(doubt)
    assert f"{SUPPORT} (team-0) stopped working" in words(alarm) and asks_to_reconnect(alarm)


@on_both
async def test_what_was_a_false_alarm_stays_one(office: Office) -> None:
    """Told one by one, then part of an outage, then well. When the inbox really dies later that is
    told anew, and the old message does not change for it."""
    await office.has_team_channels(TEAM)
    office.host.weather = lambda mailbox: outage(mailbox) if mailbox.address == SUPPORT else None
    await office.passes(minutes=4)
    office.host.weather = outage
    await office.passes(minutes=5)
    [first] = (said for said in office.messages(OMAR) if f"{SUPPORT} (team-0)" in words(said))
    assert "probably a false alarm" in words(first)
    office.host.weather = fair
    await office.passes(minutes=30)
    well = words(office.messages(OMAR)[0])
    assert f"False alarm: {SUPPORT} (team-0) works." in well
    await office.passes(hours=2)
    office.host.at(SUPPORT).tokens.clear()
    await office.passes(minutes=5)
    assert asks_to_reconnect(office.messages(OMAR)[-1])
    assert words(office.messages(OMAR)[0]) == well


@on_both
@pytest.mark.parametrize("is_mended", [True, False])
async def test_a_fault_of_ours_does_not_call_an_inbox_well(office: Office, is_mended: bool) -> None:
    """Support is refused; then our own credentials are. Nobody knows about Support any more, and its message
    says just that, until somebody does."""
    await office.has_team_channels(TEAM[:2])
    support = office.host.at(SUPPORT)
    support.refuses = lambda: GrantRejected("account_disabled")
    await office.passes(minutes=5)
    office.host.weather = lambda _: ProviderMisconfigured("invalid_client")
    await office.passes(minutes=40)
    [alarm] = (said for said in office.messages(OMAR) if SUPPORT in words(said))
    assert "cannot be checked at the moment" in words(alarm) and "works" not in words(alarm)
    assert not asks_to_reconnect(alarm)
    office.host.weather = fair
    support.refuses = None if is_mended else support.refuses
    await office.passes(minutes=20)
    first, *more = (said for said in office.messages(OMAR) if SUPPORT in words(said))
    if is_mended:
        assert "works again" in words(first) and not more
    else:
        [newer] = more
        assert "See the newer message" in words(first)
        # The other inbox may not have been looked at by then: the message says so, and offers the way.
        assert "stopped working" in words(newer)
        assert "Reconnect" in {label for label, _ in buttons(newer)}


async def test_after_an_outage_the_dead_is_told_as_dead_at_once(office: Office) -> None:
    """It was held for more than an hour with all others. That hour was the outage's: its own trouble begins
    when the others are back, and is never called "cannot be checked"."""
    await office.has_team_channels(TEAM)
    office.host.weather = outage
    await office.passes(minutes=65)
    office.host.at(SUPPORT).tokens.clear()
    office.host.weather = fair
    await office.passes(minutes=20)
    provider_outage, alarm = office.messages(OMAR)
    assert "False alarm" in words(provider_outage)
    assert "stopped working" in words(alarm) and asks_to_reconnect(alarm)


@pytest.mark.parametrize("back_after", [timedelta(hours=3, minutes=50), timedelta(hours=30)])
async def test_after_a_relapse_people_are_reminded_anew(office: Office, back_after: timedelta) -> None:
    """It worked again when the reminder was due, and is dead again within half an hour: four hours later
    nobody has forgotten it."""
    await office.has_team_channels([SUPPORT, TEAM[1]])
    mailbox = office.host.at(SUPPORT)
    mailbox.refuses = lambda: GrantRejected("account_disabled")
    await office.passes(minutes=3)
    [alarm] = office.messages(OMAR)
    await office.services.channel_actions.disable(
        await office.actor(OMAR), next(it.id for it in await office.channels() if it.address == TEAM[1])
    )
    await office.passes(seconds=back_after.total_seconds() - 180)
    reminders = len(office.messages(OMAR))
    mailbox.refuses = None
    await office.passes(minutes=20)
    mailbox.refuses = lambda: GrantRejected("account_disabled")
    await office.passes(minutes=10)
    assert len(office.messages(OMAR)) == reminders + 1
    assert "stopped working again" in words(office.messages(OMAR)[-1])
    await office.passes(hours=3, minutes=40)
    assert len(office.messages(OMAR)) == reminders + 1
    await office.passes(minutes=25)
    assert "still does not work" in words(office.messages(OMAR)[-1])
    assert {said.thread_ts for said in office.messages(OMAR)[1:]} == {alarm.ts}
