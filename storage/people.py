"""People as last read from Slack."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row, select

from bot.domain.access import Person
from bot.domain.ids import UserId, WorkspaceId
from storage.folding import folded
from storage.session import Session
from storage.tables import person

_BATCH: Final = 500


class People:
    """Rows of ``person``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, workspace_id: WorkspaceId, user_id: UserId) -> Person | None:
        mine = person.c.workspace_id == workspace_id, person.c.id == user_id
        row = await self._session.first(select(person).where(*mine))
        return person_of(row) if row else None

    async def by_ids(self, workspace_id: WorkspaceId, ids: Collection[UserId]) -> dict[UserId, Person]:
        """Those that are known."""
        theirs = person.c.workspace_id == workspace_id, person.c.id.in_(ids)
        return {row.id: person_of(row) for row in await self._session.rows(select(person).where(*theirs))}

    async def hold(self, workspace_id: WorkspaceId, user_id: UserId) -> None:
        """Let nobody else act for this person before this unit of work ends."""
        mine = person.c.workspace_id == workspace_id, person.c.id == user_id
        await self._session.rows(select(person.c.id).where(*mine).with_for_update())

    async def save(self, someone: Person, at: datetime) -> None:
        await self.save_all((someone,), at)

    async def save_all(self, people: Iterable[Person], at: datetime) -> None:
        """Insert or replace. Of one person named twice the last wins."""
        values = iter({(p.workspace_id, p.id): _values(p, at) for p in people}.values())
        while batch := list(islice(values, _BATCH)):
            insert = self._session.insert(person).values(batch)
            key = person.primary_key.columns.keys()
            replaced = {c.name: insert.excluded[c.name] for c in person.c if c.name not in key}
            await self._session.count(insert.on_conflict_do_update(index_elements=key, set_=replaced))

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[Person, ...]:
        theirs = select(person).where(person.c.workspace_id == workspace_id)
        return tuple(map(person_of, await self._session.rows(theirs.order_by(person.c.id))))

    async def by_email(self, workspace_id: WorkspaceId, email: str) -> Person | None:
        """Who has this address at Slack: a person who is still there, no bot."""
        row = await self._session.first(
            select(person)
            .where(
                person.c.workspace_id == workspace_id,
                person.c.email_key == folded(email),
                person.c.email_key != "",
                person.c.is_deleted.is_(False),
                person.c.is_bot.is_(False),
            )
            .order_by(person.c.is_guest, person.c.id)
        )
        return person_of(row) if row else None


def _values(someone: Person, at: datetime) -> dict[str, Any]:
    return asdict(someone) | {"email_key": folded(someone.email), "read_at": at}


def person_of(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        email=row.email,
        locale=row.locale,
        is_owner=row.is_owner,
        is_guest=row.is_guest,
        is_bot=row.is_bot,
        is_deleted=row.is_deleted,
    )
