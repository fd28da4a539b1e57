"""Every answer in time, whatever stands behind it."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any, cast

import pytest

from bot.domain.channel import InboxSpec, Kind
from bot.domain.errors import DirectoryAway, ReconnectFirst, SlackAway
from bot.slack.views_api import ViewsApi
from bot.views.modals import connect_modal
from handlers.context import Interaction, Response
from handlers.responding import Presenter, Responder
from handlers.slack_request import read
from handlers.tasks import Tasks
from sandbox.slack import validate_view
from storage import Conflict, Share, StorageAway
from storage.shares import Places
from tests.handlers.conftest import AT_ONCE, Bench, texts
from tests.handlers.payloads import a_click, a_click_in, a_command, a_form
from tests.views.samples import EN, a_channel

ANN = "ann@example.com"


async def test_slow_work_is_announced_and_follows(bench: Bench) -> None:
    """The ack does not wait: the answer comes by the response_url when it is there."""
    bench.hurry()
    gate = bench.services.trouble.gate = asyncio.Event()
    answer = await bench.send(a_command("list", response_url=bench.slack.response_url))
    assert "One moment" in texts(answer.body)
    gate.set()
    await bench.slack.until(lambda: bool(bench.slack.of("respond")))
    assert ANN in texts(bench.slack.of("respond")[0])


async def test_a_slow_dialog_opens_empty_and_is_filled(bench: Bench) -> None:
    """A trigger lives three seconds: the dialog opens while the work goes on, and is redrawn."""
    bench.hurry()
    gate = bench.services.trouble.gate = asyncio.Event()
    answer = await bench.send(a_command(f"disable {ANN}"))
    assert answer.status == 200
    await bench.slack.until(lambda: bool(bench.slack.of("views.open")))
    gate.set()
    await bench.slack.until(lambda: bool(bench.slack.of("views.update")))
    assert "callback_id" not in bench.slack.of("views.open")[0]["view"]
    filled = bench.slack.of("views.update")[0]
    assert (filled["view_id"], filled["view"]["callback_id"]) == ("V1", "disable.form")


async def test_a_slow_form_waits_in_its_own_dialog(bench: Bench) -> None:
    """The dialog says one moment, and then what came of it."""
    bench.hurry()
    gate = bench.services.trouble.gate = asyncio.Event()
    answer = await bench.send(a_form("remove.form", metadata="c1:3"))
    assert answer.body is not None
    assert answer.body["response_action"] == "update"
    gate.set()
    await bench.slack.until(lambda: bool(bench.slack.of("views.update")))
    assert "removed" in texts(bench.slack.of("views.update")[0])


async def test_a_closed_dialog_loses_nothing_but_the_view(bench: Bench) -> None:
    """Closing the window while the work goes on is normal."""
    bench.hurry()
    bench.slack.refusals["views.update"] = ["not_found", "not_found"]
    gate = bench.services.trouble.gate = asyncio.Event()
    await bench.send(a_form("remove.form", metadata="c1:3"))
    gate.set()
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))
    assert bench.services.channels.done == [("remove", "c1")]


@pytest.mark.parametrize("error", [StorageAway(), DirectoryAway()])
async def test_a_service_that_is_away_costs_a_minute(bench: Bench, error: Exception) -> None:
    """The database or Slack not answering is said plainly: nothing was done, try again."""
    bench.services.trouble.error = error
    answer = await bench.send(a_command("list"))
    assert "try again in a minute" in texts(answer.body)
    await bench.send(a_click_in("home", "channel.disable", "c1:3"))
    assert "try again in a minute" in texts(bench.slack.of("views.open")[0])
    form = await bench.send(a_form("remove.form", metadata="c1:3"))
    assert "try again in a minute" in texts(form.body)


CONNECT = connect_modal(EN, InboxSpec("ann@example.com", Kind.TEAM, name="Ann"))
TYPED = {
    "name": {"name": {"type": "plain_text_input", "value": "Support <&>"}},
    "use": {"use": {"type": "plain_text_input", "value": "Zendesk\nreads it"}},
    "address": {"address": {"type": "email_text_input", "value": None}},
    "conversation": {"conversation": {"type": "conversations_select", "selected_conversation": "C0SUPPORT"}},
}


def typed_again(view: Any) -> dict[str, Any]:
    """What the fields of a form begin with, by block id."""
    fields = [block for block in view["blocks"] if block["type"] == "input"]
    begins = ("initial_value", "initial_conversation")
    return {
        block["block_id"]: next((block["element"][key] for key in begins if key in block["element"]), None)
        for block in fields
    }


def redrawn(bench: Bench, times: int) -> bool:
    return len(bench.slack.of("views.update")) == times


@pytest.mark.parametrize("error", [StorageAway(), DirectoryAway(), SlackAway()])
@pytest.mark.parametrize("is_late", [False, True])
async def test_a_form_keeps_what_was_typed(bench: Bench, error: Exception, is_late: bool) -> None:
    """Whatever was away, and however long it took to notice: the form stands there as it was filled in, and
    can be sent once more; a second failure adds no second remark."""
    bench.services.trouble.error = error
    if is_late:
        bench.hurry()
    form = a_form("connect.form")
    form["view"] = {**form["view"], **CONNECT, "state": {"values": TYPED}}
    for turn in range(2):
        bench.services.trouble.gate = asyncio.Event() if is_late else None
        answer = await bench.send({**form, "trigger_id": f"t{turn}"})
        if bench.services.trouble.gate is not None:
            bench.services.trouble.gate.set()
            await bench.slack.until(partial(redrawn, bench, turn + 1))
        shown = bench.slack.of("views.update")[-1]["view"] if is_late else (answer.body or {})["view"]
        assert texts(shown).count("What you typed is still here") == 1
        assert typed_again(shown) == {
            "name": "Support <&>",
            "use": "Zendesk\nreads it",
            "address": None,
            "conversation": "C0SUPPORT",
        }
        assert (shown["callback_id"], shown["submit"]) == ("connect.form", CONNECT["submit"])
        assert validate_view(shown) == []
        form["view"] = {**form["view"], **shown}


async def test_losing_twice_against_somebody_else_is_out_of_date(bench: Bench) -> None:
    """A conflict that services could not resolve means that what was seen is old."""
    bench.services.trouble.error = Conflict()
    answer = await bench.send(a_command("list"))
    assert "That has changed" in texts(answer.body)


async def test_a_bug_is_an_apology_with_a_reference(
    bench: Bench, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person gets a reference, the log the traceback under it; the error's text reaches nobody."""
    bench.services.trouble.error = RuntimeError("token xoxb-secret")
    with caplog.at_level(logging.ERROR):
        answer = await bench.send(a_command("list"))
    assert answer.status == 200
    said = texts(answer.body)
    assert "Something broke" in said
    assert "xoxb" not in said
    logged = caplog.text + capsys.readouterr().out
    assert any(word.strip("`'\"}]),") in logged for word in said.split() if "`" in word)


