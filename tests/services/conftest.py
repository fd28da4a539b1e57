"""A stage for every test: the database is SQLite unless a test asks for both."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.services.play import Play
from tests.stage import KEY, a_stage


@pytest.fixture
def database_kind() -> str:
    """Tests of what the database decides say ``on_both`` instead."""
    return "sqlite"


@pytest.fixture
async def play(settled_url: str, inline_sqlite: None) -> AsyncIterator[Play]:
    """The local Slack and Google, the bot, and people who use it. The daily chores are done for today."""
    async with a_stage(settled_url, key=KEY) as stage:
        await stage.settles()
        yield Play(stage)
