"""From a wish to a proven grant: nothing is connected, renewed or lost on the way there by accident."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import (
    AlreadyConnected,
    Gone,
    GuestNotAllowed,
    HostUnknown,
    InOrder,
    LinkClosed,
    NeedsApproval,
    NotAllowed,
    OtherBrowser,
    TakesNoMail,
    TicketExpired,
    TicketSpent,
    TicketUnknown,
)
from bot.domain.grant import Phase, Revocation
from bot.domain.ticket import OutcomeKind, TicketOutcome
from storage import UnitOfWork
from tests.services.play import Gate, Play, on_both, secret_of, url_of
from tests.stage import a_bot, a_town

ALICE, KENJI, PRIVATE = "alice@acme.example", "kenji@acme.example", "alice.private@gmail.com"


async def unchanged(play: Play, before: Channel) -> bool:
    """Channel and grant are exactly as they were."""
    assert before.grant_id is not None
    grant = await play.grant(before.grant_id)
    return await play.now_of(before) == before and grant.phase is Phase.LIVE and bool(grant.secret)


# --- whose mailbox


@on_both
async def test_a_new_inbox_is_connected_by_a_probe(play: Play) -> None:
    """Connected means: the identity proven, the mailbox reached, one message that says so."""
    asked = play.google.requests["gmail"]
    alice = await play.connect("alice")
    grant = await play.grant(alice.grant_id)
    assert (alice.state, alice.identity) == (State.CONNECTED, grant.identity)
    assert play.google.requests["gmail"] == asked + 1
    assert grant.phase is Phase.LIVE
    assert await play.history(alice) == ["connect_proven"]
    [said] = await play.dm("alice")
    assert ALICE in said.plain


async def test_the_wrong_account_is_refused_and_given_back(play: Play) -> None:
    """Somebody signed in to another mailbox: both are named, nothing is kept, and Google is told."""
    outcome = await play.signs_in(await play.begin("alice"), KENJI)
    assert (outcome.ending, outcome.signed_in) == (OutcomeKind.WRONG_MAILBOX, KENJI)
    assert await play.channel(ALICE) is None
    assert await play.channel(KENJI) is None
    assert play.refresh_tokens(KENJI) == 0


async def test_a_wrong_account_that_another_inbox_uses_keeps_its_permission(play: Play) -> None:
    """Taking back what was allowed for nothing would end Kenji's inbox, too: the page says that it stays."""
    kenji = await play.connect("kenji")
    outcome = await play.signs_in(await play.begin("alice"), KENJI)
    assert outcome.ending is OutcomeKind.WRONG_MAILBOX and outcome.stands
    assert await unchanged(play, kenji)
    other = await play.signs_in(await play.begin("alice"), PRIVATE)
    assert other.ending is OutcomeKind.WRONG_MAILBOX and not other.stands


async def test_reconnecting_with_the_wrong_account_leaves_the_old_grant(play: Play) -> None:
    """Anything less than a proven grant of the same mailbox changes nothing (rule 6)."""
    alice = await play.connect("alice")
    outcome = await play.signs_in(await play.reconnect("alice", alice), KENJI)
    assert (outcome.ending, outcome.signed_in) == (OutcomeKind.WRONG_MAILBOX, KENJI)
    assert await unchanged(play, alice)
    assert play.refresh_tokens(ALICE) == 1


async def test_a_new_account_under_the_old_address_is_another_mailbox(play: Play) -> None:
    """The address was given to another account: identity decides, not the name."""
    alice = await play.connect("alice")
    begun = await play.reconnect("alice", alice)
    play.google.accounts.rename(ALICE, "old-alice@acme.example")
    play.google.accounts.add(ALICE)
    outcome = await play.signs_in(begun, ALICE)
    assert outcome.ending is OutcomeKind.WRONG_MAILBOX
    assert await unchanged(play, alice)


async def test_a_renamed_account_is_still_the_same_mailbox(play: Play) -> None:
    """Reconnecting takes the pinned account, whatever its address has become."""
    alice = await play.connect("alice")
    begun = await play.reconnect("alice", alice)
    play.google.accounts.rename(ALICE, "alice.new@acme.example")
    outcome = await play.signs_in(begun, "alice.new@acme.example")
    assert outcome.ending is OutcomeKind.RECONNECTED
    assert (await play.now_of(alice)).address == ALICE


