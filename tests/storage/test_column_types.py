"""Instants: the same moment comes back, whatever the time zone it was said in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from storage import Storage
from tests.storage.builders import NOW, a_job


@pytest.mark.parametrize(
    "moment",
    [
        NOW.astimezone(timezone(timedelta(hours=9))),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2200, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ],
)
async def test_a_moment_comes_back_in_utc(storage: Storage, moment: datetime) -> None:
    """To the microsecond, before 1970 and long after us."""
    job = a_job(due_at=moment)
    async with storage.writing() as uow:
        await uow.jobs.put(job)
        found = await uow.jobs.find_unfinished(job.dedupe)
    assert found is not None
    assert (found.due_at, found.due_at.tzinfo) == (moment, UTC)


async def test_a_moment_without_a_time_zone_is_refused(storage: Storage) -> None:
    """It would mean another one on another machine."""
    with pytest.raises(StatementError):
        async with storage.writing() as uow:
            await uow.jobs.put(a_job(due_at=datetime(2026, 1, 1)))  # noqa: DTZ001
