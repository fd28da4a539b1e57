"""What commands, buttons and forms do for team addresses, requests, outages and roles."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind
from bot.domain.errors import (
    CannotPostThere,
    LastSuperAdmin,
    NeedsApproval,
    NobodyCanApprove,
    NotAllowed,
    OtherKind,
    RequestClosed,
    UndoOver,
)
from bot.domain.ids import ChannelId, ConversationId
from bot.domain.request import RequestedChange, RequestState
from bot.views.blocks import value_of
from bot.views.modals import parse_requested_change, requested_change_text
from tests.handlers.conftest import Bench, texts
from tests.handlers.fakes import Trouble, a_request
from tests.handlers.payloads import a_click, a_click_in, a_command, a_form, picked, selected, typed_in
from tests.views.samples import ANN, BOB, a_channel

ADDRESS = "ann@example.com"
SUPPORT = "support@example.com"
WISH = RequestedChange(
    Operation.CONNECT, InboxSpec(SUPPORT, Kind.TEAM, use="Zendesk reads it", name="Support")
)


def here(bench: Bench) -> str:
    return value_of(bench.services.channels.channels["c1"])


def in_a_notice(bench: Bench, action_id: str, value: str) -> dict[str, Any]:
    """A button in a message that stays: a notice."""
    container = {"type": "message", "is_ephemeral": False}
    return a_click(action_id, value, response_url=bench.slack.response_url, container=container)


# --- connecting


async def test_the_whole_form_becomes_a_plan(bench: Bench) -> None:
    """Whatever was typed or chosen reaches the service, each under its own name."""
    chosen = {
        "kind": picked("team"),
        "use": typed_in("Zendesk reads it"),
        "name": typed_in("Support"),
        "conversation": selected("conversation", "C1"),
    }
    await bench.send(a_form("connect.form", address=SUPPORT, chosen=chosen))
    (plan,) = bench.services.connections.plans
    assert plan == InboxSpec(SUPPORT, Kind.TEAM, "Zendesk reads it", "Support", ConversationId("C1"))


async def test_what_is_left_empty_is_no_plan(bench: Bench) -> None:
    """Empty fields are nothing, and without a kind it is one's own inbox."""
    chosen = {"use": typed_in(None), "conversation": selected("conversation", None)}
    await bench.send(a_form("connect.form", address=ADDRESS, chosen=chosen))
    assert bench.services.connections.plans == [InboxSpec(ADDRESS)]


async def test_choosing_the_kind_draws_the_form_for_it(bench: Bench) -> None:
    """A team address is asked for more; what was typed so far stays."""
    click = a_click_in("modal", "connect.kind")
    click["actions"] = [{"action_id": "connect.kind", "block_id": "kind", **picked("team")}]
    click["view"]["state"]["values"] = {
        "address": {"address": typed_in(SUPPORT)},
        "use": {"use": typed_in("Zendesk reads it")},
    }
    await bench.send(click)
    (drawn,) = bench.slack.of("views.update")
    blocks = {block.get("block_id"): block for block in drawn["view"]["blocks"]}
    assert {"address", "kind", "use", "name", "conversation"} <= set(blocks)
    assert blocks["address"]["element"]["initial_value"] == SUPPORT
    assert blocks["use"]["element"]["initial_value"] == "Zendesk reads it"


@pytest.mark.parametrize(
    ("is_super_admin", "typed", "kind"),
    [
        (False, SUPPORT, "team"),
        (False, f"{ADDRESS.partition('@')[0]}@at-home.example", "personal"),
        (False, "", "personal"),
        (True, SUPPORT, "team"),
        (True, ADDRESS, "personal"),
        (True, "", "personal"),
    ],
)
async def test_the_form_begins_with_the_likely_kind(
    bench: Bench, is_super_admin: bool, typed: str, kind: str
) -> None:
    """Whoever may add or ask for team addresses and types one that is not their own most likely means one;
    not if it has their own name at another host."""
    bench.services.people.is_super_admin = is_super_admin
    await bench.send(a_command(f"connect {typed}"))
    blocks = {b.get("block_id"): b for b in bench.slack.of("views.open")[0]["view"]["blocks"]}
    assert blocks["kind"]["elements"][0]["initial_option"]["value"] == kind


