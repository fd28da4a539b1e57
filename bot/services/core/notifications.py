"""Who must see what: notices, and the jobs that bring them to Slack.

Everything here is rows in the caller's unit of work. A notice says *that* somebody should see something; what
exactly is decided when it is shown, from what is true then (``bot.services.messaging.notice_models``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.ids import GrantId, JobId, NoticeId, RequestId, UserId, WorkspaceId
from bot.domain.incident import Watched
from bot.domain.job import Job, JobKind
from bot.domain.notice import ALARMS, DELIVERY, SLACK, Notice, NoticeKind, subject_of
from bot.domain.request import Request
from bot.services.core.ports import Core, Rings, new_id
from bot.services.core.roles import roles_in
from storage import UnitOfWork

_log = structlog.get_logger(__name__)
_AFTER: Final = timedelta(milliseconds=1)
_GATHERS: Final = timedelta(seconds=3)
"""Until a mass refusal is told: its first words, which alone notify, name all that is known by then."""
_REFUSED: Final = "refused"


class Notifications:
    """Lets people see something, and see it anew."""

    def __init__(self, core: Rings) -> None:
        self._core = core

    async def tell(self, uow: UnitOfWork, notice: Notice) -> bool:
        """Let somebody see something. ``False`` if they have a notice about it already."""
        return bool(await self.tell_all(uow, (notice,)))

    async def tell_all(self, uow: UnitOfWork, notices: Sequence[Notice]) -> tuple[Notice, ...]:
        """Let many people see something, written in a few statements. Returns the notices of those who had
        none about it yet."""
        told = await uow.notices.add_all(notices)
        await self._deliver(uow, told, self._core.clock())
        return told

    async def changed(self, uow: UnitOfWork, notices: Iterable[Notice], *, now: datetime) -> None:
        """These notices must be shown anew."""
        kept = tuple(notices)
        await uow.notices.bump([notice.id for notice in kept], now)
        posted = [notice for notice in kept if notice.ts is not None]
        await self._edit(uow, posted, now)
        await self._deliver(uow, [notice for notice in kept if notice.ts is None], now)

    async def settled(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, kinds: Iterable[NoticeKind], prefix: str
    ) -> None:
        """What people were told of something is over: what was shown of it is shown anew. ``prefix`` is how
        the subject of those notices begins."""
        told = [it for kind in kinds for it in await uow.notices.of_subject(workspace_id, prefix, kind)]
        await self.changed(uow, [it for it in told if it.ts or it.nonce], now=self._core.clock())

    async def deliver_alone(self, uow: UnitOfWork, notice: Notice, *, now: datetime) -> None:
        """Let a notice have a job of its own, which tries until it gets through."""
        await self._deliver(uow, [notice], now)

    async def home_changed(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, *, actor: UserId | None, now: datetime
    ) -> None:
        """Whoever looks at Home must see it as it is now; whoever did it, even if they look later."""
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

    async def _edit(self, uow: UnitOfWork, posted: Sequence[Notice], now: datetime) -> None:
        """Messages that stand in Slack: one job for all, however many read them."""
        await uow.jobs.hurry([delivery_of(notice.id) for notice in posted], now)
        workspaces = sorted({notice.workspace_id for notice in posted})
        await uow.jobs.put_all([_editing(workspace_id, now) for workspace_id in workspaces])
        self._core.wake()

    async def _deliver(self, uow: UnitOfWork, notices: Sequence[Notice], now: datetime) -> None:
        await uow.jobs.put_all([_delivery(notice, now) for notice in notices])
        self._core.wake()


class Operators:
    """What whoever runs the bot must know: its own credentials, and whom nobody could tell."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    async def tell(
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
        await self._notifications.tell_all(
            uow, [about_us(workspace_id, reader, kind, about, now) for reader in readers]
        )

    async def client_refused(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, code: str, now: datetime
    ) -> None:
        """Our own credentials are broken: said once a day and code to the operator, to nobody else."""
        await uow.meta.add(client_at(provider), _REFUSED)
        about = {"provider": provider, "code": code, "at": now.date().isoformat()}
        await self.tell(uow, workspace_id, NoticeKind.OPERATOR, about=about, now=now)

    async def client_accepted(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, now: datetime
    ) -> None:
        """The provider accepts our credentials again: what the operator was told is edited."""
        await uow.meta.drop(client_at(provider), _REFUSED)
        notices = await uow.notices.of_subject(workspace_id, f"{provider}:")
        await self._notifications.changed(uow, [n for n in notices if n.ts or n.nonce], now=now)

    async def signed_in(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, provider: str, *, now: datetime
    ) -> None:
        """Somebody's sign-in was proven, so our credentials are accepted, whatever was told of them."""
        if await uow.meta.find(client_at(provider)) is not None:
            await self.client_accepted(uow, workspace_id, provider, now=now)

    async def socket_refused(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, *, code: str, now: datetime
    ) -> bool:
        """Slack gives us no connection until somebody changes something: said once, until there is one
        again. ``False`` if it was said before."""
        if not await uow.meta.add(client_at(SLACK), _REFUSED):
            return False
        about = {"provider": SLACK, "code": code, "at": now.isoformat()}
        await self.tell(uow, workspace_id, NoticeKind.OPERATOR, about=about, now=now)
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
                await self._notifications.tell(
                    uow, about_us(notice.workspace_id, operator, notice.kind, notice.about, now)
                )

    async def _untold(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        for incident in await uow.incidents.of_notice(notice.id):
            told = await uow.notices.of_incident(incident.id)
            readers = [one for one in told if one.kind is not NoticeKind.NOBODY_TOLD]
            channel: Watched | None = await uow.channels.find(incident.channel_id)
            channel = channel or await uow.hubspot.find(incident.channel_id)
            if channel is None or any(not reader.unreachable for reader in readers):
                continue
            _log.error("nobody could be told of an outage", incident=incident.id, readers=len(readers))
            before = [one for one in told if one.kind is NoticeKind.NOBODY_TOLD]
            await self._notifications.changed(uow, before, now=now)
            for operator in await self._operators(uow, channel.workspace_id):
                new = a_notice(NoticeKind.NOBODY_TOLD, channel, operator, now, about={"matter": incident.id})
                if await self._notifications.tell(uow, new):
                    await uow.notices.attach([new.id], incident.id)

    async def _unasked(self, uow: UnitOfWork, notice: Notice, now: datetime) -> None:
        """Nobody who could grant a request hears of it: whoever asked must know, too."""
        request = await uow.requests.find(RequestId(notice.about["request"]))
        if request is None or not await is_unheard(uow, request):
            return
        _log.error("nobody could be asked for approval", request=request.id)
        wishes = await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.WISH)
        await self._notifications.changed(uow, wishes, now=now)
        for operator in await self._operators(uow, request.workspace_id):
            await self._notifications.tell(uow, about_request(request, operator, NoticeKind.NOBODY_TOLD, now))

    async def _operators(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> tuple[UserId, ...]:
        if self._core.policy.operators:
            return tuple(sorted(self._core.policy.operators))
        return tuple(p.id for p in (await roles_in(uow, self._core, workspace_id)).super_admins)


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


async def is_unheard(uow: UnitOfWork, request: Request) -> bool:
    """Whether a request waits while none of those who could grant it can be written to."""
    asked = await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.REQUEST)
    return request.is_open and bool(asked) and all(one.unreachable for one in asked)


