"""Who finds their address connected by somebody else hears of it, and can undo it."""

from __future__ import annotations

import pytest

from tests.stage import Stage

ALICE = "alice@acme.example"


@pytest.fixture
def database_kind() -> str:
    """What is told does not depend on the database."""
    return "sqlite"


async def test_whose_address_it_is_is_told_and_can_disconnect_it(stage: Stage) -> None:
    """Omar makes Alice's address the team's; one button leads her to disconnect it, and then it is quiet."""
    await stage.settles()  # the workspace's people are read
    await stage.team_connected(ALICE, name="Alice's")
    await stage.settles()
    alice = stage.person("alice")
    told = (await alice.sees()).dm.last.plain
    assert f"@Omar Haddad connected {ALICE}, which Slack knows as yours." in told
    await alice.clicks("Wasn't me: disconnect")
    await alice.clicks("Remove")
    await alice.submits()
    await stage.passes(minutes=1)
    messages = [said.plain for said in (await alice.sees()).dm.messages]
    assert any(f"{ALICE} was removed. There is nothing to do." in text for text in messages), messages


async def test_nobody_is_told_of_their_own_connect(stage: Stage) -> None:
    """Connecting one's own address is no news to oneself."""
    await stage.connected("alice")
    assert "which Slack knows as yours" not in (await stage.person("alice").sees()).dm.plain
