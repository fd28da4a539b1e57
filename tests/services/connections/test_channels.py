"""What people do with inboxes that exist: see, disable, enable."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.channel import State
from bot.domain.errors import Gone, NotAllowed, ReconnectFirst, UnknownAddress
from bot.domain.ids import ChannelId, ConversationId, WorkspaceId
from bot.domain.incident import IncidentKind
from bot.services.core.incidents import Outage
from tests.services.play import ACME, IDS, Play, on_both
from tests.storage.builders import a_team_channel

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


@on_both
async def test_a_channel_goes_from_connected_over_disabled_to_connected(play: Play) -> None:
    """Disabled is not probed as if it were on; enabled goes through a look whose result is returned."""
    alice = await play.connect("alice")
    off = await play.disable("alice", alice)
    assert (off.state, off.version) == (State.DISABLED, alice.version + 1)
    asked = play.google.requests["gmail"]
    await play.passes(hours=1)
    assert play.google.requests["gmail"] == asked
    on = await play.enable("alice", alice)
    assert on.state is State.CONNECTED
    assert play.google.requests["gmail"] == asked + 1
    assert await play.history(alice) == [
        "connect_proven",
        "disable_asked",
        "enable_asked",
        "probe_passed",
    ]


@pytest.mark.threaded
@on_both
async def test_disabling_twice_at_once_is_once(play: Play) -> None:
    """Two clicks, or two people, at the same moment: one step, no error, one line of history."""
    alice = await play.connect("alice")
    states = await asyncio.gather(*(play.disable(who, alice) for who in ("alice", "omar", "alice")))
    assert {channel.state for channel in states} == {State.DISABLED}
    assert (await play.history(alice)).count("disable_asked") == 1


async def test_enabling_what_the_provider_refuses_says_so(play: Play) -> None:
    """The grant died while it was off: it comes back as trouble, not as connected, and is told."""
    alice = await play.connect("alice")
    await play.disable("alice", alice)
    play.google.break_down("revoked", ALICE)
    on = await play.enable("alice", alice)
    assert on.state is State.IMPAIRED
    await play.passes(minutes=6)
    assert (await play.now_of(alice)).state is State.DISCONNECTED
    assert len(await play.alarms()) == 1
    with pytest.raises(ReconnectFirst):
        await play.enable("alice", alice)


async def test_disabling_a_dead_inbox_ends_its_alarm(play: Play) -> None:
    """Who turned it off wants no more of it: the message changes, and nobody is paged again."""
    alice = await play.connect("alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=21)
    await play.disable("alice", alice)
    await play.passes(hours=1)
    assert not await play.alarms()
    assert (await play.now_of(alice)).needs_reconnect


async def test_an_owner_is_told_when_somebody_else_disables_their_inbox(play: Play) -> None:
    """Once, naming who; doing it oneself needs no message."""
    alice, kenji = await play.connect("alice"), await play.connect("kenji")
    before = {name: len(await play.dm(name)) for name in ("alice", "kenji")}
    await play.disable("omar", alice)
    await play.disable("kenji", kenji)
    await play.passes(seconds=5)
    assert len(await play.dm("alice")) == before["alice"] + 1
    assert "Omar" in (await play.dm("alice"))[-1].plain
    assert len(await play.dm("kenji")) == before["kenji"]


async def test_what_one_may_not_see_does_not_exist(play: Play) -> None:
    """Another member's inbox looks like one nobody ever connected; a super admin finds it."""
    kenji = await play.connect("kenji")
    alice, channels = await play.actor("alice"), play.services.channels
    for typed in (KENJI, "nobody@acme.example"):
        with pytest.raises(UnknownAddress) as unknown:
            await channels.find(alice, typed)
        assert unknown.value.near == ()
    assert await channels.addresses(alice, most=20) == ((), 0)
    overview = await channels.overview(alice)
    assert (overview.own, overview.team, overview.others) == ((), (), ())
    seen = await channels.overview(await play.actor("omar"))
    assert [row.channel.id for row in seen.others] == [kenji.id]
    assert seen.others[0].may == {
        Operation.SEE,
        Operation.DISABLE,
        Operation.REMOVE,
        Operation.TAKE_OVER,
        Operation.EDIT,
    }


async def test_a_near_miss_of_ones_own_inbox_is_named(play: Play) -> None:
    """A slip of the finger is met with *did you mean*."""
    await play.connect("alice")
    with pytest.raises(UnknownAddress) as unknown:
        await play.services.channels.find(await play.actor("alice"), "alise@acme.example")
    assert unknown.value.near == (ALICE,)


async def team_addresses(play: Play, number: int, *, state: State = State.CONNECTED, **values: Any) -> None:
    """So many more, after those that are there."""
    async with play.storage.writing() as uow:
        there = len(await uow.channels.all(ACME))
        for it in range(there, there + number):
            address = f"t{it:03}@acme.example"
            same = {"workspace_id": ACME, "address": address, "state": state, "grant_id": None}
            await uow.channels.add(a_team_channel(**same, **values))
        await uow.commit()


@on_both
async def test_what_may_be_meant_is_found_however_many_come_before_it(play: Play) -> None:
    """Three that are turned off, behind more that work than are read: those three, and nothing else. Who
    turns off is offered the others, and told that there are more."""
    await team_addresses(play, 12)
    await team_addresses(play, 3, state=State.DISABLED)
    omar, channels = await play.actor("omar"), play.services.channels
    found, has_more = await channels.candidates(omar, Operation.ENABLE, most=10)
    assert [it.state for it in found] == [State.DISABLED] * 3 and not has_more
    found, has_more = await channels.candidates(omar, Operation.DISABLE, most=10)
    assert [it.state for it in found] == [State.CONNECTED] * 10 and has_more


