"""Writing every secret anew with the newest key, so that the old ones can be thrown away.

Not before every process that runs seals with that key: one that does not know it could read nothing any
more, and what one seals with another key meanwhile would be lost with it.
In batches, while the bot runs: a secret that was renewed in between is newer, and is left as it is. What the
newest key has sealed is left, too: after an interruption, the same again does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Column, select, update

from storage.connection import Connection
from storage.errors import KeyLost, KeyUnknown
from storage.tables import access_token, grant, link, request, ticket, webhook
from storage.unit_of_work import CANARY, Storage

_BATCH: Final = 200
SEALED: Final[tuple[Column[Any], ...]] = (
    grant.c.sealed,
    ticket.c.sealed,
    ticket.c.memo,
    link.c.sealed,
    request.c.sealed,
    access_token.c.sealed,
    webhook.c.sealed,
)
"""All that the keys have sealed."""


async def rekey(storage: Storage, *, progress: Callable[[int], None] = lambda _: None) -> int:
    """How many secrets were written anew. ``progress`` hears after each batch how many have been looked at.

    Raises ``KeyUnknown`` while a process runs whose first key is not the newest; no secret was changed then.
    Raises ``KeyLost``, with their number, when some could not be opened; the others are done by then.
    """
    await _refuse_unless_known(storage)
    # The canary first: who starts from now on without the new key is refused; who did just before is seen.
    lost = 0 if await _canary(storage) else 1
    await _refuse_unless_known(storage)
    renewed = seen = 0
    for column in SEALED:
        after: str | None = ""
        while after is not None:
            async with storage.writing() as uow:
                done, failed, read, after = await _batch(uow.connection, column, after)
                await uow.commit()
            renewed, lost, seen = renewed + done, lost + failed, seen + read
            if read:
                progress(seen)
    if lost:
        raise KeyLost(lost)
    return renewed


async def _refuse_unless_known(storage: Storage) -> None:
    async with storage.reading() as uow:
        newest, known = uow.connection.cipher.fingerprints[0], await uow.locks.announced()
    if others := sum(newest != first for first, *_ in known):
        raise KeyUnknown(others)


async def _batch(connection: Connection, column: Column[Any], after: str) -> tuple[int, int, int, str | None]:
    """Renewed, lost, looked at, and where to go on (``None`` at the end)."""
    key = column.table.c.id
    page = select(key, column.label("sealed")).where(key > after, column.is_not(None))
    rows = await connection.rows(page.order_by(key).limit(_BATCH))
    results = [await _row(connection, column, row.id, row.sealed) for row in rows]
    done, lost = results.count(True), results.count(None)
    return done, lost, len(rows), rows[-1].id if rows else None


async def _row(connection: Connection, column: Column[Any], row_id: Any, sealed: bytes) -> bool | None:
    """Whether it was renewed; ``None`` if no key opens it."""
    if connection.cipher.is_newest(sealed):
        return False
    try:
        fresh = connection.cipher.reseal(sealed)
    except KeyLost:
        return None
    as_read = column.table.c.id == row_id, column == sealed
    return await connection.count(update(column.table).where(*as_read).values({column.name: fresh})) == 1


async def _canary(storage: Storage) -> bool:
    if not await storage.check_keys():
        return False
    async with storage.writing() as uow:
        sealed = await uow.meta.find(CANARY)
        if sealed is not None:
            await uow.meta.replace(CANARY, uow.connection.cipher.reseal(sealed.encode()).decode())
            await uow.commit()
    return True
