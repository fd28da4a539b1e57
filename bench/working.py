"""The product's services in this process, without Slack: for what goes on behind people's backs.

The clock is the real one, moved on so that everything becomes due.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import event

from bench.children import environment
from bench.databases import OWNER, WORKSPACE, add_owner, fill, opened, owner_id
from bot.app import Sessions, World, client_of, core_of
from bot.config import load
from bot.domain.access import Actor, Person, Workspace
from bot.domain.ids import UserId, WorkspaceId
from bot.metrics import Metrics
from bot.notifier import SlackMessenger
from bot.services import Services, services_of
from bot.slack.directory import SlackDirectory
from bot.worker import Wake
from providers.http_client import http_session, provider_session
from sandbox.clock import SandboxClock
from storage import Storage
from storage.shares import Share, working_for

POLL: Final = timedelta(minutes=20)
"""Longer than the interval between two probes of a personal inbox, jitter included."""


@dataclass
class Written:
    """What went to the database."""

    rows: int = 0
    transactions: int = 0


@dataclass(frozen=True)
class Working:
    """Services on one database."""

    services: Services
    storage: Storage
    clock: SandboxClock
    written: Written = field(default_factory=Written)

    async def probe_everything(self) -> int:
        """Let every inbox become due and look at it. Returns how many were."""
        self.clock.advance(POLL)
        total = 0
        run_due = working_for(Share.PROBES, self.services.monitoring.run_due)  # as the bot's own loop does
        while done := await run_due():
            self.written.rows += done
            total += done
        return total

    def owner_of(self, number: int) -> Actor:
        person = Person(UserId(owner_id(number)), WorkspaceId(WORKSPACE))
        return Actor(person, is_super_admin=False)


@asynccontextmanager
async def working(
    url: str, *, outside: int, due: int, idle: int = 0, google: str = ""
) -> AsyncIterator[Working]:
    """``due`` inboxes that are probed in turn, and ``idle`` more (after them) that are left alone.
    ``google``: where Google is, if not at ``outside``."""
    clock = SandboxClock.running()
    settings = load(environment(url, outside=outside, port=1, google=google), env_file=None)
    async with opened(url, clock) as storage, http_session() as session, provider_session() as quick:
        await add_owner(storage, clock())
        await fill(storage, due, now=clock(), due=timedelta())
        if idle:
            await fill(storage, idle, now=clock(), start=due)
        client = client_of(settings, session=session, clock=clock, metrics=Metrics.build())
        core = core_of(
            settings,
            World(clock=clock, lead=clock.lead),
            storage,
            http=Sessions(session, session, quick),
            metrics=Metrics.build(),
            wake=Wake(),
        )
        services = services_of(
            core,
            directory=SlackDirectory(client),
            messenger=SlackMessenger(client),
            workspace=Workspace(WorkspaceId(WORKSPACE), "Bench", UserId(OWNER), clock()),
        )
        counted = Working(services, storage, clock)
        _count(storage, counted.written)
        gc.collect()
        gc.freeze()  # as ``serve`` does once everything is loaded
        yield counted


def _count(storage: Storage, written: Written) -> None:
    engine = storage._engine.sync_engine  # counting is nothing the product needs

    def row_count(_c: Any, cursor: Any, statement: str, *_: Any) -> None:
        # SQLite's driver does not know how many rows a RETURNING touched: claims are counted as claims.
        if statement.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"} and "RETURNING" not in statement:
            written.rows += max(cursor.rowcount, 0)

    def transaction(_c: Any) -> None:
        written.transactions += 1

    event.listen(engine, "after_cursor_execute", row_count)
    event.listen(engine, "commit", transaction)
