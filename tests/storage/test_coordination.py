"""Locks, slots and what was seen: each is one person's, whoever reaches for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from storage import SILENT_FOR, Cipher, Storage
from tests.storage.builders import MINUTE, NOW, a_channel, a_job, a_probe
from tests.storage.test_probes import MovingLead


async def acquire(storage: Storage, key: str = "sub") -> str | None:
    async with storage.writing() as uow:
        token = await uow.locks.acquire(key, MINUTE)
        await uow.commit()
    return token


async def test_a_lock_is_held_by_one(storage: Storage) -> None:
    """Until it is given back with the token it was taken with."""
    tokens = await asyncio.gather(*(acquire(storage) for _ in range(5)))
    [token] = [it for it in tokens if it]
    assert await acquire(storage, "another") is not None
    async with storage.writing() as uow:
        assert not await uow.locks.release("sub", "guessed")
        assert await uow.locks.release("sub", token)
        assert not await uow.locks.release("sub", token)
        await uow.commit()
    assert await acquire(storage) is not None


async def test_a_lock_runs_out(database_url: str, cipher: Cipher) -> None:
    """A process that died holds nothing up; should it wake, its token is worthless."""
    lead = MovingLead()
    storage = await Storage.open(database_url, cipher=cipher, lead=lead)
    dead = await acquire(storage)
    lead.ahead = MINUTE + timedelta(seconds=1)
    assert await acquire(storage) is not None
    async with storage.writing() as uow:
        assert not await uow.locks.release("sub", dead or "")
    await storage.close()


async def test_a_locked_lane_gives_no_job(storage: Storage) -> None:
    """Locks and lanes are the same rows: who holds the mailbox's lock keeps its jobs waiting."""
    token = await acquire(storage, "identity:google:ana")
    async with storage.writing() as uow:
        await uow.jobs.put(a_job(lane="identity:google:ana"))
        assert await uow.jobs.claim(now=NOW, limit=1, lease_for=MINUTE) == ()
        await uow.locks.release("identity:google:ana", token or "")
        assert len(await uow.jobs.claim(now=NOW, limit=1, lease_for=MINUTE)) == 1
        assert await uow.locks.acquire("identity:google:ana", MINUTE) is None


async def test_a_slot_fires_once(storage: Storage) -> None:
    """However many processes reach for it; the next one is another."""

    async def take() -> bool:
        async with storage.writing() as uow:
            taken = await uow.slots.take("tidy", NOW)
            await uow.commit()
        return taken

    assert sorted(await asyncio.gather(*(take() for _ in range(4)))) == [False, False, False, True]
    async with storage.writing() as uow:
        assert await uow.slots.take("people", NOW)
        assert await uow.slots.take("tidy", NOW + timedelta(days=30))
        asked = {"people": NOW, "tidy": NOW + timedelta(days=30), "mail": NOW}
        assert await uow.slots.taken(asked) == {"people", "tidy"}
        assert await uow.slots.taken({"people": NOW + MINUTE}) == set()


async def test_what_was_seen_is_new_once(storage: Storage) -> None:
    """Until it is so old that Slack will not send it again."""
    async with storage.writing() as uow:
        assert await uow.seen.first_time("Ev1", NOW)
        assert not await uow.seen.first_time("Ev1", NOW + MINUTE)
        assert await uow.seen.purge(NOW) == 0
        assert await uow.seen.purge(NOW + MINUTE) == 1
        assert await uow.seen.first_time("Ev1", NOW)


async def test_what_a_silent_process_had_taken_is_freed(database_url: str, cipher: Cipher) -> None:
    """Looks, lanes and locks, once; nothing of one that is heard, and nothing of one's own."""
    lead = MovingLead()
    dead, living, ours = [await Storage.open(database_url, cipher=cipher, lead=lead) for _ in range(3)]
    for storage, key in ((dead, "dead"), (living, "living"), (ours, "ours")):
        await _announces(storage)
        assert await _acquires_long(storage, key)
    async with dead.writing() as uow:
        channel = a_channel()
        await uow.channels.add(channel)
        await uow.probes.put(a_probe(channel))
        await uow.jobs.put(a_job())
        await uow.commit()
    async with dead.writing() as uow:
        [taken] = await uow.probes.claim(now=NOW, limit=1, lease_for=MINUTE)
        [job] = await uow.jobs.claim(now=NOW, limit=1, lease_for=MINUTE)
        await uow.commit()
    lead.ahead = SILENT_FOR - timedelta(seconds=1)
    assert await _frees(ours) == 0
    await _announces(living)
    lead.ahead = SILENT_FOR + timedelta(seconds=1)
    assert await _frees(ours) == 3
    assert await _frees(ours) == 0
    async with ours.writing() as uow:
        assert await uow.locks.acquire("living", MINUTE) is None
        assert await uow.locks.acquire("ours", MINUTE) is None
        assert len(await uow.probes.claim(now=NOW, limit=1, lease_for=MINUTE)) == 1
        assert len(await uow.jobs.claim(now=NOW, limit=1, lease_for=MINUTE)) == 1
        await uow.commit()
    async with dead.writing() as uow:
        assert not await uow.probes.write_back(taken, lease_token=taken.lease_token or "")
        assert not await uow.jobs.done(job, NOW)
    await _announces(dead)  # it had only stood still
    assert await _acquires_long(dead, "again")
    lead.ahead = 2 * SILENT_FOR + timedelta(seconds=2)
    await _announces(living)
    assert await _frees(ours) == 1
    for storage in (dead, living, ours):
        await storage.close()


async def _announces(storage: Storage) -> None:
    async with storage.writing() as uow:
        await storage.announce(uow)
        await uow.commit()


async def _acquires_long(storage: Storage, key: str) -> bool:
    async with storage.writing() as uow:
        token = await uow.locks.acquire(key, timedelta(hours=1))
        await uow.commit()
    return token is not None


async def _frees(storage: Storage) -> int:
    async with storage.writing() as uow:
        freed = await storage.free_the_dead(uow)
        await uow.commit()
    return freed


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_whoever_is_alone_with_a_file_frees_what_a_dead_process_held(
    database_url: str, cipher: Cipher
) -> None:
    """After a crash nothing waits for a lease that nobody can give back."""
    before = await Storage.open(database_url, cipher=cipher, exclusive=True)
    async with before.writing() as uow:
        assert await uow.locks.acquire("lane", timedelta(hours=1)) is not None
        await uow.commit()
    await before.close()
    after = await Storage.open(database_url, cipher=cipher, exclusive=True)
    async with after.writing() as uow:
        assert await uow.locks.acquire("lane", timedelta(hours=1)) is None
    assert await after.take_over()
    async with after.writing() as uow:
        assert await uow.locks.acquire("lane", timedelta(hours=1)) is not None
    await after.close()


async def test_whoever_shares_a_database_takes_nothing_over(storage: Storage) -> None:
    """Another process may be at work: its leases stand until they run out."""
    async with storage.writing() as uow:
        assert await uow.locks.acquire("lane", timedelta(hours=1)) is not None
        await uow.commit()
    assert not await storage.take_over()
    async with storage.writing() as uow:
        assert await uow.locks.acquire("lane", timedelta(hours=1)) is None
