"""An inbox moves to another provider: everything kept or nothing changed, both sides told, races decided."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace

import pytest

from bot.domain.access import Role
from bot.domain.channel import Cause, Channel, InboxSpec, Kind, State
from bot.domain.errors import (
    AlreadyConnected,
    DisconnectFirst,
    Gone,
    InOrder,
    NeedsApproval,
    NotAllowed,
    ProviderOff,
    RequestClosed,
    SwitchInstead,
)
from bot.domain.grant import Phase, Revocation
from bot.domain.ids import GrantId, WorkspaceId
from bot.domain.incident import Resolution
from bot.domain.notice import NoticeKind
from bot.domain.request import RequestState
from bot.domain.ticket import SWITCHED_MEANWHILE, OutcomeKind
from bot.services.core.notifications import Notifications, Operators
from providers.base import Form
from tests.services.play import IDS, Gate, Play, on_both, secret_of, url_of

SUPPORT, ALICE = "support@acme.example", "alice@acme.example"
CHANGED = {"provider", "identity", "grant_id", "version", "since", "state", "cause"}


def settings_of(channel: Channel) -> dict[str, object]:
    """All that people set, and that a switch must not touch."""
    return {
        field.name: getattr(channel, field.name) for field in fields(channel) if field.name not in CHANGED
    }


async def switched(play: Play, channel: Channel, who: str = "omar", **how: str) -> Channel:
    outcome = await play.signs_in(await play.switch(who, channel, **how))
    assert outcome.ending in {OutcomeKind.SWITCHED, OutcomeKind.SWITCHED_STILL_DISABLED}, outcome
    return await play.now_of(channel)


# --- the swap


@on_both
async def test_a_switch_keeps_everything_but_the_mailbox(play: Play) -> None:
    """Id, settings and history stay; provider, identity and grant are the new ones; the old permission is
    given back and seen to be gone; the new mailbox is the one that is looked at from now on."""
    before = await play.connect_team()
    after = await switched(play, before)
    assert settings_of(after) == settings_of(before)
    assert (after.provider, after.identity.provider, after.state) == (
        "microsoft",
        "microsoft",
        State.CONNECTED,
    )
    old = await play.grant(before.grant_id)
    assert (old.phase, old.revocation, old.secret) == (Phase.RETIRED, Revocation.CONFIRMED, None)
    assert play.refresh_tokens(SUPPORT) == 0
    probe = await play.probe(after)
    assert probe is not None
    assert (probe.provider, probe.grant_id) == ("microsoft", after.grant_id)
    assert (await play.history(after))[-2:] == ["connect_proven", "switch_proven"]
    await play.passes(minutes=10)
    assert (await play.now_of(after)).state is State.CONNECTED


async def test_a_switch_is_told_once_to_everybody_concerned(play: Play) -> None:
    """The doer and the other admin, each in one message and their language: who, whence, and both sides."""
    await switched(play, await play.connect_team())
    await play.passes(seconds=5)
    [omar] = await play.told("omar", "works through Office 365 now")
    assert "@Omar Haddad switched it from Gmail" in omar.plain
    assert "Revoked at Google: confirmed" in omar.plain
    [sakura] = await play.told("sakura", "Office 365 に切り替わり、正常に動いています")
    assert "Omar Haddad" in sakura.plain and "Google での取り消し：確認済み" in sakura.plain
    assert not await play.told("alice", SUPPORT)
    assert len(await play.told("omar", "connected")) == 1  # when it was connected, and not again


@on_both
async def test_the_way_back_is_guided(play: Play) -> None:
    """Only the mailbox's owner can end the access at Microsoft: its steps, until when we look, and a look
    that confirms it."""
    there = await switched(play, await play.connect_team())
    await switched(play, there)
    await play.passes(seconds=5)
    old = await play.grant(there.grant_id)
    assert (old.phase, old.revocation) == (Phase.RETIRED, Revocation.BY_HAND)
    [told] = await play.told("omar", "works through Gmail now")
    assert "account settings › App permissions › Change app permissions › Revoke" in told.plain
    assert "Check again" in told.plain
    play.microsoft.break_down("consent_revoked", SUPPORT)
    removal = await play.services.channel_actions.check_again(await play.actor("omar"), old.id)
    assert (removal.revocation, removal.now_at) == (Revocation.CONFIRMED, "Gmail")
    await play.passes(seconds=5)
    [told] = await play.told("omar", "works through Gmail now")
    assert "Check again" not in told.plain


async def test_whoever_connected_it_may_look_again_too(play: Play) -> None:
    """Looking changes nothing: a member who was told need not ask an admin for it."""
    before = await play.connect_team()
    after = await switched(play, before)
    assert before.grant_id is not None
    removal = await play.services.channel_actions.check_again(await play.actor("alice"), before.grant_id)
    assert removal.channel.id == after.id


async def test_what_others_live_on_is_not_revoked(play: Play) -> None:
    """Rule 9 holds for the old side of a switch as for any removal."""
    before = await play.connect_team()
    copy = await play.grant(before.grant_id)
    await play.add_grant(
        replace(copy, id=GrantId("another"), workspace_id=WorkspaceId("T2"), channel_id=None)
    )
    await switched(play, before)
    assert (await play.grant(before.grant_id)).revocation is Revocation.SHARED
    assert play.refresh_tokens(SUPPORT) == 1


async def test_disabled_stays_disabled(play: Play) -> None:
    """The mailbox is another one, the wish to leave it alone is the same; nobody is told that it works."""
    before = await play.connect_team()
    await play.disable("omar", before)
    outcome = await play.signs_in(await play.switch("omar", before))
    assert outcome.ending is OutcomeKind.SWITCHED_STILL_DISABLED
    after = await play.now_of(before)
    assert (after.state, after.provider) == (State.DISABLED, "microsoft")
    await play.passes(seconds=5)
    assert await play.told("omar", "is at Office 365 now, and still disabled")
    enabled = await play.enable("omar", after)
    assert enabled.state is State.CONNECTED


async def test_a_switch_ends_the_outage(play: Play) -> None:
    """The grant had died: the alarm says who switched, and no link of it works any more."""
    before = await play.connect_team()
    await play.stage.breaks(SUPPORT, minutes=10)
    assert (await play.now_of(before)).state is State.DISCONNECTED
    await switched(play, before)
    incident = await play.incident(before)
    assert incident is not None
    assert (incident.resolution, incident.resolved_by) == (Resolution.SWITCHED, IDS["omar"])
    await play.passes(seconds=5)
    assert await play.told("omar", "works again. Switched to another provider by @Omar Haddad")
    assert not await play.alarms("omar")


async def test_a_shared_mailbox_is_switched_to_with_ones_own_account(play: Play) -> None:
    """help@ has no sign-in of its own at Microsoft: Omar opens it, and is named."""
    help_ = "help@acme.example"
    await play.stage.opens_account(help_)
    before = await play.connect_team(help_)
    begun = await play.switch("omar", before, is_shared=True)
    assert begun.may_be_shared
    outcome = await play.signs_in(begun, "omar@acme.example")
    assert outcome.ending is OutcomeKind.SWITCHED, outcome
    grant = await play.grant((await play.now_of(before)).grant_id)
    assert grant.delegate is not None
    assert grant.delegate.address == "omar@acme.example"
    after = await play.now_of(before)
    assert await play.services.channels.delegate_of(after) == "omar@acme.example"
    theirs, others = [
        await play.services.channel_actions.before_removal(await play.actor(who), after.id)
        for who in ("omar", "sakura")
    ]
    assert (theirs.is_delegate, others.is_delegate) == (True, False)
    assert others.delegate == "omar@acme.example"


# --- nothing changes before it


@on_both
@pytest.mark.parametrize("how", ["another account", "cancel", "away", "no mailbox"])
async def test_what_fails_before_the_swap_changes_nothing(play: Play, how: str) -> None:
    """The old grant is as it was, works, and nobody is told of a switch; the new one is not kept."""
    before = await play.connect_team()
    grant = await play.grant(before.grant_id)
    faults = {"away": "server_error", "no mailbox": "licence_taken"}
    begun = await play.switch("omar", before)
    if how in faults:
        play.microsoft.break_down(faults[how], SUPPORT)
    account = ALICE if how == "another account" else None
    outcome = await play.signs_in(begun, account, cancel=how == "cancel")
    assert not outcome.ending.is_good, outcome
    assert await play.now_of(before) == before
    assert await play.grant(before.grant_id) == grant
    assert play.refresh_tokens(SUPPORT) == 1
    async with play.storage.reading() as uow:
        assert not await uow.notices.of_channel(before.id, NoticeKind.SWITCHED)
        assert await uow.grants.in_use(before.identity) == 1
    await play.passes(minutes=5)
    assert (await play.now_of(before)).state is State.CONNECTED


async def test_what_google_gave_for_a_switch_that_failed_goes_back(play: Play) -> None:
    """The other way round: a box left unticked. Nothing is kept there, and Microsoft's grant is as it was."""
    before = await play.connect_team(provider="microsoft")
    labels = "https://www.googleapis.com/auth/gmail.labels"
    outcome = await play.signs_in(await play.switch("omar", before), untick=(labels,))
    assert (outcome.ending, outcome.missing) == (OutcomeKind.PERMISSION_WITHHELD, frozenset({labels}))
    assert await play.now_of(before) == before
    await play.passes(minutes=1)
    assert play.refresh_tokens(SUPPORT) == 0
    assert (await play.grant(before.grant_id)).phase is Phase.LIVE


