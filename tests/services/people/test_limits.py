"""What one person may ask of others, and of Slack, at a time."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind
from bot.domain.errors import LinkBusy, TooManyRequests
from bot.domain.request import RequestedChange
from bot.domain.ticket import OutcomeKind
from bot.services.connections.oauth_flow import MOST_STARTS
from bot.services.people.approvals import MOST_A_DAY, MOST_OPEN, ApprovalAsked
from tests.services.play import Play, on_both, url_of


def requested_change(number: int, operation: Operation = Operation.CONNECT) -> RequestedChange:
    inbox = InboxSpec(f"wish{number}@acme.example", Kind.TEAM, provider="google")
    return RequestedChange(operation, inbox)


async def asks(play: Play, who: str, number: int) -> ApprovalAsked:
    return await play.services.approvals.ask(await play.actor(who), requested_change(number), reason="")


# --- requests


@pytest.mark.threaded
@on_both
async def test_five_requests_are_open_at_a_time(play: Play) -> None:
    """The sixth is refused with the five; asking for one of them again is not; taking one back makes room."""
    asked = [await asks(play, "alice", number) for number in range(MOST_OPEN)]
    with pytest.raises(TooManyRequests) as refused:
        await asks(play, "alice", MOST_OPEN)
    assert {one.id for one in refused.value.waiting} == {it.request.id for it in asked}
    assert not (await asks(play, "alice", 0)).is_new
    assert (await asks(play, "kenji", 0)).is_new
    await play.services.approvals.cancel(await play.actor("alice"), asked[0].request.id)
    assert (await asks(play, "alice", MOST_OPEN)).is_new
    with pytest.raises(TooManyRequests):
        await asks(play, "alice", MOST_OPEN + 1)


@pytest.mark.threaded
@on_both
async def test_many_asked_at_once_are_counted_one_by_one(play: Play) -> None:
    """A script that sends forms side by side gets no further than one that waits."""
    alice = await play.actor("alice")
    sent = (play.services.approvals.ask(alice, requested_change(n), reason="") for n in range(4 * MOST_OPEN))
    came = await asyncio.gather(*sent, return_exceptions=True)
    assert sum(isinstance(it, ApprovalAsked) for it in came) == MOST_OPEN
    assert sum(isinstance(it, TooManyRequests) for it in came) == 3 * MOST_OPEN


@pytest.mark.threaded
async def test_taking_back_and_asking_again_ends_some_day(play: Play) -> None:
    """Each is a message to every admin all the same. What was granted does not count."""
    alice, omar = await play.actor("alice"), await play.actor("omar")
    granted = await asks(play, "alice", 1000)
    await play.services.approvals.answer(omar, granted.request.id, approve=True)
    for number in range(MOST_A_DAY):
        asked = await asks(play, "alice", number)
        await play.services.approvals.cancel(alice, asked.request.id)
    with pytest.raises(TooManyRequests) as refused:
        await asks(play, "alice", MOST_A_DAY)
    assert refused.value.waiting == ()
    await play.passes(hours=24, minutes=1)
    assert (await asks(play, "alice", MOST_A_DAY)).is_new


async def test_whoever_is_asked_gets_no_more_than_that(play: Play) -> None:
    """Three hundred wishes are five messages for an admin."""
    for number in range(300):
        try:
            await asks(play, "alice", number)
        except TooManyRequests:
            continue
    await play.passes(minutes=2)
    assert len(await play.told("omar", "asks for your approval")) == MOST_OPEN


# --- links


async def an_alarm(play: Play) -> str:
    await play.connect("alice")
    play.google.break_down("revoked", "alice@acme.example")
    await play.passes(minutes=21)
    return await play.link("alice")


@pytest.mark.threaded
@on_both
async def test_a_browser_has_one_ticket_of_a_link(play: Play) -> None:
    """Pressed a hundred times, or twice at once: one question to Slack, one ticket, and that one works."""
    secret = await an_alarm(play)
    begin = play.services.oauth_flow.link_start
    before = len(await play.stage.driver.calls("users.info"))
    ways = [await begin(secret, "browser") for _ in range(100)]
    assert len({way.secret for way in ways}) == 1
    assert len(await play.stage.driver.calls("users.info")) == before + 1
    both = await asyncio.gather(begin(secret, "another"), begin(secret, "another"))
    assert both[0].secret == both[1].secret != ways[0].secret
    outcome = await play.complete(play.callback(play.google.consent(url_of(ways[-1]), "alice@acme.example")))
    assert outcome.ending is OutcomeKind.RECONNECTED


async def test_a_link_pauses_when_many_browsers_come(play: Play) -> None:
    """Without a cookie every request is a new browser: Slack is asked a few times, then not for a minute."""
    secret = await an_alarm(play)
    begin = play.services.oauth_flow.link_start
    before = len(await play.stage.driver.calls("users.info"))
    for number in range(MOST_STARTS):
        await begin(secret, f"browser {number}")
    for number in range(50):
        with pytest.raises(LinkBusy):
            await begin(secret, f"stranger {number}")
    assert len(await play.stage.driver.calls("users.info")) == before + MOST_STARTS
    assert await begin(secret, "browser 1")
    await play.passes(seconds=61)
    assert await begin(secret, "stranger 1")


async def test_a_spent_ticket_makes_room_for_another(play: Play) -> None:
    """Cancelled at the provider: the link leads on, and so does *Try again*, once."""
    secret = await an_alarm(play)
    first = await play.services.oauth_flow.link_start(secret, "browser")
    cancelled = play.callback(play.google.consent(url_of(first), "alice@acme.example", cancel=True))
    assert (await play.complete(cancelled)).ending is OutcomeKind.DECLINED
    again = [await play.services.oauth_flow.again(first.secret, "browser") for _ in range(5)]
    assert len({way.secret for way in again}) == 1
    other = await play.services.oauth_flow.link_start(secret, "browser")
    assert other.secret not in {first.secret, again[0].secret}
    outcome = await play.complete(play.callback(play.google.consent(url_of(other), "alice@acme.example")))
    assert outcome.ending is OutcomeKind.RECONNECTED


async def test_a_ticket_is_no_older_than_it_may_be(play: Play) -> None:
    """What a browser goes on with is alive; later it gets a fresh one, and Slack is asked again."""
    secret = await an_alarm(play)
    first = await play.services.oauth_flow.link_start(secret, "browser")
    for _ in range(6):
        await play.passes(minutes=4)
        way = await play.services.oauth_flow.link_start(secret, "browser")
        assert url_of(way)
        await play.services.oauth_flow.landing(way.secret)
    assert way.secret != first.secret
