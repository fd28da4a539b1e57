"""What every command, button and form does, as the person sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.channel import State
from bot.domain.errors import AlreadyConnected
from bot.domain.ids import GrantId
from bot.manifest import EVENTS as MANIFEST_EVENTS
from bot.manifest import REQUEST_PATH
from bot.views.blocks import value_of
from handlers.actions import ACTIONS
from handlers.commands import VERBS, WORDS, Verb
from handlers.events import EVENTS
from handlers.modals import CALLBACKS
from handlers.slack_http import PATH
from tests.handlers.conftest import Bench, texts
from tests.handlers.fakes import Trouble
from tests.handlers.payloads import a_click, a_click_in, a_command, a_form
from tests.views import ids
from tests.views.samples import a_channel

ANN = "ann@example.com"


def here(bench: Bench) -> str:
    """The button value of the one channel as it is now."""
    return value_of(bench.services.channels.channels["c1"])


# --- completeness


def test_every_id_a_view_can_emit_has_a_listener() -> None:
    """No button and no form leads nowhere, and no listener waits for what nothing emits."""
    assert set(ACTIONS) == ids.ACTIONS
    assert set(CALLBACKS) == ids.CALLBACKS


def test_every_verb_is_done() -> None:
    """Each word that is understood leads to a handler."""
    assert set(VERBS) == set(Verb) == set(WORDS.values())


def test_the_manifest_subscribes_to_what_is_listened_to() -> None:
    """Slack sends exactly the events that somebody handles, to the path that is served."""
    assert set(EVENTS) == set(MANIFEST_EVENTS)
    assert PATH == REQUEST_PATH


# --- words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("help", "connect"),
        ("list", ANN),
        ("", ANN),
        (f"status {ANN}", ANN),
        ("status", ANN),
        (f"enable {ANN}", "works"),
        ("conect", "Did you mean"),
        ("status bob@example.com", "No such inbox"),
        ("connect nonsense", "Not an e-mail address"),
        ("connect " + "x" * 10_000, "Not an e-mail address"),
    ],
)
async def test_a_command_is_answered_in_its_ack(bench: Bench, text: str, said: str) -> None:
    """What needs no dialog is said at once, to the asker alone."""
    answer = await bench.send(a_command(text))
    assert answer.status == 200
    assert answer.body is not None
    assert answer.body["response_type"] == "ephemeral"
    assert said in texts(answer.body)
    assert bench.slack.calls == []


@pytest.mark.parametrize(
    ("text", "callback"),
    [
        ("connect", "connect.form"),
        (f"connect {ANN}", "connect.form"),
        (f"disconnect {ANN}", None),
        ("disable", "disable.form"),
        (f"remove {ANN}", "remove.form"),
        (f"reconnect {ANN}", None),
    ],
)
async def test_a_deed_is_asked_about_in_a_dialog(bench: Bench, text: str, callback: str | None) -> None:
    """The click's own trigger opens it, and the ack stays empty."""
    answer = await bench.send(a_command(text))
    assert (answer.status, answer.body) == (200, None)
    (opened,) = bench.slack.of("views.open")
    assert opened["trigger_id"] == "t-1"
    assert opened["view"].get("callback_id") == callback
    assert bench.services.channels.done == []


async def test_without_an_address_the_only_inbox_is_meant(bench: Bench) -> None:
    """Somebody with one inbox never has to type its address; with two they are asked which."""
    bench.services.channels.channels["c2"] = a_channel(id="c2", address="second@example.com")
    answer = await bench.send(a_command("disable"))
    assert answer.body is not None
    assert "second@example.com" in texts(answer.body)
    assert bench.slack.of("views.open") == []


async def test_an_enable_that_is_delivered_twice_is_done_once(bench: Bench) -> None:
    """Slack delivers again what it believes lost; a recorded command cannot undo a later decision."""
    await bench.send(a_command(f"enable {ANN}"))
    again = await bench.send(a_command(f"enable {ANN}"))
    assert [operation for operation, _ in bench.services.channels.done] == ["enable"]
    assert again.body is None


async def test_japanese_is_answered_in_japanese(bench: Bench) -> None:
    """The language is the asker's, whatever the verb was typed in."""
    bench.services.people.locale = "ja-JP"
    answer = await bench.send(a_command("help"))
    assert "受信トレイ" in texts(answer.body)


