"""Super admins hear of programs' keys: before they run out, and when whoever made them leaves."""

from __future__ import annotations

from datetime import timedelta

from tests.services.play import IDS, Play
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


async def test_super_admins_are_asked_when_the_maker_of_a_key_leaves(play: Play) -> None:
    await play.connect_team(SUPPORT)
    await program(play, created_by=IDS["kenji"])
    await play.stage.driver.edit_person("kenji", deleted=True)
    await play.settles()
    assert len(await play.told("sakura", "「Help desk」のキーを作成した")) == 1
