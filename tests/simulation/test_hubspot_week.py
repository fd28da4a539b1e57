"""A portal of sixty channels, with a twentieth of all answers broken. The small one belongs to the suite;
``make week`` plays seven days.

What must hold: nobody is told of a channel that was not lost, none that was lost is missed, and each is told
once; half of all at once are one message, taken back. A day without answers, renamed inboxes and accounts
that come back under another id are nobody's matter.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select

from bot.domain.hubspot import HubSpotChannel, HubSpotSignal, HubSpotState
from bot.domain.notice import NoticeKind
from sandbox.hubspot.state import FAULTS, Account, Fault, Portal
from storage.tables import history, incident, notice, notice_incident
from tests.stage import Stage, a_stage

IS_LARGE: Final = os.environ.get("WEEK") == "large"
DAYS: Final = 7
SHORT: Final = timedelta(hours=3)
SEED: Final = int(os.environ.get("WEEK_SEED") or 20250301)
CHANNELS: Final = 60
FAULTY: Final = 0.05
STEP: Final = timedelta(minutes=10)
HOWS: Final = ({"authorized": False}, {"active": False}, {"vanished": True}, {"archived": True})
WHOLE: Final = {"authorized": True, "active": True, "vanished": False, "archived": False}
OUTAGE: Final = 65
"""Minutes, as on 1 March 2025."""
OUTAGES: Final = ("authorized", "vanished", "active")
"""By which field all are lost at once, one after the other."""
READER: Final = "U0OMAR"
NOT_BY_CHANCE: Final = frozenset({"daily"})
"""It lasts until midnight there: played once a day, while nothing else happens."""
REFUSALS: Final = frozenset({"refused", "forbidden"})
"""What the operator is told."""


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


@dataclass
class Weather:
    """What is wrong with HubSpot's answers, and how often that was."""

    chance: random.Random
    faulty: float = FAULTY
    requests: int = 0
    served: Counter[str] = field(default_factory=Counter)

    def __call__(self) -> str:
        self.requests += 1
        if self.chance.random() >= self.faulty:
            return ""
        what = self.chance.choice(sorted(set(FAULTS) - NOT_BY_CHANCE))
        self.served[what] += 1
        return what


class Misfortune:
    """Breaks channels one by one, and remembers what it has done."""

    def __init__(self, portal: Portal, chance: random.Random) -> None:
        self._portal = portal
        self._chance = chance
        self._until: dict[str, timedelta] = {}
        self._rests: dict[str, timedelta] = {}
        self.lost: Counter[tuple[str, str]] = Counter()
        """By address and what happened to it."""
        self.returned_anew = 0
        self.renamed = 0

    def goes_on(self, now: timedelta) -> None:
        """What has lasted is mended, now and then as a new account; now and then something else breaks. A
        channel rests for an hour then: what comes back sooner is the same outage."""
        for address in [it for it, until in self._until.items() if until < now]:
            self._mend(address)
            self._rests[address] = now + timedelta(hours=1)
        if self._chance.random() < 0.6:
            whole = [it for it in self._portal.mail() if self._is_well(it, now)]
            account, how = self._chance.choice(whole), self._chance.choice(HOWS)
            self._until[account.address] = now + timedelta(minutes=self._chance.randint(40, 90))
            self._portal.change(account.address, **how)
            self.lost[account.address, _meaning(how)] += 1
        if self._chance.random() < 0.1:
            self.renamed += 1
            self._chance.choice(self._portal.inboxes).name = f"Inbox {self.renamed}"

    def mends_all(self) -> None:
        for address in list(self._until):
            self._mend(address)

    def _mend(self, address: str) -> None:
        del self._until[address]
        is_anew = self._chance.random() < 0.3
        self.returned_anew += is_anew
        self._portal.change(address, **WHOLE)
        if is_anew:
            self._portal.reconnect(address, anew=True)

    def _is_well(self, account: Account, now: timedelta) -> bool:
        rests = self._rests.get(account.address, timedelta()) > now
        is_ours = not account.address.endswith(".hubspot-inbox.com")
        return account.address not in self._until and not rests and is_ours


def _meaning(how: dict[str, bool]) -> str:
    name = next(iter(how))
    return "absent" if name in {"vanished", "archived"} else name


@dataclass
class Told:
    """All that the bot has found and said, read at once."""

    channels: tuple[HubSpotChannel, ...]
    found: Counter[tuple[str, str]]
    """By address and what it was."""
    quiet_moments: int
    """Looks that had something to say once."""
    alarms: Counter[str]
    """Messages to one reader, by incident."""
    incidents: list[Any]
    notices: Counter[NoticeKind]
    """Of one reader, by kind."""


async def told(stage: Stage) -> Told:
    services = stage.bot.services
    names = {
        HubSpotSignal.UNAUTHORIZED: "authorized",
        HubSpotSignal.INACTIVE: "active",
        HubSpotSignal.ABSENT: "absent",
    }
    async with services.core.storage.reading() as uow:
        portal = await uow.hubspot.portal(services.workspace.id)
        assert portal is not None
        channels = await uow.hubspot.channels(services.workspace.id, portal.portal_id)
        addresses = {it.id: it.address for it in channels if it.is_watched}
        lines = [it for it in await uow.connection.rows(select(history)) if it.channel_id in addresses]
        incidents = list(await uow.connection.rows(select(incident)))
        mine = await uow.connection.rows(select(notice).where(notice.c.recipient == READER))
        links = await uow.connection.rows(select(notice_incident))
    kinds = {it.id: NoticeKind(it.kind) for it in mine}
    seen = [it for it in lines if it.what in names]
    return Told(
        channels,
        Counter((addresses[it.channel_id], names[HubSpotSignal(it.what)]) for it in seen),
        len({it.at for it in seen if it.what != HubSpotSignal.UNAUTHORIZED}),
        Counter(it.incident_id for it in links if kinds.get(it.notice_id) is NoticeKind.HUBSPOT),
        incidents,
        Counter(kinds.values()),
    )


