"""Every kind of mailbox by clicking, in both languages: connected, broken, mended, switched and removed, with
both sides told as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.async_api import Page, expect

from sandbox.demo import Town
from tests.browser.conftest import Seat
from tests.browser.desk import Desk, consents, lands

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

expect.set_options(timeout=15_000)


@dataclass(frozen=True)
class Words:
    """What one language says along the way."""

    user: str
    locale: str
    connect: str
    next: str
    other_host: str
    connected: str
    stopped: str
    reconnected: str
    mended: str
    switch: str
    switched: str
    revoked: str
    remove: str
    yes_remove: str
    yes_delete: str
    by_hand: str
    check: str
    confirmed: str
    shared: str
    name: str
    use: str
    password_by_hand: str


ENGLISH: Final = Words(
    user="U0OMAR",
    locale="en-US",
    connect="/inbox connect",
    next="Next",
    other_host="Another mail server (IMAP)",
    connected="Connected ✓",
    stopped="stopped working",
    reconnected="Reconnected ✓",
    mended="works again",
    switch="/inbox switch",
    switched="Switched ✓",
    revoked="Revoked at Google: confirmed.",
    remove="/inbox remove",
    yes_remove="Yes, remove inbox",
    yes_delete="Yes, delete",
    by_hand="account settings › App permissions › Change app permissions › Revoke",
    check="Check again",
    confirmed="Revoked at Microsoft: confirmed.",
    shared="It is a shared mailbox",
    name="What do you call it?",
    use="What depends on it?",
    password_by_hand="If an app password was made for this, delete it there.",
)

JAPANESE: Final = Words(
    user="U0SAKURA",
    locale="ja-JP",
    connect="/inbox 接続",
    next="次へ",
    other_host="その他のメールサーバー（IMAP）",
    connected="接続しました ✓",
    stopped="使えなくなりました",
    reconnected="再接続しました ✓",
    mended="復旧しました",
    switch="/inbox 切替",
    switched="切り替えました ✓",
    revoked="Google での取り消し：確認済み。",
    remove="/inbox 削除",
    yes_remove="はい、受信トレイを削除します",
    yes_delete="はい、削除",
    by_hand="アカウント設定 › アプリ権限 › アプリ権限を変更 › 取り消す",
    check="もう一度確認",
    confirmed="Microsoft での取り消し：確認済み。",
    shared="共有メールボックスです",
    name="名前",
    use="用途（このアドレスを使うもの）",
    password_by_hand="アプリパスワードを作った場合は、メールサービス側で削除してください。",
)

both = pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])


async def _fills_in_team(desk: Desk, words: Words) -> None:
    """Super admins get the form for a team address at once; its fields stand in their order."""
    fields = desk.modal.locator("input[data-fill]")
    await fields.nth(1).fill("Help desk")
    await fields.nth(2).fill("Zendesk")
    await desk.submits(words.next)


async def _picks(tab: Page, account: str, *, is_known: bool = False) -> None:
    """Who has consented before is not asked again."""
    await tab.locator("form button").first.click()
    await tab.locator(f'[data-email="{account}"]').click()
    if not is_known:
        await tab.locator("#accept").click()


async def _breaks_and_mends(desk: Desk, words: Words, account: str) -> None:
    """The message comes, its button leads to Microsoft and back, and the message is edited."""
    await desk.goes("dm")
    stopped = desk.slack.get_by_test_id("message").filter(has_text=words.stopped)
    ts = await stopped.get_attribute("data-ts")
    tab = await desk.follows(stopped.locator("a.button").first)
    await _picks(tab, account, is_known=True)
    await desk.reads(tab, words.reconnected)
    mended = desk.slack.locator(f'[data-testid="message"][data-ts="{ts}"]')
    await expect(mended).to_contain_text(words.mended)


@both
async def test_a_shared_mailbox_at_microsoft_from_first_to_last(seat: Seat, town: Town, words: Words) -> None:
    """Opened with one's own account, lost, mended, removed; only its owner can end it, and we look."""
    own = "omar@acme.example" if words is ENGLISH else "sakura@acme.example"
    town.names.move("acme.example", "microsoft")
    town.microsoft.levers.share("help@acme.example", own)
    desk = await seat(words.user, words.locale)
    await desk.goes("general")
    await desk.types(f"{words.connect} help@acme.example")
    await _fills_in_team(desk, words)
    await desk.presses(words.shared)
    await expect(desk.modal.get_by_role("button", name=words.shared)).to_have_count(0)
    tab = await desk.follows(desk.modal.locator("a.button.primary"))
    await _picks(tab, own)
    await desk.reads(tab, words.connected)
    await expect(desk.title).to_have_text(words.connected)
    await desk.closes()
    town.microsoft.break_down("sessions_revoked", own)
    await _breaks_and_mends(desk, words, own)
    await desk.goes("general")
    await desk.types(f"{words.remove} help@acme.example")
    await desk.submits(words.yes_delete)
    await expect(desk.modal).to_contain_text(words.by_hand)
    town.microsoft.break_down("consent_revoked", own)
    await desk.presses(words.check)
    await expect(desk.modal).to_contain_text(words.confirmed)


@both
async def test_from_gmail_to_microsoft_and_both_sides(seat: Seat, town: Town, words: Words) -> None:
    """One dialog, one sign-in; what was at Google is revoked and said to be, and the new side works."""
    desk = await seat(words.user, words.locale)
    await desk.goes("general")
    await desk.types(f"{words.connect} support@acme.example")
    await _fills_in_team(desk, words)
    tab = await desk.follows(desk.modal.locator("a.button.primary"))
    await lands(tab)
    await consents(tab)
    await desk.reads(tab, words.connected)
    await desk.closes()
    await desk.types(f"{words.switch} support@acme.example")
    tab = await desk.follows(desk.modal.locator("a.button.primary"))
    await _picks(tab, "support@acme.example")
    await desk.reads(tab, words.switched)
    await expect(desk.modal).to_contain_text(re.compile(re.escape(words.switched.removesuffix(" ✓"))))
    await desk.closes()
    await desk.goes("dm")
    await expect(desk.last_message).to_contain_text(words.revoked)


@both
async def test_a_mailbox_at_any_host_from_first_to_last(seat: Seat, town: Town, words: Words) -> None:
    """A form of our own, a wrong password, the right one; removed, with what only its owner can do."""
    address = "press@harbor.example"
    desk = await seat(words.user, words.locale)
    await desk.goes("general")
    await desk.types(f"{words.connect} {address}")
    await _fills_in_team(desk, words)
    tab = await desk.follows(desk.modal.locator("a.button.primary"))
    await tab.locator("form button").click()
    await tab.locator('input[name="password"]').fill("not this one")
    await tab.locator("form button[type=submit]").last.click()
    await expect(tab.locator('input[name="host"]')).to_have_value("imap.harbor.example")
    await expect(tab.locator('input[name="password"]')).to_have_value("")
    await tab.locator('input[name="password"]').fill(town.imap.password_of(address))
    await tab.locator("form button[type=submit]").last.click()
    await desk.reads(tab, words.connected)
    await expect(desk.title).to_have_text(words.connected)
    await desk.closes()
    await desk.types(f"{words.remove} {address}")
    await desk.submits(words.yes_delete)
    await expect(desk.modal).to_contain_text(words.password_by_hand)
