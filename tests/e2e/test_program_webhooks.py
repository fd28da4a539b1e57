"""Webhooks of programs, as super admins see, make, test and remove them in Slack."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bot.domain.grant import Secret
from bot.domain.ids import UserId
from bot.domain.webhook import Webhook
from bot.services.connections.webhooks import WebhookSpec
from sandbox.receiver import HOST, PATH, Receiver
from tests.driver import Screen
from tests.e2e.questions import asks, asks_for_modal, both_submit, in_time, modal_text, submits
from tests.services.play import Play, on_both
from tests.services.test_secrets import everything_stored, log
from tests.stage import KEY, Stage, a_stage

__all__ = ["log"]
SUPPORT: Final = "support@acme.example"
_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
ALL: Final = "All team addresses, those connected later too"


@pytest.fixture
def database_kind() -> str:
    """What is shown does not depend on the database; what is written is tried on both."""
    return "sqlite"


@pytest.fixture
async def stage(settled_url: str, inline_sqlite: None, tmp_path: Path) -> AsyncIterator[Stage]:
    """Programs are let in; support is the team's."""
    async with a_stage(settled_url, key=KEY, API="true") as built:
        await built.settles()
        await built.team_connected()
        yield built


def receiver(stage: Stage) -> Receiver:
    return stage.town.receiver


def address(stage: Stage) -> str:
    return f"http://{HOST}:{urlsplit(stage.town.url).port}{PATH}"


async def fills_in(
    stage: Stage, *, name: str = "Help desk", url: str = "", inboxes: tuple[str, ...] = (SUPPORT,)
) -> None:
    """The form, up to its button."""
    omar = stage.person("omar")
    await asks_for_modal(stage, "omar", "/inbox webhooks")
    in_time(await omar.clicks("Add a webhook"))
    in_time(await omar.fills("Which program is it for?", name))
    in_time(await omar.fills("Where is it told?", url or address(stage)))
    for one in inboxes:
        in_time(await omar.chooses("Addresses", one))
    if not inboxes:
        in_time(await omar.chooses(None, ALL))


async def makes(stage: Stage, **filled: Any) -> str:
    """A webhook whose receiver has its secret and took a test."""
    await fills_in(stage, **filled)
    secret = secret_in(await submits(stage, "omar"))
    receiver(stage).learns(secret)
    in_time(await stage.person("omar").clicks("Send a test"))
    assert "The receiver took the test" in await listed(stage)
    return secret


def secret_in(screen: Screen) -> str:
    shown = _SECRET.findall(modal_text(screen))
    assert len(shown) == 1, modal_text(screen)
    return str(shown[0])


async def listed(stage: Stage) -> str:
    return modal_text(await stage.person("omar").sees())


async def there(stage: Stage) -> tuple[Webhook, ...]:
    services = stage.bot.services
    async with services.core.storage.reading() as uow:
        return await uow.webhooks.of_workspace(services.workspace.id)


def heard(stage: Stage) -> list[str]:
    return [it.body["type"] for it in receiver(stage).received]


@on_both
async def test_a_super_admin_adds_a_webhook_and_a_program_is_told(stage: Stage) -> None:
    """The receiver refuses the first test, since it has no secret yet; with it, it takes one and is told."""
    assert "There are no webhooks yet." in modal_text(await asks_for_modal(stage, "omar", "/inbox webhooks"))
    await stage.person("omar").closes(whole=True)
    await fills_in(stage)
    made = await submits(stage, "omar")
    assert "Its last answer was 400." in modal_text(made) and "does it have the secret?" in modal_text(made)
    receiver(stage).learns(secret_in(made))
    in_time(await stage.person("omar").clicks("All webhooks"))
    assert "Nothing is sent yet" in await listed(stage)
    in_time(await stage.person("omar").clicks("Send a test", near="Help desk"))
    said = await listed(stage)
    for words in ("The receiver took the test", "Works", "Last taken", f"Inboxes: {SUPPORT}", HOST, "@Omar"):
        assert words in said, said
    assert "whsec_" not in said and PATH not in said
    receiver(stage).received.clear()
    await stage.breaks(SUPPORT, minutes=10)
    assert heard(stage) == ["channel.disconnected"]


