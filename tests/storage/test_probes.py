"""Probing rows: claimed once while the lease lasts, written back only by whoever claimed them last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.channel import Cause, Channel, State
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import ChannelId, GrantId, UserId, WorkspaceId
from bot.domain.probe_policy import Probe, Whose, passed
from storage import Cipher, Storage
from storage.tables import probe
from tests.storage.builders import MINUTE, NOW, WORKSPACE, a_channel, a_probe

_WHAT = {"channel_id", "workspace_id", "grant_id", "provider"}
"""Which mailbox a row is about: a look changes none of it."""
ANYBODY = MailboxIdentity("google", "somebody else", "example.com")


class MovingLead:
    """The database's clock, as far ahead as a test wants it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> timedelta:
        return self.ahead


@pytest.fixture
def lead() -> MovingLead:
    return MovingLead()


@pytest.fixture
async def storage(database_url: str, cipher: Cipher, lead: MovingLead) -> AsyncIterator[Storage]:
    opened = await Storage.open(database_url, cipher=cipher, lead=lead)
    yield opened
    await opened.close()


async def keep(storage: Storage, *probes: tuple[Channel, Probe]) -> None:
    async with storage.writing() as uow:
        for channel, probe in probes:
            await uow.probes.put(probe)
            await uow.channels.add(channel)
        await uow.commit()


async def some_due(storage: Storage, count: int) -> list[Probe]:
    """As many probes as asked for, all due, the first one longest."""
    channels = [a_channel() for _ in range(count)]
    probes = [a_probe(it, due_at=NOW - (count - n) * MINUTE) for n, it in enumerate(channels)]
    await keep(storage, *zip(channels, probes, strict=True))
    return probes


async def claim(storage: Storage, *, limit: int = 10, only: ChannelId | None = None) -> tuple[Probe, ...]:
    async with storage.writing() as uow:
        claimed = await uow.probes.claim(now=NOW, limit=limit, lease_for=MINUTE, only=only)
        await uow.commit()
    return claimed


async def test_a_probe_comes_back_as_it_was(storage: Storage) -> None:
    """Every field, but a lease that nobody holds."""
    channel = a_channel()
    probe = a_probe(channel, strikes=1, tries=2, first_refused_at=NOW, last_ok_at=NOW, outcome="refused")
    await keep(storage, (channel, replace(probe, lease_token="of another row")))
    async with storage.writing() as uow:
        assert await uow.probes.find(channel.id) == probe
        await uow.probes.drop(channel.id)
        assert await uow.probes.find(channel.id) is None


async def test_what_is_longest_due_is_claimed_first(storage: Storage) -> None:
    """In batches; what is not due yet is left alone."""
    probes = await some_due(storage, 3)
    later = a_channel()
    await keep(storage, (later, a_probe(later, due_at=NOW + MINUTE)))
    first, second = await claim(storage, limit=2), await claim(storage, limit=2)
    assert [it.channel_id for it in (*first, *second)] == [it.channel_id for it in probes]
    assert await claim(storage) == ()
    assert len({first[0].lease_token, second[0].lease_token}) == 2


async def test_two_claimers_never_get_the_same_row(
    storage: Storage, database_url: str, cipher: Cipher
) -> None:
    """In one process or in several."""
    probes = await some_due(storage, 40)
    other = await Storage.open(database_url, cipher=cipher)
    batches = await asyncio.gather(*(claim(it, limit=5) for it in (storage, other) * 4))
    claimed = [it.channel_id for batch in batches for it in batch]
    assert sorted(claimed) == sorted(it.channel_id for it in probes)
    await other.close()


async def test_one_channel_can_be_claimed_before_it_is_due(storage: Storage) -> None:
    """Unless somebody is looking at it already."""
    channel = a_channel()
    await keep(storage, (channel, a_probe(channel, due_at=NOW + MINUTE)))
    assert [it.channel_id for it in await claim(storage, only=channel.id)] == [channel.id]
    assert await claim(storage, only=channel.id) == ()


