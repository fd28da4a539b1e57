"""How well channels worked: each day written down once it is over, and put together for whoever asks.

The one rule: nothing is measured here. All of it follows from the history, so writing a day down twice, by
two processes or after a crash, writes the same. A day that is written down is only put right where an outage
is taken back on a later one, in the night after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Final, NamedTuple, TypeVar

from bot.domain.access import Actor, Person, Role, Workspace, visibility_of
from bot.domain.address import key_of
from bot.domain.availability import (
    DAY,
    DAYS,
    WEEK,
    WEEKS,
    Availability,
    Outages,
    Report,
    ReportLine,
    StateChange,
    Tally,
    beginning_of,
    change_of,
    day_of,
    days_of,
    first_to_judge_anew,
    is_time_to_send,
    month_before,
    outages_among,
    takes_back,
)
from bot.domain.channel import Channel, HistoryEntry, Kind, State
from bot.domain.ids import ChannelId, UserId
from bot.domain.notice import NoticeKind
from bot.services.core.notifications import Notifications, about_us
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from storage import UnitOfWork

T = TypeVar("T")
_KEPT: Final = "availability"
"""The fact up to which day all is written down."""
_REACHED: Final = "availability:reached"
"""The fact up to which channel this has come: the first day, the last one, and its id."""
_SETTLES: Final = timedelta(minutes=5)
"""After midnight, until the steps of the day before have surely been written."""
_AT_ONCE: Final = 200
"""Channels between which others get their turn."""
_WALKED: Final = 400
"""Channels that one statement looks at, most of which were calm."""
_WORST: Final = 500
"""Of what happened since the last day that was written down, a report looks at so many channels."""
_NONE: Final = Tally()
_WHOLE: Final = Tally(up=int(DAY.total_seconds()))
SHOWN: Final = 20
"""Team addresses that a report names in Slack; the file has ``IN_FILE``."""


class _Window(NamedTuple):
    """Some days, both ends included, and the first of them that is not written down yet."""

    first: int
    last: int
    live: int


class _Calm(NamedTuple):
    """What the days of a channel to which nothing happened follow from: of most of them it is the same."""

    state: State
    born: int
    """The day on which it was added, or the first that is shown."""
    since: datetime
    """The moment at which it was added, or the beginning of what is not written down yet."""
    removed_at: datetime | None


class Availabilities:
    """Reads and writes days."""

    def __init__(self, core: Core) -> None:
        self._core = core

    # --- writing down

    async def keep(self) -> int:
        """The chore: write down the days that are over. Returns how many channels had one worth it. Goes on
        where a process that has ended had come to."""
        now = self._core.clock()
        today = day_of(now - _SETTLES)
        async with self._core.storage.reading() as uow:
            first = await self._first_unkept(uow, today)
            reached = await uow.meta.find(_REACHED) or ""
        if first >= today:
            return 0
        days = f"{first}:{today - 1}:"
        if not reached.startswith(days):
            reached = days
            async with self._core.storage.writing() as uow:
                await uow.availability.drop_since(first)
                await uow.meta.put(_REACHED, reached)
                await uow.commit()
        number, after = 0, reached.removeprefix(days)
        while True:
            page, end = await self._days_after(after, first=first, last=today - 1)
            if end is None:
                break
            if page:
                async with self._core.storage.writing() as uow:
                    await uow.availability.keep(page)
                    await uow.meta.put(_REACHED, f"{days}{end}")
                    await uow.commit()
            number, after = number + len(page), end
            await asyncio.sleep(0)
        async with self._core.storage.writing() as uow:
            await uow.meta.put(_KEPT, str(today - 1))
            await uow.meta.put(_REACHED, "")
            await uow.commit()
        return number

    async def _first_unkept(self, uow: UnitOfWork, today: int) -> int:
        """The day to go on with; after a clock that was ahead, or a long standstill, the first that is
        shown."""
        kept = await uow.meta.find(_KEPT)
        furthest = today - WEEKS * WEEK
        return max(int(kept) + 1, furthest) if kept is not None and int(kept) < today else furthest

    async def _days_after(
        self, after: str, *, first: int, last: int
    ) -> tuple[Mapping[Channel, Mapping[int, Tally]], str | None]:
        """Some channels' days that are worth a row, and up to which channel that is: those from ``first`` on,
        and earlier ones that were written as an outage which has been taken back since."""
        async with self._core.storage.reading() as uow:
            channels, reached = await uow.availability.restless(
                first=first, after=after, walk=_WALKED, limit=_AT_ONCE
            )
            changes = await self._changes_since(uow, channels, first)
        end, found = beginning_of(last + 1), dict[Channel, Mapping[int, Tally]]()
        for it in channels:
            begins = first_to_judge_anew(changes[it.id], first)
            theirs = [change for change in changes[it.id] if change.at >= beginning_of(begins)]
            found[it] = _worth_keeping(days_of(it, theirs, first=begins, until=end), it, last)
        return found, reached

    async def _changes_since(
        self, uow: UnitOfWork, channels: Sequence[Channel], first: int
    ) -> dict[ChannelId, list[StateChange]]:
        """From that day on; of those whose outage was taken back then, from as far back as is shown."""
        lines = await uow.history.since([it.id for it in channels], beginning_of(first))
        found = {it.id: _changes(lines.get(it.id, ())) for it in channels}
        doubtful = [it for it, changes in found.items() if changes and takes_back(changes[0])]
        if doubtful:
            earlier = await uow.history.since(doubtful, beginning_of(first - WEEKS * WEEK))
            found |= {it: _changes(earlier.get(it, ())) for it in doubtful}
        return found

    # --- putting together

    async def of(
        self, uow: UnitOfWork, channels: Sequence[Channel], *, days: int = DAYS
    ) -> Mapping[ChannelId, Availability]:
        """The last ``days`` of these channels, today as far as it has come."""
        today = day_of(self._core.clock())
        return await self._of(uow, channels, await self._window(uow, today - days + 1, today))

    async def outages_of(self, uow: UnitOfWork, channel: Channel, *, days: int = DAYS) -> Outages:
        """Those of the last ``days``."""
        today = day_of(self._core.clock())
        return (await self._outages(uow, [channel], today - days + 1, today))[channel.id]

    async def _window(self, uow: UnitOfWork, first: int, last: int) -> _Window:
        kept = await uow.meta.find(_KEPT)
        return _Window(first, last, first if kept is None else min(max(int(kept) + 1, first), last + 1))

    async def _of(
        self, uow: UnitOfWork, channels: Sequence[Channel], window: _Window
    ) -> dict[ChannelId, Availability]:
        found: dict[ChannelId, Availability] = {}
        calm: dict[_Calm, Availability] = {}
        is_live, live_since = window.live <= window.last, beginning_of(window.live)
        for some in _batches(channels):
            ids = [it.id for it in some]
            stored = await uow.availability.of_channels(ids, first=window.first)
            lines = await uow.history.since(ids, live_since) if is_live else {}
            for it in some:
                written, happened = stored.get(it.id, {}), lines.get(it.id, ())
                alike = None if written or happened else _calm(it, window.first, live_since)
                known = calm.get(alike) if alike else None
                if known is None:
                    known = Availability(self._days(it, window, written, happened), window.last)
                if alike:
                    calm[alike] = known
                found[it.id] = known
            await asyncio.sleep(0)
        return found

    def _days(
        self, channel: Channel, window: _Window, stored: Mapping[int, Tally], lines: Sequence[HistoryEntry]
    ) -> tuple[Tally, ...]:
        """Those that are written down, or were calm, and the others from the history."""
        kept = _kept_days(channel, stored, range(window.first, window.live))
        if window.live > window.last:
            return tuple(kept)
        until = min(self._core.clock(), beginning_of(window.last + 1))
        live = days_of(channel, _changes(lines), first=window.live, until=until)
        return (*kept, *(live.get(day, Tally()) for day in range(window.live, window.last + 1)))

    async def _outages(
        self, uow: UnitOfWork, channels: Sequence[Channel], first: int, last: int
    ) -> dict[ChannelId, Outages]:
        now, found = self._core.clock(), dict[ChannelId, Outages]()
        begins, ends = beginning_of(first), beginning_of(last + 1)
        for some in _batches(channels):
            incidents = await uow.incidents.since([it.id for it in some], begins, ends)
            found |= {it.id: outages_among(incidents.get(it.id, ()), now=now) for it in some}
        return found

    # --- reports

    async def report(self, actor: Actor, *, most: int = SHOWN) -> Report:
        """The last thirty days of what ``actor`` may see: the team's addresses, and their own inboxes. At
        most so many lines."""
        today = day_of(self._core.clock())
        async with self._core.storage.reading() as uow:
            return await self._report(uow, actor, today - DAYS + 1, today, most)

    async def of_month(self, uow: UnitOfWork, reader: Actor, month: date) -> Report:
        """The same of the month that begins with this day and is over, for whoever is sent it."""
        last = (month + timedelta(days=31)).replace(day=1) - DAY
        report = await self._report(uow, reader, month.toordinal(), last.toordinal(), SHOWN)
        return replace(report, is_month=True)

    async def _report(self, uow: UnitOfWork, actor: Actor, first: int, last: int, most: int) -> Report:
        if visibility_of(actor) is None:
            return Report(date.fromordinal(first), date.fromordinal(last), 0, 0)
        long_first = last - WEEKS * WEEK + 1
        window = await self._window(uow, first, last)
        team = await self._candidates(uow, actor, window, first, most)
        own = await uow.channels.of_owner(actor.workspace_id, actor.id)
        days = await self._of(uow, [*team, *own], window)
        outages = await self._outages(uow, [*team, *own], first, last)
        lines = {it.id: ReportLine(it, days[it.id], outages[it.id]) for it in (*team, *own)}
        worst = sorted((lines[it.id] for it in team), key=_badness)
        weeks = await uow.availability.down_by_day(actor.workspace_id, first=long_first, last=window.live - 1)
        return Report(
            first=date.fromordinal(first),
            last=date.fromordinal(last),
            number=await uow.availability.count_team(actor.workspace_id),
            number_down=await self._number_down(uow, actor, worst, window, first),
            lines=tuple(worst[:most]),
            own=tuple(lines[it.id] for it in own),
            weeks=_weeks(weeks, [days[it.id] for it in team], window, long_first),
            is_monthly=await uow.report_readers.has(actor.workspace_id, actor.id),
            may_have_monthly=is_admin(actor),
        )

    async def _candidates(
        self, uow: UnitOfWork, actor: Actor, window: _Window, first: int, most: int
    ) -> tuple[Channel, ...]:
        """Team addresses that may be among the worst, and as many others as there is room for."""
        workspace, limit = actor.workspace_id, max(most, _WORST)
        ids = list(await uow.availability.worst(workspace, first=first, last=window.last, limit=limit))
        if window.live <= window.last:
            since = beginning_of(window.live)
            ids += await uow.history.lost_since(workspace, since, limit=_WORST)
        found = {it.id: it for it in await uow.availability.lost_now(workspace, limit=_WORST)}
        found |= {it.id: it for it in await uow.availability.team(workspace, limit=most)}
        for some in _batches([it for it in dict.fromkeys(ids) if it not in found]):
            found |= await uow.channels.by_ids(some)
        return tuple(it for it in found.values() if it.kind is Kind.TEAM and it.state is not State.REMOVED)

    async def _number_down(
        self, uow: UnitOfWork, actor: Actor, lines: Sequence[ReportLine], window: _Window, first: int
    ) -> int:
        """Those that are written down, and those that were lost only since."""
        last_kept = window.live - 1
        kept = await uow.availability.count_down(actor.workspace_id, first=first, last=last_kept)
        live = max(window.last - max(window.live, first) + 1, 0)
        days = [it.availability.days for it in lines]
        return kept + sum(
            not any(day.down for day in it[: len(it) - live])
            and any(day.down for day in it[len(it) - live :])
            for it in days
        )


def is_admin(actor: Actor) -> bool:
    """Whether somebody looks after the team's addresses."""
    return bool(actor.roles() & {Role.SUPER_ADMIN, Role.ACCOUNT_ACCESS})


