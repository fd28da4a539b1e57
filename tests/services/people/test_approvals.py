"""Approvals, ours and an organisation's, one upon the other: what ends them and what keeps them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, func, select, text

from bot.domain.channel import Cause, Channel, InboxSpec, Kind
from bot.domain.errors import NeedsApproval, RequestClosed
from bot.domain.ids import RequestId
from bot.domain.notice import NoticeKind
from bot.domain.request import CONSENT_LASTS, UNDO_LASTS, Awaits, Request, RequestState
from bot.domain.ticket import OutcomeKind, TicketOutcome
from bot.domain.view_models import AuthorizationStart
from bot.services.people.approvals import _settling
from tests.services.play import ACME, IDS, Play, on_both, secret_of, url_of

SUPPORT, HELP, ALICE = "support@acme.example", "help@acme.example", "alice@acme.example"
OUTLOOK = "alice.private@outlook.com"


async def approved(play: Play, who: str, needed: NeedsApproval, *, by: str = "omar") -> RequestId:
    """What somebody needs an approval for is asked for, and granted."""
    asked = await play.services.approvals.ask(await play.actor(who), needed.requested_change, reason="")
    await play.passes(seconds=2)  # everybody who is asked reads it before somebody answers
    await play.services.approvals.answer(await play.actor(by), asked.request.id, approve=True)
    return asked.request.id


async def goes_on(play: Play, who: str, request_id: RequestId) -> AuthorizationStart:
    """*Continue*, in the message about one's wish."""
    return await play.services.connections.begin_approved(await play.actor(who), request_id)


async def refused_at_microsoft(
    play: Play, begun: AuthorizationStart, account: str | None = None
) -> TicketOutcome:
    """The sign-in ends at Microsoft's page that asks for an admin, and Microsoft says so."""
    play.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=True)
    url = url_of(await play.services.oauth_flow.start(secret_of(begun), "browser"))
    callback = play.callback(play.microsoft.consent(url, account or begun.address, reason="We need it"))
    outcome = await play.complete(callback, provider="microsoft")
    await play.passes(seconds=2)
    return outcome


async def request(play: Play, request_id: RequestId) -> Request:
    async with play.storage.reading() as uow:
        found = await uow.requests.find(request_id)
    assert found is not None
    return found


async def awaiting_tenant(play: Play, who: str) -> list[Request]:
    """What somebody waits for an organisation's admin with."""
    async with play.storage.reading() as uow:
        unfinished = await uow.requests.unfinished_by(ACME, IDS[who])
    return [one for one in unfinished if one.awaits is Awaits.TENANT]


async def waiting_switch(play: Play, before: Channel, *, is_shared: bool = False) -> RequestId:
    """Alice's switch to Microsoft is approved here and waits for the organisation; returns our approval."""
    with pytest.raises(NeedsApproval) as needed:
        await play.switch("alice", before, is_shared=is_shared)
    ours = await approved(play, "alice", needed.value)
    await refused_at_microsoft(play, await goes_on(play, "alice", ours), ALICE)
    return ours


# --- what a sign-in settles


async def test_a_reconnect_does_not_settle_a_switch(play: Play) -> None:
    """While her switch waits for Microsoft's admin, Alice mends the inbox at Google: the switch waits on, no
    message says that it is done, and the approval still carries it once Microsoft's admin agrees."""
    before = await play.connect_team()
    ours = await waiting_switch(play, before)
    outcome = await play.signs_in(await play.reconnect("alice", before), SUPPORT)
    assert outcome.ending is OutcomeKind.RECONNECTED
    await play.passes(seconds=5)
    assert await play.told("alice", f"Switch {SUPPORT} to Office 365: waiting for your organisation's")
    assert not await play.told("omar", "and done")
    assert (await request(play, ours)).state is RequestState.APPROVED
    play.microsoft.levers.approve("acme.example")
    [theirs] = await awaiting_tenant(play, "alice")
    assert (await play.signs_in(await goes_on(play, "alice", theirs.id))).ending is OutcomeKind.SWITCHED
    await play.passes(seconds=5)
    assert await play.told("omar", f"Switch {SUPPORT} to Office 365", "and done")
    assert await play.told("alice", f"Switch {SUPPORT} to Office 365: done")


# --- asked for once more


async def test_a_newer_approval_is_the_one_that_is_followed(play: Play) -> None:
    """Her switch waits for Microsoft's admin when Alice learns that the mailbox is shared there. What is
    approved then waits in its place, and is what the sign-in spends."""
    await play.stage.opens_account(HELP)
    before = await play.connect_team(HELP)
    older = await waiting_switch(play, before)
    newer = await waiting_switch(play, before, is_shared=True)
    [theirs] = await awaiting_tenant(play, "alice")
    assert (theirs.requested_change.is_shared, theirs.follows) == (True, newer)
    assert await play.told("alice", "asked again")
    play.microsoft.levers.approve("acme.example")
    outcome = await play.signs_in(await goes_on(play, "alice", theirs.id), "omar@acme.example")
    assert outcome.ending is OutcomeKind.SWITCHED
    states = [(await request(play, one)).state for one in (older, newer, theirs.id)]
    assert states == [RequestState.CANCELLED, RequestState.DONE, RequestState.DONE]