async def test_writing_back_frees_the_row(storage: Storage) -> None:
    """Once: the lease is given back with what was found."""
    await some_due(storage, 1)
    [claimed] = await claim(storage)
    token = claimed.lease_token or ""
    found = replace(claimed, due_at=NOW + MINUTE, strikes=1, tries=1, first_refused_at=NOW, last_done_at=NOW)
    async with storage.writing() as uow:
        assert not await uow.probes.write_back(found, lease_token="guessed")
        assert await uow.probes.write_back(found, lease_token=token)
        assert not await uow.probes.write_back(replace(found, strikes=9), lease_token=token)
        await uow.commit()
    async with storage.reading() as uow:
        assert await uow.probes.find(claimed.channel_id) == replace(found, lease_token=None)
        assert await uow.probes.next_due() == found.due_at


async def test_many_passes_go_back_at_once(storage: Storage) -> None:
    """Each under its own lease: one that was moved meanwhile keeps where it was moved. What was held against
    them is forgotten, all of it."""
    await some_due(storage, 3)
    troubled: dict[str, Any] = {
        "strikes": 2,
        "tries": 3,
        "first_refused_at": NOW,
        "outcome": "refused",
        "unknown_code": "odd",
        "unknown_since": NOW,
        "heard": "digest",
        "heard_since": NOW,
        "heard_times": 4,
    }
    written = {"due_at", "lease_token", "last_ok_at", "last_done_at"}
    assert troubled.keys() | written | _WHAT == {it.name for it in fields(Probe)}
    claimed = [replace(it, **troubled) for it in await claim(storage)]
    moved = claimed[1].channel_id
    async with storage.writing() as uow:
        for it in claimed:
            await uow.connection.count(
                update(probe).where(probe.c.channel_id == it.channel_id).values(**troubled)
            )
        await uow.probes.reschedule(moved, NOW)
        proven = {it.channel_id: passed(it, due_at=NOW + MINUTE, now=NOW) for it in claimed}
        await uow.probes.passed(list(proven.values()))
        await uow.commit()
    async with storage.reading() as uow:
        for it in claimed:
            expected = replace(it, due_at=NOW) if it.channel_id == moved else proven[it.channel_id]
            assert await uow.probes.find(it.channel_id) == replace(expected, lease_token=None)


async def test_a_worker_frozen_past_its_lease_changes_nothing(storage: Storage, lead: MovingLead) -> None:
    """Another one took over meanwhile; what the first one found is of yesterday."""
    await some_due(storage, 1)
    [frozen] = await claim(storage)
    lead.ahead = 2 * MINUTE
    [taken_over] = await claim(storage)
    assert taken_over.channel_id == frozen.channel_id
    async with storage.writing() as uow:
        late = replace(frozen, strikes=5)
        assert not await uow.probes.write_back(late, lease_token=frozen.lease_token or "")
        assert await uow.probes.write_back(taken_over, lease_token=taken_over.lease_token or "")


async def test_a_probe_under_way_is_void_once_it_is_moved(storage: Storage) -> None:
    """A person enabled, reconnected or removed: the answer to yesterday's question does not count."""
    await some_due(storage, 1)
    [claimed] = await claim(storage)
    async with storage.writing() as uow:
        await uow.probes.reschedule(claimed.channel_id, NOW, grant_id=GrantId("new"))
        assert not await uow.probes.write_back(claimed, lease_token=claimed.lease_token or "")
        await uow.commit()
    [again] = await claim(storage)
    assert again.grant_id == "new"


