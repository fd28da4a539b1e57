"""The stage for tests that play the whole product: local Slack and providers, the real bot, one clock.

Time stands still unless a test says ``passes``; what is due then is done in its order, without waiting.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.app import Bot, World, running
from bot.config import Settings
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, bound, town
from storage import generate_key
from tests.driver import Driver, Person, Screen

BEGINNING: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY: Final = generate_key()
"""Of every bot that goes on where another one has ended."""
UNHURRIED: Final = {"PROBE_TEAM_SECONDS": "120", "PROBE_PERSONAL_SECONDS": "900"}
"""How often mailboxes are looked at here: seldom, so that a test meets the look that it is about. The weeks
and outages of ``tests/simulation`` play at the pace of the defaults."""
_SETTLES_WITHIN: Final = 60
_SLIGHTLY: Final = timedelta(milliseconds=20)
"""The database's clock runs on while a statement travels: pauses end a moment later than planned."""
_AWAKE: Final = timedelta(minutes=1)
"""The end of a leap."""
_PATIENCE: Final = 500
"""How often something may be due and not get done before a test gives up on it."""


@dataclass
class Page:
    """What a browser shows."""

    url: str
    status: int
    html: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The page as read, without its markup."""
        body = re.sub(r"<(style|head)\b.*?</\1>", " ", self.html, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())

    @property
    def form_action(self) -> str:
        """Where the page's only form goes."""
        found = re.search(r'<form[^>]*action="([^"]+)"', self.html)
        assert found, f"no form on {self.text}"
        return urljoin(self.url, unescape(found.group(1)))

    @property
    def form_actions(self) -> list[str]:
        """Where each of the page's forms goes."""
        found = re.findall(r'<form[^>]*action="([^"]+)"', self.html)
        return [urljoin(self.url, unescape(action)) for action in found]

    @property
    def hidden(self) -> dict[str, str]:
        """The form's hidden fields."""
        fields = re.findall(r'<input[^>]*type="hidden"[^>]*>', self.html)
        return {_attribute(one, "name"): _attribute(one, "value") for one in fields}

    @property
    def shown(self) -> dict[str, str]:
        """What stands in the form's fields."""
        fields = re.findall(r"<input[^>]*>", self.html)
        chosen = re.search(r'<option value="([^"]+)" selected', self.html)
        typed = {_attribute(one, "name"): _attribute(one, "value") for one in fields}
        return typed | ({"security": unescape(chosen.group(1))} if chosen else {})

    @property
    def onward(self) -> str:
        """Where the page sends the browser by itself."""
        found = re.search(r'http-equiv="refresh"[^>]*content="\d+;\s*url=([^"]+)"', self.html)
        assert found, f"no way onward on {self.text}"
        return urljoin(self.url, unescape(found.group(1)))


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', tag)
    return unescape(found.group(1)) if found else ""