# --- when what it was about is over


async def waits_to_reconnect(play: Play) -> Request:
    """Microsoft's admin has taken the approval back; Alice, who wants to mend it, waits for it."""
    before = await play.connect_team(provider="microsoft")
    play.microsoft.break_down("aad", SUPPORT, code=90094, error="invalid_grant")
    await play.passes(minutes=10)
    assert (await play.now_of(before)).cause is Cause.ADMIN_CONSENT
    outcome = await refused_at_microsoft(play, await play.reconnect("alice", before), ALICE)
    assert outcome.ending is OutcomeKind.NOT_PROVEN
    assert await play.told("alice", f"Reconnect {SUPPORT}", "waiting for your organisation's Microsoft admin")
    [waiting] = await awaiting_tenant(play, "alice")
    return waiting


async def later(play: Play, **span: float) -> None:
    """Some time has passed at once: mailboxes are not looked at in between."""
    play.stage.town.clock.advance(timedelta(**span))
    await play.passes(minutes=1)


async def reconnect_is_settled(play: Play) -> None:
    """Nobody is asked for anything any more, now or when the time would have been over."""
    for days in (0, 15):
        await later(play, days=days)
        [said] = [one for one in await play.told("alice", f"Reconnect {SUPPORT}: ") if one.thread is None]
        assert said.plain == f"✅ Reconnect {SUPPORT}: done"


async def test_an_outage_that_heals_ends_the_wish_to_mend_it(play: Play) -> None:
    """The admin approves by the link: what we hold works again on its own, so nobody needs to sign in."""
    waiting = await waits_to_reconnect(play)
    play.microsoft.mend()
    assert waiting.secret is not None
    await play.services.oauth_flow.heard_of_approval("microsoft", waiting.secret.reveal(), is_given=True)
    await play.passes(minutes=1)
    assert await play.told("omar", "works again")
    await reconnect_is_settled(play)


async def test_whoever_was_faster_ends_the_wish_of_the_others(play: Play) -> None:
    """Omar, who may approve at Microsoft himself, has reconnected it meanwhile."""
    waiting = await waits_to_reconnect(play)
    play.microsoft.mend()
    play.microsoft.levers.approve("acme.example")
    channel = await play.channel(SUPPORT)
    assert channel is not None
    outcome = await play.signs_in(await play.reconnect("omar", channel))
    assert outcome.ending is OutcomeKind.RECONNECTED
    assert (await request(play, waiting.id)).state is RequestState.DONE
    await reconnect_is_settled(play)


async def test_an_approval_that_nobody_used_is_not_called_unanswered(play: Play) -> None:
    """Microsoft's admin has said yes in time, and Alice did not go on. Said once more, it is too late."""
    before = await play.connect_team()
    await waiting_switch(play, before)
    [theirs] = await awaiting_tenant(play, "alice")
    assert theirs.secret is not None
    await play.services.oauth_flow.heard_of_approval("microsoft", theirs.secret.reveal(), is_given=True)
    await later(play, days=14)
    assert await play.told("alice", f"Switch {SUPPORT} to Office 365: approved, but not used in time")
    base = play.stage.town.settings.base_url
    query = f"admin_consent=True&state={theirs.secret.reveal()}"
    page = await play.stage.browser().opens(f"{base}/callback/microsoft?{query}")
    assert "can go on" not in page.text and "is over" in page.text


# --- at the same moment


@pytest.mark.threaded
@on_both
async def test_a_double_click_asks_once(play: Play) -> None:
    """Two presses of *Get a message for that admin* find one request, and one message comes of it."""
    before = await play.connect_team()
    await play.disable("omar", before)  # nothing else is looked at meanwhile
    outcome = await play.signs_in(await play.switch("omar", before), cancel=True)
    assert outcome.ending is OutcomeKind.DECLINED
    secret, flow = play.secret(outcome), play.services.oauth_flow
    asked = await asyncio.gather(*(flow.ask_their_admin(secret, "browser") for _ in range(8)))
    await play.passes(seconds=10)
    [waiting] = await awaiting_tenant(play, "omar")
    assert {one.id for one in asked} == {waiting.id}
    assert not await play.told("omar", "There is nothing left to do.")
    assert len(await play.told("omar", f"Switch {SUPPORT}")) == 1