async def test_the_operator_still_reads_whose_client_is_broken(play: Play) -> None:
    """Google refuses our client, and the inbox at which that was noticed moves on to Microsoft."""
    await play.connect("alice")
    before = await play.connect_team()
    play.google.break_down("invalid_client")
    await play.passes(minutes=16)
    [told] = await play.told("omar", "Google does not accept Inboxkeeper's own client")
    await switched(play, before)
    async with play.storage.writing() as uow:
        operators = Operators(play.services.core, Notifications(play.services.core))
        await operators.client_accepted(uow, before.workspace_id, "google", now=play.now)
        await uow.commit()
    await play.passes(seconds=5)
    [after] = await play.told("omar", "Google does not accept Inboxkeeper's own client")
    assert after.ts == told.ts


async def test_a_failed_switch_can_be_tried_again(play: Play) -> None:
    """From the page of its outcome, to the same end."""
    before = await play.connect_team()
    outcome = await play.signs_in(await play.switch("omar", before), ALICE)
    assert outcome.ending is OutcomeKind.WRONG_MAILBOX
    way = await play.services.oauth_flow.again(play._secrets[outcome.ticket.id], "browser")
    callback = play.callback(play.microsoft.consent(url_of(way), SUPPORT))
    outcome = await play.complete(callback, provider="microsoft")
    assert outcome.ending is OutcomeKind.SWITCHED
    assert (await play.now_of(before)).id == before.id


