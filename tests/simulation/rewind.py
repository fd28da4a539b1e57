"""Turning a simulation back to an earlier moment, all but its clock: the same may then happen otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Table, delete, select

from sandbox.slack.state import Message
from storage.tables import metadata
from tests.simulation.office import Office


@dataclass(frozen=True)
class Moment:
    """What the database and Slack hold."""

    rows: Mapping[Table, Sequence[dict[str, Any]]]
    messages: Mapping[str, list[Message]]

    @classmethod
    async def of(cls, office: Office) -> Self:
        async with office.storage.reading() as uow:
            rows = {
                table: [dict(row._mapping) for row in await uow.connection.rows(select(table))]
                for table in metadata.sorted_tables
            }
        return cls(rows, deepcopy(office.town.slack.core.workspace.messages))

    async def comes_back(self, office: Office) -> None:
        async with office.storage.writing() as uow:
            for table in reversed(metadata.sorted_tables):
                await uow.connection.count(delete(table))
            for table, rows in self.rows.items():
                await uow.connection.many(uow.connection.insert(table), rows)
            await uow.commit()
        office.town.slack.core.workspace.messages = deepcopy(dict(self.messages))