async def test_a_fresh_start_forgets_strikes(storage: Storage) -> None:
    """A moved probe keeps its strikes, one that starts afresh does not."""
    channel = a_channel()
    struck = a_probe(channel, strikes=1, tries=2, first_refused_at=NOW, outcome="refused", last_ok_at=NOW)
    await keep(storage, (channel, struck))
    async with storage.writing() as uow:
        await uow.probes.reschedule(channel.id, NOW + MINUTE)
        assert await uow.probes.find(channel.id) == replace(struck, due_at=NOW + MINUTE)
        await uow.probes.reschedule(channel.id, NOW, fresh=True)
        fresh = replace(struck, strikes=0, tries=0, first_refused_at=None)
        assert await uow.probes.find(channel.id) == fresh


async def test_a_workspace_that_is_gone_is_not_probed(storage: Storage) -> None:
    """Until it is back, and without making the engine wait for it in vain."""
    [probe] = await some_due(storage, 1)
    async with storage.writing() as uow:
        await uow.workspaces.save_seen(WORKSPACE, "Acme", UserId("UBOT"), NOW)
        await uow.workspaces.mark_gone(WORKSPACE, NOW)
        await uow.commit()
    assert await claim(storage) == ()
    async with storage.writing() as uow:
        assert await uow.probes.next_due() is None
        assert await uow.probes.unfinished(WORKSPACE, due_before=NOW + MINUTE, limit=9) == ()
        await uow.workspaces.mark_back(WORKSPACE)
        await uow.commit()
    assert [it.channel_id for it in await claim(storage)] == [probe.channel_id]


async def test_what_is_being_worked_on_is_not_waited_for(storage: Storage, lead: MovingLead) -> None:
    """The next due row is one that could be claimed; a lease that ran out makes it so again."""
    await some_due(storage, 1)
    later = a_channel()
    await keep(storage, (later, a_probe(later, due_at=NOW + MINUTE)))
    await claim(storage)
    async with storage.reading() as uow:
        assert await uow.probes.next_due() == NOW + MINUTE
    lead.ahead = 2 * MINUTE
    async with storage.reading() as uow:
        assert await uow.probes.next_due() == NOW - MINUTE


async def test_a_probe_that_is_never_finished_is_noticed(storage: Storage) -> None:
    """Being claimed over and over is not being finished."""
    first, second, _ = await some_due(storage, 3)
    await claim(storage)
    async with storage.reading() as uow:
        late = await uow.probes.unfinished(WORKSPACE, due_before=NOW - MINUTE, limit=9)
        assert [it.channel_id for it in late] == [first.channel_id, second.channel_id]
        assert len(await uow.probes.unfinished(WORKSPACE, due_before=NOW - MINUTE, limit=1)) == 1


async def test_nobody_waits_for_what_is_not_served(storage: Storage) -> None:
    """Disabled ones are refreshed weekly, held ones stand in line; another workspace's are not ours."""
    held = a_channel(state=State.IMPAIRED, cause=Cause.HELD)
    disabled = a_channel(state=State.DISABLED)
    broken = a_channel(state=State.DISCONNECTED, cause=Cause.GRANT_REFUSED)
    rows = ((it, a_probe(it, due_at=NOW - MINUTE)) for it in (held, disabled, broken))
    await keep(storage, *rows)
    async with storage.reading() as uow:
        [late] = await uow.probes.unfinished(WORKSPACE, due_before=NOW, limit=9)
        assert late.channel_id == broken.id
        assert await uow.probes.unfinished(WorkspaceId("TX"), due_before=NOW, limit=9) == ()


async def test_peers_are_other_mailboxes_that_worked_lately(storage: Storage) -> None:
    """Proven lately, at the same provider, not given up; the last proven first, in any workspace."""
    ok = [a_channel(), a_channel(), a_channel()]
    sad = a_channel(state=State.DISCONNECTED)
    other_provider = a_channel(provider="microsoft")
    stale = a_channel()
    rows = [(it, a_probe(it, last_ok_at=NOW - n * MINUTE)) for n, it in enumerate(ok)]
    rows += [(it, a_probe(it, last_ok_at=NOW)) for it in (sad, other_provider)]
    rows += [(stale, a_probe(stale, last_ok_at=NOW - timedelta(days=2)))]
    await keep(storage, *rows)
    since = NOW - timedelta(days=1)
    async with storage.reading() as uow:
        peers = partial(uow.probes.peers, proven_since=since, whose=Whose.OWN)
        assert await peers(ANYBODY, limit=10) == tuple(it.id for it in ok)
        assert await peers(ANYBODY, limit=2) == (ok[0].id, ok[1].id)
        assert await peers(ok[0].identity, limit=10) == (ok[1].id, ok[2].id)


