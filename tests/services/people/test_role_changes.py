"""Roles change in nobody's silence, and can be taken back for a while."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.access import Role, RoleChange
from bot.domain.channel import State
from bot.domain.errors import GuestNotAllowed, LastSuperAdmin, NotAllowed, RolesChanged, UndoOver
from bot.services.connections.channel_actions import TeamDetails
from bot.services.core.roles import roles_in
from tests.services.play import ACME, IDS, Play, on_both

SUPER, ACCESS = Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS


async def supers(play: Play) -> set[str]:
    async with play.storage.reading() as uow:
        roles = await roles_in(uow, play.services.core, ACME)
    return {person.id for person in roles.super_admins}


async def give(play: Play, by: str, role: Role, whom: str) -> RoleChange:
    change = await play.services.admins.give(await play.actor(by), role, IDS[whom])
    assert change is not None
    await play.passes(seconds=3)
    return change


async def take(play: Play, by: str, role: Role, whom: str) -> RoleChange:
    change = await play.services.admins.take(await play.actor(by), role, IDS[whom])
    assert change is not None
    await play.passes(seconds=3)
    return change


async def undo(play: Play, by: str, change: RoleChange) -> RoleChange:
    undone = await play.services.admins.undo(await play.actor(by), change.id)
    await play.passes(seconds=3)
    return undone


@on_both
async def test_the_first_choice_drops_nobody_and_goes_back_whole(play: Play) -> None:
    """Whoever was super admin by Slack's flags stays it; undone, Slack's flags count again."""
    before = await supers(play)
    change = await give(play, "omar", SUPER, "alice")
    assert await supers(play) == before | {IDS["alice"]}
    assert set(change.people) == {IDS["alice"]}
    assert await play.told("alice", "made you a super admin")
    assert not await play.told("sakura", "スーパー管理者")
    async with play.storage.reading() as uow:
        [record] = [it for it in await uow.history.of_workspace(ACME, change.at, 9) if "role" in it.what]
    assert (record.what, record.actor) == ("role_given", IDS["omar"])
    await undo(play, "sakura", change)
    assert await supers(play) == before
    async with play.storage.reading() as uow:
        assert (await uow.roles.of(ACME)).super_admins == frozenset()
    assert await play.told("alice", "took you off the super admins")


@pytest.mark.threaded
@on_both
async def test_a_double_click_undoes_once(play: Play) -> None:
    """The second finds it done; the message says by whom; nobody is told twice."""
    change = await give(play, "omar", ACCESS, "kenji")
    omar = await play.actor("omar")
    undo_it = play.services.admins.undo
    came = await asyncio.gather(undo_it(omar, change.id), undo_it(omar, change.id), return_exceptions=True)
    assert sorted(type(it).__name__ for it in came) == ["RoleChange", "UndoOver"]
    over = next(it for it in came if isinstance(it, UndoOver))
    assert over.undone_by == omar.id
    await play.passes(seconds=5)
    assert len(await play.told("kenji", "アカウントアクセスを取り消しました")) == 1


async def test_undo_is_for_super_admins_as_they_are_now(play: Play) -> None:
    """A forged click, or one of somebody who was taken off meanwhile: refused; so is another's workspace."""
    change = await give(play, "omar", SUPER, "alice")
    for name in ("kenji", "gus"):
        with pytest.raises((NotAllowed, GuestNotAllowed)):
            await undo(play, name, change)
    off = await take(play, "alice", SUPER, "omar")
    with pytest.raises(NotAllowed):
        await undo(play, "omar", off)
    for forged in ("", "x", off.id + "0"):
        with pytest.raises(UndoOver):
            await play.services.admins.undo(await play.actor("alice"), forged)


async def test_what_is_old_or_was_followed_is_not_undone(play: Play) -> None:
    """A day later, or after another change of the same, the button is gone and the click refused."""
    change = await give(play, "omar", ACCESS, "kenji")
    await take(play, "omar", ACCESS, "kenji")
    again = await give(play, "omar", ACCESS, "kenji")
    with pytest.raises(UndoOver):
        await undo(play, "omar", change)
    await play.passes(hours=24)
    with pytest.raises(UndoOver):
        await undo(play, "omar", again)
    await play.passes(seconds=3)
    assert "[Undo]" not in (await play.dm("omar"))[-1].plain
    with pytest.raises(UndoOver):
        await undo(play, "omar", again)


async def test_an_undo_is_not_undone(play: Play) -> None:
    """No ping-pong: it is a change like any other, told and final."""
    change = await give(play, "omar", ACCESS, "kenji")
    back = await undo(play, "omar", change)
    with pytest.raises(UndoOver):
        await undo(play, "omar", back)


