"""``make verify-online``, tried against the local Slack, Google and Microsoft."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.stage import Stage, a_stage
from tools.verify_online import EXPECTED, Seen, Step, differences, section, walk

ALICE: Final = "alice@acme.example"
WITHDRAWN: Final = {"google": "revoked", "microsoft": "consent_revoked"}


@pytest.fixture
def database_kind() -> str:
    """What both databases keep is tried elsewhere."""
    return "sqlite"


class Played:
    """Alice, who does as she is told."""

    def __init__(self, stage: Stage, provider: str) -> None:
        self._stage = stage
        self._alice = stage.person("alice")
        self._provider = provider

    async def does(self, step: Step, task: str) -> None:
        act = getattr(self, step.name, None)
        assert bool(act) == bool(task), task
        if act:
            await act()

    async def connect(self) -> None:
        await self._alice.types(f"/inbox connect {ALICE}")
        await self._alice.until(lambda seen: seen.modal and "One moment" not in seen.modal.plain)
        await self._alice.submits()
        if self._provider == "microsoft":
            await self._alice.clicks("Office 365")
            await self._alice.until(lambda seen: seen.modal and "Microsoft will ask" in seen.modal.plain)
        await self._stage.consents(await self._stage.link_in_modal("alice"), ALICE)

    async def revoke(self) -> None:
        town = self._stage.town
        town.clock.advance(timedelta(minutes=30))
        provider = town.google if self._provider == "google" else town.microsoft
        provider.break_down(WITHDRAWN[self._provider], ALICE)

    async def reconnect(self) -> None:
        await self._stage.consents(await self._stage.link_in_dm("alice"), ALICE)

    async def remove(self) -> None:
        await self._alice.closes()
        await self._alice.types(f"/inbox remove {ALICE}")
        await self._alice.until(lambda seen: seen.modal and "Remove" in seen.modal.plain)
        await self._alice.submits()


@pytest.mark.parametrize("provider", ["google", "microsoft"])
async def test_the_walk_is_the_sandboxs_own(database_url: str, provider: str) -> None:
    """Every step is done, and what is expected of real accounts is what the sandbox really does."""
    async with a_stage(database_url) as stage:

        async def pause() -> None:
            await stage.passes(seconds=15)

        seen = await walk(stage.bot, Played(stage, provider), ALICE, provider=provider, pause=pause)
        assert {one.step: one.facts for one in seen} == EXPECTED[provider]
        assert differences(provider, seen) == []
        written = section(provider, seen, at=datetime(2026, 11, 28, tzinfo=UTC), where="the sandbox")
        assert "Nothing differs" in written and ALICE not in written


def test_what_differs_is_named() -> None:
    """By the step, with what the sandbox did instead."""
    [said] = differences("google", [Seen("revoke", ("grant_rejected cause=disabled",), 3.0)])
    assert said.startswith("revoke: grant_rejected cause=disabled (the sandbox: ")
