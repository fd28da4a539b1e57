"""The local Microsoft in the demo: people connect there as they do at Google."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox.microsoft_app import ALICE
from tests.stage import Stage, a_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with a_stage(f"sqlite:///{tmp_path / 'town.db'}") as acme:
        acme.town.names.move("acme.example", "microsoft")
        yield acme


async def test_the_address_of_the_consent_page_says_whose_it_is(stage: Stage) -> None:
    """The same words in a test, whichever provider it is."""
    await stage.connected("alice")
    assert stage.town.microsoft.requests["token"] > 0
    assert stage.town.google.requests.total() == 0
    stage.town.names.move("acme.example", "google")
    await stage.connected("kenji")
    assert stage.town.google.requests["token"] > 0


async def test_people_may_cancel_at_either(stage: Stage) -> None:
    """Nothing is connected then."""
    for place in ("microsoft", "google"):
        stage.town.names.move("acme.example", place)
        alice = stage.person("alice")
        await alice.types(f"/inbox connect {ALICE}")
        page = await stage.declines(await stage.presses_on("alice"), ALICE)
        assert "Cancelled" in page.text
        await alice.closes()


async def test_a_grant_that_ends_there_is_noticed(stage: Stage) -> None:
    """Revoked, reported, and mended by the link of the report."""
    await stage.connected("alice")
    stage.town.microsoft.break_down("consent_revoked", ALICE)
    await stage.passes(minutes=30)
    link = await stage.link_in_dm("alice")
    assert "Reconnected" in (await stage.consents(link, ALICE)).text


async def test_nobody_is_ever_made_to_consent_anew(stage: Stage) -> None:
    """What an admin has approved must not be asked of people again."""
    await stage.connected("alice")
    assert {wish.get("prompt") for wish in stage.town.microsoft.wishes} == {"select_account"}
