"""A workspace of a hundred thousand inboxes: whatever somebody does, the database looks at few rows.

People, looks and deliveries are played on the real product, and every statement that they run is weighed: on
SQLite by the steps that its machine took, on PostgreSQL by the rows that its plan visited. So a new statement
is weighed by itself.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.access import Visibility
from bot.domain.availability import day_of
from bot.domain.channel import Cause, State
from bot.domain.probe_policy import Whose
from bot.domain.provider_outage import vouching
from bot.domain.view_models import MOST_COUNTED
from storage import Share
from storage.engine import async_url
from storage.shares import present_share
from tests.conftest import Kind
from tests.services.play import ACME, IDS, Play, on_both
from tests.stage import BEGINNING, Stage, a_stage
from tests.storage.crowd import SIZE, add_crowd

HOUR: Final = timedelta(hours=1)
MOST_STEPS: Final = 30_000
"""Of SQLite's machine. To look at a row takes at least five: ten thousand rows are 50,000."""
MOST_ROWS: Final = 3_000
PASSED: Final = {
    "AS tally": (MOST_COUNTED + 2, 10),  # how many there are in each state: along an index, and no further
    "WHERE channel.id = grant_.channel_id": (2 * (MOST_COUNTED + 2), 25),  # who was granted alike
    "LIKE '%": (SIZE, 15),  # a part of an address or name, which no index leads to
}
"""What passes many rows, and once, by words in it: how many, and the steps that each takes of it."""
_PER_COUNT: Final = 100


@dataclass
class Weighed:
    """One statement, as it was run."""

    words: str
    values: Any
    steps: int


@dataclass
class Scales:
    """Notes each statement that is not housekeeping's."""

    statements: list[Weighed] = field(default_factory=list)
    _steps: int = 0

    def before(self, connection: Any, _: Any, words: str, values: Any, *__: Any) -> None:
        if connection.dialect.name == "sqlite":
            self._steps = 0
            connection.connection.driver_connection._conn.set_progress_handler(self._count, _PER_COUNT)

    def after(self, _: Any, __: Any, words: str, values: Any, *___: Any) -> None:
        if words.startswith("BEGIN") or present_share() in {Share.UPKEEP, Share.CHECKS}:
            return
        one = values[0] if isinstance(values, list) else values
        self.statements.append(Weighed(words, one, self._steps))

    def _count(self) -> int:
        self._steps += _PER_COUNT
        return 0


@contextmanager
def weighing(play: Play) -> Iterator[Scales]:
    scales, engine = Scales(), play.storage._engine.sync_engine
    event.listen(engine, "before_cursor_execute", scales.before)
    event.listen(engine, "after_cursor_execute", scales.after)
    yield scales
    event.remove(engine, "before_cursor_execute", scales.before)
    event.remove(engine, "after_cursor_execute", scales.after)


async def too_many_rows(database_url: str, statements: list[Weighed]) -> dict[str, int]:
    """Of PostgreSQL's statements those that visit more than ``MOST_ROWS`` rows."""
    found: dict[str, int] = {}
    engine = create_async_engine(async_url(database_url))
    # Inserts name their rows, and cannot be run again.
    distinct = {it.words: it for it in statements if not it.words.startswith("INSERT")}
    async with engine.connect() as connection:
        for words, it in distinct.items():
            asked = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {words}"
            async with connection.begin() as transaction:
                [[plan]] = await connection.exec_driver_sql(asked, it.values)
                await transaction.rollback()
            rows = _visited(plan[0]["Plan"])
            if rows > MOST_ROWS + _passed(words)[0]:
                found[f"{words}\n{json.dumps(plan, indent=1)}"] = rows
    await engine.dispose()
    return found


def _passed(words: str) -> tuple[int, int]:
    """The rows that such a statement may pass beside, and the steps that it may take for them all."""
    rows, each = next((most for part, most in PASSED.items() if part in words), (0, 0))
    return rows, rows * each


def _visited(node: dict[str, Any]) -> int:
    """The rows that this node and those below it took out of tables and indexes, kept or not."""
    below = sum(map(_visited, node.get("Plans", ())))
    if "Scan" not in node["Node Type"]:
        return below
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return below + int((node["Actual Rows"] + dropped) * node["Actual Loops"])


