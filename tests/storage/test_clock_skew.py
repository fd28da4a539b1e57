"""A clock that was ahead and is put right: what it wrote down must not make anybody wait for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel import Cause, State
from bot.domain.ids import ChannelId, IncidentId, NoticeId
from bot.domain.job import JobKind
from storage import ClockLimits, Storage
from storage.clock_skew import COUNTED_FROM, HAPPENED, LEASED, LIMITED
from storage.column_types import Instant
from storage.tables import metadata
from tests.storage.builders import MINUTE, NOW, a_channel, a_job, a_notice, a_probe, a_ticket, an_incident

AHEAD = timedelta(hours=2)
THEN = NOW + AHEAD
"""What the clock said while it was ahead; in truth it was just before ``NOW``."""
HOUR = timedelta(hours=1)

LIMITS = ClockLimits(
    looks={"google": 20 * MINUTE},
    impaired=24 * HOUR,
    disconnected=24 * HOUR,
    disabled=timedelta(days=8),
    jobs=dict.fromkeys(JobKind, 25 * HOUR),
    snooze=4 * HOUR,
    login=HOUR,
    lease=10 * MINUTE,
)

HARMLESS = {
    "workspace": {"gone_at", "seen_at"},
    "person": {"read_at"},
    "channel": {"created_at", "removed_at"},
    "grant_": {"obtained_at", "revocation_at", "retired_at"},
    "job": {"done_at", "dead_at"},
    "role": {"added_at"},
    "role_change": {"undone_at"},
    "request": {"answered_at"},
    "hold": {"ended_at"},
    "whereabouts": {"left_at"},
    "ticket_outcome": {"ticket_expires_at"},
    "link": {"created_at"},
    "incident": {"resolved_at"},
    "slot": {"at"},
    "history": {"at"},
    "seen": {"at"},
    "api_key": {"revoked_at"},
    "api_key_channel": {"answered_at"},
    "access_token": {"obtained_at", "expires_at"},  # one that was obtained later than now is not handed out
    "token_use": {"first_at"},
    "channel_event": {"at", "since"},
    "webhook": {"created_at", "edited_at", "proven_at", "off_at", "succeeded_at"},
}
"""Shown, kept as evidence, or compared only to forget it, days later: some hours more change nothing. Slots
that lie ahead are given up as a whole."""


def test_every_instant_is_judged() -> None:
    """A column that is added must say what a clock that was ahead does to it."""
    known = {*COUNTED_FROM, *COUNTED_FROM.values(), *HAPPENED, *LIMITED, *LEASED}
    for table in metadata.sorted_tables:
        named = {column.name for column in known if column.table is table}
        instants = {column.name for column in table.c if isinstance(column.type, Instant)}
        assert instants == named | HARMLESS.get(table.name, set()), table.name


async def set_right(storage: Storage, limits: ClockLimits = LIMITS) -> int:
    async with storage.writing() as uow:
        moved = await uow.instants.set_right(NOW, limits)
        await uow.commit()
    return moved


async def test_a_look_keeps_its_pause(storage: Storage) -> None:
    """Due two minutes after the last look by the clock that was ahead: two minutes from now."""
    connected, disabled = a_channel(), a_channel(state=State.DISABLED)
    rows = [
        a_probe(one, last_done_at=THEN, last_ok_at=THEN, due_at=THEN + pause)
        for one, pause in ((connected, 2 * MINUTE), (disabled, timedelta(days=7)))
    ]
    async with storage.writing() as uow:
        for one, row in zip((connected, disabled), rows, strict=True):
            await uow.channels.add(one)
            await uow.probes.put(row)
        await uow.commit()
    async with storage.reading() as uow:
        assert await uow.instants.is_ahead(NOW) and await uow.instants.has_looked_ahead(NOW)
    assert await set_right(storage)
    async with storage.reading() as uow:
        assert not await uow.instants.is_ahead(NOW)
        first = await uow.probes.find(connected.id)
        second = await uow.probes.find(disabled.id)
    assert first is not None and second is not None
    assert (first.due_at, first.last_done_at, first.last_ok_at) == (NOW + 2 * MINUTE, NOW, NOW)
    assert second.due_at == NOW + timedelta(days=7)
    assert not await set_right(storage)


@pytest.mark.parametrize(
    ("state", "cause", "due_in", "is_moved"),
    [
        (State.CONNECTED, Cause.NONE, 19 * MINUTE, False),
        (State.CONNECTED, Cause.NONE, 21 * MINUTE, True),
        (State.IMPAIRED, Cause.CHECKING, 23 * HOUR, False),
        (State.IMPAIRED, Cause.CHECKING, 25 * HOUR, True),
        (State.IMPAIRED, Cause.HELD, 25 * HOUR, False),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, 25 * HOUR, True),
        (State.DISABLED, Cause.NONE, timedelta(days=7), False),
        (State.DISABLED, Cause.NONE, timedelta(days=30), True),
    ],
)
async def test_what_is_due_later_than_the_longest_pause_is_due_now(
    storage: Storage, state: State, cause: Cause, due_in: timedelta, is_moved: bool
) -> None:
    """Whoever wrote it: no such pause exists. Who stands in a hold's line waits for its turn."""
    it = a_channel(state=state, cause=cause)
    row = a_probe(it, last_done_at=NOW - MINUTE, due_at=NOW + due_in)
    async with storage.writing() as uow:
        await uow.channels.add(it)
        await uow.probes.put(row)
        assert await uow.instants.is_stuck(NOW, LIMITS) is is_moved
        assert await uow.instants.limit(NOW, LIMITS) == int(is_moved)
        assert not await uow.instants.is_stuck(NOW, LIMITS)
        found = await uow.probes.find(it.id)
    assert found is not None and found.due_at == (NOW if is_moved else NOW + due_in)


