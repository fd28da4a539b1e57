"""People act in the local Slack, a real Bolt app answers, over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.driver import CannotDo
from tests.sandbox.slack_bot import World, world


@pytest.fixture(params=["socket", "http"])
async def acme(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world(request.param) as made:
        yield made


async def test_a_command_is_answered_only_to_its_asker(acme: World) -> None:
    """The ack's body is an ephemeral message in the conversation where the command was typed."""
    shown = await acme.driver.person("alice").types("/inbox  help me", in_="#sales")
    assert shown.ok
    said = (await acme.driver.person("alice").sees()).messages("#sales")
    assert [(m.plain, m.ephemeral) for m in said] == [("You said help me", True)]
    assert (await acme.driver.person("kenji").sees()).messages("#sales") == []
    assert acme.got[0]["channel_name"] == "sales"
    assert acme.got[0]["user_id"] == "U0ALICE"


async def test_an_unknown_command_never_reaches_the_bot(acme: World) -> None:
    """Slackbot says so."""
    shown = await acme.driver.person("alice").types("/outbox list")
    assert shown.error_shown == "/outbox is not a valid command."
    assert acme.got == []


async def test_an_answer_slack_would_refuse_is_shown_as_a_failure(acme: World) -> None:
    """An ack with a block outside the set is refused and logged with its pointer."""
    shown = await acme.driver.person("alice").types("/inbox bad")
    assert shown.error_shown == '/inbox failed with the error "invalid_blocks"'
    [call] = await acme.driver.calls("ack:slash_commands")
    assert call["problems"] == ["[ERROR] unsupported block: video [json-pointer:/blocks/0/type]"]


async def test_a_button_is_found_by_label_and_row_and_asks_first(acme: World) -> None:
    """Two rows have the label: `near` decides; a confirm dialog must be answered."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox list")
    with pytest.raises(CannotDo, match="2 times"):
        await alice.clicks("Disable")
    with pytest.raises(CannotDo) as asked:
        await alice.clicks("Disable", near="b@acme")
    assert asked.value.status == 409
    assert asked.value.answer["confirm"]["confirm"] == "Yes, disable it"
    assert (await alice.clicks("Disable", near="b@acme", confirm=False)).denied
    assert (await alice.clicks("Disable", near="b@acme", confirm=True)).ok
    [_, click] = acme.got
    assert click["actions"][0]["value"] == "b@acme.example"
    assert click["container"]["is_ephemeral"] is True
    assert "message" not in click
    assert click["response_url"].startswith(str(acme.slack.public_url))


async def test_a_label_that_is_not_there_tells_what_is(acme: World) -> None:
    """404 with the labels on the screen."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox list")
    with pytest.raises(CannotDo) as missing:
        await alice.clicks("Explode")
    assert missing.value.answer["labels"] == ["Disable", "Open"]


async def test_a_link_button_tells_its_address_and_is_told_to_the_bot(acme: World) -> None:
    """Slack opens the link and sends block_actions all the same."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox list")
    assert (await alice.clicks("Open")).url == "https://example.com/x"
    assert acme.got[-1]["actions"][0]["action_id"] == "open"


async def test_a_form_is_filled_by_label_and_its_state_arrives(acme: World) -> None:
    """The state holds what was typed and chosen, by block and action."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    await alice.fills("Address", "alice@acme.example")
    await alice.chooses("Whose inbox", "Team")
    assert (await alice.submits()).ok
    values = acme.got[-1]["view"]["state"]["values"]
    assert values["address"]["typed"] == {"type": "email_text_input", "value": "alice@acme.example"}
    assert values["kind"]["chosen"]["selected_option"]["value"] == "team"
    assert (await alice.sees()).modal is None


async def test_slacks_own_client_refuses_first(acme: World) -> None:
    """An empty required field or a malformed address is never sent."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    assert (await alice.submits()).error_shown == "Please complete this required field."
    await alice.fills("Address", "nonsense")
    assert "name@example.com" in str((await alice.submits()).error_shown)
    assert [got.get("type") for got in acme.got] == [None]


async def test_errors_stand_under_their_inputs(acme: World) -> None:
    """`response_action: errors` keeps the modal open."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    await alice.fills("Address", "bad@acme.example")
    assert (await alice.clicks("Continue")).ok
    modal = (await alice.sees()).modal
    assert modal is not None
    assert modal.errors == {"address": "No such mailbox"}


async def test_errors_for_no_input_are_a_failure(acme: World) -> None:
    """A key that is no input block of the view is what Slack calls trouble."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    await alice.fills("Address", "trouble@acme.example")
    assert (await alice.submits()).error_shown == "We had some trouble connecting. Try again?"


async def test_an_update_keeps_what_was_typed(acme: World) -> None:
    """Same block_id and action_id: the text stays."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    await alice.fills("Address", "next@acme.example")
    await alice.submits()
    modal = (await alice.sees()).modal
    assert modal is not None
    assert modal.title == "Looking up…"
    assert "next@acme.example" in modal.plain


