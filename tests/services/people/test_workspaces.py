"""People come and go, and so does the whole workspace; the clock's chores are done once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.channel import State
from bot.domain.errors import DirectoryAway, GuestNotAllowed, NotAllowed, WrongWorkspace
from bot.domain.grant import Phase, Revocation
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.job import Job
from bot.domain.ticket import OutcomeKind
from tests.services.play import ACME, IDS, Play, on_both

ALICE = "alice@acme.example"


# --- people


async def test_guests_bots_and_strangers_are_refused(play: Play) -> None:
    """Neither a guest, nor a bot, nor somebody unknown, nor another workspace gets in."""
    for user, workspace, refusal in [
        ("U0GUS", ACME, GuestNotAllowed),
        ("U0BOT", ACME, GuestNotAllowed),
        ("U0NOBODY", ACME, WrongWorkspace),
        ("U0ALICE", WorkspaceId("T0OTHER"), WrongWorkspace),
    ]:
        with pytest.raises(refusal):
            await play.services.people.member(workspace, UserId(user), fresh=True)


async def test_rights_are_read_anew_for_every_privileged_click(play: Play) -> None:
    """An admin who is one no longer may do nothing more, though nobody has told the bot."""
    alice = await play.connect("alice")
    assert (await play.actor("omar")).is_super_admin
    await play.stage.driver.edit_person("omar", is_admin=False, silently=True)
    assert not (await play.actor("omar")).is_super_admin
    with pytest.raises(NotAllowed):
        await play.disable("omar", alice)


async def test_a_privileged_click_fails_closed_when_slack_is_away(play: Play) -> None:
    """Rights that cannot be read are no rights; looking is still possible."""
    await play.actor("alice")
    await play.stage.driver.break_("away", method="users.info")
    with pytest.raises(DirectoryAway):
        await play.actor("alice")
    await play.services.people.member(ACME, IDS["alice"])
    assert await play.services.people.locale_of(ACME, IDS["kenji"]) == "ja-JP"


async def test_an_inbox_without_an_owner_is_asked_about_once(play: Play) -> None:
    """The owner left: every super admin sees it once, and the question is over when one decides."""
    alice = await play.connect("alice")
    await play.stage.driver.edit_person("alice", deleted=True)
    await play.until_known(lambda person: person.is_deleted)
    await play.stage.driver.edit_person("alice", real_name="Alice Gone")
    await play.until_known(lambda person: person.name == "Alice Gone" or person.is_deleted)
    await play.services.people.read_all()
    await play.passes(seconds=5)
    asked = {name: await play.told(name, ALICE) for name in ("sakura", "omar")}
    assert {name: len(said) for name, said in asked.items()} == {"sakura": 1, "omar": 1}
    assert (await play.now_of(alice)).state is State.CONNECTED
    await play.disable("omar", alice)
    await play.passes(seconds=5)
    for name in ("sakura", "omar"):
        [said] = [said for said in await play.dm(name) if said.ts == asked[name][0].ts]
        assert said.edited


async def test_an_owner_who_is_back_needs_no_answer(play: Play) -> None:
    """Reactivated at Slack: the question says so and has no button. Who leaves again is asked about again."""
    alice = await play.connect("alice")
    await play.stage.driver.edit_person("alice", deleted=True)
    await play.until_known(lambda person: person.is_deleted)
    await play.passes(seconds=5)
    [asked] = await play.told("omar", ALICE)
    await play.stage.driver.edit_person("alice", deleted=False)
    await play.until_known(lambda person: not person.is_deleted)
    await play.passes(seconds=5)
    [said] = await play.told("omar", ALICE)
    assert (said.ts, said.edited) == (asked.ts, True)
    assert "is back in the workspace" in said.plain and "nothing to do" in said.plain
    assert not [block for block in said.blocks if block["type"] == "actions"]
    assert (await play.history(alice))[-1] == "owner_back"
    await play.stage.driver.edit_person("alice", deleted=True)
    await play.until_known(lambda person: person.is_deleted)
    await play.passes(seconds=5)
    first, second = await play.told("omar", ALICE)
    assert "left the workspace" in second.plain and "is back" in first.plain
    await play.disable("sakura", alice)
    await play.stage.driver.edit_person("alice", deleted=False)
    await play.until_known(lambda person: not person.is_deleted)
    await play.passes(seconds=5)
    assert all("decided" in said.plain for said in (await play.told("omar", ALICE))[:2])


@on_both
async def test_the_owner_of_a_disabled_inbox_is_missed_too(play: Play) -> None:
    """Nothing works there, but the permission at the provider still stands: somebody must decide."""
    alice = await play.connect("alice")
    await play.disable("alice", alice)
    await play.stage.driver.edit_person("alice", deleted=True)
    await play.until_known(lambda person: person.is_deleted)
    await play.passes(seconds=5)
    [asked] = await play.told("omar", "left the workspace")
    assert "its permission at Google is still there" in asked.plain
    await play.remove("omar", await play.now_of(alice))
    await play.passes(seconds=5)
    [said] = (said for said in await play.dm("omar") if said.ts == asked.ts)
    assert "decided" in said.plain


async def test_whoever_is_not_told_of_outages_is_not_promised_it(play: Play) -> None:
    """A member who reconnects a team address mends it; others look after it."""
    support = await play.connect_team()
    assert (await play.signs_in(await play.reconnect("alice", support))).ending is OutcomeKind.RECONNECTED
    await play.passes(seconds=5)
    [mended], [first] = await play.told("alice", "just checked"), await play.told("omar", "is connected")
    promise = "If it stops working, you are told here."
    assert promise in first.plain and promise not in mended.plain


async def test_an_owner_who_came_back_before_anybody_was_asked_is_no_question(play: Play) -> None:
    """Slack was away in between; by then there is nothing to ask."""
    await play.connect("alice")
    await play.stage.driver.break_("away", method="chat.postMessage")
    for deleted in (True, False):
        await play.stage.driver.edit_person("alice", deleted=deleted)
        await play.until_known(lambda person, it=deleted: person.is_deleted is it)  # type: ignore[misc]
    await play.stage.driver.mend()
    await play.passes(minutes=5)
    assert not await play.told("omar", ALICE)


async def test_super_admins_are_told_of_an_owner_who_left_unnoticed(play: Play) -> None:
    """No event arrived: the daily reading finds out."""
    await play.connect("alice")
    await play.stage.driver.edit_person("alice", deleted=True, silently=True)
    play.stage.town.clock.advance(timedelta(days=1))
    await play.passes(seconds=5)
    assert len(await play.told("omar", ALICE)) == 1


# --- the workspace


@on_both
async def test_an_uninstall_stops_probing_and_messages(play: Play) -> None:
    """Neither Google nor Slack hears anything while the bot is not installed."""
    alice = await play.connect("alice")
    await play.uninstalled()
    play.google.break_down("revoked", ALICE)
    asked, posted = play.google.requests["token"], len(await play.stage.driver.calls("chat.postMessage"))
    await play.passes(hours=6)
    assert play.google.requests["token"] == asked
    assert len(await play.stage.driver.calls("chat.postMessage")) == posted
    assert (await play.now_of(alice)).state is State.CONNECTED


async def test_reinstalling_finds_everything_as_it_was(play: Play) -> None:
    """Probing goes on where it stopped, with the same grant."""
    alice = await play.connect("alice")
    await play.uninstalled()
    await play.passes(days=2)
    await play.reinstalled()
    asked = play.google.requests["token"]
    await play.passes(minutes=1)
    assert play.google.requests["token"] == asked + 1
    assert (await play.now_of(alice)).grant_id == alice.grant_id


async def test_an_alarm_that_met_the_uninstall_is_told_after_reinstalling(play: Play) -> None:
    """The inbox died, and the token before the message went out: it is still true, so it is told."""
    alice = await play.connect("alice")
    await play.passes(seconds=2)
    play.google.break_down("revoked", ALICE)
    await play.look(alice)
    play.stage.town.clock.advance(timedelta(minutes=5))
    await play.look(alice)
    await play.stage.driver.break_("error", method="chat.postMessage", error="token_revoked")
    await play.passes(minutes=1)
    await play.stage.driver.mend()
    assert not await play.alarms()
    play.stage.town.clock.advance(timedelta(days=4))
    await play.reinstalled()
    await play.passes(minutes=1)
    assert len(await play.alarms()) == 1


async def test_thirty_days_after_an_uninstall_the_secrets_are_erased(play: Play) -> None:
    """Nothing is revoked, since nobody asked; nothing is left that could be used."""
    alice = await play.connect("alice")
    kenji = await play.connect("kenji")
    await play.uninstalled()
    play.stage.town.clock.advance(timedelta(days=29))
    await play.settles()
    assert (await play.grant(alice.grant_id)).secret is not None
    play.stage.town.clock.advance(timedelta(days=2))
    await play.settles()
    for channel in (alice, kenji):
        grant = await play.grant(channel.grant_id)
        assert (grant.phase, grant.secret, grant.revocation) == (
            Phase.RETIRED,
            None,
            Revocation.NOT_ASKED,
        )
        assert (await play.now_of(channel)).state is State.REMOVED
    assert play.google.requests["revoke"] == 0


async def test_after_being_forgotten_an_inbox_can_be_connected_anew(play: Play) -> None:
    """Reinstalled too late: the address is free."""
    alice = await play.connect("alice")
    await play.uninstalled()
    play.stage.town.clock.advance(timedelta(days=31))
    await play.settles()
    await play.reinstalled()
    assert (await play.signs_in(await play.begin("alice"))).ending.is_good
    assert (await play.now_of(alice)).grant_id != alice.grant_id


@on_both
async def test_the_same_delivery_is_seen_once(play: Play) -> None:
    """Slack sends twice what it believes lost; after a day the memory is let go."""
    assert await play.services.workspaces.first_time("event:1")
    assert not await play.services.workspaces.first_time("event:1")
    play.stage.town.clock.advance(timedelta(hours=26))
    await play.settles()
    assert await play.services.workspaces.first_time("event:1")


# --- chores and jobs


@pytest.mark.threaded
@on_both
async def test_a_chore_fires_once_per_slot_with_two_processes(play: Play) -> None:
    """Whoever takes the slot does it; the other finds it taken."""
    async with play.another_process() as other:
        for hours, readings in [(1, 0), (23, 1), (24, 1)]:
            play.stage.town.clock.advance(timedelta(hours=hours))
            before = len(await play.stage.driver.calls("users.list"))
            await asyncio.gather(other.maintenance.run_due(), play.services.maintenance.run_due())
            await asyncio.gather(other.maintenance.run_due(), play.services.maintenance.run_due())
            assert len(await play.stage.driver.calls("users.list")) - before == readings


@pytest.mark.threaded
@on_both
async def test_two_processes_do_a_job_once(play: Play) -> None:
    """The same message is not posted by both."""
    callback = await play.consent(await play.begin("alice"))
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED
    async with play.another_process() as other:
        await asyncio.gather(other.jobs.run_due(), play.services.jobs.run_due())
    await play.settles()
    assert len(await play.dm("alice")) == 1


async def test_a_job_that_keeps_failing_is_given_up_after_three_days(play: Play) -> None:
    """Once a minute, so that Slack's return is noticed; after an hour more rarely; then a dead job for the
    operator to see. Never a busy loop."""
    await play.stage.driver.break_("error", method="chat.postMessage", error="internal_error")
    await play.connect("alice")
    await play.passes(hours=1)
    calls = len(await play.stage.driver.calls("chat.postMessage"))
    assert calls <= 65
    await play.passes(hours=1)
    assert len(await play.stage.driver.calls("chat.postMessage")) <= calls + 15
    for _ in range(36):
        play.stage.town.clock.advance(timedelta(hours=2))
        await play.settles()
    await play.stage.driver.mend()
    await play.passes(hours=2)
    assert not await play.dm("alice")


async def test_three_days_off_are_no_reason_to_give_up(play: Play) -> None:
    """A job that was hardly tried, because nothing ran, is tried on."""
    await play.stage.driver.break_("error", method="chat.postMessage", error="internal_error")
    await play.connect("alice")
    play.stage.town.clock.advance(timedelta(days=3))
    await play.settles()
    await play.stage.driver.mend()
    await play.passes(hours=2)
    assert len(await play.dm("alice")) == 1


async def test_a_bug_in_one_job_stops_no_other(play: Play) -> None:
    """What nobody expected is logged and tried again later; the rest of the lanes go on."""

    async def fails(job: Job) -> None:
        raise ZeroDivisionError

    async with play.another_process() as other:
        for kind in tuple(other.jobs._runs):
            other.jobs.does(kind, fails)
        callback = await play.consent(await play.begin("alice"))
        await play.complete(callback)
        await other.jobs.run_due()
    assert not await play.dm("alice")
    await play.passes(seconds=10)
    assert len(await play.dm("alice")) == 1
