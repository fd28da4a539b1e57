"""Where mail goes, as it is kept: a row per address, told apart by workspace, gone with what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.address import MailRouting
from bot.domain.channel import State
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from storage import Storage
from storage.forget import forget
from tests.storage.builders import NOW, WORKSPACE, a_channel, a_team_channel


def known(channel_id: ChannelId, **changes: object) -> MailRouting:
    there = MailRouting(channel_id, "google", NOW, "google", NOW)
    return replace(there, **changes)  # type: ignore[arg-type]


async def test_what_is_known_is_kept_and_replaced(storage: Storage) -> None:
    """One row per address, whatever was there before."""
    channel = a_team_channel()
    moved = known(channel.id, place="microsoft", seen="microsoft", left_at=NOW + timedelta(days=2))
    async with storage.writing() as uow:
        await uow.channels.add(channel)
        await uow.whereabouts.put(known(channel.id))
        assert await uow.whereabouts.find(channel.id) == known(channel.id)
        await uow.whereabouts.put(moved)
        await uow.commit()
    async with storage.reading() as uow:
        assert await uow.whereabouts.by_ids([channel.id, ChannelId("none")]) == {channel.id: moved}
        assert await uow.whereabouts.find(ChannelId("none")) is None
    async with storage.writing() as uow:
        await uow.whereabouts.drop(channel.id)
        assert await uow.whereabouts.find(channel.id) is None


async def test_team_addresses_in_use_are_watched(storage: Storage) -> None:
    """Not personal inboxes, not what is disabled or removed, nor what is of a workspace that has gone."""
    used = [a_team_channel(state=state) for state in (State.CONNECTED, State.IMPAIRED, State.DISCONNECTED)]
    unused = [
        a_channel(),
        a_team_channel(state=State.DISABLED),
        a_team_channel(state=State.REMOVED, removed_at=NOW, grant_id=None),
        a_team_channel(workspace_id=WorkspaceId("T2")),
    ]
    async with storage.writing() as uow:
        for channel in (*used, *unused):
            await uow.channels.add(channel)
        for workspace in (WORKSPACE, WorkspaceId("T2")):
            await uow.workspaces.save_seen(workspace, "Acme", UserId("UBOT"), NOW)
        await uow.workspaces.mark_gone(WorkspaceId("T2"), NOW)
        await uow.commit()
    async with storage.reading() as uow:
        watched = {channel.id for channel in await uow.channels.with_watched_mail()}
    assert watched == {channel.id for channel in used}


async def test_forgetting_an_address_forgets_where_its_mail_goes(storage: Storage) -> None:
    """Nothing of it is left."""
    channel = a_team_channel()
    async with storage.writing() as uow:
        await uow.channels.add(channel)
        await uow.whereabouts.put(known(channel.id))
        await uow.commit()
    assert (await forget(storage, channel.address)).erased == {"channel": 1, "whereabouts": 1}
    async with storage.reading() as uow:
        assert await uow.whereabouts.find(channel.id) is None