async def test_a_command_without_a_trigger_is_answered_in_words(bench: Bench) -> None:
    """Slack cannot be asked for a dialog then: nothing is a fault of ours."""
    answer = await bench.send(a_command("admins", trigger_id=""))
    assert "Slack's time limit passed before the window could open" in texts(answer.body)
    assert bench.slack.of("views.open") == []


@pytest.mark.parametrize("error", ["expired_trigger_id", "trigger_expired", "invalid_trigger_id"])
async def test_a_lost_trigger_is_said_in_words(bench: Bench, error: str) -> None:
    """When Slack no longer opens a dialog, the person hears it and what to do."""
    bench.slack.refusals["views.open"] = [error]
    answer = await bench.send(a_command(f"disable {ANN}"))
    assert "try again" in texts(answer.body)


async def test_a_trigger_that_was_used_is_no_alarm(bench: Bench) -> None:
    """The same click delivered twice has opened its dialog already."""
    bench.slack.refusals["views.open"] = ["exchanged_trigger_id"]
    answer = await bench.send(a_command(f"disable {ANN}"))
    assert answer.body is None


async def test_a_dialog_that_slack_refuses_is_our_bug(bench: Bench) -> None:
    """A view that Slack does not take is logged, and the person is not left without an answer."""
    bench.slack.refusals["views.open"] = ["invalid_arguments"]
    answer = await bench.send(a_command(f"disable {ANN}"))
    assert "Something broke" in texts(answer.body)


async def test_slack_being_down_costs_the_dialog_only(bench: Bench) -> None:
    """Nothing is raised into Bolt when Slack's own API fails."""
    bench.slack.is_down = True
    answer = await bench.send(a_command(f"disable {ANN}"))
    assert answer.status == 200
    assert answer.body is not None
    click = await bench.send(a_click("channel.disable", "c1:3", response_url=bench.slack.response_url))
    assert (click.status, click.body) == (200, None)


