"""HubSpot's settings page as people meet it from an alarm: broken, told, opened, mended, over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from sandbox.demo import Place, Town, demo
from tests.browser.conftest import Seat
from tests.browser.test_accessibility import complaints

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

SALES: Final = "sales@acme.example"


@pytest_asyncio.fixture(loop_scope="session")
async def town(database_url: str) -> AsyncIterator[Town]:
    """The demo, with the local HubSpot looked at every second."""
    place = Place(database_url=database_url, settings={"HUBSPOT_SECONDS": "1"}, hubspot=True)
    async with demo(place) as (built, _):
        yield built


@pytest.mark.parametrize(
    ("user", "locale", "way", "deed", "works", "over"),
    [
        ("U0OMAR", "en-US", "Open in HubSpot", "Reconnect", "Connected", "as connected again"),
        ("U0SAKURA", "ja-JP", "HubSpot で開く", "再接続", "接続済み", "接続済みに戻りました"),
    ],
)
async def test_a_channel_is_mended_where_the_alarm_leads(
    seat: Seat, town: Town, user: str, locale: str, way: str, deed: str, works: str, over: str
) -> None:
    """Break it on HubSpot's page, read of it in Slack, go there by its button, mend it: the same message says
    so. The page shuts nobody out, on a desk and on a phone."""
    desk = await seat(user, locale)
    page = await desk.context.new_page()
    await page.goto(f"{town.url}/hubspot/live-messages-settings/{town.hubspot.portal.id}/inboxes")
    await expect(page.get_by_text(SALES)).to_be_visible()
    found = {}
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        found[width] = await complaints(page)
    row = page.locator(f'[data-account="{SALES}"]')
    await desk.goes("dm")
    await page.bring_to_front()
    await row.locator('button[value="disconnect"]').click()
    await desk.slack.bring_to_front()
    await expect(desk.last_message).to_contain_text(SALES)
    button = desk.last_message.get_by_role("link", name=way)
    tab = await desk.follows(button)
    assert tab.url.endswith("/inboxes/102/channels")
    row = tab.locator(f'[data-account="{SALES}"]')
    await row.get_by_role("button", name=deed).click()
    await expect(row).to_contain_text(works)
    for width in (1280, 390):
        await tab.set_viewport_size({"width": width, "height": 844})
        found[-width] = await complaints(tab)
    await desk.slack.bring_to_front()
    await expect(desk.last_message).to_contain_text(over)
    await expect(desk.slack.get_by_test_id("message")).to_have_count(1)
    assert {where: said for where, said in found.items() if said} == {}
