"""What people get who type nonsense, press old buttons, or are not who they should be."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.questions import asks, asks_for_modal, both_submit, in_time, modal_text, submits
from tests.stage import Stage

ABOUT_ONE = ("status", "disconnect", "disable", "enable", "remove", "reconnect")
SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])


# --- what is typed


@SQLITE
async def test_an_unknown_address_is_answered_with_the_nearest(stage: Stage) -> None:
    """A typo in one's own address is met with the address that was meant."""
    await stage.connected("alice")
    for verb in ABOUT_ONE:
        answer = await asks(stage, "alice", f"/inbox {verb} alise@acme.example")
        assert "alise@acme.example is neither your inbox nor a team address here." in answer
        assert "Did you mean alice@acme.example?" in answer


@SQLITE
async def test_an_address_like_no_other_leads_to_the_list(stage: Stage) -> None:
    """Where nothing is near, the answer says where to look, in the asker's language."""
    answer = await asks(stage, "alice", "/inbox status nobody@elsewhere.example")
    assert "Look at the list of your inboxes, or connect this one." in answer
    assert "/inbox list" in answer
    answer = await asks(stage, "kenji", "/inbox 状態 nobody@elsewhere.example")
    assert "nobody@elsewhere.example" in answer and "受信トレイ" in answer


@SQLITE
async def test_somebody_elses_inbox_is_as_unknown_as_none(stage: Stage) -> None:
    """No verb, and no near miss, tells one member what another has connected."""
    await stage.connected("alice")
    for verb in ABOUT_ONE:
        taken = await asks(stage, "kenji", f"/inbox {verb} alice@acme.example")
        free = await asks(stage, "kenji", f"/inbox {verb} nobody@acme.example")
        assert taken.replace("alice@", "nobody@") == free
    near = await asks(stage, "kenji", "/inbox status alise@acme.example")
    assert "alice@" not in near
    assert "alice@" not in await asks(stage, "kenji", "/inbox list")


@SQLITE
@pytest.mark.parametrize("is_team", [False, True])
async def test_connecting_does_not_tell_what_others_have(stage: Stage, is_team: bool) -> None:
    """Whoever wants somebody else's address must ask an admin, in the same words, connected or not."""
    await stage.connected("alice")
    kenji, refusals = stage.person("kenji"), []
    for address in ("alice@acme.example", "omar@acme.example"):
        await asks_for_modal(stage, "kenji", f"/inbox connect {address}")
        await (kenji.fills("名前", "Shop") if is_team else kenji.chooses(None, "自分の受信トレイ"))
        screen = await submits(stage, "kenji")
        assert screen.modal is not None
        refusals.append(screen.modal.plain.replace(address, "…"))
        await stage.person("kenji").closes()
    assert refusals[0] == refusals[1] != ""


@SQLITE
async def test_a_word_without_an_at_sign_is_no_address(stage: Stage) -> None:
    """The answer says what is wrong with it and how an address looks; the form says it at the field."""
    for verb in ("connect", *ABOUT_ONE):
        answer = await asks(stage, "alice", f"/inbox {verb} alice.acme")
        assert "“alice.acme” is not an e-mail address." in answer
        assert "Write it like name@example.com." in answer
    await asks_for_modal(stage, "alice", "/inbox connect")
    await stage.person("alice").fills("E-mail address", "alice.acme")
    screen = await submits(stage, "alice")
    assert screen.modal is not None
    assert "is not an e-mail address" in screen.modal.errors["address"]


@SQLITE
@pytest.mark.parametrize(
    "stuff", ["x" * 10_000, "x" * 5_000 + "@" + "y" * 5_000, "＠" * 10_000, "﷽" * 10_000]
)
async def test_ten_thousand_characters_get_a_short_answer(stage: Stage, stuff: str) -> None:
    """However much is typed, the answer stays short and says what to do."""
    for text in (stuff, *(f"{verb} {stuff}" for verb in ("connect", "list", *ABOUT_ONE))):
        answer = await asks(stage, "alice", f"/inbox {text}")
        assert len(answer) < 1_500


@SQLITE
async def test_an_unknown_verb_is_met_with_help_and_the_nearest(stage: Stage) -> None:
    """A misspelt verb names the one that was meant, and help follows."""
    answer = await asks(stage, "alice", "/inbox disabel alice@acme.example")
    assert "Did you mean /inbox disable?" in answer
    assert "[Run /inbox disable] [Help]" in answer


@SQLITE
async def test_a_verb_alone_asks_which(stage: Stage) -> None:
    """A verb without an address is offered the way on when there is nothing to choose from."""
    answer = await asks(stage, "alice", "/inbox disable")
    assert "You have no inbox here yet." in answer and "[Connect an inbox]" in answer


# --- old buttons and forms