async def test_gmail_and_googlemail_are_one_mailbox(play: Play) -> None:
    """An address typed with the other name is the signed-in account's own."""
    admin = await play.actor("omar")
    outcome = await play.signs_in(await play.begin(admin, "alice.private@googlemail.com"), PRIVATE)
    assert outcome.ending is OutcomeKind.CONNECTED


async def test_an_unticked_permission_is_named_and_mended_at_once(play: Play) -> None:
    """What was not granted is given back; *Try again* leads to a fresh consent in the same browser."""
    outcome = await play.signs_in(await play.begin("alice"), untick=["gmail.labels"])
    assert outcome.ending is OutcomeKind.PERMISSION_WITHHELD
    assert {scope.rpartition("/")[2] for scope in outcome.missing} == {"gmail.labels"}
    assert await play.channel(ALICE) is None
    assert play.refresh_tokens(ALICE) == 0
    again = await play.again(outcome)
    assert (await play.complete(again)).ending is OutcomeKind.CONNECTED


async def test_a_permission_unticked_on_reconnecting_costs_nothing(play: Play) -> None:
    """The grant that works goes on working, and is not revoked by giving the lesser one back (rule 9)."""
    alice = await play.connect("alice")
    outcome = await play.signs_in(await play.reconnect("alice", alice), untick=["gmail.labels"])
    assert outcome.ending is OutcomeKind.PERMISSION_WITHHELD
    assert await unchanged(play, alice)
    await play.look(alice)
    assert (await play.now_of(alice)).state is State.CONNECTED


async def test_cancel_changes_nothing(play: Play) -> None:
    """Pressing Cancel at the provider is an ending in words, not an error."""
    alice = await play.connect("alice")
    outcome = await play.signs_in(await play.reconnect("alice", alice), cancel=True)
    assert outcome.ending is OutcomeKind.DECLINED
    assert await unchanged(play, alice)


@pytest.mark.parametrize(
    ("callback", "code"),
    [({}, "no_code"), ({"code": "made-up"}, "invalid_grant"), ({"error": "server_oops"}, "server_oops")],
)
async def test_a_callback_that_makes_no_sense_ends_in_words(
    play: Play, callback: dict[str, str], code: str
) -> None:
    """Without a code, with an invented one, or with an error nobody knows."""
    begun = await play.begin("alice")
    await play.services.oauth_flow.start(secret_of(begun), "browser")
    outcome = await play.complete({"state": secret_of(begun), **callback})
    assert (outcome.ending, outcome.code) == (OutcomeKind.CONSENT_FAILED, code)
    assert await play.channel(ALICE) is None


@pytest.mark.parametrize(
    ("what", "ending"),
    [
        ("server_error", OutcomeKind.PROVIDER_AWAY),
        ("malformed_json", OutcomeKind.PROVIDER_AWAY),
        ("invalid_client", OutcomeKind.OURS_BROKEN),
        ("admin_policy", OutcomeKind.NOT_PROVEN),
    ],
)
async def test_trouble_while_redeeming_is_worded_and_can_be_tried_again(
    play: Play, what: str, ending: OutcomeKind
) -> None:
    """Whatever the provider does between consent and proof, nothing is half connected."""
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    play.google.break_down(what)
    outcome = await play.complete(callback)
    assert outcome.ending is ending
    assert outcome.ending.may_try_again
    assert await play.channel(ALICE) is None
    play.google.mend()
    assert (await play.complete(await play.again(outcome))).ending is OutcomeKind.CONNECTED


async def test_the_operator_reads_it_once_whether_a_sign_in_or_an_inbox_notices(play: Play) -> None:
    """The same trouble, first noticed by somebody who signs in and then at an inbox that is connected."""
    await play.connect("kenji")
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    play.google.break_down("invalid_client")
    assert (await play.complete(callback)).ending is OutcomeKind.OURS_BROKEN
    await play.passes(minutes=20)
    [said] = await play.told("omar", "invalid_client")
    assert not said.edited
    play.google.mend()
    await play.connect("alice")
    await play.passes(minutes=20)
    [said] = await play.told("omar", "again")
    assert said.edited and not await play.told("omar", "invalid_client")