@pytest.fixture
async def play(database_url: str, inline_sqlite: None) -> AsyncIterator[Play]:
    await add_crowd(database_url, ACME, BEGINNING)
    async with a_stage(database_url) as stage:
        await stage.settles()
        yield Play(stage)


_TYPED: Final = (
    ("omar", "list"),
    ("omar", "list person7"),
    ("omar", "status person7@crowd.example"),
    ("omar", "status persom7@crowd.example"),
    ("omar", "permissions"),
    ("omar", "why support@acme.example"),
    ("omar", "drill support@acme.example"),
    ("omar", "admins"),
    ("omar", "report"),
    ("alice", "list"),
    ("alice", "status persom7@crowd.example"),
    ("alice", "disable alice@acme.example"),
    ("alice", "enable alice@acme.example"),
)


async def _people_do(stage: Stage) -> None:
    """What a day brings, for an admin and for a member."""
    await stage.connected("alice")
    await stage.connected("kenji")
    await stage.team_connected()
    for who, words in _TYPED:
        person = stage.person(who)
        await person.types(f"/inbox {words}")
        if (await person.sees()).modal is not None:
            await person.closes(whole=True)
    await stage.person("alice").opens_home()


async def _things_break(stage: Stage) -> None:
    """A member's inbox and a team address die and come back; one is removed."""
    await stage.breaks("support@acme.example", minutes=5)
    stage.town.google.mend("support@acme.example")
    await stage.passes(minutes=3)


async def _asked_rarely(play: Play) -> None:
    """What a click or a look asks now and then."""
    support = await play.channel("support@acme.example")
    assert support is not None
    grant, someone, now = await play.grant(support.grant_id), support.identity, play.now
    async with play.storage.writing() as uow:
        for whose in Whose:
            for held in (False, True):
                await uow.probes.peers(someone, proven_since=now - HOUR, limit=10, whose=whose, held=held)
        await uow.probes.refused_lately(someone, since=now - HOUR, limit=10)
        await uow.probes.count_in_doubt(someone)
        await uow.probes.refused_now(grant, Cause.GRANT_REFUSED)
        await uow.probes.served(grant, most=vouching(5))
        await uow.probes.hasten("google", Cause.ADMIN_CONSENT, now=now, apart=HOUR)
        await uow.channels.has_cause("google", Cause.OURS_BROKEN)
        seen = Visibility(ACME, IDS["omar"], all_personal=True)
        alike = await uow.overviews.grants_of_all(seen, (State.CONNECTED,))
        assert {number for *_, number in alike} >= {MOST_COUNTED + 1}
        mail = [(provider, granted) for provider, granted, number in alike if number > MOST_COUNTED]
        await uow.overviews.first_granted(seen, (State.CONNECTED,), mail, most=20, are_many=True)
        for text in ("", "person7"):
            for is_team_only in (False, True):
                await uow.channels.sought(ACME, text, is_team_only=is_team_only, most=100)
        await uow.grants.delegated_by(ACME, "person7@crowd.example")
        await uow.grants.in_use(someone)
        await uow.grants.pending_revocations(someone)
        await uow.availability.restless(first=day_of(now) - 1, after="ch5", walk=400, limit=200)
        await uow.requests.unfinished_by(ACME, IDS["alice"])
        await uow.requests.of_admins_by(ACME, IDS["alice"], since=now)
        await uow.people.by_email(ACME, "person7@crowd.example")
        await uow.people.knows_any(ACME)


@on_both
async def test_whatever_people_do_looks_at_few_rows(
    play: Play, database_url: str, database_kind: Kind
) -> None:
    """Commands, clicks, looks, deliveries: none scans what grows with the workspace."""
    with weighing(play) as scales:
        await _people_do(play.stage)
        await _things_break(play.stage)
        await _asked_rarely(play)
    assert len({it.words for it in scales.statements}) > 60
    if database_kind == "sqlite":
        heavy = {
            it.words: it.steps for it in scales.statements if it.steps > MOST_STEPS + _passed(it.words)[1]
        }
    else:
        heavy = await too_many_rows(database_url, scales.statements)
    told = "\n\n".join(f"{many}: {words}" for words, many in heavy.items())
    assert not heavy, told
