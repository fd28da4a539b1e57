"""HubSpot's outage of 1 March 2025 for team addresses: for 65 minutes a provider answers as if every grant
were dead, then recovers. Nobody is sent to reconnect for nothing, and everything comes back by itself.

``tests/e2e/test_provider_outages.py`` plays 3, 5 and 20 through the whole product; ``bench`` plays 2,000.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest

from bot.domain.channel import State
from bot.domain.errors import GrantRejected, ProviderError
from bot.domain.provider_outage import Advice, ProviderOutage
from tests.services.play import on_both
from tests.simulation.mailhost import Mailbox, Weather, fair
from tests.simulation.office import OMAR, SAKURA, Office
from tests.simulation.slack_reader import asks_to_reconnect, words

ADMINS = (OMAR, SAKURA)


def outage(_: Mailbox) -> ProviderError:
    """Everybody is answered like this."""
    return GrantRejected("invalid_grant")


def team(count: int) -> list[str]:
    return [f"team-{number}@acme.example" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "database_kind"),
    [(1, "sqlite"), (5, "postgresql"), (50, "sqlite")],
)
async def test_an_outage_replayed_sends_nobody_to_reconnect(office: Office, count: int) -> None:
    """No advice to reconnect in the first 15 minutes, one message for its whole life, all back by itself."""
    await office.has_team_channels(team(count))
    office.host.weather = outage
    for _ in range(14):
        await office.passes(minutes=1)
        assert not any(asks_to_reconnect(said) for who in ADMINS for said in office.messages(who))
    await office.passes(minutes=51)
    assert State.CONNECTED not in await office.states()
    office.host.weather = fair
    await office.passes(minutes=2 if count >= 3 else 16)
    assert await office.states() == {State.CONNECTED: count}
    await office.passes(minutes=30)
    for who, over in ((OMAR, ("False alarm", "works again on its own")), (SAKURA, ("誤報", "自動的に復旧"))):
        [said] = office.messages(who)
        assert any(word in words(said) for word in over), words(said)
        assert not asks_to_reconnect(said)


async def test_a_moments_recovery_does_not_blind_the_bot(office: Office) -> None:
    """One mailbox works for one look in the middle of an outage: all others are looked at, are refused, and
    wait in line again, so that the real end is noticed as soon as ever."""
    await office.has_team_channels(team(12))
    office.host.weather = outage
    await office.passes(minutes=5)
    served: list[str] = []

    def once(mailbox: Mailbox) -> ProviderError | None:
        if served:
            return outage(mailbox)
        served.append(mailbox.address)
        return None

    office.host.weather = once
    await office.passes(minutes=5)
    assert served
    before = office.host.asked["refresh"]
    await office.passes(minutes=10)
    assert office.host.asked["refresh"] - before in range(8, 30)  # a look a minute, and the one that is back
    office.host.weather = fair
    await office.passes(minutes=2)
    assert await office.states() == {State.CONNECTED: 12}
    for who in ADMINS:
        assert len(office.messages(who)) == 1


async def test_recovering_bit_by_bit_is_no_storm_of_looks(office: Office) -> None:
    """Half of the mailboxes come back in one minute: nobody is asked about more often than once a minute."""
    await office.has_team_channels(team(20))
    office.host.weather = outage
    await office.passes(minutes=6)
    back: set[str] = set()
    office.host.weather = lambda it: None if it.address in back else outage(it)
    before = office.host.asked["refresh"]
    for number in range(0, 10):
        back |= set(team(20)[number : number + 1])
        await office.passes(seconds=6)
    assert office.host.asked["refresh"] - before < 20 * 3 + 11 * 10
    office.host.weather = fair
    await office.passes(minutes=3)
    assert await office.states() == {State.CONNECTED: 20}


@on_both
async def test_a_hold_whose_last_inbox_was_disabled_is_over(office: Office) -> None:
    """Disabled inboxes wait for nothing: the message is closed, and the next outage is its own matter."""
    channels = await office.has_team_channels(team(3))
    office.host.weather = outage
    await office.passes(minutes=4)
    omar = await office.actor(OMAR)
    for channel in channels:
        await office.services.channel_actions.disable(omar, channel.id)
    await office.passes(minutes=1)
    [provider_outage] = [said for said in office.messages(SAKURA) if "Google" in words(said)]
    assert "一斉の拒否は解消しました" in words(provider_outage), words(provider_outage)
    office.host.weather = fair
    [lone] = await office.has_team_channels(["lone@acme.example"])
    office.host.at("lone@acme.example").tokens.clear()
    await office.passes(minutes=8)
    assert (await office.services.channels.by_id(omar, lone.id)).state is State.DISCONNECTED
    assert any("lone@acme.example" in words(said) for said in office.messages(OMAR))


async def test_who_leaves_the_hold_keeps_nobody_waiting(office: Office) -> None:
    """With many in line a turn may be far off. When the others leave by hand, the last one's comes soon."""
    channels = await office.has_team_channels(team(12))
    office.host.weather = outage
    await office.passes(minutes=5)
    omar = await office.actor(OMAR)
    kept, *others = sorted(channels, key=lambda it: it.address)
    for channel in others:
        await office.services.channel_actions.remove(omar, channel.id)
    async with office.storage.reading() as uow:
        row = await uow.probes.find(kept.id)
    assert row is not None and row.due_at <= office.now + timedelta(minutes=2)