# --- at the same time


async def test_the_later_of_two_switches_is_the_one_that_stays(play: Play) -> None:
    """Two tabs, two sign-ins to the same mailbox: both pages say that it is switched, the newer grant lives,
    and of the older one nothing is left here."""
    before = await play.connect_team()
    first, second = await play.switch("omar", before), await play.switch("omar", before)
    callbacks = [await play.consent(first), await play.consent(second, browser="other")]
    one = await play.complete(callbacks[0], provider="microsoft")
    between = await play.now_of(before)
    other = await play.complete(callbacks[1], browser="other", provider="microsoft")
    assert (one.ending, other.ending) == (OutcomeKind.SWITCHED, OutcomeKind.SWITCHED)
    after = await play.now_of(before)
    assert after.grant_id != between.grant_id
    overtaken = await play.grant(between.grant_id)
    assert (overtaken.phase, overtaken.secret) == (Phase.SUPERSEDED, None)
    assert settings_of(after) == settings_of(before)


@pytest.mark.threaded
@on_both
async def test_two_switches_at_the_same_moment_make_one_live_grant(play: Play) -> None:
    """Whichever commits last stays; the channel has one live grant, and the old one is given back once."""
    before = await play.connect_team()
    tickets = [await play.switch("omar", before) for _ in range(3)]
    callbacks = [await play.consent(one, browser=f"tab {n}") for n, one in enumerate(tickets)]
    outcomes = await asyncio.gather(
        *(
            play.complete(callback, browser=f"tab {n}", provider="microsoft")
            for n, callback in enumerate(callbacks)
        )
    )
    assert {outcome.ending for outcome in outcomes} == {OutcomeKind.SWITCHED}
    await play.settles()
    after = await play.now_of(before)
    assert await play.grants_of(after.identity) == 1
    assert (await play.grant(after.grant_id)).phase is Phase.LIVE
    assert (await play.grant(before.grant_id)).revocation is Revocation.CONFIRMED
    assert (await play.history(after)).count("switch_proven") == 1


