"""Jobs: asked for once, one of a lane at a time, ended only by whoever holds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.job import Job, JobKind
from storage import Cipher, Storage
from tests.storage.builders import MINUTE, NOW, a_job
from tests.storage.test_probes import MovingLead


@pytest.fixture
def lead() -> MovingLead:
    return MovingLead()


@pytest.fixture
async def storage(database_url: str, cipher: Cipher, lead: MovingLead) -> AsyncIterator[Storage]:
    opened = await Storage.open(database_url, cipher=cipher, lead=lead)
    yield opened
    await opened.close()


async def put(storage: Storage, *jobs: Job) -> None:
    async with storage.writing() as uow:
        for job in jobs:
            await uow.jobs.put(job)
        await uow.commit()


async def claim(storage: Storage, *, now: datetime = NOW, limit: int = 10) -> tuple[Job, ...]:
    async with storage.writing() as uow:
        claimed = await uow.jobs.claim(now=now, limit=limit, lease_for=MINUTE)
        await uow.commit()
    return claimed


async def finish(storage: Storage, job: Job) -> bool:
    async with storage.writing() as uow:
        was_ours = await uow.jobs.done(job, NOW)
        await uow.commit()
    return was_ours


async def test_a_job_comes_back_as_it_was(storage: Storage) -> None:
    """Claimed, it has a token and nothing else is different."""
    job = a_job(attempts=3, last_class="SlackAway", payload={"a": "ä", "b": ""})
    await put(storage, job)
    async with storage.reading() as uow:
        assert await uow.jobs.find_unfinished(job.dedupe) == job
    [claimed] = await claim(storage)
    assert claimed.lease_token
    assert replace(claimed, lease_token=None) == job


async def test_asking_again_brings_it_forward(storage: Storage) -> None:
    """One job, at the earlier time, with the later payload; asking for later does not put it off."""
    job = a_job(due_at=NOW + MINUTE)
    await put(storage, job)
    for due_at, payload in ((NOW, {"second": "1"}), (NOW + 2 * MINUTE, {"third": "1"})):
        await put(storage, replace(a_job(), dedupe=job.dedupe, due_at=due_at, payload=payload))
    async with storage.reading() as uow:
        found = await uow.jobs.find_unfinished(job.dedupe)
    assert found == replace(job, due_at=NOW, payload={"third": "1"})


async def test_asked_for_by_many_it_runs_once(storage: Storage) -> None:
    """The constraint decides: one row, however many ask at the same time."""
    await asyncio.gather(*(put(storage, replace(a_job(lane="l"), dedupe="same")) for _ in range(6)))
    assert len(await claim(storage)) == 1


async def test_what_is_done_can_be_asked_for_again(storage: Storage) -> None:
    """Only unfinished jobs are one."""
    job = a_job()
    await put(storage, job)
    [claimed] = await claim(storage)
    assert await finish(storage, claimed)
    await put(storage, replace(a_job(), dedupe=job.dedupe))
    assert len(await claim(storage)) == 1


async def test_asked_for_while_it_runs_it_runs_once_more(storage: Storage) -> None:
    """What changed while a message was being edited is not forgotten when the edit is done."""
    job = a_job()
    await put(storage, job)
    [running] = await claim(storage)
    await put(storage, replace(a_job(), dedupe=job.dedupe, payload={"new": "1"}))
    assert await finish(storage, running)
    [again] = await claim(storage)
    assert (again.id, again.payload) == (job.id, {"new": "1"})
    assert await finish(storage, again)
    assert await claim(storage) == ()


async def test_a_lane_gives_one_job_at_a_time_in_turn(storage: Storage) -> None:
    """A person gets one message after the other; other lanes go on meanwhile."""
    first = a_job(lane="ana", created_at=NOW - MINUTE)
    second = a_job(lane="ana", due_at=NOW)
    other = a_job(lane="bob")
    await put(storage, second, other, first)
    claimed = await claim(storage)
    assert {it.id for it in claimed} == {first.id, other.id}
    assert await claim(storage) == ()
    assert all([await finish(storage, it) for it in claimed])
    assert [it.id for it in await claim(storage)] == [second.id]


async def test_in_a_lane_the_urgent_go_first(storage: Storage) -> None:
    """Whoever is woken does not first get what they could read in the morning. The due ones only: what is to
    be tried again later holds nobody up."""
    news = a_job(lane="ana", due_at=NOW - MINUTE)
    alarm = a_job(lane="ana", kind=JobKind.RAISE_ALARM)
    resting = a_job(lane="ana", kind=JobKind.RAISE_ALARM, due_at=NOW + MINUTE)
    await put(storage, news, alarm, resting)
    order = []
    for _ in range(2):
        [claimed] = await claim(storage)
        order.append(claimed.id)
        await finish(storage, claimed)
    assert order == [alarm.id, news.id]


async def test_lanes_with_something_urgent_go_first(storage: Storage) -> None:
    """However many other people are told something, and for however long, an alarm goes first."""
    news = [a_job(lane=f"reader{n}", due_at=NOW - (n + 2) * MINUTE) for n in range(3)]
    asked = a_job(lane="bob", due_at=NOW - MINUTE)
    alarm = a_job(lane="bob", kind=JobKind.RAISE_ALARM)
    await put(storage, *news, asked, alarm)
    assert [it.id for it in await claim(storage, limit=1)] == [alarm.id]
    assert [it.id for it in await claim(storage, limit=1)] == [news[2].id]


async def test_the_lane_that_waits_longest_is_first(storage: Storage) -> None:
    """Nobody's lane is forgotten behind busier ones."""
    jobs = [a_job(due_at=NOW - n * MINUTE) for n in range(3)]
    await put(storage, *jobs)
    assert [it.id for it in await claim(storage, limit=2)] == [jobs[2].id, jobs[1].id]


