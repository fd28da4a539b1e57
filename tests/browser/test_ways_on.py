"""No dead end by clicking: a link that has expired, in both places, and a form while Slack is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import expect

from sandbox.demo import Town
from tests.browser.conftest import Seat
from tests.browser.desk import Desk, lands, signs_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

LATER = timedelta(minutes=15, seconds=1)


async def _asks(desk: Desk) -> None:
    """From the composer to the dialog with the link."""
    await desk.goes("general")
    await desk.types("/inbox connect")
    await desk.submits("Next")
    await expect(desk.modal.locator("a.button.primary")).to_be_visible()


async def test_a_dialog_that_waited_too_long_gives_a_fresh_link(seat: Seat, town: Town) -> None:
    """It turns by itself, without a button that leads nowhere; one press later the way is open again."""
    desk = await seat("U0ALICE")
    await _asks(desk)
    town.clock.advance(LATER)
    await expect(desk.title).to_have_text("Link expired")
    await expect(desk.modal.locator("a.button.primary")).to_have_count(0)
    await desk.presses("Get a new link")
    tab = await desk.opens_google()
    await signs_in(tab)
    await desk.reads(tab, "Connected ✓")
    await expect(desk.title).to_have_text("Connected ✓")


async def test_a_page_that_waited_too_long_leads_on(seat: Seat, town: Town) -> None:
    """Left open over lunch: one press for a fresh link, and the dialog in Slack shows what came of it."""
    desk = await seat("U0ALICE")
    await _asks(desk)
    tab = await desk.opens_google()
    town.clock.advance(LATER)
    await tab.locator("form button").click()
    await desk.reads(tab, "This link has expired")
    await expect(tab.get_by_role("link", name="Open Slack (Acme)")).to_be_visible()
    await tab.get_by_role("button", name="Get a new link").click()
    await desk.reads(tab, "Connect alice@acme.example")
    await lands(tab)
    await tab.locator("#continue").click()
    await desk.reads(tab, "Connected ✓")
    await expect(desk.title).to_have_text("Connected ✓")


async def test_a_form_stays_as_it_was_filled_in_while_slack_is_away(seat: Seat, town: Town) -> None:
    """The reason on top, everything typed beneath; sent once more, it goes on."""
    desk = await seat("U0OMAR")
    await desk.goes("general")
    await desk.types("/inbox connect support@acme.example")
    await desk.modal.get_by_label("What do you call it?").fill("Customer support")
    await desk.modal.get_by_label("What depends on it?").fill("Zendesk answers from it")
    broken = await desk.context.request.post(
        f"{town.url}/control/slack/break",
        data={"what": "error", "method": "users.info", "error": "service_unavailable"},
    )
    assert broken.ok
    await desk.submits("Next")
    await expect(desk.modal).to_contain_text("What you typed is still here: send it once more.")
    await expect(desk.modal.get_by_label("What do you call it?")).to_have_value("Customer support")
    await expect(desk.modal.get_by_label("What depends on it?")).to_have_value("Zendesk answers from it")
    await desk.context.request.post(f"{town.url}/control/slack/mend")
    await desk.submits("Next")
    await expect(desk.modal.locator("a.button.primary")).to_have_text("Open Google")