@pytest.mark.threaded
@on_both
async def test_a_double_click_at_microsoft_switches_once(play: Play) -> None:
    """Two callbacks with one ticket: one is at work, the other waits for its outcome."""
    before = await play.connect_team()
    callback = await play.consent(await play.switch("omar", before))
    outcomes = await asyncio.gather(*(play.complete(callback, provider="microsoft") for _ in range(2)))
    assert {outcome.ending for outcome in outcomes} <= {OutcomeKind.SWITCHED, OutcomeKind.PENDING}
    assert (await play.complete(callback, provider="microsoft")).ending is OutcomeKind.SWITCHED
    assert (await play.history(before)).count("switch_proven") == 1


async def test_whoever_is_on_the_way_to_the_old_provider_is_told_so(play: Play) -> None:
    """Somebody signs in again at Google while the inbox is switched: their page, and the modal that waits,
    say that it is; what they were about to get is not even fetched."""
    before = await play.connect_team()
    begun = await play.reconnect("alice", before)
    await play.services.connections.waits_in(begun.ticket_id, "V0WAITS")
    callback = await play.consent(begun, SUPPORT)
    after = await switched(play, before)
    exchanged = play.google.requests["token"]
    outcome = await play.complete(callback)
    assert (outcome.ending, outcome.code) == (OutcomeKind.NOT_POSSIBLE, SWITCHED_MEANWHILE)
    assert play.google.requests["token"] == exchanged
    assert await play.now_of(before) == after


@pytest.mark.threaded
@on_both
async def test_a_reconnect_that_is_proven_after_a_switch_does_not_undo_it(play: Play) -> None:
    """It has redeemed its code already when the other one swaps: it gives back what it got."""
    before = await play.connect_team()
    callback = await play.consent(await play.reconnect("alice", before), SUPPORT)
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        activation = asyncio.create_task(play.complete(callback, services=other))
        await gate.reached.wait()
        after = await switched(play, before)
        gate.go_on.set()
        outcome = await activation
    await play.passes(minutes=1)
    assert (outcome.ending, outcome.code) == (OutcomeKind.NOT_POSSIBLE, SWITCHED_MEANWHILE)
    assert await play.now_of(before) == after
    assert play.refresh_tokens(SUPPORT) == 0
    assert await play.grants_of(before.identity) == 0


@pytest.mark.threaded
@on_both
async def test_a_switch_that_is_proven_after_a_reconnect_wins(play: Play) -> None:
    """The renewed grant is the old side then, and given back as the old side."""
    before = await play.connect_team()
    callback = await play.consent(await play.switch("omar", before))
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        activation = asyncio.create_task(play.complete(callback, services=other, provider="microsoft"))
        await gate.reached.wait()
        renewed = await play.signs_in(await play.reconnect("alice", before), SUPPORT)
        between = await play.now_of(before)
        gate.go_on.set()
        outcome = await activation
    await play.passes(minutes=1)
    assert (renewed.ending, outcome.ending) == (OutcomeKind.RECONNECTED, OutcomeKind.SWITCHED)
    assert (await play.grant(between.grant_id)).revocation is Revocation.CONFIRMED
    assert play.refresh_tokens(SUPPORT) == 0