async def test_a_conversation_without_the_bot_is_said_beside_its_field(bench: Bench) -> None:
    """The way in is typed by a person, so the words name it and the form stays."""
    bench.services.connections.trouble = Trouble(CannotPostThere("C1"))
    chosen = {"kind": picked("team"), "conversation": selected("conversation", "C1")}
    answer = await bench.send(a_form("connect.form", address=SUPPORT, chosen=chosen))
    assert answer.body is not None
    assert "/invite" in answer.body["errors"]["conversation"]


# --- taking over


async def test_a_super_admin_is_offered_to_take_a_personal_inbox_over(bench: Bench) -> None:
    """Wanting as the team's what is a person's leads to the form that makes it so."""
    bench.services.people.is_super_admin = True
    bench.services.connections.trouble = Trouble(OtherKind(ADDRESS, is_team=False))
    answer = await bench.send(a_form("connect.form", address=ADDRESS, chosen={"kind": picked("team")}))
    assert answer.body is not None
    assert answer.body["view"]["callback_id"] == "take_over.form"
    assert answer.body["view"]["private_metadata"] == here(bench)


@pytest.mark.parametrize("is_team", [True, False])
async def test_everybody_else_hears_beside_the_address_what_it_is(bench: Bench, is_team: bool) -> None:
    """An address is one kind or the other, and the way is named."""
    bench.services.people.is_super_admin = is_team
    bench.services.connections.trouble = Trouble(OtherKind(ADDRESS, is_team=is_team))
    answer = await bench.send(a_form("connect.form", address=ADDRESS, chosen={"kind": picked("team")}))
    assert answer.body is not None
    assert ADDRESS in answer.body["errors"]["address"]


async def test_taking_over_tells_the_conversation_and_shows_the_status(bench: Bench) -> None:
    """The form's fields become the team's; the conversation is greeted first, as it shows that we may."""
    chosen = {
        "name": typed_in("Support"),
        "use": typed_in("Zendesk"),
        "conversation": selected("conversation", "C1"),
    }
    answer = await bench.send(a_form("take_over.form", metadata=here(bench), chosen=chosen))
    (details,) = bench.services.channels.taken_over
    assert (details.name, details.use, details.conversation_id) == ("Support", "Zendesk", "C1")
    assert bench.services.connections.greeted == ["C1"]
    assert answer.body is not None
    assert "the team" in texts(answer.body)


async def test_an_inbox_taken_over_meanwhile_is_shown_as_it_is(bench: Bench) -> None:
    """The second of two who take it over finds it done, and changes nothing."""
    stale = here(bench)
    bench.services.channels.channels["c1"] = a_channel(kind=Kind.TEAM, owner_id=None, version=9)
    answer = await bench.send(a_form("take_over.form", metadata=stale, chosen={"name": typed_in("Other")}))
    assert bench.services.channels.taken_over == []
    assert "the team" in texts(answer.body)


# --- wishes


@pytest.mark.parametrize("text", ["disable", "remove", "enable"])
async def test_a_wish_opens_the_form_that_asks_an_admin(bench: Bench, text: str) -> None:
    """What a member may not do at once is asked for, with the wish in the form."""
    bench.services.channels.needs_approval = True
    await bench.send(a_command(f"{text} {ADDRESS}"))
    (opened,) = bench.slack.of("views.open")
    assert opened["view"]["callback_id"] == "request.form"
    requested_change = parse_requested_change(opened["view"]["private_metadata"])
    assert requested_change == RequestedChange(
        Operation(text), InboxSpec(ADDRESS, Kind.PERSONAL), ChannelId("c1")
    )
    assert BOB in texts(opened["view"])


async def test_whoever_must_ask_may_read_what_disconnecting_means(bench: Bench) -> None:
    """Both ways are explained to everybody who may at least ask for them."""
    bench.services.channels.needs_approval = True
    await bench.send(a_command(f"disconnect {ADDRESS}"))
    (opened,) = bench.slack.of("views.open")
    assert "channel.remove" in texts(opened["view"])