async def test_a_mailbox_that_does_not_answer_is_not_connected(play: Play) -> None:
    """The grant is fine but the mailbox is not: no *Connected*, and the grant goes back."""
    play.google.break_down("no_mailbox", ALICE)
    outcome = await play.signs_in(await play.begin("alice"))
    assert outcome.ending is OutcomeKind.NOT_PROVEN
    assert await play.channel(ALICE) is None
    assert play.refresh_tokens(ALICE) == 0


# --- the ticket


@on_both
async def test_a_callback_replayed_finds_the_kept_outcome(play: Play) -> None:
    """A reload spends nothing twice; another browser learns nothing."""
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    first = await play.complete(callback)
    redeemed = play.google.requests["token"]
    again = await play.complete(callback)
    assert (first.ending, again.ending) == (OutcomeKind.CONNECTED, OutcomeKind.CONNECTED)
    assert play.google.requests["token"] == redeemed
    with pytest.raises(TicketSpent):
        await play.complete(callback, browser="another")
    play.stage.town.clock.advance(timedelta(minutes=16))
    with pytest.raises(TicketSpent):
        await play.complete(callback)


async def test_an_expired_ticket_says_so(play: Play) -> None:
    """After fifteen minutes neither the page nor the callback goes on."""
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    play.stage.town.clock.advance(timedelta(minutes=15))
    for attempt in (
        play.services.oauth_flow.landing(secret_of(begun)),
        play.services.oauth_flow.start(secret_of(begun), "browser"),
        play.complete(callback),
    ):
        with pytest.raises(TicketExpired):
            await attempt
    assert await play.channel(ALICE) is None


async def test_another_browser_cannot_take_a_ticket_over(play: Play) -> None:
    """Whoever began it finishes it; a stolen callback is worth nothing elsewhere."""
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    with pytest.raises(OtherBrowser):
        await play.services.oauth_flow.start(secret_of(begun), "another")
    with pytest.raises(OtherBrowser):
        await play.complete(callback, browser="another")
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED


async def test_looking_at_a_ticket_spends_nothing(play: Play) -> None:
    """A link preview that opens it a hundred times leaves it as it was."""
    begun = await play.begin("alice")
    for _ in range(3):
        landing = await play.services.oauth_flow.landing(secret_of(begun))
    assert (landing.address, landing.workspace_name) == (ALICE, "Acme")
    assert (await play.signs_in(begun)).ending is OutcomeKind.CONNECTED


async def test_an_invented_ticket_is_unknown(play: Play) -> None:
    """Guessing finds nothing, in every place where a ticket can be shown."""
    with pytest.raises(TicketUnknown):
        await play.services.oauth_flow.landing("guess")
    with pytest.raises(TicketUnknown):
        await play.complete({"state": "guess", "code": "x"})
    for attempt in ("again", "confirm", "ask_their_admin", "renew"):
        with pytest.raises(TicketUnknown):
            await getattr(play.services.oauth_flow, attempt)("guess", "browser")


# --- a link that has expired


@on_both
async def test_an_expired_link_is_exchanged_for_a_fresh_one(play: Play) -> None:
    """The same trip goes on where it would have, and asked twice it is one ticket; before it has expired the
    link itself does."""
    begun = await play.begin("alice")
    flow, secret = play.services.oauth_flow, secret_of(begun)
    assert await flow.renew(secret, "browser") == secret
    play.stage.town.clock.advance(timedelta(minutes=15))
    fresh = await flow.renew(secret, "browser")
    assert fresh != secret and await flow.renew(secret, "browser") == fresh
    assert (await flow.landing(fresh)).address == ALICE
    with pytest.raises(TicketExpired):
        await flow.landing(secret)
    callback = play.callback(play.google.consent(url_of(await flow.start(fresh, "browser")), ALICE))
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED


async def test_only_one_browser_gets_a_fresh_link(play: Play) -> None:
    """The one that had begun, else the first that asks; nobody a day later, nor who has left since."""
    begun, untouched = secret_of(await play.begin("alice")), secret_of(await play.begin("alice"))
    flow = play.services.oauth_flow
    await flow.start(begun, "mine")
    play.stage.town.clock.advance(timedelta(minutes=15))
    await flow.renew(untouched, "first")
    for secret in (begun, untouched):
        with pytest.raises(OtherBrowser):
            await flow.renew(secret, "another")
    await play.stage.driver.edit_person("alice", deleted=True)
    play.stage.town.clock.advance(timedelta(hours=1))
    with pytest.raises(GuestNotAllowed):
        await flow.renew(begun, "mine")
    play.stage.town.clock.advance(timedelta(hours=23))
    with pytest.raises(TicketUnknown):
        await flow.renew(begun, "mine")