async def test_another_workspace_is_refused_in_words(bench: Bench) -> None:
    """Only the token's own workspace is served; others are told so instead of being ignored."""
    answer = await bench.send(a_command("list", team_id="TOTHER"))
    assert "does not serve your workspace" in texts(answer.body)


# --- forms


async def test_the_address_leads_to_the_permissions(bench: Bench) -> None:
    """The form turns into what will be asked for, and that dialog waits for the outcome."""
    answer = await bench.send(a_form("connect.form", address=ANN))
    assert answer.body is not None
    assert answer.body["response_action"] == "update"
    assert "https://bot.example/go/s1" in texts(answer.body)
    assert bench.services.connections.waiting == [("t1", "V9")]
    assert bench.services.people.fresh == [True]


async def test_a_wrong_address_is_said_beside_its_field(bench: Bench) -> None:
    """What is wrong with the address stands where it was typed; the dialog stays."""
    bench.services.connections.trouble = Trouble(AlreadyConnected("bob@example.com", by_another=True))
    answer = await bench.send(a_form("connect.form", address="bob@example.com"))
    assert answer.body is not None
    assert answer.body["response_action"] == "errors"
    assert "bob@example.com" in answer.body["errors"]["address"]


async def test_a_form_that_is_delivered_twice_begins_once(bench: Bench) -> None:
    """A repeated delivery must not hand out a second way in."""
    await bench.send(a_form("connect.form", address=ANN))
    again = await bench.send(a_form("connect.form", address=ANN))
    assert bench.services.connections.begun == [ANN]
    assert again.body is None


@pytest.mark.parametrize(("callback", "operation"), [("disable.form", "disable"), ("remove.form", "remove")])
async def test_a_confirmed_deed_is_done_and_shown(bench: Bench, callback: str, operation: str) -> None:
    """Yes means yes: done with freshly read rights, the dialog says so, Home follows."""
    answer = await bench.send(a_form(callback, metadata=here(bench)))
    assert bench.services.channels.done == [(operation, "c1")]
    assert bench.services.people.fresh[0] is True
    assert answer.body is not None
    assert answer.body["response_action"] == "update"
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))


@pytest.mark.parametrize("callback", ["disable.form", "remove.form"])
async def test_a_form_for_an_older_state_does_nothing_yet(bench: Bench, callback: str) -> None:
    """Somebody else was first: the present state is shown, and one more click decides."""
    stale = here(bench)
    old = bench.services.channels.channels["c1"]
    bench.services.channels.channels["c1"] = replace(old, version=9, state=State.IMPAIRED)
    answer = await bench.send(a_form(callback, metadata=stale))
    assert bench.services.channels.done == []
    assert answer.body is not None
    assert answer.body["view"]["private_metadata"] == "c1:9"
    assert "That has changed" in texts(answer.body)


async def test_two_people_disable_at_once(bench: Bench) -> None:
    """The second one sees that it is disabled, which is what they wanted."""
    stale = here(bench)
    await bench.send(a_form("disable.form", metadata=stale))
    answer = await bench.send(a_form("disable.form", metadata=stale))
    assert "is disabled" in texts(answer.body)
    assert [operation for operation, _ in bench.services.channels.done] == ["disable"]


async def test_a_form_whose_channel_is_gone_says_so(bench: Bench) -> None:
    """Submitted after the channel was removed, it explains instead of failing."""
    stale = here(bench)
    bench.services.channels.channels.clear()
    answer = await bench.send(a_form("disable.form", metadata=stale))
    assert "Already removed" in texts(answer.body)


@pytest.mark.parametrize("metadata", ["", "c1", "c1:x", ":::", "🔥" * 50])
async def test_a_form_without_a_channel_is_out_of_date(bench: Bench, metadata: str) -> None:
    """Whatever stands in the metadata, nothing is done on a guess."""
    answer = await bench.send(a_form("remove.form", metadata=metadata))
    assert "That has changed" in texts(answer.body)
    assert bench.services.channels.done == []


# --- buttons


