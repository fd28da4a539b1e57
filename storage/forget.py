"""Erasing an address for good, in every workspace: what the operator's ``forget`` does.

The one rule: no column of any table holds the address afterwards, in whatever spelling; a table that is
added later is covered without a word here. A row that is the address's own, or that only its text tells from
others, goes, with all that hangs on it; where the address is merely mentioned, the mention goes.

Nothing is asked of the provider: what it still grants is no longer known here. An account that opens somebody
else's inbox is not erased behind that inbox's back: either nothing is, or (``force``) the inbox loses its
permission, which the next look at it finds out as it would any other loss.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Index,
    Row,
    Table,
    Text,
    UniqueConstraint,
    and_,
    cast,
    delete,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)

from bot.domain.address import Mentions, key_of
from bot.domain.channel import State
from bot.domain.grant import Secret
from bot.domain.notice import NoticeKind
from storage.channels import sought_in
from storage.connection import Connection
from storage.errors import DatabaseInUse
from storage.files import FileLock
from storage.tables import (
    channel,
    grant,
    hubspot_channel,
    incident,
    job,
    lane,
    metadata,
    notice,
    person,
    request,
    seen,
    ticket,
    ticket_outcome,
)
from storage.unit_of_work import Storage

ERASED: Final = "[erased]"
"""What stands in an address's place where it was mentioned."""
_PAGE: Final = 2_000
_AT_ONCE: Final = 500
_ROUNDS: Final = 5
"""The bot may write on meanwhile: looked for again until nothing is found."""

_THEIRS: Final = {
    column
    for table in (channel, request, hubspot_channel)
    for column in (table.c.address, table.c.address_key)
}
"""Columns that say whose row it is. What is unique or a key is in any case."""
_FLEETING: Final = {ticket, ticket_outcome, job, lane, seen}
"""Rows that are worth nothing without the address: somebody begins again."""
_BLANKED: Final = {person.c.email, person.c.email_key}
"""Empty rather than erased: nobody has that address."""
_HANGS_ON: Final = {
    "channel_id": channel,
    "incident_id": incident,
    "notice_id": notice,
    "thread_of": notice,
    "grant_id": grant,
    "request_id": request,
    "follows": request,
}
"""What a column of this name points to, in any table but ``channel``. A notice's subject may, too."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased, and what is to be said of it."""

    erased: Mapping[str, int] = field(default_factory=dict)
    """Rows erased or changed, by table."""
    opens: tuple[str, ...] = ()
    """Other inboxes in use that are opened with the address. Unless forced, nothing was erased then."""
    is_at_slack: bool = False
    """Slack knows it as somebody's address, and will say so again."""
    is_swept: bool = True
    """Whether the file was cleared of what stood in erased rows. PostgreSQL does that in its own time."""

    @property
    def count(self) -> int:
        return sum(self.erased.values())


async def forget(storage: Storage, address: str, *, force: bool = False) -> Forgotten:
    """Erase ``address``. Raises ``StorageAway``; what was erased by then stays so, and it can be repeated."""
    mentions = Mentions(address, instead=ERASED)
    opened: set[str] = set()
    erased: Counter[str] = Counter()
    is_at_slack = False
    for _ in range(_ROUNDS):
        async with storage.reading() as uow:
            others = await _opened(uow.connection, mentions)
            opened |= {one.address for one in others}
            if others and not force:
                return Forgotten(erased, tuple(sorted(opened)))
            found = [it async for it in _mentioned(uow.connection, mentions)]
            found += await _greetings(uow.connection, address)
        if not found and not others:
            break
        async with storage.writing() as uow:
            if uow.connection.dialect == "sqlite":
                # Whatever stood in erased rows is overwritten.
                await uow.connection.run(text("PRAGMA secure_delete = ON"))
            await _cut_off(uow.connection, mentions)
            is_at_slack |= any(table is person for table, _ in found)
            erased += await _erase(uow.connection, mentions, found)
            await uow.commit()
    file = storage.file
    is_swept = file is None or await asyncio.to_thread(_sweep, file)
    return Forgotten(erased, tuple(sorted(opened)), is_at_slack, is_swept)


# --- where it is


