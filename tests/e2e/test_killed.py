"""The bot as a process of its own, killed without warning: ``kill -9``, and what people see of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.config import PREFIX
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from tests.driver import Driver, Person, Screen
from tests.stage import Browser, Page

ALICE = "alice@acme.example"
ROOT = Path(__file__).parents[2]
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
"""A fatal alert of TLS (RFC 8446, 6.2), as a record."""
QUICK = {"PROBE_PERSONAL_SECONDS": "0.5", "WITNESS_SECONDS": "0.1", "LOG_FORMAT": "json"}


@asynccontextmanager
async def a_process(built: Town) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m bot serve``, ready; killed in the end at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "serve"),
        cwd=ROOT,
        env=dict(built.environment),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        await killed(process)


async def killed(process: asyncio.subprocess.Process) -> None:
    """No warning, no clean-up."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


def alarms(screen: Screen) -> list[str]:
    return [said.plain for said in screen.dm.messages if "stopped working" in said.plain]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_kill_9_while_telling_neither_loses_nor_doubles_the_alarm(database_url: str) -> None:
    """Killed the moment Slack has the message, the next process finds it, and edits it in the end.

    On PostgreSQL the dead process's lease must run out first: ``tests/services`` plays that in virtual time.
    """
    place = Place(database_url=database_url, settings=QUICK)
    async with town(place, SandboxClock.running()) as built, aiohttp.ClientSession() as session:
        assert built.world.listener is not None
        built.world.listener.close()
        driver = Driver(built.url, session)
        alice = driver.person("alice")
        async with a_process(built) as first:
            await connects(built, driver)
            built.google.break_down("revoked", ALICE)
            await alice.until(alarms, within=30)
            await killed(first)
        async with a_process(built):
            await built.slack.until_connected()
            await alice.opens_home()
            await alice.until(lambda seen: seen.home and "Disconnected" in seen.home.plain, within=30)
            assert len(alarms(await alice.sees())) == 1
            await goes_through_google(built, await link(alice, "dm"))
            screen = await alice.until(lambda seen: not alarms(seen), within=30)
            assert sum("works again" in said.plain for said in screen.dm.messages) >= 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_kill_9_while_a_sign_in_is_checked_is_said_on_reload(database_url: str) -> None:
    """The page that broke says what happened as soon as the bot is back, and its button begins again."""
    place = Place(database_url=database_url, settings=QUICK)
    async with town(place, SandboxClock.running()) as built, aiohttp.ClientSession() as session:
        assert built.world.listener is not None
        built.world.listener.close()
        alice = Driver(built.url, session).person("alice")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as jar:
            browser = Browser(jar)
            async with a_process(built) as first:
                url = await begins(built, alice)
                callback = built.google.consent(await browser.goes_to_consent(url), ALICE)
                built.google.break_down("slow", ALICE, at="gmail", seconds=8.0)
                asked = built.google.requests["gmail"]
                waiting = asyncio.create_task(browser.opens(callback))
                async with asyncio.timeout(30):
                    while built.google.requests["gmail"] == asked:
                        await asyncio.sleep(0.02)
                await killed(first)
                with pytest.raises(aiohttp.ClientError):
                    await waiting
            built.google.mend()
            async with a_process(built):
                await built.slack.until_connected()
                page = await until_served(browser, callback)
                assert "Inboxkeeper was interrupted before" in page.text and ALICE in page.text
                again = await browser.presses(page)
                page = await browser.opens(built.google.consent(again.onward, ALICE))
                assert "is connected" in page.text
                await alice.until(lambda seen: "is connected" in seen.dm.plain, within=30)


async def until_served(browser: Browser, url: str) -> Page:
    """The page, as soon as somebody answers there."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await browser.opens(url)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def connects(built: Town, driver: Driver) -> None:
    """Alice connects her inbox, as soon as the process takes what Slack sends."""
    alice = driver.person("alice")
    await goes_through_google(built, await begins(built, alice))
    await alice.until(lambda seen: "is connected" in seen.dm.plain, within=30)


async def begins(built: Town, alice: Person) -> str:
    """Alice wants to connect her inbox; returns the link that leads there."""
    await built.slack.until_connected()
    await alice.types(f"/inbox connect {ALICE}")
    await alice.until(lambda seen: seen.modal and "One moment" not in seen.modal.plain, within=30)
    await alice.submits()
    await alice.until(lambda seen: seen.modal and "Open Google" in seen.modal.plain)
    return await link(alice, "modal")


async def link(person: Person, where: str) -> str:
    """The newest link button in the dialog or in the bot's messages."""
    screen = await person.sees()
    shown = screen.modal.blocks if where == "modal" and screen.modal else []
    blocks = shown or [block for said in screen.dm.messages for block in said.blocks]
    urls = [part["url"] for block in blocks for part in block.get("elements", []) if part.get("url")]
    return str(urls[-1])


async def goes_through_google(built: Town, url: str) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as jar:
        browser = Browser(jar)
        await browser.opens(built.google.consent(await browser.goes_to_consent(url), ALICE))


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_it_ends_well_while_google_refuses_the_handshake(database_url: str) -> None:
    """What the client for Google runs beside the loop must not outlive it: asked to end with such a request
    just failed, the process ends with status 0, and the inbox is looked at by the next one."""
    place = Place(database_url=database_url, settings=QUICK)
    async with town(place, SandboxClock.running()) as built, aiohttp.ClientSession() as session:
        assert built.world.listener is not None
        built.world.listener.close()
        alice = Driver(built.url, session).person("alice")
        async with a_process(built) as first:
            await connects(built, Driver(built.url, session))
            await ended(first)
        async with refusing_tls() as (port, refused):
            away = replace(built, environment={**built.environment, **at_google(f"https://localhost:{port}")})
            for _ in range(2):
                refused.clear()
                async with a_process(away) as process, asyncio.timeout(60):
                    await refused.wait()
                    await ended(process)
        built.google.break_down("revoked", ALICE)
        async with a_process(built):
            await built.slack.until_connected()
            await alice.until(alarms, within=30)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Asked to, it ends well."""
    process.terminate()
    async with asyncio.timeout(60):
        assert await process.wait() == 0


@asynccontextmanager
async def refusing_tls() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port where every handshake is answered with a fatal alert, and whether one was."""
    refused = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(HANDSHAKE_FAILURE)
        writer.close()
        refused.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], refused


def at_google(url: str) -> dict[str, str]:
    return {f"{PREFIX}{name}": url for name in ("GOOGLE_TOKEN_URL", "GMAIL_API_URL", "GOOGLE_CERTS_URL")}