@on_both
async def test_a_webhook_that_was_switched_off_is_switched_on_again(stage: Stage) -> None:
    """The message leads to the list; what was missed is in the feed, and what happens next is told."""
    await makes(stage)
    receiver(stage).behaves("410")
    await stage.breaks(SUPPORT, minutes=10)
    omar = stage.person("omar")
    await omar.closes(whole=True)
    in_time(await omar.clicks("Webhooks", near="Help desk was switched off", in_="dm"))
    assert "gone for good (410)" in await listed(stage)
    in_time(await omar.clicks("Switch on again", near="Help desk"))
    assert "did not take the test" in await listed(stage)
    receiver(stage).behaves("takes")
    in_time(await omar.clicks("Switch on again", near="Help desk"))
    assert "What it missed meanwhile is in the feed" in await listed(stage)
    receiver(stage).received.clear()
    await omar.closes(whole=True)
    in_time(await omar.types(f"/inbox disable {SUPPORT}"))
    in_time(await omar.clicks("Yes, disable it"))
    await stage.passes(seconds=10)
    assert heard(stage) == ["channel.disabled"]


@on_both
async def test_a_secret_is_rotated_once_however_often_it_is_pressed(stage: Stage) -> None:
    """Of a second press, by whomever, nothing comes: the receiver's own secret would be void."""
    first = await makes(stage)
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await asks_for_modal(stage, "sakura", "/inbox webhooks")
    in_time(await omar.clicks("New secret", near="Help desk", confirm=True))
    second = secret_in(await omar.sees())
    assert second != first and "24 hours" in await listed(stage)
    in_time(await sakura.clicks("シークレットを再発行", near="Help desk", confirm=True))
    late = modal_text(await sakura.sees())
    assert "すでに別の操作で再発行されています" in late and not _SECRET.search(late)
    in_time(await omar.clicks("Send a test"))
    assert "The receiver took the test" in await listed(stage)  # with the first secret still
    receiver(stage).secrets = [second]
    in_time(await omar.clicks("Send a test", near="Help desk"))
    assert "The receiver took the test" in await listed(stage)


async def test_it_is_removed_after_a_question(stage: Stage) -> None:
    """By one of two who look at it; the other's buttons then do nothing, and say so."""
    await makes(stage)
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await asks_for_modal(stage, "sakura", "/inbox webhooks")
    await omar.clicks("Remove webhook", near="Help desk", confirm=False)
    assert len(await there(stage)) == 1
    in_time(await omar.clicks("Remove webhook", near="Help desk", confirm=True))
    assert "The webhook Help desk is removed." in await listed(stage)
    for press in ("テストを送信", "シークレットを再発行", "Webhook を削除"):
        in_time(await sakura.clicks(press, near="Help desk", confirm=True))
        assert "この Webhook はすでに削除されています" in modal_text(await sakura.sees())
        await sakura.closes(whole=True)
        if press != "Webhook を削除":
            await _draws_it_again(stage)
    assert await there(stage) == ()


async def edits(stage: Stage) -> Screen:
    """The form of the webhook in the list, as it begins."""
    in_time(await stage.person("omar").clicks("Edit", near="Help desk"))
    return await stage.person("omar").sees()


def elsewhere(stage: Stage) -> str:
    """The same receiver under another address, with a secret in it."""
    return f"{address(stage)}?token=hunter2"


@on_both
async def test_a_webhook_is_edited_in_a_form_that_begins_with_what_stands(stage: Stage) -> None:
    """But for its address, which is never shown and stays unless another is typed."""
    await stage.team_connected("sales@acme.example")
    await makes(stage)
    screen = await edits(stage)
    assert screen.modal is not None
    blocks = json.dumps(screen.modal.blocks)
    for words in (
        "Help desk",
        SUPPORT,
        HOST,
        "The signing secret stays the same",
        "A new address is sent a test",
    ):
        assert words in blocks, blocks
    assert PATH not in blocks and "whsec_" not in blocks
    assert "You changed nothing" in modal_text(await submits(stage, "omar"))
    await edits(stage)
    omar = stage.person("omar")
    in_time(await omar.fills("Which program is it for?", "Service desk"))
    in_time(await omar.chooses("Addresses", "sales@acme.example"))
    said = modal_text(await submits(stage, "omar"))
    assert "The webhook Service desk is changed." in said
    assert "sales@acme.example" in said and SUPPORT in said
    in_time(await omar.clicks("Edit", near="Service desk"))
    in_time(await omar.chooses(None, ALL))
    said = modal_text(await submits(stage, "omar"))
    assert "Inboxes: all team addresses" in said, said
    await omar.closes(whole=True)
    said = await asks(stage, "alice", f"/inbox why {SUPPORT}")
    assert "The webhook of the program Service desk was changed · @Omar" in said, said


