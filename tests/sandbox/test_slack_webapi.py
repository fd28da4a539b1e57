"""The local Web API refuses what Slack refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.sandbox.slack_bot import World, a_form, a_list, world


@pytest.fixture
async def acme() -> AsyncIterator[World]:
    async with world("http") as made:
        yield made


async def test_a_method_outside_the_subset_is_unknown(acme: World) -> None:
    """Nothing is made up."""
    assert (await acme.api("files.upload"))["error"] == "unknown_method"


async def test_the_token_is_looked_at(acme: World) -> None:
    """Missing, wrong, and the wrong one of the two."""
    url = f"{acme.slack.public_url}/api/auth.test"
    async with acme.session.post(url) as response:
        assert (await response.json())["error"] == "not_authed"
    async with acme.session.post(url, headers={"Authorization": "Bearer xoxb-other"}) as response:
        assert (await response.json())["error"] == "invalid_auth"
    assert (await acme.api("apps.connections.open"))["error"] == "not_allowed_token_type"


async def test_a_scope_not_granted_is_missing(acme: World) -> None:
    """The answer names what is needed and what there is."""
    answer = await acme.api("usergroups.list")
    assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
    assert "chat:write" in answer["provided"]


async def test_a_user_id_reaches_the_direct_conversation(acme: World) -> None:
    """The answer carries the D id, which is what can be edited later; the user id is not."""
    posted = await acme.client.chat_postMessage(channel="U0ALICE", text="Hello")
    assert posted["channel"] == "D0ALICE"
    by_user = await acme.api("chat.update", channel="U0ALICE", ts=posted["ts"], text="Hello again")
    assert by_user["error"] == "channel_not_found"
    await acme.client.chat_update(channel="D0ALICE", ts=posted["ts"], text="Hello again")
    [said] = (await acme.driver.person("alice").sees()).dm.messages
    assert (said.plain, said.edited) == ("Hello again", True)


async def test_posts_are_unread_and_edits_are_not(acme: World) -> None:
    """The badge counts posts and thread replies only."""
    alice = acme.driver.person("alice")
    posted = await acme.client.chat_postMessage(channel="U0ALICE", text="One")
    assert (await alice.sees()).dm.unread == 1
    await alice.opens_dm()
    await acme.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="One, edited")
    assert (await alice.sees()).dm.unread == 0
    await acme.driver.advance(1)
    await acme.client.chat_postMessage(channel="U0ALICE", text="More", thread_ts=posted["ts"])
    screen = await alice.sees()
    assert screen.dm.unread == 1
    assert screen.dm.last.thread == posted["ts"]


async def test_one_message_a_second_and_conversation(acme: World) -> None:
    """The second is 429 with Retry-After, by the sandbox clock; edits are not counted."""
    posted = await acme.client.chat_postMessage(channel="U0ALICE", text="One")
    refused = await acme.api("chat.postMessage", channel="D0ALICE", text="Two")
    assert (refused["http"], refused["error"]) == (429, "ratelimited")
    assert (await acme.api("chat.update", channel="D0ALICE", ts=posted["ts"], text="Still one"))["ok"]
    assert (await acme.api("chat.postMessage", channel="U0KENJI", text="Elsewhere"))["ok"]
    await acme.driver.advance(1)
    assert (await acme.api("chat.postMessage", channel="D0ALICE", text="Two"))["ok"]


@pytest.mark.parametrize(
    ("channel", "error"),
    [("C0SALES", "not_in_channel"), ("C0NOWHERE", "channel_not_found"), ("U0BOT", "cannot_dm_bot")],
)
async def test_some_places_are_closed_to_the_bot(acme: World, channel: str, error: str) -> None:
    """Each with its own word."""
    assert (await acme.api("chat.postMessage", channel=channel, text="Hello"))["error"] == error


async def test_an_invited_bot_may_speak_until_the_conversation_is_archived(acme: World) -> None:
    """/invite is Slack's own command."""
    await acme.driver.person("alice").types("/invite @Inboxkeeper", in_="#sales")
    assert (await acme.api("chat.postMessage", channel="C0SALES", text="Hello"))["ok"]
    await acme.driver.edit_conversation("#sales", archived=True)
    assert (await acme.api("chat.postMessage", channel="C0SALES", text="Hello"))["error"] == "is_archived"


