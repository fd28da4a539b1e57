"""Channels: one per address, saved by whoever read it last, found by what people ask for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.ids import UserId, WorkspaceId
from storage import Conflict, Storage, Taken
from tests.storage.builders import ANA, NOW, WORKSPACE, a_channel, a_team_channel


async def keep(storage: Storage, *channels: Channel) -> None:
    async with storage.writing() as uow:
        for channel in channels:
            await uow.channels.add(channel)
        await uow.commit()


def removed(channel: Channel, **changes: Any) -> Channel:
    gone: dict[str, Any] = {
        "state": State.REMOVED,
        "cause": Cause.BY_PERSON,
        "removed_at": NOW,
        "grant_id": None,
    }
    return replace(channel, **gone | changes)


async def test_a_channel_comes_back_as_it_was(storage: Storage) -> None:
    """Every field, to the microsecond."""
    personal = a_channel(name="Ana", since=NOW + timedelta(microseconds=1))
    team = a_team_channel(cause=Cause.HELD, state=State.IMPAIRED, version=7)
    await keep(storage, personal, team)
    async with storage.reading() as uow:
        assert await uow.channels.find(personal.id) == personal
        assert await uow.channels.find(team.id) == team
        assert await uow.channels.by_ids([personal.id, team.id]) == {personal.id: personal, team.id: team}


async def test_an_address_is_managed_once_per_workspace(storage: Storage) -> None:
    """However it is capitalised; the refusal leaves the unit of work usable."""
    first = a_channel(address="Ana@Example.com")
    async with storage.writing() as uow:
        await uow.channels.add(first)
        with pytest.raises(Taken):
            await uow.channels.add(a_channel(address="ana@example.COM"))
        elsewhere = a_channel(address="ana@example.com", workspace_id=WorkspaceId("T2"))
        await uow.channels.add(elsewhere)
        assert await uow.channels.at_address(WORKSPACE, "ANA@example.com") == first
        assert await uow.channels.all(WORKSPACE) == (first,)
        assert await uow.channels.all(WorkspaceId("T2")) == (elsewhere,)
        await uow.commit()


async def test_two_people_connecting_one_address_get_one_channel(storage: Storage) -> None:
    """The constraint decides, not who looked first."""

    async def connect() -> bool:
        async with storage.writing() as uow:
            try:
                await uow.channels.add(a_channel(address="ana@example.com"))
            except Taken:
                return False
            await uow.commit()
            return True

    assert sorted(await asyncio.gather(*(connect() for _ in range(4)))) == [False, False, False, True]


async def test_a_removed_channel_frees_its_address(storage: Storage) -> None:
    """The tombstone stays to be found by its id only."""
    gone = removed(a_channel(address="ana@example.com"))
    new = a_channel(address="ana@example.com")
    await keep(storage, gone, new)
    async with storage.reading() as uow:
        assert await uow.channels.at_address(WORKSPACE, "ana@example.com") == new
        assert await uow.channels.all(WORKSPACE) == (new,)
        assert await uow.channels.find(gone.id) == gone


async def test_coming_back_to_a_taken_address_is_refused(storage: Storage) -> None:
    """A tombstone cannot be restored beside the channel that has its address now."""
    gone, new = removed(a_channel(address="ana@example.com")), a_channel(address="ana@example.com")
    await keep(storage, gone, new)
    with pytest.raises(Taken):
        async with storage.writing() as uow:
            await uow.channels.save(replace(gone, state=State.CONNECTED, removed_at=None))


async def test_saving_counts_versions(storage: Storage) -> None:
    """The saved channel can be saved again; the one that was read before cannot."""
    channel = a_channel()
    await keep(storage, channel)
    async with storage.writing() as uow:
        saved = await uow.channels.save(replace(channel, use="Zendesk reads it"))
        saved = await uow.channels.save(replace(saved, name="Ana"))
        with pytest.raises(Conflict):
            await uow.channels.save(channel)
        await uow.commit()
    async with storage.reading() as uow:
        assert await uow.channels.find(channel.id) == saved
    assert (saved.version, saved.use, saved.name) == (2, "Zendesk reads it", "Ana")


async def test_of_two_who_change_a_channel_one_must_look_again(storage: Storage) -> None:
    """Neither change overwrites the other unseen."""
    channel = a_channel()
    await keep(storage, channel)

    async def change(use: str) -> bool:
        async with storage.writing() as uow:
            try:
                await uow.channels.save(replace(channel, use=use))
            except Conflict:
                return False
            await uow.commit()
            return True

    assert sorted(await asyncio.gather(change("one"), change("other"))) == [False, True]


async def test_lists_are_by_address_and_without_tombstones(storage: Storage) -> None:
    """What people look at has one order, whatever they capitalised."""
    bob = UserId("UBOB")
    b, a, c = a_channel(address="b@x.org"), a_channel(address="A@x.org"), a_team_channel(address="C@x.org")
    other = a_channel(address="d@x.org", owner_id=bob)
    elsewhere = a_channel(address="e@x.org", workspace_id=WorkspaceId("T2"))
    await keep(storage, b, a, c, other, elsewhere, removed(a_channel(address="0@x.org")))
    async with storage.reading() as uow:
        assert await uow.channels.all(WORKSPACE) == (a, b, c, other)
        assert await uow.channels.of_owner(WORKSPACE, ANA) == (a, b)
        assert await uow.channels.addresses(WORKSPACE) == ("A@x.org", "b@x.org", "C@x.org", "d@x.org")


async def test_channels_in_use_are_counted_everywhere(storage: Storage) -> None:
    """Not those that are disabled or removed; each kind by itself, and no more than matter."""
    used = [
        a_team_channel(address=f"{state}@x.org", state=state)
        for state in (State.CONNECTED, State.IMPAIRED, State.DISCONNECTED)
    ]
    elsewhere = a_team_channel(address="e@x.org", workspace_id=WorkspaceId("T2"))
    off = a_team_channel(address="off@x.org", state=State.DISABLED)
    await keep(storage, *used, elsewhere, off, removed(a_team_channel(address="0@x.org")), a_channel())
    async with storage.reading() as uow:
        assert await uow.channels.count_in_use(Kind.TEAM) == 4
        assert await uow.channels.count_in_use(Kind.TEAM, most=3) == 3
        assert await uow.channels.count_in_use(Kind.PERSONAL, most=3) == 1


async def test_only_the_same_mailbox_of_the_same_owner_is_restored(storage: Storage) -> None:
    """And of several the one removed last, if that is recent enough."""
    before = a_channel(address="ana@x.org")
    older = removed(before, removed_at=NOW - timedelta(days=2))
    latest = removed(before, id="later", removed_at=NOW - timedelta(days=1))
    await keep(storage, older, latest)
    since, identity = NOW - timedelta(days=30), before.identity
    async with storage.reading() as uow:
        restorable = uow.channels.restorable
        assert await restorable(WORKSPACE, "ANA@x.org", identity, ANA, since) == latest
        assert await restorable(WORKSPACE, "ana@x.org", identity, ANA, NOW) is None
        assert await restorable(WORKSPACE, "ana@x.org", identity, None, since) is None
        assert await restorable(WORKSPACE, "ana@x.org", identity, UserId("UBOB"), since) is None
        other = replace(identity, subject="somebody else")
        assert await restorable(WORKSPACE, "ana@x.org", other, ANA, since) is None


@pytest.mark.parametrize(
    "broken",
    [
        a_channel(owner_id=None),
        a_channel(kind=Kind.TEAM),
        a_channel(state=State.REMOVED),
        a_channel(removed_at=NOW),
    ],
)
async def test_a_channel_cannot_contradict_itself(storage: Storage, broken: Channel) -> None:
    """A personal inbox has an owner and a tombstone a date: the database insists."""
    with pytest.raises(IntegrityError):
        await keep(storage, broken)