@pytest.mark.threaded
@on_both
async def test_the_same_wish_at_the_same_moment_is_one(play: Play) -> None:
    """*Send the request*, pressed twice: every admin reads it once, and both answers are about that one."""
    before = await play.connect_team()
    with pytest.raises(NeedsApproval) as needed:
        await play.switch("alice", before)
    alice, approvals = await play.actor("alice"), play.services.approvals
    asked = await asyncio.gather(
        *(approvals.ask(alice, needed.value.requested_change, reason="") for _ in range(8))
    )
    await play.passes(seconds=10)
    assert len({one.request.id for one in asked}) == 1
    assert [one.is_new for one in asked].count(True) == 1
    for who in ("alice", "omar"):
        assert not await play.told(who, "There is nothing left to do.")
        assert len(await play.told(who, f"Switch {SUPPORT}")) == 1


# --- what an approval covers


async def test_an_approval_covers_what_was_asked_for(play: Play) -> None:
    """The same address in the same role goes on, wherever it is hosted; anything else is asked again."""
    alice, plan = (
        await play.actor("alice"),
        InboxSpec(SUPPORT, Kind.TEAM, use="Zendesk reads it", name="Support"),
    )
    with pytest.raises(NeedsApproval) as needed:
        await play.services.connections.begin(alice, plan)
    ours = await approved(play, "alice", needed.value)
    for others in (
        replace(plan, kind=Kind.PERSONAL),
        replace(plan, use="Another"),
        replace(plan, address=HELP),
    ):
        with pytest.raises(NeedsApproval):
            await play.services.connections.begin(alice, others)
    with pytest.raises(NeedsApproval):
        await play.services.connections.begin(await play.actor("kenji"), plan)
    begun = await play.services.connections.begin(alice, replace(plan, provider="microsoft"))
    assert (await play.signs_in(begun)).ending is OutcomeKind.CONNECTED
    assert (await request(play, ours)).state is RequestState.DONE


async def test_an_approval_covers_nothing_once_its_time_is_over(play: Play) -> None:
    """Three days later it takes another one."""
    alice, plan = await play.actor("alice"), InboxSpec(SUPPORT, Kind.TEAM)
    with pytest.raises(NeedsApproval) as needed:
        await play.services.connections.begin(alice, plan)
    await approved(play, "alice", needed.value)
    await later(play, days=3)
    with pytest.raises(NeedsApproval):
        await play.services.connections.begin(alice, plan)


# --- how long one lasts


@pytest.mark.threaded
async def test_an_approval_lasts_two_weeks_and_no_longer(play: Play) -> None:
    """It waits as long as the organisation may take, and its message says so. Taken back and asked for once
    more, however late, what rests on it ends with it."""
    before = await play.connect_team()
    ours = await waiting_switch(play, before)
    over_at = (await request(play, ours)).created_at + CONSENT_LASTS
    [said] = [one for one in await play.told("alice", "approved by @Omar Haddad") if one.thread is None]
    assert "Possible until Dec 7, 2026" in said.plain
    alice = await play.actor("alice")
    for _ in range(2):
        [theirs] = await awaiting_tenant(play, "alice")
        assert (theirs.expires_at, (await request(play, ours)).expires_at) == (over_at, over_at)
        await later(play, days=5)
        await play.services.approvals.cancel(alice, theirs.id)
        await refused_at_microsoft(play, await goes_on(play, "alice", ours), ALICE)
    await later(play, days=4)
    with pytest.raises(RequestClosed):
        await goes_on(play, "alice", ours)
    assert await awaiting_tenant(play, "alice") == []


# --- whom nobody can approve for


async def test_a_private_mailbox_has_no_admin(play: Play) -> None:
    """Whoever cancels at Outlook.com is not offered an approval that nobody could give; at work they are."""
    alice = await play.actor("alice")
    private = replace(alice, person=replace(alice.person, email=OUTLOOK))
    for actor, may_ask in ((private, False), (alice, True)):
        plan = InboxSpec(actor.person.email, provider="microsoft")
        begun = await play.services.connections.begin(actor, plan)
        outcome = await play.signs_in(begun, cancel=True)
        assert outcome.ending is OutcomeKind.DECLINED
        assert (await play.services.oauth_flow.completion(outcome)).may_ask_admin is may_ask


# --- a no that is taken back


async def declined(play: Play) -> Request:
    """Alice wants a team address, and Omar has just said no."""
    with pytest.raises(NeedsApproval) as needed:
        await play.services.connections.begin(await play.actor("alice"), InboxSpec(SUPPORT, Kind.TEAM))
    asked = await play.services.approvals.ask(
        await play.actor("alice"), needed.value.requested_change, reason=""
    )
    return await play.services.approvals.answer(
        await play.actor("omar"), asked.request.id, approve=False, reason="Not here"
    )