def _badness(line: ReportLine) -> tuple[int, int, str]:
    total = line.availability.total
    return -total.down, -total.unknown, key_of(line.channel.address)


def _weeks(
    kept: Mapping[int, int], days: Iterable[Availability], window: _Window, first: int
) -> tuple[tuple[date, int], ...]:
    """The team's seconds, week by week: what is written down of all, and what is not yet of those that were
    lost since."""
    seconds = dict(kept)
    for it in days:
        offset = window.last - len(it.days) + 1
        for day in range(window.live, window.last + 1):
            seconds[day] = seconds.get(day, 0) + it.days[day - offset].down
    starts = range(first, window.last + 1, WEEK)
    return tuple(
        (date.fromordinal(it), sum(seconds.get(day, 0) for day in range(it, it + WEEK))) for it in starts
    )


def _worth_keeping(days: Mapping[int, Tally], channel: Channel, last: int) -> Mapping[int, Tally]:
    """Without those on which it was connected from end to end, and those before it was there."""
    born = day_of(channel.created_at)
    return {day: tally for day, tally in days.items() if born <= day <= last and tally != _WHOLE}


def _kept_days(channel: Channel, stored: Mapping[int, Tally], days: range) -> list[Tally]:
    """What is written down of them. A day without a row was a whole one, unless the channel was not there yet
    or is gone since."""
    born = day_of(channel.created_at)
    gone = day_of(channel.removed_at) if channel.removed_at else days.stop
    return [stored.get(day, _WHOLE if born <= day <= gone else _NONE) for day in days]