async def _mentioned(
    connection: Connection, mentions: Mentions
) -> AsyncIterator[tuple[Table, tuple[Any, ...]]]:
    """Every row that names it: its table and its key."""
    if connection.dialect == "postgresql":
        await connection.run(text("SET LOCAL statement_timeout = 0"))
    for table in metadata.sorted_tables:
        columns = _texts(table)
        async for row in _rows(connection, table, _may_name(table)):
            if any(mentions.are_in(row._mapping[column]) for column in columns):
                yield table, tuple(row._mapping[column] for column in table.primary_key)


async def _rows(connection: Connection, table: Table, where: ColumnElement[bool]) -> AsyncIterator[Row[Any]]:
    """Page by page: a large table fits no memory."""
    key = tuple(table.primary_key)
    page: Sequence[Row[Any]] = await _page(connection, table, where)
    while page:
        for row in page:
            yield row
        last = (literal(page[-1]._mapping[column], column.type) for column in key)
        page = await _page(connection, table, and_(where, tuple_(*key) > tuple_(*last)))


async def _page(connection: Connection, table: Table, where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    return await connection.rows(select(table).where(where).order_by(*table.primary_key).limit(_PAGE))


def _texts(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if isinstance(column.type, Text | JSON)]


@cache
def _may_name(table: Table) -> ColumnElement[bool]:
    """Six comparisons for each text of each table: building them takes longer than asking."""
    return or_(*map(_may_mention, _texts(table)))


def _may_mention(column: Column[Any]) -> ColumnElement[bool]:
    """No address without its sign, as it is typed or as JSON and URLs write it."""
    plain = cast(column, Text) if isinstance(column.type, JSON) else column
    signs = ("@", "＠", "﹫", "\\%40", "\\\\uff20", "\\\\ufe6b")
    return or_(*(plain.like(f"%{sign}%", escape="\\") for sign in signs))


async def _greetings(connection: Connection, address: str) -> list[tuple[Table, tuple[Any, ...]]]:
    """Where a hello was said about it: kept under a digest, which whoever knows the address finds."""
    said = seen.c.key.like(f"hello:%:{Secret(key_of(address)).digest}")
    return [(seen, (row.key,)) for row in await connection.rows(select(seen.c.key).where(said))]


# --- other inboxes that it opens


async def _opened(connection: Connection, mentions: Mentions) -> list[Row[Any]]:
    """Inboxes in use at other addresses that are opened with this one's account."""
    here = channel.outerjoin(grant, grant.c.id == channel.c.grant_id)
    names = (channel.c.via, channel.c.identity_subject, grant.c.address, grant.c.delegate_address)
    columns = channel.c.id, channel.c.address, channel.c.grant_id, *names
    in_use = channel.c.state != State.REMOVED
    rows = await connection.rows(select(*columns).select_from(here).where(in_use))
    return [row for row in rows if any(map(mentions.are_in, row[3:])) and not mentions.are_in(row.address)]


async def _cut_off(connection: Connection, mentions: Mentions) -> None:
    """What they were opened with is emptied: whoever looks next finds a permission that does not work."""
    for row in await _opened(connection, mentions):
        if row.grant_id is not None:
            empty = connection.cipher.seal(Secret(""), owner=row.grant_id)
            values = {"sealed": empty, "version": grant.c.version + 1}
            await connection.count(update(grant).where(grant.c.id == row.grant_id).values(**values))


# --- erasing


async def _erase(
    connection: Connection, mentions: Mentions, found: Iterable[tuple[Table, tuple[Any, ...]]]
) -> Counter[str]:
    erased: Counter[str] = Counter()
    gone: dict[Table, set[Any]] = {}
    for table, key in found:
        [*rows] = await connection.rows(select(table).where(_is(table, key)))
        for row in rows:  # as it is by now
            if await _is_theirs(connection, mentions, table, row):
                await connection.count(delete(table).where(_is(table, key)))
                if table is grant:
                    await _drop_lanes(connection, row)
                gone.setdefault(table, set()).add(key[-1])
            elif values := _without(mentions, table, row):
                await connection.count(update(table).where(_is(table, key)).values(values))
            erased[table.name] += 1
    while gone:
        gone = await _drop_hanging(connection, gone, erased)
    return erased


async def _drop_lanes(connection: Connection, of: Row[Any]) -> None:
    """An account's lane goes with the last grant that rests on it, and whatever waits in it."""
    for subject in {of.identity_subject, of.delegate_subject} - {None}:
        theirs = or_(grant.c.identity_subject == subject, grant.c.delegate_subject == subject)
        at_all = select(grant.c.id).where(grant.c.identity_provider == of.identity_provider, theirs)
        if await connection.value(at_all.limit(1)) is None:
            key = f"identity:{of.identity_provider}:{subject}"
            await connection.count(delete(job).where(job.c.lane == key))
            await connection.count(delete(lane).where(lane.c.key == key))


async def _drop_hanging(
    connection: Connection, gone: Mapping[Table, set[Any]], erased: Counter[str]
) -> dict[Table, set[Any]]:
    """What points to rows that are gone goes, too; returns it. But for messages about a mass refusal, which
    name the inbox that it began with and go on for the others."""
    more: dict[Table, set[Any]] = {}
    for ids in _batches(gone.get(channel, ())):
        about_many = notice.c.kind == NoticeKind.HOLD, notice.c.channel_id.in_(ids)
        await connection.count(update(notice).where(*about_many).values(channel_id=None))
    for table in metadata.sorted_tables:
        for column, target in _pointers(table):
            for ids in _batches(gone.get(target, ())):
                dropped = delete(table).where(column.in_(ids)).returning(*table.primary_key)
                for key in await connection.rows(dropped):
                    more.setdefault(table, set()).add(key[-1])
                    erased[table.name] += 1
    return more


def _pointers(table: Table) -> Iterator[tuple[Column[Any], Table]]:
    if table is channel:
        return  # an inbox outlives its grants
    yield from ((column, _HANGS_ON[column.name]) for column in table.c if column.name in _HANGS_ON)
    if "channel_id" in table.c:
        yield table.c.channel_id, hubspot_channel
    if table is notice:
        yield from ((notice.c.subject, target) for target in (request, incident))


def _batches(ids: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    rest = iter(ids)
    while batch := tuple(islice(rest, _AT_ONCE)):
        yield batch


async def _is_theirs(connection: Connection, mentions: Mentions, table: Table, row: Row[Any]) -> bool:
    if table in _FLEETING:
        return True
    if table is grant:
        held = select(channel.c.address).where(channel.c.grant_id == row.id, channel.c.state != State.REMOVED)
        holder = await connection.value(held)
        return holder is None or mentions.are_in(holder)
    return any(mentions.are_in(row._mapping[column]) for column in _telling_apart(table))


def _telling_apart(table: Table) -> set[Column[Any]]:
    """Columns in which nothing can stand in the address's place."""
    unique = {c for index in table.indexes if index.unique for c in _columns(index)}
    unique |= {c for one in table.constraints if isinstance(one, UniqueConstraint) for c in one.columns}
    return unique | set(table.primary_key) | (_THEIRS & set(table.c))


def _columns(index: Index) -> Iterator[Column[Any]]:
    return (column for column in index.columns if isinstance(column, Column))


def _without(mentions: Mentions, table: Table, row: Row[Any]) -> dict[str, Any]:
    """The row's columns that name it, as they are to be."""
    values = {column: row._mapping[column] for column in _texts(table)}
    without = {
        column.name: "" if column in _BLANKED else mentions.without(value)
        for column, value in values.items()
        if mentions.are_in(value)
    }
    if table is channel and "name" in without:  # where it may stand in letters that nobody writes: ß as ss
        without["sought"] = sought_in(row.address, str(without["name"]))
    return without


def _is(table: Table, key: Sequence[Any]) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))


# --- the file


def _sweep(file: Path) -> bool:
    """Write an SQLite file anew without what was erased, unless the bot runs: then its log alone is emptied,
    if nobody reads at this moment. Whether no trace is left; what is erased is overwritten in any case."""
    with closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as connection:
        try:
            is_alone = _rewrite(file, connection)
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
    return is_alone and not is_busy


def _rewrite(file: Path, connection: sqlite3.Connection) -> bool:
    """It takes as long as the file is large, and nobody else may write meanwhile."""
    try:
        lock = FileLock.take(file.with_name(f"{file.name}.lock"))
    except DatabaseInUse:
        return False
    try:
        connection.execute("VACUUM")
    finally:
        lock.release()
    return True
