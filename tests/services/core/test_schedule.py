"""Where team addresses are very many, they are looked at less often, and everybody is told so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import probe_policy
from bot.services.core.schedule import COUNTS_EVERY
from tests.services.play import Play, on_both

ADDRESSES = ("support@acme.example", "sales@acme.example")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def full_pace_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_policy, "TEAM_APART", 2 * MINUTE)


@on_both
@pytest.mark.usefixtures("full_pace_for_one")
async def test_twice_too_many_are_looked_at_half_as_often(play: Play) -> None:
    """From the next count on; personal inboxes keep their pace, and the drill says what to expect."""
    first, *_ = [await play.connect_team(address) for address in ADDRESSES]
    alice = await play.connect("alice")
    await play.passes(seconds=COUNTS_EVERY.total_seconds() + 125)
    now = play.stage.town.clock()
    row, own = await play.probe(first), await play.probe(alice)
    assert row is not None
    assert row.last_done_at is not None
    assert row.due_at - row.last_done_at == 4 * MINUTE
    assert own is not None
    assert own.due_at <= now + 15 * MINUTE
    drill = await play.services.history.drill(await play.actor("omar"), first.id)
    assert drill.told_within == 4 * MINUTE + timedelta(seconds=30)


@pytest.mark.usefixtures("full_pace_for_one")
async def test_the_pace_comes_back_with_fewer(play: Play) -> None:
    """What is disabled is hardly looked at, and costs the others nothing."""
    _, other = [await play.connect_team(address) for address in ADDRESSES]
    await play.passes(seconds=COUNTS_EVERY.total_seconds() + 1)
    assert play.services.schedule.cadence.team == 4 * MINUTE
    await play.services.channel_actions.disable(await play.actor("omar"), other.id)
    await play.passes(seconds=COUNTS_EVERY.total_seconds())
    assert play.services.schedule.cadence == play.services.core.policy.cadence
