"""Outages: opened, told, claimed, snoozed, reminded of, over, and back again.

One outage of one channel is one incident; what a person sees of it is one message for its whole life.
Several at once share that message as a list, with replies that count them: edits do not notify, so a storm
is one message and a reply every two minutes while it grows, however large it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Actor, Person
from bot.domain.channel import Channel, HistoryEntry
from bot.domain.errors import Gone, NotAllowed
from bot.domain.grant import Secret
from bot.domain.ids import IncidentId, JobId, LinkId, NoticeId, ProviderOutageId, UserId
from bot.domain.incident import (
    AFTER_HOLD,
    RECALLED,
    Incident,
    IncidentKind,
    Resolution,
    Snooze,
    Watched,
    snoozed_until,
)
from bot.domain.job import Job, JobKind
from bot.domain.notice import OF_HUBSPOT, OUTAGES, Notice, NoticeKind, subject_of
from bot.domain.ticket import Link
from bot.services.core.notifications import Notifications, a_notice, done_by
from bot.services.core.ports import Core, digest, new_id, new_secret
from bot.services.core.roles import roles_in
from storage import UnitOfWork

STORM_LASTS: Final = timedelta(minutes=2)
"""Outages that begin this soon after a person's first one join its message; a reply names their number this
often while they are growing in it."""
STORM_OF: Final = 5
"""So many in one message are a storm: what follows joins them for longer."""
STORM_AT_MOST: Final = timedelta(minutes=10)
"""From then on a message of its own notifies anew."""
RELAPSES_WITHIN: Final = timedelta(minutes=30)
CLAIM_LASTS: Final = timedelta(hours=4)
REMINDERS: Final = (timedelta(hours=4), timedelta(hours=24), *(timedelta(days=d) for d in range(2, 8)))
"""After how long somebody is reminded, counted from the message: at 4 h, 24 h, then daily for a week."""


_NO_DETAILS: Final[Mapping[str, str]] = {}
_NOTICES: Final[Mapping[IncidentKind, tuple[NoticeKind, NoticeKind]]] = {
    IncidentKind.DEAD: (NoticeKind.INCIDENT, NoticeKind.CONVERSATION),
    IncidentKind.UNVERIFIABLE: (NoticeKind.INCIDENT, NoticeKind.CONVERSATION),
    IncidentKind.HUBSPOT: (NoticeKind.HUBSPOT, NoticeKind.HUBSPOT_CONVERSATION),
}
"""What each reader gets of an outage, and what its conversation gets."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What begins, as it was found."""

    kind: IncidentKind
    code: str
    """The provider's own."""
    is_uncorroborated: bool = False
    """No other mailbox could be asked."""


