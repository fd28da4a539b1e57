"""What the verb, the buttons and the form about another provider do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind, State
from bot.domain.errors import (
    AlreadyConnected,
    DisconnectFirst,
    NeedsApproval,
    NotAllowed,
    ProviderOff,
    SwitchInstead,
)
from bot.domain.request import RequestedChange
from bot.views.blocks import value_of
from bot.views.buttons import Goal, goal_of
from tests.handlers.conftest import Bench, texts
from tests.handlers.fakes import Trouble
from tests.handlers.payloads import a_click_in, a_command, a_form
from tests.views.samples import BOB, a_channel

ADDRESS = "ann@example.com"
WAYS = (("google", "Gmail"), ("microsoft", "Office 365"))


def here(bench: Bench, goal: str = "", *, is_shared: bool = False) -> str:
    channel = bench.services.channels.channels["c1"]
    return goal_of(channel, Goal(goal, is_shared=is_shared)) if goal else value_of(channel)


@pytest.mark.parametrize("verb", ["switch", "切替", "切り替え", "切替え", "SWITCH"])
async def test_the_verb_says_what_it_means_before_anything_happens(bench: Bench, verb: str) -> None:
    """Rights are read afresh; the dialog names both sides, opens the browser and waits for the outcome."""
    await bench.send(a_command(f"{verb} {ADDRESS}"))
    (opened,) = bench.slack.of("views.open")
    said = texts(opened["view"])
    assert "from Gmail to Office 365" in said and "https://bot.example/go/s1" in said
    assert bench.services.people.fresh == [True]
    assert bench.services.switches.begun == [("c1", "", False)]
    assert bench.services.connections.waiting[0][0] == "t1"


@pytest.mark.parametrize(
    ("action_id", "goal", "is_shared"),
    [
        ("channel.switch", "", False),
        ("channel.switch", "microsoft", False),
        ("channel.switch.imap", "imap", False),
        ("switch.shared", "microsoft", True),
    ],
)
async def test_a_button_leads_where_it_says(bench: Bench, action_id: str, goal: str, is_shared: bool) -> None:
    """To the provider that it was drawn for, whatever the channel could be switched to by now."""
    await bench.send(a_click_in("home", action_id, here(bench, goal, is_shared=is_shared)))
    assert bench.services.switches.begun == [("c1", goal, is_shared)]


async def test_an_inbox_that_is_there_already_is_shown(bench: Bench) -> None:
    """Somebody was faster: the present state, and that nothing was done."""
    bench.services.switches.trouble = Trouble(AlreadyConnected(ADDRESS, by_another=False))
    await bench.send(a_click_in("home", "channel.switch", here(bench, "microsoft")))
    (opened,) = bench.slack.of("views.open")
    assert "That has changed" in texts(opened["view"])


async def test_who_must_ask_gets_the_form_that_asks(bench: Bench) -> None:
    """A member's wish about a team address."""
    requested_change = RequestedChange(Operation.SWITCH, InboxSpec(ADDRESS, Kind.TEAM, provider="microsoft"))
    bench.services.switches.trouble = Trouble(NeedsApproval(requested_change, who_can=(BOB,)))
    await bench.send(a_command(f"switch {ADDRESS}"))
    (opened,) = bench.slack.of("views.open")
    assert opened["view"]["callback_id"] == "request.form"
    assert f"Switch {ADDRESS} to Office 365" in texts(opened["view"])


async def test_what_may_not_be_is_said(bench: Bench) -> None:
    """Somebody else's personal inbox."""
    bench.services.switches.trouble = Trouble(NotAllowed("switch", (BOB,)))
    answer = await bench.send(a_command(f"switch {ADDRESS}"))
    assert "You are not allowed to switch this inbox to another provider." in texts(answer.body)


async def test_any_other_provider_comes_with_a_button_that_disconnects_first(bench: Bench) -> None:
    """The reason in the article's words, and one button for each provider it could go to."""
    channel = a_channel(provider="imap")
    bench.services.switches.trouble = Trouble(DisconnectFirst(channel, "mail.example.net", WAYS))
    await bench.send(a_command(f"switch {ADDRESS}"))
    said = texts(bench.slack.of("views.open")[0]["view"])
    assert "disconnect first, then connect" in said
    assert "Disconnect, then Gmail" in said and "Disconnect, then Office 365" in said


