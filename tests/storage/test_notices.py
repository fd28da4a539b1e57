"""Incidents, notices and history: one outage, one message per person, and what happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.channel import Channel, HistoryEntry
from bot.domain.ids import ChannelId, ConversationId, GrantId, IncidentId, NoticeId, UserId
from bot.domain.incident import Incident, Resolution
from bot.domain.notice import NoticeKind
from storage import Storage, Taken
from tests.storage.builders import ANA, MINUTE, NOW, WORKSPACE, a_channel, a_notice, an_incident

LATER = NOW + MINUTE


async def a_kept_channel(storage: Storage) -> Channel:
    channel = a_channel()
    async with storage.writing() as uow:
        await uow.channels.add(channel)
        await uow.commit()
    return channel


async def test_a_channel_has_one_open_incident(storage: Storage) -> None:
    """Whoever notices the outage second finds it open."""
    channel = await a_kept_channel(storage)

    async def open_(incident: Incident) -> bool:
        async with storage.writing() as uow:
            try:
                await uow.incidents.open_(incident)
            except Taken:
                assert await uow.incidents.open_of(channel.id) is not None
                return False
            await uow.commit()
            return True

    opened = await asyncio.gather(*(open_(an_incident(channel)) for _ in range(4)))
    assert sorted(opened) == [False, False, False, True]


async def test_an_incident_is_resolved_once(storage: Storage) -> None:
    """By the first; then another one may open."""
    channel = await a_kept_channel(storage)
    first, second = an_incident(channel), an_incident(channel, opened_at=NOW + MINUTE)
    async with storage.writing() as uow:
        await uow.incidents.open_(first)
        assert await uow.incidents.open_of(channel.id) == first
        for expected in (True, False):
            resolved = await uow.incidents.resolve(
                first.id, resolution=Resolution.RECONNECTED, by=ANA, at=NOW
            )
            assert resolved is expected
        assert await uow.incidents.open_of(channel.id) is None
        await uow.incidents.open_(second)
        assert await uow.incidents.latest_of(channel.id) == second
        assert await uow.incidents.find(first.id) == replace(
            first, resolution=Resolution.RECONNECTED, resolved_by=ANA, resolved_at=NOW
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"incident_id": IncidentId("i")}, {"incident_id": IncidentId("j")}),
        ({"recipient": ANA}, {"recipient": UserId("UBOB")}),
        ({"incident_id": None, "grant_id": GrantId("g")}, {"incident_id": None, "grant_id": GrantId("h")}),
        ({"incident_id": None, "subject": "google:x"}, {"incident_id": None, "subject": "google:y"}),
        ({"kind": NoticeKind.INCIDENT}, {"kind": NoticeKind.REMOVED}),
    ],
)
async def test_a_person_gets_one_notice_about_one_thing(
    storage: Storage, one: dict[str, object], other: dict[str, object]
) -> None:
    """The same incident, grant or matter of the operator's is not told twice; another one is told."""
    async with storage.writing() as uow:
        assert await uow.notices.add_all([a_notice(**one)])
        assert not await uow.notices.add_all([a_notice(**one)])
        assert await uow.notices.add_all([a_notice(**other)])


async def test_a_notice_lives_from_wanted_to_shown(storage: Storage) -> None:
    """About to be sent, shown, out of date, shown again."""
    notice = a_notice()
    async with storage.writing() as uow:
        await uow.notices.add_all([notice])
        assert await uow.notices.find(notice.id) == notice
        await uow.notices.begin_sending(notice.id, "nonce", NOW)
        sending = replace(notice, nonce="nonce", sending_since=NOW)
        assert await uow.notices.find(notice.id) == sending
        await uow.notices.bump([notice.id], NOW)
        await uow.notices.bump([], NOW)
        there = ConversationId("D1")
        await uow.notices.shown(notice.id, rev=1, ts="1.2", at=LATER, conversation_id=there)
        posted = replace(
            sending,
            wanted_rev=2,
            shown_rev=1,
            ts="1.2",
            sending_since=None,
            conversation_id=there,
            stale_since=LATER,
        )
        assert await uow.notices.find(notice.id) == posted
        assert not posted.is_current
        await uow.notices.shown(notice.id, rev=2, ts="1.2", at=LATER)
        await uow.notices.shown(notice.id, rev=1, ts="1.2", at=LATER)
        assert await uow.notices.find(notice.id) == replace(posted, shown_rev=2)


async def test_a_person_who_cannot_be_reached_is_remembered(storage: Storage) -> None:
    """Until a message gets through after all."""
    notice = a_notice()
    async with storage.writing() as uow:
        await uow.notices.add_all([notice])
        await uow.notices.unreachable(notice.id, "user_disabled")
        assert await uow.notices.find(notice.id) == replace(notice, unreachable="user_disabled")
        await uow.notices.shown(notice.id, rev=1, ts="1.2", at=NOW)
        assert await uow.notices.find(notice.id) == replace(notice, shown_rev=1, ts="1.2")


async def test_notices_are_found_by_what_they_are_about(storage: Storage) -> None:
    """Incident, grant, channel and matter; and an incident by the messages that are about it."""
    channel = await a_kept_channel(storage)
    incident = an_incident(channel)
    told = a_notice(channel_id=channel.id, incident_id=incident.id)
    gone = a_notice(kind=NoticeKind.REMOVED, incident_id=None, grant_id=GrantId("g"))
    ours = a_notice(kind=NoticeKind.OPERATOR, incident_id=None, subject="google:invalid_client:today")
    async with storage.writing() as uow:
        await uow.incidents.open_(incident)
        for notice in (told, gone, ours):
            await uow.notices.add_all([notice])
        notices = uow.notices
        assert await notices.of_incident(incident.id) == ()
        await notices.attach([told.id], incident.id)
        assert await notices.of_incident(incident.id) == (told,)
        assert await notices.of_grant(GrantId("g")) == (gone,)
        assert await notices.of_channel(channel.id, NoticeKind.INCIDENT) == (told,)
        assert await notices.of_channel(channel.id, NoticeKind.REMOVED) == ()
        assert await notices.of_subject(WORKSPACE, "google:") == (ours,)
        assert await notices.of_subject(WORKSPACE, "goo_le:") == ()
        assert await notices.find(NoticeId("none")) is None
        assert await uow.incidents.of_notice(told.id) == (incident,)
        assert await uow.incidents.of_notice(gone.id) == ()


async def test_history_tells_the_latest_first(storage: Storage) -> None:
    """In the order it happened, even within one instant; until it is old or must be forgotten."""
    channel_id = ChannelId("ch")
    records = [
        HistoryEntry(
            WORKSPACE, channel_id, NOW + (n // 2) * MINUTE, f"step {n}", ANA if n else None, {"n": str(n)}
        )
        for n in range(4)
    ]
    async with storage.writing() as uow:
        for record in (*records, replace(records[0], channel_id=ChannelId("other"))):
            await uow.history.add(record)
        assert await uow.history.of_channel(channel_id, 3) == tuple(records[:0:-1])
        assert await uow.history.purge(NOW + MINUTE, limit=2) == 2
        assert await uow.history.purge(NOW + MINUTE) == 1
        assert await uow.history.of_channel(channel_id, 9) == tuple(records[:1:-1])
