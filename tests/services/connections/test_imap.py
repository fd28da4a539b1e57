"""A mailbox with a password, from the form to the day its password changes, and hosts that are spared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.channel import Cause, Channel, InboxSpec, State
from bot.domain.errors import (
    FormFault,
    GrantRejected,
    OtherBrowser,
    SignInElsewhere,
    TicketExpired,
    TooManyLogins,
    TooManyTries,
)
from bot.domain.grant import MailboxIdentity, Revocation
from bot.domain.ticket import OutcomeKind, TicketOutcome
from bot.domain.view_models import AuthorizationStart, Completion
from bot.services.connections.oauth_flow import MOST_TRIES, Refilled
from bot.services.monitoring.probes import LoginThrottle
from providers.base import Form
from sandbox.imap import LocalImap
from tests.driver import Said
from tests.services.play import Play, on_both, secret_of
from tests.storage.builders import a_grant

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


def host_of(play: Play) -> LocalImap:
    return play.stage.town.imap


async def begun(play: Play, who: str = "alice") -> tuple[AuthorizationStart, dict[str, str]]:
    """The ticket of somebody who chose IMAP, and the form as it is shown to them."""
    actor = await play.actor(who)
    ticket = await play.services.connections.begin(actor, InboxSpec(actor.person.email, provider="imap"))
    way = await play.services.oauth_flow.start(secret_of(ticket), "browser")
    assert isinstance(way.step, Form)
    return ticket, dict(way.step.given)


async def fills(
    play: Play, ticket: AuthorizationStart, given: dict[str, str], **fields: str
) -> TicketOutcome | Refilled:
    password = host_of(play).password_of(ticket.address)
    filled = {**given, "password": password, **fields}
    done = await play.services.oauth_flow.fill(secret_of(ticket), filled, "browser")
    return done.outcome if isinstance(done, Completion) else done


async def connected(play: Play, who: str = "alice") -> Channel:
    ticket, given = await begun(play, who)
    outcome = await fills(play, ticket, given)
    assert isinstance(outcome, TicketOutcome)
    assert outcome.ending is OutcomeKind.CONNECTED
    found = await play.channel(ticket.address)
    assert found is not None
    return found


# --- the form


@on_both
async def test_a_password_connects_a_mailbox(play: Play) -> None:
    """Prefilled from the list of hosts; proven by a login before anything is stored; sealed."""
    ticket, given = await begun(play)
    host = host_of(play)
    assert given == {"host": host.name, "port": str(host.tls_port), "security": "tls", "user": ALICE}
    outcome = await fills(play, ticket, given)
    assert isinstance(outcome, TicketOutcome)
    assert outcome.ending is OutcomeKind.CONNECTED
    channel = await play.channel(ALICE)
    assert channel is not None
    assert (channel.state, channel.provider) == (State.CONNECTED, "imap")
    assert channel.identity.tenant == host.name
    await play.settles()
    assert await play.told("alice", ALICE, "connected")


async def test_a_wrong_password_stores_nothing_and_may_be_tried_again(play: Play) -> None:
    """The ticket is not spent by it; the right one then is enough."""
    ticket, given = await begun(play)
    tried = await fills(play, ticket, given, password="wrong")
    assert isinstance(tried, Refilled)
    assert isinstance(tried.error, GrantRejected)
    assert tried.tries_left == MOST_TRIES - 1
    assert await play.channel(ALICE) is None
    again = await fills(play, ticket, given)
    assert isinstance(again, TicketOutcome)
    assert again.ending is OutcomeKind.CONNECTED


@on_both
async def test_nobody_guesses_passwords_here(play: Play) -> None:
    """Five tries, and the ticket is worth nothing, not even with the right password."""
    ticket, given = await begun(play)
    for left in reversed(range(MOST_TRIES)):
        tried = await fills(play, ticket, given, password="wrong")
        assert isinstance(tried, Refilled)
        assert tried.tries_left == left
    before = host_of(play).requests["login"]
    with pytest.raises(TooManyTries):
        await fills(play, ticket, given)
    assert host_of(play).requests["login"] == before


async def test_the_ticket_is_this_browsers_and_lasts_fifteen_minutes(play: Play) -> None:
    """A form from elsewhere, or too late, tries nothing."""
    ticket, given = await begun(play)
    filled = {**given, "password": host_of(play).password_of(ALICE)}
    for browser in ("another", None):
        with pytest.raises(OtherBrowser):
            await play.services.oauth_flow.fill(secret_of(ticket), filled, browser)
    await play.passes(minutes=16)
    with pytest.raises(TicketExpired):
        await play.services.oauth_flow.fill(secret_of(ticket), filled, "browser")
    assert host_of(play).requests["login"] == 0


async def test_a_reload_finds_the_outcome(play: Play) -> None:
    """Sending the form once more shows what came of it, without another login."""
    ticket, given = await begun(play)
    first = await fills(play, ticket, given)
    before = host_of(play).requests["login"]
    again = await fills(play, ticket, given)
    assert isinstance(first, TicketOutcome)
    assert isinstance(again, TicketOutcome)
    assert (again.ending, host_of(play).requests["login"]) == (first.ending, before)


async def test_a_form_that_cannot_be_used_says_why(play: Play) -> None:
    """Fields, inner hosts, and hosts with a sign-in of their own."""
    ticket, given = await begun(play)
    faults = [await fills(play, ticket, given, host=host) for host in ("localhost", "imap.gmail.com")]
    assert [type(one.error) for one in faults if isinstance(one, Refilled)] == [FormFault, SignInElsewhere]


async def test_somebody_elses_login_does_not_connect_this_address(play: Play) -> None:
    """Kenji's mailbox is not Alice's."""
    ticket, given = await begun(play)
    host = host_of(play)
    outcome = await fills(play, ticket, given, user=KENJI, password=host.password_of(KENJI))
    assert isinstance(outcome, TicketOutcome)
    assert outcome.ending is OutcomeKind.WRONG_MAILBOX
    assert await play.channel(ALICE) is None


# --- its life


async def test_a_changed_password_is_told_after_two_refused_logins(play: Play) -> None:
    """A second witness after ten minutes, then one login a day; the new password mends it."""
    channel = await connected(play)
    host = host_of(play)
    host.change_password(ALICE)
    await play.passes(minutes=17)
    assert host.requests["refused"] == 1
    assert (await play.now_of(channel)).state is State.IMPAIRED
    assert not await play.alarms()
    await play.passes(minutes=7)
    assert host.requests["refused"] == 1
    await play.passes(minutes=2)
    after = await play.now_of(channel)
    assert (after.state, after.cause) == (State.DISCONNECTED, Cause.PASSWORD_REFUSED)
    assert len(await play.alarms()) == 1
    await play.passes(hours=23)
    assert host.requests["refused"] == 2
    await play.passes(hours=4)
    assert host.requests["refused"] == 3
    ticket = await play.reconnect("alice", channel)
    way = await play.services.oauth_flow.start(secret_of(ticket), "browser")
    assert isinstance(way.step, Form)
    outcome = await fills(play, ticket, dict(way.step.given))
    assert isinstance(outcome, TicketOutcome)
    assert outcome.ending is OutcomeKind.RECONNECTED
    assert (await play.now_of(channel)).state is State.CONNECTED


async def test_a_mailbox_is_looked_at_every_quarter_of_an_hour_at_most(play: Play) -> None:
    """Whatever the pace of other providers, and whatever is wrong with the host."""
    await connected(play)
    host = host_of(play)
    host.requests.clear()
    await play.passes(minutes=60)
    assert host.requests["login"] <= 4
    host.break_down("unavailable")
    host.requests.clear()
    await play.passes(minutes=60)
    assert 1 <= host.requests["login"] <= 4


async def test_a_lockout_of_the_whole_host_is_held(play: Play) -> None:
    """All mailboxes of a host refused at once: one message about that host, nobody told to reconnect."""
    channels = [await connected(play, who) for who in ("alice", "kenji", "sakura", "omar")]
    host = host_of(play)
    host.break_down("lockout")
    await play.passes(minutes=60)
    assert host.requests["refused"] <= 5
    assert {(await play.now_of(channel)).state for channel in channels} == {State.IMPAIRED}
    await play.passes(minutes=60)
    assert host.requests["refused"] <= 10
    causes = {(await play.now_of(channel)).cause for channel in channels}
    assert Cause.HELD in causes
    assert State.DISCONNECTED not in {(await play.now_of(channel)).state for channel in channels}
    for name in ("alice", "kenji", "sakura", "omar"):
        assert not await play.alarms(name)
    host.mend()
    await play.passes(hours=3)
    assert {(await play.now_of(channel)).state for channel in channels} == {State.CONNECTED}


@on_both
async def test_a_host_refuses_five_logins_an_hour_over_all_processes(play: Play) -> None:
    """The sixth is not made, here or in another process; an hour later there is room again."""
    identity = MailboxIdentity("imap", "a@imap.harbor.example", "imap.harbor.example")
    grant = replace(a_grant(), identity=identity)
    here, elsewhere = LoginThrottle(play.services.core), LoginThrottle(play.services.core)
    for login_throttle in (here, elsewhere, here, elsewhere, here):
        async with login_throttle.turn(grant) as turn:
            assert turn.put_off_until is None
            turn.was_refused = True
    for login_throttle in (here, elsewhere):
        async with login_throttle.turn(grant) as turn:
            assert turn.put_off_until == play.now + timedelta(hours=1)
    other = replace(grant, identity=replace(identity, tenant="imap.other.example"))
    async with here.turn(other) as turn:
        assert turn.put_off_until is None
    play.stage.town.clock.advance(timedelta(minutes=61))
    async with elsewhere.turn(grant) as turn:
        assert turn.put_off_until is None


async def test_a_spared_host_is_no_news(play: Play) -> None:
    """With no login left for its host a mailbox stays what it was, and is looked at when there is one."""
    channel = await connected(play)
    grant = await play.grant(channel.grant_id)
    login_throttle = LoginThrottle(play.services.core)
    for _ in range(5):
        async with login_throttle.turn(grant) as turn:
            turn.was_refused = True
    host = host_of(play)
    host.requests.clear()
    await play.passes(minutes=50)
    assert host.requests["login"] == 0
    assert (await play.now_of(channel)).state is State.CONNECTED
    await play.passes(minutes=20)
    assert host.requests["login"] >= 1


async def test_removing_waits_for_somebody_who_wants_to_know(play: Play) -> None:
    """Only its owner can delete a password: no login by itself, two at most when asked."""
    channel = await connected(play)
    host = host_of(play)
    host.requests.clear()
    await play.services.channel_actions.remove(await play.actor("alice"), channel.id)
    await play.passes(hours=2)
    assert host.requests["login"] == 0
    assert channel.grant_id is not None
    assert (await play.grant(channel.grant_id)).revocation is not Revocation.CONFIRMED


# --- a no without a reason


async def doubts(play: Play) -> list[Said]:
    """What is said now of an inbox that cannot be checked."""
    return [said for said in await play.dm("alice") if "🟡" in said.plain]


@pytest.mark.parametrize("answer", ["trouble", "too_many", "generic_failure"])
async def test_a_hosts_own_trouble_is_over_when_it_is_over(play: Play, answer: str) -> None:
    """Half an hour of answers without a reason: nobody is told, and the next look finds it well."""
    channel = await connected(play)
    host = host_of(play)
    host.break_down(answer)
    await play.passes(minutes=35)
    during = await play.now_of(channel)
    assert (during.state, during.cause) == (State.IMPAIRED, Cause.LOGIN_UNCLEAR)
    assert during.said
    host.mend()
    await play.passes(minutes=17)
    after = await play.now_of(channel)
    assert (after.state, after.cause, after.said) == (State.CONNECTED, Cause.NONE, "")
    assert not await play.alarms()


async def test_a_host_without_reasons_is_believed_after_a_day(play: Play) -> None:
    """The same answer for 24 hours may as well be the password: said with the host's words. It is still
    looked for, so that it heals by itself within hours."""
    channel = await connected(play)
    host = host_of(play)
    host.break_down("no_code", ALICE)
    host.requests.clear()
    await play.passes(hours=23)
    assert (await play.now_of(channel)).state is State.IMPAIRED
    await play.passes(hours=3)
    after = await play.now_of(channel)
    assert (after.state, after.cause) == (State.DISCONNECTED, Cause.LOGIN_UNCLEAR)
    assert after.said == "LOGIN failed."
    assert host.requests["refused"] < 35
    assert any("LOGIN failed" in str(alarm) for alarm in await play.alarms())
    host.mend()
    await play.passes(hours=5)
    assert (await play.now_of(channel)).state is State.CONNECTED


async def test_a_proxy_that_hides_the_refusal_is_believed_after_a_day(play: Play) -> None:
    """It may be the password or what is behind it: both are said, with its words, and it is looked for on."""
    channel = await connected(play)
    host = host_of(play)
    host.break_down("proxied")
    host.change_password(ALICE)
    await play.passes(hours=23)
    assert (await play.now_of(channel)).state is State.IMPAIRED
    await play.passes(hours=3)
    after = await play.now_of(channel)
    assert (after.state, after.cause) == (State.DISCONNECTED, Cause.LOGIN_UNCLEAR)
    [told] = [said.plain for said in await play.dm("alice") if "stopped working" in said.plain]
    assert "it may be the password, or trouble at the host" in told and "internal server error" in told


async def test_another_answer_begins_the_day_anew(play: Play) -> None:
    """And what the host says is its own trouble ends it; a number in the words, or silence, does not."""
    channel = await connected(play)
    host = host_of(play)
    for hours, answer in ((20, "no_code"), (20, "trouble"), (1, "unavailable"), (20, "trouble")):
        host.mend()
        host.break_down(answer, ALICE)
        await play.passes(hours=hours)
        assert (await play.now_of(channel)).state is State.IMPAIRED


async def test_everybodys_trouble_is_not_believed_in_a_day(play: Play) -> None:
    """All mailboxes of a host refused without a reason: its user database is down over a weekend."""
    channels = [await connected(play, who) for who in ("alice", "kenji", "sakura")]
    host_of(play).break_down("generic_failure")
    await play.passes(hours=28)
    assert {(await play.now_of(channel)).state for channel in channels} == {State.IMPAIRED}


async def test_a_refusal_is_not_forgotten_for_a_vaguer_one(play: Play) -> None:
    """AUTHENTICATIONFAILED once, then without a reason: still refused once, not less."""
    channel = await connected(play)
    host = host_of(play)
    host.break_down("lockout", ALICE)
    await play.passes(minutes=17)
    host.mend()
    host.break_down("no_code", ALICE)
    await play.passes(minutes=20)
    after = await play.now_of(channel)
    assert (after.state, after.cause) == (State.IMPAIRED, Cause.PASSWORD_REFUSED)


async def test_refusals_without_a_reason_keep_slots_too(play: Play) -> None:
    """They may be wrong passwords: five an hour at one host, as with any other."""
    for who in ("alice", "kenji", "sakura", "omar"):
        await connected(play, who)
    host = host_of(play)
    host.break_down("no_code")
    host.requests.clear()
    await play.passes(minutes=75)
    assert host.requests["login"] <= 6
    await play.passes(minutes=60)
    assert host.requests["login"] <= 12


async def test_the_owner_of_a_closed_inbox_is_told_within_hours(play: Play) -> None:
    """The password works and the inbox does not open: nobody but its owner and their host can know why."""
    channel = await connected(play)
    host = host_of(play)
    host.break_down("inbox_refused", ALICE)
    await play.passes(hours=3)
    during = await play.now_of(channel)
    assert (during.state, during.cause) == (State.IMPAIRED, Cause.INBOX_CLOSED)
    assert not await doubts(play)
    await play.passes(hours=2)
    assert len(await doubts(play)) == 1
    assert "does not open the inbox" in (await doubts(play))[0].plain
    await play.passes(hours=26)
    assert (await play.now_of(channel)).state is State.IMPAIRED
    host.mend()
    await play.passes(minutes=20)
    assert (await play.now_of(channel)).state is State.CONNECTED


async def test_an_outage_of_a_personal_inboxs_host_is_told_to_nobody(play: Play) -> None:
    """There is nothing its owner could do about silence."""
    await connected(play)
    host_of(play).break_down("drops")
    await play.passes(hours=8)
    assert not await doubts(play)


# --- whose password may be tried


@pytest.mark.parametrize("user", [KENJI, KENJI.upper(), "kenji＠acme.example", f" \u200b{KENJI}"])
async def test_nobody_tries_passwords_of_others(play: Play, user: str) -> None:
    """Whose mailbox a login name claims is known before anybody is asked: right and wrong look the same."""
    host = host_of(play)
    endings = []
    for password in ("wrong", host.password_of(KENJI)):
        ticket, given = await begun(play)
        outcome = await fills(play, ticket, given, user=user, password=password)
        assert isinstance(outcome, TicketOutcome)
        endings.append((outcome.ending, outcome.signed_in))
    assert endings == [(OutcomeKind.WRONG_MAILBOX, KENJI)] * 2
    assert host.requests["connect"] == 0


@on_both
async def test_one_person_has_ten_refused_logins_an_hour(play: Play) -> None:
    """Over all tickets; names without an address are tried, and the watch keeps its own slots."""
    host = host_of(play)
    for number in range(12):
        ticket, given = await begun(play)
        tried = await fills(play, ticket, given, user="support", password=f"guess{number}")
        assert isinstance(tried, Refilled)
        assert isinstance(tried.error, TooManyLogins if number >= 10 else GrantRejected)
    assert host.requests["login"] == 10
    assert isinstance(tried, Refilled)
    assert isinstance(tried.error, TooManyLogins)
    assert timedelta(minutes=50) < tried.error.wait <= timedelta(hours=1)
    other = await connected(play, "kenji")
    assert other.state is State.CONNECTED
    async with LoginThrottle(play.services.core).turn(await play.grant(other.grant_id)) as turn:
        assert turn.put_off_until is None
    await play.passes(minutes=61)
    assert (await connected(play)).state is State.CONNECTED


async def test_one_host_has_twenty_refused_logins_an_hour_from_forms(play: Play) -> None:
    """Of all people together; a right password uses none of them up, and another host is another."""
    host = host_of(play)
    await connected(play, "sakura")
    for who in ("alice", "kenji", "omar"):
        for _ in range(8):
            ticket, given = await begun(play, who)
            tried = await fills(play, ticket, given, password="wrong")
    assert host.requests["refused"] == 20
    assert isinstance(tried, Refilled)
    assert isinstance(tried.error, TooManyLogins)


# --- a host by another name


async def moved(play: Play, who: str = "alice") -> tuple[Channel, TicketOutcome, str]:
    """A mailbox whose host was renamed, and what came of a login at the new one."""
    channel = await connected(play, who)
    host_of(play).rename("mail.harbor.example")
    ticket = await play.reconnect(who, channel)
    await play.services.oauth_flow.start(secret_of(ticket), "browser")
    outcome = await fills(play, ticket, at_new_host(play, channel.address))
    assert isinstance(outcome, TicketOutcome)
    return channel, outcome, secret_of(ticket)


def at_new_host(play: Play, user: str) -> dict[str, str]:
    host = host_of(play)
    return {"host": host.name, "port": str(host.tls_port), "security": "tls", "user": user}


@on_both
async def test_its_owner_confirms_that_a_mail_host_was_renamed(play: Play) -> None:
    """After a login that proves it, and with another one: the same channel at the new host, and history says
    so."""
    channel, outcome, secret = await moved(play)
    assert (outcome.ending, outcome.is_renamed) == (OutcomeKind.WRONG_MAILBOX, True)
    assert (await play.now_of(channel)).identity == channel.identity
    assert (await play.services.oauth_flow.completion(outcome)).may_confirm
    way = await play.services.oauth_flow.confirm(secret, "browser")
    fields = {**at_new_host(play, ALICE), "password": host_of(play).password_of(ALICE)}
    done = await play.services.oauth_flow.fill(way.secret, fields, "browser")
    assert isinstance(done, Completion)
    assert done.outcome.ending is OutcomeKind.RECONNECTED
    after = await play.now_of(channel)
    assert (after.id, after.state, after.identity.tenant) == (
        channel.id,
        State.CONNECTED,
        "mail.harbor.example",
    )
    assert "host_renamed" in await play.history(channel)
    await play.passes(minutes=20)
    assert (await play.now_of(channel)).state is State.CONNECTED


async def test_without_that_word_nothing_changes(play: Play) -> None:
    """The login alone does not move it, and another login at the new host is not confirmed away."""
    channel, _, _ = await moved(play)
    ticket = await play.reconnect("alice", channel)
    await play.services.oauth_flow.start(secret_of(ticket), "browser")
    host_of(play).add("somebody", "secret")
    other = await fills(play, ticket, at_new_host(play, "somebody"), password="secret")
    assert isinstance(other, TicketOutcome)
    assert (other.ending, other.may_be_confirmed) == (OutcomeKind.WRONG_MAILBOX, False)
    assert (await play.now_of(channel)).identity == channel.identity