async def test_a_public_conversation_can_be_joined(acme: World) -> None:
    """Everybody in it reads that; joined again, nothing happens. Of a private one the bot is not told that
    there is one, and into one that is closed it cannot go."""
    assert (await acme.api("conversations.join", channel="C0SALES"))["channel"]["is_member"]
    assert (await acme.api("conversations.join", channel="C0SALES"))["warning"] == "already_in_channel"
    assert (await acme.api("chat.postMessage", channel="C0SALES", text="Hello"))["ok"]
    said = (await acme.driver.person("alice").sees()).conversations["#sales"].messages
    assert [it.plain for it in said] == ["Inboxkeeper joined #sales.", "Hello"]
    await acme.driver.edit_conversation("#support", private=True)
    for method in ("conversations.join", "chat.postMessage"):
        assert (await acme.api(method, channel="C0SUPPORT", text="Hello"))["error"] == "channel_not_found"
    await acme.driver.edit_conversation("#general", archived=True)
    assert (await acme.api("conversations.join", channel="C0GENERAL"))["error"] == "is_archived"
    wrong = await acme.api("conversations.join", channel="D0ALICE")
    assert wrong["error"] in {"channel_not_found", "method_not_supported_for_channel_type"}


async def test_the_deactivated_get_nothing(acme: World) -> None:
    """`user_disabled`, whichever way."""
    await acme.driver.edit_person("kenji", deleted=True)
    assert (await acme.api("conversations.open", users="U0KENJI"))["error"] == "user_disabled"
    assert (await acme.api("chat.postMessage", channel="U0KENJI", text="Hello"))["error"] == "user_disabled"


async def test_blocks_need_their_text(acme: World) -> None:
    """The text is the notification and what is read aloud."""
    answer = await acme.api("chat.postMessage", channel="U0ALICE", blocks=a_list()["blocks"])
    assert answer["error"] == "invalid_arguments"
    assert "json-pointer:/text" in answer["response_metadata"]["messages"][0]


async def test_a_block_that_breaks_a_limit_is_pointed_at(acme: World) -> None:
    """`invalid_blocks` with a JSON pointer."""
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    answer = await acme.api("chat.postMessage", channel="U0ALICE", text="x", blocks=blocks)
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_an_update_says_what_becomes_of_the_blocks(acme: World) -> None:
    """What had blocks must get blocks, even none."""
    posted = await acme.client.chat_postMessage(channel="U0ALICE", **a_list())
    answer = await acme.api("chat.update", channel="D0ALICE", ts=posted["ts"], text="Done")
    assert answer["error"] == "invalid_arguments"
    assert (await acme.api("chat.update", channel="D0ALICE", ts=posted["ts"], text="Done", blocks=[]))["ok"]


async def test_only_own_messages_can_be_edited(acme: World) -> None:
    """And only those that are there."""
    await acme.driver.person("alice").types("/invite @Inboxkeeper", in_="#general")
    await acme.driver.person("alice").types("hello bot", in_="#general")
    ts = (await acme.driver.person("alice").sees()).conversations["#general"].last.ts
    answer = await acme.api("chat.update", channel="C0GENERAL", ts=ts, text="mine")
    assert answer["error"] == "cant_update_message"
    answer = await acme.api("chat.update", channel="D0ALICE", ts="1.000000", text="mine")
    assert answer["error"] == "message_not_found"


async def test_metadata_is_kept_and_found_in_the_history(acme: World) -> None:
    """This is how a bot that crashed finds out whether it had posted."""
    metadata = {"event_type": "notice", "event_payload": {"nonce": "n1"}}
    posted = await acme.client.chat_postMessage(channel="U0ALICE", text="One", metadata=metadata)
    await acme.client.chat_update(channel="D0ALICE", ts=posted["ts"], text="One, edited")
    history = await acme.client.conversations_history(channel="D0ALICE", include_all_metadata=True, limit=5)
    [message] = history["messages"]
    assert message["metadata"]["event_payload"] == {"nonce": "n1"}
    without = await acme.client.conversations_history(channel="D0ALICE", limit=5)
    assert "event_payload" not in without["messages"][0]["metadata"]
    later = await acme.client.conversations_history(channel="D0ALICE", oldest=posted["ts"])
    assert later["messages"] == []


async def test_people_come_in_pages(acme: World) -> None:
    """The cursor leads to the next page and is empty on the last."""
    await acme.driver.add_people(10)
    first = await acme.client.users_list(limit=10, include_locale=True)
    second = await acme.client.users_list(limit=10, cursor=first["response_metadata"]["next_cursor"])
    assert len(first["members"]) + len(second["members"]) == 17
    assert second["response_metadata"]["next_cursor"] == ""
    sakura = first["members"][0]
    assert (sakura["locale"], sakura["is_owner"]) == ("ja-JP", True)
    assert (await acme.api("users.list", cursor="nonsense"))["error"] == "invalid_cursor"


