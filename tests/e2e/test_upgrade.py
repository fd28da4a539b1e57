"""A rolling upgrade: the next version migrates and serves while this one goes on, and can be taken back.

There is no other release yet. The next version is this tree with one more migration, of the kind that
decision 0074 allows: what is proven is what this version does beside a newer one, for that is the one that
people will have.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest

from bot.config import PREFIX
from sandbox.clock import SandboxClock
from sandbox.demo import Place, Town, town
from storage import migrate
from storage.migrate import revisions
from tests.driver import Driver, Screen
from tests.e2e.test_killed import ALICE, QUICK, ROOT, alarms, connects, goes_through_google, killed, link
from tests.pooler import pooled
from tests.providers.dovecot import free_port
from tests.test_config import ENOUGH

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next_one"
down_revision = "{head}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("colour", sa.Text(), nullable=True))
    op.create_index("ix_channel_colour", "channel", ["colour"])
    op.create_table("shade", sa.Column("id", sa.Text(), primary_key=True))
"""
_PATIENCE = 60


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A folder from which the next version runs."""
    folder = tmp_path / "next"
    for package in ("bot", "handlers", "providers", "storage", "locales"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    written = f'"""What the next release adds."""\n{NEXT.format(head=revisions()[-1])}'
    (folder / "storage" / "migrations" / "versions" / "9999_next_one.py").write_text(written)
    return folder


@dataclass(frozen=True)
class Process:
    """One bot, with what it has said."""

    process: asyncio.subprocess.Process
    log: Path
    watch: str

    async def until_ready(self, session: aiohttp.ClientSession) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not (await self.parts(session)).get("ready"):
                    assert self.process.returncode is None, self.log.read_text()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not ready: {self.log.read_text()}") from None

    async def parts(self, session: aiohttp.ClientSession) -> dict[str, bool]:
        try:
            async with session.get(f"{self.watch}/readyz") as answer:
                found: dict[str, bool] = await answer.json()
                return found
        except aiohttp.ClientConnectionError:
            return {}

    async def ends(self) -> None:
        """As whoever restarts it would have it: asked to."""
        self.process.terminate()
        async with asyncio.timeout(_PATIENCE):
            await self.process.wait()


@dataclass
class Fleet:
    """The bots of one deployment."""

    built: Town
    session: aiohttp.ClientSession
    folder: Path
    stack: AsyncExitStack
    started: int = 0

    async def starts(self, cwd: Path, url: str, *, port: str = "") -> Process:
        """One more, ready. Pages are where ``port`` says; whoever has none serves them to nobody."""
        self.started += 1
        watch, log = free_port(), self.folder / f"{self.started}.log"
        environment = {
            **self.built.environment,
            "INBOXKEEPER_DATABASE_URL": url,
            "INBOXKEEPER_PORT": port or str(free_port()),
            "INBOXKEEPER_WATCH_PORT": str(watch),
        }
        process = await serving(cwd, environment, log)
        self.stack.push_async_callback(killed, process)
        made = Process(process, log, f"http://127.0.0.1:{watch}")
        await made.until_ready(self.session)
        return made


async def serving(cwd: Path, environment: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", cwd=cwd, env=dict(environment), stdout=out, stderr=out
        )


@asynccontextmanager
async def a_fleet(database_url: str, folder: Path) -> AsyncIterator[Fleet]:
    place = Place(database_url=database_url, settings=QUICK)
    async with (
        town(place, SandboxClock.running()) as built,
        aiohttp.ClientSession() as session,
        AsyncExitStack() as stack,
    ):
        assert built.world.listener is not None
        built.world.listener.close()
        yield Fleet(built, session, folder, stack)


def revision_of(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def says(word: str) -> Callable[[Screen], object]:
    return lambda seen: word in seen.plain


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_the_next_version_is_rolled_out_beside_this_one(
    empty_database_url: str, next_version: Path, tmp_path: Path
) -> None:
    """Two of this version, one of them behind a pooler; the next one migrates under them and serves beside
    them; it is taken back, and this version serves on what it left, also started anew."""
    async with pooled(empty_database_url, size=6) as pool, a_fleet(empty_database_url, tmp_path) as fleet:
        driver = Driver(fleet.built.url, fleet.session)
        alice, front = driver.person("alice"), fleet.built.environment["INBOXKEEPER_PORT"]
        here = await fleet.starts(ROOT, empty_database_url, port=front)
        behind = await fleet.starts(ROOT, pool)
        await connects(fleet.built, driver)

        newer = await fleet.starts(next_version, empty_database_url)
        assert revision_of(empty_database_url) == "next_one"
        for process in (here, behind, newer):
            parts = await process.parts(fleet.session)
            assert parts["ready"] and parts["tables"], parts
        await each_answers(driver, of=3)
        fleet.built.google.break_down("revoked", ALICE)
        await alice.until(alarms, within=30)
        await goes_through_google(fleet.built, await link(alice, "dm"))
        await alice.until(lambda seen: not alarms(seen), within=30)

        await newer.ends()
        await each_answers(driver, of=2)
        fleet.built.google.break_down("revoked", ALICE)
        screen = await alice.until(alarms, within=30)
        assert len(alarms(screen)) == 1

        await here.ends()
        again = await fleet.starts(ROOT, empty_database_url, port=front)
        assert "a newer version made the database" in again.log.read_text()
        await alice.opens_home()
        await alice.until(says("Disconnected"), within=30)
        await goes_through_google(fleet.built, await link(alice, "dm"))
        await alice.until(says("🟢 Connected"), within=30)
        for process in (behind, again):
            assert "Traceback" not in process.log.read_text()
        assert revision_of(empty_database_url) == "next_one"


async def each_answers(driver: Driver, *, of: int) -> None:
    """The local Slack gives each connection its turn: so many clicks reach every process."""
    kenji = driver.person("kenji")
    for _ in range(2 * of):
        shown = await kenji.types("/inbox list")
        assert shown.ok, shown
        await kenji.until(says("受信トレイ"), within=30)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_three_that_start_at_once_on_an_older_database_migrate_it_once(
    empty_database_url: str, next_version: Path
) -> None:
    """One of them does it, behind the pooler or not; the others wait, and find it done."""
    await migrate(empty_database_url)
    async with pooled(empty_database_url, size=2) as pool:
        answers = await asyncio.gather(
            *(migrates(next_version, url) for url in (empty_database_url, pool, empty_database_url))
        )
    assert [said for said, _ in answers] == [b"The database is up to date.\n"] * 3, answers
    assert revision_of(empty_database_url) == "next_one"


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_migration_gives_way_to_whoever_reads(empty_database_url: str, next_version: Path) -> None:
    """A backup has the table: the migration says so and tries again, and whoever comes after it is served
    within the time that a statement is given."""
    await migrate(empty_database_url)
    async with (
        await psycopg.AsyncConnection.connect(empty_database_url, application_name="a backup") as reader,
        await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as served,
    ):
        await reader.execute("SELECT 1 FROM channel")
        await served.execute("SET statement_timeout = 10000")
        process = await migrating(next_version, empty_database_url)
        assert process.stdout is not None
        try:
            waiting = asyncio.create_task(process.stdout.readuntil(b"gave way"))
            async with asyncio.timeout(_PATIENCE):
                while not waiting.done():
                    await served.execute("SELECT 1 FROM channel")
                    await asyncio.wait([waiting], timeout=0.05)
            await waiting
            assert revision_of(empty_database_url) != "next_one"
            await reader.rollback()
            async with asyncio.timeout(_PATIENCE):
                said, _ = await process.communicate()
        finally:
            await killed(process)
    assert b"(a backup)" in said and said.endswith(b"The database is up to date.\n")
    assert revision_of(empty_database_url) == "next_one"


async def migrates(cwd: Path, url: str) -> tuple[bytes, bytes]:
    process = await migrating(cwd, url)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await process.communicate()
    finally:
        await killed(process)


async def migrating(cwd: Path, url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "migrate"),
        cwd=cwd,
        env={f"{PREFIX}{name}": value for name, value in {**ENOUGH, "DATABASE_URL": url}.items()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