async def test_connecting_what_is_at_the_other_provider_offers_both_ways(bench: Bench) -> None:
    """In place of the form: switch, or sign in again where it is."""
    channel = bench.services.channels.channels["c1"]
    instead = SwitchInstead(channel, "Gmail", ("microsoft", "Office 365"))
    bench.services.connections.trouble = Trouble(instead)
    answer = await bench.send(a_form("connect.form", address=ADDRESS))
    assert answer.body is not None
    buttons = [part for block in answer.body["view"]["blocks"] for part in block.get("elements", [])]
    assert [(one["action_id"], one["value"]) for one in buttons] == [
        ("channel.switch", here(bench, "microsoft")),
        ("channel.reconnect", here(bench)),
    ]


# --- disconnecting first


@pytest.mark.parametrize("needs_approval", [True, False])
async def test_leaving_is_confirmed_in_the_usual_words(bench: Bench, needs_approval: bool) -> None:
    """What the removal means, what follows at once, and whether an admin must agree to that."""
    bench.services.switches.needs_approval = needs_approval
    await bench.send(a_click_in("modal", "leave.imap", here(bench, "imap")))
    (drawn,) = bench.slack.of("views.update")
    view = drawn["view"]
    assert (view["submit"]["text"], view["callback_id"]) == ("Yes, remove inbox", "leave.form")
    assert view["private_metadata"] == here(bench, "imap")
    assert ("An admin has to approve the new connection first" in texts(view)) is needs_approval
    assert bench.services.channels.done == []


async def test_confirmed_it_is_removed_and_goes_on(bench: Bench) -> None:
    """One answer: that it is removed, and the sign-in at the other provider, which waits for its outcome."""
    answer = await bench.send(a_form("leave.form", metadata=here(bench, "imap")))
    assert bench.services.channels.done == [("remove", "c1")]
    assert bench.services.switches.begun == [("c1", "imap", False)]
    assert answer.body is not None
    said = texts(answer.body["view"])
    assert f"{ADDRESS} is removed from Inboxkeeper." in said and "Revoked at Google: confirmed" in said
    assert "https://bot.example/go/s1" in said
    assert bench.services.connections.waiting == [("t1", "V9")]


async def test_confirmed_twice_it_is_removed_once(bench: Bench) -> None:
    """The second click goes on where the first one did."""
    stale = here(bench, "imap")
    await bench.send(a_form("leave.form", metadata=stale))
    answer = await bench.send(a_form("leave.form", metadata=stale))
    assert bench.services.channels.done == [("remove", "c1")]
    assert "https://bot.example/go/s1" in texts(answer.body)


async def test_a_form_for_an_older_state_removes_nothing(bench: Bench) -> None:
    """Somebody changed the inbox: asked again, for the same goal."""
    stale = here(bench, "imap")
    old = bench.services.channels.channels["c1"]
    bench.services.channels.channels["c1"] = replace(old, version=9, state=State.DISABLED)
    answer = await bench.send(a_form("leave.form", metadata=stale))
    assert bench.services.channels.done == []
    assert answer.body is not None
    assert answer.body["view"]["private_metadata"] == "c1:9:imap"
    assert "That has changed" in texts(answer.body)


async def test_nothing_is_removed_for_a_goal_that_is_off(bench: Bench) -> None:
    """What would stop the second half is found out before the first."""
    bench.services.switches.trouble = Trouble(ProviderOff("microsoft"))
    answer = await bench.send(a_form("leave.form", metadata=here(bench, "microsoft")))
    assert bench.services.channels.done == []
    assert "Office 365 is switched off" in texts(answer.body)


@pytest.mark.parametrize("metadata", ["", "c1", "c1:3", "c1:3:", "c1:3:pigeon", "c1:x:imap", ":::", "🔥" * 9])
async def test_a_form_without_a_goal_is_out_of_date(bench: Bench, metadata: str) -> None:
    """Whatever stands in the metadata, nothing is removed on a guess."""
    answer = await bench.send(a_form("leave.form", metadata=metadata))
    assert bench.services.channels.done == []
    assert "That has changed" in texts(answer.body)
