"""A super admin's word that an account receives an address: who may give it, and what it counts for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.access import Role
from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import NotAllowed, TicketSpent
from bot.domain.ticket import OutcomeKind, TicketOutcome
from tests.inboxes import with_changes
from tests.services.play import IDS, Play, on_both, secret_of, url_of
from tests.views.samples import an_outcome

GROUP = "press@acme.example"
"""A group: its mail goes to Omar and Alice; nobody can sign in as it."""
OMAR, ALICE, KENJI = "omar@acme.example", "alice@acme.example", "kenji@acme.example"


async def signs_in_to(play: Play, account: str, who: str = "omar") -> TicketOutcome:
    """Somebody wants the group's address connected, and signs in to an account of a person."""
    begun = await play.services.connections.begin(await play.actor(who), InboxSpec(GROUP, Kind.TEAM))
    return await play.signs_in(begun, account)


async def confirms(
    play: Play, outcome: TicketOutcome, account: str, *, browser: str = "browser"
) -> TicketOutcome:
    """*Yes, it receives that mail*, and the sign-in that follows."""
    callback = await begins_again(play, outcome, account, browser=browser)
    done = await play.complete(callback)
    await play.settles()
    return done


async def begins_again(
    play: Play, outcome: TicketOutcome, account: str, *, browser: str = "browser"
) -> dict[str, str]:
    secret = play.secret(outcome)
    url = url_of(await play.services.oauth_flow.confirm(secret, browser))
    return play.callback(play.google.consent(url, account))


async def the_group(play: Play) -> Channel:
    found = await play.channel(GROUP)
    assert found is not None
    return found


@on_both
async def test_a_super_admin_confirms_and_signs_in_once_more(play: Play) -> None:
    """The account is asked for by name, connected as the group's, and who said so is history."""
    refused = await signs_in_to(play, OMAR)
    assert (refused.ending, refused.signed_in) == (OutcomeKind.WRONG_MAILBOX, OMAR)
    assert play.refresh_tokens(OMAR) == 0
    assert (await play.services.oauth_flow.completion(refused)).may_confirm
    confirmed_at = play.now
    callback = await begins_again(play, refused, OMAR)
    await play.passes(minutes=2)
    outcome = await play.complete(callback)
    group = await the_group(play)
    assert outcome.ending is OutcomeKind.CONNECTED
    assert (group.state, group.via, group.account) == (State.CONNECTED, OMAR, OMAR)
    async with play.storage.reading() as uow:
        records = await uow.history.of_channel(group.id, 5)
    [said] = [record for record in records if record.what == "via_confirmed"]
    assert (said.actor, said.at, said.details) == (IDS["omar"], confirmed_at, {"via": OMAR})


async def test_the_provider_is_told_whose_sign_in_it_is(play: Play) -> None:
    """The hint names the account, now and whenever it is reconnected."""
    url = url_of(
        await play.services.oauth_flow.confirm(play.secret(await signs_in_to(play, OMAR)), "browser")
    )
    assert "login_hint=omar%40acme.example" in url
    await play.complete(play.callback(play.google.consent(url, OMAR)))
    begun = await play.reconnect("alice", await the_group(play))
    assert (begun.address, begun.account) == (GROUP, OMAR)
    url = url_of(await play.services.oauth_flow.start(secret_of(begun), "browser"))
    assert "login_hint=omar%40acme.example" in url


async def test_only_that_very_account_will_do(play: Play) -> None:
    """Confirmed is an account, not a name: somebody else is refused, and so is a new account of that name."""
    refused = await signs_in_to(play, OMAR)
    other = await confirms(play, refused, KENJI)
    assert (other.ending, other.signed_in) == (OutcomeKind.WRONG_MAILBOX, KENJI)
    callback = await begins_again(play, refused, OMAR)
    play.google.accounts.rename(OMAR, "omar.old@acme.example")
    play.google.accounts.add(OMAR)
    assert (await play.complete(callback)).ending is OutcomeKind.CONNECTED  # he had consented already
    assert (await the_group(play)).via == "omar.old@acme.example"
    again = await play.signs_in(await play.reconnect("omar", await the_group(play)), OMAR)
    assert again.ending is OutcomeKind.WRONG_MAILBOX
    kept = await play.signs_in(await play.reconnect("omar", await the_group(play)), "omar.old@acme.example")
    assert kept.ending is OutcomeKind.RECONNECTED
    assert (await the_group(play)).via == "omar.old@acme.example"


async def test_whoever_owns_the_address_needs_nobodys_word(play: Play) -> None:
    """The group has become a mailbox meanwhile: its own account is taken, and nothing is *via*."""
    refused = await signs_in_to(play, OMAR)
    play.google.accounts.add(GROUP)
    assert (await confirms(play, refused, GROUP)).ending is OutcomeKind.CONNECTED
    group = await the_group(play)
    assert group.via == ""
    assert "via_confirmed" not in await play.history(group)


