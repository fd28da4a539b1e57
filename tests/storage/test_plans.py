"""Plans: what runs often must find its rows by an index, however many there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.grant import MailboxIdentity
from bot.domain.ids import ChannelId, ProviderOutageId
from bot.domain.probe_policy import Whose
from bot.domain.provider_outage import ProviderOutage
from storage import Storage, UnitOfWork, migrate
from storage.engine import async_url
from tests.storage.builders import MINUTE, NOW, WORKSPACE, a_job
from tests.storage.test_clock_skew import LIMITS

Work = Callable[[UnitOfWork], Awaitable[object]]


async def _claim_probes(uow: UnitOfWork) -> object:
    return await uow.probes.claim(now=NOW, limit=500, lease_for=MINUTE)


async def _claim_jobs(uow: UnitOfWork) -> object:
    return await uow.jobs.claim(now=NOW, limit=32, lease_for=MINUTE)


async def _next_due(uow: UnitOfWork) -> object:
    return await uow.probes.next_due()


async def _peers(uow: UnitOfWork) -> object:
    anybody = MailboxIdentity("google", "s")
    return await uow.probes.peers(anybody, proven_since=NOW, limit=10, whose=Whose.OTHERS)


async def _at_address(uow: UnitOfWork) -> object:
    return await uow.channels.at_address(WORKSPACE, "ana@x.org")


async def _told(uow: UnitOfWork) -> object:
    return await uow.channels.a_team_address(WORKSPACE, is_told=True)


async def _team(uow: UnitOfWork) -> object:
    return await uow.channels.a_team_address(WORKSPACE, is_told=False)


async def _page(uow: UnitOfWork) -> object:
    return await uow.channels.of_team(WORKSPACE, ChannelId("c1"), limit=500)


async def _put_job(uow: UnitOfWork) -> object:
    return await uow.jobs.find_unfinished(a_job().dedupe)


_OUTAGE = ProviderOutage(ProviderOutageId("h1"), WORKSPACE, "google", "", NOW)


async def _last_turn(uow: UnitOfWork) -> object:
    return await uow.provider_outages.last_turn(_OUTAGE, but=ChannelId("c1"))


async def _last_in_line(uow: UnitOfWork) -> object:
    return await uow.provider_outages.last_in_line(_OUTAGE)


async def _call(uow: UnitOfWork) -> None:
    await uow.provider_outages.call(_OUTAGE, now=NOW, rested_for=MINUTE)


async def _holds_any(uow: UnitOfWork) -> object:
    return await uow.provider_outages.holds_any(_OUTAGE)


async def _is_stuck(uow: UnitOfWork) -> object:
    return await uow.instants.is_stuck(NOW, LIMITS)


@pytest.fixture
async def database_url(empty_database_url: str) -> str:
    """One that nobody has used: PostgreSQL plans by what it has seen in the tables."""
    await migrate(empty_database_url)
    return empty_database_url


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (_claim_probes, "ix_probe_due"),
        (_claim_jobs, "ix_job_"),
        (_next_due, "ix_probe_due"),
        (_peers, "ix_probe_proven"),
        (_at_address, "uq_channel_address"),
        (_told, "ix_channel_told"),
        (_team, "ix_channel_listed"),
        (_page, "ix_channel_page"),
        (_put_job, "uq_job_dedupe"),
        (_last_turn, "ix_probe_line"),
        (_last_in_line, "ix_probe_line"),
        (_call, "ix_probe_line"),
        (_holds_any, "ix_channel_held"),
        (_is_stuck, "ix_probe_due"),
    ],
)
async def test_frequent_questions_use_an_index(
    storage: Storage, database_url: str, work: Work, index: str
) -> None:
    """The planner is asked, not the stop-watch; on PostgreSQL with small tables' scans ruled out."""
    statements: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        statements.append((statement, parameters))

    engine = storage._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with storage.writing() as uow:
        await work(uow)
    event.remove(engine, "before_cursor_execute", note)
    [question] = [it for it in statements if not it[0].startswith("BEGIN")]

    asking = create_async_engine(async_url(database_url))
    async with asking.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            await connection.execute(text("SET enable_seqscan = off"))
        words = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = await connection.exec_driver_sql(f"{words} {question[0]}", question[1])
        rows = "\n".join(str(tuple(row)) for row in plan)
    await asking.dispose()
    assert index in rows, rows
