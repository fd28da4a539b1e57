"""``python -m tests.views.paint OUT_DIR``: every view as a picture, in both languages, for people to look at.

Rule: the pictures are of what the local Slack draws and of the product's own pages; nothing is mocked up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from bot.views.i18n import Language
from bot.views.pages.template import STYLESHEET
from sandbox.clock import SandboxClock
from sandbox.slack import LocalSlack
from sandbox.slack.stack import checked, open_modal, publish_home
from sandbox.slack.state import BOT_USER, Message, Person
from sandbox.slack.validate import normalized
from tests.views.gallery import everything
from tests.views.samples import ANN, BOB, LANGUAGES, NOW
from tests.views.test_pages import every_page

_ELSEWHERE: Final = "http://inboxkeeper.example/"
_LONGEST_NAME: Final = 90
_WINDOW: Final[ViewportSize] = {"width": 1040, "height": 760}
_FRAME: Final = 400
"""What the local Slack needs around what it shows, in pixels."""
_CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Case:
    """One view under one name, the same in every language."""

    name: str
    view: dict[str, Any]
    html: str = ""
    """Set for a page of the product, which is no view of Slack's."""


def cases(lang: Language, *, only: str) -> Iterator[Case]:
    """Every view whose name contains ``only``; of those that look alike, the first."""
    seen: set[str] = set()
    namesakes: Counter[str] = Counter()
    for name, view in everything(lang):
        key = json.dumps(view, sort_keys=True)
        if key not in seen and only in name:
            seen.add(key)
            namesakes[name] += 1
            yield Case(name if namesakes[name] == 1 else f"{name} ({namesakes[name]})", view)
    for number, html in enumerate(every_page(lang)):
        if only in (name := f"page {number:02}"):
            yield Case(name, {}, html)


def file_name(name: str) -> str:
    """Short enough for every file system, and another one for every name."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{plain[:_LONGEST_NAME].rstrip('-')}-{sha256(name.encode()).hexdigest()[:6]}.png"


class Easel:
    """A local Slack with one reader, and a browser that looks at it."""

    def __init__(self, slack: LocalSlack, page: Page) -> None:
        self._slack = slack
        self._page = page

    async def paint(self, case: Case, target: Path) -> None:
        """Show one view and take its picture."""
        shown = await (self._page_of_ours(case.html) if case.html else self._in_slack(case.view))
        thing = self._page.locator(shown).first
        box = await thing.bounding_box()
        # What Slack scrolls is seen whole only in a window that is tall enough.
        height = max(_WINDOW["height"], int(box["height"] if box else 0) + _FRAME)
        await self._page.set_viewport_size({**_WINDOW, "height": height})
        await thing.screenshot(path=target)
        await self._page.set_viewport_size(_WINDOW)

    async def _page_of_ours(self, html: str) -> str:
        await self._page.route(
            _ELSEWHERE, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8")
        )
        await self._page.goto(_ELSEWHERE, wait_until="load")
        await self._page.unroute(_ELSEWHERE)
        return "body"

    async def _in_slack(self, view: dict[str, Any]) -> str:
        workspace = self._slack.core.workspace
        workspace.modals.pop(ANN, None)
        kind = view.get("type", "message")
        if kind == "modal":
            open_modal(workspace, ANN, checked(view, kind="modal"))
        elif kind == "home":
            workspace.homes.pop(ANN, None)
            publish_home(workspace, ANN, checked(view, kind="home"))
        else:
            conversation = workspace.dm_of(ANN).id
            said = Message(
                workspace.next_ts(), conversation, BOT_USER, view["text"], normalized(view["blocks"])
            )
            workspace.messages[conversation] = [said]
        place = "home" if kind == "home" else "dm"
        await self._page.goto(f"{self._slack.public_url}/?as={ANN}&in={place}")
        return f'[data-testid="{kind}"]'


@asynccontextmanager
async def easel(browser: Browser, lang: Language) -> AsyncIterator[Easel]:
    """Where views of one language are painted."""
    slack = LocalSlack(
        clock=SandboxClock.frozen(NOW), bot_token="xoxb-none", app_token="xapp-none", signing_secret="none"
    )
    for user, name in ((ANN, "Ann Lee"), (BOB, "Bob Ray")):
        locale = "ja-JP" if lang.code == "ja" else "en-US"
        slack.core.workspace.people[user] = Person(user, name.split()[0].lower(), name, "", locale=locale)
    app = web.Application()
    slack.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    slack.public_url = f"http://localhost:{runner.addresses[0][1]}"
    # Without scripts: the page must not ask for news, and nothing moves while the picture is taken.
    page = await browser.new_page(
        locale="ja-JP" if lang.code == "ja" else "en-US",
        viewport=_WINDOW,
        java_script_enabled=False,
    )
    # Pages that send the browser on stay where they are: there is nothing where they point.
    await page.route(re.compile("^https:"), lambda route: route.fulfill(status=204))
    await page.route(
        f"{_ELSEWHERE}static/page.css", lambda route: route.fulfill(path=STYLESHEET, content_type="text/css")
    )
    try:
        yield Easel(slack, page)
    finally:
        await page.close()
        await slack.close()
        await runner.cleanup()


async def paint_all(folder: Path, *, only: str, chromium: str) -> int:
    """Paint every case in every language below ``folder``; returns how many pictures there are."""
    names: dict[str, None] = {}
    count = 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for lang in LANGUAGES:
            (folder / lang.code).mkdir(parents=True, exist_ok=True)
            async with easel(browser, lang) as painter:
                for case in cases(lang, only=only):
                    await painter.paint(case, folder / lang.code / file_name(case.name))
                    names[case.name] = None
                    count += 1
        await browser.close()
    (folder / "index.html").write_text(index(names, folder), encoding="utf-8")
    return count


def index(names: Iterable[str], folder: Path) -> str:
    """All pictures on one page, the languages side by side."""
    rows = "".join(
        f"<h2>{escape(name)}</h2><div>{''.join(_pictures(name, folder))}</div>\n" for name in names
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Every view of Inboxkeeper</title>'
        "<style>body{font:15px system-ui;margin:1rem;background:#eee}h2{font-size:1rem}"
        "div{display:grid;grid-template-columns:1fr 1fr;gap:1rem;align-items:start}"
        f"img{{max-width:100%;background:#fff}}</style>\n{rows}"
    )


def _pictures(name: str, folder: Path) -> Iterator[str]:
    for lang in LANGUAGES:
        picture = f"{lang.code}/{file_name(name)}"
        if (folder / picture).exists():
            yield f'<img loading="lazy" src="{picture}" alt="{escape(name)}, {lang.code}">'


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.views.paint", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--only", default="", help="only views with this in their name, such as 'incident'")
    found = next(filter(None, map(shutil.which, _CHROMIUMS)), "")
    parser.add_argument("--chromium", default=found, help="the browser to look with")
    asked = parser.parse_args()
    if not asked.chromium:
        sys.exit("This needs Chromium. On Debian: apt install chromium fonts-noto-cjk")
    count = asyncio.run(paint_all(asked.folder, only=asked.only, chromium=asked.chromium))
    sys.stdout.write(f"{count} pictures: {asked.folder / 'index.html'}\n")


if __name__ == "__main__":
    main()
