"""How channels did on days that are over, and who is sent a report of it.

One rule: a day on which a channel was connected from its first to its last second has no row. So a hundred
thousand calm inboxes have none, and counting what there is, is quick.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, literal_column, or_, select

from bot.domain.address import key_of
from bot.domain.availability import Tally, beginning_of
from bot.domain.channel import RESTORABLE_FOR, Channel, Kind, State
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from storage.channels import channel_of
from storage.connection import Repository
from storage.tables import availability, channel, history, report_reader

_IN_TEAM: Final[ColumnElement[Any]] = literal_column("channel.kind = 'team'")
"""In the words of an index: of a parameter no database knows what it will be."""
_KEPT: Final[ColumnElement[Any]] = literal_column("channel.state <> 'removed'")
_OF_TEAM: Final = (_IN_TEAM, _KEPT)
_DOWN: Final[ColumnElement[Any]] = literal_column("availability.down > 0")


class AvailabilityRepository(Repository):
    """Rows of ``availability``."""

    async def restless(
        self, *, first: int, after: str, walk: int, limit: int
    ) -> tuple[tuple[Channel, ...], str | None]:
        """Of the next ``walk`` channels by id at most ``limit`` which were not simply connected all the time
        since that day, and up to which id that is: ``None`` if there are none after ``after``.

        Removed ones for as long as they can come back: then their days must not look as if they had worked.
        """
        since = beginning_of(first)
        its = channel.c.id > after
        there = select(channel).where(its).order_by(channel.c.id).limit(walk).subquery("there")
        step: Select[Any] = select(literal_column("1")).where(
            history.c.channel_id == there.c.id, history.c.at >= since
        )
        # One by one: else PostgreSQL would read all steps since then, for every few channels.
        stepped = step.limit(literal_column("1")).correlate(there).scalar_subquery().is_not(None)
        restless = or_(there.c.state != State.CONNECTED, stepped)
        still_of_use = or_(there.c.removed_at.is_(None), there.c.removed_at >= since - RESTORABLE_FOR)
        page = select(there).where(restless, still_of_use).order_by(there.c.id).limit(limit)
        found = tuple(map(channel_of, await self._connection.rows(page)))
        if len(found) == limit:
            return found, found[-1].id
        ids = select(channel.c.id).where(its).order_by(channel.c.id).limit(walk).subquery("ids")
        return found, await self._connection.value(select(func.max(ids.c.id)))

    async def keep(self, of: Mapping[Channel, Mapping[int, Tally]]) -> None:
        """Write these days, whatever was there."""
        values = [
            {"channel_id": it.id, "workspace_id": it.workspace_id, "day": day}
            | {"up": tally.up, "down": tally.down, "unknown": tally.unknown}
            for it, days in of.items()
            for day, tally in days.items()
        ]
        insert = self._connection.insert(availability)
        written = {name: insert.excluded[name] for name in ("up", "down", "unknown")}
        key = [availability.c.channel_id, availability.c.day]
        await self._connection.many(insert.on_conflict_do_update(index_elements=key, set_=written), values)

    async def drop_since(self, day: int) -> None:
        """What is to be written anew, or was written of days to come by a clock that was ahead."""
        await self._connection.count(delete(availability).where(availability.c.day >= day))

    async def of_channels(
        self, ids: Collection[ChannelId], *, first: int
    ) -> dict[ChannelId, dict[int, Tally]]:
        """The days that have a row, by channel."""
        found: dict[ChannelId, dict[int, Tally]] = {}
        rows = await self._connection.rows(_OF_CHANNELS, {"those": list(ids), "first": first})
        for channel_id, day, *seconds in map(tuple, rows):
            found.setdefault(channel_id, {})[day] = Tally(*seconds)
        return found

    async def worst(
        self, workspace_id: WorkspaceId, *, first: int, last: int, limit: int
    ) -> tuple[ChannelId, ...]:
        """Team addresses that were disconnected in these days, those for longest first."""
        down = func.sum(availability.c.down)
        found = self._down(availability.c.channel_id, workspace_id, first, last)
        found = found.group_by(availability.c.channel_id).order_by(down.desc(), availability.c.channel_id)
        return tuple([row.channel_id for row in await self._connection.rows(found.limit(limit))])

    async def count_down(self, workspace_id: WorkspaceId, *, first: int, last: int) -> int:
        """How many team addresses were disconnected in these days."""
        number = func.count(availability.c.channel_id.distinct())
        return int(await self._connection.value(self._down(number, workspace_id, first, last)))

    async def down_by_day(self, workspace_id: WorkspaceId, *, first: int, last: int) -> dict[int, int]:
        """Seconds for which team addresses were disconnected, all together, by day."""
        day, down = availability.c.day, func.sum(availability.c.down).label("down")
        found = self._down(day, workspace_id, first, last).add_columns(down).group_by(day)
        return {row.day: int(row.down) for row in await self._connection.rows(found)}

    async def team(self, workspace_id: WorkspaceId, *, limit: int) -> tuple[Channel, ...]:
        """The first team addresses, by address."""
        found: list[Channel] = []
        for state in State:  # each by an index that gives the order
            if state is not State.REMOVED:
                here = channel.c.workspace_id == workspace_id, _KEPT, channel.c.kind == Kind.TEAM
                page = select(channel).where(*here, channel.c.state == state)
                rows = await self._connection.rows(page.order_by(channel.c.address_key).limit(limit))
                found += map(channel_of, rows)
        return tuple(sorted(found, key=lambda it: key_of(it.address))[:limit])

    async def count_team(self, workspace_id: WorkspaceId) -> int:
        """How many team addresses there are."""
        here = select(func.count()).select_from(channel)
        return int(
            await self._connection.value(here.where(channel.c.workspace_id == workspace_id, *_OF_TEAM))
        )

    async def lost_now(self, workspace_id: WorkspaceId, *, limit: int) -> tuple[Channel, ...]:
        """Team addresses that are disconnected now."""
        here = channel.c.workspace_id == workspace_id, _IN_TEAM
        lost = select(channel).where(*here, channel.c.state == State.DISCONNECTED).order_by(channel.c.since)
        return tuple(map(channel_of, await self._connection.rows(lost.limit(limit))))

    @staticmethod
    def _down(what: ColumnElement[Any], workspace_id: WorkspaceId, first: int, last: int) -> Any:
        theirs = availability.c.workspace_id == workspace_id, availability.c.day.between(first, last)
        joined = availability.join(channel, channel.c.id == availability.c.channel_id)
        return select(what).select_from(joined).where(*theirs, _DOWN, *_OF_TEAM)


_OF_CHANNELS: Final = select(
    *(availability.c[name] for name in ("channel_id", "day", "up", "down", "unknown"))
).where(
    availability.c.channel_id.in_(bindparam("those", expanding=True)),
    availability.c.day >= bindparam("first"),
)


class ReportReaderRepository(Repository):
    """Rows of ``report_reader``: who wants a report each month."""

    async def all(self, workspace_id: WorkspaceId) -> Sequence[UserId]:
        theirs = select(report_reader.c.user_id).where(report_reader.c.workspace_id == workspace_id)
        return [row.user_id for row in await self._connection.rows(theirs.order_by(report_reader.c.user_id))]

    async def has(self, workspace_id: WorkspaceId, user_id: UserId) -> bool:
        mine = report_reader.c.workspace_id == workspace_id, report_reader.c.user_id == user_id
        return await self._connection.first(select(report_reader.c.user_id).where(*mine)) is not None

    async def add(self, workspace_id: WorkspaceId, user_id: UserId) -> None:
        insert = self._connection.insert(report_reader).values(workspace_id=workspace_id, user_id=user_id)
        await self._connection.count(insert.on_conflict_do_nothing())

    async def drop(self, workspace_id: WorkspaceId, user_id: UserId) -> None:
        mine = report_reader.c.workspace_id == workspace_id, report_reader.c.user_id == user_id
        await self._connection.count(delete(report_reader).where(*mine))
