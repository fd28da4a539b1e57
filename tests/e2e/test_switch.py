"""To another provider and back, as people live it: the switch in both languages, the way where there is none,
a member's wish, an outage after the mail has moved."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from tests.e2e.questions import asks, asks_for_modal, both_submit, modal_text
from tests.stage import Stage

SUPPORT: Final = "support@acme.example"
USE: Final = "Zendesk answers customers from it"
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Tongue:
    """What one person types, presses and reads."""

    who: str
    language: str
    switch: str
    status: str
    heading: str
    stays: str
    old_side: str
    until: str
    landing: str
    page: str
    modal: str
    works: str
    revoked: str
    kept: str
    history: str
    back_heading: str
    by_hand: str
    steps: str
    kept_until: str
    check: str
    still: str
    gone: str

    @property
    def address(self) -> str:
        return f"{self.who}@acme.example"


ENGLISH: Final = Tongue(
    who="alice",
    language="en",
    switch="switch",
    status="status",
    heading="Switch alice@acme.example from Gmail to Office 365.",
    stays="Owner, use, history and who gets told stay as they are.",
    old_side="After the switch, and not before: The permission is revoked",
    until="Until the new mailbox has been checked nothing changes",
    landing="Switch alice@acme.example to Office 365",
    page="Switched ✓ alice@acme.example now works through Office 365.",
    modal="Switched ✓",
    works="alice@acme.example works through Office 365 now",
    revoked="Revoked at Google: confirmed. The access is gone there too.",
    kept="@Alice Martin switched it from Gmail. Owner, use and history stayed as they were.",
    history="Switched to Office 365",
    back_heading="Switch alice@acme.example from Office 365 to Gmail.",
    by_hand="The permission at Microsoft is still there. Only the mailbox's owner can remove it.",
    steps="account settings › App permissions › Change app permissions › Revoke",
    kept_until="We keep our access only to check whether it is gone",
    check="Check again",
    still="The permission at Microsoft is still there",
    gone="Revoked at Microsoft: confirmed.",
)

JAPANESE: Final = Tongue(
    who="kenji",
    language="ja",
    switch="切り替え",
    status="状態",
    heading="kenji@acme.example を Gmail から Office 365 に切り替えます。",
    stays="所有者、用途、履歴、通知先はそのままです。",
    old_side="切り替えが済むまでは何もしません。切り替え後：アクセス権を取り消します。",
    until="新しいメールボックスの確認が済むまで何も変わりません。",
    landing="kenji@acme.example を Office 365 に切り替え",
    page="切り替えました ✓ kenji@acme.example は Office 365 に切り替わりました。",
    modal="切り替えました ✓",
    works="kenji@acme.example は Office 365 に切り替わり、正常に動いています",
    revoked="Google での取り消し：確認済み。",
    kept="@Kenji Mori が Gmail から切り替えました。所有者、用途、履歴はそのままです。",
    history="Office 365 に切り替え",
    back_heading="kenji@acme.example を Office 365 から Gmail に切り替えます。",
    by_hand="Microsoft 側のアクセス権はまだ残っています。",
    steps="アカウント設定 › アプリ権限 › アプリ権限を変更 › 取り消す",
    kept_until="Inboxkeeper が保管している認証情報は、取り消されたかどうかの確認だけに使い",
    check="もう一度確認",
    still="Microsoft 側のアクセス権はまだ残っています。",
    gone="Microsoft での取り消し：確認済み。",
)


async def last_answer(stage: Stage, who: str) -> str:
    return (await stage.person(who).sees()).messages("#general")[-1].plain


async def told(stage: Stage, who: str, *words: str) -> str:
    """The one message in somebody's conversation with the bot that says all this and stays there."""
    found = [
        said.plain
        for said in (await stage.person(who).sees()).dm.messages
        if not said.ephemeral and all(word in said.plain for word in words)
    ]
    assert len(found) == 1, found
    return found[0]


