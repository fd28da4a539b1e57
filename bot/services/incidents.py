"""Outages: opened, told, claimed, snoozed, reminded of, over, and back again.

One outage of one channel is one incident; what a person sees of it is one message for its whole life.
Several at once share that message as a list, with one reply that counts them: edits do not notify, so a
storm is two notifications, however large it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Actor
from bot.domain.channel import Channel
from bot.domain.errors import Gone, NotAllowed
from bot.domain.grant import Secret
from bot.domain.ids import IncidentId, JobId, LinkId, NoticeId, UserId
from bot.domain.incident import Incident, IncidentKind, Notice, NoticeKind, Resolution
from bot.domain.job import Job, JobKind
from bot.domain.record import Record
from bot.domain.ticket import Link
from bot.services.core import Core, digest, new_id, new_secret
from bot.services.standing import standing_of
from bot.services.telling import Telling, a_notice
from storage import UnitOfWork

STORM_LASTS: Final = timedelta(minutes=2)
"""Outages that begin this soon after a person's first one join its message."""
RELAPSES_WITHIN: Final = timedelta(minutes=30)
SNOOZES_FOR: Final = timedelta(hours=4)
CLAIM_LASTS: Final = timedelta(hours=4)
REMINDERS: Final = (timedelta(hours=4), timedelta(hours=24), *(timedelta(days=d) for d in range(2, 8)))
"""After how long somebody is reminded, counted from the message: at 4 h, 24 h, then daily for a week."""