class Browser:
    """One person's browser, with a cookie jar of its own."""

    def __init__(self, session: aiohttp.ClientSession, *, language: str = "en") -> None:
        self.session = session
        self._language = language

    async def opens(self, url: str, *, method: str = "GET", data: dict[str, str] | None = None) -> Page:
        headers = {"Accept-Language": self._language}
        if method == "POST":
            parts = urlsplit(url)
            headers |= {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            return Page(str(answer.url), answer.status, await answer.text(), dict(answer.headers))

    async def presses(self, page: Page) -> Page:
        """Press the only button of the page's form."""
        return await self.opens(page.form_action, method="POST", data=page.hidden)

    async def goes_to_consent(self, url: str) -> str:
        """From the link in Slack to the provider's consent page; returns its address."""
        return (await self.presses(await self.opens(url))).onward


@dataclass
class Stage:
    """Everything a test can touch."""

    town: Town
    bot: Bot
    driver: Driver
    session: aiohttp.ClientSession
    _browsers: list[aiohttp.ClientSession] = field(default_factory=list)

    def person(self, name: str) -> Person:
        return self.driver.person(name)

    def browser(self, language: str = "en") -> Browser:
        """A browser that nobody has used yet."""
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._browsers.append(session)
        return Browser(session, language=language)

    # --- time

    async def settles(self) -> None:
        """What is due now is done. What makes itself due again at once fails the test."""
        async with asyncio.timeout(_SETTLES_WITHIN):
            await self.bot.settle()

    async def passes(self, **span: float) -> None:
        """Time passes, and everything that becomes due is done when it is due."""
        target = self.town.clock() + timedelta(**span)
        await self.settles()
        seen: Counter[datetime] = Counter()
        while (due := await self._next_due()) is not None and due + _SLIGHTLY <= target:
            seen[due] += 1
            assert seen[due] < _PATIENCE, f"due at {due} and never done"
            self.town.clock.advance(max(due + _SLIGHTLY - self.town.clock(), _SLIGHTLY))
            await self.settles()
        self.town.clock.advance(max(target - self.town.clock(), timedelta()))
        await self.settles()

    async def leaps(self, **span: float) -> None:
        """Time passes while the machine sleeps, but for the last minute: what became due is done then. Every
        look on the way costs time, so this is for hours that a test is not about."""
        self.town.clock.advance(timedelta(**span) - _AWAKE)
        await self.passes(minutes=_AWAKE.total_seconds() / 60)

    async def _next_due(self) -> datetime | None:
        async with self.bot.services.core.storage.reading() as uow:
            found = [await uow.probes.next_due(), await uow.jobs.next_due()]
            if self.bot.services.hubspot_watch is not None:
                found.append(await uow.hubspot.next_due())
        return min((due for due in found if due is not None), default=None)

    # --- the browser's part

    async def consents(
        self, url: str, account: str, *, untick: Collection[str] = (), browser: Browser | None = None
    ) -> Page:
        """Follow a link from Slack, consent as ``account``, and see the page that comes of it.

        Whose consent page it is, Google's or Microsoft's, its address says; boxes are unticked at Google.
        """
        browser = browser or self.browser()
        consent = await browser.goes_to_consent(url)
        return await self.consents_at(consent, account, untick=untick, browser=browser)

    async def consents_at(
        self, consent: str, account: str, *, untick: Collection[str] = (), browser: Browser
    ) -> Page:
        page = await browser.opens(self._answer_at(consent, account, untick=tuple(untick)))
        await self.settles()
        return page

    def _answer_at(self, consent: str, account: str, *, untick: tuple[str, ...]) -> str:
        """The callback address with which a provider answers a consent."""
        if urlsplit(consent).path.startswith("/microsoft/"):
            assert not untick, "Microsoft asks for all or nothing"
            return self.town.microsoft.consent(consent, account)
        return self.town.google.consent(consent, account, untick=untick)

    async def declines(self, url: str, account: str, *, browser: Browser | None = None) -> Page:
        """Follow a link from Slack to a consent page, and cancel there."""
        browser = browser or self.browser()
        consent = await browser.goes_to_consent(url)
        provider = (
            self.town.microsoft if urlsplit(consent).path.startswith("/microsoft/") else self.town.google
        )
        page = await browser.opens(provider.consent(consent, account, cancel=True))
        await self.settles()
        return page

    async def connected(self, name: str = "alice", account: str | None = None) -> None:
        """A member connects their own inbox, from the slash command to *Connected*."""
        address = account or f"{name}@acme.example"
        person = self.person(name)
        await person.types(f"/inbox connect {address}")
        shown = await self.presses_on(name)
        page = await self.consents(shown, address)
        assert page.status == 200, page.text
        await self.settles()

    async def team_connected(
        self,
        address: str = "support@acme.example",
        *,
        by: str = "omar",
        name: str = "Support",
        use: str = "Zendesk answers customers from it",
        conversation: str | None = None,
    ) -> None:
        """A super admin connects a team address, from the slash command to *Connected*."""
        person = self.person(by)
        if conversation is not None:
            await person.types("/invite @Inboxkeeper", in_=conversation)
        await person.types(f"/inbox connect {address}")
        await self.fills_in_team(by, name=name, use=use, conversation=conversation)
        page = await self.consents(await self.presses_on(by), address)
        assert page.status == 200, page.text
        await person.closes()

    async def signs_in_by_password(
        self, url: str, address: str, *, password: str = "", browser: Browser | None = None, **typed: str
    ) -> Page:
        """Follow a link from Slack to the form for a mail host, fill it in, and see what comes of it."""
        browser = browser or self.browser()
        form = await browser.presses(await browser.opens(url))
        filled = {**form.shown, "password": password or self.town.imap.password_of(address), **typed}
        page = await browser.opens(form.form_action, method="POST", data=filled)
        await self.settles()
        return page

    async def fills_in_team(self, by: str, *, name: str, use: str, conversation: str | None = None) -> None:
        """What the form asks of a team address, in English."""
        person = self.person(by)
        await person.fills("What do you call it?", name)
        await person.fills("What depends on it?", use)
        if conversation is not None:
            await person.chooses("Conversation to notify", conversation)

    async def opens_account(self, address: str) -> None:
        """Google has one more mailbox."""
        await self.driver.post("/control/google/accounts", {"email": address})

    async def breaks(self, account: str, what: str = "revoked", **span: float) -> None:
        """Google refuses an account from now on, and the bot has had the time to be sure of it."""
        self.town.google.break_down(what, account)
        await self.passes(**(span or {"minutes": 3}))

    async def presses_on(self, name: str) -> str:
        """Go on from the connect form to the link that opens the browser; returns the link."""
        person = self.person(name)
        await person.submits()
        return await self.link_in_modal(name)

    async def link_in_modal(self, name: str) -> str:
        """The only link button of the open modal, which may still be on its way."""
        screen = await self.person(name).until(_links_in)
        [url] = _links_in(screen)
        return url

    async def link_in_dm(self, name: str) -> str:
        """Where the newest link button among the bot's messages leads."""
        screen = await self.person(name).sees()
        urls = [
            element["url"]
            for message in screen.dm.messages
            for block in message.blocks
            for element in block.get("elements", [])
            if element.get("url")
        ]
        assert urls, screen.dm.plain
        return str(urls[-1])

    async def close(self) -> None:
        for session in self._browsers:
            await session.close()


def _links_in(screen: Screen) -> list[str]:
    """Where the link buttons of the open modal lead."""
    return [
        str(element["url"])
        for block in (screen.modal.blocks if screen.modal else ())
        for element in [*block.get("elements", []), block.get("accessory") or {}]
        if element.get("url")
    ]


@asynccontextmanager
async def a_town(
    database_url: str,
    *,
    transport: str = "socket",
    key: str | None = None,
    hubspot: bool = False,
    **settings: str,
) -> AsyncIterator[Town]:
    """Local Slack and Google at a standing clock, and settings for a bot."""
    place = Place(
        database_url=database_url, transport=transport, settings=UNHURRIED | settings, hubspot=hubspot
    )
    if key is not None:
        place = replace(place, key=key)
    world = World(engine_runs=False, jitter=lambda: 0.0)
    async with town(place, SandboxClock.frozen(BEGINNING), world=world) as built:
        yield built


@asynccontextmanager
async def a_bot(built: Town, settings: Settings | None = None) -> AsyncIterator[Stage]:
    """The bot in town, ready to take what Slack sends."""
    with closing(_listener(built)) as listener:
        world = replace(built.world, listener=listener)
        async with running(settings or built.settings, world) as bot, aiohttp.ClientSession() as session:
            stage = Stage(built, bot, Driver(built.url, session), session)
            try:
                yield stage
            finally:
                await stage.close()


def _listener(built: Town) -> socket.socket:
    """A bot that ended has closed its socket: the next one listens at the same address."""
    listener = built.world.listener
    if listener is not None and listener.fileno() != -1:
        return listener
    return bound("127.0.0.1", urlsplit(built.settings.base_url).port or 0)


@asynccontextmanager
async def a_stage(
    database_url: str, *, transport: str = "socket", hubspot: bool = False, **settings: str
) -> AsyncIterator[Stage]:
    """Town and bot together. ``hubspot``: the bot watches the local one."""
    async with (
        a_town(database_url, transport=transport, hubspot=hubspot, **settings) as built,
        a_bot(built) as stage,
    ):
        yield stage


async def does_chores(database_url: str) -> None:
    """A bot with ``KEY`` does what is due at the beginning of a day, and ends."""
    async with a_stage(database_url, key=KEY) as stage:
        await stage.settles()
