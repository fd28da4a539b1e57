"""Outages of any kind, drawn by Hypothesis: of all, of some, of one organisation; that flicker, spread, move
on and recover bit by bit; for minutes or a day; while people reconnect this and that, and a few die.

``OUTAGES=200`` looks further than the suite does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from bot.domain.channel import State
from bot.domain.errors import GrantRejected
from bot.domain.provider_outage import accidents, is_held
from tests.simulation.office import OMAR, Office, an_office

ACME: Final = [f"desk{number}@acme.example" for number in range(14)]
SHOP: Final = [f"till{number}@shop.example" for number in range(8)]
EVERYBODY: Final = [*ACME, *SHOP]
EXAMPLES: Final = int(os.environ.get("OUTAGES", "3"))
TOLD_AFTER: Final = timedelta(hours=2)
"""Those that are back vouch for nobody for a while, the line has its turn, and looks are rare here."""
HOW: Final = settings(
    max_examples=EXAMPLES,
    derandomize="OUTAGES" not in os.environ,
    phases=[Phase.generate],  # each takes seconds: a shorter one would take hundreds of them to find
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Spell:
    """For so long these are refused; meanwhile one of these is reconnected, or tried to be."""

    minutes: int
    struck: frozenset[str]
    tried: tuple[str, ...]


@st.composite
def some(draw: st.DrawFn) -> frozenset[str]:
    """Enough to be no accidents: all, one organisation, or half and more of either."""
    of = draw(st.sampled_from([EVERYBODY, EVERYBODY, ACME, SHOP]))
    share = draw(st.sampled_from([1.0, 0.75, 0.5]))
    first = draw(st.integers(0, len(of) - 1))
    step = draw(st.sampled_from([1, 3, 5]))  # neighbours in time, or here and there
    turned = [of[(first + n * step) % len(of)] for n in range(len(of))]
    return frozenset(list(dict.fromkeys([*turned, *of]))[: round(len(of) * share)])


@st.composite
def outages(draw: st.DrawFn) -> list[Spell]:
    """Waves, with moments of peace in between; then it recovers bit by bit."""
    people = st.lists(st.sampled_from(EVERYBODY), max_size=2).map(tuple)
    length = st.sampled_from([5, 20, 70, 150, 400, 1_200])
    spells, ever, now = [], frozenset[str](), frozenset[str]()
    for _ in range(draw(st.integers(1, 3))):
        now = draw(some())
        ever |= now
        spells.append(Spell(draw(length), now, draw(people)))
        if draw(st.booleans()):
            spells.append(Spell(draw(st.sampled_from([1, 3])), frozenset(), ()))
    left = sorted(now)
    while left:
        left = left[draw(st.integers(1, max(len(left), 1))) :]
        # The last few follow soon: what is left for longer, and few, is refused on its own account.
        is_few = len(left) <= max(accidents(len(now)), 3)
        pause = draw(st.sampled_from([1, 6] if is_few else [1, 10, 40]))
        spells.append(Spell(pause, frozenset(left), draw(people)))
    return spells


@pytest.fixture
def databases(migrated_sqlite: Path, tmp_path: Path, inline_sqlite: None) -> Iterator[Callable[[], str]]:
    numbers = count()

    def fresh() -> str:
        file = tmp_path / f"outage-{next(numbers)}.db"
        shutil.copy(migrated_sqlite, file)
        return f"sqlite:///{file}"

    yield fresh


@HOW
@given(
    spells=outages(),
    dying=st.tuples(st.sampled_from([None, *ACME]), st.sampled_from([None, *SHOP])),
    when=st.integers(0, 5),
)
def test_no_outage_makes_the_living_dead_or_hides_the_dead(
    databases: Callable[[], str], spells: list[Spell], dying: tuple[str | None, ...], when: int
) -> None:
    dead = frozenset(address for address in dying if address is not None)
    note(f"{len(spells)} spells, dying in number {when}: {sorted(dead)}")
    asyncio.run(_plays(databases(), spells, dead, when % len(spells)))


async def _plays(url: str, spells: list[Spell], dying: frozenset[str], when: int) -> None:
    async with an_office(url, PROBE_TEAM_SECONDS="300") as office:
        office.grain = timedelta(minutes=1)
        await office.has_team_channels(EVERYBODY)
        await office.passes(minutes=6)
        struck: frozenset[str] = frozenset()
        office.host.weather = lambda it: GrantRejected("invalid_grant") if it.address in struck else None
        for number, spell in enumerate(spells):
            struck = spell.struck
            if number == when:
                for address in dying:
                    office.host.at(address).revokes(office.now)
            for part in range(len(spell.tried) + 1):
                await office.passes(minutes=spell.minutes / (len(spell.tried) + 1))
                for address in spell.tried[part : part + 1]:
                    await office.reconnects(OMAR, address)
            await _nobody_alive_was_called_dead(office)
        struck = frozenset()
        await office.passes(seconds=TOLD_AFTER.total_seconds())
        await _nobody_alive_was_called_dead(office)
        await _each_is_what_it_is(office)


async def _nobody_alive_was_called_dead(office: Office) -> None:
    channels = {it.id: it for it in await office.channels()}
    async with office.storage.reading() as uow:
        records = await uow.history.of_workspace(office.acme, office.now - timedelta(days=30), 10_000)
    for record in records:
        if record.channel_id is None or record.details.get("to") != State.DISCONNECTED:
            continue
        mailbox = office.host.at(channels[record.channel_id].address)
        assert any(spell.began <= record.at for spell in mailbox.spells), (mailbox.address, record.at)


async def _each_is_what_it_is(office: Office) -> None:
    """All that live are connected, and whoever died is told, or waits in a hold that says so."""
    async with office.storage.reading() as uow:
        held_at = {it.tenant for it in await uow.provider_outages.open_in(office.acme)}
    for it in await office.channels():
        async with office.storage.reading() as uow:
            [grant] = (await uow.grants.by_ids([it.grant_id] if it.grant_id else [])).values()
        if office.host.at(it.address).accepts(grant.secret):
            assert it.state is State.CONNECTED, it
        else:
            is_told = is_held(it) and held_at & {"", it.identity.tenant}
            assert it.state is State.DISCONNECTED or is_told, it