async def test_a_no_is_taken_back_by_whoever_said_it_and_within_a_minute(play: Play) -> None:
    """Nobody else undoes it, and a minute later nobody does; then whoever asked is notified once."""
    it, approvals = await declined(play), play.services.approvals
    assert it.answer_reason == "Not here"
    with pytest.raises(RequestClosed):
        await approvals.take_back(await play.actor("sakura"), it.id)
    back = await approvals.take_back(await play.actor("omar"), it.id)
    assert (back.state, back.answered_by, back.answer_reason) == (RequestState.WAITING, None, "")
    await approvals.answer(await play.actor("omar"), it.id, approve=False)
    await play.passes(seconds=61)
    with pytest.raises(RequestClosed):
        await approvals.take_back(await play.actor("omar"), it.id)
    async with play.storage.reading() as uow:
        told = await uow.notices.of_subject(ACME, it.id, NoticeKind.ANSWERED)
    assert len(told) == 1


async def _at_most_one_won(play: Play, it: Request) -> None:
    """Either whoever asked was told of the no, or it waits again."""
    async with play.storage.reading() as uow:
        told = await uow.notices.of_subject(ACME, it.id, NoticeKind.ANSWERED)
    assert bool(told) is not (await request(play, it.id)).is_open


async def _stand_in_line(play: Play, tasks: list[asyncio.Task[Any]]) -> None:
    """Each is over, or waits for a lock; SQLite has one line for all, in which a task stands at once."""
    await asyncio.sleep(0)
    if play.storage.file is not None:
        return
    waiting: Select[Any] = (
        select(func.count())
        .select_from(text("pg_stat_activity"))
        .where(text("datname = current_database() AND wait_event_type = 'Lock'"))
    )
    stuck = 0
    while stuck < sum(not task.done() for task in tasks):
        async with play.storage.reading() as uow:
            stuck = int(await uow.connection.value(waiting))


@on_both
@pytest.mark.parametrize("first", ["settle", "take_back"])
async def test_of_undoing_and_the_end_of_the_minute_one_wins(play: Play, first: str) -> None:
    """Both wait for the same lock while the minute ends: what the clock said before the wait counts for
    nothing."""
    it = await declined(play)
    omar, job = await play.actor("omar"), _settling(it, play.now)
    await play.passes(seconds=5)  # whoever asked has a message by now
    play.stage.town.clock.advance(UNDO_LASTS - timedelta(seconds=6))
    approvals = play.services.approvals
    async with play.storage.writing() as uow:
        await uow.requests.hold(it.id)
        tasks: list[asyncio.Task[Any]] = []
        for what in ("settle", "take_back") if first == "settle" else ("take_back", "settle"):
            wanted = approvals.settle(job) if what == "settle" else approvals.take_back(omar, it.id)
            tasks.append(asyncio.create_task(wanted))
            await _stand_in_line(play, tasks)
            if what == "take_back":
                play.stage.town.clock.advance(timedelta(seconds=2))
        await uow.commit()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _at_most_one_won(play, it)


@on_both
async def test_a_no_that_was_told_of_is_not_taken_back_by_a_slow_clock(play: Play) -> None:
    """The minute is over for one process, and not yet for another whose clock is behind."""
    it = await declined(play)
    await play.passes(seconds=61)
    async with play.another_process(strays_by=lambda: timedelta(seconds=-5)) as behind:
        with pytest.raises(RequestClosed):
            await behind.approvals.take_back(await play.actor("omar"), it.id)
    await _at_most_one_won(play, it)


async def test_a_no_stands_where_the_same_was_asked_anew(play: Play) -> None:
    """Of two that wait for the same there is one."""
    it, approvals = await declined(play), play.services.approvals
    anew = await approvals.ask(await play.actor("alice"), it.requested_change, reason="Please")
    assert anew.is_new
    with pytest.raises(RequestClosed):
        await approvals.take_back(await play.actor("omar"), it.id)
    assert (await request(play, it.id)).state is RequestState.DECLINED


async def test_a_no_in_the_last_minute_of_a_request_stands(play: Play) -> None:
    """Nothing would end it any more."""
    with pytest.raises(NeedsApproval) as needed:
        await play.services.connections.begin(await play.actor("alice"), InboxSpec(SUPPORT, Kind.TEAM))
    approvals = play.services.approvals
    asked = await approvals.ask(await play.actor("alice"), needed.value.requested_change, reason="")
    await play.passes(hours=71, minutes=59, seconds=40)
    await approvals.answer(await play.actor("omar"), asked.request.id, approve=False)
    await play.passes(seconds=30)
    with pytest.raises(RequestClosed):
        await approvals.take_back(await play.actor("omar"), asked.request.id)
