"""For how long somebody is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.incident import LONGEST_SNOOZE, Snooze, snoozed_until

HOUR = 3_600


@pytest.mark.parametrize(
    ("choice", "pressed", "utc_offset", "until"),
    [
        (Snooze.HOUR, "02:00", 0, "2026-11-28 03:00"),
        (Snooze.FOUR_HOURS, "22:30", 9 * HOUR, "2026-11-29 02:30"),
        (Snooze.MORNING, "02:00", 0, "2026-11-28 09:00"),
        (Snooze.MORNING, "09:00", 0, "2026-11-29 09:00"),
        (Snooze.MORNING, "09:30", 0, "2026-11-29 09:00"),
        (Snooze.MORNING, "18:00", 9 * HOUR, "2026-11-29 00:00"),
        (Snooze.MORNING, "23:59", 9 * HOUR, "2026-11-29 00:00"),
        (Snooze.MORNING, "02:00", -8 * HOUR, "2026-11-28 17:00"),
        (Snooze.MORNING, "03:00", 5 * HOUR + HOUR // 2, "2026-11-28 03:30"),
    ],
)
def test_a_snooze_ends_by_the_persons_own_clock(
    choice: Snooze, pressed: str, utc_offset: int, until: str
) -> None:
    """*Until 9:00* is the next one where they are."""
    now = datetime.fromisoformat(f"2026-11-28 {pressed}").replace(tzinfo=UTC)
    ends = snoozed_until(choice, now, utc_offset)
    assert ends == datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert timedelta(0) < ends - now < LONGEST_SNOOZE
