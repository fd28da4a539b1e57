"""A portal of sixty channels, with a twentieth of all answers broken. The small one belongs to the suite;
``make week`` plays seven days.

What must hold: nobody is told of a channel that was not lost, none that was lost is missed, and each is told
once; half of all at once are one message, taken back.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from bot.domain.hubspot import HubSpotChannel, HubSpotSignal
from bot.domain.incident import IncidentKind
from bot.domain.notice import NoticeKind
from sandbox.hubspot.state import FAULTS, Account, Portal
from tests.stage import Stage, a_stage

IS_LARGE: Final = os.environ.get("WEEK") == "large"
LASTS: Final = timedelta(days=7) if IS_LARGE else timedelta(hours=5)
SEED: Final = int(os.environ.get("WEEK_SEED") or 20250301)
CHANNELS: Final = 60
FAULTY: Final = 0.05
STEP: Final = timedelta(minutes=10)
HOWS: Final = ({"authorized": False}, {"active": False}, {"vanished": True}, {"archived": True})
WHOLE: Final = {"authorized": True, "active": True, "vanished": False, "archived": False}
OUTAGE: Final = 65
"""Minutes, as on 1 March 2025."""


@pytest.fixture
async def stage(migrated_sqlite: Path, tmp_path: Path, inline_sqlite: None) -> AsyncIterator[Stage]:
    file = tmp_path / "week.db"
    shutil.copy(migrated_sqlite, file)
    async with a_stage(f"sqlite:///{file}", hubspot=True) as built:
        portal = built.town.hubspot.portal
        for number in range(CHANNELS - len(portal.mail()) + 1):  # one of them is HubSpot's own
            portal.add(f"team{number}@acme.example", 101 + number % 3)
        await built.passes(minutes=3)
        yield built


class Misfortune:
    """Breaks channels one by one, and remembers what it has done."""

    def __init__(self, portal: Portal, chance: random.Random) -> None:
        self._portal = portal
        self._chance = chance
        self._until: dict[int, timedelta] = {}
        self._rests: dict[int, timedelta] = {}
        self.lost: Counter[tuple[str, str]] = Counter()
        """By address and what happened to it."""

    def goes_on(self, now: timedelta) -> None:
        """What has lasted is mended; now and then something else breaks. A channel rests for an hour then:
        what comes back sooner is the same outage."""
        for account in self._portal.accounts:
            if self._until.get(account.id, now) < now:
                del self._until[account.id]
                self._set(account, **WHOLE)
                self._rests[account.id] = now + timedelta(hours=1)
        if self._chance.random() < 0.6:
            whole = [it for it in self._portal.mail() if self._is_well(it, now)]
            account, how = self._chance.choice(whole), self._chance.choice(HOWS)
            self._until[account.id] = now + timedelta(minutes=self._chance.randint(40, 90))
            self._set(account, **how)
            self.lost[account.address, next(iter(how))] += 1

    def mends_all(self) -> None:
        for account in self._portal.accounts:
            if account.id in self._until:
                self._set(account, **WHOLE)
        self._until.clear()

    def _is_well(self, account: Account, now: timedelta) -> bool:
        rests = self._rests.get(account.id, timedelta()) > now
        is_ours = not account.address.endswith(".hubspot-inbox.com")
        return account.id not in self._until and not rests and is_ours and account.authorized

    def _set(self, account: Account, **fields: bool) -> None:
        for name, value in fields.items():
            setattr(account, name, value)


async def told(stage: Stage) -> Counter[tuple[str, str]]:
    """What the bot has found, by address and what it was."""
    found: Counter[tuple[str, str]] = Counter()
    names = {
        HubSpotSignal.UNAUTHORIZED: "authorized",
        HubSpotSignal.INACTIVE: "active",
        HubSpotSignal.ABSENT: "absent",
    }
    for channel in [it for it in await channels(stage) if it.is_watched]:
        async with stage.bot.services.core.storage.reading() as uow:
            lines = await uow.history.of_channel(channel.id, 10_000)
        for line in lines:
            if line.what in names:
                found[channel.address, names[HubSpotSignal(line.what)]] += 1
    return found


async def channels(stage: Stage) -> tuple[HubSpotChannel, ...]:
    services = stage.bot.services
    async with services.core.storage.reading() as uow:
        portal = await uow.hubspot.portal(services.workspace.id)
        assert portal is not None
        return await uow.hubspot.channels(services.workspace.id, portal.portal_id)


async def alarms(stage: Stage) -> Counter[str]:
    """How many messages each outage has, for one reader."""
    each: Counter[str] = Counter()
    async with stage.bot.services.core.storage.reading() as uow:
        for channel in await channels(stage):
            incident = await uow.incidents.latest_of(channel.id)
            if incident is None:
                continue
            assert incident.kind is IncidentKind.HUBSPOT
            notices = await uow.notices.of_incident(incident.id)
            each[channel.address] = len(
                [it for it in notices if it.recipient == "U0OMAR" and it.kind is NoticeKind.HUBSPOT]
            )
    return each


async def test_a_week_of_a_portal(stage: Stage) -> None:
    """Lost channels are told, each once, and nothing else is, whatever HubSpot answers in between."""
    chance = random.Random(SEED)
    portal = stage.town.hubspot.portal
    kinds = sorted(set(FAULTS) - {"daily", "moving"})  # these alone would be waited for during most of it
    portal.weather = lambda: chance.choice(kinds) if chance.random() < FAULTY else ""
    misfortune = Misfortune(portal, chance)
    passed = timedelta()
    while passed < LASTS:
        misfortune.goes_on(passed)
        await stage.passes(minutes=STEP.total_seconds() / 60)
        passed += STEP
    misfortune.mends_all()
    await stage.passes(minutes=20)
    lost = Counter[tuple[str, str]]()
    for (address, how), times in misfortune.lost.items():
        lost[address, "absent" if how in {"vanished", "archived"} else how] += times
    found = await told(stage)
    assert found - lost == Counter(), "told of what was not lost"
    assert lost - found == Counter(), "lost, and not told"
    assert set((await alarms(stage)).values()) <= {1}
    portal.lose_all(minutes=OUTAGE)
    await stage.passes(minutes=OUTAGE + 20)
    assert await told(stage) == found, "an outage of everybody's is nobody's own"
    said = [it.plain for it in (await stage.person("omar").sees()).dm.messages]
    assert len([it for it in said if "connected again. There is nothing to do." in it]) == 1
    assert portal.forbidden == []