async def test_peers_of_other_organisations_are_asked_for_apart(storage: Storage) -> None:
    """Neither hides the other."""
    own = a_channel()
    foreign = a_channel(identity=replace(ANYBODY, subject="else", tenant="other.example"))
    await keep(storage, *((it, a_probe(it, last_ok_at=NOW)) for it in (own, foreign)))
    async with storage.reading() as uow:
        peers = partial(uow.probes.peers, ANYBODY, proven_since=NOW, limit=9)
        assert await peers(whose=Whose.OWN) == (own.id,)
        assert await peers(whose=Whose.OTHERS) == (foreign.id,)


async def test_held_peers_are_asked_for_apart(storage: Storage) -> None:
    """However long they have been on hold; those that are refused by themselves say nothing of others."""
    held = a_channel(state=State.IMPAIRED, cause=Cause.HELD)
    long_held = a_channel(state=State.IMPAIRED, cause=Cause.HELD)
    refused = a_channel(state=State.IMPAIRED, cause=Cause.GRANT_REFUSED)
    fine = a_channel()
    await keep(storage, *((it, a_probe(it, last_ok_at=NOW)) for it in (held, refused, fine)))
    await keep(storage, (long_held, a_probe(long_held, last_ok_at=NOW - timedelta(days=3))))
    since = NOW - timedelta(days=1)
    async with storage.reading() as uow:
        peers = partial(uow.probes.peers, ANYBODY, proven_since=since, limit=9, whose=Whose.OWN)
        assert await peers(held=True) == (held.id, long_held.id)


async def test_what_is_hastened_is_neither_hurried_nor_disturbed(storage: Storage) -> None:
    """A look that is due soon, or under way, stays as it is; two looks stay apart; and nobody else's move."""
    later, soon, lately = NOW + 60 * MINUTE, NOW + MINUTE / 2, NOW - MINUTE / 3
    refused = {"state": State.DISCONNECTED, "cause": Cause.ADMIN_CONSENT}
    rows = {
        "rested": (a_channel(**refused), {"due_at": later}, NOW),
        "looked at lately": (a_channel(**refused), {"due_at": later, "last_done_at": lately}, NOW + MINUTE),
        "soon": (a_channel(**refused), {"due_at": soon, "last_done_at": lately}, soon),
        "under way": (a_channel(**refused), {"due_at": later}, later),
        "in doubt": (a_channel(**refused | {"state": State.IMPAIRED}), {"due_at": later}, later),
        "other cause": (a_channel(**refused | {"cause": Cause.GRANT_REFUSED}), {"due_at": later}, later),
        "elsewhere": (a_channel(**refused, provider="microsoft"), {"due_at": later}, later),
    }
    await keep(storage, *((channel, a_probe(channel, **how)) for channel, how, _ in rows.values()))
    [under_way] = await claim(storage, only=rows["under way"][0].id)
    for _ in range(2):
        async with storage.writing() as uow:
            await uow.probes.hasten("google", Cause.ADMIN_CONSENT, now=NOW, apart=MINUTE)
            await uow.commit()
    async with storage.writing() as uow:
        found = {name: await uow.probes.find(channel.id) for name, (channel, _, _) in rows.items()}
        assert await uow.probes.write_back(under_way, lease_token=under_way.lease_token or "")
    assert {name: row and row.due_at for name, row in found.items()} == {
        name: due_at for name, (_, _, due_at) in rows.items()
    }