async def an_outage(stage: Stage, misfortune: Misfortune, how: str) -> None:
    """All are lost at once, and come back by themselves; one message says to wait, and is taken back."""
    misfortune.mends_all()
    await stage.passes(hours=1)  # what was lost just before would belong to it
    before = await told(stage)
    portal = stage.town.hubspot.portal
    portal.lose_all(how, minutes=OUTAGE)
    await stage.passes(minutes=OUTAGE + 30)
    after = await told(stage)
    assert after.found == before.found, "an outage of everybody's is nobody's own"
    assert len(after.incidents) == len(before.incidents)
    assert after.notices[NoticeKind.HUBSPOT_HOLD] == before.notices[NoticeKind.HUBSPOT_HOLD] + 1
    assert {it.state for it in after.channels if it.is_watched} == {HubSpotState.CONNECTED}
    said = [it.plain for it in (await stage.person("omar").sees()).dm.messages]
    assert any("connected again. There is nothing to do." in it for it in said)


async def a_daily_limit(stage: Stage, misfortune: Misfortune) -> None:
    """Nothing can be read until midnight there. Nothing breaks meanwhile."""
    misfortune.mends_all()
    await stage.passes(minutes=30)
    before = await told(stage)
    stage.town.hubspot.portal.faults.append(Fault("daily", times=1))
    await stage.passes(hours=3)
    after = await told(stage)
    assert after.incidents == before.incidents
    assert after.quiet_moments == before.quiet_moments


async def plays(stage: Stage, misfortune: Misfortune, lasts: timedelta, begins: timedelta) -> timedelta:
    passed = begins
    while passed < begins + lasts:
        misfortune.goes_on(passed)
        await stage.passes(minutes=STEP.total_seconds() / 60)
        passed += STEP
    return passed


async def test_a_week_of_a_portal(stage: Stage) -> None:
    """Lost channels are told, each once, and nothing else is, whatever HubSpot answers in between."""
    used = time.process_time()
    chance = random.Random(SEED)
    portal = stage.town.hubspot.portal
    weather = Weather(chance)
    portal.weather = weather
    misfortune = Misfortune(portal, chance)
    passed = timedelta()
    began = stage.town.clock()
    for day in range(DAYS if IS_LARGE else 1):
        passed = await plays(stage, misfortune, timedelta(hours=12.5) if IS_LARGE else SHORT, passed)
        if IS_LARGE:  # it is 21:30 UTC, half past ten in the portal
            await a_daily_limit(stage, misfortune)
            ends = began + timedelta(days=day + 1)
            passed = await plays(stage, misfortune, ends - stage.town.clock() - timedelta(hours=3), passed)
        await an_outage(stage, misfortune, OUTAGES[day % len(OUTAGES)])
    misfortune.mends_all()
    await stage.passes(minutes=30)
    seen = await told(stage)
    assert seen.found - misfortune.lost == Counter(), "told of what was not lost"
    assert misfortune.lost - seen.found == Counter(), "lost, and not told"
    lost_alone = sum(times for (_, how), times in misfortune.lost.items() if how == "authorized")
    assert len(seen.incidents) == lost_alone
    assert all(it.resolved_at is not None for it in seen.incidents)
    assert seen.alarms == Counter({it.id: 1 for it in seen.incidents}), "each once"
    assert seen.notices[NoticeKind.HUBSPOT_SAID] == seen.quiet_moments
    assert seen.notices[NoticeKind.OPERATOR] <= sum(weather.served[it] for it in REFUSALS) // 2, "two agree"
    others = set(seen.notices) - {
        NoticeKind.HUBSPOT,
        NoticeKind.HUBSPOT_SAID,
        NoticeKind.HUBSPOT_HOLD,
        NoticeKind.OPERATOR,
        NoticeKind.STORM,  # how many there were in all, where several were lost within minutes
    }
    assert not others
    assert len(seen.channels) == CHANNELS + 1, "an account that comes back under a new id is the same channel"
    assert portal.forbidden == []
    sys.stdout.write(
        f"\nHubSpot, {(stage.town.clock() - began) / timedelta(days=1):.1f} days, seed {SEED}: "
        f"{weather.requests} requests, "
        f"{sum(weather.served.values())} of them broken in {len(weather.served)} ways; "
        f"{sum(misfortune.lost.values())} losses ({lost_alone} alarms, {seen.quiet_moments} quiet messages), "
        f"0 missed, 0 false, each told once; {misfortune.returned_anew} came back under a new id, "
        f"{misfortune.renamed} renamed inboxes, {seen.notices[NoticeKind.HUBSPOT_HOLD]} outages of all, "
        f"{seen.notices[NoticeKind.OPERATOR]} words to the operator; "
        f"{time.process_time() - used:.0f} s of CPU\n"
    )