async def test_a_callback_for_another_provider_spends_nothing(play: Play) -> None:
    """The ticket stays good for the provider it was made for."""
    begun = await play.begin("alice")
    callback = await play.consent(begun)
    with pytest.raises((TicketUnknown, OtherBrowser)):
        await play.services.oauth_flow.complete("microsoft", callback, "browser")
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED


async def test_removing_an_inbox_voids_its_tickets(play: Play) -> None:
    """A sign-in begun before the removal does not bring it back."""
    alice = await play.connect("alice")
    begun = await play.reconnect("alice", alice)
    callback = await play.consent(begun)
    await play.remove("alice", alice)
    with pytest.raises(TicketUnknown):
        await play.complete(callback)
    with pytest.raises(TicketUnknown):
        await play.services.oauth_flow.landing(secret_of(begun))
    assert (await play.now_of(alice)).state is State.REMOVED


@pytest.mark.threaded
@on_both
async def test_a_double_click_at_the_provider_connects_once(play: Play) -> None:
    """Two callbacks: one spends, the other is told to wait for it, and finds its outcome afterwards."""
    gate = Gate("redeem")
    callback = await play.consent(await play.begin("alice"))
    async with play.another_process(provider=gate.before) as other:
        activation = asyncio.create_task(play.complete(callback, services=other))
        await gate.reached.wait()
        assert (await play.complete(callback)).ending is OutcomeKind.PENDING
        gate.go_on.set()
        assert (await activation).ending is OutcomeKind.CONNECTED
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED
    await play.settles()
    assert play.refresh_tokens(ALICE) == 1


@pytest.mark.threaded
@on_both
async def test_two_callbacks_at_the_same_moment_make_one_grant(play: Play) -> None:
    """Whichever the database lets in first spends the ticket; the other never reaches the provider."""
    callback = await play.consent(await play.begin("alice"))
    exchanged = play.google.requests["token"]
    outcomes = await asyncio.gather(play.complete(callback), play.complete(callback))
    endings = {outcome.ending for outcome in outcomes}
    assert OutcomeKind.CONNECTED in endings and endings <= {OutcomeKind.CONNECTED, OutcomeKind.PENDING}
    assert play.google.requests["token"] == exchanged + 2  # one code redeemed, one refresh to prove it
    assert play.refresh_tokens(ALICE) == 1


@pytest.mark.threaded
async def test_a_crash_between_spending_and_the_outcome_can_be_begun_again(play: Play) -> None:
    """The process dies while proving: the page offers to begin again, and the grant goes back."""
    gate = Gate("redeem")
    callback = await play.consent(await play.begin("alice"))
    async with play.another_process(provider=gate.before) as dying:
        activation = asyncio.create_task(play.complete(callback, services=dying))
        await gate.reached.wait()
        activation.cancel()
        await asyncio.gather(activation, return_exceptions=True)
    assert (await play.complete(callback)).ending is OutcomeKind.PENDING
    play.stage.town.clock.advance(timedelta(minutes=2, seconds=1))
    interrupted = await play.complete(callback)
    assert (interrupted.ending, interrupted.code) == (OutcomeKind.PROVIDER_AWAY, "interrupted")
    assert (await play.complete(await play.again(interrupted))).ending is OutcomeKind.CONNECTED


@pytest.mark.threaded
@on_both
@pytest.mark.parametrize("where", ["redeem", "probe"])
async def test_the_next_process_says_at_once_what_the_last_one_left_unchecked(
    database_url: str, database_kind: str, where: str
) -> None:
    """Alone with its file it knows that nobody checks any more; elsewhere another process still may."""
    async with a_town(database_url) as built:
        async with a_bot(built) as stage:
            play, gate = Play(stage), Gate(where)
            callback = await play.consent(await play.begin("alice"))
            async with play.another_process(provider=gate.before) as dying:
                activation = asyncio.create_task(play.complete(callback, services=dying))
                await gate.reached.wait()
                activation.cancel()
                await asyncio.gather(activation, return_exceptions=True)
            assert (await play.complete(callback)).ending is OutcomeKind.PENDING
        async with a_bot(built) as stage:
            after = Play(stage, play._secrets)
            found = await after.complete(callback)
            if database_kind == "postgresql":
                assert found.ending is OutcomeKind.PENDING
                return
            assert (found.ending, found.code) == (OutcomeKind.PROVIDER_AWAY, "interrupted")
            assert (await after.complete(await after.again(found))).ending is OutcomeKind.CONNECTED
            await after.passes(hours=2, minutes=1)
            channel = await after.channel(ALICE)
            assert channel is not None and channel.state is State.CONNECTED
            assert await after.grants_of(channel.identity) == 1