async def test_two_claimers_never_get_the_same_lane(
    storage: Storage, database_url: str, cipher: Cipher
) -> None:
    """In one process or in several."""
    jobs = [a_job() for _ in range(20)]
    await put(storage, *jobs, *(a_job(lane=it.lane) for it in jobs))
    other = await Storage.open(database_url, cipher=cipher)
    batches = await asyncio.gather(*(claim(it, limit=5) for it in (storage, other) * 4))
    lanes = [it.lane for batch in batches for it in batch]
    assert sorted(lanes) == sorted(it.lane for it in jobs)
    await other.close()


async def test_a_worker_frozen_past_its_lease_ends_nothing(storage: Storage, lead: MovingLead) -> None:
    """Another one took over; the first one's end neither counts nor frees the lane."""
    await put(storage, a_job(lane="ana"), a_job(lane="ana"))
    [frozen] = await claim(storage)
    lead.ahead = 2 * MINUTE
    [taken_over] = await claim(storage)
    assert taken_over.id == frozen.id
    assert not await finish(storage, frozen)
    assert await claim(storage) == ()
    assert await finish(storage, taken_over)
    assert len(await claim(storage)) == 1


async def test_a_failed_job_is_tried_again(storage: Storage) -> None:
    """Later, with its attempts counted and its lane free for others."""
    job = a_job(lane="ana")
    await put(storage, job)
    [claimed] = await claim(storage)
    async with storage.writing() as uow:
        assert await uow.jobs.again(claimed, due_at=NOW + MINUTE, failure="SlackAway")
        assert not await uow.jobs.again(claimed, due_at=NOW, failure="SlackAway")
        await uow.commit()
    assert await claim(storage) == ()
    [retried] = await claim(storage, now=NOW + MINUTE)
    assert (retried.attempts, retried.last_class) == (1, "SlackAway")


async def test_a_dead_job_is_over(storage: Storage) -> None:
    """It is not claimed any more, and can be asked again."""
    job = a_job()
    await put(storage, job)
    [claimed] = await claim(storage)
    async with storage.writing() as uow:
        assert await uow.jobs.dead(claimed, NOW, "SlackAway")
        await uow.commit()
    assert await claim(storage, now=NOW + MINUTE) == ()
    await put(storage, replace(a_job(), dedupe=job.dedupe))
    assert len(await claim(storage)) == 1


async def test_a_paced_lane_waits(storage: Storage, lead: MovingLead) -> None:
    """Slack's wish to be left alone for 30 s is not shortened by our own second between messages."""
    await put(storage, a_job(lane="ana"))
    async with storage.writing() as uow:
        await uow.jobs.pace("ana", timedelta(seconds=30))
        await uow.jobs.pace("ana", timedelta(seconds=1))
        await uow.commit()
    lead.ahead = timedelta(seconds=20)
    assert await claim(storage) == ()
    lead.ahead = timedelta(seconds=31)
    assert len(await claim(storage)) == 1


async def test_the_next_due_job_is_one_that_could_start(storage: Storage) -> None:
    """A running lane is not waited for; a paced one is, until its pause ends."""
    async with storage.reading() as uow:
        assert await uow.jobs.next_due() is None
    await put(storage, a_job(lane="ana"), a_job(lane="ana"), a_job(due_at=NOW + MINUTE))
    async with storage.reading() as uow:
        assert await uow.jobs.next_due() == NOW
    await claim(storage)
    async with storage.reading() as uow:
        assert await uow.jobs.next_due() == NOW + MINUTE


async def test_the_end_of_a_pause_is_waited_for(storage: Storage) -> None:
    """By the database's clock, whatever the job was due at."""
    await put(storage, a_job(lane="ana"))
    async with storage.writing() as uow:
        await uow.jobs.pace("idle", timedelta(seconds=1))
        await uow.jobs.pace("ana", MINUTE)
        await uow.commit()
        ending = await uow.jobs.next_due()
    assert ending is not None
    assert timedelta(seconds=50) < ending - datetime.now(UTC) <= MINUTE


async def test_a_cancelled_job_is_gone(storage: Storage) -> None:
    """A second cancelling finds nothing; one that runs finds at its end that it was not wanted."""
    job = a_job()
    await put(storage, job)
    [running] = await claim(storage)
    async with storage.writing() as uow:
        assert await uow.jobs.cancel(job.dedupe)
        assert not await uow.jobs.cancel(job.dedupe)
        assert not await uow.jobs.done(running, NOW)
        await uow.commit()
    await put(storage, a_job(lane=job.lane))
    assert len(await claim(storage)) == 1


async def test_old_ends_are_forgotten(storage: Storage) -> None:
    """Done and dead ones, not the unfinished."""
    done, dead, waiting = a_job(), a_job(), a_job(due_at=NOW + MINUTE)
    await put(storage, done, dead, waiting)
    async with storage.writing() as uow:
        by_id = {it.id: it for it in await uow.jobs.claim(now=NOW, limit=9, lease_for=MINUTE)}
        await uow.jobs.done(by_id[done.id], NOW)
        await uow.jobs.dead(by_id[dead.id], NOW, "SlackAway")
        assert await uow.jobs.purge(NOW) == 0
        assert await uow.jobs.purge(NOW + MINUTE) == 2
        assert await uow.jobs.find_unfinished(waiting.dedupe) == waiting
        await uow.commit()
