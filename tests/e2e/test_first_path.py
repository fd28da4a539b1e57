"""The first path of every member, from the first look to a mended outage, as they see it.

Connect, disable, enable, remove, connect again, lose the grant at the provider, mend it from the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.driver import Json, Person, Screen
from tests.stage import Browser, Page, Stage


@dataclass(frozen=True)
class Tongue:
    """What one person types, presses and reads."""

    who: str
    language: str
    connect: str
    listing: str
    status: str
    disable: str
    enable: str
    nothing_yet: str
    form: str
    connected_title: str
    connected: str
    works: str
    disabled_button: str
    yes_disable: str
    disabled: str
    grey: str
    enabled: str
    remove_button: str
    yes_remove: str
    removed: str
    revoked: str
    restored: str
    former_history: str
    stopped: str
    reconnect: str
    mended_page: str
    mended: str
    help: str

    @property
    def address(self) -> str:
        return f"{self.who}@acme.example"


ENGLISH: Final = Tongue(
    who="alice",
    language="en",
    connect="connect",
    listing="list",
    status="status",
    disable="disable",
    enable="enable",
    nothing_yet="Nothing is connected yet. Connect your inbox",
    form="E-mail address: [alice@acme.example]",
    connected_title="Connected ✓",
    connected="✅ alice@acme.example is connected. We just checked it.",
    works="🟢 Connected since",
    disabled_button="Disable",
    yes_disable="Yes, disable it",
    disabled="⚪ alice@acme.example is disabled. Nothing was deleted.",
    grey="⚪ alice@acme.example · Gmail · Disabled since",
    enabled="alice@acme.example is enabled and works: we just checked.",
    remove_button="Remove",
    yes_remove="Yes, remove inbox",
    removed="alice@acme.example is removed from Inboxkeeper.",
    revoked="Revoked at Google: confirmed.",
    restored="alice@acme.example is connected again, with its former settings and history.",
    former_history="Was disabled",
    stopped="🔴 alice@acme.example stopped working",
    reconnect="Reconnect",
    mended_page="Reconnected ✓",
    mended="✅ alice@acme.example works again. Reconnected by @Alice Martin after",
    help="help",
)

JAPANESE: Final = Tongue(
    who="kenji",
    language="ja",
    connect="接続",
    listing="一覧",
    status="状態",
    disable="無効",
    enable="有効",
    nothing_yet="接続された受信トレイはまだありません",
    form="メールアドレス: [kenji@acme.example]",
    connected_title="接続しました ✓",
    connected="✅ kenji@acme.example を接続しました。動作も確認済みです。",
    works="🟢 接続済み",
    disabled_button="無効にする",
    yes_disable="はい、無効にします",
    disabled="⚪ kenji@acme.example を無効にしました。何も削除されていません。",
    grey="⚪ kenji@acme.example · Gmail · 無効",
    enabled="kenji@acme.example は有効になりました。正常に動作することを確認しました。",
    remove_button="削除",
    yes_remove="はい、受信トレイを削除します",
    removed="kenji@acme.example を Inboxkeeper から削除しました。",
    revoked="Google での取り消し：確認済み。",
    restored="kenji@acme.example をもう一度接続しました。以前の設定と履歴も元に戻りました。",
    former_history="無効化 · @Kenji Mori",
    stopped="🔴 kenji@acme.example が使えなくなりました",
    reconnect="再接続",
    mended_page="再接続しました ✓",
    mended="✅ kenji@acme.example は復旧しました。",
    help="ヘルプ",
)

NAMES: Final = {
    *{"Inboxkeeper", "Google", "Gmail", "Slack", "Zendesk", "Office", "IMAP"},
    *{"Acme", "Kenji", "Mori", "kenji", "inbox", "help"},
}
"""All that stands in Latin letters on a Japanese screen: names, the command, and its one word for help."""
SLACKS_OWN: Final = {"today", "yesterday"}
"""The local Slack writes dates in English; the real one in the reader's language."""