def _calm(channel: Channel, first: int, live_since: datetime) -> _Calm:
    born = max(day_of(channel.created_at), first)
    return _Calm(channel.state, born, max(channel.created_at, live_since), channel.removed_at)


def _changes(lines: Iterable[HistoryEntry]) -> list[StateChange]:
    return [change for line in lines if (change := change_of(line)) is not None]


def _batches(some: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(some), _AT_ONCE):
        yield some[start : start + _AT_ONCE]


class MonthlyReports:
    """Sends those who want it a report of each month: once, in their own morning, and once it is over."""

    def __init__(self, core: Core, notifications: Notifications, workspace: Workspace) -> None:
        self._core = core
        self._notifications = notifications
        self._workspace = workspace

    async def wanted(self, actor: Actor, *, is_wanted: bool) -> None:
        """Send it to ``actor`` from now on, or no longer. Only admins are sent it."""
        async with self._core.storage.writing() as uow:
            readers = uow.report_readers
            await (readers.add if is_wanted else readers.drop)(actor.workspace_id, actor.id)
            shown = await uow.notices.of_kind(actor.workspace_id, actor.id, NoticeKind.REPORT)
            await self._notifications.changed(uow, shown, now=self._core.clock())
            await uow.commit()

    async def send(self) -> int:
        """The chore: who is to have last month's by now, and has not, is sent it. Returns how many."""
        async with self._core.storage.reading() as uow:
            due = await self._due(uow)
            if not due or not await uow.availability.count_team(self._workspace.id):
                return 0
        now = self._core.clock()
        notices = [
            about_us(self._workspace.id, reader, NoticeKind.REPORT, {"month": f"{first:%Y-%m}"}, now)
            for reader, first in due
        ]
        async with self._core.storage.writing() as uow:
            told = await self._notifications.tell_all(uow, notices)
            await uow.commit()
        return len(told)

    async def _due(self, uow: UnitOfWork) -> list[tuple[UserId, date]]:
        """Admins who are to have it by now, and the month's first day."""
        ids = await uow.report_readers.all(self._workspace.id)
        if not ids:
            return []
        roles = await roles_in(uow, self._core, self._workspace.id)
        people = await uow.people.by_ids(self._workspace.id, ids)
        now = self._core.clock()
        local = {it.id: now.astimezone(_zone(it)) for it in people.values() if is_admin(roles.actor(it))}
        return [(who, month_before(at)) for who, at in local.items() if is_time_to_send(at)]


def _zone(person: Person) -> timezone:
    return timezone(timedelta(seconds=person.utc_offset))