@pytest.mark.parametrize("view_type", ["home", "modal"])
@pytest.mark.parametrize("action_id", sorted(ids.ACTIONS))
async def test_every_button_answers_in_a_dialog_from_home_and_from_a_dialog(
    bench: Bench, view_type: str, action_id: str
) -> None:
    """Home has no conversation and a dialog covers it: answers open a dialog or redraw the open one."""
    value = {"revocation.check": "g1", "admins.take": "super_admin:U0BOB"}.get(action_id, here(bench))
    answer = await bench.send(a_click_in(view_type, action_id, value))
    assert (answer.status, answer.body) == (200, None)
    shown = bench.slack.of("views.open" if view_type == "home" else "views.update")
    links = {"consent.open", "export.open", "incident.reconnect", "hubspot.open"}
    # What is chosen on Home is answered by Home.
    assert len(shown) == (0 if action_id in links or action_id.startswith("home.") else 1)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("channel.status {here}", "Connected"),
        ("channel.remove {here}", "Remove"),
        ("overview.permissions ", "channel.connect"),
        ("channel.unheard-of {here}", "That has changed"),
        ("", "That has changed"),
    ],
)
async def test_a_choice_in_a_menu_is_as_good_as_its_button(bench: Bench, choice: str, said: str) -> None:
    """And one that nobody knows is out of date."""
    await bench.send(a_click_in("home", "more", choice.format(here=here(bench))))
    (opened,) = bench.slack.of("views.open")
    assert said in texts(opened["view"])


@pytest.mark.parametrize("action_id", ["channel.status", "overview.list", "channel.enable", "incident.why"])
async def test_a_button_in_a_message_is_answered_beside_it(bench: Bench, action_id: str) -> None:
    """Only the clicker sees the answer, where they clicked."""
    url = bench.slack.response_url
    answer = await bench.send(a_click(action_id, here(bench), response_url=url))
    assert answer.body is None
    (said,) = bench.slack.of("respond")
    assert said["response_type"] == "ephemeral"


async def test_a_message_that_everybody_keeps_is_not_replaced(bench: Bench) -> None:
    """Only an answer that nobody else sees is redrawn in place; a notice stays as it is."""
    for is_ephemeral in (True, False):
        click = a_click("channel.status", here(bench), response_url=bench.slack.response_url)
        await bench.send(click | {"container": {"type": "message", "is_ephemeral": is_ephemeral}})
    assert [said["replace_original"] for said in bench.slack.of("respond")] == [True, False]


async def test_a_stale_button_draws_the_present_instead(bench: Bench) -> None:
    """Enabling what has changed meanwhile shows what it has become, and does nothing."""
    stale = here(bench)
    old = bench.services.channels.channels["c1"]
    bench.services.channels.channels["c1"] = replace(old, version=8, state=State.DISABLED)
    await bench.send(a_click("channel.enable", stale, response_url=bench.slack.response_url))
    (said,) = bench.slack.of("respond")
    assert "That has changed" in texts(said)
    assert bench.services.channels.done == []


async def test_a_link_button_is_only_acknowledged(bench: Bench) -> None:
    """The browser is open already; Slack reports the click all the same."""
    click = a_click("incident.reconnect", response_url=bench.slack.response_url)
    click["actions"][0]["url"] = "https://bot.example/l/secret"
    answer = await bench.send(click)
    assert (answer.status, answer.body) == (200, None)
    assert bench.slack.calls == []


@pytest.mark.parametrize("payload", ["action", "form"])
async def test_an_id_that_nobody_knows_gets_a_friendly_answer(bench: Bench, payload: str) -> None:
    """A button of another version is out of date, not an error; the operator can count them."""
    url = bench.slack.response_url
    sent: dict[str, Any] = (
        a_click("old.button", response_url=url) if payload == "action" else a_form("old.form")
    )
    answer = await bench.send(sent)
    assert answer.status == 200
    assert "That has changed" in texts(answer.body) + texts({"all": bench.slack.calls})
    assert b'outcome="unknown_id"' in bench.metrics.exposition()


async def test_checking_again_names_the_grant(bench: Bench) -> None:
    """The button of a removed inbox carries the grant, since the channel is no more."""
    await bench.send(a_click("revocation.check", "g1", response_url=bench.slack.response_url))
    assert bench.services.channels.done == [("check", GrantId("g1"))]
    assert "By hand" in texts(bench.slack.of("respond")[0])


async def test_a_closed_dialog_is_acknowledged(bench: Bench) -> None:
    """There is nothing to say to somebody who closed a window."""
    answer = await bench.send(a_form("connect.form", type="view_closed"))
    assert (answer.status, answer.body) == (200, None)
