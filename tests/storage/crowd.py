"""A workspace of a hundred thousand inboxes, made by the database itself: quickly, and never looked at.

Everything that grows is there: people, inboxes, permissions, looks, jobs, outages and messages that are over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.availability import day_of
from storage.column_types import Instant
from storage.engine import async_url

SIZE: Final = 100_000
TEAM: Final = 200
"""So many of them are team addresses."""
_OPEN: Final = 20
"""So many outages are not over."""

BESIDE: Final = 10_000
"""So many rows have the tables that grow with what happens."""

_NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"

_ROWS: Final = (
    """INSERT INTO person (workspace_id, id, name, email, email_key, locale, read_at)
    {numbers} SELECT :workspace, 'UC' || i, 'Person ' || i, 'person' || i || '@crowd.example',
    'person' || i || '@crowd.example', 'en-US', :now FROM n""",
    """INSERT INTO channel (id, workspace_id, address, address_key, address_reversed, sought, kind, owner_id,
    connected_by, provider,
    identity_provider, identity_subject, identity_tenant, state, cause, since, created_at, grant_id, use,
    name)
    {numbers} SELECT 'ch' || i, :workspace, 'person' || i || '@crowd.example',
    'person' || i || '@crowd.example', 'elpmaxe.dworc@' || i || 'nosrep',
    'person' || i || '@crowd.example',
    CASE WHEN i <= :team THEN 'team' ELSE 'personal' END, CASE WHEN i <= :team THEN NULL ELSE 'UC' || i END,
    'UC' || i, CASE WHEN i % 2 = 0 THEN 'google' ELSE 'microsoft' END,
    CASE WHEN i % 2 = 0 THEN 'google' ELSE 'microsoft' END, 'subject' || i, 'crowd.example',
    'connected', 'none', :now, :now, 'gr' || i, '', '' FROM n""",
    """INSERT INTO grant_ (id, workspace_id, channel_id, address, identity_provider, identity_subject,
    identity_tenant, scopes, sealed, phase, obtained_at, revocation)
    {numbers} SELECT 'gr' || i, :workspace, 'ch' || i, 'person' || i || '@crowd.example',
    CASE WHEN i % 2 = 0 THEN 'google' ELSE 'microsoft' END, 'subject' || i, 'crowd.example', 'mail', NULL,
    'live', :now, 'not_asked' FROM n""",
    """INSERT INTO probe (channel_id, workspace_id, grant_id, provider, due_at, last_ok_at, last_done_at,
    outcome)
    {numbers} SELECT 'ch' || i, :workspace, 'gr' || i, CASE WHEN i % 2 = 0 THEN 'google' ELSE 'microsoft' END,
    :later, :earlier, :earlier, 'passed' FROM n""",
    """INSERT INTO history (workspace_id, channel_id, at, what, details)
    {beside} SELECT :workspace, 'ch' || i, :now, 'connected', '{{}}' FROM n""",
    """INSERT INTO job (id, lane, kind, dedupe, payload, due_at, created_at, last_class, done_at)
    {beside} SELECT 'job' || i, 'lane' || i, 'deliver_notice', 'dedupe' || i, '{{}}', :now, :now, '', :now
    FROM n""",
    """INSERT INTO lane (key) {beside} SELECT 'lane' || i FROM n""",
    """INSERT INTO seen (key, at) {beside} SELECT 'seen' || i, :now FROM n""",
    """INSERT INTO incident (id, workspace_id, channel_id, kind, cause, opened_at, code, resolved_at,
    resolution)
    {beside} SELECT 'in' || i, :workspace, 'ch' || i, 'dead', 'grant_refused', :earlier, '',
    CASE WHEN i <= :open THEN NULL ELSE :now END, CASE WHEN i <= :open THEN NULL ELSE 'recovered' END
    FROM n""",
    """INSERT INTO notice (id, workspace_id, recipient, kind, channel_id, incident_id, subject, topic,
    wanted_rev, shown_rev, conversation_id, ts, created_at, unreachable)
    {beside} SELECT 'no' || i, :workspace, 'UC' || i, 'incident', 'ch' || i, 'in' || i, '', 'in' || i, 1, 1,
    'D' || i, '1.0', :earlier, '' FROM n""",
    """INSERT INTO notice_incident (notice_id, incident_id) {beside} SELECT 'no' || i, 'in' || i FROM n""",
    """INSERT INTO link (id, workspace_id, user_id, incident_id, channel_id, sealed, created_at)
    {beside} SELECT 'li' || i, :workspace, 'UC' || i, 'in' || i, 'ch' || i, {bytes}, :earlier FROM n""",
    """INSERT INTO request (id, workspace_id, requester, deed, address, address_key, kind, use, name, reason,
    answer_reason, state, created_at, expires_at)
    {beside} SELECT 're' || i, :workspace, 'UC' || i, 'connect', 'team' || i || '@crowd.example',
    'team' || i || '@crowd.example', 'team', '', '', '', '', 'declined', :earlier, :now FROM n""",
    """INSERT INTO role_change (id, workspace_id, actor, at, role, subject, people, along, undoes)
    {beside} SELECT 'rc' || i, :workspace, 'UC' || i, :earlier, 'account_access', 'UC' || i, '{{}}', '[]', ''
    FROM n""",
    """INSERT INTO ticket_outcome (ticket_id, workspace_id, user_id, purpose, address, address_key, kind,
    provider, created_at, use, locale, ticket_expires_at, expires_at, ending, at, signed_in, missing, code)
    {beside} SELECT 'ti' || i, :workspace, 'UC' || i, 'connect', 'person' || i || '@crowd.example',
    'person' || i || '@crowd.example', 'personal', 'google', :earlier, '', 'en-US', :later, :later, 'done',
    :earlier, '', '', '' FROM n""",
    """INSERT INTO availability (channel_id, workspace_id, day, up, down, unknown)
    {beside} SELECT 'ch' || i, :workspace, :day - 1 - i % 30, 80000, 6400, 0 FROM n""",
    """INSERT INTO whereabouts (channel_id, place, since, seen, seen_at)
    {beside} SELECT 'ch' || i, 'google', :earlier, 'google', :now FROM n WHERE i <= :team""",
)

_HASTE: Final = {
    "postgresql": ["SET session_replication_role = replica"],  # no keys to check
    "sqlite": ["PRAGMA cache_size = -200000", "PRAGMA synchronous = OFF"],
}


async def add_crowd(database_url: str, workspace: str, now: datetime, *, size: int = SIZE) -> None:
    """Add so many inboxes, due in 14 minutes: later would be put right as if a clock had been ahead."""
    engine = create_async_engine(async_url(database_url))
    binary = "x'00'" if engine.dialect.name == "sqlite" else "'\\x00'::bytea"
    values = {"team": TEAM, "open": _OPEN, "workspace": workspace, "day": day_of(now)}
    instants = {"now": now, "later": now + timedelta(minutes=14), "earlier": now - timedelta(minutes=1)}
    async with engine.begin() as connection:
        for setting in _HASTE[engine.dialect.name]:
            await connection.execute(text(setting))
        for words in _ROWS:
            statement = _statement(words, binary, size)
            await connection.execute(statement, _known(words, values | instants))
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


def _statement(words: str, binary: str, size: int) -> Any:
    statement = text(
        words.format(numbers=_NUMBERS.format(size), beside=_NUMBERS.format(min(size, BESIDE)), bytes=binary)
    )
    typed = [bindparam(it, type_=Instant) for it in ("now", "later", "earlier") if f":{it}" in words]
    return statement.bindparams(*typed)


def _known(words: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in words}
