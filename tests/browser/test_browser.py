"""The whole product clicked through in a real browser, across two sites as in real life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest
from playwright.async_api import Page, expect

from sandbox.demo import Town
from tests.browser.conftest import Seat
from tests.browser.desk import Desk, consents, lands, signs_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

ALICE, KENJI = "U0ALICE", "U0KENJI"
expect.set_options(timeout=15_000)


@dataclass(frozen=True)
class Words:
    """What one language says along the way."""

    user: str
    locale: str
    address: str
    connect: str
    next: str
    connect_button: str
    landing: str
    connected: str
    is_connected: str
    works: str
    disable: str
    yes_disable: str
    disabled: str
    grey: str
    enable: str
    enabled: str
    remove: str
    yes_remove: str
    revoked: str
    restored: str
    stopped: str
    reconnect: str
    reconnected: str
    mended: str


ENGLISH: Final = Words(
    user=ALICE,
    locale="en-US",
    address="alice@acme.example",
    connect="/inbox connect",
    next="Next",
    connect_button="Connect an inbox",
    landing="Connect alice@acme.example",
    connected="Connected ✓",
    is_connected="alice@acme.example is connected.",
    works="🟢 Connected since",
    disable="Disable",
    yes_disable="Yes, disable it",
    disabled="alice@acme.example is disabled. Nothing was deleted.",
    grey="⚪ alice@acme.example",
    enable="Enable",
    enabled="is enabled and works: we just checked.",
    remove="Remove",
    yes_remove="Yes, remove inbox",
    revoked="Revoked at Google: confirmed.",
    restored="with its former settings and history.",
    stopped="🔴 alice@acme.example stopped working",
    reconnect="Reconnect",
    reconnected="Reconnected ✓",
    mended="✅ alice@acme.example works again. Reconnected by",
)

JAPANESE: Final = Words(
    user=KENJI,
    locale="ja-JP",
    address="kenji@acme.example",
    connect="/inbox 接続",
    next="次へ",
    connect_button="受信トレイを接続",
    landing="kenji@acme.example を接続",
    connected="接続しました ✓",
    is_connected="kenji@acme.example を接続しました。",
    works="🟢 接続済み",
    disable="無効にする",
    yes_disable="はい、無効にします",
    disabled="kenji@acme.example を無効にしました。何も削除されていません。",
    grey="⚪ kenji@acme.example",
    enable="有効にする",
    enabled="は有効になりました。",
    remove="削除",
    yes_remove="はい、受信トレイを削除します",
    revoked="Google での取り消し：確認済み。",
    restored="以前の設定と履歴も元に戻りました。",
    stopped="🔴 kenji@acme.example が使えなくなりました",
    reconnect="再接続",
    reconnected="再接続しました ✓",
    mended="✅ kenji@acme.example は復旧しました。",
)


async def _begins(desk: Desk, words: Words) -> Page:
    """From the composer to the landing page."""
    await desk.goes("general")
    await desk.types(words.connect)
    await desk.submits(words.next)
    tab = await desk.opens_google()
    await desk.reads(tab, words.landing)
    return tab


async def _is_connected(desk: Desk, words: Words) -> None:
    """The modal has turned, the message has come, and Home shows it."""
    await expect(desk.title).to_have_text(words.connected)
    await desk.closes()
    await desk.goes("dm")
    await expect(desk.last_message).to_contain_text(words.is_connected)
    await desk.goes("home")
    await expect(desk.home).to_contain_text(words.works)


async def _disables_and_enables(desk: Desk, words: Words) -> None:
    await desk.chooses(words.disable)
    await desk.submits(words.yes_disable)
    await expect(desk.modal).to_contain_text(words.disabled)
    await desk.closes()
    await expect(desk.home.locator(".context", has_text=words.grey)).to_be_visible()
    await desk.presses(words.enable)
    await expect(desk.modal).to_contain_text(words.enabled)
    await desk.closes()
    await expect(desk.home).to_contain_text(words.works)


async def _removes_and_restores(desk: Desk, words: Words) -> None:
    await desk.chooses(words.remove)
    await desk.submits(words.yes_remove)
    await expect(desk.modal).to_contain_text(words.revoked)
    await desk.closes()
    await desk.presses(words.connect_button)
    await desk.submits(words.next)
    tab = await desk.opens_google()
    await signs_in(tab)
    await desk.reads(tab, words.connected)
    await expect(tab.locator("main")).to_contain_text(words.restored)
    await expect(desk.title).to_have_text(words.connected)
    await desk.closes()
    await expect(desk.home).to_contain_text(words.works)


async def _loses_and_mends(desk: Desk, words: Words) -> None:
    """The grant is revoked on the demo's own page; the message comes, and leads to its own end."""
    breaking = await desk.context.new_page()
    await breaking.goto(f"{desk.url}/break")
    await breaking.locator('select[name="account"]').select_option(words.address)
    await breaking.locator('button[value="revoked"]').click()
    await desk.goes("dm")
    stopped = desk.slack.get_by_test_id("message").filter(has_text=words.stopped)
    ts = await stopped.get_attribute("data-ts")
    tab = await desk.follows(stopped.locator("a.button").first)
    await signs_in(tab)
    await desk.reads(tab, words.reconnected)
    mended = desk.slack.locator(f'[data-testid="message"][data-ts="{ts}"]')
    await expect(mended).to_contain_text(words.mended)
    await expect(mended.get_by_test_id("edited")).to_be_visible()
    await expect(mended.get_by_text(words.reconnect, exact=True)).to_have_count(0)


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_the_whole_path_by_clicking(seat: Seat, words: Words) -> None:
    """Connect, disable, enable, remove, restore, lose and mend, without leaving what is on the screen."""
    desk = await seat(words.user, words.locale)
    tab = await _begins(desk, words)
    await signs_in(tab)
    await desk.reads(tab, words.connected)
    await _is_connected(desk, words)
    await _disables_and_enables(desk, words)
    await _removes_and_restores(desk, words)
    await _loses_and_mends(desk, words)


