"""Erasing an address for good, in every workspace: what the operator's ``forget`` does.

Nothing is asked of the provider: what it still grants is no longer known here.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, delete, select

from storage.folding import folded
from storage.session import Session
from storage.tables import (
    channel,
    grant,
    held,
    history,
    incident,
    link,
    notice,
    probe,
    ticket,
    ticket_outcome,
    whereabouts,
)
from storage.unit_of_work import Storage


async def forget(storage: Storage, address: str) -> int:
    """How many channels were erased with all that hung on them. Raises ``StorageAway``."""
    async with storage.writing() as uow:
        count = await _forget(uow.session, address)
        await uow.commit()
    return count


async def _forget(session: Session, address: str) -> int:
    theirs = select(channel.c.id).where(channel.c.address_key == folded(address))
    for table in (probe, held, whereabouts, link, notice, incident, history, ticket, ticket_outcome, grant):
        await session.count(delete(table).where(_belongs(table, theirs)))
    for table in (ticket, ticket_outcome):
        await session.count(delete(table).where(table.c.address_key == folded(address)))
    return await session.count(delete(channel).where(channel.c.address_key == folded(address)))


def _belongs(table: Table, theirs: Select[tuple[str]]) -> ColumnElement[bool]:
    return table.c.channel_id.in_(theirs)