@pytest.mark.threaded
@on_both
async def test_a_removed_inbox_is_not_brought_back_by_a_switch(play: Play) -> None:
    """Somebody removes it while the new mailbox is being proven: it stays removed, nothing is kept."""
    before = await play.connect_team()
    callback = await play.consent(await play.switch("omar", before))
    gate = Gate("probe")
    async with play.another_process(provider=gate.before) as other:
        activation = asyncio.create_task(play.complete(callback, services=other, provider="microsoft"))
        await gate.reached.wait()
        await play.remove("sakura", before)
        gate.go_on.set()
        outcome = await activation
    assert outcome.ending is OutcomeKind.NOT_POSSIBLE
    after = await play.now_of(before)
    assert (after.state, after.provider) == (State.REMOVED, "google")
    async with play.storage.reading() as uow:
        grants = await uow.grants.staged_before(play.now)
    assert not grants


@pytest.mark.threaded
async def test_a_probe_of_the_old_mailbox_says_nothing_about_the_new_one(play: Play) -> None:
    """It is refused at Google just when the switch commits (rule 1)."""
    before = await play.connect_team()
    play.google.break_down("revoked", SUPPORT)
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        looking = asyncio.create_task(play.look(before, services=other))
        await gate.reached.wait()
        after = await switched(play, before)
        gate.go_on.set()
        await looking
    assert await play.now_of(before) == after
    probe = await play.probe(after)
    assert probe is not None
    assert (probe.strikes, probe.grant_id) == (0, after.grant_id)


async def test_an_inbox_on_hold_leaves_it_by_a_switch(play: Play) -> None:
    """Google refuses everybody. Whoever switches is held no more; the others are, and it says nothing good
    about Google; with the last one the hold is over, and its message still speaks of Google."""
    teams = [f"team-{number}@acme.example" for number in range(3)]
    for address in teams:
        await play.stage.opens_account(address)
        await play.stage.driver.post("/control/microsoft/accounts", {"email": address})
    held = [await play.connect_team(address) for address in teams]
    await play.passes(minutes=3)
    play.google.break_down("revoked")
    await play.passes(minutes=6)
    assert [(await play.now_of(one)).cause for one in held] == [Cause.HELD] * 3
    after = await switched(play, held[0])
    assert (after.state, after.cause) == (State.CONNECTED, Cause.NONE)
    await play.passes(minutes=2)
    assert [(await play.now_of(one)).cause for one in held[1:]] == [Cause.HELD] * 2
    assert await play.told("omar", "Google refuses 2 inboxes at once")
    for one in held[1:]:
        await switched(play, one)
    await play.passes(seconds=5)
    assert await play.told("omar", "Google no longer refuses many inboxes at once")


# --- who may


async def test_a_member_asks_an_admin_for_it(play: Play) -> None:
    """A team address takes an approval; then the member signs in, and the wish is done."""
    before = await play.connect_team()
    with pytest.raises(NeedsApproval) as needed:
        await play.switch("alice", before)
    assert needed.value.requested_change.provider == "microsoft"
    asked = await play.services.approvals.ask(
        await play.actor("alice"), needed.value.requested_change, reason=""
    )
    await play.services.approvals.answer(await play.actor("omar"), asked.request.id, approve=True)
    begun = await play.services.connections.begin_approved(await play.actor("alice"), asked.request.id)
    assert begun.leaves is not None
    assert (await play.signs_in(begun)).ending is OutcomeKind.SWITCHED
    await play.passes(seconds=5)
    assert await play.told("alice", "approved by @Omar Haddad, and done")
    assert await play.told("alice", "works through Office 365 now")
    assert (await play.now_of(before)).provider == "microsoft"


async def test_an_approval_that_is_held_counts_for_the_same_switch_alone(play: Play) -> None:
    """Whoever types it again instead of pressing *Go on* need not ask twice; for another switch they must."""
    before = await play.connect_team()
    with pytest.raises(NeedsApproval) as needed:
        await play.switch("alice", before)
    alice, omar = await play.actor("alice"), await play.actor("omar")
    asked = await play.services.approvals.ask(alice, needed.value.requested_change, reason="")
    await play.services.approvals.answer(omar, asked.request.id, approve=True)
    with pytest.raises(NeedsApproval):
        await play.services.switches.begin(alice, before.id, to="microsoft", is_shared=True)
    with pytest.raises(NeedsApproval):
        await play.switch("kenji", before)
    assert (await play.signs_in(await play.switch("alice", before))).ending is OutcomeKind.SWITCHED
    await play.passes(seconds=5)
    assert await play.told("alice", "approved by @Omar Haddad, and done")


