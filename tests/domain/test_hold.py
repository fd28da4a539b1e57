"""Holds: who waits in one, and when each is looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.cause import Cause
from bot.domain.channel import State
from bot.domain.hold import is_held, next_turn
from tests.storage.builders import MINUTE, NOW, a_channel

WITNESS = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("state", "cause", "held"),
    [
        (State.IMPAIRED, Cause.HELD, True),
        (State.IMPAIRED, Cause.GRANT_REFUSED, False),
        (State.DISABLED, Cause.HELD, False),
        (State.CONNECTED, Cause.NONE, False),
    ],
)
def test_only_what_waits_is_held(state: State, cause: Cause, held: bool) -> None:
    """A disabled inbox remembers the cause and waits for nothing."""
    assert is_held(a_channel(state=state, cause=cause)) is held


@pytest.mark.parametrize(
    ("last_turn", "least", "turn"),
    [
        (None, 0, 1),
        (NOW - 5 * MINUTE, 0, 1),
        (NOW, 0, 1),
        (NOW + 7 * MINUTE, 0, 8),
        (NOW + 7 * MINUTE, 15, 15),
        (NOW + 30 * MINUTE, 15, 31),
    ],
)
def test_each_takes_the_end_of_the_line(last_turn: object, least: int, turn: int) -> None:
    """A minute after the last one, a minute from now at the soonest, and no sooner than the host bears."""
    found = next_turn(last_turn, NOW, witness=WITNESS, least=least * MINUTE)  # type: ignore[arg-type]
    assert found == NOW + turn * MINUTE