@on_both
async def test_the_only_one_of_those_that_were_read_may_not_be_the_only_one(play: Play) -> None:
    """Whom nobody may edit but its connector: what is beyond the first ones is not known."""
    await team_addresses(play, 1, connected_by=IDS["alice"])
    await team_addresses(play, 10)
    await team_addresses(play, 1, connected_by=IDS["alice"])
    alice, channels = await play.actor("alice"), play.services.channels
    found, has_more = await channels.candidates(alice, Operation.EDIT, most=10)
    assert (len(found), has_more) == (1, True)
    found, has_more = await channels.candidates(alice, Operation.EDIT, most=12)
    assert (len(found), has_more) == (2, False)


async def test_where_it_makes_sense_for_none_all_are_offered(play: Play) -> None:
    """Of these, too, the first ones, and whether there are others."""
    await team_addresses(play, 11)
    omar, channels = await play.actor("omar"), play.services.channels
    for most, has_more in ((10, True), (11, False)):
        found, is_more = await channels.candidates(omar, Operation.RECONNECT, most=most)
        assert (len(found), is_more) == (most, has_more)


async def test_what_somebody_may_never_do_is_not_offered_beside_what_they_may(play: Play) -> None:
    """Nobody signs in to a colleague's inbox, super admins neither."""
    await play.connect("alice")
    await team_addresses(play, 1)
    omar, channels = await play.actor("omar"), play.services.channels
    found, _ = await channels.candidates(omar, Operation.RECONNECT, most=10)
    assert [it.address for it in found] == ["t001@acme.example"]


async def test_status_shows_both_sides(play: Play) -> None:
    """State, proof of life, scopes, the next look and what happened lately."""
    alice = await play.connect("alice")
    status = await play.services.channels.status(await play.actor("alice"), alice.id)
    assert status.row.last_ok_at == play.now
    assert status.next_probe_at is not None
    assert status.next_probe_at > play.now
    assert {scope.rpartition("/")[2] for scope in status.scopes} >= {"gmail.labels"}
    assert [record.what for record in status.recent] == ["connect_proven"]
    assert status.incident is None


async def test_buttons_of_other_people_and_other_workspaces_do_nothing(play: Play) -> None:
    """Rights are checked where it is done, whatever the button said."""
    alice = await play.connect("alice")
    kenji, actions = await play.actor("kenji"), play.services.channel_actions
    for operation in (actions.disable, actions.enable, actions.remove, play.services.channels.status):
        with pytest.raises((NotAllowed, Gone)):
            await operation(kenji, alice.id)
        with pytest.raises(Gone):
            await operation(kenji, ChannelId("made-up"))
    owner = await play.actor("alice")
    stranger = replace(owner, person=replace(owner.person, workspace_id=WorkspaceId("T0OTHER")))
    with pytest.raises(Gone):
        await actions.disable(stranger, alice.id)
    assert (await play.now_of(alice)).state is State.CONNECTED


async def test_a_button_of_a_removed_inbox_says_gone(play: Play) -> None:
    """It was removed meanwhile: nothing to disable, enable or show."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    for operation in (
        play.services.channel_actions.disable,
        play.services.channel_actions.enable,
        play.services.channels.status,
    ):
        with pytest.raises(Gone):
            await operation(await play.actor("alice"), alice.id)


@on_both
async def test_a_channel_has_at_most_one_open_incident(play: Play) -> None:
    """Opening a second one changes nothing: the first stays the only one (rule 10)."""
    alice = await play.connect("alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=21)
    first, dead = await play.incident(alice), await play.now_of(alice)
    async with play.storage.writing() as uow:
        await play.services.incidents.open(
            uow, dead, Outage(IncidentKind.DEAD, "again"), readers=(), now=play.now
        )
        await uow.commit()
    await play.settles()
    assert await play.incident(alice) == first
    assert len(await play.alarms()) == 1


@on_both
async def test_the_first_hour_knows_what_there_is_and_not_what_the_page_shows(play: Play) -> None:
    """The only team address with a conversation stands behind those in trouble, on the second page."""
    await team_addresses(play, 4, state=State.DISCONNECTED)
    await team_addresses(play, 1, conversation_id=ConversationId("C1"))
    omar, channels = await play.actor("omar"), play.services.channels
    for most in (2, 10):
        steps = (await channels.overview(omar, most=most)).first_hour
        assert steps is not None and (steps.has_team, steps.has_conversation) == (True, True)
        assert steps.team is not None and steps.team.address == "t004@acme.example"


async def test_the_first_hour_that_is_done_does_not_come_back(play: Play) -> None:
    """Whoever has done all of it sees no more of it, whatever goes later; for others it is as it was."""
    await team_addresses(play, 1, conversation_id=ConversationId("C1"))
    omar, sakura, channels = await play.actor("omar"), await play.actor("sakura"), play.services.channels
    await play.services.people.note_first_hour(omar, rehearsed=True)
    assert (await channels.overview(omar)).first_hour is None
    async with play.storage.writing() as uow:
        [told] = await uow.channels.all(ACME)
        await uow.channels.save(replace(told, conversation_id=None))
        await uow.commit()
    assert (await channels.overview(omar)).first_hour is None
    steps = (await channels.overview(sakura)).first_hour
    assert steps is not None and (steps.has_conversation, steps.has_rehearsed) == (False, False)