async def test_a_switch_ends_what_others_wished_for(play: Play) -> None:
    """A wish that waits, and one that was granted and not used: both make no sense any more."""
    before = await play.connect_team()
    approvals = []
    for who in ("alice", "kenji"):
        with pytest.raises(NeedsApproval) as needed:
            await play.switch(who, before)
        asked = await play.services.approvals.ask(
            await play.actor(who), needed.value.requested_change, reason=""
        )
        approvals.append(asked.request)
    await play.services.approvals.answer(await play.actor("omar"), approvals[1].id, approve=True)
    await switched(play, before)
    async with play.storage.reading() as uow:
        states = [found.state for one in approvals if (found := await uow.requests.find(one.id))]
    assert states == [RequestState.CANCELLED] * 2
    with pytest.raises(RequestClosed):
        await play.services.connections.begin_approved(await play.actor("kenji"), approvals[1].id)


async def test_rights_are_asked_again_at_the_swap(play: Play) -> None:
    """Account access was taken away while the person signed in: nothing is switched."""
    before = await play.connect_team()
    omar = await play.actor("omar")
    await play.services.admins.give(omar, Role.ACCOUNT_ACCESS, IDS["alice"])
    callback = await play.consent(await play.switch("alice", before))
    await play.services.admins.take(omar, Role.ACCOUNT_ACCESS, IDS["alice"])
    outcome = await play.complete(callback, provider="microsoft")
    assert outcome.ending is OutcomeKind.NOT_POSSIBLE
    assert await play.now_of(before) == before


async def test_a_personal_inbox_is_its_owners_to_switch(play: Play) -> None:
    """Not an admin's, not by request either."""
    before = await play.connect("alice")
    for who in ("omar", "kenji"):
        with pytest.raises(NotAllowed) as refused:
            await play.switch(who, before)
        assert refused.value.who_can == (IDS["alice"],)
    after = await switched(play, before, "alice")
    assert (after.owner_id, after.kind, after.provider) == (IDS["alice"], Kind.PERSONAL, "microsoft")
    await play.passes(seconds=5)
    assert await play.told("alice", "works through Office 365 now")
    assert not await play.told("omar", ALICE)


async def test_what_cannot_be_switched_is_refused_with_the_reason(play: Play) -> None:
    """It is there already; it is gone; it is another workspace's; there is no client for the goal."""
    before = await play.connect_team()
    with pytest.raises(AlreadyConnected):
        await play.switch("omar", before, to="google")
    stranger = await play.actor("omar")
    with pytest.raises(Gone):
        await play.services.switches.begin(
            replace(stranger, person=replace(stranger.person, workspace_id=WorkspaceId("T2"))), before.id
        )
    await play.remove("omar", before)
    with pytest.raises(Gone):
        await play.switch("omar", before)


# --- any other provider


async def at_imap(play: Play, who: str = "alice") -> Channel:
    """A personal inbox at an ordinary mail host."""
    actor = await play.actor(who)
    begun = await play.services.connections.begin(
        actor, InboxSpec(actor.person.email, use="Invoices", provider="imap")
    )
    way = await play.services.oauth_flow.start(secret_of(begun), "browser")
    assert isinstance(way.step, Form)
    password = play.stage.town.imap.password_of(actor.person.email)
    filled = {**way.step.given, "password": password}
    await play.services.oauth_flow.fill(secret_of(begun), filled, "browser")
    found = await play.channel(actor.person.email)
    assert found is not None
    return found


async def test_from_any_other_provider_one_disconnects_first(play: Play) -> None:
    """The refusal names where it could go; neither the goal nor its lack changes that."""
    before = await at_imap(play)
    with pytest.raises(DisconnectFirst) as first:
        await play.switch("alice", before)
    assert [key for key, _ in first.value.ways] == ["google", "microsoft"]
    with pytest.raises(DisconnectFirst) as first:
        await play.switch("alice", before, to="google")
    assert first.value.ways == (("google", "Gmail"),)
    assert await play.now_of(before) == before


