"""Who must see what: incidents, notices and the jobs that bring them to Slack.

Everything here is rows in the caller's unit of work. A notice says *that* somebody should see
something; what exactly is decided when it is shown, from what is true then (``bot.notifier``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain.access import Person, super_admins_among
from bot.domain.channel import Channel, State
from bot.domain.grant import Grant, Phase, Revocation, Secret
from bot.domain.ids import GrantId, IncidentId, JobId, LinkId, NoticeId, UserId, WorkspaceId
from bot.domain.incident import Incident, IncidentKind, Notice, NoticeKind, Resolution
from bot.domain.job import Job, JobKind
from bot.domain.ticket import Ending, Link
from bot.services.core import Core, digest, new_id, new_secret
from storage import UnitOfWork


class Telling:
    """Opens, resolves and announces."""

    def __init__(self, core: Core) -> None:
        self._core = core

    # --- incidents

    async def open_incident(
        self, uow: UnitOfWork, channel: Channel, kind: IncidentKind, *, now: datetime, code: str
    ) -> None:
        """Begin an outage and tell the right people. One that is open already stays the only one."""
        if await uow.incidents.open_of(channel.id) is not None:
            return
        incident = Incident(
            id=IncidentId(new_id()),
            workspace_id=channel.workspace_id,
            channel_id=channel.id,
            kind=kind,
            cause=channel.cause,
            opened_at=now,
            code=code,
        )
        await uow.incidents.open_(incident)
        for recipient in await self._audience(uow, channel):
            await self._link_for(uow, incident, recipient, now)
            await self._tell(uow, _notice(NoticeKind.INCIDENT, channel, recipient, now, incident=incident))

    async def resolve_incident(
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
        await self.changed(uow, await uow.notices.of_incident(incident.id), now=now)

    async def _audience(self, uow: UnitOfWork, channel: Channel) -> tuple[UserId, ...]:
        if channel.owner_id is not None:
            return (channel.owner_id,)
        admins = await self.super_admins(uow, channel.workspace_id)
        return tuple(dict.fromkeys([*(p.id for p in admins), channel.connected_by]))

    async def _link_for(self, uow: UnitOfWork, incident: Incident, recipient: UserId, now: datetime) -> None:
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

    # --- what a person did

    async def announce(
        self,
        uow: UnitOfWork,
        channel: Channel,
        *,
        grant_id: GrantId | None,
        actor: UserId | None,
        now: datetime,
    ) -> None:
        """Tell those concerned what somebody did on purpose: once, without reminders."""
        if channel.state is State.REMOVED:
            for recipient in _concerned(channel, actor):
                await self._tell(uow, _notice(NoticeKind.REMOVED, channel, recipient, now, grant_id=grant_id))
        elif channel.state is State.DISABLED and channel.owner_id not in {None, actor}:
            notice = _notice(NoticeKind.DISABLED, channel, _owner(channel), now, actor=actor)
            await self._tell(uow, notice)

    async def connected(
        self, uow: UnitOfWork, channel: Channel, *, recipient: UserId, ending: Ending, now: datetime
    ) -> None:
        """The lasting word on a consent that went well, should the modal be closed by then."""
        notice = _notice(
            NoticeKind.CONNECTED,
            channel,
            recipient,
            now,
            grant_id=channel.grant_id,
            subject=ending.value,
        )
        await self._tell(uow, notice)

    async def home_changed(
        self, uow: UnitOfWork, channel: Channel, *, actor: UserId | None, now: datetime
    ) -> None:
        """Whoever looks at Home must see it as it is now; whoever did it, even if they look later."""
        workspace_id = channel.workspace_id
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"home:{workspace_id}",
                kind=JobKind.REFRESH_HOME,
                dedupe=f"home:{workspace_id}:{actor or ''}",
                due_at=now,
                created_at=now,
                payload={"actor": actor or ""},
            )
        )
        self._core.wake()

    # --- giving back

    async def give_back(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """Retire a grant and let it be returned to the provider, as rule 9 allows at that moment."""
        grant = await uow.grants.find(grant_id)
        if grant is None or grant.phase is Phase.RETIRED:
            return
        await uow.grants.set_phase(grant_id, Phase.RETIRED, now)
        await uow.grants.set_revocation(grant_id, Revocation.REQUESTED, now)
        await self.ask_revocation(uow, grant, now=now)

    async def ask_revocation(self, uow: UnitOfWork, grant: Grant, *, now: datetime) -> None:
        """Put the revocation on its lane: one at a time per mailbox identity."""
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=lane_of_identity(grant),
                kind=JobKind.REVOKE_GRANT,
                dedupe=f"revoke:{grant.id}",
                due_at=now,
                created_at=now,
                payload={"grant": grant.id},
            )
        )
        self._core.wake()

    async def fate_changed(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """What is known of a retired grant has changed: the messages that tell it follow."""
        await self.changed(uow, await uow.notices.of_grant(grant_id), now=now)

    # --- the operator

    async def tell_operator(self, uow: UnitOfWork, channel: Channel, *, code: str, now: datetime) -> None:
        """Our own credentials are broken: said once a day and code to the operator, to nobody else."""
        subject = f"{channel.provider}:{code}:{now.date().isoformat()}"
        for recipient in await self._operators(uow, channel.workspace_id):
            await self._tell(uow, _notice(NoticeKind.OPERATOR, channel, recipient, now, subject=subject))

    async def operator_matter_changed(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, now: datetime
    ) -> None:
        """The provider accepts our credentials again: what the operator was told is edited."""
        notices = await uow.notices.of_subject(workspace_id, f"{provider}:")
        await self.changed(uow, [n for n in notices if n.ts or n.nonce], now=now)

    async def _operators(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> tuple[UserId, ...]:
        if self._core.policy.operators:
            return tuple(sorted(self._core.policy.operators))
        return tuple(p.id for p in await self.super_admins(uow, workspace_id))

    async def super_admins(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> tuple[Person, ...]:
        people = await uow.people.of_workspace(workspace_id)
        return super_admins_among(people, fixed=self._core.policy.super_admins)

    async def ask_about_owner(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """A personal inbox has lost its owner: the super admins see whose it was and what they can do."""
        for admin in await self.super_admins(uow, channel.workspace_id):
            notice = _notice(NoticeKind.OWNER_GONE, channel, admin.id, now, subject=channel.id)
            await self._tell(uow, notice)

    async def answered_about_owner(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """Somebody decided what becomes of an inbox without an owner: the others see that."""
        notices = await uow.notices.of_channel(channel.id, NoticeKind.OWNER_GONE)
        await self.changed(uow, notices, now=now)

    # --- bringing it to Slack

    async def changed(self, uow: UnitOfWork, notices: Iterable[Notice], *, now: datetime) -> None:
        """These notices must be shown anew."""
        kept = tuple(notices)
        await uow.notices.bump([notice.id for notice in kept])
        for notice in kept:
            await self._deliver(uow, notice, now)

    async def _tell(self, uow: UnitOfWork, notice: Notice) -> None:
        if await uow.notices.add(notice):
            await self._deliver(uow, notice, notice.created_at or self._core.clock())

    async def _deliver(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"dm:{notice.workspace_id}:{notice.recipient}",
                kind=JobKind.DELIVER_NOTICE,
                dedupe=f"deliver:{notice.id}",
                due_at=now,
                created_at=now,
                payload={"notice": notice.id},
            )
        )
        self._core.wake()


def lane_of_identity(grant: Grant) -> str:
    """The lane, and the lock, of everything that gives or takes access of one account at a provider."""
    return f"identity:{grant.identity.provider}:{grant.identity.subject}"


def _notice(
    kind: NoticeKind,
    channel: Channel,
    recipient: UserId,
    now: datetime,
    *,
    incident: Incident | None = None,
    grant_id: GrantId | None = None,
    subject: str = "",
    actor: UserId | None = None,
) -> Notice:
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=channel.workspace_id,
        recipient=recipient,
        kind=kind,
        channel_id=channel.id,
        incident_id=incident.id if incident else None,
        grant_id=grant_id,
        subject=subject or (f"by:{actor}:{now.isoformat()}" if actor else ""),
        created_at=now,
    )


def _concerned(channel: Channel, actor: UserId | None) -> tuple[UserId, ...]:
    """The owner (or who connected it) and whoever did it, each once."""
    people = (channel.owner_id or channel.connected_by, actor)
    return tuple(dict.fromkeys(person for person in people if person))


def _owner(channel: Channel) -> UserId:
    return channel.owner_id or channel.connected_by