async def test_a_member_may_not_confirm(play: Play) -> None:
    """Not even one whose wish was approved: the page offers it to nobody else, and the click is refused."""
    await play.services.admins.give(await play.actor("omar"), Role.ACCOUNT_ACCESS, IDS["alice"])
    refused = await signs_in_to(play, ALICE, who="alice")
    assert refused.ending is OutcomeKind.WRONG_MAILBOX
    assert not (await play.services.oauth_flow.completion(refused)).may_confirm
    with pytest.raises(NotAllowed):
        await confirms(play, refused, ALICE)
    assert await play.channel(GROUP) is None


async def test_the_right_is_asked_again_at_the_end(play: Play) -> None:
    """Somebody who is no super admin any more when the sign-in ends has confirmed nothing."""
    await play.services.admins.give(await play.actor("omar"), Role.SUPER_ADMIN, IDS["alice"])
    await play.services.admins.give(await play.actor("omar"), Role.ACCOUNT_ACCESS, IDS["alice"])
    refused = await signs_in_to(play, ALICE, who="alice")
    callback = await begins_again(play, refused, ALICE)
    await play.services.admins.take(await play.actor("omar"), Role.SUPER_ADMIN, IDS["alice"])
    assert (await play.complete(callback)).ending is OutcomeKind.NOT_POSSIBLE
    await play.settles()
    assert await play.channel(GROUP) is None
    assert play.refresh_tokens(ALICE) == 0


async def test_the_word_belongs_to_one_outcome_in_one_browser(play: Play) -> None:
    """Not to another browser, not to a day later, and not to an outcome of another kind."""
    refused = await signs_in_to(play, OMAR)
    with pytest.raises(TicketSpent):
        await confirms(play, refused, OMAR, browser="another")
    fine = await play.signs_in(await play.begin("alice"))
    with pytest.raises(TicketSpent):
        await confirms(play, fine, ALICE)
    alice = await play.channel(ALICE)
    assert alice is not None
    pinned = await play.signs_in(await play.reconnect("alice", alice), KENJI)
    assert pinned.ending is OutcomeKind.WRONG_MAILBOX and not pinned.may_be_confirmed
    with pytest.raises(TicketSpent):
        await confirms(play, pinned, KENJI)
    play.stage.town.clock.advance(timedelta(minutes=16))
    with pytest.raises(TicketSpent):
        await confirms(play, refused, OMAR)


async def test_trying_again_keeps_the_word(play: Play) -> None:
    """An outage between the click and the proof costs one more try, not one more confirmation."""
    callback = await begins_again(play, await signs_in_to(play, OMAR), OMAR)
    play.google.break_down("server_error")
    away = await play.complete(callback)
    assert away.ending is OutcomeKind.PROVIDER_AWAY
    play.google.mend()
    secret = callback["state"]
    url = url_of(await play.services.oauth_flow.again(secret, "browser"))
    assert "login_hint=omar%40acme.example" in url
    assert (
        await play.complete(play.callback(play.google.consent(url, OMAR)))
    ).ending is OutcomeKind.CONNECTED
    assert (await the_group(play)).via == OMAR


async def test_a_removed_one_comes_back_by_a_new_word(play: Play) -> None:
    """Restoring finds settings and history, and shows again through whom it is opened."""
    assert (await confirms(play, await signs_in_to(play, OMAR), OMAR)).ending is OutcomeKind.CONNECTED
    await play.remove("omar", await the_group(play))
    refused = await signs_in_to(play, OMAR)
    assert refused.ending is OutcomeKind.WRONG_MAILBOX
    assert (await confirms(play, refused, OMAR)).ending is OutcomeKind.RESTORED
    assert (await the_group(play)).via == OMAR


async def test_an_address_and_the_account_behind_it_live_side_by_side(play: Play) -> None:
    """Omar's own inbox and the group's are one account at Google: removing one revokes nothing (rule 9)."""
    await play.connect("omar", OMAR)
    assert (await confirms(play, await signs_in_to(play, OMAR), OMAR)).ending is OutcomeKind.CONNECTED
    removal = await play.remove("omar", await the_group(play))
    assert removal.shared_here == 1
    omar = await play.channel(OMAR)
    assert omar is not None
    await play.look(omar)
    assert (await play.now_of(omar)).state is State.CONNECTED


def test_a_shared_mailbox_has_no_account_that_could_be_confirmed() -> None:
    """Whoever opens it does so as themselves; that is no sign of where mail goes."""
    wrong = an_outcome(OutcomeKind.WRONG_MAILBOX)
    assert wrong.may_be_confirmed
    assert not replace(wrong, ticket=with_changes(wrong.ticket, is_shared=True)).may_be_confirmed