async def test_the_email_needs_its_scope(acme: World) -> None:
    """users:read alone shows no address."""
    alice = (await acme.client.users_info(user="U0ALICE", include_locale=True))["user"]
    assert (alice["profile"]["email"], alice["locale"]) == ("alice@acme.example", "en-US")
    acme.slack.core.settings.scopes = ("users:read",)
    assert "email" not in (await acme.client.users_info(user="U0ALICE"))["user"]["profile"]


async def test_a_trigger_works_once_and_for_three_seconds(acme: World) -> None:
    """By the sandbox clock."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox hello")
    trigger = acme.got[-1]["trigger_id"]
    assert (await acme.api("views.open", trigger_id=trigger, view=a_form()))["ok"]
    again = await acme.api("views.open", trigger_id=trigger, view=a_form())
    assert again["error"] == "exchanged_trigger_id"
    await alice.types("/inbox hello")
    await acme.driver.advance(3.1)
    late = await acme.api("views.open", trigger_id=acme.got[-1]["trigger_id"], view=a_form())
    assert late["error"] == "expired_trigger_id"
    never = await acme.api("views.open", trigger_id="1.2.3", view=a_form())
    assert never["error"] == "invalid_trigger_id"


async def test_a_stale_hash_conflicts(acme: World) -> None:
    """The second of two who change the same view."""
    view = {"type": "home", "blocks": []}
    first = await acme.client.views_publish(user_id="U0ALICE", view=view)
    await acme.client.views_publish(user_id="U0ALICE", view=view, hash=first["view"]["hash"])
    answer = await acme.api("views.publish", user_id="U0ALICE", view=view, hash=first["view"]["hash"])
    assert answer["error"] == "hash_conflict"


async def test_a_closed_view_is_not_found(acme: World) -> None:
    """Updating what the person closed is normal, and refused."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox connect")
    modal = (await alice.sees()).modal
    assert modal is not None
    assert (await acme.api("views.update", view_id=modal.id, view=a_form()))["ok"]
    await alice.closes()
    assert (await acme.api("views.update", view_id=modal.id, view=a_form()))["error"] == "not_found"


async def test_a_response_url_works_five_times_in_thirty_minutes(acme: World) -> None:
    """It edits the ephemeral message it came from; the sixth use is refused."""
    alice = acme.driver.person("alice")
    await alice.types("/inbox list")
    await alice.clicks("Open")
    url = acme.got[-1]["response_url"]
    for number in range(5):
        body = {"replace_original": True, "text": f"Edit {number}"}
        async with acme.session.post(url, json=body) as response:
            assert response.status == 200
    async with acme.session.post(url, json={"text": "Sixth"}) as response:
        assert (response.status, (await response.json())["error"]) == (404, "used_url")
    assert [m.plain for m in (await alice.sees()).messages("#general")] == ["Edit 4"]
    await alice.types("/inbox hello")
    await acme.driver.advance(31 * 60)
    async with acme.session.post(acme.got[-1]["response_url"], json={"text": "Late"}) as response:
        assert (await response.json())["error"] == "expired_url"


async def test_the_log_never_holds_a_token(acme: World) -> None:
    """Method, outcome and arguments only."""
    await acme.client.api_call("auth.test", data={"token": "xoxb-local"})
    [call] = await acme.driver.calls("auth.test")
    assert (call["ok"], call["error"]) == (True, None)
    assert "xoxb" not in str(call)


async def test_what_is_broken_strikes_until_mended(acme: World) -> None:
    """By method, and for so many times."""
    await acme.driver.break_("error", method="chat.postMessage", error="fatal_error", times=1)
    assert (await acme.api("chat.postMessage", channel="U0ALICE", text="One"))["error"] == "fatal_error"
    assert (await acme.api("chat.postMessage", channel="U0ALICE", text="One"))["ok"]
    await acme.driver.break_("dm_closed", person="kenji")
    assert (await acme.api("conversations.open", users="U0KENJI"))["error"] == "messages_tab_disabled"
    await acme.driver.break_("ratelimited", retry_after=7)
    assert (await acme.api("auth.test"))["http"] == 429
    await acme.driver.mend()
    assert (await acme.api("auth.test"))["ok"]


async def test_an_answer_can_get_lost_after_the_deed(acme: World) -> None:
    """The message is there, the bot was never told."""
    await acme.driver.break_("lost_answer", method="chat.postMessage", times=1)
    with pytest.raises(aiohttp.ClientError):
        await acme.client.chat_postMessage(channel="U0ALICE", text="One")
    assert (await acme.driver.person("alice").sees()).dm.unread == 1


async def test_an_uninstalled_app_is_nobody(acme: World) -> None:
    """Its token is dead from then on."""
    await acme.driver.uninstall()
    assert (await acme.api("auth.test"))["error"] == "account_inactive"
    await acme.driver.install()
    assert (await acme.api("auth.test"))["ok"]
