"""A person at their desk: local Slack in one tab of a real browser, sign-ins in others.

The one rule: everything is done by clicking and typing what is on the page, and waited for by looking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, WebError, expect

_NEVER_MIND = re.compile(r"the server responded with a status of (410|422)")
"""Chromium's own remark on a page that says that a link was used, or that a form did not do."""
_PLACES: Final = {"general": "C0GENERAL"}
_UNKNOWN: Final = "the server responded with a status of 404"
"""The same of a callback that nobody waits for."""


@dataclass
class Desk:
    """One person's browser."""

    context: BrowserContext
    slack: Page
    url: str
    user: str
    faults: list[str] = field(default_factory=list)
    """What the browser complained of: scripts that failed, policies that were broken."""

    @classmethod
    async def of(cls, context: BrowserContext, url: str, user: str) -> Desk:
        desk = cls(context, await context.new_page(), url, user)
        context.on("console", desk._hears)
        context.on("weberror", desk._breaks)
        return desk

    def _hears(self, message: ConsoleMessage) -> None:
        is_unknown = _UNKNOWN in message.text and "/callback/" in message.location["url"]
        is_fault = message.type in {"error", "warning"} and not _NEVER_MIND.search(message.text)
        if is_fault and not is_unknown:
            self.faults.append(message.text)

    def _breaks(self, error: WebError) -> None:
        self.faults.append(str(error.error))

    # --- Slack

    async def goes(self, place: str) -> None:
        """``home``, ``dm`` or ``general``."""
        await self.slack.bring_to_front()
        where = _PLACES.get(place, place)
        await self.slack.goto(f"{self.url}/?as={self.user}&in={where}")

    async def types(self, text: str) -> None:
        await self.slack.get_by_test_id("composer-text").fill(text)
        await self.slack.get_by_test_id("send").click()

    @property
    def modal(self) -> Locator:
        return self.slack.get_by_test_id("modal")

    @property
    def title(self) -> Locator:
        return self.slack.get_by_test_id("modal-title")

    @property
    def home(self) -> Locator:
        return self.slack.get_by_test_id("home")

    @property
    def last_message(self) -> Locator:
        return self.slack.get_by_test_id("message").last

    async def presses(self, label: str) -> None:
        """A button of the modal if one is open, else of what is behind it."""
        await self.slack.bring_to_front()  # a tab behind another one draws once a second
        await self.slack.get_by_role("button", name=label, exact=True).last.click()

    async def chooses(self, label: str) -> None:
        """A line of the last small menu (⋯)."""
        await self.slack.bring_to_front()
        await self.slack.get_by_test_id("overflow").last.click()
        await self.slack.get_by_role("menuitem", name=label, exact=True).last.click()

    async def submits(self, label: str) -> None:
        """The modal's own button, by what it says."""
        button = self.slack.get_by_test_id("modal-submit")
        await expect(button).to_have_text(label)
        await button.click()

    async def closes(self) -> None:
        await self.slack.bring_to_front()
        await self.slack.get_by_test_id("modal-close").click()
        await expect(self.modal).to_have_count(0)

    async def follows(self, link: Locator) -> Page:
        """Click a link that opens a tab of its own."""
        async with self.context.expect_page() as opened:
            await link.click()
        page = await opened.value
        await page.wait_for_load_state()
        return page

    # --- the sign-in

    async def opens_google(self) -> Page:
        """From the modal to the landing page, in a new tab."""
        return await self.follows(self.modal.locator("a.button.primary"))

    async def reads(self, tab: Page, heading: str) -> None:
        await expect(tab.locator("h1")).to_have_text(heading)


async def lands(tab: Page) -> None:
    """On the landing page: go on to the provider."""
    await tab.locator("form button").click()
    await expect(tab.locator("#continue")).to_be_visible()


async def consents(tab: Page) -> None:
    await tab.locator("#continue").click()


async def signs_in(tab: Page) -> None:
    """From the landing page to the outcome, as people usually do it."""
    await lands(tab)
    await consents(tab)