def only(tenant: str, but: Collection[str] = ()) -> Weather:
    """One organisation's mailboxes are refused, all ``but`` these."""
    return lambda it: outage(it) if it.tenant == tenant and it.address not in but else None


@on_both
async def test_a_small_organisation_is_heard_among_many_others(office: Office) -> None:
    """Four of forty-four mailboxes belong to one organisation, and its admin closes it: that is one message
    and no four accidents, though most of those that could be asked are somebody else's."""
    shop = [f"till-{number}@shop.example" for number in range(4)]
    await office.has_team_channels([*team(40), *shop])
    office.host.weather = only("shop.example")
    await office.passes(minutes=14)
    assert await office.states() == {State.CONNECTED: 40, State.IMPAIRED: 4}
    for who in ADMINS:
        [said] = office.messages(who)
        assert "shop.example" in words(said) and not asks_to_reconnect(said)
    office.host.weather = fair
    await office.passes(minutes=5)
    assert await office.states() == {State.CONNECTED: 44}


async def provider_outages(office: Office) -> list[ProviderOutage]:
    """Those that are open."""
    async with office.storage.reading() as uow:
        channels = await uow.channels.all(office.acme)
        found = [
            await uow.provider_outages.open_for(it.workspace_id, it.provider, it.identity.tenant)
            for it in channels
        ]
    return list({it.id: it for it in found if it is not None}.values())


@on_both
async def test_a_large_organisation_does_not_speak_for_the_provider(office: Office) -> None:
    """The ten that were proven last all belong to the one that is closed. Others are asked, too: the hold is
    that organisation's, and stays its own however long the others are served."""
    await office.has_team_channels(team(2))
    await office.has_team_channels([f"till-{number}@shop.example" for number in range(60)])
    await office.passes(seconds=150)
    office.host.weather = only("shop.example")
    await office.passes(minutes=40)
    assert await office.states() == {State.CONNECTED: 2, State.IMPAIRED: 60}
    assert [it.tenant for it in await provider_outages(office)] == ["shop.example"]
    for who in ADMINS:
        [said] = office.messages(who)
        assert "shop.example" in words(said)


@on_both
async def test_an_outage_that_goes_on_for_one_organisation_becomes_its_own(office: Office) -> None:
    """All were refused, all others are back for long: nobody's grant is dead for that. The same message says
    now whose trouble it is, and ends well when that is over."""
    shop = [f"till-{number}@shop.example" for number in range(12)]
    await office.has_team_channels([*team(12), *shop])
    office.host.weather = outage
    await office.passes(minutes=5)
    office.host.weather = only("shop.example")
    await office.passes(minutes=40)
    assert await office.states() == {State.CONNECTED: 12, State.IMPAIRED: 12}
    assert [it.tenant for it in await provider_outages(office)] == ["shop.example"]
    for who in ADMINS:
        [said] = office.messages(who)
        assert "shop.example" in words(said)
    office.host.weather = fair
    await office.passes(minutes=3)
    assert await office.states() == {State.CONNECTED: 24}
    for who in ADMINS:
        [said] = office.messages(who)
        assert words(said).startswith("✅") and "shop.example" in words(said)


@on_both
async def test_what_follows_on_the_heels_of_an_outage_is_no_news(office: Office) -> None:
    """It is over, and a minute later two more are refused while all others work: the one for a while, the
    other for good. Only what lasts is told."""
    *_, slow, dead = await office.has_team_channels(team(8))
    await office.passes(seconds=121)
    office.host.weather = outage
    await office.passes(seconds=50)
    office.host.weather = fair
    await office.passes(minutes=3)
    assert not await provider_outages(office)
    office.host.at(dead.address).revokes(office.now)
    office.host.weather = lambda it: outage(it) if it.address == slow.address else None
    await office.passes(minutes=8)
    assert await office.states() == {State.CONNECTED: 6, State.IMPAIRED: 2}
    office.host.weather = fair
    await office.passes(minutes=16)
    assert await office.states() == {State.CONNECTED: 7, State.DISCONNECTED: 1}
    for who in ADMINS:
        over, alarm = office.messages(who)
        assert words(over).startswith("✅") and dead.address in words(alarm)


