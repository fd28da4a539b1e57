"""Somebody leaves: what they asked for ends, and what they had leads on for whoever is left."""

from __future__ import annotations

import pytest

from tests.stage import Stage

ALICE, SALES = "alice@acme.example", "sales@acme.example"


@pytest.fixture
def database_kind() -> str:
    """What people read is the same on both."""
    return "sqlite"


async def _leaves(stage: Stage, name: str) -> None:
    await stage.driver.edit_person(name, deleted=True)
    await stage.passes(minutes=1)


async def test_what_a_leaver_asked_for_needs_no_answer(stage: Stage) -> None:
    """No button waits for an admin, nowhere: a yes could lead to nothing."""
    await stage.connected("omar")
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.types(f"/inbox connect {SALES}")
    await stage.fills_in_team("alice", name="Sales", use="The CRM")
    await alice.submits()
    await alice.clicks("Send the request")
    await stage.passes(seconds=5)
    assert "[Approve]" in (await omar.sees()).dm.last.plain
    await omar.opens_home()
    await omar.until(lambda screen: screen.home and "Waiting for you" in screen.home.plain)
    await _leaves(stage, "alice")
    await omar.until(lambda screen: screen.home and "Waiting for you" not in screen.home.plain)
    for name, words in (("omar", "no longer possible"), ("sakura", "実行できなくなりました")):
        said = (await stage.person(name).sees()).dm.last.plain
        assert words in said and "[" not in said, said
    await omar.opens_home()
    home = await omar.until(lambda screen: screen.home and "omar@acme.example" in screen.home.plain)
    assert home.home and "Waiting for you" not in home.home.plain


async def test_a_leavers_inbox_is_not_left_to_whoever_has_left(stage: Stage) -> None:
    """Only its owner could reconnect it, so an admin is led to what is possible, wherever they look."""
    await stage.connected("alice")
    await stage.connected("omar")
    omar = stage.person("omar")
    await omar.closes(whole=True)
    await _leaves(stage, "alice")
    await omar.opens_home()
    await omar.until(lambda screen: screen.home and "❓ Its owner left the workspace" in screen.home.plain)
    for text in ("", f" status {ALICE}"):
        await omar.types(f"/inbox{text}")
        said = (await omar.sees()).messages("#general")[-1].plain
        assert "❓ Its owner left the workspace" in said and "[Make it a team address]" in said, said
    await omar.types(f"/inbox reconnect {ALICE}")
    modal = (await omar.sees()).modal
    assert modal is not None and modal.title == "Its owner has left"
    assert f"Only the owner of {ALICE} could sign in to it" in modal.plain and "[Remove]" in modal.plain
    await omar.closes(whole=True)
    await stage.breaks(ALICE, minutes=21)
    await stage.passes(minutes=5)
    untold = (await omar.sees()).dm.last
    assert f"📵 {ALICE} stopped working" in untold.plain
    assert "[Details] [Make it a team address] [Remove]" in untold.plain
    await omar.clicks("Make it a team address", in_="dm")
    modal = (await omar.sees()).modal
    assert modal is not None and f"Make {ALICE} a team address?" in modal.plain
    await stage.fills_in_team("omar", name="Alice's desk", use="Orders")
    await omar.submits()
    await omar.closes(whole=True)
    await omar.types(f"/inbox reconnect {ALICE}")
    assert "Reconnected ✓" in (await stage.consents(await stage.link_in_modal("omar"), ALICE)).text


async def test_whoever_has_home_before_them_sees_who_leaves_and_who_comes_back(stage: Stage) -> None:
    """Without looking again: the way out stands there for as long as nobody is left, and no longer."""
    await stage.connected("alice")
    await stage.connected("omar")
    omar, left = stage.person("omar"), "❓ Its owner left the workspace"
    await omar.opens_home()
    await omar.until(lambda screen: screen.home and ALICE in screen.home.plain)
    await _leaves(stage, "alice")
    await omar.until(lambda screen: screen.home and left in screen.home.plain)
    await stage.driver.edit_person("alice", deleted=False)
    await stage.passes(minutes=1)
    await omar.until(lambda screen: screen.home and left not in screen.home.plain)


async def test_who_comes_back_is_told_of_what_stopped_working_meanwhile(stage: Stage) -> None:
    """Nobody else can sign in to it, and Slack took no message for somebody who was not there."""
    await stage.connected("alice")
    await stage.connected("omar")
    await _leaves(stage, "alice")
    await stage.breaks(ALICE, minutes=21)
    await stage.passes(minutes=5)
    await stage.driver.edit_person("alice", deleted=False)
    await stage.passes(minutes=1)
    told = (await stage.person("alice").sees()).dm.last.plain
    assert f"{ALICE} stopped working" in told and "[Reconnect]" in told