async def test_to_any_other_provider_one_disconnects_first(play: Play) -> None:
    """The same the other way round."""
    before = await play.connect("alice")
    with pytest.raises(DisconnectFirst) as first:
        await play.switch("alice", before, to="imap")
    assert first.value.ways == (("imap", "IMAP"),)


async def test_disconnected_first_it_goes_on_with_what_was_there(play: Play) -> None:
    """Address, kind, name, use and conversation come along; nobody is greeted again; it is a new inbox."""
    before = await play.connect_team()
    omar = await play.actor("omar")
    assert not await play.services.switches.check_leaving(omar, before.id, "imap")
    with pytest.raises(AlreadyConnected):
        await play.services.switches.begin_anew(omar, before.id, "imap")
    await play.remove("omar", before)
    begun = await play.services.switches.begin_anew(omar, before.id, "imap")
    way = await play.services.oauth_flow.start(secret_of(begun), "browser")
    assert isinstance(way.step, Form)
    filled = {**way.step.given, "password": play.stage.town.imap.password_of(SUPPORT)}
    await play.services.oauth_flow.fill(secret_of(begun), filled, "browser")
    after = await play.channel(SUPPORT)
    assert after is not None
    assert after.id != before.id
    kept = ("address", "kind", "owner_id", "use", "name", "conversation_id")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.provider == "imap"


async def test_whether_going_on_takes_an_approval_is_known_before_the_removal(play: Play) -> None:
    """An address that Slack does not know as its owner's; and one that only others may leave is refused."""
    before = await play.connect("alice")
    alice = await play.actor("alice")
    assert not await play.services.switches.check_leaving(alice, before.id, "imap")
    elsewhere = replace(alice, person=replace(alice.person, email="alice@elsewhere.example"))
    assert await play.services.switches.check_leaving(elsewhere, before.id, "imap")
    with pytest.raises(NotAllowed):
        await play.services.switches.check_leaving(await play.actor("omar"), before.id, "imap")
    with pytest.raises(ProviderOff):
        await play.services.switches.check_leaving(alice, before.id, "pigeon")
    await play.remove("alice", before)
    with pytest.raises(NeedsApproval):
        await play.services.switches.begin_anew(elsewhere, before.id, "imap")


# --- asked for while connecting


async def test_connecting_what_is_at_the_other_provider_offers_the_switch(play: Play) -> None:
    """Chosen by a button, or found out by where the mail goes; where it goes nowhere else, all is well."""
    await play.connect("alice")
    alice = await play.actor("alice")
    with pytest.raises(SwitchInstead) as instead:
        await play.services.connections.begin(alice, InboxSpec(ALICE, provider="microsoft"))
    assert (instead.value.provider, instead.value.to) == ("Gmail", ("microsoft", "Office 365"))
    with pytest.raises(DisconnectFirst):
        await play.services.connections.begin(alice, InboxSpec(ALICE, provider="imap"))
    with pytest.raises(InOrder):
        await play.services.connections.begin(alice, InboxSpec(ALICE))
    play.stage.town.names.move("acme.example", "microsoft")
    with pytest.raises(SwitchInstead):
        await play.services.connections.begin(alice, InboxSpec(ALICE))


@pytest.mark.parametrize("place", ["elsewhere", "filter", "nowhere"])
async def test_a_guess_does_not_stand_in_a_reconnects_way(play: Play, place: str) -> None:
    """Mail that goes to some other host, or to a filter before a domain that Microsoft also knows, proves
    nothing about the mailbox."""
    await play.connect("alice")
    play.stage.town.names.move("acme.example", place)
    with pytest.raises(InOrder):  # no switch is offered
        await play.begin("alice")


async def test_somebody_elses_inbox_is_refused_as_ever(play: Play) -> None:
    """Whether a switch would make sense is nobody's business who may not see it."""
    await play.connect("alice")
    with pytest.raises(NeedsApproval):
        await play.services.connections.begin(
            await play.actor("kenji"), InboxSpec(ALICE, provider="microsoft")
        )
