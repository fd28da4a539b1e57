"""What the tests of the whole product share: a stage, and what must hold after every one of them.

The one rule: nothing a person does may end in a bug of ours, a message that Slack refuses, or a secret or
a traceback on anybody's screen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from sandbox.demo import APP_TOKEN, BOT_TOKEN, CLIENT_SECRET, MICROSOFT_CLIENT_SECRET, SIGNING_SECRET
from tests.stage import KEY, Stage, a_stage

EVERYBODY = ("sakura", "omar", "alice", "kenji", "gus")
NEVER_SHOWN = (
    BOT_TOKEN,
    APP_TOKEN,
    CLIENT_SECRET,
    MICROSOFT_CLIENT_SECRET,
    SIGNING_SECRET,
    "Traceback",
    "Exception",
    "sqlalchemy",
)


@pytest.fixture(autouse=True)
def no_bugs() -> Iterator[None]:
    """Fails a test during which a bug was logged."""
    with capture_logs() as logs:
        yield
    bugs = [entry for entry in logs if entry["log_level"] == "error" and entry.get("exc_info")]
    assert not bugs, bugs


@pytest.fixture
def transport() -> str:
    """How Slack reaches the bot; tests that try both parametrize it."""
    return "socket"


@pytest.fixture
async def stage(settled_url: str, inline_sqlite: None, transport: str) -> AsyncIterator[Stage]:
    """Local Slack, local Google and the bot after today's chores, before anybody has done anything."""
    async with a_stage(settled_url, key=KEY, transport=transport) as built:
        yield built
        await built.driver.mend()
        await stays_decent(built)


async def stays_decent(stage: Stage) -> None:
    """Nothing that Slack refused for its form, and nothing on any screen that does not belong there."""
    refused = [call for call in await stage.driver.calls() if call["problems"]]
    assert not refused, refused
    for name in EVERYBODY:
        screen = await stage.person(name).sees()
        assert not [word for word in NEVER_SHOWN if word in screen.plain], screen.plain
