"""The feed of events: in an order that stays, page by page, and only what the key may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.services.play import Play, on_both
from tests.services.test_token_broker import SUPPORT, Program, play, program

__all__ = ["play"]


async def feed(desk: Program, query: str = "") -> dict[str, Any]:
    status, told = await desk.asks(f"/events{query}", method="GET")
    assert status == 200, told
    return told


@on_both
async def test_the_feed_is_read_page_by_page(play: Play) -> None:
    """Whoever goes on from ``next`` gets each once; a removed mailbox is told of, too."""
    support = await play.connect_team(SUPPORT)
    desk = await program(play)
    await play.settles()
    await play.disable("sakura", support)
    await play.settles()
    await play.remove("sakura", support)
    await play.settles()
    seen, after, more = [], 0, True
    while more:
        told = await feed(desk, f"?after={after}&limit=1")
        [event] = told["events"]
        seen.append(event["type"])
        assert event["position"] == told["next"] > after
        assert event["data"]["channel"] == {"id": support.id, "address": SUPPORT, "provider": "google"}
        after, more = told["next"], told["more"]
    assert seen == ["channel.connected", "channel.disabled", "channel.removed"]
    assert await feed(desk, f"?after={after}") == {"events": [], "next": after, "more": False}
    assert len((await feed(desk))["events"]) == 3


async def test_a_key_reads_of_its_mailboxes_alone(play: Play) -> None:
    """Those of others, and personal ones, are not there."""
    await play.connect("alice")
    await play.connect_team(SUPPORT)
    await play.connect_team("sales@acme.example")
    await play.settles()
    mine, all_of_them = await program(play), await program(play, addresses=(), is_for_team=True)
    assert {it["data"]["channel"]["address"] for it in (await feed(mine))["events"]} == {SUPPORT}
    addresses = [it["data"]["channel"]["address"] for it in (await feed(all_of_them))["events"]]
    assert sorted(addresses) == ["sales@acme.example", SUPPORT]


async def test_events_are_kept_for_thirty_days(play: Play) -> None:
    """And a position is never given twice."""
    support = await play.connect_team(SUPPORT)
    desk = await program(play)
    await play.settles()
    last = (await feed(desk))["next"]
    play.stage.town.clock.advance(timedelta(days=31))
    await play.services.maintenance.tidy()
    assert (await feed(desk))["events"] == []
    await play.disable("sakura", support)
    await play.settles()
    assert [it["position"] for it in (await feed(desk))["events"]] == [last + 1]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=101", "before=1", "after=1&after=2"]
)
async def test_what_is_no_place_in_the_feed(play: Play, query: str) -> None:
    await play.connect_team(SUPPORT)
    desk = await program(play)
    status, told = await desk.asks(f"/events?{query}", method="GET")
    assert (status, told["error"]) == (400, "bad_request")