async def test_an_outage_of_half_of_all_mailboxes_is_no_accident_of_each(office: Office) -> None:
    """The other half works throughout: that was so before, and refutes nothing."""
    await office.has_team_channels(team(16))
    office.host.weather = lambda it: outage(it) if int(it.address[5:].partition("@")[0]) % 2 else None
    await office.passes(minutes=65)
    assert State.DISCONNECTED not in await office.states()
    office.host.weather = fair
    await office.passes(minutes=5)
    assert await office.states() == {State.CONNECTED: 16}


@on_both
async def test_many_that_died_together_are_told_once_reconnecting_has_helped(office: Office) -> None:
    """Others work all the while: that proves nothing, and nor does any time. Once one of them was
    reconnected, and works, each admin gets one list of the others."""
    await office.has_team_channels(team(16))
    await office.passes(minutes=3)
    for address in team(16)[::2]:
        office.host.at(address).revokes(office.now)
    await office.passes(hours=3)
    assert await office.states() == {State.CONNECTED: 8, State.IMPAIRED: 8}
    await office.reconnects(OMAR, team(16)[0])
    await office.passes(minutes=14)
    assert State.DISCONNECTED not in await office.states()
    await office.passes(minutes=5)
    assert await office.states() == {State.CONNECTED: 9, State.DISCONNECTED: 7}
    assert not await provider_outages(office)
    for who in ADMINS:
        provider_outage, *others = office.messages(who)
        alarm, *replies = (said for said in others if "🔴" in words(said))
        assert words(alarm).startswith("🔴 7 ") and not words(provider_outage).startswith("🔴")
        assert len(replies) <= 1, [words(said) for said in replies]


async def test_an_outage_that_lies_for_hours_disconnects_nobody(office: Office) -> None:
    """All day long, with others served throughout, and back bit by bit with a long pause in between."""
    await office.has_team_channels(team(24))
    struck = set(team(24)[4:])
    office.host.weather = lambda it: outage(it) if it.address in struck else None
    await office.passes(hours=7)
    for rest in (12, 5, 0):
        struck = set(team(24)[24 - rest :])
        await office.passes(minutes=50)
        assert await office.states() == {State.CONNECTED: 24 - rest, State.IMPAIRED: rest} or not rest
    assert await office.states() == {State.CONNECTED: 24}
    for who in ADMINS:
        assert not any("🔴" in words(said) for said in office.messages(who))


async def test_who_reconnects_what_the_outage_no_longer_strikes_proves_nothing(office: Office) -> None:
    """The old grants of these would have been taken again: the reconnect shows that the outage ends, and the
    others are left alone, although nobody else comes back for a while."""
    await office.has_team_channels(team(12))
    office.host.weather = outage
    await office.passes(minutes=20)
    back = team(12)[:3]
    office.host.weather = lambda it: None if it.address in back else outage(it)
    for address in back:
        await office.reconnects(OMAR, address)
    await office.passes(minutes=90)
    assert await office.states() == {State.CONNECTED: 3, State.IMPAIRED: 9}
    office.host.weather = fair
    await office.passes(minutes=3)
    assert await office.states() == {State.CONNECTED: 12}


async def test_an_accident_during_an_outage_does_not_speak_for_the_others(office: Office) -> None:
    """It struck half of them; one that it did not strike died meanwhile, is reconnected, and works."""
    await office.has_team_channels(team(16))
    struck = set(team(16)[::2])
    office.host.weather = lambda it: outage(it) if it.address in struck else None
    await office.passes(minutes=4)
    office.host.at(team(16)[1]).revokes(office.now)
    await office.passes(minutes=20)
    assert await office.states() == {State.CONNECTED: 7, State.IMPAIRED: 9}
    await office.reconnects(OMAR, team(16)[1])
    await office.passes(hours=2)
    assert await office.states() == {State.CONNECTED: 8, State.IMPAIRED: 8}
    office.host.weather = fair
    await office.passes(minutes=3)
    assert await office.states() == {State.CONNECTED: 16}


async def test_a_refusal_of_the_reconnected_voids_what_it_proved(office: Office) -> None:
    """One was reconnected, but is refused again before long."""
    await office.has_team_channels(team(16))
    await office.passes(minutes=3)
    for address in team(16)[::2]:
        office.host.at(address).revokes(office.now)
    await office.passes(minutes=20)
    await office.reconnects(OMAR, team(16)[0])
    await office.passes(minutes=5)
    office.host.weather = lambda it: outage(it) if it.address == team(16)[0] else None
    await office.passes(minutes=2, seconds=5)
    office.host.weather = fair
    await office.passes(hours=1)
    assert await office.states() == {State.CONNECTED: 9, State.IMPAIRED: 7}