@on_both
async def test_a_new_address_counts_once_it_has_taken_a_test(stage: Stage, log: io.StringIO) -> None:
    """What is wrong stands beside the field, with all that was typed, and the one before goes on."""
    await makes(stage)
    receiver(stage).behaves("500")
    await edits(stage)
    omar = stage.person("omar")
    in_time(await omar.fills("Which program is it for?", "Service desk"))
    for url, words in (
        ("desk.example.com", "Write the address like https://"),
        ("https://127.0.0.1/hook", "must be a name, not a number"),
        (elsewhere(stage), "Its last answer was 500. Does the receiver there have the signing secret?"),
    ):
        in_time(await omar.fills("Where is it told?", url))
        screen = await submits(stage, "omar")
        assert screen.modal is not None
        assert words in " ".join(screen.modal.errors.values()), screen.modal.errors
    assert [it.name for it in await there(stage)] == ["Help desk"]
    receiver(stage).behaves("takes")
    said = modal_text(await submits(stage, "omar"))
    assert f"from now on it is told at {HOST}, with the same secret" in said, said
    assert [it.name for it in await there(stage)] == ["Service desk"]
    await omar.closes(whole=True)
    await stage.breaks(SUPPORT, minutes=10)
    assert heard(stage)[-1] == "channel.disconnected"
    said = " ".join(await everything_stored(Play(stage)))
    assert "hunter2" not in said and "hunter2" not in log.getvalue()


async def test_an_edit_that_comes_too_late_says_so(stage: Stage) -> None:
    """Somebody else has edited it, or removed it, while the form was open."""
    await makes(stage)
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await edits(stage)
    await asks_for_modal(stage, "sakura", "/inbox webhooks")
    in_time(await sakura.clicks("編集", near="Help desk"))
    in_time(await sakura.fills("プログラムの名前", "ヘルプデスク"))
    assert "Webhook「ヘルプデスク」を変更しました。" in modal_text(await submits(stage, "sakura"))
    in_time(await omar.fills("Which program is it for?", "Service desk"))
    late = modal_text(await submits(stage, "omar"))
    assert "your changes were not saved" in late and "ヘルプデスク" in late, late
    in_time(await omar.clicks("Edit", near="ヘルプデスク"))
    in_time(await sakura.clicks("Webhook を削除", near="ヘルプデスク", confirm=True))
    assert "This webhook was removed meanwhile." in modal_text(await submits(stage, "omar"))


async def test_who_is_no_super_admin_any_more_edits_nothing(stage: Stage) -> None:
    """With a form from before."""
    await makes(stage)
    await edits(stage)
    omar = stage.person("omar")
    in_time(await omar.fills("Which program is it for?", "Service desk"))
    await stage.driver.edit_person("omar", is_admin=False, is_owner=False)
    await stage.settles()
    await submits(stage, "omar")
    assert "Only super admins" in (await omar.sees()).plain
    assert [it.name for it in await there(stage)] == ["Help desk"]


async def test_why_says_who_added_and_who_removed_a_webhook(stage: Stage) -> None:
    await makes(stage)
    omar = stage.person("omar")
    in_time(await omar.clicks("New secret", near="Help desk", confirm=True))
    in_time(await omar.clicks("All webhooks"))
    in_time(await omar.clicks("Remove webhook", near="Help desk", confirm=True))
    await omar.closes(whole=True)
    said = await asks(stage, "alice", f"/inbox why {SUPPORT}")
    assert "A webhook for the program Help desk was added · @Omar" in said, said
    assert "The webhook of the program Help desk got a new signing secret · @Omar" in said, said
    assert "The webhook of the program Help desk was removed · @Omar" in said, said


