"""The sandbox's clock never goes back, and a frozen one moves only when told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sandbox.clock import SandboxClock


def test_a_frozen_clock_moves_when_told() -> None:
    """And answers in UTC whatever it was given."""
    clock = SandboxClock.frozen(datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))))
    assert clock() == clock() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(minutes=3))
    assert clock() == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert clock().tzinfo is UTC


def test_a_running_clock_leads_by_what_was_added() -> None:
    """Real time goes on underneath."""
    clock = SandboxClock.running()
    before = clock()
    clock.advance(timedelta(hours=1))
    assert timedelta(minutes=59) < clock.lead() <= timedelta(hours=1)
    assert clock() - before >= timedelta(hours=1)


def test_it_goes_forward_only() -> None:
    """And never starts without a time zone."""
    with pytest.raises(ValueError, match="forward"):
        SandboxClock.running().advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="aware"):
        SandboxClock.frozen(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