class Incidents:
    """Opens, resolves, claims, snoozes, reminds."""

    def __init__(self, core: Core, telling: Telling) -> None:
        self._core = core
        self._telling = telling

    # --- begin and end

    async def open(
        self,
        uow: UnitOfWork,
        channel: Channel,
        kind: IncidentKind,
        *,
        now: datetime,
        code: str,
        is_lonely: bool = False,
    ) -> None:
        """Begin an outage and tell the right people. One that is open already stays the only one;
        one that ended within half an hour goes on."""
        if await uow.incidents.open_of(channel.id) is not None:
            return
        last = await uow.incidents.latest_of(channel.id)
        if last is not None and _comes_back(last, kind, now):
            await self._relapse(uow, channel, last, now=now, code=code)
            return
        incident = Incident(
            id=IncidentId(new_id()),
            workspace_id=channel.workspace_id,
            channel_id=channel.id,
            kind=kind,
            cause=channel.cause,
            opened_at=now,
            code=code,
            is_lonely=is_lonely,
        )
        await uow.incidents.open_(incident)
        await self._tell_everybody(uow, channel, incident, now)

    async def resolve(
        self,
        uow: UnitOfWork,
        channel: Channel,
        resolution: Resolution,
        *,
        now: datetime,
        by: UserId | None,
    ) -> None:
        """End the open outage, if there is one, and edit every message about it."""
        incident = await uow.incidents.open_of(channel.id)
        if incident is None:
            return
        await uow.incidents.resolve(incident.id, resolution=resolution, by=by, at=now)
        await uow.links.void_of(channel.id)
        await self._changed(uow, incident.id, now)

    async def _relapse(
        self, uow: UnitOfWork, channel: Channel, incident: Incident, *, now: datetime, code: str
    ) -> None:
        """The same outage goes on; one reply says so, since an edit would notify nobody."""
        await uow.incidents.reopen(incident.id, cause=channel.cause, code=code)
        for notice in await uow.notices.of_incident(incident.id):
            if notice.kind is NoticeKind.INCIDENT:
                await self._link(uow, incident, notice.recipient, now)
                if notice.ts or notice.nonce:
                    subject = f"{incident.id}:{incident.relapses + 1}"
                    await self._telling.tell(uow, _reply(NoticeKind.RELAPSE, notice, subject, now))
        await self._changed(uow, incident.id, now)

    async def _tell_everybody(
        self, uow: UnitOfWork, channel: Channel, incident: Incident, now: datetime
    ) -> None:
        standing = await standing_of(uow, self._core, channel.workspace_id)
        for recipient in standing.audience(channel):
            await self._link(uow, incident, recipient, now)
            await self._show(uow, channel, incident, recipient, kind=NoticeKind.INCIDENT, now=now)
        if channel.conversation_id is not None:
            reader = UserId(channel.conversation_id)
            await self._show(uow, channel, incident, reader, kind=NoticeKind.CONVERSATION, now=now)

    async def _show(
        self,
        uow: UnitOfWork,
        channel: Channel,
        incident: Incident,
        recipient: UserId,
        *,
        kind: NoticeKind,
        now: datetime,
    ) -> None:
        """A message of its own, or a line more in the one that this reader has just got."""
        storm = await self._storm(uow, channel, recipient, kind, now=now)
        if storm is not None:
            await uow.notices.attach(storm.id, incident.id)
            await self._telling.changed(uow, [storm], now=now)
            await self._count_later(uow, storm, now)
            return
        notice = a_notice(kind, channel, recipient, now, incident=incident)
        if kind is NoticeKind.CONVERSATION:
            notice = replace(notice, conversation_id=channel.conversation_id)
        if await self._telling.tell(uow, notice):
            await uow.notices.attach(notice.id, incident.id)
            await self._remind_later(uow, notice, now)

    async def _storm(
        self, uow: UnitOfWork, channel: Channel, recipient: UserId, kind: NoticeKind, *, now: datetime
    ) -> Notice | None:
        """The message to join: young, and about something that is not over (an edit notifies nobody)."""
        young = await uow.notices.latest_alarm(channel.workspace_id, recipient, kind, now - STORM_LASTS)
        if young is None or not any(it.is_open for it in await uow.incidents.of_notice(young.id)):
            return None
        return young

    async def _link(self, uow: UnitOfWork, incident: Incident, recipient: UserId, now: datetime) -> None:
        secret = new_secret()
        await uow.links.add(
            Link(
                id=LinkId(digest(secret)),
                workspace_id=incident.workspace_id,
                user_id=recipient,
                incident_id=incident.id,
                channel_id=incident.channel_id,
                secret=Secret(secret),
                created_at=now,
            )
        )

    async def _changed(self, uow: UnitOfWork, incident_id: IncidentId, now: datetime) -> None:
        await self._telling.changed(uow, await uow.notices.of_incident(incident_id), now=now)

    # --- what readers do

    async def claim(self, actor: Actor, notice_id: NoticeId) -> None:
        """*I'm on it*: everybody who was told sees who is."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            for incident in await uow.incidents.of_notice(notice.id):
                if await uow.incidents.claim(incident.id, actor.id, now):
                    await self._changed(uow, incident.id, now)
                    await self._remember(uow, incident, "claimed", actor, now)
            await uow.commit()
        self._core.wake()

    async def snooze(self, actor: Actor, notice_id: NoticeId) -> None:
        """No reminder for this person for four hours."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            await uow.notices.snooze(notice.id, now + SNOOZES_FOR)
            for incident in await uow.incidents.of_notice(notice.id):
                await self._remember(uow, incident, "snoozed", actor, now)
            await self._telling.changed(uow, [notice], now=now)
            await uow.commit()
        self._core.wake()

    async def _remember(
        self, uow: UnitOfWork, incident: Incident, what: str, actor: Actor, now: datetime
    ) -> None:
        await uow.history.add(Record(incident.workspace_id, incident.channel_id, now, what, actor.id))

    async def _own(self, uow: UnitOfWork, actor: Actor, notice_id: NoticeId) -> Notice:
        notice = await uow.notices.find(notice_id)
        if notice is None or notice.workspace_id != actor.workspace_id:
            raise Gone("")
        if notice.recipient != actor.id:
            raise NotAllowed("answer", (notice.recipient,))
        return notice

    # --- later

    async def remind(self, job: Job) -> datetime | None:
        """The job ``REMIND``: one reply if it is still so and nobody is on it. Returns when to look again."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await uow.notices.find(NoticeId(job.payload["notice"]))
            if notice is None:
                return None
            waiting = [it for it in await uow.incidents.of_notice(notice.id) if it.is_open]
            if not waiting:
                return None
            rest = _rest_until(notice, waiting, now)
            if rest is not None:
                return rest
            number = notice.reminders + 1
            await self._telling.tell(uow, _reply(NoticeKind.REMINDER, notice, f"{notice.id}:{number}", now))
            await uow.notices.reminded(notice.id)
            await uow.commit()
        self._core.wake()
        return next_reminder(notice.created_at or now, now)

    async def count_storm(self, job: Job) -> datetime | None:
        """The job ``COUNT_STORM``: the storm is over, one reply names the total."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await uow.notices.find(NoticeId(job.payload["notice"]))
            if notice is None or not (notice.ts or notice.nonce):
                return None
            await self._telling.tell(uow, _reply(NoticeKind.STORM, notice, notice.id, now))
            await uow.commit()
        self._core.wake()
        return None

    async def _remind_later(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        if notice.kind is NoticeKind.INCIDENT:
            await self._later(uow, JobKind.REMIND, notice, now + REMINDERS[0], now)

    async def _count_later(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        if notice.kind is NoticeKind.INCIDENT:
            due = (notice.created_at or now) + STORM_LASTS
            await self._later(uow, JobKind.COUNT_STORM, notice, due, now)

    async def _later(
        self, uow: UnitOfWork, kind: JobKind, notice: Notice, due: datetime, now: datetime
    ) -> None:
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"{kind.value}:{notice.id}",
                kind=kind,
                dedupe=f"{kind.value}:{notice.id}",
                due_at=due,
                created_at=now,
                payload={"notice": notice.id},
            )
        )


def next_reminder(told_at: datetime, now: datetime) -> datetime | None:
    """When the next reminder is due; ``None`` after a week."""
    return next((told_at + after for after in REMINDERS if told_at + after > now), None)


def _rest_until(notice: Notice, waiting: list[Incident], now: datetime) -> datetime | None:
    """Until when nobody must be reminded: snoozed, or somebody is on every outage that is left."""
    if notice.snoozed_until is not None and notice.snoozed_until > now:
        return notice.snoozed_until
    claims = [it.claimed_at + CLAIM_LASTS for it in waiting if it.claimed_at is not None]
    if len(claims) == len(waiting) and min(claims) > now:
        return min(claims)
    return None


def _comes_back(last: Incident, kind: IncidentKind, now: datetime) -> bool:
    ended_by_itself = last.resolution in {
        Resolution.RECONNECTED,
        Resolution.RECOVERED,
        Resolution.FALSE_ALARM,
    }
    return (
        last.kind is kind
        and ended_by_itself
        and last.resolved_at is not None
        and now - last.resolved_at <= RELAPSES_WITHIN
    )


def _reply(kind: NoticeKind, to: Notice, subject: str, now: datetime) -> Notice:
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=to.workspace_id,
        recipient=to.recipient,
        kind=kind,
        channel_id=to.channel_id,
        subject=subject,
        conversation_id=to.conversation_id,
        created_at=now,
        thread_of=to.id,
    )
