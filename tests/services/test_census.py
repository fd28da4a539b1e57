"""The figures that are counted in the database, as a monitoring system reads them."""

from __future__ import annotations

import re

from bot.services.upkeep.census import COUNTED_EVERY
from tests.services.play import Play, on_both


@on_both
async def test_what_is_in_the_database_is_counted_at_a_scrape(play: Play) -> None:
    """By state and provider; open incidents; what is due. What is over is not shown any more."""
    await play.connect_team()
    await play.connect("alice")
    assert await shown(play, "inboxkeeper_channels") == {'{provider="google",state="connected"}': 2.0}
    assert await shown(play, "inboxkeeper_open_incidents") == {}
    play.google.break_down("revoked", "support@acme.example")
    await play.passes(minutes=10)
    assert await shown(play, "inboxkeeper_open_incidents") == {'{kind="dead"}': 1.0}
    assert sum((await shown(play, "inboxkeeper_channels")).values()) == 2
    play.google.mend()
    late = await shown(play, "inboxkeeper_look_lateness_seconds_count")
    assert late[""] > 0
    waits = await shown(play, "inboxkeeper_database_wait_seconds_count")
    assert set(waits) == {'{access="read"}', '{access="write"}'}


async def shown(play: Play, name: str) -> dict[str, float]:
    """A figure's series, as they are scraped after the last count is old."""
    play.stage.town.clock.advance(COUNTED_EVERY)
    async with play.stage.session.get(f"{play.stage.town.settings.base_url}/metrics") as answer:
        text = await answer.text()
    found = re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return {_sorted(labels): float(value) for labels, value in found}


def _sorted(labels: str) -> str:
    return f"{{{','.join(sorted(labels[1:-1].split(',')))}}}" if labels else ""
