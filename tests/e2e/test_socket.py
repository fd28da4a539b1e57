"""Socket Mode against a Slack that dismisses or paces us: who is told, and what comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.app import Bot
from tests.stage import Stage, a_bot, a_town


@dataclass
class Hours:
    """Pauses pass at once, but only as many as are allowed; the clock of Slack's tiers goes with them."""

    advance: Callable[[timedelta], None] = lambda _: None
    allowed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    passed: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        self.passed.append(seconds)
        await self.allowed.acquire()
        self.advance(timedelta(seconds=seconds))

    def allow(self, pauses: int) -> None:
        for _ in range(pauses):
            self.allowed.release()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.01)


async def is_connected(stage: Stage) -> bool:
    async with stage.session.get(f"{stage.town.settings.base_url}/readyz") as answer:
        parts = await answer.json()
        assert answer.status == (200 if parts["ready"] else 503)
        return bool(parts["slack"])


def paused(hours: Hours, times: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(hours.passed) >= times

    return enough


async def works(bot: Bot) -> None:
    """What a connection that has lasted says; the half minute until then is the handlers' tests' business."""
    await bot.services.workspaces.socket_works()


async def test_socket_mode_switched_off_is_told_once_and_comes_back(database_url: str) -> None:
    """The operator reads what to do, in their language, and nobody else is troubled; once it is on again,
    the message says so."""
    hours = Hours()
    async with a_town(database_url, OPERATORS="U0KENJI") as town:
        hours.advance = town.clock.advance
        async with a_bot(replace(town, world=replace(town.world, pause=hours.pause))) as stage:
            await until(lambda: is_connected(stage))
            await stage.driver.break_("socket_dismissed", error="link_disabled")
            await stage.driver.disconnect("link_disabled")
            hours.allow(5)
            await until(paused(hours, 6))
            assert hours.passed == [10, 30, 90, 270, 300, 300]
            assert len(await stage.driver.calls("apps.connections.open")) == 6
            assert not await is_connected(stage)
            await stage.settles()
            kenji, sakura = await stage.person("kenji").sees(), await stage.person("sakura").sees()
            assert "アプリの設定で Socket Mode がオフになっています" in kenji.dm.plain
            assert len(kenji.dm.messages) == 1 and not sakura.dm.messages
            await stage.driver.mend()
            hours.allow(1)
            await until(lambda: is_connected(stage))
            await works(stage.bot)
            await stage.settles()
            [message] = (await stage.person("kenji").sees()).dm.messages
            assert message.edited and "Slack と Inboxkeeper の接続が回復しました" in message.plain


async def test_a_refused_app_token_is_told_with_its_code(database_url: str) -> None:
    """And with where to get another one."""
    hours = Hours()
    async with (
        a_town(database_url, OPERATORS="U0KENJI") as town,
        a_bot(replace(town, world=replace(town.world, pause=hours.pause))) as stage,
    ):
        await until(lambda: is_connected(stage))
        await stage.driver.edit_person("kenji", locale="en-US")
        await stage.driver.break_("error", method="apps.connections.open", error="token_revoked")
        await stage.driver.disconnect("drop")
        hours.allow(3)
        await until(paused(hours, 4))
        await stage.settles()
        [message] = (await stage.person("kenji").sees()).dm.messages
        assert "it does not accept INBOXKEEPER_SLACK_APP_TOKEN (token_revoked)" in message.plain


async def test_slack_is_asked_no_more_often_than_it_allows(database_url: str) -> None:
    """With its first tier enforced: who asks too soon is answered 429, and waits for as long as that says."""
    hours = Hours()
    async with a_town(database_url) as town:
        hours.advance = town.clock.advance
        async with a_bot(replace(town, world=replace(town.world, pause=hours.pause))) as stage:
            await until(lambda: is_connected(stage))
            await stage.driver.break_("tiers", method="apps.connections.open")
            await stage.driver.break_("socket_dismissed", error="refresh_requested")
            hours.allow(6)
            await stage.driver.disconnect("refresh_requested")
            await until(paused(hours, 7))
            assert hours.passed[0] == 0 and sum(hours.passed[1:]) >= 60 * 5
            calls = await stage.driver.calls("apps.connections.open")
            assert len(calls) <= 8
            await stage.driver.mend()
            hours.allow(1)
            await until(lambda: is_connected(stage))
            assert (await stage.person("alice").types("/inbox help")).ok
