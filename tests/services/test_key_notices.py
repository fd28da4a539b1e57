"""Super admins hear of programs' keys: before they run out, and when whoever made them leaves."""

from __future__ import annotations

from datetime import timedelta

from bot.services.connections.api_keys import ApiKeys
from tests.services.play import IDS, Play, on_both
from tests.services.test_token_broker import SUPPORT, play, program

__all__ = ["play"]


async def days_pass(play: Play, days: int) -> None:
    """At once, with the chores of the last day."""
    play.stage.town.clock.advance(timedelta(days=days))
    await play.settles()
    play.stage.town.clock.advance(timedelta(seconds=3))
    await play.settles()


async def test_a_key_that_runs_out_is_told_thirty_seven_and_one_day_before(play: Play) -> None:
    """Once each; and not one that was made for so few days, nor one that was revoked."""
    await play.connect_team(SUPPORT)
    await program(play, lasts=timedelta(days=40))
    await program(play, name="Short", lasts=timedelta(days=5))
    told = [len(await play.told("sakura", "「Help desk」のキーは"))]
    for days in (9, 2, 22, 1, 5, 0):
        await days_pass(play, days)
        told.append(len(await play.told("sakura", "「Help desk」のキーは")))
    assert told == [0, 0, 1, 2, 2, 3, 3]
    assert len(await play.told("sakura", "「Short」のキーは")) <= 1


@on_both
async def test_what_was_told_of_a_key_is_put_right_when_it_is_over(play: Play) -> None:
    """At once when it is revoked, and within hours when it has run out."""
    await play.connect_team(SUPPORT)
    await program(play, lasts=timedelta(days=40))
    sales = await program(play, name="Sales", lasts=timedelta(days=40))
    await days_pass(play, 12)
    assert len(await play.told("sakura", "期限が切れます")) == 2
    beside = ApiKeys(play.storage, clock=lambda: play.now, features=play.stage.town.settings.features)
    assert await beside.revoke(sales.key.id)
    await play.passes(seconds=3)
    assert [len(await play.told("sakura", "「Sales」")), len(await play.told("sakura", "すでに無効"))] == [
        0,
        1,
    ]
    await days_pass(play, 29)
    assert not await play.told("sakura", "「Help desk」")
    assert len(await play.told("sakura", "すでに無効")) == 2


@on_both
async def test_super_admins_are_asked_when_who_looks_after_a_key_leaves(play: Play) -> None:
    """Of each key of theirs that works, and until they are back."""
    await play.connect_team(SUPPORT)
    await program(play, created_by=IDS["kenji"])
    await program(play, name="Sales", created_by=IDS["alice"])
    old = await program(play, name="Old", created_by=IDS["kenji"])
    assert await play.services.api_keys.revoke(old.key.id)
    await play.stage.driver.edit_person("kenji", deleted=True)
    await play.settles()
    assert len(await play.told("sakura", "「Help desk」を管理していた")) == 1
    assert not await play.told("sakura", "「Sales」") + await play.told("sakura", "「Old」")
    beside = ApiKeys(play.storage, clock=lambda: play.now, features=play.stage.town.settings.features)
    assert not await beside.assign(old.key.id, IDS["alice"])
    await play.stage.driver.edit_person("kenji", deleted=False)
    await play.settles()
    assert not await play.told("sakura", "「Help desk」を管理していた")
    assert len(await play.told("sakura", "「Help desk」は")) == 1


async def test_an_owner_is_not_left_with_a_question_about_a_key_that_has_run_out(play: Play) -> None:
    """Nor is one that was made for too few days to be told of."""
    alice = await play.connect("alice")
    await program(play, addresses=[alice.address], lasts=timedelta(days=1))
    await play.passes(seconds=3)
    assert len(await play.told("alice", "wants the program Help desk")) == 1
    await days_pass(play, 2)
    assert not await play.told("alice", "wants the program Help desk")
    assert len(await play.told("alice", "This key can no longer use your inbox.")) == 1