async def test_what_is_under_way_is_finished_before_the_end(bench: Bench) -> None:
    """Shutting down waits for answers that were promised."""
    bench.hurry()
    gate = bench.services.trouble.gate = asyncio.Event()
    await bench.send(a_command("list", response_url=bench.slack.response_url))
    asyncio.get_running_loop().call_soon(gate.set)
    await bench.side.drain(5)
    assert len(bench.slack.of("respond")) == 1


async def test_what_never_ends_is_stopped_at_the_end(bench: Bench) -> None:
    """Shutting down does not wait for ever."""
    bench.hurry()
    bench.services.trouble.gate = asyncio.Event()
    await bench.send(a_command("list"))
    await bench.side.drain(0.01)
    assert bench.slack.of("respond") == []


async def test_too_much_at_once_is_put_off(bench: Bench) -> None:
    """A flood is answered with try again, not with memory."""
    tasks = Tasks(most=0)
    answering = Responder(
        people=bench.services.people,
        presenter=Presenter(cast(Any, None)),
        tasks=tasks,
        command="/inbox",
    )

    async def work(interaction: Interaction) -> Response:
        raise AssertionError("must not run")

    ack = await answering.answer(read(a_command("list")), work)
    assert ack is not None
    assert "try again" in texts(ack)


async def test_who_was_told_to_wait_is_not_told_to_ask_again(bench: Bench) -> None:
    """Every connection is in use: Slack has its ack, and the answer comes once one is free."""
    places = Places.together({Share.PEOPLE: 1}, patience=0)
    only = await places.take(writes=False)
    answering = Responder(
        people=bench.services.people,
        presenter=Presenter(ViewsApi(bench.client)),
        tasks=Tasks(),
        command="/inbox",
        budget=AT_ONCE,
    )

    async def work(interaction: Interaction) -> Response:
        (await places.take(writes=False)).leave()
        return Response(message={"text": "There it is."})

    ack = await answering.answer(read(a_command("list", response_url=bench.slack.response_url)), work)
    assert "One moment" in texts(ack)
    only.leave()
    await bench.slack.until(lambda: bool(bench.slack.of("respond")))
    assert "There it is." in texts(bench.slack.of("respond")[0])


async def test_words_get_through_where_a_dialog_does_not(bench: Bench) -> None:
    """A click whose dialog Slack refuses is answered beside the message that was clicked."""
    bench.slack.refusals["views.open"] = ["invalid_arguments"]
    await bench.send(a_click("channel.disable", "c1:3", response_url=bench.slack.response_url))
    assert "Something broke" in texts(bench.slack.of("respond")[0])


async def test_a_dialog_that_cannot_wait_is_still_shown(bench: Bench) -> None:
    """When the database fails after the way in was made, the person still gets the way in."""
    bench.services.connections.cannot_wait = StorageAway()
    answer = await bench.send(a_form("connect.form", address=ANN))
    assert "https://bot.example/go/s1" in texts(answer.body)


async def test_enabling_what_must_be_reconnected_leads_on(bench: Bench) -> None:
    """Met in Home as in a command: the button is right there."""
    bench.services.trouble.error = ReconnectFirst(a_channel())
    await bench.send(a_click_in("home", "channel.enable", "c1:3"))
    await bench.send(a_command(f"enable {ANN}"))
    opened = [call["view"] for call in bench.slack.of("views.open")]
    assert len(opened) == 2 and all("channel.reconnect" in texts(view) for view in opened)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:1/respond",
        "http://hooks.slack.com/commands/T1/1/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "https://hooks.slack.com:pw@hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://evil.example\\@hooks.slack.com/x",
        "//hooks.slack.com/x",
        "file:///etc/hosts",
        "not an address",
        "http://[::1",
    ],
)
async def test_answers_go_to_slack_alone(bench: Bench, elsewhere: str) -> None:
    """A signed request that names another place is answered nowhere: the signature may be a thief's."""
    screen = ViewsApi(bench.client)
    await screen.respond(elsewhere, {"text": "what we know"})
    assert b'outcome="refused"' in bench.metrics.exposition()
    assert bench.slack.of("respond") == []


async def test_an_answer_is_not_sent_onward(bench: Bench) -> None:
    """A redirect is no way to another host, nor does it count as told."""
    screen = ViewsApi(bench.client)
    with pytest.raises(SlackAway):
        await screen.respond(bench.slack.response_url.replace("/respond/", "/onward/"), {"text": "x"})
    assert bench.slack.of("respond") == []