@SQLITE
async def test_a_stale_button_shows_what_is_so_now(stage: Stage) -> None:
    """A button drawn for an older state does nothing and shows the present one."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.closes()
    await asks_for_modal(stage, "alice", "/inbox disable alice@acme.example")
    await submits(stage, "alice")
    await alice.closes()
    await asks(stage, "alice", "/inbox list")  # its Enable is of this version
    await asks(stage, "alice", "/inbox enable alice@acme.example")
    in_time(await alice.clicks("Enable", in_="#general"))
    screen = await alice.sees()
    answer = "\n".join(message.plain for message in screen.messages("#general"))
    assert "Somebody else has just changed this inbox, so nothing was done." in answer
    assert "Look at its present state and try again." in answer
    assert "🟢 Connected since" in answer


@SQLITE
async def test_a_stale_form_asks_again(stage: Stage) -> None:
    """A confirmation asked for an older state is not taken: it is asked again, with the reason."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", "/inbox disable alice@acme.example")
    stage.town.google.break_down("revoked", "alice@acme.example")
    await stage.passes(minutes=21)
    screen = await submits(stage, "alice")
    assert "That has changed" in modal_text(screen)
    assert screen.modal is not None and screen.modal.submit == "Yes, disable it"
    assert "is disabled. Nothing was deleted." in modal_text(await submits(stage, "alice"))


@pytest.mark.threaded
async def test_a_button_pressed_twice_at_once_is_done_once(stage: Stage) -> None:
    """A double click on Enable enables once; whatever the second press shows, it is the present state."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.closes()
    await asks_for_modal(stage, "alice", "/inbox disable alice@acme.example")
    await submits(stage, "alice")
    await alice.closes()
    await asks(stage, "alice", "/inbox list")
    for shown in await asyncio.gather(*(alice.clicks("Enable", in_="#general") for _ in range(2))):
        in_time(shown)
    status = await asks(stage, "alice", "/inbox status alice@acme.example")
    assert "🟢 Connected since" in status and status.count("Was enabled") == 1


@pytest.mark.threaded
async def test_a_form_sent_twice_at_once_is_done_once(stage: Stage) -> None:
    """Pressing twice removes once, revokes once and tells once."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", "/inbox remove alice@acme.example")
    await both_submit(stage, "alice", "alice")
    await stage.passes(seconds=5)
    screen = await stage.person("alice").sees()
    assert "Revoked at Google: confirmed." in modal_text(screen)
    assert stage.town.google.requests["revoke"] == 1
    assert screen.dm.plain.count("is removed from Inboxkeeper.") == 1


@pytest.mark.threaded
async def test_two_people_at_once_do_it_once_and_both_are_told(stage: Stage) -> None:
    """An owner and a super admin remove the same inbox at once: one removal, and both see it."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    for name in ("alice", "sakura"):
        await asks_for_modal(stage, name, "/inbox remove alice@acme.example")
    await both_submit(stage, "alice", "sakura")
    await stage.passes(seconds=5)
    assert stage.town.google.requests["revoke"] == 1
    for name, gone in (
        ("alice", "is removed from Inboxkeeper."),
        ("sakura", "を Inboxkeeper から削除しました。"),
    ):
        screen = await stage.person(name).sees()
        assert gone in screen.plain
    assert "Nothing is connected yet" in await asks(stage, "alice", "/inbox list")


@SQLITE
@pytest.mark.parametrize("verb", ["disable", "remove"])
async def test_a_form_whose_inbox_is_gone_says_so(stage: Stage, verb: str) -> None:
    """Somebody else removed the inbox while the question was open: the answer is the truth, not an error."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", f"/inbox {verb} alice@acme.example")
    await asks_for_modal(stage, "sakura", "/inbox remove alice@acme.example")
    await submits(stage, "sakura")
    text = modal_text(await submits(stage, "alice"))
    assert "alice@acme.example has been removed." in text
    assert "Connect it again if it is needed." in text


@SQLITE
async def test_buttons_of_a_removed_inbox_say_that_it_is_gone(stage: Stage) -> None:
    """Old messages keep their buttons; pressing one tells what became of the inbox."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.closes()
    await asks(stage, "alice", "/inbox status alice@acme.example")
    await asks_for_modal(stage, "alice", "/inbox remove alice@acme.example")
    await submits(stage, "alice")
    await alice.closes()
    for label in ("Disable", "Remove", "Reconnect"):
        in_time(await alice.chooses(None, label, in_="#general"))
        screen = await alice.sees()
        assert "has been removed." in screen.plain, label
        if screen.modal:
            await alice.closes()


# --- who may not


@SQLITE
async def test_a_guest_is_told_whom_to_ask(stage: Stage) -> None:
    """A guest gets an answer in words, on the command and on Home; nobody shows them what they may not do."""
    alone = ("", "list", "help", "admins", "keys", "webhooks", "drill", "export", "report", "remove")
    for text in (*alone, "connect gus@partner.example", "status alice@acme.example"):
        answer = await asks(stage, "gus", f"/inbox {text}")
        assert "Guests and people of other workspaces cannot use Inboxkeeper." in answer
        assert "Ask a member of this workspace to do it for you." in answer
    await stage.person("gus").opens_home()
    await stage.person("gus").until(lambda screen: screen.home and "Guests and people" in screen.home.plain)


@SQLITE
async def test_somebody_elses_address_takes_a_super_admin(stage: Stage) -> None:
    """Connecting an address that Slack does not know as one's own names those who can."""
    await asks_for_modal(stage, "alice", "/inbox connect support@acme.example")
    await stage.person("alice").chooses(None, "My inbox")
    screen = await submits(stage, "alice")
    assert screen.modal is not None
    assert "support@acme.example" in screen.modal.plain
    assert "These people get your request" in screen.modal.plain and "Omar Haddad" in screen.modal.plain
