"""Both sides of a removal: gone here at once, and at Google as rule 9 allows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.domain.channel import Channel, State
from bot.domain.errors import Gone, NotAllowed
from bot.domain.grant import Grant, Phase, Revocation, Secret
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from bot.domain.ticket import OutcomeKind
from storage import Cipher, generate_key
from storage.tables import grant as grant_table
from tests.services.play import Gate, Play, on_both

ALICE = "alice@acme.example"
MANUAL = "myaccount.google.com"


async def elsewhere(play: Play, alice: Channel, *, phase: Phase = Phase.LIVE) -> Grant:
    """The same account's grant in another workspace of this deployment."""
    grant = await play.grant(alice.grant_id)
    other = replace(
        grant,
        id=GrantId("elsewhere"),
        workspace_id=WorkspaceId("T0OTHER"),
        channel_id=None,
        secret=Secret("1//0another"),
        phase=phase,
    )
    await play.add_grant(other)
    return other


async def fate(play: Play, alice: Channel) -> tuple[Revocation, bool]:
    """What is known of the grant at the provider, and whether its secret is still kept."""
    grant = await play.grant(alice.grant_id)
    assert grant.phase is Phase.RETIRED
    return grant.revocation, grant.secret is not None


@on_both
async def test_a_removal_is_confirmed_by_a_refused_refresh(play: Play) -> None:
    """Gone here, revoked there, proven by asking, and the secret is erased at once."""
    alice = await play.connect("alice")
    removal = await play.remove("alice", alice)
    assert removal.revocation is Revocation.CONFIRMED
    assert (await play.now_of(alice)).state is State.REMOVED
    assert await fate(play, alice) == (Revocation.CONFIRMED, False)
    assert play.refresh_tokens(ALICE) == 0


@on_both
async def test_waiting_for_whoever_has_the_grant_is_no_look(play: Play) -> None:
    """A look from before the removal hangs for a minute: then Google is asked, and only that is counted."""
    alice = await play.connect("alice")
    grant_id = alice.grant_id
    assert grant_id is not None
    async with play.storage.writing() as uow:
        token, _ = await uow.grants.lease([grant_id], lease_for=timedelta(minutes=5))
        await uow.commit()
    await play.remove("alice", alice)
    await play.passes(minutes=1)
    assert play.google.requests["revoke"] == 0
    async with play.storage.writing() as uow:
        await uow.locks.release_held([token])
        await uow.commit()
    play.google.break_down("revoke_lag", ALICE, times=1)  # the second look, some seconds later, finds it gone
    await play.passes(seconds=20)
    assert await fate(play, alice) == (Revocation.CONFIRMED, False)


async def test_a_grant_that_was_gone_already_is_confirmed_too(play: Play) -> None:
    """Revoked at Google by hand before: the truth is the same."""
    alice = await play.connect("alice")
    play.google.break_down("revoked", ALICE)
    assert (await play.remove("alice", alice)).revocation is Revocation.CONFIRMED


@on_both
async def test_a_shared_permission_is_not_revoked_and_the_person_is_told_why(play: Play) -> None:
    """Google's revoke would end the other inbox too: the grant is only dropped here (rule 9)."""
    alice = await play.connect("alice")
    await elsewhere(play, alice)
    removal = await play.remove("alice", alice)
    assert (removal.revocation, removal.shared_here, removal.shared_elsewhere) == (Revocation.SHARED, 0, 1)
    assert play.google.requests["revoke"] == 0
    assert await fate(play, alice) == (Revocation.SHARED, False)
    [said] = await play.told("alice", "is removed from Inboxkeeper")
    assert "T0OTHER" not in said.plain


@pytest.mark.parametrize("phase", [Phase.LIVE, Phase.STAGED])
async def test_any_grant_in_use_forbids_the_revoke(play: Play, phase: Phase) -> None:
    """Live, disabled or just being proven: all of them would die."""
    alice = await play.connect("alice")
    await elsewhere(play, alice, phase=phase)
    await play.remove("alice", alice)
    assert play.google.requests["revoke"] == 0


@pytest.mark.parametrize("phase", [Phase.SUPERSEDED, Phase.RETIRED])
async def test_a_grant_nobody_uses_forbids_nothing(play: Play, phase: Phase) -> None:
    """What was replaced or retired elsewhere cannot be hurt any more."""
    alice = await play.connect("alice")
    await elsewhere(play, alice, phase=phase)
    assert (await play.remove("alice", alice)).revocation is Revocation.CONFIRMED