async def test_at_most_three_modals_pile_up(acme: World) -> None:
    """The third push is refused; closing one shows the one below and tells the bot."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    await alice.clicks("Deeper")
    await alice.clicks("Deeper")
    assert len((await alice.sees()).modals) == 3
    await alice.clicks("Deeper")
    [*_, last] = await acme.driver.calls("views.push")
    assert last["error"] == "push_limit_reached"
    await alice.clicks("Not now")
    assert len((await alice.sees()).modals) == 2
    assert acme.got[-1]["type"] == "view_closed"
    assert acme.got[-1]["is_cleared"] is False


async def test_home_is_published_when_opened(acme: World) -> None:
    """`app_home_opened` arrives, and from the second visit on with the view published before."""
    alice = acme.driver.person("alice")
    await alice.opens_home()
    assert "view" not in acme.got[0]["event"]
    screen = await alice.until(lambda seen: seen.home)
    assert screen.home is not None
    assert screen.home.plain == "Your inboxes"
    await alice.opens_home()
    assert acme.got[1]["event"]["view"]["hash"]


async def test_a_changed_person_is_told_and_told_again_on_demand(acme: World) -> None:
    """`user_change` carries the whole person; a redelivery carries the same event id."""
    await acme.driver.edit_person("kenji", deleted=True)
    await acme.driver.redeliver()
    first, second = acme.got
    assert first["event"]["user"]["deleted"] is True
    assert "is_admin" not in first["event"]["user"]
    assert first["event_id"] == second["event_id"]


async def test_a_deactivated_person_cannot_act(acme: World) -> None:
    """Their screen is gone."""
    await acme.driver.edit_person("kenji", deleted=True, silently=True)
    with pytest.raises(CannotDo, match="deactivated"):
        await acme.driver.person("kenji").types("/inbox list")


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_bot_that_does_not_answer_fails_before_the_person(transport: Any) -> None:
    """No ack within the time: Slack's own words."""
    async with world(transport, ack_within=0.05) as acme:

        async def sleepy(body: dict[str, Any], next: Any) -> None:  # noqa: A002 - Bolt's name
            acme.slack.core.faults.mend()
            await acme.slack.core.workspace.news_since(10**9, within=0.2)
            await next()

        acme.app.use(sleepy)
        shown = await acme.driver.person("alice").types("/inbox hello")
        assert shown.error_shown == '/inbox failed with the error "operation_timeout"'


async def test_every_kind_of_choice_arrives_with_the_message(acme: World) -> None:
    """Overflow, select of people and checkboxes: the option from the block, the state beside it."""

    def option(word: str) -> dict[str, Any]:
        return {"text": {"type": "plain_text", "text": word}, "value": word.lower()}

    def label(word: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": word}

    elements: list[dict[str, Any]] = [
        {"type": "overflow", "action_id": "more", "options": [option("Status"), option("Remove")]},
        {"type": "users_select", "action_id": "who", "placeholder": label("Who")},
        {"type": "checkboxes", "action_id": "which", "options": [option("Mail"), option("Calendar")]},
    ]
    blocks = [{"type": "actions", "block_id": "row", "elements": elements}]
    await acme.client.chat_postMessage(channel="U0ALICE", text="Choose", blocks=blocks)
    alice = acme.driver.person("alice")
    await alice.chooses(None, "Remove", in_="dm")
    assert acme.got[-1]["actions"][0]["selected_option"]["value"] == "remove"
    await alice.chooses("Who", "Omar Haddad")
    assert acme.got[-1]["actions"][0]["selected_user"] == "U0OMAR"
    await alice.chooses(None, "Mail")
    await alice.chooses(None, "Calendar")
    await alice.chooses(None, "Mail", on=False)
    values = acme.got[-1]["state"]["values"]["row"]
    assert [one["value"] for one in values["which"]["selected_options"]] == ["calendar"]
    assert values["who"] == {"type": "users_select", "selected_user": "U0OMAR"}
    assert acme.got[-1]["message"]["text"] == "Choose"
    assert "( ) Mail (x) Calendar" in (await alice.sees()).dm.last.plain


async def test_an_absent_slack_hangs_up_until_mended(acme: World) -> None:
    """Every call; and what people do then fails or waits, as it would."""
    await acme.driver.break_("away")
    with pytest.raises(aiohttp.ClientError):
        await acme.client.chat_postMessage(channel="U0ALICE", text="Hello")
    await acme.driver.mend()
    assert (await acme.client.chat_postMessage(channel="U0ALICE", text="Hello"))["ok"]


async def test_how_long_ago_is_said_to_each_in_their_language(acme: World) -> None:
    """Slack's clients write that token, and keep it true."""
    text = f"Since <!date^{int(acme.clock().timestamp()) - 7200}^{{ago}}|then>"
    for person, said in (("U0ALICE", "2 hours ago"), ("U0KENJI", "2 時間前")):
        await acme.client.chat_postMessage(channel=person, text=text)
        assert said in (await acme.driver.person(person[2:].lower()).sees()).dm.last.plain
