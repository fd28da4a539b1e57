"""Characters that a database does not take, on both databases."""

from __future__ import annotations

import json

import pytest

from tests.stage import Stage

pytestmark = pytest.mark.parametrize("transport", ["http"])
JSON = "application/json"
ALICE = {"user_id": "U0ALICE", "team_id": "T0ACME", "command": "/inbox", "trigger_id": "1.2.3"}


@pytest.mark.parametrize("odd", ["\x00", "\ud800"])
async def test_characters_that_cannot_be_stored_end_nowhere(stage: Stage, odd: str) -> None:
    """In a command, in a name that Slack tells of, in a click: answered as anything else that is unknown."""
    typed = json.dumps({**ALICE, "text": f"status {odd}x@acme.example"})
    answer = await stage.driver.raw("signed", body=typed, content_type=JSON)
    assert answer["status"] == 200 and "No such inbox" in answer["body"]
    user = {
        "id": "U0ALICE",
        "team_id": "T0ACME",
        "profile": {"email": f"{odd}@acme.example", "real_name": odd},
    }
    event = {"type": "user_change", "user": user}
    told = {"type": "event_callback", "team_id": "T0ACME", "event_id": f"Ev{odd}", "event": event}
    answer = await stage.driver.raw("signed", body=json.dumps(told), content_type=JSON)
    assert answer["status"] == 200
    assert (await stage.person("alice").types("/inbox list")).ok