async def test_the_connect_form_turns_into_the_one_that_asks(bench: Bench) -> None:
    """Nothing has to be typed twice: the wish carries the whole form."""
    bench.services.connections.trouble = Trouble(NeedsApproval(WISH, ADDRESS, (BOB,)))
    answer = await bench.send(a_form("connect.form", address=SUPPORT))
    assert answer.body is not None
    assert parse_requested_change(answer.body["view"]["private_metadata"]) == WISH


@pytest.mark.parametrize("who_can", [(), (ANN,)])
async def test_with_nobody_to_ask_no_form_is_shown(bench: Bench, who_can: tuple[str, ...]) -> None:
    """Somebody who alone could grant their own wish, or nobody at all: said at once, not after a form."""
    bench.services.connections.trouble = Trouble(NeedsApproval(WISH, ADDRESS, who_can))
    answer = await bench.send(a_form("connect.form", address=SUPPORT))
    assert answer.body is not None
    assert "callback_id" not in answer.body["view"]


async def test_a_reason_goes_with_the_wish(bench: Bench) -> None:
    """The admins read why; the requester sees who was asked."""
    chosen = {"reason": typed_in("For the new shop")}
    answer = await bench.send(a_form("request.form", metadata=requested_change_text(WISH), chosen=chosen))
    assert bench.services.approvals.asked == [(WISH, "For the new shop")]
    assert BOB in texts(answer.body)


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "null", '{"deed":"fly"}', "🔥"])
async def test_a_form_without_a_wish_is_out_of_date(bench: Bench, metadata: str) -> None:
    """Whatever stands in the metadata, nobody is asked on a guess."""
    answer = await bench.send(a_form("request.form", metadata=metadata))
    assert "That has changed" in texts(answer.body)
    assert bench.services.approvals.asked == []


async def test_asking_about_a_channel_that_is_gone_says_so(bench: Bench) -> None:
    """No admin is asked about an address that was removed while the form was open."""
    requested_change = RequestedChange(Operation.REMOVE, InboxSpec(ADDRESS, Kind.TEAM), ChannelId("c9"))
    answer = await bench.send(a_form("request.form", metadata=requested_change_text(requested_change)))
    assert "Already removed" in texts(answer.body)
    assert bench.services.approvals.asked == []


async def test_nobody_who_could_approve_is_said_in_the_form(bench: Bench) -> None:
    """The last admin left while the form was open."""
    bench.services.approvals.trouble = Trouble(NobodyCanApprove())
    answer = await bench.send(a_form("request.form", metadata=requested_change_text(WISH)))
    assert answer.body is not None
    assert answer.body["response_action"] == "update"


# --- answers


@pytest.mark.parametrize(
    ("action_id", "state"),
    [
        ("request.approve", "approved"),
        ("request.decline.undo", "taken back"),
        ("request.cancel", "cancelled"),
    ],
)
async def test_an_answer_is_shown_by_the_message_itself(bench: Bench, action_id: str, state: str) -> None:
    """The message that was clicked is edited for everybody; no second one follows the click."""
    answer = await bench.send(in_a_notice(bench, action_id, "r1"))
    assert (answer.status, answer.body) == (200, None)
    assert bench.services.approvals.done == [(state, "r1")]
    assert bench.services.people.fresh[0] is True
    assert bench.slack.of("respond") == bench.slack.of("views.open") == []


async def test_a_no_asks_why_not_first(bench: Bench) -> None:
    """The button opens the form; what is written in it goes with the answer, which can be undone there."""
    await bench.send(in_a_notice(bench, "request.decline", "r1"))
    (form,) = bench.slack.of("views.open")
    assert "request.decline.form" in texts(form) and bench.services.approvals.done == []
    chosen = {"reason": typed_in("Use help@")}
    answer = await bench.send(a_form("request.decline.form", metadata="r1", chosen=chosen))
    assert bench.services.approvals.done == [("declined: Use help@", "r1")]
    assert answer.body is not None and "request.decline.undo" in texts(answer.body["view"])