@pytest.mark.threaded
async def test_a_crash_after_the_swap_does_not_deny_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inbox is connected: whoever loads the page again reads that."""
    callback = await play.consent(await play.begin("alice"))
    async with play.another_process() as dying:
        writing = dying.core.storage.writing

        @asynccontextmanager
        async def until_it_is_connected() -> AsyncIterator[UnitOfWork]:
            async with play.storage.reading() as seen:
                if await seen.channels.at_address(play.services.workspace.id, ALICE):
                    raise asyncio.CancelledError
            async with writing() as uow:
                yield uow

        monkeypatch.setattr(dying.core.storage, "writing", until_it_is_connected)
        await asyncio.gather(play.complete(callback, services=dying), return_exceptions=True)
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED


@pytest.mark.threaded
async def test_a_grant_staged_by_a_process_that_died_is_given_back(play: Play) -> None:
    """Never proven, an hour old: it is nobody's, so Google is asked to end it."""
    gate = Gate("probe")
    callback = await play.consent(await play.begin("alice"))
    async with play.another_process(provider=gate.before) as dying:
        activation = asyncio.create_task(play.complete(callback, services=dying))
        await gate.reached.wait()
        assert play.refresh_tokens(ALICE) == 1
        activation.cancel()
        await asyncio.gather(activation, return_exceptions=True)
    await play.passes(hours=2, minutes=1)
    assert play.refresh_tokens(ALICE) == 0


# --- reconnecting


@on_both
async def test_reconnecting_swaps_the_grant_and_revokes_nothing(play: Play) -> None:
    """Same channel, new grant; the old one is forgotten here and never revoked."""
    alice = await play.connect("alice")
    outcome = await play.signs_in(await play.reconnect("alice", alice))
    after = await play.now_of(alice)
    assert (outcome.ending, after.state) == (OutcomeKind.RECONNECTED, State.CONNECTED)
    assert after.grant_id != alice.grant_id
    old = await play.grant(alice.grant_id)
    assert (old.phase, old.secret, old.revocation) == (Phase.SUPERSEDED, None, Revocation.NOT_ASKED)
    assert play.google.requests["revoke"] == 0


@pytest.mark.threaded
@on_both
async def test_of_two_reconnects_at_once_the_last_proven_wins(play: Play) -> None:
    """Both pages say reconnected, one grant is live, and it works."""
    alice = await play.connect("alice")
    first = await play.consent(await play.reconnect("alice", alice), browser="one")
    second = await play.consent(await play.reconnect("alice", alice), browser="two")
    outcomes = await asyncio.gather(play.complete(first, browser="one"), play.complete(second, browser="two"))
    await play.settles()
    assert {outcome.ending for outcome in outcomes} == {OutcomeKind.RECONNECTED}
    assert await play.grants_of(alice.identity) == 1
    await play.look(alice)
    assert (await play.now_of(alice)).state is State.CONNECTED
    assert play.google.requests["revoke"] == 0


async def test_a_sign_in_finished_for_a_disabled_inbox_leaves_it_disabled(play: Play) -> None:
    """The grant is swapped; turning it on is another wish (rule 7)."""
    alice = await play.connect("alice")
    begun = await play.reconnect("alice", alice)
    await play.disable("alice", alice)
    outcome = await play.signs_in(begun)
    after = await play.now_of(alice)
    assert (outcome.ending, after.state) == (OutcomeKind.STILL_DISABLED, State.DISABLED)
    assert after.grant_id != alice.grant_id
    assert (await play.enable("alice", alice)).state is State.CONNECTED


