"""Every table that grows has an end, and nothing that is open, or that something open needs, is deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select, text, update

from bot.domain.api_key import ApiKey, mint
from bot.domain.channel import State
from bot.domain.grant import Phase
from bot.domain.ids import GrantId, IncidentId, WorkspaceId
from bot.domain.incident import Resolution
from bot.domain.notice import NoticeKind
from storage import Storage
from storage.retention import BY_THEIR_OWN, ENDS, PURGED
from storage.tables import channel, grant, incident, lane, metadata, notice, notice_incident
from tests.storage.builders import MINUTE, NOW, a_channel, a_grant, a_job, a_notice, a_probe, an_incident

LONG_AGO = NOW - timedelta(days=500)
STAYS = {"workspace", "person", "role", "group_member", "probe", "report_reader"} | {
    "hubspot_portal",
    "hubspot_inbox",
    "hubspot_pair",
    "webhook",
}
"""As many as there are inboxes, people and facts."""


def test_every_table_that_grows_has_an_end_and_docs_name_it() -> None:
    """A table that is added must say when its rows end."""
    ends = {table.name for table in (*ENDS, *BY_THEIR_OWN)}
    assert ends | STAYS == set(metadata.tables)
    assert not ends & STAYS
    said = (Path(__file__).parents[2] / "docs" / "retention.md").read_text()
    assert not [name for name in metadata.tables if f"`{name}`" not in said]


async def purged(storage: Storage) -> int:
    """All that has ended, as often as it takes."""
    total = 0
    while True:
        async with storage.reading() as uow:
            ended = await uow.retention.ended(NOW)
        async with storage.writing() as uow:
            each = [await uow.retention.purge(name, NOW, limit=2) for name in PURGED]
            await uow.commit()
        many = sum(each)
        assert bool(many) == bool(ended)
        assert all(each[PURGED.index(name)] for name in ended)
        total += many
        if not many:
            return total


async def count(storage: Storage, table: Table) -> int:
    async with storage.reading() as uow:
        return int(await uow.connection.value(select(func.count()).select_from(table)))


async def an_outage(storage: Storage, *, is_over: bool, removed: bool = False) -> None:
    """Of long ago, told in one message."""
    it = a_channel(created_at=LONG_AGO)
    told = an_incident(it, opened_at=LONG_AGO)
    async with storage.writing() as uow:
        await uow.channels.add(it)
        await uow.grants.add(a_grant(id=it.grant_id, channel_id=it.id, obtained_at=LONG_AGO))
        await uow.incidents.open_(told)
        about = a_notice(channel_id=it.id, incident_id=told.id, created_at=LONG_AGO)
        await uow.notices.add_all([about])
        await uow.notices.attach([about.id], told.id)
        if is_over:
            await uow.incidents.resolve(
                told.id, resolution=Resolution.RECOVERED, by=None, at=LONG_AGO + MINUTE
            )
        if removed:
            await uow.connection.count(
                update(channel)
                .where(channel.c.id == it.id)
                .values(state=State.REMOVED, removed_at=LONG_AGO, grant_id=None)
            )
            await uow.grants.set_phase(GrantId(it.grant_id or ""), Phase.RETIRED, LONG_AGO)
            await uow.grants.erase(GrantId(it.grant_id or ""))
        await uow.commit()


async def test_what_is_over_goes_with_all_that_belongs_to_it(storage: Storage) -> None:
    """An inbox removed long ago leaves nothing; one that is there keeps itself and its grant."""
    await an_outage(storage, is_over=True, removed=True)
    await an_outage(storage, is_over=True)
    assert await purged(storage)
    assert [await count(storage, it) for it in (incident, notice, notice_incident)] == [0, 0, 0]
    assert [await count(storage, it) for it in (channel, grant)] == [1, 1]
    assert not await purged(storage)


async def test_what_is_open_stays_however_old_it_is(storage: Storage) -> None:
    """An outage that nobody mended in 500 days, and the message about it."""
    await an_outage(storage, is_over=False)
    assert not await purged(storage)
    assert [await count(storage, it) for it in (incident, notice, notice_incident)] == [1, 1, 1]


async def test_an_old_message_stays_while_a_newer_outage_in_it_lasts(storage: Storage) -> None:
    """One message is about several outages; the last one decides."""
    first, second = (a_channel(created_at=LONG_AGO) for _ in range(2))
    over, lasting = an_incident(first, opened_at=LONG_AGO), an_incident(second, opened_at=LONG_AGO)
    async with storage.writing() as uow:
        for it, outage in ((first, over), (second, lasting)):
            await uow.channels.add(it)
            await uow.incidents.open_(outage)
        about = a_notice(channel_id=first.id, incident_id=over.id, created_at=LONG_AGO)
        standing = a_notice(
            channel_id=first.id, kind=NoticeKind.MOVED, incident_id=IncidentId(""), created_at=LONG_AGO
        )
        for one in (about, standing):
            await uow.notices.add_all([one])
        await uow.notices.attach([about.id], over.id)
        await uow.notices.attach([about.id], lasting.id)
        await uow.incidents.resolve(over.id, resolution=Resolution.RECOVERED, by=None, at=LONG_AGO + MINUTE)
        await uow.commit()
    assert not await purged(storage)
    assert await count(storage, notice) == 2


async def test_a_wrong_accounts_grant_goes_after_a_month(storage: Storage) -> None:
    """It never belonged to an inbox. One in use stays, and so does one whose secret is still checked."""
    lately = NOW - timedelta(days=31)
    wrong = a_grant(phase=Phase.RETIRED, retired_at=lately, secret=None)
    checked = a_grant(phase=Phase.RETIRED, retired_at=lately)
    recent = a_grant(phase=Phase.RETIRED, retired_at=NOW - timedelta(days=29), secret=None)
    it = a_channel()
    own = a_grant(id=it.grant_id, channel_id=it.id, obtained_at=LONG_AGO)
    async with storage.writing() as uow:
        for one in (wrong, checked, recent):
            await uow.grants.add(one)
        await uow.channels.add(it)
        await uow.grants.add(own)
        await uow.probes.put(replace(a_probe(it)))
        await uow.commit()
    assert await purged(storage) == 1
    async with storage.reading() as uow:
        assert await uow.grants.find(wrong.id) is None
        for one in (checked, recent, own):
            assert await uow.grants.find(one.id) is not None


def a_key(**changes: Any) -> ApiKey:
    key_id, secret = mint()
    made = ApiKey(
        id=key_id,
        workspace_id=WorkspaceId("T1"),
        name="Help desk",
        digest=secret.digest,
        is_for_team=True,
        channels=frozenset(),
        features=frozenset({"crm"}),
        networks=(),
        created_by="operator",
        created_at=LONG_AGO,
        expires_at=NOW + timedelta(days=100),
    )
    return replace(made, **changes)


async def test_what_was_told_of_a_key_goes_with_the_key(storage: Storage) -> None:
    """While the key is there, it must be known that its end was told; other facts stay in any case."""
    gone, over, there = (
        a_key(expires_at=LONG_AGO + timedelta(days=30)),
        a_key(expires_at=NOW - timedelta(days=30)),
        a_key(),
    )
    facts = [
        "key",
        "keyring:abc",
        *(f"key:{it.id}:{what}" for it in (gone, over, there) for what in ("7", "over")),
    ]
    async with storage.writing() as uow:
        for it in (gone, over, there):
            await uow.api_keys.add(it)
        for fact in facts:
            await uow.meta.add(fact, "said")
        await uow.commit()
    assert await purged(storage) == 3
    async with storage.reading() as uow:
        assert await uow.api_keys.find(gone.id) is None
        left = await uow.meta.beginning("key")
    assert left == {fact for fact in facts if gone.id not in fact}
    assert not await purged(storage)


async def test_lanes_go_when_nothing_waits_in_them(storage: Storage) -> None:
    """Neither those with a job, nor leased ones, nor such that rest."""
    waiting, done = a_job(lane="waiting"), a_job(lane="done")
    async with storage.writing() as uow:
        await uow.jobs.put_all([waiting, done])
        [claimed] = await uow.jobs.claim(now=NOW, limit=1, lease_for=MINUTE, only="done")
        await uow.jobs.done(claimed, NOW)
        assert await uow.locks.acquire("leased", MINUTE)
        await uow.jobs.pace("paced", MINUTE)
        await uow.commit()
    async with storage.writing() as uow:
        assert await uow.retention.purge_lanes(limit=10) == 1
        await uow.commit()
    async with storage.reading() as uow:
        rows = await uow.connection.rows(select(lane.c.key).order_by(lane.c.key))
    assert [row.key for row in rows] == ["leased", "paced", "waiting"]


async def test_a_lane_that_is_being_filled_is_not_deleted_under_the_job(storage: Storage) -> None:
    """A job without its lane would never run: whichever of the two comes first, there is one."""
    for number in range(20):
        async with storage.writing() as uow:
            await uow.locks.acquire(f"lane{number}", MINUTE)
            await uow.connection.rows(text("SELECT 1"))
            await uow.locks.release_all()
            await uow.commit()

        async def fills(number: int = number) -> None:
            async with storage.writing() as uow:
                await uow.jobs.put(a_job(lane=f"lane{number}"))
                await asyncio.sleep(0)
                await uow.commit()

        async def purges() -> None:
            async with storage.writing() as uow:
                await uow.retention.purge_lanes(limit=10)
                await asyncio.sleep(0)
                await uow.commit()

        await asyncio.gather(fills(), purges(), purges())
    async with storage.writing() as uow:
        claimed = await uow.jobs.claim(now=NOW, limit=100, lease_for=MINUTE)
        assert len(claimed) == 20
