"""``python -m tests.screens OUT_DIR``: the few pictures that the README and the documents show.

Rule: taken of the demo as people run it, by doing what they would do; nothing is mocked up.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import aiohttp
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from sandbox.demo import Place, demo
from tests.driver import Driver
from tests.stage import Stage

_CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
_FAST: Final = {"PROBE_PERSONAL_SECONDS": "1", "PROBE_TEAM_SECONDS": "1", "WITNESS_SECONDS": "0.1"}
_TEAM: Final = (
    ("support@acme.example", "Customer support", "Zendesk answers customers from it"),
    ("sales@acme.example", "Sales", "The CRM logs what customers write"),
)


@dataclass(frozen=True)
class Look:
    """How somebody looks at it."""

    scheme: Literal["light", "dark"] = "light"
    width: int = 1000
    height: int = 560
    locale: str = "en-US"


PHONE_AT_NIGHT: Final = Look("dark", 390, 844, "ja-JP")


@dataclass
class Studio:
    """The demo, a browser, and where the pictures go."""

    stage: Stage
    browser: Browser
    folder: Path

    async def visit(self, look: Look) -> Page:
        context = await self.browser.new_context(
            color_scheme=look.scheme,
            viewport={"width": look.width, "height": look.height},
            locale=look.locale,
            reduced_motion="reduce",
        )
        await context.add_cookies([{"name": "tour", "value": "hidden", "url": self.stage.town.url}])
        return await context.new_page()

    async def open(self, page: Page, who: str, place: str) -> None:
        await page.goto(f"{self.stage.town.url}/?as={who}&in={place}")
        await page.wait_for_load_state()

    async def take(self, thing: Page | Locator, name: str) -> None:
        """No more of it than is of interest, so that files stay small."""
        await thing.screenshot(path=self.folder / f"{name}.png", caret="hide", animations="disabled")

    # --- what is shown

    async def sign_in(self) -> None:
        """From the dialog in Slack to the page before Google."""
        page = await self.visit(Look())
        await self.open(page, "U0ALICE", "C0GENERAL")
        await page.get_by_test_id("composer-text").fill("/inbox connect")
        await page.get_by_test_id("send").click()
        await page.get_by_test_id("modal-submit").click()
        link = page.get_by_test_id("modal").locator("a.button.primary")
        await expect(link).to_be_visible()
        await self.take(page.get_by_test_id("modal"), "connect")
        landing = await self.visit(Look())
        await landing.goto(str(await link.get_attribute("href")))
        await self.take(landing.locator("main"), "page")
        await page.get_by_test_id("modal-close").click()

    async def form(self) -> None:
        """The page for a password."""
        omar = self.stage.person("omar")
        await omar.types("/inbox connect alice@harbor.example")
        await self.stage.fills_in_team("omar", name="Harbor", use="")
        link = await self.stage.presses_on("omar")
        page = await self.visit(Look())
        await page.goto(link)
        await page.locator("form button").click()
        await expect(page.locator("#password")).to_be_visible()
        await self.take(page.locator("main"), "password")
        await omar.closes()

    async def home(self) -> None:
        page = await self.visit(Look())
        await self.open(page, "U0OMAR", "home")
        await expect(page.get_by_test_id("home")).to_contain_text("sales@acme.example")
        await page.get_by_role("button", name="Hide these steps").click()  # as it looks after the first hour
        await expect(page.get_by_test_id("home")).not_to_contain_text("Hide these steps")
        await self.take(page.locator(".pane"), "home")

    async def alarm(self) -> None:
        """Somebody took the access away: the message, for two readers."""
        await self.stage.driver.post(
            "/control/google/break", {"what": "revoked", "account": "support@acme.example"}
        )
        for name, who, look in (
            ("alarm", "U0OMAR", Look()),
            ("alarm-phone", "U0SAKURA", PHONE_AT_NIGHT),
        ):
            page = await self.visit(look)
            await self.open(page, who, "dm")
            message = page.get_by_test_id("message").filter(has_text="support@acme.example").last
            await expect(message.locator("a.button").first).to_be_visible(timeout=60_000)
            await message.scroll_into_view_if_needed()
            await self.take(page if look is PHONE_AT_NIGHT else message, name)


async def take_all(folder: Path, chromium: str) -> None:
    """Write every picture to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data:
        place = Place(database_url=f"sqlite:///{data}/screens.db", settings=_FAST)
        async with (
            demo(place) as (built, bot),
            aiohttp.ClientSession() as session,
            async_playwright() as playwright,
        ):
            stage = Stage(built, bot, Driver(built.url, session), session)
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            studio = Studio(stage, browser, folder)
            await studio.sign_in()
            await stage.connected("omar")
            for address, name, use in _TEAM:
                await stage.team_connected(address, name=name, use=use)
            if (await stage.person("omar").sees()).modal:
                await stage.person("omar").closes(whole=True)
            await studio.form()
            await studio.home()
            await studio.alarm()
            await browser.close()
            await stage.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    found = next(filter(None, map(shutil.which, _CHROMIUMS)), "")
    parser.add_argument("--chromium", default=found, help="the browser to look with")
    asked = parser.parse_args()
    if not asked.chromium:
        sys.exit("This needs Chromium. On Debian: apt install chromium fonts-noto-cjk")
    asyncio.run(take_all(asked.folder, asked.chromium))
    sys.stdout.write(f"{len(list(asked.folder.glob('*.png')))} pictures in {asked.folder}\n")


if __name__ == "__main__":
    main()