async def test_before_removing_it_is_said_what_else_uses_the_permission(play: Play) -> None:
    """Other workspaces are a number; one's own inbox is not counted."""
    alice = await play.connect("alice")
    actor = await play.actor("alice")
    alone = await play.services.channel_actions.before_removal(actor, alice.id)
    assert (alone.shared_here, alone.shared_elsewhere) == (0, 0)
    await elsewhere(play, alice)
    shared = await play.services.channel_actions.before_removal(actor, alice.id)
    assert (shared.shared_here, shared.shared_elsewhere) == (0, 1)


async def test_the_decision_is_made_when_google_is_asked_not_when_the_person_asks(play: Play) -> None:
    """Connected elsewhere between the click and a late revoke: the revoke is not sent (rule 9)."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_failing")
    await play.remove("alice", alice)
    await elsewhere(play, alice)
    play.google.mend()
    asked = play.google.requests["revoke"]
    await play.passes(minutes=5)
    assert play.google.requests["revoke"] == asked
    assert await fate(play, alice) == (Revocation.SHARED, False)


@on_both
async def test_a_pending_revoke_is_cancelled_when_the_account_is_connected_again(play: Play) -> None:
    """What waits to be revoked would take the new grant with it."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_failing")
    removal = await play.remove("alice", alice)
    assert removal.revocation is Revocation.REQUESTED
    assert (await play.signs_in(await play.begin("alice"))).ending is OutcomeKind.RESTORED
    assert await fate(play, alice) == (Revocation.CANCELLED, False)
    play.google.mend()
    asked = play.google.requests["revoke"]
    await play.passes(hours=1)
    assert play.google.requests["revoke"] == asked
    assert (await play.now_of(alice)).state is State.CONNECTED


@pytest.mark.threaded
async def test_a_revoke_under_way_and_a_reconnect_do_not_overlap(play: Play) -> None:
    """Connecting waits for the revocation of the same account; what is called connected works."""
    alice = await play.connect("alice")
    actor = await play.actor("alice")
    gate = Gate("revoke")
    async with play.another_process(provider=gate.before) as other:
        removing = asyncio.create_task(other.channel_actions.remove(actor, alice.id))
        await gate.reached.wait()
        connections = asyncio.create_task(play.signs_in(await play.begin("alice")))
        gate.go_on.set()
        outcome, _ = await asyncio.gather(connections, removing)
    back = await play.now_of(alice)
    if outcome.ending.is_good:
        await play.look(back)
        assert (await play.now_of(back)).state is State.CONNECTED
    else:
        assert back.state is State.REMOVED


@pytest.mark.parametrize("what", ["revoke_failing", "throttled", "html", "server_error", "malformed_json"])
async def test_a_removal_never_fails_because_google_does(play: Play, what: str) -> None:
    """Gone here at once; asked again until Google answers (rule 5)."""
    alice = await play.connect("alice")
    play.google.break_down(what, at="revoke")
    removal = await play.remove("alice", alice)
    assert removal.revocation in {Revocation.REQUESTED, Revocation.CONFIRMED}
    assert (await play.now_of(alice)).state is State.REMOVED
    play.google.mend()
    await play.passes(minutes=1)
    assert await fate(play, alice) == (Revocation.CONFIRMED, False)


async def test_what_cannot_be_confirmed_is_said_with_the_way_to_do_it_by_hand(play: Play) -> None:
    """After some looks: not confirmed, with Google's own page; asked on, and erased within a day."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_failing")
    await play.remove("alice", alice)
    [said] = await play.told("alice", "is removed from Inboxkeeper")
    await play.passes(minutes=4)
    assert await fate(play, alice) == (Revocation.NOT_CONFIRMED, True)
    [after] = [message for message in await play.dm("alice") if message.ts == said.ts]
    assert after.edited
    assert MANUAL in str(after.blocks)
    play.stage.town.clock.advance(timedelta(hours=20))
    await play.settles()
    await play.passes(hours=4)
    assert await fate(play, alice) == (Revocation.NOT_CONFIRMED, False)


async def test_a_late_confirmation_edits_the_message(play: Play) -> None:
    """Called unconfirmed, found gone later: the message tells the better news."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_failing")
    await play.remove("alice", alice)
    await play.passes(minutes=4)
    play.google.mend()
    await play.passes(hours=2)
    assert await fate(play, alice) == (Revocation.CONFIRMED, False)
    [said] = await play.told("alice", "is removed from Inboxkeeper")
    assert MANUAL not in str(said.blocks)


