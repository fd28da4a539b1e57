"""A mailbox at an ordinary mail host, from the slash command to its removal: there is a password to enter,
never in Slack, and only its owner can end the access there."""

from __future__ import annotations

import pytest

from tests.driver import Screen
from tests.stage import Stage

SUPPORT = "support@harbor.example"


@pytest.fixture
def database_kind() -> str:
    """What both databases keep of it is tried in ``tests/services``."""
    return "sqlite"


def modal_of(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return screen.modal.plain


async def connects(stage: Stage, address: str = SUPPORT, by: str = "omar") -> None:
    """A super admin connects a team address whose mail host was found out."""
    person = stage.person(by)
    await person.types(f"/inbox connect {address}")
    await stage.fills_in_team(by, name="Support", use="Zendesk answers customers from it")
    page = await stage.signs_in_by_password(await stage.presses_on(by), address)
    assert "Connected" in page.text, page.text
    await person.closes()


async def test_the_mail_host_is_found_out_and_the_form_knows_it(stage: Stage) -> None:
    """Slack says what will be asked; the page names host and port already; the password is never shown."""
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use="Zendesk answers customers from it")
    url = await stage.presses_on("omar")
    said = modal_of(await omar.sees())
    assert "by its mail server" in said and "Never type a password in Slack" in said
    browser = stage.browser()
    form = await browser.presses(await browser.opens(url))
    assert form.shown["host"] == "imap.harbor.example"
    page = await stage.signs_in_by_password(url, SUPPORT, browser=browser)
    assert "Connected" in page.text
    assert stage.town.imap.password_of(SUPPORT) not in page.html
    assert f"{SUPPORT} is connected" in (await omar.sees()).dm.last.plain


async def test_a_wrong_password_keeps_everything_else(stage: Stage) -> None:
    """The form comes back with the reason and what was typed; the next try succeeds."""
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use="Zendesk answers customers from it")
    url, browser = await stage.presses_on("omar"), stage.browser()
    page = await stage.signs_in_by_password(url, SUPPORT, password="wrong horse", browser=browser)
    assert "wrong horse" not in page.html
    assert page.shown["host"] == "imap.harbor.example"
    assert page.shown["password"] == ""
    assert "4" in page.text  # tries that are left
    filled = {**page.shown, "password": stage.town.imap.password_of(SUPPORT)}
    assert "Connected" in (await browser.opens(page.form_action, method="POST", data=filled)).text


async def test_somebody_who_knows_better_chooses_another_host(stage: Stage) -> None:
    """What was found out can be overruled by one button, and nothing is typed again."""
    alice = stage.person("alice")
    await alice.types("/inbox connect alice@acme.example")
    await alice.fills("What depends on it?", "Invoices")
    await stage.presses_on("alice")
    assert "Google will ask for this" in modal_of(await alice.sees())
    await alice.clicks("Another mail server (IMAP)")
    shown = modal_of(await alice.until(lambda screen: "by its mail server" in modal_of(screen)))
    assert "Gmail" in shown  # and the way back
    page = await stage.signs_in_by_password(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "Connected" in page.text
    await alice.types("/inbox status alice@acme.example")
    status = (await alice.sees()).messages("#general")[-1].plain
    assert "Invoices" in status and "imap.harbor.example" in status


async def test_a_changed_password_is_told_and_mended(stage: Stage) -> None:
    """The message says that the password is refused; its button leads to the form; the message is edited."""
    await connects(stage)
    stage.town.imap.change_password(SUPPORT)
    await stage.passes(minutes=45)
    omar = stage.person("omar")
    alarm = (await omar.sees()).dm.last
    assert "no longer accepts the password" in alarm.plain
    page = await stage.signs_in_by_password(await stage.link_in_dm("omar"), SUPPORT)
    assert "Reconnected" in page.text
    await stage.passes(seconds=5)
    assert any("works again" in message.plain for message in (await omar.sees()).dm.messages)


async def test_removing_says_what_only_its_owner_can_do(stage: Stage) -> None:
    """Before the click and after it: nothing is claimed that we cannot do at the mail host."""
    await connects(stage)
    omar = stage.person("omar")
    await omar.types(f"/inbox remove {SUPPORT}")
    assert "delete it there afterwards" in modal_of(await omar.sees())
    await omar.submits()
    removed = modal_of(await omar.until(lambda screen: "is removed from Inboxkeeper" in modal_of(screen)))
    assert "nothing that Inboxkeeper can revoke" in removed and "IT department" in removed
    assert "Check again" in removed


async def test_a_japanese_member_meets_the_same_in_japanese(stage: Stage) -> None:
    """The dialog, the form, and what comes of it."""
    kenji = stage.person("kenji")
    await kenji.types("/inbox 接続 kenji@acme.example")
    await kenji.submits()
    await kenji.clicks("その他のメールサーバー（IMAP）")
    shown = modal_of(await kenji.until(lambda screen: "IMAP" in modal_of(screen)))
    assert "パスワードは Slack に書かないでください" in shown
    browser = stage.browser("ja")
    page = await stage.signs_in_by_password(
        await stage.link_in_modal("kenji"), "kenji@acme.example", browser=browser
    )
    assert "接続" in page.text