@dataclass
class Journey:
    """One person on the way, and all that they have read."""

    stage: Stage
    words: Tongue
    browser: Browser
    read: list[str] = field(default_factory=list)

    @property
    def person(self) -> Person:
        return self.stage.person(self.words.who)

    async def looks(self) -> Screen:
        screen = await self.person.sees()
        views = [view for view in (screen.home, screen.modal) if view is not None]
        labels = [label for view in views for label in (view.title, view.submit, view.close) if label]
        self.read += [screen.plain, *labels]
        return screen

    async def types(self, verb: str, *, about_it: bool = True) -> Screen:
        shown = await self.person.types(f"/inbox {verb} {self.words.address if about_it else ''}")
        assert shown.error_shown is None and shown.ack_ms < 3000
        return await self.looks()

    async def opens(self, url: str) -> Page:
        """Follow a link from Slack to the end, every page read."""
        landing = await self.browser.opens(url)
        onward = await self.browser.presses(landing)
        outcome = await self.stage.consents_at(onward.onward, self.words.address, browser=self.browser)
        self.read += [landing.text, onward.text, outcome.text]
        assert f'lang="{self.words.language}"' in landing.html
        return outcome

    async def home_shows(self, text: str) -> None:
        await self.person.until(lambda screen: screen.home and text in screen.home.plain)
        await self.looks()

    # --- the way

    async def begins(self) -> None:
        await self.person.opens_home()
        await self.home_shows(self.words.nothing_yet)
        screen = await self.types("", about_it=False)
        assert self.words.nothing_yet in screen.messages("#general")[-1].plain

    async def connects(self) -> None:
        words = self.words
        screen = await self.types(words.connect)
        assert screen.modal and words.form in screen.modal.plain
        await self.person.submits()
        await self.looks()
        page = await self.opens(await self.stage.link_in_modal(words.who))
        assert page.status == 200 and words.connected_title in page.text
        screen = await self.looks()
        assert screen.modal and screen.modal.title == words.connected_title
        assert words.connected in screen.modal.plain
        assert words.connected in screen.dm.last.plain
        await self.home_shows(words.works)
        await self.person.closes()

    async def disables(self) -> None:
        words = self.words
        screen = await self.types(words.disable)
        assert screen.modal and screen.modal.submit == words.yes_disable
        await self.person.clicks(words.yes_disable)
        screen = await self.looks()
        assert screen.modal and words.disabled in screen.modal.plain
        await self.person.closes()
        screen = await self.types(words.listing, about_it=False)
        assert _grey_rows(screen.messages("#general")[-1].blocks) == 1
        assert words.grey in screen.messages("#general")[-1].plain
        await self.home_shows(words.grey)
        screen = await self.looks()
        assert screen.home and _grey_rows(screen.home.blocks) == 1

    async def enables(self) -> None:
        screen = await self.types(self.words.enable)
        assert self.words.enabled in screen.messages("#general")[-1].plain
        await self.home_shows(self.words.works)

    async def removes(self) -> None:
        words = self.words
        await self.person.chooses(None, words.remove_button, near=words.address, in_="home")
        screen = await self.looks()
        assert screen.modal and screen.modal.submit == words.yes_remove
        await self.person.clicks(words.yes_remove)
        screen = await self.looks()
        assert screen.modal and words.removed in screen.modal.plain
        assert words.revoked in screen.modal.plain
        await self.person.closes()
        await self.home_shows(words.nothing_yet)

    async def connects_again(self) -> None:
        words = self.words
        await self.types(words.connect)
        await self.person.submits()
        page = await self.opens(await self.stage.link_in_modal(words.who))
        assert words.restored in page.text
        await self.person.closes()
        screen = await self.types(words.status)
        assert words.former_history in screen.messages("#general")[-1].plain

    async def loses_the_grant(self) -> str:
        """Returns the message's ``ts``."""
        self.stage.town.google.break_down("revoked", self.words.address)
        await self.stage.passes(minutes=21)
        screen = await self.looks()
        assert self.words.stopped in screen.dm.last.plain
        assert screen.dm.last.unread and f"[{self.words.reconnect}]" in screen.dm.last.plain
        await self.person.opens_home()
        await self.home_shows("🔴")
        return screen.dm.last.ts

    async def mends_it(self, ts: str) -> None:
        page = await self.opens(await self.stage.link_in_dm(self.words.who))
        assert self.words.mended_page in page.text
        await self.stage.passes(seconds=5)
        screen = await self.looks()
        (message,) = [message for message in screen.dm.messages if message.ts == ts]
        assert message.edited and self.words.mended in message.plain
        assert f"[{self.words.reconnect}]" not in message.plain
        assert self.words.stopped not in screen.dm.plain
        await self.home_shows(self.words.works)


def _grey_rows(blocks: list[Json]) -> int:
    """Quiet context lines with the grey mark: how a disabled inbox stands in a list."""
    texts = [
        element.get("text", "")
        for block in blocks
        if block["type"] == "context"
        for element in block["elements"]
    ]
    return sum(text.startswith("⚪") for text in texts)


async def _walk(stage: Stage, words: Tongue) -> Journey:
    journey = Journey(stage, words, stage.browser(words.language))
    await journey.begins()
    await journey.connects()
    await journey.disables()
    await journey.enables()
    await journey.removes()
    await journey.connects_again()
    ts = await journey.loses_the_grant()
    await journey.mends_it(ts)
    await journey.types(words.help, about_it=False)
    return journey


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_member_connects_disables_enables_removes_restores_and_mends(stage: Stage) -> None:
    """The whole first path works, whichever way Slack reaches the bot and on either database."""
    await _walk(stage, ENGLISH)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_japanese_member_meets_no_english(stage: Stage) -> None:
    """Somebody whose Slack is Japanese types Japanese and reads no English word of ours on the way."""
    journey = await _walk(stage, JAPANESE)
    text = re.sub(r"\S+@\S+", "", "\n".join(journey.read))
    latin = set(re.findall(r"[A-Za-z]{2,}", text))
    assert latin - NAMES - SLACKS_OWN == set()
    assert "はい、無効にします" in text and "はい、受信トレイを削除します" in text