async def _draws_it_again(stage: Stage) -> None:
    """Sakura has the list open with a webhook that is then removed by somebody else."""
    services = stage.bot.services
    spec = WebhookSpec("Help desk", Secret(address(stage)), is_for_team=True, created_by="U0OMAR")
    assert services.program_webhooks is not None
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    webhook, _ = await services.program_webhooks.create(omar, spec)
    await asks_for_modal(stage, "sakura", "/inbox webhooks")
    assert await services.program_webhooks.revoke(omar, webhook.id)


async def test_a_form_that_is_sent_twice_makes_one_webhook(stage: Stage) -> None:
    await fills_in(stage)
    await both_submit(stage, "omar", "omar")
    assert len(await there(stage)) == 1


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(stage: Stage) -> None:
    await stage.connected("alice")
    await fills_in(stage, url="desk.example.com/hook")
    omar = stage.person("omar")
    for wrong, field, right in (
        ("Write the address like https://", "Where is it told?", "https://desk example.com/"),
        ("Write the address like https://", "Where is it told?", f"https://{'a' * 254}.example/"),
        ("Write the address like https://", "Where is it told?", "javascript:alert(1)"),
        ("Write the address like https://", "Where is it told?", "https://ev\u202eil.example/"),
        ("Write the address like https://", "Where is it told?", address(stage)),
    ):
        screen = await submits(stage, "omar")
        assert screen.modal is not None and wrong in " ".join(screen.modal.errors.values()), screen.plain
        await omar.fills(field, right)
    assert await omar.searches("Addresses", "acme") == [SUPPORT]  # no personal ones
    await omar.chooses("Addresses", SUPPORT, on=False)
    screen = await submits(stage, "omar")
    assert screen.modal is not None and "Name an address, or choose" in " ".join(screen.modal.errors.values())
    await omar.chooses("Addresses", SUPPORT)
    assert secret_in(await submits(stage, "omar"))
    assert len(await there(stage)) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://127.0.0.1/hook", "must be a name, not a number"),
        ("https://localhost/hook", "full one, with a dot"),
        ("https://nowhere.example/hook?token=hunter2", "Its address is unknown, or"),
        ("https://user:hunter2@nowhere.example:22/", "Its address is unknown, or"),
        ("http://nowhere.example/hook", "must begin with https"),
    ],
)
async def test_what_may_not_be_called_is_said_in_words(
    stage: Stage, log: io.StringIO, url: str, words: str
) -> None:
    """And what is secret in its address stands in no list, no log and no row."""
    await fills_in(stage, url=url)
    assert words in modal_text(await submits(stage, "omar"))
    in_time(await stage.person("omar").clicks("All webhooks"))
    assert "hunter2" not in await listed(stage)
    assert "hunter2" not in log.getvalue()
    assert "hunter2" not in " ".join(await everything_stored(Play(stage)))


@pytest.mark.parametrize(
    "name", ["*bold* <!channel> <@U0ALICE> `x`", "a" * 60, "\u202eevil\u202c", "鍵" * 60]
)
async def test_a_hostile_name_is_shown_as_it_is(stage: Stage, name: str) -> None:
    """Or refused in words, where it is no line of text."""
    await fills_in(stage, name=name)
    screen = await submits(stage, "omar")
    if not name.isprintable():
        assert screen.modal is not None
        assert "A name is one line of 1 to 60 characters." in " ".join(screen.modal.errors.values())
        return
    assert secret_in(screen)
    in_time(await stage.person("omar").clicks("All webhooks"))
    in_time(await stage.person("omar").clicks("Remove webhook", near="", confirm=True))
    assert "is removed." in await listed(stage)


async def test_the_secret_is_nowhere_but_in_the_dialog(stage: Stage, log: io.StringIO) -> None:
    """In no message, no metadata, no button, no call but the one that shows it, no log and no row."""
    await fills_in(stage)
    screen = await submits(stage, "omar")
    secret = secret_in(screen)
    assert screen.modal is not None
    assert secret not in " ".join(await everything_stored(Play(stage)))
    assert secret not in screen.modal.private_metadata
    assert [secret in json.dumps(block) for block in screen.modal.blocks].count(True) == 1
    assert all(secret not in it.plain for it in screen.conversations.values())
    calls = [one["method"] for one in await stage.driver.calls() if secret in json.dumps(one)]
    assert len(calls) == 1, calls
    assert secret not in log.getvalue()