async def days(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.town.clock.advance(timedelta(days=1))
        await stage.passes(seconds=10)


# --- there and back


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_there_and_back(stage: Stage, words: Tongue) -> None:
    """The dialog says before the click what will be; page, dialog and message say after it what is; Google's
    access is taken back and seen to be gone, Microsoft's way out is shown and looked at again."""
    await stage.connected(words.who)
    person, browser = stage.person(words.who), stage.browser(words.language)
    said = modal_text(await asks_for_modal(stage, words.who, f"/inbox {words.switch} {words.address}"))
    assert all(part in said for part in (words.heading, words.stays, words.old_side, words.until))
    link = await stage.link_in_modal(words.who)
    assert words.landing in (await browser.opens(link)).text
    page = await stage.consents(link, words.address, browser=browser)
    assert f'lang="{words.language}"' in page.html
    assert words.page in page.text, page.text
    await stage.passes(seconds=5)
    screen = await person.sees()
    assert screen.modal and screen.modal.title == words.modal
    await person.closes()
    announced = await told(stage, words.who, words.works)
    assert words.kept in announced and words.revoked in announced
    status = await asks(stage, words.who, f"/inbox {words.status} {words.address}")
    assert "Office 365" in status and words.history in status
    # and back
    back = modal_text(await asks_for_modal(stage, words.who, f"/inbox {words.switch} {words.address}"))
    assert words.back_heading in back
    await stage.consents(await stage.link_in_modal(words.who), words.address, browser=browser)
    await person.closes()
    await stage.passes(seconds=5)
    announced = await told(stage, words.who, words.by_hand)
    assert words.steps in announced and words.kept_until in announced
    await person.clicks(words.check)
    await stage.passes(seconds=5)
    await told(stage, words.who, words.still, words.steps)
    stage.town.microsoft.break_down("consent_revoked", words.address)
    await person.clicks(words.check)
    await stage.passes(seconds=5)
    await told(stage, words.who, words.gone)


@on_sqlite
async def test_stopping_half_way_changes_nothing(stage: Stage) -> None:
    """Cancelled at Microsoft, or signed in as somebody else: both pages say that nothing has changed, and
    nothing has; from there it can be tried again."""
    await stage.connected("alice")
    await asks_for_modal(stage, "alice", "/inbox switch alice@acme.example")
    page = await stage.declines(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "You cancelled at Microsoft. Nothing has changed." in page.text
    await stage.person("alice").closes()
    await asks_for_modal(stage, "alice", "/inbox switch alice@acme.example")
    page = await stage.consents(await stage.link_in_modal("alice"), "kenji@acme.example")
    assert "You signed in as kenji@acme.example" in page.text and "Nothing has changed." in page.text
    assert "What you allowed at Microsoft is still there, although it is not used here." in page.text
    await stage.person("alice").closes()
    status = await asks(stage, "alice", "/inbox status alice@acme.example")
    assert "🟢 Connected" in status and "Gmail" in status and "Office 365" not in status
    await stage.passes(minutes=20)
    assert "🟢 Connected" in await asks(stage, "alice", "/inbox status alice@acme.example")


@pytest.mark.threaded
async def test_two_tabs_and_a_reconnect_at_once(stage: Stage) -> None:
    """Omar switches in two tabs while Sakura signs in again at Google: both of his pages say switched, hers
    says that it was meanwhile, and so does the dialog that waits in her Slack, in Japanese."""
    await stage.team_connected()
    await asks_for_modal(stage, "omar", f"/inbox switch {SUPPORT}")
    first = await stage.link_in_modal("omar")
    await asks_for_modal(stage, "omar", f"/inbox switch {SUPPORT}")
    second = await stage.link_in_modal("omar")
    await asks_for_modal(stage, "sakura", f"/inbox 再接続 {SUPPORT}")
    third = await stage.link_in_modal("sakura")
    tabs = [stage.browser(), stage.browser(), stage.browser("ja")]
    consents = [await tab.goes_to_consent(url) for tab, url in zip(tabs, (first, second, third), strict=True)]
    one = await stage.consents_at(consents[0], SUPPORT, browser=tabs[0])
    other, hers = await asyncio.gather(
        stage.consents_at(consents[1], SUPPORT, browser=tabs[1]),
        stage.consents_at(consents[2], SUPPORT, browser=tabs[2]),
    )
    assert "Switched ✓" in one.text and "Switched ✓" in other.text
    assert "別のプロバイダーに切り替えられたため、このログインは使われません" in hers.text
    await stage.passes(seconds=5)
    assert "ログインしている間に" in modal_text(await stage.person("sakura").sees())
    assert "Office 365" in await asks(stage, "alice", f"/inbox status {SUPPORT}")


# --- team addresses


async def test_a_team_address_is_switched_for_everybody(stage: Stage) -> None:
    """Name, use and conversation stay; both admins hear of it once, in their languages; the team's
    conversation and everybody else are left in peace."""
    await stage.team_connected(conversation="#support")
    quiet = len((await stage.person("omar").sees()).messages("#support"))
    await asks_for_modal(stage, "omar", f"/inbox switch {SUPPORT}")
    await stage.consents(await stage.link_in_modal("omar"), SUPPORT)
    await stage.passes(seconds=5)
    await told(stage, "omar", "works through Office 365 now", "Revoked at Google: confirmed")
    await told(stage, "sakura", "Office 365 に切り替わり、正常に動いています", "Omar Haddad", "確認済み")
    assert len((await stage.person("omar").sees()).messages("#support")) == quiet
    listed = await asks(stage, "alice", "/inbox list")
    assert f"{SUPPORT} · Support · Office 365" in listed


@on_sqlite
async def test_a_members_switch_waits_for_an_admin(stage: Stage) -> None:
    """The form that asks, the admin's Approve, and Continue to the very dialog that a switch begins with."""
    await stage.team_connected()
    await asks_for_modal(stage, "alice", f"/inbox switch {SUPPORT}")
    assert "An admin must approve" in modal_text(await stage.person("alice").sees())
    await stage.person("alice").clicks("Send the request")
    await stage.passes(seconds=2)
    asked = await told(stage, "omar", f"Switch {SUPPORT} to Office 365")
    assert "Nothing changes until they have." in asked
    await stage.person("omar").clicks("Approve")
    await stage.passes(seconds=5)
    await stage.person("alice").clicks("Continue")
    said = modal_text(await stage.person("alice").sees())
    assert f"Switch {SUPPORT} from Gmail to Office 365." in said
    page = await stage.consents(await stage.link_in_modal("alice"), SUPPORT)
    assert "Switched ✓" in page.text
    await stage.passes(seconds=5)
    await told(stage, "omar", "and done", f"Switch {SUPPORT}")
    await told(stage, "alice", "works through Office 365 now")


@on_sqlite
async def test_an_organisation_that_must_approve_is_waited_for(stage: Stage) -> None:
    """Microsoft demands its admin's approval: the inbox stays at Google, the wish waits, and what goes on
    once the admin has approved is the switch."""
    await stage.connected("alice")
    stage.town.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=True)
    await asks_for_modal(stage, "alice", "/inbox switch alice@acme.example")
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("alice"))
    await browser.opens(stage.town.microsoft.consent(consent, "alice@acme.example", reason="We move"))
    await stage.passes(seconds=5)
    await stage.person("alice").closes()
    waiting = await told(stage, "alice", "waiting for your organisation's Microsoft admin")
    assert "Switch alice@acme.example to Office 365" in waiting
    assert "Gmail" in await asks(stage, "alice", "/inbox status alice@acme.example")
    stage.town.microsoft.levers.approve("acme.example")
    await stage.person("alice").clicks("They have approved: continue")
    said = modal_text(await stage.person("alice").sees())
    assert "Switch alice@acme.example from Gmail to Office 365." in said
    page = await stage.consents(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "Switched ✓" in page.text
    await stage.passes(seconds=5)
    assert "waiting" not in (await stage.person("alice").sees()).dm.plain
    await told(stage, "alice", "works through Office 365 now", "Revoked at Google: confirmed")


# --- any other provider


async def at_imap(stage: Stage, who: str = "alice") -> None:
    """Somebody's inbox is at an ordinary mail host."""
    person = stage.person(who)
    await person.types(f"/inbox connect {who}@acme.example")
    await person.fills("What depends on it?", "Invoices")
    await person.submits()
    await person.clicks("Another mail server (IMAP)")
    await person.until(lambda screen: "by its mail server" in modal_text(screen))
    page = await stage.signs_in_by_password(await stage.link_in_modal(who), f"{who}@acme.example")
    assert "Connected ✓" in page.text
    await person.closes()


@pytest.mark.threaded
async def test_from_any_other_provider_one_button_disconnects_and_goes_on(stage: Stage) -> None:
    """The refusal gives the article's reason; the removal is confirmed in its words; then at once the sign-in
    at the new provider, nothing typed again; and a second press of the same button removes nothing more."""
    await at_imap(stage)
    alice = stage.person("alice")
    said = modal_text(await asks_for_modal(stage, "alice", "/inbox switch alice@acme.example"))
    assert "For any other provider: disconnect first, then connect." in said
    await alice.clicks("Disconnect, then Office 365")
    screen = await alice.until(lambda screen: screen.modal and screen.modal.submit == "Yes, remove inbox")
    said = modal_text(screen)
    assert "Remove alice@acme.example?" in said and "What depends on it: Invoices" in said
    assert "You then go straight on to Office 365" in said
    await both_submit(stage, "alice", "alice")
    screen = await alice.until(lambda screen: "Microsoft will ask for this" in modal_text(screen))
    page = await stage.consents(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "Connected ✓" in page.text
    await alice.closes()
    status = await asks(stage, "alice", "/inbox status alice@acme.example")
    assert "Office 365" in status and "Invoices" in status
    await stage.passes(seconds=5)
    await told(stage, "alice", "is removed from Inboxkeeper", "delete it there")


@on_sqlite
async def test_to_any_other_provider_the_switch_dialog_leads_there(stage: Stage) -> None:
    """From Gmail to a mail host of one's own: not a switch, and the dialog says what it is instead."""
    await stage.team_connected()
    omar = stage.person("omar")
    await asks_for_modal(stage, "omar", f"/inbox switch {SUPPORT}")
    await omar.clicks("Another mail server (IMAP)")
    said = modal_text(await omar.until(lambda screen: "Disconnect first" in modal_text(screen)))
    assert "is connected at Gmail" in said
    await omar.clicks("Disconnect, then IMAP")
    await omar.until(lambda screen: screen.modal and screen.modal.submit == "Yes, delete")
    await omar.clicks("Yes, delete")
    shown = modal_text(await omar.until(lambda screen: "by its mail server" in modal_text(screen)))
    assert f"{SUPPORT} is removed from Inboxkeeper." in shown and "Revoked at Google: confirmed" in shown
    page = await stage.signs_in_by_password(await stage.link_in_modal("omar"), SUPPORT)
    assert "Connected ✓" in page.text
    listed = await asks(stage, "alice", "/inbox list")
    assert f"{SUPPORT} · Support" in listed
    assert USE in await asks(stage, "alice", f"/inbox status {SUPPORT}")


@on_sqlite
async def test_connecting_what_is_connected_elsewhere_offers_the_switch(stage: Stage) -> None:
    """The mail of the domain is at Microsoft by now: not a plain *already connected*."""
    await stage.connected("alice")
    alice = stage.person("alice")
    stage.town.names.move("acme.example", "microsoft")
    await alice.types("/inbox connect alice@acme.example")
    await alice.submits()
    said = modal_text(await alice.sees())
    assert "Already connected" in said and "[Switch to Office 365]" in said and "[Reconnect]" in said
    await alice.clicks("Switch to Office 365")
    await alice.until(lambda screen: "from Gmail to Office 365" in modal_text(screen))
    page = await stage.consents(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "Switched ✓" in page.text


# --- mail that moves


@pytest.mark.parametrize(
    ("who", "moved", "switch", "settled"),
    [
        (
            "omar",
            "New mail for",
            "Switch to Office 365",
            "was switched to Office 365. There is nothing to do.",
        ),
        (
            "sakura",
            "新着メールの配送先が変わりました",
            "Office 365 に切り替え",
            "に切り替えられました。対応は不要です。",
        ),
    ],
    ids=["en", "ja"],
)
async def test_mail_that_moves_leads_to_a_switch(
    stage: Stage, who: str, moved: str, switch: str, settled: str
) -> None:
    """Two days after the MX moved the admins read so; list, status and why show it; the message's button
    switches, and the message is settled with that, for everybody who had it."""
    await stage.team_connected()
    await days(stage, 1)
    stage.town.names.move("acme.example", "microsoft")
    await days(stage, 2)
    await told(stage, who, moved, SUPPORT)
    for verb in ("list", f"status {SUPPORT}", f"why {SUPPORT}"):
        assert "According to its DNS, mail for acme.example now goes to Microsoft." in await asks(
            stage, "alice", f"/inbox {verb}"
        )
    person = stage.person(who)
    await person.clicks(switch)
    page = await stage.consents(await stage.link_in_modal(who), SUPPORT)
    assert "✓" in page.text
    await stage.passes(seconds=5)
    await told(stage, who, settled)
    assert "📭" not in await asks(stage, "alice", "/inbox list")


@on_sqlite
async def test_an_outage_after_the_mail_has_moved_offers_both_ways(stage: Stage) -> None:
    """Reconnect beside Switch; and after the switch the alarm says who did it."""
    await stage.team_connected()
    await days(stage, 1)
    stage.town.names.move("acme.example", "microsoft")
    await days(stage, 2)
    await stage.breaks(SUPPORT, minutes=10)
    alarm = await told(stage, "omar", f"🔴 {SUPPORT}")
    assert "[Reconnect" in alarm and "[Switch to Office 365]" in alarm
    omar = stage.person("omar")
    await omar.clicks("Switch to Office 365", near="stopped working")
    page = await stage.consents(await stage.link_in_modal("omar"), SUPPORT)
    assert "Switched ✓" in page.text
    await stage.passes(seconds=5)
    await told(stage, "omar", "works again. Switched to another provider by @Omar Haddad")
