"""A workspace of an organisation (Enterprise Grid): who belongs to it does, however Slack names them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.driver import Screen
from tests.stage import Stage

ALICE = "alice@acme.example"

MEMBERS: list[dict[str, Any]] = [
    {"team_id": "T0SALES", "teams": ["T0SALES", "T0ACME"]},
    {"team_id": "E0GROUP", "teams": ["T0ACME"]},
    {"team_id": "", "teams": ["T0ACME", "T0SALES"]},
    {"team_id": "T0ACME", "teams": ["T0ACME"]},
]
"""As Slack may describe a member: by another workspace of theirs, the organisation, nothing, or ours."""
STRANGERS: list[dict[str, Any]] = [
    {"team_id": "T0OTHER", "is_stranger": True},
    {"team_id": "T0SALES", "teams": ["T0SALES"]},
    {"team_id": "E0GROUP", "teams": ["T0SALES", "T0LAW"]},
    {"team_id": "E0GROUP", "teams": []},
    {"team_id": "T0ACME", "is_stranger": True},
]
"""Of another company, in a shared conversation; of the same organisation, but not of this workspace."""


@pytest.fixture
def database_kind() -> str:
    """Nothing here is decided by the database."""
    return "sqlite"


def _modal(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return screen.modal.plain


async def _described(stage: Stage, as_: dict[str, Any], *, silently: bool) -> None:
    await stage.driver.join_organisation()
    await stage.driver.edit_person("alice", silently=silently, **as_)
    await stage.settles()


@pytest.mark.parametrize("silently", [False, True])
@pytest.mark.parametrize("as_", MEMBERS)
async def test_a_member_is_served_on_every_way_in(stage: Stage, as_: dict[str, Any], silently: bool) -> None:
    """Command, button, form, Home and sign-in, before and after Slack's news about the person."""
    await _described(stage, as_, silently=silently)
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types(f"/inbox disable {ALICE}")
    assert _modal(await alice.sees())
    await alice.clicks("Yes, disable it")
    await alice.until(lambda screen: "is disabled" in _modal(screen))
    await alice.closes(whole=True)
    await alice.opens_home()
    home = await alice.until(lambda screen: screen.home and ALICE in screen.home.plain)
    assert home.home is not None and ALICE in home.home.plain


@pytest.mark.parametrize("as_", STRANGERS)
async def test_whoever_is_no_member_stays_refused(stage: Stage, as_: dict[str, Any]) -> None:
    """Command and button are answered in words, and nothing changes, whatever they held before."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types(f"/inbox status {ALICE}")
    await _described(stage, as_, silently=True)
    await alice.types(f"/inbox disable {ALICE}")
    await alice.clicks("Yes, disable it")
    screen = await alice.sees()
    assert "disabled" not in screen.plain
    assert "does not serve your workspace" in screen.plain or "people of other workspaces" in screen.plain


async def test_who_moves_to_another_workspace_of_the_organisation_has_left(stage: Stage) -> None:
    """Slack says so in its news: their inbox is asked about like that of anybody who leaves."""
    await stage.connected("alice")
    await _described(stage, {"team_id": "T0SALES", "teams": ["T0SALES"]}, silently=False)
    await stage.passes(seconds=5)
    omar = await stage.person("omar").sees()
    assert any(ALICE in said.plain and "left the workspace" in said.plain for said in omar.messages("dm"))


async def test_an_admin_of_the_workspace_stays_one(stage: Stage) -> None:
    """Whose home is another workspace of the organisation is still an admin of this one."""
    await stage.driver.join_organisation()
    await stage.driver.edit_person("omar", team_id="T0SALES", teams=["T0SALES", "T0ACME"])
    await stage.settles()
    await stage.person("omar").types("/inbox admins")
    assert "Add a super admin" in str(await stage.person("omar").sees())
