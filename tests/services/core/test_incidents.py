"""Who an outage can be handed to is asked when it is handed over, not when the message was drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.access import Role
from bot.domain.errors import NotAllowed
from bot.domain.ids import NoticeId, UserId
from bot.domain.notice import OUTAGES, NoticeKind
from bot.services.core.incidents import who_can_take
from tests.services.play import ACME, IDS, Play, on_both

SUPPORT = "support@acme.example"


async def _claimed(play: Play) -> NoticeId:
    """Omar is on an outage of which Sakura and Alice were told, too; returns his message."""
    await play.services.admins.give(await play.actor("omar"), Role.ACCOUNT_ACCESS, IDS["alice"])
    await play.connect_team(SUPPORT)
    await play.stage.breaks(SUPPORT, minutes=20)
    async with play.storage.reading() as uow:
        [his] = await uow.notices.of_kind(ACME, IDS["omar"], NoticeKind.INCIDENT)
    await play.services.incidents.claim(await play.actor("omar"), his.id)
    return his.id


async def _is_on_it(play: Play) -> UserId | None:
    channel = await play.channel(SUPPORT)
    assert channel is not None
    incident = await play.incident(channel)
    assert incident is not None
    return incident.claimed_by


async def _leaves(play: Play) -> None:
    await play.stage.driver.edit_person("alice", deleted=True)
    await play.until_known(lambda person: person.is_deleted)


async def _loses_the_role(play: Play) -> None:
    await play.services.admins.take(await play.actor("omar"), Role.ACCOUNT_ACCESS, IDS["alice"])


async def _cannot_be_reached(play: Play) -> None:
    async with play.storage.writing() as uow:
        [hers] = await uow.notices.of_kind(ACME, IDS["alice"], NoticeKind.INCIDENT)
        await uow.notices.unreachable(hers.id, "messages_tab_disabled")
        await uow.commit()


@pytest.mark.parametrize("what", [_leaves, _loses_the_role, _cannot_be_reached])
async def test_nothing_is_handed_to_whoever_can_no_longer_take_it(play: Play, what: object) -> None:
    """They stood in the menu when it was drawn. Whoever chose them reads who can take it, and stays on it."""
    notice_id = await _claimed(play)
    assert callable(what)
    await what(play)
    omar = await play.actor("omar")
    with pytest.raises(NotAllowed) as refused:
        await play.services.incidents.hand_over(omar, notice_id, IDS["alice"])
    assert refused.value.who_can == (IDS["sakura"],)
    assert await _is_on_it(play) == IDS["omar"]
    await play.services.incidents.hand_over(omar, notice_id, IDS["sakura"])
    assert await _is_on_it(play) == IDS["sakura"]


async def test_nothing_is_handed_to_whoever_was_not_told(play: Play) -> None:
    """Kenji's id, made up."""
    notice_id = await _claimed(play)
    with pytest.raises(NotAllowed) as refused:
        await play.services.incidents.hand_over(await play.actor("omar"), notice_id, IDS["kenji"])
    assert set(refused.value.who_can) == {IDS["sakura"], IDS["alice"]}


@on_both
async def test_each_message_of_theirs_says_what_of_it_was_handed_over(play: Play) -> None:
    """What is one message for Omar is two for Sakura, as it is where her first had begun before his."""
    first = await _claimed(play)
    sales = await play.connect_team("sales@acme.example")
    await play.stage.breaks("sales@acme.example", minutes=20)
    incident = await play.incident(sales)
    assert incident is not None
    async with play.storage.writing() as uow:
        await uow.notices.attach([first], incident.id)
        await uow.commit()
    omar = await play.actor("omar")
    await play.services.incidents.claim(omar, first)
    await play.services.incidents.hand_over(omar, first, IDS["sakura"])
    await play.services.incidents.claim(omar, first)
    for kind in (NoticeKind.HANDED_OVER, NoticeKind.CLAIM_TAKEN):
        async with play.storage.reading() as uow:
            told = await uow.notices.of_kind(ACME, IDS["sakura"], kind)
            parents = [await uow.incidents.of_notice(it.thread_of) for it in told if it.thread_of]
        assert len(told) == 2
        assert [it.about["incident"] for it in told] == [one.id for [one] in parents]
    # The last step, as the replies about it say it: by this their number is known.
    assert [it.about["at"] for it in told] == [
        one.claimed_at.isoformat() for [one] in parents if one.claimed_at
    ]


async def test_nobody_takes_what_nobody_would_be_told_of(play: Play) -> None:
    """Of an inbox whose readers are nobody's choice any more. Of what only HubSpot keeps we choose none:
    whoever was told can."""
    notice_id = await _claimed(play)
    async with play.storage.reading() as uow:
        his = await uow.notices.find(notice_id)
        assert his is not None
        incidents = await uow.incidents.of_notice(his.id)
        told = await uow.notices.of_incidents([it.id for it in incidents])
        core = play.services.core
        assert await who_can_take(uow, core, told, (), but=IDS["omar"]) == ()
        theirs = [replace(it, kind=NoticeKind.HUBSPOT) for it in told if it.kind in OUTAGES]
        takers = await who_can_take(uow, core, theirs, (), but=IDS["omar"])
    assert {it.id for it in takers} == {IDS["sakura"], IDS["alice"]}