@pytest.mark.threaded
async def test_a_removal_during_the_proof_wins(play: Play) -> None:
    """The ticket was spent already when the inbox was removed: the new grant is given back."""
    alice = await play.connect("alice")
    callback = await play.consent(await play.reconnect("alice", alice))
    gate = Gate("redeem")
    async with play.another_process(provider=gate.before) as other:
        activation = asyncio.create_task(play.complete(callback, services=other))
        await gate.reached.wait()
        await play.remove("alice", alice)
        gate.go_on.set()
        outcome = await activation
    await play.settles()
    assert not outcome.ending.is_good
    assert (await play.now_of(alice)).state is State.REMOVED
    assert await play.grants_of(alice.identity) == 0
    assert play.refresh_tokens(ALICE) == 0


async def test_reconnecting_mends_a_dead_inbox_and_its_message(play: Play) -> None:
    """The link in the alarm leads to a fresh sign-in; the alarm says who mended it; the link closes."""
    alice = await play.connect("alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=21)
    secret = await play.link("alice")
    assert (await play.services.oauth_flow.link_landing(secret)).address == ALICE
    url = url_of(await play.services.oauth_flow.link_start(secret, "browser"))
    outcome = await play.complete(play.callback(play.google.consent(url, ALICE)))
    await play.passes(seconds=2)
    assert outcome.ending is OutcomeKind.RECONNECTED
    incident = await play.incident(alice)
    assert incident is not None
    assert incident.resolved_by == "U0ALICE"
    assert not await play.alarms()
    with pytest.raises(LinkClosed):
        await play.services.oauth_flow.link_landing(secret)


async def test_a_link_is_for_its_person_as_they_are_now(play: Play) -> None:
    """Deactivated since the alarm was sent: the link opens nothing."""
    await play.connect("alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=21)
    secret = await play.link("alice")
    await play.stage.driver.edit_person("alice", deleted=True)
    with pytest.raises(GuestNotAllowed):
        await play.services.oauth_flow.link_start(secret, "browser")


# --- coming back


@on_both
async def test_a_removed_inbox_is_restored_for_its_owner_and_mailbox(play: Play) -> None:
    """Within thirty days the same person with the same mailbox finds settings and history again."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    await play.passes(days=29)
    outcome = await play.signs_in(await play.begin("alice"))
    back = await play.now_of(alice)
    assert (outcome.ending, back.state, back.removed_at) == (OutcomeKind.RESTORED, State.CONNECTED, None)
    assert (await play.history(alice))[-1] == "restore_proven"


async def restored(play: Play, alice: Channel, outcome: TicketOutcome) -> bool:
    found = await play.channel(ALICE)
    assert outcome.ending.is_good
    assert found is not None
    return found.id == alice.id


async def test_after_thirty_days_it_is_a_new_inbox(play: Play) -> None:
    """What was removed long ago stays in its grave."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    play.stage.town.clock.advance(timedelta(days=30, minutes=1))
    assert not await restored(play, alice, await play.signs_in(await play.begin("alice")))


async def test_another_mailbox_under_the_same_address_is_a_new_inbox(play: Play) -> None:
    """Settings and history belong to the identity, not to the name."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    play.google.accounts.rename(ALICE, "old-alice@acme.example")
    play.google.accounts.add(ALICE)
    assert not await restored(play, alice, await play.signs_in(await play.begin("alice")))


async def test_another_owner_of_the_same_mailbox_gets_a_new_inbox(play: Play) -> None:
    """Nobody inherits somebody else's settings and history."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    admin = await play.actor("omar")
    assert not await restored(play, alice, await play.signs_in(await play.begin(admin, ALICE)))


# --- who may


async def test_who_may_connect_what(play: Play) -> None:
    """One's own Slack address at once; another takes an admin; somebody's inbox stays theirs."""
    with pytest.raises(NeedsApproval) as refused:
        await play.begin("alice", PRIVATE)
    assert set(refused.value.who_can) == {"U0SAKURA", "U0OMAR"}
    kenji = await play.connect("kenji")
    with pytest.raises(AlreadyConnected) as taken:
        await play.begin("omar", KENJI)
    assert taken.value.by_another
    with pytest.raises(NotAllowed):
        await play.reconnect("omar", kenji)
    with pytest.raises(GuestNotAllowed):
        await play.begin("gus")


async def test_connecting_what_is_connected_says_so_and_renews_if_wanted(play: Play) -> None:
    """Nothing has to be done, and nothing typed is lost; renewed, there is no second inbox."""
    alice = await play.connect("alice")
    with pytest.raises(InOrder) as found:
        await play.begin("alice")
    assert (found.value.channel.id, found.value.may_edit) == (alice.id, True)
    begun = await play.reconnect("alice", alice)
    assert begun.reconnect
    assert (await play.signs_in(begun)).ending is OutcomeKind.RECONNECTED
    assert (await play.now_of(alice)).id == alice.id


async def test_a_removed_inbox_cannot_be_reconnected_by_an_old_button(play: Play) -> None:
    """The button outlived the inbox: it says gone."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    with pytest.raises(Gone):
        await play.reconnect("alice", replace(alice, version=0))


async def test_two_people_who_connect_one_address_get_one_inbox(play: Play) -> None:
    """The second proof finds the address taken: refused, and the owner's grant lives on."""
    omar, sakura = await play.actor("omar"), await play.actor("sakura")
    first = await play.consent(await play.begin(omar, ALICE), browser="one")
    second = await play.consent(await play.begin(sakura, ALICE), browser="two")
    assert (await play.complete(first, browser="one")).ending is OutcomeKind.CONNECTED
    assert (await play.complete(second, browser="two")).ending is OutcomeKind.NOT_POSSIBLE
    await play.settles()
    taken = await play.channel(ALICE)
    assert taken is not None
    assert taken.owner_id == "U0OMAR"
    assert play.google.requests["revoke"] == 0
    await play.look(taken)
    assert (await play.now_of(taken)).state is State.CONNECTED


ANY_HOST = (("google", "Gmail"), ("microsoft", "Office 365"), ("imap", "IMAP"))


@pytest.mark.parametrize("silent", ["acme.example", "autodiscover.acme.example", ""])
async def test_where_nobody_can_say_who_hosts_it_the_person_is_asked(play: Play, silent: str) -> None:
    """Behind a host that nobody knows, whether the look-ups failed or named nobody: never straight to the
    password form. Whoever is asked goes on with what was typed."""
    names = play.stage.town.names
    names.move("acme.example", "unlisted filter")
    names.silent.add(silent)
    actor = await play.actor("alice")
    plan = InboxSpec(actor.person.email, use="Invoices")
    with pytest.raises(HostUnknown) as unknown:
        await play.services.connections.begin(actor, plan)
    assert unknown.value.hosts == ANY_HOST
    assert unknown.value.requested_change.inbox == plan
    begun = await play.services.connections.begin(actor, replace(plan, provider="microsoft"))
    assert (begun.provider, begun.takes_password) == ("microsoft", False)


async def test_where_mail_programs_are_sent_leads_behind_a_filter(play: Play) -> None:
    """To Microsoft's sign-in, with every other host to choose; whoever chooses one is not asked again."""
    names = play.stage.town.names
    names.move("acme.example", "unlisted filter")
    names.aliases["autodiscover.acme.example"] = "autodiscover.outlook.com"
    begun = await play.begin("alice")
    assert (begun.provider, begun.takes_password) == ("microsoft", False)
    assert {key for key, _ in begun.others} == {"google", "imap"}


async def test_an_approved_wish_is_asked_for_its_host_too(play: Play) -> None:
    """The approval covers whatever host is chosen then."""
    play.stage.town.names.move("acme.example", "unlisted filter")
    kenji = await play.actor("kenji")
    plan = InboxSpec("support@acme.example", kind=Kind.TEAM, name="Support", use="Zendesk")
    with pytest.raises(NeedsApproval) as needed:
        await play.services.connections.begin(kenji, plan)
    asked = await play.services.approvals.ask(kenji, needed.value.requested_change, reason="")
    await play.services.approvals.answer(await play.actor("omar"), asked.request.id, approve=True)
    with pytest.raises(HostUnknown) as unknown:
        await play.services.connections.begin_approved(kenji, asked.request.id)
    assert unknown.value.requested_change == needed.value.requested_change
    begun = await play.services.connections.begin(kenji, replace(plan, provider="google"))
    assert begun.provider == "google"


async def test_an_address_that_takes_no_mail_is_refused_unless_a_provider_was_chosen(play: Play) -> None:
    """Its domain says so (a null MX); whoever knows better chooses the provider."""
    play.stage.town.names.move("acme.example", "no mail")
    with pytest.raises(TakesNoMail):
        await play.begin("alice")
    actor = await play.actor("alice")
    begun = await play.services.connections.begin(actor, InboxSpec(actor.person.email, provider="google"))
    assert begun.provider == "google"
