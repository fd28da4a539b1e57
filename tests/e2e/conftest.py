"""What the tests of the whole product share: a stage on the database and transport that a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stage import Stage, a_stage


@pytest.fixture
def transport() -> str:
    """How Slack reaches the bot; tests that try both parametrize it."""
    return "socket"


@pytest.fixture
async def stage(database_url: str, transport: str) -> AsyncIterator[Stage]:
    """Local Slack, local Google and the bot, before anybody has done anything."""
    async with a_stage(database_url, transport=transport) as built:
        yield built