async def test_who_is_served_beside_one_is_heard_before_other_organisations(office: Office) -> None:
    """Another organisation is closed; a mailbox of ours dies by itself. Its only sibling works: that counts
    for more than all those held elsewhere."""
    shop = [f"till-{number}@shop.example" for number in range(30)]
    ours = await office.has_team_channels(team(2))
    await office.has_team_channels(shop)
    office.host.weather = only("shop.example")
    await office.passes(minutes=10)
    office.host.at(ours[0].address).revokes(office.now)
    await office.passes(minutes=4)
    assert await office.states() == {State.CONNECTED: 1, State.DISCONNECTED: 1, State.IMPAIRED: 30}
    assert [it.tenant for it in await provider_outages(office)] == ["shop.example"]


async def test_others_know_nothing_of_an_organisations_recovery(office: Office) -> None:
    """It comes back bit by bit. That all mailboxes of somebody else worked throughout is no reason to call
    those disconnected that are not back yet."""
    await office.has_team_channels([*team(9), *[f"till-{number}@shop.example" for number in range(4)]])
    office.host.weather = only("acme.example")
    await office.passes(minutes=6)
    assert await office.states() == {State.CONNECTED: 4, State.IMPAIRED: 9}
    for back in range(1, 9):
        office.host.weather = only("acme.example", but=team(back))
        await office.passes(minutes=1, seconds=30)
    assert await office.states() == {State.CONNECTED: 12, State.IMPAIRED: 1}
    office.host.weather = fair
    await office.passes(minutes=3)
    assert await office.states() == {State.CONNECTED: 13}
    for who in ADMINS:
        assert len(office.messages(who)) == 1


async def test_the_first_words_of_a_hold_name_all_that_is_known(office: Office) -> None:
    """All five are due at the same moment: an edit a second later would not show on a phone."""
    await office.has_team_channels(team(5))
    async with office.storage.writing() as uow:
        for channel in await office.channels():
            await uow.probes.reschedule(channel.id, office.now + timedelta(minutes=1))
        await uow.commit()
    office.host.weather = outage
    while not office.messages(OMAR):
        await office.passes(seconds=1)
    [said] = office.messages(OMAR)
    assert "Google refuses 5 inboxes at once" in said.text and not said.edited_ts


async def test_a_hold_gives_the_same_advice_everywhere_and_reminds(office: Office) -> None:
    """Wait at first; after 15 minutes reconnect, in its message, list and status; and it is not forgotten."""
    [one, *_] = await office.has_team_channels(team(6))
    await office.passes(minutes=3)
    office.host.weather = outage
    await office.passes(minutes=5)
    omar = await office.actor(OMAR)
    for advice in (Advice.WAIT, Advice.RECONNECT):
        status = await office.services.channels.status(omar, one.id)
        shown = await office.services.channels.overview(omar)
        assert {row.advice for row in (status.row, *shown.team)} == {advice}
        [said] = office.messages(OMAR)
        assert ("Don't reconnect yet" in words(said)) is (advice is Advice.WAIT)
        assert asks_to_reconnect(said) is (advice is Advice.RECONNECT)
        await office.passes(minutes=16)
    back = team(6)[:2]
    office.host.weather = lambda it: None if it.address in back else outage(it)
    await office.passes(hours=4)
    first, reminder = office.messages(OMAR)
    assert "2 of 6 work again; 4 are still refused." in words(first)
    assert reminder.thread_ts == first.ts
    assert "Google still refuses 4 inboxes" in words(reminder) and "reconnect" in words(reminder)
    office.host.weather = fair
    await office.passes(hours=24)
    assert len(office.messages(OMAR)) == 2
    assert {(await office.services.channels.by_id(omar, one.id)).shown_since} == {one.since}


async def test_what_never_worked_in_between_is_not_said_to_have(office: Office) -> None:
    """It was told, then held with all others, and is refused still: the message was only taken back."""
    await office.has_team_channels(team(8))
    office.host.at(team(8)[0]).revokes(office.now)
    await office.passes(minutes=4)
    office.host.weather = outage
    await office.passes(minutes=6)
    office.host.weather = fair
    await office.passes(minutes=22)
    assert await office.states() == {State.CONNECTED: 7, State.DISCONNECTED: 1}
    last = office.messages(OMAR)[-1]
    assert "is still refused, for a reason of its own" in words(last) and "half an hour" not in words(last)
