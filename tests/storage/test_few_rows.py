"""What somebody is shown is read by an index that leads to it: however large the workspace, so many rows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.domain.access import Actor, Person, Visibility, visibility_of
from bot.domain.channel import Kind, State
from bot.domain.ids import ChannelId, ConversationId, IncidentId, UserId
from storage import Storage, UnitOfWork
from storage.channels import MOST_LOOK_ALIKES, _values
from storage.engine import async_url
from storage.tables import channel
from tests.storage.builders import ANA, NOW, WORKSPACE, a_channel, a_notice, a_team_channel, an_incident

MANY = 1_500
SHOWN = 40
Work = Callable[[UnitOfWork, Visibility], Awaitable[object]]


async def _first(uow: UnitOfWork, sight: Visibility) -> object:
    return await uow.overviews.first(sight, most=SHOWN, with_grants=True)


async def _addresses(uow: UnitOfWork, sight: Visibility) -> object:
    return await uow.overviews.addresses(sight, most=SHOWN)


async def _look_alikes(uow: UnitOfWork, sight: Visibility) -> object:
    found = await uow.overviews.look_alikes(sight, "person0707x@example.com")
    assert "person0707@example.com" in found or not sight.all_personal
    assert "team0707@example.com" in await uow.overviews.look_alikes(sight, "tean0707@example.com")
    return found


def _sight(*, admin: bool) -> Visibility:
    person = Person(ANA, WORKSPACE, email="ana@example.com")
    sight = visibility_of(Actor(person, is_super_admin=admin))
    assert sight is not None
    return sight


async def _filled(storage: Storage) -> None:
    """Many of both kinds, in every state, at one domain."""
    states = [State.CONNECTED, State.CONNECTED, State.IMPAIRED, State.DISCONNECTED, State.DISABLED]
    async with storage.writing() as uow:
        for make, name in ((a_team_channel, "team"), (a_channel, "person")):
            owned = {} if make is a_team_channel else {"owner_id": UserId("UBEN")}
            rows = [
                make(address=f"{name}{n:04}@example.com", state=states[n % len(states)], **owned)
                for n in range(MANY)
            ]
            await uow.connection.many(uow.connection.insert(channel), [_values(it) for it in rows])
        await uow.channels.add(a_channel(address="ana@example.com"))
        await uow.commit()


@pytest.fixture
def asked(storage: Storage) -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked."""
    statements: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        statements.append((statement, parameters))

    engine = storage._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.parametrize("work", [_first, _addresses, _look_alikes])
async def test_an_index_leads_to_what_is_shown(
    storage: Storage, database_url: str, asked: list[tuple[str, Any]], work: Work, admin: bool
) -> None:
    """Of thousands no part of a statement touches more than a few hundred, and nothing is scanned."""
    await _filled(storage)
    asked.clear()
    async with storage.reading() as uow:
        await work(uow, _sight(admin=admin))
    engine = create_async_engine(async_url(database_url))
    try:
        async with engine.connect() as connection:
            await _explained(connection, asked)
    finally:
        await engine.dispose()


async def _explained(connection: AsyncConnection, asked: list[tuple[str, Any]]) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        await connection.exec_driver_sql("ANALYZE channel")
        # As on the disks of today. With the default, to read and sort all of so few may look no dearer.
        await connection.exec_driver_sql("SET random_page_cost = 1.1")
    for statement, parameters in asked:
        if not statement.lstrip().startswith("SELECT"):
            continue
        how = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN (ANALYZE, FORMAT JSON)"
        rows = (await connection.exec_driver_sql(f"{how} {statement}", parameters)).all()
        if is_sqlite:
            assert not [row for row in rows if row.detail.startswith("SCAN channel")], statement
        else:
            [found] = [row._mapping["QUERY PLAN"] for row in rows]
            plan = found if isinstance(found, list) else json.loads(found)
            assert max(_touched(plan[0]["Plan"])) <= MOST_LOOK_ALIKES, plan


def _touched(node: dict[str, Any]) -> Iterator[int]:
    """How many rows each part of a plan comes to, with those that it reads in vain."""
    yield int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    for part in node.get("Plans", ()):
        yield from _touched(part)


