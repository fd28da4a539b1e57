"""Features: asked for in one consent with everything else, missing without harm, mended by reconnecting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import load
from bot.domain.view_models import MOST_COUNTED
from sandbox.demo import Town
from tests.driver import Screen
from tests.e2e.conftest import stays_decent
from tests.services.play import ACME
from tests.stage import Stage, a_bot, a_town
from tests.storage.crowd import add_crowd

ALICE = "alice@acme.example"
FILE = """
[crm]
on = true
name.en = "CRM"
name.ja = "顧客管理"
reason.en = "to log what customers write"
reason.ja = "お客様からのメールを記録します"
scopes.google = ["https://www.googleapis.com/auth/gmail.readonly"]

[replies]
on = {replies}
name.en = "Replies"
reason.en = "to send answers"
scopes.google = ["https://www.googleapis.com/auth/gmail.send"]
"""


@pytest.fixture
def database_kind() -> str:
    """What both databases keep of it is tried in ``tests/services``."""
    return "sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "features.toml"
    written.write_text(FILE.format(replies="false"))
    return written


@pytest.fixture
async def town(database_url: str, file: Path) -> AsyncIterator[Town]:
    async with a_town(database_url, FEATURES_FILE=str(file)) as built:
        yield built


@pytest.fixture
async def stage(town: Town) -> AsyncIterator[Stage]:
    async with a_bot(town) as built:
        yield built
        await stays_decent(built)


def modal(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return screen.modal.plain


async def said(stage: Stage, who: str, text: str) -> str:
    """What the answer to a command says."""
    await stage.person(who).types(text)
    return (await stage.person(who).sees()).messages("#general")[-1].plain


async def test_one_consent_covers_everything_that_is_switched_on(stage: Stage) -> None:
    """Slack and the page name each permission with its feature; afterwards all is granted, and nothing that
    is switched off was asked for."""
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {ALICE}")
    url = await stage.presses_on("alice")
    for shown in (modal(await alice.sees()), (await stage.browser().opens(url)).text):
        assert "See and edit the mailbox's labels" in shown
        assert "Read mail" in shown and "for CRM: to log what customers write" in shown
        assert "Send mail" not in shown
    page = await stage.consents(url, ALICE)
    assert "Connected ✓" in page.text and "CRM" not in page.text
    shown = await said(stage, "alice", "/inbox permissions")
    assert "✅ Read mail" in shown and "⚠️" not in shown
    assert "Every permission has been granted." in shown


async def test_of_very_many_it_is_said_that_they_are_many(stage: Stage, database_url: str) -> None:
    """However many are not counted: those of Google lack something, as many of Microsoft have it all."""
    await add_crowd(database_url, ACME, stage.town.clock(), size=2 * MOST_COUNTED + 1_000)
    shown = await said(stage, "omar", "/inbox permissions")
    assert "Needs a reconnect for CRM" in shown
    assert "More than 10,000 inboxes have all that is asked for." in shown
    assert "🟢 10,000+ connected" in await said(stage, "omar", "/inbox list")


async def test_an_unticked_feature_connects_all_the_same(stage: Stage) -> None:
    """Page, dialog and message say what cannot be used; list and Home offer to reconnect; then all of it, the
    message too, says that it is there."""
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {ALICE}")
    page = await stage.consents(await stage.presses_on("alice"), ALICE, untick=["gmail.readonly"])
    screen = await alice.sees()
    for shown in (page.text, modal(screen), screen.dm.last.plain):
        assert f"{ALICE} is connected." in shown
        assert "CRM cannot use this inbox yet: a permission is missing at Google." in shown
    first = screen.dm.last.ts
    await alice.closes()
    listed = await said(stage, "alice", "/inbox list")
    assert "🟢 Connected since" in listed and "Needs a reconnect for CRM" in listed
    shown = await said(stage, "alice", f"/inbox permissions {ALICE}")
    assert "⚠️ Read mail" in shown and "✅ See and edit the mailbox's labels" in shown
    await alice.clicks("Reconnect")
    assert "for CRM" in modal(await alice.sees())
    assert "Reconnected ✓" in (await stage.consents(await stage.link_in_modal("alice"), ALICE)).text
    await stage.passes(seconds=5)
    assert "Needs a reconnect" not in await said(stage, "alice", "/inbox list")
    [message] = [one for one in (await alice.sees()).dm.messages if one.ts == first]
    assert "CRM" not in message.plain and "[Reconnect]" not in message.plain


async def test_a_needed_permission_is_still_needed(stage: Stage) -> None:
    """Without what keeps the mailbox connected nothing is connected, whatever else was ticked."""
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {ALICE}")
    page = await stage.consents(await stage.presses_on("alice"), ALICE, untick=["gmail.labels"])
    assert "this box was left unticked: “See and edit the mailbox's labels”" in page.text
    assert "Nothing is connected yet" in await said(stage, "alice", "/inbox")


async def test_switching_another_feature_on_marks_who_must_reconnect(town: Town, file: Path) -> None:
    """After a restart the inbox works as before, marked for the new feature; nobody is told."""
    async with a_bot(town) as before:
        await before.connected("alice")
        await before.connected("kenji")
        told = len((await before.person("alice").sees()).dm.messages)
    file.write_text(FILE.format(replies="true"))
    async with a_bot(town, load(town.environment, env_file=None)) as stage:
        await stage.passes(hours=1)
        alice = stage.person("alice")
        await alice.opens_home()
        home = await alice.until(lambda screen: screen.home and "Needs a reconnect" in screen.home.plain)
        assert home.home and "🟢 Connected since" in home.home.plain
        assert "Needs a reconnect for Replies" in home.home.plain
        status = await said(stage, "alice", f"/inbox status {ALICE}")
        assert "Replies cannot use this inbox yet" in status and "| Permissions" in status
        assert len((await alice.sees()).dm.messages) == told
        shown = await said(stage, "omar", "/inbox permissions")
        assert "for Replies: to send answers" in shown and "Needs a reconnect for Replies" in shown
        await alice.clicks("Reconnect", near=ALICE, in_="home")
        await stage.consents(await stage.link_in_modal("alice"), ALICE)
        assert "Needs a reconnect" not in await said(stage, "alice", "/inbox")


async def test_a_notices_link_shows_what_will_be_asked(stage: Stage) -> None:
    """Who reconnects from a message meets no dialog before: the page says it."""
    await stage.connected("alice")
    await stage.breaks(ALICE, minutes=21)
    landing = await stage.browser().opens(await stage.link_in_dm("alice"))
    assert "for CRM: to log what customers write" in landing.text


async def test_before_anything_is_connected_each_provider_is_listed(stage: Stage) -> None:
    """What would be asked of whom, in the reader's language; an IMAP host has no permissions to ask for."""
    shown = await said(stage, "kenji", "/inbox 権限")
    assert "メールの閲覧" in shown and "機能「顧客管理」で使用：お客様からのメールを記録します" in shown
    assert "IMAP には個別の権限がありません" in shown
    assert "権限を求めない機能：顧客管理" in shown


async def test_a_mail_host_has_no_permissions(stage: Stage) -> None:
    """A password opens all of it: no feature lacks anything, and that is said."""
    omar = stage.person("omar")
    await omar.types("/inbox connect support@harbor.example")
    await stage.fills_in_team("omar", name="Support", use="Zendesk")
    await stage.signs_in_by_password(await stage.presses_on("omar"), "support@harbor.example")
    await omar.closes()
    assert "Needs a reconnect" not in await said(stage, "omar", "/inbox list")
    shown = await said(stage, "omar", "/inbox permissions support@harbor.example")
    assert "has no separate permissions: a password opens the whole mailbox." in shown
    assert "These ask for nothing" in shown and "CRM" in shown


async def test_only_those_who_may_see_an_inbox_see_its_permissions(stage: Stage) -> None:
    """Somebody else's is as unknown as one that does not exist."""
    await stage.connected("alice")
    shown = await said(stage, "kenji", f"/inbox permissions {ALICE}")
    assert "閲覧" not in shown and "権限" not in shown
