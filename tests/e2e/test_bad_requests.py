"""What strangers and broken machines get at the route for Slack: a short word, and nothing happens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.questions import asks, asks_for_modal, modal_text, submits
from tests.stage import Stage

pytestmark = [
    pytest.mark.parametrize("database_kind", ["sqlite"]),
    pytest.mark.parametrize("transport", ["http"]),
]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ALICE = {"user_id": "U0ALICE", "team_id": "T0ACME", "command": "/inbox", "trigger_id": "1.2.3"}


def a_payload(**fields: Any) -> str:
    """An interactive payload, as Slack's form carries it."""
    return urlencode({"payload": json.dumps(fields)})


def is_short(answer: dict[str, Any]) -> None:
    """No page, no traceback, no echo."""
    body = str(answer["body"])
    assert len(body) < 80 and "Traceback" not in body, answer


@pytest.mark.parametrize(
    "kind", ["unsigned", "forged", "tampered", "stale", "bad_timestamp", "bad_signature"]
)
async def test_what_slack_did_not_sign_is_refused(stage: Stage, kind: str) -> None:
    """A request with a wrong, old or missing signature does nothing and learns nothing."""
    before = len(await stage.driver.calls())
    answer = await stage.driver.raw(kind, body=urlencode({**ALICE, "text": "connect"}))
    assert answer["status"] == 401
    is_short(answer)
    assert len(await stage.driver.calls()) == before


