"""An address whose mail goes to somebody's account: connected by a super admin's word, and shown as such."""

from __future__ import annotations

import pytest

from tests.stage import Browser, Page, Stage

GROUP, OMAR = "press@acme.example", "omar@acme.example"


@pytest.fixture
def database_kind() -> str:
    """What both databases keep of it is tried in ``tests/services``."""
    return "sqlite"


async def said(stage: Stage, who: str, text: str) -> str:
    await stage.person(who).types(text)
    return (await stage.person(who).sees()).messages("#general")[-1].plain


async def wants_the_group(stage: Stage, who: str, account: str, browser: Browser) -> Page:
    """Somebody connects the group's address and can sign in as themselves only."""
    await stage.person(who).types(f"/inbox connect {GROUP}")
    await stage.fills_in_team(who, name="Press", use="Journalists write to it")
    return await stage.consents(await stage.presses_on(who), account, browser=browser)


async def confirms(stage: Stage, page: Page, browser: Browser) -> Page:
    """*Yes, it receives that mail*, and consent once more."""
    action = next(url for url in page.form_actions if "/receives/" in url)
    onward = await browser.opens(action, method="POST")
    return await stage.consents_at(onward.onward, OMAR, browser=browser)


async def test_a_group_is_connected_through_who_receives_its_mail(stage: Stage) -> None:
    """The page says what went wrong and what a super admin can say; from then on every screen says *via*."""
    browser = stage.browser()
    page = await wants_the_group(stage, "omar", OMAR, browser)
    assert f"You signed in as {OMAR}, but wanted to connect {GROUP}." in page.text
    assert "Google groups, Microsoft distribution lists" in page.text
    assert f"Does {OMAR} receive the mail of {GROUP}?" in page.text
    assert "Connected ✓" in (await confirms(stage, page, browser)).text
    omar = stage.person("omar")
    told = (await omar.sees()).dm.last.plain
    assert f"{GROUP} is connected." in told and f"opened via {OMAR}, which receives its mail" in told
    await omar.closes()
    assert f"{GROUP} · via {OMAR} · Press" in await said(stage, "alice", "/inbox list")
    status = await said(stage, "alice", f"/inbox status {GROUP}")
    assert f"via {OMAR}" in status and f"Confirmed: {OMAR} receives its mail · @Omar Haddad" in status
    why = await said(stage, "kenji", f"/inbox 理由 {GROUP}")
    assert f"{OMAR} 経由" in why and f"{OMAR} で受信することを確認" in why


async def test_an_outage_names_who_can_mend_it(stage: Stage) -> None:
    """The message and the page behind its button name the account; that account mends it, by whomever."""
    browser = stage.browser()
    await confirms(stage, await wants_the_group(stage, "omar", OMAR, browser), browser)
    await stage.breaks(OMAR, minutes=9)  # no other inbox can vouch for Google
    alarm = (await stage.person("omar").sees()).dm.last
    assert f"Who can fix it: whoever can sign in as {OMAR}." in alarm.plain
    url = await stage.link_in_dm("omar")
    assert f"sign in as {OMAR}" in (await stage.browser().opens(url)).text
    assert "Reconnected ✓" in (await stage.consents(url, OMAR)).text
    assert f"via {OMAR}" in await said(stage, "alice", "/inbox list")


async def test_a_member_is_shown_the_way_but_no_button(stage: Stage) -> None:
    """Whoever may not decide it reads who can."""
    await stage.person("omar").types("/inbox admins")
    await stage.person("omar").chooses("Add a person", "alice")
    page = await wants_the_group(stage, "alice", "alice@acme.example", stage.browser())
    assert "A super admin confirms that" in page.text
    assert not [url for url in page.form_actions if "/receives/" in url]