class Incidents:
    """Opens, resolves, claims, snoozes, reminds."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    # --- begin and end

    async def open(
        self,
        uow: UnitOfWork,
        channel: Watched,
        outage: Outage,
        *,
        readers: Sequence[UserId],
        now: datetime,
    ) -> None:
        """Begin an outage and tell ``readers``. One that is open already stays the only one, unless it was
        only a doubt; one that ended within half an hour goes on."""
        present = await uow.incidents.open_of(channel.id)
        if present is not None and not _is_worse(outage.kind, than=present):
            return
        if present is not None:
            await self.resolve(uow, channel, Resolution.WORSE, now=now, by=None)
        last = await uow.incidents.latest_of(channel.id)
        if last is not None and _comes_back(last, outage.kind, now):
            await uow.incidents.reopen(last.id, cause=channel.cause, code=outage.code)
            await self._relapse(uow, channel, last, readers, now)
            return
        await self._settle(uow, last, Resolution.WORSE, now=now, by=None)
        incident = Incident(
            id=IncidentId(new_id()),
            workspace_id=channel.workspace_id,
            channel_id=channel.id,
            kind=outage.kind,
            cause=channel.cause,
            opened_at=now,
            code=outage.code,
            is_uncorroborated=outage.is_uncorroborated,
        )
        await uow.incidents.open_(incident)
        await self._tell_everybody(uow, channel, incident, readers, now)

    async def resolve(
        self,
        uow: UnitOfWork,
        channel: Watched,
        resolution: Resolution,
        *,
        now: datetime,
        by: UserId | None,
    ) -> None:
        """End the open outage, if there is one, and edit every message about it. One that was taken back
        ends now, too."""
        incident = await uow.incidents.open_of(channel.id)
        if incident is None:
            last = await uow.incidents.latest_of(channel.id)
            await self._settle(uow, last, resolution, now=now, by=by)
            return
        await uow.incidents.resolve(incident.id, resolution=resolution, by=by, at=now)
        await uow.links.void_of(channel.id)
        await self._changed(uow, incident.id, now)

    async def audience_changed(
        self, uow: UnitOfWork, channel: Watched, readers: Sequence[UserId], *, now: datetime
    ) -> None:
        """The channel is somebody else's now, or its owner is back: whoever of ``readers`` was not told of
        its open outage is."""
        incident = await uow.incidents.open_of(channel.id)
        if incident is None:
            return
        told = await uow.notices.of_incident(incident.id)
        await self._notifications.changed(uow, told, now=now)
        await self._tell_everybody(uow, channel, incident, readers, now, but=told)

    async def _relapse(
        self,
        uow: UnitOfWork,
        channel: Watched,
        incident: Incident,
        readers: Sequence[UserId],
        now: datetime,
    ) -> None:
        """The same outage goes on; one reply says so, since an edit would notify nobody. People are reminded
        as if it had begun now."""
        told = await uow.notices.of_incident(incident.id)
        alarms = [it for it in told if it.kind in OUTAGES]
        await self._link(uow, incident, [it.recipient for it in alarms], now)
        was_held = incident.resolution is Resolution.DOUBTED
        about = {"incident": incident.id, "times": str(incident.relapses + 1)}
        about |= {"after": AFTER_HOLD} if was_held else {}
        replies = [_reply(NoticeKind.RELAPSE, it, about, now) for it in alarms if it.ts or it.nonce]
        await self._notifications.tell_all(uow, replies)
        for alarm in alarms:
            await uow.jobs.cancel(_key(JobKind.REMIND, alarm))
        await self._remind_later(uow, alarms, now)
        await self._notifications.changed(uow, told, now=now)
        await self._tell_everybody(uow, channel, incident, readers, now, but=told)

    async def _tell_everybody(
        self,
        uow: UnitOfWork,
        channel: Watched,
        incident: Incident,
        readers: Sequence[UserId],
        now: datetime,
        *,
        but: Sequence[Notice] = (),
    ) -> None:
        """``readers`` and its conversation, without those who have a message about it already."""
        to_each, to_all = _NOTICES[incident.kind]
        told = {it.recipient for it in but if it.kind in (to_each, to_all)}
        fresh = [one for one in readers if one not in told]
        await self._link(uow, incident, fresh, now)
        await self._show(uow, channel, incident, fresh, kind=to_each, now=now)
        rooms = [UserId(channel.conversation_id)] if channel.conversation_id is not None else []
        if rooms and rooms[0] not in told:
            await self._show(uow, channel, incident, rooms, kind=to_all, now=now)

    async def _show(
        self,
        uow: UnitOfWork,
        channel: Watched,
        incident: Incident,
        readers: Sequence[UserId],
        *,
        kind: NoticeKind,
        now: datetime,
    ) -> None:
        """To each a message of their own, or a line more in the one that they have got already."""
        present = await self._to_join(uow, incident, readers, kind=kind, provider=channel.provider, now=now)
        joined = [present[reader] for reader in readers if reader in present]
        await uow.notices.attach([it.id for it in joined], incident.id)
        await self._notifications.changed(uow, joined, now=now)
        fresh = [
            self._alarm(channel, incident, reader, kind, now) for reader in readers if reader not in present
        ]
        told = await self._notifications.tell_all(uow, fresh)
        await uow.notices.attach([it.id for it in told], incident.id)
        if kind in OUTAGES:
            await self._remind_later(uow, told, now)
        if kind in OUTAGES and incident.kind is not IncidentKind.UNVERIFIABLE:
            await self._count_later(uow, joined, now)

    async def _to_join(
        self,
        uow: UnitOfWork,
        incident: Incident,
        readers: Sequence[UserId],
        *,
        kind: NoticeKind,
        provider: str,
        now: datetime,
    ) -> dict[UserId, Notice]:
        """The messages, by reader, in which one line more will do: young ones about what is dead, too, and of
        inboxes that cannot be checked the one about all of their provider's. What they are about is not over
        (an edit notifies nobody). A person's storm goes on in one message, whose replies notify; a
        conversation, which gets no replies, reads of it anew."""
        if incident.kind is IncidentKind.UNVERIFIABLE:
            return await uow.notices.doubts(incident.workspace_id, kind, provider)
        storms_since = now - (STORM_AT_MOST if kind in OUTAGES else STORM_LASTS)
        return await uow.notices.young_alarms(
            incident.workspace_id,
            kind,
            readers,
            since=now - STORM_LASTS,
            storms_since=storms_since,
            storm_of=STORM_OF,
        )

    def _alarm(
        self, channel: Watched, incident: Incident, reader: UserId, kind: NoticeKind, now: datetime
    ) -> Notice:
        notice = replace(a_notice(kind, channel, reader, now), incident_id=incident.id)
        if kind not in OUTAGES:
            notice = replace(notice, conversation_id=channel.conversation_id)
        return notice

    async def _link(
        self, uow: UnitOfWork, incident: Incident, readers: Sequence[UserId], now: datetime
    ) -> None:
        """A way to reconnect for each, where reconnecting is done here."""
        if incident.kind is not IncidentKind.DEAD:
            return
        await uow.links.add_all([_a_link(incident, reader, now) for reader in readers])

    async def _settle(
        self,
        uow: UnitOfWork,
        last: Incident | None,
        resolution: Resolution,
        *,
        now: datetime,
        by: UserId | None,
    ) -> None:
        """What was taken back is known by now: its messages say it, for good."""
        if last is None or last.resolution not in RECALLED:
            return
        was_nothing = last.resolution is Resolution.DOUBTED and resolution is Resolution.RECOVERED
        known = Resolution.FALSE_ALARM if was_nothing else resolution
        await uow.incidents.settle(last.id, resolution=known, by=by, at=now)
        await self._changed(uow, last.id, now)

    async def _changed(self, uow: UnitOfWork, incident_id: IncidentId, now: datetime) -> None:
        await self._notifications.changed(uow, await uow.notices.of_incident(incident_id), now=now)

    # --- what readers do

    async def claim(self, actor: Actor, notice_id: NoticeId) -> None:
        """*I'm on it*: everybody who was told sees who is; whoever was until now is told so."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            incidents = await uow.incidents.of_notice(notice.id)
            others = [it.id for it in incidents if it.claimed_by != actor.id]
            claimed = set(await uow.incidents.claim(others, actor.id, now))
            taken = [it for it in incidents if it.id in claimed]
            await self._remember(uow, taken, "claimed", actor, now)
            told = await uow.notices.of_incidents(claimed)
            await self._notifications.changed(uow, told, now=now)
            await self._tell_former(uow, taken, told, actor, now)
            await uow.commit()
        self._core.wake()

    async def hand_back(self, actor: Actor, notice_id: NoticeId) -> None:
        """*Not me after all*: nobody is on what this person had taken, and everybody who was told sees it."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            incidents = await uow.incidents.of_notice(notice.id)
            freed = set(await uow.incidents.hand_back([it.id for it in incidents], actor.id))
            await self._remember(uow, [it for it in incidents if it.id in freed], "handed_back", actor, now)
            told = await uow.notices.of_incidents(freed)
            await self._notifications.changed(uow, told, now=now)
            await self._remind_anew(uow, [it for it in told if it.kind in OUTAGES], now)
            await uow.commit()
        self._core.wake()

    async def hand_over(self, actor: Actor, notice_id: NoticeId, to: UserId) -> None:
        """What ``actor`` is on is ``to``'s now, who is told so: somebody who was told of it and can mend it.

        Raises ``NotAllowed``, naming those who can take it, if ``to`` is not, or no longer, one of them.
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            mine = [it for it in await uow.incidents.of_notice(notice.id) if it.claimed_by == actor.id]
            told = await uow.notices.of_incidents([it.id for it in mine])
            channels = await uow.channels.by_ids([it.channel_id for it in mine])
            others = await who_can_take(uow, self._core, told, channels.values(), but=actor.id)
            if mine and to not in {it.id for it in others}:
                raise NotAllowed("take_on", tuple(it.id for it in others))
            theirs = [it for it in told if it.kind in OUTAGES and it.recipient == to]
            known = {it.id for one in theirs for it in await uow.incidents.of_notice(one.id)}
            claimed = set(await uow.incidents.claim([it.id for it in mine if it.id in known], to, now))
            handed = [it for it in mine if it.id in claimed]
            await self._remember(uow, handed, "handed_over", actor, now, details={"to": to})
            await self._notifications.changed(uow, await uow.notices.of_incidents(claimed), now=now)
            replies = await _replies(uow, NoticeKind.HANDED_OVER, theirs, {to: claimed}, by=actor.id, now=now)
            await self._notifications.tell_all(uow, replies)
            await uow.commit()
        self._core.wake()

    async def snooze(self, actor: Actor, notice_id: NoticeId, choice: Snooze | None) -> None:
        """No reminder for this person for as long as they chose; ``None``: remind them again."""
        now = self._core.clock()
        until = snoozed_until(choice, now, actor.person.utc_offset) if choice else None
        async with self._core.storage.writing() as uow:
            notice = await self._own(uow, actor, notice_id)
            await uow.notices.snooze(notice.id, until)
            incidents = await uow.incidents.of_notice(notice.id)
            await self._remember(uow, incidents, "snoozed" if until else "woken", actor, now)
            await self._notifications.changed(uow, [notice], now=now)
            await self._remind_anew(uow, [notice], now)
            await uow.commit()
        self._core.wake()

    async def _remind_anew(self, uow: UnitOfWork, notices: Sequence[Notice], now: datetime) -> None:
        """What their reminders waited for has changed: one that is owed by now comes at once. Each is named
        after its place in the row, so that none comes twice."""
        for notice in notices:
            job = await uow.jobs.find_unfinished(_key(JobKind.REMIND, notice))
            if job is not None:
                due = max(now, _counted_from(job, notice, now) + REMINDERS[0])
                await uow.jobs.cancel(job.dedupe)
                since = _counted_from(job, notice, now).isoformat()
                await uow.jobs.put(_later(JobKind.REMIND, notice, due, now, since=since))

    async def _tell_former(
        self, uow: UnitOfWork, taken: Sequence[Incident], told: Sequence[Notice], actor: Actor, now: datetime
    ) -> None:
        """Whoever was on some of these has one reply in their message: an edit would not tell them."""
        by_former: dict[UserId, set[IncidentId]] = {}
        for it in taken:
            if it.claimed_by is not None:
                by_former.setdefault(it.claimed_by, set()).add(it.id)
        replies = await _replies(uow, NoticeKind.CLAIM_TAKEN, told, by_former, by=actor.id, now=now)
        await self._notifications.tell_all(uow, replies)

    async def _remember(
        self,
        uow: UnitOfWork,
        incidents: Iterable[Incident],
        what: str,
        actor: Actor,
        now: datetime,
        *,
        details: Mapping[str, str] = _NO_DETAILS,
    ) -> None:
        await uow.history.add_all(
            [HistoryEntry(it.workspace_id, it.channel_id, now, what, actor.id, details) for it in incidents]
        )

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
            if not waiting and not await _is_of_open_hold(uow, notice):
                return None
            rest = _rest_until(notice, waiting, now)
            if rest is not None:
                return rest
            since = _counted_from(job, notice, now)
            # Named after its place in the row, and not counted: after a crash the same one is told once.
            about = {"notice": notice.id, "since": since.isoformat(), "place": str(_place(since, now))}
            if await self._notifications.tell(uow, _reply(NoticeKind.REMINDER, notice, about, now)):
                await uow.notices.reminded(notice.id)
            await uow.commit()
        self._core.wake()
        return next_reminder(since, now)

    async def count_storm(self, job: Job) -> datetime | None:
        """The job ``COUNT_STORM``: one reply names the number so far, each number once. Returns when to count
        again what may still grow."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            notice = await uow.notices.find(NoticeId(job.payload["notice"]))
            if notice is None or not (notice.ts or notice.nonce):
                return None
            number = await uow.incidents.count_of_notice(notice.id)
            about = {"notice": notice.id, "number": str(number)}
            await self._notifications.tell(uow, _reply(NoticeKind.STORM, notice, about, now))
            await uow.commit()
        self._core.wake()
        may_grow = number >= STORM_OF and now < (notice.created_at or now) + STORM_AT_MOST
        return _next_count(notice, now) if may_grow else None

    async def _remind_later(self, uow: UnitOfWork, notices: Sequence[Notice], now: datetime) -> None:
        await uow.jobs.put_all(reminders_of(notices, now))

    async def _count_later(self, uow: UnitOfWork, notices: Sequence[Notice], now: datetime) -> None:
        """Asked for once: the second outage of a message does, and all that follow find it so."""
        kind = JobKind.COUNT_STORM
        asked = await uow.jobs.unfinished([_key(kind, it) for it in notices])
        await uow.jobs.put_all(
            [_later(kind, it, _next_count(it, now), now) for it in notices if _key(kind, it) not in asked]
        )


async def who_can_take(
    uow: UnitOfWork, core: Core, told: Sequence[Notice], channels: Iterable[Channel], *, but: UserId
) -> tuple[Person, ...]:
    """Of the readers of these messages those, by name, who can take an outage from whoever is on it: they can
    be reached, are still here, and would still be told of one of ``channels``. Of what only HubSpot keeps we
    choose no readers: whoever was told can."""
    readers = {it.recipient for it in told if it.kind in OUTAGES and not it.unreachable} - {but}
    if not readers:
        return ()
    workspace_id = told[0].workspace_id
    roles = await roles_in(uow, core, workspace_id)
    is_of_hubspot = any(it.kind in OF_HUBSPOT for it in told)
    still_told = readers if is_of_hubspot else {one for it in channels for one in roles.audience(it)}
    people = (await uow.people.by_ids(workspace_id, readers & still_told)).values()
    here = [it for it in people if it.is_active_member]
    return tuple(sorted(here, key=lambda it: (it.name.casefold(), it.id)))


def reminders_of(notices: Sequence[Notice], now: datetime) -> list[Job]:
    """The first one of each; it asks for the next."""
    due = now + REMINDERS[0]
    return [_later(JobKind.REMIND, it, due, now, since=now.isoformat()) for it in notices]


async def _is_of_open_hold(uow: UnitOfWork, notice: Notice) -> bool:
    if notice.kind not in {NoticeKind.HOLD, NoticeKind.HUBSPOT_HOLD}:
        return False
    provider_outage = await uow.provider_outages.find(ProviderOutageId(notice.about["outage"]))
    return provider_outage is not None and provider_outage.is_open


def _later(kind: JobKind, notice: Notice, due: datetime, now: datetime, **payload: str) -> Job:
    return Job(
        id=JobId(new_id()),
        lane=_key(kind, notice),
        kind=kind,
        dedupe=_key(kind, notice),
        due_at=due,
        created_at=now,
        payload={"notice": notice.id, **payload},
    )


def _next_count(notice: Notice, now: datetime) -> datetime:
    """When its outages are counted next: every ``STORM_LASTS`` from its beginning."""
    began = min(notice.created_at or now, now)  # a clock that was ahead may have written it down
    return began + STORM_LASTS * ((now - began) // STORM_LASTS + 1)


def _key(kind: JobKind, notice: Notice) -> str:
    return f"{kind.value}:{notice.id}"


def _counted_from(job: Job, notice: Notice, now: datetime) -> datetime:
    """Since when somebody waits: since the message, or since the outage came back."""
    since = job.payload.get("since")
    told_at = datetime.fromisoformat(since) if since else notice.created_at or now
    return min(told_at, now)  # a clock that was ahead may have written it down


def next_reminder(told_at: datetime, now: datetime) -> datetime | None:
    """When the next reminder is due; ``None`` after a week."""
    return next((told_at + after for after in REMINDERS if told_at + after > now), None)


def _place(told_at: datetime, now: datetime) -> int:
    """Which reminder it is that is due at last."""
    return sum(told_at + after <= now for after in REMINDERS)


def _rest_until(notice: Notice, waiting: list[Incident], now: datetime) -> datetime | None:
    """Until when nobody must be reminded: snoozed, or somebody is on every outage that is left."""
    if notice.snoozed_until is not None and notice.snoozed_until > now:
        return notice.snoozed_until
    claims = [it.claimed_at + CLAIM_LASTS for it in waiting if it.claimed_at is not None]
    if waiting and len(claims) == len(waiting) and min(claims) > now:
        return min(claims)
    return None


def _is_worse(kind: IncidentKind, *, than: Incident) -> bool:
    """What could not be checked is known to be dead now: that is news, and needs somebody."""
    return kind is IncidentKind.DEAD and than.kind is IncidentKind.UNVERIFIABLE


def _a_link(incident: Incident, reader: UserId, now: datetime) -> Link:
    secret = new_secret()
    return Link(
        id=LinkId(digest(secret)),
        workspace_id=incident.workspace_id,
        user_id=reader,
        incident_id=incident.id,
        channel_id=incident.channel_id,
        secret=Secret(secret),
        created_at=now,
    )


def _comes_back(last: Incident, kind: IncidentKind, now: datetime) -> bool:
    ended_by_itself = last.resolution in {
        Resolution.RECONNECTED,
        Resolution.RECOVERED,
        Resolution.FALSE_ALARM,
        *RECALLED,
    }
    return (
        last.kind is kind
        and ended_by_itself
        and last.resolved_at is not None
        and now - last.resolved_at <= RELAPSES_WITHIN
    )


async def _replies(
    uow: UnitOfWork,
    kind: NoticeKind,
    told: Iterable[Notice],
    meant: Mapping[UserId, Collection[IncidentId]],
    *,
    by: UserId,
    now: datetime,
) -> list[Notice]:
    """One in each message about an outage that its reader is ``meant`` by, naming the first of these in it:
    what is one message for one person may be several for another."""
    replies = list[Notice]()
    for notice in told:
        if notice.kind in OUTAGES and notice.recipient in meant:
            theirs = [it.id for it in await uow.incidents.of_notice(notice.id)]
            first = next((it for it in theirs if it in meant[notice.recipient]), None)
            if first is not None:
                replies.append(_reply(kind, notice, {"incident": first, **done_by(by, now)}, now))
    return replies


def _reply(kind: NoticeKind, to: Notice, about: Mapping[str, str], now: datetime) -> Notice:
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=to.workspace_id,
        recipient=to.recipient,
        kind=kind,
        channel_id=to.channel_id,
        subject=subject_of(kind, about),
        conversation_id=to.conversation_id,
        created_at=now,
        thread_of=to.id,
    )