async def test_jobs_keep_their_pause_and_deliveries_do_not_wait(storage: Storage) -> None:
    """A reminder in four hours stays one; a message that was put off is tried again at once; nothing is due
    in weeks."""
    reminder = a_job(kind=JobKind.REMIND, created_at=THEN, due_at=THEN + 4 * HOUR)
    retried = a_job(kind=JobKind.RAISE_ALARM, created_at=NOW - HOUR, due_at=THEN + MINUTE)
    lost = a_job(kind=JobKind.REVOKE_GRANT, created_at=NOW - HOUR, due_at=NOW + timedelta(days=3))
    async with storage.writing() as uow:
        await uow.jobs.put_all([reminder, retried])
        assert not await uow.instants.is_stuck(NOW, LIMITS)
        await uow.jobs.put(lost)
        assert await uow.instants.is_stuck(NOW, LIMITS)
        await uow.instants.set_right(NOW, LIMITS)
        assert await uow.instants.hurry({JobKind.RAISE_ALARM}, NOW) == 1
        due = [await uow.jobs.find_unfinished(it.dedupe) for it in (reminder, retried, lost)]
    assert [it.due_at if it else None for it in due] == [NOW + 4 * HOUR, NOW, NOW]


async def test_tickets_do_not_live_longer_for_it(storage: Storage) -> None:
    """A quarter of an hour is a quarter of an hour."""
    it = a_ticket(created_at=THEN, expires_at=THEN + 15 * MINUTE)
    async with storage.writing() as uow:
        await uow.tickets.add(it)
        await uow.instants.set_right(NOW, LIMITS)
        found = await uow.tickets.find(it.id)
    assert found is not None and found.expires_at == NOW + 15 * MINUTE


async def test_what_happened_happened_by_now(storage: Storage) -> None:
    """A first refusal, an outage's begin, a state's: what is counted from them must be able to come."""
    it = a_channel(since=THEN)
    row = a_probe(it, first_refused_at=THEN, strikes=1, due_at=NOW)
    incident = an_incident(it, opened_at=THEN)
    notice = a_notice(id=NoticeId("told"), incident_id=incident.id, created_at=THEN)
    async with storage.writing() as uow:
        await uow.channels.add(it)
        await uow.probes.put(row)
        await uow.incidents.open_(incident)
        await uow.notices.add_all([notice])
        await uow.notices.snooze(notice.id, THEN + 4 * HOUR)
        await uow.instants.set_right(NOW, LIMITS)
        refused = await uow.probes.find(it.id)
        channel = await uow.channels.find(ChannelId(it.id))
        opened = await uow.incidents.find(IncidentId(incident.id))
        told = await uow.notices.find(notice.id)
    assert refused is not None and refused.first_refused_at == NOW and refused.strikes == 1
    assert channel is not None and channel.since == NOW
    assert opened is not None and opened.opened_at == NOW
    assert told is not None and told.created_at == NOW and told.snoozed_until == NOW + 4 * HOUR


async def test_a_slot_that_lies_ahead_is_given_up(storage: Storage) -> None:
    """Else what is done once a day would not be done for as long as the clock was ahead."""
    async with storage.writing() as uow:
        assert await uow.slots.take("people", NOW)
        assert await uow.slots.take("people", NOW + timedelta(days=3))
        await uow.instants.set_right(NOW, LIMITS)
        assert await uow.slots.take("people", NOW + timedelta(days=3))
        assert not await uow.slots.take("people", NOW)


async def test_logins_and_leases_end(storage: Storage) -> None:
    """A host rests for an hour at most, and no lease outlasts a dead process by more than it was to."""
    async with storage.writing() as uow:
        assert await uow.logins.take("imap:a", slots=1, now=THEN, until=THEN + HOUR)
        assert await uow.locks.acquire("left behind", AHEAD)
        assert await uow.locks.acquire("at work", MINUTE)
        assert await uow.instants.is_stuck(NOW, LIMITS)
        await uow.jobs.pace("a person", AHEAD)
        await uow.instants.set_right(NOW, LIMITS)
        assert await uow.instants.release(LIMITS) == 2
        assert not await uow.instants.is_stuck(NOW, LIMITS)
        assert await uow.logins.free_at("imap:a") == NOW + HOUR
        assert await uow.locks.acquire("left behind", MINUTE)
        assert not await uow.locks.acquire("at work", MINUTE)


async def test_a_small_difference_between_machines_is_none(storage: Storage) -> None:
    """Another process's clock may be some seconds ahead: what it writes stays."""
    it = a_channel()
    row = a_probe(it, last_done_at=NOW + timedelta(seconds=20), due_at=NOW + MINUTE)
    async with storage.writing() as uow:
        await uow.channels.add(it)
        await uow.probes.put(row)
        await uow.commit()
    assert not await set_right(storage)