async def test_a_replayed_deed_is_done_once(stage: Stage) -> None:
    """A recorded command sent again within its five minutes asks nobody anything; later it is refused."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", "/inbox disable alice@acme.example")
    await submits(stage, "alice")
    await asks(stage, "alice", "/inbox enable alice@acme.example")
    asked = stage.town.google.requests.copy()
    assert (await stage.driver.raw("replayed"))["status"] == 200
    assert stage.town.google.requests == asked
    stage.town.clock.advance(timedelta(minutes=6))
    assert (await stage.driver.raw("replayed"))["status"] == 401
    assert (await asks(stage, "alice", "/inbox status alice@acme.example")).count("Was enabled") == 1


async def test_a_replayed_form_gives_out_no_second_link(stage: Stage) -> None:
    """Whoever recorded the connect form learns no way in by sending it again."""
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    answer = await stage.driver.raw("replayed")
    assert answer["status"] == 200 and "/go/" not in str(answer["body"])
    link = await stage.link_in_modal("alice")
    assert "Connected ✓" in (await stage.consents(link, "alice@acme.example")).text


async def test_what_slack_sends_again_is_done_once(stage: Stage) -> None:
    """An event delivered again (Slack does so when it believes it lost) is harmless."""
    await stage.person("alice").opens_home()
    for retry in (1, 2, 3):
        await stage.driver.redeliver(retry_num=retry)
    await stage.person("alice").until(lambda screen: screen.home and "Inboxes" in screen.home.plain)


@pytest.mark.parametrize("kind", ["malformed", "not_utf8"])
async def test_what_is_no_payload_is_called_malformed(stage: Stage, kind: str) -> None:
    """Signed, but neither JSON nor a form."""
    answer = await stage.driver.raw(kind)
    assert answer["status"] == 400
    is_short(answer)


async def test_too_much_is_refused_unread(stage: Stage) -> None:
    """A body beyond 512 KiB is refused; one just below is read."""
    answer = await stage.driver.raw("oversized", bytes=600 * 1024)
    assert answer["status"] == 413
    is_short(answer)
    text = urlencode({**ALICE, "text": "status " + "x" * 400 * 1024})
    answer = await stage.driver.raw("signed", body=text)
    assert answer["status"] == 200 and len(str(answer["body"])) < 3_000


WRONG_TYPES = [
    ("", FORM),
    ("[]", JSON),
    ("null", JSON),
    ('"text"', JSON),
    ("{}", JSON),
    ("[" * 50_000, JSON),
    ('{"type": 5}', JSON),
    ("payload=5", FORM),
    ("payload=%5B%5D", FORM),
    ("payload=", FORM),
    (a_payload(type="block_actions"), FORM),
    (a_payload(type="block_actions", user=5, actions=[]), FORM),
    (a_payload(type="block_actions", user={"id": "U0ALICE"}, actions=[5], view={"type": "modal"}), FORM),
    (
        a_payload(type="view_submission", user={"id": "U0ALICE"}, view={"state": {"values": {"address": 3}}}),
        FORM,
    ),
    (a_payload(type="view_submission", user={"id": "U0ALICE"}, view="V1", team={"id": "T0ACME"}), FORM),
    (urlencode({"command": "/inbox", "user_id": "U0ALICE"}), FORM),
]


@pytest.mark.parametrize(
    "body",
    [
        '{"type": "event_callback", "team_id": "T0ACME", "event": []}',
        '{"type": "event_callback", "team_id": ["T0ACME"], "event": {"type": "app_home_opened"}}',
        '{"type": "event_callback", "team_id": "T0ACME", "event": {"type": "user_change", "user": 7}}',
        '{"type": "event_callback", "team_id": "T0ACME", "event_id": "Ev1", "event": {"type": "user_change",'
        ' "user": {"id": "U0ALICE", "team_id": "T0ACME", "profile": "none"}}}',
    ],
)
async def test_events_of_another_shape_are_not_asked_for_again(stage: Stage, body: str) -> None:
    """Slack sends an event that was refused three times more, and it would not be another one."""
    answer = await stage.driver.raw("signed", body=body, content_type=JSON)
    assert (answer["status"], answer["body"]) == (200, "")


@pytest.mark.parametrize(("body", "content_type"), WRONG_TYPES)
async def test_wrong_types_end_in_a_word(stage: Stage, body: str, content_type: str) -> None:
    """Well signed nonsense of any shape is malformed, not a crash."""
    answer = await stage.driver.raw("signed", body=body, content_type=content_type)
    assert answer["status"] == 400
    is_short(answer)


STRANGE = [
    a_payload(type="shortcut", callback_id="x", user={"id": "U0ALICE"}, team={"id": "T0ACME"}),
    a_payload(type="invented_by_slack_next_year"),
    json.dumps({"type": "event_callback", "team_id": "T0ACME", "event": {"type": "message"}}),
]


@pytest.mark.parametrize("body", STRANGE)
async def test_what_slack_may_invent_is_taken_calmly(stage: Stage, body: str) -> None:
    """Kinds of payload that the bot did not ask for are acknowledged, so that Slack does not insist."""
    content_type = JSON if body.startswith("{") else FORM
    answer = await stage.driver.raw("signed", body=body, content_type=content_type)
    assert answer["status"] == 200 and not answer["body"]


@pytest.mark.parametrize(
    ("action_id", "value"),
    [("channel.explode", "x:1"), ("channel.enable", "no value"), ("revocation.check", "")],
)
async def test_a_button_that_nobody_knows_is_answered(stage: Stage, action_id: str, value: str) -> None:
    """A button of a version long gone, or with a value nobody wrote, says so where it was pressed."""
    screen = await asks_for_modal(stage, "alice", "/inbox connect")
    assert screen.modal is not None
    body = a_payload(
        type="block_actions",
        user={"id": "U0ALICE", "team_id": "T0ACME"},
        team={"id": "T0ACME"},
        container={"type": "view"},
        view={"id": screen.modal.id, "type": "modal", "team_id": "T0ACME"},
        actions=[{"action_id": action_id, "value": value, "type": "button", "block_id": "b"}],
    )
    assert (await stage.driver.raw("signed", body=body))["status"] == 200
    screen = await stage.person("alice").until(lambda now: now.modal and now.modal.title == "Not possible")
    said = modal_text(screen)
    assert "nothing was done" in said or "This inbox has been removed." in said


async def test_a_person_of_another_workspace_is_answered_in_words(stage: Stage) -> None:
    """A command from a workspace that is not served is refused, and says where it would work."""
    body = urlencode({**ALICE, "team_id": "T0OTHER", "text": "list"})
    answer = await stage.driver.raw("signed", body=body)
    assert answer["status"] == 200
    assert "This Inboxkeeper does not serve your workspace." in str(answer["body"])
    assert "Use it in the workspace where it is installed." in str(answer["body"])


async def test_machines_get_words_not_pages(stage: Stage) -> None:
    """Wrong methods and unknown places: JSON for machines, pages for people, a traceback for nobody."""
    base = stage.bot.services.core.policy.base_url
    browser = stage.browser()
    page = await browser.opens(f"{base}/slack/events")
    assert page.status == 405 and json.loads(page.html)["error"]
    for path in ("/nowhere", "/go/", "/static/../secret", "/callback"):
        page = await browser.opens(f"{base}{path}")
        assert page.status == 404 and "Go back to Slack" in page.text
    page = await browser.opens(f"{base}/", method="POST", data={"x": "y" * 600_000})
    assert page.status in {405, 413} and "Traceback" not in page.text