async def test_a_wrong_account_is_mended_on_the_page(seat: Seat) -> None:
    """Both addresses are named, and one button leads back to the right account."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    await lands(tab)
    await tab.locator("#another").click()
    await tab.locator('[data-email="omar@acme.example"]').click()
    await consents(tab)
    await desk.reads(tab, "That was another account")
    await expect(tab.locator("main")).to_contain_text(
        "You signed in as omar@acme.example, but wanted to connect alice@acme"
    )
    await expect(desk.title).to_have_text("Not connected")
    await tab.get_by_role("button", name="Sign in with another account").click()
    await consents(tab)
    await desk.reads(tab, "Connected ✓")
    await _is_connected(desk, ENGLISH)


async def test_an_unticked_permission_is_mended_on_the_page(seat: Seat) -> None:
    """The box is named in words, and one button asks again."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    await lands(tab)
    await tab.locator('[id="scope-gmail.labels"]').uncheck()
    await consents(tab)
    await desk.reads(tab, "A permission is missing")
    await expect(tab.locator("main")).to_contain_text("“See and edit the mailbox's labels”")
    await tab.get_by_role("button", name="Allow and continue").click()
    await consents(tab)
    await desk.reads(tab, "Connected ✓")
    await _is_connected(desk, ENGLISH)


async def test_cancelling_leads_back(seat: Seat) -> None:
    """Cancel at the provider changes nothing and offers to try again."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    await lands(tab)
    await tab.locator("#cancel").click()
    await desk.reads(tab, "Cancelled")
    await tab.get_by_role("button", name="Try again").click()
    await consents(tab)
    await desk.reads(tab, "Connected ✓")


async def test_the_back_button_after_success_is_harmless(seat: Seat, town: Town) -> None:
    """Back to the consent page and on again shows the same success; back to the start says it was used."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    landing = tab.url
    await signs_in(tab)
    await desk.reads(tab, "Connected ✓")
    await tab.reload()
    await desk.reads(tab, "Connected ✓")
    await tab.go_back()
    await consents(tab)
    await desk.reads(tab, "Connected ✓")
    while tab.url != landing:
        await tab.go_back()
    await tab.reload()
    await desk.reads(tab, "This link was used already")
    await _is_connected(desk, ENGLISH)
    await desk.goes("dm")
    await expect(desk.slack.get_by_test_id("message")).to_have_count(1)


async def test_a_double_click_on_the_landing_page_still_leads_on(seat: Seat) -> None:
    """Two requests before the first cookie are one browser."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    await tab.locator("form button").dblclick()
    await consents(tab)
    await desk.reads(tab, "Connected ✓")
    await _is_connected(desk, ENGLISH)


async def test_a_double_click_at_the_provider_connects_once(seat: Seat) -> None:
    """Two callbacks of one sign-in end in one success and one message."""
    desk = await seat(ALICE)
    tab = await _begins(desk, ENGLISH)
    await lands(tab)
    await tab.locator("#continue").dblclick()
    await desk.reads(tab, "Connected ✓")
    await _is_connected(desk, ENGLISH)
    await desk.goes("dm")
    await expect(desk.slack.get_by_test_id("message")).to_have_count(1)
