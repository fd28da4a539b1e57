"""Signing in at the local Microsoft in a real browser: its pages need no script, and lead back."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from sandbox.demo import Town
from tests.browser.conftest import Seat
from tests.browser.desk import Desk

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

USER, ADDRESS = "U0ALICE", "alice@acme.example"


async def _arrives(desk: Desk) -> Page:
    """From the composer to Microsoft's list of accounts."""
    await desk.goes("general")
    await desk.types(f"/inbox connect {ADDRESS}")
    await desk.submits("Next")
    tab = await desk.follows(desk.modal.locator("a.button.primary"))
    await tab.locator("form button").click()
    await desk.reads(tab, "Pick an account")
    return tab


async def _picks(tab: Page, address: str) -> None:
    await tab.locator(f'[data-email="{address}"]').click()


async def test_an_inbox_is_connected_by_clicking(seat: Seat, town: Town) -> None:
    """Pick an account, change one's mind, accept."""
    town.names.move("acme.example", "microsoft")
    desk = await seat(USER)
    tab = await _arrives(desk)
    await _picks(tab, "kenji@acme.example")
    await tab.locator("#another").click()
    await _picks(tab, ADDRESS)
    await expect(tab.locator("#account")).to_have_text(ADDRESS)
    await tab.locator("#accept").click()
    await desk.reads(tab, "Connected ✓")
    await expect(desk.title).to_have_text("Connected ✓")
    assert town.microsoft.wishes[-1]["prompt"] == "select_account"


async def test_an_admin_is_asked_on_microsofts_page(seat: Seat, town: Town) -> None:
    """A reason is needed; then the way leads back to the bot's own page."""
    town.names.move("acme.example", "microsoft")
    town.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=True)
    desk = await seat(USER)
    tab = await _arrives(desk)
    await _picks(tab, ADDRESS)
    await desk.reads(tab, "Approval required")
    await tab.locator("#request").click()
    await expect(tab.locator("#missing")).to_be_visible()
    await tab.locator("#reason").fill("We answer customers from it")
    await tab.locator("#request").click()
    await desk.reads(tab, "Request sent")
    await tab.locator("#back").click()
    await tab.wait_for_url(f"{town.settings.base_url}/**")
    [asked] = town.microsoft.directory.tenant("acme.example").requests
    assert (asked.email, asked.reason) == (ADDRESS, "We answer customers from it")


async def test_an_answer_by_form_sends_itself(seat: Seat, town: Town) -> None:
    """`form_post`: the browser posts to the app without anybody pressing anything."""
    desk = await seat(USER)
    callback = f"{town.settings.base_url}/callback/microsoft"
    query = f"client_id={town.settings.microsoft_client_id}&response_type=code&response_mode=form_post"
    tab = await desk.context.new_page()
    await tab.goto(
        f"{town.url}/microsoft/common/oauth2/v2.0/authorize?{query}&scope=openid&state=s"
        f"&login_hint={ADDRESS}&redirect_uri={callback}"
    )
    async with tab.expect_request(lambda request: request.url == callback) as posted:
        await tab.locator("#accept").click()
    sent = await posted.value
    assert (sent.method, "code=" in (sent.post_data or "")) == ("POST", True)