async def test_a_receiver_that_hangs_keeps_nobody_waiting(stage: Stage) -> None:
    """Slack has its answer in time; what came of the test stands there once the receiver has had its time."""
    await makes(stage)
    receiver(stage).behaves("hangs")
    omar = stage.person("omar")
    in_time(await omar.clicks("Send a test", near="Help desk"))
    assert "One moment" in await listed(stage)
    receiver(stage).behaves("takes")
    assert await omar.until(lambda it: "The receiver took the test" in modal_text(it))


async def test_nobody_else_sees_or_makes_webhooks(stage: Stage) -> None:
    """They read who can. A form or a list from before the role was lost does nothing."""
    said = await asks(stage, "alice", "/inbox ウェブフック")
    assert "Only super admins see and make webhooks." in said and "@Omar" in said
    await makes(stage)
    await stage.driver.edit_person("omar", is_admin=False, is_owner=False)
    await stage.settles()
    in_time(await stage.person("omar").clicks("Remove webhook", near="Help desk", confirm=True))
    assert "Only super admins" in await listed(stage)
    assert len(await there(stage)) == 1


async def test_sixty_webhooks_are_turned_over(stage: Stage) -> None:
    services = stage.bot.services
    assert services.program_webhooks is not None
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    for number in range(60):
        stage.town.clock.advance(timedelta(seconds=1))
        spec = WebhookSpec(f"Program {number}", Secret(address(stage)), is_for_team=True)
        await services.program_webhooks.create(omar, spec)
    await asks_for_modal(stage, "omar", "/inbox webhooks")
    seen = re.findall(r"Program \d+", await listed(stage))
    for _ in range(2):
        in_time(await stage.person("omar").clicks("Older webhooks"))
        seen += re.findall(r"Program \d+", await listed(stage))
    assert [len(seen), len(set(seen)), seen[0], seen[-1]] == [60, 60, "Program 59", "Program 0"]


async def test_in_japanese(stage: Stage) -> None:
    """Sakura reads Japanese, and the list of keys leads there."""
    await asks_for_modal(stage, "sakura", "/inbox キー")
    sakura = stage.person("sakura")
    in_time(await sakura.clicks("Webhook"))
    in_time(await sakura.clicks("Webhook を追加"))
    in_time(await sakura.fills("プログラムの名前", "ヘルプデスク"))
    in_time(await sakura.fills("通知先の URL", address(stage)))
    in_time(await sakura.chooses("アドレス", SUPPORT))
    assert "Webhook「ヘルプデスク」の署名シークレット" in modal_text(await submits(stage, "sakura"))
    in_time(await sakura.clicks("Webhook の一覧"))
    assert f"受信トレイ：{SUPPORT}" in modal_text(await sakura.sees())


async def test_without_programs_the_word_says_so(settled_url: str, inline_sqlite: None) -> None:
    async with a_stage(settled_url, key=KEY) as stage:
        await stage.settles()
        assert "No programs are let in" in await asks(stage, "omar", "/inbox webhooks")
        assert "/inbox webhooks" not in await asks(stage, "omar", "/inbox help")


async def test_when_whoever_made_it_leaves_the_others_are_asked(stage: Stage) -> None:
    """It works on, and they alone may know its secret: with the way to the list, and until it is removed."""
    await makes(stage)
    sakura = stage.person("sakura")
    await stage.driver.edit_person("omar", deleted=True)
    await stage.passes(seconds=3)
    told = (await sakura.sees()).messages("dm")[-1].plain
    assert "Help desk" in told and "Omar" in told and HOST in told, told
    in_time(await sakura.clicks("Webhook", in_="dm"))
    in_time(await sakura.clicks("Webhook を削除", near="Help desk", confirm=True))
    await stage.passes(seconds=3)
    told = (await sakura.sees()).messages("dm")[-1].plain
    assert "この Webhook は削除されました。対応は不要です。" in told, told


async def test_who_made_it_and_comes_back_needs_no_answer(stage: Stage) -> None:
    """Whoever was asked sees that."""
    await makes(stage)
    sakura = stage.person("sakura")
    for is_gone in (True, False):
        await stage.driver.edit_person("omar", deleted=is_gone)
        await stage.passes(seconds=3)
    told = (await sakura.sees()).messages("dm")[-1].plain
    assert "ワークスペースに戻りました" in told and "[" not in told, told
