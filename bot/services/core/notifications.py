"""Who must see what: incidents, notices and the jobs that bring them to Slack.

Everything here is rows in the caller's unit of work. A notice says *that* somebody should see
something; what exactly is decided when it is shown, from what is true then (``bot.notifier``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.access import Operation, Person
from bot.domain.channel import Channel
from bot.domain.grant import Grant, MailboxIdentity, Phase, Revocation
from bot.domain.history import HistoryEntry
from bot.domain.ids import GrantId, JobId, NoticeId, RequestId, UserId, WorkspaceId
from bot.domain.incident import Incident, Watched
from bot.domain.job import Job, JobKind
from bot.domain.lifecycle import Signal
from bot.domain.notice import ALARMS, SLACK, Notice, NoticeKind, subject_of
from bot.domain.request import Request, RequestState
from bot.domain.ticket import OUTCOME_LASTS, SWITCHED_MEANWHILE, OutcomeKind, Ticket, TicketOutcome
from bot.services.core.ports import Core, new_id
from bot.services.core.roles import roles_in
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

_ANNOUNCED: Final = {
    Signal.REMOVE_ASKED: NoticeKind.REMOVED,
    Signal.SWITCH_PROVEN: NoticeKind.SWITCHED,
    Signal.DISABLE_ASKED: NoticeKind.DISABLED,
}
"""What is said of what a person did on purpose."""
_AFTER: Final = timedelta(milliseconds=1)
_GATHERS: Final = timedelta(seconds=3)
"""Until a mass refusal is told: its first words, which alone notify, name all that is known by then."""


class Notifications:
    """Opens, resolves and announces."""

    def __init__(self, core: Core) -> None:
        self._core = core

    # --- what a person did

    async def announce(
        self,
        uow: UnitOfWork,
        channel: Channel,
        signal: Signal,
        *,
        grant_id: GrantId | None,
        actor: UserId | None,
        now: datetime,
    ) -> None:
        """Tell those concerned what somebody did on purpose: once, without reminders. Whoever did it hears of
        the provider's side, too."""
        kind = _ANNOUNCED[signal]
        readers = dict.fromkeys([*await self._concerned(uow, channel), *([actor] if actor else [])])
        has_sides = kind is not NoticeKind.DISABLED
        of_grant = grant_id if has_sides else None
        about = {"to": channel.identity.family, **(done_by(actor, now) if actor else {})}
        for reader in readers:
            if has_sides or reader != actor:
                await self.tell(uow, a_notice(kind, channel, reader, now, grant_id=of_grant, about=about))

    async def _concerned(self, uow: UnitOfWork, channel: Channel) -> tuple[UserId, ...]:
        """Its owner; for a team address everybody who would be told of an outage."""
        roles = await roles_in(uow, self._core, channel.workspace_id)
        return roles.audience(channel)

    async def connected(
        self,
        uow: UnitOfWork,
        channel: Channel,
        *,
        recipient: UserId,
        ending: OutcomeKind,
        now: datetime,
        turned_alarm: bool = False,
    ) -> None:
        """The lasting word on a consent that went well, should the modal be closed by then. An alarm that
        turned to that says enough, unless a permission is missing."""
        if turned_alarm and not await self._lacks_something(uow, channel):
            return
        notice = a_notice(
            NoticeKind.CONNECTED,
            channel,
            recipient,
            now,
            grant_id=channel.grant_id,
            about={"ending": ending.value},
        )
        await self.tell(uow, notice)
        if ending in {OutcomeKind.CONNECTED, OutcomeKind.RESTORED}:
            await self._tell_addressee(uow, channel, connected_by=recipient, now=now)

    async def sees_alarm(self, uow: UnitOfWork, channel: Channel, reader: UserId) -> bool:
        """Whether a message of theirs is about the outage of ``channel``, and turns to what becomes of it."""
        incident = await uow.incidents.open_of(channel.id)
        told = await uow.notices.of_incident(incident.id) if incident else ()
        alarms = [one for one in told if one.recipient == reader and one.kind is NoticeKind.INCIDENT]
        return any((one.ts or one.nonce) and not one.unreachable for one in alarms)

    async def _lacks_something(self, uow: UnitOfWork, channel: Channel) -> bool:
        granted = await uow.grants.granted_of(channel.grant_id) if channel.grant_id else None
        return granted is not None and bool(self._core.policy.features.lacking(channel.provider, granted))

    async def _tell_addressee(
        self, uow: UnitOfWork, channel: Channel, *, connected_by: UserId, now: datetime
    ) -> None:
        """Somebody connected an address that Slack knows as another person's: that person hears of it."""
        person = await uow.people.by_email(channel.workspace_id, channel.address)
        if person is None or person.id == connected_by:
            return
        about = done_by(connected_by, now)
        await self.tell(uow, a_notice(NoticeKind.SOMEBODY_ELSE, channel, person.id, now, about=about))

    async def home_changed(
        self, uow: UnitOfWork, channel: Watched, *, actor: UserId | None, now: datetime
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

    async def taken_over(
        self, uow: UnitOfWork, before: Channel, after: Channel, *, actor: UserId, now: datetime
    ) -> None:
        """A personal inbox has become a team address: its owner is told, its history says who did it."""
        await uow.history.add(
            HistoryEntry(
                after.workspace_id, after.id, now, "taken_over", actor, {"owner": before.owner_id or ""}
            )
        )
        if before.owner_id and before.owner_id != actor:
            about = done_by(actor, now)
            notice = a_notice(NoticeKind.TAKEN_OVER, after, before.owner_id, now, about=about)
            await self.tell(uow, notice)

    async def confirmed(self, uow: UnitOfWork, channel: Channel, ticket: Ticket) -> None:
        """A super admin has said that this account receives the address: who, when, and which account."""
        await uow.history.add(
            HistoryEntry(
                workspace_id=channel.workspace_id,
                channel_id=channel.id,
                at=ticket.created_at,
                what="via_confirmed",
                actor=ticket.user_id,
                details={"via": ticket.via},
            )
        )

    async def host_renamed(
        self, uow: UnitOfWork, channel: Channel, identity: MailboxIdentity, ticket: Ticket
    ) -> None:
        """Somebody has said that its mail host goes by another name now: who, when, from which to which."""
        await uow.history.add(
            HistoryEntry(
                workspace_id=channel.workspace_id,
                channel_id=channel.id,
                at=ticket.created_at,
                what="host_renamed",
                actor=ticket.user_id,
                details={"left": channel.identity.tenant, "provider": identity.tenant},
            )
        )

    async def request_changed(self, uow: UnitOfWork, request: Request, *, now: datetime) -> None:
        """Everybody who was asked, and whoever asked, sees what came of it."""
        for kind in (NoticeKind.REQUEST, NoticeKind.WISH, NoticeKind.NOBODY_TOLD):
            await self.changed(
                uow, await uow.notices.of_subject(request.workspace_id, request.id, kind), now=now
            )

    async def end_requests(
        self,
        uow: UnitOfWork,
        channel: Channel,
        state: RequestState,
        *,
        now: datetime,
        operations: Collection[Operation] = tuple(Operation),
    ) -> None:
        """What was asked for has come about, or makes no sense any more: nobody needs to answer it, or to go
        on with it."""
        for request in await uow.requests.unfinished_of(channel.id, operations):
            was = request.state
            await uow.requests.answer(request.id, state, by=None, at=now, was=was)
            await self.request_changed(uow, request, now=now)

    async def void_tickets_elsewhere(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """The channel has been switched: who is on the way to its former provider finds that said, in the
        browser and in the modal that waits."""
        for ticket in await uow.tickets.void_elsewhere(channel.id, channel.provider):
            outcome = TicketOutcome(ticket, OutcomeKind.NOT_POSSIBLE, now, code=SWITCHED_MEANWHILE)
            await self.keep_outcome(uow, outcome)

    async def keep_outcome(self, uow: UnitOfWork, outcome: TicketOutcome) -> None:
        """Keep it for a reload, and let the waiting modal turn to it."""
        ticket, now = outcome.ticket, outcome.at
        await uow.tickets.keep(outcome, now + OUTCOME_LASTS)
        if not ticket.view_id:
            return
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"view:{ticket.view_id}",
                kind=JobKind.CLOSE_VIEW,
                dedupe=f"view:{ticket.id}",
                due_at=now,
                created_at=now,
                payload={"ticket": ticket.id, "view": ticket.view_id},
            )
        )
        self._core.wake()

    # --- giving back

    async def give_back(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """Retire a grant and let it be returned to the provider, as rule 9 allows at that moment."""
        grant = await uow.grants.find(grant_id)
        if grant is None or grant.phase is Phase.RETIRED:
            return
        by_us = self._core.providers.traits_of(grant.provider).revokes
        asked = Revocation.REQUESTED if by_us else Revocation.BY_HAND
        await uow.grants.set_phase(grant_id, Phase.RETIRED, now)
        await uow.grants.set_revocation(grant_id, asked, now)
        await self.ask_revocation(uow, grant, now=now)

    async def drop(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> bool:
        """Retire a grant that was never used: returned where we can, else forgotten here at once, since
        no message follows what becomes of it. Whether what was allowed stays at the provider."""
        grant = await uow.grants.find(grant_id)
        if grant is None:
            return False
        if self._core.providers.traits_of(grant.provider).revokes:
            await self.give_back(uow, grant_id, now=now)
            return await uow.grants.in_use(grant.signer) > 0
        await uow.grants.set_phase(grant_id, Phase.RETIRED, now)
        await uow.grants.set_revocation(grant_id, Revocation.NOT_CONFIRMED, now)
        await uow.grants.erase(grant_id)
        return True

    async def ask_revocation(
        self, uow: UnitOfWork, grant: Grant, *, now: datetime, by_person: bool = False
    ) -> None:
        """Put the revocation on its lane: one at a time per mailbox identity. ``by_person`` says that
        somebody waits for a look."""
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=lane_of_identity(grant),
                kind=JobKind.REVOKE_GRANT,
                dedupe=f"revoke:{grant.id}",
                due_at=now,
                created_at=now,
                payload={"grant": grant.id, **({"by_person": "yes"} if by_person else {})},
            )
        )
        self._core.wake()

    async def fate_changed(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """What is known of a grant has changed: the messages that tell it follow."""
        await self.changed(uow, await uow.notices.of_grant(grant_id), now=now)

    async def replaced(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """``channel``'s grant is about to be replaced: what was said of permissions that it lacks is then
        true no more."""
        if channel.grant_id is not None and await self._lacks_something(uow, channel):
            await self.fate_changed(uow, channel.grant_id, now=now)

    # --- the operator

    async def tell_operator(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, code: str, now: datetime
    ) -> None:
        """Our own credentials are broken: said once a day and code to the operator, to nobody else."""
        await uow.meta.add(client_at(provider), _REFUSED)
        about = {"provider": provider, "code": code, "at": now.date().isoformat()}
        await self.tell_operators(uow, workspace_id, NoticeKind.OPERATOR, about=about, now=now)

    async def tell_operators(
        self,
        uow: UnitOfWork,
        workspace_id: WorkspaceId,
        kind: NoticeKind,
        *,
        about: Mapping[str, str],
        now: datetime,
    ) -> None:
        """Whoever runs the bot sees something that is about no channel in particular."""
        readers = await self._operators(uow, workspace_id)
        await self.tell_all(uow, [about_us(workspace_id, reader, kind, about, now) for reader in readers])

    async def operator_matter_changed(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, now: datetime
    ) -> None:
        """The provider accepts our credentials again: what the operator was told is edited."""
        await uow.meta.drop(client_at(provider), _REFUSED)
        notices = await uow.notices.of_subject(workspace_id, f"{provider}:")
        await self.changed(uow, [n for n in notices if n.ts or n.nonce], now=now)

    async def signed_in(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, now: datetime
    ) -> None:
        """Somebody's sign-in was proven, so our credentials are accepted, whatever was told of them."""
        if await uow.meta.find(client_at(provider)) is not None:
            await self.operator_matter_changed(uow, workspace_id, provider, now=now)

    async def socket_refused(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, *, code: str, now: datetime
    ) -> bool:
        """Slack gives us no connection until somebody changes something: said once, until there is one
        again. ``False`` if it was said before."""
        if not await uow.meta.add(client_at(SLACK), _REFUSED):
            return False
        about = {"provider": SLACK, "code": code, "at": now.isoformat()}
        await self.tell_operators(uow, workspace_id, NoticeKind.OPERATOR, about=about, now=now)
        return True

    async def could_not_tell(self, uow: UnitOfWork, notice: Notice, *, now: datetime) -> None:
        """A reader cannot be reached. If that was the last one, the operator must know."""
        match notice.kind:
            case (
                NoticeKind.INCIDENT
                | NoticeKind.CONVERSATION
                | NoticeKind.HUBSPOT
                | NoticeKind.HUBSPOT_CONVERSATION
            ):
                await self._untold(uow, notice, now)
            case NoticeKind.REQUEST:
                await self._unasked(uow, notice, now)
            case NoticeKind.HOLD | NoticeKind.HUBSPOT_HOLD:
                await self._unheard(uow, notice, now)

    async def _unheard(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        """A mass refusal that no reader can be told of: the operator reads the same message."""
        told = await uow.notices.of_subject(notice.workspace_id, notice.subject, notice.kind)
        if any(not one.unreachable for one in told):
            return
        _log.error("nobody could be told of a mass refusal", readers=len(told))
        readers = {one.recipient for one in told}
        for operator in await self._operators(uow, notice.workspace_id):
            if operator not in readers:
                await self.tell(uow, about_us(notice.workspace_id, operator, notice.kind, notice.about, now))

    async def _untold(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        for incident in await uow.incidents.of_notice(notice.id):
            told = await uow.notices.of_incident(incident.id)
            readers = [one for one in told if one.kind is not NoticeKind.NOBODY_TOLD]
            channel: Watched | None = await uow.channels.find(incident.channel_id)
            channel = channel or await uow.hubspot.find(incident.channel_id)
            if channel is None or any(not reader.unreachable for reader in readers):
                continue
            _log.error("nobody could be told of an outage", incident=incident.id, readers=len(readers))
            for operator in await self._operators(uow, channel.workspace_id):
                new = a_notice(NoticeKind.NOBODY_TOLD, channel, operator, now, about={"matter": incident.id})
                if await self.tell(uow, new):
                    await uow.notices.attach([new.id], incident.id)

    async def _unasked(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        """Nobody who could grant a request hears of it: whoever asked must know, too."""
        request = await uow.requests.find(RequestId(notice.about["request"]))
        if request is None or not await self.is_unheard(uow, request):
            return
        _log.error("nobody could be asked for approval", request=request.id)
        wishes = await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.WISH)
        await self.changed(uow, wishes, now=now)
        for operator in await self._operators(uow, request.workspace_id):
            await self.tell(uow, about_request(request, operator, NoticeKind.NOBODY_TOLD, now))

    async def is_unheard(self, uow: UnitOfWork, request: Request) -> bool:
        """Whether a request waits while none of those who could grant it can be written to."""
        asked = await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.REQUEST)
        return request.is_open and bool(asked) and all(one.unreachable for one in asked)

    async def _operators(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> tuple[UserId, ...]:
        if self._core.policy.operators:
            return tuple(sorted(self._core.policy.operators))
        return tuple(p.id for p in await self.super_admins(uow, workspace_id))

    async def super_admins(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> tuple[Person, ...]:
        """The super admins as they are now."""
        return (await roles_in(uow, self._core, workspace_id)).super_admins

    async def ask_about_owner(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """A personal inbox has lost its owner: the super admins see whose it was and what they can do."""
        about = {"channel": channel.id, "version": str(channel.version)}
        # Who came back and leaves again is asked about again
        for admin in await self.super_admins(uow, channel.workspace_id):
            await self.tell(uow, a_notice(NoticeKind.OWNER_GONE, channel, admin.id, now, about=about))

    async def answered_about_owner(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """Somebody decided what becomes of an inbox that people were asked about: they see that."""
        for kind in (NoticeKind.OWNER_GONE, NoticeKind.SOMEBODY_ELSE, NoticeKind.DELEGATE_GONE):
            await self.changed(uow, await uow.notices.of_channel(channel.id, kind), now=now)

    # --- bringing it to Slack

    async def changed(self, uow: UnitOfWork, notices: Iterable[Notice], *, now: datetime) -> None:
        """These notices must be shown anew."""
        kept = tuple(notices)
        await uow.notices.bump([notice.id for notice in kept])
        await self._deliver(uow, kept, now)

    async def tell(self, uow: UnitOfWork, notice: Notice) -> bool:
        """Let somebody see something. ``False`` if they have a notice about it already."""
        return bool(await self.tell_all(uow, (notice,)))

    async def tell_all(self, uow: UnitOfWork, notices: Sequence[Notice]) -> tuple[Notice, ...]:
        """Let many people see something, written in a few statements. Returns the notices of those who had
        none about it yet."""
        told = await uow.notices.add_all(notices)
        await self._deliver(uow, told, self._core.clock())
        return told

    async def _deliver(self, uow: UnitOfWork, notices: Sequence[Notice], now: datetime) -> None:
        await uow.jobs.put_all([_delivery(notice, now) for notice in notices])
        self._core.wake()


def _is_first_of_hold(notice: Notice) -> bool:
    return notice.kind is NoticeKind.HOLD and notice.ts is None and notice.nonce is None


def _delivery(notice: Notice, now: datetime) -> Job:
    return Job(
        id=JobId(new_id()),
        lane=f"dm:{notice.workspace_id}:{notice.recipient}",
        kind=JobKind.RAISE_ALARM if notice.kind in ALARMS else JobKind.DELIVER_NOTICE,
        dedupe=delivery_of(notice.id),
        # A reply comes after the edit of the message that it belongs to.
        due_at=now + (_AFTER if notice.thread_of else _GATHERS if _is_first_of_hold(notice) else timedelta()),
        created_at=now,
        payload={"notice": notice.id},
    )


_REFUSED: Final = "refused"


def client_at(provider: str) -> str:
    """The fact that a provider has last refused our own credentials, by name."""
    return f"client:{provider}"


def unread_of(workspace_id: WorkspaceId) -> str:
    """The fact that user groups cannot be read, by name."""
    return f"groups:{workspace_id}"


def delivery_of(notice_id: NoticeId) -> str:
    """The key of the job that brings a notice to Slack."""
    return f"deliver:{notice_id}"


def lane_of_identity(grant: Grant) -> str:
    """The lane, and the lock, of everything that gives or takes access of one account at a provider."""
    return f"identity:{grant.provider}:{grant.signer.subject}"


def done_by(actor: UserId, now: datetime) -> dict[str, str]:
    """What a notice says of a person's deed."""
    return {"by": actor, "at": now.isoformat()}


_NOTHING: Final[Mapping[str, str]] = {}
_REQUEST_FIELD: Final = {NoticeKind.NOBODY_TOLD: "matter"}


def a_notice(
    kind: NoticeKind,
    channel: Watched,
    recipient: UserId,
    now: datetime,
    *,
    incident: Incident | None = None,
    grant_id: GrantId | None = None,
    about: Mapping[str, str] = _NOTHING,
    thread_of: NoticeId | None = None,
) -> Notice:
    """A notice about ``channel`` for one reader; a reply if ``thread_of`` names another notice."""
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=channel.workspace_id,
        recipient=recipient,
        kind=kind,
        channel_id=channel.id,
        incident_id=incident.id if incident else None,
        grant_id=grant_id,
        subject=subject_of(kind, about),
        created_at=now,
        thread_of=thread_of,
    )


def about_us(
    workspace_id: WorkspaceId, recipient: UserId, kind: NoticeKind, about: Mapping[str, str], now: datetime
) -> Notice:
    """A notice about the bot itself, for whoever runs it."""
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=workspace_id,
        recipient=recipient,
        kind=kind,
        channel_id=None,
        subject=subject_of(kind, about),
        created_at=now,
    )


def about_request(request: Request, recipient: UserId, kind: NoticeKind, now: datetime) -> Notice:
    """A notice about what somebody wishes for."""
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=request.workspace_id,
        recipient=recipient,
        kind=kind,
        channel_id=request.requested_change.channel_id,
        subject=subject_of(kind, {_REQUEST_FIELD.get(kind, "request"): request.id}),
        created_at=now,
    )
