"""What is done by the clock: housekeeping, once per slot however many processes run.

Also says in time that what proves us to a provider ends: on that day nothing could be checked any more. Says
the same of programs' keys, and puts right what was told of one once it has run out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot.domain.access import Workspace
from bot.domain.api_key import ApiKey
from bot.domain.channel import HISTORY_LASTS
from bot.domain.grant import SECRET_KEPT_FOR
from bot.domain.notice import NoticeKind
from bot.services.connections.api_keys import key_over
from bot.services.connections.revocation import Revocations
from bot.services.core.grants import Retirement
from bot.services.core.jobs import attempted
from bot.services.core.notifications import Notifications, Operators, about_us, told_of_programs
from bot.services.core.ports import Core, Credential
from bot.services.monitoring.availability import Availabilities, MonthlyReports
from bot.services.monitoring.mail_routing import MailRoutingWatch
from bot.services.monitoring.provider_outages import ProviderOutages
from bot.services.people.admins import Admins
from bot.services.people.people import People, Workspaces
from storage import PURGED, UnitOfWork
from storage.api_keys import OF_KEY

DONE_JOBS_LAST: Final = timedelta(days=7)
SEEN_LASTS: Final = timedelta(hours=24)
PURGED_AT_ONCE: Final = 500
_MOST_BATCHES: Final = 2_000
"""A million rows an hour: more than there can be, and an end should something never be done."""
RESTS_AFTER_FAILURE: Final = timedelta(minutes=5)
_OVER: Final = "over"
STAGED_LASTS: Final = timedelta(hours=1)
"""A grant still staged after this belonged to a process that died: it is given back."""


Batch = Callable[[UnitOfWork, int], Awaitable[int]]
"""Drops so many rows at most, and says how many those were."""


@dataclass(frozen=True, slots=True)
class MaintenanceTask:
    """Something to do every so often."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