async def test_being_second_is_said_with_who_was_first(bench: Bench) -> None:
    """The first answer wins, and the other admin learns whose it was."""
    closed = a_request(state=RequestState.DECLINED, answered_by=BOB)
    bench.services.approvals.trouble = Trouble(RequestClosed(closed))
    await bench.send(in_a_notice(bench, "request.approve", "r1"))
    assert BOB in texts(bench.slack.of("respond")[0])


@pytest.mark.parametrize("state", [RequestState.APPROVED, RequestState.DONE])
async def test_the_same_answer_twice_is_one(bench: Bench, state: RequestState) -> None:
    """A double click, or a click delivered again, is no news to the one who made it."""
    bench.services.approvals.trouble = Trouble(RequestClosed(a_request(state=state, answered_by=ANN)))
    await bench.send(in_a_notice(bench, "request.approve", "r1"))
    assert bench.slack.of("respond") == []


async def test_a_changed_mind_is_told_that_it_is_too_late(bench: Bench) -> None:
    """Declining after one's own approval does nothing, so it says so."""
    approved = a_request(state=RequestState.APPROVED, answered_by=ANN)
    bench.services.approvals.trouble = Trouble(RequestClosed(approved))
    await bench.send(in_a_notice(bench, "request.decline", "r1"))
    assert len(bench.slack.of("respond")) == 1


@pytest.mark.parametrize("action_id", ["request.approve", "request.cancel", "incident.claim"])
async def test_the_wrong_person_is_refused_in_words(bench: Bench, action_id: str) -> None:
    """A button that is not (or no longer) theirs says who can."""
    bench.services.approvals.trouble = Trouble(NotAllowed("approve", (BOB,)))
    bench.services.incidents.trouble = bench.services.approvals.trouble
    await bench.send(in_a_notice(bench, action_id, "r1"))
    assert BOB in texts(bench.slack.of("respond")[0])


async def test_taking_a_wish_back_redraws_the_answer_it_stood_in(bench: Bench) -> None:
    """In a status that only the requester sees, the status is drawn without it."""
    await bench.send(a_click("request.cancel", "r1", response_url=bench.slack.response_url))
    (said,) = bench.slack.of("respond")
    assert said["replace_original"] is True
    assert ADDRESS in texts(said)


async def test_going_on_shows_what_will_be_asked_for(bench: Bench) -> None:
    """From the message to the permissions, and the dialog waits for the outcome."""
    await bench.send(in_a_notice(bench, "request.go_on", "r1"))
    assert bench.services.connections.begun == ["r1"]
    assert "https://bot.example/go/s1" in texts(bench.slack.of("views.open")[0])
    assert bench.services.connections.waiting == [("t1", "V1")]


# --- outages


@pytest.mark.parametrize(
    ("action", "value", "done"),
    [
        ("claim", "n1", "claim"),
        ("hand_back", "n1", "hand back"),
        ("hand_over", "U0BOB:n1", "hand over to U0BOB"),
        ("snooze", "morning:n1", "snooze morning"),
        ("snooze", "n1", "snooze four_hours"),
        ("wake", "n1", "snooze None"),
    ],
)
async def test_what_a_reader_does_about_an_outage_is_shown_by_its_message(
    bench: Bench, action: str, value: str, done: str
) -> None:
    """The notice is edited; the click itself is only acknowledged. Messages from before there was a choice
    keep their button."""
    answer = await bench.send(in_a_notice(bench, f"incident.{action}", value))
    assert (answer.status, answer.body) == (200, None)
    assert bench.services.incidents.done == [(done, "n1")]
    assert bench.slack.calls == []


# --- roles


@pytest.mark.parametrize(
    ("action_id", "element", "done"),
    [
        ("admins.give_access", selected("user", BOB), ("give", "account_access", BOB)),
        ("admins.give_group", picked("S1"), ("give", "account_access", "S1")),
        ("admins.take", {"value": "account_access:S1"}, ("take", "account_access", "S1")),
    ],
)
async def test_a_control_changes_a_role_and_the_dialog_follows(
    bench: Bench, action_id: str, element: dict[str, Any], done: tuple[str, str, str]
) -> None:
    """The open dialog is drawn from the roles as they are then, and whom it is about sees it on Home."""
    click = a_click_in("modal", action_id)
    click["actions"] = [{"action_id": action_id, "block_id": "b", **element}]
    await bench.send(click)
    assert bench.services.admins.done == [done]
    assert bench.services.people.fresh[0] is True
    (drawn,) = bench.slack.of("views.update")
    assert "admins.take" in texts(drawn)
    await bench.slack.until(lambda: bool(bench.slack.of("views.publish")))


