"""The local Slack itself, as somebody meets it who tries the demo."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from sandbox.demo import Place, Town, demo
from tests.browser.conftest import Seat
from tests.browser.desk import Desk
from tests.browser.test_accessibility import complaints
from tests.views.samples import a_team_channel

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("database_kind", ["sqlite"]),
]

PLACES: Final = ("/", "/?as=U0KENJI&in=home", "/?as=U0OMAR&in=dm", "/?as=U0ALICE&in=C0GENERAL", "/break")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_shuts_nobody_out(chromium: Browser, town: Town, scheme: str) -> None:
    """Home, a conversation, the app's own one, a dialog and *Break things*, on a desk and on a phone."""
    context = await chromium.new_context(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = await context.new_page()
    found = {}
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        for place in PLACES:
            await page.goto(f"{town.url}{place}")
            found[width, place] = await complaints(page)
        await page.goto(f"{town.url}/?as=U0ALICE&in=C0GENERAL")
        await page.get_by_test_id("composer-text").fill("/inbox connect")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("modal-submit")).to_be_visible()
        found[width, "a dialog"] = await complaints(page)
        await page.get_by_test_id("modal-close").click()
        await expect(page.get_by_test_id("modal")).to_have_count(0)
    await context.close()
    assert {where: said for where, said in found.items() if said} == {}


async def test_the_first_sight_is_home_with_a_tour(seat: Seat, town: Town) -> None:
    """What to do first stands beside it; put away, it stays away until it is wanted again."""
    desk = await seat("U0ALICE")
    page: Page = desk.slack
    await page.goto(town.url)
    await expect(desk.home.get_by_role("button", name="Connect an inbox")).to_be_visible()
    tour, steps = page.get_by_test_id("tour"), page.get_by_test_id("tour-step")
    await expect(tour).to_contain_text("Try these · 0 of 8")
    await expect(steps).to_have_count(8)
    await expect(tour).to_contain_text("Press Connect an inbox on Home")
    await page.get_by_test_id("tour-toggle").click()
    await expect(steps).to_have_count(0)
    await page.reload()
    await expect(steps).to_have_count(0)
    await page.get_by_test_id("tour-toggle").click()
    await expect(steps).to_have_count(8)


async def test_nobody_writes_to_the_app(seat: Seat) -> None:
    """Its conversation says that it takes no messages, as in the real Slack."""
    desk = await seat("U0ALICE")
    await desk.goes("dm")
    await expect(desk.slack.get_by_test_id("sending-off")).to_be_visible()
    await expect(desk.slack.get_by_test_id("composer")).to_have_count(0)


async def test_a_long_dialog_keeps_its_buttons_on_a_low_screen(seat: Seat) -> None:
    """What is in between scrolls."""
    desk = await seat("U0OMAR")
    await desk.slack.set_viewport_size({"width": 1280, "height": 360})
    await desk.goes("general")
    await desk.types("/inbox connect support@acme.example")
    await expect(desk.slack.get_by_test_id("modal-submit")).to_be_in_viewport(ratio=1)
    await expect(desk.slack.get_by_test_id("modal-close")).to_be_in_viewport(ratio=1)
    await desk.closes()


async def test_inboxes_are_searched_and_chosen_in_a_dialog(chromium: Browser, database_url: str) -> None:
    """By keyboard and pointer: what is typed is offered, what was chosen can be taken out again."""
    place = Place(database_url=database_url, settings={"API": "true"})
    context = await chromium.new_context()
    async with demo(place) as (built, bot):
        channel = replace(a_team_channel(address="support@acme.example"), grant_id=None, conversation_id=None)
        async with bot.services.core.storage.writing() as uow:
            await uow.channels.add(replace(channel, workspace_id=bot.services.workspace.id))
            await uow.commit()
        desk = await Desk.of(context, built.url, "U0OMAR")
        await desk.goes("general")
        await desk.types("/inbox webhooks")
        await desk.presses("Add a webhook")
        await desk.modal.get_by_label("Which program is it for?").fill("Help desk")
        await desk.modal.get_by_label("Where is it told?").fill("https://desk.example.com/hook")
        search = desk.modal.get_by_role("combobox", name="Addresses")
        await search.press_sequentially("supp")
        await expect(desk.modal.locator("datalist option")).to_have_text(["support@acme.example"])
        await search.fill("support@acme.example")
        await search.press("Enter")
        await expect(desk.modal.get_by_role("button", name="Remove support@acme.example")).to_be_visible()
        assert await complaints(desk.slack) == []
        await desk.presses("Remove support@acme.example")
        await expect(desk.modal.get_by_role("button", name="Remove support@acme.example")).to_have_count(0)
        await search.fill("support@acme.example")
        await search.blur()
        await expect(desk.modal.get_by_role("button", name="Remove support@acme.example")).to_be_visible()
        await desk.submits("Add")
        await expect(desk.title).to_have_text("Signing secret")
        assert desk.faults == []
    await context.close()