async def test_the_last_one_who_was_chosen_stays(play: Play) -> None:
    """Neither by themselves nor by an undo does the list become empty and Slack's flags count in silence."""
    await give(play, "omar", SUPER, "alice")
    await take(play, "alice", SUPER, "sakura")
    await take(play, "alice", SUPER, "omar")
    with pytest.raises(LastSuperAdmin):
        await take(play, "alice", SUPER, "alice")
    assert await supers(play) == {IDS["alice"]}


@pytest.mark.threaded
@on_both
async def test_two_who_take_each_other_off_at_once(play: Play) -> None:
    """One is faster; the other may not any more."""
    await give(play, "omar", SUPER, "alice")
    await take(play, "omar", SUPER, "sakura")
    omar, alice = await play.actor("omar"), await play.actor("alice")
    off = play.services.admins.take
    came = await asyncio.gather(
        off(omar, SUPER, alice.id), off(alice, SUPER, omar.id), return_exceptions=True
    )
    assert sum(isinstance(it, RoleChange) for it in came) == 1
    assert sum(isinstance(it, NotAllowed) for it in came) == 1
    assert len(await supers(play)) == 1


async def test_what_was_agreed_to_is_what_is_done(play: Play) -> None:
    """Somebody changed the list between the question and the answer: nothing is done."""
    omar, admins = await play.actor("omar"), play.services.admins
    preview = await admins.preview(omar, SUPER, IDS["alice"], is_given=True)
    assert {one.id for one in preview.super_admins} == {IDS["omar"], IDS["sakura"], IDS["alice"]}
    assert await supers(play) == {IDS["omar"], IDS["sakura"]}
    await give(play, "sakura", SUPER, "kenji")
    with pytest.raises(RolesChanged):
        await admins.give(omar, SUPER, IDS["alice"], basis=preview.basis)
    assert IDS["alice"] not in await supers(play)


async def test_everybody_in_a_group_hears_of_it(play: Play) -> None:
    """Given and taken, by name of who did it; whoever is more than that anyway hears nothing."""
    await play.stage.driver.grant("usergroups:read")
    await play.stage.driver.edit_group("S0MAIL", "alice", "kenji", "sakura")
    await play.services.admins.give_group(await play.actor("omar"), "S0MAIL")
    await play.passes(seconds=3)
    assert await play.told("alice", "@Omar Haddad gave you account access")
    assert await play.told("kenji", "@Omar Haddad", "アカウントアクセスを付与しました")
    assert not await play.dm("sakura")
    await play.services.admins.take(await play.actor("omar"), ACCESS, "S0MAIL")
    await play.passes(seconds=3)
    assert await play.told("kenji", "アカウントアクセスを取り消しました")


async def test_what_changes_nothing_tells_nobody(play: Play) -> None:
    """Given to somebody who holds it, or taken from somebody who does not."""
    await give(play, "omar", ACCESS, "kenji")
    told = len(await play.dm("kenji"))
    omar = await play.actor("omar")
    assert await play.services.admins.give(omar, ACCESS, IDS["kenji"]) is None
    assert await play.services.admins.take(omar, ACCESS, IDS["alice"]) is None
    await play.passes(seconds=3)
    assert len(await play.dm("kenji")) == told


# --- who is to know changes while something does not work


@on_both
async def test_a_dead_inbox_that_becomes_the_teams_is_the_admins_matter(play: Play) -> None:
    """They get the alarm with its button; its former owner's stays the one message."""
    inbox = await play.connect("kenji")
    await play.connect("alice")
    play.google.break_down("revoked", "kenji@acme.example")
    await play.passes(minutes=16)
    assert not await play.alarms("omar")
    taken = await play.services.channel_actions.take_over(
        await play.actor("omar"), inbox.id, TeamDetails(name="Kenji's desk")
    )
    await play.passes(seconds=5)
    for name in ("omar", "sakura"):
        [alarm] = await play.alarms(name)
        assert taken.address in alarm.plain
    assert await play.link("omar")
    assert len(await play.alarms("kenji")) == 1
    await play.signs_in(await play.reconnect("omar", taken))
    assert not [name for name in ("omar", "sakura", "kenji") if await play.alarms(name)]


@on_both
async def test_a_relapse_reaches_whoever_became_an_admin_since(play: Play) -> None:
    """The others hear it in a reply to their message; she gets one."""
    inbox = await play.connect_team()
    await play.connect("kenji")
    play.google.break_down("account_disabled", "support@acme.example")
    await play.passes(minutes=16)
    play.google.mend("support@acme.example")
    await play.passes(minutes=16)
    assert (await play.now_of(inbox)).state is State.CONNECTED
    await give(play, "omar", ACCESS, "alice")
    play.google.break_down("account_disabled", "support@acme.example")
    await play.passes(minutes=16)
    [alarm] = await play.alarms("alice")
    [first, reply] = await play.alarms("omar")
    assert alarm.thread is None and "stopped working again" not in alarm.plain
    assert reply.thread == first.ts and "stopped working again" in reply.plain