class Maintenance:
    """Takes slots and does what is due in them."""

    def __init__(
        self,
        core: Core,
        *,
        people: People,
        admins: Admins,
        notifications: Notifications,
        workspaces: Workspaces,
        revocations: Revocations,
        mail_watch: MailRoutingWatch,
        provider_outages: ProviderOutages,
        credentials: CredentialWatch,
        monthly_reports: MonthlyReports,
    ) -> None:
        self._core = core
        self._retirement = Retirement(core, notifications)
        self._revocations = revocations
        self._done: dict[str, datetime] = {}
        self._rests_until: dict[str, datetime] = {}
        self.maintenance: tuple[MaintenanceTask, ...] = (
            MaintenanceTask("tidy", timedelta(hours=1), self.tidy),
            MaintenanceTask("people", timedelta(days=1), people.read_all),
            MaintenanceTask("workspace", timedelta(minutes=5), workspaces.look_for),
            MaintenanceTask("outages", timedelta(minutes=5), provider_outages.end_abandoned),
            MaintenanceTask("groups", timedelta(hours=1), admins.read_groups),
            MaintenanceTask("long-gone", timedelta(days=1), workspaces.forget_long_gone),
            MaintenanceTask("credentials", timedelta(hours=6), credentials.look),
            MaintenanceTask("keys", timedelta(hours=1), KeyWatch(core, notifications).look),
            MaintenanceTask("mail", core.policy.mail_watch, mail_watch.look),
            MaintenanceTask("availability", timedelta(hours=1), Availabilities(core).keep),
            MaintenanceTask("report", timedelta(hours=1), monthly_reports.send),
        )

    async def run_due(self) -> int:
        """Do the chores whose slot nobody has taken yet. Returns how many were done."""
        if not self._done:
            await self._note_taken()
        done = 0
        for chore in self.maintenance:
            slot = _slot(self._core.clock(), chore.every)
            if self._done.get(chore.name) == slot:
                continue
            now, until = self._core.clock(), self._rests_until.get(chore.name, slot)
            if now >= until or until > now + RESTS_AFTER_FAILURE:  # the latter by a clock that was ahead
                done += await self._do(chore, slot)
        return done

    async def _note_taken(self) -> None:
        """At a start most of what is done by the clock was done lately: to read that is cheaper than to try
        and take each slot."""
        slots = {chore.name: _slot(self._core.clock(), chore.every) for chore in self.maintenance}
        async with self._core.storage.reading() as uow:
            taken = await uow.slots.taken(slots)
        self._done = {name: slots[name] for name in taken}

    async def _do(self, chore: MaintenanceTask, slot: datetime) -> int:
        """Do it once, whoever else runs. A chore that fails gives its slot back and is tried again."""
        taken = await self._take(chore.name, slot)
        if taken:
            _, failure = await attempted(chore.run(), what=chore.name)
            if failure is not None:
                await self._give_back(chore.name, slot)
                self._rests_until[chore.name] = self._core.clock() + RESTS_AFTER_FAILURE
                return 0
        self._done[chore.name] = slot
        return int(taken)

    async def _give_back(self, name: str, slot: datetime) -> None:
        async with self._core.storage.writing() as uow:
            await uow.slots.give_back(name, slot)
            await uow.commit()

    async def _take(self, name: str, slot: datetime) -> bool:
        async with self._core.storage.writing() as uow:
            taken = await uow.slots.take(name, slot)
            await uow.commit()
        return taken

    async def tidy(self) -> None:
        """Drop what has served its time."""
        now = self._core.clock()
        batches: tuple[Batch, ...] = (
            partial(self._drop_staged, now),
            partial(self._erase_retired, now),
            lambda uow, limit: uow.jobs.purge(now - DONE_JOBS_LAST, limit=limit),
            lambda uow, limit: uow.seen.purge(now - SEEN_LASTS, limit=limit),
            lambda uow, limit: uow.history.purge(now - HISTORY_LASTS, limit=limit),
            lambda uow, limit: uow.retention.purge_lanes(limit=limit),
        )
        # By itself: whoever signs in holds a ticket and then wants a grant.
        async with self._core.storage.writing() as uow:
            await uow.tickets.purge(now)
            await uow.logins.purge(now)
            await uow.commit()
        # Most of the time there is little or nothing of each: together that is one batch.
        async with self._core.storage.writing() as uow:
            more = [batch for batch in batches if await batch(uow, PURGED_AT_ONCE // len(batches))]
            await uow.commit()
        for batch in more:
            await self._until_done(batch)
        await self._purge_ended(now)

    async def _purge_ended(self, now: datetime) -> None:
        """What has ended goes, and with it what only that has kept. Whoever only asks takes no turn of those
        who write."""
        for _ in range(len(PURGED)):
            async with self._core.storage.reading() as uow:
                ended = await uow.retention.ended(now)
            if not ended:
                break
            for name in ended:
                await self._until_done(partial(_purge, name, now))

    async def _until_done(self, batch: Batch) -> None:
        """Batch after batch, each in a transaction of its own: nobody waits for longer than one takes."""
        for _ in range(_MOST_BATCHES):
            async with self._core.storage.writing() as uow:
                many = await batch(uow, PURGED_AT_ONCE)
                await uow.commit()
            if not many:
                return
            await asyncio.sleep(0)

    async def _drop_staged(self, now: datetime, uow: UnitOfWork, limit: int) -> int:
        staged = await uow.grants.staged_before(now - STAGED_LASTS, limit=limit)
        for grant in staged:
            await self._retirement.drop(uow, grant.id, now=now)
        return len(staged)

    async def _erase_retired(self, now: datetime, uow: UnitOfWork, limit: int) -> int:
        retired = await uow.grants.retired_with_secret_before(now - SECRET_KEPT_FOR, limit=limit)
        for grant_id in retired:
            await self._revocations.give_up(uow, grant_id)
        return len(retired)


async def _purge(name: str, now: datetime, uow: UnitOfWork, limit: int) -> int:
    return await uow.retention.purge(name, now, limit=limit)


def _slot(now: datetime, every: timedelta) -> datetime:
    """The beginning of the slot that ``now`` is in."""
    seconds = every.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)


WARNED: Final = (30, 7, 1)
"""Days before."""


class CredentialWatch:
    """Tells the operator, once for each of those days."""

    def __init__(self, core: Core, notifications: Notifications, workspace: Workspace) -> None:
        self._core = core
        self._operators = Operators(core, notifications)
        self._workspace_id = workspace.id

    async def look(self) -> int:
        """Returns how many warnings were given."""
        now = self._core.clock()
        due = [
            (one, days) for one in self._core.policy.credentials if (days := days_before(one.ends_at, now))
        ]
        return sum([await self._tell(one, days, now) for one, days in due])

    async def _tell(self, credential: Credential, days: int, now: datetime) -> int:
        ends = credential.ends_at.isoformat()
        about = {"what": credential.what, "days": str(days), "ends": ends}
        async with self._core.storage.writing() as uow:
            if not await uow.meta.add(f"credential:{credential.what}:{days}:{ends}", now.isoformat()):
                return 0
            await self._operators.tell(uow, self._workspace_id, NoticeKind.CREDENTIAL, about=about, now=now)
            await uow.commit()
        return 1


class KeyWatch:
    """Tells those who hear of programs that a program's key runs out, once for each of those days, and that
    it has."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    async def look(self) -> int:
        """Also ends what was told of keys that have run out. Returns how many warnings were given. Where
        programs are not let in, nothing is done."""
        if not self._core.policy.keeps_tokens:
            return 0
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            keys = [
                key for one in await uow.workspaces.served() for key in await uow.api_keys.of_workspace(one)
            ]
            noted = await uow.meta.beginning(OF_KEY)
        for key in keys:
            # Only of one that somebody was warned of, or asked about, is there anything to put right.
            is_told = bool(key.asked) or any(_noted(key, str(days)) in noted for days in WARNED)
            if key.expires_at <= now and is_told and _noted(key, _OVER) not in noted:
                await self._over(key, now)
        due = [(it, days) for it in keys if it.works(now) and (days := days_before(it.expires_at, now))]
        # One that was made for so few days needs no word that it has no more.
        due = [(it, days) for it, days in due if it.expires_at - it.created_at > timedelta(days=days)]
        due = [(it, days) for it, days in due if _noted(it, str(days)) not in noted]
        return sum([await self._tell(it, days, now) for it, days in due])

    async def _tell(self, key: ApiKey, days: int, now: datetime) -> int:
        about = {"key": key.id, "days": str(days)}
        async with self._core.storage.writing() as uow:
            if not await uow.meta.add(_noted(key, str(days)), now.isoformat()):
                return 0
            readers = await told_of_programs(uow, self._core, key.workspace_id)
            await self._notifications.tell_all(
                uow, [about_us(key.workspace_id, it, NoticeKind.KEY_ENDS, about, now) for it in readers]
            )
            await uow.commit()
        return 1

    async def _over(self, key: ApiKey, now: datetime) -> None:
        async with self._core.storage.writing() as uow:
            if await uow.meta.add(_noted(key, _OVER), now.isoformat()):
                await key_over(uow, self._notifications, key)
            await uow.commit()


def _noted(key: ApiKey, what: str) -> str:
    """The fact that something was said of a key, by name."""
    return f"{OF_KEY}{key.id}:{what}"


def days_before(ends_at: datetime, now: datetime) -> int | None:
    """Which of ``WARNED`` it is; ``None`` while there is time, and when it is over: that is no warning."""
    left = ends_at - now
    if left <= timedelta():
        return None
    return min((days for days in WARNED if left <= timedelta(days=days)), default=None)