@pytest.mark.parametrize(
    ("action_id", "element", "operation"),
    [
        ("admins.give_super", selected("user", BOB), "give"),
        ("admins.take", {"value": f"super_admin:{BOB}"}, "take"),
    ],
)
async def test_who_will_be_super_admin_is_said_first(
    bench: Bench, action_id: str, element: dict[str, Any], operation: str
) -> None:
    """The choice changes nothing; the form that follows does what was agreed to."""
    click = a_click_in("modal", action_id)
    click["actions"] = [{"action_id": action_id, "block_id": "b", **element}]
    await bench.send(click)
    assert bench.services.admins.done == []
    (drawn,) = bench.slack.of("views.update")
    assert ANN in texts(drawn) and BOB in texts(drawn)
    answer = await bench.send(a_form("admins.form", metadata=drawn["view"]["private_metadata"]))
    assert bench.services.admins.done == [(operation, "super_admin", BOB)]
    assert "admins.take" in texts(answer.body)


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "null", '{"user":"U1","give":1,"basis":""}', "🔥"])
async def test_a_form_that_agrees_to_nothing_changes_nothing(bench: Bench, metadata: str) -> None:
    """Forged, or of another time."""
    answer = await bench.send(a_form("admins.form", metadata=metadata))
    assert bench.services.admins.done == []
    assert "That has changed" in texts(answer.body)


async def test_undo_is_shown_by_the_message_itself(bench: Bench) -> None:
    """A second press of the same person is no news; being second to somebody else is said."""
    await bench.send(in_a_notice(bench, "admins.undo", "c1"))
    assert bench.services.admins.done == [("undo", "", "c1")]
    bench.services.admins.trouble = Trouble(UndoOver(ANN))
    await bench.send(in_a_notice(bench, "admins.undo", "c1"))
    assert bench.slack.of("respond") == []
    bench.services.admins.trouble = Trouble(UndoOver(BOB))
    await bench.send(in_a_notice(bench, "admins.undo", "c1"))
    assert BOB in texts(bench.slack.of("respond")[0])


@pytest.mark.parametrize("value", ["", "owner:U1", "super_admin", "super_admin:", ":"])
async def test_a_control_without_a_role_does_nothing(bench: Bench, value: str) -> None:
    """Only roles that are given can be taken."""
    await bench.send(a_click_in("modal", "admins.take", value))
    assert bench.services.admins.done == []
    assert "That has changed" in texts(bench.slack.of("views.update")[0])


async def test_what_is_refused_is_said_in_the_dialog(bench: Bench) -> None:
    """The controls stay, so that the next try is one click away."""
    bench.services.admins.trouble = Trouble(LastSuperAdmin())
    await bench.send(a_click_in("modal", "admins.take", f"super_admin:{ANN}"))
    (drawn,) = bench.slack.of("views.update")
    assert drawn["view"]["blocks"][0]["text"]["text"].startswith("*")
    assert "admins.take" in texts(drawn)


async def test_a_refusal_in_the_dialog_names_a_role_instead_of_people(bench: Bench) -> None:
    """A sentence that ends in a colon names nobody."""
    bench.services.admins.trouble = Trouble(NotAllowed("admins", (ANN,)))
    await bench.send(a_click_in("modal", "admins.take", f"super_admin:{ANN}"))
    said = texts(bench.slack.of("views.update")[0])
    assert "Ask a super admin." in said and "These people can:" not in said


async def test_everybody_may_see_whom_to_ask(bench: Bench) -> None:
    """``admins`` opens the dialog, whoever types it."""
    await bench.send(a_command("admins"))
    assert ANN in texts(bench.slack.of("views.open")[0])