async def test_a_revocation_that_spreads_slowly_is_looked_at_until_it_is_there(play: Play) -> None:
    """Accepted but still alive is *requested*; confirmed only by a refused refresh."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_lag", ALICE, times=3)
    removal = await play.remove("alice", alice)
    assert removal.revocation is Revocation.REQUESTED
    await play.passes(minutes=15)
    assert await fate(play, alice) == (Revocation.CONFIRMED, False)


async def test_check_again_asks_at_once(play: Play) -> None:
    """The person removed it by hand and wants to see it confirmed."""
    alice = await play.connect("alice")
    play.google.break_down("revoke_failing")
    await play.remove("alice", alice)
    await play.passes(minutes=4)
    play.google.mend()
    play.google.break_down("revoked", ALICE)
    actor, grant = await play.actor("alice"), alice.grant_id
    assert grant is not None
    removal = await play.services.channel_actions.check_again(actor, grant)
    assert removal.revocation is Revocation.CONFIRMED
    again = await play.services.channel_actions.check_again(actor, grant)
    assert again.revocation is Revocation.CONFIRMED


async def test_check_again_is_for_whoever_may_remove(play: Play) -> None:
    """Somebody else's grant is nobody's business."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    assert alice.grant_id is not None
    with pytest.raises(NotAllowed):
        await play.services.channel_actions.check_again(await play.actor("kenji"), alice.grant_id)


async def test_removing_twice_says_the_same_twice(play: Play) -> None:
    """The second click finds what the first one did, and asks Google nothing."""
    alice = await play.connect("alice")
    first = await play.remove("alice", alice)
    asked = play.google.requests["revoke"]
    second = await play.remove("alice", alice)
    assert (first.revocation, second.revocation) == (Revocation.CONFIRMED, Revocation.CONFIRMED)
    assert play.google.requests["revoke"] == asked
    assert len(await play.told("alice", "is removed from Inboxkeeper")) == 1


async def test_a_super_admins_removal_tells_the_owner_too(play: Play) -> None:
    """Both see both sides, each once."""
    alice = await play.connect("alice")
    await play.remove("omar", alice)
    assert len(await play.told("alice", ALICE, "is removed from Inboxkeeper")) == 1
    assert len(await play.told("omar", ALICE, "is removed from Inboxkeeper")) == 1


async def test_a_disabled_inbox_keeps_its_grant(play: Play) -> None:
    """Disabling is not disconnecting: nothing is revoked, and enabling needs no consent."""
    alice = await play.connect("alice")
    await play.disable("alice", alice)
    await play.passes(minutes=5)
    assert play.google.requests["revoke"] == 0
    assert (await play.enable("alice", alice)).state is State.CONNECTED


async def test_removing_what_never_was_is_refused(play: Play) -> None:
    """An invented id finds nothing."""
    with pytest.raises(Gone):
        await play.services.channel_actions.remove(await play.actor("alice"), ChannelId("made-up"))


async def test_a_secret_whose_key_is_lost_is_erased_all_the_same(play: Play) -> None:
    """Nobody can open it, so nobody can ask Google: not confirmed, erased, and no other chore suffers."""
    alice = await play.connect("alice")
    assert alice.grant_id is not None
    lost = Cipher([generate_key()]).seal(Secret("1//0lost"), owner=alice.grant_id)
    async with play.storage.writing() as uow:
        sealed = update(grant_table).where(grant_table.c.id == alice.grant_id).values(sealed=lost)
        await uow.connection.count(sealed)
        await uow.commit()
    async with play.storage.writing() as uow:
        await uow.grants.set_phase(alice.grant_id, Phase.RETIRED, play.now)
        await uow.commit()
    play.stage.town.clock.advance(timedelta(hours=25))
    await play.services.maintenance.tidy()
    assert await fate(play, alice) == (Revocation.NOT_CONFIRMED, False)
