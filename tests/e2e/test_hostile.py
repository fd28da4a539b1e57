"""Names, uses and addresses that mean harm are shown as text; odd typing is understood as meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.driver import Screen
from tests.e2e.questions import asks, asks_for_modal, modal_text, submits
from tests.stage import Stage

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])

NASTY = "<!channel> <@U0SAKURA> *x* <https://evil.example|Google> <script>alert(1)</script> \u202e{name} %s"
ALICE = "alice@acme.example"


def is_harmless(screen: Screen) -> None:
    """No mention, link or markup of a stranger's making in anything that the bot has said."""
    blocks = [block for view in (screen.home, screen.modal) if view for block in view.blocks]
    messages = [message for talk in screen.conversations.values() for message in talk.messages]
    said = str([blocks, *(message.blocks for message in messages), *(message.text for message in messages)])
    for poison in ("<!channel", "<https://evil", "<script", "\u202e", "&lt;@U0SAKURA&gt;|"):
        assert poison not in said, poison


@pytest.mark.parametrize(
    "address", ["o'brien@acme.example", "first_last_@acme.example", "a*b~c`d@acme.example"]
)
async def test_odd_addresses_go_the_whole_way(stage: Stage, address: str) -> None:
    """Characters that format text in Slack belong to real addresses: connected, listed and removed."""
    stage.town.google.accounts.add(address)
    await stage.driver.edit_person("alice", email=address)
    await stage.connected("alice", address)
    await stage.person("alice").closes()
    assert "🟢 Connected since" in await asks(stage, "alice", "/inbox list")
    assert "🟢 Connected since" in await asks(stage, "alice", f"/inbox status {address}")
    await asks_for_modal(stage, "alice", f"/inbox remove {address}")
    assert "is removed from Inboxkeeper." in modal_text(await submits(stage, "alice"))


async def test_a_hostile_name_is_only_a_name(stage: Stage) -> None:
    """Whatever somebody calls themselves is text on the landing page and in Slack."""
    await stage.driver.edit_person("alice", real_name=NASTY)
    await asks_for_modal(stage, "alice", "/inbox connect")
    await submits(stage, "alice")
    link, browser = await stage.link_in_modal("alice"), stage.browser()
    landing = await browser.opens(link)
    assert "<script" not in landing.html and 'href="https://evil' not in landing.html
    assert "asked to connect this inbox to the Slack workspace Acme" in landing.text
    assert "Connected ✓" in (await stage.consents(link, ALICE, browser=browser)).text
    await asks(stage, "alice", f"/inbox status {ALICE}")
    is_harmless(await stage.person("alice").sees())


async def test_a_hostile_use_is_only_a_use(stage: Stage) -> None:
    """What somebody says depends on an inbox stands as text in the message that it stopped."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    async with stage.bot.services.core.storage.writing() as uow:
        (channel,) = await uow.channels.all(stage.bot.services.workspace.id)
        await uow.channels.save(replace(channel, use=NASTY))
        await uow.commit()
    await asks(stage, "alice", f"/inbox status {ALICE}")
    await asks_for_modal(stage, "alice", f"/inbox remove {ALICE}")
    is_harmless(await stage.person("alice").sees())
    await stage.person("alice").closes()
    stage.town.google.break_down("revoked", ALICE)
    await stage.passes(minutes=21)
    screen = await stage.person("alice").sees()
    assert "What stops working: " in screen.dm.last.plain
    is_harmless(screen)


@pytest.mark.parametrize(
    "typed",
    [NASTY, f"status {NASTY}", f"connect {NASTY}", "status <!channel>@acme.example", "<!here>", "`rm -rf`"],
)
async def test_hostile_typing_is_repeated_as_text(stage: Stage, typed: str) -> None:
    """What is quoted back to a person cannot mention, link or format anything."""
    await asks(stage, "alice", f"/inbox {typed}")
    is_harmless(await stage.person("alice").sees())


async def test_the_word_payload_is_a_word(stage: Stage) -> None:
    """Text that looks like the field of a Slack form is text."""
    assert "No such inbox" in await asks(stage, "alice", "/inbox payload@acme.example")
    assert "is not a command." in await asks(stage, "alice", '/inbox payload={"type":"x"}&ssl_check=1')
    assert "is not a command." in await asks(stage, "alice", "/inbox &payload=x")


@pytest.mark.parametrize(
    "typed",
    [
        "ｓｔａｔｕｓ　ａｌｉｃｅ＠ａｃｍｅ．ｅｘａｍｐｌｅ",
        "STATUS Alice@ACME.example",
        "status “alice@acme.example”",
        "status 'alice@acme.example',",
        "status <mailto:alice@acme.example|alice@acme.example>",
        "<mailto:alice@acme.example|alice@acme.example> status",
        "status\u00a0alice@acme.example\u200b",
        "状態　「alice@acme.example」",
        "alice@acme.example",
    ],
)
async def test_what_keyboards_and_editors_make_of_it_is_understood(stage: Stage, typed: str) -> None:
    """Full-width letters, smart quotes, links and invisible characters change nothing that was meant."""
    await stage.connected("alice")
    await stage.person("alice").closes()
    answer = await asks(stage, "alice", f"/inbox {typed}")
    assert answer.startswith("alice@acme.example · Gmail") and "Permissions" in answer


async def test_an_apostrophe_survives_the_editor(stage: Stage) -> None:
    """Slack's editor makes smart apostrophes: the address that was meant is found."""
    stage.town.google.accounts.add("o'brien@acme.example")
    await stage.driver.edit_person("alice", email="o'brien@acme.example")
    await asks_for_modal(stage, "alice", "/inbox connect o’brien@acme.example")
    assert "Connect o'brien@acme.example." in modal_text(await submits(stage, "alice"))


async def test_a_full_width_address_can_be_connected(stage: Stage) -> None:
    """The form reads an address as the command does."""
    await asks_for_modal(stage, "alice", "/inbox connect")
    await stage.person("alice").fills("E-mail address", "“ＡＬＩＣＥ＠ａｃｍｅ．ｅｘａｍｐｌｅ”")
    screen = await submits(stage, "alice")
    assert "Connect alice@acme.example." in modal_text(screen)