async def test_many_are_counted_without_being_read(storage: Storage, asked: list[tuple[str, Any]]) -> None:
    """One statement, one row."""
    await _filled(storage)
    asked.clear()
    async with storage.reading() as uow:
        for_admin = await uow.overviews.tally(_sight(admin=True))
        for_ana = await uow.overviews.tally(_sight(admin=False))
    assert (for_admin.total, for_admin.own) == (2 * MANY + 1, 1)
    assert (for_ana.total, for_ana.own) == (MANY + 1, 1)
    assert len([it for it, _ in asked if "channel" in it]) == 2


async def test_messages_that_are_out_of_date_are_edited_in_turn(storage: Storage) -> None:
    """Whoever waits longest goes first, however often another one changes meanwhile; what is not in Slack
    yet, or cannot be shown, has no turn."""
    first, second, unposted = (a_notice(recipient=UserId(name)) for name in ("UA", "UB", "UC"))
    async with storage.writing() as uow:
        for notice in (first, second, unposted):
            await uow.notices.add_all((notice,))
        for notice in (first, second):
            await uow.notices.shown(notice.id, rev=1, ts="1.2", at=NOW, conversation_id=ConversationId("D1"))
        await uow.notices.bump([second.id, unposted.id], NOW)
        for late in range(1, 4):
            await uow.notices.bump([first.id], NOW.replace(minute=late))
            await uow.notices.bump([second.id], NOW.replace(minute=late))
        waiting = await uow.notices.to_edit(WORKSPACE, 10)
        assert [it.id for it in waiting] == [second.id, first.id]
        assert await uow.notices.count_to_edit([first.id, second.id, unposted.id]) == 2
        await uow.notices.shown(second.id, rev=waiting[0].wanted_rev, ts="1.2", at=NOW)
        drawn = NOW.replace(minute=8)
        await uow.notices.bump([second.id], NOW.replace(minute=7))
        await uow.notices.shown(first.id, rev=waiting[1].wanted_rev - 1, ts="1.2", at=drawn)
        waiting = await uow.notices.to_edit(WORKSPACE, 10)
        assert [it.id for it in waiting] == [second.id, first.id], "what changed while it was drawn goes last"
        await uow.notices.shown(second.id, rev=waiting[0].wanted_rev, ts="1.2", at=drawn)
        await uow.notices.unreachable(first.id, "channel_not_found")
        assert await uow.notices.to_edit(WORKSPACE, 10) == ()
        await uow.notices.bump([first.id, second.id], NOW.replace(minute=9))
        assert [it.id for it in await uow.notices.to_edit(WORKSPACE, 10)] == [first.id, second.id]


def test_kinds_are_those_that_are_listed() -> None:
    """A third kind would have to be read, too."""
    assert set(Kind) == {Kind.TEAM, Kind.PERSONAL}


async def test_more_are_asked_for_than_a_statement_has_parameters(storage: Storage) -> None:
    """Forty thousand inboxes of a provider that cannot be checked stand in one message: SQLite takes 32,766
    parameters, PostgreSQL twice as many."""
    kept = a_channel()
    incident, told = an_incident(kept), a_notice(channel_id=kept.id)
    many = [f"other{number}" for number in range(70_000)]
    channels = [*map(ChannelId, many), kept.id]
    incidents = [*map(IncidentId, many), incident.id]
    async with storage.writing() as uow:
        await uow.channels.add(kept)
        await uow.incidents.open_(incident)
        await uow.notices.add_all([told])
        await uow.notices.attach([told.id], incident.id)
        assert list(await uow.channels.by_ids(channels)) == [kept.id]
        assert len(await uow.channels.at_addresses(WORKSPACE, [*many, kept.address])) == 1
        assert list(await uow.incidents.open_among(channels)) == [kept.id]
        assert await uow.incidents.claim(incidents, ANA, NOW) == (incident.id,)
        assert await uow.incidents.hand_back(incidents, ANA) == (incident.id,)
        assert [it.id for it in await uow.notices.of_incidents(incidents)] == [told.id]
        assert await uow.links.of_reader(ANA, incidents) == {}
        assert await uow.whereabouts.by_ids(channels) == {}
        assert await uow.hubspot.by_ids(channels) == {}
        assert await uow.incidents.claim((), ANA, NOW) == ()
        assert await uow.notices.of_incidents(()) == ()
        assert await uow.incidents.open_among(()) == {}