def _editing(workspace_id: WorkspaceId, now: datetime) -> Job:
    return Job(
        id=JobId(new_id()),
        lane=f"edits:{workspace_id}",
        kind=JobKind.EDIT_NOTICES,
        dedupe=f"edits:{workspace_id}",
        due_at=now,
        created_at=now,
        payload={"workspace": workspace_id},
    )


async def told_of_programs(uow: UnitOfWork, core: Core, workspace_id: WorkspaceId) -> tuple[UserId, ...]:
    """Who hears of the programs that use mailboxes: the super admins; without one, whoever runs the bot."""
    roles = await roles_in(uow, core, workspace_id)
    return tuple(it.id for it in roles.super_admins) or tuple(sorted(core.policy.operators))


def client_at(provider: str) -> str:
    """The fact that a provider has last refused our own credentials, by name."""
    return f"client:{provider}"


def unread_of(workspace_id: WorkspaceId) -> str:
    """The fact that user groups cannot be read, by name."""
    return f"groups:{workspace_id}"


def delivery_of(notice_id: NoticeId) -> str:
    """The key of the job that brings a notice to Slack."""
    return DELIVERY + notice_id


def done_by(actor: UserId, now: datetime) -> dict[str, str]:
    """What a notice says of a person's action."""
    return {"by": actor, "at": now.isoformat()}


_NOTHING: Final[Mapping[str, str]] = {}
_REQUEST_FIELD: Final = {NoticeKind.NOBODY_TOLD: "matter"}


def a_notice(
    kind: NoticeKind,
    channel: Watched,
    recipient: UserId,
    now: datetime,
    *,
    grant_id: GrantId | None = None,
    about: Mapping[str, str] = _NOTHING,
) -> Notice:
    """A notice about ``channel`` for one reader."""
    return Notice(
        id=NoticeId(new_id()),
        workspace_id=channel.workspace_id,
        recipient=recipient,
        kind=kind,
        channel_id=channel.id,
        grant_id=grant_id,
        subject=subject_of(kind, about),
        created_at=now,
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
