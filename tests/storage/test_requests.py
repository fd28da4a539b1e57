"""Requests, as they are kept: which of them a change of their channel ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, RequestId, UserId
from bot.domain.request import GOES_ON, Awaits, Request, RequestedChange, RequestState
from storage import Storage
from tests.storage.builders import NOW, WORKSPACE

TEAM = ChannelId("team")


def a_request(number: int, deed: Operation, state: RequestState, channel_id: ChannelId = TEAM) -> Request:
    return Request(
        id=RequestId(f"r{number}"),
        workspace_id=WORKSPACE,
        requester=UserId(f"U{number}"),
        requested_change=RequestedChange(
            deed, InboxSpec("support@example.com", Kind.TEAM, provider="microsoft"), channel_id
        ),
        reason="",
        state=state,
        created_at=NOW + timedelta(seconds=number),
        expires_at=NOW + timedelta(days=3),
    )


async def test_what_waits_or_has_still_to_be_gone_on_with_is_unfinished(storage: Storage) -> None:
    """A granted *disable* is done or as good as done; a granted *switch* waits for its sign-in."""
    waiting, granted, declined = RequestState.WAITING, RequestState.APPROVED, RequestState.DECLINED
    requests = [
        a_request(1, Operation.SWITCH, waiting),
        a_request(2, Operation.SWITCH, granted),
        a_request(3, Operation.SWITCH, declined),
        a_request(4, Operation.DISABLE, waiting),
        a_request(5, Operation.DISABLE, granted),
        a_request(6, Operation.RECONNECT, granted),
        a_request(7, Operation.SWITCH, waiting, ChannelId("other")),
    ]
    async with storage.writing() as uow:
        for request in requests:
            assert await uow.requests.add(request) == request
        await uow.commit()
    async with storage.reading() as uow:
        everything = await uow.requests.unfinished_of(TEAM, tuple(Operation))
        to_go_on_with = await uow.requests.unfinished_of(TEAM, GOES_ON)
    assert [one.id for one in everything] == ["r1", "r2", "r4", "r6"]
    assert [one.id for one in to_go_on_with] == ["r1", "r2", "r6"]


async def test_who_waits_already_goes_on_waiting(storage: Storage) -> None:
    """Added once more, the first is found as it was; once it is answered, the next one waits. A person waits
    for an admin here and for their organisation's at the same time."""
    first = replace(a_request(1, Operation.SWITCH, RequestState.WAITING), secret=Secret("theirs"))
    again = replace(first, id=RequestId("again"), reason="please", secret=Secret("another"))
    theirs = replace(again, id=RequestId("theirs"), awaits=Awaits.TENANT)
    async with storage.writing() as uow:
        assert await uow.requests.add(first) == first
        assert await uow.requests.add(again) == first
        assert await uow.requests.add(theirs) == theirs
        assert await uow.requests.answer(first.id, RequestState.DECLINED, by=None, at=NOW)
        assert await uow.requests.add(replace(again, secret=Secret("a third"))) != first
        await uow.commit()
